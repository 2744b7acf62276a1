/* SPDX-License-Identifier: ISC */
/* casemap.c - folding: ASCII here, common alphabets from a table filled as needed, the rest by libunistring. */
#include "mime/casemap.h"

#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "mime/charset.h"

enum {
	KEPT_CODES = 0x3000,   /* all alphabets that have case, but for a few */
	KEPT_BYTES = 7,
	KEPT_LONG = 0xff,      /* the fold is longer than that: made anew each time */
	FOLD_DEPTH_MAX = 8,    /* of decompositions of decompositions; Unicode has 3 */
	FOLD_CODES_MAX = 64,   /* of one character; Unicode has 18 */
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
	int count = is_hangul || depth == FOLD_DEPTH_MAX ? -1 : uc_decomposition(code, &tag, parts);
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

/* How much of in is ASCII; that much is put in upper case. */
static size_t
fold_ascii(struct buf *out, struct span in)
{
	size_t n = 0;
	while (n < in.n && (unsigned char)in.p[n] < 0x80)
		n++;
	char *o = buf_room(out, n);
	if (!o)
		return n;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		o[i] = (char)(c - ((unsigned char)(c - 'a') < 26 ? 32 : 0));
	}
	buf_added(out, n);
	return n;
}

void
casemap_fold(struct buf *out, struct span in)
{
	while (in.n) {
		if ((unsigned char)in.p[0] < 0x80) {
			in = span_from(in, fold_ascii(out, in));
			continue;
		}
		uint32_t code = utf8_next(&in);
		if (code < KEPT_CODES)
			fold_kept(out, code);
		else if (is_itself(code))
			utf8_put(out, code);
		else
			fold_code(out, code);
	}
}

bool
casemap_search(struct span haystack, struct span needle)
{
	return needle.n == 0 || span_search(haystack, needle) < haystack.n;
}
