/* SPDX-License-Identifier: ISC */
/* scram.c - verifiers of passwords: made, written, read, checked. */
#include "auth/scram.h"

#include <string.h>

#include "base/id.h"

static const struct {
	enum hash_kind kind;
	const char *mech;
} mechs[] = {
    {HASH_SHA256, "SCRAM-SHA-256"},
    {HASH_SHA1, "SCRAM-SHA-1"},
};

int
scram_kind_of(struct span mech, enum hash_kind *out)
{
	for (size_t i = 0; i < COUNT(mechs); i++)
		if (span_ieqs(mech, mechs[i].mech)) {
			*out = mechs[i].kind;
			return E_OK;
		}
	return E_BAD;
}

const char *
scram_mech_of(enum hash_kind kind)
{
	return kind == HASH_SHA1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256";
}

int
scram_password_prepare(struct span password, struct buf *out)
{
	if (password.n > SCRAM_PASSWORD_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < password.n; i++)
		if (ch_ctl(password.p[i]))
			return E_BAD;
	if (password.n == 0 || !utf8_valid(password))
		return E_BAD;
	return text_opaque(password, out);
}

/* RFC 5802 3: what the server keeps, from a prepared password. */
static void
derive(struct span prepared, struct scram_verifier *v)
{
	unsigned char salted[HASH_BYTES_MAX], client_key[HASH_BYTES_MAX];
	size_t n = hash_bytes(v->kind);
	pbkdf2(v->kind, prepared, span_make(v->salt, v->salt_bytes), v->iterations,
	    salted);
	hmac_of(v->kind, span_make(salted, n), SPAN("Client Key"), client_key);
	hash_of(v->kind, span_make(client_key, n), v->stored_key);
	hmac_of(v->kind, span_make(salted, n), SPAN("Server Key"), v->server_key);
	mem_wipe(salted, sizeof salted);
	mem_wipe(client_key, sizeof client_key);
}

void
scram_verifier_put(const struct scram_verifier *v, struct buf *out)
{
	size_t n = hash_bytes(v->kind);
	buf_putf(out, "%s$%u:", scram_mech_of(v->kind), (unsigned)v->iterations);
	buf_base64(out, span_make(v->salt, v->salt_bytes));
	buf_ch(out, '$');
	buf_base64(out, span_make(v->stored_key, n));
	buf_ch(out, ':');
	buf_base64(out, span_make(v->server_key, n));
}

int
scram_verifier_derive(struct span password, struct scram_verifier *v)
{
	struct buf prepared = {0};
	int err = scram_password_prepare(password, &prepared);
	if (err == E_OK)
		derive(buf_as_span(&prepared), v);
	buf_wipe(&prepared);
	return err;
}

int
scram_verifier_make_salted(struct span mech, struct span password, uint32_t iterations,
    struct span salt, struct buf *out)
{
	struct scram_verifier v = {.iterations = iterations, .salt_bytes = salt.n};
	if (scram_kind_of(mech, &v.kind) != E_OK || salt.n == 0)
		return E_BAD;
	if (iterations < SCRAM_ITERATIONS_LEAST || iterations > SCRAM_ITERATIONS_MOST ||
	    salt.n > sizeof v.salt)
		return E_LIMIT;
	memcpy(v.salt, salt.p, salt.n);
	int err = scram_verifier_derive(password, &v);
	if (err == E_OK) {
		scram_verifier_put(&v, out);
		err = buf_done(out);
	}
	mem_wipe(&v, sizeof v);
	return err;
}

int
scram_verifier_make(
    struct span mech, struct span password, uint32_t iterations, struct buf *out)
{
	unsigned char salt[SCRAM_SALT_BYTES];
	random_fill(salt, sizeof salt);
	return scram_verifier_make_salted(
	    mech, password, iterations, span_make(salt, sizeof salt), out);
}

/* One value in base64, from least to most bytes. */
static int
take_base64(
    struct span text, size_t least, size_t most, unsigned char *out, size_t *n_out)
{
	struct buf raw = {.max = most};
	int err = base64_decode(text, &raw);
	if (err == E_OK && raw.len < least)
		err = E_BAD;
	if (err == E_OK) {
		memcpy(out, raw.p, raw.len);
		*n_out = raw.len;
	}
	buf_wipe(&raw);
	return err == E_OK ? E_OK : E_BAD;
}

static int
parse_iterations(struct span text, uint32_t *out)
{
	uint64_t n;
	if (span_u64(text, SCRAM_ITERATIONS_MOST, &n) != E_OK ||
	    n < SCRAM_ITERATIONS_LEAST)
		return E_BAD;
	*out = (uint32_t)n;
	return E_OK;
}

int
scram_verifier_parse(struct span text, struct scram_verifier *out)
{
	struct scram_verifier v = {0};
	size_t n;
	if (text.n > SCRAM_VERIFIER_MAX ||
	    scram_kind_of(span_cut(&text, '$'), &v.kind) != E_OK ||
	    parse_iterations(span_cut(&text, ':'), &v.iterations) != E_OK ||
	    take_base64(
		span_cut(&text, '$'), 1, SCRAM_SALT_MAX, v.salt, &v.salt_bytes) != E_OK)
		return E_BAD;
	size_t digest = hash_bytes(v.kind);
	if (take_base64(span_cut(&text, ':'), digest, digest, v.stored_key, &n) !=
		E_OK ||
	    take_base64(text, digest, digest, v.server_key, &n) != E_OK)
		return E_BAD;
	*out = v;
	return E_OK;
}
