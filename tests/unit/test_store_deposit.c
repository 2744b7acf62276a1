/* SPDX-License-Identifier: ISC */
/* test_store_deposit.c - messages that another account brings: over a door, copied, and no more than said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest_door.h"
#include "store/asks.h"
#include "store/door.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

enum { WAIT_MS = 20000 };

/* A door as it is at work: its end of the channel is the guest's. */
static int
deposit_door(uint64_t quota_bytes, pid_t *pid)
{
	int pair[2];
	ask_pair(pair);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		struct door_terms t = {.guest = span_of(anna),
		    .is_deposit = true,
		    .quota_bytes = quota_bytes,
		    .message_bytes_most = DOOR_MESSAGE_BYTES_MOST};
		close(pair[0]);
		door_deposit(door(anna, true, quota_bytes), pair[1], &t);
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

static enum store_said
deposit(const char *mailbox, uint64_t quota_bytes, struct incoming *m, size_t n)
{
	uint32_t uidvalidity, uid;
	pid_t pid;
	int status, chan = deposit_door(quota_bytes, &pid);
	enum store_said said =
	    store_deposit(chan, span_of(mailbox), m, n, &uidvalidity, &uid);
	close(chan);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return said;
}

static unsigned
files_in(const char *folder)
{
	struct buf command = {0};
	unsigned n = 0;
	buf_putf(&command, "find %s/%s -type f | wc -l", home_dir, folder);
	FILE *f = popen(buf_cstr(&command), "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	buf_free(&command);
	return n;
}

static void
test_deposit(void **state)
{
	static const struct span words[] = {{"$Forwarded", 10}};
	struct home *h = *state;
	struct incoming m[2];
	for (unsigned i = 0; i < 2; i++) {
		message_begin(h->a, &m[i], i);
		m[i].flags = FLAG_SEEN | FLAG_FLAGGED;
		m[i].keywords = words;
		m[i].n_keywords = 1;
	}
	unsigned before = files_in("msg");
	/* it is said before any of them is looked at */
	int fd = m[0].fd;
	m[0].fd = -1;
	assert_int_equal(deposit("Sent", 0, m, 2), STORE_NONEXISTENT);
	give(h, "Sent", anna, RIGHT_LOOKUP);
	assert_int_equal(deposit("Sent", 0, m, 2), STORE_NO_RIGHT);
	m[0].fd = fd;
	give(h, "Sent", anna, RIGHT_INSERT);
	/* where it cannot be looked up, a mailbox is not told to be there, but takes what it must */
	assert_int_equal(deposit("Sent", 0, m, 2), STORE_DONE);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_INSERT | RIGHT_WRITE | RIGHT_SEEN);
	/* they have no room: none of them is copied, nor looked at */
	m[0].fd = -1;
	assert_int_equal(deposit("Sent", 5000, m, 2), STORE_OVER_QUOTA);
	m[0].fd = fd;
	assert_int_equal(deposit("Sent", 15000, m, 1), STORE_DONE);
	struct store_view v = selected(h->a, "Sent");
	assert_int_equal(v.n, 3);
	assert_int_equal(v.records[0].flags, 0);
	assert_int_equal(
	    v.records[2].flags, FLAG_FLAGGED); /* the account has not seen it */
	assert_int_equal(v.records[2].keywords, 1);
	struct buf text = {.max = DOOR_MESSAGE_BYTES_MOST};
	assert_int_equal(store_message_read(h->a, &v.records[2], &text), E_OK);
	assert_true(span_eq(buf_as_span(&text), text_of(0)));
	buf_free(&text);
	store_unselect(h->a, &v);
	assert_int_equal(files_in("msg"), before + 3);
	assert_int_equal(files_in("tmp"), 2); /* those that were begun here */
	for (unsigned i = 0; i < 2; i++)
		incoming_drop(&m[i]);
	store_check(h->a);
}

/* No file, one that is longer than it says, no regular file: the guest is ended. */
static void
test_bad_deposit(void **state)
{
	struct home *h = *state;
	struct incoming m;
	uint32_t uidvalidity, uid;
	int pipes[2], status, fd;
	pid_t pid;
	give(h, "Sent", anna, RIGHTS_ALL);
	message_begin(h->a, &m, 1);
	fd = m.fd;
	assert_int_equal(pipe(pipes), 0);
	for (unsigned i = 0; i < 4; i++) {
		m.fd = i == 0 ? -1 : i == 1 ? pipes[0] : fd;
		m.size_bytes += i == 2;
		if (i == 3)
			m.size_bytes = (uint64_t)DOOR_MESSAGE_BYTES_MOST + 1;
		int chan = deposit_door(0, &pid);
		assert_int_equal(
		    store_deposit(chan, SPAN("Sent"), &m, 1, &uidvalidity, &uid),
		    STORE_LATER);
		close(chan);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	m.fd = fd;
	close(pipes[0]);
	close(pipes[1]);
	incoming_drop(&m);
	mailbox_check(h->a, "Sent", 0, 0, 0);
	store_check(h->a);
}

static enum store_said
ask_raw(int chan, uint16_t ask, struct buf *body, int fd)
{
	struct buf in = {0};
	struct ask_msg reply = {.fd = -1};
	int err = ask_call(
	    chan, ask, buf_as_span(body), fd, &in, &reply, deadline_in_ms(WAIT_MS));
	uint8_t said = err == E_OK ? rd_u8(&reply.body) : STORE_LATER;
	buf_free(&in);
	buf_free(body);
	return (enum store_said)said;
}

/* Who brings more than it said, or more of them, is ended. */
static void
test_more_than_said(void **state)
{
	struct home *h = *state;
	struct incoming m;
	int status;
	pid_t pid;
	give(h, "Sent", anna, RIGHTS_ALL);
	message_begin(h->a, &m, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct buf body = {0};
		int chan = deposit_door(0, &pid);
		buf_bytes(&body, SPAN("Sent"));
		buf_u16(&body, 1);
		buf_u64(&body, m.size_bytes * (i == 1 ? 2 : 1) - (i == 0));
		buf_u8(&body, 0);
		assert_int_equal(ask_raw(chan, DEPOSIT_BEGIN, &body, -1), STORE_DONE);
		for (unsigned n = 0; n < (i == 1 ? 2 : 1); n++) {
			buf_u32(&body, 0);
			buf_u64(&body, 1);
			buf_u64(&body, m.size_bytes);
			buf_u16(&body, 0);
			assert_int_equal(ask_raw(chan, DEPOSIT_MESSAGE, &body, m.fd),
			    i == 0 || n == 1 ? STORE_LATER : STORE_DONE);
		}
		if (i == 2)
			assert_int_equal(
			    ask_raw(chan, DEPOSIT_END, &body, -1), STORE_DONE);
		close(chan);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	incoming_drop(&m);
	struct store_view v = selected(h->a, "Sent");
	assert_int_equal(v.n, 1);
	store_unselect(h->a, &v);
	store_check(h->a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_deposit), TEST(test_bad_deposit), TEST(test_more_than_said)};
	return cmocka_run_group_tests_name("store_deposit", tests, NULL, NULL);
}
