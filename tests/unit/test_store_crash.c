/* SPDX-License-Identifier: ISC */
/*
 * test_store_crash.c - keepers that die or leave, sessions that die in an APPEND, files that do not go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/name.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

enum {
	MANY = 3000,
	KILLS = 12,
	KILL_AFTER_MS_MOST = 25,
	ALONE_MS = 20000, /* twice as long as one of a few seconds stays */
};

/* ---- the keeper dies ---- */

static void
test_view_of_a_dead_keeper(void **state)
{
	struct home *h = *state;
	struct store_view v, next;
	append(h->a, "INBOX", 1);
	assert_int_equal(store_select(h->a, SPAN("INBOX"), false, &v), E_OK);
	home_kill();
	assert_int_equal(v.head->is_superseded, 0);
	append(h->b, "INBOX", 2);
	assert_int_equal(v.head->n, 1);
	/* the next call of this session sees it */
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(v.head->is_superseded, 1);
	assert_int_equal(v.head->n, 1);
	assert_int_equal(v.records[0].uid, 1);
	assert_int_equal(store_view_renew(h->a, &v, &next), E_OK);
	assert_int_equal(next.n, 2);
	assert_int_equal(next.head->is_superseded, 0);
	store_unselect(h->a, &v);
	append(h->b, "INBOX", 3);
	assert_int_equal(next.head->n, 3);
	store_unselect(h->a, &next);
}

/* Another process does one long thing, and does not mind when it comes to nothing. */
static pid_t
begin_work(struct home *h, unsigned kind)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct store *s;
	struct store_mailbox m;
	struct numset all = {0};
	struct store_copied c;
	struct store_change change = {.how = kind % 2 ? STORE_ADD : STORE_REMOVE,
	    .flags = FLAG_SEEN | FLAG_DELETED};
	if (numset_add(&all, 1, UINT32_MAX) != E_OK || store_open(h->dir, &s) != E_OK ||
	    store_mailbox(s, SPAN("INBOX"), &m) != E_OK)
		_exit(1);
	switch (kind % 4) {
	case 0:
		if (store_copy(s, m.id, &all, SPAN("Sent"), false, &c) != STORE_DONE)
			_exit(2);
		break;
	case 1:
		if (store_copy(s, m.id, &all, SPAN("Archive"), true, &c) != STORE_DONE)
			_exit(2);
		break;
	default:
		if (store_flags(s, m.id, &all, &change, NULL) != STORE_DONE)
			_exit(2);
	}
	_exit(0);
}

/*
 * Whatever it was doing: rows, records and files agree, no message is lost, none of a MOVE is in
 * two mailboxes.
 */
static void
test_killed_at_work(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	uint64_t in_inbox = MANY, moved = 0, copied = 0;
	append_many(h->a, "INBOX", MANY);
	for (unsigned i = 0; i < KILLS; i++) {
		int status;
		pid_t worker = begin_work(h, i);
		poll(NULL, 0, (int)random_below(KILL_AFTER_MS_MOST));
		home_kill();
		assert_int_equal(waitpid(worker, &status, 0), worker);
		store_check(h->b);
		assert_int_equal(store_mailbox(h->b, SPAN("Archive"), &m), E_OK);
		moved = m.messages;
		assert_int_equal(store_mailbox(h->b, SPAN("INBOX"), &m), E_OK);
		in_inbox = m.messages;
		assert_int_equal(in_inbox + moved, MANY);
		assert_int_equal(store_mailbox(h->b, SPAN("Sent"), &m), E_OK);
		/* all or none */
		assert_true(m.messages == copied ||
			    (i % 4 == 0 && m.messages == copied + in_inbox));
		copied = m.messages;
		if (in_inbox < MANY / 2) { /* back again */
			struct numset all = set_of(1, UINT32_MAX);
			struct store_copied c;
			assert_int_equal(
			    store_mailbox(h->b, SPAN("Archive"), &m), E_OK);
			assert_int_equal(
			    store_copy(h->b, m.id, &all, SPAN("INBOX"), true, &c),
			    STORE_DONE);
			numset_free(&c.from);
			numset_free(&c.to);
			numset_free(&all);
		}
	}
}

static void
test_killed_in_delete(void **state)
{
	struct home *h = *state;
	uint64_t bytes, messages;
	struct store_mailbox m;
	assert_int_equal(store_mailbox_create(h->a, SPAN("big"), NULL, &m), STORE_DONE);
	append_many(h->a, "big", MANY);
	append(h->a, "INBOX", 1);
	struct store_view v;
	assert_int_equal(store_select(h->b, SPAN("big"), true, &v), E_OK);
	struct file_id id = v.records[MANY - 1].id;
	store_unselect(h->b, &v);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("big")), STORE_DONE);
	home_kill();
	assert_int_equal(store_usage(h->a, &bytes, &messages), E_OK);
	assert_int_equal(messages, 1);
	assert_int_equal(store_mailbox(h->a, SPAN("big"), &m), E_BAD);
	/* the next one goes on with what is left of it */
	wait_until_gone(id);
	assert_int_equal(store_check(h->a), 1);
}

