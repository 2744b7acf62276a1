/* SPDX-License-Identifier: ISC */
/* slot.c - what a batch does to a mailbox: numbers, sums, keywords. */
#include <string.h>

#include "store/jobs.h"

struct mailbox *
slot_touch(struct slot *s)
{
	struct keeper *k = &the_keeper;
	if (!s->is_touched) {
		k->touched = mem_grow(k->touched, k->n_touched + 1, sizeof *k->touched);
		k->touched[k->n_touched++] = s;
		s->is_touched = true;
	}
	return &s->next;
}

struct slot *
slot_make(struct span name, struct span special_use)
{
	struct keeper *k = &the_keeper;
	if (k->uidvalidity == UINT32_MAX || k->mailbox == UINT32_MAX)
		return NULL;
	struct slot *s = mem_new(sizeof *s);
	s->is_new = true;
	s->keywords = mem_new(STORE_KEYWORDS_MAX * sizeof *s->keywords);
	/* those of a batch that fails are left out for ever: they cost nothing */
	s->next = (struct mailbox){.id = ++k->mailbox,
	    .uidvalidity = ++k->uidvalidity,
	    .uidnext = 1,
	    .modseq = 1,
	    .expunged_floor = 1,
	    .first_recent = 1};
	memcpy(s->next.name, name.p, name.n);
	memcpy(s->next.special_use, special_use.p, special_use.n);
	slot_touch(s);
	return s;
}

uint32_t
slot_uid_next(const struct slot *s)
{
	return s->next.uidnext < s->next.reserved ? s->next.reserved : s->next.uidnext;
}

bool
slot_takes_in(const struct slot *s)
{
	return !s->now.is_kept; /* directions lead to any other */
}

uint32_t
slot_uid(struct slot *s)
{
	uint32_t uid = slot_uid_next(s);
	slot_touch(s)->uidnext = uid + 1;
	return uid;
}

void
slot_count(struct slot *s, const struct store_record *r, int by)
{
	struct sum *sum = &the_keeper.sum_next;
	mailbox_count(slot_touch(s), r, by);
	if (s->next.is_dead || s->next.is_kept)
		return; /* it left the sum when it was removed; or is in none */
	sum->messages =
	    by > 0 ? sum->messages + 1 : sum->messages - (sum->messages > 0);
	sum->bytes = by > 0 ? sum->bytes + r->size_bytes
	                    : sum->bytes - (r->size_bytes < sum->bytes ? r->size_bytes
								       : sum->bytes);
}

void
slot_tell(const struct slot *s, struct store_mailbox *out)
{
	const struct mailbox *m = &s->now;
	*out = (struct store_mailbox){.id = m->id,
	    .uidvalidity = m->uidvalidity,
	    .uidnext = m->uidnext,
	    .modseq = m->modseq,
	    .messages = m->messages,
	    .unseen = m->unseen,
	    .deleted = m->deleted,
	    .deleted_bytes = m->deleted_bytes,
	    .recent = s->recent ? 0 : m->recent,
	    .bytes = m->bytes,
	    .is_kept = m->is_kept,
	    .is_subscribed = subscription_has(span_of(m->name))};
	strcpy(out->name, m->name);
	strcpy(out->special_use, m->special_use);
}

/* The bit of a keyword; next.n_keywords when there is none.  RFC 9051 2.3.2: in any case. */
static uint32_t
keyword_bit(const struct slot *s, struct span name)
{
	uint32_t bit = 0;
	while (bit < s->next.n_keywords && !span_ieqs(name, s->keywords[bit]))
		bit++;
	return bit;
}

static bool
keywords_fit(const struct slot *s, const struct span *names, size_t n)
{
	uint32_t missing = 0;
	for (size_t i = 0; i < n; i++) {
		bool is_again = false;
		for (size_t j = 0; j < i; j++)
			is_again |= span_ieq(names[i], names[j]);
		missing += !is_again && keyword_bit(s, names[i]) == s->next.n_keywords;
	}
	return s->next.n_keywords + missing <= STORE_KEYWORDS_MAX;
}

static int
keyword_make(struct slot *s, struct span name)
{
	uint32_t bit = s->next.n_keywords;
	int err = keyword_put(&the_keeper.tables, job_txn(), s->next.id, bit, name);
	if (err != E_OK)
		return err;
	s->keywords[bit] = mem_new(name.n + 1);
	memcpy(s->keywords[bit], name.p, name.n);
	slot_touch(s)->n_keywords++;
	return E_OK;
}

int
slot_keywords(struct slot *s, const struct span *names, size_t n, enum keywords_how how,
    uint64_t *bits)
{
	int err = E_OK;
	*bits = 0;
	if (how == KEYWORDS_ALL && !keywords_fit(s, names, n))
		return E_BAD;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		uint32_t bit = keyword_bit(s, names[i]);
		bool is_missing = bit == s->next.n_keywords;
		if (is_missing && (how == KEYWORDS_KNOWN || bit == STORE_KEYWORDS_MAX))
			continue;
		if (is_missing)
			err = keyword_make(s, names[i]);
		*bits |= 1ull << bit;
	}
	return err;
}

int
keywords_map(struct keyword_map *m, const struct slot *from, struct slot *to,
    uint64_t keywords, uint64_t *out)
{
	int err = E_OK;
	*out = 0;
	for (uint32_t bit = 0; bit < from->next.n_keywords && err == E_OK; bit++) {
		uint64_t mask = 1ull << bit;
		if (!(keywords & mask))
			continue;
		if (!(m->mapped & mask)) {
			struct span name = span_of(from->keywords[bit]);
			err = slot_keywords(
			    to, &name, 1, KEYWORDS_THAT_FIT, &m->bits[bit]);
			m->mapped |= mask;
		}
		*out |= m->bits[bit];
	}
	return err;
}
