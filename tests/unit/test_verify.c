/* SPDX-License-Identifier: ISC */
/*
 * test_verify.c - what only the index itself can get wrong: sums of mailboxes, references, cache
 * items.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/tables.h"
#include "store/verify.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

struct told {
	struct finding all[64];
	size_t n;
	uint64_t progress, of;
};

static void
on_finding(void *ctx, const struct finding *f)
{
	struct told *t = ctx;
	assert_true(t->n < COUNT(t->all));
	t->all[t->n++] = *f;
}

static void
on_progress(void *ctx, uint64_t files, uint64_t of)
{
	struct told *t = ctx;
	t->progress = files;
	t->of = of;
}

static bool
is_item_right(struct span item, struct span message)
{
	assert_true(span_starts(message, SPAN("Subject: ")));
	return !span_eqs(item, "what another message says");
}

static bool
are_slices_right(struct span blocks, const struct store_view *v)
{
	assert_int_equal(v->head->n, 1);
	return span_eqs(blocks, "slices of one");
}

static struct verified
verify(struct home *h, struct told *t)
{
	const struct verify_watch watch = {
	    t, on_finding, on_progress, is_item_right, are_slices_right};
	struct verified v;
	*t = (struct told){.n = 0};
	assert_int_equal(store_verify(h->b, &watch, &v), E_OK);
	assert_int_equal(v.findings, t->n);
	return v;
}

/* Changes a row behind the back of the keeper, which is dead. */
static int
spoil_mailbox(void *ctx, const struct mailbox *m)
{
	struct mailbox *out = ctx;
	if (!strcmp(m->name, "INBOX"))
		*out = *m;
	return E_OK;
}

static void
spoil(bool counts, bool references)
{
	struct tables t;
	struct db_txn *txn;
	struct mailbox inbox = {.id = 0};
	struct store_record first[1];
	struct record_walk w;
	assert_int_equal(tables_open(&t, "index/db", false), E_OK);
	assert_int_equal(mailbox_each(&t, spoil_mailbox, &inbox), E_OK);
	assert_int_equal(walk_open(&t, NULL, inbox.id, &w), E_OK);
	assert_int_equal(walk_to(&w, 1), E_OK);
	memcpy(first, w.records, sizeof first);
	walk_close(&w);
	assert_int_equal(db_begin(t.db, &txn), E_OK);
	inbox.messages += 2;
	inbox.bytes -= 5;
	struct file_name f = {.id = first[0].id};
	if (counts)
		assert_int_equal(mailbox_put(&t, txn, &inbox), E_OK);
	if (references)
		assert_int_equal(file_refer(&t, txn, &f, 0), E_OK);
	assert_int_equal(db_commit(&txn), E_OK);
	tables_close(&t);
}

static void
test_sound(void **state)
{
	struct home *h = *state;
	struct told t;
	struct store_copied copied = {0};
	struct numset all = set_of(1, 5);
	append_many(h->a, "INBOX", 19); /* without sums */
	append(h->a, "INBOX", 1);
	struct store_mailbox inbox;
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX"), &inbox), E_OK);
	assert_int_equal(
	    store_copy(h->a, inbox.id, &all, SPAN("Sent"), false, &copied), STORE_DONE);
	assert_int_equal(store_expunge(h->a, inbox.id, &all, false), STORE_DONE);
	struct verified v = verify(h, &t);
	assert_int_equal(v.findings, 0);
	assert_int_equal(v.messages, 20);
	assert_int_equal(v.files, 20);
	assert_int_equal(v.unsummed, 19);
	assert_int_equal(t.progress, 20);
	assert_int_equal(t.of, 20);
	numset_free(&all);
	numset_free(&copied.from);
	numset_free(&copied.to);
}

static void
test_counts(void **state)
{
	struct home *h = *state;
	struct told t;
	append_many(h->a, "INBOX", 20);
	home_kill();
	spoil(true, false);
	struct verified v = verify(h, &t);
	assert_int_equal(v.of[FINDING_COUNT], 2);
	assert_int_equal(v.findings, 2);
	assert_string_equal(t.all[0].file, "messages");
	assert_string_equal(t.all[0].mailbox, "INBOX");
	assert_int_equal(t.all[0].is, 22);
	assert_int_equal(t.all[0].should, 20);
	assert_string_equal(t.all[1].file, "bytes");
	assert_int_equal(t.all[1].is + 5, t.all[1].should);
}

