/* SPDX-License-Identifier: ISC */
/* lookups.c - questions to the DNS in rounds. */
#include "net/lookups.h"

#include "base/base.h"

static const struct dns_answer no_name = {.status = DNS_NO_NAME};
static const struct dns_answer too_many = {
    .status = DNS_TEMP, .why = {"too many questions for one message", 34}};

void
lookups_init(struct lookups *l)
{
	*l = (struct lookups){.arena.max_bytes = LOOKUPS_BYTES_MAX};
}

void
lookups_done(struct lookups *l)
{
	arena_reset(&l->arena);
	mem_free(&l->all);
	*l = (struct lookups){0};
}

static struct resolver_query *
find(const struct lookups *l, enum dns_kind kind, struct span name)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->all[i].kind == kind && span_ieq(l->all[i].name, name))
			return &l->all[i];
	return NULL;
}

static void
want(struct lookups *l, enum dns_kind kind, struct span name)
{
	if (!l->all) /* all at once: answers do not move, and pages are touched as they are used */
		l->all = mem_grow(NULL, LOOKUPS_MAX, sizeof *l->all);
	l->all[l->n++] =
	    (struct resolver_query){.kind = kind, .name = arena_span(&l->arena, name)};
}

const struct dns_answer *
lookups_get(struct lookups *l, enum dns_kind kind, struct span name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!dns_question_ok(name))
		return &no_name;
	const struct resolver_query *q = find(l, kind, name);
	if (q)
		return (size_t)(q - l->all) < l->n_known ? &q->answer : NULL;
	if (l->n == LOOKUPS_MAX || l->arena.used_bytes + name.n > l->arena.max_bytes)
		return &too_many;
	want(l, kind, name);
	return NULL;
}

bool
lookups_ask(struct lookups *l, struct resolver *r, int64_t deadline)
{
	bool was_wanted = l->n_known < l->n;
	while (l->n_known < l->n) {
		size_t n = l->n - l->n_known;
		if (n > RESOLVER_QUERIES_MAX)
			n = RESOLVER_QUERIES_MAX;
		resolver_ask(r, l->all + l->n_known, n, &l->arena, deadline);
		l->n_known += n;
	}
	return was_wanted;
}

const struct resolver_query *
lookups_wanted(const struct lookups *l, size_t i)
{
	return l->n_known + i < l->n ? &l->all[l->n_known + i] : NULL;
}

void
lookups_put(struct lookups *l, const struct dns_answer *answer)
{
	if (l->n_known == l->n)
		bug("an answer that nobody wanted");
	l->all[l->n_known++].answer = *answer;
}
