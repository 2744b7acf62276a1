/* SPDX-License-Identifier: ISC */
/* test_store_takein.c - mail that comes into new/, and who hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/keeper.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- new mail ---- */

static void
test_deliver_and_watch(void **state)
{
	struct home *h = *state;
	struct store_view v = selected(h->a, "INBOX");
	struct pollfd p = {.events = POLLIN};
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 50), 0);
	deliver("Subject: hello\r\n\r\n");
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(v.head->n, 1);
	assert_true(v.head->modseq > v.modseq);
	int fd;
	assert_int_equal(store_message_open(h->a, &v.records[0], &fd), E_OK);
	close(fd);
	/* what was already so is told at once */
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 50), 0);
	assert_int_equal(flags(h->b, &v, 1, 1, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(poll(&p, 1, 5000), 1);
	/* a keeper's death is told, too */
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	home_kill();
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	deliver("Subject: again\r\n\r\n");
	assert_int_equal(poll(&p, 1, 5000), 1);
	store_watch_end(h->a);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(v.head->is_superseded, 1);
	struct store_view next;
	assert_int_equal(store_view_renew(h->a, &v, &next), E_OK);
	assert_int_equal(next.n, 2);
	store_unselect(h->a, &v);
	store_unselect(h->a, &next);
}

/* ---- junk ---- */

/* All that lies in new/ is taken in. */
static void
take_in(struct home *h, uint64_t in_inbox, uint64_t in_junk, const char *junk)
{
	struct store_view v = selected(h->a, "INBOX");
	store_unselect(h->a, &v);
	mailbox_check(h->a, "INBOX", in_inbox, in_inbox, 0);
	mailbox_check(h->a, junk, in_junk, in_junk, 0);
}

static void
assert_use(struct home *h, const char *name, const char *use)
{
	struct store_mailbox m;
	assert_int_equal(store_mailbox(h->a, span_of(name), &m), E_OK);
	assert_string_equal(m.special_use, use);
}

static void
test_junk(void **state)
{
	struct home *h = *state;
	deliver_junk("Subject: one\r\n\r\n");
	deliver("Subject: two\r\n\r\n");
	deliver_junk("Subject: three\r\n\r\n");
	take_in(h, 1, 2, "Junk");
	/* wherever it went */
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Junk"), SPAN("Spam")), STORE_DONE);
	deliver_junk("Subject: four\r\n\r\n");
	take_in(h, 1, 3, "Spam");
	/* by its name, where nothing has that use */
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Spam")), STORE_DONE);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("Junk"), "", &(struct store_mailbox){0}),
	    STORE_DONE);
	deliver_junk("Subject: five\r\n\r\n");
	take_in(h, 1, 1, "Junk");
	assert_use(h, "Junk", "");
	/* made anew, once for all that comes */
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Junk")), STORE_DONE);
	deliver_junk("Subject: six\r\n\r\n");
	deliver("Subject: seven\r\n\r\n");
	deliver_junk("Subject: eight\r\n\r\n");
	take_in(h, 2, 2, "Junk");
	assert_use(h, "Junk", "\\Junk");
	home_kill();
	deliver_junk("Subject: nine\r\n\r\n");
	take_in(h, 2, 3, "Junk");
}

/* ---- while nobody looks ---- */

enum {
	USAGE_MS_MOST = 2 * KEEPER_UPKEEP_MS + 5 * KEEPER_USAGE_AFTER_MS,
	AGAIN_MS = 100
};

static bool
is_new_empty(void)
{
	return system("test -z \"$(ls new)\"") == 0;
}

static int
no_name(void *ctx, struct span name)
{
	(void)ctx, (void)name;
	return E_OK;
}

/*
 * Questions to which INBOX is no matter: a keeper that took in would have done so before it
 * answered the last.
 */
static void
ask_of_others(struct store *s)
{
	uint64_t bytes, messages;
	for (unsigned i = 0; i < 5; i++) {
		mailbox_check(s, "Sent", 0, 0, 0);
		assert_int_equal(store_subscriptions(s, no_name, NULL), E_OK);
		assert_int_equal(store_usage(s, &bytes, &messages), E_OK);
	}
}

