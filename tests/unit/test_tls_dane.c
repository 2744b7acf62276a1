/* SPDX-License-Identifier: ISC */
/*
 * test_tls_dane.c - TLSA records against chains: usage x selector x matching type x what the
 * certificates are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "tls/dane.h"

enum cert {
	NOBODY,
	ROOT,
	MIDDLE,
	LEAF,
	OLD,
	OTHER,
	SELF,
	CLIENT,
	OLD_MIDDLE,
	OLD_ISSUED,
	FAKE,
	CERTS
};

static struct {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	gnutls_datum_t der, spki;
} the[CERTS];

struct recipe {
	enum cert issuer;
	const char *name;
	bool is_ca, is_old;
	const char *purpose;
};

/* FAKE has the subject of MIDDLE, and another key. */
static const struct recipe recipes[CERTS] = {
    [ROOT] = {NOBODY, "Root", true, false, NULL},
    [MIDDLE] = {ROOT, "Middle", true, false, NULL},
    [LEAF] = {MIDDLE, "mail.example.test", false, false, GNUTLS_KP_TLS_WWW_SERVER},
    [OLD] = {MIDDLE, "mail.example.test", false, true, GNUTLS_KP_TLS_WWW_SERVER},
    [OTHER] = {MIDDLE, "www.example.test", false, false, GNUTLS_KP_TLS_WWW_SERVER},
    [SELF] = {NOBODY, "mail.example.test", false, false, NULL},
    [CLIENT] = {MIDDLE, "mail.example.test", false, false, GNUTLS_KP_TLS_WWW_CLIENT},
    [OLD_MIDDLE] = {ROOT, "Old", true, true, NULL},
    [OLD_ISSUED] = {OLD_MIDDLE, "mail.example.test", false, false, NULL},
    [FAKE] = {ROOT, "Middle", true, false, NULL},
};

static void
make(enum cert which)
{
	const struct recipe *r = &recipes[which];
	enum cert by = r->issuer == NOBODY ? which : r->issuer;
	unsigned char serial = (unsigned char)which, key_id[4] = {(unsigned char)which};
	gnutls_x509_crt_t crt;
	gnutls_pubkey_t key;
	assert_int_equal(gnutls_x509_privkey_init(&the[which].key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(the[which].key, GNUTLS_PK_ECDSA,
			     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, 1000);
	gnutls_x509_crt_set_expiration_time(crt, r->is_old ? 2000 : time(NULL) + 86400);
	gnutls_x509_crt_set_dn_by_oid(
	    crt, GNUTLS_OID_X520_COMMON_NAME, 0, r->name, (unsigned)strlen(r->name));
	gnutls_x509_crt_set_key(crt, the[which].key);
	gnutls_x509_crt_set_subject_key_id(crt, key_id, sizeof key_id);
	if (r->is_ca) {
		gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN);
	} else
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, r->name,
		    (unsigned)strlen(r->name), GNUTLS_FSAN_SET);
	if (r->purpose)
		gnutls_x509_crt_set_key_purpose_oid(crt, r->purpose, 0);
	the[which].crt = crt;
	assert_int_equal(
	    gnutls_x509_crt_sign2(crt, the[by].crt, the[by].key, GNUTLS_DIG_SHA256, 0),
	    0);
	assert_int_equal(
	    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &the[which].der), 0);
	gnutls_pubkey_init(&key);
	gnutls_pubkey_import_x509(key, crt, 0);
	assert_int_equal(
	    gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &the[which].spki), 0);
	gnutls_pubkey_deinit(key);
}

static int
setup(void **state)
{
	(void)state;
	for (enum cert c = ROOT; c < CERTS; c++)
		make(c);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (enum cert c = ROOT; c < CERTS; c++) {
		gnutls_x509_crt_deinit(the[c].crt);
		gnutls_x509_privkey_deinit(the[c].key);
		gnutls_free(the[c].der.data);
		gnutls_free(the[c].spki.data);
	}
	return 0;
}

/* A record of this certificate, or with is_spoilt of one that differs in its last byte. */
struct of {
	uint8_t usage, selector, matching;
	enum cert cert;
	bool is_spoilt;
};

