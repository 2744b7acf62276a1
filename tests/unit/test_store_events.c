/* SPDX-License-Identifier: ISC */
/* test_store_events.c - what happens over IMAP is noted for scripts: what, for whom, how much of it, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/events.h"
#include "store/metadata.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, home_teardown)
#define ENTRY "/shared/imapsieve/script"

static struct arena arena;

/* Session a is that of a user over IMAP; b one of deliver's. */
static int
setup(void **state)
{
	static const char *const rules[] = {"COPY : * : Learn : /learn"};
	store_events_as(true, rules, COUNT(rules));
	int err = home_setup(state);
	if (err == 0)
		store_hold(((struct home *)*state)->a);
	return err;
}

static void
name_script(struct store *s, const char *mailbox, const char *name)
{
	const struct metadata_entry e = {
	    .name = SPAN(ENTRY), .is_nil = !name, .value = span_of(name ? name : "")};
	assert_int_equal(store_metadata_set(s, span_of(mailbox), &e, 1), STORE_DONE);
}

static void
make(struct store *s, const char *mailbox)
{
	assert_int_equal(
	    store_mailbox_create(s, span_of(mailbox), NULL, NULL), STORE_DONE);
}

/* The first that waits: its uids as text; "": none waits. */
static const char *
next(struct store *s, struct store_event *e)
{
	static struct buf text;
	buf_reset(&text);
	arena_reset(&arena);
	int err = store_event_take(s, 0, &arena, e);
	assert_true(err == E_OK || err == E_BAD);
	if (err == E_OK)
		numset_put(&text, &e->uids);
	numset_free(&e->uids);
	return buf_cstr(&text);
}

static void
done(struct store *s, const struct store_event *e, uint32_t from, uint32_t to)
{
	struct numset uids = set_of(from, to);
	assert_int_equal(store_event_done(s, e->number, &uids), STORE_DONE);
	numset_free(&uids);
}

static void
copy(struct store *s, const struct store_view *v, uint32_t from, uint32_t to,
    const char *target)
{
	struct numset uids = set_of(from, to);
	struct store_copied copied;
	assert_int_equal(
	    store_copy(s, v->mailbox, &uids, span_of(target), false, &copied),
	    STORE_DONE);
	numset_free(&uids);
	numset_free(&copied.from);
	numset_free(&copied.to);
}

