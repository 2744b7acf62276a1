/* SPDX-License-Identifier: ISC */
/*
 * signature.c - runs of octets hashed into bits: into as many as there may be at most, and these
 * then into as many as leave about half of them free.
 */
#include "mime/signature.h"

#include "mime/casemap.h"

enum {
	RUN_LEAST = 3, /* octets */
	RUN_MOST = 5,
	WORD_BITS = 64,
	WORDS_MAX = SIGNATURE_BYTES_MAX * 8 / WORD_BITS,
	PLACE_BITS = 17, /* 2^17 bits are SIGNATURE_BYTES_MAX */
};

_Static_assert(1 << PLACE_BITS == SIGNATURE_BYTES_MAX * 8, "a place is a bit");

/*
 * What is written in one alphabet differs in few bits: with one multiplication twice as many
 * messages seem to have a word of five letters.
 */
static uint32_t
place_of(uint64_t run)
{
	run *= 0x9e3779b97f4a7c15u;
	run ^= run >> 29;
	run *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(run >> (64 - PLACE_BITS));
}

/* Of the n octets at p. */
static uint32_t
place_at(const char *p, size_t n)
{
	uint64_t run = n;
	for (size_t i = 0; i < n; i++)
		run = run << 8 | (unsigned char)p[i];
	return place_of(run);
}

/* ---- make ---- */

struct bits {
	uint64_t words[WORDS_MAX];
	size_t n_set, text_bytes;
};

static void
bit_set(struct bits *b, uint32_t place)
{
	uint64_t *word = &b->words[place / WORD_BITS],
		 bit = (uint64_t)1 << place % WORD_BITS;
	b->n_set += !(*word & bit);
	*word |= bit;
}

/*
 * No run has a blank or an end of a line in it: what stands at the borders of words is more varied
 * than the words, and would be most of what is set.
 */
static bool
is_border(char c)
{
	return (unsigned char)c <= ' ';
}

/* What place_at says of the runs that end at each octet. */
static void
bits_add(struct bits *b, struct span text)
{
	uint64_t run = 0, length = 0;
	for (size_t i = 0; i < text.n; i++) {
		run = run << 8 | (unsigned char)text.p[i];
		length = is_border(text.p[i]) ? 0 : length + 1;
		for (uint64_t n = RUN_LEAST; n <= RUN_MOST && n <= length; n++) {
			uint64_t octets = run & (((uint64_t)1 << 8 * n) - 1);
			bit_set(b, place_of(n << 8 * n | octets));
		}
	}
	b->text_bytes += text.n;
}

size_t
signature_bits_next(size_t n_bits)
{
	bool is_power = (n_bits & (n_bits - 1)) == 0;
	/* half of a word is none */
	return !is_power                ? n_bits / 3 * 4
	       : n_bits < 2 * WORD_BITS ? 2 * n_bits
	                                : n_bits / 2 * 3;
}

size_t
signature_place(uint32_t at, size_t n_bits)
{
	return (size_t)((uint64_t)at * n_bits >> PLACE_BITS);
}

/*
 * A fourth to a third of them set: runs of one language are found together, so that a word of five
 * letters has three that tell something.  0: even the most are too few.
 */
static size_t
bits_for(size_t n_runs)
{
	size_t most = SIGNATURE_BYTES_MAX * 8, n_bits = WORD_BITS;
	while (n_bits < most && n_bits < n_runs * 5 / 2)
		n_bits = signature_bits_next(n_bits);
	return n_runs + n_runs / 5 <= n_bits ? n_bits : 0;
}

static void
bits_shrink(const struct bits *b, size_t n_bits, unsigned char *out)
{
	for (uint32_t i = 0; i < WORDS_MAX; i++)
		for (uint64_t left = b->words[i]; left; left &= left - 1) {
			uint32_t bit = (uint32_t)__builtin_ctzll(left);
			size_t at = signature_place(i * WORD_BITS + bit, n_bits);
			out[at / 8] |= (unsigned char)(1u << at % 8);
		}
}

static struct span
bits_keep(const struct bits *b, struct arena *arena)
{
	size_t n = bits_for(b->n_set);
	bool is_too_long = b->text_bytes > SIGNATURE_TEXT_MAX || n == 0;
	if (b->text_bytes == 0)
		return span_make("", 0);
	unsigned char *out = is_too_long ? NULL : arena_get(arena, n / 8);
	if (!out)
		return (struct span){NULL, 0};
	bits_shrink(b, n, out);
	return span_make((char *)out, n / 8);
}

struct maker {
	struct bits heads, texts;
	struct buf folded; /* own */
};

static bool
add_text(void *ctx, bool is_head, struct span utf8)
{
	struct maker *m = ctx;
	struct bits *b = is_head ? &m->heads : &m->texts;
	bool is_too_long = b->text_bytes + utf8.n > SIGNATURE_TEXT_MAX;
	if (is_too_long)
		b->text_bytes = (size_t)SIGNATURE_TEXT_MAX + 1;
	if (b->text_bytes > SIGNATURE_TEXT_MAX)
		return m->heads.text_bytes > SIGNATURE_TEXT_MAX &&
		       m->texts.text_bytes > SIGNATURE_TEXT_MAX;
	buf_reset(&m->folded);
	casemap_fold(&m->folded, utf8);
	bits_add(b, buf_as_span(&m->folded));
	return false;
}

void
signatures_make(const struct tree *tree, struct arena *arena, struct signatures *out)
{
	*out = (struct signatures){{NULL, 0}, {NULL, 0}};
	if (tree->n_parts > SIGNATURE_PARTS_MAX)
		return;
	struct maker *m = mem_new(sizeof *m);
	struct text_scratch scratch = {0};
	text_each(tree, TEXT_TEXT, &scratch, add_text, m);
	out->heads = bits_keep(&m->heads, arena);
	out->texts = bits_keep(&m->texts, arena);
	text_scratch_free(&scratch);
	buf_free(&m->folded);
	mem_free(&m);
}

/* ---- look ---- */

static bool
has_border(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_border(p[i]))
			return true;
	return false;
}

void
signature_probe_init(struct signature_probe *p, struct span needle)
{
	p->n = 0;
	p->is_empty = needle.n == 0;
	for (size_t n = RUN_MOST; n >= RUN_LEAST; n--)
		for (size_t i = 0; i + n <= needle.n && p->n < SIGNATURE_RUNS_MAX; i++)
			if (!has_border(needle.p + i, n))
				p->at[p->n++] = place_at(needle.p + i, n);
}

bool
signature_may_have(struct span s, const struct signature_probe *p)
{
	size_t n_bits = s.n * 8;
	if (s.p && s.n == 0)
		return p->is_empty;
	for (unsigned i = 0; i < p->n && s.p; i++) {
		size_t at = signature_place(p->at[i], n_bits);
		if (!((unsigned char)s.p[at / 8] >> at % 8 & 1))
			return false;
	}
	return true;
}
