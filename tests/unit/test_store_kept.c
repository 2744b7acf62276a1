/* SPDX-License-Identifier: ISC */
/* test_store_kept.c - what is expunged is kept for some days, and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "store/keeper.h"
#include "store/name.h"
#include "store/undelete.h"
#include "store/verify.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, keep_setup, home_teardown)
#define TEST_SHOWN(f) cmocka_unit_test_setup_teardown(f, shown_setup, home_teardown)

enum { DAYS = 7, MANY = 1500, KILLS = 14, KILL_AFTER_MS_MOST = 25 };

static const char folder[] = "Deleted Messages";

static int
keep_setup(void **state)
{
	store_keep(DAYS, "");
	return home_setup(state);
}

static int
shown_setup(void **state)
{
	store_keep(DAYS, folder);
	return home_setup(state);
}

static void
kept_check(struct store *s, uint64_t messages)
{
	struct store_mailbox m = {.messages = 0};
	int err = store_kept(s, &m);
	assert_true(err == E_OK || (err == E_BAD && messages == 0));
	assert_int_equal(m.messages, messages);
}

static void
usage_check(struct store *s, uint64_t want)
{
	uint64_t bytes, messages;
	assert_int_equal(store_usage(s, &bytes, &messages), E_OK);
	assert_int_equal(messages, want);
	assert_true(want || bytes == 0);
}

static void
on_finding(void *ctx, const struct finding *f)
{
	print_message(
	    "%s: %s %u %s\n", finding_text(f->kind), f->mailbox, f->uid, f->file);
	++*(unsigned *)ctx;
}

static void
verify_check(struct store *s, uint64_t kept)
{
	unsigned n = 0;
	const struct verify_watch watch = {.ctx = &n, .on_finding = on_finding};
	struct verified v;
	assert_int_equal(store_verify(s, &watch, &v), E_OK);
	assert_int_equal(n, 0);
	assert_int_equal(v.findings, 0);
	assert_int_equal(v.kept, kept);
}

/* ---- where each was, and back ---- */

static int
put_where(void *ctx, const struct store_kept *k)
{
	buf_putf(ctx, "%u:%.*s/%u ", k->uid, SPAN_ARG(k->mailbox), k->was);
	return E_OK;
}

static void
where_check(struct store *s, const char *want)
{
	struct buf b = {0};
	assert_int_equal(store_kept_each(s, put_where, &b), E_OK);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}

static enum store_said
move_back(struct store *s, uint32_t from, uint32_t to, const char *target)
{
	struct store_view v;
	struct store_copied c;
	struct numset uids = set_of(from, to);
	assert_int_equal(store_kept_select(s, &v), E_OK);
	assert_true(v.head->is_kept);
	enum store_said said =
	    store_copy(s, v.mailbox, &uids, span_of(target), true, &c);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&uids);
	store_unselect(s, &v);
	return said;
}

static void
test_kept_and_back(void **state)
{
	struct home *h = *state;
	struct store_view v;
	for (unsigned i = 1; i <= 5; i++)
		append(h->a, "INBOX", i);
	v = selected(h->a, "INBOX");
	flags(h->a, &v, 1, 3, STORE_ADD, FLAG_DELETED | FLAG_FLAGGED, "later");
	assert_int_equal(expunge(h->a, &v, 1, 5, true), STORE_DONE);
	mailbox_check(h->a, "INBOX", 2, 2, 0);
	usage_check(h->b, 2);
	kept_check(h->b, 3);
	where_check(h->b, "1:INBOX/1 2:INBOX/2 3:INBOX/3 ");
	verify_check(h->b, 3);
	assert_int_equal(move_back(h->b, 2, 2, "INBOX"), STORE_DONE);
	mailbox_check(h->a, "INBOX", 3, 3, 0); /* and not \Deleted any more */
	where_check(h->b, "1:INBOX/1 3:INBOX/3 ");
	usage_check(h->b, 3);
	const struct store_record *r = &v.records[v.head->n - 1];
	assert_int_equal(r->uid, 6);
	assert_int_equal(r->flags, FLAG_FLAGGED);
	assert_string_equal(v.head->keywords[0], "later");
	assert_int_equal(r->keywords, 1);
	store_unselect(h->a, &v);
	verify_check(h->b, 2);
	store_check(h->a);
}

