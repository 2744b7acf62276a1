/* SPDX-License-Identifier: ISC */
/*
 * test_quota.c - what a quota lets in, mails about it, and its sums against a plain model through
 * whatever happens to messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/usage.h"
#include "store/undelete.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

enum {
	STEPS = 1500,
	STEPS_HURRIED = 300,
	CHECK_EVERY = 50,
	BOXES = 4,
	MESSAGES_MOST = 4000
};

static void
rules(uint64_t grace_bytes, unsigned first, unsigned second)
{
	struct store_quota_rules r = {.grace_bytes = grace_bytes,
	    .levels = {first, second},
	    .n_levels = first ? 2 : 0,
	    .to = "anna@example.test"};
	store_quota_rules(&r);
}

static int
model_setup(void **state)
{
	rules(0, 0, 0);
	store_keep(7, "");
	return home_setup(state);
}

/* Of a keeper whose steps have no time: each does the least there is, as on a machine that is busy. */
static bool is_hurried;

bool __real_job_has_time(void);
bool __wrap_job_has_time(void);

bool
__wrap_job_has_time(void)
{
	return !is_hurried && __real_job_has_time();
}

static int
hurried_setup(void **state)
{
	is_hurried = true;
	return model_setup(state);
}

static int
hurried_teardown(void **state)
{
	is_hurried = false;
	return home_teardown(state);
}

static int
grace_setup(void **state)
{
	rules(1000, 0, 0);
	return home_setup(state);
}

static int
warning_setup(void **state)
{
	rules(0, 50, 80);
	store_keep(0, "");
	return home_setup(state);
}

/* What a verdict on a recipient goes by. */
static struct usage
verdict_now(void)
{
	struct usage_noted noted;
	if (usage_read(AT_FDCWD, "usage", &noted) != E_OK)
		return (struct usage){UINT64_MAX, UINT64_MAX};
	return usage_now(&noted, placed_read(AT_FDCWD, "placed"));
}

/* ---- the model: a list of sizes ---- */

struct model {
	struct message {
		uint32_t uid;
		uint64_t bytes;
		unsigned box;
	} all[MESSAGES_MOST];

	size_t n;
	uint64_t kept_bytes, kept;
	uint32_t uidnext[BOXES];
	unsigned number;
};

static const char *const boxes[BOXES] = {"INBOX", "Sent", "Drafts", "Archive"};

static void
model_add(struct model *m, unsigned box, uint32_t uid, uint64_t bytes)
{
	assert_true(m->n < MESSAGES_MOST);
	m->all[m->n++] = (struct message){uid, bytes, box};
}

static struct usage
model_sum(const struct model *m)
{
	struct usage sum = {0};
	for (size_t i = 0; i < m->n; i++) {
		sum.bytes += m->all[i].bytes;
		sum.messages++;
	}
	return sum;
}

/* ---- steps: the same to both ---- */

static uint32_t
uidnext_of(struct store *s, unsigned box)
{
	struct store_mailbox m;
	assert_int_equal(store_mailbox(s, span_of(boxes[box]), &m), E_OK);
	return m.uidnext;
}

static void
step_deliver(struct home *h, struct model *m)
{
	char text[2000];
	size_t n = 100 + random_below(1500);
	memset(text, 'x', n);
	memcpy(text, "Subject: x\r\n\r\n", 14);
	text[n] = '\0';
	uint32_t uid = uidnext_of(h->a, 0);
	deliver(text);
	placed_add(AT_FDCWD, "placed", m->number++, n);
	assert_int_equal(store_sync(h->a), E_OK);
	model_add(m, 0, uid, n);
}

static void
step_append(struct home *h, struct model *m)
{
	unsigned box = (unsigned)random_below(BOXES);
	unsigned number = m->number++;
	uint64_t bytes = text_of(number).n;
	model_add(m, box, append(h->a, boxes[box], number), bytes);
}

static struct numset
some_of(const struct model *m, unsigned box, bool *is_some)
{
	struct numset set = {0};
	unsigned one_in = 1 + (unsigned)random_below(8);
	for (size_t i = 0; i < m->n; i++)
		if (m->all[i].box == box && random_below(one_in) == 0)
			assert_int_equal(
			    numset_add(&set, m->all[i].uid, m->all[i].uid), E_OK);
	*is_some = set.n > 0;
	return set;
}

