/* SPDX-License-Identifier: ISC */
/* test_imap_notify.c - what NOTIFY asks for, as it is written; the table of mailboxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "imapd/notify_parse.h"
#include "imapd/notify_saved.h"
#include "imapd/notify_table.h"
#include "imapd/slept.h"

enum {
	ARENA_MAX = 1 << 20,
	MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE,
	MANY = 1000,
};

/* clang-format off */
static const struct {
	const char *text;
	int err;
	unsigned selected, of_a, of_inbox;   /* events */
} rows[] = {
	{"NONE", E_OK, 0, 0, 0},
	{"set (selected NONE)", E_OK, 0, 0, 0},
	{"SET STATUS (selected (MessageNew MessageExpunge)) (mailboxes a (MailboxName))", E_OK, MESSAGES, NOTIFY_NAME, 0},
	{"SET (selected-delayed (MessageExpunge MessageNew (UID FLAGS) FlagChange))", E_OK, MESSAGES | NOTIFY_FLAGS, 0, 0},
	/* several groups of one mailbox: RFC 5465 6 */
	{"SET (mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange))", E_OK, 0, NOTIFY_SUBSCRIPTION, MESSAGES | NOTIFY_SUBSCRIPTION},
	{"SET (subscribed (MailboxName)) (subtree (a b) NONE)", E_OK, 0, 0, NOTIFY_NAME},
	{"SET (personal (MailboxMetadataChange ServerMetadataChange))", E_OK, 0, NOTIFY_METADATA | NOTIFY_SERVER_METADATA, NOTIFY_METADATA | NOTIFY_SERVER_METADATA},
	{"SET (personal (MessageNew MessageExpunge AnnotationChange))", E_DENY, 0, 0, 0},
	{"SET (personal (MailboxName Moonrise))", E_DENY, 0, 0, 0},
	{"SET (personal (MessageNew))", E_BAD, 0, 0, 0},
	{"SET (personal (MessageExpunge))", E_BAD, 0, 0, 0},
	{"SET (personal (FlagChange))", E_BAD, 0, 0, 0},
	{"SET (personal (AnnotationChange))", E_BAD, 0, 0, 0},
	{"SET (personal (MessageNew (UID) MessageExpunge))", E_BAD, 0, 0, 0},
	{"SET (selected (MailboxName))", E_BAD, 0, 0, 0},
	{"SET (selected NONE) (selected-delayed NONE)", E_BAD, 0, 0, 0},
	{"SET (subtree-one a NONE)", E_BAD, 0, 0, 0},
	{"SET (personal ())", E_BAD, 0, 0, 0},
	{"SET (personal (MailboxName)", E_BAD, 0, 0, 0},
	{"SET (personal MailboxName)", E_BAD, 0, 0, 0},
	{"SET personal NONE", E_BAD, 0, 0, 0},
	{"SET STATUS", E_BAD, 0, 0, 0},
	{"SET", E_BAD, 0, 0, 0},
	{"NONE ", E_BAD, 0, 0, 0},
	{"", E_BAD, 0, 0, 0},
};

/* clang-format on */

static void
test_rows(void **state)
{
	const struct filter_mailbox a = {.name = SPAN("a")},
				    inbox = {
					.name = SPAN("INBOX"), .is_subscribed = true};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = ARENA_MAX};
		struct parse p = {.in = span_of(rows[i].text), .arena = &arena};
		struct notify_set set;
		assert_int_equal(notify_parse(&p, &set), rows[i].err);
		if (rows[i].err == E_OK) {
			assert_int_equal(set.selected, rows[i].selected);
			assert_int_equal(notify_events_of(&set, &a), rows[i].of_a);
			assert_int_equal(
			    notify_events_of(&set, &inbox), rows[i].of_inbox);
		}
		arena_reset(&arena);
	}
}

