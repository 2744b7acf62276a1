/* SPDX-License-Identifier: ISC */
/*
 * resume.c - the selected mailbox through a sleep.  The list of what the client knows is not kept:
 * it is what the mailbox had up to a uid when the session fell asleep.  That is what it has now, of
 * those, and what went since; the keeper knows which that are (QRESYNC asks the same).
 */
#include "imapd/resume.h"

#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

/* ---- falling asleep ---- */

/* Messages of the list that went, where the last command could not say so. */
static int
save_pending(const struct selected *b, struct numset *out)
{
	int err = E_OK;
	for (uint32_t seq = 1; seq <= b->n && err == E_OK; seq++) {
		const struct store_record *r = selected_record(b, seq);
		if (r->flags & FLAG_GONE)
			err = numset_add(out, r->uid, r->uid);
		if (out->n > SLEPT_RANGES_MOST)
			err = E_LIMIT;
	}
	return err;
}

static int
save_set(const struct numset *from, struct numset *to)
{
	int err = from->n > SLEPT_RANGES_MOST ? E_LIMIT : E_OK;
	for (size_t i = 0; i < from->n && err == E_OK; i++)
		err = numset_add(to, from->ranges[i].from, from->ranges[i].to);
	return err;
}

int
selected_save(const struct selected *b, struct slept_mailbox *m)
{
	const struct view_head *h = b->view.head;
	*m = (struct slept_mailbox){.mailbox = b->view.mailbox,
	    .uidvalidity = b->view.uidvalidity,
	    .recent_from = b->view.recent_from,
	    .is_read_only = b->is_read_only,
	    .has_recent = b->has_recent,
	    .n = b->n,
	    .uid_last = b->n_seen ? b->view.records[b->n_seen - 1].uid : 0,
	    .n_keywords_told = b->n_keywords_told,
	    .modseq = b->modseq,
	    .modseq_seen = h->modseq}; /* before what it covers is read */
	/* one that is superseded is of its modseq, and stays so */
	int err = h->is_deleted || h->is_renamed ? E_MORE : E_OK;
	/* just now: who wakes could not tell those that went from those the client knows */
	if (b->gone_modseq > m->modseq_seen)
		err = E_MORE;
	if (err == E_OK && h->n_gone != b->n_gone_seen)
		err = save_pending(b, &m->pending);
	if (err == E_OK)
		err = save_set(&b->saved, &m->saved);
	return err == E_OK ? E_OK : E_MORE;
}

/* ---- waking ---- */

/* It was there when the session fell asleep, or went without a word to the client. */
static bool
was_known(const struct store_record *r, uint64_t modseq_seen)
{
	return !(r->flags & FLAG_GONE) || r->modseq > modseq_seen;
}

/*
 * The list over the view, where nothing went from it that is not in the view: then as many are known
 * as were, for none can come below the last uid.  False: some went
 */
static bool
list_over_view(struct selected *b, const struct slept_mailbox *m)
{
	const struct view_head *h = b->view.head;
	uint32_t n_gone = h->n_gone;
	b->n_seen = store_records_before(b->view.records, h->n, m->uid_last + 1);
	b->n = b->n_seen;
	b->n_gone_seen = n_gone ? UINT32_MAX : 0;
	if (n_gone == 0)
		return b->n == m->n;
	b->at = mem_grow(NULL, b->n_seen + 1, sizeof *b->at);
	b->cap = b->n_seen + 1;
	b->n = 0;
	for (uint32_t i = 0; i < b->n_seen; i++)
		if (was_known(&b->view.records[i], m->modseq_seen))
			b->at[b->n++] = i;
	return b->n == m->n;
}

/* What a message is that is no more: selected_is_ghost */
static struct store_record
ghost(uint32_t uid, uint64_t modseq)
{
	return (struct store_record){.uid = uid, .flags = FLAG_GONE, .modseq = modseq};
}

