/* SPDX-License-Identifier: ISC */
/*
 * test_store_early.c - who sleeps is told of new mail while the disk makes its rows durable: a sync
 * that does not end before it may (--wrap=db_sync), one that fails, a keeper that is killed in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

enum {
	WAIT_MS = 20000,
	STILL_MS = 50, /* it does not end in that time */
	MANY = 3000,
};

/* ---- a sync that waits ---- */

/* Shared with keepers. */
static struct gate {
	atomic_uint is_shut, entered, fails;
	/* the same before it: rows that are told of early are not committed yet */
	atomic_uint is_held, held;
	atomic_int keeper; /* pid of the last that entered */
} * gate;

int __real_db_sync(struct db *);
int __wrap_db_sync(struct db *);
int __real_db_commit_written(struct db_txn **);
int __wrap_db_commit_written(struct db_txn **);

static void
wait_while(atomic_uint *word, unsigned value)
{
	struct timespec most = {.tv_sec = WAIT_MS / 1000};
	while (atomic_load(word) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, &most, NULL, 0);
}

static void
set(atomic_uint *word, unsigned value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

int
__wrap_db_sync(struct db *db)
{
	if (gate) {
		atomic_store(&gate->keeper, getpid());
		set(&gate->entered, gate->entered + 1);
		wait_while(&gate->is_shut, 1);
		if (gate->fails)
			return E_IO;
	}
	return __real_db_sync(db);
}

int
__wrap_db_commit_written(struct db_txn **txn)
{
	if (gate) {
		set(&gate->held, gate->held + 1);
		wait_while(&gate->is_held, 1);
	}
	return __real_db_commit_written(txn);
}

static int
setup(void **state)
{
	gate = mmap(NULL, sizeof *gate, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return gate == MAP_FAILED ? -1 : home_setup(state);
}

static int
teardown(void **state)
{
	int err = home_teardown(state);
	munmap(gate, sizeof *gate);
	gate = NULL;
	return err;
}

/* ---- what is asked of it meanwhile ---- */

/* In a thread of its own; its end is written to end. */
struct asking {
	struct store *store; /* borrow */
	int (*ask)(struct store *);
	int pipe[2], err; /* own */
	pthread_t thread;
};

static void *
run(void *ctx)
{
	struct asking *a = ctx;
	a->err = a->ask(a->store);
	if (write(a->pipe[1], "", 1) != 1)
		abort();
	return NULL;
}

static void
begin(struct asking *a, struct store *s, int (*ask)(struct store *))
{
	*a = (struct asking){.store = s, .ask = ask};
	assert_int_equal(pipe(a->pipe), 0);
	assert_int_equal(pthread_create(&a->thread, NULL, run, a), 0);
}

static bool
ends(const struct asking *a, int ms)
{
	struct pollfd p = {.fd = a->pipe[0], .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

static int
join(struct asking *a)
{
	assert_true(ends(a, WAIT_MS));
	assert_int_equal(pthread_join(a->thread, NULL), 0);
	close(a->pipe[0]);
	close(a->pipe[1]);
	return a->err;
}

/* It waited for the sync, which may end now.  What it returned */
static int
end(struct asking *a)
{
	assert_false(ends(a, STILL_MS));
	set(&gate->is_shut, 0);
	return join(a);
}

static struct store_view view;
static uint32_t inbox;
static uint64_t modseq; /* before the mail came */

static int
wake_for_news(struct store *s)
{
	return store_reselect(s, inbox, UINT32_MAX, true, &view);
}

static int
wake_for_more(struct store *s)
{
	return store_reselect(s, inbox, UINT32_MAX, false, &view);
}

static bool
is_new_empty(void)
{
	return system("test -z \"$(ls new)\"") == 0;
}

/* Nobody is up; one message lies there, and no sync ends. */
static void
mail_comes(struct home *h)
{
	struct store_view v = selected(h->b, "INBOX");
	inbox = v.mailbox;
	modseq = v.modseq;
	store_unselect(h->b, &v);
	/* the keeper has read that */
	assert_int_equal(store_sync(h->b), E_OK);
	deliver("Subject: news\r\n\r\n");
	set(&gate->entered, 0);
	set(&gate->is_shut, 1);
}

static void
told_early(struct home *h)
{
	mail_comes(h);
	assert_int_equal(wake_for_news(h->a), E_OK);
	assert_int_equal(view.n, 1);
	wait_while(&gate->entered, 0);
	assert_int_equal(gate->is_shut, 1);
}

/* What was told is there, and once. */
static void
is_kept(struct home *h, const struct store_record *told)
{
	struct store_view v = selected(h->b, "INBOX");
	int fd;
	assert_int_equal(v.n, 1);
	assert_int_equal(v.records[0].uid, told->uid);
	assert_int_equal(v.records[0].modseq, told->modseq);
	assert_memory_equal(v.records[0].id.b, told->id.b, FILE_ID_BYTES);
	assert_int_equal(store_message_open(h->b, &v.records[0], &fd), E_OK);
	close(fd);
	store_unselect(h->b, &v);
	assert_int_equal(store_check(h->b), 1);
	assert_true(is_new_empty());
}

/* ---- tests ---- */

/* As a placer does it at its checkpoint. */
static void
close_what_came(void)
{
	glob_t found;
	assert_int_equal(glob("new/*", 0, NULL, &found), 0);
	int fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
	globfree(&found);
	assert_true(fd >= 0);
	close(fd);
}

/* It lies down by what it knows, and is not woken by that once more; what goes on from there waits. */
static void
test_told(void **state)
{
	struct home *h = *state;
	struct asking a;
	struct pollfd p = {.events = POLLIN};
	bool is_same;
	told_early(h);
	assert_int_equal(store_doze(h->a, &view, view.modseq, &p.fd, &is_same), E_OK);
	close_what_came();
	assert_int_equal(poll(&p, 1, 0), 0);
	begin(&a, h->a, store_settle);
	assert_int_equal(end(&a), E_OK);
	assert_int_equal(store_settle(h->a), E_OK);
	struct store_record told = view.records[0];
	store_unselect(h->a, &view);
	is_kept(h, &told);
}

/* Whoever else asks is answered when it is durable, whatever he asks. */
static void
test_others_wait(void **state)
{
	struct home *h = *state;
	struct asking a;
	told_early(h);
	begin(&a, h->b, store_sync);
	assert_int_equal(end(&a), E_OK);
	assert_int_equal(store_settle(h->a), E_OK);
	store_unselect(h->a, &view);
}

/* Nor is who wakes in the process of one who was told, and sleeps again. */
static void
test_left(void **state)
{
	struct home *h = *state;
	struct asking a;
	int watch;
	bool is_same;
	told_early(h);
	assert_int_equal(store_doze(h->a, &view, view.modseq, &watch, &is_same), E_OK);
	store_unselect_later(h->a, &view);
	assert_int_equal(wake_for_news(h->a), E_OK);
	assert_int_equal(store_doze(h->a, &view, view.modseq, &watch, &is_same), E_OK);
	assert_true(is_same);
	store_unselect_later(h->a, &view);
	begin(&a, h->a, wake_for_more);
	assert_int_equal(end(&a), E_OK);
	assert_int_equal(view.n, 1);
	store_unselect(h->a, &view);
}

/* What came while the keeper was asked, and was taken in by it, wakes nobody once more. */
static void
test_came_meanwhile(void **state)
{
	struct home *h = *state;
	struct asking a;
	struct pollfd p = {.events = POLLIN};
	bool is_same;
	mail_comes(h);
	set(&gate->is_shut, 0);
	int keeper = home_keeper();
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	begin(&a, h->a, wake_for_news);
	assert_false(ends(&a, STILL_MS));
	deliver("Subject: meanwhile\r\n\r\n");
	assert_int_equal(kill(keeper, SIGCONT), 0);
	assert_int_equal(join(&a), E_OK);
	assert_int_equal(view.n, 2);
	assert_int_equal(store_doze(h->a, &view, view.modseq, &p.fd, &is_same), E_OK);
	assert_int_equal(poll(&p, 1, 0), 0);
	deliver("Subject: behind\r\n\r\n");
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	store_unselect(h->a, &view);
}

static int
ask_at_once(struct store *s)
{
	struct numset gone = {.n = 0};
	int err = store_expunged(s, inbox, modseq, &gone);
	numset_free(&gone);
	return err;
}

/* Nor is who comes before the answer, and is answered at once. */
static void
test_between(void **state)
{
	struct home *h = *state;
	struct asking a, b;
	mail_comes(h);
	set(&gate->held, 0);
	set(&gate->is_held, 1);
	begin(&a, h->a, wake_for_news);
	wait_while(&gate->held, 0);
	begin(&b, h->b, ask_at_once);
	assert_false(ends(&b, STILL_MS));
	set(&gate->is_held, 0);
	wait_while(&gate->entered, 0);
	assert_int_equal(end(&b), E_OK);
	assert_int_equal(join(&a), E_OK);
	assert_int_equal(view.n, 1);
	store_unselect(h->a, &view);
}

/* Who will say more of it is told then. */
static void
test_more(void **state)
{
	struct home *h = *state;
	struct asking a;
	mail_comes(h);
	begin(&a, h->a, wake_for_more);
	assert_int_equal(end(&a), E_OK);
	assert_int_equal(view.n, 1);
	store_unselect(h->a, &view);
}

/* And so are all where somebody is up: the view that he has would name it at once. */
static void
test_up(void **state)
{
	struct home *h = *state;
	struct asking a;
	mail_comes(h);
	set(&gate->is_shut, 0);
	struct store_view v = selected(h->b, "INBOX");
	assert_int_equal(v.n, 1);
	set(&gate->entered, 0);
	set(&gate->is_shut, 1);
	deliver("Subject: more\r\n\r\n");
	begin(&a, h->a, wake_for_news);
	wait_while(&gate->entered, 0);
	assert_int_equal(v.head->n, 1);
	assert_int_equal(end(&a), E_OK);
	assert_int_equal(v.head->n, 2);
	assert_int_equal(view.n, 2);
	store_unselect(h->a, &view);
	store_unselect(h->b, &v);
}

/* The keeper that told of it: where it dies, by itself or not, its mail lies where the next one finds it. */
static void
dies(int signal)
{
	int fd = (int)syscall(SYS_pidfd_open, gate->keeper, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (signal)
		assert_int_equal(kill(gate->keeper, signal), 0);
	set(&gate->is_shut, 0);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	close(fd);
	assert_false(is_new_empty());
	assert_int_not_equal(access("index/clean", F_OK), 0);
}

static void
test_killed(void **state)
{
	struct home *h = *state;
	told_early(h);
	struct store_record told = view.records[0];
	dies(SIGKILL);
	assert_int_equal(store_settle(h->a), E_OK);
	is_kept(h, &told);
	store_unselect(h->a, &view);
}

static void
test_sync_fails(void **state)
{
	struct home *h = *state;
	told_early(h);
	struct store_record told = view.records[0];
	set(&gate->fails, 1);
	dies(0);
	set(&gate->fails, 0);
	assert_int_equal(store_settle(h->a), E_OK);
	is_kept(h, &told);
	store_unselect(h->a, &view);
}

/* More than are taken in at once: those behind the first are not told of. */
static void
test_many_fail(void **state)
{
	struct home *h = *state;
	mail_comes(h);
	for (unsigned i = 1; i < MANY; i++)
		deliver("Subject: many\r\n\r\n");
	set(&gate->fails, 1);
	set(&gate->is_shut, 0);
	assert_int_not_equal(wake_for_news(h->a), E_OK);
	set(&gate->fails, 0);
	assert_int_equal(wake_for_news(h->a), E_OK);
	assert_int_equal(view.n, MANY);
	assert_int_equal(store_settle(h->a), E_OK);
	store_unselect(h->a, &view);
	assert_int_equal(store_check(h->b), MANY);
	assert_true(is_new_empty());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_told),
	    TEST(test_others_wait),
	    TEST(test_between),
	    TEST(test_left),
	    TEST(test_came_meanwhile),
	    TEST(test_more),
	    TEST(test_up),
	    TEST(test_killed),
	    TEST(test_sync_fails),
	    TEST(test_many_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
