/* SPDX-License-Identifier: ISC */
/* utf7.c - modified UTF-7, both ways. */
#include "mime/utf7.h"

#include "mime/charset.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
digit_value(char c)
{
	size_t at = span_find(span_make(digits, 64), c);
	return at < 64 ? (int)at : -1;
}

static bool
is_printable(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* One UTF-16 unit behind a shift; *high is the first half of a pair, or 0. */
static int
put_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return E_BAD;
		utf8_put(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return E_OK;
	}
	if (is_printable(unit) || (unit >= 0xdc00 && unit <= 0xdfff))
		return E_BAD;
	if (unit >= 0xd800 && unit <= 0xdbff)
		*high = unit;
	else
		utf8_put(out, unit);
	return E_OK;
}

/* What stands between "&" and "-". */
static int
shifted_to_utf8(struct span in, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned n_bits = 0;
	for (size_t i = 0; i < in.n; i++) {
		int v = digit_value(in.p[i]);
		if (v < 0)
			return E_BAD;
		bits = bits << 6 | (uint32_t)v;
		n_bits += 6;
		if (n_bits < 16)
			continue;
		n_bits -= 16;
		if (put_unit(out, bits >> n_bits & 0xffff, &high) != E_OK)
			return E_BAD;
		bits &= (1u << n_bits) - 1;
	}
	return n_bits < 6 && bits == 0 && high == 0 ? E_OK : E_BAD;
}

int
utf7_to_utf8(struct span in, struct buf *out)
{
	bool is_after_shift = false;
	while (in.n) {
		if (!is_printable((unsigned char)in.p[0]))
			return E_BAD;
		if (in.p[0] != '&') {
			buf_ch(out, in.p[0]);
			in = span_from(in, 1);
			is_after_shift = false;
			continue;
		}
		size_t n = span_find(in, '-');
		if (n == in.n)
			return E_BAD;
		if (n == 1)
			buf_ch(out, '&');
		else if (is_after_shift ||
			 shifted_to_utf8(span_make(in.p + 1, n - 1), out) != E_OK)
			return E_BAD;
		is_after_shift = n > 1;
		in = span_from(in, n + 1);
	}
	return buf_done(out);
}

/* ---- the other way ---- */

struct shift {
	uint32_t bits;
	unsigned n_bits;
	bool is_open;
};

static void
shift_put(struct shift *s, struct buf *out, uint32_t unit)
{
	if (!s->is_open)
		buf_ch(out, '&');
	s->is_open = true;
	s->bits = s->bits << 16 | unit;
	s->n_bits += 16;
	while (s->n_bits >= 6) {
		s->n_bits -= 6;
		buf_ch(out, digits[s->bits >> s->n_bits & 63]);
	}
}

static void
shift_end(struct shift *s, struct buf *out)
{
	if (s->is_open && s->n_bits)
		buf_ch(out, digits[s->bits << (6 - s->n_bits) & 63]);
	if (s->is_open)
		buf_ch(out, '-');
	*s = (struct shift){.is_open = false};
}

int
utf7_from_utf8(struct span in, struct buf *out)
{
	struct shift shift = {.is_open = false};
	if (!utf8_valid(in))
		return E_BAD;
	while (in.n) {
		uint32_t code = utf8_next(&in);
		if (is_printable(code)) {
			shift_end(&shift, out);
			buf_put(out, code == '&' ? "&-" : (char[]){(char)code},
			    code == '&' ? 2 : 1);
		} else if (code < 0x10000) {
			shift_put(&shift, out, code);
		} else {
			shift_put(&shift, out, 0xd800 + ((code - 0x10000) >> 10));
			shift_put(&shift, out, 0xdc00 + ((code - 0x10000) & 0x3ff));
		}
	}
	shift_end(&shift, out);
	return buf_done(out);
}
