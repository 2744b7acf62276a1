/* SPDX-License-Identifier: ISC */
/* html.c - HTML to words. */
#include "mime/html.h"

#include "mime/charset.h"

enum { ENTITY_NAME_MAX = 12, TAG_NAME_MAX = 16 };

/* ---- entities ---- */

struct entity {
	const char *name;
	uint32_t code;
};

/* clang-format off */
static const struct entity entities[] = {
	{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}, {"iexcl", 0xa1},
	{"cent", 0xa2}, {"pound", 0xa3}, {"yen", 0xa5}, {"sect", 0xa7}, {"copy", 0xa9}, {"ordf", 0xaa}, {"laquo", 0xab},
	{"shy", 0xad}, {"reg", 0xae}, {"deg", 0xb0}, {"plusmn", 0xb1}, {"acute", 0xb4}, {"micro", 0xb5}, {"para", 0xb6},
	{"middot", 0xb7}, {"ordm", 0xba}, {"raquo", 0xbb}, {"frac14", 0xbc}, {"frac12", 0xbd}, {"frac34", 0xbe},
	{"iquest", 0xbf}, {"Agrave", 0xc0}, {"Aacute", 0xc1}, {"Acirc", 0xc2}, {"Atilde", 0xc3}, {"Auml", 0xc4},
	{"Aring", 0xc5}, {"AElig", 0xc6}, {"Ccedil", 0xc7}, {"Egrave", 0xc8}, {"Eacute", 0xc9}, {"Ecirc", 0xca},
	{"Euml", 0xcb}, {"Igrave", 0xcc}, {"Iacute", 0xcd}, {"Icirc", 0xce}, {"Iuml", 0xcf}, {"ETH", 0xd0},
	{"Ntilde", 0xd1}, {"Ograve", 0xd2}, {"Oacute", 0xd3}, {"Ocirc", 0xd4}, {"Otilde", 0xd5}, {"Ouml", 0xd6},
	{"times", 0xd7}, {"Oslash", 0xd8}, {"Ugrave", 0xd9}, {"Uacute", 0xda}, {"Ucirc", 0xdb}, {"Uuml", 0xdc},
	{"Yacute", 0xdd}, {"THORN", 0xde}, {"szlig", 0xdf}, {"agrave", 0xe0}, {"aacute", 0xe1}, {"acirc", 0xe2},
	{"atilde", 0xe3}, {"auml", 0xe4}, {"aring", 0xe5}, {"aelig", 0xe6}, {"ccedil", 0xe7}, {"egrave", 0xe8},
	{"eacute", 0xe9}, {"ecirc", 0xea}, {"euml", 0xeb}, {"igrave", 0xec}, {"iacute", 0xed}, {"icirc", 0xee},
	{"iuml", 0xef}, {"eth", 0xf0}, {"ntilde", 0xf1}, {"ograve", 0xf2}, {"oacute", 0xf3}, {"ocirc", 0xf4},
	{"otilde", 0xf5}, {"ouml", 0xf6}, {"divide", 0xf7}, {"oslash", 0xf8}, {"ugrave", 0xf9}, {"uacute", 0xfa},
	{"ucirc", 0xfb}, {"uuml", 0xfc}, {"yacute", 0xfd}, {"thorn", 0xfe}, {"yuml", 0xff}, {"OElig", 0x152},
	{"oelig", 0x153}, {"Scaron", 0x160}, {"scaron", 0x161}, {"ensp", 0x2002}, {"emsp", 0x2003}, {"thinsp", 0x2009},
	{"zwnj", 0x200c}, {"zwj", 0x200d}, {"lrm", 0x200e}, {"rlm", 0x200f}, {"ndash", 0x2013}, {"mdash", 0x2014},
	{"lsquo", 0x2018}, {"rsquo", 0x2019}, {"sbquo", 0x201a}, {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"bdquo", 0x201e},
	{"bull", 0x2022}, {"hellip", 0x2026}, {"prime", 0x2032}, {"lsaquo", 0x2039}, {"rsaquo", 0x203a}, {"euro", 0x20ac},
	{"trade", 0x2122}, {"larr", 0x2190}, {"uarr", 0x2191}, {"rarr", 0x2192}, {"darr", 0x2193}, {"check", 0x2713},
};

/* clang-format on */

