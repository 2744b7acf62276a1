/* SPDX-License-Identifier: ISC */
/* idtable.c - octets to a number. */
#include "imapd/idtable.h"

#include <string.h>

#include "base/id.h"

enum { ROWS_LEAST = 64 };

void
idtable_init(struct idtable *t, size_t n_expected)
{
	*t = (struct idtable){.n_rows = ROWS_LEAST};
	while (t->n_rows < n_expected * 2)
		t->n_rows *= 2;
	t->rows = mem_new(t->n_rows * sizeof *t->rows);
	random_fill(t->secret, sizeof t->secret);
}

void
idtable_done(struct idtable *t)
{
	mem_free(&t->rows);
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t
hash_of(const struct idtable *t, struct span key)
{
	uint64_t h = t->secret[0] ^ key.n, word;
	for (; key.n > sizeof word; key = span_from(key, sizeof word)) {
		memcpy(&word, key.p, sizeof word);
		h = mix(h ^ word, t->secret[1] | 1);
	}
	word = 0;
	if (key.n)
		memcpy(&word, key.p, key.n);
	h = mix(h ^ word, t->secret[1] | 1);
	return (uint32_t)(h ^ h >> 32);
}

static struct idtable_row *
row_of(const struct idtable *t, uint32_t hash, struct span key)
{
	size_t at = hash & (t->n_rows - 1);
	while (t->rows[at].key.p &&
	       !(t->rows[at].hash == hash && span_eq(t->rows[at].key, key)))
		at = (at + 1) & (t->n_rows - 1);
	return &t->rows[at];
}

static void
grow(struct idtable *t)
{
	struct idtable bigger = *t;
	bigger.n_rows = t->n_rows * 2;
	bigger.rows = mem_new(bigger.n_rows * sizeof *bigger.rows);
	for (size_t i = 0; i < t->n_rows; i++)
		if (t->rows[i].key.p)
			*row_of(&bigger, t->rows[i].hash, t->rows[i].key) = t->rows[i];
	mem_free(&t->rows);
	*t = bigger;
}

uint32_t *
idtable_at(struct idtable *t, struct span key)
{
	uint32_t hash = hash_of(t, key);
	struct idtable_row *row = row_of(t, hash, key);
	if (!row->key.p) {
		if ((t->n + 1) * 2 > t->n_rows) {
			grow(t);
			row = row_of(t, hash, key);
		}
		*row = (struct idtable_row){.key = key.p ? key : span_make("", 0),
		    .hash = hash,
		    .value = IDTABLE_NONE};
		t->n++;
	}
	return &row->value;
}
