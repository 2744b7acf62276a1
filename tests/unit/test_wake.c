/* SPDX-License-Identifier: ISC */
/* test_wake.c - sleepers of an account that wake together: who stands behind whom, and what takes him away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/sleep_peers.h"

enum { BEHIND = 3 };

/*
 * Some of one account, which a change wakes: the first has a session, the others are in its queue.  Another
 * session of the account waits.
 */
struct crowd {
	struct peer nest, first, other;
	struct peer queue; /* of first */
	struct id ids[BEHIND];
};

static void
crowd_begin(struct crowd *c)
{
	*c = (struct crowd){
	    .nest = peer_new("nest"), .first = session_new(), .other = session_new()};
	for (size_t i = 0; i < BEHIND; i++) {
		session_serves(&c->first);
		assert_true(session_lies_down(&c->first));
		nest_heard_sleep(&c->nest, &c->ids[i]);
	}
	for (size_t i = 0; i < BEHIND; i++) {
		nest_wakes(&c->nest, c->ids[i], true);
		/* however slow this machine is */
		c->first.process->wake.until = deadline_in_ms(PEER_WAIT_MS);
	}
	assert_int_equal(peer_heard(&c->first).type, CTL_CLIENT);
	struct ask_msg m = peer_hears(&c->first);
	assert_int_equal(m.type, CTL_QUEUE);
	peer_hears_nothing(&c->first);
	c->queue.chan = m.fd;
	session_idles(&c->other);
}

static void
crowd_end(struct crowd *c)
{
	sleepers_lost(c->nest.process);
	peer_free(&c->queue);
	peer_free(&c->other);
	peer_free(&c->first);
	peer_free(&c->nest);
}

/* The client that s has sleeps again. */
static void
sleeps_again(struct crowd *c, struct peer *s, size_t i)
{
	struct id id;
	session_again(s);
	nest_heard_sleep(&c->nest, &id);
	nest_heard_awake(&c->nest, c->ids[i]);
}

/* Each is passed on without a word of the monitor, and sleeps again without an answer. */
static void
test_behind(void **state)
{
	struct crowd c;
	(void)state;
	crowd_begin(&c);
	for (size_t i = 0; i < BEHIND; i++) {
		assert_false(c.first.process->is_idle);
		if (i > 0)
			assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
		sleeps_again(&c, &c.first, i);
	}
	assert_true(c.first.process->is_idle);
	peer_hears_nothing(&c.queue);
	peer_hears_nothing(&c.first);
	peer_hears_nothing(&c.other);
	crowd_end(&c);
}

/* What takes them from behind one that stays with its client, or is no more. */
static void
be_late(struct peer *s)
{
	int64_t begun = clock_mono_ms();
	s->process->wake.until = deadline_in_ms(WAKE_BEHIND_MS);
	loop_timer_set(the_monitor.late, WAKE_BEHIND_MS);
	while (s->process->wake.behind)
		loop_once(the_monitor.loop);
	assert_in_range(
	    clock_mono_ms() - begun, WAKE_BEHIND_MS / 2, WAKE_BEHIND_MS + PEER_WAIT_MS);
}

static void
be_awake(struct peer *s)
{
	struct buf none = {0};
	peer_tells(s, SLEEP_AWAKE, &none, -1);
}

/* The timer of one that was kicked and is gone since. */
static void
be_past_kick(void)
{
	int64_t until = deadline_in_ms(KICK_WAIT_MS + 1), now;
	while ((now = clock_mono_ms()) < until) {
		loop_timer_set(the_monitor.late, until - now);
		loop_once(the_monitor.loop);
	}
}

static void
die(struct peer *s)
{
	process_gone(s->process);
}

/* The one that the first had taken stays with it; of the others the next session has the first. */
static void
goes_elsewhere(void (*how)(struct peer *), size_t n_taken)
{
	struct crowd c;
	struct id id;
	crowd_begin(&c);
	for (size_t i = 1; i < n_taken;
	     i++) /* it sleeps again, which is not said yet */
		assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	how(&c.first);
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	if (n_taken < BEHIND - 1)
		assert_int_equal(peer_heard(&c.other).type, CTL_QUEUE);
	peer_hears_nothing(&c.other);
	if (how == die)
		for (size_t i = 0; i < n_taken; i++)
			nest_heard_awake(&c.nest, c.ids[i]);
	session_again(&c.other);
	if (how == be_awake)
		nest_heard_awake(&c.nest, c.ids[0]);
	nest_heard_sleep(&c.nest, &id);
	nest_heard_awake(&c.nest, c.ids[n_taken]);
	crowd_end(&c);
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
	struct crowd c;
	(void)state;
	crowd_begin(&c);
	sleeps_again(&c, &c.first, 0);
	wake_all(NULL, NULL);
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	peer_hears_nothing(&c.other);
	struct ask_msg m = peer_hears(&c.queue);
	assert_int_equal(m.type, CTL_CLIENT);
	assert_true(m.fd >= 0);
	close(m.fd);
	peer_hears_nothing(&c.queue);
	sleeps_again(&c, &c.first, 1);
	crowd_end(&c);
}

