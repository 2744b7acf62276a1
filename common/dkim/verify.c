/* SPDX-License-Identifier: ISC */
/* verify.c - the signatures of a message. */
#include "dkim/verify.h"

#include <string.h>

#include "mime/idn.h"
#include "tls/pubkey.h"

static const char *const result_names[] = {
    [DKIM_NONE] = "none",
    [DKIM_PASS] = "pass",
    [DKIM_FAIL] = "fail",
    [DKIM_POLICY] = "policy",
    [DKIM_NEUTRAL] = "neutral",
    [DKIM_TEMPERROR] = "temperror",
    [DKIM_PERMERROR] = "permerror",
};

const char *
dkim_result_name(enum dkim_result result)
{
	return result < COUNT(result_names) ? result_names[result] : "?";
}

/* The end of a signature: what it came to. */
static int
is_now(struct dkim_verdict *v, enum dkim_result result, const char *why)
{
	v->result = result;
	v->why = why;
	return E_OK;
}

/* ---- the message ---- */

void
dkim_message_init(struct dkim_message *m, struct span message)
{
	*m = (struct dkim_message){.arena.max_bytes = DKIM_NAMES_BYTES_MAX};
	canon_fields_init(&m->fields, message);
	m->body = span_from(message, header_end(message));
}

void
dkim_message_done(struct dkim_message *m)
{
	canon_fields_done(&m->fields);
	arena_reset(&m->arena);
	*m = (struct dkim_message){0};
}

const struct dkim_body_hash *
dkim_body_hash(struct dkim_message *m, enum canon canon, uint64_t limit)
{
	for (size_t i = 0; i < m->n_hashes; i++)
		if (m->hashes[i].canon == canon && m->hashes[i].limit == limit)
			return &m->hashes[i];
	if (m->n_hashes == DKIM_BODY_HASHES_MAX)
		return NULL;
	struct dkim_body_hash *h = &m->hashes[m->n_hashes++];
	h->canon = canon;
	h->limit = limit;
	h->n_bytes = canon_body_hash(canon, m->body, limit, h->hash);
	return h;
}

/* In A-labels and lower case; empty where it is none. */
static struct span
name_of(struct dkim_message *m, struct span domain)
{
	struct buf ascii = {0};
	struct span out = {0};
	if (idn_ascii(domain, &ascii) == E_OK) {
		for (size_t i = 0; i < ascii.len; i++)
			ascii.p[i] = ch_lower(ascii.p[i]);
		out = arena_span(&m->arena, buf_as_span(&ascii));
	}
	buf_free(&ascii);
	return out;
}

static void
b_prefix(struct span b, char out[DKIM_B_PREFIX + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < b.n && n < DKIM_B_PREFIX; i++)
		if (ch_alnum(b.p[i]) || b.p[i] == '+' || b.p[i] == '/' || b.p[i] == '=')
			out[n++] = b.p[i];
	out[n] = '\0';
}

/* Whose it is: said of each verdict, once it is one. */
static void
verdict_of(struct dkim_message *m, const struct signature *s, struct dkim_verdict *v)
{
	v->domain = name_of(m, s->domain);
	v->selector = name_of(m, s->selector);
	v->identity = s->identity;
	v->algorithm = s->algorithm_name;
	b_prefix(s->b, v->b);
}

/* ---- the key ---- */

/* The first record that is one (RFC 6376 6.1.2 step 4). */
static int
record_of(const struct dns_answer *answer, struct key_record *out)
{
	for (size_t i = 0; i < answer->n_records; i++)
		if (key_record_parse(answer->records[i].data, out) == E_OK)
			return E_OK;
	return E_BAD;
}

/* E_OK: out is there; E_MORE; E_DENY: v says why not. */
static int
key_find(struct lookups *l, struct span selector, struct span domain,
    struct key_record *out, struct dkim_verdict *v)
{
	struct buf name = {0};
	int err = key_record_name(selector, domain, &name);
	const struct dns_answer *a =
	    err == E_OK ? lookups_get(l, DNS_TXT, buf_as_span(&name)) : NULL;
	buf_free(&name);
	if (err != E_OK)
		(void)is_now(v, DKIM_PERMERROR, "d= or s= is no name of the DNS");
	else if (!a)
		return E_MORE;
	else if (a->status == DNS_TEMP || a->status == DNS_BOGUS)
		(void)is_now(v, DKIM_TEMPERROR, "its key could not be looked up");
	else if (a->status != DNS_FOUND)
		(void)is_now(v, DKIM_PERMERROR, "there is no key");
	else if (record_of(a, out) != E_OK)
		(void)is_now(v, DKIM_PERMERROR, "its key is no key record");
	else
		return E_OK;
	return E_DENY;
}

