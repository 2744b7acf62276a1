/* SPDX-License-Identifier: ISC */
/* job_expunge.c - EXPUNGE: messages go. */
#include "store/kept.h"

struct expunge_job {
	struct job job;
	uint32_t mailbox;
	struct numset uids, gone; /* own; gone: in this step */
	enum ask_expunge_of of;
	uint32_t at;
	struct usage went; /* in all */
	struct slot *slot; /* borrow: of this step */
	uint64_t modseq;   /* of this step */
	struct keeping keeping;
};

static int
expunge_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct expunge_job *x = ctx;
	if (x->of == EXPUNGE_DELETED && !(r->flags & FLAG_DELETED))
		return E_OK;
	if (x->of == EXPUNGE_UNFLAGGED && (r->flags & FLAG_FLAGGED))
		return E_OK;
	if (x->modseq == 0)
		x->modseq = ++slot_touch(x->slot)->modseq;
	*did = SWEEP_GONE;
	x->went.messages++;
	x->went.bytes += r->size_bytes;
	if (numset_add(&x->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return message_expunged(&x->keeping, r, x->modseq);
}

static int
expunge_step(struct job *j)
{
	struct expunge_job *x = (struct expunge_job *)j;
	x->slot = slot_of(x->mailbox);
	x->modseq = 0;
	numset_reset(&x->gone);
	if (!x->slot) {
		j->said = STORE_NONEXISTENT;
		j->is_done = true;
		return E_OK;
	}
	if (!acl_may(j, x->slot, RIGHT_EXPUNGE)) {
		j->said = acl_refusal(j, x->slot);
		j->is_done = true;
		return E_OK;
	}
	keep_begin(&x->keeping, x->slot);
	int err = sweep(x->mailbox, &x->uids, &x->at, expunge_one, x, &j->is_done);
	if (err == E_OK)
		err = keep_end(&x->keeping);
	if (err == E_OK && x->gone.n)
		err = expunged_put(&the_keeper.tables, job_txn(), slot_touch(x->slot),
		    x->modseq, &x->gone);
	return err;
}

static void
expunge_answer(struct job *j, struct buf *reply, int *fd)
{
	struct expunge_job *x = (struct expunge_job *)j;
	(void)fd;
	buf_u64(reply, x->went.messages);
	buf_u64(reply, x->went.bytes);
}

static void
expunge_free(struct job *j)
{
	struct expunge_job *x = (struct expunge_job *)j;
	numset_free(&x->uids);
	numset_free(&x->gone);
	keep_free(&x->keeping);
}

static const struct job_kind expunge_kind = {.name = "expunge",
    .step = expunge_step,
    .answer = expunge_answer,
    .free = expunge_free};

int
ask_expunge(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r = rd_of(ask_body(body, fd));
	struct expunge_job *x =
	    job_new(sizeof *x, &expunge_kind, a->ctx, KEEPER_EXPUNGE, SPAN(""));
	(void)reply, (void)fd_back;
	x->mailbox = rd_u32(&r);
	int err = numset_decode(&r, &x->uids);
	x->of = rd_u8(&r);
	if (err != E_OK || rd_end(&r) != E_OK || x->of > EXPUNGE_UNFLAGGED) {
		job_drop(&x->job);
		return E_BAD;
	}
	/* he may remove what is \Deleted, and not by this what he may not mark so */
	if (x->job.guest)
		x->of = EXPUNGE_DELETED;
	job_add(&x->job);
	return E_MORE;
}