static void
test_deliver_to_nobody(void **state)
{
	struct home *h = *state;
	struct pollfd p = {.events = POLLIN};
	ask_of_others(h->a);
	deliver("Subject: one\r\n\r\n");
	deliver("Subject: two\r\n\r\n");
	ask_of_others(h->a);
	assert_false(is_new_empty());
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 2);
	/* who looks is told of what comes next, also when another one stopped to look */
	struct store_view w = selected(h->b, "INBOX");
	store_unselect(h->a, &v);
	assert_int_equal(store_watch(h->b, &w, w.head->modseq, &p.fd), E_OK);
	deliver("Subject: three\r\n\r\n");
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(w.head->n, 3);
	store_watch_end(h->b);
	store_unselect(h->b, &w);
	ask_of_others(h->b);
	deliver("Subject: four\r\n\r\n");
	ask_of_others(h->b);
	assert_false(is_new_empty());
	mailbox_check(h->a, "INBOX", 4, 4, 0);
}

static void
usage_becomes(const char *pattern)
{
	char command[64];
	snprintf(command, sizeof command, "grep -q '%s' usage", pattern);
	for (int ms = 0; ms < USAGE_MS_MOST && system(command) != 0; ms += AGAIN_MS)
		poll(NULL, 0, AGAIN_MS);
	assert_int_equal(system(command), 0);
}

/* A session that looks at nothing: the verdict on recipients hears of what came all the same. */
static void
test_usage_for_nobody(void **state)
{
	struct home *h = *state;
	const char *text = "Subject: counts\r\n\r\n";
	ask_of_others(h->a);
	deliver(text);
	ask_of_others(h->a);
	/* also behind what a STATUS took in */
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	deliver(text);
	usage_becomes("^[0-9]* 2 0 0 0 0 0 0$");
	assert_true(is_new_empty());
}

