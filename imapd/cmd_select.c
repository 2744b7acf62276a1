/* SPDX-License-Identifier: ISC */
/* cmd_select.c - SELECT, EXAMINE (with CONDSTORE and QRESYNC: RFC 7162), CLOSE, UNSELECT, CHECK. */
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/share.h"
#include "imapd/vanished.h"

/* The QRESYNC parameter: RFC 7162 3.2.5. */
struct qresync {
	bool is_there;
	uint32_t uidvalidity;
	uint64_t modseq;
	struct seqset uids; /* known; n is 0: all */
	struct seqset match_seqs, match_uids;
};

/* ---- parameters ---- */

static bool
has_star(const struct seqset *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->ranges[i].from == SEQ_STAR || set->ranges[i].to == SEQ_STAR)
			return true;
	return set->is_saved;
}

static int
parse_known_set(struct parse *p, struct seqset *out)
{
	int err = parse_seqset(p, out);
	return err == E_OK && has_star(out) ? E_BAD : err;
}

static int
parse_match(struct parse *p, struct qresync *q)
{
	int err = parse_known_set(p, &q->match_seqs);
	if (err == E_OK)
		err = parse_sp(p);
	if (err == E_OK)
		err = parse_known_set(p, &q->match_uids);
	return err == E_OK && parse_ch(p, ')') ? E_OK : E_BAD;
}

static int
parse_qresync(struct parse *p, struct qresync *q)
{
	q->is_there = true;
	if (parse_sp(p) != E_OK || !parse_ch(p, '(') ||
	    parse_number(p, &q->uidvalidity) != E_OK || parse_sp(p) != E_OK ||
	    parse_number64(p, &q->modseq) != E_OK || q->uidvalidity == 0 ||
	    q->modseq == 0)
		return E_BAD;
	int err = E_OK;
	bool has_more = parse_ch(p, ' ');
	if (has_more && !parse_peek(p, '(')) {
		err = parse_known_set(p, &q->uids);
		has_more = err == E_OK && parse_ch(p, ' ');
	}
	if (has_more)
		err = parse_ch(p, '(') ? parse_match(p, q) : E_BAD;
	return err == E_OK && parse_ch(p, ')') ? E_OK : E_BAD;
}

