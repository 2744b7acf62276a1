/* SPDX-License-Identifier: ISC */
/* transfer.c - base64 and quoted-printable, decoded at the speed of a search through bodies. */
#include "mime/transfer.h"

#include <string.h>

#include "mime/lex.h"

enum { B64_JUNK = 0x40, B64_PAD = 0x80 }; /* beside the values 0 to 63 */

/* clang-format off */
#define J B64_JUNK
static const unsigned char b64_value[256] = {
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, 62, J, J, J, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, J, J, J, B64_PAD, J, J,
	J, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, J, J, J, J, J,
	J, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
	J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
};
#undef J

/* clang-format on */

enum transfer_kind
transfer_kind_of(struct span value)
{
	static const struct {
		const char *name;
		enum transfer_kind kind;
	} names[] = {{"7bit", TRANSFER_PLAIN}, {"8bit", TRANSFER_PLAIN},
	    {"binary", TRANSFER_PLAIN}, {"base64", TRANSFER_BASE64},
	    {"quoted-printable", TRANSFER_QP}};
	struct lex l = {.in = value};
	struct span name;
	size_t n = 0;
	lex_blanks(&l, NULL);
	if (!lex_quoted(&l, &name)) {
		while (n < l.in.n && (ch_alnum(l.in.p[n]) || l.in.p[n] == '-'))
			n++;
		name = lex_take(&l, n);
	}
	if (name.n == 0 && l.in.n == 0)
		return TRANSFER_PLAIN;
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i].name))
			return names[i].kind;
	return TRANSFER_UNKNOWN;
}

/* ---- base64 ---- */

/* The whole bytes of a group that padding or the end cuts off. */
static char *
b64_flush(struct transfer *t, char *o)
{
	if (t->n_digits == 2) {
		*o++ = (char)(t->bits >> 4);
	} else if (t->n_digits == 3) {
		*o++ = (char)(t->bits >> 10);
		*o++ = (char)(t->bits >> 2);
	}
	t->bits = 0;
	t->n_digits = 0;
	return o;
}

static char *
b64_digit(struct transfer *t, unsigned v, char *o)
{
	t->bits = t->bits << 6 | v;
	if (++t->n_digits < 4)
		return o;
	*o++ = (char)(t->bits >> 16);
	*o++ = (char)(t->bits >> 8);
	*o++ = (char)t->bits;
	t->bits = 0;
	t->n_digits = 0;
	return o;
}

static void
b64_put(struct transfer *t, struct span in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.p, *end = p + in.n;
	char *room = buf_room(out, in.n / 4 * 3 + 6), *o = room;
	if (!room)
		return;
	while (p < end) {
		/* four digits at a time; what is no digit has bit 6 or 7 */
		while (t->n_digits == 0 && end - p >= 4) {
			unsigned a = b64_value[p[0]], b = b64_value[p[1]];
			unsigned c = b64_value[p[2]], d = b64_value[p[3]];
			if ((a | b | c | d) & (B64_JUNK | B64_PAD))
				break;
			*o++ = (char)(a << 2 | b >> 4);
			*o++ = (char)(b << 4 | c >> 2);
			*o++ = (char)(c << 6 | d);
			p += 4;
		}
		if (p == end)
			break;
		unsigned v = b64_value[*p++];
		if (v < B64_JUNK)
			o = b64_digit(t, v, o);
		else if (v == B64_PAD)
			o = b64_flush(t, o);
	}
	buf_added(out, (size_t)(o - room));
}

/* ---- quoted-printable: what comes out is never more than what went in ---- */

/* clang-format off */
#define N -1
static const signed char hex_value[256] = { /* N: no digit */
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, N, N, N, N, N, N,
	N, 10, 11, 12, 13, 14, 15, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, 10, 11, 12, 13, 14, 15, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
	N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,
};
#undef N

/* clang-format on */

static bool
is_hex(char c)
{
	return hex_value[(unsigned char)c] >= 0;
}

