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

#include "base/clock.h"
#include "conf/conf.h"
#include "login/ticket.h"
#include "proc/monitor.h"
#include "tests/unit/scratch.h"

enum { WAIT_MS = 20000, NOBODY = 0x7ffffff0, UID = 200000 };

static const char account[] = "a@example.test";
static const struct role roles[] = {
    {.name = "session", .monitor_asks = MON_MAY(LOGIN_REDEEM)},
    {.name = "auth", .monitor_asks = MON_MAY(LOGIN_TICKET) | MON_MAY(MON_CHANNEL)}};
static const struct daemon a_daemon = {.name = "smtpd",
    .roles = roles,
    .n_roles = COUNT(roles),
    .extra_asks = login_rows,
    .n_extra_asks = COUNT(login_rows)};

static struct {
	char dir[32];
	struct process *auth, *front;
	int auth_chan, front_chan, session_chan; /* own: their ends */
	struct buf in;
} the;

static struct process *
peer(const char *role, int *chan)
{
	static pid_t pid = NOBODY;
	int pair[2];
	ask_pair(pair);
	struct process *p = process_adopt(pid--, pair[0], role, 0, -1, 0);
	p->is_old = false;
	*chan = pair[1];
	return p;
}

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
	m->daemon = &a_daemon;
	m->loop = loop_new();
	for (size_t i = 0; i < COUNT(roles); i++)
		m->roles[i].rows = mon_rows_of(&roles[i], &m->roles[i].n_rows);
	the.auth = peer("auth", &the.auth_chan);
	the.front = peer("session", &the.front_chan);
	struct process *s = peer("session", &the.session_chan);
	s->owner = mem_dup(account);
	s->owner_uid = UID;
	s->is_idle = true;
	return 0;
}

static int
teardown(void **state)
{
	struct monitor *m = &the_monitor;
	(void)state;
	while (m->processes)
		process_gone(m->processes);
	for (size_t i = 0; i < COUNT(roles); i++)
		free((void *)(uintptr_t)m->roles[i].rows);
	loop_free(&m->loop);
	buf_free(&m->scratch);
	conf_free(&m->conf);
	close(the.auth_chan);
	close(the.front_chan);
	close(the.session_chan);
	buf_free(&the.in);
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
	assert_int_equal(
	    ask_send(the.auth_chan, LOGIN_TICKET, buf_as_span(&b), -1, 0), E_OK);
	buf_free(&b);
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
	assert_int_equal(
	    ask_send(the.front_chan, LOGIN_REDEEM, buf_as_span(&b), fd, 0), E_OK);
	close(fd);
	buf_free(&b);
	assert_int_equal(asker_serve(the.front->asker, &the_monitor.scratch, 1), E_OK);
	assert_int_equal(
	    ask_recv(the.front_chan, &the.in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	unsigned said = rd_u8(&m.body);
	assert_int_equal(rd_end(&m.body), E_OK);
	return said;
}

static bool
session_gets_client(void)
{
	struct ask_msg m;
	if (ask_recv(the.session_chan, &the.in, &m, 0) != E_OK)
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
	assert_int_equal(ask_next(the.auth->chan), ASK_NONE);
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
	assert_int_equal(
	    ask_send(the.auth_chan, MON_CHANNEL, buf_as_span(&b), -1, 0), E_OK);
	buf_free(&b);
	tell(ticket);
	assert_int_equal(hand_in(ticket), REDEEM_NOT);
	assert_int_equal(ask_next(the.auth->chan), MON_CHANNEL);
}

/* More that begin alike than there are places: the oldest go, the newest are good. */
static void
test_alike(void **state)
{
	struct id ids[20];
	unsigned n = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		ids[i] = id_new();
		ids[i].b[0] = ids[i].b[1] = 7;
		tell(ids[i]);
	}
	for (size_t i = COUNT(ids); i-- > 0;) {
		struct process *p;
		bool is_good = hand_in(ids[i]) == REDEEM_OK;
		assert_int_equal(session_gets_client(), is_good);
		n += is_good;
		assert_true(is_good || i < COUNT(ids) - 1);
		for (p = the_monitor.processes; p; p = p->next)
			if (p->owner)
				p->is_idle = true;
	}
	assert_in_range(n, 4, COUNT(ids) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ask_between, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_alike, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
