/* SPDX-License-Identifier: ISC */
/* cmd_cancelupdate.c - CANCELUPDATE: RFC 5267 4.3.5. */
#include "imapd/context.h"

/* Whether all of them are there is known before the first is given up. */
static int
tags_read(struct session *s, struct parse *p, bool is_free)
{
	do {
		struct span tag;
		if (!parse_peek(p, '"') || parse_string(p, &tag) != E_OK)
			return parse_fail(p, p->in, "a tag in quotes");
		struct context **at = context_of(s, tag);
		if (!*at && !is_free)
			return parse_fail(
			    p, p->in, "the tag of a search that is followed");
		if (*at && is_free)
			context_free(at);
	} while (parse_ch(p, ' '));
	return parse_end(p);
}

enum reply
cmd_cancelupdate(struct session *s, struct command *c)
{
	struct parse again = c->parse;
	if (tags_read(s, &c->parse, false) != E_OK)
		return R_SYNTAX;
	return tags_read(s, &again, true) == E_OK ? R_DONE : R_SYNTAX;
}
