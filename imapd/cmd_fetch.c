/* SPDX-License-Identifier: ISC */
/*
 * cmd_fetch.c - FETCH and UID FETCH: RFC 9051 6.4.5, RFC 7162 3.1.4 and 3.2.6, RFC 9394 3.3.  \Seen is set for a
 * slice of messages at once, and before they are sent; where it cannot be set (the disk is full)
 * they are sent all the same.
 */
#include "imapd/bound.h"
#include "imapd/command.h"
#include "imapd/fetch.h"
#include "imapd/vanished.h"

enum { SLICE_MESSAGES = 500 }; /* whose \Seen is set with one ask */

struct slice {
	uint32_t from, to; /* sequence numbers */
	/* enum fetch_what: what is said beside what was asked for */
	unsigned more[SLICE_MESSAGES];
};

static bool
is_wanted(const struct fetch_atts *atts, const struct store_record *r)
{
	return !atts->has_changed_since || r->modseq > atts->changed_since;
}

/* ---- \Seen ---- */

static int
find_unseen(const struct fetch *f, const struct slice *sl, struct numset *uids)
{
	int err = E_OK;
	for (uint32_t seq = sl->from; seq <= sl->to && err == E_OK; seq++) {
		const struct store_record *r = selected_record(f->s->selected, seq);
		if (!(r->flags & FLAG_SEEN) && is_wanted(f->atts, r))
			err = numset_add(uids, r->uid, r->uid);
	}
	return err;
}

/* RFC 7162 3.2.4: where the flags are said for \Seen, UID and MODSEQ stand beside them. */
static void
say_seen(struct fetch *f, struct slice *sl, const struct numset *uids)
{
	unsigned more =
	    f->s->enabled & EN_CONDSTORE ? FETCH_FLAGS | FETCH_MODSEQ : FETCH_FLAGS;
	if (f->s->enabled & EN_CONDSTORE && !(f->s->enabled & EN_UIDONLY))
		more |= FETCH_UID;
	for (uint32_t seq = sl->from; seq <= sl->to; seq++) {
		const struct store_record *r = selected_record(f->s->selected, seq);
		if (!numset_has(uids, r->uid) || !(r->flags & FLAG_SEEN))
			continue;
		selected_told(f->s->selected, seq, r->modseq);
		sl->more[seq - sl->from] = more;
	}
}

/*
 * What another view of the mailbox has by now is told at the end of the command (selected_update).
 */
static void
set_seen(struct fetch *f, struct slice *sl)
{
	static const struct store_change change = {
	    .how = STORE_ADD, .flags = FLAG_SEEN};
	const struct store_view *view = &f->s->selected->view;
	struct numset uids = {.n = 0};
	if (find_unseen(f, sl, &uids) == E_OK && uids.n &&
	    store_flags(f->s->store, view->mailbox, &uids, &change, NULL) ==
		STORE_DONE &&
	    !view->head->is_superseded)
		say_seen(f, sl, &uids);
	numset_free(&uids);
}

/* ---- messages ---- */

/*
 * Of what goes while the session is there the record is told as ever, and the file while there is one
 * (RFC 2180 4.1.1).  A ghost is left out where more is asked than its UID, with a NO (4.1.2); by UID
 * it is none that exists, and nothing is said (RFC 9051 6.4.9).
 */
static bool
can_tell(struct fetch *f, const struct store_record *r)
{
	const unsigned known = FETCH_UID | FETCH_BY_UID;
	if (!selected_is_ghost(r))
		return true;
	if (f->atts->is_by_uid)
		return false;
	if (!(f->atts->whats & ~known) && !f->atts->sections)
		return true;
	fetch_failed(f, R_EXPUNGED);
	return false;
}

static bool
fetch_slice(struct fetch *f, struct slice *sl)
{
	if (f->atts->sets_seen && !f->s->selected->is_read_only &&
	    (f->s->selected->view.rights & RIGHT_SEEN)) {
		for (uint32_t i = 0; i <= sl->to - sl->from; i++)
			sl->more[i] = 0;
		set_seen(f, sl);
	}
	for (uint32_t seq = sl->from; seq <= sl->to; seq++) {
		const struct store_record *r = selected_record(f->s->selected, seq);
		if (is_wanted(f->atts, r) && can_tell(f, r) &&
		    !fetch_put(f, seq, sl->more[seq - sl->from]))
			return false;
	}
	return true;
}

/* From the highest down, where there are more than one command may have: RFC 9738 3.1 */
static bool
fetch_down(struct fetch *f, const struct numset *seqs)
{
	struct slice sl;
	for (size_t i = seqs->n; i-- > 0;)
		for (uint32_t seq = seqs->ranges[i].to; seq >= seqs->ranges[i].from;
		     seq--) {
			sl.from = sl.to = seq;
			sl.more[0] = 0;
			if (!fetch_slice(f, &sl))
				return false;
		}
	return true;
}

