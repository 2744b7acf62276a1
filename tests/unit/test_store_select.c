/* SPDX-License-Identifier: ISC */
/*
 * test_store_select.c - what was shown to nobody yet, and mailboxes that are selected again without
 * an ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

static void
test_recent(void **state)
{
	struct home *h = *state;
	struct store_view v, w;
	struct store_mailbox m;
	append(h->a, "INBOX", 1);
	append(h->a, "INBOX", 2);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX"), &m), E_OK);
	assert_int_equal(m.recent, 2);
	assert_int_equal(store_select(h->a, SPAN("INBOX"), true, &v), E_OK);
	assert_int_equal(v.recent_from, 1);
	store_unselect(h->a, &v);
	v = selected(h->a, "INBOX");
	assert_int_equal(v.recent_from, 1);
	w = selected(h->b, "INBOX");
	assert_int_equal(w.recent_from, UINT32_MAX);
	append(h->b, "INBOX", 3); /* the first session's too */
	store_unselect(h->a, &v);
	append(h->b, "INBOX", 4);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX"), &m), E_OK);
	assert_int_equal(m.recent, 1);
	v = selected(h->a, "INBOX");
	assert_int_equal(v.recent_from, 4);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

/* ---- selected again ---- */

/* What the view says without an ask is what the keeper would have said. */
static void
test_select_again(void **state)
{
	struct home *h = *state;
	append(h->a, "Sent", 1);
	append(h->a, "Sent", 2);
	struct store_view v = selected(h->a, "Sent"), w;
	const struct view_head *head = v.head;
	assert_int_equal(v.recent_from, 1);
	store_unselect_later(h->a, &v);
	assert_true(store_is_unselecting(h->a));
	assert_int_equal(append(h->b, "Sent", 3), 3);
	w = selected(h->b, "Sent");
	assert_int_equal(flags(h->b, &w, 1, 1, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(expunge(h->b, &w, 2, 2, false), STORE_DONE);
	v = selected(h->a, "Sent");
	assert_ptr_equal(v.head, head);
	assert_false(store_is_unselecting(h->a));
	assert_int_equal(v.n, 3);
	assert_int_equal(v.uidnext, 4);
	assert_int_equal(v.unseen, 1);
	assert_int_equal(v.modseq, w.head->modseq);
	assert_int_equal(v.recent_from, 3); /* the others were shown before */
	store_unselect(h->b, &w);
	store_unselect_later(h->a, &v);
	/* what was asked before another ask is known to the keeper by then */
	mailbox_check(h->a, "Sent", 2, 1, 0);
	assert_false(store_is_unselecting(h->a));
	store_unselect_now(h->a);
}

/* It came after this client left: nobody was shown it yet, whenever the keeper hears of that. */
static void
test_recent_after_unselect(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	append(h->a, "Sent", 1);
	struct store_view v = selected(h->a, "Sent"), w;
	store_unselect_later(h->a, &v);
	append(h->b, "Sent", 2);
	append(h->b, "Sent", 3);
	store_unselect_now(h->a);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(store_mailbox(h->b, SPAN("Sent"), &m), E_OK);
	assert_int_equal(m.recent, 2);
	w = selected(h->b, "Sent");
	assert_int_equal(w.recent_from, 2);
	store_unselect(h->b, &w);
}

/* A mailbox that has another name, is no more, or whose keeper died: it is asked for. */
static void
test_select_again_asks(void **state)
{
	struct home *h = *state;
	struct store_view v = selected(h->a, "Sent");
	uint32_t sent = v.mailbox;
	store_unselect_later(h->a, &v);
	assert_int_equal(
	    store_mailbox_rename(h->b, SPAN("Sent"), SPAN("Gone")), STORE_DONE);
	assert_int_equal(store_select(h->a, SPAN("Sent"), false, &v), E_BAD);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("Sent"), "", NULL), STORE_DONE);
	v = selected(h->a, "Sent");
	assert_int_not_equal(v.mailbox, sent);
	store_unselect_later(h->a, &v);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("Sent")), STORE_DONE);
	assert_int_equal(store_select(h->a, SPAN("Sent"), false, &v), E_BAD);
	v = selected(h->a, "Gone");
	store_unselect_later(h->a, &v);
	home_kill();
	append(h->b, "Gone", 1);
	v = selected(h->a, "Gone");
	assert_int_equal(v.n, 1);
	store_unselect_later(h->a, &v);
	assert_int_equal(store_adopt_numbers(h->b, SPAN("Junk"), 7, 9, 0), STORE_DONE);
	v = selected(h->a, "Junk");
	assert_int_equal(v.uidvalidity, 7);
	store_unselect_later(h->a, &v);
	assert_int_equal(store_adopt_numbers(h->b, SPAN("Junk"), 7, 12, 0), STORE_DONE);
	v = selected(h->a, "Junk");
	assert_int_equal(v.uidnext, 12);
	/* INBOX has mail that no view knows of */
	store_unselect_later(h->a, &v);
	v = selected(h->a, "INBOX");
	store_unselect_later(h->a, &v);
	assert_false(store_is_unselecting(h->a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_recent),
	    TEST(test_recent_after_unselect), TEST(test_select_again),
	    TEST(test_select_again_asks)};
	return cmocka_run_group_tests_name("store_select", tests, NULL, NULL);
}
