/* SPDX-License-Identifier: ISC */
/*
 * test_store_doze.c - sessions that sleep: what wakes who follows the whole account, and what does
 * not; what the next keeper knows of METADATA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/metadata.h"
#include "store/state.h"
#include "store/told.h"
#include "store_home.h"

enum { WAKES_MS = 20000, MANY = 3 * TOLD_KEPT };

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- who follows ---- */

static int
no_row(void *ctx, uint32_t id, const struct store_mailbox *m)
{
	(void)id, (void)m;
	++*(unsigned *)ctx;
	return E_OK;
}

static int
no_name(void *ctx, struct span name)
{
	(void)ctx, (void)name;
	return E_OK;
}

/* Up to where the feed is read by now. */
static uint64_t
followed(struct store *s)
{
	unsigned rows = 0;
	struct store_feed_to to = {.row = no_row, .name = no_name, .ctx = &rows};
	struct store_feed feed;
	struct pollfd p = {.events = POLLIN};
	assert_int_equal(store_feed(s, 0, true, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, WAKES_MS), 1);
	assert_int_equal(store_feed_read(s, &to, &feed), E_OK);
	assert_true(feed.is_whole && rows > 0);
	store_feed_end(s);
	return feed.now;
}

/* Own, of one that is the store's: as a nest has it. */
static int
kept(int watch)
{
	int own = fcntl(watch, F_DUPFD_CLOEXEC, 0);
	assert_true(own >= 0);
	return own;
}

/* An inotify of the account as it is now: who leaves a mailbox is noted a moment later. */
static int
asleep(struct store *s)
{
	int watch = -1, err;
	do
		err = store_doze_all(s, NULL, 0, followed(s), &watch);
	while (err == E_MORE);
	assert_int_equal(err, E_OK);
	return kept(watch);
}

static bool
wakes(int watch, int ms)
{
	struct pollfd p = {.fd = watch, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

static void
woken(int *watch)
{
	assert_true(wakes(*watch, WAKES_MS));
	close(*watch);
}

/* ---- what wakes ---- */

static void
test_names(void **state)
{
	struct home *h = *state;
	int watch = asleep(h->a);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("made"), NULL, NULL), STORE_DONE);
	woken(&watch);
	watch = asleep(h->a);
	assert_int_equal(
	    store_mailbox_rename(h->b, SPAN("made"), SPAN("renamed")), STORE_DONE);
	woken(&watch);
	watch = asleep(h->a);
	assert_int_equal(store_subscribe(h->b, SPAN("renamed"), true), STORE_DONE);
	woken(&watch);
	watch = asleep(h->a);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("renamed")), STORE_DONE);
	woken(&watch);
}

static void
test_messages(void **state)
{
	struct home *h = *state;
	int watch = asleep(h->a);
	append(h->b, "INBOX", 1);
	woken(&watch);
	struct store_view v = selected(h->b, "INBOX");
	watch = asleep(h->a);
	assert_int_equal(flags(h->b, &v, 1, 1, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	woken(&watch);
	watch = asleep(h->a);
	assert_int_equal(expunge(h->b, &v, 1, 1, false), STORE_DONE);
	woken(&watch);
	store_unselect(h->b, &v);
	watch = asleep(h->a);
	deliver("mail\r\n");
	woken(&watch);
}

/* What nobody is told of: another one selects what is \Recent, and leaves it; a subscription that was one. */
static void
test_left_asleep(void **state)
{
	struct home *h = *state;
	append(h->b, "INBOX", 1);
	assert_int_equal(store_subscribe(h->b, SPAN("INBOX"), true), STORE_DONE);
	int watch = asleep(h->a);
	struct store_view v = selected(h->b, "INBOX");
	store_unselect(h->b, &v);
	assert_int_equal(store_subscribe(h->b, SPAN("INBOX"), true), STORE_DONE);
	assert_int_equal(store_sync(h->b), E_OK); /* all of that is published */
	assert_false(wakes(watch, 0));
	close(watch);
}

/* Something came between the last look and the ask. */
static void
test_past(void **state)
{
	struct home *h = *state;
	uint64_t since = followed(h->a);
	int watch = -1;
	append(h->b, "INBOX", 1);
	assert_int_equal(store_doze_all(h->a, NULL, 0, since, &watch), E_MORE);
	since = followed(h->a);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(store_doze_all(h->a, &v, 0, since, &watch), E_MORE);
	assert_int_equal(store_doze_all(h->a, &v, v.modseq, since, &watch), E_OK);
	home_kill(); /* the next one knows nothing of that number */
	store_unselect(h->a, &v);
	assert_int_equal(store_doze_all(h->a, NULL, 0, since, &watch), E_MORE);
}

/* A change may not have been told where a keeper was killed; one that left in order wakes nobody. */
static void
test_keepers(void **state)
{
	struct home *h = *state;
	int watch = asleep(h->a);
	home_end();
	home_reopen(h);
	assert_int_equal(store_sync(h->b), E_OK);
	assert_false(wakes(watch, 0));
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("made"), NULL, NULL), STORE_DONE);
	woken(&watch);
	watch = asleep(h->a);
	home_kill();
	home_reopen(h);
	assert_int_equal(store_sync(h->b), E_OK);
	woken(&watch);
}

