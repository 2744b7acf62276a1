/* SPDX-License-Identifier: ISC */
/*
 * charset_utf7.c - UTF-7 as a charset.  Not iconv's: glibc's goes back to before a shift where a
 * unit in it is bad, as far as the shift began in the same piece.
 */
#include "mime/charset_utf7.h"

#include "mime/charset.h"

enum { BAD_CODE = 0xfffd };

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
put_unit(struct charset_utf7 *u, uint32_t unit, struct buf *out)
{
	uint32_t high = u->high;
	u->high = 0;
	if (high && unit >= 0xdc00 && unit <= 0xdfff) {
		utf8_put(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
		return;
	}
	if (high)
		utf8_put(out, BAD_CODE);
	if (unit >= 0xd800 && unit <= 0xdbff)
		u->high = unit;
	else
		utf8_put(out, unit);
}

static void
put_digit(struct charset_utf7 *u, uint32_t digit, struct buf *out)
{
	u->has_digits = true;
	u->bits = u->bits << 6 | digit;
	u->n_bits += 6;
	if (u->n_bits < 16)
		return;
	u->n_bits -= 16;
	put_unit(u, u->bits >> u->n_bits & 0xffff, out);
	u->bits &= (1u << u->n_bits) - 1;
}

static void
end_shift(struct charset_utf7 *u, bool is_minus, struct buf *out)
{
	bool is_padding = u->n_bits < 6 && u->bits == 0;
	if (!u->has_digits)
		utf8_put(out, is_minus ? '+' : BAD_CODE);
	else if (u->high || !is_padding)
		utf8_put(out, BAD_CODE);
	*u = (struct charset_utf7){.is_shifted = false};
}

/* Returns what follows the shift. */
static struct span
put_shifted(struct charset_utf7 *u, struct span in, struct buf *out)
{
	size_t digit = 0;
	while (in.n && (digit = span_find(span_make(digits, 64), in.p[0])) < 64) {
		put_digit(u, (uint32_t)digit, out);
		in = span_from(in, 1);
	}
	if (in.n == 0)
		return in;
	bool is_minus = in.p[0] == '-';
	end_shift(u, is_minus, out);
	return span_from(in, is_minus);
}

static size_t
direct_len(struct span in)
{
	size_t n = 0;
	while (n < in.n && (unsigned char)in.p[n] < 0x80 && in.p[n] != '+')
		n++;
	return n;
}

void
charset_utf7_put(struct charset_utf7 *u, struct span in, struct buf *out)
{
	while (in.n) {
		if (u->is_shifted) {
			in = put_shifted(u, in, out);
			continue;
		}
		size_t n = direct_len(in);
		buf_put(out, in.p, n);
		in = span_from(in, n);
		if (in.n == 0)
			break;
		u->is_shifted = in.p[0] == '+';
		if (!u->is_shifted)
			utf8_put(out, BAD_CODE);
		in = span_from(in, 1);
	}
}

void
charset_utf7_end(struct charset_utf7 *u, struct buf *out)
{
	if (u->is_shifted)
		end_shift(u, false, out);
}
