/* SPDX-License-Identifier: ISC */
/* records.c - records of TLS 1.3 after the handshake (RFC 8446 5), and how they get here. */
#include "tls/records.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "tls/state.h"

enum {
	HEAD_BYTES = 5,
	TAG_BYTES = 16, /* of each cipher in the table */
	IV_BYTES = 12,
	KEY_MAX = 32,
	PLAIN_MAX = 1 << 14,              /* 5.1 */
	CIPHERTEXT_MAX = PLAIN_MAX + 256, /* 5.2 */
	RECORD_MAX = HEAD_BYTES + CIPHERTEXT_MAX,
	UPDATE_BYTES = 5, /* of a KeyUpdate, 4.6.3 */
	WORDS_MAX = 512,  /* octets of a reply that goes on with its connection */
	/* 5.5: AES-GCM is good for 2^24.5 full records under a key */
	KEY_RECORDS_MOST = 1 << 24,
};

enum content { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_DATA = 23 };

/* 6 */
enum alert {
	ALERT_CLOSE_NOTIFY = 0,
	ALERT_UNEXPECTED = 10,
	ALERT_BAD_MAC = 20,
	ALERT_OVERFLOW = 22,
	ALERT_ILLEGAL = 47,
	ALERT_DECODE = 50,
	ALERT_USER_CANCELED = 90,
	ALERT_NONE = 256
};

/* B.4: suites of TLS 1.3; those of CCM stay with GnuTLS */
static const struct suite {
	gnutls_cipher_algorithm_t cipher;
	gnutls_mac_algorithm_t mac; /* of its HKDF */
	size_t key_bytes, secret_bytes;
} suites[] = {
    {GNUTLS_CIPHER_AES_128_GCM, GNUTLS_MAC_SHA256, 16, 32},
    {GNUTLS_CIPHER_AES_256_GCM, GNUTLS_MAC_SHA384, 32, 48},
    {GNUTLS_CIPHER_CHACHA20_POLY1305, GNUTLS_MAC_SHA256, 32, 32},
};

/* One direction; its key follows from its secret. */
struct half {
	unsigned char secret[TLS_SECRET_MAX], iv[IV_BYTES];
	uint64_t seq;                 /* of the next record */
	gnutls_aead_cipher_hd_t aead; /* own */
};

struct tls_records {
	const struct suite *suite;
	int fd; /* borrow */
	struct half in, out;
	/* own; records as they came; what is decrypted is so in its place */
	struct buf wire;
	size_t plain_at,
	    plain_left;     /* of the first one, what the caller has not read */
	size_t record_left; /* bytes of the first one, all told; 0: not decrypted */
	struct buf unsent;  /* own; records that are made and not sent */
	size_t held;        /* bytes of a write that is in unsent; 0: none */
	/* of a KeyUpdate whose rest is to come, 5.1 */
	unsigned char part[UPDATE_BYTES];
	size_t part_bytes;
	unsigned idle;             /* records in a row without data */
	bool is_dry;               /* the last read took all there was */
	bool owes_update;          /* the peer asked for our next key, 4.6.3 */
	bool is_ending;            /* what is written goes with close_notify */
	bool has_ended, is_broken; /* the peer said close_notify; nothing goes on */
};

/* ---- keys, 7.1 to 7.3 ---- */

/* HKDF-Expand-Label with an empty context. */
static int
expand(const struct suite *s, const unsigned char *secret, const char *label, void *out,
    size_t n)
{
	struct buf info = {.max = 64};
	size_t label_bytes = 6 + strlen(label);
	buf_ch(&info, (char)(n >> 8));
	buf_ch(&info, (char)n);
	buf_ch(&info, (char)label_bytes);
	buf_putf(&info, "tls13 %s", label);
	buf_ch(&info, 0);
	gnutls_datum_t key = {(unsigned char *)secret, (unsigned)s->secret_bytes},
		       text = {(unsigned char *)info.p, (unsigned)info.len};
	int err = buf_done(&info) == E_OK &&
	                  gnutls_hkdf_expand(s->mac, &key, &text, out, n) == 0
	              ? E_OK
	              : E_BAD;
	buf_free(&info);
	return err;
}

static void
half_free(struct half *h)
{
	if (h->aead)
		gnutls_aead_cipher_deinit(h->aead);
	mem_wipe(h, sizeof *h);
}

