/* SPDX-License-Identifier: ISC */
/*
 * test_sleep.c - sessions that sleep: what the monitor lets a session and a nest do, and a nest
 * that is given what it cannot wait for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "login/nest.h"
#include "login/sleep.h"
#include "proc/child.h"
#include "proc/monitor.h"

enum {
	WAIT_MS = 20000,
	NOBODY = 0x7ffffff0, /* and below it: numbers that no process has */
	MANY = 3 * NEST_RETIRED_MOST,
	FIT = 2,           /* into a nest, where there are several */
	NEST_OWN_FDS = 24, /* of a nest with nothing in it, and of this test; at most */
};

static const char account[] = "a@x.test";
static const struct role roles[] = {
    {.name = "session", .flags = ROLE_SESSION, .monitor_asks = ~0u},
    {.name = "nest", .flags = ROLE_NEST, .monitor_asks = ~0u}};
static struct ask_row rows[SLEEP_ASKS_END - MON_EXTRA];
static const struct daemon a_daemon = {.name = "imapd",
    .roles = roles,
    .n_roles = COUNT(roles),
    .extra_asks = rows,
    .n_extra_asks = COUNT(rows)};

/* ---- a monitor, without processes ---- */

struct peer {
	struct process *process;
	int chan; /* own: its end */
	struct buf in;
};

static int
monitor_setup(void **state)
{
	struct monitor *m = &the_monitor;
	(void)state;
	memcpy(rows, login_rows, sizeof login_rows);
	memcpy(rows + COUNT(login_rows), sleep_rows, sizeof sleep_rows);
	login_session_role = &roles[0];
	m->daemon = &a_daemon;
	m->loop = loop_new();
	for (size_t i = 0; i < COUNT(roles); i++)
		m->roles[i].rows = mon_rows_of(&roles[i], &m->roles[i].n_rows);
	return 0;
}

static int
monitor_teardown(void **state)
{
	struct monitor *m = &the_monitor;
	(void)state;
	while (m->processes)
		process_gone(m->processes);
	for (size_t i = 0; i < COUNT(roles); i++)
		free((void *)(uintptr_t)m->roles[i].rows);
	loop_timer_free(&m->late);
	loop_free(&m->loop);
	buf_free(&m->scratch);
	return 0;
}

static struct peer
peer_new(const char *role)
{
	static pid_t pid = NOBODY;
	int chan[2];
	ask_pair(chan);
	struct process *p = process_adopt(pid--, chan[0], role, 0, -1, 0);
	p->is_old = false;
	return (struct peer){.process = p, .chan = chan[1]};
}

static void
peer_free(struct peer *p)
{
	close(p->chan);
	buf_free(&p->in);
}

static void
get_client(struct peer *s)
{
	s->process->is_idle = false;
	s->process->has_client = true;
	process_serves(s->process, SPAN("192.0.2.1"), span_of(account), 0);
}

static struct peer
session_new(void)
{
	struct peer s = peer_new("session");
	s.process->owner = mem_dup(account);
	s.process->home = mem_dup("/nowhere");
	get_client(&s);
	return s;
}

static void
say(struct peer *p, uint16_t type, struct buf *body, int fd)
{
	int64_t deadline = deadline_in_ms(WAIT_MS);
	assert_int_equal(
	    ask_send(p->chan, type, buf_as_span(body), fd, deadline), E_OK);
	buf_free(body);
	loop_once(the_monitor.loop);
}

