/* SPDX-License-Identifier: ISC */
/* template.c - a key's place in a query. */
#include "maps/template.h"

static bool
is_place(char c)
{
	return c == 's' || c == 'u' || c == 'd';
}

const char *
template_check(struct span t, enum map_escape escape)
{
	bool in_quotes = false, has_place = false;
	if (t.n > TEMPLATE_MAX)
		return "longer than 4096 bytes";
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '\'')
			in_quotes = !in_quotes;
		if (t.p[i] != '%')
			continue;
		char c = i + 1 < t.n ? t.p[++i] : '\0';
		if (c != '%' && !is_place(c))
			return "a % that is neither %s, %u, %d nor %%";
		if (c != '%' && escape == MAP_ESCAPE_SQL && !in_quotes)
			return "a %s, %u or %d that is not within ''";
		has_place |= c != '%';
	}
	if (in_quotes && escape == MAP_ESCAPE_SQL)
		return "a ' without its second";
	return has_place ? NULL : "no %s, %u or %d: each key would be answered alike";
}

static void
put_sql(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			buf_ch(out, '\'');
		buf_ch(out, s.p[i]);
	}
}

static void
put_ldap(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_alnum(s.p[i]) || span_find(SPAN("@.-_+="), s.p[i]) < 6)
			buf_ch(out, s.p[i]);
		else
			buf_putf(out, "\\%02x", (unsigned char)s.p[i]);
}

static bool
may_be_key(struct span key, enum map_escape escape)
{
	for (size_t i = 0; i < key.n; i++)
		if (ch_ctl(key.p[i]) || (escape == MAP_ESCAPE_SQL && key.p[i] == '\\'))
			return false; /* some strings of SQL know \, others do not */
	return key.n && utf8_valid(key);
}

int
template_expand(struct span t, enum map_escape escape, struct span key, struct buf *out)
{
	size_t at = span_rfind(key, '@');
	if (!may_be_key(key, escape))
		return E_BAD;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] != '%') {
			buf_ch(out, t.p[i]);
			continue;
		}
		char c = t.p[++i];
		struct span part = c == 's'   ? key
		                   : c == 'u' ? span_head(key, at)
		                   : c == 'd' ? span_from(key, at + 1)
		                              : SPAN("%");
		if (part.n == 0 || (c == 'd' && at == key.n))
			return E_BAD;
		if (c == '%')
			buf_ch(out, '%');
		else if (escape == MAP_ESCAPE_SQL)
			put_sql(out, part);
		else
			put_ldap(out, part);
	}
	return buf_done(out) == E_OK ? E_OK : E_LIMIT;
}