/* Records of the view and those that went, in order of uid; stops behind most of them. */
static uint32_t
merge(const struct store_view *v, uint32_t n, const struct numset *gone,
    const struct slept_mailbox *m, struct store_record *out)
{
	uint32_t k = 0, uid = numset_from(gone, 1);
	for (uint32_t i = 0; k < m->n && (i < n || uid);) {
		if (uid && (i == n || uid <= v->records[i].uid)) {
			i += i < n && uid == v->records[i].uid;
			out[k++] = ghost(uid, m->modseq_seen + 1);
			uid = uid < UINT32_MAX ? numset_from(gone, uid + 1) : 0;
		} else {
			if (was_known(&v->records[i], m->modseq_seen))
				out[k++] = v->records[i];
			i++;
		}
	}
	return k;
}

/*
 * A view of our own, that is out of date from the start: the list, with those that went.  The next
 * update that may tell of them takes the keeper's instead, as it does with any such view.
 */
static int
own_view(struct session *s, struct selected *b, const struct numset *gone,
    const struct slept_mailbox *m)
{
	struct store_view v = b->view;
	size_t bytes = VIEW_RECORDS_AT + (size_t)m->n * sizeof(struct store_record);
	uint32_t n = store_records_before(v.records, v.head->n, m->uid_last + 1);
	if (m->n > n + numset_count(gone))
		return E_BAD;
	struct view_head *h = mmap(
	    NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h == MAP_FAILED)
		return E_IO;
	struct store_record *records =
	    (struct store_record *)((char *)h + VIEW_RECORDS_AT);
	memcpy(h, v.head, sizeof *h);
	h->n = merge(&v, n, gone, m, records);
	h->n_gone = (uint32_t)numset_count(gone);
	h->is_superseded = 1;
	b->view.head = h;
	b->view.records = records;
	b->view.mapped_bytes = bytes;
	b->n = b->n_seen = h->n;
	b->n_gone_seen = UINT32_MAX;
	store_unselect(s->store, &v);
	return b->n == m->n ? E_OK : E_BAD;
}

/* All that went since, of what the client knows. */
static int
find_gone(struct session *s, const struct slept_mailbox *m, struct numset *out)
{
	struct numset all = {.n = 0};
	int err = E_OK;
	if (s->selected->view.head->modseq != m->modseq_seen)
		err = store_expunged(s->store, m->mailbox, m->modseq_seen, &all);
	if (err == E_OK && m->uid_last)
		err = numset_add_common(out, &all, (struct num_range){1, m->uid_last});
	if (err == E_OK && m->uid_last)
		err = numset_add_common(
		    out, &m->pending, (struct num_range){1, m->uid_last});
	numset_free(&all);
	if (err == E_LIMIT)
		log_event(LOG_INFO, "not_resumed", "mailbox=%u why=\"too much went\"",
		    m->mailbox);
	return err == E_LIMIT ? E_BAD : err;
}

static int
list_again(struct session *s, struct selected *b, const struct slept_mailbox *m)
{
	struct numset gone = {.n = 0};
	int err = b->view.uidvalidity == m->uidvalidity ? E_OK : E_BAD;
	if (err != E_OK || (m->pending.n == 0 && list_over_view(b, m)))
		return err;
	mem_free(&b->at);
	b->cap = 0;
	err = find_gone(s, m, &gone);
	if (err == E_OK)
		err = gone.n ? own_view(s, b, &gone, m) : E_BAD;
	numset_free(&gone);
	return err;
}

int
selected_resume(struct session *s, struct slept_mailbox *m, bool is_for_news)
{
	struct selected *b = mem_new(sizeof *b);
	int err =
	    store_reselect(s->store, m->mailbox, m->recent_from, is_for_news, &b->view);
	if (err != E_OK) {
		mem_free(&b);
		return err;
	}
	b->is_read_only = m->is_read_only;
	b->has_recent = m->has_recent;
	b->n_keywords_told = m->n_keywords_told;
	b->modseq = m->modseq;
	/* of the changes since nobody has kept a list: all records are looked at once */
	b->gone_at = b->flags_at = b->view.head->n_changes - VIEW_CHANGES - 1;
	s->selected = b;
	err = list_again(s, b, m);
	if (err != E_OK)
		return err;
	b->saved = m->saved;
	m->saved = (struct numset){.n = 0};
	return E_OK;
}