/* No descriptor is left for what is taken back: it has one already. */
static void
test_behind_no_descriptor(void **state)
{
	struct crowd c;
	(void)state;
	crowd_begin(&c);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	sleeps_again(&c, &c.first, 0);
	int lowest = dup(c.queue.chan);
	assert_true(lowest >= 0);
	close(lowest);
	rlim_t before = descriptors_most((rlim_t)lowest);
	wake_all(NULL, NULL);
	descriptors_most(before);
	struct ask_msg m = peer_hears(&c.other);
	assert_int_equal(m.type, CTL_CLIENT);
	assert_true(m.fd >= 0);
	close(m.fd);
	peer_hears_nothing(&c.queue);
	sleeps_again(&c, &c.first, 1);
	crowd_end(&c);
}

/* What it said last counts: the one that it put to sleep sleeps. */
static void
test_last_words(void **state)
{
	struct crowd c;
	struct id id;
	(void)state;
	crowd_begin(&c);
	session_again_later(&c.first);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	die(&c.first);
	nest_heard_sleep(&c.nest, &id);
	nest_heard_awake(&c.nest, c.ids[0]);
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	peer_hears_nothing(&c.other);
	nest_heard_awake(&c.nest, c.ids[1]); /* that one is lost with it */
	sleeps_again(&c, &c.other, 2);
	crowd_end(&c);
}

/* Though there is nobody any more who would hear an answer. */
static void
last_words_unheard(bool is_read_before)
{
	struct crowd c;
	struct id id;
	crowd_begin(&c);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	session_lies_down_later(&c.first);
	session_again_later(&c.first);
	close(c.first.chan);
	c.first.chan = -1;
	if (is_read_before)
		loop_once(the_monitor.loop);
	die(&c.first);
	for (size_t i = 0; i < 2; i++) {
		nest_heard_sleep(&c.nest, &id);
		nest_heard_awake(&c.nest, c.ids[i]);
	}
	crowd_end(&c);
}

static void
test_last_words_unheard(void **state)
{
	(void)state;
	last_words_unheard(false);
	last_words_unheard(true);
}

/* Who ended, which is not known yet, keeps nobody waiting. */
static void
test_behind_ended(void **state)
{
	struct crowd c;
	(void)state;
	crowd_begin(&c);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	session_again_later(&c.first);
	close(c.first.chan);
	c.first.chan = -1;
	loop_once(the_monitor.loop);
	assert_null(c.first.process->wake.behind);
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	crowd_end(&c);
}

/* A kick of others leaves them where they are. */
static void
test_behind_kick(void **state)
{
	struct crowd c;
	(void)state;
	crowd_begin(&c);
	assert_int_equal(monitor_kick(SPAN("b@x.test"), SPAN("")), 0);
	assert_int_equal(c.first.process->wake.n_behind, BEHIND - 1);
	peer_hears_nothing(&c.other);
	for (size_t i = 0; i < BEHIND; i++) {
		if (i > 0)
			assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
		sleeps_again(&c, &c.first, i);
	}
	crowd_end(&c);
}

/* A nest that does not read in time hears it later. */
static void
test_awake_owed(void **state)
{
	struct crowd c;
	struct ask_msg m = {0};
	struct id id;
	(void)state;
	crowd_begin(&c);
	while (process_say(c.nest.process, CTL_LOG, SPAN(""), -1) == E_OK)
		continue;
	be_awake(&c.first);
	while (ask_recv(c.nest.chan, &c.nest.in, &m, 0) == E_OK)
		assert_int_equal(m.type, CTL_LOG);
	session_again(&c.other);
	nest_heard_sleep(&c.nest, &id);
	m = peer_heard(&c.nest);
	assert_int_equal(rd_u32(&m.body), NEST_AWAKE);
	struct rd ids = rd_of(rd_str(&m.body, CHILD_ABOUT_MAX));
	for (size_t i = 0; i < 2; i++) {
		rd_id(&ids, &id);
		assert_true(id_eq(id, c.ids[i]));
	}
	assert_int_equal(rd_end(&ids), E_OK);
	sleeps_again(&c, &c.other, 2);
	crowd_end(&c);
}

/* However many it put to sleep before its end was known. */
static void
test_last_words_more(void **state)
{
	struct crowd c;
	struct id id;
	(void)state;
	crowd_begin(&c);
	for (size_t i = 0; i < 2; i++) {
		session_again_later(&c.first);
		assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	}
	die(&c.first);
	for (size_t i = 0; i < 2; i++) {
		nest_heard_sleep(&c.nest, &id);
		nest_heard_awake(&c.nest, c.ids[i]);
	}
	nest_heard_awake(&c.nest, c.ids[2]); /* that one is lost with it */
	peer_hears_nothing(&c.nest);
	peer_hears_nothing(&c.other);
	crowd_end(&c);
}

