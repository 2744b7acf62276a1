/* SPDX-License-Identifier: ISC */
/* test_sieve_lists.c - lists of a user: texts, names, what can be no list, files and folders. */
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

#include "base/log.h"
#include "scratch.h"
#include "sieve/lists.h"
#include "sieve/scripts.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static char home_name[64];
static struct sieve_scripts scripts = {.dir = -1};
static struct sieve_lists lists = {.dir = -1};

static int
setup(void **state)
{
	(void)state;
	log_level(LOG_EMERG);
	strcpy(home_name, "/tmp/merpati-lists-XXXXXX");
	if (!mkdtemp(home_name))
		return -1;
	int home = open(home_name, O_RDONLY | O_DIRECTORY);
	int err = sieve_scripts_open(home, true, &scripts);
	close(home);
	return err == E_OK && sieve_lists_open(&scripts, true, &lists) == E_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	sieve_lists_close(&lists);
	sieve_scripts_close(&scripts);
	scratch_remove(home_name);
	return 0;
}

/* ---- texts ---- */

static void
test_texts(void **state)
{
	static const char text[] =
	    "# friends\r\n anna@x.test \t\r\n\n#no@x.test\n@y.test\n"
	    "two words\nlast";

	static const struct {
		const char *value;
		bool is_in;
	} rows[] = {{"anna@x.test", true}, {"ANNA@X.test", true}, {"anna", false},
	    {"no@x.test", false}, {"#no@x.test", false}, {"anybody@Y.test", true},
	    {"a@sub.y.test", false}, {"@y.test", true}, {"y.test", false},
	    {"two words", true}, {"two", false}, {"last", true}, {"", false},
	    {"@", false}, {"# friends", false}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (list_text_has(SPAN(text), span_of(rows[i].value)) != rows[i].is_in)
			fail_msg("%s", rows[i].value);
}

static void
test_names(void **state)
{
	static const char *const good[] = {"a", "Friends-2", "a.b_c"},
				 *const bad[] = {"", ".", "..", ".a", "a/b", "../a",
				     "a b", "a\nb", "\xc3\xa4", "tag:x"};
	char longest[LIST_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(list_name_check(span_of(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(list_name_check(span_of(bad[i])));
	memset(longest, 'a', sizeof longest);
	assert_true(list_name_check(span_make(longest, LIST_NAME_MAX)));
	assert_false(list_name_check(span_make(longest, LIST_NAME_MAX + 1)));
}

/* A text, the line that is wrong in it (0: none), and where members are any text. */
static void
test_check(void **state)
{
	static const struct {
		const char *text;
		unsigned line, any_line;
	} rows[] = {{"", 0, 0}, {"\n\r\n# a <b@c>\n", 0, 0},
	    {"anna@x.test\r\n  ben@x.test\t\n@y.test", 0, 0}, {"two words\n", 0, 0},
	    {"anna@x.test\nAnna <anna@x.test>\n", 2, 0},
	    {"anna@x.test, ben@x.test", 1, 0}, {"@\n", 1, 0}, {"a@\n", 1, 0},
	    {"@@x.test\n", 1, 0}, {"<1@x.test>", 1, 0}, {"\n\n\nanna@x.test ben", 4, 0},
	    {"a\tb\n", 1, 1}, {"a\x7f", 1, 1}, {"# \xff\n\xff\n", 2, 2},
	    {"\xc3\xa4@x.test", 0, 0}, {"\"a b\"@x.test", 0, 0},
	    {"mailto:a@x.test", 1, 0}, {"a\rb", 1, 1},
	    {"\xef\xbb\xbf"
	     "anna@x.test\n",
		1, 1},
	    {"\xef\xbb\xbf\n# a\n", 1, 1}, {"# a\n\xef\xbb\xbf", 0, 0}};

	struct list_wrong wrong;
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int any = 0; any < 2; any++) {
			unsigned line = any ? rows[i].any_line : rows[i].line;
			int err = list_text_check(span_of(rows[i].text), any, &wrong);
			if (err != (line ? E_BAD : E_OK) ||
			    (line && wrong.line != line) || !wrong.what != !line)
				fail_msg(
				    "%s: %d, line %u", rows[i].text, err, wrong.line);
		}
	/* a member of any length, and as many as fit */
	char *text = malloc(LIST_BYTES_MAX + 1);
	assert_non_null(text);
	memset(text, 'a', LIST_BYTES_MAX + 1);
	assert_int_equal(
	    list_text_check(span_make(text, LIST_MEMBER_MAX), false, &wrong), E_OK);
	assert_int_equal(
	    list_text_check(span_make(text, LIST_MEMBER_MAX + 1), false, &wrong),
	    E_BAD);
	memset(text, '\n', LIST_BYTES_MAX + 1);
	assert_int_equal(
	    list_text_check(span_make(text, LIST_BYTES_MAX), false, &wrong), E_OK);
	assert_int_equal(
	    list_text_check(span_make(text, LIST_BYTES_MAX + 1), false, &wrong),
	    E_LIMIT);
	free(text);
}

/* ---- the folder ---- */

static int
put(const char *name, const char *text)
{
	return sieve_list_put(&lists, span_of(name), span_of(text));
}

static void
text_check(const char *name, const char *want)
{
	struct buf b = {0};
	assert_int_equal(sieve_list_read(&lists, span_of(name), &b), E_OK);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static void
test_folder(void **state)
{
	struct arena arena = {0};
	struct sieve_list_row *rows;
	struct stat st;
	size_t n;
	(void)state;
	assert_int_equal(sieve_lists_all(&lists, &arena, &rows, &n), E_OK);
	assert_int_equal(n, 0);
	assert_int_equal(put("friends", "anna@x.test\n# ben\n\n@y.test"), E_OK);
	assert_int_equal(put("a.b", ""), E_OK);
	text_check("friends", "anna@x.test\n# ben\n\n@y.test");
	assert_int_equal(fstatat(lists.dir, "friends", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(put("friends", "carl@x.test\n"), E_OK);
	text_check("friends", "carl@x.test\n");
	assert_int_equal(fstatat(lists.dir, ".new", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(sieve_lists_all(&lists, &arena, &rows, &n), E_OK);
	assert_int_equal(n, 2);
	assert_true(span_eqs(rows[0].name, "a.b") && rows[0].is_read);
	assert_int_equal(rows[0].members, 0);
	assert_true(span_eqs(rows[1].name, "friends") && rows[1].is_read);
	assert_int_equal(rows[1].members, 1);
	assert_int_equal(rows[1].bytes, 12);
	assert_int_equal(sieve_list_delete(&lists, SPAN("friends")), E_OK);
	assert_int_equal(sieve_list_delete(&lists, SPAN("friends")), E_MORE);
	struct buf b = {0};
	assert_int_equal(sieve_list_read(&lists, SPAN("friends"), &b), E_MORE);
	arena_reset(&arena);
}

/* Names that are none, what is no regular file, what is too large, what a crash left. */
static void
test_hostile(void **state)
{
	struct arena arena = {0};
	struct sieve_list_row *rows;
	struct buf b = {.max = LIST_BYTES_MAX};
	size_t n;
	(void)state;
	assert_int_equal(put("../x", "a\n"), E_BAD);
	assert_int_equal(put(".new", "a\n"), E_BAD);
	assert_int_equal(sieve_list_delete(&lists, SPAN("../active")), E_MORE);
	assert_int_equal(sieve_list_read(&lists, SPAN("../active"), &b), E_MORE);
	assert_int_equal(symlinkat("/etc/passwd", lists.dir, "link"), 0);
	assert_int_equal(mkfifoat(lists.dir, "pipe", 0600), 0);
	assert_int_equal(mkdirat(lists.dir, "folder", 0700), 0);
	int fd = openat(lists.dir, "large", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, LIST_BYTES_MAX + 1), 0);
	close(fd);
	close(openat(lists.dir, ".new", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(sieve_list_read(&lists, SPAN("link"), &b), E_IO);
	assert_int_equal(sieve_list_read(&lists, SPAN("pipe"), &b), E_IO);
	assert_int_equal(sieve_list_read(&lists, SPAN("large"), &b), E_LIMIT);
	assert_int_equal(sieve_list_delete(&lists, SPAN("folder")), E_MORE);
	assert_int_equal(sieve_lists_all(&lists, &arena, &rows, &n), E_OK);
	assert_int_equal(n, 1);
	assert_true(span_eqs(rows[0].name, "large") && !rows[0].is_read);
	/* a list takes the place of a link, and writes nothing through it */
	assert_int_equal(put("link", "a@x.test\n"), E_OK);
	text_check("link", "a@x.test\n");
	assert_int_not_equal(put("folder", "a@x.test\n"), E_OK);
	assert_int_equal(faccessat(lists.dir, ".new", F_OK, 0), -1);
	buf_free(&b);
	arena_reset(&arena);
}

static void
test_no_folder(void **state)
{
	struct sieve_scripts none = {.dir = -1};
	struct sieve_lists l;
	struct arena arena = {0};
	struct sieve_list_row *rows;
	struct buf b = {0};
	size_t n = 1;
	(void)state;
	assert_int_equal(sieve_lists_open(&none, false, &l), E_OK);
	assert_int_equal(sieve_lists_all(&l, &arena, &rows, &n), E_OK);
	assert_int_equal(n, 0);
	assert_int_equal(sieve_list_read(&l, SPAN("a"), &b), E_MORE);
	assert_int_equal(sieve_list_delete(&l, SPAN("a")), E_MORE);
	assert_int_equal(sieve_list_put(&l, SPAN("a"), SPAN("")), E_IO);
	sieve_lists_close(&l);
	arena_reset(&arena);
}

static void
test_too_many(void **state)
{
	struct arena arena = {0};
	struct sieve_list_row *rows;
	size_t n;
	char name[16];
	(void)state;
	for (unsigned i = 0; i <= LISTS_SEEN_MAX; i++) {
		snprintf(name, sizeof name, "l%u", i);
		if (i == LISTS_SEEN_MAX - 1)
			assert_int_equal(put("l0", "b@x.test\n"), E_OK);
		if (i == LISTS_SEEN_MAX - 1) /* the last one for which there is room */
			assert_int_equal(put(name, "a@x.test\n"), E_OK);
		if (i == LISTS_SEEN_MAX) {
			assert_int_equal(put(name, "a@x.test\n"), E_LIMIT);
			assert_int_equal(put("l0", "c@x.test\n"), E_OK);
			text_check("l0", "c@x.test\n");
		}
		close(openat(lists.dir, name, O_WRONLY | O_CREAT, 0600));
		if (i + 1 >= LISTS_SEEN_MAX)
			assert_int_equal(sieve_lists_all(&lists, &arena, &rows, &n),
			    i < LISTS_SEEN_MAX ? E_OK : E_LIMIT);
	}
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_check),
	    TEST(test_folder),
	    TEST(test_hostile),
	    TEST(test_no_folder),
	    TEST(test_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
