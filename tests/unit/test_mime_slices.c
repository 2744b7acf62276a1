/* SPDX-License-Identifier: ISC */
/*
 * test_mime_slices.c - slices say of each message what its signature says, and nothing where they
 * are damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/slices.h"

enum { NEEDLES = 300, HEAD_BYTES = 32, MESSAGE_BYTES = 8 };

/* Messages with signatures of one length, half of their bits set. */
struct made {
	size_t n;
	struct sliced messages[SLICES_MESSAGES_MAX];
	struct span signatures[SLICES_MESSAGES_MAX]; /* own */
	struct buf block;
};

static void
make(struct made *m, enum slices_kind kind, size_t n, size_t n_bits)
{
	m->n = n;
	m->block = (struct buf){0};
	for (size_t i = 0; i < n; i++) {
		char *s = calloc(1, n_bits / 8 + 1);
		for (size_t k = 0; k < n_bits / 8; k++)
			s[k] = (char)(rand() | rand());
		m->signatures[i] = span_make(s, n_bits / 8);
		m->messages[i] = (struct sliced){
		    .number = (uint32_t)(i * 3 + 1), .check = (uint32_t)rand()};
		assert_true(slices_take(m->signatures[i]));
	}
	slices_put(&m->block, kind, m->messages, m->signatures, n);
	assert_int_equal(buf_done(&m->block), E_OK);
}

static void
made_free(struct made *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((char *)(uintptr_t)m->signatures[i].p);
	buf_free(&m->block);
}

static struct signature_probe
probe(void)
{
	struct signature_probe p;
	char needle[12];
	size_t n = (size_t)rand() % sizeof needle;
	for (size_t i = 0; i < n; i++)
		needle[i] = (char)(rand() % 27 ? 'A' + rand() % 26 : ' ');
	signature_probe_init(&p, span_make(needle, n));
	return p;
}

static bool
bit_is(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static void
check_same(const struct made *m, const struct slices_block *b)
{
	uint64_t may[SLICES_MESSAGES_MAX / 64];
	for (unsigned k = 0; k < NEEDLES; k++) {
		struct signature_probe p = probe();
		assert_int_equal(slices_look(b, &p, may), E_OK);
		for (size_t i = 0; i < m->n; i++)
			assert_int_equal(
			    bit_is(may, i), signature_may_have(m->signatures[i], &p));
		for (size_t i = m->n; i < (m->n + 63) / 64 * 64; i++)
			assert_false(bit_is(may, i));
	}
}

static void
test_same_as_signatures(void **state)
{
	static const struct {
		size_t n, n_bits;
	} rows[] = {{1, 64}, {63, 128}, {64, 192}, {65, 256}, {200, 384}, {1023, 512},
	    {1024, 768}, {3, 1 << 14}, {2, SLICES_BITS_MAX}, {1, 0}, {100, 0}};
	static struct made m;
	(void)state;
	srand(5);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum slices_kind kind = i % 2 ? SLICES_HEADS : SLICES_TEXTS;
		struct slices_block b;
		make(&m, kind, rows[i].n, rows[i].n_bits);
		struct span in = buf_as_span(&m.block);
		assert_int_equal(slices_next(&in, &b), E_OK);
		assert_int_equal(in.n, 0);
		assert_int_equal(slices_next(&in, &b), E_BAD);
		in = buf_as_span(&m.block);
		assert_int_equal(slices_next(&in, &b), E_OK);
		assert_int_equal(b.kind, kind);
		assert_int_equal(b.n, rows[i].n);
		for (size_t k = 0; k < b.n; k++) {
			assert_int_equal(
			    slices_message(&b, k).number, m.messages[k].number);
			assert_int_equal(
			    slices_message(&b, k).check, m.messages[k].check);
		}
		assert_true(slices_are_sound(&b));
		check_same(&m, &b);
		made_free(&m);
	}
}

