/* SPDX-License-Identifier: ISC */
/* dns_fakes.c - zones in a table. */
#include "dns_fakes.h"

#include <arpa/inet.h>
#include <string.h>

enum { RECORDS_MAX = 64, ALIASES_MAX = 8, NAME_TEXT_MAX = 1024 };

/* As questions are written, in lower case. */
static struct span
canonical(struct span name, struct arena *arena)
{
	struct buf b = {.max = NAME_TEXT_MAX};
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	dns_question_put(name, &b);
	for (size_t i = 0; i < b.len; i++)
		b.p[i] = ch_lower(b.p[i]);
	struct span copy = arena_span(arena, buf_as_span(&b));
	buf_free(&b);
	return copy;
}

static struct span
address(int family, struct span text, struct arena *arena)
{
	char s[64], bytes[16];
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	if (inet_pton(family, s, bytes) != 1)
		bug("a fake address that is none");
	return arena_span(arena, span_make(bytes, family == AF_INET ? 4 : 16));
}

static struct dns_record
record_of(const struct fake_record *r, enum dns_kind kind, struct arena *arena)
{
	struct dns_record out = {.data = r->data};
	uint32_t preference = 0;
	if (kind == DNS_A || kind == DNS_AAAA)
		out.data = address(kind == DNS_A ? AF_INET : AF_INET6, r->data, arena);
	if (kind == DNS_MX && span_u32(span_cut(&out.data, ' '), &preference) != E_OK)
		bug("a fake MX that is none");
	if (kind == DNS_MX || kind == DNS_PTR || kind == DNS_CNAME)
		out.data = canonical(out.data, arena);
	out.preference = (uint16_t)preference;
	return out;
}

/* What stands there for one name; alias: where it leads, or empty. */
static struct dns_answer
answer_one(const struct fake_zones *z, enum dns_kind kind, struct span name,
    struct arena *arena, struct span *alias)
{
	struct dns_answer a = {.status = DNS_NO_NAME, .name = name};
	struct arena scratch = {0};
	bool is_timeout = false;
	*alias = (struct span){0};
	a.records = arena_get(arena, RECORDS_MAX * sizeof *a.records);
	for (size_t i = 0; i < z->n; i++) {
		const struct fake_record *r = &z->all[i];
		if (!span_ieq(canonical(r->name, &scratch), name))
			continue;
		if (a.status == DNS_NO_NAME)
			a.status = DNS_NO_RECORD;
		if (strcmp(r->type, "TIMEOUT") == 0)
			is_timeout = true;
		else if (strcmp(r->type, dns_kind_name(kind)) == 0)
			a.records[a.n_records++] = record_of(r, kind, arena);
		else if (strcmp(r->type, "CNAME") == 0)
			*alias = canonical(r->data, arena);
		if (a.n_records == RECORDS_MAX)
			bug("a fake name with too many records");
	}
	arena_reset(&scratch);
	if (a.n_records)
		a.status = DNS_FOUND;
	else if (is_timeout)
		a.status = DNS_TEMP;
	return a;
}

static struct dns_answer
answer(const struct fake_zones *z, const struct resolver_query *q, struct arena *arena)
{
	struct span alias;
	struct dns_answer a = answer_one(z, q->kind, q->name, arena, &alias);
	for (unsigned i = 0; alias.n && !a.n_records && i < ALIASES_MAX; i++)
		a = answer_one(z, q->kind, alias, arena, &alias);
	return a;
}

bool
fake_answer(struct fake_zones *z, struct lookups *l)
{
	const struct resolver_query *q = lookups_wanted(l, 0);
	bool was_wanted = q != NULL;
	for (; q; q = lookups_wanted(l, 0)) {
		struct dns_answer a = answer(z, q, &l->arena);
		lookups_put(l, &a);
		z->n_asked++;
	}
	return was_wanted;
}
