/* SPDX-License-Identifier: ISC */
/* test_store.c - the calls of a session, with a real keeper and a second session that looks on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/tables.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

static struct store_view
selected(struct store *s, const char *mailbox)
{
	struct store_view v;
	assert_int_equal(store_select(s, span_of(mailbox), false, &v), E_OK);
	return v;
}

static enum store_said
flags(struct store *s, const struct store_view *v, uint32_t from, uint32_t to, enum store_how how, uint32_t bits,
    const char *keyword)
{
	struct span name = span_of(keyword);
	struct store_change c = {.how = how, .flags = bits, .keywords = &name, .n_keywords = keyword != NULL};
	struct numset uids = set_of(from, to);
	enum store_said said = store_flags(s, v->mailbox, &uids, &c, NULL);
	numset_free(&uids);
	return said;
}

static enum store_said
expunge(struct store *s, const struct store_view *v, uint32_t from, uint32_t to, bool only_deleted)
{
	struct numset uids = set_of(from, to);
	enum store_said said = store_expunge(s, v->mailbox, &uids, only_deleted);
	numset_free(&uids);
	return said;
}

static void
set_check(const struct numset *s, const char *want)
{
	struct buf b = {0};
	numset_put(&b, s);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

/* ---- reading ---- */

static void
test_new_account(void **state)
{
	struct home *h = *state;
	static const char *const names[] = {"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"};
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
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, &uidvalidity, &uid), STORE_DONE);
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
	assert_int_equal(store_append(h->a, SPAN("nowhere"), &(struct incoming){.is_linked = true, .fd = -1}, 1, NULL, NULL),
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
	assert_int_equal(store_append(h->a, SPAN("Sent"), all, 3, NULL, &first), STORE_DONE);
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
	store_limit(h->a, bytes + 10, 0);
	message_begin(h->a, &m, 2);
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_OVER_QUOTA);
	incoming_drop(&m);
	assert_int_equal(rmdir("tmp"), 0);
	store_limit(h->a, 0, 1);
	struct store_view v = selected(h->a, "INBOX");
	struct numset uids = set_of(1, 1);
	struct store_copied c;
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_OVER_QUOTA);
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), true, &c), STORE_DONE);
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
	assert_int_equal(flags(h->a, &v, 10, 20, STORE_ADD, FLAG_SEEN | FLAG_DELETED, "$Forwarded"), STORE_DONE);
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
	assert_int_equal(flags(h->b, &w, 12, 13, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(w.head->modseq, modseq + 1);
	assert_int_equal(flags(h->b, &w, 20, 21, STORE_SET, FLAG_FLAGGED, "$FORWARDED"), STORE_DONE);
	assert_int_equal(store_record_of(&v, 20)->flags, FLAG_FLAGGED);
	assert_int_equal(store_record_of(&v, 21)->keywords, 1);
	assert_int_equal(v.head->n_keywords, 1);
	assert_int_equal(flags(h->b, &w, 1, 30, STORE_REMOVE, FLAG_SEEN | FLAG_DELETED, "unknown"), STORE_DONE);
	assert_int_equal(v.head->n_keywords, 1);
	mailbox_check(h->b, "INBOX", 30, 30, 0);
	assert_int_equal(flags(h->b, &(struct store_view){.mailbox = 4711}, 1, 2, STORE_SET, 0, NULL), STORE_NONEXISTENT);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

static void
test_unchanged_since(void **state)
{
	struct home *h = *state;
	struct numset all = set_of(1, 3), modified = {0};
	struct store_change c = {.how = STORE_ADD, .flags = FLAG_FLAGGED, .has_unchanged_since = true};
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
	assert_int_equal(flags(h->a, &v, 1, 1, STORE_ADD, FLAG_SEEN, "more"), STORE_TOO_MANY);
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
	assert_int_equal(flags(h->a, &v, 5, 8, STORE_ADD, FLAG_DELETED, NULL), STORE_DONE);
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
	for (unsigned i = 0; i < 200 && store_message_open(h->a, &first, &fd) == E_OK; i++) {
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
	assert_int_equal(flags(h->a, &v, 3, 3, STORE_ADD, FLAG_SEEN, "$Label1"), STORE_DONE);
	assert_int_equal(expunge(h->a, &v, 4, 4, false), STORE_DONE);
	struct numset uids = set_of(3, 5);
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_DONE);
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
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), true, &c), STORE_DONE);
	set_check(&c.from, "5");
	set_check(&c.to, "4");
	numset_free(&c.from);
	numset_free(&c.to);
	assert_true(store_record_of(&v, 5)->flags & FLAG_GONE);
	mailbox_check(h->a, "INBOX", 17, 17, 0);
	mailbox_check(h->a, "Sent", 4, 3, 0);
	/* onto itself */
	struct numset all = set_of(1, 1000);
	assert_int_equal(store_copy(h->a, v.mailbox, &all, SPAN("INBOX"), true, &c), STORE_DONE);
	set_check(&c.to, "21:37");
	numset_free(&c.from);
	numset_free(&c.to);
	mailbox_check(h->a, "INBOX", 17, 17, 0);
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("nowhere"), false, &c), STORE_NONEXISTENT);
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
	assert_int_equal(store_replace(h->a, v.mailbox, 1, SPAN("Drafts"), &m, NULL, &uid), STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(uid, 2);
	assert_true(v.records[0].flags & FLAG_GONE);
	assert_int_equal(v.head->n, 2);
	/* a full account: only the net counts (RFC 8508 3.4) */
	store_limit(h->a, 0, 1);
	message_begin(h->a, &m, 3);
	assert_int_equal(store_append(h->a, SPAN("Drafts"), &m, 1, NULL, &uid), STORE_OVER_QUOTA);
	assert_int_equal(store_replace(h->a, v.mailbox, 2, SPAN("Drafts"), &m, NULL, &uid), STORE_DONE);
	incoming_drop(&m);
	store_limit(h->a, 0, 0);
	mailbox_check(h->a, "Drafts", 1, 1, 0);
	store_unselect(h->a, &v);
}

