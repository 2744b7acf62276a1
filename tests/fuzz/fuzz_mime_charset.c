/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_charset.c - each charset: valid UTF-8 comes out, in two pieces, and octet by octet, as in one.
 * fuzz: common/mime/charset*.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/charset.h"
#include "mime/charset_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct span
name_of(size_t i)
{
	const struct charset_row *row = charset_row_at(i);
	struct span names = span_trim(span_of(row ? row->names : " utf-8 "));
	return span_cut(&names, ' ');
}

/* A first piece, and what follows in pieces of this size. */
static void
in_pieces(struct span name, struct span in, size_t first, size_t piece, struct buf *out)
{
	struct charset c;
	if (charset_begin(&c, name) != E_OK)
		abort();
	charset_put(&c, span_head(in, first), out);
	for (in = span_from(in, first); in.n; in = span_from(in, piece))
		charset_put(&c, span_head(in, piece), out);
	charset_end(&c, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = {0}, pieces = {0}, octets = {0};
	if (n < 3)
		return 0;
	(void)charset_is_known(span_make(data, n));
	struct span name = name_of(data[0] % CHARSET_ROWS_MAX),
		    in = span_make(data + 2, n - 2);
	size_t cut = data[1] % (n - 1);
	if (charset_to_utf8(name, in, &whole) != E_OK)
		abort();
	in_pieces(name, in, cut, in.n, &pieces);
	in_pieces(name, in, 0, 1, &octets);
	if (!utf8_valid(buf_as_span(&whole)) ||
	    !span_eq(buf_as_span(&whole), buf_as_span(&pieces)) ||
	    !span_eq(buf_as_span(&whole), buf_as_span(&octets)))
		abort();
	buf_reset(&whole);
	charset_guess(in, &whole);
	if (!utf8_valid(buf_as_span(&whole)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&octets);
	return 0;
}
