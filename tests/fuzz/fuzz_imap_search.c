/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_search.c - the text behind SEARCH, SORT or THREAD: what is accepted is a tree within its limits whose
 * leaves say all that is asked of them.
 * fuzz: imapd/search_parse.c imapd/sort.c imapd/parse.c imapd/parse_values.c imapd/partial.c imapd/respond.c common/store/numset.c common/store/name.c
 * fuzz: common/mime/casemap.c common/mime/charset*.c common/mime/date.c common/mime/find.c common/mime/lex.c common/mime/utf7.c
 * fuzz: imapd/fetch_att.c common/mime/section.c common/mime/cache_names.c common/mime/header.c common/mime/imap_string.c common/mime/transfer.c common/mime/tree.c common/mime/param.c common/mime/word.c
 * libs: -lunistring
 */
#include <stdlib.h>

#include "imapd/respond.h"
#include "imapd/search_parse.h"
#include "imapd/sort.h"

enum { ARENA_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing is said here. */
int
io_flush(struct io *io)
{
	(void)io;
	return E_IO;
}

static unsigned
check(const struct search_key *k, unsigned depth)
{
	unsigned n = 1;
	if (depth > SEARCH_DEPTH_MAX + 1 || !utf8_valid(k->text))
		abort();
	bool is_parent = k->what == SEARCH_AND || k->what == SEARCH_OR;
	if (is_parent != (k->kids != NULL) || (is_parent && !k->kids->next))
		abort();
	for (const struct search_key *kid = k->kids; kid; kid = kid->next)
		n += check(kid, depth + 1);
	return n;
}

static void
check_whole(int err, const struct parse *p, const struct search *search, size_t n)
{
	if (err == E_OK && (p->in.n || check(search->root, 0) > SEARCH_KEYS_MAX))
		abort();
	if (err != E_OK && (p->in.n != n || (err == E_BAD && !p->expected)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct search search;
	struct sort_order order;
	struct parse p = {.in = span_make(data, n), .arena = &arena, .is_utf8 = n % 2};
	check_whole(search_parse(&p, &search), &p, &search, n);
	p = (struct parse){.in = span_make(data, n), .arena = &arena};
	search = (struct search){.returns = 0};
	check_whole(search_parse_criteria(&p, &search), &p, &search, n);
	p = (struct parse){.in = span_make(data, n), .arena = &arena};
	if (sort_parse(&p, &order) == E_OK && (order.n == 0 || order.n > SORT_BYS))
		abort();
	arena_reset(&arena);
	return 0;
}