/* ---- names ---- */

struct names {
	char text[2000];
};

static int
add_name(void *ctx, const struct store_mailbox *m)
{
	struct names *n = ctx;
	strcat(n->text, m->name);
	strcat(n->text, m->is_subscribed ? "+ " : " ");
	return E_OK;
}

static int
add_subscription(void *ctx, struct span name)
{
	struct names *n = ctx;
	strncat(n->text, name.p, name.n);
	strcat(n->text, " ");
	return E_OK;
}

static void
names_check(struct store *s, const char *want)
{
	struct names n = {""};
	assert_int_equal(store_mailboxes(s, add_name, &n), E_OK);
	assert_string_equal(n.text, want);
}

static void
test_mailbox_names(void **state)
{
	static const struct {
		const char *name;
		enum store_said said;
	} rows[] = {{"a", STORE_DONE}, {"a/b c/\xc3\xa4", STORE_DONE}, {"", STORE_BAD_NAME}, {"/a", STORE_BAD_NAME},
	    {"a//b", STORE_BAD_NAME}, {"a/", STORE_BAD_NAME}, {"a/./b", STORE_BAD_NAME}, {"..", STORE_BAD_NAME},
	    {"a\nb", STORE_BAD_NAME}, {"\xff", STORE_BAD_NAME}, {"...", STORE_DONE}};
	char deep[2 * STORE_DEPTH_MAX + 3] = "", longest[STORE_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(mailbox_name_check(span_of(rows[i].name)), rows[i].said);
	for (unsigned i = 0; i < STORE_DEPTH_MAX; i++)
		strcat(deep, i ? "/x" : "x");
	assert_int_equal(mailbox_name_check(span_of(deep)), STORE_DONE);
	strcat(deep, "/x");
	assert_int_equal(mailbox_name_check(span_of(deep)), STORE_BAD_NAME);
	memset(longest, 'n', sizeof longest);
	assert_int_equal(mailbox_name_check(span_make(longest, STORE_NAME_MAX)), STORE_DONE);
	assert_int_equal(mailbox_name_check(span_make(longest, STORE_NAME_MAX + 1)), STORE_BAD_NAME);
}

static void
test_create_and_delete(void **state)
{
	struct home *h = *state;
	struct store_mailbox m, again;
	assert_int_equal(store_mailbox_create(h->a, SPAN("w/x/y"), "\\Flagged", &m), STORE_DONE);
	assert_string_equal(m.name, "w/x/y");
	assert_string_equal(m.special_use, "\\Flagged");
	names_check(h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ w w/x w/x/y ");
	assert_int_equal(store_mailbox_create(h->b, SPAN("w/x"), NULL, NULL), STORE_EXISTS);
	assert_int_equal(store_mailbox_create(h->b, SPAN("Inbox"), NULL, NULL), STORE_IS_INBOX);
	assert_int_equal(store_mailbox_create(h->b, SPAN("inbox/z"), NULL, NULL), STORE_DONE);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX/z"), &again), E_OK);
	assert_int_equal(store_mailbox_create(h->b, SPAN("a//b"), NULL, NULL), STORE_BAD_NAME);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("INBOX")), STORE_IS_INBOX);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("none")), STORE_NONEXISTENT);
	append(h->a, "w/x/y", 1);
	struct store_view v = selected(h->a, "w/x/y");
	assert_int_equal(store_mailbox_delete(h->b, SPAN("w/x/y")), STORE_DONE);
	assert_int_equal(v.head->is_deleted, 1);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox(h->a, SPAN("w/x/y"), &again), E_BAD);
	home_kill();
	assert_int_equal(store_mailbox_create(h->b, SPAN("w/x/y"), NULL, &again), STORE_DONE);
	assert_true(again.uidvalidity > m.uidvalidity);
	assert_true(again.id > m.id);
	assert_int_equal(again.messages, 0);
	uint64_t bytes, messages;
	assert_int_equal(store_usage(h->a, &bytes, &messages), E_OK);
	assert_int_equal(messages, 0);
}

