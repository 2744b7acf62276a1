/* SPDX-License-Identifier: ISC */
/* sort.c - messages in the order of their keys. */
#include "imapd/sort.h"

#include <stdlib.h>
#include <string.h>

enum {
	HEAD_BYTES = 8,   /* of a text, in the head of its value */
	HEADS_MOST = 8,   /* that are looked at one after the other */
	MANY_EQUALS = 64, /* that are worth a look at their next heads */
};

static const struct {
	const char *name;
	enum sort_by by;
} names[] = {
    {"ARRIVAL", SORT_ARRIVAL},
    {"CC", SORT_CC},
    {"DATE", SORT_DATE},
    {"DISPLAYFROM", SORT_DISPLAYFROM},
    {"DISPLAYTO", SORT_DISPLAYTO},
    {"FROM", SORT_FROM},
    {"RELEVANCY", SORT_RELEVANCY},
    {"SIZE", SORT_SIZE},
    {"SUBJECT", SORT_SUBJECT},
    {"TO", SORT_TO},
};

static void
key_add(struct sort_order *order, struct sort_key key)
{
	for (size_t i = 0; i < order->n; i++)
		if (order->keys[i].by == key.by)
			return;
	order->keys[order->n++] = key;
}

static int
key_read(struct parse *p, struct sort_order *out)
{
	struct sort_key key = {.is_reverse = parse_word(p, "REVERSE")};
	if (key.is_reverse && parse_sp(p) != E_OK)
		return E_BAD;
	for (size_t i = 0; i < COUNT(names); i++)
		if (parse_word(p, names[i].name)) {
			key.by = names[i].by;
			key_add(out, key);
			return E_OK;
		}
	return E_BAD;
}

int
sort_parse(struct parse *p, struct sort_order *out)
{
	struct span from = p->in;
	*out = (struct sort_order){.n = 0};
	if (!parse_ch(p, '('))
		return parse_fail(p, from, "a list of sort keys");
	do
		if (key_read(p, out) != E_OK)
			return parse_fail(p, from, "a sort key");
	while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK
	                        : parse_fail(p, from, "the end of the sort keys");
}

bool
sort_by_record(const struct sort_order *order)
{
	for (size_t i = 0; i < order->n; i++)
		if (order->keys[i].by != SORT_ARRIVAL &&
		    order->keys[i].by != SORT_SIZE &&
		    order->keys[i].by != SORT_RELEVANCY)
			return false;
	return true;
}

bool
sort_has(const struct sort_order *order, enum sort_by by)
{
	for (size_t i = 0; i < order->n; i++)
		if (order->keys[i].by == by)
			return true;
	return false;
}

/* ---- values ---- */

struct sort_value
sort_number(int64_t n)
{
	return (struct sort_value){
	    .head = (uint64_t)n ^ (uint64_t)1 << 63, .text = span_make("", 0)};
}

struct sort_value
sort_text(struct span folded)
{
	unsigned char first[HEAD_BYTES] = {0};
	struct sort_value v = {.text = folded};
	if (folded.n)
		memcpy(
		    first, folded.p, folded.n < sizeof first ? folded.n : sizeof first);
	for (size_t i = 0; i < sizeof first; i++)
		v.head = v.head << 8 | first[i];
	return v;
}

void
sorter_init(struct sorter *s, const struct sort_order *order, size_t n)
{
	*s = (struct sorter){.order = *order, .n = n};
	s->values = mem_grow(NULL, n * order->n + 1, sizeof *s->values);
}

void
sorter_done(struct sorter *s)
{
	mem_free(&s->values);
}

struct sort_value *
sorter_row(struct sorter *s, size_t i)
{
	return &s->values[i * s->order.n];
}

/* ---- the order ---- */

/* The first head, and the number. */
struct place {
	uint64_t head;
	uint32_t i;
};

static int
value_cmp(const struct sort_value *a, const struct sort_value *b)
{
	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	return span_cmp(a->text, b->text);
}

static int
place_cmp(const void *x, const void *y, void *ctx)
{
	const struct place *a = x, *b = y;
	struct sorter *s = ctx;
	const struct sort_value *v = sorter_row(s, a->i), *w = sorter_row(s, b->i);
	for (size_t k = 0; k < s->order.n; k++) {
		int cmp = value_cmp(&v[k], &w[k]);
		if (cmp)
			return s->order.keys[k].is_reverse ? -cmp : cmp;
	}
	return a->i < b->i ? -1 : 1;
}

/*
 * By heads alone, a byte after the other from the last; equal ones stay in their order.  spare is
 * as long; returns the one of the two in which they end up.
 */
static struct place *
heads_sort(struct place *places, struct place *spare, size_t n)
{
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t starts[256] = {0}, at = 0;
		for (size_t i = 0; i < n; i++)
			starts[places[i].head >> shift & 0xff]++;
		if (n && starts[places[0].head >> shift & 0xff] == n)
			continue;
		for (size_t byte = 0; byte < COUNT(starts); byte++) {
			size_t count = starts[byte];
			starts[byte] = at;
			at += count;
		}
		for (size_t i = 0; i < n; i++)
			spare[starts[places[i].head >> shift & 0xff]++] = places[i];
		struct place *sorted = spare;
		spare = places;
		places = sorted;
	}
	return places;
}

/* The next octets of their texts become the heads of places whose heads are equal. */
static void
heads_next(struct sorter *s, struct place *places, size_t n, unsigned depth)
{
	bool is_reverse = s->order.keys[0].is_reverse;
	for (size_t i = 0; i < n; i++) {
		struct span text = sorter_row(s, places[i].i)[0].text;
		uint64_t head = sort_text(span_from(text, depth * HEAD_BYTES)).head;
		places[i].head = is_reverse ? ~head : head;
	}
}

static void places_sort(
    struct sorter *, struct place *, struct place *spare, size_t n, unsigned depth);

/*
 * Places whose heads are equal: many by their next heads, as subjects often begin alike; few, or at
 * last, by all that they have.
 */
static void
equals_sort(struct sorter *s, struct place *places, struct place *spare, size_t n,
    unsigned depth)
{
	bool has_more = sorter_row(s, places[0].i)[0].text.n > (depth + 1) * HEAD_BYTES;
	if (n >= MANY_EQUALS && depth < HEADS_MOST && has_more) {
		heads_next(s, places, n, depth + 1);
		places_sort(s, places, spare, n, depth + 1);
	} else if (n > 1) {
		qsort_r(places, n, sizeof *places, place_cmp, s);
	}
}

static void
places_sort(struct sorter *s, struct place *places, struct place *spare, size_t n,
    unsigned depth)
{
	struct place *sorted = heads_sort(places, spare, n);
	if (sorted != places)
		memcpy(places, sorted, n * sizeof *places);
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && places[to].head == places[from].head;
		     to++)
			;
		equals_sort(s, places + from, spare, to - from, depth);
	}
}

void
sorter_run(struct sorter *s, uint32_t *out)
{
	struct place *places = mem_grow(NULL, s->n * 2 + 1, sizeof *places);
	bool is_reverse = s->order.keys[0].is_reverse;
	for (size_t i = 0; i < s->n; i++) {
		uint64_t head = sorter_row(s, i)[0].head;
		places[i] =
		    (struct place){.head = is_reverse ? ~head : head, .i = (uint32_t)i};
	}
	places_sort(s, places, places + s->n, s->n, 0);
	for (size_t i = 0; i < s->n; i++)
		out[i] = places[i].i;
	mem_free(&places);
}
