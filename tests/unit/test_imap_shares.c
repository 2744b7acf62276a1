/* SPDX-License-Identifier: ISC */
/* test_imap_shares.c - who gave anything to whom, as the role shares keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "imapd/shares_index.c"

enum { WRITES = 200 };

static char folder[] = "/tmp/merpati-shares-XXXXXX";
static struct buf path;
/* of every guest here */
static const char groups[] = "staff\nit\n";

static int
setup(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - sizeof "XXXXXX", "XXXXXX");
	assert_non_null(mkdtemp(folder));
	buf_putf(&path, "%s/index", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(buf_cstr(&path));
	rmdir(folder);
	buf_free(&path);
	return 0;
}

static void
give(struct shares_index *x, const char *owner, const char *a, const char *b)
{
	struct buf list = {0};
	if (a)
		buf_bytes(&list, span_of(a));
	if (b)
		buf_bytes(&list, span_of(b));
	shares_index_set(x, span_of(owner), buf_as_span(&list));
	buf_free(&list);
}

static bool
add(void *ctx, struct span owner)
{
	struct buf *b = ctx;
	buf_span(b, owner);
	buf_ch(b, ' ');
	return true;
}

static void
owners_check(struct shares_index *x, const char *guest, const char *want)
{
	struct buf b = {0};
	struct shares_guest who = {.address = span_of(guest), .groups = SPAN(groups)};
	shares_index_each(x, &who, add, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static bool
has(struct shares_index *x, const char *owner, const char *guest)
{
	struct shares_guest who = {.address = span_of(guest), .groups = SPAN(groups)};
	return shares_index_has(x, span_of(owner), &who);
}

static void
test_given(void **state)
{
	struct shares_index *x = shares_index_open(buf_cstr(&path));
	(void)state;
	assert_non_null(x);
	owners_check(x, "a@x.test", "");
	give(x, "o@x.test", "a@x.test", "b@x.test");
	give(x, "p@x.test", "anyone", NULL);
	give(x, "q@y.test", "anyone", "a@x.test"); /* of another domain: nothing */
	give(x, "s@x.test", "group:it", "group:");
	give(x, "t@x.test", "group:i", "group:sta"); /* of other groups */
	give(x, "u@y.test", "group:staff", NULL);    /* and of another domain's */
	give(x, "no name", "anyone", NULL);          /* what is no word is left out */
	give(x, "r@x.test", "a b@x.test", "c@x.test\nz@x.test");
	owners_check(x, "a@x.test", "o@x.test p@x.test s@x.test ");
	owners_check(x, "c@x.test", "p@x.test s@x.test ");
	owners_check(x, "p@x.test", "s@x.test ");
	assert_true(has(x, "s@x.test", "c@x.test"));
	assert_false(has(x, "t@x.test", "c@x.test"));
	give(x, "s@x.test", "group:", NULL);
	assert_true(has(x, "o@x.test", "b@x.test"));
	assert_false(has(x, "o@x.test", "b@x.tes"));
	assert_false(has(x, "o@x.test", "@x.test"));
	assert_false(has(x, "q@y.test", "a@x.test"));
	assert_false(has(x, "nobody@x.test", "a@x.test"));
	assert_false(has(x, "r@x.test", "z@x.test"));
	/* another one sees it, also what comes later, and what is taken away */
	struct shares_index *y = shares_index_open(buf_cstr(&path));
	assert_true(has(y, "o@x.test", "a@x.test"));
	give(x, "o@x.test", "b@x.test", NULL);
	give(y, "p@x.test", NULL, NULL);
	owners_check(y, "a@x.test", "");
	owners_check(x, "b@x.test", "o@x.test ");
	unlink(buf_cstr(&path));
	owners_check(x, "b@x.test", "");
	shares_index_close(&x);
	shares_index_close(&y);
}

/* A file that is mostly void is written anew; half a line is none. */
static void
test_grows(void **state)
{
	struct shares_index *x = shares_index_open(buf_cstr(&path));
	struct stat before, after;
	(void)state;
	for (unsigned i = 0; i < 4000; i++)
		give(x, "owner@x.test", i % 2 ? "a@x.test" : "b@x.test", "c@x.test");
	give(x, "gone@x.test", "a@x.test", NULL);
	give(x, "gone@x.test", NULL, NULL);
	assert_int_equal(stat(buf_cstr(&path), &before), 0);
	shares_index_close(&x);
	int fd = open(buf_cstr(&path), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "half@x.test any", 15), 15);
	close(fd);
	x = shares_index_open(buf_cstr(&path));
	assert_int_equal(stat(buf_cstr(&path), &after), 0);
	assert_true(before.st_size > 100000 && after.st_size < 100);
	owners_check(x, "a@x.test", "owner@x.test ");
	owners_check(x, "b@x.test", "");
	shares_index_close(&x);
}

/* Also while it is open; and one that is longer than a piece is read whole. */
static void
test_is_bounded(void **state)
{
	static char who[300][200];
	struct buf list = {0}, other = {0};
	struct shares_index *x = shares_index_open(buf_cstr(&path));
	struct stat st;
	(void)state;
	for (unsigned i = 0; i < COUNT(who); i++) {
		snprintf(who[i], sizeof who[i], "%0150u@x.test", i);
		buf_bytes(&list, span_of(who[i]));
		if (i)
			buf_bytes(&other, span_of(who[i]));
	}
	for (unsigned i = 0; i < 240; i++) {
		give(x, "small@x.test", "a@x.test", i % 2 ? "b@x.test" : NULL);
		shares_index_set(
		    x, SPAN("o@x.test"), buf_as_span(i % 2 ? &other : &list));
		assert_int_equal(stat(buf_cstr(&path), &st), 0);
		assert_true(st.st_size < INDEX_WASTE_MOST + (1 << 20));
	}
	assert_true(st.st_size > INDEX_PIECE_BYTES);
	struct shares_index *y = shares_index_open(buf_cstr(&path));
	assert_true(has(y, "small@x.test", "b@x.test"));
	assert_true(has(y, "o@x.test", who[299]));
	assert_false(has(y, "o@x.test", who[0]));
	shares_index_close(&x);
	shares_index_close(&y);
	buf_free(&list);
	buf_free(&other);
}

static void
give_many(char prefix, bool is_reopened)
{
	struct shares_index *x = shares_index_open(buf_cstr(&path));
	struct buf list = {0};
	char name[40], long_name[160];
	for (unsigned k = 0; k < 60; k++) {
		snprintf(long_name, sizeof long_name, "%0140u@x.test", k);
		buf_bytes(&list, span_of(long_name));
	}
	for (unsigned i = 0; i < WRITES; i++) {
		snprintf(name, sizeof name, "%c%u@x.test", prefix, i);
		give(x, name, "a@x.test", NULL);
		snprintf(name, sizeof name, "%c@x.test", prefix);
		shares_index_set(
		    x, span_of(name), i % 2 ? SPAN("") : buf_as_span(&list));
		if (is_reopened) { /* which writes it anew, when so much is of no use */
			shares_index_close(&x);
			x = shares_index_open(buf_cstr(&path));
		}
	}
	shares_index_close(&x);
	buf_free(&list);
}

/* At a reload there are two: neither loses what the other one writes while it writes the file anew. */
static void
test_two_writers(void **state)
{
	char name[40];
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		give_many('c', true);
		_exit(0);
	}
	give_many('p', false);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct shares_index *x = shares_index_open(buf_cstr(&path));
	for (unsigned i = 0; i < 2 * WRITES; i++) {
		snprintf(name, sizeof name, "%c%u@x.test", i % 2 ? 'c' : 'p', i / 2);
		assert_true(has(x, name, "a@x.test"));
	}
	shares_index_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_given, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_grows, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_two_writers, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
