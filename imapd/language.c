/* SPDX-License-Identifier: ISC */
/* language.c - which of the languages there are a client's ranges mean: RFC 4647 3.4. */
#include "imapd/language.h"

static const char *const languages[] = {"i-default", "en"};

static const char *
language_named(struct span name)
{
	for (size_t i = 0; i < COUNT(languages); i++)
		if (span_ieqs(name, languages[i]))
			return languages[i];
	return NULL;
}

/* "en-GB-oed" is looked for as "en-GB-oed", "en-GB", "en"; "default" and "*" are the first. */
static const char *
language_of(struct span range)
{
	const char *found = language_named(range);
	if (span_ieqs(range, "default") || span_eqs(range, "*"))
		return languages[0];
	while (!found && range.n) {
		size_t dash = span_rfind(range, '-');
		range = span_head(range, dash < range.n ? dash : 0);
		found = language_named(range);
	}
	return found;
}

static void
put_all(struct buf *out)
{
	for (size_t i = 0; i < COUNT(languages); i++)
		buf_putf(out, "%s%s", i ? " " : "", languages[i]);
}

int
language_choose(struct parse *p, struct buf *out)
{
	const char *chosen = NULL;
	bool is_list = parse_is_at_end(p);
	for (unsigned n = 0; !parse_is_at_end(p); n++) {
		struct span range;
		if (n == LANGUAGE_RANGES_MOST || parse_sp(p) != E_OK ||
		    parse_astring(p, &range) != E_OK)
			return parse_fail(p, p->in, "a language");
		chosen = chosen ? chosen : language_of(range);
	}
	if (!is_list && !chosen)
		return E_DENY;
	buf_str(out, "* LANGUAGE (");
	if (chosen)
		buf_str(out, chosen);
	else
		put_all(out);
	buf_str(out, ")\r\n");
	return E_OK;
}
