/* SPDX-License-Identifier: ISC */
/*
 * casemap.c - folding: ASCII here, common alphabets from a table filled as needed, the rest by
 * libunistring.
 */
#include "mime/casemap.h"

#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "mime/charset.h"
#include "mime/find.h"

enum {
	KEPT_CODES = 0x3000, /* all alphabets that have case, but for a few */
	KEPT_BYTES = 7,
	KEPT_LONG = 0xff, /* the fold is longer than that: made anew each time */
	PIECE_BYTES = 4096,
	PIECE_GROWTH = 4,    /* two octets become at most KEPT_BYTES */
	FOLD_DEPTH_MAX = 8,  /* of decompositions of decompositions; Unicode has 3 */
	FOLD_CODES_MAX = 64, /* of one character; Unicode has 18 */
};

/* The fold of a character as UTF-8; n 0: not known yet. */
static struct {
	unsigned char n;
	char utf8[KEPT_BYTES];
} kept[KEPT_CODES];

static void
decompose(uint32_t code, int depth, uint32_t *out, size_t *n)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag;
	/* Hangul is composed by rule, and has no decomposition in the table that RFC 5051 names */
	bool is_hangul = code >= 0xac00 && code <= 0xd7a3;
	int count = is_hangul || depth == FOLD_DEPTH_MAX
	                ? -1
	                : uc_decomposition(code, &tag, parts);
	if (count <= 0) {
		if (*n < FOLD_CODES_MAX)
			out[(*n)++] = code;
		return;
	}
	for (int i = 0; i < count; i++)
		decompose(parts[i], depth + 1, out, n);
}

static void
fold_code(struct buf *out, uint32_t code)
{
	uint32_t codes[FOLD_CODES_MAX];
	size_t n = 0;
	decompose(uc_totitle(code), 0, codes, &n);
	for (size_t i = 0; i < n; i++)
		utf8_put(out, codes[i]);
}

static void
fold_kept(struct buf *out, uint32_t code)
{
	if (kept[code].n && kept[code].n != KEPT_LONG) {
		buf_put(out, kept[code].utf8, kept[code].n);
		return;
	}
	struct buf b = {.max = FOLD_CODES_MAX * 4};
	fold_code(&b, code);
	kept[code].n = KEPT_LONG;
	if (b.len <= KEPT_BYTES) {
		memcpy(kept[code].utf8, b.p, b.len);
		kept[code].n = (unsigned char)b.len;
	}
	buf_span(out, buf_as_span(&b));
	buf_free(&b);
}

/* Han and Hangul: no case, no decomposition. */
static bool
is_itself(uint32_t code)
{
	return (code >= 0x3400 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3);
}

static bool
is_follow(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The character at p when its fold is at hand: put at *o, its length returned; 0 when not. */
static size_t
fold_at_hand(const char *p, size_t n, char **o)
{
	unsigned char c = (unsigned char)p[0];
	if (c >= 0xc2 && c <= 0xdf && n >= 2 && is_follow(p[1])) {
		unsigned code = (c & 0x1fu) << 6 | ((unsigned char)p[1] & 0x3fu);
		if (kept[code].n == 0 || kept[code].n == KEPT_LONG)
			return 0;
		memcpy(*o, kept[code].utf8, KEPT_BYTES);
		*o += kept[code].n;
		return 2;
	}
	if (c < 0xe3 || c > 0xed || n < 3 || !is_follow(p[1]) || !is_follow(p[2]))
		return 0;
	if (!is_itself((c & 0xfu) << 12 | ((unsigned char)p[1] & 0x3fu) << 6 |
		       ((unsigned char)p[2] & 0x3fu)))
		return 0;
	memcpy(*o, p, 3);
	*o += 3;
	return 3;
}

/* Eight octets in upper case at once; false when one of them is no ASCII. */
static bool
fold_eight(const char *p, char *o)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t w;
	memcpy(&w, p, 8);
	if (w & high)
		return false;
	/* the high bit of each octet says: at least 'a', and not past 'z' */
	uint64_t lower =
	    (w + (0x80 - 'a') * ones) & ~(w + (0x80 - 'z' - 1) * ones) & high;
	w -= lower >> 2;
	memcpy(o, &w, 8);
	return true;
}

/*
 * ASCII and what is at hand, as far as it goes and there is room.  Returns how much of in that was.
 */
static size_t
fold_fast(struct buf *out, struct span in)
{
	size_t max = out->max ? out->max : BUF_MAX_DEFAULT, space = max - out->len,
	       n = 0;
	in = span_head(in, PIECE_BYTES);
	if (space > in.n * PIECE_GROWTH + KEPT_BYTES)
		space = in.n * PIECE_GROWTH + KEPT_BYTES;
	char *room = buf_room(out, space), *o = room;
	if (!room)
		return 0;
	const char *end = room + space;
	while (n < in.n && end - o >= KEPT_BYTES) {
		unsigned char c = (unsigned char)in.p[n];
		size_t taken = 1;
		if (c < 0x80 && in.n - n >= 8 && end - o >= 8 &&
		    fold_eight(in.p + n, o))
			o += taken = 8;
		else if (c < 0x80)
			*o++ = (char)(c - ((unsigned char)(c - 'a') < 26 ? 32 : 0));
		else if (!(taken = fold_at_hand(in.p + n, in.n - n, &o)))
			break;
		n += taken;
	}
	buf_added(out, (size_t)(o - room));
	return n;
}

void
casemap_fold(struct buf *out, struct span in)
{
	while (in.n && out->err == E_OK) {
		in = span_from(in, fold_fast(out, in));
		if (in.n == 0)
			break;
		uint32_t code = utf8_next(&in);
		if (code < KEPT_CODES)
			fold_kept(out, code);
		else
			fold_code(out, code);
	}
}

bool
casemap_search(struct span haystack, struct span needle)
{
	return find_bytes(haystack, needle);
}