/* The digits of "#123" or "#x1f"; 0 when there are none. */
static uint32_t
number_read(struct span s, size_t *n)
{
	uint32_t base = s.n > 1 && ch_lower(s.p[1]) == 'x' ? 16 : 10, code = 0;
	for (*n = base == 16 ? 2 : 1; *n < s.n; ++*n) {
		int digit = ch_hex(s.p[*n]);
		if (digit < 0 || (uint32_t)digit >= base)
			break;
		code = code < 0x110000 ? code * base + (uint32_t)digit : code;
	}
	return code;
}

/* Numbers 128 to 159 are of windows-1252, as everybody writes them. */
static uint32_t
number_mean(uint32_t code)
{
	char octet = (char)code;
	struct buf made = {0};
	if (code < 0x80 || code > 0x9f ||
	    charset_to_utf8(SPAN("windows-1252"), span_make(&octet, 1), &made) !=
		E_OK ||
	    made.len == 0)
		return code;
	struct span utf8 = buf_as_span(&made);
	code = utf8_next(&utf8);
	buf_free(&made);
	return code;
}

/* "&amp;", "&#38;", and without the ";"; what is none is an "&". */
static void
entity_take(struct span *in, struct words *out)
{
	struct span s = span_from(*in, 1);
	uint32_t code = 0;
	size_t n = 0;
	if (s.n && s.p[0] == '#') {
		code = number_mean(number_read(s, &n));
	} else {
		while (n < s.n && n < ENTITY_NAME_MAX && ch_alnum(s.p[n]))
			n++;
		for (size_t i = 0; i < COUNT(entities) && !code; i++)
			if (span_eqs(span_head(s, n), entities[i].name))
				code = entities[i].code;
	}
	words_put(out, code ? code : '&');
	n = code ? n + (n < s.n && s.p[n] == ';') : 0;
	*in = span_from(*in, 1 + n);
}

/* ---- tags ---- */

static bool
is_among(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (span_ieqs(name, *names))
			return true;
	return false;
}

/* Offset of a needle in ASCII letters of any case; s.n when there is none. */
static size_t
find_any_case(struct span s, struct span needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++)
		if (s.p[i] == needle.p[0] && span_istarts(span_from(s, i), needle))
			return i;
	return s.n;
}

/* Length of a tag with its brackets; a '>' in quotes does not end it. */
static size_t
tag_len(struct span s)
{
	char quote = 0;
	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];
		if (quote && c == quote)
			quote = 0;
		else if (!quote && (c == '"' || c == '\'') && s.p[i - 1] == '=')
			quote = c;
		else if (!quote && c == '>')
			return i + 1;
	}
	return s.n;
}

/* Length of what an element holds that nobody sees, up to its end tag. */
static size_t
unseen_len(struct span s, struct span name)
{
	char end[TAG_NAME_MAX + 2] = "</";
	for (size_t i = 0; i < name.n; i++)
		end[2 + i] = name.p[i];
	return find_any_case(s, span_make(end, name.n + 2));
}

/* In the middle of words these may stand; all others part them. */
static const char *const inlines[] = {"a", "abbr", "b", "big", "code", "del", "em",
    "font", "i", "ins", "mark", "s", "small", "span", "strike", "strong", "sub", "sup",
    "tt", "u", "wbr", "o:p", NULL};
static const char *const unseens[] = {"style", "script", "title", "template", NULL};

/* A tag, a comment, or a '<' that is neither. */
static void
tag_take(struct span *in, struct words *out)
{
	struct span s = *in;
	bool is_end = s.n > 1 && s.p[1] == '/';
	size_t at = is_end ? 2 : 1, n = 0;
	if (span_starts(s, SPAN("<!--"))) {
		size_t end = span_search(span_from(s, 4), SPAN("-->"));
		*in = span_from(s, 4 + end + 3);
		return;
	}
	if (at >= s.n || (!ch_alpha(s.p[at]) && s.p[at] != '!' && s.p[at] != '?')) {
		words_put(out, '<');
		*in = span_from(s, 1);
		return;
	}
	while (at + n < s.n && n < TAG_NAME_MAX &&
	       (ch_alnum(s.p[at + n]) || s.p[at + n] == ':'))
		n++;
	struct span name = span_make(s.p + at, n);
	if (!is_among(name, inlines))
		words_put(out, ' ');
	*in = span_from(s, tag_len(s));
	if (!is_end && is_among(name, unseens))
		*in = span_from(*in, unseen_len(*in, name));
}

void
html_words(struct span html, struct words *out)
{
	while (html.n && !words_are_full(out)) {
		if (html.p[0] == '<')
			tag_take(&html, out);
		else if (html.p[0] == '&')
			entity_take(&html, out);
		else
			words_put(out, utf8_next(&html));
	}
}