static void
test_quota_holds_on_the_way_back(void **state)
{
	struct home *h = *state;
	struct store_view v;
	append(h->a, "INBOX", 1);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 1, false), STORE_DONE);
	store_unselect(h->a, &v);
	append(h->a, "INBOX", 2);
	store_limit(h->a, 0, 1, clock_mono_ms());
	assert_int_equal(move_back(h->a, 1, 1, "INBOX"), STORE_OVER_QUOTA);
	kept_check(h->a, 1);
	store_limit(h->a, 0, 2, clock_mono_ms());
	assert_int_equal(move_back(h->a, 1, 1, "INBOX"), STORE_DONE);
	kept_check(h->a, 0);
}

/* A mailbox that is removed, one that is renamed, a message of two mailboxes, REPLACE. */
static void
test_kept_of_mailboxes(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_copied c;
	struct incoming m;
	struct numset one = set_of(1, 1);
	assert_int_equal(store_mailbox_create(h->a, SPAN("Old"), "", NULL), STORE_DONE);
	append(h->a, "Old", 1);
	append(h->a, "Drafts", 2);
	v = selected(h->a, "Old");
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &one, SPAN("Archive"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Old")), STORE_DONE);
	for (unsigned i = 0; i < 1000 && store_kept(h->b, &(struct store_mailbox){0});
	     i++)
		poll(NULL, 0, 10);
	where_check(h->b, "1:Old/1 ");
	v = selected(h->a, "Drafts");
	message_begin(h->a, &m, 3);
	assert_int_equal(
	    store_replace(h->a, v.mailbox, 1, SPAN("Drafts"), &m, NULL, NULL),
	    STORE_DONE);
	incoming_drop(&m);
	store_unselect(h->a, &v);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Drafts"), SPAN("Sketches")), STORE_DONE);
	where_check(h->b, "1:Old/1 2:Sketches/1 ");
	usage_check(h->b, 2);
	verify_check(h->b, 2);
	numset_free(&one);
}

/* ---- where it is shown ---- */

static void
test_shown(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_copied c;
	struct store_mailbox m;
	struct incoming in;
	struct numset one = set_of(1, 1);
	append(h->a, "INBOX", 1);
	append(h->a, "INBOX", 2);
	assert_int_equal(store_mailbox(h->b, span_of(folder), &m), E_BAD);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 2, false), STORE_DONE);
	assert_int_equal(store_mailbox(h->b, span_of(folder), &m), E_OK);
	assert_true(m.is_kept);
	assert_int_equal(m.messages, 2);
	assert_int_equal(m.recent, 0);
	store_unselect(h->a, &v);
	/* nothing else comes there, and it stays */
	append(h->a, "INBOX", 3);
	v = selected(h->a, "INBOX");
	struct numset three = set_of(3, 3);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &three, span_of(folder), false, &c),
	    STORE_IS_KEPT);
	assert_int_equal(store_copy(h->a, v.mailbox, &three, span_of(folder), true, &c),
	    STORE_IS_KEPT);
	store_unselect(h->a, &v);
	message_begin(h->a, &in, 4);
	assert_int_equal(
	    store_append(h->a, span_of(folder), &in, 1, NULL, NULL), STORE_IS_KEPT);
	incoming_drop(&in);
	assert_int_equal(store_mailbox_delete(h->a, span_of(folder)), STORE_IS_KEPT);
	assert_int_equal(
	    store_mailbox_rename(h->a, span_of(folder), SPAN("x")), STORE_IS_KEPT);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Sent"), span_of(folder)), STORE_EXISTS);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Sent"), SPAN("Deleted Messages/Sent")),
	    STORE_IS_KEPT);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("Deleted Messages/a/b"), "", NULL),
	    STORE_IS_KEPT);
	/* flags stay, but for what is to go; and that goes */
	v = selected(h->a, folder);
	assert_int_equal(flags(h->a, &v, 1, 2, STORE_SET, FLAG_SEEN, "x"), STORE_DONE);
	assert_int_equal(v.records[0].flags, 0);
	assert_int_equal(
	    flags(h->a, &v, 1, 1, STORE_SET, FLAG_SEEN | FLAG_DELETED, NULL),
	    STORE_DONE);
	assert_int_equal(v.records[0].flags, FLAG_DELETED);
	assert_int_equal(
	    flags(h->a, &v, 1, 2, STORE_REMOVE, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(v.records[0].flags, FLAG_DELETED);
	assert_int_equal(flags(h->a, &v, 2, 2, STORE_ADD, FLAG_SEEN, "x"), STORE_DONE);
	assert_int_equal(v.records[1].flags, 0);
	assert_int_equal(expunge(h->a, &v, 1, 2, true), STORE_DONE);
	kept_check(h->b, 1);
	where_check(h->b, "2:INBOX/2 ");
	/* a copy leaves it there */
	struct numset two = set_of(2, 2);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &two, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	kept_check(h->b, 1);
	usage_check(h->b, 2);
	store_unselect(h->a, &v);
	verify_check(h->b, 0);
	numset_free(&one);
	numset_free(&two);
	numset_free(&three);
}

/* There is a mailbox of that name: that one is shown. */
static void
test_name_is_taken(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_mailbox m;
	assert_int_equal(
	    store_mailbox_create(h->a, span_of(folder), "", NULL), STORE_DONE);
	append(h->a, folder, 1);
	append(h->a, "INBOX", 1);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 1, false), STORE_DONE);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox(h->a, span_of(folder), &m), E_OK);
	assert_false(m.is_kept);
	assert_int_equal(m.messages, 1);
	kept_check(h->a, 1);
	home_dump();
	home_reopen(h);
	kept_check(h->a, 1);
	verify_check(h->a, 1);
}

