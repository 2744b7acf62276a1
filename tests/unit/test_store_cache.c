/* SPDX-License-Identifier: ISC */
/* test_store_cache.c - what is kept of messages, and the file that it is kept in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_home.h"

enum {
	VERSION_AT = 4,
	ITEMS_VERSION_AT = 12,
	ITEM_AT = 16 + 48 + 3
}; /* octets of a file before these */

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

static void
spoil(const char *name, long at)
{
	FILE *f = fopen(name, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	assert_int_equal(fputc('X', f), 'X');
	fclose(f);
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
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
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
	assert_true(
	    span_eq(store_cache(h->a, &v.records[1]), span_make(item, sizeof item)));
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	assert_int_equal(w.head->modseq, modseq);
	/* a copy has it too */
	struct numset uids = set_of(1, 2);
	struct store_copied c;
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&uids);
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	/* one whose bytes are not what they were is none */
	spoil("index/cache.1", ITEM_AT);
	assert_int_equal(store_cache(h->a, &v.records[0]).n, 0);
	assert_int_equal(store_cache(h->a, &v.records[1]).n, sizeof item);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

/* ---- a new file, when most of the old one is dead ---- */

enum { ITEMS = 200, DEAD = 150, GONE_MS = 30000 };

/* The item of message n: as large as they may be, so that few make the keeper begin anew. */
static struct span
item_of(unsigned n)
{
	static char item[STORE_CACHE_ITEM_MAX];
	memset(item, 'a' + (int)(n % 26), sizeof item);
	memcpy(item, &n, sizeof n);
	return span_make(item, sizeof item);
}

static void
fill(struct store *s)
{
	for (unsigned n = 1; n <= ITEMS; n++) {
		struct incoming m;
		message_begin(s, &m, n);
		m.cache = item_of(n);
		assert_int_equal(
		    store_append(s, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
		incoming_drop(&m);
	}
}

/* The keeper does it in its own time. */
static void
wait_until_removed(const char *name)
{
	double end = ms_now() + GONE_MS;
	while (access(name, F_OK) == 0 && ms_now() < end)
		poll(NULL, 0, 20);
	assert_int_equal(access(name, F_OK), -1);
}

static void
check_items(struct store *s, const struct store_view *v)
{
	for (unsigned n = DEAD + 1; n <= ITEMS; n++) {
		const struct store_record *r = store_record_of(v, n);
		assert_non_null(r);
		assert_true(span_eq(store_cache(s, r), item_of(n)));
	}
}

static off_t
bytes_of(const char *name)
{
	struct stat st;
	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

static void
test_made_anew(void **state)
{
	struct home *h = *state;
	fill(h->a);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "INBOX");
	check_items(h->b, &w); /* it has the old file mapped from here on */
	off_t before = bytes_of("index/cache.1");
	assert_int_equal(expunge(h->a, &v, 1, DEAD, false), STORE_DONE);
	wait_until_removed("index/cache.1");
	assert_int_equal(store_sync(h->a), E_OK);
	check_items(h->a, &v);
	check_items(h->b, &w);
	assert_true(bytes_of("index/cache.2") < before / 3);
	append(h->a, "INBOX", ITEMS + 1);
	assert_int_equal(store_sync(h->b), E_OK);
	assert_int_equal(w.records[v.head->n - 1].cache_gen, 0);
	store_cache_put(h->b, &w, &w.records[v.head->n - 1], SPAN("one more"));
	store_cache_flush(h->b);
	assert_int_equal(store_sync(h->b), E_OK);
	assert_true(
	    span_eqs(store_cache(h->a, store_record_of(&v, ITEMS + 1)), "one more"));
	assert_int_equal(store_record_of(&v, ITEMS + 1)->cache_gen, 2);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
	/* a keeper died when it had just begun the next one: the next keeper goes on */
	home_kill();
	assert_int_equal(
	    close(open("index/cache.3", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
	    0);
	home_reopen(h);
	v = selected(h->a, "INBOX");
	wait_until_removed("index/cache.2");
	assert_int_equal(store_sync(h->a), E_OK);
	check_items(h->a, &v);
	assert_int_equal(store_record_of(&v, ITEMS)->cache_gen, 3);
	store_unselect(h->a, &v);
}

/* ---- what came without items gets them ---- */

enum { MADE_MS = 30000 };

static void
make_items(struct store *s, struct span mailbox)
{
	struct store_view v;
	if (store_select(s, mailbox, true, &v) != E_OK)
		return;
	for (uint32_t i = 0; i < v.head->n; i++)
		if (!store_has_cache(s, &v.records[i]))
			store_cache_put(s, &v, &v.records[i], SPAN("made for nobody"));
	store_cache_flush(s);
	store_unselect(s, &v);
}

static void
wait_for_item(struct store *s, const struct store_record *r)
{
	double end = ms_now() + MADE_MS;
	while (store_cache(s, r).n == 0 && ms_now() < end)
		poll(NULL, 0, 20);
	assert_true(span_eqs(store_cache(s, r), "made for nobody"));
}

/* Of what is appended, of what is delivered; and where there are only those of another version. */
static void
test_made_in_the_background(void **state)
{
	struct home *h = *state;
	store_items_made_by(make_items);
	home_kill(); /* the next keeper knows how */
	home_reopen(h);
	append(h->a, "Sent", 1);
	deliver("Subject: one\r\n\r\ntext\r\n");
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "Sent");
	wait_for_item(h->a, &v.records[0]);
	wait_for_item(h->b, &w.records[0]);
	assert_true(store_has_cache(h->a, &v.records[0]));
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
	home_kill();
	spoil("index/cache.1", VERSION_AT);
	home_reopen(h);
	v = selected(h->a, "INBOX");
	wait_for_item(h->a, &v.records[0]);
	store_unselect(h->a, &v);
	store_items_made_by(NULL);
}

/* Items of another version are dropped, and what is damaged is replaced. */
static void
test_made_again(void **state)
{
	struct home *h = *state;
	struct incoming m;
	message_begin(h->a, &m, 1);
	m.cache = SPAN("made at APPEND");
	assert_int_equal(
	    store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	struct store_view v = selected(h->a, "INBOX");
	spoil("index/cache.1", ITEM_AT);
	assert_int_equal(store_cache(h->a, &v.records[0]).n, 0);
	store_cache_put(h->a, &v, &v.records[0], SPAN("made again"));
	store_cache_flush(h->a);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made again"));
	store_unselect(h->a, &v);
	home_kill();
	spoil("index/cache.1", VERSION_AT);
	home_reopen(h);
	v = selected(h->a, "INBOX");
	assert_int_equal(access("index/cache.1", F_OK), -1);
	assert_false(store_has_cache(h->a, &v.records[0]));
	assert_int_equal(store_cache(h->a, &v.records[0]).n, 0);
	store_cache_put(h->a, &v, &v.records[0], SPAN("of this version"));
	store_cache_flush(h->a);
	assert_int_equal(store_sync(h->a), E_OK);
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "of this version"));
	assert_int_equal(v.records[0].cache_gen, 2);
	store_unselect(h->a, &v);
}

/* ---- slices: what a session turned of signatures ---- */

static void
write_slices(struct store *s, const struct store_view *v, const char *text)
{
	struct store_slices *w = store_slices_begin(s, v);
	assert_non_null(w);
	assert_null(store_slices_begin(s, v)); /* another one is at it */
	store_slices_add(w, span_of(text));
	store_slices_add(w, SPAN(" and more"));
	store_slices_end(&w);
	assert_null(w);
}

static void
check_slices(struct store *s, const struct store_view *v, const char *text)
{
	struct span map;
	assert_int_equal(store_slices_map(s, v, &map), text ? E_OK : E_BAD);
	if (text)
		assert_true(span_eqs(store_slices_blocks(map), text));
	else
		assert_int_equal(map.n, 0);
	store_slices_unmap(&map);
}

static void
test_slices(void **state)
{
	struct home *h = *state;
	char name[64];
	append(h->a, "INBOX", 1);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("Box"), NULL, NULL), STORE_DONE);
	struct store_view v = selected(h->a, "INBOX");
	check_slices(h->a, &v, NULL);
	write_slices(h->a, &v, "first");
	struct span held;
	assert_int_equal(store_slices_map(h->a, &v, &held), E_OK);
	write_slices(h->a, &v, "second");
	check_slices(h->a, &v, "second and more");
	/* who has the one before mapped reads on in it */
	assert_true(span_eqs(store_slices_blocks(held), "first and more"));
	store_slices_unmap(&held);
	struct store_view other = v;
	other.uidvalidity++; /* what was of a mailbox before this one */
	check_slices(h->a, &other, NULL);
	snprintf(name, sizeof name, "index/slices.%u", v.mailbox);
	assert_int_equal(truncate(name, 16), 0);
	check_slices(h->a, &v, NULL);
	assert_int_equal(truncate(name, 3), 0);
	check_slices(h->a, &v, NULL);
	write_slices(h->a, &v, "third");
	spoil(name, VERSION_AT);
	check_slices(h->a, &v, NULL);
	write_slices(h->a, &v, "fourth");
	spoil(name, ITEMS_VERSION_AT); /* made of items that are no more */
	check_slices(h->a, &v, NULL);
	store_unselect(h->a, &v);
}

static void
file_make(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Left by a session that died in it: the next one but one writes. */
static void
test_slices_left(void **state)
{
	struct home *h = *state;
	char name[64];
	struct store_view v = selected(h->a, "INBOX");
	snprintf(name, sizeof name, "index/slices.%u.new", v.mailbox);
	file_make(name);
	assert_null(store_slices_begin(h->a, &v));
	assert_int_equal(access(name, F_OK), 0);
	struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, name, long_ago, 0), 0);
	assert_null(store_slices_begin(h->a, &v));
	write_slices(h->a, &v, "x");
	check_slices(h->a, &v, "x and more");
	store_unselect(h->a, &v);
}

