/* SPDX-License-Identifier: ISC */
/*
 * signer.c - signatures and ticket keys, asked of the role "key": no private key is in this
 * process.
 */
#include <gnutls/crypto.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/ask.h"
#include "tls/key.h"
#include "tls/state.h"

size_t
tls_digest_bytes(gnutls_pk_algorithm_t pk, gnutls_sign_algorithm_t algorithm)
{
	if (pk != GNUTLS_PK_RSA && pk != GNUTLS_PK_ECDSA)
		return 0;
	if (!gnutls_sign_supports_pk_algorithm(algorithm, pk))
		return 0;
	gnutls_digest_algorithm_t digest = gnutls_sign_get_hash_algorithm(algorithm);
	if (digest != GNUTLS_DIG_SHA256 && digest != GNUTLS_DIG_SHA384 &&
	    digest != GNUTLS_DIG_SHA512)
		return 0;
	return gnutls_hash_get_len(digest);
}

/* One ask; a broken channel is opened again once. */
static int
key_call(struct signer *s, uint16_t type, struct span body, struct ask_msg *reply)
{
	int err = E_IO;
	for (int tries = 0; tries < 2 && err == E_IO; tries++) {
		if (s->chan < 0 && s->key_channel(&s->chan) != E_OK) {
			s->chan = -1;
			break;
		}
		err = ask_call(s->chan, type, body, -1, &s->in, reply,
		    deadline_in_ms(TLS_KEY_WAIT_MS));
		if (err == E_OK && reply->fd >= 0)
			close(reply->fd);
		if (err != E_OK)
			ask_hang_up(&s->chan);
	}
	if (err != E_OK)
		log_event(LOG_ERR, "no_key_process", "why=%s", err_name(err));
	return err;
}

static int
reply_to_datum(struct ask_msg *reply, gnutls_datum_t *out)
{
	int8_t result = (int8_t)rd_u8(&reply->body);
	struct span s = rd_str(&reply->body, KEY_SIGNATURE_MAX);
	if (rd_end(&reply->body) != E_OK || result != E_OK || s.n == 0)
		return GNUTLS_E_PK_SIGN_FAILED;
	out->data = gnutls_malloc(s.n);
	if (!out->data)
		return GNUTLS_E_MEMORY_ERROR;
	memcpy(out->data, s.p, s.n);
	out->size = (unsigned)s.n;
	return 0;
}

/*
 * For RSA in TLS 1.2 GnuTLS hands over a DigestInfo "to be signed raw": the role is asked for the
 * named algorithm and the digest inside, for it signs nothing raw.
 */
static int
unwrap_digest(const gnutls_datum_t *info, gnutls_sign_algorithm_t *algorithm,
    unsigned char *digest, unsigned *digest_bytes)
{
	gnutls_digest_algorithm_t hash;
	if (gnutls_decode_ber_digest_info(info, &hash, digest, digest_bytes) < 0)
		return E_BAD;
	*algorithm = gnutls_pk_to_sign(GNUTLS_PK_RSA, hash);
	return E_OK;
}

static int
far_sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *ctx,
    unsigned flags, const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
	struct far_key *far = ctx;
	struct buf body = {0};
	struct ask_msg reply;
	unsigned char unwrapped[KEY_DIGEST_MOST];
	unsigned n = sizeof unwrapped;
	struct span digest = span_make(hash->data, hash->size);
	(void)key, (void)flags;
	if (algorithm == GNUTLS_SIGN_RSA_RAW) {
		if (unwrap_digest(hash, &algorithm, unwrapped, &n) != E_OK)
			return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
		digest = span_make(unwrapped, n);
	}
	if (digest.n == 0 || digest.n != tls_digest_bytes(far->pk, algorithm))
		return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
	buf_u16(&body, far->index);
	buf_u32(&body, (uint32_t)algorithm);
	buf_bytes(&body, digest);
	int err = key_call(far->signer, KEY_SIGN, buf_as_span(&body), &reply);
	buf_free(&body);
	return err == E_OK ? reply_to_datum(&reply, signature)
	                   : GNUTLS_E_PK_SIGN_FAILED;
}

static int
far_info(gnutls_privkey_t key, unsigned flags, void *ctx)
{
	const struct far_key *far = ctx;
	(void)key;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
		return (int)far->pk;
	if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
		return (int)far->bits;
	if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
		return tls_digest_bytes(far->pk, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) > 0;
	return -1;
}

int
signer_key(struct far_key *far, gnutls_privkey_t *out)
{
	gnutls_privkey_t key;
	if (gnutls_privkey_init(&key) < 0)
		bug("gnutls_privkey_init");
	if (gnutls_privkey_import_ext4(
		key, far, NULL, far_sign_hash, NULL, NULL, far_info, 0) < 0) {
		gnutls_privkey_deinit(key);
		return E_BAD;
	}
	*out = key;
	return E_OK;
}

void
signer_tickets(struct signer *s)
{
	struct ask_msg reply;
	int64_t now = clock_mono_ms();
	if (now < s->tickets_until_ms)
		return;
	s->tickets_bytes = 0;
	s->tickets_until_ms =
	    now + TLS_TICKETS_RETRY_MS; /* without a key process: not at each client */
	if (key_call(s, KEY_TICKETS, (struct span){"", 0}, &reply) != E_OK)
		return;
	struct span key = rd_str(&reply.body, KEY_TICKET_MAX);
	uint32_t left_sec = rd_u32(&reply.body);
	if (rd_end(&reply.body) != E_OK)
		return;
	memcpy(s->tickets, key.p, key.n);
	s->tickets_bytes = key.n;
	s->tickets_until_ms = now + (int64_t)left_sec * 1000;
}

/* What is readable of a channel on which nothing is asked is its end. */
bool
signer_is_there(struct signer *s)
{
	struct pollfd p = {.fd = s->chan, .events = POLLIN};
	if (s->chan >= 0 && poll(&p, 1, 0) == 0)
		return true;
	ask_hang_up(&s->chan);
	s->tickets_until_ms = 0;
	signer_tickets(s);
	return s->chan >= 0;
}

void
signer_done(struct signer *s)
{
	ask_hang_up(&s->chan);
	buf_wipe(&s->in);
	mem_wipe(s->tickets, sizeof s->tickets);
}