/* ---- its days are over ---- */

static void
test_purge(void **state)
{
	struct home *h = *state;
	struct store_view v;
	append_many(h->a, "INBOX", 100);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 100, false), STORE_DONE);
	store_unselect(h->a, &v);
	kept_check(h->a, 100);
	/* a keeper of whom nobody said anything leaves it alone */
	store_keep(-1, "");
	home_dump();
	home_reopen(h);
	kept_check(h->a, 100);
	store_keep(DAYS, "");
	home_dump();
	home_reopen(h);
	kept_check(h->a, 100);
	store_keep(0, "");
	home_dump();
	home_reopen(h);
	struct store_mailbox m = {.messages = 1};
	for (unsigned i = 0; i < 1000 && m.messages; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(store_kept(h->a, &m), E_OK);
	}
	assert_int_equal(m.messages, 0);
	where_check(h->a, "");
	verify_check(h->a, 0);
}

/* The first so many records of the dump that were expunged were so long ago. */
static void
make_old(unsigned n)
{
	struct buf text = {0};
	char line[1000];
	bool is_next = false;
	FILE *in = fopen("dump", "r");
	assert_non_null(in);
	while (fgets(line, sizeof line, in)) {
		unsigned box, uid, bits;
		unsigned long long words, modseq, size;
		long long date, saved;
		char id[64];
		if (is_next && n && n-- &&
		    sscanf(line, "R %u %u %u %llu %llu %llu %lld %lld %63s", &box, &uid,
			&bits, &words, &modseq, &size, &date, &saved, id) == 9)
			buf_putf(&text, "R %u %u %u %llu %llu %llu %lld %lld %s\n", box,
			    uid, bits, words, modseq, size, date,
			    saved - (DAYS + 1) * 86400LL, id);
		else
			buf_str(&text, line);
		is_next = line[0] == 'X';
	}
	fclose(in);
	FILE *out = fopen("dump", "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text.p, 1, text.len, out), text.len);
	assert_int_equal(fclose(out), 0);
	buf_free(&text);
}

/* Those whose days are over, and no others. */
static void
test_purge_some(void **state)
{
	struct home *h = *state;
	struct store_view v;
	append_many(h->a, "INBOX", 20);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 20, false), STORE_DONE);
	store_unselect(h->a, &v);
	home_dump();
	make_old(14);
	home_damage();
	home_reopen(h);
	struct store_mailbox m = {.messages = 20};
	for (unsigned i = 0; i < 1000 && m.messages > 6; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(store_kept(h->a, &m), E_OK);
	}
	kept_check(h->a, 6);
	where_check(h->a, "15:INBOX/15 16:INBOX/16 17:INBOX/17 18:INBOX/18 "
			  "19:INBOX/19 20:INBOX/20 ");
	verify_check(h->a, 6);
}

/* Past the bound the oldest go, and no others. */
static void
test_bound(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_mailbox m = {.messages = 0};
	uint64_t one = text_of(1).n;
	store_keep_most(3 * one + one / 2);
	home_kill();
	home_reopen(h);
	for (unsigned i = 1; i <= 6; i++)
		append(h->a, "INBOX", 1);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, 2, false), STORE_DONE);
	kept_check(h->a, 2);
	assert_int_equal(expunge(h->a, &v, 3, 6, false), STORE_DONE);
	store_unselect(h->a, &v);
	for (unsigned i = 0; i < 2000 && m.messages != 3; i++) {
		assert_int_equal(store_kept(h->a, &m), E_OK);
		poll(NULL, 0, m.messages == 3 ? 0 : 10);
	}
	where_check(h->a, "4:INBOX/4 5:INBOX/5 6:INBOX/6 ");
	verify_check(h->a, 3);
	store_keep_most(UINT64_MAX);
}

