/* SPDX-License-Identifier: ISC */
/* job_flags.c - STORE: flags and keywords of messages. */
#include "store/job_event.h"
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
	/* a guest's \Seen is his own: borrow, of this step */
	struct guest_view *guest;
	struct numset toggled, seen; /* own: in this step; what he has seen behind it */
	bool wants_events;           /* of this step */
	struct event_groups groups;  /* own: of this step */
};

/* As who asks sees them. */
static uint32_t
flags_for(const struct flags_job *f, const struct store_record *r)
{
	if (!f->guest)
		return r->flags;
	uint32_t seen = numset_has(&f->guest->seen, r->uid) ? FLAG_SEEN : 0;
	return (r->flags & ~(uint32_t)FLAG_SEEN) | seen;
}

/* flags becomes what the record gets. */
static int
take_seen(struct flags_job *f, const struct store_record *r, uint32_t *flags)
{
	uint32_t changed = (*flags ^ flags_for(f, r)) & FLAG_SEEN;
	if (!f->guest)
		return E_OK;
	*flags = (*flags & ~(uint32_t)FLAG_SEEN) | (r->flags & FLAG_SEEN);
	if (!changed)
		return E_OK;
	if (f->modseq == 0)
		f->modseq = ++slot_touch(f->slot)->modseq;
	return numset_add(&f->toggled, r->uid, r->uid) == E_OK ? E_OK : E_IO;
}

static int
change_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct flags_job *f = ctx;
	const struct store_change *c = &f->asked.change;
	uint32_t flags = flags_for(f, r);
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
	int err = take_seen(f, r, &flags);
	if (err != E_OK || (flags == r->flags && keywords == r->keywords))
		return err; /* no new mod-sequence: nobody has to be told */
	if (f->modseq == 0)
		f->modseq = ++slot_touch(f->slot)->modseq;
	if (f->wants_events)
		err = event_groups_add(&f->job, f->slot, &f->groups, r->uid,
		    flags ^ r->flags, keywords ^ r->keywords);
	slot_count(f->slot, r, -1);
	r->flags = flags;
	r->keywords = keywords;
	r->modseq = f->modseq;
	slot_count(f->slot, r, 1);
	change_add(f->slot, CHANGE_SET, r);
	*did = SWEEP_CHANGED;
	return err;
}

/* RFC 4314 4: what its user may change is changed; nothing of it: false. */
static bool
judge(struct flags_job *f)
{
	struct store_change *c = &f->asked.change;
	unsigned rights = acl_rights(&f->job, f->asked.mailbox);
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
	f->job.said = may ? STORE_TOO_MANY : acl_refusal(&f->job, f->slot);
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

/* Past what a row holds nothing of the batch is done, and this job with it. */
static int
write_seen(struct flags_job *f)
{
	if (!f->toggled.n)
		return E_OK;
	int err = guest_see(f->slot, f->guest, &f->toggled, f->modseq, &f->seen);
	if (err == E_LIMIT) {
		numset_reset(&f->toggled);
		f->job.said = STORE_TOO_MANY;
		f->job.is_done = true;
		return E_OK;
	}
	return err;
}

static int
flags_step(struct job *j)
{
	struct flags_job *f = (struct flags_job *)j;
	int err = E_OK;
	f->slot = slot_of(f->asked.mailbox);
	f->modseq = 0;
	numset_reset(&f->toggled);
	event_groups_reset(&f->groups);
	f->guest = f->slot && j->guest ? guest_view_of(f->slot, j->guest) : NULL;
	if (j->guest && f->slot && !f->guest)
		return E_IO;
	if (!f->slot) {
		j->said = STORE_NONEXISTENT;
		j->is_done = true;
		return E_OK;
	}
	if (!f->has_begun && f->slot->next.is_kept)
		only_deleted(&f->asked.change);
	if (!f->has_begun)
		err = begin(f);
	if (err == E_OK && !j->is_done) {
		f->wants_events = event_wants(j, EVENT_FLAG, NULL, f->slot);
		err = sweep(f->asked.mailbox, &f->asked.uids, &f->at, change_one, f,
		    &j->is_done);
	}
	if (err == E_OK)
		err = event_groups_write(j, f->slot, &f->groups);
	return err == E_OK ? write_seen(f) : err;
}

static void
flags_synced(struct job *j)
{
	struct flags_job *f = (struct flags_job *)j;
	if (f->toggled.n)
		guest_saw(f->guest, &f->toggled, f->modseq, &f->seen);
	numset_reset(&f->toggled);
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
	numset_free(&f->toggled);
	numset_free(&f->seen);
	event_groups_free(&f->groups);
}

static const struct job_kind flags_kind = {
    .name = "flags", .step = flags_step, .answer = flags_answer, .free = flags_free};
/* what he has seen is one row: two of his jobs in a batch would not know of each other */
static const struct job_kind guest_flags_kind = {.name = "guest_flags",
    .is_alone = true,
    .step = flags_step,
    .synced = flags_synced,
    .answer = flags_answer,
    .free = flags_free};

int
ask_flags(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct session *s = a->ctx;
	struct flags_job *f =
	    job_new(sizeof *f, s->guest ? &guest_flags_kind : &flags_kind, a->ctx,
		KEEPER_FLAGS, ask_body(body, fd));
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
