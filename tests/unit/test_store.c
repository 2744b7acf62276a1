/* SPDX-License-Identifier: ISC */
/* test_store.c - the calls of a session, with a real keeper and a second session that looks on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/keeper.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- reading ---- */

static void
test_new_account(void **state)
{
	struct home *h = *state;
	static const char *const names[] = {
	    "Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"};
	struct store_mailbox m;
	for (size_t i = 0; i < COUNT(names); i++) {
		mailbox_check(h->a, names[i], 0, 0, 0);
		assert_int_equal(store_mailbox(h->a, span_of(names[i]), &m), E_OK);
		assert_true(m.is_subscribed);
		assert_true(m.uidvalidity > 0);
		assert_int_equal(m.uidnext, 1);
	}
	assert_int_equal(store_mailbox(h->a, SPAN("iNBOX"), &m), E_OK);
	assert_int_equal(store_mailbox(h->a, SPAN("inbox2"), &m), E_BAD);
	assert_int_equal(store_mailbox(h->a, SPAN("Sent"), &m), E_OK);
	assert_string_equal(m.special_use, "\\Sent");
}

static void
test_append_and_read(void **state)
{
	struct home *h = *state;
	struct store_view v = selected(h->b, "inbox");
	struct span bytes, keywords[] = {SPAN("$Junk"), SPAN("later")};
	struct incoming m;
	uint32_t uidvalidity, uid;
	assert_int_equal(v.n, 0);
	message_begin(h->a, &m, 1);
	m.flags = FLAG_SEEN;
	m.keywords = keywords;
	m.n_keywords = 2;
	m.date_sec = -5;
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, &uidvalidity, &uid), STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(uidvalidity, v.uidvalidity);
	assert_int_equal(uid, 1);
	/* the other session's view has it without a word */
	assert_int_equal(v.head->n, 1);
	assert_int_equal(v.head->uidnext, 2);
	assert_int_equal(v.head->n_keywords, 2);
	assert_string_equal(v.head->keywords[1], "later");
	const struct store_record *r = store_record_of(&v, 1);
	assert_non_null(r);
	assert_int_equal(r->flags, FLAG_SEEN);
	assert_int_equal(r->keywords, 3);
	assert_int_equal(r->date_sec, -5);
	assert_int_equal(r->size_bytes, text_of(1).n);
	assert_int_equal(r->modseq, v.head->modseq);
	assert_int_equal(store_message_map(h->b, r, &bytes), E_OK);
	assert_true(span_eq(bytes, text_of(1)));
	store_message_unmap(&bytes);
	assert_null(store_record_of(&v, 2));
	mailbox_check(h->b, "INBOX", 1, 0, 0);
	store_unselect(h->b, &v);
	/* nothing is left of its way in */
	assert_int_equal(rmdir("tmp"), 0);
	assert_int_equal(
	    store_append(h->a, SPAN("nowhere"),
		&(struct incoming){.is_linked = true, .fd = -1}, 1, NULL, NULL),
	    STORE_NONEXISTENT);
}

static void
test_multiappend(void **state)
{
	struct home *h = *state;
	struct incoming all[3];
	uint32_t first;
	for (unsigned i = 0; i < 3; i++)
		message_begin(h->a, &all[i], i);
	assert_int_equal(
	    store_append(h->a, SPAN("Sent"), all, 3, NULL, &first), STORE_DONE);
	assert_int_equal(first, 1);
	struct store_view v = selected(h->a, "Sent");
	assert_int_equal(v.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(v.records[i].uid, i + 1);
		assert_true(file_id_eq(v.records[i].id, all[i].id));
		incoming_drop(&all[i]);
	}
	store_unselect(h->a, &v);
}

static void
test_quota(void **state)
{
	struct home *h = *state;
	uint64_t bytes, messages;
	struct incoming m;
	append(h->a, "INBOX", 1);
	assert_int_equal(store_usage(h->a, &bytes, &messages), E_OK);
	assert_int_equal(messages, 1);
	assert_int_equal(bytes, text_of(1).n);
	store_limit(h->a, bytes + 10, 0, clock_mono_ms());
	message_begin(h->a, &m, 2);
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_OVER_QUOTA);
	incoming_drop(&m);
	assert_int_equal(rmdir("tmp"), 0);
	store_limit(h->a, 0, 1, clock_mono_ms());
	struct store_view v = selected(h->a, "INBOX");
	struct numset uids = set_of(1, 1);
	struct store_copied c;
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c),
	    STORE_OVER_QUOTA);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), true, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&uids);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	store_unselect(h->a, &v);
}