/* Two that sleep in one process share what wakes them, and the view: until something changes. */
static void
test_shared(void **state)
{
	struct home *h = *state;
	struct store_view v, other = selected(h->b, "INBOX");
	int watch, again;
	bool is_same;
	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	const struct view_head *head = v.head;
	assert_int_equal(store_doze(h->a, &v, v.modseq, &watch, &is_same), E_OK);
	assert_false(is_same);
	store_unselect_later(h->a, &v);
	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	assert_ptr_equal(v.head, head);
	assert_int_equal(store_doze(h->a, &v, v.modseq, &again, &is_same), E_OK);
	assert_true(is_same);
	assert_int_equal(again, watch);
	deliver("Subject: x\r\n\r\nx\r\n");
	assert_true(wakes(watch, WAKES_MS));
	assert_int_equal(store_sync(h->b), E_OK);
	assert_int_equal(store_doze(h->a, &v, v.modseq, &again, &is_same), E_MORE);
	assert_false(is_same);
	assert_int_equal(store_doze(h->a, &v, v.head->modseq, &again, &is_same), E_OK);
	assert_false(is_same);
	home_kill();
	store_doze_end(h->a, false);
	assert_int_equal(store_doze(h->a, &v, v.head->modseq, &again, &is_same), E_OK);
	assert_false(is_same);
	store_unselect(h->a, &v);
	store_unselect(h->b, &other);
}

/*
 * Where nothing changed since its view was made, who sleeps again does not ask: the keeper stands
 * still meanwhile.  What changes then wakes it.
 */
static void
test_unasked(void **state)
{
	struct home *h = *state;
	struct store_view v, other = selected(h->b, "INBOX");
	int watch = -1;
	bool is_same;
	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	int keeper = home_keeper();
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	double begun = ms_now();
	assert_int_equal(store_doze(h->a, &v, v.modseq, &watch, &is_same), E_OK);
	assert_true(ms_now() - begun < WAKES_MS);
	assert_false(is_same);
	assert_int_equal(kill(keeper, SIGCONT), 0);
	watch = kept(watch);
	assert_false(wakes(watch, 0));
	append(h->b, "INBOX", 1);
	woken(&watch);
	store_unselect(h->a, &v);
	store_unselect(h->b, &other);
}

/* It asks, and hears of it: of a change, of mail that lies there, of a keeper that is not the same. */
static void
test_asked(void **state)
{
	struct home *h = *state;
	struct store_view v, other = selected(h->b, "INBOX");
	int watch = -1;
	bool is_same;
	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	append(h->b, "INBOX", 1);
	assert_int_equal(store_doze(h->a, &v, v.modseq, &watch, &is_same), E_MORE);
	store_unselect(h->a, &v);

	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	int keeper = home_keeper();
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	deliver("Subject: x\r\n\r\nx\r\n");
	assert_int_equal(kill(keeper, SIGCONT), 0);
	assert_int_equal(store_doze(h->a, &v, v.modseq, &watch, &is_same), E_MORE);
	store_unselect(h->a, &v);

	assert_int_equal(
	    store_reselect(h->a, other.mailbox, UINT32_MAX, false, &v), E_OK);
	home_kill();
	assert_int_equal(store_doze(h->a, &v, v.modseq, &watch, &is_same), E_OK);
	watch = kept(watch);
	append(h->b, "INBOX", 2);
	woken(&watch);
	store_unselect(h->a, &v);
	store_unselect(h->b, &other);
}

