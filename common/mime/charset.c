/* SPDX-License-Identifier: ISC */
/*
 * charset.c - conversions to UTF-8, with a fast path for ASCII, tables of octets and a cache of
 * iconv descriptors.
 */
#include "mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "mime/charset_row.h"

enum {
	PIECE_BYTES = 64 << 10,
	PIECE_EXTRA = 64,
	ROOM_LEAST = 16, /* any character, and what iconv adds to it */
	UNLOAD_TURNS = 4 /* glibc unloads a module when others went three times since */
};

#define BAD_CHARACTER "\xef\xbf\xbd" /* U+FFFD */

/* What an octet past ASCII becomes. */
struct octet {
	unsigned char n;
	char utf8[3];
};

/*
 * One descriptor a row, kept open; a second conversion of the same charset at once opens its own.
 * Where each octet is a character a table does, and iconv's module goes.
 */
static struct {
	iconv_t cd; /* own */
	bool is_open, is_lent, is_missing;
	bool
	    is_absent; /* this host has none: it was not there at start, and is not missed */
	bool has_octets;          /* and no cd */
	struct octet octets[128]; /* of 128 to 255 */
} cache[CHARSET_ROWS_MAX];

static unsigned long n_missed;

/* windows-1252 0x80 to 0x9f; 0 is not assigned there, and the octet's own C1 control then */
static const uint16_t cp1252[32] = {0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
    0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019,
    0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,
    0x017e, 0x0178};

/* ---- UTF-8 ---- */

void
utf8_put(struct buf *out, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	const char last = (char)(0x80 | (c & 63)), third = (char)(0x80 | (c >> 6 & 63));
	if (c < 0x80)
		buf_ch(out, (char)c);
	else if (c < 0x800)
		buf_put(out, (char[]){(char)(0xc0 | c >> 6), last}, 2);
	else if (c < 0x10000)
		buf_put(out, (char[]){(char)(0xe0 | c >> 12), third, last}, 3);
	else
		buf_put(out,
		    (char[]){(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
			third, last},
		    4);
}

/*
 * Length of the character at p; 0 when it is none; -1 when it is one that is cut off (RFC 3629
 * section 4).
 */
static int
utf8_step(const unsigned char *p, size_t n, uint32_t *code)
{
	unsigned char lo = 0x80, hi = 0xbf;
	int len = p[0] < 0x80   ? 1
	          : p[0] < 0xc2 ? 0
	          : p[0] < 0xe0 ? 2
	          : p[0] < 0xf0 ? 3
	          : p[0] < 0xf5 ? 4
	                        : 0;
	*code = len <= 1 ? p[0] : p[0] & (0x7fu >> len);
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (int i = 1; i < len; i++) {
		if ((size_t)i >= n)
			return -1;
		if (p[i] < lo || p[i] > hi)
			return 0;
		*code = *code << 6 | (p[i] & 63u);
		lo = 0x80;
		hi = 0xbf;
	}
	return len;
}

uint32_t
utf8_next(struct span *in)
{
	uint32_t code;
	int len = utf8_step((const unsigned char *)in->p, in->n, &code);
	*in = span_from(*in, len > 0 ? (size_t)len : 1);
	return len > 0 ? code : 0xfffd;
}

static size_t
ascii_len(struct span s)
{
	size_t i = 0;
	uint64_t word;
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

/*
 * Length of the two- and three-octet characters that s begins with, but for those whose second
 * octet is special.
 */
static size_t
common_len(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i = 0;
	while (i + 3 <= s.n) {
		bool is_second = (p[i + 1] & 0xc0) == 0x80,
		     is_third = (p[i + 2] & 0xc0) == 0x80;
		if (p[i] >= 0xc2 && p[i] < 0xe0 && is_second)
			i += 2;
		else if (p[i] > 0xe0 && p[i] < 0xed && is_second && is_third)
			i += 3;
		else
			break;
	}
	return i;
}

/* Length of what is valid; *is_cut when what follows is the beginning of a character. */
static size_t
valid_len(struct span s, bool *is_cut)
{
	size_t i = 0;
	uint32_t code;
	*is_cut = false;
	while (i < s.n) {
		i += ascii_len(span_from(s, i));
		i += common_len(span_from(s, i));
		if (i == s.n)
			break;
		if ((unsigned char)s.p[i] < 0x80)
			continue;
		int len = utf8_step((const unsigned char *)s.p + i, s.n - i, &code);
		*is_cut = len < 0;
		if (len <= 0)
			break;
		i += (size_t)len;
	}
	return i;
}

static void
put_bad_octet(struct buf *out, char octet, enum charset_way way)
{
	unsigned char c = (unsigned char)octet;
	if (way != WAY_ASCII)
		buf_str(out, BAD_CHARACTER);
	else if (c < 0xa0 && cp1252[c - 0x80])
		utf8_put(out, cp1252[c - 0x80]);
	else
		utf8_put(out, c);
}

/* Returns what is the beginning of a character and could still become whole. */
static struct span
utf8_run(struct span in, struct buf *out, enum charset_way way, bool is_end)
{
	while (in.n) {
		bool is_cut;
		size_t n = valid_len(in, &is_cut);
		buf_put(out, in.p, n);
		in = span_from(in, n);
		if (in.n == 0 || (is_cut && !is_end))
			break;
		put_bad_octet(out, in.p[0], way);
		in = span_from(in, 1);
	}
	return in;
}

/* ---- iconv ---- */

/* False: more octets than this one make a character, or iconv makes several of it. */
static bool
octet_make(iconv_t cd, unsigned char c, struct octet *out)
{
	char in = (char)c, made[8], *from = &in, *to = made;
	size_t n = 1, room = sizeof made;
	uint32_t code;
	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &from, &n, &to, &room) == (size_t)-1) {
		*out = (struct octet){
		    .n = sizeof BAD_CHARACTER - 1, .utf8 = BAD_CHARACTER};
		return errno == EILSEQ;
	}
	iconv(cd, NULL, NULL, &to, &room);
	size_t length = (size_t)(to - made);
	if (length == 0 || length > sizeof out->utf8 ||
	    utf8_step((unsigned char *)made, length, &code) != (int)length)
		return false;
	out->n = (unsigned char)length;
	memcpy(out->utf8, made, length);
	return true;
}