static int
by_uid(const void *a, const void *b)
{
	const struct message *m = a, *n = b;
	return (m->uid > n->uid) - (m->uid < n->uid);
}

static void
step_copy(struct home *h, struct model *m, bool is_move)
{
	unsigned from = (unsigned)random_below(BOXES),
		 to = (from + 1 + (unsigned)random_below(BOXES - 1)) % BOXES;
	bool is_some;
	struct numset set = some_of(m, from, &is_some);
	struct store_view v = selected(h->a, boxes[from]);
	uint32_t uid = uidnext_of(h->a, to);
	struct store_copied c;
	if (m->n)
		qsort(m->all, m->n, sizeof *m->all,
		    by_uid); /* their new uids follow it */
	if (is_some && m->n + numset_count(&set) < MESSAGES_MOST) {
		assert_int_equal(
		    store_copy(h->a, v.mailbox, &set, span_of(boxes[to]), is_move, &c),
		    STORE_DONE);
		numset_free(&c.from);
		numset_free(&c.to);
		size_t n = m->n;
		for (size_t i = 0; i < n; i++) {
			struct message *one = &m->all[i];
			if (one->box != from || !numset_has(&set, one->uid))
				continue;
			if (is_move)
				*one = (struct message){uid++, one->bytes, to};
			else
				model_add(m, to, uid++, one->bytes);
		}
	}
	store_unselect(h->a, &v);
	numset_free(&set);
}

static void
step_expunge(struct home *h, struct model *m)
{
	unsigned box = (unsigned)random_below(BOXES);
	bool is_some;
	struct numset set = some_of(m, box, &is_some);
	struct store_view v = selected(h->a, boxes[box]);
	if (is_some)
		assert_int_equal(
		    store_expunge(h->a, v.mailbox, &set, false), STORE_DONE);
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		if (m->all[i].box == box && numset_has(&set, m->all[i].uid)) {
			m->kept++;
			m->kept_bytes += m->all[i].bytes;
		} else {
			m->all[n++] = m->all[i];
		}
	m->n = n;
	store_unselect(h->a, &v);
	numset_free(&set);
}

static void
model_check(struct home *h, const struct model *m)
{
	struct usage sum = model_sum(m), now;
	struct store_mailbox kept = {.messages = 0};
	uint64_t bytes, messages;
	uint32_t changed;
	assert_int_equal(store_usage(h->b, &bytes, &messages), E_OK);
	assert_int_equal(messages, sum.messages);
	assert_int_equal(bytes, sum.bytes);
	int err = store_kept(h->b, &kept);
	assert_true(err == E_OK || (err == E_BAD && m->kept == 0));
	assert_int_equal(kept.messages, m->kept);
	assert_int_equal(kept.bytes, m->kept_bytes);
	/* the verdict's numbers are the same, within a second or so */
	for (unsigned i = 0; i < 2000; i++) {
		now = verdict_now();
		if (now.bytes == sum.bytes && now.messages == sum.messages)
			break;
		poll(NULL, 0, 10);
	}
	assert_int_equal(now.bytes, sum.bytes);
	assert_int_equal(now.messages, sum.messages);
	assert_int_equal(store_recount(h->b, &changed), E_OK);
	assert_int_equal(changed, 0);
	assert_int_equal(store_usage(h->b, &bytes, &messages), E_OK);
	assert_int_equal(bytes, sum.bytes);
}

static void
model_run(struct home *h, unsigned steps)
{
	struct model *m = mem_new(sizeof *m);
	for (unsigned i = 1; i <= steps; i++) {
		switch (random_below(8)) {
		case 0:
		case 1:
		case 2:
			step_deliver(h, m);
			break;
		case 3:
		case 4:
			step_append(h, m);
			break;
		case 5:
			step_copy(h, m, false);
			break;
		case 6:
			step_copy(h, m, true);
			break;
		default:
			step_expunge(h, m);
		}
		if (i % CHECK_EVERY == 0)
			model_check(h, m);
		if (i % (CHECK_EVERY * 5) == 0) {
			home_kill();
			home_reopen(h);
		}
	}
	mem_free(&m);
}

static void
test_model(void **state)
{
	model_run(*state, STEPS);
}

