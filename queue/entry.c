/* SPDX-License-Identifier: ISC */
/* entry.c - messages in the journal, by id and by segment. */
#include "queue/entry.h"

#include <string.h>

#include "base/clock.h"

enum { BUCKETS_FIRST = 1024 };

struct entries {
	struct entry **buckets; /* own */
	size_t n_buckets, n_all, n_unfinished;

	struct {
		struct entry *first; /* borrow */
		unsigned unfinished;
	} segments[JOURNAL_SEGMENTS_MAX];
};

struct entries *
entries_new(void)
{
	struct entries *e = mem_new(sizeof *e);
	e->n_buckets = BUCKETS_FIRST;
	e->buckets = mem_new(e->n_buckets * sizeof(struct entry *));
	return e;
}

/* Ids are random bits: any of them make a bucket number. */
static size_t
bucket_of(const struct entries *e, struct id id)
{
	uint64_t h;
	memcpy(&h, id.b, sizeof h);
	return h & (e->n_buckets - 1);
}

static void
entry_free(struct entry *e)
{
	mem_free(&e->envelope);
	mem_free(&e);
}

void
entries_free(struct entries **ep)
{
	if (!*ep)
		return;
	for (size_t i = 0; i < (*ep)->n_buckets; i++)
		for (struct entry *e = (*ep)->buckets[i], *next; e; e = next) {
			next = e->next;
			entry_free(e);
		}
	mem_free(&(*ep)->buckets);
	mem_free(ep);
}

struct entry *
entry_find(struct entries *all, struct id id)
{
	struct entry *e = all->buckets[bucket_of(all, id)];
	while (e && !id_eq(e->id, id))
		e = e->next;
	return e;
}

static void
grow(struct entries *all)
{
	struct entry **old = all->buckets;
	size_t n = all->n_buckets;
	all->n_buckets *= 2;
	all->buckets = mem_new(all->n_buckets * sizeof(struct entry *));
	for (size_t i = 0; i < n; i++)
		for (struct entry *e = old[i], *next; e; e = next) {
			size_t b = bucket_of(all, e->id);
			next = e->next;
			e->next = all->buckets[b];
			all->buckets[b] = e;
		}
	mem_free(&old);
}

struct entry *
entry_add(struct entries *all, struct id id, unsigned segment, struct span envelope)
{
	if (all->n_all >= all->n_buckets)
		grow(all);
	struct entry *e = mem_new(sizeof *e);
	size_t b = bucket_of(all, id);
	e->id = id;
	e->segment = segment;
	e->envelope = mem_new(envelope.n + 1);
	memcpy(e->envelope, envelope.p, envelope.n);
	e->envelope_bytes = (uint32_t)envelope.n;
	e->born_ms = clock_mono_ms();
	e->next = all->buckets[b];
	all->buckets[b] = e;
	e->segment_next = all->segments[segment].first;
	all->segments[segment].first = e;
	all->segments[segment].unfinished++;
	all->n_all++;
	all->n_unfinished++;
	return e;
}

void
entry_done(struct entries *all, struct entry *e)
{
	if (e->is_done)
		return;
	e->is_done = true;
	mem_free(&e->envelope);
	e->envelope_bytes = 0;
	all->segments[e->segment].unfinished--;
	all->n_unfinished--;
}

void
entry_mark(struct entry *e, const uint16_t *marks, size_t n)
{
	struct arena arena = {.max_bytes = 0};
	struct envelope env;
	struct buf b = {.max = ENVELOPE_BYTES_MAX};
	if (envelope_get(span_make(e->envelope, e->envelope_bytes), &arena, &env) !=
	    E_OK)
		bug("an envelope that was accepted");
	for (size_t i = 0; i < n; i++) {
		uint16_t at = mark_index(marks[i]);
		if (at < env.n_rcpts)
			env.rcpts[at].state = mark_apply(marks[i], env.rcpts[at].state);
	}
	envelope_put(&b, &env);
	if (buf_done(&b) != E_OK || b.len != e->envelope_bytes)
		bug("an envelope changed its size");
	memcpy(e->envelope, b.p, b.len);
	buf_free(&b);
	arena_reset(&arena);
}

unsigned
entries_unfinished(const struct entries *all, unsigned segment)
{
	return all->segments[segment].unfinished;
}

struct entry *
entries_of(struct entries *all, unsigned segment)
{
	return all->segments[segment].first;
}

static void
forget(struct entries *all, struct entry *e)
{
	struct entry **link = &all->buckets[bucket_of(all, e->id)];
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	all->n_all--;
	entry_free(e);
}

bool
entries_are_said(const struct entries *all, unsigned segment)
{
	const struct entry *e = all->segments[segment].first;
	while (e && !e->is_unsaid)
		e = e->segment_next;
	return e == NULL;
}

void
entries_retire(struct entries *all, unsigned segment)
{
	for (struct entry *e = all->segments[segment].first, *next; e; e = next) {
		next = e->segment_next;
		if (!e->is_done || e->is_unsaid)
			bug("a segment retires with work in it");
		forget(all, e);
	}
	all->segments[segment].first = NULL;
}

size_t
entries_count(const struct entries *all)
{
	return all->n_unfinished;
}
