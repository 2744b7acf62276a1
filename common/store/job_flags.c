/* SPDX-License-Identifier: ISC */
/* job_flags.c - STORE: flags and keywords of messages. */
#include "store/sweep.h"

struct flags_job {
	struct job job;
	struct ask_flags asked; /* own */
	uint32_t at;
	struct slot *slot; /* borrow: of this step */
	bool has_begun;
	uint64_t keywords; /* bits of what was asked */
	uint32_t may;      /* flags that its user may change */
	bool may_keywords;
	uint64_t modseq;        /* of this step; 0: nothing changed yet */
	struct numset modified; /* own: failed unchanged_since */
};

static int
change_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct flags_job *f = ctx;
	const struct store_change *c = &f->asked.change;
	uint32_t flags = r->flags;
	uint64_t keywords = r->keywords;
	if (c->has_unchanged_since && r->modseq > c->unchanged_since)
		return numset_add(&f->modified, r->uid, r->uid) == E_OK ? E_OK : E_IO;
	switch (c->how) {
	case STORE_SET:
		flags = (flags & ~f->may) | c->flags;
		keywords = f->may_keywords ? f->keywords : keywords;
		break;
	case STORE_ADD:
		flags |= c->flags;
		keywords |= f->keywords;
		break;
	case STORE_REMOVE:
		flags &= ~c->flags;
		keywords &= ~f->keywords;
		break;
	}
	if (flags == r->flags && keywords == r->keywords)
		return E_OK; /* no new mod-sequence: nobody has to be told */
	if (f->modseq == 0)
		f->modseq = ++slot_touch(f->slot)->modseq;
	slot_count(f->slot, r, -1);
	r->flags = flags;
	r->keywords = keywords;
	r->modseq = f->modseq;
	slot_count(f->slot, r, 1);
	change_add(f->slot, CHANGE_SET, r);
	*did = SWEEP_CHANGED;
	return E_OK;
}

/* RFC 4314 4: what its user may change is changed; nothing of it: false. */
static bool
judge(struct flags_job *f)
{
	struct store_change *c = &f->asked.change;
	unsigned rights = acl_rights(f->job.is_held, f->asked.mailbox);
	f->may = acl_flags(rights);
	f->may_keywords = rights & RIGHT_WRITE;
	bool is_any = c->flags == 0 && c->n_keywords == 0 && f->may;
	is_any |= (c->flags & f->may) || (c->n_keywords && f->may_keywords);
	c->flags &= f->may;
	c->n_keywords = f->may_keywords ? c->n_keywords : 0;
	return is_any;
}

/* What is left of uids are those that may be looked at. */
static int
begin(struct flags_job *f)
{
	bool may = judge(f);
	const struct store_change *c = &f->asked.change;
	enum keywords_how how = c->how == STORE_REMOVE ? KEYWORDS_KNOWN : KEYWORDS_ALL;
	int err =
	    slot_keywords(f->slot, f->asked.keywords, c->n_keywords, how, &f->keywords);
	f->has_begun = true;
	if (err != E_BAD && may)
		return err;
	f->job.said = may ? STORE_TOO_MANY : STORE_NO_RIGHT;
	f->job.is_done = true;
	return E_OK;
}

/* What was expunged stays as it was; but that it is to go. */
static void
only_deleted(struct store_change *c)
{
	bool is_set = c->how == STORE_SET;
	if (is_set)
		c->how = c->flags & FLAG_DELETED ? STORE_ADD : STORE_REMOVE;
	c->flags = is_set ? FLAG_DELETED : c->flags & FLAG_DELETED;
	c->n_keywords = 0;
}

static int
flags_step(struct job *j)
{
	struct flags_job *f = (struct flags_job *)j;
	int err = E_OK;
	f->slot = slot_of(f->asked.mailbox);
	f->modseq = 0;
	if (!f->slot) {
		j->said = STORE_NONEXISTENT;
		j->is_done = true;
		return E_OK;
	}
	if (!f->has_begun && f->slot->next.is_kept)
		only_deleted(&f->asked.change);
	if (!f->has_begun)
		err = begin(f);
	if (err == E_OK && !j->is_done)
		err = sweep(f->asked.mailbox, &f->asked.uids, &f->at, change_one, f,
		    &j->is_done);
	return err;
}

static void
flags_answer(struct job *j, struct buf *reply, int *fd)
{
	struct flags_job *f = (struct flags_job *)j;
	(void)fd;
	numset_encode(reply, f->modified.ranges, f->modified.n);
}

static void
flags_free(struct job *j)
{
	struct flags_job *f = (struct flags_job *)j;
	numset_free(&f->asked.uids);
	numset_free(&f->modified);
}

static const struct job_kind flags_kind = {
    .name = "flags", .step = flags_step, .answer = flags_answer, .free = flags_free};

int
ask_flags(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct flags_job *f =
	    job_new(sizeof *f, &flags_kind, a->ctx, KEEPER_FLAGS, ask_body(body, fd));
	struct rd r = rd_of(buf_as_span(&f->job.body));
	(void)reply, (void)fd_back;
	int err = ask_flags_get(&r, &f->asked);
	if (err != E_OK) {
		job_drop(&f->job);
		return E_BAD;
	}
	job_add(&f->job);
	return E_MORE;
}
