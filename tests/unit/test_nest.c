/* SPDX-License-Identifier: ISC */
/* test_nest.c - a nest: what it is given, what wakes it, and what it cannot wait for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
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
	MANY = 3 * NEST_RETIRED_MOST,
	SHARING = 3,
	NEST_OWN_FDS = 24, /* of a nest with nothing in it, and of this test; at most */
};

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

static struct id
nest_wakes_one(int chan)
{
	struct buf in = {0};
	struct ask_msg m;
	struct id id;
	assert_int_equal(ask_recv(chan, &in, &m, deadline_in_ms(WAIT_MS)), E_OK);
	assert_int_equal(m.type, SLEEP_WAKE);
	rd_id(&m.body, &id);
	close(m.fd);
	buf_free(&in);
	return id;
}

/* As many wake at a time as may; all that are told awake at once leave their places to others. */
static void
test_awake_many(void **state)
{
	int chan, pair[2];
	long most = NEST_WAKING_FACTOR * sysconf(_SC_NPROCESSORS_ONLN);
	struct buf about = {0}, body = {0};
	pid_t pid = nest_start(&chan);
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1); /* all have this client */
	for (long i = 0; i < 2 * most; i++)
		put_to_sleep(chan, -1, pair[0]);
	for (long i = 0; i < most; i++)
		buf_put(&about, nest_wakes_one(chan).b, ID_BYTES);
	buf_u32(&body, NEST_AWAKE);
	buf_bytes(&body, buf_as_span(&about));
	assert_int_equal(
	    ask_send(chan, CTL_CLIENT, buf_as_span(&body), -1, deadline_in_ms(WAIT_MS)),
	    E_OK);
	int64_t begun = clock_mono_ms();
	for (long i = 0; i < most; i++)
		nest_wakes_one(chan);
	assert_true(clock_mono_ms() - begun < NEST_WAKING_MS / 2);
	buf_free(&about);
	buf_free(&body);
	close(chan);
	close(pair[0]);
	close(pair[1]);
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
	int chan, pairs[SHARING][2], fresh[2],
	    watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char folder[] = "/tmp/merpati-unit-XXXXXX", path[64];
	struct id ids[SHARING];
	struct buf in = {0};
	struct ask_msg m;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(inotify_add_watch(watch, folder, IN_CREATE), 1);
	pid_t pid = nest_start(&chan);
	(void)state;
	for (size_t i = 0; i < SHARING; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
		ids[i] = put_to_sleep_at(chan, 1, watch, pairs[i][0]);
	}
	assert_int_equal(write(pairs[0][1], "x", 1), 1);
	nest_says(chan, SLEEP_WAKE, ids[0]);
	close(pairs[2][1]); /* the last of them, and another one comes behind */
	nest_says(chan, SLEEP_ENDED, ids[2]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fresh), 0);
	ids[2] = put_to_sleep_at(chan, 1, watch, fresh[0]);
	assert_int_equal(ask_recv(chan, &in, &m, 0), E_LIMIT);
	snprintf(path, sizeof path, "%s/new", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	nest_says(chan, SLEEP_WAKE, ids[1]);
	nest_says(chan, SLEEP_WAKE, ids[2]);
	rmdir(path);
	rmdir(folder);
	close(chan);
	close(watch);
	for (size_t i = 0; i < SHARING; i++)
		close(pairs[i][0]);
	for (size_t i = 0; i < 2; i++) {
		close(pairs[i][1]);
		close(fresh[i]);
	}
	buf_free(&in);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shared),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_some_end),
	    cmocka_unit_test(test_awake_many),
	    cmocka_unit_test(test_retired),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
