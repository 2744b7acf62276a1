/* SPDX-License-Identifier: ISC */
/* test_store_rebuild.c - an index that is lost, damaged or made anew because somebody asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/at_work.h"
#include "store/dump.h"
#include "store/name.h"
#include "store/retention.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

enum { MANY = 3000 };

/* ---- the index is lost ---- */

struct seen {
	struct file_id ids[100];
	size_t n;
};

static void
see(struct store *s, const char *mailbox, struct seen *out)
{
	struct store_view v;
	assert_int_equal(store_select(s, span_of(mailbox), true, &v), E_OK);
	for (uint32_t i = 0; i < v.n; i++)
		if (!(v.records[i].flags & FLAG_GONE))
			out->ids[out->n++] = v.records[i].id;
	store_unselect(s, &v);
}

static int
join(void *ctx, struct span name)
{
	buf_span(ctx, name);
	buf_ch(ctx, ' ');
	return E_OK;
}

static void
test_rebuild(void **state)
{
	struct home *h = *state;
	struct seen before = {.n = 0}, after = {.n = 0};
	struct store_view v;
	struct store_mailbox was, is, later;
	struct incoming m;
	struct span keyword = SPAN("$Important");
	struct store_change c = {.how = STORE_ADD,
	    .flags = FLAG_FLAGGED,
	    .keywords = &keyword,
	    .n_keywords = 1};
	struct numset uids = set_of(2, 2);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("deep/er"), "\\All", NULL), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("deep/er"), true), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("Trash"), false), STORE_DONE);
	for (unsigned i = 1; i <= 20; i++)
		append(h->a, i % 2 ? "INBOX" : "deep/er", i);
	message_begin(h->a, &m, 21);
	m.uidl = SPAN("imported");
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	assert_int_equal(store_mailbox(h->a, SPAN("deep/er"), &was), E_OK);
	assert_int_equal(store_flags(h->a, was.id, &uids, &c, NULL), STORE_DONE);
	home_dump();
	/* what comes after the dump is found by its file */
	uint32_t told = append(h->a, "deep/er", 30);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("lost"), NULL, &later), STORE_DONE);
	append(h->a, "lost", 31);
	uids.ranges[0] = (struct num_range){1, 1};
	assert_int_equal(store_select(h->a, SPAN("deep/er"), true, &v), E_OK);
	struct file_id gone = v.records[0].id;
	store_unselect(h->a, &v);
	assert_int_equal(store_expunge(h->a, was.id, &uids, false), STORE_DONE);
	numset_free(&uids);
	see(h->a, "INBOX", &before);
	see(h->a, "deep/er", &before);
	see(h->a, "lost", &before);
	assert_int_equal(store_sync(h->a), E_OK);
	wait_until_gone(gone);
	home_damage();
	see(h->a, "INBOX", &after);
	see(h->a, "deep/er", &after);
	assert_int_equal(after.n, before.n);
	qsort(before.ids, before.n, sizeof before.ids[0], by_file_id);
	qsort(after.ids, after.n, sizeof after.ids[0], by_file_id);
	assert_memory_equal(before.ids, after.ids, before.n * sizeof before.ids[0]);
	assert_int_equal(store_check(h->a), before.n);
	/* nothing refers to the old items */
	assert_int_equal(access("index/cache.1", F_OK), -1);
	assert_int_equal(store_mailbox(h->a, SPAN("deep/er"), &is), E_OK);
	assert_int_equal(is.id, was.id);
	assert_int_equal(is.uidvalidity, was.uidvalidity);
	assert_string_equal(is.special_use, "\\All");
	assert_true(is.is_subscribed);
	assert_int_equal(store_mailbox(h->a, SPAN("Trash"), &is), E_OK);
	assert_false(is.is_subscribed);
	assert_int_equal(store_select(h->a, SPAN("deep/er"), false, &v), E_OK);
	assert_int_equal(store_record_of(&v, 2)->flags, FLAG_FLAGGED);
	assert_int_equal(store_record_of(&v, 2)->keywords, 1);
	assert_string_equal(v.head->keywords[0], "$Important");
	/* no number comes twice */
	assert_true(append(h->a, "deep/er", 40) > told);
	assert_true(v.modseq > was.modseq);
	store_unselect(h->a, &v);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("lost"), NULL, &is), STORE_DONE);
	assert_true(is.uidvalidity > later.uidvalidity);
	assert_true(is.id > later.id);
	struct buf text = {0};
	assert_int_equal(store_subscriptions(h->a, join, &text), E_OK);
	assert_string_equal(buf_cstr(&text), "Archive Drafts INBOX Junk Sent deep/er ");
	buf_reset(&text);
	assert_int_equal(store_select(h->a, SPAN("INBOX"), false, &v), E_OK);
	for (uint32_t i = 0; i < v.n; i++)
		if (file_id_eq(v.records[i].id, m.id))
			store_uidl(h->a, &v.records[i], &text);
	assert_string_equal(buf_cstr(&text), "imported");
	buf_free(&text);
	store_unselect(h->a, &v);
}