/* new/ could not be read when somebody looked: it is once more, without another mail. */
static void
test_listed_later(void **state)
{
	struct home *h = *state;
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	deliver("Subject: late\r\n\r\n");
	ask_of_others(h->a); /* its event is past */
	assert_int_equal(rename("new", "new.away"), 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_int_equal(rename("new.away", "new"), 0);
	usage_becomes("^[0-9]* 1 0 0 0 0 0 0$");
	assert_true(is_new_empty());
}

/*
 * What placers counted is noted when all of it was taken in, whatever became of their file or of
 * the keeper's.
 */
static void
test_placed_is_noted(void **state)
{
	struct home *h = *state;
	const char *text = "Subject: counts\r\n\r\n"; /* 19 octets */
	placed_add(AT_FDCWD, "placed", 3, strlen(text));
	deliver(text);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	usage_becomes("^19 1 19 1 0 0 0 0$");
	/* it failed later, and its placer died */
	placed_add(AT_FDCWD, "placed", 4, 1000);
	placed_add(AT_FDCWD, "placed", 3, strlen(text));
	deliver(text);
	mailbox_check(h->a, "INBOX", 2, 2, 0);
	usage_becomes("^38 2 1038 3 0 0 0 0$");
	/* a keeper that takes in nothing keeps what the one before it noted */
	home_kill();
	placed_add(AT_FDCWD, "placed", 3, strlen(text));
	deliver(text);
	home_reopen(h);
	mailbox_check(h->a, "Sent", 0, 0, 0);
	home_dump();
	usage_becomes("^38 2 1038 3 0 0 0 0$");
	/* usage is lost: as if all was taken in */
	assert_int_equal(unlink("usage"), 0);
	home_dump();
	usage_becomes("^38 2 1057 4 0 0 0 0$");
	/* placed is lost */
	assert_int_equal(unlink("placed"), 0);
	home_reopen(h);
	mailbox_check(h->a, "INBOX", 3, 3, 0);
	usage_becomes("^57 3 0 0 0 0 0 0$");
}

/* ---- after a power cut ---- */

/* Of the message that lies there: its length is right, its sum is not. */
static void
tear(void)
{
	assert_int_equal(
	    system("printf X | dd conv=notrunc status=none of=\"$(echo new/*)\""), 0);
}

/* The mark of a keeper that ended by itself, which was removed meanwhile, but not durably. */
static void
test_clean_comes_back(void **state)
{
	struct home *h = *state;
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	home_end();
	assert_int_equal(access("index/clean", F_OK), 0);
	deliver("Subject: whole\r\n\r\n");
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	assert_int_equal(store_sync(h->a), E_OK); /* it is moved by then */
	home_kill();
	int fd = open("index/clean", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && close(fd) == 0);
	deliver("Subject: torn\r\n\r\n");
	tear();
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	assert_false(is_new_empty());
}

/* A message that comes behind a keeper which was killed, to one that has not looked yet. */
static void
deliver_unclean(struct home *h, const char *text)
{
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	home_kill();
	ask_of_others(h->a);
	placed_add(AT_FDCWD, "placed", 3, strlen(text));
	deliver(text);
}

/*
 * What lies there cannot be looked at by the keeper that followed one which was killed: so neither are
 * sums of no matter, nor is anything noted.
 */
static void
checked_later(struct home *h, int (*hide)(void), int (*show)(void))
{
	deliver_unclean(h, "Subject: torn\r\n\r\n"); /* 17 octets */
	tear();
	assert_int_equal(hide(), 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	usage_becomes("^0 0 0 0 0 0 0 0$");
	assert_int_equal(show(), 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_false(is_new_empty());
	usage_becomes("^0 0 17 1 0 0 0 0$");
}

static int
move_away(void)
{
	return rename("new", "new.away");
}

static int
move_back(void)
{
	return rename("new.away", "new");
}

static void
test_unlisted_is_checked_later(void **state)
{
	checked_later(*state, move_away, move_back);
}

/* Its names can be read, its files not be looked for; by who is not root. */
static int
deny_search(void)
{
	return chmod("new", 0400);
}

static int
allow_search(void)
{
	return chmod("new", 0700);
}

static void
test_unsearched_is_checked_later(void **state)
{
	checked_later(*state, deny_search, allow_search);
}

enum { NOBODY = 65534 };

static int
setup_as_nobody(void **state)
{
	home_place();
	if (geteuid() == 0 &&
	    (chown(home_dir, NOBODY, NOBODY) != 0 || seteuid(NOBODY) != 0))
		return -1;
	return home_setup(state);
}

static int
teardown_as_nobody(void **state)
{
	return seteuid(getuid()) == 0 ? home_teardown(state) : -1;
}

/* One that cannot be read when its sum is to be looked at is, once it can be: without another mail. */
static void
test_unread_is_tried_again(void **state)
{
	struct home *h = *state;
	deliver_unclean(h, "Subject: whole\r\n\r\n"); /* 18 octets */
	int lease = leased("new/*");
	for (unsigned i = 0; i < 3; i++) /* its event is past */
		mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_false(is_new_empty());
	close(lease);
	usage_becomes("^18 1 18 1 0 0 0 0$");
	assert_true(is_new_empty());
}

/* Its row was told of, and the keeper died before the file moved: who reads it gets it all the same. */
static void
test_killed_before_the_move(void **state)
{
	struct home *h = *state;
	glob_t lay, stands;
	deliver("Subject: told\r\n\r\n");
	assert_int_equal(glob("new/*", 0, NULL, &lay), 0);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 1);
	assert_int_equal(store_sync(h->a), E_OK); /* it is moved by then */
	assert_int_equal(glob("msg/*/*", 0, NULL, &stands), 0);
	assert_int_equal(stands.gl_pathc, 1);
	home_kill();
	assert_int_equal(rename(stands.gl_pathv[0], lay.gl_pathv[0]), 0);
	struct buf text = {0};
	assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_OK);
	assert_int_equal(text.len, strlen("Subject: told\r\n\r\n"));
	buf_free(&text);
	assert_true(is_new_empty());
	assert_int_equal(access(stands.gl_pathv[0], F_OK), 0);
	globfree(&lay);
	globfree(&stands);
	store_unselect(h->a, &v);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
}

/* What cannot be moved is told of, and not gone: it is moved when it can be. */
static void
test_unmoved_is_moved_later(void **state)
{
	struct home *h = *state;
	struct buf text = {0};
	assert_int_equal(chmod("msg", 0500), 0);
	deliver("Subject: stuck\r\n\r\n");
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_IO);
	assert_int_equal(chmod("msg", 0700), 0);
	assert_int_equal(store_message_read(h->a, &v.records[0], &text), E_OK);
	assert_true(is_new_empty());
	buf_free(&text);
	store_unselect(h->a, &v);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_deliver_and_watch),
	    TEST(test_deliver_to_nobody), TEST(test_junk), TEST(test_usage_for_nobody),
	    TEST(test_listed_later), TEST(test_placed_is_noted),
	    TEST(test_clean_comes_back), TEST(test_unlisted_is_checked_later),
	    cmocka_unit_test_setup_teardown(
		test_unsearched_is_checked_later, setup_as_nobody, teardown_as_nobody),
	    TEST(test_unread_is_tried_again), TEST(test_killed_before_the_move),
	    cmocka_unit_test_setup_teardown(
		test_unmoved_is_moved_later, setup_as_nobody, teardown_as_nobody)};
	return cmocka_run_group_tests_name("store_takein", tests, NULL, NULL);
}