static void
test_causes(void **state)
{
	struct home *h = *state;
	struct store_event e;
	make(h->a, "Box");
	append(h->a, "Box", 1);
	assert_false(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "");
	name_script(h->a, "Box", "main");
	append(h->a, "Box", 2);
	assert_true(store_take_events(h->a));
	assert_false(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "2");
	assert_int_equal(e.cause, EVENT_APPEND);
	assert_int_equal(e.tries, 1);
	assert_true(span_eqs(e.script, "main") && span_eqs(e.mailbox_name, "Box"));
	assert_true(e.who.n == 0 && e.from.n == 0);
	done(h->b, &e, 2, 2);
	assert_string_equal(next(h->b, &e), "");
	/* what scripts and mail that comes do is none */
	append(h->b, "Box", 3);
	struct store_view v = selected(h->b, "Box");
	assert_int_equal(flags(h->b, &v, 1, 3, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_string_equal(next(h->b, &e), "");
	store_unselect(h->b, &v);
	v = selected(h->a, "Box");
	assert_int_equal(
	    flags(h->a, &v, 1, 3, STORE_SET, FLAG_SEEN | FLAG_FLAGGED, "$Up"),
	    STORE_DONE);
	assert_true(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "1:3");
	assert_int_equal(e.cause, EVENT_FLAG);
	assert_int_equal(e.flags, FLAG_FLAGGED);
	assert_int_equal(e.n_keywords, 1);
	assert_true(span_eqs(e.keywords[0], "$Up"));
	done(h->b, &e, 1, 3);
	/* nothing changes */
	assert_int_equal(
	    flags(h->a, &v, 1, 3, STORE_ADD, FLAG_SEEN, "$Up"), STORE_DONE);
	assert_false(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "");
	/* each message has changed in its own way */
	assert_int_equal(
	    flags(h->b, &v, 2, 2, STORE_REMOVE, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(flags(h->a, &v, 1, 3, STORE_SET, FLAG_SEEN, NULL), STORE_DONE);
	assert_string_equal(next(h->b, &e), "1,3");
	assert_int_equal(e.flags, FLAG_FLAGGED);
	done(h->b, &e, 1, 3);
	assert_string_equal(next(h->b, &e), "2");
	assert_int_equal(e.flags, FLAG_FLAGGED | FLAG_SEEN);
	done(h->b, &e, 2, 2);
	store_unselect(h->a, &v);
}

/* RFC 6785 2.3.1 */
static void
test_scripts(void **state)
{
	struct home *h = *state;
	struct store_event e;
	make(h->a, "Own");
	make(h->a, "Empty");
	make(h->a, "Learn");
	name_script(h->a, "", "server");
	name_script(h->a, "Own", "own");
	name_script(h->a, "Empty", "");
	append(h->a, "Empty", 1);
	assert_string_equal(next(h->b, &e), "");
	append(h->a, "INBOX", 2);
	assert_string_equal(next(h->b, &e), "1");
	assert_true(span_eqs(e.script, "server"));
	done(h->b, &e, 1, 1);
	append(h->a, "Own", 3);
	/* the script is the one of when it runs */
	name_script(h->a, "Own", "other");
	assert_string_equal(next(h->b, &e), "1");
	assert_true(span_eqs(e.script, "other"));
	done(h->b, &e, 1, 1);
	name_script(h->a, "", NULL);
	append(h->a, "Learn", 4);
	assert_string_equal(next(h->b, &e), "");
	struct store_view v = selected(h->a, "INBOX");
	copy(h->a, &v, 1, 1, "Learn");
	store_unselect(h->a, &v);
	assert_string_equal(next(h->b, &e), "2");
	assert_int_equal(e.cause, EVENT_COPY);
	assert_true(span_eqs(e.from, "INBOX") && e.script.n == 0);
	done(h->b, &e, 2, 2);
}

/* Many changes of one kind are one event, until it was given out; and what is done goes. */
static void
test_many(void **state)
{
	struct home *h = *state;
	struct store_event e;

	enum { MANY = 3000 };

	make(h->a, "From");
	make(h->a, "To");
	append_many(h->a, "From", MANY);
	name_script(h->a, "To", "main");
	struct store_view v = selected(h->a, "From");
	copy(h->a, &v, 1, MANY, "To");
	assert_string_equal(next(h->b, &e), "1:3000");
	uint64_t number = e.number;
	copy(h->a, &v, 1, 2, "To");
	copy(h->a, &v, 3, 3, "To");
	done(h->b, &e, 1, 1000);
	assert_string_equal(next(h->b, &e), "1001:3000");
	assert_int_equal(e.tries, 1);
	assert_string_equal(next(h->b, &e), "1001:3000");
	assert_int_equal(e.tries, 2);
	store_unselect(h->a, &v);
	done(h->b, &e, 1, UINT32_MAX); /* others are no harm */
	assert_string_equal(next(h->b, &e), "3001:3003");
	assert_true(e.number > number);
	struct numset none = {.n = 0};
	assert_int_equal(store_event_done(h->b, e.number, &none), STORE_DONE);
	assert_string_equal(next(h->b, &e), "3001:3003");
	assert_int_equal(e.tries, 1);
	done(h->b, &e, 3001, 3003);
	assert_string_equal(next(h->b, &e), "");
}

/* It is as durable as the change, and who comes next hears that something waits. */
static void
test_killed(void **state)
{
	struct home *h = *state;
	struct store_event e, again;
	make(h->a, "Box");
	name_script(h->a, "Box", "main");
	append(h->a, "Box", 1);
	assert_true(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "1");
	home_kill();
	home_reopen(h);
	assert_string_equal(next(h->b, &again), "1");
	assert_true(again.at_us == e.at_us && again.number == e.number);
	assert_int_equal(again.tries, 2);
	assert_false(store_take_events(h->b));
	store_hold(h->a);
	mailbox_check(h->a, "Box", 1, 1, 0);
	assert_true(store_take_events(h->a));
	mailbox_check(h->a, "Box", 1, 1, 0);
	assert_false(store_take_events(h->a));
	/* without its mailbox it is nothing */
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Box")), STORE_DONE);
	assert_string_equal(next(h->b, &e), "");
}

/* So many wait; what happens then is done, and not noted. */
static void
test_full(void **state)
{
	struct home *h = *state;
	struct store_event e;
	unsigned n = 0;
	make(h->a, "Box");
	append_many(h->a, "Box", 2);
	name_script(h->a, "Box", "main");
	struct store_view v = selected(h->a, "Box");
	for (unsigned i = 0; i < EVENT_ROWS_MOST + 5;
	     i++) /* none is as the one before */
		assert_int_equal(
		    flags(h->a, &v, 1, 1, i % 4 < 2 ? STORE_ADD : STORE_REMOVE,
			i % 2 ? FLAG_SEEN : FLAG_FLAGGED, NULL),
		    STORE_DONE);
	store_unselect(h->a, &v);
	while (*next(h->b, &e)) {
		done(h->b, &e, 1, 1);
		n++;
	}
	assert_int_equal(n, EVENT_ROWS_MOST);
	append(h->a, "Box", 3);
	assert_string_equal(next(h->b, &e), "3");
}

static void
test_off(void **state)
{
	struct home *h = *state;
	struct store_event e;
	make(h->a, "Box");
	name_script(h->a, "Box", "main");
	append(h->a, "Box", 1);
	assert_string_equal(next(h->b, &e), "1");
	done(h->b, &e, 1, 1);
	store_events_as(false, NULL, 0);
	home_kill();
	home_reopen(h);
	store_hold(h->a);
	append(h->a, "Box", 2);
	assert_false(store_take_events(h->a));
	assert_string_equal(next(h->b, &e), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_causes), TEST(test_scripts),
	    TEST(test_many), TEST(test_killed), TEST(test_full), TEST(test_off)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_reset(&arena);
	return failed;
}