static void
record(const struct of *of, struct tlsa *out, struct buf *data)
{
	gnutls_datum_t d = of->selector == 1 ? the[of->cert].spki : the[of->cert].der;
	unsigned char digest[64];
	if (of->matching == 0)
		buf_put(data, d.data, d.size);
	else {
		gnutls_hash_fast(
		    of->matching == 2 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256, d.data,
		    d.size, digest);
		buf_put(data, digest, of->matching == 2 ? 64 : 32);
	}
	if (of->is_spoilt)
		data->p[data->len - 1] ^= 1;
	*out = (struct tlsa){of->usage, of->selector, of->matching, buf_as_span(data)};
}

struct row {
	const char *what;
	enum cert chain[4];
	struct of records[4];
	enum dane_verdict want;
};

#define ALONE(c)                                                                       \
	{                                                                              \
		c, NOBODY                                                              \
	}
#define WHOLE(c)                                                                       \
	{                                                                              \
		c, MIDDLE, ROOT, NOBODY                                                \
	}

/* clang-format off */
static const struct row rows[] = {
    /* DANE-EE: the server's own, and nothing else counts */
    {"EE, certificate, full",         WHOLE(LEAF),  {{3, 0, 0, LEAF, 0}},                          DANE_MATCH},
    {"EE, certificate, SHA-256",      WHOLE(LEAF),  {{3, 0, 1, LEAF, 0}},                          DANE_MATCH},
    {"EE, certificate, SHA-512",      WHOLE(LEAF),  {{3, 0, 2, LEAF, 0}},                          DANE_MATCH},
    {"EE, key, full",                 ALONE(LEAF),  {{3, 1, 0, LEAF, 0}},                          DANE_MATCH},
    {"EE, key, SHA-256",              ALONE(LEAF),  {{3, 1, 1, LEAF, 0}},                          DANE_MATCH},
    {"EE, key, SHA-512",              ALONE(LEAF),  {{3, 1, 2, LEAF, 0}},                          DANE_MATCH},
    {"EE: its dates do not count",    ALONE(OLD),   {{3, 1, 1, OLD, 0}},                           DANE_MATCH},
    {"EE: nor its name",              ALONE(OTHER), {{3, 0, 1, OTHER, 0}},                         DANE_MATCH},
    {"EE: nor who issued it",         ALONE(SELF),  {{3, 1, 1, SELF, 0}},                          DANE_MATCH},
    {"EE: nor what it is for",        ALONE(CLIENT),{{3, 1, 1, CLIENT, 0}},                        DANE_MATCH},
    {"EE of another",                 ALONE(LEAF),  {{3, 1, 1, SELF, 0}},                          DANE_NO_MATCH},
    {"EE, certificate of another",    ALONE(LEAF),  {{3, 0, 0, SELF, 0}},                          DANE_NO_MATCH},
    {"EE, a bit is wrong",            ALONE(LEAF),  {{3, 0, 1, LEAF, 1}},                          DANE_NO_MATCH},
    {"EE, SHA-512, a bit is wrong",   ALONE(LEAF),  {{3, 1, 2, LEAF, 1}},                          DANE_NO_MATCH},
    {"EE of its authority",           WHOLE(LEAF),  {{3, 1, 1, MIDDLE, 0}},                        DANE_NO_MATCH},
    {"EE, one of two",                ALONE(LEAF),  {{3, 1, 1, SELF, 0}, {3, 1, 1, LEAF, 0}},      DANE_MATCH},

    /* DANE-TA: who issued it, with all that belongs to a chain */
    {"TA, certificate, full",         WHOLE(LEAF),  {{2, 0, 0, ROOT, 0}},                          DANE_MATCH},
    {"TA, certificate, SHA-256",      WHOLE(LEAF),  {{2, 0, 1, ROOT, 0}},                          DANE_MATCH},
    {"TA, certificate, SHA-512",      WHOLE(LEAF),  {{2, 0, 2, ROOT, 0}},                          DANE_MATCH},
    {"TA, key, full",                 WHOLE(LEAF),  {{2, 1, 0, ROOT, 0}},                          DANE_MATCH},
    {"TA, key, SHA-256",              WHOLE(LEAF),  {{2, 1, 1, ROOT, 0}},                          DANE_MATCH},
    {"TA, key, SHA-512",              WHOLE(LEAF),  {{2, 1, 2, ROOT, 0}},                          DANE_MATCH},
    {"TA, the one in the middle",     WHOLE(LEAF),  {{2, 0, 1, MIDDLE, 0}},                        DANE_MATCH},
    {"TA, the one in the middle, and no more", {LEAF, MIDDLE}, {{2, 1, 1, MIDDLE, 0}},             DANE_MATCH},
    {"TA that was not sent",          {LEAF, MIDDLE}, {{2, 0, 1, ROOT, 0}},                        DANE_NO_MATCH},
    {"TA that the record has",        {LEAF, MIDDLE}, {{2, 0, 0, ROOT, 0}},                        DANE_MATCH},
    {"TA that the record has, alone", ALONE(LEAF),  {{2, 0, 0, MIDDLE, 0}},                        DANE_MATCH},
    {"TA's key that the record has",  {LEAF, MIDDLE}, {{2, 1, 0, ROOT, 0}},                        DANE_MATCH},
    {"TA's key that the record has, alone", ALONE(LEAF), {{2, 1, 0, MIDDLE, 0}},                   DANE_MATCH},
    {"TA that the record has, of another chain", ALONE(LEAF), {{2, 0, 0, ROOT, 0}},                DANE_NO_MATCH},
    {"TA's key, of another chain",    ALONE(LEAF),  {{2, 1, 0, ROOT, 0}},                          DANE_NO_MATCH},
    {"TA, another name",              WHOLE(OTHER), {{2, 0, 1, ROOT, 0}},                          DANE_MISNAMED},
    {"TA, another name, key in the record", ALONE(OTHER), {{2, 1, 0, MIDDLE, 0}},                  DANE_MISNAMED},
    {"TA, too old",                   WHOLE(OLD),   {{2, 0, 1, ROOT, 0}},                          DANE_EXPIRED},
    {"TA, too old, key in the record", ALONE(OLD),  {{2, 1, 0, MIDDLE, 0}},                        DANE_EXPIRED},
    {"TA, one of the middle too old", {OLD_ISSUED, OLD_MIDDLE, ROOT}, {{2, 0, 1, ROOT, 0}},        DANE_EXPIRED},
    {"TA, not for servers",           WHOLE(CLIENT), {{2, 0, 1, ROOT, 0}},                         DANE_UNTRUSTED},
    {"TA of another",                 WHOLE(LEAF),  {{2, 0, 1, SELF, 0}},                          DANE_NO_MATCH},
    {"TA is sent, but issued nothing", {SELF, ROOT}, {{2, 0, 1, ROOT, 0}},                         DANE_UNTRUSTED},
    {"TA has its issuer's name, not its key", {LEAF, FAKE}, {{2, 0, 1, FAKE, 0}},                  DANE_UNTRUSTED},
    {"TA has its name, in the record", ALONE(LEAF), {{2, 0, 0, FAKE, 0}},                          DANE_NO_MATCH},
    {"TA is no issuer of itself",     ALONE(SELF),  {{2, 0, 1, SELF, 0}},                          DANE_NO_MATCH},
    {"TA is no issuer of itself, full", ALONE(SELF), {{2, 0, 0, SELF, 0}},                         DANE_NO_MATCH},
    {"TA is no issuer of itself, key", ALONE(SELF), {{2, 1, 0, SELF, 0}},                          DANE_NO_MATCH},
    {"TA is no issuer of itself, sent twice", {SELF, SELF}, {{2, 0, 1, SELF, 0}},                  DANE_NO_MATCH},
    {"TA too old, EE fits",           WHOLE(OLD),   {{2, 0, 1, ROOT, 0}, {3, 1, 1, OLD, 0}},       DANE_MATCH},

    /* RFC 7671 9: the strongest digest alone, of each usage and selector */
    {"a stronger one does not fit",   ALONE(LEAF),  {{3, 1, 1, LEAF, 0}, {3, 1, 2, SELF, 0}},      DANE_NO_MATCH},
    {"the stronger one fits",         ALONE(LEAF),  {{3, 1, 1, SELF, 0}, {3, 1, 2, LEAF, 0}},      DANE_MATCH},
    {"of another selector",           ALONE(LEAF),  {{3, 1, 1, LEAF, 0}, {3, 0, 2, SELF, 0}},      DANE_MATCH},
    {"of another usage",              ALONE(LEAF),  {{3, 1, 1, LEAF, 0}, {2, 1, 2, SELF, 0}},      DANE_MATCH},
    {"the bytes themselves always count", ALONE(LEAF), {{3, 1, 0, LEAF, 0}, {3, 1, 2, SELF, 0}},   DANE_MATCH},

    /* RFC 7672 3.1.3 and 2.2 */
    {"PKIX-TA",                       WHOLE(LEAF),  {{0, 0, 1, ROOT, 0}},                          DANE_UNUSABLE},
    {"PKIX-EE",                       WHOLE(LEAF),  {{1, 1, 1, LEAF, 0}},                          DANE_UNUSABLE},
    {"a usage that nobody knows",     ALONE(LEAF),  {{4, 1, 1, LEAF, 0}},                          DANE_UNUSABLE},
    {"a selector that nobody knows",  ALONE(LEAF),  {{3, 2, 1, LEAF, 0}},                          DANE_UNUSABLE},
    {"a matching type that nobody knows", ALONE(LEAF), {{3, 1, 3, LEAF, 0}},                       DANE_UNUSABLE},
    {"one is usable, and fits",       ALONE(LEAF),  {{1, 1, 1, LEAF, 0}, {3, 1, 1, LEAF, 0}},      DANE_MATCH},
    {"one is usable, and does not",   ALONE(LEAF),  {{1, 1, 1, LEAF, 0}, {3, 1, 1, SELF, 0}},      DANE_NO_MATCH},
};