/* The spool brings again what was read and deleted before the index was lost. */
static void
test_replay_after_rebuild(void **state)
{
	struct home *h = *state;
	home_kill();
	deliver("Subject: once\r\n\r\n");
	deliver("Subject: stays\r\n\r\n");
	assert_int_equal(system("mkdir kept && cp -p new/* kept/"), 0);
	home_reopen(h);
	assert_int_equal(store_sync(h->a), E_OK);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 2);
	struct file_id gone = v.records[0].id;
	assert_int_equal(expunge(h->a, &v, 1, 1, false), STORE_DONE);
	store_unselect(h->a, &v);
	assert_int_equal(store_sync(h->a), E_OK);
	wait_until_gone(gone);
	home_dump();
	home_damage();
	assert_int_equal(system("cp -p kept/* new/ && rm -r kept"), 0);
	assert_int_equal(store_sync(h->a), E_OK);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	assert_int_equal(store_check(h->a), 1);
	assert_int_equal(system("test -z \"$(ls new)\""), 0);
}

static void
test_rebuild_without_a_dump(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	uint32_t uid = 0;
	for (unsigned i = 1; i <= 10; i++)
		uid = append(h->a, "INBOX", i);
	append(h->a, "Sent", 11);
	home_damage();
	assert_int_equal(unlink("dump"), 0);
	assert_int_equal(system("find msg -type f -exec touch -d @1600000000 {} +"), 0);
	int64_t begun = clock_wall_sec();
	assert_int_equal(store_check(h->a), 11);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX"), &m), E_OK);
	assert_int_equal(m.messages, 11);
	/* of their coming into it, and so that no rule takes them tonight */
	struct retention_stamp stamp;
	assert_int_equal(retention_stamp_get(AT_FDCWD, RETENTION_STAMP, &stamp), E_OK);
	assert_true(stamp.digest == RETENTION_REBUILT && stamp.when_sec >= begun);
	struct store_view v = selected(h->a, "INBOX");
	for (uint32_t i = 0; i < v.n; i++) {
		assert_int_equal(v.records[i].date_sec, 1600000000);
		assert_true(v.records[i].saved_sec >= begun);
	}
	store_unselect(h->a, &v);
	assert_true(append(h->a, "INBOX", 12) > uid);
}

/* How often it is in the log. */
static unsigned
count_in(int log, const char *what)
{
	static char text[1 << 16];
	ssize_t n = pread(log, text, sizeof text - 1, 0);
	unsigned count = 0;
	assert_true(n >= 0);
	text[n] = '\0';
	for (const char *p = text; (p = strstr(p, what)); p++)
		count++;
	return count;
}

static void
spoil(const char *how, const struct file_id *id)
{
	struct buf command = {0};
	buf_str(&command, how);
	buf_ch(&command, ' ');
	msg_path_put(&command, *id);
	assert_int_equal(system(buf_cstr(&command)), 0);
	buf_free(&command);
}

