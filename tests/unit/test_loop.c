/* SPDX-License-Identifier: ISC */
/*
 * test_loop.c - who only wants what is ready now gets back, however much is ready all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/loop.h"

enum { CALLS_MOST = 1000 };

struct watched {
	struct loop_fd *watch; /* own */
	unsigned calls;
};

/* Reads nothing, so it is ready again at once. */
static void
on_ready(void *ctx, int fd, unsigned events)
{
	struct watched *w = ctx;
	(void)fd, (void)events;
	if (++w->calls >= CALLS_MOST)
		loop_events(w->watch, 0);
}

static void
test_ready_once(void **state)
{
	struct watched w = {0};
	int pair[2];
	struct loop *l = loop_new();
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	w.watch = loop_watch(l, pair[0], LOOP_READ, on_ready, &w);
	loop_ready(l);
	assert_int_equal(w.calls, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_ready(l);
	assert_int_equal(w.calls, 1);
	loop_ready(l);
	assert_int_equal(w.calls, 2);
	loop_unwatch(&w.watch);
	loop_free(&l);
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ready_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