/* clang-format on */

static enum dane_verdict
verdict(const struct row *row, struct buf *why)
{
	static const struct span names[] = {
	    SPAN("example.test"), SPAN("mail.example.test")};
	struct span chain[4];
	struct tlsa tlsa[4];
	struct buf data[4] = {{0}};
	size_t n = 0, k = 0;
	while (n < COUNT(chain) && row->chain[n] != NOBODY) {
		chain[n] =
		    span_make(the[row->chain[n]].der.data, the[row->chain[n]].der.size);
		n++;
	}
	for (; k < COUNT(tlsa) && row->records[k].cert != NOBODY; k++)
		record(&row->records[k], &tlsa[k], &data[k]);
	enum dane_verdict v = dane_check(chain, n, tlsa, k, names, COUNT(names), why);
	for (size_t i = 0; i < k; i++)
		buf_free(&data[i]);
	return v;
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf why = {0};
		enum dane_verdict v = verdict(&rows[i], &why);
		if (v != rows[i].want || (v == DANE_MATCH) != (why.len == 0))
			fail_msg("%s: %d, not %d: %s", rows[i].what, v, rows[i].want,
			    buf_cstr(&why));
		buf_free(&why);
	}
}

/* Data of a wrong length, or that is no certificate and no key. */
static void
test_data(void **state)
{
	static const struct {
		uint8_t selector, matching;
		size_t n;
	} bad[] = {{0, 1, 31}, {0, 1, 33}, {1, 1, 0}, {1, 2, 63}, {1, 2, 65},
	    {0, 2, 32}, {0, 0, 20}, {1, 0, 20}, {0, 0, 0}, {1, 0, 0}};
	struct span leaf = span_make(the[LEAF].der.data, the[LEAF].der.size);
	char bytes[65] = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct tlsa t = {
		    3, bad[i].selector, bad[i].matching, span_make(bytes, bad[i].n)};
		if (tlsa_is_usable(&t) ||
		    dane_check(&leaf, 1, &t, 1, NULL, 0, NULL) != DANE_UNUSABLE)
			fail_msg("row %zu is usable", i);
	}
	struct tlsa cut = {3, 0, 0, span_head(leaf, leaf.n - 1)}, key = {3, 1, 0, leaf};
	assert_false(tlsa_is_usable(&cut));
	assert_false(tlsa_is_usable(&key));
}

/* What a server sends may be cut, anything, or nothing. */
static void
test_chains(void **state)
{
	struct of of = {3, 1, 1, LEAF, 0};
	struct buf data = {0}, why = {0};
	struct tlsa t;
	(void)state;
	record(&of, &t, &data);
	struct span leaf = span_make(the[LEAF].der.data, the[LEAF].der.size);
	assert_int_equal(dane_check(&leaf, 0, &t, 1, NULL, 0, &why), DANE_NO_MATCH);
	for (size_t n = 0; n < leaf.n; n++) {
		struct span cut = span_head(leaf, n);
		assert_int_equal(
		    dane_check(&cut, 1, &t, 1, NULL, 0, &why), DANE_NO_MATCH);
	}
	struct span many[DANE_CHAIN_MAX + 5];
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = leaf;
	assert_int_equal(
	    dane_check(many, COUNT(many), &t, 1, NULL, 0, &why), DANE_MATCH);
	assert_int_equal(dane_check(&leaf, 1, &t, 0, NULL, 0, &why), DANE_UNUSABLE);
	buf_free(&data);
	buf_free(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_data),
	    cmocka_unit_test(test_chains),
	};
	return cmocka_run_group_tests_name("tls_dane", tests, setup, teardown);
}