/* ---- flags ---- */

static void
test_flags(void **state)
{
	struct home *h = *state;
	for (unsigned i = 1; i <= 30; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "INBOX");
	uint64_t modseq = v.modseq;
	assert_int_equal(
	    flags(h->a, &v, 10, 20, STORE_ADD, FLAG_SEEN | FLAG_DELETED, "$Forwarded"),
	    STORE_DONE);
	assert_int_equal(w.head->modseq, modseq + 1);
	for (uint32_t uid = 1; uid <= 30; uid++) {
		const struct store_record *r = store_record_of(&w, uid);
		bool is_in = uid >= 10 && uid <= 20;
		assert_int_equal(r->flags, is_in ? FLAG_SEEN | FLAG_DELETED : 0);
		assert_int_equal(r->keywords, is_in ? 1 : 0);
		assert_int_equal(r->modseq == modseq + 1, is_in);
	}
	mailbox_check(h->b, "INBOX", 30, 19, 11);
	/* what changes nothing is quiet */
	assert_int_equal(
	    flags(h->b, &w, 12, 13, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(w.head->modseq, modseq + 1);
	assert_int_equal(
	    flags(h->b, &w, 20, 21, STORE_SET, FLAG_FLAGGED, "$FORWARDED"), STORE_DONE);
	assert_int_equal(store_record_of(&v, 20)->flags, FLAG_FLAGGED);
	assert_int_equal(store_record_of(&v, 21)->keywords, 1);
	assert_int_equal(v.head->n_keywords, 1);
	assert_int_equal(
	    flags(h->b, &w, 1, 30, STORE_REMOVE, FLAG_SEEN | FLAG_DELETED, "unknown"),
	    STORE_DONE);
	assert_int_equal(v.head->n_keywords, 1);
	mailbox_check(h->b, "INBOX", 30, 30, 0);
	assert_int_equal(flags(h->b, &(struct store_view){.mailbox = 4711}, 1, 2,
			     STORE_SET, 0, NULL),
	    STORE_NONEXISTENT);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

static void
test_unchanged_since(void **state)
{
	struct home *h = *state;
	struct numset all = set_of(1, 3), modified = {0};
	struct store_change c = {
	    .how = STORE_ADD, .flags = FLAG_FLAGGED, .has_unchanged_since = true};
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX");
	c.unchanged_since = v.modseq;
	assert_int_equal(flags(h->b, &v, 2, 2, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(store_flags(h->a, v.mailbox, &all, &c, &modified), STORE_DONE);
	set_check(&modified, "2");
	assert_int_equal(store_record_of(&v, 2)->flags, FLAG_SEEN);
	assert_int_equal(store_record_of(&v, 3)->flags, FLAG_FLAGGED);
	numset_free(&all);
	numset_free(&modified);
	store_unselect(h->a, &v);
}

static void
test_keywords_most(void **state)
{
	struct home *h = *state;
	char name[STORE_KEYWORD_MAX + 1];
	append(h->a, "INBOX", 1);
	struct store_view v = selected(h->a, "INBOX");
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		memset(name, 'k', sizeof name - 1);
		name[snprintf(name, 8, "k%u", i)] = 'x';
		name[STORE_KEYWORD_MAX] = '\0';
		assert_int_equal(flags(h->a, &v, 1, 1, STORE_ADD, 0, name), STORE_DONE);
	}
	assert_int_equal(v.head->n_keywords, STORE_KEYWORDS_MAX);
	assert_int_equal(
	    flags(h->a, &v, 1, 1, STORE_ADD, FLAG_SEEN, "more"), STORE_TOO_MANY);
	assert_int_equal(v.records[0].flags, 0);
	assert_int_equal(v.records[0].keywords, UINT64_MAX);
	store_unselect(h->a, &v);
}

/* ---- what goes ---- */

static void
test_expunge(void **state)
{
	struct home *h = *state;
	struct numset gone = {0};
	for (unsigned i = 1; i <= 20; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "INBOX");
	struct store_record first = v.records[4];
	assert_int_equal(
	    flags(h->a, &v, 5, 8, STORE_ADD, FLAG_DELETED, NULL), STORE_DONE);
	uint64_t before = v.head->modseq;
	assert_int_equal(expunge(h->a, &v, 1, 6, true), STORE_DONE);
	assert_int_equal(w.head->n, 20);
	assert_int_equal(w.head->n_gone, 2);
	assert_true(store_record_of(&w, 5)->flags & FLAG_GONE);
	assert_int_equal(store_record_of(&w, 6)->modseq, before + 1);
	assert_false(store_record_of(&w, 7)->flags & FLAG_GONE);
	assert_int_equal(expunge(h->b, &w, 14, 14, false), STORE_DONE);
	mailbox_check(h->a, "INBOX", 17, 17, 2);
	assert_int_equal(store_expunged(h->b, v.mailbox, before, &gone), E_OK);
	set_check(&gone, "5:6,14");
	assert_int_equal(store_expunged(h->b, v.mailbox, before + 1, &gone), E_OK);
	set_check(&gone, "14");
	assert_int_equal(store_expunged(h->b, v.mailbox, 0, &gone), E_LIMIT);
	assert_int_equal(store_expunged(h->b, 999, 1, &gone), E_BAD);
	numset_free(&gone);
	/* a mailbox selected anew does not have them */
	store_unselect(h->b, &w);
	store_unselect(h->a, &v);
	home_kill();
	home_reopen(h);
	v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 17);
	assert_null(store_record_of(&v, 5));
	assert_int_equal(append(h->a, "INBOX", 99), 21);
	int fd;
	for (unsigned i = 0; i < 1000 && store_message_open(h->a, &first, &fd) == E_OK;
	     i++) {
		close(fd);
		poll(NULL, 0, 10); /* its file goes soon after */
	}
	assert_int_equal(store_message_open(h->a, &first, &fd), E_BAD);
	store_unselect(h->a, &v);
}

/* Rows of what went are bounded: the oldest are forgotten, and that is said. */
static void
test_expunged_most(void **state)
{
	struct tables t;
	struct db_txn *txn;
	struct mailbox m = {.id = 7, .expunged_floor = 1};
	struct numset uids = {0}, since = {0};
	(void)state;
	assert_int_equal(tables_open(&t, "rows", true), E_OK);
	assert_int_equal(db_begin(t.db, &txn), E_OK);
	for (uint32_t i = 1; i <= 110; i++) {
		numset_reset(&uids);
		for (uint32_t uid = i * 10000; uid < i * 10000 + 2000; uid += 2)
			assert_int_equal(numset_add(&uids, uid, uid), E_OK);
		assert_int_equal(expunged_put(&t, txn, &m, 10 + i, &uids), E_OK);
		assert_true(m.n_expunged <= EXPUNGED_ROWS_MOST + 1000);
	}
	assert_int_equal(db_commit(&txn), E_OK);
	assert_true(m.expunged_floor > 10 && m.expunged_floor < 22);
	assert_int_equal(expunged_since(&t, 7, m.expunged_floor, &since), E_OK);
	assert_int_equal(numset_count(&since), 1000 * (120 - m.expunged_floor));
	assert_int_equal(expunged_since(&t, 7, 119, &since), E_OK);
	tables_close(&t);
	numset_free(&uids);
	numset_free(&since);
}

struct doomed_ids {
	unsigned n;
	struct file_id firsts[8]; /* of each row */
	unsigned n_rows;
};

static int
count_doomed(void *ctx, struct span ids)
{
	struct doomed_ids *d = ctx;
	struct rd r = rd_of(ids);
	rd_file_id(&r, &d->firsts[d->n_rows++ % COUNT(d->firsts)]);
	d->n += (unsigned)(ids.n / FILE_ID_BYTES);
	return E_OK;
}

/* Files that go: many in a row, and no row that takes another's place. */
static void
test_doomed_rows(void **state)
{
	enum { FILES = 2 * DOOMED_ROW_FILES + 1 };
	struct tables t;
	struct db_txn *txn;
	struct buf ids = {0};
	struct doomed_ids found = {0}, left = {0};
	unsigned n_bad;
	(void)state;
	for (unsigned i = 0; i < FILES; i++) {
		struct file_id id = file_id_of(id_new(), i);
		buf_put(&ids, id.b, FILE_ID_BYTES);
	}
	assert_int_equal(tables_open(&t, "rows", true), E_OK);
	assert_int_equal(db_begin(t.db, &txn), E_OK);
	assert_int_equal(doomed_put(&t, txn, SPAN("")), E_OK);
	assert_int_equal(doomed_put(&t, txn, buf_as_span(&ids)), E_OK);
	/* what damage may leave: passed over, and removed when asked */
	assert_int_equal(
	    db_put(t.doomed, txn, SPAN("\0"), SPAN("no list of ids")), E_OK);
	assert_int_equal(
	    db_put(t.doomed, txn, SPAN("~~~~~~~~~~~~~~~~"), SPAN("another one's id")),
	    E_OK);
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(doomed_each(&t, NULL, count_doomed, &found), E_OK);
	assert_int_equal(found.n, FILES);
	assert_int_equal(found.n_rows, 3);
	assert_int_equal(db_begin(t.db, &txn), E_OK);
	assert_int_equal(doomed_mend(&t, txn, &n_bad), E_OK);
	assert_int_equal(n_bad, 2);
	assert_int_equal(doomed_mend(&t, txn, &n_bad), E_OK);
	assert_int_equal(n_bad, 0);
	for (unsigned i = 0; i < found.n_rows; i++)
		assert_int_equal(doomed_remove(&t, txn, found.firsts[i]), E_OK);
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(doomed_each(&t, NULL, count_doomed, &left), E_OK);
	assert_int_equal(left.n, 0);
	tables_close(&t);
	buf_free(&ids);
}

static void
test_view_moves(void **state)
{
	struct home *h = *state;
	struct store_view v, w, next;
	append_many(h->a, "INBOX", 9000);
	v = selected(h->a, "INBOX");
	w = selected(h->b, "INBOX");
	assert_int_equal(expunge(h->a, &v, 2, 8000, false), STORE_DONE);
	assert_int_equal(v.head->is_superseded, 1);
	assert_int_equal(store_view_renew(h->b, &w, &next), E_OK);
	assert_int_equal(next.mailbox, w.mailbox);
	assert_int_equal(next.recent_from, w.recent_from);
	assert_int_equal(next.head->is_superseded, 0);
	assert_int_equal(next.n - next.head->n_gone, 1001);
	assert_true(next.n < 9000);
	assert_int_equal(store_record_of(&next, 8001)->flags, 0);
	store_unselect(h->b, &w);
	assert_int_equal(flags(h->a, &v, 1, 1, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(next.records[0].flags, FLAG_SEEN);
	store_unselect(h->b, &next);
	store_unselect(h->a, &v);
}

/* ---- copies ---- */

static void
test_copy_and_move(void **state)
{
	struct home *h = *state;
	struct store_copied c;
	for (unsigned i = 1; i <= 20; i++)
		append(h->a, "INBOX", i);
	append(h->a, "Sent", 77);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "Sent");
	assert_int_equal(flags(h->b, &w, 1, 1, STORE_ADD, 0, "other"), STORE_DONE);
	assert_int_equal(
	    flags(h->a, &v, 3, 3, STORE_ADD, FLAG_SEEN, "$Label1"), STORE_DONE);
	assert_int_equal(expunge(h->a, &v, 4, 4, false), STORE_DONE);
	struct numset uids = set_of(3, 5);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_DONE);
	assert_int_equal(c.uidvalidity, w.uidvalidity);
	set_check(&c.from, "3,5");
	set_check(&c.to, "2:3");
	numset_free(&c.from);
	numset_free(&c.to);
	const struct store_record *r = store_record_of(&w, 2);
	assert_int_equal(r->flags, FLAG_SEEN);
	assert_int_equal(r->keywords, 2); /* bits are each mailbox's own */
	assert_string_equal(w.head->keywords[1], "$Label1");
	assert_true(file_id_eq(r->id, store_record_of(&v, 3)->id));
	/* one goes, the file stays for the other */
	assert_int_equal(expunge(h->a, &v, 3, 3, false), STORE_DONE);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), true, &c), STORE_DONE);
	set_check(&c.from, "5");
	set_check(&c.to, "4");
	numset_free(&c.from);
	numset_free(&c.to);
	assert_true(store_record_of(&v, 5)->flags & FLAG_GONE);
	mailbox_check(h->a, "INBOX", 17, 17, 0);
	mailbox_check(h->a, "Sent", 4, 3, 0);
	/* onto itself */
	struct numset all = set_of(1, 1000);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &all, SPAN("INBOX"), true, &c), STORE_DONE);
	set_check(&c.to, "21:37");
	numset_free(&c.from);
	numset_free(&c.to);
	mailbox_check(h->a, "INBOX", 17, 17, 0);
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("nowhere"), false, &c),
	    STORE_NONEXISTENT);
	numset_free(&all);
	numset_free(&uids);
	struct span bytes;
	assert_int_equal(store_message_map(h->b, store_record_of(&w, 2), &bytes), E_OK);
	assert_true(span_eq(bytes, text_of(3)));
	store_message_unmap(&bytes);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

