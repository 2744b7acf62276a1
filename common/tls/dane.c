/* SPDX-License-Identifier: ISC */
/* dane.c - TLSA records and the certificates of a server. */
#include "tls/dane.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

enum {
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0, /* [0] of a TBSCertificate, RFC 5280 4.1 */
	/* of a long length; no certificate of a handshake is larger */
	DER_LENGTH_BYTES = 3,
	SHA512_BYTES = 64,
};

static gnutls_datum_t
datum_of(struct span s)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

/* ---- DER: as much as finds two fields of a certificate ---- */

/* The next element; whole: with its tag and length.  E_OK, E_BAD */
static int
der_next(struct span *in, uint8_t *tag, struct span *whole, struct span *content)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t head = 2;
	if (in->n < head)
		return E_BAD;
	size_t n = p[1];
	if (n & 0x80) {
		size_t n_bytes = n & 0x7f;
		if (n_bytes == 0 || n_bytes > DER_LENGTH_BYTES ||
		    in->n < head + n_bytes)
			return E_BAD;
		n = 0;
		for (size_t i = 0; i < n_bytes; i++)
			n = n << 8 | p[head + i];
		head += n_bytes;
	}
	if (n > in->n - head)
		return E_BAD;
	*tag = p[0];
	*whole = span_head(*in, head + n);
	*content = span_from(*whole, head);
	*in = span_from(*in, head + n);
	return E_OK;
}

/* RFC 5280 4.1: what is signed, and the SubjectPublicKeyInfo in it, byte for byte. */
static int
der_parts(struct span der, struct span *tbs, struct span *spki)
{
	enum { BEFORE_SPKI = 5 /* serial, signature, issuer, validity, subject */ };
	struct span all, in, content;
	uint8_t tag;
	if (der_next(&der, &tag, tbs, &all) != E_OK || tag != DER_SEQUENCE ||
	    der_next(&all, &tag, tbs, &in) != E_OK)
		return E_BAD;
	int err = der_next(&in, &tag, spki, &content);
	for (int i = tag == DER_VERSION ? 0 : 1; i <= BEFORE_SPKI && err == E_OK; i++)
		err = der_next(&in, &tag, spki, &content);
	return err == E_OK && tag == DER_SEQUENCE ? E_OK : E_BAD;
}

/* ---- records ---- */

static bool
is_certificate(struct span der)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t d = datum_of(der);
	if (gnutls_x509_crt_init(&crt) < 0)
		bug("gnutls_x509_crt_init");
	bool is = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) == 0;
	gnutls_x509_crt_deinit(crt);
	return is;
}

/* own; NULL where it is no key */
static gnutls_pubkey_t
key_of(struct span spki)
{
	gnutls_pubkey_t key;
	gnutls_datum_t d = datum_of(spki);
	if (gnutls_pubkey_init(&key) < 0)
		bug("gnutls_pubkey_init");
	if (gnutls_pubkey_import(key, &d, GNUTLS_X509_FMT_DER) == 0)
		return key;
	gnutls_pubkey_deinit(key);
	return NULL;
}

static bool
is_key(struct span spki)
{
	gnutls_pubkey_t key = key_of(spki);
	if (key)
		gnutls_pubkey_deinit(key);
	return key != NULL;
}

bool
tlsa_is_usable(const struct tlsa *t)
{
	if ((t->usage != TLSA_USAGE_TA && t->usage != TLSA_USAGE_EE) ||
	    t->selector > TLSA_KEY)
		return false;
	switch (t->matching) {
	case TLSA_FULL:
		return t->selector == TLSA_KEY ? is_key(t->data)
		                               : is_certificate(t->data);
	case TLSA_SHA256:
		return t->data.n == 32;
	case TLSA_SHA512:
		return t->data.n == SHA512_BYTES;
	}
	return false;
}

