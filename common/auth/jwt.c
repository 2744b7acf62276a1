/* SPDX-License-Identifier: ISC */
/* jwt.c - tokens and keys, read with jansson, verified behind common/tls. */
#include "auth/jwt.h"

#include <jansson.h>
#include <string.h>

#include "tls/jose.h"

enum { SECONDS_MOST = INT32_MAX };

struct jwt_key {
	struct jose_key *key; /* own */
	struct buf kid;       /* empty: it has none */
};

struct jwt_keys {
	size_t n;
	struct jwt_key all[JWT_KEYS_MOST];
};

static const char *const alg_names[JOSE_ALGS] = {
    [JOSE_RS256] = "RS256", [JOSE_ES256] = "ES256", [JOSE_EDDSA] = "EdDSA"};

/* ---- pieces ---- */

static struct span
text_of(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	return json_is_string(v)
	           ? span_make(json_string_value(v), json_string_length(v))
	           : (struct span){"", 0};
}

/* RFC 7515 2: base64url without padding.  E_OK, E_BAD */
static int
base64url_decode(struct span in, struct buf *out)
{
	struct buf text = {0};
	int err = E_OK;
	for (size_t i = 0; i < in.n && err == E_OK; i++) {
		char c = in.p[i];
		if (!ch_alnum(c) && c != '-' && c != '_')
			err = E_BAD;
		buf_ch(&text, (char)(c == '-' ? '+' : c == '_' ? '/' : c));
	}
	while (text.len % 4)
		buf_ch(&text, '=');
	if (err == E_OK)
		err = base64_decode(buf_as_span(&text), out);
	buf_wipe(&text);
	return err == E_OK ? E_OK : E_BAD;
}

/* A part of a token: JSON in base64url, an object.  NULL: it is none.  own */
static json_t *
object_of(struct span part)
{
	struct buf text = {.max = JWT_TOKEN_MAX};
	json_t *o = NULL;
	if (base64url_decode(part, &text) == E_OK && text.len)
		o = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	buf_wipe(&text);
	if (o && !json_is_object(o)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

/* ---- keys ---- */

/* Which of our algorithms the key is for, and the names of its numbers.  E_OK, E_BAD */
static int
kind_of(const json_t *jwk, enum jose_alg *alg, const char **a, const char **b)
{
	static const struct {
		const char *kty, *crv, *a, *b;
		enum jose_alg alg;
	} kinds[] = {{"RSA", "", "n", "e", JOSE_RS256},
	    {"EC", "P-256", "x", "y", JOSE_ES256},
	    {"OKP", "Ed25519", "x", "", JOSE_EDDSA}};

	struct span use = text_of(jwk, "use"), given = text_of(jwk, "alg");
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!span_eqs(text_of(jwk, "kty"), kinds[i].kty) ||
		    !span_eqs(text_of(jwk, "crv"), kinds[i].crv))
			continue;
		*alg = kinds[i].alg;
		*a = kinds[i].a;
		*b = kinds[i].b;
		return (use.n == 0 || span_eqs(use, "sig")) &&
		               (given.n == 0 || span_eqs(given, alg_names[*alg]))
		           ? E_OK
		           : E_BAD;
	}
	return E_BAD;
}

static int
key_read(const json_t *jwk, struct jwt_key *out)
{
	enum jose_alg alg;
	const char *a, *b;
	struct buf first = {0}, second = {0};
	struct span kid = text_of(jwk, "kid");
	if (!json_is_object(jwk) || kind_of(jwk, &alg, &a, &b) != E_OK ||
	    kid.n > JWT_KID_MAX)
		return E_BAD;
	int err = base64url_decode(text_of(jwk, a), &first);
	if (err == E_OK)
		err = base64url_decode(text_of(jwk, b), &second);
	if (err == E_OK)
		err = jose_key_new(
		    alg, buf_as_span(&first), buf_as_span(&second), &out->key);
	if (err == E_OK)
		buf_span(&out->kid, kid);
	buf_free(&first);
	buf_free(&second);
	return err;
}

int
jwt_keys_new(struct span json, struct jwt_keys **out)
{
	struct jwt_keys *keys = mem_new(sizeof *keys);
	json_t *set = json.n && json.n <= JWT_KEYS_BYTES_MAX
	                  ? json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL)
	                  : NULL;
	const json_t *all = json_object_get(set, "keys");
	size_t n = json_array_size(all);
	for (size_t i = 0; i < n && n <= JWT_KEYS_MOST; i++)
		if (key_read(json_array_get(all, i), &keys->all[keys->n]) == E_OK)
			keys->n++;
	json_decref(set);
	if (keys->n == 0)
		jwt_keys_free(&keys);
	*out = keys;
	return keys ? E_OK : E_BAD;
}

void
jwt_keys_free(struct jwt_keys **kp)
{
	for (size_t i = 0; *kp && i < (*kp)->n; i++) {
		jose_key_free(&(*kp)->all[i].key);
		buf_free(&(*kp)->all[i].kid);
	}
	mem_free(kp);
}

size_t
jwt_keys_count(const struct jwt_keys *keys)
{
	return keys->n;
}

/* ---- a token ---- */

/* The key decides the algorithm, never the token alone (RFC 8725 3.1). */
static bool
is_signed(const struct jwt_keys *keys, const json_t *head, struct span text,
    struct span signature)
{
	struct span alg = text_of(head, "alg"), kid = text_of(head, "kid");
	for (size_t i = 0; i < keys->n; i++) {
		const struct jwt_key *k = &keys->all[i];
		if (!span_eqs(alg, alg_names[jose_key_alg(k->key)]) ||
		    (kid.n && k->kid.len && !span_eq(kid, buf_as_span(&k->kid))))
			continue;
		if (jose_verify(k->key, text, signature) == E_OK)
			return true;
	}
	return false;
}

