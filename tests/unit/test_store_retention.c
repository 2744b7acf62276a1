/* SPDX-License-Identifier: ISC */
/* test_store_retention.c - runs of retention in a mailbox: what goes, what does not, in how many steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "retention_of.h"
#include "store/undelete.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)
#define TEST_SHOWN(f) cmocka_unit_test_setup_teardown(f, shown_setup, home_teardown)

enum { DAY = 86400, MANY = 2100 };

static const char address[] = "u@b.test";

static int
shown_setup(void **state)
{
	store_keep(7, "Deleted Messages");
	return home_setup(state);
}

/* What was told, and what happens meanwhile. */
struct heard {
	struct buf text;
	unsigned steps, end_after; /* 0: it is never ended */
	struct home *home;         /* borrow: where a user is at work */
	struct store_view *view;   /* borrow: of his */
	uint32_t flagged;          /* by him, after the first step; 0: none */
	const char *deleted;       /* a folder, the same; NULL: none */
};

static void
on_did(void *ctx, const struct retention_did *d)
{
	struct heard *h = ctx;
	buf_putf(&h->text, "%.*s:%llu/%zu%s ", SPAN_ARG(d->folder),
	    (unsigned long long)d->messages, d->rule, d->said == STORE_DONE ? "" : "!");
}

static bool
goes_on(void *ctx)
{
	struct heard *h = ctx;
	if (++h->steps == 1 && h->flagged)
		assert_int_equal(flags(h->home->b, h->view, h->flagged, h->flagged,
				     STORE_ADD, FLAG_FLAGGED, NULL),
		    STORE_DONE);
	if (h->steps == 1 && h->deleted)
		assert_int_equal(
		    store_mailbox_delete(h->home->b, span_of(h->deleted)), STORE_DONE);
	return !h->end_after || h->steps < h->end_after;
}

/* In so many days. */
static int
run(struct home *home, const char *items, int days, bool is_dry, struct heard *h)
{
	struct retention_of o = retention_of(items, address);
	const struct retention_watch watch = {
	    .ctx = h, .did = on_did, .goes_on = goes_on};
	buf_reset(&h->text);
	h->steps = 0;
	int err = retention_run(
	    home->a, o.rules, clock_wall_sec() + days * DAY, is_dry, &watch);
	retention_of_free(&o);
	return err;
}

static void
run_check(struct home *home, const char *items, int days, const char *want)
{
	struct heard h = {.steps = 0};
	assert_int_equal(run(home, items, days, true, &h), E_OK);
	assert_string_equal(buf_cstr(&h.text), want);
	assert_int_equal(run(home, items, days, false, &h), E_OK);
	assert_string_equal(buf_cstr(&h.text), want);
	buf_free(&h.text);
}