static void
test_slices_go_with_the_mailbox(void **state)
{
	struct home *h = *state;
	char name[64], begun[80];
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("Box"), NULL, NULL), STORE_DONE);
	append(h->a, "Box", 1);
	struct store_view v = selected(h->a, "Box");
	snprintf(name, sizeof name, "index/slices.%u", v.mailbox);
	snprintf(begun, sizeof begun, "%s.new", name);
	write_slices(h->a, &v, "x");
	assert_int_equal(access(name, F_OK), 0);
	file_make(begun);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Box")), STORE_DONE);
	wait_until_removed(name);
	assert_int_equal(access(begun, F_OK), -1);
}

/* Of a mailbox that is gone, by a session that was late; and all of them at a rebuild. */
static void
test_slices_go_at_a_start(void **state)
{
	struct home *h = *state;
	struct store_rebuilt rebuilt;
	char name[64];
	append(h->a, "INBOX", 1);
	struct store_view v = selected(h->a, "INBOX");
	snprintf(name, sizeof name, "index/slices.%u", v.mailbox);
	write_slices(h->a, &v, "x");
	store_unselect(h->a, &v);
	file_make("index/slices.99999");
	file_make("index/slices.99999.new");
	home_kill();
	home_reopen(h);
	append(h->a, "INBOX", 2); /* there is a keeper */
	assert_int_equal(access("index/slices.99999", F_OK), -1);
	assert_int_equal(access("index/slices.99999.new", F_OK), -1);
	assert_int_equal(access(name, F_OK), 0);
	assert_int_equal(store_rebuild(h->dir, &rebuilt), E_OK);
	assert_int_equal(access(name, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_cache), TEST(test_made_anew),
	    TEST(test_made_in_the_background), TEST(test_made_again), TEST(test_slices),
	    TEST(test_slices_left), TEST(test_slices_go_with_the_mailbox),
	    TEST(test_slices_go_at_a_start)};
	return cmocka_run_group_tests_name("store_cache", tests, NULL, NULL);
}
