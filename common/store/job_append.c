/* SPDX-License-Identifier: ISC */
/*
 * job_append.c - APPEND and REPLACE: rows for files that a session wrote and synced as msg/xx/ID,
 * with a second name tmp/ID.  That one goes once the rows are on disk: a tmp/ID without a row was
 * never told to be there (tmp_sweep).
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/job_event.h"
#include "store/kept.h"

struct append_job {
	struct job job;
	struct ask_append asked; /* borrows from the body */
	struct rd messages;      /* behind it */
	uint32_t target_id, first_uid;
	struct numset gone;    /* own: what REPLACE replaced */
	struct slot *replaced; /* borrow: of the step */
	uint64_t replaced_modseq;
	struct keeping keeping;
};

static int
done(struct append_job *a, enum store_said said)
{
	a->job.said = said;
	a->job.is_done = true;
	return E_OK;
}

/* ---- before anything is written ---- */

struct needs {
	struct sum sum;
	/* borrow: all that are named, each once */
	struct span keywords[STORE_KEYWORDS_MAX + 1];
	size_t n_keywords;
	uint64_t uidnext; /* past the last; UINT64_MAX: they do not ascend */
};

static void
need_keywords(struct needs *n, const struct ask_message *m)
{
	for (size_t i = 0; i < m->n_keywords; i++) {
		size_t at = 0;
		while (at < n->n_keywords && !span_ieq(n->keywords[at], m->keywords[i]))
			at++;
		if (at == n->n_keywords && at <= STORE_KEYWORDS_MAX)
			n->keywords[n->n_keywords++] = m->keywords[i];
	}
}

static int
look_through(const struct append_job *a, const struct slot *target, struct needs *out)
{
	struct rd r = a->messages;
	struct ask_message m;
	*out = (struct needs){.uidnext = target->next.uidnext};
	if (a->asked.n == 0)
		out->sum = (struct sum){
		    .bytes = a->asked.coming_bytes, .messages = a->asked.coming};
	for (uint16_t i = 0; i < a->asked.n; i++) {
		if (ask_message_get(&r, &m) != E_OK)
			return E_BAD;
		out->sum.messages++;
		out->sum.bytes += m.file.size_bytes;
		need_keywords(out, &m);
		if (m.uid && m.uid < out->uidnext)
			out->uidnext = UINT64_MAX;
		else if (m.uid && out->uidnext != UINT64_MAX)
			out->uidnext = (uint64_t)m.uid + 1;
		else if (out->uidnext != UINT64_MAX)
			out->uidnext = 1 + (out->uidnext < target->next.reserved
						   ? target->next.reserved
						   : out->uidnext);
	}
	return rd_end(&r);
}

static int
count_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct sum *sum = ctx;
	*did = SWEEP_LEFT;
	sum->bytes += r->size_bytes;
	sum->messages++;
	return E_OK;
}

/* What REPLACE lets go: RFC 8508 3.4, only the net counts. */
static int
count_replaced(const struct ask_append *a, struct sum *out)
{
	struct numset uid = {0};
	*out = (struct sum){.bytes = 0};
	if (a->replaced_uid == 0)
		return E_OK;
	int err = numset_add(&uid, a->replaced_uid, a->replaced_uid);
	if (err == E_OK && slot_of(a->replaced_mailbox))
		err = sweep_all(a->replaced_mailbox, &uid, count_one, out);
	numset_free(&uid);
	return err;
}

static bool
is_over_quota(
    const struct ask_append *a, const struct sum *more, const struct sum *less)
{
	const struct usage quota = {a->quota_bytes, a->quota_messages};
	return quota_refuses(&quota, more, less);
}

/* ---- rows ---- */

