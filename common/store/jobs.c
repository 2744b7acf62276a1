/* SPDX-License-Identifier: ISC */
/*
 * jobs.c - the batch: a step of all that waits, one transaction, one sync, views, answers; where it may
 * be early the sync comes last.
 */
#include "store/jobs.h"

#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/metric.h"

/* What a view gets once it is on disk. */
struct change {
	struct slot *slot; /* borrow: slots live until the batch is published */
	enum change_kind kind;
	struct store_record record;
};

static struct {
	struct job *queue;
	struct db_txn *txn;
	struct change *changes; /* own */
	size_t n_changes, cap;
	int64_t step_ends_us;
	bool can_grow;
	bool owes_sync; /* of what is published */
	bool is_lost;   /* a sync failed: what of it is on disk is not known */
} batch;

/* ---- jobs ---- */

void *
job_new(size_t size, const struct job_kind *kind, struct session *s, uint16_t ask,
    struct span body)
{
	struct job *j = mem_new(size);
	j->kind = kind;
	j->session = s;
	j->is_held = s && s->is_held;
	if (s) /* its answer may say that it sleeps: who asks on does not */
		s->is_dozing = false;
	j->guest = s ? s->guest : NULL;
	if (j->guest)
		j->guest->refs++;
	j->ask = ask;
	buf_span(&j->body, body);
	return j;
}

void
job_drop(struct job *j)
{
	if (j->session && j->session->job == j)
		j->session->job = NULL;
	if (j->kind->free)
		j->kind->free(j);
	guest_leave(&j->guest);
	buf_free(&j->body);
	mem_free(&j);
}

void
job_add(struct job *j)
{
	struct job **end = &batch.queue;
	while (*end)
		end = &(*end)->next;
	*end = j;
	j->next = NULL;
	if (j->session)
		j->session->job = j;
}

void
job_add_first(struct job *j)
{
	j->next = batch.queue;
	batch.queue = j;
}

void
job_become(struct job *j, struct job *other)
{
	other->session = j->session;
	other->ask = j->ask;
	j->session = NULL;
	job_add(other);
}

struct db_txn *
job_txn(void)
{
	return batch.txn;
}

bool
job_has_time(void)
{
	return clock_mono_us() < batch.step_ends_us;
}

bool
jobs_have_room(void)
{
	return batch.can_grow;
}

bool
jobs_none(void)
{
	return batch.queue == NULL;
}

void
change_add(struct slot *s, enum change_kind kind, const struct store_record *r)
{
	if (!s->view && !s->guests)
		return; /* made later, from the table */
	batch.changes =
	    mem_room(batch.changes, batch.n_changes, &batch.cap, sizeof *batch.changes);
	batch.changes[batch.n_changes++] = (struct change){s, kind, *r};
}

void
jobs_forget(void)
{
	while (batch.queue) {
		struct job *j = batch.queue;
		batch.queue = j->next;
		job_drop(j);
	}
}

/* ---- a batch ---- */

/* All up to one that has to be alone; or that one. */
static struct job *
take_batch(size_t *n)
{
	struct job *first = batch.queue, *last = first;
	*n = first != NULL;
	if (!first)
		return NULL;
	while (!first->kind->is_alone && last->next && !last->next->kind->is_alone) {
		last = last->next;
		++*n;
	}
	batch.queue = last->next;
	last->next = NULL;
	return first;
}

/*
 * Berkeley DB takes a full disk badly: its keeper has to end then.  So it is not let come to that.
 */
