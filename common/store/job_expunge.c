/* SPDX-License-Identifier: ISC */
/* job_expunge.c - EXPUNGE: messages go. */
#include "store/kept.h"

struct expunge_job {
	struct job job;
	uint32_t mailbox;
	struct numset uids, gone; /* own; gone: in this step */
	bool only_deleted;
	uint32_t at;
	struct slot *slot; /* borrow: of this step */
	uint64_t modseq;   /* of this step */
	struct keeping keeping;
};

static int
expunge_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct expunge_job *x = ctx;
	if (x->only_deleted && !(r->flags & FLAG_DELETED))
		return E_OK;
	if (x->modseq == 0)
		x->modseq = ++slot_touch(x->slot)->modseq;
	*did = SWEEP_GONE;
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
expunge_free(struct job *j)
{
	struct expunge_job *x = (struct expunge_job *)j;
	numset_free(&x->uids);
	numset_free(&x->gone);
	keep_free(&x->keeping);
}

static const struct job_kind expunge_kind = {
    .name = "expunge", .step = expunge_step, .free = expunge_free};

int
ask_expunge(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r = rd_of(ask_body(body, fd));
	struct expunge_job *x =
	    job_new(sizeof *x, &expunge_kind, a->ctx, KEEPER_EXPUNGE, SPAN(""));
	(void)reply, (void)fd_back;
	x->mailbox = rd_u32(&r);
	int err = numset_decode(&r, &x->uids);
	/* a guest may remove what is \Deleted, and not by this what he may not mark so */
	x->only_deleted = rd_u8(&r) == 1 || x->job.guest;
	if (err != E_OK || rd_end(&r) != E_OK) {
		job_drop(&x->job);
		return E_BAD;
	}
	job_add(&x->job);
	return E_MORE;
}