static int
append_one(struct slot *target, const struct ask_message *m, unsigned rights,
    bool is_guest, uint64_t modseq, int64_t now)
{
	struct tables *t = &the_keeper.tables;
	uint32_t may = acl_flags(rights);
	if (is_guest)
		may &= ~(uint32_t)FLAG_SEEN; /* the account has not seen it */
	struct store_record r = {.uid = m->uid ? m->uid : slot_uid(target),
	    .flags = m->flags & may,
	    .modseq = modseq,
	    .size_bytes = m->file.size_bytes,
	    .date_sec = m->date_sec,
	    .saved_sec = m->saved_sec ? m->saved_sec : now,
	    .id = m->file.id};
	uint64_t keywords;
	uint32_t gen = 0, at = 0;
	int err = slot_keywords(target, m->keywords,
	    rights & RIGHT_WRITE ? m->n_keywords : 0, KEYWORDS_ALL, &keywords);
	if (err != E_OK)
		return err == E_BAD ? E_IO : err;
	if (m->cache.n)
		cache_add(r.id, m->cache, &gen, &at);
	if (gen == 0)
		helper_want(target);
	r.keywords = keywords;
	r.cache_gen = gen;
	r.cache_at = at;
	slot_touch(target)->uidnext = r.uid + 1;
	slot_count(target, &r, 1);
	err = records_append(t, job_txn(), target->next.id, &r, 1);
	if (err == E_OK)
		err = file_refer(t, job_txn(), &m->file, now);
	if (err == E_OK && m->uidl.n) {
		the_keeper.n_uidls = 1;
		err = uidl_put(t, job_txn(), r.id, m->uidl);
	}
	change_add(target, CHANGE_ADD, &r);
	return err;
}

static int
append_all(struct append_job *a, struct slot *target)
{
	struct rd r = a->messages;
	struct ask_message m;
	uint64_t modseq = ++slot_touch(target)->modseq;
	unsigned rights = acl_rights(&a->job, target->now.id);
	int64_t now = clock_wall_sec();
	int err = E_OK;
	for (uint16_t i = 0; i < a->asked.n && err == E_OK; i++) {
		if (ask_message_get(&r, &m) != E_OK)
			bug("an APPEND that was looked through");
		err = append_one(target, &m, rights, a->job.guest != NULL, modseq, now);
		if (i == 0)
			a->first_uid = target->next.uidnext - 1;
	}
	return err == E_OK
	           ? event_note_range(&a->job,
			 a->asked.is_copy ? EVENT_COPY : EVENT_APPEND, NULL, target,
			 (struct num_range){a->first_uid, target->next.uidnext - 1})
	           : err;
}