static bool
octets_make(iconv_t cd, struct octet out[128])
{
	unsigned c = 128;
	while (c < 256 && octet_make(cd, (unsigned char)c, &out[c - 128]))
		c++;
	return c == 256;
}

static bool
needs_iconv(const struct charset_row *row)
{
	return row->way >= WAY_ICONV;
}

static bool
row_open(const struct charset_row *row)
{
	size_t i = charset_row_index(row);
	if (!needs_iconv(row))
		return true;
	if (!cache[i].is_open && !cache[i].is_missing) {
		cache[i].cd = iconv_open("UTF-8", row->iconv_name);
		cache[i].is_missing = cache[i].cd == (iconv_t)-1;
		cache[i].is_open = !cache[i].is_missing;
		cache[i].has_octets = cache[i].is_open && row->is_ascii_like &&
		                      octets_make(cache[i].cd, cache[i].octets);
		if (cache[i].has_octets)
			iconv_close(cache[i].cd);
	}
	n_missed += !cache[i].is_open && !cache[i].is_absent;
	return cache[i].is_open;
}

/* NULL: another way is its own. */
static const struct octet *
octets_of(const struct charset_row *row)
{
	size_t i = charset_row_index(row);
	return cache[i].has_octets ? cache[i].octets : NULL;
}

static struct span
octets_run(const struct octet octets[128], struct span in, struct buf *out)
{
	while (in.n) {
		size_t n = ascii_len(in);
		buf_put(out, in.p, n);
		for (; n < in.n && (unsigned char)in.p[n] >= 0x80; n++) {
			const struct octet *o = &octets[(unsigned char)in.p[n] - 0x80];
			buf_put(out, o->utf8, o->n);
		}
		in = span_from(in, n);
	}
	return in;
}

/*
 * A descriptor in its first state; NULL when this host has none (its module is missing, or cannot
 * be loaded here).
 */
static iconv_t
row_lend(const struct charset_row *row)
{
	size_t i = charset_row_index(row);
	if (!row_open(row))
		return NULL;
	if (cache[i].is_lent) {
		iconv_t cd = iconv_open("UTF-8", row->iconv_name);
		n_missed += cd == (iconv_t)-1;
		return cd == (iconv_t)-1 ? NULL : cd;
	}
	cache[i].is_lent = true;
	iconv(cache[i].cd, NULL, NULL, NULL, NULL);
	return cache[i].cd;
}

