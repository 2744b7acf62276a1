/* SPDX-License-Identifier: ISC */
/* test_deflate.c - compressed conversations, and those that go on in another process. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "net/deflate.h"

enum { STREAM_MAX = 1 << 20 };

/* A client's side of a conversation, and ours. */
struct talk {
	int pair[2];
	z_stream out, in;
	struct deflate *d;
};

static void
talk_begin(struct talk *t)
{
	*t = (struct talk){.d = NULL};
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, t->pair), 0);
	assert_int_equal(deflateInit2(&t->out, 6, Z_DEFLATED, -15, 8, 0), Z_OK);
	assert_int_equal(inflateInit2(&t->in, -15), Z_OK);
	t->d = deflate_new(t->pair[1]);
}

static void
talk_end(struct talk *t)
{
	deflateEnd(&t->out);
	inflateEnd(&t->in);
	deflate_free(&t->d);
	close(t->pair[0]);
	close(t->pair[1]);
}

static size_t
compress_text(struct talk *t, const char *text, int flush, unsigned char *out)
{
	t->out.next_in = (unsigned char *)(uintptr_t)text;
	t->out.avail_in = (uInt)strlen(text);
	t->out.next_out = out;
	t->out.avail_out = STREAM_MAX;
	assert_int_equal(deflate(&t->out, flush), Z_OK);
	return STREAM_MAX - t->out.avail_out;
}

static void
say(struct talk *t, const char *text, int flush)
{
	unsigned char *raw = malloc(STREAM_MAX);
	assert_non_null(raw);
	size_t n = compress_text(t, text, flush, raw);
	assert_int_equal(write(t->pair[0], raw, n), n);
	free(raw);
}

static void
hear(struct talk *t, const char *text)
{
	char got[256];
	size_t n = 0;
	bool wants;
	assert_int_equal(deflate_way.read(t->d, got, sizeof got, &n, &wants), E_OK);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
	assert_int_equal(deflate_way.read(t->d, got, sizeof got, &n, &wants), E_MORE);
}

/* The same conversation in what could be another process. */
static void
move(struct talk *t)
{
	struct buf blob = {0};
	assert_int_equal(deflate_save(t->d, &blob), E_OK);
	deflate_free(&t->d);
	struct rd r = rd_of(buf_as_span(&blob));
	assert_int_equal(deflate_load(&r, t->pair[1], &t->d), E_OK);
	assert_int_equal(rd_end(&r), E_OK);
	buf_free(&blob);
}

static void
answer(struct talk *t, const char *text)
{
	char raw[512], got[256];
	size_t put = 0;
	bool wants;
	assert_int_equal(
	    deflate_way.write(t->d, text, strlen(text), &put, &wants), E_OK);
	assert_int_equal(put, strlen(text));
	ssize_t n = read(t->pair[0], raw, sizeof raw);
	assert_true(n > 0);
	t->in.next_in = (unsigned char *)raw;
	t->in.avail_in = (uInt)n;
	t->in.next_out = (unsigned char *)got;
	t->in.avail_out = sizeof got;
	assert_int_equal(inflate(&t->in, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(sizeof got - t->in.avail_out, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static const int flushes[] = {Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH};

/* What comes later refers to what came before: each move takes the window along, and the bits. */
static void
test_moves(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(flushes); i++) {
		struct talk t;
		talk_begin(&t);
		move(&t); /* nothing came yet */
		for (int k = 0; k < 40; k++) {
			char text[64];
			snprintf(text, sizeof text, "a%d FETCH 1:* (FLAGS)\r\n", k);
			say(&t, text, flushes[(i + (size_t)k) % COUNT(flushes)]);
			hear(&t, text);
			answer(&t, "* 1 FETCH (FLAGS (\\Seen))\r\n");
			if (k % 3 != 2)
				move(&t);
			if (k % 3 == 1)
				move(&t); /* twice, and nothing between */
		}
		talk_end(&t);
	}
}

static void
test_not_now(void **state)
{
	static unsigned char raw[STREAM_MAX];
	struct talk t;
	struct buf blob = {0};
	char got[8];
	size_t n;
	bool wants;
	(void)state;
	talk_begin(&t);
	/* the first block goes up to 5 octets before the end: those are an empty one */
	size_t all = compress_text(&t, "a NOOP a NOOP b NOOP\r\n", Z_SYNC_FLUSH, raw);
	for (size_t i = 0; i + 1 < all; i++) {
		assert_int_equal(write(t.pair[0], &raw[i], 1), 1);
		do
			n = 0;
		while (deflate_way.read(t.d, got, sizeof got, &n, &wants) == E_OK);
		buf_reset(&blob);
		int err = deflate_save(t.d, &blob);
		assert_true(err == E_MORE || i + 6 >= all);
	}
	assert_int_equal(write(t.pair[0], &raw[all - 1], 1), 1);
	assert_int_equal(deflate_way.read(t.d, got, sizeof got, &n, &wants), E_MORE);
	assert_int_equal(deflate_save(t.d, &blob), E_OK);
	buf_free(&blob);
	talk_end(&t);
}

/* A bomb is inflated as far as was asked for. */
static void
test_bomb(void **state)
{
	struct talk t;
	char *zeros = malloc(STREAM_MAX), got[1000];
	size_t n, sum = 0;
	bool wants;
	(void)state;
	assert_non_null(zeros);
	memset(zeros, 'x', STREAM_MAX - 1);
	zeros[STREAM_MAX - 1] = '\0';
	talk_begin(&t);
	say(&t, zeros, Z_SYNC_FLUSH);
	while (deflate_way.read(t.d, got, sizeof got, &n, &wants) == E_OK) {
		assert_true(n <= sizeof got);
		sum += n;
	}
	assert_int_equal(sum, STREAM_MAX - 1);
	free(zeros);
	talk_end(&t);
}

/* What nest gives back may be anything. */
static void
test_bad_blobs(void **state)
{
	struct buf blob = {0};
	struct deflate *d;
	(void)state;
	for (int i = 0; i < 4; i++) {
		buf_reset(&blob);
		buf_u8(&blob, i == 0 ? 8 : 3);
		buf_u8(&blob, i == 1 ? 8 : 7);
		buf_u32(&blob, i == 2 ? DEFLATE_WINDOW_MAX + 1 : 4);
		for (int k = 0; k < (i == 2      ? DEFLATE_WINDOW_MAX + 1
					: i == 3 ? 3
						 : 4);
		     k++)
			buf_u8(&blob, 'x');
		struct rd r = rd_of(buf_as_span(&blob));
		assert_int_equal(deflate_load(&r, -1, &d), E_BAD);
		assert_null(d);
	}
	buf_free(&blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_moves),
	    cmocka_unit_test(test_not_now),
	    cmocka_unit_test(test_bomb),
	    cmocka_unit_test(test_bad_blobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
