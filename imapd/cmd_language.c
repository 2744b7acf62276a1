/* SPDX-License-Identifier: ISC */
/*
 * cmd_language.c - LANGUAGE, COMPARATOR: RFC 5255 3 and 4.7.  There is one comparator,
 * i;unicode-casemap (RFC 5051), which SEARCH, SORT and THREAD use whatever was asked for.
 */
#include "imapd/command.h"
#include "imapd/language.h"

enum { COMPARATORS_MOST = 64 }; /* of one command */

static const char the_comparator[] = "i;unicode-casemap";

enum reply
cmd_language(struct session *s, struct command *c)
{
	switch (language_choose(&c->parse, respond_out(s))) {
	case E_OK:
		return R_DONE;
	case E_DENY:
		return R_CANNOT;
	default:
		return R_SYNTAX;
	}
}

/* RFC 4790 3.2: "*" stands for any text of the name, "default" for what the server prefers. */
static bool
is_comparator(struct span pattern)
{
	struct span name = SPAN(the_comparator);
	if (span_ieqs(pattern, "default"))
		return true;
	size_t star = span_find(pattern, '*');
	if (star == pattern.n)
		return span_ieq(pattern, name);
	struct span front = span_head(pattern, star),
		    back = span_from(pattern, star + 1);
	return front.n + back.n <= name.n && span_find(back, '*') == back.n &&
	       span_ieq(front, span_head(name, front.n)) &&
	       span_ieq(back, span_from(name, name.n - back.n));
}

enum reply
cmd_comparator(struct session *s, struct command *c)
{
	struct parse *p = &c->parse;
	bool is_found = parse_is_at_end(p);
	for (unsigned n = 0; !parse_is_at_end(p); n++) {
		struct span pattern;
		if (n == COMPARATORS_MOST || parse_sp(p) != E_OK ||
		    parse_astring(p, &pattern) != E_OK)
			return R_SYNTAX;
		is_found = is_found || is_comparator(pattern);
	}
	if (!is_found) {
		buf_str(&s->code, "BADCOMPARATOR");
		return R_CANNOT;
	}
	buf_putf(respond_out(s), "* COMPARATOR %s\r\n", the_comparator);
	return R_DONE;
}