static void
row_give_back(iconv_t cd)
{
	for (size_t i = 0; i < CHARSET_ROWS_MAX; i++) {
		if (cache[i].is_lent && cache[i].cd == cd) {
			cache[i].is_lent = false;
			return;
		}
	}
	iconv_close(cd);
}

/*
 * Room for about this much and no more than out may hold; NULL, and it sticks, when not even a
 * character fits.
 */
static char *
room_for(struct buf *out, size_t want, size_t *space)
{
	size_t max = out->max ? out->max : BUF_MAX_DEFAULT, left = max - out->len;
	*space = want < left ? want : left;
	return buf_room(out, *space < ROOM_LEAST ? ROOM_LEAST : *space);
}

/* What iconv kept to see whether a mark follows that belongs to it (windows-1258, Big5-HKSCS). */
static void
iconv_flush(iconv_t cd, struct buf *out)
{
	size_t space;
	char *room = room_for(out, PIECE_EXTRA, &space), *o = room;
	if (!room)
		return;
	iconv(cd, NULL, NULL, &o, &space);
	buf_added(out, (size_t)(o - room));
}

/*
 * Octets to pass over at what is bad.  iconv points at it; glibc's module of UHC takes A2 E8, then
 * calls it bad, and points behind it.
 */
static size_t
bad_len(const struct charset_row *row, struct span taken, size_t left)
{
	if (row->way == WAY_UHC && span_ends(taken, SPAN("\xa2\xe8")))
		return 0;
	return row->unit < left ? row->unit : left;
}

/*
 * Converts what can be; returns what is the beginning of a character.  A bad unit becomes U+FFFD.
 */
static struct span
iconv_run(iconv_t cd, const struct charset_row *row, struct span in, struct buf *out,
    bool is_end)
{
	char *p = (char *)(uintptr_t)in.p;
	size_t left = in.n;
	while (left) {
		size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES, before = piece,
		       space;
		bool is_last = piece == left;
		char *room = room_for(out, piece + PIECE_EXTRA, &space), *o = room;
		const char *from = p;
		if (!room)
			return (struct span){p, 0};
		int err = iconv(cd, &p, &piece, &o, &space) == (size_t)-1 ? errno : 0;
		buf_added(out, (size_t)(o - room));
		left -= before - piece;
		if (err == EILSEQ || (err == EINVAL && is_last && is_end)) {
			struct span taken = span_make(from, (size_t)(p - from));
			size_t n = bad_len(row, taken, left);
			if (row->way != WAY_SHIFT)
				iconv_flush(cd, out); /* what stands before it */
			buf_str(out, BAD_CHARACTER);
			p += n;
			left -= n;
		} else if (err == EINVAL && is_last) {
			break;
		}
	}
	return (struct span){p, left};
}

/* ---- conversions ---- */

static char folder[PATH_MAX]; /* "": not known */

static int
note_folder(struct dl_phdr_info *object, size_t bytes, void *ctx)
{
	struct span path = span_of(object->dlpi_name);
	struct span in = span_head(path, span_rfind(path, '/'));
	(void)bytes, (void)ctx;
	if (!span_ends(in, SPAN("/gconv")) || in.n >= sizeof folder)
		return 0;
	memcpy(folder, in.p, in.n);
	return 1;
}

/* The modules of what was opened stay for a while: the monitor, and all that it forks, go without. */
static void
unload(void)
{
	for (int i = 0; i < UNLOAD_TURNS; i++) {
		iconv_t cd = iconv_open("UTF-8", "UTF-16BE");
		if (cd != (iconv_t)-1)
			iconv_close(cd);
	}
}

void
charset_prepare(void)
{
	const struct charset_row *row;
	for (size_t i = 0; (row = charset_row_at(i)); i++) {
		if (!row->is_ascii_like)
			continue;
		cache[i].is_absent = !row_open(row);
		if (cache[i].is_absent)
			continue;
		if (!folder[0])
			dl_iterate_phdr(note_folder, NULL);
		if (cache[i].is_open && !cache[i].has_octets) {
			iconv_close(cache[i].cd);
			cache[i].is_open = false;
		}
	}
	unload();
	n_missed = 0;
}

const char *
charset_folder(void)
{
	return folder;
}