static void
test_replace(void **state)
{
	struct home *h = *state;
	struct incoming m;
	uint32_t uid;
	append(h->a, "Drafts", 1);
	struct store_view v = selected(h->a, "Drafts");
	message_begin(h->a, &m, 2);
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 1, SPAN("Drafts"), &m, NULL, &uid),
	    STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(uid, 2);
	assert_true(v.records[0].flags & FLAG_GONE);
	assert_int_equal(v.head->n, 2);
	/* a full account: only the net counts (RFC 8508 3.4) */
	store_limit(h->a, 0, 1, clock_mono_ms());
	message_begin(h->a, &m, 3);
	assert_int_equal(
	    store_append(h->a, SPAN("Drafts"), &m, 1, NULL, &uid), STORE_OVER_QUOTA);
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 2, SPAN("Drafts"), &m, NULL, &uid),
	    STORE_DONE);
	incoming_drop(&m);
	store_limit(h->a, 0, 0, clock_mono_ms());
	mailbox_check(h->a, "Drafts", 1, 1, 0);
	store_unselect(h->a, &v);
}

/* RFC 8508 3.2: what is to be replaced goes while the message that replaces it comes. */
static void
test_replace_of_gone(void **state)
{
	struct home *h = *state;
	struct incoming m;
	append(h->a, "Drafts", 1);
	append(h->a, "Sent", 1);
	struct store_view v = selected(h->a, "Drafts"), w = selected(h->b, "Drafts");
	message_begin(h->a, &m, 2);
	assert_int_equal(expunge(h->b, &w, 1, 1, false), STORE_DONE);
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 1, SPAN("Drafts"), &m, NULL, NULL),
	    STORE_GONE);
	mailbox_check(h->a, "Drafts", 0, 0, 0);
	/* also over quota: what is gone makes no room */
	store_limit(h->a, 0, 1, clock_mono_ms());
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 1, SPAN("Sent"), &m, NULL, NULL),
	    STORE_GONE);
	store_limit(h->a, 0, 0, clock_mono_ms());
	/* and its mailbox with it */
	append(h->a, "Drafts", 2);
	store_unselect(h->b, &w);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("Drafts")), STORE_DONE);
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 2, SPAN("Sent"), &m, NULL, NULL),
	    STORE_GONE);
	incoming_drop(&m);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	/* nothing was given a number */
	struct store_mailbox sent;
	assert_int_equal(store_mailbox(h->a, SPAN("Sent"), &sent), E_OK);
	assert_int_equal(sent.uidnext, 2);
	store_unselect(h->a, &v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_new_account),
	    TEST(test_append_and_read), TEST(test_multiappend), TEST(test_quota),
	    TEST(test_flags), TEST(test_unchanged_since), TEST(test_keywords_most),
	    TEST(test_expunge), TEST(test_expunged_most), TEST(test_doomed_rows),
	    TEST(test_view_moves), TEST(test_copy_and_move), TEST(test_replace),
	    TEST(test_replace_of_gone)};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
