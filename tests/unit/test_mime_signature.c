/* SPDX-License-Identifier: ISC */
/* test_mime_signature.c - what is in a text is never ruled out; most of what is not is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/cache.h"
#include "mime/casemap.h"
#include "mime/signature.h"

enum { NEEDLES = 4000, NEEDLE_MAX = 40, WORDS = 300, WORD_BYTES = 12 };

/* A message, its tree and its signatures. */
struct signed_text {
	struct buf text;
	struct arena arena;
	struct tree tree;
	struct signatures signatures;
};

static void
sign(struct signed_text *s)
{
	tree_make(buf_as_span(&s->text), &s->arena, &s->tree);
	signatures_make(&s->tree, &s->arena, &s->signatures);
}

static void
sign_free(struct signed_text *s)
{
	arena_reset(&s->arena);
	buf_free(&s->text);
}

static bool
may_have(struct span signature, struct span needle)
{
	struct signature_probe p;
	signature_probe_init(&p, needle);
	return signature_may_have(signature, &p);
}

/* What is found may be there, in any signature; returns whether it may be in the texts. */
static bool
check(const struct signed_text *s, struct span needle, struct text_scratch *scratch)
{
	bool in_texts = may_have(s->signatures.texts, needle),
	     in_heads = may_have(s->signatures.heads, needle);
	if (text_contains(&s->tree, TEXT_BODY, needle, scratch))
		assert_true(in_texts);
	if (text_contains(&s->tree, TEXT_TEXT, needle, scratch))
		assert_true(in_texts || in_heads);
	return in_texts;
}

static void
check_folded(
    const struct signed_text *s, struct span words, struct text_scratch *scratch)
{
	struct buf needle = {0};
	casemap_fold(&needle, words);
	check(s, buf_as_span(&needle), scratch);
	buf_free(&needle);
}

static const char mixed[] =
    "From: =?utf-8?q?J=C3=BCrgen_Gro=C3=9F?= <j@a.test>\r\nSubject: "
    "=?utf-8?b?R3LDvMOfZQ==?= "
    "and more\r\nX-Folded: one\r\n two\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
    "quoted-printable\r\n\r\nSch=F6ne Gr=FC=DFe aus K=F6ln, the quick brown=\r\n "
    "fox\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: "
    "base64\r\n\r\n5pel5pys6Kqe44Gu44OG44Kt44K544OIIDxiPmh0bWw8L2I+\r\n"
    "--b\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4, "
    "\xcd\xc9\xd2!\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
    "inner\r\n\r\nNested "
    "words\r\n--b\r\nContent-Type: "
    "application/pdf\r\n\r\nhidden\r\n--b--\r\nepilogue\r\n";

/* All that the message says, decoded, and something of its octets too. */
static const char said[] = "Jürgen Groß Grüße and more X-Folded: one two Schöne Grüße "
			   "aus Köln, the quick brown fox "
			   "日本語のテキスト <b>html</b> Привет, мир! Subject: inner "
			   "Nested words hidden epilogue";

static void
test_what_is_found_may_be_there(void **state)
{
	struct signed_text s = {.arena = {0}};
	struct text_scratch scratch = {0};
	struct span from[] = {span_of(said), span_of(mixed)};
	(void)state;
	srand(1);
	buf_span(&s.text, span_of(mixed));
	sign(&s);
	for (unsigned i = 0; i < NEEDLES; i++) {
		struct span all = from[i % COUNT(from)];
		size_t n = (size_t)rand() % NEEDLE_MAX, at = (size_t)rand() % all.n;
		struct span words = span_head(span_from(all, at), n);
		check_folded(&s, words, &scratch);
		check(&s, words, &scratch); /* cut anywhere, not folded */
	}
	text_scratch_free(&scratch);
	sign_free(&s);
}

/* Each run of a text is found, in one that is as long as a run, or shorter, or empty. */
static void
test_short_texts(void **state)
{
	struct text_scratch scratch = {0};
	static const char body[] = "ABCDEFG";
	(void)state;
	for (size_t n = 0; n < sizeof body; n++) {
		struct signed_text s = {.arena = {0}};
		buf_str(&s.text, "\r\n");
		buf_put(&s.text, body, n);
		sign(&s);
		assert_int_equal(s.signatures.texts.n, n ? 8 : 0);
		for (size_t at = 0; at <= n; at++)
			for (size_t k = 0; at + k <= n; k++)
				assert_true(may_have(
				    s.signatures.texts, span_make(body + at, k)));
		assert_int_equal(may_have(s.signatures.texts, SPAN("XY")), n > 0);
		check(&s, SPAN(""), &scratch);
		sign_free(&s);
	}
	text_scratch_free(&scratch);
}

static void
word_put(struct buf *b)
{
	for (unsigned i = 0; i < WORD_BYTES; i++)
		buf_ch(b, (char)('A' + rand() % 26));
}