/* Through an exec goes neither whom a nest waits for nor who stands behind whom. */
static void
test_let_go(void **state)
{
	struct crowd c;
	struct id id;
	(void)state;
	crowd_begin(&c);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	wake_let_go();
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	peer_hears_nothing(&c.other);
	nest_heard_awake(&c.nest, c.ids[2]);
	nest_heard_awake(&c.nest, c.ids[0]);
	nest_heard_awake(&c.nest, c.ids[1]);
	peer_hears_nothing(&c.nest);
	/* where there was none after all, it keeps the one that it took */
	assert_int_equal(peer_heard(&c.first).type, CTL_DRAIN);
	session_again(&c.first);
	nest_heard_sleep(&c.nest, &id);
	session_again(&c.first);
	assert_non_null(c.first.process->watch);
	assert_int_equal(peer_heard(&c.first).type, CTL_CLIENT);
	crowd_end(&c);
}

/* A session that does not know yet that it is kicked: the nest ends those that it puts to sleep. */
static void
test_kicked_before(void **state)
{
	struct crowd c;
	struct id id, kicked;
	(void)state;
	crowd_begin(&c);
	for (size_t i = 1; i < BEHIND; i++)
		assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	process_kick(c.first.process);
	for (size_t i = 0; i < BEHIND; i++) {
		session_again(&c.first);
		nest_heard_sleep(&c.nest, &id);
		assert_int_equal(nest_heard(&c.nest, &kicked), NEST_KICK);
		assert_true(id_eq(id, kicked));
		nest_heard_awake(&c.nest, c.ids[i]);
	}
	assert_non_null(c.first.process->watch); /* it did nothing out of turn */
	assert_false(c.first.process->is_idle);
	crowd_end(&c);
	process_gone(c.first.process);
	be_past_kick();
}

/* Who is to be kicked once awake stands behind nobody: he would end the session of others. */
static void
test_kicked_behind(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[2];
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		session_serves(&s);
		assert_true(session_lies_down(&s));
		nest_heard_sleep(&nest, &ids[i]);
	}
	sleeper_of(ids[1])->is_kicked = true;
	nest_wakes(&nest, ids[0], true);
	assert_int_equal(peer_heard(&s).type, CTL_CLIENT);
	session_idles(&other);
	nest_wakes(&nest, ids[1], true);
	assert_int_equal(peer_heard(&other).type, CTL_CLIENT);
	assert_int_equal(peer_heard(&other).type, CTL_KICK);
	peer_hears_nothing(&s);
	process_gone(other.process);
	loop_once(the_monitor.loop); /* until it would have been killed */
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

/* A kick, a stop and a reload know whom each session has by then, though it was not read yet. */
static void
test_heard_before(void **state)
{
	struct crowd c;
	struct id id;
	(void)state;
	crowd_begin(&c);
	session_again_later(&c.first);
	assert_int_equal(peer_heard(&c.queue).type, CTL_CLIENT);
	wake_all(NULL, NULL);
	nest_heard_sleep(&c.nest, &id);
	nest_heard_awake(&c.nest, c.ids[0]);
	assert_null(c.first.process->wake.behind);
	assert_true(c.first.process->has_client);
	assert_true(id_eq(c.first.process->wake.id, c.ids[1]));
	assert_int_equal(peer_heard(&c.other).type, CTL_CLIENT);
	peer_hears_nothing(&c.other);
	crowd_end(&c);
}

/* Who wakes because of its client stays up: it does not stand behind another one, nor the others. */
static void
test_not_behind(void **state)
{
	struct peer nest = peer_new("nest"), s = session_new(), other = session_new();
	struct id ids[2];
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		session_serves(&s);
		assert_true(session_lies_down(&s));
		nest_heard_sleep(&nest, &ids[i]);
	}
	nest_wakes(&nest, ids[0], true);
	assert_int_equal(peer_heard(&s).type, CTL_CLIENT);
	session_idles(&other);
	nest_wakes(&nest, ids[1], false);
	assert_int_equal(peer_heard(&other).type, CTL_CLIENT);
	peer_hears_nothing(&s);
	peer_free(&other);
	peer_free(&s);
	peer_free(&nest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_behind, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_late, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_awake, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_dead, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_dead_later, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_untaken, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_no_descriptor, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_last_words, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_last_words_more, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_last_words_unheard, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_awake_owed, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_ended, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_behind_kick, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(test_let_go, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_kicked_before, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_kicked_behind, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_heard_before, sleep_setup, sleep_teardown),
	    cmocka_unit_test_setup_teardown(
		test_not_behind, sleep_setup, sleep_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