/* The key and the IV of its secret.  E_OK, E_BAD */
static int
half_key(const struct suite *s, struct half *h)
{
	unsigned char bytes[KEY_MAX];
	gnutls_datum_t key = {bytes, (unsigned)s->key_bytes};
	if (h->aead)
		gnutls_aead_cipher_deinit(h->aead);
	h->aead = NULL;
	int err = expand(s, h->secret, "key", bytes, s->key_bytes);
	if (err == E_OK)
		err = expand(s, h->secret, "iv", h->iv, IV_BYTES);
	if (err == E_OK && gnutls_aead_cipher_init(&h->aead, s->cipher, &key) < 0) {
		h->aead = NULL;
		err = E_BAD;
	}
	mem_wipe(bytes, sizeof bytes);
	return err;
}

/* 7.2 */
static int
half_next(const struct suite *s, struct half *h)
{
	unsigned char next[TLS_SECRET_MAX];
	int err = expand(s, h->secret, "traffic upd", next, s->secret_bytes);
	if (err == E_OK)
		memcpy(h->secret, next, s->secret_bytes);
	mem_wipe(next, sizeof next);
	h->seq = 0;
	return err == E_OK ? half_key(s, h) : err;
}

/* 5.3; the next record has the next one */
static void
nonce_of(struct half *h, unsigned char out[IV_BYTES])
{
	memcpy(out, h->iv, IV_BYTES);
	for (unsigned i = 0; i < 8; i++)
		out[IV_BYTES - 1 - i] ^= (unsigned char)(h->seq >> (8 * i));
	h->seq++;
}

/* ---- handed on ---- */

/* Is the key in use the first one of its secret?  A peer may have had it updated. */
static bool
is_key_of(const struct suite *s, gnutls_session_t session, bool is_read,
    const unsigned char *secret)
{
	unsigned char key[KEY_MAX];
	gnutls_datum_t now;
	bool is_same =
	    gnutls_record_get_state(session, is_read, NULL, NULL, &now, NULL) == 0 &&
	    now.size == s->key_bytes &&
	    expand(s, secret, "key", key, s->key_bytes) == E_OK &&
	    mem_same(key, now.data, s->key_bytes);
	mem_wipe(key, sizeof key);
	return is_same;
}

static uint64_t
seq_of(gnutls_session_t session, bool is_read)
{
	unsigned char bytes[8];
	uint64_t seq = 0;
	if (gnutls_record_get_state(session, is_read, NULL, NULL, NULL, bytes) < 0)
		bug("gnutls_record_get_state");
	for (unsigned i = 0; i < sizeof bytes; i++)
		seq = seq << 8 | bytes[i];
	return seq;
}

static const struct suite *
suite_of(gnutls_session_t session)
{
	gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(session);
	for (size_t i = 0; i < COUNT(suites); i++)
		if (suites[i].cipher == cipher)
			return &suites[i];
	return NULL;
}

/*
 * Has GnuTLS nothing that a successor would miss?  A record without data may have been a part of a
 * message, whose rest is to come: 5.1.
 */
static bool
is_between_records(const struct tls_conn *c)
{
	return seq_of(c->session, true) == c->n_data && c->ahead_at == c->ahead_bytes &&
	       c->head_bytes == 0 && c->body_left == 0 &&
	       gnutls_record_check_pending(c->session) == 0 && c->unsent == 0 &&
	       c->flight.len == 0;
}

/* The suite of one that can be handed on, or NULL. */
static const struct suite *
movable(const struct tls_conn *c, const struct io *io)
{
	const struct suite *s = suite_of(c->session);
	if (!c->is_server || !s || c->wants_short_records || !is_between_records(c) ||
	    gnutls_protocol_get_version(c->session) != GNUTLS_TLS1_3 ||
	    io_unread(io).n || io->out.len > WORDS_MAX)
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		if (c->secret_bytes[i] != s->secret_bytes ||
		    !is_key_of(s, c->session, i == TLS_READ, c->secrets[i]))
			return NULL;
	return s;
}

int
tls_hand_on(struct tls_conn *c, struct io *io, struct buf *out)
{
	const struct suite *s = movable(c, io);
	if (!s)
		return E_DENY;
	c->is_in_turn = true;
	int err = io_flush(io);
	c->is_in_turn = false;
	c->may_wait = false;
	if (err == E_OK)
		err = tls_flight_send(c);
	if (err != E_OK && err != E_MORE)
		return E_IO;
	buf_u8(out, (uint8_t)(s - suites));
	for (unsigned i = 0; i < 2; i++) {
		buf_put(out, c->secrets[i], s->secret_bytes);
		buf_u64(out, seq_of(c->session, i == TLS_READ));
	}
	buf_bytes(out, buf_as_span(&c->flight));
	return buf_done(out);
}

