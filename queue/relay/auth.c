/* SPDX-License-Identifier: ISC */
/*
 * auth.c - AUTH, RFC 4954, with the strongest of SCRAM-SHA-256 (RFC 7677), PLAIN (RFC 4616) and
 * LOGIN that is offered.  The last two show the password: only behind TLS, or to a server on this
 * host.
 */
#include "base/id.h"
#include "queue/relay/remote.h"
#include "tls/hash.h"

enum {
	NONCE_BYTES = 18,
	SALT_MAX = 1024,
	ITERATIONS_LEAST = 4096,
	ITERATIONS_MOST = 1000000,
	CHALLENGE_MAX = 12288
};

static int
put_base64(struct remote *r, const char *before, const struct buf *data)
{
	io_put(&r->io, span_of(before));
	if (data->len)
		buf_base64(&r->io.out, buf_as_span(data));
	else
		io_put(&r->io, SPAN("="));
	io_put(&r->io, SPAN("\r\n"));
	return remote_reply(r, r->limits->command_ms);
}

static int
login_plain(struct remote *r)
{
	struct buf b = {0};
	buf_ch(&b, '\0');
	buf_span(&b, r->hop->user);
	buf_ch(&b, '\0');
	buf_span(&b, r->hop->password);
	int err = put_base64(r, "AUTH PLAIN ", &b);
	buf_wipe(&b);
	return err;
}

static int
login_login(struct remote *r)
{
	const struct span parts[] = {r->hop->user, r->hop->password};
	int err = remote_ask(r, r->limits->command_ms, "AUTH LOGIN\r\n");
	for (size_t i = 0; err == E_OK && i < COUNT(parts) && r->reply.code == 334;
	     i++) {
		struct buf b = {0};
		buf_span(&b, parts[i]);
		err = put_base64(r, "", &b);
		buf_wipe(&b);
	}
	return err;
}

/* ---- SCRAM ---- */

struct scram {
	/* client-first-message-bare, server-first-message, client-final-without-proof */
	struct buf bare, first, final;
	struct span nonce; /* borrow: bare */
	unsigned char salted[SHA256_BYTES];
};

/* RFC 5802 5.1: "," and "=" of a name are written in another way. */
static void
put_name(struct buf *out, struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ',')
			buf_str(out, "=2C");
		else if (name.p[i] == '=')
			buf_str(out, "=3D");
		else
			buf_ch(out, name.p[i]);
}

static int
challenge(const struct remote *r, struct buf *out)
{
	out->max = CHALLENGE_MAX;
	return r->reply.code == 334 ? base64_decode(buf_as_span(&r->reply.text), out)
	                            : E_BAD;
}

/* "r=NONCE,s=SALT,i=ITERATIONS"; the nonce begins with ours. */
static int
read_first(struct remote *r, struct scram *s)
{
	struct buf salt = {.max = SALT_MAX}, password = {0};
	struct span rest = buf_as_span(&s->first), nonce = span_cut(&rest, ','),
		    coded = span_cut(&rest, ','), count = span_cut(&rest, ',');
	uint64_t n = 0;
	bool is_good =
	    span_starts(nonce, SPAN("r=")) && span_starts(coded, SPAN("s=")) &&
	    span_starts(count, SPAN("i=")) &&
	    span_starts(span_from(nonce, 2), s->nonce) && nonce.n > 2 + s->nonce.n &&
	    base64_decode(span_from(coded, 2), &salt) == E_OK &&
	    span_u64(span_from(count, 2), ITERATIONS_MOST, &n) == E_OK &&
	    n >= ITERATIONS_LEAST && text_opaque(r->hop->password, &password) == E_OK;
	if (is_good) {
		pbkdf2(HASH_SHA256, buf_as_span(&password), buf_as_span(&salt),
		    (uint32_t)n, s->salted);
		buf_putf(&s->final, "c=biws,%.*s", SPAN_ARG(nonce));
	}
	buf_free(&salt);
	buf_wipe(&password);
	return is_good ? E_OK : E_BAD;
}

