/* SPDX-License-Identifier: ISC */
/* cmd_state.c - CAPABILITY, NOOP, LOGOUT, ID, ENABLE, NAMESPACE. */
#include "imapd/capability.h"
#include "imapd/context.h"
#include "imapd/metadata.h"
#include "imapd/share.h"

enum reply
cmd_capability(struct session *s, struct command *c)
{
	struct buf *out = respond_out(s);
	(void)c;
	buf_str(out, "* ");
	capability_put(out, s);
	buf_str(out, "\r\n");
	return R_DONE;
}

/* What lies in new/ is taken in; the dispatcher tells of it. */
enum reply
cmd_noop(struct session *s, struct command *c)
{
	(void)c;
	return store_sync(session_own(s)) == E_OK ? R_DONE : R_LATER;
}

enum reply
cmd_logout(struct session *s, struct command *c)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* BYE see you\r\n"); /* before the tagged reply: RFC 9051 6.1.3 */
	respond_tagged(s, R_DONE, c->verb, NULL);
	s->is_over = true;
	return R_NONE;
}

enum reply
cmd_id(struct session *s, struct command *c)
{
	if (parse_id(&c->parse) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	id_put(respond_out(s));
	return R_DONE;
}

/*
 * RFC 9051 6.3.1: what is not known, or need not be enabled, is ignored; told is what this command
 * changed
 */
enum reply
cmd_enable(struct session *s, struct command *c)
{
	static const struct {
		const char *name;
		unsigned what;
	} known[] = {{"CONDSTORE", EN_CONDSTORE}, {"QRESYNC", EN_QRESYNC},
	    {"UTF8=ACCEPT", EN_UTF8}, {"IMAP4rev2", EN_REV2}, {"UIDONLY", EN_UIDONLY},
	    {"METADATA", EN_METADATA}};

	unsigned wanted = 0;
	struct span name;
	do {
		if (parse_atom(&c->parse, &name) != E_OK)
			return R_SYNTAX;
		for (size_t i = 0; i < COUNT(known); i++)
			if (span_ieqs(name, known[i].name))
				wanted |= known[i].what;
	} while (!parse_is_at_end(&c->parse) && parse_sp(&c->parse) == E_OK);
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if ((wanted & EN_METADATA) && metadata_enable(s) != E_OK)
		return R_LATER;
	struct buf *out = respond_out(s);
	buf_str(out, "* ENABLED");
	for (size_t i = 0; i < COUNT(known); i++)
		if ((wanted & known[i].what) && !(s->enabled & known[i].what))
			buf_putf(out, " %s", known[i].name);
	buf_str(out, "\r\n");
	if (wanted & (EN_CONDSTORE | EN_QRESYNC))
		selected_enable_condstore(s); /* RFC 7162 3.2.3: QRESYNC implies it */
	s->enabled |= wanted;
	if (s->selected && (wanted & EN_REV2))
		s->selected->has_recent = false;
	if (s->selected && (wanted & EN_UIDONLY))
		contexts_end_numbers(s);
	return R_DONE;
}

/* RFC 9051 6.3.10: a user's own mailboxes, and those of others (share.h) */
enum reply
cmd_namespace(struct session *s, struct command *c)
{
	(void)c;
	buf_str(respond_out(s),
	    "* NAMESPACE ((\"\" \"/\")) ((\"" SHARE_ROOT "/\" \"/\")) NIL\r\n");
	return R_DONE;
}