/* What came after the dump, and lost its end on the disk: its sum is lost too, so the log says what can be told. */
static void
test_rebuild_torn(void **state)
{
	struct home *h = *state;
	struct seen all = {.n = 0};
	int log = open("log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	append(h->a, "INBOX", 1);
	home_dump();
	for (unsigned i = 2; i <= 5; i++)
		append(h->a, "INBOX", i);
	see(h->a, "INBOX", &all);
	assert_int_equal(all.n, 5);
	home_kill();
	assert_int_equal(system("rm -r index/db"), 0);
	spoil("truncate -s 0", &all.ids[0]); /* the dump knows it: verify finds that */
	spoil("truncate -s 0", &all.ids[1]);
	spoil("truncate -s +100", &all.ids[2]);
	spoil("head -c 8192 /dev/zero | tr '\\0' x >", &all.ids[3]);
	log_level(LOG_NOTICE);
	log_open("test", log, false);
	assert_int_equal(store_sync(h->a), E_OK);
	log_open("test", STDERR_FILENO, false);
	log_level(LOG_EMERG);
	assert_int_equal(count_in(log, "event=file_torn"), 3);
	assert_int_equal(count_in(log, "it is empty"), 1);
	assert_int_equal(count_in(log, "it ends in zeros"), 1);
	assert_int_equal(count_in(log, "it ends with a block"), 1);
	assert_int_equal(count_in(log, " torn=3 "), 1);
	close(log);
	unlink("log");
}

/* An index that was begun and not finished is none. */
static void
test_rebuild_cut_short(void **state)
{
	struct home *h = *state;
	append(h->a, "INBOX", 1);
	home_dump();
	home_kill();
	assert_int_equal(system("rm -r index/db && mkdir index/db"), 0);
	assert_int_equal(store_check(h->a), 1);
}

/* ---- a rebuild that is asked for ---- */

struct progress {
	uint64_t done, of;
	bool is_wrong;
};

static void
on_progress(void *ctx, uint64_t done, uint64_t of)
{
	struct progress *p = ctx;
	p->is_wrong |= of && (done > of || done < p->done);
	if (of)
		*p = (struct progress){done, of, p->is_wrong};
}

static int
rebuild_watched(struct home *h, uint64_t from_dump, uint64_t found)
{
	struct progress p = {0};
	struct store_rebuilt out;
	at_work_watch(on_progress, &p);
	return store_rebuild(h->dir, &out) != E_OK                   ? 1
	       : out.from_dump != from_dump                          ? 2
	       : out.found != found                                  ? 3
	       : p.is_wrong || p.done != p.of                        ? 4
	       : p.of < out.from_dump + out.found + out.without_file ? 5
	                                                             : 0;
}

/* In a process of its own, as an administrator's is. */
static void
rebuild(struct home *h, uint64_t from_dump, uint64_t found)
{
	int status;
	store_close(&h->a);
	store_close(&h->b);
	pid_t pid = fork();
	if (pid == 0)
		_exit(rebuild_watched(h, from_dump, found));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(store_open(h->dir, &h->a), E_OK);
	assert_int_equal(store_open(h->dir, &h->b), E_OK);
}

/*
 * Rows are on disk, the move of the file is not: a power cut, or a keeper that was killed between
 * the two.
 */
static void
test_rebuild_before_the_move(void **state)
{
	struct home *h = *state;
	struct buf path = {0}, undo = {0};
	home_kill();
	deliver("Subject: old\r\n\r\n");
	deliver("Subject: waits\r\n\r\n");
	assert_int_equal(system("ls new >names"), 0);
	home_reopen(h);
	assert_int_equal(store_sync(h->a), E_OK);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 2);
	struct file_id id = v.records[1].id;
	assert_int_equal(
	    flags(h->a, &v, 2, 2, STORE_ADD, FLAG_FLAGGED, NULL), STORE_DONE);
	store_unselect(h->a, &v);
	home_kill();
	msg_path_put(&path, id);
	buf_putf(&undo, "mv %s new/$(grep ^%.*s names)", buf_cstr(&path), 2 * ID_BYTES,
	    file_id_text(id));
	assert_int_equal(system(buf_cstr(&undo)), 0);
	buf_free(&path);
	buf_free(&undo);
	rebuild(h, 2, 0);
	assert_int_equal(store_sync(h->a), E_OK);
	v = selected(h->a, "INBOX");
	assert_int_equal(v.n, 2);
	assert_non_null(store_record_of(&v, 2));
	assert_true(file_id_eq(store_record_of(&v, 2)->id, id));
	assert_int_equal(store_record_of(&v, 2)->flags, FLAG_FLAGGED);
	store_unselect(h->a, &v);
	assert_true(is_there(msg_path_put, id));
	assert_int_equal(store_check(h->a), 2);
	assert_int_equal(system("test -z \"$(ls new)\""), 0);
}

/* What was answered as deleted does not come back, though its file is still there. */
static void
test_rebuild_before_the_unlinking(void **state)
{
	struct home *h = *state;
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX");
	struct file_id gone = v.records[1].id;
	assert_int_equal(expunge(h->a, &v, 2, 2, false), STORE_DONE);
	store_unselect(h->a, &v);
	home_kill(); /* before its time to unlink came */
	assert_true(is_there(msg_path_put, gone));
	rebuild(h, 2, 0);
	assert_int_equal(store_sync(h->a), E_OK);
	mailbox_check(h->a, "INBOX", 2, 2, 0);
	wait_until_gone(gone);
	assert_int_equal(store_check(h->a), 2);
}