/* RFC 5802 3: proof of the client, and what the server's must be. */
static void
prove(const struct scram *s, struct buf *proof, struct buf *expected)
{
	unsigned char key[SHA256_BYTES], stored[SHA256_BYTES], sign[SHA256_BYTES];
	struct span salted = span_make(s->salted, sizeof s->salted);
	struct buf message = {0};
	buf_span(&message, buf_as_span(&s->bare));
	buf_ch(&message, ',');
	buf_span(&message, buf_as_span(&s->first));
	buf_ch(&message, ',');
	buf_span(&message, buf_as_span(&s->final));
	hmac_sha256(salted, SPAN("Client Key"), key);
	sha256(span_make(key, sizeof key), stored);
	hmac_sha256(span_make(stored, sizeof stored), buf_as_span(&message), sign);
	for (size_t i = 0; i < sizeof key; i++)
		key[i] ^= sign[i];
	buf_base64(proof, span_make(key, sizeof key));
	hmac_sha256(salted, SPAN("Server Key"), stored);
	hmac_sha256(span_make(stored, sizeof stored), buf_as_span(&message), sign);
	buf_str(expected, "v=");
	buf_base64(expected, span_make(sign, sizeof sign));
	buf_free(&message);
	mem_wipe(key, sizeof key);
	mem_wipe(stored, sizeof stored);
}

/* The server proves that it knows the password, too: one that does not gets no mail. */
static int
scram_final(struct remote *r, struct scram *s)
{
	struct buf proof = {0}, expected = {0}, message = {0}, said = {0};
	prove(s, &proof, &expected);
	buf_span(&message, buf_as_span(&s->final));
	buf_str(&message, ",p=");
	buf_span(&message, buf_as_span(&proof));
	int err = put_base64(r, "", &message);
	if (err == E_OK && r->reply.code == 334) {
		bool is_right = challenge(r, &said) == E_OK &&
		                said.len == expected.len &&
		                mem_same(said.p, expected.p, said.len);
		if (!is_right)
			remote_lost(r, "4.7.0",
			    "does not know the password that its route has");
		err = is_right ? remote_ask(r, r->limits->command_ms, "\r\n") : E_IO;
	} else if (err == E_OK && reply_is_good(&r->reply)) {
		remote_lost(r, "4.7.0", "did not show that it knows the password");
		err = E_IO;
	}
	buf_free(&proof);
	buf_free(&expected);
	buf_free(&message);
	buf_free(&said);
	return err;
}

static int
login_scram(struct remote *r)
{
	struct scram s = {.nonce = {"", 0}};
	struct buf message = {0};
	unsigned char random[NONCE_BYTES];
	random_fill(random, sizeof random);
	buf_str(&s.bare, "n=");
	put_name(&s.bare, r->hop->user);
	buf_str(&s.bare, ",r=");
	size_t at = s.bare.len;
	buf_base64(&s.bare, span_make(random, sizeof random));
	s.nonce = span_from(buf_as_span(&s.bare), at);
	buf_str(&message, "n,,");
	buf_span(&message, buf_as_span(&s.bare));
	int err = put_base64(r, "AUTH SCRAM-SHA-256 ", &message);
	if (err == E_OK && r->reply.code == 334) {
		err = challenge(r, &s.first) == E_OK && read_first(r, &s) == E_OK
		          ? scram_final(r, &s)
		          : E_BAD;
		if (err == E_BAD)
			remote_lost(
			    r, "4.7.0", "said something in SCRAM that cannot be");
	}
	buf_wipe(&s.bare);
	buf_wipe(&s.first);
	buf_wipe(&s.final);
	buf_wipe(&message);
	mem_wipe(s.salted, sizeof s.salted);
	return err == E_OK ? E_OK : E_IO;
}

int
remote_login(struct remote *r)
{
	bool may_show = r->tls || r->is_loopback;
	unsigned mechs = r->ehlo.mechs;
	int err;
	if (!r->hop->user.n)
		return E_OK;
	if (mechs & MECH_SCRAM_SHA_256)
		err = login_scram(r);
	else if ((mechs & MECH_PLAIN) && may_show)
		err = login_plain(r);
	else if ((mechs & MECH_LOGIN) && may_show)
		err = login_login(r);
	else {
		remote_lost(r, "4.7.0",
		    mechs && !may_show
			? "would be shown the password without encryption"
			: "offers no login that we know");
		return E_IO;
	}
	return err == E_OK && reply_is_good(&r->reply) ? E_OK
	                                               : remote_refused(r, "4.7.8");
}