static bool
fits(const struct key_record *key, enum dkim_algorithm algorithm)
{
	return key->has_sha256 &&
	       key->kind ==
	           (algorithm == DKIM_ED25519_SHA256 ? KEY_KIND_ED25519 : KEY_KIND_RSA);
}

/* E_OK: the key may sign this; E_DENY: v says why not. */
static int
key_suits(
    const struct key_record *key, enum dkim_algorithm algorithm, struct dkim_verdict *v)
{
	v->is_testing = key->is_testing;
	if (key->key.n == 0)
		(void)is_now(v, DKIM_PERMERROR, "its key is revoked");
	else if (!key->is_for_mail)
		(void)is_now(v, DKIM_PERMERROR, "its key is not for mail");
	else if (!fits(key, algorithm))
		(void)is_now(v, DKIM_PERMERROR, "its key is for another algorithm");
	else
		return E_OK;
	return E_DENY;
}

/* With t=y a failure counts as no signature (RFC 6376 3.6.1). */
static int
does_not_verify(struct dkim_verdict *v, const char *why)
{
	return is_now(v, v->is_testing ? DKIM_NEUTRAL : DKIM_FAIL, why);
}

static int
key_verify(const struct key_record *record, enum dkim_algorithm algorithm,
    struct span b, const unsigned char digest[SHA256_BYTES], struct dkim_verdict *v)
{
	struct buf key = {0}, signature = {0};
	int err = E_BAD;
	bool is_base64 = tag_base64(b, &signature) == E_OK;
	if (is_base64 && tag_base64(record->key, &key) == E_OK)
		err = pubkey_verify(
		    algorithm == DKIM_ED25519_SHA256 ? PUBKEY_ED25519 : PUBKEY_RSA,
		    buf_as_span(&key), span_make(digest, SHA256_BYTES),
		    buf_as_span(&signature), &v->bits);
	buf_free(&key);
	buf_free(&signature);
	if (!is_base64)
		return is_now(v, DKIM_NEUTRAL, "b= is no base64");
	if (err == E_BAD)
		return is_now(v, DKIM_PERMERROR, "its key cannot be read");
	if (err == E_LIMIT)
		return is_now(v, DKIM_POLICY,
		    v->bits < PUBKEY_RSA_LEAST ? "its key is too short"
					       : "its key is too long");
	return err == E_OK ? is_now(v, DKIM_PASS, "")
	                   : does_not_verify(v, "the signature does not verify");
}

/* E_OK: we know it; E_DENY: v says why not. */
static int
algorithm_known(enum dkim_algorithm algorithm, struct dkim_verdict *v)
{
	if (algorithm == DKIM_RSA_SHA256 || algorithm == DKIM_ED25519_SHA256)
		return E_OK;
	if (algorithm == DKIM_RSA_SHA1)
		(void)is_now(v, DKIM_POLICY, "rsa-sha1 is not taken");
	else
		(void)is_now(v, DKIM_NEUTRAL, "unknown algorithm");
	return E_DENY;
}

int
dkim_key_check(struct dkim_message *m, enum dkim_algorithm algorithm,
    struct span selector, struct span domain, struct span b,
    const unsigned char digest[SHA256_BYTES], struct lookups *l,
    struct dkim_verdict *out)
{
	struct key_record key;
	*out = (struct dkim_verdict){.why = ""};
	int err = algorithm_known(algorithm, out);
	if (err == E_OK)
		err = key_find(l, selector, domain, &key, out);
	if (err == E_OK)
		err = key_suits(&key, algorithm, out);
	if (err == E_OK)
		err = key_verify(&key, algorithm, b, digest, out);
	if (err == E_MORE)
		return E_MORE;
	verdict_of(m,
	    &(struct signature){.domain = domain, .selector = selector, .b = b}, out);
	return E_OK;
}

/* ---- one signature ---- */

static bool
has_field(const struct dkim_message *m, const char *name)
{
	for (size_t i = 0; i < m->fields.n; i++)
		if (span_ieqs(m->fields.all[i].name, name))
			return true;
	return false;
}

/* What can be said without its key.  E_OK: nothing; E_DENY: v says it. */
static int
is_acceptable(const struct dkim_message *m, const struct signature *s, int64_t now_sec,
    struct dkim_verdict *v)
{
	int err = algorithm_known(s->algorithm, v);
	if (err != E_OK)
		return err;
	if (s->expires_sec >= 0 && now_sec > s->expires_sec)
		(void)is_now(v, DKIM_POLICY, "expired");
	else if (m->fields.is_cut)
		(void)is_now(v, DKIM_NEUTRAL, "too many fields in the header");
	else if (!has_field(m, "From"))
		(void)is_now(v, DKIM_PERMERROR, "the message has no From");
	else
		return E_OK;
	return E_DENY;
}

