/* SPDX-License-Identifier: ISC */
/* answers.c - answers of the DNS made of a fuzzer's input. */
#include "tests/fuzz/answers.h"

#include <string.h>

enum { RECORDS_MAX = 16 };

/* lookups_ask is linked, and never called. */
void
resolver_ask(struct resolver *r, struct resolver_query *q, size_t n,
    struct arena *arena, int64_t deadline)
{
	(void)r, (void)q, (void)n, (void)arena, (void)deadline;
	bug("a question to the world");
}

struct span
answers_line(struct answers *a)
{
	return span_cut(&a->in, '\n');
}

static struct span
data_of(struct span text, enum dns_kind kind, struct arena *arena)
{
	char v4[4] = "\xc0\0\2", v6[16] = "\x20\1\x0d\xb8";
	v4[3] = v6[15] = text.n ? (char)(text.p[0] - '0') : 0;
	if (kind == DNS_A)
		return arena_span(arena, span_make(v4, sizeof v4));
	return kind == DNS_AAAA ? arena_span(arena, span_make(v6, sizeof v6)) : text;
}

bool
answers_give(struct answers *a, struct lookups *l)
{
	bool was_wanted = lookups_wanted(l, 0) != NULL;
	for (const struct resolver_query *q; (q = lookups_wanted(l, 0)); a->n_asked++) {
		struct span line = answers_line(a);
		struct dns_answer out = {.status = DNS_NO_NAME};
		if (span_eqs(line, "?"))
			out.status = DNS_TEMP;
		else if (line.n)
			out.status = DNS_FOUND;
		out.records = arena_get(&l->arena, RECORDS_MAX * sizeof *out.records);
		while (out.status == DNS_FOUND && line.n && out.n_records < RECORDS_MAX)
			out.records[out.n_records++].data =
			    data_of(span_cut(&line, '|'), q->kind, &l->arena);
		lookups_put(l, &out);
	}
	return was_wanted;
}
