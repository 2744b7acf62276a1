/* SPDX-License-Identifier: ISC */
/* buf.c - owned bytes with a maximum, and a reader of bytes. */
#include "base/buf.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void
buf_stick(struct buf *b, int err)
{
	if (b->err == E_OK)
		b->err = err;
}

/* As mem_grow, without what the library leaves in the old place. */
static char *
move_secret(char *from, size_t n, size_t cap)
{
	char *to = mem_new(cap);
	if (n)
		memcpy(to, from, n);
	if (from)
		mem_wipe(from, n);
	free(from);
	return to;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t max = b->max ? b->max : BUF_MAX_DEFAULT;
	if (b->err != E_OK)
		return NULL;
	if (n > max || b->len > max - n) {
		buf_stick(b, E_LIMIT);
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		while (cap < b->len + n + 1)
			cap *= 2;
		b->p = b->is_secret ? move_secret(b->p, b->cap, cap)
		                    : mem_grow(b->p, cap, 1);
		b->cap = cap;
	}
	return b->p + b->len;
}

void
buf_added(struct buf *b, size_t n)
{
	if (b->len + n > b->cap)
		bug("more added than there was room");
	b->len += n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);
	if (!room)
		return;
	if (n)
		memcpy(room, p, n);
	b->len += n;
}

void
buf_span(struct buf *b, struct span s)
{
	buf_put(b, s.p, s.n);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_ch(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_vputf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		bug("bad format");
	char *room = buf_room(b, (size_t)n);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void
buf_putf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(b, fmt, ap);
	va_end(ap);
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	v = htole16(v);
	buf_put(b, &v, sizeof v);
}

void
buf_u32(struct buf *b, uint32_t v)
{
	v = htole32(v);
	buf_put(b, &v, sizeof v);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_put(b, &v, sizeof v);
}

void
buf_bytes(struct buf *b, struct span s)
{
	if (s.n > UINT32_MAX) {
		buf_stick(b, E_LIMIT);
		return;
	}
	buf_u32(b, (uint32_t)s.n);
	buf_span(b, s);
}

void
buf_hex(struct buf *b, struct span s)
{
	static const char digit[] = "0123456789abcdef";
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		buf_put(b, (char[]){digit[c >> 4], digit[c & 15]}, 2);
	}
}

static const char base64_digit[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
buf_base64(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		unsigned v = (unsigned)(unsigned char)s.p[i] << 16;
		if (left > 1)
			v |= (unsigned)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)s.p[i + 2];
		buf_ch(b, base64_digit[v >> 18]);
		buf_ch(b, base64_digit[v >> 12 & 63]);
		buf_ch(b, left > 1 ? base64_digit[v >> 6 & 63] : '=');
		buf_ch(b, left > 2 ? base64_digit[v & 63] : '=');
	}
}

void
buf_quoted(struct buf *b, struct span s)
{
	bool is_text = utf8_valid(s);
	buf_ch(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '"' || c == '\\')
			buf_putf(b, "\\%c", c);
		else if (ch_ctl(c))
			buf_putf(b, "\\u%04x", (unsigned)(unsigned char)c);
		else if (!is_text && (unsigned char)c >= 0x80)
			buf_str(b, "\xef\xbf\xbd");
		else
			buf_ch(b, c);
	}
	buf_ch(b, '"');
}

void
buf_set_u32(struct buf *b, size_t at, uint32_t v)
{
	if (b->err != E_OK)
		return;
	if (at + 4 > b->len)
		bug("buf_set_u32 outside");
	v = htole32(v);
	memcpy(b->p + at, &v, 4);
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		bug("buf_drop past the end");
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
}

void
buf_cut(struct buf *b, size_t len)
{
	if (len < b->len)
		b->len = len;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = E_OK;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max, .is_secret = b->is_secret};
}

void
buf_wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->cap);
	buf_free(b);
}

struct span
buf_as_span(const struct buf *b)
{
	return (struct span){b->p, b->len};
}

const char *
buf_cstr(struct buf *b)
{
	if (b->err != E_OK || !b->p)
		return "";
	b->p[b->len] = '\0'; /* buf_room always leaves one byte */
	return b->p;
}

int
buf_done(const struct buf *b)
{
	return b->err;
}

struct rd
rd_of(struct span s)
{
	return (struct rd){.in = s};
}

struct span
rd_bytes(struct rd *r, size_t n)
{
	if (r->err == E_OK && n > r->in.n)
		r->err = E_BAD;
	if (r->err != E_OK)
		return (struct span){"", 0};
	struct span s = span_head(r->in, n);
	r->in = span_from(r->in, n);
	return s;
}

uint8_t
rd_u8(struct rd *r)
{
	struct span s = rd_bytes(r, 1);
	return s.n ? (uint8_t)s.p[0] : 0;
}

uint16_t
rd_u16(struct rd *r)
{
	uint16_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return le16toh(v);
}

uint32_t
rd_u32(struct rd *r)
{
	uint32_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return le32toh(v);
}

uint64_t
rd_u64(struct rd *r)
{
	uint64_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return le64toh(v);
}

struct span
rd_str(struct rd *r, size_t max)
{
	uint32_t n = rd_u32(r);
	if (r->err == E_OK && n > max)
		r->err = E_BAD;
	return rd_bytes(r, n);
}

struct span
rd_copy(struct rd *r, size_t max, struct arena *arena)
{
	struct span s = rd_str(r, max), copy = arena_span(arena, s);
	if (copy.n != s.n)
		r->err = E_LIMIT;
	return copy;
}

int
rd_end(const struct rd *r)
{
	return r->err == E_OK && r->in.n ? E_BAD : r->err;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ch_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
base64_decode(struct span in, struct buf *out)
{
	if (in.n % 4)
		return E_BAD;
	for (size_t i = 0; i < in.n; i += 4) {
		bool is_last = i + 4 == in.n;
		size_t pad = !is_last || in.p[i + 3] != '=' ? 0
		             : in.p[i + 2] == '='           ? 2
		                                            : 1;
		unsigned v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = k >= 4 - pad ? 0 : base64_value(in.p[i + k]);
			if (d < 0)
				return E_BAD;
			v = v << 6 | (unsigned)d;
		}
		if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
			return E_BAD; /* bits that the padding says are not there */
		buf_put(
		    out, (char[]){(char)(v >> 16), (char)(v >> 8), (char)v}, 3 - pad);
	}
	return buf_done(out);
}

int
hex_decode(struct span in, void *out, size_t n)
{
	unsigned char *o = out;
	if (in.n != 2 * n)
		return E_BAD;
	for (size_t i = 0; i < n; i++) {
		int hi = ch_hex(in.p[2 * i]), lo = ch_hex(in.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return E_BAD;
		o[i] = (unsigned char)(hi << 4 | lo);
	}
	return E_OK;
}

void
mem_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

bool
mem_same(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char diff = 0;
	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)(x[i] ^ y[i]);
	return diff == 0;
}
