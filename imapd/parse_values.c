/* SPDX-License-Identifier: ISC */
/*
 * parse_values.c - what stands in strings: names of mailboxes, dates; and how such a name is said.
 */
#include <string.h>

#include "imapd/parse.h"
#include "imapd/respond.h"
#include "mime/date.h"
#include "mime/utf7.h"

/* ---- mailboxes ---- */

static int
take_name(struct parse *p, struct span from, struct span raw, struct span *out)
{
	struct buf name = {0};
	int err;
	if (p->is_utf8) {
		*out = raw;
		err = utf8_valid(raw) ? E_OK : E_BAD;
	} else {
		err = utf7_to_utf8(raw, &name);
		if (err == E_OK)
			*out = arena_span(p->arena, buf_as_span(&name));
		buf_free(&name);
	}
	if (err == E_OK && span_find(*out, '\0') < out->n)
		err = E_BAD;
	return err == E_OK
	           ? E_OK
	           : parse_fail(p, from,
			 p->is_utf8 ? "a name in UTF-8" : "a name in modified UTF-7");
}

int
parse_mailbox(struct parse *p, struct span *out)
{
	struct span from = p->in, raw;
	int err = parse_astring(p, &raw);
	if (err == E_OK)
		err = take_name(p, from, raw, out);
	if (err == E_OK && span_ieqs(*out, "INBOX"))
		*out = SPAN("INBOX");
	return err;
}

static bool
is_list_char(char c)
{
	return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f &&
	       !strchr("(){\"\\", c);
}

int
parse_list_mailbox(struct parse *p, struct span *out)
{
	struct span from = p->in, raw;
	size_t n = 0;
	while (n < p->in.n && is_list_char(p->in.p[n]))
		n++;
	if (n) {
		raw = span_head(p->in, n);
		p->in = span_from(p->in, n);
	} else if (parse_string(p, &raw) != E_OK) {
		return E_BAD;
	}
	return take_name(p, from, raw, out);
}

static bool
is_atom(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_list_char(s.p[i]) || strchr("%*]", s.p[i]))
			return false;
	return s.n > 0 && !span_ieqs(s, "NIL");
}

void
put_mailbox(struct buf *out, struct span name, bool is_utf8)
{
	struct buf encoded = {0};
	if (!is_utf8 && utf7_from_utf8(name, &encoded) == E_OK)
		name = buf_as_span(&encoded);
	if (is_atom(name))
		buf_span(out, name);
	else
		put_string(out, name, is_utf8);
	buf_free(&encoded);
}

/* ---- ID ---- */

enum { ID_PAIRS_MOST = 30 }; /* RFC 2971 3.3 */

int
parse_id(struct parse *p)
{
	struct span from = p->in, name, value;
	bool is_nil;
	if (parse_word(p, "NIL"))
		return E_OK;
	if (!parse_ch(p, '('))
		return parse_fail(p, from, "NIL or a list");
	for (int i = 0; i < ID_PAIRS_MOST && !parse_peek(p, ')'); i++)
		if ((i && parse_sp(p) != E_OK) || parse_string(p, &name) != E_OK ||
		    parse_sp(p) != E_OK || parse_nstring(p, &value, &is_nil) != E_OK)
			return parse_fail(p, from, "pairs of strings");
	return parse_ch(p, ')') ? E_OK : parse_fail(p, from, "the end of a list");
}

/* ---- dates ---- */

int
parse_date_time(struct parse *p, int64_t *out_sec)
{
	struct span from = p->in, text;
	struct date d;
	if (!parse_peek(p, '"') || parse_string(p, &text) != E_OK ||
	    date_imap_parse(text, &d) != E_OK)
		return parse_fail(p, from, "a date and time");
	*out_sec = d.unix_sec;
	return E_OK;
}

int
parse_date(struct parse *p, int32_t *out_day)
{
	struct span from = p->in, text;
	int err = parse_peek(p, '"') ? parse_string(p, &text) : parse_atom(p, &text);
	if (err != E_OK || date_imap_day_parse(text, out_day) != E_OK)
		return parse_fail(p, from, "a date");
	return E_OK;
}
