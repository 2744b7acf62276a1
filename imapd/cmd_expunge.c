/* SPDX-License-Identifier: ISC */
/*
 * cmd_expunge.c - EXPUNGE and UID EXPUNGE: RFC 9051 6.4.3 and 6.4.9, RFC 4315 2.1, RFC 7162 3.2.7
 * and 3.2.9.
 */
#include "imapd/bound.h"

/*
 * Of these, those that are to go: the keeper looks again, at flags that another session changes
 * just now.
 */
static int
find_deleted(const struct session *s, const struct num_range *seqs, struct numset *uids)
{
	int err = E_OK;
	for (uint32_t seq = seqs->from; seq <= seqs->to && err == E_OK; seq++) {
		const struct store_record *r = selected_record(s->selected, seq);
		if (r->flags & FLAG_DELETED && !(r->flags & FLAG_GONE))
			err = numset_add(uids, r->uid, r->uid);
	}
	return err;
}

/*
 * UID EXPUNGE has a set; EXPUNGE means all, and those that came just now go without having been
 * announced.
 */
static enum reply
find_uids(struct session *s, struct command *c, struct numset *uids)
{
	struct numset seqs = {.n = 0};
	struct seqset set;
	int err = E_OK;
	if (c->is_uid && parse_seqset(&c->parse, &set) != E_OK)
		return R_SYNTAX;
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if (s->selected->is_read_only)
		return R_READ_ONLY;
	if (!(s->selected->view.rights & RIGHT_EXPUNGE))
		return R_NO_RIGHT;
	if (!c->is_uid)
		return selected_deleted(s->selected, uids) == E_OK ? R_DONE : R_LIMIT;
	if (numbers_resolve(s, &set, true, &seqs) != E_OK)
		return R_BAD_SEQUENCE;
	for (size_t i = 0; i < seqs.n && err == E_OK; i++)
		err = find_deleted(s, &seqs.ranges[i], uids);
	numset_free(&seqs);
	return err == E_OK ? R_DONE : R_LIMIT;
}

enum reply
cmd_expunge(struct session *s, struct command *c)
{
	struct numset uids = {.n = 0};
	uint32_t lowest;
	enum reply reply = find_uids(s, c, &uids);
	bool is_cut =
	    reply == R_DONE && c->is_uid && bound_cut(&uids, s->messages_most, &lowest);
	if (reply == R_DONE && uids.n) {
		reply = reply_of(
		    store_expunge(s->store, s->selected->view.mailbox, &uids, true),
		    false);
		selected_update(s, UPDATE_ALL, c->is_uid);
		if (reply == R_DONE && s->enabled & EN_QRESYNC)
			buf_putf(&s->code, "HIGHESTMODSEQ %llu",
			    (unsigned long long)s->selected->modseq);
	}
	if (is_cut)
		bound_say(s, reply, s->messages_most, lowest);
	numset_free(&uids);
	return reply;
}
