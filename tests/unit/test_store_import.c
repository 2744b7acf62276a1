/* SPDX-License-Identifier: ISC */
/* test_store_import.c - messages that bring their numbers, and an index made anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- import ---- */

static void
test_import(void **state)
{
	struct home *h = *state;
	struct incoming m;
	struct buf text = {0};
	struct store_mailbox before, after;
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 4000000000u, 501, 0), STORE_DONE);
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 7, 500, 0), STORE_EXISTS);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), UINT32_MAX, 501, 0),
	    STORE_TOO_MANY);
	message_begin(h->a, &m, 1);
	m.uid = 600;
	m.saved_sec = 12345;
	m.uidl = SPAN("the old one's");
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	message_begin(h->a, &m, 2);
	m.uid = 600;
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_TOO_MANY);
	incoming_drop(&m);
	assert_int_equal(append(h->a, "INBOX", 3), 601);
	struct store_view v = selected(h->b, "INBOX");
	assert_int_equal(v.uidvalidity, 4000000000u);
	assert_int_equal(v.records[0].saved_sec, 12345);
	store_uidl(h->b, &v.records[0], &text);
	assert_string_equal(buf_cstr(&text), "the old one's");
	buf_reset(&text);
	store_uidl(h->b, &v.records[1], &text);
	assert_string_equal(buf_cstr(&text), file_id_text(v.records[1].id));
	buf_free(&text);
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 7, 700, 0), STORE_EXISTS);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("later"), NULL, &after), STORE_DONE);
	assert_int_equal(store_mailbox(h->a, SPAN("Sent"), &before), E_OK);
	assert_true(after.uidvalidity > 4000000000u);
	store_unselect(h->b, &v);
}

/* What the source numbers may still come, and is no other message meanwhile. */
static void
test_import_reserved(void **state)
{
	struct home *h = *state;
	struct incoming m;
	struct store_rebuilt rebuilt;
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 77, 1, 1000), STORE_DONE);
	message_begin(h->a, &m, 1);
	m.uid = 5;
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	/* again: only larger */
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 77, 20, 2000), STORE_DONE);
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 77, 3, 3), STORE_DONE);
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("INBOX"), 78, 3000, 3), STORE_EXISTS);
	assert_int_equal(
	    store_adopt_numbers(h->a, SPAN("Sent"), 78, 1, 5000), STORE_DONE);
	deliver("a letter\r\n");
	struct store_view v = selected(h->b, "INBOX");
	assert_int_equal(v.n, 2);
	assert_int_equal(v.records[0].uid, 5);
	assert_int_equal(v.records[1].uid, 2000);
	assert_int_equal(v.head->uidnext, 2001);
	store_unselect(h->b, &v);
	message_begin(h->a, &m, 1);
	m.uid = 21;
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_TOO_MANY);
	incoming_drop(&m);
	assert_int_equal(append(h->a, "INBOX", 3), 2001);
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	assert_int_equal(rebuilt.from_dump, 3);
	assert_int_equal(rebuilt.found + rebuilt.without_file, 0);
	assert_true(append(h->a, "Sent", 4) >= 5000);
}

static void
test_many_synced_at_once(void **state)
{
	struct home *h = *state;
	struct incoming all[3];
	uint32_t uid;
	for (size_t i = 0; i < COUNT(all); i++) {
		assert_int_equal(incoming_begin(h->a, &all[i]), E_OK);
		assert_int_equal(incoming_write(&all[i], text_of((unsigned)i)), E_OK);
	}
	assert_int_equal(incoming_end_all(all, COUNT(all)), E_OK);
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), all, COUNT(all), NULL, &uid), STORE_DONE);
	assert_int_equal(uid, 1);
	struct store_view v = selected(h->a, "INBOX");
	struct span text;
	assert_int_equal(v.n, 3);
	for (size_t i = 0; i < COUNT(all); i++) {
		assert_int_equal(store_message_map(h->a, &v.records[i], &text), E_OK);
		assert_true(span_eq(text, text_of((unsigned)i)));
		store_message_unmap(&text);
		incoming_drop(&all[i]);
	}
	store_unselect(h->a, &v);
}

/*
 * A sound index made anew is the same one; one without its dump has all messages in INBOX, and uids
 * that never were.
 */
static void
test_rebuild(void **state)
{
	struct home *h = *state;
	struct store_rebuilt r;
	append_many(h->a, "INBOX", 20);
	append(h->a, "Sent", 1);
	assert_int_equal(store_rebuild(h->dir, &r), E_OK);
	assert_int_equal(r.from_dump, 21);
	assert_int_equal(r.found, 0);
	assert_int_equal(r.without_file, 0);
	assert_true(span_starts(span_of(r.aside), SPAN("index.broken-")));
	mailbox_check(h->b, "INBOX", 20, 20, 0);
	mailbox_check(h->b, "Sent", 1, 1, 0);
	struct store_view v = selected(h->b, "INBOX");
	assert_int_equal(v.records[19].uid, 20);
	store_unselect(h->b, &v);
	assert_true(append(h->a, "INBOX", 2) > 20);
	home_kill();
	assert_int_equal(truncate("dump", 0), 0);
	assert_int_equal(truncate("index/db/messages", 4096), 0);
	assert_int_equal(store_rebuild(h->dir, &r), E_OK);
	struct store_mailbox m;
	assert_int_equal(store_mailbox(h->b, SPAN("INBOX"), &m), E_OK);
	assert_int_equal(m.messages, 22);
	v = selected(h->b, "INBOX");
	assert_true(v.records[0].uid > 21);
	store_unselect(h->b, &v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_import),
	    TEST(test_import_reserved), TEST(test_many_synced_at_once),
	    TEST(test_rebuild)};
	return cmocka_run_group_tests_name("store_import", tests, NULL, NULL);
}
