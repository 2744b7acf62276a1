/* SPDX-License-Identifier: ISC */
/* bearer.c - messages that bring a token. */
#include "auth/bearer.h"

enum { SEPARATOR = 1 }; /* ^A */

/* RFC 5801 4: a saslname, "=2C" and "=3D" for "," and "=".  E_OK, E_BAD */
static int
saslname_decode(struct span in, struct buf *out)
{
	while (in.n) {
		size_t n = 1;
		char c = in.p[0];
		if (c == '=') {
			struct span code = span_head(in, n = 3);
			if (span_eqs(code, "=2C"))
				c = ',';
			else if (!span_eqs(code, "=3D"))
				return E_BAD;
		}
		if (c == '\0')
			return E_BAD;
		buf_ch(out, c);
		in = span_from(in, n);
	}
	return buf_done(out);
}

/* RFC 6750 2.1: b64token */
static bool
is_token(struct span s)
{
	struct span others = SPAN("-._~+/=");
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && span_find(others, s.p[i]) == others.n)
			return false;
	return s.n > 0;
}

/* "n,a=USER," or "y,,": no binding, for there is no -PLUS of this. */
static int
take_header(struct span header, struct bearer *out)
{
	struct span flag = span_cut(&header, ','), user = span_cut(&header, ',');
	if ((!span_eqs(flag, "n") && !span_eqs(flag, "y")) || header.n)
		return E_BAD;
	if (user.n == 0)
		return E_OK;
	return span_starts(user, SPAN("a="))
	           ? saslname_decode(span_from(user, 2), &out->user)
	           : E_BAD;
}

/* "auth=Bearer TOKEN" among "key=value" pairs; the others are not minded. */
static int
take_pairs(struct span pairs, struct bearer *out)
{
	while (pairs.n) {
		struct span pair = span_cut(&pairs, SEPARATOR);
		if (!span_starts(pair, SPAN("auth=")))
			continue;
		struct span value = span_from(pair, 5), scheme = span_cut(&value, ' ');
		value = span_trim(value);
		if (!span_ieqs(scheme, "Bearer") || !is_token(value) || out->token.n)
			return E_BAD;
		out->token = value;
	}
	return out->token.n ? E_OK : E_BAD;
}

int
bearer_parse(struct span message, bool is_x, struct bearer *out)
{
	static const struct span end = SPAN("\1\1");
	*out = (struct bearer){.token = {"", 0}};
	if (message.n < end.n || !span_eq(span_from(message, message.n - end.n), end))
		return E_BAD;
	struct span rest = span_head(message, message.n - end.n),
		    first = span_cut(&rest, SEPARATOR);
	int err = E_OK;
	if (!is_x)
		err = take_header(first, out);
	else if (span_starts(first, SPAN("user=")))
		buf_span(&out->user, span_from(first, 5));
	else
		err = E_BAD;
	if (err == E_OK)
		err = take_pairs(rest, out);
	if (err != E_OK)
		buf_free(&out->user);
	return err == E_OK ? E_OK : E_BAD;
}
