/* SPDX-License-Identifier: ISC */
/* job_copy.c - COPY and MOVE: rows in another mailbox for the same files. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/job_event.h"
#include "store/sweep.h"

static uint32_t last_undo; /* number of a row in undo */
static unsigned n_undoing; /* jobs that a keeper that died left */

struct copy_job {
	struct job job;
	struct ask_copy asked;     /* own */
	uint32_t target_id, limit; /* limit: the source's UIDNEXT when it began */
	uint32_t at;
	bool has_begun, is_undoing;
	unsigned rights;                       /* of its user in the target */
	struct sum counted;                    /* before it began */
	uint32_t undo_number;                  /* of its row in undo; 0: none */
	struct slot *source, *target;          /* borrow: of this step */
	uint64_t source_modseq, target_modseq; /* of this step; 0: none yet */
	int64_t now_sec;
	struct keyword_map map;
	struct store_record *made; /* own: of this step */
	size_t n_made, cap;
	struct numset from, to; /* own: what is on disk */
	/* own: uids of this step: copied from the source, or undone in the target */
	struct numset gone;
};

static int
done(struct copy_job *c, enum store_said said)
{
	c->job.said = said;
	c->job.is_done = true;
	return E_OK;
}

/* ---- before the first ---- */

static int
count_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct sum *s = ctx;
	(void)did;
	s->messages++;
	s->bytes += r->size_bytes;
	return E_OK;
}

static int
judge(struct copy_job *c)
{
	const struct ask_copy *a = &c->asked;
	const struct usage quota = {a->quota_bytes, a->quota_messages};
	const struct sum *more = &c->counted, none = {.bytes = 0};
	if (more->messages >= UINT32_MAX - slot_uid_next(c->target))
		return done(c, STORE_TOO_MANY);
	/* what comes back from what was expunged counts again */
	if ((!a->is_move || c->source->next.is_kept) &&
	    quota_refuses(&quota, more, &none))
		return done(c, STORE_OVER_QUOTA);
	return E_OK;
}

/* All that is asked for is counted first, in as many steps as that takes. */
static int
begin(struct copy_job *c)
{
	bool is_counted;
	int err = sweep(c->asked.mailbox, &c->asked.uids, &c->at, count_one,
	    &c->counted, &is_counted);
	if (err != E_OK || !is_counted)
		return err;
	c->has_begun = true;
	c->at = 0;
	c->limit = c->source->next.uidnext;
	c->now_sec = clock_wall_sec();
	return judge(c);
}

/* ---- one message ---- */

static struct store_record *
make_room(struct copy_job *c)
{
	c->made = mem_room(c->made, c->n_made, &c->cap, sizeof *c->made);
	return &c->made[c->n_made++];
}

