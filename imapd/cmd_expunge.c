/* SPDX-License-Identifier: ISC */
/* cmd_expunge.c - EXPUNGE and UID EXPUNGE: RFC 9051 6.4.3 and 6.4.9, RFC 4315 2.1, RFC 7162 3.2.7 and 3.2.9. */
#include "imapd/command.h"

/* Of these, those that are to go: the keeper looks again, at flags that another session changes just now. */
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

static enum reply
expunge(struct session *s, const struct numset *seqs, bool is_uid)
{
	struct numset uids = {.n = 0};
	enum reply reply = R_DONE;
	for (size_t i = 0; i < seqs->n; i++)
		if (find_deleted(s, &seqs->ranges[i], &uids) != E_OK)
			reply = R_LIMIT;
	if (reply == R_DONE && uids.n) {
		reply = reply_of(store_expunge(s->store, s->selected->view.mailbox, &uids, true), false);
		selected_update(s, UPDATE_ALL, is_uid);
		if (reply == R_DONE && s->enabled & EN_QRESYNC)
			buf_putf(&s->code, "HIGHESTMODSEQ %llu", (unsigned long long)s->selected->modseq);
	}
	numset_free(&uids);
	return reply;
}

/* UID EXPUNGE has a set, EXPUNGE has none: it means all. */
static enum reply
find_numbers(struct session *s, struct command *c, struct numset *seqs)
{
	struct seqset set;
	if (c->is_uid && parse_seqset(&c->parse, &set) != E_OK)
		return R_SYNTAX;
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if (c->is_uid)
		return numbers_resolve(s, &set, true, seqs) == E_OK ? R_DONE : R_BAD_SEQUENCE;
	return s->selected->n == 0 || numset_add(seqs, 1, s->selected->n) == E_OK ? R_DONE : R_LIMIT;
}

enum reply
cmd_expunge(struct session *s, struct command *c)
{
	struct numset seqs = {.n = 0};
	selected_update(s, UPDATE_ALL, c->is_uid); /* all that are deleted go: also those that the client hears of now */
	enum reply reply = find_numbers(s, c, &seqs);
	if (reply == R_DONE)
		reply = s->selected->is_read_only ? R_READ_ONLY : expunge(s, &seqs, c->is_uid);
	numset_free(&seqs);
	return reply;
}