static void
test_model_hurried(void **state)
{
	model_run(*state, STEPS_HURRIED);
}

/* ---- grace ---- */

static void
test_grace(void **state)
{
	struct home *h = *state;
	uint64_t bytes, messages;
	struct incoming in;
	append(h->a, "Sent", 1);
	assert_int_equal(store_usage(h->a, &bytes, &messages), E_OK);
	uint64_t one = text_of(2).n;
	store_limit(h->a, bytes + one - 1001, 0,
	    clock_mono_ms()); /* a byte more than its grace */
	message_begin(h->a, &in, 2);
	assert_int_equal(
	    store_append(h->a, SPAN("Sent"), &in, 1, NULL, NULL), STORE_OVER_QUOTA);
	incoming_drop(&in);
	store_limit(h->a, bytes + one - 1000, 0, clock_mono_ms());
	append(h->a, "Sent", 2);
	/* the limit was reached: there is no grace any more, for no byte */
	message_begin(h->a, &in, 3);
	assert_int_equal(
	    store_append(h->a, SPAN("Sent"), &in, 1, NULL, NULL), STORE_OVER_QUOTA);
	incoming_drop(&in);
	assert_int_equal(store_quota_room(100, 99), 1001);
	assert_int_equal(store_quota_room(100, 100), 0);
	assert_int_equal(store_quota_room(100, 5000), 0);
}

/* ---- warnings ---- */

static void
inbox_wait(struct home *h, uint64_t messages)
{
	struct store_mailbox m = {.messages = UINT64_MAX};
	for (unsigned i = 0; i < 2000 && m.messages != messages; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(store_mailbox(h->b, SPAN("INBOX"), &m), E_OK);
	}
	assert_int_equal(m.messages, messages);
}

/* What the keeper heard by now has been looked at: a quota is looked at when it is said. */
static void
inbox_check(struct home *h, uint64_t messages)
{
	struct store_mailbox m;
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(store_mailbox(h->b, SPAN("INBOX"), &m), E_OK);
	assert_int_equal(m.messages, messages);
}

static void
last_check(struct home *h, const char *what)
{
	struct store_view v;
	struct span text;
	assert_int_equal(store_select(h->b, SPAN("INBOX"), true, &v), E_OK);
	assert_int_equal(
	    store_message_map(h->b, &v.records[v.head->n - 1], &text), E_OK);
	assert_true(span_search(text, span_of(what)) < text.n);
	assert_true(span_search(text, SPAN("To: <anna@example.test>\r\n")) < text.n);
	assert_true(span_starts(text, SPAN("Return-Path: <>\r\n")));
	store_message_unmap(&text);
	store_unselect(h->b, &v);
}

/* The file usage, which is written before the quota is looked at. */
static void
usage_wait(uint64_t messages)
{
	struct usage_noted u = {.sum = {0}};
	for (unsigned i = 0; i < 2000 && u.sum.messages != messages; i++) {
		poll(NULL, 0, 10);
		if (usage_read(AT_FDCWD, "usage", &u) != E_OK)
			u.sum.messages = UINT64_MAX;
	}
	assert_int_equal(u.sum.messages, messages);
}

static void
warned_wait(const char *want)
{
	char text[16] = "";
	for (unsigned i = 0; i < 2000 && strcmp(text, want) != 0; i++) {
		FILE *f = fopen("warned", "r");
		poll(NULL, 0, 10);
		if (f && !fgets(text, sizeof text, f))
			text[0] = '\0';
		if (f)
			fclose(f);
	}
	assert_string_equal(text, want);
}

static void
test_warnings(void **state)
{
	struct home *h = *state;
	struct store_view v;
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 4);
	store_limit(h->a, 0, 9, clock_mono_ms());
	inbox_check(h, 0);
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 1);
	inbox_wait(h, 1);
	last_check(h, "Subject: Your mailbox is 50% full\r\n");
	append_many(h->a, "Sent", 1);
	append_many(h->a, "Sent", 1); /* with the mail about it: 8 */
	inbox_wait(h, 2);
	last_check(h, "Subject: Your mailbox is 80% full\r\n");
	warned_wait("80\n");
	/* a keeper that dies tells nothing again */
	home_kill();
	home_reopen(h);
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 1); /* 10 */
	store_limit(h->a, 0, 11, clock_mono_ms());
	inbox_check(h, 2);
	/* once it fell below, the next time */
	v = selected(h->a, "Sent");
	assert_int_equal(expunge(h->a, &v, 1, 6, false), STORE_DONE);
	store_unselect(h->a, &v);
	warned_wait("0\n");
	append_many(h->a, "Sent", 2); /* 6 of 11 */
	inbox_wait(h, 3);
	last_check(h, "Subject: Your mailbox is 54% full\r\n");
}

