/* SPDX-License-Identifier: ISC */
/*
 * test_ticket.c - tickets of logins at the monitor: what auth told counts though it was not read yet, and each ticket
 * is handed in once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "login/ticket.h"
#include "tests/unit/monitor_peers.h"
#include "tests/unit/scratch.h"

enum { UID = 200000 };

static const char account[] = "a@example.test";
static const struct role roles[] = {
    {.name = "session", .monitor_asks = MON_MAY(LOGIN_REDEEM)},
    {.name = "auth",
	.flags = ROLE_TELLS,
	.monitor_asks = MON_MAY(LOGIN_TICKET) | MON_MAY(MON_CHANNEL)}};
static const struct daemon a_daemon = {.name = "smtpd",
    .roles = roles,
    .n_roles = COUNT(roles),
    .extra_asks = login_rows,
    .n_extra_asks = COUNT(login_rows)};

static struct {
	char dir[32];
	struct peer auth, front, session;
} the;

static int
setup(void **state)
{
	struct monitor *m = &the_monitor;
	struct buf errors = {0};
	char path[64];
	(void)state;
	snprintf(the.dir, sizeof the.dir, "/tmp/test_ticket.XXXXXX");
	assert_non_null(mkdtemp(the.dir));
	snprintf(path, sizeof path, "%s/conf", the.dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "version = 1\ncommon {\n\tmail_dir = \"%s\"\n}\n", the.dir);
	fclose(f);
	assert_int_equal(conf_load(path, &errors, &m->conf), E_OK);
	buf_free(&errors);
	login_session_role = &roles[0];
	peers_begin(&a_daemon);
	the.auth = peer_new("auth");
	the.front = peer_new("session");
	the.session = peer_new("session");
	struct process *s = the.session.process;
	s->owner = mem_dup(account);
	s->owner_uid = UID;
	s->is_idle = true;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peers_end();
	conf_free(&the_monitor.conf);
	peer_free(&the.auth);
	peer_free(&the.front);
	peer_free(&the.session);
	scratch_remove(the.dir);
	return 0;
}

static void
tell(struct id ticket)
{
	struct buf b = {0};
	buf_put(&b, ticket.b, ID_BYTES);
	buf_bytes(&b, span_of(account));
	buf_u32(&b, UID);
	buf_u32(&b, UID);
	buf_bytes(&b, SPAN("example.test/a"));
	buf_u64(&b, 0); /* days */
	buf_u64(&b, 0);
	buf_u64(&b, 0);
	peer_says(&the.auth, LOGIN_TICKET, &b, -1);
}

/* What the monitor says to a front that comes before anybody else is heard. */
static unsigned
hand_in(struct id ticket)
{
	const struct login_client c = {.client = SPAN("192.0.2.1"),
	    .sid = SPAN("s"),
	    .mechanisms = SPAN(""),
	    .tag = SPAN(""),
	    .input = SPAN("")};
	struct buf b = {0};
	struct ask_msg m;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	buf_put(&b, ticket.b, ID_BYTES);
	login_client_put(&b, &c);
	peer_says(&the.front, LOGIN_REDEEM, &b, fd);
	close(fd);
	assert_int_equal(
	    asker_serve(the.front.process->asker, &the_monitor.scratch, 1), E_OK);
	m = peer_hears(&the.front);
	unsigned said = rd_u8(&m.body);
	assert_int_equal(rd_end(&m.body), E_OK);
	return said;
}

static bool
session_gets_client(void)
{
	struct ask_msg m;
	if (ask_recv(the.session.chan, &the.session.in, &m, 0) != E_OK)
		return false;
	assert_int_equal(m.type, CTL_CLIENT);
	assert_true(m.fd >= 0);
	close(m.fd);
	return true;
}

static void
test_unread(void **state)
{
	struct id first = id_new(), second = id_new();
	(void)state;
	tell(second);
	tell(first);
	assert_int_equal(hand_in(first), REDEEM_OK);
	assert_true(session_gets_client());
	assert_int_equal(hand_in(first), REDEEM_NOT); /* once */
	assert_false(session_gets_client());
	assert_int_equal(ask_next(the.auth.process->chan), ASK_NONE);
}

/* One that it told just before it died is good. */
static void
test_last_words(void **state)
{
	struct id ticket = id_new();
	(void)state;
	tell(ticket);
	process_gone(the.auth.process);
	assert_int_equal(hand_in(ticket), REDEEM_OK);
	assert_true(session_gets_client());
}

/* More than one turn of the monitor reads, and all of them are before it. */
static void
test_crowd(void **state)
{
	struct id ids[100];
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++)
		tell(ids[i] = id_new());
	assert_int_equal(hand_in(ids[COUNT(ids) - 1]), REDEEM_OK);
	assert_true(session_gets_client());
}

static void
test_unknown(void **state)
{
	(void)state;
	tell(id_new());
	assert_int_equal(hand_in(id_new()), REDEEM_NOT);
	assert_false(session_gets_client());
}

/* Who waits for an answer has said nothing behind it: that ask is served in its turn. */
static void
test_ask_between(void **state)
{
	struct buf b = {0};
	struct id ticket = id_new();
	(void)state;
	buf_bytes(&b, SPAN("nobody"));
	peer_says(&the.auth, MON_CHANNEL, &b, -1);
	tell(ticket);
	assert_int_equal(hand_in(ticket), REDEEM_NOT);
	assert_int_equal(ask_next(the.auth.process->chan), MON_CHANNEL);
}

/* The monitor hears what is told when one is handed in that it does not know. */
static void
hear(void)
{
	assert_int_equal(hand_in(id_new()), REDEEM_NOT);
}

/* More than there are places: the oldest go, all others are good. */
static void
test_most(void **state)
{
	static struct id ids[TICKETS_MOST + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		tell(ids[i] = id_new());
		if (i % 64 == 63)
			hear();
	}
	hear();
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_int_equal(hand_in(ids[i]), i < 2 ? REDEEM_NOT : REDEEM_OK);
		assert_int_equal(session_gets_client(), i >= 2);
		the.session.process->is_idle = true;
		the.session.process->has_client = false;
	}
	tell(ids[0]);
	assert_int_equal(hand_in(ids[0]), REDEEM_OK);
	assert_true(session_gets_client());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ask_between, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_most, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