static void
copy(struct store *s, const struct store_view *v, uint32_t uid, const char *to)
{
	struct store_copied c;
	struct numset one = set_of(uid, uid);
	assert_int_equal(
	    store_copy(s, v->mailbox, &one, span_of(to), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&one);
}

/* The same with all of a mailbox, copies within it too; what is also elsewhere stays there. */
static void
test_rebuild_before_the_purge(void **state)
{
	struct home *h = *state;
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("big"), NULL, NULL), STORE_DONE);
	append_many(h->a, "big", MANY);
	struct store_view v = selected(h->a, "big");
	struct file_id kept = v.records[0].id, gone = v.records[MANY - 1].id,
		       twice = v.records[MANY - 2].id;
	copy(h->a, &v, 1, "Archive");
	copy(h->a, &v, MANY - 1, "big");
	copy(h->a, &v, 1, "big");
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("big")), STORE_DONE);
	home_kill();
	assert_true(is_there(msg_path_put, gone) && is_there(msg_path_put, twice));
	rebuild(h, 1, 0);
	assert_int_equal(store_sync(h->a), E_OK);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	wait_until_gone(gone);
	wait_until_gone(twice);
	assert_true(is_there(msg_path_put, kept));
	assert_int_equal(store_check(h->a), 1);
}

/* A dump that was written while others were served: a message was in it, and then expunged. */
static void
test_rebuild_expunged_amid_a_dump(void **state)
{
	struct home *h = *state;
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX");
	struct file_id gone = v.records[1].id;
	store_unselect(h->a, &v);
	home_dump();
	FILE *dump = fopen("dump", "a");
	assert_non_null(dump);
	assert_true(fprintf(dump, "D %s\n", file_id_text(gone)) > 0);
	assert_int_equal(fclose(dump), 0);
	home_damage();
	assert_int_equal(store_sync(h->a), E_OK);
	mailbox_check(h->a, "INBOX", 2, 2, 0);
	wait_until_gone(gone);
	assert_int_equal(store_check(h->a), 2);
}

/* As a keeper leaves it that ends between two slices: a row in undo, and a dump. */
static void
leave_half_copied(uint32_t mailbox, uint32_t to)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct tables t;
		struct db_txn *txn;
		struct numset uids = set_of(1, to);
		if (tables_open(&t, "index/db", false) != E_OK ||
		    db_begin(t.db, &txn) != E_OK)
			_exit(1);
		if (undo_put(&t, txn, 1, mailbox, &uids) != E_OK ||
		    db_commit(&txn) != E_OK || dump_write(&t) != E_OK)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_rebuild_amid_a_copy(void **state)
{
	struct home *h = *state;
	struct store_copied c;
	struct numset some = set_of(1, 2);
	for (unsigned i = 1; i <= 3; i++)
		append(h->a, "INBOX", i);
	struct store_view v = selected(h->a, "INBOX");
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &some, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&some);
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	uint32_t sent = v.mailbox, last = v.records[1].uid;
	store_unselect(h->a, &v);
	home_kill();
	leave_half_copied(sent, last);
	home_damage();
	assert_int_equal(store_sync(h->a), E_OK);
	mailbox_check(h->a, "Sent", 0, 0, 0);
	mailbox_check(h->a, "INBOX", 3, 3, 0);
	assert_int_equal(store_check(h->a), 3);
}

static void
check_limits(struct store *s, uint64_t bytes, uint64_t messages)
{
	uint64_t used, n, bytes_most, messages_most;
	assert_int_equal(store_usage(s, &used, &n), E_OK);
	store_quota(s, &bytes_most, &messages_most);
	assert_int_equal(bytes_most, bytes);
	assert_int_equal(messages_most, messages);
}

/* What a user set for himself holds when the keeper was killed, and when the index is made anew. */
static void
test_own_limits(void **state)
{
	struct home *h = *state;
	struct incoming m;
	check_limits(h->a, 0, 0);
	assert_int_equal(store_limit_own(h->a, 1 << 20, 1), STORE_DONE);
	home_kill();
	check_limits(h->a, 1 << 20, 1);
	append(h->a, "INBOX", 1);
	rebuild(h, 1, 0);
	check_limits(h->a, 1 << 20, 1);
	message_begin(h->a, &m, 2);
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_OVER_QUOTA);
	incoming_drop(&m);
	store_limit(h->a, 1 << 19, 0, clock_mono_ms()); /* the admin's is less by now */
	check_limits(h->a, 1 << 19, 1);
	assert_int_equal(store_limit_own(h->a, 0, 0), STORE_DONE);
	check_limits(h->a, 1 << 19, 0);
	append(h->a, "INBOX", 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_rebuild),
	    TEST(test_replay_after_rebuild), TEST(test_rebuild_without_a_dump),
	    TEST(test_rebuild_torn), TEST(test_rebuild_cut_short),
	    TEST(test_rebuild_before_the_move), TEST(test_rebuild_before_the_unlinking),
	    TEST(test_rebuild_before_the_purge),
	    TEST(test_rebuild_expunged_amid_a_dump), TEST(test_rebuild_amid_a_copy),
	    TEST(test_own_limits)};
	return cmocka_run_group_tests_name("store_rebuild", tests, NULL, NULL);
}