/* From nothing past both levels: one mail. */
static void
test_both_levels(void **state)
{
	struct home *h = *state;
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 9);
	inbox_wait(h, 1);
	last_check(h, "Subject: Your mailbox is 90% full\r\n");
	warned_wait("80\n");
}

/* Whose quota is made less than what there is. */
static void
test_less_quota(void **state)
{
	struct home *h = *state;
	append_many(h->a, "Sent", 20);
	store_limit(h->a, 0, 10, clock_mono_ms());
	inbox_wait(h, 1);
	last_check(h, "Subject: Your mailbox is 200% full\r\n");
}

/* A keeper that was started by who knows no quota: an agent, a door. */
static void
test_nobody_says_a_quota(void **state)
{
	struct home *h = *state;
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 5);
	inbox_wait(h, 1);
	warned_wait("50\n");
	home_kill();
	home_reopen(h);
	append_many(h->b, "Sent", 1);
	usage_wait(7);
	warned_wait("50\n");
	store_limit(h->a, 0, 10, clock_mono_ms());
	inbox_check(h, 1);
}

/* Around a level nothing is told again. */
static void
test_around_a_level(void **state)
{
	struct home *h = *state;
	struct store_view v;
	store_limit(h->a, 0, 100, clock_mono_ms());
	append_many(h->a, "Sent", 50);
	inbox_wait(h, 1);
	v = selected(h->a, "Sent");
	assert_int_equal(expunge(h->a, &v, 1, 3, false), STORE_DONE); /* 48 */
	usage_wait(48);
	warned_wait("50\n");
	append_many(h->a, "Sent", 4);
	usage_wait(52);
	inbox_check(h, 1);
	assert_int_equal(expunge(h->a, &v, 4, 11, false), STORE_DONE); /* 44 */
	store_unselect(h->a, &v);
	warned_wait("0\n");
	append_many(h->a, "Sent", 7);
	inbox_wait(h, 2);
}

/* A living keeper hears that there is none any more; and not from who learnt it before. */
static void
test_no_quota(void **state)
{
	struct home *h = *state;
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 5);
	inbox_wait(h, 1);
	store_limit(h->b, 0, 100, clock_mono_ms()); /* learnt later */
	home_kill();
	append_many(h->b, "Sent", 1);
	warned_wait("0\n");
	append_many(h->a, "Sent", 1); /* which says its 10 of before */
	usage_wait(8);
	inbox_check(h, 1);
	store_limit(h->a, 0, 10, clock_mono_ms());
	inbox_wait(h, 2);
	store_limit(h->a, 0, 0, clock_mono_ms());
	warned_wait("0\n");
}

/* What could not be told is told when it can be. */
static void
test_told_when_it_can_be(void **state)
{
	struct home *h = *state;
	store_limit(h->a, 0, 10, clock_mono_ms());
	append_many(h->a, "Sent", 4);
	assert_int_equal(mkdir("warned.new", 0700), 0);
	append_many(h->a, "Sent", 1);
	usage_wait(5);
	inbox_check(h, 0);
	assert_int_equal(rmdir("warned.new"), 0);
	append_many(h->a, "Sent", 1);
	inbox_wait(h, 1);
	last_check(h, "Subject: Your mailbox is 60% full\r\n");
}

#define WARN(f) cmocka_unit_test_setup_teardown(f, warning_setup, home_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_model, model_setup, home_teardown),
	    cmocka_unit_test_setup_teardown(
		test_model_hurried, hurried_setup, hurried_teardown),
	    cmocka_unit_test_setup_teardown(test_grace, grace_setup, home_teardown),
	    WARN(test_warnings),
	    WARN(test_both_levels),
	    WARN(test_less_quota),
	    WARN(test_nobody_says_a_quota),
	    WARN(test_around_a_level),
	    WARN(test_no_quota),
	    WARN(test_told_when_it_can_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
