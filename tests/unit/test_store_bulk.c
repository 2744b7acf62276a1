/* SPDX-License-Identifier: ISC */
/* test_store_bulk.c - 100,000 messages at once, and what another device waits meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_home.h"

enum {
	FILES = 12500,
	COPIES = 8,
	ALL = FILES * COPIES,
	/*
	 * asks of another device while one of ALL is done: a keeper that does it in one go answers
	 * 1 or 2
	 */
	SERVED_LEAST = 5,
	SERVED_AFTER = 500,
};

/*
 * Another device: one STORE of one message after another.  What it sees stands in memory that the
 * test shares.
 */
struct device {
	pid_t pid;
	atomic_uint served;
	double longest_ms;
};

static NORETURN void
be_other_device(const char *dir, struct device *d)
{
	struct store *s;
	struct store_mailbox m;
	struct numset one = set_of(1, 1);
	if (store_open(dir, &s) != E_OK || store_mailbox(s, SPAN("Drafts"), &m) != E_OK)
		_exit(1);
	for (unsigned i = 0;; i++) {
		struct store_change c = {
		    .how = i % 2 ? STORE_ADD : STORE_REMOVE, .flags = FLAG_SEEN};
		double begin = ms_now();
		if (store_flags(s, m.id, &one, &c, NULL) != STORE_DONE)
			_exit(2);
		double took = ms_now() - begin;
		d->longest_ms = took > d->longest_ms ? took : d->longest_ms;
		atomic_fetch_add(&d->served, 1);
		poll(NULL, 0, 2);
	}
}

static void
wait_until_served(struct device *d, unsigned n)
{
	int status;
	while (atomic_load(&d->served) < n) {
		assert_int_equal(waitpid(d->pid, &status, WNOHANG), 0);
		poll(NULL, 0, 2);
	}
}

static struct device *
device_begin(struct home *h)
{
	struct device *d = mmap(
	    NULL, sizeof *d, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(d, MAP_FAILED);
	pid_t pid = fork(); /* not into d, which both have */
	if (pid == 0)
		be_other_device(h->dir, d);
	d->pid = pid;
	wait_until_served(d, 1);
	d->longest_ms = 0;
	atomic_store(&d->served, 0);
	return d;
}

static void
device_end(struct device *d, const char *what, double took_ms)
{
	int status;
	unsigned served = atomic_load(&d->served);
	assert_int_equal(waitpid(d->pid, &status, WNOHANG), 0);
	assert_int_equal(kill(d->pid, SIGKILL), 0);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	print_message("%s of %d messages: %.0f ms; another device was served %u times, "
		      "and waited at most %.1f ms\n",
	    what, ALL, took_ms, served, d->longest_ms);
	assert_int_equal(munmap(d, sizeof *d), 0);
	assert_true(served >= SERVED_LEAST);
}

static void
copy(struct home *h, const char *from, const char *to, bool is_move, uint64_t n)
{
	struct store_mailbox m;
	struct numset all = set_of(1, UINT32_MAX);
	struct store_copied c;
	assert_int_equal(store_mailbox(h->a, span_of(from), &m), E_OK);
	assert_int_equal(
	    store_copy(h->a, m.id, &all, span_of(to), is_move, &c), STORE_DONE);
	assert_int_equal(numset_count(&c.from), n);
	assert_int_equal(numset_count(&c.to), n);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&all);
}

