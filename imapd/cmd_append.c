/* SPDX-License-Identifier: ISC */
/*
 * cmd_append.c - APPEND, of one message or many: RFC 9051 6.3.12, RFC 3502.  All of them or none.
 */
#include "imapd/append.h"
#include "imapd/share.h"

static enum reply
store_all(struct append *a, struct span mailbox)
{
	uint32_t uidvalidity, uid;
	enum reply reply = append_end(a);
	if (reply != R_DONE)
		return reply;
	struct place place;
	reply = share_find(a->s, mailbox, &place);
	if (reply != R_DONE)
		return reply;
	enum store_said said =
	    share_append(a->s, &place, a->messages, a->n, &uidvalidity, &uid);
	if (said != STORE_DONE)
		return reply_of(said, true);
	if (place.store == a->s->store)
		selected_note_own(a->s, uidvalidity, uid, uid + (uint32_t)a->n - 1);
	buf_putf(&a->s->code, "APPENDUID %u %u", uidvalidity, uid);
	if (a->n > 1)
		buf_putf(&a->s->code, ":%u", uid + (uint32_t)(a->n - 1));
	return R_DONE;
}

enum reply
cmd_append(struct session *s, struct command *c)
{
	struct append a;
	struct span name;
	if (parse_mailbox(&c->parse, &name) != E_OK)
		return R_SYNTAX;
	enum reply reply = append_accepts(s, name, NULL);
	if (reply != R_DONE)
		return reply;
	append_init(&a, s, c);
	while (append_take(&a) && !parse_is_at_end(&c->parse))
		;
	reply = a.reply == R_DONE ? store_all(&a, name) : a.reply;
	append_done(&a);
	return reply;
}
