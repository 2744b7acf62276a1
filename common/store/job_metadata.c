/* SPDX-License-Identifier: ISC */
/*
 * job_metadata.c - METADATA (RFC 5464): entries of a mailbox or of the account.
 * "/private/specialuse" is the mailbox's special use (RFC 6154 4).  To a guest, who may look a
 * mailbox up, there is what is /shared of it; nothing of the account, and nothing private.
 */
#include <string.h>

#include "store/annotations.h"
#include "store/jobs.h"

struct metadata_job {
	struct job job;
	struct span mailbox; /* borrow: the body */
	struct rd entries;   /* borrow: the body */
	uint32_t id;
	/* own: mailboxes (u32) that lost their special use to this one */
	struct buf losers;
};

static int
done(struct job *j, enum store_said said)
{
	j->said = said;
	j->is_done = true;
	return E_OK;
}

/* The mailbox's id; 0: the account. */
static enum store_said
find_mailbox(struct metadata_job *m, struct slot **slot)
{
	struct slot *s = *slot = m->mailbox.n ? slot_find(m->mailbox) : NULL;
	m->id = s ? s->now.id : 0;
	if (m->job.guest)
		return s && !acl_hides(&m->job, s) ? STORE_DONE : STORE_NONEXISTENT;
	return s || m->mailbox.n == 0 ? STORE_DONE : STORE_NONEXISTENT;
}

static bool
is_shared(struct span entry)
{
	return span_starts(entry, SPAN("/shared/"));
}

static bool
is_special_use(struct span entry)
{
	return span_eqs(entry, METADATA_SPECIAL_USE);
}

static bool
is_mailbox(uint32_t id)
{
	return slot_even_dead(id) != NULL;
}

int
ask_annotations(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct annotations_found found;
	struct buf b = {0};
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = annotations_check(&the_keeper.tables, is_mailbox, &found);
	buf_u8(&b, err == E_OK ? STORE_DONE : STORE_LATER);
	buf_u32(&b, found.rows);
	buf_u32(&b, found.bad);
	buf_u64(&b, found.bytes);
	buf_u64(&b, the_keeper.annotated.bytes);
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	session_answer(a->ctx, KEEPER_ANNOTATIONS, &b, -1);
	buf_free(&b);
	return E_MORE;
}

/* ---- reading ---- */

static int
read_step(struct job *j)
{
	j->is_done = true;
	return E_OK;
}

struct reading {
	const struct metadata_job *job;
	struct buf *reply;
};

static int
put_entry(void *ctx, const struct annotation *a)
{
	const struct reading *r = ctx;
	if (a->who.n || (r->job->job.guest && !is_shared(a->name)))
		return E_OK;
	buf_bytes(r->reply, a->name);
	buf_bytes(r->reply, a->value);
	return buf_done(r->reply);
}

static void
read_answer(struct job *j, struct buf *reply, int *fd)
{
	struct metadata_job *m = (struct metadata_job *)j;
	struct reading r = {m, reply};
	struct slot *s;
	(void)fd;
	enum store_said said = find_mailbox(m, &s);
	if (said == STORE_DONE && !acl_has(j, s, RIGHT_LOOKUP, RIGHTS_METADATA))
		said = STORE_NO_RIGHT;
	buf_reset(reply);
	buf_u8(reply, (uint8_t)said);
	if (said != STORE_DONE)
		return;
	if (s && s->now.special_use[0] && !j->guest) {
		buf_bytes(reply, SPAN(METADATA_SPECIAL_USE));
		buf_bytes(reply, span_of(s->now.special_use));
	}
	if (annotation_each(
		&the_keeper.tables, m->id, ANNOTATION_METADATA, put_entry, &r) == E_OK)
		return;
	buf_reset(reply);
	buf_u8(reply, STORE_LATER);
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
}

static const struct job_kind read_kind = {
    .name = "metadata", .is_reader = true, .step = read_step, .answer = read_answer};

int
ask_metadata(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct metadata_job *m =
	    job_new(sizeof *m, &read_kind, a->ctx, KEEPER_METADATA, body->in);
	struct rd r = rd_of(buf_as_span(&m->job.body));
	(void)fd, (void)reply, (void)fd_back;
	m->mailbox = rd_str(&r, STORE_NAME_MAX);
	if (rd_end(&r) != E_OK) {
		job_drop(&m->job);
		return E_BAD;
	}
	job_add(&m->job);
	return E_MORE;
}

/* ---- setting ---- */

struct tally {
	const struct metadata_job *job;
	unsigned n;
	struct annotation_sum sum;
};

static bool
next_entry(struct rd *r, struct metadata_entry *out)
{
	*out = (struct metadata_entry){.name = rd_str(r, METADATA_ENTRY_MAX)};
	out->is_nil = rd_u8(r) == 1;
	out->value = rd_str(r, METADATA_VALUE_MAX);
	return r->err == E_OK;
}

/* Those that stay as they are. */
static int
tally_one(void *ctx, const struct annotation *a)
{
	struct tally *t = ctx;
	struct metadata_entry e;
	if (a->who.n)
		return E_OK;
	for (struct rd r = t->job->entries; r.in.n && next_entry(&r, &e);)
		if (span_eq(e.name, a->name)) {
			annotation_count(&t->sum, a, -1);
			return E_OK;
		}
	t->n++;
	return E_OK;
}

