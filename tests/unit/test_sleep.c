/* SPDX-License-Identifier: ISC */
/* test_sleep.c - sessions that sleep: what the monitor lets a session and a nest do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/sleep_peers.h"

enum {
	MANY = 480, /* more than a channel holds of words of their own */
	FIT = 2,    /* into a nest, where there are several */
};

/* With as many clients as were passed to it: of each other one the limits would not know. */
static void
test_once(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id id;
	(void)state;
	assert_true(session_lies_down(&s));
	nest_heard_sleep(&nest, &id);
	assert_false(session_lies_down(&s));
	peer_hears_nothing(&nest);
	session_serves(&s); /* the next one came */
	assert_true(session_lies_down(&s));
	session_serves(&s);
	struct buf none = {0};
	peer_tells(&s, LOGIN_IDLE, &none, -1); /* and left */
	assert_false(session_lies_down(&s));
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

/* It is kicked once it is a session again, where the nest wakes it already. */
static void
test_kick(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), idle = session_new();
	struct id id, kicked;
	(void)state;
	assert_true(session_lies_down(&s));
	nest_heard_sleep(&nest, &id);
	s.process->is_idle = false;
	session_idles(&idle);
	assert_int_equal(monitor_kick(span_of(sleep_account), SPAN("")), 1);
	assert_int_equal(nest_heard(&nest, &kicked), NEST_KICK);
	assert_true(id_eq(id, kicked));
	nest_wakes(&nest, id, true);
	assert_int_equal(peer_heard(&idle).type, CTL_CLIENT);
	assert_int_equal(peer_heard(&idle).type, CTL_KICK);
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
		session_serves(&s);
		assert_true(session_lies_down(&s));
		nest_heard_sleep(&nest, &id);
	}
	process_serves(s.process, SPAN(""), SPAN(""), 0);
	assert_int_equal(monitor_kick(SPAN("b@x.test"), SPAN("")), 0);
	assert_int_equal(monitor_kick(SPAN(""), SPAN("192.0.2.1")), MANY);
	struct ask_msg m = peer_heard(&nest);
	assert_int_equal(rd_u32(&m.body), NEST_KICK);
	assert_int_equal(rd_str(&m.body, CHILD_ABOUT_MAX).n, MANY * ID_BYTES);
	peer_hears_nothing(&nest);
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

/* Who is kicked does not go on because it fell asleep meanwhile. */
static void
test_kicked_asleep(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	unsigned all, same;
	struct id id;
	(void)state;
	session_serves(&s);
	process_kick(s.process);
	assert_int_equal(peer_heard(&s).type, CTL_KICK);
	assert_true(session_lies_down(&s));
	nest_heard_sleep(&nest, &id);
	assert_int_equal(nest_heard(&nest, &id), NEST_KICK);
	assert_false(s.process->is_idle);
	/* the client counts once */
	monitor_count_sessions(
	    s.process->role, sleep_account, s.process->owner_uid, &all, &same);
	assert_int_equal(all, 1);
	assert_int_equal(same, 1);
	loop_once(
	    the_monitor.loop); /* the timer that would end one that did not listen */
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

/* Who was kicked just before a reload is ended after it; whose a session is stays known. */
static void
test_reload(void **state)
{
	enum { PID = 0x7fff0000 }; /* no process has it */

	int chan[2], memory = memfd_create("state", 0);
	struct peer s;
	char text[16], home[1000]; /* longer than a name */
	(void)state;
	memset(home, '6', sizeof home); /* "66" is an f */
	home[sizeof home - 2] = '\0';
	ask_pair(chan);
	dprintf(memory,
	    "generation 1\nprocess %d %d 1 session\nowner %d 1 32 1 1 %s\n"
	    "who %d 1 31 32 1\n",
	    PID, chan[0], PID, home, PID);
	snprintf(text, sizeof text, "%d", memory);
	setenv("MERPATI_RELOAD_STATE", text, 1);
	assert_true(reload_read());
	reload_adopt();
	s = (struct peer){.process = process_of_pid(PID), .chan = chan[1]};
	assert_int_equal(peer_heard(&s).type, CTL_LOG);
	assert_int_equal(peer_heard(&s).type, CTL_KICK);
	assert_int_equal(peer_heard(&s).type, CTL_DRAIN);
	assert_true(s.process->is_kicked);
	assert_int_equal(strlen(s.process->home), strlen(home) / 2);
	process_gone(s.process);
	loop_once(the_monitor.loop); /* until it would have been killed */
	peer_free(&s);
}

/* It ended because the answer did not come: its client sleeps. */
static void
test_last_words(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new();
	struct id id;
	(void)state;
	session_lies_down_later(&s);
	process_gone(s.process);
	nest_heard_sleep(&nest, &id);
	assert_non_null(sleeper_of(id));
	sleepers_lost(nest.process);
	peer_free(&s);
	peer_free(&nest);
}

static void
end_one(struct peer *nest)
{
	struct buf body = {0};
	struct id id;
	nest_heard_sleep(nest, &id);
	buf_put(&body, id.b, ID_BYTES);
	peer_tells(nest, SLEEP_ENDED, &body, -1);
}

/* Into the fullest that has room.  One that became empty ends; the last one stays. */
static void
test_several(void **state)
{
	struct peer nests[] = {peer_new("nest"), peer_new("nest")}, s = session_new();
	(void)state;
	rlim_t was =
	    descriptors_most(SLEEPER_FDS_SPARE + FIT * SLEEPER_FDS + SLEEPER_FDS - 1);
	for (unsigned i = 0; i < FIT * COUNT(nests); i++) {
		session_serves(&s);
		assert_true(session_lies_down(&s));
		unsigned a = nests[0].process->n_sleepers,
			 b = nests[1].process->n_sleepers;
		assert_int_equal(a > b ? a : b, i < FIT ? i + 1 : FIT);
		assert_int_equal(a + b, i + 1);
	}
	session_serves(&s);
	assert_false(session_lies_down(&s)); /* nor may there be more of them */
	for (unsigned i = 0; i < FIT; i++)
		end_one(&nests[0]);
	assert_int_equal(peer_heard(&nests[0]).type, CTL_DRAIN);
	assert_true(nests[0].process->is_old);
	assert_false(session_lies_down(&s)); /* it takes nobody any more */
	end_one(&nests[1]);
	assert_true(session_lies_down(&s));
	end_one(&nests[1]);
	end_one(&nests[1]);
	peer_hears_nothing(&nests[1]);
	assert_int_equal(nests[1].process->n_sleepers, 0);
	descriptors_most(was);
	peer_free(&s);
	for (size_t i = 0; i < COUNT(nests); i++)
		peer_free(&nests[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_once, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(test_kick, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(test_kick_all, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_kicked_asleep, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(test_reload, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_last_words, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(test_several, sleep_setup, sleep_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