/* What is compared, and with what. */
struct check {
	const struct tlsa *tlsa;
	size_t n_tlsa;
	const struct span *names;
	size_t n_names;
	gnutls_x509_crt_t crts[DANE_CHAIN_MAX];
	struct span ders[DANE_CHAIN_MAX], tbs[DANE_CHAIN_MAX], spki[DANE_CHAIN_MAX];
	size_t n;
	enum dane_verdict best;
};

/* RFC 7671 9: of the digests of one usage and selector the strongest alone counts. */
static bool
is_outdone(const struct check *c, const struct tlsa *t)
{
	for (size_t i = 0; t->matching == TLSA_SHA256 && i < c->n_tlsa; i++) {
		const struct tlsa *o = &c->tlsa[i];
		if (o->usage == t->usage && o->selector == t->selector &&
		    o->matching == TLSA_SHA512 && tlsa_is_usable(o))
			return true;
	}
	return false;
}

static bool
matches(const struct check *c, const struct tlsa *t, size_t at)
{
	struct span s = t->selector == TLSA_KEY ? c->spki[at] : c->ders[at];
	unsigned char digest[SHA512_BYTES];
	if (t->matching == TLSA_FULL)
		return span_eq(s, t->data);
	if (gnutls_hash_fast(
		t->matching == TLSA_SHA256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512, s.p,
		s.n, digest) < 0)
		bug("gnutls_hash_fast");
	return span_eq(span_make(digest, t->data.n), t->data);
}

/* ---- chains ---- */

static void
better(struct check *c, enum dane_verdict v)
{
	if (v < c->best)
		c->best = v;
}

static bool
has_name(const struct check *c)
{
	struct buf name = {0};
	bool has = false;
	for (size_t i = 0; i < c->n_names && !has; i++) {
		buf_reset(&name);
		buf_span(&name, c->names[i]);
		has = gnutls_x509_crt_check_hostname2(
		    c->crts[0], buf_cstr(&name), GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES);
	}
	buf_free(&name);
	return has;
}

/* All that a chain to an authority must be, RFC 5280 6, with this one as the only authority. */
static enum dane_verdict
chain_verdict(struct check *c, gnutls_x509_crt_t anchor)
{
	const unsigned untimely = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
	gnutls_typed_vdata_st of[] = {
	    {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0}};
	gnutls_x509_trust_list_t list;
	unsigned status = 0;
	if (gnutls_x509_trust_list_init(&list, 0) < 0)
		bug("gnutls_x509_trust_list_init");
	bool is_done =
	    gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0) == 1 &&
	    gnutls_x509_trust_list_verify_crt2(list, c->crts, (unsigned)c->n, of,
		COUNT(of), GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &status,
		NULL) == 0;
	gnutls_x509_trust_list_deinit(list, 0);
	if (!is_done || status & ~(untimely | GNUTLS_CERT_INVALID))
		return DANE_UNTRUSTED;
	return status & untimely ? DANE_EXPIRED
	       : status          ? DANE_UNTRUSTED
	       : has_name(c)     ? DANE_MATCH
	                         : DANE_MISNAMED;
}

/* RFC 7671 5.2.2: the record itself has the anchor, which the server need not send. */
static void
anchor_in_record(struct check *c, const struct tlsa *t)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t d = datum_of(t->data);
	if (span_eq(t->data, c->ders[0]))
		return; /* it is no issuer of itself */
	if (gnutls_x509_crt_init(&crt) < 0)
		bug("gnutls_x509_crt_init");
	if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) == 0) {
		enum dane_verdict v = chain_verdict(c, crt);
		if (v != DANE_UNTRUSTED) /* else it has to do with another chain */
			better(c, v);
	}
	gnutls_x509_crt_deinit(crt);
}

