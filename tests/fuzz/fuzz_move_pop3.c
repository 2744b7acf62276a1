/* SPDX-License-Identifier: ISC */
/*
 * fuzz_move_pop3.c - what a POP3 server says to LIST and UIDL, a line each; behind an empty line heads, an empty line between.
 * fuzz: common/move/pop3_uidls.c common/move/dovecot.c common/move/maildir_name.c common/mime/header.c common/mime/lex.c common/mime/utf7.c common/mime/charset*.c common/tls/hash.c
 * libs: -lgnutls -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "move/dovecot.h"
#include "move/pop3_uidls.h"

enum { MESSAGES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
head_each(struct span heads, struct head_sum *out)
{
	size_t n = 0;
	while (heads.n && n < MESSAGES) {
		head_sum(heads, out[n].sha256);
		out[n].index = n;
		n++;
		size_t end = 0;
		while (end + 1 < heads.n &&
		       !(heads.p[end] == '\n' && heads.p[end + 1] == '\n'))
			end++;
		heads = span_from(heads, end + 2);
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct head_sum theirs[MESSAGES], ours[MESSAGES];
	struct source_message all[MESSAGES] = {{.uid = 0}};
	struct pop3_messages l = {.n = 0};
	struct listing listing = {.all = all, .n = MESSAGES};
	struct span in = span_make(data, n);
	uint32_t last = 0;
	while (in.n) {
		struct span line = span_cut(&in, '\n');
		if (line.n == 0)
			break;
		if (pop3_list_line(&l, line) == E_OK && l.all[l.n - 1].number <= last)
			abort();
		last = l.n ? l.all[l.n - 1].number : 0;
		if (pop3_uidl_line(&l, line) != E_OK)
			continue;
	}
	for (size_t i = 0; i < l.n; i++)
		if (l.all[i].uidl.n && !uidl_is_legal(l.all[i].uidl))
			abort();
	size_t k = head_each(in, theirs);
	memcpy(ours, theirs, sizeof ours);
	if (k > l.n)
		k = l.n;
	if (uidls_by_head(&l, theirs, k, &listing, ours, k) != 0)
		abort(); /* the same heads: each finds one */
	pop3_messages_free(&l);
	arena_reset(&listing.arena);
	return 0;
}
