/* SPDX-License-Identifier: ISC */
/* test_deliver_lists.c - lists that scripts ask about: files of the user, the site, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/lists.c"
#include "scratch.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static char dir_name[64];
static int dir = -1;
static unsigned n_lookups;

/* the role lookup: team has anna, and cannot be asked about zoe now */
int
lookup_member(int *chan, struct span name, struct span value, bool *out)
{
	(void)chan;
	n_lookups++;
	*out = span_eqs(name, "team") && span_ieqs(value, "anna@x.test");
	return span_ieqs(value, "zoe@x.test") ? E_IO : E_OK;
}

int
programs_folder(void)
{
	return dir;
}

static void
write_list(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir_name, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	char path[128];
	(void)state;
	strcpy(dir_name, "/tmp/merpati-lists-XXXXXX");
	if (!mkdtemp(dir_name))
		return -1;
	snprintf(path, sizeof path, "%s/lists", dir_name);
	if (mkdir(path, 0700) != 0)
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY);
	n_lookups = 0;
	return dir >= 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	lists_end();
	close(dir);
	scratch_remove(dir_name);
	return 0;
}

static bool
has(const char *list, const char *value)
{
	return lists_has(NULL, span_of(list), span_of(value));
}

static void
test_of_user(void **state)
{
	(void)state;
	write_list("lists/friends", "anna@x.test\n");
	write_list("secret", "anna@x.test\n");
	assert_int_equal(symlinkat("../secret", dir, "lists/link"), 0);
	assert_int_equal(mkfifoat(dir, "lists/pipe", 0600), 0);
	assert_int_equal(mkdirat(dir, "lists/folder", 0700), 0);
	lists_begin();
	assert_true(lists_exists(NULL, SPAN("friends")));
	assert_true(lists_exists(NULL, SPAN(":addrbook:friends")));
	assert_true(
	    has("friends", "Anna@x.test") && has(":addrbook:friends", "anna@x.test"));
	assert_false(has("friends", "ben@x.test"));
	assert_false(lists_exists(NULL, SPAN("../secret")));
	assert_false(lists_exists(NULL, SPAN(":addrbook:../secret")));
	assert_false(lists_exists(NULL, SPAN("Friends")));
	assert_false(lists_exists(NULL, SPAN("link")));
	/* what is no file is there, and nobody is in it */
	assert_false(has("pipe", "anna@x.test") || has("folder", "anna@x.test"));
	write_list("lists/friends", "ben@x.test\n");
	lists_begin();
	assert_true(has("friends", "ben@x.test"));
	assert_false(has("friends", "anna@x.test"));
}

/* One that is too large, and many that are together: nobody is in them. */
static void
test_large(void **state)
{
	char *text = malloc(LIST_BYTES_MAX + 16), name[32];
	(void)state;
	assert_non_null(text);
	strcpy(text, "anna@x.test\n");
	memset(text + 12, '\n', LIST_BYTES_MAX - 12);
	text[LIST_BYTES_MAX] = '\0';
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "lists/l%u", i);
		write_list(name, text);
	}
	text[LIST_BYTES_MAX] = '\n';
	text[LIST_BYTES_MAX + 1] = '\0';
	write_list("lists/larger", text);
	free(text);
	lists_begin();
	assert_false(has("larger", "anna@x.test"));
	lists_begin();
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "l%u", i);
		assert_int_equal(has(name, "anna@x.test"), i < 4);
	}
	lists_begin();
	assert_true(has("l4", "anna@x.test"));
}

static void
site(const char *setting)
{
	site_add(span_of(setting));
}

static void
test_of_site(void **state)
{
	char file[160];
	struct buf many = {0};
	(void)state;
	write_list("words", "urgent\nfree\n");
	write_list("lists/team", "ben@x.test\n");
	snprintf(file, sizeof file, "words=%s/words", dir_name);
	site("team=all@x.test");
	site(file);
	site("gone=/nowhere/list");
	site("tag:x.test,2024:t=all@x.test");
	lists_begin();
	/* the site's own name comes first; who is in it the role says */
	assert_true(has("team", "anna@x.test"));
	assert_false(has("team", "ben@x.test") || has("team", "zoe@x.test"));
	assert_false(has("team", "no address"));
	assert_int_equal(n_lookups, 3);
	assert_true(has("words", "FREE") && !has("words", "fre"));
	assert_true(lists_exists(NULL, SPAN("gone")) && !has("gone", "x"));
	assert_true(lists_exists(NULL, SPAN("tag:x.test,2024:t")));
	for (unsigned i = 0; i < LISTS_ASKED_MOST + 5; i++)
		assert_int_equal(has("team", "anna@x.test"), i < LISTS_ASKED_MOST - 3);
	assert_int_equal(n_lookups, LISTS_ASKED_MOST);
	lists_begin();
	assert_true(has("team", "anna@x.test"));
	buf_free(&many);
}

static void
members_check(const char *list, int want, size_t n_want, const char *first)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct span *out;
	size_t n;
	assert_int_equal(lists_members(span_of(list), &arena, 3, &out, &n), want);
	if (want == E_OK) {
		assert_int_equal(n, n_want);
		assert_true(span_eqs(out[0], first));
	}
	arena_reset(&arena);
}

static void
test_members(void **state)
{
	(void)state;
	write_list(
	    "lists/three", "a@x.test\n@y.test\nword\nb@x.test\n<c@x.test>\nc@x.test\n");
	write_list("lists/four", "a@x.test\nb@x.test\nc@x.test\nd@x.test\n");
	write_list("lists/none", "word\n");
	site("team=all@x.test");
	lists_begin();
	members_check("three", E_OK, 3, "a@x.test");
	members_check("four", E_LIMIT, 0, NULL);
	members_check("none", E_BAD, 0, NULL);
	members_check("nowhere", E_BAD, 0, NULL);
	members_check("team", E_OK, 1, "all@x.test");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_of_user), TEST(test_large),
	    TEST(test_of_site), TEST(test_members)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