static size_t
blanks_len(struct span s)
{
	size_t n = 0;
	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

/*
 * Length of the line end at s + at; 0: there is none; SIZE_MAX: there may be, with what comes next.
 */
static size_t
line_end_len(struct span s, size_t at)
{
	if (at == s.n || (at + 1 == s.n && s.p[at] == '\r'))
		return SIZE_MAX;
	if (s.p[at] == '\n')
		return 1;
	return s.p[at] == '\r' && s.p[at + 1] == '\n' ? 2 : 0;
}

/*
 * The "=" that s begins with (RFC 2045 6.7 rules 1 and 5), whose two digits are not both there.
 * What it stands for is put at *o; returns how much of s that takes, 0: it takes more to know.
 */
static size_t
qp_escape(struct span s, char **o, bool is_end)
{
	size_t blanks = blanks_len(span_from(s, 1)), end = line_end_len(s, 1 + blanks);
	bool is_digit_cut = s.n == 2 && is_hex(s.p[1]);
	if (end && end != SIZE_MAX)
		return 1 + blanks + end;
	if (end == SIZE_MAX && is_end)
		return s.n; /* a soft break that nothing follows */
	if ((end == SIZE_MAX || is_digit_cut) && !is_end && s.n < TRANSFER_HELD_MAX)
		return 0;
	*(*o)++ = '=';
	return 1;
}

/* As qp_escape, for a run of blanks: gone before a line end, else as it stands (rule 3). */
static size_t
qp_blanks(struct span s, char **o, bool is_end)
{
	size_t blanks = blanks_len(s), end = line_end_len(s, blanks);
	if (end == SIZE_MAX && !is_end && s.n < TRANSFER_HELD_MAX)
		return 0;
	if (end == 0 || (end == SIZE_MAX && !is_end)) {
		memcpy(*o, s.p, blanks);
		*o += blanks;
	}
	return blanks;
}

/* Where the blanks before a line's end at stop begin, or stop when there are none. */
static const char *
text_end_of(const char *p, const char *stop)
{
	const char *q = stop > p && stop[-1] == '\r' ? stop - 1 : stop, *blanks = q;
	while (blanks > p && (blanks[-1] == ' ' || blanks[-1] == '\t'))
		blanks--;
	return blanks < q ? blanks : stop;
}

/*
 * The usual case: what stands for itself, blanks between words, "=" with two digits: up to a "=" or
 * a line's end at a time.  Returns what was taken.
 */
static size_t
qp_fast(struct span s, char **out)
{
	const char *p = s.p, *end = p + s.n;
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p)),
			   *stop = eol ? eol : end;
		const char *escape = memchr(p, '=', (size_t)(stop - p));
		stop = escape ? escape : stop;
		const char *text_end = escape ? escape : text_end_of(p, stop);
		memcpy(*out, p, (size_t)(text_end - p));
		*out += text_end - p;
		p = text_end;
		if (!escape || end - p < 3 || !is_hex(p[1]) || !is_hex(p[2])) {
			if (escape || text_end < stop || !eol)
				break;
			*(*out)++ = *p++; /* a line end with no blank before it */
			continue;
		}
		*(*out)++ = (char)(hex_value[(unsigned char)p[1]] << 4 |
				   hex_value[(unsigned char)p[2]]);
		p += 3;
	}
	return (size_t)(p - s.p);
}

/* Returns what could not be decided yet. */
static struct span
qp_run(struct span s, struct buf *out, bool is_end)
{
	char *room = buf_room(out, s.n), *o = room;
	if (!room)
		return span_from(s, s.n);
	while (s.n) {
		s = span_from(s, qp_fast(s, &o));
		if (s.n == 0)
			break;
		size_t n =
		    s.p[0] == '=' ? qp_escape(s, &o, is_end) : qp_blanks(s, &o, is_end);
		if (n == 0)
			break;
		s = span_from(s, n);
	}
	buf_added(out, (size_t)(o - room));
	return s;
}

static void
qp_put(struct transfer *t, struct span in, struct buf *out)
{
	/* what is held is decided by few octets: join them one by one */
	while (t->n_held && in.n) {
		t->held[t->n_held++] = in.p[0];
		in = span_from(in, 1);
		struct span left = qp_run(span_make(t->held, t->n_held), out, false);
		memmove(t->held, left.p, left.n);
		t->n_held = left.n;
	}
	struct span left = qp_run(in, out, false);
	if (left.n > TRANSFER_HELD_MAX - 1)
		bug("more held than a line's end");
	memcpy(t->held + t->n_held, left.p, left.n);
	t->n_held += left.n;
}

void
transfer_put(struct transfer *t, struct span in, struct buf *out)
{
	if (in.n == 0)
		return;
	if (t->kind == TRANSFER_BASE64)
		b64_put(t, in, out);
	else if (t->kind == TRANSFER_QP)
		qp_put(t, in, out);
	else
		buf_span(out, in);
}

void
transfer_end(struct transfer *t, struct buf *out)
{
	char *o = t->kind == TRANSFER_BASE64 ? buf_room(out, 3) : NULL;
	if (o)
		buf_added(out, (size_t)(b64_flush(t, o) - o));
	if (t->kind == TRANSFER_QP)
		qp_run(span_make(t->held, t->n_held), out, true);
	*t = (struct transfer){.kind = t->kind};
}

void
transfer_decode(enum transfer_kind kind, struct span in, struct buf *out)
{
	struct transfer t = {.kind = kind};
	transfer_put(&t, in, out);
	transfer_end(&t, out);
}
