/* SPDX-License-Identifier: ISC */
/* sleep_peers.c - what sessions that sleep, and nests, say to the monitor and hear from it. */
#include "tests/unit/sleep_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char sleep_account[] = "a@x.test";
static const struct role roles[] = {
    {.name = "session", .flags = ROLE_SESSION, .monitor_asks = ~0u},
    {.name = "nest", .flags = ROLE_NEST, .monitor_asks = ~0u}};
static struct ask_row rows[SLEEP_ASKS_END - MON_EXTRA];
static const struct daemon a_daemon = {.name = "imapd",
    .roles = roles,
    .n_roles = COUNT(roles),
    .extra_asks = rows,
    .n_extra_asks = COUNT(rows)};

int
sleep_setup(void **state)
{
	(void)state;
	memcpy(rows, login_rows, sizeof login_rows);
	memcpy(rows + COUNT(login_rows), sleep_rows, sizeof sleep_rows);
	login_session_role = &roles[0];
	peers_begin(&a_daemon);
	return 0;
}

int
sleep_teardown(void **state)
{
	(void)state;
	peers_end();
	return 0;
}

/* ---- sessions ---- */

struct peer
session_new(void)
{
	struct peer s = peer_new("session");
	s.process->owner = mem_dup(sleep_account);
	s.process->home = mem_dup("/nowhere");
	session_serves(&s);
	return s;
}

void
session_serves(struct peer *s)
{
	s->process->is_idle = false;
	s->process->has_client = true;
	process_serves(s->process, SPAN("192.0.2.1"), span_of(sleep_account), 0);
}

void
session_idles(struct peer *s)
{
	process_serves(s->process, SPAN(""), SPAN(""), 0);
	s->process->is_idle = true;
	s->process->has_client = false;
}

static void
say_sleep(struct peer *s, uint16_t type,
    void (*say)(struct peer *, uint16_t, struct buf *, int))
{
	struct buf body = {0};
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	buf_bytes(&body, SPAN("facts"));
	buf_u8(&body, 0);
	buf_u64(&body, 1);
	buf_u8(&body, 0);
	buf_bytes(&body, SPAN("state"));
	say(s, type, &body, pair[0]);
	close(pair[0]);
	close(pair[1]);
}

bool
session_lies_down(struct peer *s)
{
	say_sleep(s, SLEEP_BEGIN, peer_tells);
	struct ask_msg m = peer_heard(s);
	assert_int_equal(m.type, SLEEP_BEGIN | ASK_REPLY);
	return rd_u8(&m.body) == 1;
}

void
session_lies_down_later(struct peer *s)
{
	say_sleep(s, SLEEP_BEGIN, peer_says);
}

void
session_again(struct peer *s)
{
	say_sleep(s, SLEEP_AGAIN, peer_tells);
}

void
session_again_later(struct peer *s)
{
	say_sleep(s, SLEEP_AGAIN, peer_says);
}

/* ---- nests ---- */

unsigned
nest_heard(struct peer *nest, struct id *id)
{
	struct ask_msg m = peer_heard(nest);
	assert_int_equal(m.type, CTL_CLIENT);
	unsigned kind = rd_u32(&m.body);
	struct rd about = rd_of(rd_str(&m.body, CHILD_ABOUT_MAX));
	rd_id(&about, id);
	return kind;
}

void
nest_heard_sleep(struct peer *nest, struct id *id)
{
	assert_int_equal(nest_heard(nest, id), NEST_SLEEP);
}

void
nest_heard_awake(struct peer *nest, struct id want)
{
	struct id id;
	assert_int_equal(nest_heard(nest, &id), NEST_AWAKE);
	assert_true(id_eq(id, want));
}

void
nest_wakes(struct peer *nest, struct id id, bool is_change)
{
	struct buf body = {0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	buf_put(&body, id.b, ID_BYTES);
	buf_u8(&body, is_change);
	buf_bytes(&body, SPAN("state"));
	peer_tells(nest, SLEEP_WAKE, &body, fd);
	close(fd);
}