/* How many events came that do not say that a watch ended. */
static unsigned
events_but_ends(int inotify)
{
	char space[4096] __attribute__((aligned(8)));
	unsigned n = 0;
	for (ssize_t got; (got = read(inotify, space, sizeof space)) > 0;)
		for (ssize_t at = 0; at < got;) {
			struct inotify_event e;
			memcpy(&e, space + at, sizeof e);
			n += (e.mask & IN_IGNORED) == 0;
			at += (ssize_t)(sizeof e + e.len);
		}
	return n;
}

/* By what was given up nobody is woken; where others sleep by it, they are. */
static void
test_given_up(void **state)
{
	struct home *h = *state;
	for (int is_ours = 0; is_ours <= 1; is_ours++) {
		struct store_view v = selected(h->a, "INBOX");
		int one = -1;
		bool is_same;
		assert_int_equal(store_doze(h->a, &v, v.modseq, &one, &is_same), E_OK);
		assert_false(is_same);
		int watch = kept(one);
		store_doze_end(h->a, is_ours);
		append(h->b, "INBOX", 1);
		assert_int_equal(events_but_ends(watch) == 0, is_ours);
		close(watch);
		store_unselect(h->a, &v);
	}
}

/* Nothing is as it was. */
static void
test_rebuilt(void **state)
{
	struct home *h = *state;
	struct store_rebuilt rebuilt;
	int watch = asleep(h->a), one = -1;
	struct store_view v = selected(h->a, "INBOX");
	bool is_same;
	assert_int_equal(store_doze(h->a, &v, v.modseq, &one, &is_same), E_OK);
	assert_false(is_same);
	one = kept(one);
	store_unselect(h->a, &v);
	home_end();
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	woken(&watch);
	woken(&one);
}

/* ---- METADATA ---- */

static void
set(struct store *s, const char *mailbox, const char *entry)
{
	struct metadata_entry e = {.name = span_of(entry), .value = SPAN("x")};
	assert_int_equal(store_metadata_set(s, span_of(mailbox), &e, 1), STORE_DONE);
}

static void
add_change(void *ctx, struct span mailbox, struct span entry)
{
	buf_putf(ctx, "%.*s%.*s ", (int)mailbox.n, mailbox.p, (int)entry.n, entry.p);
}

static void
changes_check(struct store *s, const char *want)
{
	struct buf got = {0};
	assert_int_equal(store_metadata_changes(s, add_change, &got), E_OK);
	assert_string_equal(buf_cstr(&got), want);
	buf_free(&got);
}

static void
test_metadata(void **state)
{
	struct home *h = *state;
	int watch = asleep(h->a);
	set(h->b, "INBOX", "/private/comment");
	woken(&watch);
	assert_int_not_equal(access("index/told", F_OK), 0); /* nobody asked for it */
	changes_check(h->a, "");
	watch = asleep(h->a);
	set(h->b, "INBOX", "/private/comment");
	woken(&watch);
	set(h->b, "", "/shared/comment");
	uint64_t seen = store_metadata_seen(h->a);
	home_kill();
	home_reopen(h);
	store_metadata_go_on(h->a, seen);
	changes_check(h->a, "INBOX/private/comment /shared/comment ");
	changes_check(h->a, "");
	set(h->b, "INBOX", "/private/comment");
	changes_check(h->a, "INBOX/private/comment ");
}

/* A list of changes that is none: those of now are told. */
static void
test_metadata_lost(void **state)
{
	struct home *h = *state;
	changes_check(h->a, "");
	int watch = asleep(h->a);
	uint64_t seen = store_metadata_seen(h->a);
	home_end();
	FILE *f = fopen("index/told", "w");
	assert_non_null(f);
	assert_true(fputs("no list", f) >= 0 && fclose(f) == 0);
	home_reopen(h);
	set(h->b, "INBOX", "/private/comment");
	store_metadata_go_on(h->a, seen);
	changes_check(h->a, "INBOX/private/comment ");
	woken(&watch);
}