static void
append_dated(struct store *s, const char *mailbox, int64_t date_sec, int64_t saved_sec)
{
	struct incoming in;
	message_begin(s, &in, 1);
	in.date_sec = date_sec;
	in.saved_sec = saved_sec;
	assert_int_equal(
	    store_append(s, span_of(mailbox), &in, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&in);
}

static void
test_ages(void **state)
{
	struct home *h = *state;
	int64_t now = clock_wall_sec();
	append_dated(h->a, "Trash", now - 40 * DAY, now - 2 * DAY);
	append_dated(h->a, "Trash", now - 40 * DAY, now - 31 * DAY);
	append_dated(h->a, "Trash", now - 2 * DAY, now - 31 * DAY);
	run_check(
	    h, "\"folder=\\\\Trash older=30d saved=30d remove\"", 0, "Trash:1/0 ");
	run_check(h, "\"folder=\\\\Trash saved=30d remove\"", 0, "Trash:1/0 ");
	run_check(h, "\"folder=\\\\Trash older=30d remove\"", 0, "Trash:1/0 ");
	run_check(h, "\"older=1d for=other@b.test remove\"", 0, "");
	mailbox_check(h->a, "Trash", 0, 0, 0);
	store_check(h->a);
}

/* A line of what was logged so far that has the text: how many. */
static unsigned
count_lines(int file, const char *event)
{
	char text[4096], *at = text;
	unsigned n = 0;
	ssize_t len = pread(file, text, sizeof text - 1, 0);
	assert_true(len >= 0);
	text[len] = '\0';
	for (; (at = strstr(at, event)); at++)
		n++;
	return n;
}

/* Words of a later version keep all from what is behind them, and each run says so once. */
static void
test_unknown_words(void **state)
{
	struct home *home = *state;
	struct heard h = {.steps = 0};
	const struct retention_watch watch = {
	    .ctx = &h, .did = on_did, .goes_on = goes_on};
	struct retention_of o = retention_of("\"older=2d remove\"", address);
	struct retention *rules =
	    retention_new(o.conf, &(struct retention_own){SPAN("u@b.test"),
				      SPAN("folder=Trash older=2d remove\n"),
				      SPAN("folder=INBOX unread keep\n")});
	char name[] = "/tmp/merpati-test-log.XXXXXX";
	int file = mkstemp(name);
	assert_true(file >= 0);
	unlink(name);
	for (unsigned i = 1; i <= 3; i++) {
		append(home->a, "INBOX", i);
		append(home->a, "Trash", i);
	}
	log_level(LOG_WARNING);
	log_open("test", file, false);
	int err =
	    retention_run(home->a, rules, clock_wall_sec() + 9 * DAY, false, &watch);
	log_open("test", STDERR_FILENO, false);
	log_level(LOG_EMERG);
	assert_int_equal(err, E_OK);
	assert_string_equal(buf_cstr(&h.text), "Trash:3/0 ");
	mailbox_check(home->a, "INBOX", 3, 3, 0);
	assert_int_equal(count_lines(file, "event=retention_unknown"), 1);
	assert_int_equal(count_lines(file, "from=domain rule=1"), 1);
	close(file);
	retention_free(&rules);
	retention_of_free(&o);
	buf_free(&h.text);
}

/* What a run archives it does not look at again. */
static void
test_one_folder_at_a_time(void **state)
{
	static const char rules[] = "\"folder=INBOX older=5d archive=Past\", "
				    "\"folder=Past older=5d archive=Past/Past\", "
				    "\"folder=Past/* older=5d archive=Past/Past\"";
	struct home *h = *state;
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	run_check(h, rules, 10, "INBOX:3/0 ");
	mailbox_check(h->a, "Past", 3, 3, 0);
	run_check(h, rules, 10, "Past:3/1 ");
	mailbox_check(h->a, "Past/Past", 3, 3, 0);
	run_check(h, rules, 10, ""); /* where it belongs */
	store_check(h->a);
}

static void
test_archive_of_the_use(void **state)
{
	struct home *h = *state;
	append_dated(h->a, "INBOX", 1709251200, 0); /* 2024-03-01 */
	append_dated(h->a, "INBOX", 1709164800, 0); /* 2024-02-29 */
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Archive"), SPAN("Old")), STORE_DONE);
	run_check(
	    h, "\"folder=INBOX older=1d archive=\\\\Archive/%Y/%m\"", 0, "INBOX:2/0 ");
	mailbox_check(h->a, "Old/2024/02", 1, 1, 0);
	mailbox_check(h->a, "Old/2024/03", 1, 1, 0);
	append(h->a, "INBOX", 3);
	run_check(
	    h, "\"folder=INBOX older=1d archive=\\\\Important\"", 9, "INBOX:1/0 ");
	mailbox_check(h->a, "Important", 1, 1, 0);
}

static void
test_steps(void **state)
{
	static const char rule[] = "\"folder=INBOX older=5d remove\"";
	struct home *home = *state;
	struct store_view v;
	append_many(home->a, "INBOX", MANY);
	v = selected(home->b, "INBOX");
	struct heard h = {.home = home, .view = &v, .flagged = MANY, .end_after = 2};
	assert_int_equal(run(home, rule, 10, false, &h), E_MORE);
	assert_int_equal(h.steps, 2);
	assert_string_equal(buf_cstr(&h.text), "INBOX:2000/0 ");
	mailbox_check(home->a, "INBOX", MANY - 2000, MANY - 2000, 0);
	h.end_after = h.flagged = 0;
	assert_int_equal(run(home, rule, 10, false, &h), E_OK);
	assert_string_equal(buf_cstr(&h.text), "INBOX:99/0 "); /* he has flagged one */
	mailbox_check(home->a, "INBOX", 1, 1, 0);
	assert_true(v.head->modseq > v.modseq);
	store_unselect(home->b, &v);
	store_check(home->a);
	buf_free(&h.text);
}

/* A flag that is set within the run counts, too. */
static void
test_flagged_meanwhile(void **state)
{
	struct home *home = *state;
	struct store_view v;
	append_many(home->a, "INBOX", MANY);
	v = selected(home->b, "INBOX");
	struct heard h = {.home = home, .view = &v, .flagged = MANY};
	assert_int_equal(
	    run(home, "\"folder=INBOX older=5d archive=Past\"", 10, false, &h), E_OK);
	assert_string_equal(buf_cstr(&h.text), "INBOX:2099/0 ");
	mailbox_check(home->a, "INBOX", 1, 1, 0);
	mailbox_check(home->a, "Past", MANY - 1, MANY - 1, 0);
	store_unselect(home->b, &v);
	buf_free(&h.text);
}

/* What its user removes has nothing any more that could go. */
static void
test_removed_meanwhile(void **state)
{
	static const char *const rules[] = {"\"folder=Past older=5d archive=Older\"",
	    "\"folder=Past older=5d remove\""};
	struct home *home = *state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct heard h = {.home = home, .deleted = "Past"};
		assert_int_equal(
		    store_mailbox_create(home->a, SPAN("Past"), "", NULL), STORE_DONE);
		append_many(home->a, "Past", MANY);
		assert_int_equal(run(home, rules[i], 10, false, &h), E_OK);
		assert_string_equal(buf_cstr(&h.text), "Past:1000/0 ");
		buf_free(&h.text);
	}
	store_check(home->a);
}

