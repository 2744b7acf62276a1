/* SPDX-License-Identifier: ISC */
/* dsn.c - values of the parameters of delivery status notifications. */
#include "spool/dsn.h"

#include <string.h>

enum { POINT_MAX = 0x10ffff, POINT_DIGITS_MAX = 6 };

/* ---- xtext ---- */

static bool
is_xchar(char c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

/* Upper case alone, as RFC 3461 4 says. */
static int
upper_hex(char c)
{
	return c >= 'a' && c <= 'f' ? -1 : ch_hex(c);
}

int
xtext_decode(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '+') {
			if (!is_xchar(in.p[i]))
				return E_BAD;
			buf_ch(out, in.p[i]);
			continue;
		}
		int high = i + 2 < in.n ? upper_hex(in.p[i + 1]) : -1;
		int low = i + 2 < in.n ? upper_hex(in.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return E_BAD;
		buf_ch(out, (char)(high << 4 | low));
		i += 2;
	}
	return buf_done(out);
}

void
xtext_put(struct buf *out, struct span plain)
{
	for (size_t i = 0; i < plain.n; i++)
		if (is_xchar(plain.p[i]))
			buf_ch(out, plain.p[i]);
		else
			buf_putf(out, "+%02X", (unsigned char)plain.p[i]);
}

/* xtext of what a field of a report can show: graphic and white space, RFC 3461 4.2 and 4.4. */
static bool
is_printable_xtext(struct span in)
{
	struct buf plain = {.max = DSN_ORCPT_MAX};
	bool is_good = xtext_decode(in, &plain) == E_OK;
	for (size_t i = 0; i < plain.len && is_good; i++)
		is_good =
		    plain.p[i] == '\t' || (plain.p[i] >= ' ' && plain.p[i] <= '~');
	buf_free(&plain);
	return is_good;
}

/* ---- NOTIFY, RET, ENVID ---- */

static const struct {
	const char *name;
	uint8_t bit;
} kinds[] = {{"NEVER", NOTIFY_NEVER}, {"SUCCESS", NOTIFY_SUCCESS},
    {"FAILURE", NOTIFY_FAILURE}, {"DELAY", NOTIFY_DELAY}};

static uint8_t
kind_of(struct span name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (span_ieqs(name, kinds[i].name))
			return kinds[i].bit;
	return 0;
}

int
notify_parse(struct span value, uint8_t *out)
{
	uint8_t all = 0;
	while (value.n) {
		struct span name = span_cut(&value, ',');
		uint8_t bit = kind_of(name);
		if (name.n && !bit) /* "#" of RFC 822 2.7 allows empty elements */
			return E_BAD;
		all |= bit;
	}
	if (all == 0 || ((all & NOTIFY_NEVER) && all != NOTIFY_NEVER))
		return E_BAD;
	*out = all;
	return E_OK;
}

void
notify_put(struct buf *out, uint8_t notify)
{
	bool is_first = true;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!(notify & kinds[i].bit))
			continue;
		buf_str(out, is_first ? "" : ",");
		buf_str(out, kinds[i].name);
		is_first = false;
	}
}

/* What it asks for, as bits of which NEVER is none. */
static uint8_t
wanted(uint8_t notify)
{
	return notify ? notify & (uint8_t)~NOTIFY_NEVER : NOTIFY_FAILURE | NOTIFY_DELAY;
}

bool
notify_wants(uint8_t notify, enum dsn_notify bit)
{
	return (wanted(notify) & bit) != 0;
}

uint8_t
notify_join(uint8_t a, uint8_t b)
{
	uint8_t both = wanted(a) | wanted(b);
	if (a == b)
		return a;
	return both ? both : NOTIFY_NEVER;
}

uint8_t
notify_without_success(uint8_t notify)
{
	uint8_t rest = wanted(notify) & (uint8_t)~NOTIFY_SUCCESS;
	if (!notify)
		return 0;
	return rest ? rest : NOTIFY_NEVER;
}

const char *
ret_text(uint8_t ret)
{
	return ret == RET_FULL ? "FULL" : ret == RET_HDRS ? "HDRS" : "";
}

int
ret_parse(struct span value, uint8_t *out)
{
	uint8_t ret = span_ieqs(value, "FULL")   ? RET_FULL
	              : span_ieqs(value, "HDRS") ? RET_HDRS
	                                         : RET_NONE;
	if (ret == RET_NONE)
		return E_BAD;
	*out = ret;
	return E_OK;
}

int
envid_check(struct span value)
{
	return value.n && value.n <= DSN_ENVID_MAX && is_printable_xtext(value) ? E_OK
	                                                                        : E_BAD;
}

void
envid_put(struct buf *out, struct span envid)
{
	struct buf plain = {.max = DSN_ENVID_MAX};
	bool is_good =
	    envid_check(envid) == E_OK && xtext_decode(envid, &plain) == E_OK;
	buf_span(out, is_good ? buf_as_span(&plain) : SPAN(""));
	buf_free(&plain);
}

/* ---- unitext, RFC 6533 3 ---- */

static bool
is_quchar(char c)
{
	return ((unsigned char)c >= 0x80 || is_xchar(c)) && c != '\\';
}

/* HEXPOINT: a code point that has no form of its own, in as few digits as there are, but two. */
static bool
is_hexpoint(uint32_t point, size_t digits)
{
	size_t least = point > 0xfffff  ? 6
	               : point > 0xffff ? 5
	               : point > 0xfff  ? 4
	               : point > 0xff   ? 3
	                                : 2;
	bool is_special =
	    point < 0x80 && (point <= ' ' || strchr("+=\\\x7f", (char)point));
	return point && point <= POINT_MAX && (point < 0xd800 || point > 0xdfff) &&
	       digits == least && (point >= 0x80 || is_special);
}

