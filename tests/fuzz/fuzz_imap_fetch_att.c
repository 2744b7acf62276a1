/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_fetch_att.c - what a FETCH asks for.  What it refuses it leaves as it was; what the answers call a section,
 * asked for again, is the same section.
 * fuzz: imapd/fetch_att.c imapd/parse.c imapd/partial.c common/store/numset.c common/mime/section.c common/mime/cache_names.c common/mime/header.c common/mime/imap_string.c common/mime/transfer.c common/mime/tree.c common/mime/lex.c common/mime/param.c common/mime/word.c common/mime/charset*.c
 * libs: -lunistring
 */
#include <stdlib.h>

#include "imapd/fetch_att.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* "BODY[...]<5>" is how the answer to "BODY[...]<5.1>" begins. */
static void
check_again(const struct fetch_section *a)
{
	struct arena arena = {.max_bytes = 4 << 20};
	struct buf text = {.max = 0};
	struct fetch_atts atts;
	buf_span(&text, a->label);
	if (a->is_partial) {
		buf_cut(&text, text.len - 1);
		buf_putf(&text, ".%llu>", (unsigned long long)a->most);
	}
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	check(fetch_atts_parse(&p, &atts) == E_OK && parse_is_at_end(&p) &&
	      atts.n_sections == 1);
	check(
	    span_eq(atts.sections->label, a->label) && atts.sections->most == a->most);
	check(atts.sections->has_names == a->has_names &&
	      atts.sections->names == a->names);
	arena_reset(&arena);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena arena = {.max_bytes = 4 << 20};
	struct parse parse = {.in = span_make(p, n), .arena = &arena};
	struct fetch_atts atts;
	if (n > 4096)
		return 0;
	if (fetch_atts_parse(&parse, &atts) == E_OK) {
		check(
		    atts.whats < 1u << FETCH_WHATS && (atts.whats || atts.n_sections));
		for (const struct fetch_section *a = atts.sections; a; a = a->next)
			check_again(a);
		struct span in = parse.in;
		if (fetch_modifiers_parse(&parse, &atts) != E_OK)
			check(
			    parse.in.p == in.p && parse.in.n == in.n && parse.expected);
	} else {
		check(
		    parse.in.p == (const char *)p && parse.in.n == n && parse.expected);
	}
	arena_reset(&arena);
	return 0;
}
