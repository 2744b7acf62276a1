/* SPDX-License-Identifier: ISC */
/* transfer.c - base64 and quoted-printable, decoded at the speed of a search through bodies. */
#include "mime/transfer.h"

#include <string.h>

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
	} names[] = {{"7bit", TRANSFER_PLAIN}, {"8bit", TRANSFER_PLAIN}, {"binary", TRANSFER_PLAIN},
	    {"base64", TRANSFER_BASE64}, {"quoted-printable", TRANSFER_QP}};
	size_t n = 0, i = 0;
	while (i < value.n && (ch_space(value.p[i]) || value.p[i] == '\r' || value.p[i] == '\n'))
		i++;
	value = span_from(value, i);
	while (n < value.n && (ch_alnum(value.p[n]) || value.p[n] == '-'))
		n++;
	if (value.n == 0)
		return TRANSFER_PLAIN;
	for (i = 0; i < COUNT(names); i++)
		if (span_ieqs(span_head(value, n), names[i].name))
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

/* ---- quoted-printable ---- */

/* A "=" of t->held is complete: what stands for it is put, and how much of s it takes is returned; 0: needs more. */
static size_t
qp_escape(struct span s, struct buf *out, bool is_end)
{
	size_t n = 1;
	if (s.n >= 3 && ch_hex(s.p[1]) >= 0 && ch_hex(s.p[2]) >= 0) {
		buf_ch(out, (char)(ch_hex(s.p[1]) << 4 | ch_hex(s.p[2])));
		return 3;
	}
	while (n < s.n && ch_space(s.p[n]))
		n++;
	if (n < s.n && s.p[n] == '\n')
		return n + 1;
	if (n + 1 < s.n && s.p[n] == '\r' && s.p[n + 1] == '\n')
		return n + 2;
	bool could_be = n == s.n || (n + 1 == s.n && s.p[n] == '\r') || (n == 1 && s.n == 2 && ch_hex(s.p[1]) >= 0);
	if (could_be && is_end && (n == s.n || s.p[n] == '\r'))
		return s.n; /* a soft break that nothing follows */
	if (could_be && !is_end && s.n < TRANSFER_HELD_MAX)
		return 0;
	buf_ch(out, '=');
	return 1;
}

/* As qp_escape, for a run of blanks: gone before a line end, else as it stands. */
static size_t
qp_blanks(struct span s, struct buf *out, bool is_end)
{
	size_t n = 0;
	while (n < s.n && ch_space(s.p[n]))
		n++;
	bool could_be = n == s.n || (n + 1 == s.n && s.p[n] == '\r');
	if (could_be && !is_end && s.n < TRANSFER_HELD_MAX)
		return 0;
	bool is_line_end = (n == s.n && is_end) || (n < s.n && s.p[n] == '\n') ||
	                   (n + 1 < s.n && s.p[n] == '\r' && s.p[n + 1] == '\n');
	if (!is_line_end)
		buf_put(out, s.p, n);
	return n;
}

/* Length of what stands for itself: up to the next "=", and without the blanks before that or before a line end. */
static size_t
qp_plain(struct span s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != '=' && !ch_space(s.p[n]))
		n++;
	return n;
}

/* Returns what could not be decided yet. */
static struct span
qp_run(struct span s, struct buf *out, bool is_end)
{
	while (s.n) {
		size_t n = qp_plain(s);
		buf_put(out, s.p, n);
		s = span_from(s, n);
		if (s.n == 0)
			break;
		/* a blank between words is the usual case */
		if (s.p[0] == ' ' && s.n > 1 && s.p[1] > ' ' && s.p[1] != '=') {
			buf_ch(out, ' ');
			s = span_from(s, 1);
			continue;
		}
		n = s.p[0] == '=' ? qp_escape(s, out, is_end) : qp_blanks(s, out, is_end);
		if (n == 0)
			break;
		s = span_from(s, n);
	}
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