static bool
is_signed_by(const struct check *c, size_t at, gnutls_pubkey_t key)
{
	unsigned char signature[1024];
	size_t n = sizeof signature;
	int sign = gnutls_x509_crt_get_signature_algorithm(c->crts[at]);
	gnutls_datum_t data = datum_of(c->tbs[at]);
	if (sign <= GNUTLS_SIGN_UNKNOWN ||
	    gnutls_x509_crt_get_signature(c->crts[at], (char *)signature, &n) < 0)
		return false;
	gnutls_datum_t s = {signature, (unsigned)n};
	return gnutls_pubkey_verify_data2(key, (gnutls_sign_algorithm_t)sign,
		   GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM), &data, &s) >= 0;
}

/* The same of a key: what it signed stands for it. */
static void
anchor_key_in_record(struct check *c, const struct tlsa *t)
{
	gnutls_pubkey_t key = key_of(t->data);
	for (size_t i = 0; key && i < c->n; i++)
		if (!span_eq(c->spki[i], t->data) && is_signed_by(c, i, key))
			better(c, chain_verdict(c, c->crts[i]));
	if (key)
		gnutls_pubkey_deinit(key);
}

static void
check_anchor(struct check *c, const struct tlsa *t)
{
	for (size_t i = 1; i < c->n; i++)
		if (!span_eq(c->ders[i], c->ders[0]) && matches(c, t, i))
			better(c, chain_verdict(c, c->crts[i]));
	if (t->matching == TLSA_FULL && t->selector == TLSA_CERTIFICATE)
		anchor_in_record(c, t);
	else if (t->matching == TLSA_FULL)
		anchor_key_in_record(c, t);
}

/* ---- the verdict ---- */

static void
chain_read(struct check *c, const struct span *chain, size_t n)
{
	for (; c->n < n && c->n < DANE_CHAIN_MAX; c->n++) {
		gnutls_datum_t d = datum_of(chain[c->n]);
		if (der_parts(chain[c->n], &c->tbs[c->n], &c->spki[c->n]) != E_OK)
			return;
		if (gnutls_x509_crt_init(&c->crts[c->n]) < 0)
			bug("gnutls_x509_crt_init");
		if (gnutls_x509_crt_import(c->crts[c->n], &d, GNUTLS_X509_FMT_DER) <
		    0) {
			gnutls_x509_crt_deinit(c->crts[c->n]);
			return;
		}
		c->ders[c->n] = chain[c->n];
	}
}

static bool
check_records(struct check *c)
{
	bool is_any = false;
	for (size_t i = 0; i < c->n_tlsa; i++) {
		const struct tlsa *t = &c->tlsa[i];
		if (!tlsa_is_usable(t))
			continue;
		is_any = true;
		if (c->n == 0 || is_outdone(c, t))
			continue;
		if (t->usage == TLSA_USAGE_TA)
			check_anchor(c, t);
		else if (matches(c, t, 0))
			better(c, DANE_MATCH);
	}
	return is_any;
}

enum dane_verdict
dane_check(const struct span *chain, size_t n_chain, const struct tlsa *tlsa,
    size_t n_tlsa, const struct span *names, size_t n_names, struct buf *why)
{
	static const char *const reasons[] = {
	    [DANE_MATCH] = "",
	    [DANE_MISNAMED] = "its certificate is for another name",
	    [DANE_EXPIRED] = "a certificate is not valid today",
	    [DANE_UNTRUSTED] = "the authority that its TLSA records name did not issue "
			       "its certificate",
	    [DANE_NO_MATCH] = "its TLSA records are of another certificate",
	    [DANE_UNUSABLE] = "its TLSA records are not usable",
	};
	struct check c = {.tlsa = tlsa,
	    .n_tlsa = n_tlsa,
	    .names = names,
	    .n_names = n_names,
	    .best = DANE_NO_MATCH};
	chain_read(&c, chain, n_chain);
	enum dane_verdict v = check_records(&c) ? c.best : DANE_UNUSABLE;
	for (size_t i = 0; i < c.n; i++)
		gnutls_x509_crt_deinit(c.crts[i]);
	if (why)
		buf_str(why, reasons[v]);
	return v;
}