/* "\x{...}" at the beginning of s.  Its length; 0: it is none. */
static size_t
embedded(struct span s, uint32_t *point)
{
	size_t n = 3;
	*point = 0;
	if (!span_starts(s, SPAN("\\x{")))
		return 0;
	for (; n < s.n && ch_hex(s.p[n]) >= 0 && n - 3 < POINT_DIGITS_MAX; n++)
		*point = *point << 4 | (uint32_t)ch_hex(s.p[n]);
	return n < s.n && s.p[n] == '}' && is_hexpoint(*point, n - 3) ? n + 1 : 0;
}

static void
put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_ch(out, (char)c);
		return;
	}
	int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
	buf_ch(out, (char)(first[more] | c >> (6 * more)));
	while (more--)
		buf_ch(out, (char)(0x80 | (c >> (6 * more) & 0x3f)));
}

int
unitext_decode(struct span in, struct buf *out)
{
	if (!in.n || !utf8_valid(in))
		return E_BAD;
	while (in.n) {
		uint32_t point;
		size_t n = embedded(in, &point);
		if (!n && !is_quchar(in.p[0]))
			return E_BAD;
		if (n)
			put_utf8(out, point);
		else
			buf_ch(out, in.p[0]);
		in = span_from(in, n ? n : 1);
	}
	return buf_done(out);
}

/* The code point at the beginning of valid UTF-8, and its length. */
static size_t
point_of(struct span s, uint32_t *out)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	*out = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*out = *out << 6 | ((unsigned char)s.p[i] & 0x3f);
	return n;
}

void
unitext_put(struct buf *out, struct span utf8)
{
	bool is_utf8 = utf8_valid(utf8);
	while (utf8.n) {
		uint32_t point = '?';
		size_t n = is_utf8 ? point_of(utf8, &point) : 1;
		if (!is_utf8 && is_quchar(utf8.p[0]) && (unsigned char)utf8.p[0] < 0x80)
			point = (unsigned char)utf8.p[0];
		if (point < 0x80 && is_quchar((char)point))
			buf_ch(out, (char)point);
		else
			buf_putf(out, "\\x{%02X}", point);
		utf8 = span_from(utf8, n);
	}
}

/* ---- ORCPT ---- */

static bool
is_utf8_type(struct span type)
{
	return span_ieqs(type, "utf-8");
}

/* addr-type is an atom of RFC 822. */
static bool
is_type(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_xchar(s.p[i]) || strchr("()<>@,;:\\\".[]", s.p[i]))
			return false;
	return s.n && s.n <= DSN_TYPE_MAX;
}

static bool
is_unitext(struct span s)
{
	struct buf plain = {.max = DSN_ORCPT_MAX};
	bool is_good = unitext_decode(s, &plain) == E_OK;
	buf_free(&plain);
	return is_good;
}

int
orcpt_check(struct span value, bool has_smtputf8)
{
	bool is_short = value.n <= DSN_ORCPT_MAX,
	     has_address = span_find(value, ';') + 1 < value.n;
	struct span type = span_cut(&value, ';');
	if (!is_short || !has_address || !is_type(type) ||
	    (!has_smtputf8 && !span_is_ascii(value)))
		return E_BAD;
	/*
	 * what calls itself utf-8 and is not goes along as it is (RFC 6533 3), as long as it is
	 * xtext
	 */
	return is_printable_xtext(value) || (is_utf8_type(type) && is_unitext(value))
	           ? E_OK
	           : E_BAD;
}

/* The address itself: nothing in it that would end a field. */
static bool
is_showable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return false;
	return s.n && utf8_valid(s);
}

/* Without what a field cannot hold: it came from a file or from a client of ours, but who knows. */
static void
put_line(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(out, ch_ctl(s.p[i]) ? ' ' : s.p[i]);
}

void
orcpt_put_field(struct buf *out, struct span orcpt, bool is_global)
{
	struct buf plain = {.max = DSN_ORCPT_MAX};
	struct span type = span_cut(&orcpt, ';');
	bool is_utf8 = is_utf8_type(type);
	int err = is_utf8 ? unitext_decode(orcpt, &plain) : xtext_decode(orcpt, &plain);
	bool is_plain = err == E_OK && is_showable(buf_as_span(&plain)) &&
	                (is_global || is_utf8 || span_is_ascii(buf_as_span(&plain)));
	for (size_t i = 0; i < type.n; i++)
		buf_ch(out, is_xchar(type.p[i]) ? type.p[i] : '?');
	buf_ch(out, ';');
	if (is_plain && is_utf8 && !is_global)
		unitext_put(out, buf_as_span(&plain));
	else if (is_plain)
		buf_span(out, buf_as_span(&plain));
	else if (is_global || span_is_ascii(orcpt))
		put_line(out, orcpt);
	else
		unitext_put(out, orcpt);
	buf_free(&plain);
}

void
orcpt_put(struct buf *out, struct span orcpt, bool has_smtputf8)
{
	if (has_smtputf8 || span_is_ascii(orcpt) || !utf8_valid(orcpt)) {
		buf_span(out, orcpt);
		return;
	}
	while (orcpt.n) { /* what is encoded already stays as it is */
		uint32_t point;
		size_t n = point_of(orcpt, &point);
		if (point < 0x80)
			buf_ch(out, (char)point);
		else
			buf_putf(out, "\\x{%02X}", point);
		orcpt = span_from(orcpt, n);
	}
}

void
orcpt_make(struct buf *out, struct span address)
{
	bool is_ascii = span_is_ascii(address);
	buf_str(out, is_ascii ? "rfc822;" : "utf-8;");
	if (is_ascii)
		xtext_put(out, address);
	else
		unitext_put(out, address);
}
