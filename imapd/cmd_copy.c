/* SPDX-License-Identifier: ISC */
/*
 * cmd_copy.c - COPY, MOVE and their UID forms: RFC 9051 6.4.7 and 6.4.8, RFC 4315 3, RFC 6851.
 * COPY is all or none.  By sequence number, a message that another session expunged meanwhile makes
 * it none; by UID it is left out.
 */
#include "imapd/bound.h"
#include "imapd/share.h"

enum { COPYUID_BYTES_MAX = 256 << 10 }; /* a longer code is left out */

static bool
has_gone(const struct session *s, const struct numset *seqs)
{
	for (size_t i = 0; i < seqs->n; i++)
		for (uint32_t seq = seqs->ranges[i].from; seq <= seqs->ranges[i].to;
		     seq++)
			if (selected_record(s->selected, seq)->flags & FLAG_GONE)
				return true;
	return false;
}

static void
code_copyuid(struct buf *code, const struct store_copied *copied)
{
	if (copied->from.n == 0)
		return;
	buf_putf(code, "COPYUID %u ", copied->uidvalidity);
	numset_put(code, &copied->from);
	buf_ch(code, ' ');
	numset_put(code, &copied->to);
	if (code->len > COPYUID_BYTES_MAX)
		buf_reset(code);
}

/* RFC 6851 4.3 and 4.4: COPYUID stands before what went, HIGHESTMODSEQ behind it */
static void
tell_move(struct session *s, bool is_uid)
{
	if (s->code.len)
		buf_putf(respond_out(s), "* OK [%.*s] moved\r\n",
		    SPAN_ARG(buf_as_span(&s->code)));
	buf_reset(&s->code);
	if (!respond_flush(s))
		return;
	selected_update(s, UPDATE_ALL, is_uid);
	if (s->enabled & EN_QRESYNC)
		buf_putf(&s->code, "HIGHESTMODSEQ %llu",
		    (unsigned long long)s->selected->modseq);
}

static enum reply
copy(struct session *s, const struct numset *seqs, const struct place *place,
    bool is_move, bool is_uid)
{
	struct store_copied copied = {.uidvalidity = 0};
	struct numset uids = {.n = 0};
	bool is_same = place->store == s->store;
	numbers_uids(s, seqs, &uids);
	enum store_said said = is_same ? store_copy(s->store, s->selected->view.mailbox,
					     &uids, place->name, is_move, &copied)
	                               : share_copy(s, &uids, place, is_move, &copied);
	if (is_same && said == STORE_DONE && place->owner_local)
		share_copied(s, place, &copied);
	if (is_same && copied.to.n)
		selected_note_own(s, copied.uidvalidity, copied.to.ranges[0].from,
		    copied.to.ranges[copied.to.n - 1].to);
	code_copyuid(&s->code, &copied);
	if (is_move && copied.from.n) /* also what was moved before a failure */
		tell_move(s, is_uid);
	numset_free(&uids);
	numset_free(&copied.from);
	numset_free(&copied.to);
	return reply_of(said, true);
}

/* A MOVE between accounts goes in rounds, a COPY does not: share.h */
static uint32_t
copy_most(const struct session *s, const struct place *place, bool is_move)
{
	if (is_move)
		return s->messages_most;
	return place->store == s->store ? bound_saves(s)
	                                : bound_least(bound_saves(s), SHARE_COPY_MOST);
}

/* A COPY is all or none; a MOVE does what it may: RFC 9738 3.1 */
static enum reply
copy_bounded(struct session *s, struct numset *seqs, struct span target, bool is_move,
    bool is_uid)
{
	struct place place;
	enum reply reply = share_find(s, target, &place);
	if (reply != R_DONE)
		return reply;
	uint32_t lowest, most = copy_most(s, &place, is_move);
	bool is_cut = bound_cut(seqs, most, &lowest);
	uint32_t uid = is_cut ? selected_record(s->selected, lowest)->uid : 0;
	reply = is_cut && !is_move ? R_LIMIT : copy(s, seqs, &place, is_move, is_uid);
	if (is_cut && (is_move || bound_saves(s)))
		bound_say(s, reply, most, uid);
	return reply;
}

static enum reply
copy_or_move(struct session *s, struct command *c, bool is_move)
{
	struct parse *p = &c->parse;
	struct numset seqs = {.n = 0};
	struct seqset set;
	struct span target;
	enum reply reply = R_BAD_SEQUENCE;
	if (parse_seqset(p, &set) != E_OK || parse_sp(p) != E_OK ||
	    parse_mailbox(p, &target) != E_OK || parse_end(p) != E_OK)
		return R_SYNTAX;
	if (is_move && s->selected->is_read_only)
		return R_READ_ONLY;
	if (numbers_resolve(s, &set, c->is_uid, &seqs) == E_OK)
		reply = !c->is_uid && has_gone(s, &seqs)
		            ? R_EXPUNGED
		            : copy_bounded(s, &seqs, target, is_move, c->is_uid);
	numset_free(&seqs);
	return reply;
}

enum reply
cmd_copy(struct session *s, struct command *c)
{
	return copy_or_move(s, c, false);
}

enum reply
cmd_move(struct session *s, struct command *c)
{
	return copy_or_move(s, c, true);
}
