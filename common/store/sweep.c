/* SPDX-License-Identifier: ISC */
/* sweep.c - a job's way over the messages of a set, item by item. */
#include "store/sweep.h"

static int
sweep_item(struct record_walk *w, const struct numset *uids, sweep_fn *fn, void *ctx)
{
	bool is_changed = false;
	size_t left = 0;
	int err = E_OK;
	for (size_t i = 0; i < w->n && err == E_OK; i++) {
		enum sweep_did did = SWEEP_LEFT;
		if (numset_has(uids, w->records[i].uid))
			err = fn(ctx, &w->records[i], &did);
		is_changed |= did != SWEEP_LEFT;
		if (did != SWEEP_GONE && left++ != i)
			w->records[left - 1] = w->records[i];
	}
	w->n = left;
	return err == E_OK && is_changed ? walk_save(w) : err;
}

/* The next item that may hold some of them; E_BAD: there is none. */
static int
sweep_step(struct record_walk *w, const struct numset *uids, uint32_t *at, sweep_fn *fn,
    void *ctx)
{
	uint32_t uid = numset_from(uids, *at);
	int err = uid ? walk_to(w, uid) : E_BAD;
	if (err == E_OK)
		err = sweep_item(w, uids, fn, ctx);
	if (err == E_OK && w->number == UINT32_MAX / TABLE_RECORDS)
		return E_BAD;
	*at = (w->number + 1) * TABLE_RECORDS;
	return err;
}

static int
sweep_while(uint32_t mailbox, const struct numset *uids, uint32_t *at, sweep_fn *fn,
    void *ctx, bool is_timed)
{
	struct record_walk w;
	int err = walk_open(&the_keeper.tables, job_txn(), mailbox, &w);
	if (err != E_OK)
		return err;
	do
		err = sweep_step(&w, uids, at, fn, ctx);
	while (err == E_OK && (!is_timed || job_has_time()));
	walk_close(&w);
	return err;
}

int
sweep(uint32_t mailbox, const struct numset *uids, uint32_t *at, sweep_fn *fn,
    void *ctx, bool *is_done)
{
	int err = sweep_while(mailbox, uids, at, fn, ctx, true);
	*is_done = err == E_BAD;
	return err == E_BAD ? E_OK : err;
}

int
sweep_all(uint32_t mailbox, const struct numset *uids, sweep_fn *fn, void *ctx)
{
	uint32_t at = 0;
	int err = sweep_while(mailbox, uids, &at, fn, ctx, false);
	return err == E_BAD ? E_OK : err;
}

/* Nobody refers to its file any more; what import said about it goes too. */
static int
file_gone(const struct store_record *r)
{
	doomed_add(r->id);
	if (r->cache_gen)
		cache_dead(r->cache_gen, r->cache_at);
	return the_keeper.n_uidls ? uidl_remove(&the_keeper.tables, job_txn(), r->id)
	                          : E_OK;
}

int
message_gone(
    struct slot *slot, struct store_record *r, uint64_t modseq, bool keeps_file)
{
	bool is_last = false;
	int err = keeps_file
	              ? E_OK
	              : file_release(&the_keeper.tables, job_txn(), r->id, &is_last);
	if (err == E_OK && is_last)
		err = file_gone(r);
	if (err == E_OK && slot->next.is_kept)
		err = kept_remove(&the_keeper.tables, job_txn(), r->uid);
	slot_count(slot, r, -1);
	r->modseq = modseq;
	change_add(slot, CHANGE_GONE, r);
	return err;
}