static bool
is_body_hash(const struct dkim_body_hash *h, struct span bh)
{
	struct buf said = {0};
	bool is_same = tag_base64(bh, &said) == E_OK && said.len == SHA256_BYTES &&
	               mem_same(said.p, h->hash, SHA256_BYTES);
	buf_free(&said);
	return is_same;
}

/* E_OK: the body is the signed one, all of it; E_DENY: v says why not. */
static int
body_check(struct dkim_message *m, const struct signature *s, struct dkim_verdict *v)
{
	const struct dkim_body_hash *h = dkim_body_hash(m, s->body, s->body_bytes);
	if (!h)
		(void)is_now(v, DKIM_NEUTRAL, "too many different l=");
	else if (s->body_bytes != CANON_NO_LIMIT && s->body_bytes > h->n_bytes)
		(void)does_not_verify(v, "the body is shorter than l=");
	else if (!is_body_hash(h, s->bh))
		(void)does_not_verify(v, "the body is another one");
	else if (s->body_bytes < h->n_bytes)
		(void)is_now(v, DKIM_POLICY, "l= leaves a part of the body unsigned");
	else
		return E_OK;
	return E_DENY;
}

static int
head_check(struct dkim_message *m, const struct signature *s,
    const struct key_record *key, struct dkim_verdict *v)
{
	unsigned char digest[SHA256_BYTES];
	if (canon_head_hash(
		&m->fields, s->head, s->names, s->whole, s->b_raw, digest) != E_OK)
		return is_now(v, DKIM_NEUTRAL, "too many fields in h=");
	return key_verify(key, s->algorithm, s->b, digest, v);
}

static bool
is_sub(const struct signature *s)
{
	return !signature_is_within(s->domain, signature_identity_domain(s));
}

int
dkim_signature_check(struct dkim_message *m, const struct signature *s,
    struct lookups *l, int64_t now_sec, struct dkim_verdict *out)
{
	struct key_record key;
	*out = (struct dkim_verdict){.why = ""};
	int err = is_acceptable(m, s, now_sec, out);
	if (err == E_OK)
		err = key_find(l, s->selector, s->domain, &key, out);
	if (err == E_OK)
		err = key_suits(&key, s->algorithm, out);
	if (err == E_OK && key.is_without_subs && is_sub(s)) {
		(void)is_now(out, DKIM_PERMERROR, "its key is not for subdomains");
		err = E_DENY;
	}
	if (err == E_OK)
		err = body_check(m, s, out);
	if (err == E_OK)
		err = head_check(m, s, &key, out);
	if (err == E_MORE)
		return E_MORE;
	verdict_of(m, s, out);
	return E_OK;
}

/* ---- the check ---- */

static void
signature_take(struct dkim_check *c, const struct header_field *field)
{
	struct signature *s = &c->signatures[c->n];
	struct dkim_verdict *v = &c->verdicts[c->n];
	int err = signature_parse(field, SIGNATURE_DKIM, s);
	c->is_done[c->n++] = err != E_OK;
	if (err == E_OK)
		return;
	verdict_of(&c->message, s, v);
	(void)is_now(v, err == E_DENY ? DKIM_PERMERROR : DKIM_NEUTRAL, s->why);
}

struct dkim_check *
dkim_check_new(struct span message)
{
	struct dkim_check *c = mem_new(sizeof *c);
	dkim_message_init(&c->message, message);
	for (size_t i = 0; i < c->message.fields.n; i++) {
		const struct header_field *f = &c->message.fields.all[i];
		if (!span_ieqs(f->name, "DKIM-Signature"))
			continue;
		if (c->n < DKIM_SIGNATURES_MAX)
			signature_take(c, f);
		else
			c->is_cut = true;
	}
	return c;
}

void
dkim_check_free(struct dkim_check **cp)
{
	if (!*cp)
		return;
	dkim_message_done(&(*cp)->message);
	mem_free(cp);
}

int
dkim_check(struct dkim_check *c, struct lookups *l, int64_t now_sec)
{
	int err = E_OK;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->is_done[i])
			c->is_done[i] =
			    dkim_signature_check(&c->message, &c->signatures[i], l,
				now_sec, &c->verdicts[i]) == E_OK;
		if (!c->is_done[i])
			err = E_MORE;
	}
	return err;
}

enum dkim_result
dkim_check_result(const struct dkim_check *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->verdicts[i].result == DKIM_PASS)
			return DKIM_PASS;
	return c->n ? c->verdicts[0].result : DKIM_NONE;
}