/* The message leaves the source in the same transaction. */
static int
move_one(struct copy_job *c, struct store_record *r, enum sweep_did *did)
{
	if (c->source_modseq == 0)
		c->source_modseq = ++slot_touch(c->source)->modseq;
	*did = SWEEP_GONE;
	if (numset_add(&c->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return message_gone(c->source, r, c->source_modseq, true);
}

static int
copy_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct copy_job *c = ctx;
	struct file_name f = {.id = r->id};
	uint64_t keywords;
	if (r->uid >= c->limit)
		return E_OK; /* one of our own, in the same mailbox */
	if (c->asked.leaves_flagged && (r->flags & FLAG_FLAGGED))
		return E_OK;
	if (c->target_modseq == 0)
		c->target_modseq = ++slot_touch(c->target)->modseq;
	int err = keywords_map(&c->map, c->source, c->target,
	    c->rights & RIGHT_WRITE ? r->keywords : 0, &keywords);
	if (err != E_OK)
		return err;
	struct store_record *to = make_room(c);
	*to = *r;
	to->uid = slot_uid(c->target);
	to->flags &= acl_flags(c->rights);
	to->keywords = keywords;
	to->modseq = c->target_modseq;
	to->saved_sec = c->now_sec;
	/* its new mailbox may have been looked through already */
	if (cache_is_going(to->cache_gen))
		to->cache_gen = to->cache_at = 0;
	slot_count(c->target, to, 1);
	if (c->asked.is_move)
		return move_one(c, r, did);
	if (numset_add(&c->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return file_refer(&the_keeper.tables, job_txn(), &f, c->now_sec);
}

/* ---- steps ---- */

static void
reset(struct copy_job *c)
{
	c->source_modseq = c->target_modseq = 0;
	c->n_made = 0;
	numset_reset(&c->gone);
}

static int
undo_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct copy_job *c = ctx;
	if (c->target_modseq == 0)
		c->target_modseq = ++slot_touch(c->target)->modseq;
	*did = SWEEP_GONE;
	if (numset_add(&c->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return message_gone(c->target, r, c->target_modseq, false);
}

static int
undo_step(struct copy_job *c)
{
	struct tables *t = &the_keeper.tables;
	int err = E_OK;
	reset(c);
	c->job.is_done = !c->target;
	if (c->target)
		err = sweep(c->target_id, &c->to, &c->at, undo_one, c, &c->job.is_done);
	if (err == E_OK && c->gone.n)
		err = expunged_put(
		    t, job_txn(), slot_touch(c->target), c->target_modseq, &c->gone);
	return err == E_OK && c->job.is_done ? undo_remove(t, job_txn(), c->undo_number)
	                                     : err;
}

/* What is to go if the next step does not come. */
static int
note_undo(struct copy_job *c)
{
	struct tables *t = &the_keeper.tables;
	struct numset all = {0};
	int err = E_OK;
	if (c->job.is_done)
		return c->undo_number ? undo_remove(t, job_txn(), c->undo_number)
		                      : E_OK;
	for (size_t i = 0; i < c->to.n && err == E_OK; i++)
		err = numset_add(&all, c->to.ranges[i].from, c->to.ranges[i].to);
	if (err == E_OK)
		err = numset_add(&all, c->made[0].uid, c->made[c->n_made - 1].uid);
	if (c->undo_number == 0)
		c->undo_number = ++last_undo;
	err = err == E_OK ? undo_put(t, job_txn(), c->undo_number, c->target_id, &all)
	                  : E_IO;
	numset_free(&all);
	return err;
}

/* Somebody removed a mailbox; what was copied before the source went is undone. */
static int
one_is_gone(struct copy_job *c)
{
	c->job.said = STORE_NONEXISTENT;
	if (!c->target || c->asked.is_move || c->to.n == 0)
		return done(c, STORE_NONEXISTENT);
	c->is_undoing = true;
	c->at = 0;
	return undo_step(c);
}

static int
write_made(struct copy_job *c)
{
	struct tables *t = &the_keeper.tables;
	if (c->n_made == 0)
		return c->undo_number && c->job.is_done ? note_undo(c) : E_OK;
	int err = records_append(t, job_txn(), c->target_id, c->made, c->n_made);
	if (err == E_OK && c->asked.is_move)
		err = expunged_put(
		    t, job_txn(), slot_touch(c->source), c->source_modseq, &c->gone);
	for (size_t i = 0; i < c->n_made; i++)
		change_add(c->target, CHANGE_ADD, &c->made[i]);
	if (err == E_OK)
		err = event_note_range(&c->job, EVENT_COPY, c->source, c->target,
		    (struct num_range){c->made[0].uid, c->made[c->n_made - 1].uid});
	return err == E_OK && !c->asked.is_move ? note_undo(c) : err;
}

/* RFC 4314 4, RFC 6851 4.3 */
static bool
may_copy(struct copy_job *c)
{
	c->rights = acl_rights(&c->job, c->target->now.id);
	if (c->job.guest && !acl_may(&c->job, c->source, RIGHT_READ))
		return false;
	return (c->rights & RIGHT_INSERT) &&
	       (!c->asked.is_move ||
		   acl_may(&c->job, c->source, RIGHT_REMOVE | RIGHT_EXPUNGE));
}

/* To a guest what he may not look up is not there; but where he may insert, he may without that. */
static void
hide(struct copy_job *c)
{
	if (c->source && acl_hides(&c->job, c->source))
		c->source = NULL;
	if (c->target && acl_hides(&c->job, c->target) &&
	    !acl_may(&c->job, c->target, RIGHT_INSERT))
		c->target = NULL;
}

static int
copy_step(struct job *j)
{
	struct copy_job *c = (struct copy_job *)j;
	int err = E_OK;
	c->source = slot_of(c->asked.mailbox);
	c->target = c->target_id ? slot_of(c->target_id) : slot_find(c->asked.target);
	if (c->is_undoing)
		return undo_step(c);
	reset(c);
	if (c->target_id == 0)
		hide(c);
	if (!c->source || !c->target)
		return one_is_gone(c);
	if (c->target->next.is_kept)
		return done(c, STORE_IS_KEPT);
	if (c->target_id == 0 && !may_copy(c))
		return done(c, acl_refusal(j, c->target));
	c->target_id = c->target->now.id;
	if (!c->has_begun)
		err = begin(c);
	if (err == E_OK && c->has_begun && !j->is_done)
		err = sweep(
		    c->asked.mailbox, &c->asked.uids, &c->at, copy_one, c, &j->is_done);
	return err == E_OK ? write_made(c) : err;
}

static void
copy_synced(struct job *j)
{
	struct copy_job *c = (struct copy_job *)j;
	if (c->is_undoing)
		return;
	bool is_kept = true;
	for (size_t i = 0; i < c->gone.n; i++)
		is_kept &= numset_add(&c->from, c->gone.ranges[i].from,
			       c->gone.ranges[i].to) == E_OK;
	if (c->n_made)
		is_kept &= numset_add(&c->to, c->made[0].uid,
			       c->made[c->n_made - 1].uid) == E_OK;
	if (!is_kept)
		c->job.said =
		    STORE_TOO_MANY; /* a million gaps: what it came to cannot be told */
	numset_reset(&c->gone);
	c->n_made = 0;
}

static bool
copy_failed(struct job *j)
{
	struct copy_job *c = (struct copy_job *)j;
	if (c->is_undoing || c->asked.is_move || c->to.n == 0)
		return false;
	c->is_undoing = true;
	c->at = 0;
	return true;
}

static void
copy_answer(struct job *j, struct buf *reply, int *fd)
{
	struct copy_job *c = (struct copy_job *)j;
	struct slot *target = slot_of(c->target_id);
	bool is_told = j->said == STORE_DONE || c->asked.is_move;
	(void)fd;
	buf_u32(reply, target ? target->now.uidvalidity : 0);
	numset_encode(reply, c->from.ranges, is_told ? c->from.n : 0);
	numset_encode(reply, c->to.ranges, is_told ? c->to.n : 0);
}

static void
copy_free(struct job *j)
{
	struct copy_job *c = (struct copy_job *)j;
	mem_free(&c->made);
	numset_free(&c->asked.uids);
	numset_free(&c->from);
	numset_free(&c->to);
	numset_free(&c->gone);
}

static void
undone_free(struct job *j)
{
	n_undoing--;
	copy_free(j);
}

/* One of no session, from the row of a keeper that died. */
static int
undo_begin(void *ctx, uint32_t number, uint32_t mailbox, const struct numset *uids)
{
	static const struct job_kind undo_kind = {.name = "copy_undo",
	    .step = copy_step,
	    .synced = copy_synced,
	    .free = undone_free};
	struct copy_job *c = job_new(sizeof *c, &undo_kind, NULL, 0, SPAN(""));
	int err = E_OK;
	(void)ctx;
	c->is_undoing = true;
	c->undo_number = number;
	c->target_id = mailbox;
	n_undoing++;
	log_event(LOG_NOTICE, "copy_undone", "mailbox=%u messages=%llu", mailbox,
	    (unsigned long long)numset_count(uids));
	if (number > last_undo)
		last_undo = number;
	for (size_t i = 0; i < uids->n && err == E_OK; i++)
		err = numset_add(&c->to, uids->ranges[i].from, uids->ranges[i].to);
	job_add(&c->job);
	return err;
}

static const struct job_kind copy_kind = {.name = "copy",
    .is_growing = true,
    .step = copy_step,
    .synced = copy_synced,
    .failed = copy_failed,
    .answer = copy_answer,
    .free = copy_free};
static const struct job_kind move_kind = {
    .name = "move_all", .step = copy_step, .synced = copy_synced, .free = copy_free};

int
ask_copy(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct copy_job *c =
	    job_new(sizeof *c, &copy_kind, a->ctx, KEEPER_COPY, ask_body(body, fd));
	struct rd r = rd_of(buf_as_span(&c->job.body));
	(void)reply, (void)fd_back;
	if (ask_copy_get(&r, &c->asked) != E_OK) {
		job_drop(&c->job);
		return E_BAD;
	}
	if (c->job.guest) {
		c->asked.quota_bytes = c->job.guest->quota_bytes;
		c->asked.quota_messages = c->job.guest->quota_messages;
	}
	job_add(&c->job);
	return E_MORE;
}

struct job *
move_all(uint32_t from, uint32_t to)
{
	struct copy_job *c = job_new(sizeof *c, &move_kind, NULL, 0, SPAN(""));
	c->asked.mailbox = from;
	c->asked.is_move = true;
	c->target_id = to;
	c->rights = RIGHTS_ALL;
	if (numset_add(&c->asked.uids, 1, UINT32_MAX) != E_OK)
		bug("a set of one range");
	return &c->job;
}

int
copies_undo(void)
{
	return undo_each(&the_keeper.tables, undo_begin, NULL);
}

bool
copies_are_undone(void)
{
	return n_undoing == 0;
}
