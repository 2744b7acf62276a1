/* SPDX-License-Identifier: ISC */
/* test_ask.c - asks between processes: what a row allows, and what ends the asker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/ask.h"

enum { PH_EARLY = 1, PH_LATE = 2 };

enum { ECHO = 1, OFTEN, LATE, OPEN, LATER, COUNT_ASKS };

static int
echo(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span s = rd_str(body, 16);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_bytes(reply, s);
	return E_OK;
}

static int
give_fd(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)body, (void)fd, (void)reply;
	*fd_back = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return *fd_back >= 0 ? E_OK : E_IO;
}

static int
later(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)body, (void)fd, (void)reply, (void)fd_back;
	return E_MORE;
}

static const struct ask_row rows[COUNT_ASKS] = {
    [ECHO] = {"ECHO", PH_EARLY | PH_LATE, 0, 20, false, echo},
    [OFTEN] = {"OFTEN", PH_EARLY, 3, 20, false, echo},
    [LATE] = {"LATE", PH_LATE, 0, 20, false, echo},
    [OPEN] = {"OPEN", PH_EARLY, 0, 0, true, give_fd},
    [LATER] = {"LATER", PH_EARLY, 0, 0, false, later},
};

struct both {
	int mine;
	struct asker *theirs;
	struct buf scratch, in;
};

static int
setup(void **state)
{
	struct both *b = mem_new(sizeof *b);
	int pair[2];
	log_level(LOG_EMERG); /* what ends an asker is logged; here it is expected */
	ask_pair(pair);
	b->mine = pair[0];
	b->theirs = asker_new(pair[1], rows, COUNT_ASKS, "test", NULL);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct both *b = *state;
	if (b->mine >= 0)
		close(b->mine);
	asker_free(&b->theirs);
	buf_free(&b->scratch);
	buf_free(&b->in);
	mem_free(state);
	return 0;
}

/* Sends one ask with these bytes, lets the other side serve; its result. */
static int
give(struct both *b, uint16_t type, struct span body)
{
	assert_int_equal(ask_send(b->mine, type, body, -1, 0), E_OK);
	return asker_serve(b->theirs, &b->scratch, 8);
}

static const char hello[] = "\5\0\0\0hello";

static void
test_answered(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	assert_int_equal(give(b, ECHO, span_make(hello, 9)), E_OK);
	assert_int_equal(ask_recv(b->mine, &b->in, &m, deadline_in_ms(1000)), E_OK);
	assert_int_equal(m.type, ECHO | ASK_REPLY);
	assert_true(span_eqs(rd_str(&m.body, 16), "hello"));
	assert_int_equal(m.fd, -1);
}

static void
test_cut_short_anywhere(void **state)
{
	for (size_t n = 0; n < 9; n++) {
		struct both *b = *state;
		assert_int_equal(give(b, ECHO, span_make(hello, n)), E_BAD);
		teardown(state);
		setup(state);
	}
}

static void
test_bytes_behind_the_end(void **state)
{
	assert_int_equal(give(*state, ECHO, span_make(hello, sizeof hello)), E_BAD);
}

static void
test_too_long(void **state)
{
	char big[64] = {0};
	assert_int_equal(give(*state, ECHO, span_make(big, 21)), E_LIMIT);
}

static void
test_too_often(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(give(*state, OFTEN, span_make(hello, 9)), E_OK);
	assert_int_equal(give(*state, OFTEN, span_make(hello, 9)), E_LIMIT);
}

static void
test_out_of_turn(void **state)
{
	struct both *b = *state;
	b->theirs->phase = PH_EARLY;
	assert_int_equal(give(b, LATE, span_make(hello, 9)), E_DENY);
	b->theirs->phase = PH_LATE;
	assert_int_equal(give(b, LATE, span_make(hello, 9)), E_OK);
	assert_int_equal(give(b, OFTEN, span_make(hello, 9)), E_DENY);
}

static void
test_unknown(void **state)
{
	assert_int_equal(give(*state, 0, SPAN("")), E_BAD);
	teardown(state);
	setup(state);
	assert_int_equal(give(*state, COUNT_ASKS, SPAN("")), E_BAD);
	teardown(state);
	setup(state);
	assert_int_equal(give(*state, ECHO | ASK_REPLY, SPAN("")), E_BAD);
}

