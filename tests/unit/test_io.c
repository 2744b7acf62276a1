/* SPDX-License-Identifier: ISC */
/* test_io.c - lines, limits and deadlines of a conversation, fed whole and one byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/io.h"

enum { LINE_MAX_TEST = 20, IN_MAX = 64 };

struct talk {
	struct io io;
	int peer;
};

static void
begin(struct talk *t)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	io_init(&t->io, pair[0], IN_MAX, 65536);
	t->io.idle_ms = 50;
	t->peer = pair[1];
}

static void
end(struct talk *t)
{
	io_done(&t->io);
	close(t->peer);
}

static const struct {
	const char *in;
	int results[4];
	const char *lines[4];
} rows[] = {
    {"EHLO x\r\nNOOP\r\n", {E_OK, E_OK, E_MORE}, {"EHLO x", "NOOP"}},
    {"\r\n", {E_OK, E_MORE}, {""}},
    {"bare\nNOOP\r\n", {E_BAD, E_OK, E_MORE}, {"", "NOOP"}},
    {"a\rb\r\nNOOP\r\n", {E_BAD, E_OK, E_MORE}, {"", "NOOP"}},
    {"a\r\r\nNOOP\r\n", {E_BAD, E_OK, E_MORE}, {"", "NOOP"}},
    {"123456789012345678\r\nNOOP\r\n", {E_OK, E_OK, E_MORE},
	{"123456789012345678", "NOOP"}},
    {"1234567890123456789\r\nNOOP\r\n", {E_LIMIT, E_OK, E_MORE}, {"", "NOOP"}},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxx\r\nNOOP\r\n",
	{E_LIMIT, E_OK, E_MORE}, {"", "NOOP"}},
    {"unfinished", {E_MORE}, {""}},
};

static void
check_row(size_t row, bool is_bytewise)
{
	struct talk t;
	size_t n = strlen(rows[row].in), sent = 0;
	begin(&t);
	if (is_bytewise)
		t.io.chunk = 1;
	assert_int_equal(send(t.peer, rows[row].in + sent, n - sent, 0), (ssize_t)n);
	for (size_t i = 0; i < 4; i++) {
		struct span line;
		int err = io_line(&t.io, LINE_MAX_TEST, &line);
		assert_int_equal(err, rows[row].results[i]);
		if (err == E_OK)
			assert_true(span_eqs(line, rows[row].lines[i]));
		if (err == E_MORE)
			break;
	}
	end(&t);
}

static void
test_lines(void **s)
{
	(void)s;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_row(i, false);
		check_row(i, true);
	}
}

static void
test_end_of_peer(void **s)
{
	struct talk t;
	struct span line;
	(void)s;
	begin(&t);
	assert_int_equal(send(t.peer, "NOOP\r\nQUI", 9, 0), 9);
	shutdown(t.peer, SHUT_WR);
	assert_int_equal(io_line(&t.io, LINE_MAX_TEST, &line), E_OK);
	assert_int_equal(io_line(&t.io, LINE_MAX_TEST, &line), E_IO);
	end(&t);
}

static void
test_discard(void **s)
{
	struct talk t;
	struct span line;
	(void)s;
	begin(&t);
	assert_int_equal(send(t.peer, "STARTTLS\r\nEHLO x\r\n", 18, 0), 18);
	assert_int_equal(io_line(&t.io, LINE_MAX_TEST, &line), E_OK);
	assert_true(io_has_line(&t.io));
	io_discard(&t.io);
	assert_false(io_has_line(&t.io));
	assert_int_equal(io_line(&t.io, LINE_MAX_TEST, &line), E_MORE);
	end(&t);
}

static void
test_a_peer_that_does_not_read(void **s)
{
	struct talk t;
	int small = 4096;
	char line[1000];
	(void)s;
	begin(&t);
	memset(line, 'x', sizeof line);
	setsockopt(t.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	for (int i = 0; i < 400; i++)
		io_put(&t.io, span_make(line, sizeof line));
	assert_int_not_equal(io_flush(&t.io), E_OK);
	assert_int_not_equal(io_fill(&t.io), E_OK);
	end(&t);
}

static void
test_deadline_over_idle(void **s)
{
	struct talk t;
	int64_t start = clock_mono_ms();
	(void)s;
	begin(&t);
	t.io.idle_ms = 100000;
	t.io.deadline = deadline_in_ms(30);
	assert_int_equal(io_fill(&t.io), E_LIMIT);
	assert_true(clock_mono_ms() - start < 10000);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_end_of_peer), cmocka_unit_test(test_discard),
	    cmocka_unit_test(test_a_peer_that_does_not_read),
	    cmocka_unit_test(test_deadline_over_idle)};
	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