/* What the monitor said; its descriptor is closed. */
static struct ask_msg
hear(struct peer *p)
{
	struct ask_msg m = {.fd = -1};
	assert_int_equal(ask_recv(p->chan, &p->in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	if (m.fd >= 0)
		close(m.fd);
	return m;
}

static void
hears_nothing(struct peer *p)
{
	struct ask_msg m;
	assert_int_equal(ask_recv(p->chan, &p->in, &m, 0), E_LIMIT);
}

static void
sleep_put(struct buf *b)
{
	buf_bytes(b, SPAN("facts"));
	buf_u8(b, 0);
	buf_u64(b, 1);
	buf_u8(b, 0);
	buf_bytes(b, SPAN("state"));
}

static void
say_sleep(struct peer *s, uint16_t type)
{
	struct buf body = {0};
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	sleep_put(&body);
	say(s, type, &body, pair[0]);
	close(pair[0]);
	close(pair[1]);
}

static bool
fall_asleep(struct peer *s)
{
	say_sleep(s, SLEEP_BEGIN);
	struct ask_msg m = hear(s);
	assert_int_equal(m.type, SLEEP_BEGIN | ASK_REPLY);
	return rd_u8(&m.body) == 1;
}

/* The kind of CTL_CLIENT, and the sleeper. */
static unsigned
nest_hears(struct peer *nest, struct id *id)
{
	struct ask_msg m = hear(nest);
	assert_int_equal(m.type, CTL_CLIENT);
	unsigned kind = rd_u32(&m.body);
	struct rd about = rd_of(rd_str(&m.body, CHILD_ABOUT_MAX));
	rd_id(&about, id);
	return kind;
}

/* ---- what the monitor lets them do ---- */

/* With as many clients as were passed to it: of each other one the limits would not know. */
static void
test_once(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id id;
	(void)state;
	assert_true(fall_asleep(&s));
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	assert_false(fall_asleep(&s));
	hears_nothing(&nest);
	get_client(&s); /* the next one came */
	assert_true(fall_asleep(&s));
	get_client(&s);
	struct buf none = {0};
	say(&s, LOGIN_IDLE, &none, -1); /* and left */
	assert_false(fall_asleep(&s));
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

static void
nest_wakes(struct peer *nest, struct id id, bool is_change)
{
	struct buf body = {0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	buf_put(&body, id.b, ID_BYTES);
	buf_u8(&body, is_change);
	buf_bytes(&body, SPAN("state"));
	say(nest, SLEEP_WAKE, &body, fd);
	close(fd);
}

static void
be_idle(struct peer *s)
{
	process_serves(s->process, SPAN(""), SPAN(""), 0);
	s->process->is_idle = true;
	s->process->has_client = false;
}

/* It is kicked once it is a session again, where the nest wakes it already. */
static void
test_kick(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), idle = session_new();
	struct id id, kicked;
	(void)state;
	assert_true(fall_asleep(&s));
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	s.process->is_idle = false;
	be_idle(&idle);
	assert_int_equal(monitor_kick(span_of(account), SPAN("")), 1);
	assert_int_equal(nest_hears(&nest, &kicked), NEST_KICK);
	assert_true(id_eq(id, kicked));
	nest_wakes(&nest, id, true);
	assert_int_equal(hear(&idle).type, CTL_CLIENT);
	assert_int_equal(hear(&idle).type, CTL_KICK);
	assert_null(sleeper_of(id));
	process_gone(idle.process);
	process_gone(nest.process);
	process_gone(s.process);
	loop_once(the_monitor.loop); /* until it would have been killed */
	peer_free(&idle);
	peer_free(&s);
	peer_free(&nest);
}

/* However many they are, their nest is told at once: it may not read in time what is more. */
static void
test_kick_all(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id id;
	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		get_client(&s);
		assert_true(fall_asleep(&s));
		assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	}
	process_serves(s.process, SPAN(""), SPAN(""), 0);
	assert_int_equal(monitor_kick(SPAN("b@x.test"), SPAN("")), 0);
	assert_int_equal(monitor_kick(SPAN(""), SPAN("192.0.2.1")), MANY);
	struct ask_msg m = hear(&nest);
	assert_int_equal(rd_u32(&m.body), NEST_KICK);
	assert_int_equal(rd_str(&m.body, CHILD_ABOUT_MAX).n, MANY * ID_BYTES);
	hears_nothing(&nest);
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

static void
set_descriptors(rlim_t n)
{
	struct rlimit r;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	r.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
}

static void
end_one(struct peer *nest)
{
	struct buf body = {0};
	struct id id;
	assert_int_equal(nest_hears(nest, &id), NEST_SLEEP);
	buf_put(&body, id.b, ID_BYTES);
	say(nest, SLEEP_ENDED, &body, -1);
}

/* Into the fullest that has room.  One that became empty ends; the last one stays. */
static void
test_several(void **state)
{
	struct peer nests[] = {peer_new("nest"), peer_new("nest")}, s = session_new();
	struct rlimit was;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	set_descriptors(SLEEPER_FDS_SPARE + FIT * SLEEPER_FDS + SLEEPER_FDS - 1);
	for (unsigned i = 0; i < FIT * COUNT(nests); i++) {
		get_client(&s);
		assert_true(fall_asleep(&s));
		unsigned a = nests[0].process->n_sleepers,
			 b = nests[1].process->n_sleepers;
		assert_int_equal(a > b ? a : b, i < FIT ? i + 1 : FIT);
		assert_int_equal(a + b, i + 1);
	}
	get_client(&s);
	assert_false(fall_asleep(&s)); /* nor may there be more of them */
	for (unsigned i = 0; i < FIT; i++)
		end_one(&nests[0]);
	assert_int_equal(hear(&nests[0]).type, CTL_DRAIN);
	assert_true(nests[0].process->is_old);
	assert_false(fall_asleep(&s)); /* it takes nobody any more */
	end_one(&nests[1]);
	assert_true(fall_asleep(&s));
	end_one(&nests[1]);
	end_one(&nests[1]);
	hears_nothing(&nests[1]);
	assert_int_equal(nests[1].process->n_sleepers, 0);
	set_descriptors(was.rlim_cur);
	peer_free(&s);
	for (size_t i = 0; i < COUNT(nests); i++)
		peer_free(&nests[i]);
}

/* ---- sleepers that stand behind another one ---- */

enum { BEHIND = 3 };

/* Some of one account, which a change wakes: the first has s, the others are in its queue. */
static struct peer
queue_of(struct peer *nest, struct peer *s, struct id ids[BEHIND])
{
	for (size_t i = 0; i < BEHIND; i++) {
		get_client(s);
		assert_true(fall_asleep(s));
		assert_int_equal(nest_hears(nest, &ids[i]), NEST_SLEEP);
	}
	for (size_t i = 0; i < BEHIND; i++)
		nest_wakes(nest, ids[i], true);
	assert_int_equal(hear(s).type, CTL_CLIENT);
	struct ask_msg m = {.fd = -1};
	assert_int_equal(ask_recv(s->chan, &s->in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	assert_int_equal(m.type, CTL_QUEUE);
	hears_nothing(s);
	return (struct peer){.chan = m.fd};
}

static void
nest_hears_awake(struct peer *nest, struct id want)
{
	struct id id;
	assert_int_equal(nest_hears(nest, &id), NEST_AWAKE);
	assert_true(id_eq(id, want));
}

/* Each is passed on without a word of the monitor, and sleeps again without an answer. */
static void
test_behind(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id ids[BEHIND], id;
	struct peer queue = queue_of(&nest, &s, ids);
	(void)state;
	for (size_t i = 0; i < BEHIND; i++) {
		assert_false(s.process->is_idle);
		if (i > 0)
			assert_int_equal(hear(&queue).type, CTL_CLIENT);
		say_sleep(&s, SLEEP_AGAIN);
		assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
		nest_hears_awake(&nest, ids[i]);
	}
	assert_true(s.process->is_idle);
	hears_nothing(&queue);
	hears_nothing(&s);
	sleepers_lost(nest.process);
	peer_free(&queue);
	peer_free(&s);
	peer_free(&nest);
}

/* What takes them from behind one that stays with its client, or is no more. */
static void
be_late(struct peer *s)
{
	int64_t begun = clock_mono_ms();
	while (s->process->behind)
		loop_once(the_monitor.loop);
	assert_in_range(
	    clock_mono_ms() - begun, WAKE_BEHIND_MS / 2, WAKE_BEHIND_MS + WAIT_MS);
}

static void
be_awake(struct peer *s)
{
	struct buf none = {0};
	say(s, SLEEP_AWAKE, &none, -1);
}

static void
die(struct peer *s)
{
	process_gone(s->process);
}

/* The one that s had taken stays with it; of the others the next session has the first. */
static void
goes_elsewhere(void (*how)(struct peer *), size_t n_taken)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[BEHIND], id;
	struct peer queue = queue_of(&nest, &s, ids);
	be_idle(&other);
	for (size_t i = 1; i < n_taken;
	     i++) /* it sleeps again, which is not said yet */
		assert_int_equal(hear(&queue).type, CTL_CLIENT);
	how(&s);
	assert_int_equal(hear(&other).type, CTL_CLIENT);
	if (n_taken < BEHIND - 1)
		assert_int_equal(hear(&other).type, CTL_QUEUE);
	hears_nothing(&other);
	if (how == die)
		for (size_t i = 0; i < n_taken; i++)
			nest_hears_awake(&nest, ids[i]);
	say_sleep(&other, SLEEP_AGAIN);
	if (how == be_awake)
		nest_hears_awake(&nest, ids[0]);
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	nest_hears_awake(&nest, ids[n_taken]);
	sleepers_lost(nest.process);
	peer_free(&queue);
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

static void
test_behind_late(void **state)
{
	(void)state;
	goes_elsewhere(be_late, 1);
}

static void
test_behind_awake(void **state)
{
	(void)state;
	goes_elsewhere(be_awake, 1);
}

static void
test_behind_dead(void **state)
{
	(void)state;
	goes_elsewhere(die, 1);
}

static void
test_behind_dead_later(void **state)
{
	(void)state;
	goes_elsewhere(die, 2);
}

/* Its next one was passed on, and it did not come to take it yet: that one stays its own. */
static void
test_behind_untaken(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[BEHIND], id;
	struct ask_msg m = {.fd = -1};
	struct peer queue = queue_of(&nest, &s, ids);
	(void)state;
	be_idle(&other);
	say_sleep(&s, SLEEP_AGAIN);
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	nest_hears_awake(&nest, ids[0]);
	wake_all();
	assert_int_equal(hear(&other).type, CTL_CLIENT);
	hears_nothing(&other);
	assert_int_equal(
	    ask_recv(queue.chan, &queue.in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	assert_int_equal(m.type, CTL_CLIENT);
	assert_true(m.fd >= 0);
	close(m.fd);
	hears_nothing(&queue);
	say_sleep(&s, SLEEP_AGAIN);
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	nest_hears_awake(&nest, ids[1]);
	sleepers_lost(nest.process);
	peer_free(&queue);
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

/* What it said last counts: the one that it put to sleep sleeps. */
static void
test_last_words(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[BEHIND], id;
	struct buf body = {0};
	struct peer queue = queue_of(&nest, &s, ids);
	int pair[2];
	(void)state;
	be_idle(&other);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	sleep_put(&body);
	assert_int_equal(
	    ask_send(s.chan, SLEEP_AGAIN, buf_as_span(&body), pair[0], 0), E_OK);
	buf_free(&body);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(hear(&queue).type, CTL_CLIENT);
	die(&s);
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	nest_hears_awake(&nest, ids[0]);
	assert_int_equal(hear(&other).type, CTL_CLIENT);
	hears_nothing(&other);
	nest_hears_awake(&nest, ids[1]); /* that one is lost with it */
	say_sleep(&other, SLEEP_AGAIN);
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	nest_hears_awake(&nest, ids[2]);
	sleepers_lost(nest.process);
	peer_free(&queue);
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

/* Who is kicked does not go on because it fell asleep meanwhile. */
static void
test_kicked_asleep(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id id;
	(void)state;
	get_client(&s);
	process_kick(s.process);
	assert_int_equal(hear(&s).type, CTL_KICK);
	assert_true(fall_asleep(&s));
	assert_int_equal(nest_hears(&nest, &id), NEST_SLEEP);
	assert_int_equal(nest_hears(&nest, &id), NEST_KICK);
	assert_false(s.process->is_idle);
	loop_once(
	    the_monitor.loop); /* the timer that would end one that did not listen */
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

/* Who wakes because of its client stays up: it does not stand behind another one, nor the others. */
static void
test_not_behind(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[2];
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		get_client(&s);
		assert_true(fall_asleep(&s));
		assert_int_equal(nest_hears(&nest, &ids[i]), NEST_SLEEP);
	}
	nest_wakes(&nest, ids[0], true);
	assert_int_equal(hear(&s).type, CTL_CLIENT);
	be_idle(&other);
	nest_wakes(&nest, ids[1], false);
	assert_int_equal(hear(&other).type, CTL_CLIENT);
	hears_nothing(&s);
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

/* ---- a nest ---- */

static pid_t
nest_start(int *chan)
{
	static const struct nest_texts texts = {"stops\r\n", "kicked\r\n", "idle\r\n"};
	int pair[2];
	ask_pair(pair);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		the_child.control = pair[1];
		nest_prepare();
		_exit(nest_run(&texts));
	}
	close(pair[1]);
	*chan = pair[0];
	return pid;
}

static struct id
put_to_sleep_at(int chan, uint64_t number, int watch, int fd)
{
	struct buf about = {0}, body = {0};
	struct id id = id_new();
	int64_t deadline = deadline_in_ms(WAIT_MS);
	buf_put(&about, id.b, ID_BYTES);
	buf_u64(&about, number);
	buf_u32(&body, NEST_WATCH);
	buf_bytes(&body, buf_as_span(&about));
	if (watch >= 0)
		assert_int_equal(
		    ask_send(chan, CTL_CLIENT, buf_as_span(&body), watch, deadline),
		    E_OK);
	buf_reset(&about);
	buf_put(&about, id.b, ID_BYTES);
	buf_u64(&about, (uint64_t)DEADLINE_NONE);
	buf_u8(&about, 0);
	buf_bytes(&about, SPAN("state"));
	buf_reset(&body);
	buf_u32(&body, NEST_SLEEP);
	buf_bytes(&body, buf_as_span(&about));
	assert_int_equal(
	    ask_send(chan, CTL_CLIENT, buf_as_span(&body), fd, deadline), E_OK);
	buf_free(&about);
	buf_free(&body);
	return id;
}

static struct id
put_to_sleep(int chan, int watch, int fd)
{
	static uint64_t number;
	return put_to_sleep_at(chan, ++number, watch, fd);
}

static void
nest_says(int chan, uint16_t type, struct id want)
{
	struct buf in = {0};
	struct ask_msg m;
	struct id id;
	assert_int_equal(ask_recv(chan, &in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	assert_int_equal(m.type, type);
	rd_id(&m.body, &id);
	assert_true(id_eq(id, want));
	if (m.fd >= 0)
		close(m.fd);
	buf_free(&in);
}

/* A session that was taken over gives what nobody can wait for. */
static void
test_files(void **state)
{
	int chan, pair[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = nest_start(&chan);
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	nest_says(chan, SLEEP_ENDED, put_to_sleep(chan, -1, file));
	nest_says(chan, SLEEP_ENDED, put_to_sleep(chan, file, pair[0]));
	struct id id = put_to_sleep(chan, -1, pair[0]);
	assert_int_equal(write(pair[1], "x", 1), 1);
	nest_says(chan, SLEEP_WAKE, id);
	close(chan);
	close(pair[0]);
	close(pair[1]);
	close(file);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Those that an admin ends, and no other one. */
static void
test_some_end(void **state)
{
	int chan, pairs[3][2];
	struct id ids[COUNT(pairs)];
	pid_t pid = nest_start(&chan);
	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		ids[i] = put_to_sleep(chan, -1, pairs[i][0]);
	}
	struct buf about = {0}, body = {0};
	for (size_t i = 0; i < COUNT(pairs); i += 2)
		buf_put(&about, ids[i].b, ID_BYTES);
	buf_u32(&body, NEST_KICK);
	buf_bytes(&body, buf_as_span(&about));
	assert_int_equal(
	    ask_send(chan, CTL_CLIENT, buf_as_span(&body), -1, deadline_in_ms(WAIT_MS)),
	    E_OK);
	nest_says(chan, SLEEP_ENDED, ids[2]);
	nest_says(chan, SLEEP_ENDED, ids[0]);
	assert_int_equal(write(pairs[1][1], "x", 1), 1);
	nest_says(chan, SLEEP_WAKE, ids[1]);
	buf_free(&about);
	buf_free(&body);
	close(chan);
	for (size_t i = 0; i < 2 * COUNT(pairs); i++)
		close(pairs[i / 2][i % 2]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static unsigned
count_fds(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* What nobody watches any more is not let grow past what SLEEPER_FDS_SPARE has room for. */
static void
test_retired(void **state)
{
	int chan;
	unsigned most = 0;
	pid_t pid = nest_start(&chan);
	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		int pair[2], watch = inotify_init1(IN_CLOEXEC);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		struct id id = put_to_sleep(chan, watch, pair[0]);
		close(watch);
		close(pair[0]);
		close(pair[1]);
		nest_says(chan, SLEEP_ENDED, id);
		unsigned n = count_fds(pid);
		most = n > most ? n : most;
	}
	assert_in_range(most, 1, NEST_OWN_FDS + NEST_RETIRED_MOST);
	close(chan);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* They share what wakes them: one that its client wakes takes nothing from the others. */
static void
test_shared(void **state)
{
	int chan, pairs[BEHIND][2], watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char folder[] = "/tmp/merpati-unit-XXXXXX", path[64];
	struct id ids[BEHIND];
	struct buf in = {0};
	struct ask_msg m;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(inotify_add_watch(watch, folder, IN_CREATE), 1);
	pid_t pid = nest_start(&chan);
	(void)state;
	for (size_t i = 0; i < BEHIND; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		ids[i] = put_to_sleep_at(chan, 1, watch, pairs[i][0]);
	}
	assert_int_equal(write(pairs[0][1], "x", 1), 1);
	nest_says(chan, SLEEP_WAKE, ids[0]);
	close(pairs[1][1]);
	nest_says(chan, SLEEP_ENDED, ids[1]);
	assert_int_equal(ask_recv(chan, &in, &m, 0), E_LIMIT);
	snprintf(path, sizeof path, "%s/new", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	nest_says(chan, SLEEP_WAKE, ids[2]);
	rmdir(path);
	rmdir(folder);
	close(chan);
	close(watch);
	for (size_t i = 0; i < BEHIND; i++)
		close(pairs[i][0]);
	close(pairs[0][1]);
	close(pairs[2][1]);
	buf_free(&in);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_once, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(test_kick, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_kick_all, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_several, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_late, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_awake, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_dead, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_dead_later, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_untaken, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_last_words, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_kicked_asleep, monitor_setup, monitor_teardown),
	    cmocka_unit_test_setup_teardown(
		test_not_behind, monitor_setup, monitor_teardown),
	    cmocka_unit_test(test_shared),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_some_end),
	    cmocka_unit_test(test_retired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