static int
tally(const struct metadata_job *m, struct tally *t)
{
	struct metadata_entry e;
	*t = (struct tally){.job = m, .sum = the_keeper.annotated_next};
	int err = annotation_each(
	    &the_keeper.tables, m->id, ANNOTATION_METADATA, tally_one, t);
	for (struct rd r = m->entries; r.in.n && next_entry(&r, &e);)
		if (!e.is_nil && !is_special_use(e.name)) {
			t->n++;
			t->sum.bytes += e.name.n + e.value.n;
		}
	return err;
}

/* RFC 6154 4: who had that use has it no more. */
static void
set_special_use(struct metadata_job *m, struct slot *s, const struct metadata_entry *e)
{
	struct keeper *k = &the_keeper;
	struct span use = e->is_nil ? SPAN("") : e->value;
	for (size_t i = 0; use.n && i < k->n_by_name; i++) {
		struct slot *other = k->by_name[i];
		if (other == s || !span_ieqs(use, other->now.special_use))
			continue;
		memset(slot_touch(other)->special_use, 0, sizeof s->next.special_use);
		buf_u32(&m->losers, other->now.id);
	}
	struct mailbox *next = slot_touch(s);
	memset(next->special_use, 0, sizeof next->special_use);
	memcpy(next->special_use, use.p, use.n);
}

static enum store_said
check_entries(const struct metadata_job *m, const struct slot *s)
{
	struct metadata_entry e;
	for (struct rd r = m->entries; r.in.n && next_entry(&r, &e);) {
		bool is_use = is_special_use(e.name);
		if (!metadata_entry_check(e.name))
			return STORE_BAD_NAME;
		if (m->job.guest && !is_shared(e.name))
			return STORE_NO_RIGHT;
		if (is_use && (!s || e.value.n >= sizeof s->next.special_use ||
				  span_find(e.value, '\0') < e.value.n))
			return STORE_BAD_NAME;
	}
	return STORE_DONE;
}

static int
write_entries(struct metadata_job *m, struct slot *s)
{
	struct metadata_entry e;
	int err = E_OK;
	for (struct rd r = m->entries; err == E_OK && r.in.n && next_entry(&r, &e);) {
		struct annotation a = {.mailbox = m->id,
		    .kind = ANNOTATION_METADATA,
		    .name = e.name,
		    .value = e.value};
		if (is_special_use(e.name))
			set_special_use(m, s, &e);
		else if (e.is_nil)
			err = annotation_remove(&the_keeper.tables, job_txn(), &a);
		else
			err = annotation_put(&the_keeper.tables, job_txn(), &a);
	}
	return err;
}

/* Before the commit: what is durable is told, whatever becomes of this process. */
static void
note_entries(const struct metadata_job *m)
{
	struct metadata_entry e;
	metadata_notes_begin();
	for (struct rd r = rd_of(buf_as_span(&m->losers)); r.in.n;)
		metadata_note(rd_u32(&r), SPAN(METADATA_SPECIAL_USE), NULL);
	for (struct rd r = m->entries; r.in.n && next_entry(&r, &e);)
		metadata_note(m->id, e.name, m->job.session);
	metadata_notes_keep();
}

static int
set_step(struct job *j)
{
	struct metadata_job *m = (struct metadata_job *)j;
	struct slot *s;
	struct tally t;
	buf_reset(&m->losers);
	enum store_said said = find_mailbox(m, &s);
	if (said == STORE_DONE)
		said = check_entries(m, s);
	if (said != STORE_DONE)
		return done(j, said);
	if (!acl_has(j, s, RIGHT_LOOKUP, RIGHTS_METADATA))
		return done(j, STORE_NO_RIGHT);
	int err = tally(m, &t);
	if (err != E_OK)
		return err;
	const uint64_t most = j->guest ? METADATA_GUESTS_MAX : METADATA_ACCOUNT_MAX;
	if (t.sum.bytes > the_keeper.annotated_next.bytes &&
	    (t.n > METADATA_ENTRIES_MOST || t.sum.bytes > most))
		return done(j, STORE_TOO_MANY);
	the_keeper.annotated_next = t.sum;
	done(j, STORE_DONE);
	err = write_entries(m, s);
	if (err == E_OK)
		note_entries(m);
	return err;
}

static void
set_synced(struct job *j)
{
	if (j->said != STORE_DONE)
		return;
	the_keeper.is_changed = true;
	metadata_notes_publish();
}

static void
set_free(struct job *j)
{
	buf_free(&((struct metadata_job *)j)->losers);
}

static const struct job_kind set_kind = {.name = "set_metadata",
    .is_alone = true,
    .is_growing = true,
    .step = set_step,
    .synced = set_synced,
    .free = set_free};

int
ask_set_metadata(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct metadata_job *m = job_new(
	    sizeof *m, &set_kind, a->ctx, KEEPER_SET_METADATA, ask_body(body, fd));
	struct rd r = rd_of(buf_as_span(&m->job.body));
	struct metadata_entry e;
	(void)reply, (void)fd_back;
	m->mailbox = rd_str(&r, STORE_NAME_MAX);
	m->entries = r;
	unsigned n = 0;
	while (r.in.n && r.err == E_OK && n <= METADATA_ENTRIES_MOST)
		n += next_entry(&r, &e);
	if (rd_end(&r) != E_OK || n == 0 || n > METADATA_ENTRIES_MOST) {
		job_drop(&m->job);
		return E_BAD;
	}
	job_add(&m->job);
	return E_MORE;
}
