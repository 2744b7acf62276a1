/* SPDX-License-Identifier: ISC */
/* list_text.c - what a list is called, and who is in it.  Pure. */
#include "sieve/lists.h"
#include "spool/envelope.h"

bool
list_name_check(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
		    (s.p[i] != '.' || i == 0))
			return false;
	return s.n > 0 && s.n <= LIST_NAME_MAX;
}

/* A line without its end and the blanks around it; it may be none of a member. */
static struct span
line_cut(struct span *text)
{
	struct span line = span_cut(text, '\n');
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return span_trim(line);
}

static bool
is_member(struct span line)
{
	return line.n && line.p[0] != '#';
}

int
list_next(struct span *text, struct span *out)
{
	while (text->n) {
		*out = line_cut(text);
		if (is_member(*out))
			return E_OK;
	}
	return E_MORE;
}

bool
list_text_has(struct span text, struct span value)
{
	struct span one, domain = span_from(value, span_rfind(value, '@'));
	while (list_next(&text, &one) == E_OK)
		if (span_ieq(one, value) || (domain.n > 1 && span_ieq(one, domain)))
			return true;
	return false;
}

/* One alone: what would be two, or begins with a name, has what only stands in quotes. */
static bool
is_address(struct span s)
{
	struct span local = span_head(s, span_rfind(s, '@'));
	const struct span not_bare = SPAN(" ,;:@\"()[]");
	bool is_quoted =
	    local.n > 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	for (size_t i = 0; i < local.n && !is_quoted; i++)
		if (span_find(not_bare, local.p[i]) < not_bare.n)
			return false;
	return envelope_address_check(s);
}

/* "@DOMAIN", as "a@DOMAIN" would be an address. */
static bool
is_domain(struct span s)
{
	struct buf b = {0};
	buf_ch(&b, 'a');
	buf_span(&b, s);
	bool is = s.p[0] == '@' && span_rfind(s, '@') == 0 &&
	          envelope_address_check(buf_as_span(&b));
	buf_free(&b);
	return is;
}

static const char *
member_wrong(struct span s, bool is_any)
{
	if (s.n > LIST_MEMBER_MAX)
		return "at most 998 octets a line";
	if (!utf8_valid(s))
		return "UTF-8";
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return "no control characters";
	if (is_any || span_find(s, '@') == s.n || is_address(s) || is_domain(s))
		return NULL;
	return "an address alone, or @DOMAIN";
}

int
list_text_check(struct span text, bool is_any, struct list_wrong *wrong)
{
	*wrong = (struct list_wrong){.line = 0};
	if (text.n > LIST_BYTES_MAX)
		return E_LIMIT;
	if (span_starts(text, SPAN("\xef\xbb\xbf"))) {
		*wrong = (struct list_wrong){1, "UTF-8 without a byte order mark"};
		return E_BAD;
	}
	while (text.n) {
		struct span line = line_cut(&text);
		wrong->line++;
		wrong->what = is_member(line) ? member_wrong(line, is_any) : NULL;
		if (wrong->what)
			return E_BAD;
	}
	return E_OK;
}
