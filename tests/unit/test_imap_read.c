/* SPDX-License-Identifier: ISC */
/*
 * test_imap_read.c - how long a mailbox that was left is kept for a SELECT: until its client is
 * waited for in the middle of a command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "imapd/command.h"

/*
 * ---- the store: one was left; and its client, who says the rest only when the keeper was told
 * ----
 */

static struct {
	int client;
	const char *rest; /* said when it is given up */
	bool is_left;
	unsigned told;
} world;

static void
say(const char *words)
{
	struct span s = span_of(words);
	assert_int_equal(write(world.client, s.p, s.n), (ssize_t)s.n);
}

bool __wrap_store_is_unselecting(const struct store *);
void __wrap_store_unselect_now(struct store *);

bool
__wrap_store_is_unselecting(const struct store *s)
{
	(void)s;
	return world.is_left;
}

void
__wrap_store_unselect_now(struct store *s)
{
	(void)s;
	if (!world.is_left)
		return;
	world.is_left = false;
	world.told++;
	say(world.rest);
}

/* ---- a session ---- */

static struct session
start(const char *rest)
{
	int pair[2];
	struct session s = {.arena = {.max_bytes = IMAP_ARENA_MAX},
	    .command = {.max = IMAP_COMMAND_MAX + IMAP_LINE_MAX}};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	io_init(&s.io, pair[0], IMAP_LINE_MAX + IMAP_IN_CHUNK, IMAP_OUT_MAX);
	s.io.idle_ms = 4 * IMAP_LEFT_MS; /* a test that fails ends */
	world.client = pair[1];
	world.rest = rest;
	world.is_left = true;
	world.told = 0;
	return s;
}

static void
must_read(struct session *s, const char *answer)
{
	assert_int_equal(command_read(s), E_OK);
	assert_true(span_ends(buf_as_span(&s->io.out), span_of(answer)));
	assert_int_equal(s->io.deadline, DEADLINE_NONE);
}

static void
finish(struct session *s)
{
	close(world.client);
	io_done(&s->io);
	arena_reset(&s->arena);
	buf_free(&s->command);
	buf_free(&s->code);
}

static void
test_silence(void **state)
{
	(void)state;
	struct session s = start("a CAPABILITY\r\n");
	must_read(&s, "a OK CAPABILITY completed\r\n");
	assert_int_equal(world.told, 1);
	finish(&s);
}

static void
test_half_a_line(void **state)
{
	(void)state;
	struct session s = start("ABILITY\r\n");
	say("a CAP");
	must_read(&s, "a OK CAPABILITY completed\r\n");
	assert_int_equal(world.told, 1);
	finish(&s);
}

/* Pipelined behind the command that left it: it is here already, and not whole. */
static void
test_half_a_line_ahead(void **state)
{
	(void)state;
	struct session s = start("ABILITY\r\n");
	say("a XYZZY\r\nb CAP");
	world.is_left = false;
	must_read(&s, "a BAD no such command\r\n");
	world.is_left = true;
	must_read(&s, "b OK CAPABILITY completed\r\n");
	assert_int_equal(world.told, 1);
	finish(&s);
}

static void
test_literal(void **state)
{
	(void)state;
	struct session s = start("abc\r\n");
	say("a XYZZY {3}\r\n");
	must_read(&s, "a BAD no such command\r\n");
	assert_int_equal(world.told, 1);
	finish(&s);
}

/* A line that is whole is read first: it may select the mailbox again. */
static void
test_whole_line(void **state)
{
	(void)state;
	struct session s = start("");
	say("a XYZZY\r\n");
	must_read(&s, "a BAD no such command\r\n");
	assert_int_equal(world.told, 0);
	finish(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_half_a_line),
	    cmocka_unit_test(test_half_a_line_ahead),
	    cmocka_unit_test(test_literal),
	    cmocka_unit_test(test_whole_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
