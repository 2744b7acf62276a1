/* SPDX-License-Identifier: ISC */
/* scram_client.c - a client that knows a password, and believes no server. */
#include "scram_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* "r=...,s=...,i=..." and a password: what the client can know. */
static void
client_keys(struct scram_client *c, struct span challenge, const char *password)
{
	unsigned char salted[HASH_BYTES_MAX];
	struct buf salt = {0};
	uint64_t iterations;
	size_t n = hash_bytes(c->kind);
	span_cut(&challenge, ',');
	assert_int_equal(
	    base64_decode(span_from(span_cut(&challenge, ','), 2), &salt), E_OK);
	assert_int_equal(span_u64(span_from(challenge, 2), 1 << 20, &iterations), E_OK);
	pbkdf2(c->kind, span_of(password), buf_as_span(&salt), (uint32_t)iterations,
	    salted);
	hmac_of(c->kind, span_make(salted, n), SPAN("Client Key"), c->client_key);
	hash_of(c->kind, span_make(c->client_key, n), c->v.stored_key);
	hmac_of(c->kind, span_make(salted, n), SPAN("Server Key"), c->v.server_key);
	buf_free(&salt);
}

static void
client_final(struct scram_client *c, struct span challenge, struct buf *out)
{
	unsigned char proof[HASH_BYTES_MAX];
	size_t n = hash_bytes(c->kind);
	struct span nonce = span_head(challenge, span_find(challenge, ','));
	struct buf input = {0};
	buf_str(&input, c->header);
	buf_span(&input, c->binding);
	buf_str(out, "c=");
	buf_base64(out, buf_as_span(&input));
	buf_putf(out, ",%.*s", SPAN_ARG(nonce));
	buf_free(&input);
	buf_span(&c->message, buf_as_span(out));
	hmac_of(
	    c->kind, span_make(c->v.stored_key, n), buf_as_span(&c->message), proof);
	for (size_t i = 0; i < n; i++)
		proof[i] ^= c->client_key[i];
	buf_str(out, ",p=");
	buf_base64(out, span_make(proof, n));
}

static void
assert_server(struct scram_client *c, struct span challenge)
{
	unsigned char signature[HASH_BYTES_MAX];
	struct buf want = {0};
	size_t n = hash_bytes(c->kind);
	hmac_of(c->kind, span_make(c->v.server_key, n), buf_as_span(&c->message),
	    signature);
	buf_str(&want, "v=");
	buf_base64(&want, span_make(signature, n));
	assert_true(span_eq(challenge, buf_as_span(&want)));
	buf_free(&want);
}

enum auth_status
scram_as(const struct auth_conn *conn, struct scram_client c, const char *mech,
    const char *name, const char *password)
{
	struct buf first = {0}, last = {0};
	c.kind =
	    span_starts(span_of(mech), SPAN("SCRAM-SHA-256")) ? HASH_SHA256 : HASH_SHA1;
	buf_putf(&c.message, "n=%s,r=abcdefghijkl", name);
	buf_putf(&first, "%s%s", c.header, buf_cstr(&c.message));
	struct auth_reply r = start(conn, mech, &(struct span){first.p, first.len});
	if (r.status == AUTH_CONTINUE) {
		buf_putf(&c.message, ",%.*s,", SPAN_ARG(r.challenge));
		client_keys(&c, r.challenge, password);
		client_final(&c, r.challenge, &last);
		r = step(buf_as_span(&last));
	}
	if (r.status == AUTH_CONTINUE) {
		assert_server(&c, r.challenge);
		r = step(SPAN(""));
	}
	if (r.status == AUTH_OK)
		assert_true(span_search(r.account, SPAN("@example.test")) > 0);
	buf_free(&first);
	buf_free(&last);
	buf_free(&c.message);
	return r.status;
}

enum auth_status
scram(const char *mech, const char *name, const char *password)
{
	return scram_as(&in_clear,
	    (struct scram_client){.header = "n,,", .binding = SPAN("")}, mech, name,
	    password);
}