static int
half_get(struct rd *r, const struct suite *s, struct half *h)
{
	struct span secret = rd_bytes(r, s->secret_bytes);
	h->seq = rd_u64(r);
	if (r->err != E_OK)
		return E_BAD;
	memcpy(h->secret, secret.p, secret.n);
	return half_key(s, h);
}

static void
records_free(struct tls_records **rp)
{
	half_free(&(*rp)->in);
	half_free(&(*rp)->out);
	buf_wipe(&(*rp)->wire);
	buf_free(&(*rp)->unsent);
	mem_free(rp);
}

struct tls_records *
tls_records_new(struct span state, struct io *io)
{
	struct rd r = rd_of(state);
	uint8_t which = rd_u8(&r);
	if (r.err != E_OK || which >= COUNT(suites))
		return NULL;
	struct tls_records *t = mem_new(sizeof *t);
	t->suite = &suites[which];
	t->fd = io->fd;
	t->wire.max = RECORD_MAX;
	t->unsent.max = 2 * RECORD_MAX; /* one, and a key update or an alert */
	int err = half_get(&r, t->suite, &t->in);
	if (err == E_OK)
		err = half_get(&r, t->suite, &t->out);
	buf_span(&t->unsent, rd_str(&r, TLS_STATE_MAX));
	if (err != E_OK || rd_end(&r) != E_OK) {
		records_free(&t);
		return NULL;
	}
	io->way = &tls_records_way;
	io->way_ctx = t;
	io->is_dry = false;
	return t;
}

/* ---- what we say ---- */

/* One record into unsent, 5.2. */
static void
seal(struct tls_records *t, enum content type, const void *p, size_t n)
{
	unsigned char nonce[IV_BYTES];
	size_t inner = n + 1, all = inner + TAG_BYTES, tag_bytes = TAG_BYTES;
	char *room = buf_room(&t->unsent, HEAD_BYTES + all);
	if (!room) {
		t->is_broken = true;
		return;
	}
	unsigned char head[HEAD_BYTES] = {
	    CONTENT_DATA, 3, 3, (unsigned char)(all >> 8), (unsigned char)all};
	memcpy(room, head, HEAD_BYTES);
	memcpy(room + HEAD_BYTES, p, n);
	room[HEAD_BYTES + n] = (char)type;
	nonce_of(&t->out, nonce);
	giovec_t known = {head, HEAD_BYTES}, text = {room + HEAD_BYTES, inner};
	if (gnutls_aead_cipher_encryptv2(t->out.aead, nonce, IV_BYTES, &known, 1, &text,
		1, room + HEAD_BYTES + inner, &tag_bytes) < 0 ||
	    tag_bytes != TAG_BYTES)
		t->is_broken = true;
	else
		buf_added(&t->unsent, HEAD_BYTES + all);
}

/* E_OK, E_MORE (would block), E_IO */
static int
send_unsent(struct tls_records *t)
{
	int more = t->is_ending ? MSG_MORE : 0;
	while (t->unsent.len && !t->is_broken) {
		ssize_t k = send(t->fd, t->unsent.p, t->unsent.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL | more);
		if (k < 0 && errno == EAGAIN)
			return E_MORE;
		if (k > 0)
			buf_drop(&t->unsent, (size_t)k);
		else if (errno != EINTR)
			t->is_broken = true;
	}
	return t->is_broken ? E_IO : E_OK;
}

/* Our next key, 4.6.3: the peer is told under the one of before. */
static void
update_ours(struct tls_records *t)
{
	static const unsigned char update[UPDATE_BYTES] = {
	    GNUTLS_HANDSHAKE_KEY_UPDATE, 0, 0, 1, 0};
	seal(t, CONTENT_HANDSHAKE, update, sizeof update);
	if (half_next(t->suite, &t->out) != E_OK)
		t->is_broken = true;
	t->owes_update = false;
}

static void
say_alert(struct tls_records *t, enum alert a)
{
	unsigned char said[2] = {a == ALERT_CLOSE_NOTIFY ? 1 : 2, (unsigned char)a};
	seal(t, CONTENT_ALERT, said, sizeof said);
}