static bool
has_room(uint64_t bytes)
{
	struct statvfs fs;
	return statvfs(".", &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

static bool
have_writer(const struct job *jobs)
{
	while (jobs && jobs->kind->is_reader)
		jobs = jobs->next;
	return jobs != NULL;
}

static void
refuse(struct job *j)
{
	j->said = STORE_DISK_FULL;
	j->is_done = !j->kind->failed || !j->kind->failed(j);
}

static int
make_steps(struct job *jobs, size_t n)
{
	int64_t share = JOBS_BATCH_US / (int64_t)n;
	int err = E_OK;
	bool changes = have_writer(jobs);
	bool can_grow = changes && has_room(JOBS_GROWING_ROOM_BYTES),
	     can_change = can_grow || (changes && has_room(JOBS_ROOM_BYTES));
	batch.can_grow = can_grow;
	if (changes && !can_grow)
		doomed_hurry();
	for (struct job *j = jobs; j && err == E_OK; j = j->next) {
		if (!j->kind->is_reader &&
		    (!can_change || (j->kind->is_growing && !can_grow))) {
			refuse(j);
			continue;
		}
		batch.step_ends_us =
		    clock_mono_us() +
		    (share > JOBS_STEP_LEAST_US ? share : JOBS_STEP_LEAST_US);
		err = j->kind->step(j);
	}
	return err;
}

/* What it comes to jobs_settle says. */
static void
sync_owed(void)
{
	if (batch.owes_sync) {
		int64_t begun_us = clock_mono_us();
		batch.is_lost |= db_sync(the_keeper.tables.db) != E_OK;
		metric_took(M_KEEPER_SYNC, begun_us);
	}
	batch.owes_sync = false;
	/* the next keeper finds out */
	the_keeper.is_ending |= batch.is_lost;
}

int
jobs_settle(void)
{
	sync_owed();
	return batch.is_lost ? E_IO : E_OK;
}

bool
jobs_are_early(void)
{
	return batch.owes_sync || batch.is_lost;
}

static bool
may_be_early(const struct job *jobs)
{
	while (jobs && jobs->may_be_early)
		jobs = jobs->next;
	return jobs == NULL;
}

/*
 * The floor is synced before anything above it is.  Of new mail those who sleep are told while the disk
 * makes its rows durable, which the mail is anyway: a power cut takes their connection, too, and what it
 * leaves is taken in again.  None of them learns a uid before.  Where somebody is up nobody is told before.
 */
static int
make_durable(const struct job *jobs)
{
	struct floor least;
	mailboxes_floor(&least);
	int err = floor_reserve(&the_keeper.floor, &least);
	if (err == E_OK)
		err = mailboxes_write(batch.txn);
	if (err == E_OK)
		err = doomed_write(batch.txn);
	if (err != E_OK) {
		db_abort(&batch.txn);
		return err;
	}
	bool is_early = may_be_early(jobs) && !sessions_look();
	/* the kernel has what is told: a keeper that is killed loses nothing of it */
	err = is_early ? db_commit_written(&batch.txn) : db_commit(&batch.txn);
	metric_count(M_KEEPER_COMMITS);
	batch.owes_sync |= err == E_OK;
	/* what of it is on disk is not known: the next keeper finds out */
	the_keeper.is_ending |= err != E_OK;
	if (err == E_OK && !is_early)
		err = jobs_settle();
	return err;
}

static int
apply(struct job *jobs, size_t n)
{
	struct keeper *k = &the_keeper;
	int err = db_begin(k->tables.db, &batch.txn);
	if (err != E_OK)
		return err;
	err = make_steps(jobs, n);
	if (err == E_OK)
		return make_durable(jobs);
	db_abort(&batch.txn);
	return err;
}

static void
publish(struct job *jobs)
{
	for (struct job *j = jobs; j; j = j->next)
		if (j->kind->synced)
			j->kind->synced(j);
	for (size_t i = 0; i < batch.n_changes; i++)
		view_publish(batch.changes[i].slot, batch.changes[i].kind,
		    &batch.changes[i].record);
	batch.n_changes = 0;
	mailboxes_publish();
	doomed_publish();
	sessions_wake();
}

static void
fail(struct job *jobs, int err)
{
	struct keeper *k = &the_keeper;
	bool is_damaged = db_is_damaged(k->tables.db),
	     is_full = err == E_LIMIT && !is_damaged;
	log_event(LOG_ERR, "batch_failed", "job=%s why=%s", jobs->kind->name,
	    is_full ? "\"disk full\"" : err_name(err));
	/* the next one recovers or rebuilds */
	k->is_ending |= is_damaged || db_is_full(k->tables.db);
	batch.n_changes = 0;
	mailboxes_forget();
	doomed_forget();
	for (struct job *j = jobs; j; j = j->next) {
		if (j->kind->is_reader) {
			j->is_done &= !batch.is_lost; /* it may have read of that */
			continue;
		}
		j->said = is_full ? STORE_DISK_FULL : STORE_LATER;
		j->is_done = k->is_ending || !j->kind->failed || !j->kind->failed(j);
	}
}

/* asks.h: of a mailbox that is selected the answer begins otherwise. */
static bool
says_said(uint16_t ask)
{
	return ask != KEEPER_SELECT && ask != KEEPER_RENEW && ask != KEEPER_PEEK;
}

/* Whose user makes events hears of them: of a job's own, and once of those that waited before. */
static bool
tells_of_events(const struct job *j)
{
	struct session *s = j->session;
	bool is_news = j->is_held && !s->has_heard && the_keeper.events.n > 0;
	s->has_heard |= is_news;
	return j->has_events || is_news;
}

static void
answer(struct job *j)
{
	struct buf reply = {0};
	int fd = -1;
	if (j->session) {
		struct session *s = j->session;
		buf_u8(&reply, (uint8_t)j->said);
		if (j->kind->answer)
			j->kind->answer(j, &reply, &fd);
		if (says_said(j->ask) && tells_of_events(j))
			reply.p[0] = (char)(reply.p[0] | ASK_HAS_EVENTS);
		s->job = NULL;
		session_answer(s, j->ask, &reply, fd);
	}
	buf_free(&reply);
	job_drop(j);
}

/* Who is done is answered; who is not goes on behind those who came meanwhile. */
static void
finish(struct job *jobs)
{
	while (jobs) {
		struct job *j = jobs;
		jobs = j->next;
		if (j->is_done)
			answer(j);
		else
			job_add(j);
	}
}

void
jobs_run(void)
{
	size_t n;
	if (batch.is_lost)
		return; /* who waits asks the next keeper */
	struct job *jobs = take_batch(&n);
	if (!jobs)
		return;
	int err = apply(jobs, n);
	if (err == E_OK)
		publish(jobs);
	else
		fail(jobs, err);
	finish(jobs);
	/* who sleeps is answered by the next batch, and the disk waited for behind it */
	if (!batch.queue || !may_be_early(batch.queue))
		sync_owed();
}