static void
test_references(void **state)
{
	struct home *h = *state;
	struct told t;
	append_many(h->a, "INBOX", 20);
	home_kill();
	spoil(false, true);
	struct verified v = verify(h, &t);
	assert_int_equal(v.of[FINDING_REFERENCES], 1);
	assert_int_equal(v.findings, 1);
	assert_int_equal(t.all[0].uid, 1);
	assert_int_equal(t.all[0].is, 2);
	assert_int_equal(t.all[0].should, 1);
	struct store_rebuilt rebuilt;
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	assert_int_equal(verify(h, &t).findings, 0);
}

static void
test_cache_item(void **state)
{
	struct home *h = *state;
	struct told t;
	struct incoming m;
	message_begin(h->a, &m, 1);
	m.cache = SPAN("an item that is long enough to be hit in its middle");
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(verify(h, &t).findings, 0);
	int fd = open("index/cache.1", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	off_t end = lseek(fd, 0, SEEK_END);
	assert_int_equal(pwrite(fd, "?", 1, end - 30), 1);
	close(fd);
	struct verified v = verify(h, &t);
	assert_int_equal(v.of[FINDING_CACHE], 1);
	assert_int_equal(v.findings, 1);
	assert_int_equal(t.all[0].uid, 1);
}

/* A sound one that does not say what its message does. */
static void
test_wrong_item(void **state)
{
	struct home *h = *state;
	struct told t;
	struct incoming m;
	message_begin(h->a, &m, 1);
	m.cache = SPAN("what another message says");
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	struct verified v = verify(h, &t);
	assert_int_equal(v.of[FINDING_CACHE], 1);
	assert_int_equal(v.findings, 1);
	struct store_rebuilt rebuilt;
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	assert_int_equal(verify(h, &t).findings, 0);
}

static void
slice(struct home *h, const char *blocks)
{
	struct store_view v = selected(h->b, "INBOX");
	struct store_slices *w = store_slices_begin(h->b, &v);
	assert_non_null(w);
	store_slices_add(w, span_of(blocks));
	store_slices_end(&w);
	store_unselect(h->b, &v);
}

static void
test_slices(void **state)
{
	struct home *h = *state;
	struct told t;
	append(h->a, "INBOX", 1);
	slice(h, "slices of one");
	assert_int_equal(verify(h, &t).findings, 0);
	slice(h, "slices of none");
	struct verified v = verify(h, &t);
	assert_int_equal(v.of[FINDING_SLICES], 1);
	assert_int_equal(v.findings, 1);
	assert_string_equal(t.all[0].mailbox, "INBOX");
	assert_true(span_starts(span_of(t.all[0].file), SPAN("index/slices.")));
	struct store_rebuilt rebuilt;
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	assert_int_equal(verify(h, &t).findings, 0);
}

/* Changes a byte of a message, behind everybody's back. */
static void
spoil_file(struct home *h, const char *mailbox, uint32_t at)
{
	struct store_view v = selected(h->b, mailbox);
	struct buf path = {0};
	msg_path_put(&path, v.records[at].id);
	int fd = open(buf_cstr(&path), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "?", 1, 3), 1);
	close(fd);
	buf_free(&path);
	store_unselect(h->b, &v);
}

/*
 * After a rebuild all rows have a sum: that of the dump, so that damage of before is found, or the
 * file's own.
 */
static void
test_sums_outlive_the_index(void **state)
{
	struct home *h = *state;
	struct told t;
	struct store_rebuilt rebuilt;
	append(h->a, "INBOX", 1);
	append(h->a, "INBOX", 2);
	append_many(h->a, "INBOX", 5); /* without sums */
	home_dump();
	append(h->a, "Sent", 3);
	append(h->a, "Sent", 4);
	spoil_file(h, "INBOX", 1);
	home_damage();
	struct verified v = verify(h, &t);
	assert_int_equal(v.messages, 9);
	assert_int_equal(v.unsummed, 0);
	assert_int_equal(v.of[FINDING_SUM], 1);
	assert_int_equal(v.findings, 1);
	assert_int_equal(t.all[0].uid, 2);
	spoil_file(h, "INBOX", 8); /* what was read by the rebuild */
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	v = verify(h, &t);
	assert_int_equal(v.unsummed, 0);
	assert_int_equal(v.of[FINDING_SUM], 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_sound), TEST(test_counts),
	    TEST(test_references), TEST(test_cache_item), TEST(test_wrong_item),
	    TEST(test_slices), TEST(test_sums_outlive_the_index)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
