/* SPDX-License-Identifier: ISC */
/* search_slices.c - a search of signatures that were turned; turning them. */
#include "imapd/search_slices.h"

#include <string.h>

#include "imapd/selected.h"
#include "mime/cache.h"

enum {
	WORD_BITS = 64,
	LENGTHS = 20, /* of signatures: none, and 64 bits to SLICES_BITS_MAX */
	BLOCK_BYTES_MAX = 8 << 20,
};

_Static_assert(SLICES_BITS_MAX == WORD_BITS << (LENGTHS / 2 - 1), "lengths");

static uint64_t *
bits_new(const struct search_slices *s)
{
	return mem_new((s->n / WORD_BITS + 1) * sizeof(uint64_t));
}

static bool
bit_is(const uint64_t *bits, uint32_t seq)
{
	return bits[(seq - 1) / WORD_BITS] >> (seq - 1) % WORD_BITS & 1;
}

static void
bit_set(uint64_t *bits, uint32_t seq)
{
	bits[(seq - 1) / WORD_BITS] |= (uint64_t)1 << (seq - 1) % WORD_BITS;
}

/* The first message at or behind seq with that uid or a higher one; they mostly stand near. */
static uint32_t
seq_at_least(const struct selected *b, uint32_t seq, uint32_t uid)
{
	uint32_t step = 1;
	while (seq + step <= b->n && selected_record(b, seq + step)->uid < uid) {
		seq += step;
		step *= 2;
	}
	uint32_t end = seq + step <= b->n ? seq + step : b->n + 1;
	while (seq < end) {
		uint32_t middle = seq + (end - seq) / 2;
		if (selected_record(b, middle)->uid < uid)
			seq = middle + 1;
		else
			end = middle;
	}
	return seq;
}

/* Bits of a block become bits of the mailbox; of messages that are not there any more none. */
static void
spread(const struct selected *b, const struct slices_block *block, const uint64_t *bits,
    uint64_t *out)
{
	uint32_t seq = 1;
	for (size_t word = 0; word * WORD_BITS < block->n; word++)
		for (uint64_t left = bits[word]; left; left &= left - 1) {
			size_t i = word * WORD_BITS + (size_t)__builtin_ctzll(left);
			struct sliced m = slices_message(block, i);
			seq = seq_at_least(b, seq, m.number);
			if (seq > b->n)
				return;
			const struct store_record *r = selected_record(b, seq);
			if (r->uid == m.number && store_slices_check(r) == m.check)
				bit_set(out, seq);
		}
}