static void
test_limits(void **state)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct notify_set set;
	struct buf text = {0};
	(void)state;
	buf_str(&text, "SET");
	for (size_t i = 0; i <= FILTERS_MOST; i++)
		buf_str(&text, " (personal NONE)");
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	assert_int_equal(notify_parse(&p, &set), E_LIMIT);
	buf_reset(&text);
	buf_str(&text, "SET (mailboxes (");
	for (size_t i = 0; i <= FILTER_NAMES_MOST; i++)
		buf_str(&text, i ? " a" : "a");
	buf_str(&text, ") NONE)");
	p = (struct parse){.in = buf_as_span(&text), .arena = &arena};
	assert_int_equal(notify_parse(&p, &set), E_LIMIT);
	buf_free(&text);
	arena_reset(&arena);
}

static struct store_mailbox
a_mailbox(uint32_t id)
{
	struct store_mailbox m = {
	    .id = id, .uidvalidity = id + 1, .uidnext = id + 2, .messages = id};
	struct buf name = {0};
	buf_putf(&name, id == 1 ? "top" : "top/%u", id);
	memcpy(m.name, buf_cstr(&name), name.len);
	buf_free(&name);
	return m;
}

static void
test_table(void **state)
{
	struct known_table t = {.n = 0}, again = {.n = 0};
	struct buf saved = {.max = NOTIFY_SAVED_MAX};
	(void)state;
	for (uint32_t i = MANY; i > 0; i--) {
		struct store_mailbox m = a_mailbox(i);
		table_put(&t, &m);
		table_put(&t, &m);
	}
	table_remove(&t, MANY / 2);
	table_remove(&t, MANY / 2);
	table_set_name(&t, SPAN("gone"), true);
	assert_int_equal(t.n, MANY - 1);
	assert_null(table_of(&t, MANY / 2));
	assert_int_equal(table_of(&t, 7)->uidnext, 9);
	assert_true(table_has_children(&t, SPAN("top")));
	assert_false(table_has_children(&t, SPAN("to")));
	assert_int_equal(table_save(&t, &saved), E_OK);
	struct rd r = rd_of(buf_as_span(&saved));
	assert_int_equal(table_load(&again, &r), E_OK);
	assert_int_equal(rd_end(&r), E_OK);
	assert_int_equal(again.n, t.n);
	assert_string_equal(table_of(&again, 8)->name, "top/8");
	assert_true(table_has_name(&again, SPAN("gone")));
	table_free(&again);
	r = rd_of(span_head(buf_as_span(&saved), saved.len - 1));
	assert_int_equal(table_load(&again, &r), E_BAD);
	assert_int_equal(again.n, 0);
	table_free(&t);
	buf_free(&saved);
}

/* What is asked for, through a sleep; more mailboxes than fit are no reason to write half of them. */
static void
test_saved(void **state)
{
	const struct notify_saved z = {
	    .since = 5, .metadata = 6, .is_utf8 = true, .text = SPAN("NONE")};
	struct notify_saved got;
	struct known_table t = {.n = 0};
	struct buf saved = {.max = SLEPT_NOTIFY_MAX};
	(void)state;
	notify_saved_put(&saved, &z);
	for (size_t i = 0; i < saved.len; i++) {
		struct rd cut = rd_of(span_head(buf_as_span(&saved), i));
		assert_int_equal(notify_saved_get(&cut, &got), E_BAD);
	}
	assert_int_equal(table_save(&t, &saved), E_OK);
	struct rd r = rd_of(buf_as_span(&saved));
	assert_int_equal(notify_saved_get(&r, &got), E_OK);
	assert_true(got.since == 5 && got.metadata == 6 && got.is_utf8);
	assert_true(span_eqs(got.text, "NONE"));
	assert_int_equal(table_load(&t, &r), E_OK);
	saved.p[16] = 2; /* is_utf8 */
	r = rd_of(buf_as_span(&saved));
	assert_int_equal(notify_saved_get(&r, &got), E_BAD);
	for (uint32_t i = 1; i <= MANY; i++) {
		struct store_mailbox m = a_mailbox(i);
		table_put(&t, &m);
	}
	assert_int_equal(table_save(&t, &saved), E_LIMIT);
	table_free(&t);
	buf_free(&saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_limits), cmocka_unit_test(test_table),
	    cmocka_unit_test(test_saved)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
