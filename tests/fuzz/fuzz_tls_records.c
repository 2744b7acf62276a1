/* SPDX-License-Identifier: ISC */
/*
 * fuzz_tls_records.c - a connection of TLS handed on: a script of what its peer says under the right key, or
 * under none, and of what we read and write.
 * The first octet says which suite, and whether words wait; then steps: an octet that says which, and its arguments.
 * fuzz: common/tls/records.c common/proc/io.c common/proc/child.c common/proc/ask.c common/proc/loop.c tests/unit/tls_sealer.c
 * libs: -lgnutls -levent_core
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/io.h"
#include "tests/unit/tls_sealer.h"
#include "tls/records.h"
#include "tls/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, USER_CANCELED = 90, PLAIN_MAX = 1 << 14 };

enum { STEPS_MOST = 400, READ_MAX = 20000, SEALED_MAX = 1 << 20 };

static const char update[] = {24, 0, 0, 1, 0}, words[] = "235 ok\r\n";

static struct talk {
	struct sealer peer, ours; /* who speaks under it */
	int fds[2];
	struct io io;
	struct tls_records *t;
	struct buf said;     /* by the peer, not delivered */
	struct buf content;  /* of the data in it, all of it */
	size_t content_read; /* by us */
	struct buf written, heard;
	size_t heard_bytes;   /* of written */
	struct span held;     /* a write that was E_MORE */
	unsigned idle;        /* records in a row without data */
	struct buf part;      /* of an update that the peer has begun to say */
	bool is_fair;         /* all that the peer said is allowed */
	bool has_ended;       /* the peer said close_notify, or went */
	bool is_broken;       /* E_IO was returned */
	bool has_heard_alert; /* of ours: nothing comes behind it */
} k;

/* Of handing on, which is not called here. */
int
tls_flight_send(struct tls_conn *c)
{
	(void)c;
	return E_OK;
}

static void
begin(uint8_t how)
{
	struct buf state = {0}, before = {0};
	unsigned suite = how % SEALER_SUITES;
	k = (struct talk){.is_fair = true};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, k.fds) != 0)
		bug("fuzz: socketpair");
	sealer_init(&k.peer, suite, 'p', how);
	sealer_init(&k.ours, suite, 'o', how & 0x40 ? (1 << 24) - 2 : 0);
	struct sealer ours = k.ours;
	if (how & 0x80) {
		sealer_seal(&ours, DATA, SPAN("235 ok\r\n"), 0, &before);
		buf_str(&k.written, words);
	}
	sealer_state(&k.peer, &ours, buf_as_span(&before), &state);
	io_init(&k.io, k.fds[0], 65536, 65536);
	k.t = tls_records_new(buf_as_span(&state), &k.io);
	if (!k.t)
		bug("a state that is none");
	buf_free(&state);
	buf_free(&before);
}

/* ---- the peer ---- */

/* A piece of an update, or all of it.  Returns whether it is one. */
static bool
update_goes_on(struct span piece)
{
	if (piece.n == 0 || piece.n > sizeof update - k.part.len)
		return false;
	buf_span(&k.part, piece);
	bool is_whole = k.part.len == sizeof update;
	bool is_right = !memcmp(k.part.p, update, k.part.len - is_whole) &&
	                (!is_whole || (k.part.p[k.part.len - 1] & ~1) == 0);
	if (is_whole)
		buf_reset(&k.part);
	if (is_whole && is_right)
		sealer_next(&k.peer);
	return is_right;
}

static void
seal(unsigned type, struct span content, size_t pad)
{
	for (; type == 0 && content.n; pad++) { /* that is padding, too */
		type = (unsigned char)content.p[content.n - 1];
		content.n--;
	}
	bool is_right = content.n + pad <= PLAIN_MAX;
	if (k.said.len + k.content.len > SEALED_MAX)
		return;
	sealer_seal(&k.peer, type, content, pad, &k.said);
	is_right &= type == HANDSHAKE || k.part.len == 0; /* nothing in between */
	if (type == DATA && is_right && k.is_fair && !k.has_ended)
		buf_span(&k.content, content);
	k.idle = type == DATA && content.n ? 0 : k.idle + 1;
	if (type == ALERT && content.n == 2 && content.p[1] == 0)
		k.has_ended = true;
	else if (type == ALERT)
		is_right &= content.n == 2 && content.p[1] == USER_CANCELED;
	else if (type == HANDSHAKE)
		is_right = is_right && update_goes_on(content);
	else
		is_right &= type == DATA;
	k.is_fair &= is_right && k.idle <= TLS_IDLE_RECORDS_MOST;
}

