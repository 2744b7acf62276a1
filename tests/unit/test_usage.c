/* SPDX-License-Identifier: ISC */
/*
 * test_usage.c - what the keeper wrote and what placers add, as the verdict on a recipient sees
 * them.
 */
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
#include <sys/wait.h>
#include <unistd.h>

#include "account/usage.h"
#include "base/buf.h"
#include "scratch.h"

enum { EACH_ADDS = 500 };

static void
write_file(const char *name, const char *text, size_t n)
{
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
placed_check(uint64_t bytes, uint64_t messages)
{
	struct usage u = placed_read(AT_FDCWD, "placed");
	assert_int_equal(u.bytes, bytes);
	assert_int_equal(u.messages, messages);
}

static void
test_sums(void **st)
{
	static const struct {
		struct usage sum, noted, placed, now;
	} rows[] = {
	    {{0, 0}, {0, 0}, {0, 0}, {0, 0}},
	    {{0, 0}, {0, 0}, {700, 2}, {700, 2}},       /* nobody ever logged in */
	    {{1000, 5}, {700, 2}, {700, 2}, {1000, 5}}, /* all was taken in */
	    {{1000, 5}, {700, 2}, {750, 3}, {1050, 6}},
	    {{0, 0}, {700, 2}, {750, 3}, {50, 1}},    /* and deleted */
	    {{1000, 5}, {700, 2}, {0, 0}, {1000, 5}}, /* placed was lost */
	    {{1000, 5}, {700, 2}, {800, 1}, {1100, 5}},
	    {{1, 1}, {0, 0}, {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}},
	};

	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct usage_noted u = {.sum = rows[i].sum, .noted = rows[i].noted};
		struct usage now = usage_now(&u, rows[i].placed);
		if (now.bytes != rows[i].now.bytes ||
		    now.messages != rows[i].now.messages)
			fail_msg("row %zu: %llu %llu", i, (unsigned long long)now.bytes,
			    (unsigned long long)now.messages);
	}
}

static void
test_usage_file(void **st)
{
	static const struct {
		const char *text;
		struct usage_noted want;
		int err;
	} rows[] = {
	    {"1 2 3 4 5 6\n", {{1, 2}, {3, 4}, {5, 6}, {0, 0}}, E_OK},
	    {"1 2 3 4 5 6 7 8\n", {{1, 2}, {3, 4}, {5, 6}, {7, 8}}, E_OK},
	    {"1 2 3 4\n", {{1, 2}, {3, 4}, {0, 0}, {0, 0}}, E_OK},
	    {"18446744073709551615 0 18446744073709551615 1 18446744073709551615 "
	     "18446744073709551615 1 18446744073709551615\n",
		{{UINT64_MAX, 0}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX},
		    {1, UINT64_MAX}},
		E_OK},
	    {"1 2\n", {{1, 2}, {0, 0}, {0, 0}, {0, 0}}, E_OK},
	    {"1\n", {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, E_BAD},
	    {"full\n", {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, E_BAD},
	    {"", {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, E_BAD},
	};
	struct usage_noted got;
	struct buf text = {0};
	(void)st;
	assert_int_equal(usage_read(AT_FDCWD, "usage", &got), E_BAD);
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_file("usage", rows[i].text, strlen(rows[i].text));
		assert_int_equal(usage_read(AT_FDCWD, "usage", &got), rows[i].err);
		assert_memory_equal(&got, &rows[i].want, sizeof got);
	}
	usage_put(&text, &rows[3].want);
	assert_string_equal(buf_cstr(&text), rows[3].text);
	buf_free(&text);
}

static void
test_placed(void **st)
{
	(void)st;
	placed_check(0, 0);
	placed_add(AT_FDCWD, "placed", 5, 1000);
	placed_add(AT_FDCWD, "placed", 5, 24);
	placed_check(1024, 2);
	placed_add(AT_FDCWD, "placed", 0, 5000000000);       /* past 32 bits */
	placed_add(AT_FDCWD, "placed", PLACED_SLOTS + 5, 1); /* the slot of 5 */
	placed_add(AT_FDCWD, "placed", PLACED_SLOTS - 1, 1);
	placed_check(5000001026, 5);
	placed_take_back(AT_FDCWD, "placed", 0, 5000000000);
	placed_check(1026, 4);
	/* lost between the two: not below nothing */
	assert_int_equal(unlink("placed"), 0);
	placed_take_back(AT_FDCWD, "placed", 3, 77);
	placed_check(0, 0);
	placed_add(AT_FDCWD, "placed", 3, 78);
	placed_check(78, 1);
}

/* Placers at once, each in its slot: nothing is lost. */
static void
test_placers(void **st)
{
	int status;
	(void)st;
	for (unsigned slot = 0; slot < 4; slot++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		for (unsigned i = 0; i < EACH_ADDS; i++)
			placed_add(AT_FDCWD, "placed", slot, 3);
		_exit(0);
	}
	while (wait(&status) > 0)
		assert_int_equal(status, 0);
	placed_check(4 * 3 * EACH_ADDS, 4 * EACH_ADDS);
}

/* Their user may put anything there: it counts as nothing, and nobody waits for it. */
static void
test_odd_files(void **st)
{
	char large[PLACED_SLOTS * PLACED_SLOT_BYTES + PLACED_SLOT_BYTES];
	struct usage_noted u;
	struct stat s;
	(void)st;
	memset(large, 1, sizeof large);
	write_file("placed", large, PLACED_SLOT_BYTES + 1);
	placed_check(0, 0);
	write_file("placed", large, sizeof large);
	placed_check(0, 0);
	assert_int_equal(unlink("placed"), 0);
	assert_int_equal(mkfifo("placed", 0600), 0);
	assert_int_equal(mkfifo("usage", 0600), 0);
	placed_add(AT_FDCWD, "placed", 0, 1);
	placed_check(0, 0);
	assert_int_equal(usage_read(AT_FDCWD, "usage", &u), E_BAD);
	assert_int_equal(unlink("placed"), 0);
	assert_int_equal(symlink("elsewhere", "placed"), 0);
	placed_add(AT_FDCWD, "placed", 0, 1);
	placed_check(0, 0);
	assert_int_not_equal(stat("elsewhere", &s), 0);
	assert_int_equal(unlink("placed"), 0);
	assert_int_equal(mkdir("placed", 0700), 0);
	placed_add(AT_FDCWD, "placed", 0, 1);
	placed_check(0, 0);
}

static char dir[64];

static int
setup(void **st)
{
	(void)st;
	strcpy(dir, "/tmp/merpati-test-usage.XXXXXX");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int
teardown(void **st)
{
	(void)st;
	scratch_remove(dir);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_sums), TEST(test_usage_file),
	    TEST(test_placed), TEST(test_placers), TEST(test_odd_files)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