/* RFC 7515 4.1.11: an extension that must be understood is not; and it is a token of that kind. */
static bool
is_head_good(const json_t *head)
{
	struct span type = text_of(head, "typ");
	return !json_object_get(head, "crit") &&
	       (type.n == 0 || span_ieqs(type, "JWT") || span_ieqs(type, "at+jwt") ||
		   span_ieqs(type, "application/at+jwt"));
}

/* One text or a list of them has it; a text may hold several with blanks between, if it is so said. */
static bool
has_text(const json_t *v, const char *wanted, bool is_list_of_words)
{
	struct span text = json_is_string(v)
	                       ? span_make(json_string_value(v), json_string_length(v))
	                       : (struct span){"", 0};
	if (!is_list_of_words && span_eqs(text, wanted))
		return true;
	while (is_list_of_words && text.n)
		if (span_eqs(span_cut(&text, ' '), wanted))
			return true;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *one = json_array_get(v, i);
		if (json_is_string(one) && !strcmp(json_string_value(one), wanted) &&
		    strlen(wanted) == json_string_length(one))
			return true;
	}
	return false;
}

/* A time that must be there (or need not), in the right direction from now. */
static bool
is_in_time(const json_t *claims, const struct jwt_rules *rules)
{
	const json_t *exp = json_object_get(claims, "exp"),
		     *nbf = json_object_get(claims, "nbf");
	double now = (double)rules->now_sec, leeway = JWT_LEEWAY_SEC;
	if (!json_is_number(exp) || json_number_value(exp) + leeway <= now)
		return false;
	return !nbf || (json_is_number(nbf) && json_number_value(nbf) - leeway <= now);
}

/* NULL, or what is wrong: scope, address. */
static const char *
permission_check(const json_t *claims, const struct jwt_rules *rules)
{
	const json_t *scope = json_object_get(claims, "scope");
	if (rules->scope[0] && !has_text(scope ? scope : json_object_get(claims, "scp"),
				   rules->scope, true))
		return "scope";
	const json_t *verified = json_object_get(claims, "email_verified");
	if (verified && !json_is_true(verified) &&
	    !span_eqs(text_of(claims, "email_verified"), "true") &&
	    !strcmp(rules->claim, "email"))
		return "address not verified by the issuer";
	return text_of(claims, rules->claim).n ? NULL : "no address in it";
}

/* NULL, or what is wrong. */
static const char *
claims_check(const json_t *claims, const struct jwt_rules *rules)
{
	if (!span_eqs(text_of(claims, "iss"), rules->issuer))
		return "issuer";
	if (!has_text(json_object_get(claims, "aud"), rules->audience, false))
		return "audience";
	if (!is_in_time(claims, rules))
		return "expired or not yet valid";
	return permission_check(claims, rules);
}

bool
jwt_is_one(struct span token)
{
	struct span rest = token;
	json_t *head = object_of(span_cut(&rest, '.'));
	bool is_one = head && text_of(head, "alg").n && rest.n;
	json_decref(head);
	return is_one;
}

int
jwt_check(const struct jwt_keys *keys, const struct jwt_rules *rules, struct span token,
    struct buf *out, const char **why)
{
	struct span rest = token, head_text = span_cut(&rest, '.'),
		    claims_text = span_cut(&rest, '.');
	struct buf signature = {.max = JWT_TOKEN_MAX};
	json_t *head = NULL, *claims = NULL;
	*why = "not a signed token";
	if (token.n <= JWT_TOKEN_MAX && base64url_decode(rest, &signature) == E_OK)
		head = object_of(head_text);
	if (head && is_head_good(head)) {
		struct span text = span_head(token, head_text.n + 1 + claims_text.n);
		*why = "signature";
		if (is_signed(keys, head, text, buf_as_span(&signature)))
			claims = object_of(claims_text);
	}
	if (claims)
		*why = claims_check(claims, rules);
	if (claims && !*why)
		buf_span(out, text_of(claims, rules->claim));
	int err = claims && !*why && buf_done(out) == E_OK ? E_OK : E_DENY;
	json_decref(claims);
	json_decref(head);
	buf_free(&signature);
	return err;
}

static const char *
said_check(const json_t *said, const struct jwt_rules *rules)
{
	const json_t *exp = json_object_get(said, "exp");
	if (!json_is_true(json_object_get(said, "active")))
		return "not active";
	if (rules->issuer[0] && json_object_get(said, "iss") &&
	    !span_eqs(text_of(said, "iss"), rules->issuer))
		return "issuer";
	if (rules->audience[0] &&
	    !has_text(json_object_get(said, "aud"), rules->audience, false))
		return "audience";
	if (exp && !is_in_time(said, rules))
		return "expired or not yet valid";
	return permission_check(said, rules);
}

int
introspection_check(const struct jwt_rules *rules, struct span json, struct buf *out,
    int64_t *until_sec, const char **why)
{
	json_t *said =
	    json.n ? json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	*why = json_is_object(said) ? said_check(said, rules) : "no JSON";
	double exp = json_number_value(json_object_get(said, "exp"));
	*until_sec = exp > 0 && exp < SECONDS_MOST ? (int64_t)exp : 0;
	if (!*why)
		buf_span(out, text_of(said, rules->claim));
	json_decref(said);
	return !*why && buf_done(out) == E_OK ? E_OK : E_DENY;
}