static void
test_bulk(void **state)
{
	struct home *h = *state;
	struct numset all = set_of(1, UINT32_MAX), gone = {0};
	struct store_change c = {.how = STORE_ADD, .flags = FLAG_SEEN};
	struct store_mailbox m;
	struct store_view v;
	append(h->a, "Drafts", 1);
	append_many(h->a, "INBOX", FILES);
	for (unsigned i = 1; i < COPIES; i++)
		copy(h, "INBOX", "Archive", false, FILES);
	copy(h, "INBOX", "Archive", true, FILES);
	mailbox_check(h->a, "Archive", ALL, ALL, 0);
	assert_int_equal(store_select(h->b, SPAN("Archive"), true, &v), E_OK);
	assert_int_equal(v.n, ALL);

	struct device *d = device_begin(h);
	double begin = ms_now();
	assert_int_equal(store_flags(h->a, v.mailbox, &all, &c, NULL), STORE_DONE);
	device_end(d, "STORE", ms_now() - begin);
	mailbox_check(h->b, "Archive", ALL, 0, 0);

	d = device_begin(h);
	begin = ms_now();
	copy(h, "Archive", "Sent", false, ALL);
	device_end(d, "COPY", ms_now() - begin);
	mailbox_check(h->b, "Sent", ALL, 0, 0);

	d = device_begin(h);
	begin = ms_now();
	copy(h, "Sent", "Trash", true, ALL);
	device_end(d, "MOVE", ms_now() - begin);
	mailbox_check(h->b, "Sent", 0, 0, 0);
	mailbox_check(h->b, "Trash", ALL, 0, 0);

	uint64_t modseq = v.head->modseq;
	d = device_begin(h);
	begin = ms_now();
	assert_int_equal(store_expunge(h->a, v.mailbox, &all, false), STORE_DONE);
	double expunge_ms = ms_now() - begin;
	device_end(d, "EXPUNGE", expunge_ms);
	mailbox_check(h->b, "Archive", 0, 0, 0);
	assert_int_equal(store_expunged(h->b, v.mailbox, modseq, &gone), E_OK);
	assert_int_equal(numset_count(&gone), ALL);
	store_unselect(h->b, &v);

	d = device_begin(h);
	begin = ms_now();
	assert_int_equal(store_mailbox(h->a, SPAN("Trash"), &m), E_OK);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Trash")), STORE_DONE);
	double delete_ms = ms_now() - begin;
	assert_true(delete_ms < expunge_ms / 2); /* its rows go meanwhile, and later */
	wait_until_served(d, SERVED_AFTER);
	device_end(d, "DELETE", delete_ms);
	assert_int_equal(store_check(h->b), 1);
	numset_free(&all);
	numset_free(&gone);
}

/* Sets and answers that are longer than a message. */
static void
test_sparse(void **state)
{
	struct home *h = *state;
	struct numset odd = {0}, gone = {0};
	struct store_view v;
	struct store_copied c;
	append_many(h->a, "INBOX", 6000);
	copy(h, "INBOX", "INBOX", false, 6000);
	copy(h, "INBOX", "INBOX", false, 12000);
	assert_int_equal(store_select(h->a, SPAN("INBOX"), true, &v), E_OK);
	for (uint32_t uid = 1; uid <= 24000; uid += 2)
		assert_int_equal(numset_add(&odd, uid, uid), E_OK);
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &odd, SPAN("Sent"), false, &c), STORE_DONE);
	assert_int_equal(c.from.n, 12000);
	assert_int_equal(c.to.n, 1);
	assert_int_equal(numset_count(&c.to), 12000);
	uint64_t modseq = v.head->modseq;
	assert_int_equal(store_expunge(h->a, v.mailbox, &odd, false), STORE_DONE);
	assert_int_equal(store_expunged(h->b, v.mailbox, modseq, &gone), E_OK);
	assert_int_equal(gone.n, 12000);
	mailbox_check(h->b, "INBOX", 12000, 12000, 0);
	assert_int_equal(store_record_of(&v, 2)->flags, 0);
	assert_int_equal(store_record_of(&v, 3)->flags, FLAG_GONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&odd);
	numset_free(&gone);
	store_unselect(h->a, &v);
}

static int
count(void *ctx, const struct store_mailbox *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return E_OK;
}

static void
test_many_mailboxes(void **state)
{
	struct home *h = *state;
	char name[64];
	unsigned n = 0;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(
		    name, sizeof name, "a folder with a name that is not short/%u", i);
		assert_int_equal(
		    store_mailbox_create(h->a, span_of(name), NULL, NULL), STORE_DONE);
	}
	assert_int_equal(store_mailboxes(h->b, count, &n), E_OK);
	assert_int_equal(n, 307);
	assert_int_equal(
	    store_mailbox_rename(
		h->a, SPAN("a folder with a name that is not short"), SPAN("short")),
	    STORE_DONE);
	mailbox_check(h->b, "short/299", 0, 0, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_bulk), TEST(test_sparse), TEST(test_many_mailboxes)};
	return cmocka_run_group_tests_name("store_bulk", tests, NULL, NULL);
}
