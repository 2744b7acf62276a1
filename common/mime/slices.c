/* SPDX-License-Identifier: ISC */
/* slices.c - signatures turned, 64 octets by 64 messages at a time. */
#include "mime/slices.h"

#include <endian.h>
#include <string.h>

enum {
	MAGIC = 0x31736d6d,
	WORD_BITS = 64,
	HEAD_BYTES = 32,
	HEAD_SUM_AT = 24,
	MESSAGE_BYTES = 8,
	SUM_BYTES = 8,
};

static size_t
words_of(size_t n)
{
	return (n + WORD_BITS - 1) / WORD_BITS;
}

static size_t
row_bytes(size_t n)
{
	return words_of(n) * sizeof(uint64_t) + SUM_BYTES;
}

static uint64_t
u64_at(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static void
u64_set(char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

/* Against torn writes, not against anyone.  n is a multiple of 8. */
static uint64_t
sum_of(uint64_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		sum = (sum ^ u64_at(p + i)) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 32;
	}
	return sum;
}

/* A row has its place in its sum: one that stands elsewhere is none. */
static uint64_t
row_sum(const char *row, size_t n, size_t place)
{
	return sum_of(place + 1, row, words_of(n) * sizeof(uint64_t));
}

static uint64_t
head_sum(const char *block, const char *messages, size_t n)
{
	return sum_of(sum_of(MAGIC, block, HEAD_SUM_AT), messages, n * MESSAGE_BYTES);
}

/* ---- make ---- */

bool
slices_take(struct span s)
{
	size_t n_bits = s.n * 8;
	return s.p && n_bits <= SLICES_BITS_MAX && n_bits % WORD_BITS == 0;
}

/* Bit j of word i becomes bit i of word j. */
static void
turn(uint64_t w[WORD_BITS])
{
	uint64_t mask = 0x00000000ffffffffu;
	for (unsigned half = WORD_BITS / 2; half; half /= 2, mask ^= mask << half)
		for (unsigned i = 0; i < WORD_BITS; i = ((i | half) + 1) & ~half) {
			uint64_t t = (w[i] >> half ^ w[i | half]) & mask;
			w[i] ^= t << half;
			w[i | half] ^= t;
		}
}

/* 64 places of 64 messages. */
static void
turn_square(
    const struct span *signatures, size_t n, size_t place, char *row, size_t step)
{
	uint64_t w[WORD_BITS] = {0};
	for (size_t i = 0; i < n && i < WORD_BITS; i++)
		w[i] = u64_at(signatures[i].p + place / 8);
	turn(w);
	for (size_t i = 0; i < WORD_BITS; i++)
		u64_set(row + i * step, w[i]);
}

static void
put_rows(struct buf *out, const struct span *signatures, size_t n, size_t n_bits)
{
	size_t step = row_bytes(n);
	char *rows = buf_room(out, n_bits * step);
	if (!rows)
		return;
	for (size_t place = 0; place < n_bits; place += WORD_BITS)
		for (size_t i = 0; i < n; i += WORD_BITS)
			turn_square(signatures + i, n - i, place,
			    rows + place * step + i / 8, step);
	for (size_t place = 0; place < n_bits; place++) {
		char *row = rows + place * step;
		u64_set(row + step - SUM_BYTES, row_sum(row, n, place));
	}
	buf_added(out, n_bits * step);
}

void
slices_put(struct buf *out, enum slices_kind kind, const struct sliced *messages,
    const struct span *signatures, size_t n)
{
	struct buf head = {0}, list = {0};
	size_t n_bits = n ? signatures[0].n * 8 : 0;
	buf_u32(&head, MAGIC);
	buf_u32(&head, kind);
	buf_u64(&head, n);
	buf_u64(&head, n_bits);
	for (size_t i = 0; i < n; i++) {
		buf_u32(&list, messages[i].number);
		buf_u32(&list, messages[i].check);
	}
	buf_u64(&head, head_sum(head.p, list.p, n));
	buf_span(out, buf_as_span(&head));
	buf_span(out, buf_as_span(&list));
	if (n_bits)
		put_rows(out, signatures, n, n_bits);
	buf_free(&head);
	buf_free(&list);
}

/* ---- look ---- */

int
slices_next(struct span *in, struct slices_block *out)
{
	struct rd r = rd_of(*in);
	uint32_t magic = rd_u32(&r), kind = rd_u32(&r);
	uint64_t n = rd_u64(&r), n_bits = rd_u64(&r), sum = rd_u64(&r);
	if (r.err != E_OK || magic != MAGIC || kind >= SLICES_KINDS || n == 0 ||
	    n > SLICES_MESSAGES_MAX || n_bits > SLICES_BITS_MAX || n_bits % WORD_BITS)
		return E_BAD;
	struct span messages = rd_bytes(&r, n * MESSAGE_BYTES),
		    rows = rd_bytes(&r, n_bits * row_bytes(n));
	if (r.err != E_OK || head_sum(in->p, messages.p, n) != sum)
		return E_BAD;
	*out = (struct slices_block){.kind = (enum slices_kind)kind,
	    .n = n,
	    .n_bits = n_bits,
	    .messages = messages.p,
	    .rows = rows.p};
	*in = r.in;
	return E_OK;
}

struct sliced
slices_message(const struct slices_block *b, size_t i)
{
	struct rd r = rd_of(span_make(b->messages + i * MESSAGE_BYTES, MESSAGE_BYTES));
	uint32_t number = rd_u32(&r);
	return (struct sliced){.number = number, .check = rd_u32(&r)};
}

static bool
is_row_sound(const struct slices_block *b, size_t place)
{
	size_t step = row_bytes(b->n);
	const char *row = b->rows + place * step;
	return row_sum(row, b->n, place) == u64_at(row + step - SUM_BYTES);
}

bool
slices_are_sound(const struct slices_block *b)
{
	for (size_t place = 0; place < b->n_bits; place++)
		if (!is_row_sound(b, place))
			return false;
	return true;
}

static void
all_may(uint64_t *may, size_t n)
{
	for (size_t i = 0; i < n; i += WORD_BITS)
		may[i / WORD_BITS] =
		    n - i >= WORD_BITS ? UINT64_MAX : ((uint64_t)1 << (n - i)) - 1;
}

int
slices_look(
    const struct slices_block *b, const struct signature_probe *p, uint64_t *may)
{
	size_t words = words_of(b->n), step = row_bytes(b->n);
	all_may(may, b->n);
	if (b->n_bits == 0 && !p->is_empty)
		memset(may, 0, words * sizeof *may);
	for (unsigned i = 0; i < p->n && b->n_bits; i++) {
		size_t place = signature_place(p->at[i], b->n_bits);
		const char *row = b->rows + place * step;
		if (!is_row_sound(b, place))
			return E_BAD;
		for (size_t w = 0; w < words; w++)
			may[w] &= u64_at(row + w * sizeof(uint64_t));
	}
	return E_OK;
}