static void
test_rename(void **state)
{
	struct home *h = *state;
	struct store_mailbox before, after;
	assert_int_equal(store_mailbox_create(h->a, SPAN("a/b/c"), NULL, &before), STORE_DONE);
	assert_int_equal(store_mailbox_create(h->a, SPAN("ab"), NULL, NULL), STORE_DONE);
	append(h->a, "a/b/c", 1);
	assert_int_equal(store_mailbox_rename(h->a, SPAN("a"), SPAN("ab")), STORE_EXISTS);
	assert_int_equal(store_mailbox_rename(h->a, SPAN("a"), SPAN("a/z")), STORE_BAD_NAME);
	assert_int_equal(store_mailbox_rename(h->a, SPAN("none"), SPAN("z")), STORE_NONEXISTENT);
	assert_int_equal(store_mailbox_rename(h->a, SPAN("a/b"), SPAN("new/q")), STORE_DONE);
	names_check(h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ a ab new new/q new/q/c ");
	assert_int_equal(store_mailbox(h->a, SPAN("new/q/c"), &after), E_OK);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_int_equal(after.messages, 1);
	/* the messages of INBOX move, it stays */
	append(h->a, "INBOX", 2);
	append(h->a, "INBOX", 3);
	assert_int_equal(store_mailbox_rename(h->a, SPAN("INBOX"), SPAN("old/mail")), STORE_DONE);
	mailbox_check(h->b, "INBOX", 0, 0, 0);
	mailbox_check(h->b, "old/mail", 2, 2, 0);
	assert_int_equal(append(h->a, "INBOX", 4), 3);
	home_kill();
	names_check(h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ a ab new new/q new/q/c old old/mail ");
}

static void
test_subscriptions(void **state)
{
	struct home *h = *state;
	struct names n = {""};
	assert_int_equal(store_subscribe(h->a, SPAN("not/there"), true), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("Junk"), false), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("Junk"), false), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("//"), true), STORE_BAD_NAME);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Sent")), STORE_DONE);
	home_kill();
	assert_int_equal(store_subscriptions(h->b, add_subscription, &n), E_OK);
	assert_string_equal(n.text, "Archive Drafts INBOX Sent Trash not/there ");
	names_check(h->a, "Archive+ Drafts+ INBOX+ Junk Trash+ ");
}

/* ---- new mail ---- */

