/* SPDX-License-Identifier: ISC */
/* lookups.c - questions to the DNS in rounds. */
#include "net/lookups.h"

#include "base/clock.h"

static const struct dns_answer no_name = {.status = DNS_NO_NAME};
static const struct dns_answer too_many = {
    .status = DNS_TEMP, .why = {"too many questions for one message", 34}};

/* ---- what the process keeps ---- */

struct lookups_answer {
	struct arena arena; /* own: name and answer */
	enum dns_kind kind;
	struct span name;
	struct dns_answer answer;
	int64_t until_ms; /* 0: none is here */
};

void
lookups_kept_done(struct lookups_kept *k)
{
	for (size_t i = 0; k->all && i < LOOKUPS_KEPT_MAX; i++)
		arena_reset(&k->all[i].arena);
	mem_free(&k->all);
}

/* The one place where it may stand: FNV-1a over kind and name in lower case. */
static struct lookups_answer *
kept_place(const struct lookups_kept *k, enum dns_kind kind, struct span name)
{
	uint32_t h = 2166136261u ^ (uint32_t)kind;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)ch_lower(name.p[i])) * 16777619u;
	return &k->all[h % LOOKUPS_KEPT_MAX];
}

static const struct dns_answer *
kept_get(const struct lookups_kept *k, enum dns_kind kind, struct span name)
{
	if (!k || !k->all)
		return NULL;
	const struct lookups_answer *a = kept_place(k, kind, name);
	bool is_it =
	    a->until_ms > clock_mono_ms() && a->kind == kind && span_ieq(a->name, name);
	return is_it ? &a->answer : NULL;
}

static void
kept_put(struct lookups_kept *k, const struct resolver_query *q)
{
	uint32_t sec =
	    q->answer.ttl_sec < LOOKUPS_KEPT_SEC ? q->answer.ttl_sec : LOOKUPS_KEPT_SEC;
	if (!k || sec == 0 || q->answer.status == DNS_TEMP ||
	    q->answer.status == DNS_BOGUS)
		return;
	if (!k->all)
		k->all = mem_new(LOOKUPS_KEPT_MAX * sizeof *k->all);
	struct lookups_answer *a = kept_place(k, q->kind, q->name);
	arena_reset(&a->arena);
	*a = (struct lookups_answer){
	    .arena.max_bytes = LOOKUPS_KEPT_BYTES, .kind = q->kind};
	a->name = arena_span(&a->arena, q->name);
	if (a->name.n == q->name.n &&
	    dns_answer_copy(&q->answer, &a->arena, &a->answer) == E_OK)
		a->until_ms = clock_mono_ms() + sec * 1000;
}

/* ---- a message's ---- */

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

static struct resolver_query *
want(struct lookups *l, enum dns_kind kind, struct span name)
{
	if (!l->all) /* all at once: answers do not move, and pages are touched as they are used */
		l->all = mem_grow(NULL, LOOKUPS_MAX, sizeof *l->all);
	struct resolver_query *q = &l->all[l->n++];
	*q = (struct resolver_query){.kind = kind, .name = arena_span(&l->arena, name)};
	return q;
}

/* The known stand before the wanted; those never move. */
static const struct dns_answer *
know(struct lookups *l, struct resolver_query *q, const struct dns_answer *kept)
{
	struct resolver_query *first = &l->all[l->n_known], it = *q;
	if (dns_answer_copy(kept, &l->arena, &it.answer) != E_OK)
		return NULL; /* and is asked for, where it will not fit either */
	*q = *first;
	*first = it;
	l->n_known++;
	return &first->answer;
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
	struct resolver_query *wanted = want(l, kind, name);
	const struct dns_answer *kept = kept_get(l->kept, kind, name);
	return kept ? know(l, wanted, kept) : NULL;
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
		for (; n > 0; n--)
			kept_put(l->kept, &l->all[l->n_known++]);
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