static int
count_where(void *ctx, const struct store_kept *k)
{
	unsigned *n = ctx;
	assert_int_equal(k->uid, ++*n);
	return E_OK;
}

/* More of it than one answer has. */
static void
test_pages(void **state)
{
	enum { PAGES = 9000 };

	struct home *h = *state;
	struct store_view v;
	unsigned n = 0;
	append_many(h->a, "INBOX", PAGES);
	v = selected(h->a, "INBOX");
	assert_int_equal(expunge(h->a, &v, 1, PAGES, false), STORE_DONE);
	store_unselect(h->a, &v);
	assert_int_equal(store_kept_each(h->a, count_where, &n), E_OK);
	assert_int_equal(n, PAGES);
}

/* Of the site, of a domain, of an account. */
static void
test_days_of(void **state)
{
	static const struct {
		const char *address;
		bool keeps;
	} rows[] = {{"anna@a.test", true}, {"anna@b.test", false}, {"ben@b.test", true},
	    {"ben@c.test", false}, {"anna@c.test", false}, {NULL, true}};
	struct conf *conf;
	struct buf path = {0}, errors = {0};
	(void)state;
	buf_putf(&path, "%s/conf", home_dir);
	FILE *f = fopen(buf_cstr(&path), "w");
	assert_non_null(f);
	fputs(
	    "version = 1\ncommon {\n\tundelete_days = 7\n\tundelete_days_of = "
	    "{\"ben@b.test=3\", \"B.test = 0\", \"c.test=0\", \"dora@c.test=1\"}\n}\n",
	    f);
	fclose(f);
	assert_int_equal(conf_load(buf_cstr(&path), &errors, &conf), E_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		store_keep_as(conf, rows[i].address);
		assert_int_equal(keeps(), rows[i].keeps);
	}
	conf_free(&conf);
	buf_free(&errors);
	buf_free(&path);
}

/* ---- keepers that die, an index that is lost ---- */

static pid_t
begin_work(struct home *h, unsigned kind)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct store *s;
	struct store_mailbox m;
	struct numset all = set_of(1, UINT32_MAX);
	struct store_view v;
	struct store_copied c;
	if (store_open(h->dir, &s) != E_OK)
		_exit(1);
	switch (kind % 3) {
	case 0:
		if (store_mailbox(s, SPAN("INBOX"), &m) != E_OK ||
		    store_expunge(s, m.id, &all, false) != STORE_DONE)
			_exit(2);
		break;
	case 1:
		if (store_kept_select(s, &v) != E_OK ||
		    store_copy(s, v.mailbox, &all, SPAN("Old"), true, &c) != STORE_DONE)
			_exit(2);
		break;
	default:
		if (store_mailbox_delete(s, SPAN("Old")) != STORE_DONE)
			_exit(2);
	}
	_exit(0);
}

static uint64_t
messages_of(struct store *s, const char *name)
{
	struct store_mailbox m;
	int err = store_mailbox(s, span_of(name), &m);
	return err == E_OK ? m.messages : 0;
}

/* Nothing is lost, and nothing is there twice, whenever a keeper dies. */
static void
test_killed_at_work(void **state)
{
	struct home *h = *state;
	append_many(h->a, "INBOX", MANY);
	for (unsigned i = 0; i < KILLS; i++) {
		struct store_mailbox kept = {.messages = 0};
		int status;
		assert_int_not_equal(
		    store_mailbox_create(h->b, SPAN("Old"), "", NULL), STORE_LATER);
		pid_t worker = begin_work(h, i);
		poll(NULL, 0, (int)random_below(KILL_AFTER_MS_MOST));
		home_kill();
		assert_int_equal(waitpid(worker, &status, 0), worker);
		/* what is left of a mailbox that was removed comes there first */
		uint64_t sum = 0;
		for (unsigned k = 0; k < 1000 && sum != MANY; k++) {
			poll(NULL, 0, k ? 10 : 0);
			int err = store_kept(h->b, &kept);
			assert_true(err == E_OK || err == E_BAD);
			sum = kept.messages + messages_of(h->b, "INBOX") +
			      messages_of(h->b, "Old");
			assert_true(sum <= MANY);
		}
		assert_int_equal(sum, MANY);
		store_check(h->b);
	}
	struct store_mailbox kept = {.messages = 0};
	int err = store_kept(h->b, &kept);
	assert_true(err == E_OK || err == E_BAD);
	verify_check(h->b, kept.messages);
}

