/* SPDX-License-Identifier: ISC */
/* rights.c - rights on a mailbox, and who has them: RFC 4314. */
#include "store/rights.h"

static const char letters[] = "lrswipkxtea";

enum {
	RIGHTS_C = RIGHT_CREATE | RIGHT_DELETE,
	RIGHTS_D = RIGHT_REMOVE | RIGHT_EXPUNGE,
};

int
rights_parse(struct span in, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < in.n; i++) {
		size_t bit = span_find(SPAN("lrswipkxtea"), in.p[i]);
		if (in.p[i] == 'c')
			*out |= RIGHTS_C;
		else if (in.p[i] == 'd')
			*out |= RIGHTS_D;
		else if (bit < sizeof letters - 1)
			*out |= 1u << bit;
		else
			return E_BAD;
	}
	return E_OK;
}

void
rights_put_plain(struct buf *b, unsigned rights)
{
	for (size_t i = 0; i < sizeof letters - 1; i++)
		if (rights & 1u << i)
			buf_ch(b, letters[i]);
}

void
rights_put(struct buf *b, unsigned rights)
{
	rights_put_plain(b, rights);
	if (rights & RIGHTS_C)
		buf_ch(b, 'c');
	if (rights & RIGHTS_D)
		buf_ch(b, 'd');
}

static bool
is_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (ch_ctl(name.p[i]) || name.p[i] == ' ')
			return false;
	return name.n > 0 && name.n <= IDENTIFIER_MAX && utf8_valid(name);
}

static struct span
domain_of(struct span address)
{
	return span_from(address, span_rfind(address, '@'));
}

static void
put_lower(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(b, ch_lower(s.p[i]));
}

int
identifier_put(struct buf *b, struct span identifier, struct span owner)
{
	struct span domain = domain_of(owner);
	if (!is_name(identifier))
		return E_BAD;
	if (span_take(&identifier, '-'))
		buf_ch(b, '-');
	if (!is_name(identifier) || identifier.p[0] == '-' ||
	    span_ieqs(identifier, "group:"))
		return E_BAD;
	size_t at = span_rfind(identifier, '@');
	if (span_ieq(identifier, owner)) {
		buf_str(b, "owner");
	} else if (span_ieqs(identifier, "anyone") || span_ieqs(identifier, "owner") ||
		   span_istarts(identifier, SPAN("group:")) || at < identifier.n) {
		put_lower(b, identifier);
	} else if (span_ieq(identifier, span_head(owner, owner.n - domain.n))) {
		buf_str(b, "owner");
	} else {
		put_lower(b, identifier);
		buf_span(b, domain);
	}
	if (b->len > IDENTIFIER_MAX)
		return E_BAD;
	return at < identifier.n && !span_istarts(identifier, SPAN("group:")) &&
	               !span_ieq(span_from(identifier, at), domain)
	           ? E_DENY
	           : E_OK;
}

bool
identifier_is_given(struct span identifier)
{
	return !span_starts(identifier, SPAN("-")) &&
	       !span_starts(identifier, SPAN("group:")) &&
	       !span_eqs(identifier, "anyone") && !span_eqs(identifier, "owner");
}