static void
test_one_behind_the_other(void **state)
{
	static struct made m, second;
	struct buf both = {0};
	struct slices_block b;
	(void)state;
	make(&m, SLICES_TEXTS, 70, 1024);
	make(&second, SLICES_HEADS, 5, 64);
	buf_span(&both, buf_as_span(&m.block));
	buf_span(&both, buf_as_span(&second.block));
	struct span in = buf_as_span(&both);
	assert_int_equal(slices_next(&in, &b), E_OK);
	check_same(&m, &b);
	assert_int_equal(slices_next(&in, &b), E_OK);
	check_same(&second, &b);
	assert_int_equal(in.n, 0);
	buf_free(&both);
	made_free(&m);
	made_free(&second);
}

/* An octet of the head or the list: there is no block; of a row: what needs it is not known. */
static void
test_damaged(void **state)
{
	static struct made m;
	uint64_t may[SLICES_MESSAGES_MAX / 64];
	(void)state;
	srand(6);
	make(&m, SLICES_TEXTS, 70, 256);
	size_t rows_at = HEAD_BYTES + 70 * MESSAGE_BYTES;
	unsigned n_refused = 0;
	for (size_t at = 0; at < m.block.len; at++) {
		struct span in = buf_as_span(&m.block);
		struct slices_block b;
		m.block.p[at] ^= 0x10;
		int err = slices_next(&in, &b);
		if (at < rows_at) {
			assert_int_equal(err, E_BAD);
			assert_int_equal(in.n, m.block.len);
		}
		assert_false(at >= rows_at && slices_are_sound(&b));
		for (unsigned k = 0; at >= rows_at && k < 3; k++) {
			struct signature_probe p = probe();
			assert_int_equal(err, E_OK);
			if (slices_look(&b, &p, may) != E_OK) {
				n_refused++;
				continue;
			}
			for (size_t i = 0; i < m.n; i++)
				assert_int_equal(bit_is(may, i),
				    signature_may_have(m.signatures[i], &p));
		}
		m.block.p[at] ^= 0x10;
	}
	assert_true(n_refused > 0);
	for (size_t n = 0; n < m.block.len; n++) {
		struct span in = span_make(m.block.p, n);
		struct slices_block b;
		assert_int_equal(slices_next(&in, &b), E_BAD);
	}
	made_free(&m);
}

/* Rows that changed places are none, whole as they are. */
static void
test_moved_rows(void **state)
{
	enum { ROW = 2 * 8 + 8 };

	static struct made m;
	char row[ROW];
	uint64_t may[SLICES_MESSAGES_MAX / 64];
	struct slices_block b;
	(void)state;
	make(&m, SLICES_TEXTS, 70, 64);
	char *rows = m.block.p + HEAD_BYTES + 70 * MESSAGE_BYTES;
	for (size_t i = 0; i + 1 < 64; i += 2) {
		memcpy(row, rows + i * ROW, ROW);
		memcpy(rows + i * ROW, rows + (i + 1) * ROW, ROW);
		memcpy(rows + (i + 1) * ROW, row, ROW);
	}
	struct span in = buf_as_span(&m.block);
	assert_int_equal(slices_next(&in, &b), E_OK);
	struct signature_probe p;
	signature_probe_init(&p, SPAN("NEEDLE"));
	assert_int_equal(slices_look(&b, &p, may), E_BAD);
	made_free(&m);
}

static void
test_taken(void **state)
{
	static char bytes[SLICES_BITS_MAX / 8 + 8];
	(void)state;
	assert_true(slices_take(SPAN("")));
	assert_false(slices_take((struct span){NULL, 0}));
	assert_true(slices_take(span_make(bytes, 8)));
	assert_false(slices_take(span_make(bytes, 7)));
	assert_false(slices_take(span_make(bytes, 12)));
	assert_true(slices_take(span_make(bytes, SLICES_BITS_MAX / 8)));
	assert_false(slices_take(span_make(bytes, SLICES_BITS_MAX / 8 + 8)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_as_signatures),
	    cmocka_unit_test(test_one_behind_the_other),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_moved_rows),
	    cmocka_unit_test(test_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