static void
deliver(size_t n)
{
	n = n < k.said.len ? n : k.said.len;
	ssize_t sent = n ? send(k.fds[1], k.said.p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (sent > 0)
		buf_drop(&k.said, (size_t)sent);
}

/* One of our records, or none. */
static bool
hear_one(void)
{
	struct span got;
	int type = sealer_open(&k.ours, &k.heard, &got);
	if (type < 0)
		return false;
	if (k.has_heard_alert)
		bug("a word behind the last one");
	if (type == DATA) {
		if (got.n == 0 || got.n > k.written.len - k.heard_bytes ||
		    memcmp(k.written.p + k.heard_bytes, got.p, got.n) != 0)
			bug("data that nobody wrote");
		k.heard_bytes += got.n;
	} else if (type == HANDSHAKE) {
		if (!span_eq(got, span_make(update, sizeof update)))
			bug("an update that is none");
		sealer_next(&k.ours);
	} else if (type == ALERT) {
		if (got.n != 2 || (got.p[0] == 2) != (got.p[1] != 0) ||
		    (got.p[0] == 2 && !k.is_broken))
			bug("an alert without cause");
		k.has_heard_alert = true;
	} else {
		bug("no record of ours");
	}
	return true;
}

static void
hear(void)
{
	static char got[65536];
	ssize_t n;
	while ((n = recv(k.fds[1], got, sizeof got, MSG_DONTWAIT)) > 0)
		buf_put(&k.heard, got, (size_t)n);
	while (hear_one())
		;
}

/* ---- we ---- */

static void
is_over(int err)
{
	if (k.is_broken && err != E_IO)
		bug("it goes on after its end");
	if (err == E_IO && k.is_fair && !k.has_ended)
		bug("nothing was wrong");
	k.is_broken |= err == E_IO;
	if (k.is_broken && k.io.way->pending(k.t))
		bug("bytes of what is over");
}

/* Returns whether there may be more. */
static bool
read_some(size_t n)
{
	static char got[READ_MAX];
	size_t k_got = 0, promised = k.io.way->pending(k.t);
	bool wants_write = false;
	n = n ? n : 1;
	int err = k.io.way->read(k.t, got, n, &k_got, &wants_write);
	is_over(err);
	if (err != E_OK && k_got)
		bug("bytes with an error");
	if (k_got > n || k_got > k.content.len - k.content_read ||
	    (k_got && memcmp(got, k.content.p + k.content_read, k_got) != 0))
		bug("data that the peer did not say");
	k.content_read += k_got;
	if (err == E_OK && k_got == 0 && !k.has_ended)
		bug("an end that was not said");
	if (err == E_MORE && !wants_write && k.io.way->pending(k.t))
		bug("a read that leaves bytes behind");
	return (err == E_OK && k_got) || (err == E_MORE && promised && !wants_write);
}

static void
write_some(size_t n)
{
	size_t put = 0;
	bool wants_write;
	if (k.written.len > SEALED_MAX)
		return;
	if (!k.held.n) {
		for (size_t i = 0; i < n; i++)
			buf_ch(&k.written, (char)(i * 7 + k.written.len));
		k.held = span_make(NULL, n);
	}
	k.held.p = k.written.p + k.written.len - k.held.n;
	int err = k.io.way->write(k.t, k.held.p, k.held.n, &put, &wants_write);
	is_over(err);
	if (put > k.held.n || (err == E_OK) != (put > 0))
		bug("a write of nothing, or too much");
	k.held.n = err == E_MORE ? k.held.n : k.held.n - put;
}

/* ---- the script ---- */

static void
step(struct rd *r)
{
	static const char zeros[PLAIN_MAX + 256];
	struct span s;
	uint8_t type, pad, which = rd_u8(r);
	switch (which % 12) {
	case 0:
	case 1:
		type = which % 12 ? rd_u8(r) : DATA;
		pad = rd_u8(r);
		s = rd_bytes(r, rd_u8(r));
		seal(type, s, pad);
		break;
	case 2: /* nobody sealed these */
		s = rd_bytes(r, rd_u8(r));
		buf_span(&k.said, s);
		k.is_fair &= s.n == 0;
		break;
	case 3:
		type = rd_u8(r);
		s = type & 1 ? SPAN("\30\0\0\1\1") : SPAN("\30\0\0\1\0");
		pad = type >> 4; /* octets of it in a record of their own */
		if (pad > 0 && pad < s.n)
			seal(HANDSHAKE, span_head(s, pad), 0);
		seal(HANDSHAKE, span_from(s, pad > 0 && pad < s.n ? pad : 0), 0);
		break;
	case 4: /* a long one */
		pad = rd_u8(r);
		seal(DATA, span_make(zeros, (size_t)PLAIN_MAX - 64 + pad % 128),
		    pad / 8);
		break;
	case 5:
		deliver(rd_u8(r));
		break;
	case 6:
		deliver(k.said.len);
		break;
	case 7:
		read_some(rd_u8(r));
		break;
	case 8:
		while (read_some(READ_MAX))
			;
		break;
	case 9:
		write_some(1 + rd_u8(r));
		break;
	case 10:
		write_some((size_t)1 + rd_u16(r) % PLAIN_MAX);
		break;
	default:
		if (rd_u8(r) % 8 == 7)
			setsockopt(
			    k.fds[0], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int));
		else
			hear();
	}
}

/* Whatever is under way comes to its end. */
static void
finish(void)
{
	for (unsigned i = 0; i < 10000 && (k.said.len || k.held.n); i++) {
		deliver(k.said.len);
		hear();
		if (k.held.n)
			write_some(k.held.n);
		while (read_some(READ_MAX))
			;
		if (k.is_broken)
			break;
		if (k.has_ended && !k.held.n)
			break; /* what is behind the end is not read */
	}
	for (unsigned i = 0; i < 4 && !k.is_broken; i++) {
		hear();
		while (read_some(READ_MAX))
			;
	}
	if (k.is_fair && !k.has_ended &&
	    (k.is_broken || k.content_read != k.content.len))
		bug("data that was lost");
	tls_records_close(&k.t, &k.io);
	hear();
	if (!k.is_broken && (!k.has_heard_alert || k.heard_bytes != k.written.len))
		bug("words that were lost");
	if (k.heard.len)
		bug("a part of a record");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rd r = rd_of(span_make(p, n));
	log_level(LOG_EMERG);
	begin(rd_u8(&r));
	for (unsigned i = 0; i < STEPS_MOST && r.err == E_OK && r.in.n; i++)
		step(&r);
	finish();
	io_done(&k.io);
	close(k.fds[1]);
	buf_free(&k.said);
	buf_free(&k.part);
	buf_free(&k.content);
	buf_free(&k.written);
	buf_free(&k.heard);
	return 0;
}