static int
way_write(void *ctx, const char *p, size_t n, size_t *put, bool *wants_write)
{
	struct tls_records *t = ctx;
	*wants_write = true;
	if (t->is_broken)
		return E_IO;
	if (!t->held) {
		t->held = n < PLAIN_MAX ? n : PLAIN_MAX;
		if (t->owes_update || t->out.seq >= KEY_RECORDS_MOST)
			update_ours(t);
		seal(t, CONTENT_DATA, p, t->held);
	}
	int err = send_unsent(t);
	if (err == E_OK) {
		*put = t->held;
		t->held = 0;
	}
	return err;
}

/* ---- what the peer says ---- */

static const char *
alert_text(enum alert a)
{
	const char *name = gnutls_alert_get_strname((gnutls_alert_description_t)a);
	return name ? name : "?";
}

/* The peer broke the protocol. */
static int
fail(struct tls_records *t, enum alert a)
{
	log_event(LOG_INFO, "tls_failed", "says=%s", alert_text(a));
	say_alert(t, a);
	(void)send_unsent(t);
	t->is_broken = true;
	return E_IO;
}

/*
 * 4.6.3, and nothing else: tickets are ours to send, certificates were asked for before.  It may
 * come in several records, 5.1.
 */
static enum alert
take_handshake(struct tls_records *t, const unsigned char *p, size_t n)
{
	static const unsigned char head[4] = {GNUTLS_HANDSHAKE_KEY_UPDATE, 0, 0, 1};
	size_t room = UPDATE_BYTES - t->part_bytes;
	memcpy(t->part + t->part_bytes, p, n < room ? n : room);
	t->part_bytes += n < room ? n : room;
	size_t known = t->part_bytes < sizeof head ? t->part_bytes : sizeof head;
	if (n == 0 || t->part[0] != head[0])
		return ALERT_UNEXPECTED;
	if (memcmp(t->part, head, known) != 0)
		return ALERT_DECODE;
	if (n > room) /* 5.1: nothing behind it before the key changes */
		return ALERT_UNEXPECTED;
	if (t->part_bytes < UPDATE_BYTES)
		return ALERT_NONE;
	t->part_bytes = 0;
	if (t->part[4] > 1)
		return ALERT_ILLEGAL;
	if (t->part[4] == 1)
		t->owes_update = true;
	if (half_next(t->suite, &t->in) != E_OK)
		t->is_broken = true;
	return ALERT_NONE;
}

static enum alert
take_alert(struct tls_records *t, const unsigned char *p, size_t n)
{
	if (n != 2)
		return n ? ALERT_DECODE : ALERT_UNEXPECTED; /* 5.4 */
	if (p[1] == ALERT_CLOSE_NOTIFY)
		t->has_ended = true;
	else if (p[1] != ALERT_USER_CANCELED)
		t->is_broken = true; /* each other one ends it, 6.2 */
	return ALERT_NONE;
}

/* The bytes of the record at this place of the wire, all told; 0: they are not all there. */
static size_t
record_bytes(const struct tls_records *t, size_t at)
{
	size_t left = t->wire.len - at;
	if (left < HEAD_BYTES)
		return 0;
	const unsigned char *p = (const unsigned char *)t->wire.p + at;
	size_t n = HEAD_BYTES + ((size_t)p[3] << 8 | p[4]);
	return left < n ? 0 : n;
}

/* What the head says is judged before its body is waited for. */
static enum alert
head_fault(const struct tls_records *t)
{
	const unsigned char *p = (const unsigned char *)t->wire.p;
	if (t->wire.len < HEAD_BYTES)
		return ALERT_NONE;
	size_t n = (size_t)p[3] << 8 | p[4];
	if (p[0] != CONTENT_DATA)
		return ALERT_UNEXPECTED;
	if (n > CIPHERTEXT_MAX)
		return ALERT_OVERFLOW;
	return n < TAG_BYTES + 1 ? ALERT_DECODE : ALERT_NONE;
}