/* The view that it was decided by is old by then. */
static void
test_keeper_leaves_flagged(void **state)
{
	struct home *h = *state;
	struct num_range three = {1, 3};
	const struct numset uids = {.ranges = &three, .n = 1};
	struct store_copied c;
	uint64_t messages, bytes;
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(
	    flags(h->a, &v, 2, 2, STORE_ADD, FLAG_FLAGGED, NULL), STORE_DONE);
	assert_int_equal(
	    store_move_unflagged(h->a, v.mailbox, &uids, SPAN("Archive"), &c),
	    STORE_DONE);
	assert_int_equal(numset_count(&c.to), 2);
	numset_free(&c.from);
	numset_free(&c.to);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	append(h->a, "INBOX", 4);
	uint64_t size = v.records[1].size_bytes;
	three.to = 9;
	assert_int_equal(
	    store_expunge_unflagged(h->a, v.mailbox, &uids, &messages, &bytes),
	    STORE_DONE);
	assert_int_equal(messages, 1);
	assert_true(bytes > 0 && bytes < 2 * size);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	assert_int_equal(
	    store_expunge_unflagged(h->a, v.mailbox + 99, &uids, &messages, &bytes),
	    STORE_NONEXISTENT);
	store_unselect(h->a, &v);
	store_check(h->a);
}

/* Below INBOX, in any case: what is there stays there. */
static void
test_archive_in_inbox(void **state)
{
	static const char rule[] = "\"folder=INBOX* older=1d archive=Inbox/%Y\"";
	struct home *h = *state;
	append_dated(h->a, "INBOX", 1709251200, 0); /* 2024-03-01 */
	run_check(h, rule, 0, "INBOX:1/0 ");
	mailbox_check(h->a, "INBOX/2024", 1, 1, 0);
	run_check(h, rule, 0, "");
	store_check(h->a);
}

static void
test_refused(void **state)
{
	struct home *home = *state;
	struct heard h = {.steps = 0};
	append(home->a, "INBOX", 1);
	append(home->a, "Trash", 1);
	assert_int_equal(
	    run(home, "\"folder=\\\\Trash older=5d remove\"", 10, false, &h), E_OK);
	assert_int_equal(
	    run(home, "\"folder=D* older=5d remove\"", 10, false, &h), E_OK);
	assert_string_equal(buf_cstr(&h.text), ""); /* what was deleted is none of it */
	for (int is_dry = 1; is_dry >= 0; is_dry--) {
		assert_int_equal(
		    run(home, "\"folder=INBOX older=5d archive='Deleted Messages'\"",
			10, is_dry, &h),
		    E_BAD);
		assert_string_equal(buf_cstr(&h.text), "INBOX:0/0! ");
		assert_int_equal(
		    run(home, "\"folder=INBOX older=5d archive='Deleted Messages/a'\"",
			10, is_dry, &h),
		    E_BAD);
		assert_string_equal(buf_cstr(&h.text), "INBOX:0/0! ");
	}
	buf_free(&h.text);
}

static void
test_one_run_at_a_time(void **state)
{
	struct home *home = *state;
	struct heard h = {.steps = 0};
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(run(home, "\"older=5d remove\"", 10, false, &h), E_LIMIT);
	close(fd);
	assert_int_equal(run(home, "\"older=5d remove\"", 10, false, &h), E_OK);
	buf_free(&h.text);
}

static void
test_stamp(void **state)
{
	struct retention_stamp s = {1800000000, 0xfedcba9876543210}, got;
	(void)state;
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &got), E_BAD);
	assert_int_equal(retention_stamp_put(&s), E_OK);
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &got), E_OK);
	assert_int_equal(got.when_sec, s.when_sec);
	assert_true(got.digest == s.digest);
	s.when_sec = INT64_MAX;
	assert_int_equal(retention_stamp_put(&s), E_OK);
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &got), E_BAD);
	s.when_sec = -1;
	assert_int_equal(retention_stamp_put(&s), E_OK);
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &got), E_BAD);
	assert_int_equal(unlink(RETENTION_STAMP), 0);
	assert_int_equal(mkfifo(RETENTION_STAMP, 0600), 0); /* nobody waits for it */
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &got), E_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_ages), TEST(test_unknown_words),
	    TEST(test_one_folder_at_a_time), TEST(test_archive_of_the_use),
	    TEST(test_steps), TEST(test_flagged_meanwhile),
	    TEST(test_removed_meanwhile), TEST(test_keeper_leaves_flagged),
	    TEST(test_archive_in_inbox), TEST_SHOWN(test_refused),
	    TEST(test_one_run_at_a_time), TEST(test_stamp)};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