bool
charset_is_known(struct span name)
{
	const struct charset_row *row = charset_row_find(name);
	return row && row_open(row);
}

unsigned long
charset_n_missed(void)
{
	return n_missed;
}

int
charset_begin(struct charset *c, struct span name)
{
	*c = (struct charset){.row = charset_row_find(name)};
	if (!c->row)
		return E_BAD;
	if (!needs_iconv(c->row) || (row_open(c->row) && octets_of(c->row)))
		return E_OK;
	c->cd = row_lend(c->row);
	return c->cd ? E_OK : E_BAD;
}

/*
 * UTF-16 and UTF-32 are big-endian unless their first character says otherwise (RFC 2781 4.3).
 * iconv's own charsets of these names take this host's order, and keep the order of the text
 * before.
 */
static struct span
take_byte_order(struct charset *c, struct span in)
{
	bool is_16 = c->row->unit == 2;
	struct span big = is_16 ? SPAN("\xfe\xff") : SPAN("\0\0\xfe\xff");
	struct span little = is_16 ? SPAN("\xff\xfe") : SPAN("\xff\xfe\0\0");
	c->is_begun = true;
	if (span_starts(in, big))
		return span_from(in, big.n);
	if (!span_starts(in, little))
		return in;
	iconv_t cd =
	    row_lend(charset_row_find(is_16 ? SPAN("utf-16le") : SPAN("utf-32le")));
	if (cd) {
		row_give_back(c->cd);
		c->cd = cd;
	}
	return span_from(in, little.n);
}

static struct span
run(struct charset *c, struct span in, struct buf *out, bool is_end)
{
	const struct octet *octets = octets_of(c->row);
	if (octets)
		return octets_run(octets, in, out);
	if (c->row->way == WAY_UTF7) {
		charset_utf7_put(&c->utf7, in, out);
		return span_from(in, in.n);
	}
	if (!c->cd)
		return utf8_run(in, out, c->row->way, is_end);
	if (c->row->way == WAY_MARK && !c->is_begun) {
		if (in.n < c->row->unit && !is_end)
			return in;
		in = take_byte_order(c, in);
	}
	if (c->row->is_ascii_like) {
		size_t n = ascii_len(in);
		buf_put(out, in.p, n);
		in = span_from(in, n);
	}
	return iconv_run(c->cd, c->row, in, out, is_end);
}

void
charset_put(struct charset *c, struct span in, struct buf *out)
{
	/* a character that began in the piece before: octet by octet, until nothing is held */
	while (c->n_held && in.n) {
		if (c->n_held == CHARSET_HELD_MAX)
			bug("a character of more octets than any has");
		c->held[c->n_held++] = in.p[0];
		in = span_from(in, 1);
		struct span left = run(c, span_make(c->held, c->n_held), out, false);
		memmove(c->held, left.p, left.n);
		c->n_held = left.n;
	}
	if (in.n == 0)
		return;
	struct span left = run(c, in, out, false);
	if (left.n > CHARSET_HELD_MAX)
		bug("a character of more octets than any has");
	memcpy(c->held, left.p, left.n);
	c->n_held = left.n;
}

void
charset_end(struct charset *c, struct buf *out)
{
	if (out && c->n_held)
		(void)run(c, span_make(c->held, c->n_held), out, true);
	if (c->row->way == WAY_UTF7 && out)
		charset_utf7_end(&c->utf7, out);
	if (c->cd && out)
		iconv_flush(c->cd, out);
	if (c->cd)
		row_give_back(c->cd);
	*c = (struct charset){.row = NULL};
}

int
charset_to_utf8(struct span name, struct span in, struct buf *out)
{
	struct charset c;
	int err = charset_begin(&c, name);
	if (err != E_OK)
		return err;
	struct span left = run(&c, in, out, true);
	if (left.n)
		bug("octets left at the end of a text");
	charset_end(&c, out);
	return E_OK;
}

void
charset_guess(struct span in, struct buf *out)
{
	bool is_cut;
	if (valid_len(in, &is_cut) == in.n) {
		buf_span(out, in);
		return;
	}
	for (size_t i = 0; i < in.n; i++) {
		if ((unsigned char)in.p[i] < 0x80)
			buf_ch(out, in.p[i]);
		else
			put_bad_octet(out, in.p[i], WAY_ASCII);
	}
}
