/* SPDX-License-Identifier: ISC */
/*
 * courier.c - courierimapuiddb, courierimapkeywords, courierimapsubscribed, courierpop3dsizelist.
 */
#include "move/courier.h"

static struct span
base_of(struct span name)
{
	return span_head(name, span_find(name, ':'));
}

/* Its rows are those of Dovecot's first version: "UID FILE". */
int
courier_uids_open(struct span text, struct uidlist *out)
{
	int err = uidlist_open(text, out);
	return err == E_OK && out->version == 1 ? E_OK : E_BAD;
}

/* ---- keywords ---- */

void
courier_keywords_open(struct span text, struct courier_keywords *out)
{
	*out = (struct courier_keywords){.rest = text};
	while (out->rest.n) {
		struct span line = span_cut(&out->rest, '\n');
		if (line.n == 0)
			break;
		if (out->n < COURIER_KEYWORDS_MAX)
			out->names[out->n++] = line;
	}
}

bool
courier_keywords_next(struct courier_keywords *k, struct span *base, uint64_t *bits)
{
	while (k->rest.n) {
		struct span line = span_cut(&k->rest, '\n');
		size_t colon = span_rfind(line, ':');
		struct span numbers =
		    span_from(line, colon < line.n ? colon + 1 : colon);
		*base = base_of(line);
		*bits = 0;
		while (numbers.n) {
			uint32_t n;
			if (span_u32(span_cut(&numbers, ' '), &n) == E_OK && n < k->n)
				*bits |= 1ull << n;
		}
		if (base->n && *bits)
			return true;
	}
	return false;
}

/* ---- subscriptions ---- */

bool
courier_subscriptions_next(struct span *text, struct buf *out)
{
	while (text->n) {
		struct span line = span_cut(text, '\n');
		buf_reset(out);
		if (span_ieqs(line, "INBOX")) {
			buf_str(out, "INBOX");
			return true;
		}
		/* others begin with "shared." and are not the account's own */
		if (span_istarts(line, SPAN("INBOX.")) &&
		    maildir_folder_name(span_from(line, 5), out) == E_OK)
			return true;
	}
	return false;
}

/* ---- UIDLs ---- */

int
courier_uidls_open(struct span *text)
{
	struct span line = span_cut(text, '\n'), version = span_cut(&line, ' ');
	return span_eqs(version, "/2") || span_eqs(version, "/3") ? E_OK : E_BAD;
}

/* Without a number: the name of the file. */
static void
put_name(struct span base, struct buf *out)
{
	for (size_t i = 0; i < base.n; i++) {
		char ch = base.p[i];
		if (ch < 0x21 || ch > 0x7e || ch == '\'' || ch == '"' || ch == '+')
			buf_putf(out, "+%02X", (unsigned char)ch);
		else
			buf_ch(out, ch);
	}
}

/* "FILE SIZE N:UIDVALIDITY[:UTF8]" */
static bool
read_uidl(struct span line, struct span *base, struct buf *out)
{
	size_t last = span_rfind(line, ' ');
	struct span numbers = span_from(line, last < line.n ? last + 1 : last);
	struct span rest = span_head(line, last);
	uint32_t n, uidvalidity;
	*base = base_of(span_head(rest, span_rfind(rest, ' ')));
	if (span_u32(span_cut(&numbers, ':'), &n) != E_OK ||
	    span_u32(span_cut(&numbers, ':'), &uidvalidity) != E_OK)
		return false;
	buf_reset(out);
	if (n && uidvalidity)
		buf_putf(out, "UID%u-%u", n, uidvalidity);
	else if (n)
		buf_putf(out, "UID%u", n);
	else
		put_name(*base, out);
	return base->n && uidl_is_legal(buf_as_span(out));
}

bool
courier_uidls_next(struct span *text, struct span *base, struct buf *out)
{
	while (text->n)
		if (read_uidl(span_cut(text, '\n'), base, out))
			return true;
	return false;
}