/* 5.2: decrypts the first record, of all bytes, in its place. */
static enum alert
unseal(struct tls_records *t, size_t all)
{
	unsigned char nonce[IV_BYTES];
	unsigned char *p = (unsigned char *)t->wire.p, *inner = p + HEAD_BYTES;
	size_t n = all - HEAD_BYTES - TAG_BYTES;
	giovec_t known = {p, HEAD_BYTES}, text = {inner, n};
	nonce_of(&t->in, nonce);
	if (gnutls_aead_cipher_decryptv2(t->in.aead, nonce, IV_BYTES, &known, 1, &text,
		1, inner + n, TAG_BYTES) < 0)
		return ALERT_BAD_MAC;
	if (n > PLAIN_MAX + 1) /* 5.4: with its padding */
		return ALERT_OVERFLOW;
	while (n && inner[n - 1] == 0)
		n--;
	if (n == 0)
		return ALERT_UNEXPECTED;
	t->record_left = all;
	enum content type = inner[--n];
	if (t->part_bytes && type != CONTENT_HANDSHAKE)
		return ALERT_UNEXPECTED; /* 5.1: nothing between its pieces */
	if (type == CONTENT_DATA) {
		t->plain_at = HEAD_BYTES;
		t->plain_left = n;
		t->idle = n ? 0 : t->idle + 1;
		return ALERT_NONE;
	}
	t->idle++;
	return type == CONTENT_HANDSHAKE ? take_handshake(t, inner, n)
	       : type == CONTENT_ALERT   ? take_alert(t, inner, n)
	                                 : ALERT_UNEXPECTED;
}

/* E_OK (more came), E_MORE, E_IO */
static int
receive(struct tls_records *t)
{
	size_t room = RECORD_MAX - t->wire.len;
	if (t->is_dry) {
		t->is_dry = false;
		return E_MORE;
	}
	ssize_t k = recv(t->fd, buf_room(&t->wire, room), room, MSG_DONTWAIT);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return E_MORE;
	if (k <= 0) { /* an end without close_notify may be anybody's, 6.1 */
		t->is_broken = true;
		return E_IO;
	}
	buf_added(&t->wire, (size_t)k);
	t->is_dry = (size_t)k < room;
	return E_OK;
}

/* The record that was read is done with. */
static void
next_record(struct tls_records *t)
{
	buf_drop(&t->wire, t->record_left);
	t->record_left = 0;
}

/* Until there is data, or an end.  E_OK, E_MORE, E_IO */
static int
advance(struct tls_records *t)
{
	while (!t->plain_left && !t->has_ended) {
		enum alert fault;
		if (t->is_broken)
			return E_IO;
		next_record(t);
		size_t all = record_bytes(t, 0);
		fault = head_fault(t);
		if (fault == ALERT_NONE && all)
			fault = unseal(t, all);
		if (fault == ALERT_NONE && !t->has_ended &&
		    t->idle > TLS_IDLE_RECORDS_MOST)
			fault = ALERT_UNEXPECTED;
		if (fault != ALERT_NONE)
			return fail(t, fault);
		int err = all ? E_OK : receive(t);
		if (err != E_OK)
			return err;
	}
	return E_OK;
}

static int
way_read(void *ctx, char *p, size_t n, size_t *got, bool *wants_write)
{
	struct tls_records *t = ctx;
	int err = send_unsent(t); /* what came with it; of a write, no harm */
	*wants_write = err == E_MORE;
	if (err == E_OK)
		err = advance(t);
	if (err != E_OK)
		return err;
	*got = n < t->plain_left ? n : t->plain_left;
	memcpy(p, t->wire.p + t->plain_at, *got);
	t->plain_at += *got;
	t->plain_left -= *got;
	return E_OK;
}

static size_t
way_pending(void *ctx)
{
	const struct tls_records *t = ctx;
	if (t->is_broken || t->has_ended)
		return 0;
	return t->plain_left ? t->plain_left : record_bytes(t, t->record_left);
}

const struct io_way tls_records_way = {
    .read = way_read, .write = way_write, .pending = way_pending};

/* ---- the end ---- */

void
tls_records_ends(struct tls_records *t)
{
	t->is_ending = true;
}

void
tls_records_close(struct tls_records **rp, struct io *io)
{
	struct tls_records *t = *rp;
	if (!t)
		return;
	t->is_ending = false;
	if (!t->is_broken && (!io || io->fd >= 0)) {
		say_alert(t, ALERT_CLOSE_NOTIFY);
		(void)send_unsent(t); /* once: who does not read does not hear it */
	}
	if (io && io->way_ctx == t) {
		io->way = NULL;
		io->way_ctx = NULL;
	}
	records_free(rp);
}
