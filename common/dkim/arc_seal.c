/* SPDX-License-Identifier: ISC */
/* arc_seal.c - a set of ARC of our own. */
#include "dkim/arc_seal.h"

#include "dkim/sign_run.h"

struct work {
	struct dkim_signer *signer;
	const struct arc_check *came;
	const struct arc_seal_how *how;
	unsigned instance;
	struct span domain; /* A-labels, lower case */
	const struct sign_key *key;
	struct buf message, seal; /* own: the fields that are made */
};

/* What is signed is the field up to its "b="; then it is finished. */
static int
finish(struct work *w, const unsigned char digest[SHA256_BYTES], struct buf *field)
{
	struct buf signature = {0}, base64 = {0};
	int err = sign_ask(w->signer, w->key, w->domain, digest, &signature);
	if (err == E_OK) {
		buf_base64(&base64, buf_as_span(&signature));
		sign_folded_put(field, buf_as_span(&base64));
		buf_str(field, "\r\n");
		err = buf_done(field);
	}
	buf_free(&signature);
	buf_free(&base64);
	return err;
}

/* ---- ARC-Message-Signature, 4.1.2 ---- */

static int
message_unsigned(struct work *w, const struct canon_fields *fields, struct span body)
{
	unsigned char hash[SHA256_BYTES];
	struct buf *out = &w->message;
	buf_putf(out,
	    "ARC-Message-Signature: i=%u; a=%s-sha256; "
	    "c=relaxed/relaxed;\r\n\td=%.*s;\r\n"
	    "\ts=%.*s; t=%lld;\r\n\th=",
	    w->instance, dkim_key_kind_name(w->key->kind), SPAN_ARG(w->domain),
	    SPAN_ARG(sign_selector(w->key)), (long long)w->how->now_sec);
	int err = sign_names_put(out, fields, true);
	(void)canon_body_hash(CANON_RELAXED, body, CANON_NO_LIMIT, hash);
	buf_str(out, ";\r\n\tbh=");
	buf_base64(out, span_make(hash, sizeof hash));
	buf_str(out, ";\r\n\tb=");
	return err == E_OK ? buf_done(out) : err;
}

static int
message_put(struct work *w, struct span head, struct span body)
{
	unsigned char digest[SHA256_BYTES];
	struct canon_fields fields;
	canon_fields_init(&fields, head);
	int err = fields.is_cut                      ? E_LIMIT
	          : sign_count(&fields, "from") == 0 ? E_BAD
	                                             : E_OK;
	if (err == E_OK)
		err = message_unsigned(w, &fields, body);
	struct span text = buf_as_span(&w->message);
	if (err == E_OK)
		err = canon_head_hash(&fields, CANON_RELAXED, sign_names(text), text,
		    span_from(text, text.n), digest);
	canon_fields_done(&fields);
	return err == E_OK ? finish(w, digest, &w->message) : err;
}

/* ---- ARC-Seal, 4.1.3 ---- */

/* 5.1.1; of a broken chain only our own set is signed, 5.1.2 */
static void
seal_digest(const struct work *w, unsigned char out[SHA256_BYTES])
{
	struct buf ours = {0};
	struct hash *h = hash_new();
	struct span text = buf_as_span(&w->seal);
	canon_field(CANON_RELAXED, w->how->results, &ours);
	canon_field(CANON_RELAXED, buf_as_span(&w->message), &ours);
	canon_unsigned(CANON_RELAXED, text, span_from(text, text.n), &ours);
	if (w->came->cv == ARC_PASS)
		hash_add(h, buf_as_span(&w->came->canonical));
	hash_add(h, buf_as_span(&ours));
	hash_end(&h, out);
	buf_free(&ours);
}

static int
seal_put(struct work *w)
{
	unsigned char digest[SHA256_BYTES];
	buf_putf(&w->seal,
	    "ARC-Seal: i=%u; a=%s-sha256; t=%lld; "
	    "cv=%s;\r\n\td=%.*s;\r\n\ts=%.*s;\r\n\tb=",
	    w->instance, dkim_key_kind_name(w->key->kind), (long long)w->how->now_sec,
	    arc_cv_name(w->came->cv), SPAN_ARG(w->domain),
	    SPAN_ARG(sign_selector(w->key)));
	seal_digest(w, digest);
	return finish(w, digest, &w->seal);
}

/* ---- the set ---- */

static bool
is_results(struct span whole, unsigned instance)
{
	struct header_field f, another;
	struct arc_results r;
	struct span rest = whole;
	return header_next(&rest, &f) == E_OK && f.whole.n == whole.n &&
	       header_next(&rest, &another) == E_MORE &&
	       span_ieqs(f.name, "ARC-Authentication-Results") &&
	       span_ends(whole, SPAN("\r\n")) && arc_results_parse(&f, &r) == E_OK &&
	       r.instance == instance;
}

/* RSA, which all verifiers know, where there is one */
static const struct sign_key *
key_of(const struct sign_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->all[i].kind == DKIM_KEY_RSA)
			return &keys->all[i];
	return &keys->all[0];
}

static int
set_put(struct work *w, struct span head, struct span body, struct buf *out)
{
	struct sign_keys keys;
	int err = sign_keys_ask(w->signer, w->domain, &keys);
	if (err != E_OK)
		return err;
	w->key = key_of(&keys);
	err = message_put(w, head, body);
	if (err == E_OK)
		err = seal_put(w);
	if (err != E_OK)
		return err;
	buf_span(&w->seal, buf_as_span(&w->message));
	buf_span(&w->seal, w->how->results);
	if (buf_done(&w->seal) == E_OK)
		buf_span(out, buf_as_span(&w->seal));
	return buf_done(out);
}

int
arc_seal_put(struct dkim_signer *s, const struct arc_check *came, struct span head,
    struct span body, const struct arc_seal_how *how, struct buf *out)
{
	struct buf name = {0};
	struct work w = {
	    .signer = s, .came = came, .how = how, .instance = arc_next(came)};
	if (w.instance == 0)
		return E_DENY;
	int err = is_results(how->results, w.instance) ? E_OK : E_BAD;
	if (err == E_OK)
		err = sign_domain_put(how->domain, &name);
	w.domain = buf_as_span(&name);
	if (err == E_OK)
		err = set_put(&w, head, body, out);
	buf_free(&w.message);
	buf_free(&w.seal);
	buf_free(&name);
	return err;
}