/* What a removed mailbox had is kept after the answer. */
static void
wait_for_kept(struct store *s, uint32_t messages)
{
	struct store_mailbox m = {.messages = 0};
	for (unsigned i = 0; i < 1000 && m.messages != messages; i++) {
		poll(NULL, 0, 10);
		assert_int_equal(store_kept(s, &m), E_OK);
	}
	assert_int_equal(m.messages, messages);
}

/* A rebuild shows none of it, and loses none. */
static void
test_rebuilt(void **state)
{
	struct home *h = *state;
	struct store_view v;
	struct store_copied c;
	struct numset five = set_of(5, 5);
	append_many(h->a, "INBOX", 40);
	assert_int_equal(store_mailbox_create(h->a, SPAN("Old"), "", NULL), STORE_DONE);
	append(h->a, "Old", 1);
	v = selected(h->a, "INBOX");
	flags(h->a, &v, 5, 5, STORE_ADD, FLAG_FLAGGED, "k");
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &five, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	assert_int_equal(expunge(h->a, &v, 1, 10, false), STORE_DONE);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Old")), STORE_DONE);
	wait_for_kept(h->a, 11);
	home_dump();
	home_reopen(h);
	home_damage();
	home_reopen(h);
	wait_for_kept(h->a, 11);
	mailbox_check(h->a, "INBOX", 30, 30, 0);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	usage_check(h->a, 31);
	verify_check(h->a, 11);
	assert_int_equal(store_kept_select(h->a, &v), E_OK);
	assert_int_equal(v.records[4].flags, FLAG_FLAGGED);
	assert_int_equal(v.records[4].keywords, 1);
	assert_string_equal(v.head->keywords[0], "k");
	store_unselect(h->a, &v);
	assert_int_equal(move_back(h->a, 1, 10, "INBOX"), STORE_DONE);
	mailbox_check(h->a, "INBOX", 40, 40, 0);
	where_check(h->a, "11:Old/1 ");
	numset_free(&five);
}

/* Nothing says where it was of what a rebuild does not show. */
static void
test_rebuilt_without_file(void **state)
{
	struct home *h = *state;
	struct store_view v;
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	v = selected(h->a, "INBOX");
	struct file_id id = v.records[1].id;
	assert_int_equal(expunge(h->a, &v, 1, 3, false), STORE_DONE);
	store_unselect(h->a, &v);
	home_dump();
	struct buf path = {0};
	msg_path_put(&path, id);
	assert_int_equal(unlink(buf_cstr(&path)), 0);
	buf_free(&path);
	home_damage();
	home_reopen(h);
	where_check(h->a, "1:INBOX/1 3:INBOX/3 ");
	verify_check(h->a, 2);
}

/* What a keeper had not kept yet when it died, of a mailbox that was removed. */
static void
test_rebuilt_with_removed(void **state)
{
	struct home *h = *state;
	struct store_mailbox m = {.messages = 0};
	struct store_rebuilt r;
	assert_int_equal(store_mailbox_create(h->a, SPAN("Old"), "", NULL), STORE_DONE);
	append_many(h->a, "Old", MANY);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Old")), STORE_DONE);
	home_kill();
	store_close(&h->a);
	store_close(&h->b);
	assert_int_equal(store_rebuild(h->dir, &r), E_OK);
	assert_int_equal(store_open(h->dir, &h->a), E_OK);
	assert_int_equal(store_open(h->dir, &h->b), E_OK);
	for (unsigned i = 0; i < 1000 && m.messages != MANY; i++) {
		poll(NULL, 0, 10);
		int err = store_kept(h->a, &m);
		assert_true(err == E_OK || err == E_BAD);
	}
	assert_int_equal(m.messages, MANY);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	usage_check(h->a, 0);
	verify_check(h->a, MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_kept_and_back),
	    TEST(test_quota_holds_on_the_way_back),
	    TEST(test_kept_of_mailboxes),
	    TEST_SHOWN(test_shown),
	    TEST_SHOWN(test_name_is_taken),
	    TEST(test_purge),
	    TEST(test_purge_some),
	    TEST(test_bound),
	    TEST(test_pages),
	    TEST(test_days_of),
	    TEST(test_killed_at_work),
	    TEST(test_rebuilt),
	    TEST(test_rebuilt_without_file),
	    TEST(test_rebuilt_with_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
