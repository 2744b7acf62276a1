/* SPDX-License-Identifier: ISC */
/* tls_hostile.c - a connection handed on, and a peer that says what a test likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls_hostile.h"

void
talk_of(struct talk *k, unsigned suite, struct span words)
{
	struct buf state = {0};
	*k = (struct talk){.t = NULL};
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k->fds),
	    0);
	io_init(&k->io, k->fds[0], 65536, 65536);
	sealer_init(&k->peer, suite, 'p', 7);
	sealer_init(&k->ours, suite, 'o', 1000);
	sealer_state(&k->peer, &k->ours, words, &state);
	k->t = tls_records_new(buf_as_span(&state), &k->io);
	assert_non_null(k->t);
	assert_ptr_equal(k->io.way_ctx, k->t);
	buf_free(&state);
}

void
talk_begin(struct talk *k)
{
	talk_of(k, 0, SPAN(""));
}

void
talk_end(struct talk *k)
{
	tls_records_close(&k->t, &k->io);
	assert_null(k->t);
	assert_null(k->io.way);
	io_done(&k->io);
	if (k->fds[1] >= 0)
		close(k->fds[1]);
	buf_free(&k->said);
	buf_free(&k->heard);
}

/* What was sealed goes out. */
void
deliver(struct talk *k)
{
	assert_int_equal(send(k->fds[1], k->said.p, k->said.len, 0), k->said.len);
	buf_reset(&k->said);
}

void
seal(struct talk *k, unsigned type, struct span content)
{
	sealer_seal(&k->peer, type, content, 0, &k->said);
}

void
say(struct talk *k, unsigned type, struct span content)
{
	seal(k, type, content);
	deliver(k);
}

int
read_some(struct talk *k, void *out, size_t n, size_t *got)
{
	bool wants_write = true;
	size_t before = k->io.way->pending(k->t);
	*got = 0;
	int err = k->io.way->read(k->t, out, n, got, &wants_write);
	assert_false(wants_write);
	assert_true(err == E_OK || *got == 0);
	if (err == E_MORE) /* nothing is left that would wake nobody */
		assert_int_equal(k->io.way->pending(k->t), 0);
	if (err == E_OK && *got < n && before) /* nor was more there than was told */
		assert_true(*got <= before);
	return err;
}

int
write_all(struct talk *k, struct span s)
{
	bool wants_write;
	size_t put = 0;
	int err = k->io.way->write(k->t, s.p, s.n, &put, &wants_write);
	if (err == E_OK)
		assert_int_equal(put, s.n);
	return err;
}

/* Waits for nothing: what is in the socket now, and whatever comes of it. */
void
hears(struct talk *k, struct span want)
{
	static char got[1 << 16];
	size_t have = 0, n;
	int err = E_OK;
	for (unsigned dry = 0; dry < 2;) {
		err = read_some(k, got + have, sizeof got - have, &n);
		dry = err == E_MORE ? dry + 1 : 0;
		if (err != E_MORE)
			assert_int_equal(err, E_OK);
		have += n;
	}
	assert_int_equal(have, want.n);
	assert_memory_equal(got, want.p, want.n);
}

static void
listen_now(struct talk *k)
{
	for (;;) {
		ssize_t n =
		    recv(k->fds[1], buf_room(&k->heard, 65536), 65536, MSG_DONTWAIT);
		if (n <= 0)
			return;
		buf_added(&k->heard, (size_t)n);
	}
}

/* The next record of ours. */
void
peer_hears(struct talk *k, int type, struct span want)
{
	struct span got;
	listen_now(k);
	assert_int_equal(sealer_open(&k->ours, &k->heard, &got), type);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

void
peer_hears_no_more(struct talk *k)
{
	listen_now(k);
	assert_int_equal(k->heard.len, 0);
}

void
breaks(struct talk *k)
{
	char octet[64];
	size_t n;
	int err;
	while ((err = read_some(k, octet, sizeof octet, &n)) == E_MORE)
		;
	assert_int_equal(err, E_IO);
}

/* Nothing comes in or goes out, whatever is tried. */
void
stays_broken(struct talk *k)
{
	char octet;
	size_t n;
	if (k->fds[1] >= 0 && send(k->fds[1], "\x17\x03\x03", 3, MSG_NOSIGNAL) != 3)
		fail();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_some(k, &octet, 1, &n), E_IO);
		assert_int_equal(write_all(k, SPAN("x")), E_IO);
	}
	assert_int_equal(k->io.way->pending(k->t), 0);
	tls_records_ends(k->t);
	tls_records_close(&k->t, &k->io);
	peer_hears_no_more(k);
	talk_end(k);
}

/* What was said breaks it: told by this alert, and that is all. */
void
fails(struct talk *k, unsigned char alert)
{
	const unsigned char told[2] = {FATAL, alert};
	breaks(k);
	peer_hears(k, ALERT, span_make(told, sizeof told));
	stays_broken(k);
}

void
goes_on(struct talk *k)
{
	say(k, DATA, SPAN("and more"));
	hears(k, SPAN("and more"));
	assert_int_equal(write_all(k, SPAN("well")), E_OK);
	peer_hears(k, DATA, SPAN("well"));
	peer_hears_no_more(k);
}