static void
test_most_are_ruled_out(void **state)
{
	struct signed_text s = {.arena = {0}};
	struct text_scratch scratch = {0};
	struct buf word = {0};
	unsigned n_may = 0;
	(void)state;
	srand(2);
	buf_str(&s.text, "\r\n");
	for (unsigned i = 0; i < WORDS; i++) {
		word_put(&s.text);
		buf_ch(&s.text, ' ');
	}
	sign(&s);
	/* octets: of 27 runs in 13 octets of text, 2.5 to 3.3 bits each */
	assert_in_range(s.signatures.texts.n, s.text.len * 5 / 8, s.text.len * 7 / 8);
	for (unsigned i = 0; i < NEEDLES; i++) {
		buf_reset(&word);
		word_put(&word);
		n_may += check(&s, buf_as_span(&word), &scratch);
	}
	assert_in_range(n_may, 0, NEEDLES / 1000);
	buf_free(&word);
	text_scratch_free(&scratch);
	sign_free(&s);
}

/* What stands at the borders of words is no run: it makes nothing longer, and rules nothing out. */
static void
test_borders(void **state)
{
	static const char *const borders[] = {" ", "\t", "\r\n", "\n\n  "};
	size_t length = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(borders); i++) {
		struct signed_text s = {.arena = {0}};
		buf_str(&s.text, "\r\n");
		for (unsigned k = 0; k < WORDS; k++)
			buf_putf(&s.text, "%s%s", k % 3 ? "WORDS" : "MORE", borders[i]);
		sign(&s);
		length = length ? length : s.signatures.texts.n;
		assert_int_equal(s.signatures.texts.n, length);
		assert_true(may_have(s.signatures.texts, SPAN("WORDS MORE")));
		assert_true(may_have(s.signatures.texts, SPAN("S M")));
		assert_false(may_have(s.signatures.texts, SPAN("WORDSMORE")));
		assert_false(may_have(s.signatures.texts, SPAN("WORDS OTHER")));
		sign_free(&s);
	}
}

/* All lengths that there are, and each in its place. */
static void
test_lengths(void **state)
{
	static const size_t lengths[] = {64, 128, 192, 256, 384, 512, 768, 1024, 1536};
	(void)state;
	for (size_t i = 0; i + 1 < COUNT(lengths); i++)
		assert_int_equal(signature_bits_next(lengths[i]), lengths[i + 1]);
	for (size_t n = 64; n <= SIGNATURE_BYTES_MAX * 8; n = signature_bits_next(n))
		assert_int_equal(n % 64, 0);
}

/* What is too much has none, and may have anything. */
static void
test_too_much(void **state)
{
	struct signed_text varied = {.arena = {0}}, dull = {.arena = {0}};
	(void)state;
	srand(3);
	buf_str(&varied.text, "\r\n");
	while (varied.text.len < 200000)
		word_put(&varied.text);
	sign(&varied);
	assert_null(varied.signatures.texts.p);
	assert_non_null(varied.signatures.heads.p);
	assert_true(may_have(varied.signatures.texts, SPAN("ANYTHING")));
	sign_free(&varied);
	buf_str(&dull.text, "Subject: x\r\n\r\n");
	while (dull.text.len < SIGNATURE_TEXT_MAX / 2)
		buf_str(&dull.text, "the same again and again\r\n");
	sign(&dull);
	assert_in_range(dull.signatures.texts.n, 8, 64);
	assert_false(may_have(dull.signatures.texts, SPAN("ANYTHING")));
	while (dull.text.len < SIGNATURE_TEXT_MAX + 100)
		buf_str(&dull.text, "the same again and again\r\n");
	arena_reset(&dull.arena);
	sign(&dull);
	assert_null(dull.signatures.texts.p);
	assert_int_equal(dull.signatures.heads.n, 8);
	sign_free(&dull);
}

static void
test_in_items(void **state)
{
	struct buf item = {.max = CACHE_BYTES_MAX};
	struct arena arena = {0};
	struct mime_cache whole, first;
	(void)state;
	assert_true(cache_make(span_of(mixed), &arena, &item));
	assert_int_equal(cache_open(buf_as_span(&item), &whole), E_OK);
	assert_int_equal(cache_open_signatures(buf_as_span(&item), &first), E_OK);
	assert_true(span_eq(whole.search.texts, first.search.texts));
	assert_true(span_eq(whole.search.heads, first.search.heads));
	assert_true(may_have(first.search.texts, SPAN("QUICK BROWN")));
	assert_false(may_have(first.search.texts, SPAN("QUICK RED")));
	buf_reset(&item);
	cache_without_signatures();
	assert_true(cache_make(span_of(mixed), &arena, &item));
	assert_int_equal(cache_open_signatures(buf_as_span(&item), &first), E_OK);
	assert_null(first.search.texts.p);
	assert_null(first.search.heads.p);
	assert_true(may_have(first.search.texts, SPAN("QUICK RED")));
	buf_free(&item);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_found_may_be_there),
	    cmocka_unit_test(test_short_texts),
	    cmocka_unit_test(test_most_are_ruled_out),
	    cmocka_unit_test(test_borders),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_too_much),
	    cmocka_unit_test(test_in_items),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