/* Who listens hears of them, and knows that nobody may sleep by the list. */
static void
test_metadata_unkept(void **state)
{
	struct home *h = *state;
	int watch = -1;
	assert_int_equal(mkdir("index/told.new", 0700), 0);
	changes_check(h->a, "");
	assert_int_equal(store_metadata_keep(h->a), E_IO);
	assert_int_equal(store_doze_all(h->a, NULL, 0, followed(h->a), &watch), E_IO);
	set(h->b, "INBOX", "/private/comment");
	changes_check(h->a, "INBOX/private/comment ");
	assert_int_equal(store_metadata_keep(h->a), E_IO);
	assert_int_equal(rmdir("index/told.new"), 0);
	changes_check(h->a, "");
	assert_int_equal(store_metadata_keep(h->a), E_OK);
	/* one that could not be written is, before anybody sleeps by the list */
	uint64_t seen = store_metadata_seen(h->a);
	assert_int_equal(mkdir("index/told.new", 0700), 0);
	set(h->b, "", "/shared/comment");
	assert_int_equal(rmdir("index/told.new"), 0);
	changes_check(h->a, "/shared/comment ");
	home_kill();
	home_reopen(h);
	store_metadata_go_on(h->a, seen);
	changes_check(h->a, "/shared/comment ");
}

/* How often index/told was written; *is_ahead: the index was after the first time. */
static unsigned
told_count(int inotify, int index, bool *is_ahead)
{
	char space[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned n = 0;
	ssize_t got;
	*is_ahead = false;
	while ((got = read(inotify, space, sizeof space)) > 0)
		for (const char *p = space; p < space + got;) {
			const struct inotify_event *e =
			    (const struct inotify_event *)(const void *)p;
			if (e->wd == index)
				n += strcmp(e->name, "told") == 0;
			else
				*is_ahead |= n > 0;
			p += sizeof *e + e->len;
		}
	return n;
}

/* A keeper that is killed between the two leaves a change too many, and none too few. */
static void
test_metadata_order(void **state)
{
	struct home *h = *state;
	struct metadata_entry e[] = {
	    {.name = SPAN("/private/comment"), .value = SPAN("x")},
	    {.name = SPAN("/private/a"), .value = SPAN("x")},
	    {.name = SPAN("/shared/comment"), .value = SPAN("x")}};
	bool is_ahead;
	changes_check(h->a, "");
	close(asleep(h->a));
	int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int index = inotify_add_watch(inotify, "index", IN_MOVED_TO);
	assert_true(index >= 0);
	assert_true(inotify_add_watch(inotify, "index/db", IN_MODIFY) >= 0);
	assert_int_equal(store_metadata_set(h->b, SPAN("INBOX"), e, 3), STORE_DONE);
	assert_int_equal(told_count(inotify, index, &is_ahead), 1);
	assert_true(is_ahead);
	close(inotify);
	changes_check(
	    h->a, "INBOX/private/comment INBOX/private/a INBOX/shared/comment ");
}

/* ---- the list of changes, as bytes ---- */

static void
test_told(void **state)
{
	static struct told_ring t, got;
	struct buf b = {.max = TOLD_BYTES_MOST}, again = {0};
	(void)state;
	t = (struct told_ring){.number = 1000};
	assert_null(told_next(&t, 0));
	for (uint32_t i = 1; i <= MANY; i++)
		told_add(&t, i, SPAN("/private/comment"), 7);
	assert_int_equal(told_next(&t, 1000)->number, 1000 + MANY - TOLD_KEPT + 1);
	assert_int_equal(told_next(&t, 999 + MANY)->mailbox, MANY);
	assert_null(told_next(&t, 1000 + MANY));
	assert_null(told_next(&t, UINT64_MAX));
	told_put(&b, &t);
	assert_int_equal(told_get(buf_as_span(&b), &got), E_OK);
	assert_int_equal(told_next(&got, 0)->by, 0);
	told_put(&again, &got);
	assert_true(span_eq(buf_as_span(&b), buf_as_span(&again)));
	for (size_t i = 0; i < b.len; i++) {
		struct span cut = span_head(buf_as_span(&b), i);
		/* behind a change it is a shorter list */
		if (told_get(cut, &got) == E_OK)
			assert_int_equal((b.len - i) % (8 + 4 + 4 + 16), 0);
	}
	b.p[b.len - 1] = '*'; /* in the last entry's name */
	assert_int_equal(told_get(buf_as_span(&b), &got), E_BAD);
	buf_free(&b);
	buf_free(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_names),
	    TEST(test_messages),
	    TEST(test_left_asleep),
	    TEST(test_past),
	    TEST(test_keepers),
	    TEST(test_shared),
	    TEST(test_unasked),
	    TEST(test_asked),
	    TEST(test_given_up),
	    TEST(test_rebuilt),
	    TEST(test_metadata),
	    TEST(test_metadata_lost),
	    TEST(test_metadata_unkept),
	    TEST(test_metadata_order),
	    cmocka_unit_test(test_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