static int
replace_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct append_job *a = ctx;
	a->replaced_modseq = ++slot_touch(a->replaced)->modseq;
	*did = SWEEP_GONE;
	if (numset_add(&a->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return message_expunged(&a->keeping, r, a->replaced_modseq);
}

/* RFC 8508: the old one goes with the new one's coming, or stays. */
static int
replace(struct append_job *a)
{
	struct numset uid = {0};
	a->replaced = slot_of(a->asked.replaced_mailbox);
	if (!a->replaced || a->asked.replaced_uid == 0)
		return E_OK;
	int err = numset_add(&uid, a->asked.replaced_uid, a->asked.replaced_uid);
	keep_begin(&a->keeping, a->replaced);
	if (err == E_OK)
		err = sweep_all(a->asked.replaced_mailbox, &uid, replace_one, a);
	if (err == E_OK)
		err = keep_end(&a->keeping);
	if (err == E_OK && a->gone.n)
		err = expunged_put(&the_keeper.tables, job_txn(),
		    slot_touch(a->replaced), a->replaced_modseq, &a->gone);
	numset_free(&uid);
	return err;
}

static bool
may_append(const struct append_job *a, const struct slot *target)
{
	const struct slot *replaced = slot_of(a->asked.replaced_mailbox);
	return acl_may(&a->job, target, RIGHT_INSERT) &&
	       (!replaced || acl_may(&a->job, replaced, RIGHT_REMOVE | RIGHT_EXPUNGE));
}

static int
append_step(struct job *j)
{
	struct append_job *a = (struct append_job *)j;
	struct slot *target = slot_find(a->asked.target);
	struct needs needs;
	struct sum less;
	uint64_t bits;
	if (!target)
		return done(a, STORE_NONEXISTENT);
	if (!may_append(a, target))
		return done(a, acl_refusal(&a->job, target));
	if (target->next.is_kept)
		return done(a, STORE_IS_KEPT);
	if (look_through(a, target, &needs) != E_OK)
		return done(a, STORE_LATER);
	if (needs.uidnext > UINT32_MAX)
		return done(a, STORE_TOO_MANY);
	int err = count_replaced(&a->asked, &less);
	if (err != E_OK)
		return err;
	/* RFC 8508 3.2: another session was faster while the message came */
	if (a->asked.replaced_uid && less.messages == 0)
		return done(a, STORE_GONE);
	if (is_over_quota(&a->asked, &needs.sum, &less))
		return done(a, STORE_OVER_QUOTA);
	if (a->asked.n == 0)
		return done(a, STORE_DONE);
	err = slot_keywords(
	    target, needs.keywords, needs.n_keywords, KEYWORDS_ALL, &bits);
	if (err == E_BAD)
		return done(a, STORE_TOO_MANY);
	a->target_id = target->now.id;
	if (err == E_OK)
		err = append_all(a, target);
	if (err == E_OK)
		err = replace(a);
	j->is_done = true;
	return err;
}

/* ---- after the sync ---- */

static void
append_synced(struct job *j)
{
	struct append_job *a = (struct append_job *)j;
	struct rd r = a->messages;
	struct ask_message m;
	struct buf path = {0};
	for (uint16_t i = 0;
	     i < a->asked.n && j->said == STORE_DONE && ask_message_get(&r, &m) == E_OK;
	     i++) {
		buf_reset(&path);
		tmp_path_put(&path, m.file.id);
		/* one that stays goes with the next tmp_sweep */
		unlink(buf_cstr(&path));
	}
	buf_free(&path);
}

static void
append_answer(struct job *j, struct buf *reply, int *fd)
{
	struct append_job *a = (struct append_job *)j;
	struct slot *target = slot_of(a->target_id);
	(void)fd;
	buf_u32(reply, target ? target->now.uidvalidity : 0);
	buf_u32(reply, a->first_uid);
}

static void
append_free(struct job *j)
{
	struct append_job *a = (struct append_job *)j;
	numset_free(&a->gone);
	keep_free(&a->keeping);
}

static const struct job_kind append_kind = {.name = "append",
    .is_growing = true,
    .step = append_step,
    .synced = append_synced,
    .answer = append_answer,
    .free = append_free};

/* So many, and nothing behind them: who asks otherwise is ended before anything is begun. */
static bool
are_messages(struct rd r, uint16_t n)
{
	struct ask_message m;
	while (n > 0 && ask_message_get(&r, &m) == E_OK)
		n--;
	return n == 0 && rd_end(&r) == E_OK;
}

int
ask_append(
    struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct append_job *a = job_new(
	    sizeof *a, &append_kind, asker->ctx, KEEPER_APPEND, ask_body(body, fd));
	a->messages = rd_of(buf_as_span(&a->job.body));
	(void)reply, (void)fd_back;
	if (ask_append_get(&a->messages, &a->asked) != E_OK ||
	    !are_messages(a->messages, a->asked.n)) {
		job_drop(&a->job);
		return E_BAD;
	}
	if (a->job.guest) { /* whatever it says: the account's */
		a->asked.quota_bytes = a->job.guest->quota_bytes;
		a->asked.quota_messages = a->job.guest->quota_messages;
		a->asked.replaced_mailbox = a->asked.replaced_uid = 0;
	}
	job_add(&a->job);
	return E_MORE;
}