static int
parse_parameters(
    struct session *s, struct parse *p, bool *wants_condstore, struct qresync *q)
{
	if (parse_is_at_end(p))
		return E_OK;
	if (parse_sp(p) != E_OK || !parse_ch(p, '('))
		return E_BAD;
	do {
		if (parse_word(p, "CONDSTORE"))
			*wants_condstore = true;
		else if (!parse_word(p, "QRESYNC") || !(s->enabled & EN_QRESYNC) ||
			 parse_qresync(p, q) != E_OK)
			return E_BAD;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? parse_end(p) : E_BAD;
}

/* ---- what is told of a mailbox ---- */

static bool
is_unseen(const struct selected *b, uint32_t seq)
{
	return !(selected_record(b, seq)->flags & FLAG_SEEN);
}

/*
 * From the front it is found at once where many are unseen; where few are, they mostly are the
 * last, and are counted from behind.  Both at a time: the shorter way, twice.  0: there is none
 */
static uint32_t
first_unseen(const struct selected *b)
{
	uint64_t left = b->view.unseen;
	uint32_t first = 0;
	for (uint32_t front = 1, back = b->n; left && front <= back; front++, back--) {
		if (is_unseen(b, front))
			return front;
		if (is_unseen(b, back)) {
			first = back;
			left--;
		}
	}
	return first;
}

/* RFC 3501 6.3.1; no more in rev2 */
static void
put_first_unseen(struct session *s)
{
	uint32_t seq = s->selected->has_recent && !(s->enabled & EN_UIDONLY)
	                   ? first_unseen(s->selected)
	                   : 0;
	if (seq)
		buf_putf(respond_out(s), "* OK [UNSEEN %u] the first unseen\r\n", seq);
}

static void
put_mailbox_data(struct session *s, struct span name)
{
	const struct selected *b = s->selected;
	struct buf *out = respond_out(s);
	selected_keywords_put(s);
	selected_size_put(s);
	put_first_unseen(s);
	buf_putf(out, "* OK [UIDVALIDITY %u] as long as this is the same\r\n",
	    b->view.uidvalidity);
	buf_putf(out, "* OK [UIDNEXT %u] or above\r\n", b->view.uidnext);
	buf_putf(
	    out, "* OK [HIGHESTMODSEQ %llu] so far\r\n", (unsigned long long)b->modseq);
	if (session_is_private(s)) /* RFC 4467 9 */
		buf_str(out, "* OK [URLMECH INTERNAL] for GENURLAUTH\r\n");
	buf_str(out, "* OK [MAILBOXID (");
	put_mailboxid(out, b->view.mailbox); /* RFC 8474 4.2 */
	buf_str(out, ")] for ever\r\n");
	if (!(s->enabled & EN_REV2))
		return;
	buf_str(out, "* LIST () \"/\" "); /* RFC 9051 6.3.2 */
	put_mailbox(out, name, true);
	buf_str(out, "\r\n");
}

/* ---- QRESYNC ---- */

/* The numbers of a set one by one. */
struct walk {
	const struct seqset *set;
	size_t range;
	uint32_t at; /* 0: at the beginning of the range */
};

static uint32_t
walk_next(struct walk *w)
{
	if (w->range == w->set->n)
		return 0;
	const struct num_range *r = &w->set->ranges[w->range];
	w->at = w->at ? w->at + 1 : r->from;
	uint32_t number = w->at;
	if (number >= r->to) {
		w->range++;
		w->at = 0;
	}
	return number;
}

/*
 * The highest uid up to which the client knows all that went: RFC 7162 3.2.5.2; behind one that
 * does not match none does.
 */
static uint32_t
matched_uid(const struct selected *b, const struct qresync *q)
{
	struct walk seqs = {.set = &q->match_seqs}, uids = {.set = &q->match_uids};
	uint32_t matched = 0;
	for (;;) {
		uint32_t seq = walk_next(&seqs), uid = walk_next(&uids);
		if (seq == 0 || uid == 0 || seq > b->n ||
		    selected_record(b, seq)->uid != uid)
			return matched;
		matched = uid;
	}
}

/* What the client knows of, in order; all of it when it does not say. */
static void
known_uids(const struct selected *b, const struct qresync *q, struct numset *out)
{
	for (size_t i = 0; i < q->uids.n; i++) {
		const struct num_range *r = &q->uids.ranges[i];
		if (numset_add(out, r->from < r->to ? r->from : r->to,
			r->from < r->to ? r->to : r->from) != E_OK)
			return;
	}
	if (q->uids.n == 0 && b->view.uidnext > 1 &&
	    numset_add(out, 1, b->view.uidnext - 1) != E_OK)
		return;
}

/* What went past the uid that matched; then the flags that changed. */
static int
put_changes(struct session *s, const struct qresync *q)
{
	struct numset known = {.n = 0}, open = {.n = 0};
	uint32_t matched = matched_uid(s->selected, q);
	int err = E_OK;
	known_uids(s->selected, q, &known);
	for (size_t i = 0; i < known.n && err == E_OK; i++) {
		struct num_range r = known.ranges[i];
		if (r.to > matched)
			err = numset_add(
			    &open, r.from > matched ? r.from : matched + 1, r.to);
	}
	if (err == E_OK)
		err = vanished_put(s, open.ranges, open.n, q->modseq);
	if (err == E_OK)
		selected_changes_put(s, q->modseq, &known);
	numset_free(&known);
	numset_free(&open);
	return err;
}

/* ---- the commands ---- */

/* RFC 9051 6.3.2: what comes behind it is of the new mailbox */
static void
leave(struct session *s)
{
	if (!s->selected)
		return;
	selected_close(s);
	buf_str(respond_out(s), "* OK [CLOSED] the one before is closed\r\n");
}

static enum reply
enter_store(struct session *s, struct span name, struct place *place)
{
	enum reply reply = share_find(s, name, place);
	if (reply == R_DONE && place->owner_local) {
		store_unselect_now(session_own(s));
		s->store = place->store;
	}
	return reply;
}

static enum reply
enter(struct session *s, struct command *c, bool is_examine)
{
	struct span name;
	struct qresync q = {.is_there = false};
	bool wants_condstore = false;
	struct place place;
	if (parse_mailbox(&c->parse, &name) != E_OK ||
	    parse_parameters(s, &c->parse, &wants_condstore, &q) != E_OK)
		return R_SYNTAX;
	if (q.match_seqs.n && s->enabled & EN_UIDONLY)
		return R_UID_REQUIRED;
	leave(s); /* also when the new one cannot be selected */
	if (wants_condstore)
		selected_enable_condstore(s);
	enum reply reply = enter_store(s, name, &place);
	if (reply != R_DONE)
		return reply;
	int err = selected_open(s, place.name, is_examine);
	if (err != E_OK)
		s->store = session_own(s);
	if (err != E_OK)
		return err == E_BAD    ? R_NO_MAILBOX
		       : err == E_DENY ? R_NO_RIGHT
		                       : R_LATER;
	if (place.owner_local)
		notify_leave(s);
	put_mailbox_data(s, name);
	if (q.is_there && q.uidvalidity == s->selected->view.uidvalidity &&
	    put_changes(s, &q) != E_OK) {
		selected_close(s);
		return R_LATER;
	}
	buf_str(&s->code, s->selected->is_read_only ? "READ-ONLY" : "READ-WRITE");
	return R_DONE;
}

enum reply
cmd_select(struct session *s, struct command *c)
{
	return enter(s, c, false);
}

enum reply
cmd_examine(struct session *s, struct command *c)
{
	return enter(s, c, true);
}

/*
 * RFC 9051 6.4.1: what is \Deleted goes, also what the client did not hear of yet, and nobody is
 * told here
 */
enum reply
cmd_close(struct session *s, struct command *c)
{
	struct selected *b = s->selected;
	struct numset uids = {.n = 0};
	enum store_said said = STORE_DONE;
	(void)c;
	bool may = !b->is_read_only && (b->view.rights & RIGHT_EXPUNGE);
	if (may && selected_deleted(b, &uids) != E_OK)
		said = STORE_TOO_MANY;
	if (said == STORE_DONE && uids.n)
		said = store_expunge(s->store, b->view.mailbox, &uids, true);
	numset_free(&uids);
	if (said == STORE_NO_RIGHT) /* RFC 4314 4: it is closed all the same */
		said = STORE_DONE;
	if (said == STORE_DONE)
		selected_close(s);
	return reply_of(said, false);
}

enum reply
cmd_unselect(struct session *s, struct command *c)
{
	(void)c;
	selected_close(s);
	return R_DONE;
}

/* All that was answered is on disk already. */
enum reply
cmd_check(struct session *s, struct command *c)
{
	return cmd_noop(s, c);
}
