/* SPDX-License-Identifier: ISC */
/* test_recall.c - what scripts did before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deliver/recall.h"
#include "scratch.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

enum { NOW = 1000000 };

static char dir_name[64];
static int dir;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir_name, "/tmp/merpati-recall-XXXXXX");
	if (!mkdtemp(dir_name))
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY);
	return dir >= 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	close(dir);
	scratch_remove(dir_name);
	return 0;
}

static struct recall_slot
slot_of(const char *text, int64_t until)
{
	return (struct recall_slot){
	    .key = recall_key_of(RECALL_ANSWERED, span_of(text), SPAN("")),
	    .until_sec = until,
	    .since_sec = NOW,
	    .id = {{1, 2, 3}}};
}

static void
test_keys(void **state)
{
	struct recall_key a = recall_key_of(RECALL_ANSWERED, SPAN("a"), SPAN("bc")),
			  b = recall_key_of(RECALL_ANSWERED, SPAN("ab"), SPAN("c")),
			  c = recall_key_of(RECALL_SEEN, SPAN("a"), SPAN("bc"));
	(void)state;
	assert_memory_not_equal(a.b, b.b, sizeof a.b);
	assert_memory_not_equal(a.b, c.b, sizeof a.b);
}

static void
test_once(void **state)
{
	struct recall_slot s = slot_of("x", NOW + 100), found;
	(void)state;
	assert_int_equal(recall_find(dir, s.key, NOW, &found), E_MORE);
	assert_int_equal(recall_claim(dir, &s, NOW, true), E_OK);
	assert_int_equal(recall_claim(dir, &s, NOW, true), E_BAD);
	assert_int_equal(recall_find(dir, s.key, NOW, &found), E_OK);
	assert_int_equal(found.until_sec, NOW + 100);
	assert_int_equal(found.since_sec, NOW);
	assert_true(file_id_eq(found.id, s.id));
	/* its time is over */
	assert_int_equal(recall_find(dir, s.key, NOW + 100, &found), E_MORE);
	assert_int_equal(recall_claim(dir, &s, NOW + 100, false), E_OK);
	/* put replaces what is there */
	s.until_sec = NOW + 500;
	assert_int_equal(recall_put(dir, &s, NOW), E_OK);
	assert_int_equal(recall_find(dir, s.key, NOW + 400, &found), E_OK);
}

/* So many that buckets are full: what is over soonest is forgotten, the last one never. */
static void
test_many(void **state)
{
	struct stat st;
	struct recall_slot found, keep = slot_of("keep", NOW + 1000000);
	(void)state;
	assert_int_equal(recall_put(dir, &keep, NOW), E_OK);
	for (unsigned i = 0; i < 3 * RECALL_BUCKETS * RECALL_BUCKET_SLOTS / 2; i++) {
		char text[16];
		snprintf(text, sizeof text, "%u", i);
		struct recall_slot s = slot_of(text, NOW + 100 + i);
		assert_int_equal(recall_claim(dir, &s, NOW, false), E_OK);
		assert_int_equal(recall_find(dir, s.key, NOW, &found), E_OK);
	}
	assert_int_equal(recall_find(dir, keep.key, NOW, &found), E_OK);
	assert_int_equal(fstatat(dir, "recall", &st, 0), 0);
	assert_true(
	    st.st_size <= RECALL_BUCKETS * RECALL_BUCKET_SLOTS * RECALL_SLOT_BYTES);
}

/* What is damaged is free; what is no file of ours is neither read nor written. */
static void
test_damage(void **state)
{
	struct recall_slot found, s = slot_of("x", NOW + 100);
	(void)state;
	assert_int_equal(recall_claim(dir, &s, NOW, false), E_OK);
	scratch_spoil(dir_name);
	assert_int_equal(recall_find(dir, s.key, NOW, &found), E_MORE);
	assert_int_equal(recall_claim(dir, &s, NOW, false), E_OK);
	assert_int_equal(recall_find(dir, s.key, NOW, &found), E_OK);
	assert_int_equal(unlinkat(dir, "recall", 0), 0);
	assert_int_equal(symlinkat("other", dir, "recall"), 0);
	assert_int_equal(recall_claim(dir, &s, NOW, false), E_IO);
	assert_int_equal(recall_find(dir, s.key, NOW, &found), E_IO);
	assert_int_not_equal(faccessat(dir, "other", F_OK, 0), 0);
	assert_int_equal(unlinkat(dir, "recall", 0), 0);
	assert_int_equal(mkfifoat(dir, "recall", 0600), 0);
	assert_int_equal(recall_claim(dir, &s, NOW, false), E_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), TEST(test_once),
	    TEST(test_many), TEST(test_damage)};
	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