static void
test_deliver_and_watch(void **state)
{
	struct home *h = *state;
	struct store_view v = selected(h->a, "INBOX");
	struct pollfd p = {.events = POLLIN};
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 50), 0);
	deliver("Subject: hello\r\n\r\n");
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(v.head->n, 1);
	assert_true(v.head->modseq > v.modseq);
	int fd;
	assert_int_equal(store_message_open(h->a, &v.records[0], &fd), E_OK);
	close(fd);
	/* what was already so is told at once */
	assert_int_equal(store_watch(h->a, &v, v.modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 50), 0);
	assert_int_equal(flags(h->b, &v, 1, 1, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(poll(&p, 1, 5000), 1);
	/* a keeper's death is told, too */
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	home_kill();
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(store_watch(h->a, &v, v.head->modseq, &p.fd), E_OK);
	deliver("Subject: again\r\n\r\n");
	assert_int_equal(poll(&p, 1, 5000), 1);
	store_watch_end(h->a);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_int_equal(v.head->is_superseded, 1);
	struct store_view next;
	assert_int_equal(store_view_renew(h->a, &v, &next), E_OK);
	assert_int_equal(next.n, 2);
	store_unselect(h->a, &v);
	store_unselect(h->a, &next);
}

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

/* ---- import ---- */

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
	assert_int_equal(store_mailbox_rename(h->b, SPAN("Sent"), SPAN("Gone")), STORE_DONE);
	assert_int_equal(store_select(h->a, SPAN("Sent"), false, &v), E_BAD);
	assert_int_equal(store_mailbox_create(h->b, SPAN("Sent"), "", NULL), STORE_DONE);
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

static void
test_import(void **state)
{
	struct home *h = *state;
	struct incoming m;
	struct buf text = {0};
	struct store_mailbox before, after;
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 4000000000u, 501, 0), STORE_DONE);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 7, 500, 0), STORE_EXISTS);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), UINT32_MAX, 501, 0), STORE_TOO_MANY);
	message_begin(h->a, &m, 1);
	m.uid = 600;
	m.saved_sec = 12345;
	m.uidl = SPAN("the old one's");
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	message_begin(h->a, &m, 2);
	m.uid = 600;
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_TOO_MANY);
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
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 7, 700, 0), STORE_EXISTS);
	assert_int_equal(store_mailbox_create(h->a, SPAN("later"), NULL, &after), STORE_DONE);
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
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 77, 1, 1000), STORE_DONE);
	message_begin(h->a, &m, 1);
	m.uid = 5;
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 77, 20, 2000), STORE_DONE); /* again: only larger */
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 77, 3, 3), STORE_DONE);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("INBOX"), 78, 3000, 3), STORE_EXISTS);
	assert_int_equal(store_adopt_numbers(h->a, SPAN("Sent"), 78, 1, 5000), STORE_DONE);
	deliver("a letter\r\n");
	struct store_view v = selected(h->b, "INBOX");
	assert_int_equal(v.n, 2);
	assert_int_equal(v.records[0].uid, 5);
	assert_int_equal(v.records[1].uid, 2000);
	assert_int_equal(v.head->uidnext, 2001);
	store_unselect(h->b, &v);
	message_begin(h->a, &m, 1);
	m.uid = 21;
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_TOO_MANY);
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
	assert_int_equal(store_append(h->a, SPAN("INBOX"), all, COUNT(all), NULL, &uid), STORE_DONE);
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

/* A sound index made anew is the same one; one without its dump has all messages in INBOX, and uids that never were. */
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

/* ---- the cache ---- */

static void
test_cache(void **state)
{
	struct home *h = *state;
	struct incoming m;
	char item[3000];
	memset(item, 'c', sizeof item);
	message_begin(h->a, &m, 1);
	m.cache = SPAN("made at APPEND");
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	append(h->a, "INBOX", 2);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "INBOX");
	assert_true(span_eqs(store_cache(h->b, &w.records[0]), "made at APPEND"));
	assert_int_equal(store_cache(h->b, &w.records[1]).n, 0);
	uint64_t modseq = w.head->modseq;
	store_cache_put(h->b, &w, &w.records[1], span_make(item, sizeof item));
	store_cache_put(h->b, &w, &w.records[0], SPAN("second, and too late"));
	store_cache_flush(h->b);
	assert_int_equal(store_sync(h->b), E_OK);
	assert_true(span_eq(store_cache(h->a, &v.records[1]), span_make(item, sizeof item)));
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	assert_int_equal(w.head->modseq, modseq);
	/* a copy has it too */
	struct numset uids = set_of(1, 2);
	struct store_copied c;
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&uids);
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	/* one whose bytes are not what they were is none */
	FILE *f = fopen("index/cache.1", "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 16 + 48 + 3, SEEK_SET), 0);
	assert_int_equal(fputc('X', f), 'X');
	fclose(f);
	assert_int_equal(store_cache(h->a, &v.records[0]).n, 0);
	assert_int_equal(store_cache(h->a, &v.records[1]).n, sizeof item);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_new_account), TEST(test_append_and_read), TEST(test_multiappend),
	    TEST(test_quota), TEST(test_flags), TEST(test_unchanged_since), TEST(test_keywords_most), TEST(test_expunge),
	    TEST(test_expunged_most), TEST(test_view_moves), TEST(test_copy_and_move), TEST(test_replace), cmocka_unit_test(test_mailbox_names),
	    TEST(test_create_and_delete), TEST(test_rename), TEST(test_subscriptions), TEST(test_deliver_and_watch),
	    TEST(test_recent), TEST(test_recent_after_unselect), TEST(test_select_again),
	    TEST(test_select_again_asks), TEST(test_import), TEST(test_import_reserved), TEST(test_many_synced_at_once), TEST(test_rebuild), TEST(test_cache)};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