static void
test_one_byte_is_no_message(void **state)
{
	struct both *b = *state;
	assert_int_equal(send(b->mine, "x", 1, 0), 1);
	assert_int_equal(asker_serve(b->theirs, &b->scratch, 8), E_BAD);
}

static void
test_peer_gone(void **state)
{
	struct both *b = *state;
	close(b->mine);
	b->mine = -1;
	assert_int_equal(asker_serve(b->theirs, &b->scratch, 8), E_IO);
}

static void
test_descriptor_back(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	assert_int_equal(give(b, OPEN, SPAN("")), E_OK);
	assert_int_equal(ask_recv(b->mine, &b->in, &m, deadline_in_ms(1000)), E_OK);
	assert_true(m.fd >= 0);
	assert_true(fcntl(m.fd, F_GETFD) & FD_CLOEXEC);
	close(m.fd);
}

static void
test_descriptors_are_not_collected(void **state)
{
	struct both *b = *state;
	int next = dup(0);
	close(next);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    ask_send(b->mine, ECHO, span_make(hello, 9), 0, 0), E_OK);
		assert_int_equal(asker_serve(b->theirs, &b->scratch, 8), E_OK);
	}
	int now = dup(0);
	assert_int_equal(now, next);
	close(now);
}

static void
test_answered_later(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	assert_int_equal(give(b, LATER, SPAN("")), E_OK);
	assert_int_equal(ask_recv(b->mine, &b->in, &m, 0), E_LIMIT);
	assert_int_equal(ask_answer(b->theirs, LATER, SPAN("now"), -1), E_OK);
	assert_int_equal(ask_recv(b->mine, &b->in, &m, 0), E_OK);
	assert_int_equal(m.type, LATER | ASK_REPLY);
}

/* Who leaves unread what it was told has said something before. */
static void
test_last_words(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	for (int64_t deadline = 0;; deadline = deadline_in_ms(1000)) {
		int pair[2];
		ask_pair(pair);
		assert_int_equal(ask_send(pair[1], ECHO, SPAN("last"), -1, 0), E_OK);
		assert_int_equal(ask_send(pair[1], LATER, SPAN("words"), -1, 0), E_OK);
		assert_int_equal(
		    ask_send(pair[0], ECHO, SPAN("never read"), -1, 0), E_OK);
		close(pair[1]);
		assert_int_equal(ask_recv(pair[0], &b->in, &m, deadline), E_OK);
		assert_int_equal(m.type, ECHO);
		assert_int_equal(ask_recv(pair[0], &b->in, &m, deadline), E_OK);
		assert_int_equal(m.type, LATER);
		assert_int_equal(ask_recv(pair[0], &b->in, &m, deadline), E_IO);
		close(pair[0]);
		if (deadline)
			break;
	}
}

static void
test_deadline(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	int64_t begin = clock_mono_ms();
	assert_int_equal(ask_recv(b->mine, &b->in, &m, deadline_in_ms(30)), E_LIMIT);
	assert_true(clock_mono_ms() - begin >= 29);
}

/* What was asked before it can still be read. */
static void
test_is_over(void **state)
{
	struct both *b = *state;
	struct ask_msg m;
	assert_int_equal(ask_send(b->mine, ECHO, span_make(hello, 9), -1, 0), E_OK);
	assert_false(ask_is_over(b->theirs->chan));
	close(b->mine);
	b->mine = -1;
	assert_true(ask_is_over(b->theirs->chan));
	assert_int_equal(ask_recv(b->theirs->chan, &b->in, &m, 0), E_OK);
	assert_int_equal(m.type, ECHO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_answered),
	    TEST(test_cut_short_anywhere), TEST(test_bytes_behind_the_end),
	    TEST(test_too_long), TEST(test_too_often), TEST(test_out_of_turn),
	    TEST(test_unknown), TEST(test_one_byte_is_no_message), TEST(test_peer_gone),
	    TEST(test_descriptor_back), TEST(test_descriptors_are_not_collected),
	    TEST(test_answered_later), TEST(test_last_words), TEST(test_deadline),
	    TEST(test_is_over)};
	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