static enum reply
fetch_all(struct session *s, const struct fetch_atts *atts, const struct numset *seqs,
    bool is_down)
{
	struct slice sl = {.from = 0};
	struct fetch f;
	bool is_sent = true;
	fetch_init(&f, s, atts);
	if (is_down)
		is_sent = fetch_down(&f, seqs);
	for (size_t i = 0; i < seqs->n && !is_down; i++)
		for (uint32_t seq = seqs->ranges[i].from;
		     seq <= seqs->ranges[i].to && is_sent; seq = sl.to + 1) {
			uint32_t left = seqs->ranges[i].to - seq;
			sl.from = seq;
			sl.to =
			    seq + (left < SLICE_MESSAGES ? left : SLICE_MESSAGES - 1);
			is_sent = fetch_slice(&f, &sl);
		}
	fetch_done(&f);
	return is_sent ? f.reply : R_NONE;
}

/* ---- the command ---- */

/* Messages k to k + n - 1 of the set, its first one being 0. */
static int
set_cut(struct numset *set, size_t k, size_t n)
{
	struct numset all = *set;
	int err = E_OK;
	*set = (struct numset){.n = 0};
	for (size_t i = 0; i < all.n && n && err == E_OK; i++) {
		size_t here = all.ranges[i].to - all.ranges[i].from + 1;
		if (k >= here) {
			k -= here;
			continue;
		}
		uint32_t from = all.ranges[i].from + (uint32_t)k;
		size_t some = here - k < n ? here - k : n;
		err = numset_add(set, from, from + (uint32_t)some - 1);
		n -= some;
		k = 0;
	}
	numset_free(&all);
	return err;
}

/* RFC 9394 3.4: the window comes first, then what changed of it */
static int
partial_cut(const struct partial *partial, struct numset *seqs)
{
	size_t at, n = partial_window(partial, numset_count(seqs), &at);
	return set_cut(seqs, at, n);
}

static int
parse_all(
    struct session *s, struct command *c, struct seqset *set, struct fetch_atts *atts)
{
	struct parse *p = &c->parse;
	if (parse_seqset(p, set) != E_OK || parse_sp(p) != E_OK ||
	    fetch_atts_parse(p, atts) != E_OK ||
	    fetch_modifiers_parse(p, atts) != E_OK || parse_end(p) != E_OK)
		return E_BAD;
	if (atts->partial.is_there && !c->is_uid)
		return parse_fail(p, p->in, "PARTIAL with UID FETCH only");
	atts->is_by_uid = c->is_uid;
	if (s->enabled & EN_UIDONLY)
		atts->whats |= FETCH_BY_UID;
	else if (c->is_uid)
		atts->whats |= FETCH_UID;
	if (atts->has_changed_since)
		atts->whats |= FETCH_MODSEQ;
	if (atts->whats & FETCH_MODSEQ)
		selected_enable_condstore(s);
	return E_OK;
}

/* RFC 7162 3.2.6 */
static bool
is_vanished_legal(
    const struct session *s, const struct command *c, const struct fetch_atts *atts)
{
	return c->is_uid && atts->has_changed_since && s->enabled & EN_QRESYNC;
}

static int
say_vanished(struct session *s, const struct seqset *set, const struct fetch_atts *atts)
{
	const struct numset *saved = &s->selected->saved;
	return set->is_saved
	           ? vanished_put(s, saved->ranges, saved->n, atts->changed_since)
	           : vanished_put(s, set->ranges, set->n, atts->changed_since);
}

enum reply
cmd_fetch(struct session *s, struct command *c)
{
	struct numset seqs = {.n = 0};
	struct fetch_atts atts;
	struct seqset set;
	enum reply reply = R_BAD_SEQUENCE;
	if (parse_all(s, c, &set, &atts) != E_OK)
		return R_SYNTAX;
	if (atts.is_vanished && !is_vanished_legal(s, c, &atts))
		return R_CLIENT_BUG;
	/* which also puts the set's ranges in order */
	int err = numbers_resolve(s, &set, c->is_uid, &seqs);
	if (err == E_OK && atts.partial.is_there)
		err = partial_cut(&atts.partial, &seqs);
	uint32_t lowest = 0;
	bool is_cut = err == E_OK && bound_cut_seqs(s, &seqs, &lowest);
	if (is_cut && atts.partial.is_there) {
		reply = R_LIMIT;
		lowest = 0;
	} else if (err == E_OK) {
		reply = atts.is_vanished && say_vanished(s, &set, &atts) != E_OK
		            ? R_LATER
		            : fetch_all(s, &atts, &seqs, is_cut);
	}
	if (is_cut)
		reply = bound_say_done(s, reply, s->messages_most, lowest);
	numset_free(&seqs);
	return reply;
}
