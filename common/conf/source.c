/* SPDX-License-Identifier: ISC */
/* source.c - where mail of some senders comes from: one item of the setting. */
#include "conf/source.h"

#include <arpa/inet.h>
#include <string.h>

static bool
is_address(struct span s, int family)
{
	char text[SOURCE_ADDRESS_MAX + 1] = {0}, bytes[16];
	if (s.n > SOURCE_ADDRESS_MAX)
		return false;
	memcpy(text, s.p, s.n);
	return inet_pton(family, text, bytes) == 1;
}

static int
address_parse(struct span s, struct source *out)
{
	struct span *to = is_address(s, AF_INET)    ? &out->v4
	                  : is_address(s, AF_INET6) ? &out->v6
	                                            : NULL;
	if (!to || to->n)
		return E_BAD;
	*to = s;
	return E_OK;
}

/* A domain's letters; whether there is such a name nobody asks. */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
			return false;
	return s.n > 0 && s.n <= SOURCE_NAME_MAX && s.p[0] != '.';
}

int
source_parse(struct span text, struct source *out)
{
	static const struct span name = {"name=", 5};
	struct span rest = text;
	int err = E_OK;
	*out = (struct source){.pattern = span_cut(&rest, '=')};
	struct span addresses = span_cut(&rest, ' ');
	while (err == E_OK && addresses.n)
		err = address_parse(span_cut(&addresses, ','), out);
	rest = span_trim(rest);
	if (rest.n && !span_starts(rest, name))
		return E_BAD;
	if (rest.n)
		out->name = span_from(rest, name.n);
	if (out->pattern.n == 0 || span_find(out->pattern, ' ') < out->pattern.n ||
	    (rest.n && !is_name(out->name)))
		return E_BAD;
	return out->v4.n || out->v6.n || out->name.n ? err : E_BAD;
}
