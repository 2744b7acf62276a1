/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_word.c - encoded words, base subjects and folding: UTF-8 on one line, and a base subject is its own.
 * fuzz: common/mime/word.c common/mime/header.c common/mime/lex.c common/mime/transfer.c common/mime/subject.c common/mime/casemap.c common/mime/find.c common/mime/charset*.c
 * libs: -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "mime/casemap.h"
#include "mime/subject.h"
#include "mime/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_line(struct span s)
{
	if (!utf8_valid(s) || span_find(s, '\n') < s.n || span_find(s, '\r') < s.n ||
	    span_find(s, '\0') < s.n)
		abort();
}

static void
check_subject(struct span text)
{
	struct buf base = {0}, again = {0};
	(void)subject_base(&base, text);
	if (subject_base(&again, buf_as_span(&base)) ||
	    !span_eq(buf_as_span(&base), buf_as_span(&again)))
		abort();
	check_line(buf_as_span(&base));
	buf_free(&base);
	buf_free(&again);
}

/* Folded in two pieces, cut between characters, as in one. */
static void
check_fold(struct span text)
{
	struct buf whole = {0}, pieces = {0};
	size_t cut = text.n / 2;
	while (cut < text.n && ((unsigned char)text.p[cut] & 0xc0) == 0x80)
		cut++;
	casemap_fold(&whole, text);
	casemap_fold(&pieces, span_head(text, cut));
	casemap_fold(&pieces, span_from(text, cut));
	if (!span_eq(buf_as_span(&whole), buf_as_span(&pieces)) ||
	    !casemap_search(buf_as_span(&whole), buf_as_span(&pieces)))
		abort();
	check_line(buf_as_span(&whole));
	buf_free(&whole);
	buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = {0};
	word_decode(&text, span_make(data, n));
	check_line(buf_as_span(&text));
	check_subject(buf_as_span(&text));
	check_fold(buf_as_span(&text));
	buf_reset(&text);
	casemap_fold(&text, span_make(data, n));
	if (!utf8_valid(buf_as_span(&text)))
		abort();
	buf_free(&text);
	return 0;
}