static void
all_of(const struct slices_block *block, uint64_t *bits)
{
	memset(bits, 0, SLICES_MESSAGES_MAX / WORD_BITS * sizeof *bits);
	for (size_t i = 0; i < block->n; i++)
		bits[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
}

void
search_slices_open(struct search_slices *s, struct session *session)
{
	uint64_t all[SLICES_MESSAGES_MAX / WORD_BITS];
	struct slices_block block;
	*s = (struct search_slices){
	    .selected = session->selected, .n = session->selected->n};
	if (store_slices_map(session->store, &session->selected->view, &s->map) != E_OK)
		return;
	struct span blocks = store_slices_blocks(s->map);
	while (slices_next(&blocks, &block) == E_OK) {
		if (!s->known[block.kind])
			s->known[block.kind] = bits_new(s);
		all_of(&block, all);
		spread(s->selected, &block, all, s->known[block.kind]);
	}
}

void
search_slices_done(struct search_slices *s)
{
	for (int kind = 0; kind < SLICES_KINDS; kind++)
		mem_free(&s->known[kind]);
	if (s->map.n)
		store_slices_unmap(&s->map);
}

void
search_slices_look(const struct search_slices *s, const struct signature_probe *probe,
    unsigned kinds, struct search_may *out)
{
	uint64_t may[SLICES_MESSAGES_MAX / WORD_BITS];
	struct span blocks = s->map.n ? store_slices_blocks(s->map) : SPAN("");
	struct slices_block block;
	*out = (struct search_may){{NULL}};
	for (unsigned kind = 0; kind < SLICES_KINDS; kind++)
		if (kinds & 1u << kind && s->known[kind])
			out->bits[kind] = bits_new(s);
	while (slices_next(&blocks, &block) == E_OK) {
		if (!out->bits[block.kind])
			continue;
		if (slices_look(&block, probe, may) != E_OK)
			all_of(&block, may);
		spread(s->selected, &block, may, out->bits[block.kind]);
	}
	for (unsigned kind = 0; kind < SLICES_KINDS; kind++)
		if (kinds & 1u << kind && !out->bits[kind])
			search_may_free(out); /* a part says nothing */
}

void
search_may_free(struct search_may *m)
{
	for (int kind = 0; kind < SLICES_KINDS; kind++)
		mem_free(&m->bits[kind]);
}

bool
search_slices_know(const struct search_slices *s, const struct search_may *m,
    uint32_t seq, bool *is_may)
{
	bool is_known = false;
	*is_may = false;
	for (int kind = 0; kind < SLICES_KINDS && seq <= s->n; kind++) {
		if (!m->bits[kind])
			continue;
		if (!bit_is(s->known[kind], seq))
			return false;
		is_known = true;
		*is_may |= bit_is(m->bits[kind], seq);
	}
	return is_known;
}

bool
search_slices_have(const struct search_slices *s, uint32_t seq)
{
	const uint64_t *known = s->known[SLICES_TEXTS];
	return known && seq <= s->n && bit_is(known, seq);
}

/* ---- turning ---- */

void
search_slices_want(struct session *s, uint32_t n_looked_at)
{
	if (n_looked_at >= SLICES_WANTED_LEAST &&
	    n_looked_at >= s->selected->n / SLICES_WANTED_PART)
		s->slices_wanted = s->selected->view.mailbox;
}

/* Messages with signatures of one length, until there are enough for a block. */
struct pile {
	size_t n;
	struct sliced messages[SLICES_MESSAGES_MAX];
	struct span signatures[SLICES_MESSAGES_MAX]; /* borrow: the items */
};

struct piles {
	struct store_slices *file; /* own */
	struct buf block;          /* own */
	struct pile all[SLICES_KINDS][LENGTHS];
};

static void
pile_put(struct piles *p, enum slices_kind kind, struct pile *pile)
{
	if (pile->n == 0)
		return;
	buf_reset(&p->block);
	slices_put(&p->block, kind, pile->messages, pile->signatures, pile->n);
	if (buf_done(&p->block) == E_OK)
		store_slices_add(p->file, buf_as_span(&p->block));
	pile->n = 0;
}

/* Those of another length, of before, are left out.  LENGTHS: it is none */
static size_t
length_of(struct span signature)
{
	size_t length = 1, n_bits = WORD_BITS;
	if (signature.n == 0)
		return 0;
	while (length < LENGTHS && n_bits != signature.n * 8) {
		n_bits = signature_bits_next(n_bits);
		length++;
	}
	return length;
}

static void
pile_add(struct piles *p, enum slices_kind kind, const struct store_record *r,
    struct span signature)
{
	size_t length = slices_take(signature) ? length_of(signature) : LENGTHS;
	if (length == LENGTHS)
		return;
	struct pile *pile = &p->all[kind][length];
	pile->messages[pile->n] =
	    (struct sliced){.number = r->uid, .check = store_slices_check(r)};
	pile->signatures[pile->n++] = signature;
	if (pile->n == SLICES_MESSAGES_MAX)
		pile_put(p, kind, pile);
}

static void
turn_all(struct session *s, struct piles *p)
{
	const struct selected *b = s->selected;
	for (uint32_t seq = 1; seq <= b->n; seq++) {
		const struct store_record *r = selected_record(b, seq);
		struct mime_cache first;
		if (r->flags & FLAG_GONE ||
		    cache_open_signatures(store_cache(s->store, r), &first) != E_OK)
			continue;
		pile_add(p, SLICES_TEXTS, r, first.search.texts);
		pile_add(p, SLICES_HEADS, r, first.search.heads);
	}
	for (int kind = 0; kind < SLICES_KINDS; kind++)
		for (int length = 0; length < LENGTHS; length++)
			pile_put(p, (enum slices_kind)kind, &p->all[kind][length]);
}

void
search_slices_keep(struct session *s)
{
	uint32_t wanted = s->slices_wanted;
	if (!wanted || io_has_line(&s->io))
		return;
	s->slices_wanted = 0;
	if (!s->selected || s->selected->view.mailbox != wanted ||
	    io_flush(&s->io) != E_OK)
		return;
	struct store_slices *file = store_slices_begin(s->store, &s->selected->view);
	if (!file)
		return;
	struct piles *p = mem_new(sizeof *p);
	p->file = file;
	p->block.max = BLOCK_BYTES_MAX;
	turn_all(s, p);
	store_slices_end(&p->file);
	buf_free(&p->block);
	mem_free(&p);
}
