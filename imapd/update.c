/* SPDX-License-Identifier: ISC */
/*
 * update.c - a mailbox is selected, followed, left: what changed in it since the client was told.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "imapd/respond.h"
#include "imapd/vanished.h"

static bool
is_gone(const struct store_record *r)
{
	return r->flags & FLAG_GONE;
}

/* ---- what changed ---- */

/* Records to look at, in ascending order; is_all: each of them. */
struct changes {
	bool is_all;
	size_t n;
	uint32_t index[VIEW_CHANGES];
};

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Those since the moment at, which becomes now. */
static void
changes_since(const struct view_head *head, uint32_t *at, struct changes *out)
{
	uint32_t from = *at, to = head->n_changes;
	*at = to;
	out->n = 0;
	out->is_all = to - from >= VIEW_CHANGES;
	if (out->is_all)
		return;
	for (uint32_t k = from; k != to; k++)
		out->index[out->n++] = head->changed[k % VIEW_CHANGES];
	/* they were written over meanwhile, the first of them perhaps by one that is not counted yet */
	out->is_all = head->n_changes - from >= VIEW_CHANGES;
	qsort(out->index, out->n, sizeof *out->index, by_number);
}

/* The sequence number of a record; 0: the client knows no such message. */
static uint32_t
seq_of_index(const struct selected *b, uint32_t index)
{
	uint32_t low = 0, high = b->n;
	if (!b->at)
		return index < b->n ? index + 1 : 0;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (b->at[mid] < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low < b->n && b->at[low] == index ? low + 1 : 0;
}

/* The next message to look at behind seq, k is the place in the changes; 0: none. */
static uint32_t
changes_next(const struct selected *b, const struct changes *c, size_t *k, uint32_t seq)
{
	if (c->is_all)
		return seq < b->n ? seq + 1 : 0;
	while (*k < c->n) {
		uint32_t next = seq_of_index(b, c->index[(*k)++]);
		if (next > seq)
			return next;
	}
	return 0;
}

/* Sequence numbers, ascending. */
struct seqs {
	uint32_t *all; /* own */
	size_t n, cap;
};

static void
seqs_add(struct seqs *q, uint32_t seq)
{
	q->all = mem_room(q->all, q->n, &q->cap, sizeof *q->all);
	q->all[q->n++] = seq;
}

/* ---- the list of messages that the client knows ---- */

static void
list_grow(struct selected *b, uint32_t n)
{
	if (n <= b->cap)
		return;
	b->cap = n + n / 8 + 16;
	b->at = mem_grow(b->at, b->cap, sizeof *b->at);
}

/* The list as numbers of its own, where until now message k was record k - 1. */
static void
list_make(struct selected *b)
{
	if (b->at)
		return;
	b->cap = 0;
	list_grow(b, b->n ? b->n : 1); /* also for none: from now on there is a list */
	for (uint32_t i = 0; i < b->n; i++)
		b->at[i] = i;
}

/* It is none of the client's from now on: what the view's head says may not cover that yet. */
static void
note_gone(struct selected *b, const struct store_record *r)
{
	if (r->modseq > b->gone_modseq)
		b->gone_modseq = r->modseq;
}

/* Records [n_seen, n) that are not gone become the last messages. */
static void
list_add(struct selected *b, uint32_t n)
{
	for (; b->n_seen < n; b->n_seen++) {
		const struct store_record *r = &b->view.records[b->n_seen];
		bool is_left_out = is_gone(r);
		if (is_left_out) {
			list_make(b);
			note_gone(b, r);
		}
		if (is_left_out || !b->at) {
			b->n += !is_left_out;
			continue;
		}
		list_grow(b, b->n + 1);
		b->at[b->n++] = b->n_seen;
	}
}

int
selected_open(struct session *s, struct span name, bool is_examine)
{
	struct selected *b = mem_new(sizeof *b);
	int err = store_select(s->store, name, is_examine, &b->view);
	if (err != E_OK) {
		mem_free(&b);
		return err;
	}
	/* RFC 4314 5.2 */
	b->is_read_only = is_examine || !(b->view.rights & RIGHTS_CHANGE);
	b->has_recent = !(s->enabled & EN_REV2);
	b->modseq = b->view.modseq;
	b->n_keywords_told = b->view.head->n_keywords;
	/* before what is not looked at again; the last one may have gone and is not counted yet */
	b->flags_at = b->view.head->n_changes;
	b->gone_at = b->flags_at - 1;
	b->n_gone_seen = b->view.head->n_gone;
	if (b->n_gone_seen)
		list_add(b, b->view.n);
	else
		b->n = b->n_seen =
		    b->view.n; /* the common case does not touch the records */
	s->selected = b;
	return E_OK;
}

void
selected_close(struct session *s)
{
	struct selected *b = s->selected;
	if (!b)
		return;
	store_unselect_later(s->store, &b->view);
	if (b->follower)
		b->follower->free(b);
	numset_free(&b->saved);
	mem_free(&b->at);
	mem_free(&b->told);
	mem_free(&s->selected);
	s->store = session_own(s);
}

void
selected_enable_condstore(struct session *s)
{
	if (s->enabled & EN_CONDSTORE)
		return;
	s->enabled |= EN_CONDSTORE;
	if (!s->selected)
		return;
	struct buf *out = respond_out(s);
	buf_str(out, "* OK [HIGHESTMODSEQ ");
	put_u64(out, s->selected->modseq);
	buf_str(out, "] noted\r\n");
}

/* ---- those that went ---- */

static void
put_number(struct buf *out, uint32_t n, const char *word)
{
	buf_put(out, "* ", 2);
	put_u32(out, n);
	buf_str(out, word);
}

/*
 * Each is told by its number of that moment, or all together by their uids under QRESYNC (RFC 7162
 * 3.2.10).
 */
struct going {
	struct session *session;
	struct numset uids; /* of the answer that is made */
	uint32_t kept;      /* messages before the one that is looked at, that stay */
};

static void
put_vanished(struct going *g)
{
	struct buf *out = respond_out(g->session);
	if (g->uids.n == 0)
		return;
	buf_str(out, "* VANISHED ");
	numset_put(out, &g->uids);
	buf_str(out, "\r\n");
	numset_reset(&g->uids);
}

static void
tell_going(struct going *g, uint32_t uid)
{
	if (g->uids.n == VANISHED_RANGES_MOST)
		put_vanished(g);
	if (!(g->session->enabled & (EN_QRESYNC | EN_UIDONLY)))
		put_number(respond_out(g->session), g->kept + 1, " EXPUNGE\r\n");
	else if (numset_add(&g->uids, uid, uid) != E_OK)
		bug("more ranges than an answer has");
	if (!respond_flush(g->session))
		g->session->is_over = true;
}

static void
tell_going_end(struct going *g)
{
	g->session->selected->n = g->kept;
	put_vanished(g);
	numset_free(&g->uids);
}

/* Messages (from, to) of the list stay, and move up behind those that stayed. */
static void
keep_between(struct going *g, uint32_t from, uint32_t to)
{
	struct selected *b = g->session->selected;
	uint32_t n = to - from - 1;
	if (b->at)
		memmove(&b->at[g->kept], &b->at[from], n * sizeof *b->at);
	g->kept += n;
}

static struct seqs
gone_of(const struct selected *b, const struct changes *c)
{
	struct seqs gone = {.n = 0};
	size_t k = 0;
	for (uint32_t seq = 0; (seq = changes_next(b, c, &k, seq)) != 0;)
		if (is_gone(selected_record(b, seq)))
			seqs_add(&gone, seq);
	return gone;
}

/* The follower hears of just these: others may go at any moment. */
static void
tell_gone(struct session *s, const struct changes *c)
{
	struct selected *b = s->selected;
	struct going g = {.session = s};
	struct seqs gone = gone_of(b, c);
	uint32_t last = 0; /* up to there the list was gone through */
	if (gone.n && b->follower)
		b->follower->gone(s, gone.all, gone.n);
	if (gone.n)
		list_make(b);
	for (size_t i = 0; i < gone.n; i++) {
		/* it stands behind last, where the list is as it was */
		const struct store_record *r = selected_record(b, gone.all[i]);
		keep_between(&g, last, gone.all[i]);
		last = gone.all[i];
		note_gone(b, r);
		tell_going(&g, r->uid);
	}
	keep_between(&g, last, b->n + 1);
	tell_going_end(&g);
	mem_free(&gone.all);
}

/* ---- those that came ---- */

static uint32_t
count_recent(const struct selected *b)
{
	if (b->n == 0 || !selected_is_recent(b, selected_record(b, b->n)))
		return 0;
	return b->n + 1 - selected_seq_from(b, b->view.recent_from);
}

static void
tell_new(struct session *s, uint32_t n)
{
	struct selected *b = s->selected;
	uint32_t before = b->n;
	list_add(b, n);
	if (b->n == before)
		return;
	put_number(respond_out(s), b->n, " EXISTS\r\n");
	if (b->has_recent)
		put_number(respond_out(s), count_recent(b), " RECENT\r\n");
}

void
selected_size_put(struct session *s)
{
	put_number(respond_out(s), s->selected->n, " EXISTS\r\n");
	if (s->selected->has_recent)
		put_number(respond_out(s), count_recent(s->selected), " RECENT\r\n");
}

/* ---- flags ---- */

void
selected_keywords_put(struct session *s)
{
	struct selected *b = s->selected;
	struct buf *out = respond_out(s);
	buf_str(out, "* FLAGS ");
	selected_all_flags_put(out, b, false);
	buf_str(out, "\r\n* OK [PERMANENTFLAGS ");
	if (b->is_read_only)
		buf_str(out, "()");
	else if (b->view.head->is_kept)
		buf_str(out, "(\\Deleted)");
	else
		selected_all_flags_put(out, b, true);
	buf_str(out, "] these stay\r\n");
}

void
selected_tell_keywords(struct session *s)
{
	uint32_t n = s->selected->view.head->n_keywords;
	if (n == s->selected->n_keywords_told)
		return;
	s->selected->n_keywords_told = n;
	selected_keywords_put(s);
}

static void
tell_flags(struct session *s, uint32_t seq, const struct store_record *r, bool is_uid)
{
	struct buf *out = respond_out(s);
	bool has_modseq = s->enabled & (EN_CONDSTORE | EN_QRESYNC);
	bool is_by_uid = s->enabled & EN_UIDONLY;
	put_number(
	    out, is_by_uid ? r->uid : seq, is_by_uid ? " UIDFETCH (" : " FETCH (");
	bool wants_uid = is_uid || has_modseq || s->enabled & EN_REV2;
	if (wants_uid && !is_by_uid) { /* RFC 7162 3.2.4 */
		buf_put(out, "UID ", 4);
		put_u32(out, r->uid);
		buf_ch(out, ' ');
	}
	buf_put(out, "FLAGS ", 6);
	selected_flags_put(out, s->selected, r);
	if (has_modseq) {
		buf_put(out, " MODSEQ (", 9);
		put_u64(out, r->modseq);
		buf_ch(out, ')');
	}
	buf_put(out, ")\r\n", 3);
}

static int
by_index(const void *a, const void *b)
{
	const struct told *x = a, *y = b;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return (x->modseq > y->modseq) - (x->modseq < y->modseq);
}

static void
sort_told(struct selected *b)
{
	for (size_t i = 1; i < b->n_told; i++)
		if (b->told[i].index <= b->told[i - 1].index) {
			qsort(b->told, b->n_told, sizeof *b->told, by_index);
			return;
		}
}

/*
 * The mod-sequence as of which the client has these flags; those of what came just now it asks for
 * itself, unless it was told them.
 *   t   the first in told that is not of an earlier record
 */
static uint64_t
known_of(const struct selected *b, uint32_t index, bool is_new, size_t *t)
{
	uint64_t known = is_new ? UINT64_MAX : b->modseq;
	for (; *t < b->n_told && b->told[*t].index <= index; ++*t) {
		const struct told *told = &b->told[*t];
		if (told->index == index && (is_new || told->modseq > known))
			known = told->modseq;
	}
	return known;
}

/* n_known: messages behind them came just now */
static void
tell_changes(struct session *s, const struct changes *c, uint32_t n_known, bool is_uid)
{
	struct selected *b = s->selected;
	size_t k = 0, t = 0;
	sort_told(b);
	for (uint32_t seq = 0; (seq = changes_next(b, c, &k, seq)) != 0;) {
		const struct store_record *r = selected_record(b, seq);
		uint32_t index = (uint32_t)(r - b->view.records);
		if (r->modseq <= known_of(b, index, seq > n_known, &t) || is_gone(r))
			continue;
		tell_flags(s, seq, r, is_uid);
		if (!respond_flush(s))
			return;
	}
}

void
selected_changes_put(struct session *s, uint64_t modseq, const struct numset *uids)
{
	struct selected *b = s->selected;
	for (size_t i = 0; i < uids->n; i++) {
		uint32_t to = uids->ranges[i].to;
		for (uint32_t seq = selected_seq_from(b, uids->ranges[i].from);
		     seq <= b->n; seq++) {
			const struct store_record *r = selected_record(b, seq);
			if (r->uid > to)
				break;
			if (r->modseq <= modseq || is_gone(r))
				continue;
			tell_flags(s, seq, r, true);
			if (!respond_flush(s))
				return;
		}
	}
}

/* ---- another view of the same mailbox ---- */

/*
 * Each message of the list is found again by its uid, or has gone meanwhile; both are in order of
 * uid.
 */
static void
list_move(struct session *s, const struct store_view *to)
{
	struct selected *b = s->selected;
	struct going g = {.session = s};
	uint32_t at = 0, last = b->n_seen ? b->view.records[b->n_seen - 1].uid : 0;
	list_make(b);
	for (uint32_t seq = 1; seq <= b->n; seq++) {
		uint32_t uid = selected_record(b, seq)->uid;
		while (at < to->n && to->records[at].uid < uid)
			at++;
		if (at < to->n && to->records[at].uid == uid)
			b->at[g.kept++] = at;
		else
			tell_going(&g, uid);
	}
	tell_going_end(&g);
	while (at < to->n && to->records[at].uid <= last)
		at++;
	b->n_seen = at;
}

static int
renew(struct session *s)
{
	struct selected *b = s->selected;
	struct store_view view;
	int err = store_view_renew(s->store, &b->view, &view);
	if (err != E_OK)
		return err;
	if (b->follower)
		b->follower->lost(s, &view);
	list_move(s, &view);
	b->n_told = 0; /* by other indices: told once more */
	store_unselect(s->store, &b->view);
	b->view = view;
	b->n_gone_seen = UINT32_MAX; /* all of it is looked through at once */
	b->gone_modseq = 0;          /* in the view's own numbers */
	b->gone_at = b->flags_at = b->followed_at =
	    view.head->n_changes - VIEW_CHANGES - 1;
	return E_OK;
}

/* ---- who else follows it ---- */

/* What changed since the follower was told, and all from message from on. */
static struct seqs
followed_of(const struct selected *b, uint32_t *at, uint32_t from)
{
	struct seqs f = {.n = 0};
	struct changes c;
	size_t k = 0;
	changes_since(b->view.head, at, &c);
	for (uint32_t seq = 0; (seq = changes_next(b, &c, &k, seq)) != 0 && seq < from;)
		if (selected_record(b, seq)->modseq > b->followed_modseq)
			seqs_add(&f, seq);
	for (uint32_t seq = from; seq <= b->n; seq++)
		seqs_add(&f, seq);
	return f;
}

static void
follow_gone(struct session *s)
{
	struct selected *b = s->selected;
	uint32_t at = b->followed_at; /* they are looked at once more */
	if (!b->follower || b->view.head->modseq == b->followed_modseq)
		return;
	struct seqs f = followed_of(b, &at, b->n + 1);
	if (f.n)
		b->follower->gone(s, f.all, f.n);
	mem_free(&f.all);
}

static void
follow_changed(struct session *s, uint64_t modseq, uint32_t n_known)
{
	struct selected *b = s->selected;
	if (!b->follower || (modseq == b->followed_modseq && b->n == n_known))
		return;
	struct seqs f = followed_of(b, &b->followed_at, n_known + 1);
	b->followed_modseq = modseq;
	if (f.n)
		b->follower->changed(s, f.all, f.n);
	mem_free(&f.all);
}

static void
say_removed(struct session *s)
{
	log_event(LOG_INFO, "mailbox_removed", "%s", "");
	buf_str(respond_out(s), "* BYE the mailbox was removed\r\n");
	s->is_over = true;
}

/* RFC 4314 5.1.1 */
static void
say_denied(struct session *s)
{
	log_event(LOG_INFO, "mailbox_denied", "%s", "");
	buf_str(respond_out(s),
	    "* BYE [NOPERM] no right to read this mailbox any more\r\n");
	s->is_over = true;
}

void
selected_update(struct session *s, enum update what, bool is_uid)
{
	struct selected *b = s->selected;
	if (!b || s->is_broken)
		return;
	bool tells_count = !(s->untold & UNTOLD_COUNT),
	     tells_flags = !(s->untold & UNTOLD_FLAGS) && what != UPDATE_QUIET_FLAGS;
	/* some may have gone from it */
	bool may_renew = what != UPDATE_NO_EXPUNGE && tells_count;
	int err = b->view.head->is_superseded && may_renew ? renew(s) : E_OK;
	if (err == E_DENY) {
		say_denied(s);
		return;
	}
	if (err == E_BAD || b->view.head->is_deleted) {
		say_removed(s);
		return;
	}
	const struct view_head *head = b->view.head;
	uint64_t modseq = head->modseq; /* before what it covers is read */
	uint32_t n_gone = head->n_gone, n = head->n;
	struct changes c;
	follow_gone(s);
	if (n_gone != b->n_gone_seen && what != UPDATE_NO_EXPUNGE && tells_count) {
		b->n_gone_seen = n_gone;
		changes_since(head, &b->gone_at, &c);
		tell_gone(s, &c);
	}
	uint32_t n_known = b->n;
	if (n > b->n_seen && tells_count)
		tell_new(s, n);
	if (tells_flags)
		selected_tell_keywords(s);
	if (b->follower && b->n > n_known)
		b->follower->came(s, n_known + 1);
	if (modseq != b->modseq && tells_flags) {
		changes_since(head, &b->flags_at, &c);
		tell_changes(s, &c, n_known, is_uid);
		b->modseq = modseq;
	}
	b->n_told = 0;
	follow_changed(s, modseq, n_known);
}