/* ---- APPEND ---- */

static void
test_half_appends(void **state)
{
	struct home *h = *state;
	struct incoming alive, told;
	struct file_id id[2];
	int fds[2], status;
	/* the keeper is there before them: it sweeps at its start */
	assert_int_equal(store_sync(h->a), E_OK);
	/* a session dies before it asked: with both names, and with one */
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct incoming m[2];
		message_begin(h->a, &m[0], 1);
		if (incoming_begin(h->a, &m[1]) != E_OK ||
		    incoming_write(&m[1], SPAN("half")) != E_OK ||
		    write(fds[1], &m[0].id, sizeof m[0].id) != sizeof m[0].id ||
		    write(fds[1], &m[1].id, sizeof m[1].id) != sizeof m[1].id)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], id, sizeof id), sizeof id);
	close(fds[0]);
	close(fds[1]);
	/* one that lives, and one of which the keeper's end of the work is left */
	message_begin(h->a, &alive, 2);
	message_begin(h->a, &told, 3);
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &told, 1, NULL, NULL), STORE_DONE);
	struct buf tmp = {0}, msg = {0};
	tmp_path_put(&tmp, told.id);
	msg_path_put(&msg, told.id);
	assert_int_equal(link(buf_cstr(&msg), buf_cstr(&tmp)), 0);
	buf_free(&tmp);
	buf_free(&msg);
	incoming_drop(&told);
	assert_true(is_there(tmp_path_put, id[0]) && is_there(msg_path_put, id[0]) &&
		    is_there(tmp_path_put, id[1]));
	home_kill();
	assert_int_equal(store_sync(h->b), E_OK);
	assert_false(is_there(tmp_path_put, id[0]) || is_there(msg_path_put, id[0]) ||
		     is_there(tmp_path_put, id[1]));
	assert_false(is_there(tmp_path_put, told.id));
	assert_true(is_there(msg_path_put, told.id));
	assert_true(
	    is_there(tmp_path_put, alive.id) && is_there(msg_path_put, alive.id));
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &alive, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&alive);
	assert_int_equal(store_check(h->a), 2);
}

/* A file that does not go is no reason for those behind it to stay. */
static void
test_unlink_that_fails(void **state)
{
	enum { STUCK = 300 };
	struct home *h = *state;
	struct buf path = {0};
	append_many(h->a, "INBOX", STUCK + 1);
	struct store_view v = selected(h->a, "INBOX");
	struct file_id last = v.records[0].id;
	uint32_t uid = v.records[0].uid;
	for (uint32_t i = 1; i < v.n; i++)
		if (memcmp(v.records[i].id.b, last.b, FILE_ID_BYTES) > 0) {
			last = v.records[i].id;
			uid = v.records[i].uid;
		}
	for (uint32_t i = 0; i < v.n; i++) {
		if (v.records[i].uid == uid)
			continue;
		buf_reset(&path);
		msg_path_put(&path, v.records[i].id);
		/* a folder in its place, which no unlink removes */
		assert_int_equal(unlink(buf_cstr(&path)), 0);
		assert_int_equal(mkdir(buf_cstr(&path), 0700), 0);
	}
	buf_free(&path);
	if (uid > 1)
		assert_int_equal(expunge(h->a, &v, 1, uid - 1, false), STORE_DONE);
	if (uid <= STUCK)
		assert_int_equal(
		    expunge(h->a, &v, uid + 1, STUCK + 1, false), STORE_DONE);
	assert_int_equal(expunge(h->a, &v, uid, uid, false), STORE_DONE);
	store_unselect(h->a, &v);
	wait_until_gone(last);
}

/* Whom nobody needs leaves soon, and not before the files are gone that go. */
static void
test_keeper_alone(void **state)
{
	struct home *h = *state;
	append(h->a, "INBOX", 1);
	struct store_view v = selected(h->a, "INBOX");
	struct file_id gone = v.records[0].id;
	assert_int_equal(expunge(h->a, &v, 1, 1, false), STORE_DONE);
	store_unselect(h->a, &v);
	struct pollfd keeper = {
	    .fd = (int)syscall(SYS_pidfd_open, home_keeper(), 0), .events = POLLIN};
	assert_true(keeper.fd >= 0);
	store_close(&h->a);
	store_close(&h->b);
	assert_true(is_there(msg_path_put, gone));
	assert_int_equal(poll(&keeper, 1, ALONE_MS), 1);
	close(keeper.fd);
	assert_false(is_there(msg_path_put, gone));
	home_reopen(h);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_view_of_a_dead_keeper),
	    TEST(test_killed_at_work), TEST(test_killed_in_delete),
	    TEST(test_half_appends), TEST(test_unlink_that_fails),
	    TEST(test_keeper_alone)};
	return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
