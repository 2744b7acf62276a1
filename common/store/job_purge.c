/* SPDX-License-Identifier: ISC */
/*
 * job_purge.c - what is left of a mailbox that was removed goes, in the background, or is kept for
 * some days; also after a crash.
 */
#include "store/annotations.h"
#include "store/kept.h"

struct purge_job {
	struct job job;
	uint32_t mailbox, at;
	struct numset all; /* own */
	struct slot *slot; /* borrow: of the step */
	bool has_no_messages;
	struct keeping keeping;
};

static int
purge_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct purge_job *p = ctx;
	*did = SWEEP_GONE;
	return message_expunged(&p->keeping, r, 0);
}

static int
purge_expunged(struct purge_job *p, bool *is_done)
{
	enum { ROWS = 200 };

	unsigned n = ROWS;
	uint64_t last;
	int err = E_OK;
	while (err == E_OK && n == ROWS && job_has_time())
		err = expunged_drop(
		    &the_keeper.tables, job_txn(), p->mailbox, ROWS, &n, &last);
	*is_done = n < ROWS;
	return err;
}

static int
purge_step(struct job *j)
{
	struct purge_job *p = (struct purge_job *)j;
	int err = E_OK;
	p->slot = slot_even_dead(p->mailbox);
	if (!p->slot) {
		j->is_done = true; /* it is gone */
	} else if (!p->has_no_messages) {
		keep_begin(&p->keeping, p->slot);
		err = sweep(
		    p->mailbox, &p->all, &p->at, purge_one, p, &p->has_no_messages);
		if (err == E_OK)
			err = keep_end(&p->keeping);
	} else {
		err = purge_expunged(p, &j->is_done);
		if (j->is_done) {
			slot_touch(p->slot);
			p->slot->is_removed = true;
			slices_drop(p->mailbox);
			if (err == E_OK)
				err = annotations_remove(&the_keeper.tables, job_txn(),
				    p->mailbox, &the_keeper.annotated_next);
		}
	}
	return err;
}

static void
purge_free(struct job *j)
{
	struct purge_job *p = (struct purge_job *)j;
	struct slot *s = slot_even_dead(p->mailbox);
	if (s)
		s->is_purged = false;
	numset_free(&p->all);
	keep_free(&p->keeping);
}

static const struct job_kind purge_kind = {
    .name = "purge", .step = purge_step, .free = purge_free};

void
purge_begin(uint32_t mailbox)
{
	struct slot *s = slot_even_dead(mailbox);
	if (!s || s->is_purged)
		return;
	s->is_purged = true;
	struct purge_job *p = job_new(sizeof *p, &purge_kind, NULL, 0, SPAN(""));
	p->mailbox = mailbox;
	if (numset_add(&p->all, 1, UINT32_MAX) != E_OK)
		bug("a set of one range");
	job_add(&p->job);
}
