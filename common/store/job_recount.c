/* SPDX-License-Identifier: ISC */
/* job_recount.c - counts and sums made anew from the records of all mailboxes. */
#include <string.h>

#include "base/log.h"
#include "store/jobs.h"

struct recount_job {
	struct job job;
	uint32_t changed; /* mailboxes whose counts were wrong */
	uint32_t last;    /* the mailbox that was counted last; ids ascend */
};

static int
count_one(void *ctx, const struct store_record *r)
{
	mailbox_count(ctx, r, 1);
	return E_OK;
}

static bool
is_same(const struct mailbox *a, const struct mailbox *b)
{
	return a->messages == b->messages && a->unseen == b->unseen &&
	       a->deleted == b->deleted && a->deleted_bytes == b->deleted_bytes &&
	       a->bytes == b->bytes && a->recent == b->recent;
}

static int
recount(struct slot *s, uint32_t *changed)
{
	struct mailbox is = s->next;
	is.messages = is.unseen = is.deleted = is.deleted_bytes = is.bytes = is.recent =
	    0;
	int err = record_each(&the_keeper.tables, s->now.id, count_one, &is);
	if (err != E_OK || is_same(&is, &s->next))
		return err;
	log_event(LOG_WARNING, "counts_mended", "mailbox=%s messages=%llu was=%llu",
	    log_qs(s->now.name), (unsigned long long)is.messages,
	    (unsigned long long)s->next.messages);
	++*changed;
	*slot_touch(s) = is;
	return E_OK;
}

/* When all counts are right, whatever others did meanwhile. */
static void
sum_up(void)
{
	struct keeper *k = &the_keeper;
	k->sum_next = (struct sum){.bytes = 0};
	for (size_t i = 0; i < k->n_by_id; i++) {
		const struct mailbox *m = &k->by_id[i]->next;
		if (m->is_dead || m->is_kept)
			continue;
		k->sum_next.bytes += m->bytes;
		k->sum_next.messages += m->messages;
	}
}

/* Alone in its batch: next is now.  A mailbox at least, and those that there is time for. */
static int
recount_step(struct job *j)
{
	struct recount_job *r = (struct recount_job *)j;
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_by_id; i++) {
		struct slot *s = k->by_id[i];
		if (s->now.id <= r->last)
			continue;
		int err = recount(s, &r->changed);
		if (err != E_OK)
			return err;
		r->last = s->now.id;
		if (!job_has_time())
			return E_OK;
	}
	sum_up();
	j->is_done = true;
	return E_OK;
}

static void
recount_synced(struct job *j)
{
	(void)j;
	the_keeper.is_usage_old = true;
}

static void
recount_answer(struct job *j, struct buf *reply, int *fd)
{
	(void)fd;
	buf_u32(reply, ((struct recount_job *)j)->changed);
}

static const struct job_kind recount_kind = {.name = "recount",
    .is_alone = true,
    .step = recount_step,
    .synced = recount_synced,
    .answer = recount_answer};

int
ask_recount(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	job_add(job_new(sizeof(struct recount_job), &recount_kind, a->ctx,
	    KEEPER_RECOUNT, SPAN("")));
	return E_MORE;
}
