/* SPDX-License-Identifier: ISC */
/*
 * cmd_replace.c - REPLACE and UID REPLACE: RFC 8508.  The message that comes and the one that goes
 * are one transaction.
 */
#include "imapd/append.h"
#include "imapd/share.h"

/* 0: R_BAD_SEQUENCE, or by UID there is none */
static uint32_t
find_seq(const struct session *s, uint32_t number, bool is_uid)
{
	if (is_uid)
		return selected_seq(s->selected, number);
	return number <= s->selected->n ? number : 0;
}

/* RFC 8508 4.3: APPENDUID stands before what went */
static enum reply
replace(struct append *a, uint32_t uid, struct span target, bool is_uid)
{
	struct session *s = a->s;
	uint32_t uidvalidity, new_uid;
	enum reply reply = append_end(a);
	if (reply != R_DONE)
		return reply;
	enum store_said said = store_replace(s->store, s->selected->view.mailbox, uid,
	    target, a->messages, &uidvalidity, &new_uid);
	if (said != STORE_DONE)
		return reply_of(said, true);
	selected_note_own(s, uidvalidity, new_uid, new_uid);
	buf_putf(respond_out(s), "* OK [APPENDUID %u %u] replaced\r\n", uidvalidity,
	    new_uid);
	selected_update(s, UPDATE_ALL, is_uid);
	if (s->enabled & EN_QRESYNC)
		buf_putf(&s->code, "HIGHESTMODSEQ %llu",
		    (unsigned long long)s->selected->modseq);
	return R_DONE;
}

static enum reply
take_and_replace(struct session *s, struct command *c, uint32_t uid, struct span target)
{
	struct append a;
	append_init(&a, s, c);
	enum reply reply = R_SYNTAX;
	if (!append_take(&a))
		reply = a.reply;
	else if (parse_end(&c->parse) == E_OK)
		reply = replace(&a, uid, target, c->is_uid);
	append_done(&a);
	return reply;
}

enum reply
cmd_replace(struct session *s, struct command *c)
{
	struct parse *p = &c->parse;
	struct span target;
	uint32_t number;
	if (parse_number(p, &number) != E_OK || parse_sp(p) != E_OK ||
	    parse_mailbox(p, &target) != E_OK)
		return R_SYNTAX;
	if (s->store != session_own(s) || share_is_name(target))
		return R_CANNOT; /* two accounts have no transaction together */
	if (s->selected->is_read_only)
		return R_READ_ONLY;
	uint32_t seq = number ? find_seq(s, number, c->is_uid) : 0;
	if (seq == 0)
		return c->is_uid ? R_EXPUNGED : R_BAD_SEQUENCE;
	const struct store_record *r = selected_record(s->selected, seq);
	uint32_t uid = r->uid;
	if (r->flags & FLAG_GONE)
		return R_EXPUNGED;
	enum reply reply = append_accepts(s, target, r);
	return reply == R_DONE ? take_and_replace(s, c, uid, target) : reply;
}
