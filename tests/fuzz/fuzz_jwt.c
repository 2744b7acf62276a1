/* SPDX-License-Identifier: ISC */
/*
 * fuzz_jwt.c - what brings a token, the token, and sets of keys.  The first octet says which.
 * fuzz: common/auth/jwt.c common/auth/bearer.c common/tls/jose.c
 * libs: -lgnutls -ljansson
 */
#include "auth/bearer.h"
#include "auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char key_set[] =
    "{\"keys\":["
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"o\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static void
token(struct span in)
{
	static struct jwt_keys *keys;
	const struct jwt_rules rules = {.issuer = "i",
	    .audience = "a",
	    .scope = "s",
	    .claim = "email",
	    .now_sec = 1000};
	struct buf out = {.max = 320};
	const char *why;
	if (!keys &&
	    jwt_keys_new(span_make(key_set, sizeof key_set - 1), &keys) != E_OK)
		bug("fuzz: keys");
	/* nobody can sign for these */
	if (jwt_check(keys, &rules, in, &out, &why) == E_OK || out.len || !why)
		bug("a token that nobody signed");
	buf_free(&out);
}

static void
message(struct span in, bool is_x)
{
	struct bearer b;
	if (bearer_parse(in, is_x, &b) == E_OK) {
		if (b.token.n == 0 || b.token.p < in.p ||
		    b.token.p + b.token.n > in.p + in.n)
			bug("a token from elsewhere");
	} else if (b.user.len) {
		bug("a user of nothing");
	}
	buf_free(&b.user);
}

static void
set(struct span in)
{
	struct jwt_keys *keys;
	if (jwt_keys_new(in, &keys) == E_OK && jwt_keys_count(keys) == 0)
		bug("a set without keys");
	jwt_keys_free(&keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make((const char *)p + (n > 0), n - (n > 0));
	if (n == 0)
		return 0;
	if (p[0] % 4 == 0)
		token(in);
	else if (p[0] % 4 == 1)
		set(in);
	else
		message(in, p[0] % 4 == 2);
	return 0;
}
