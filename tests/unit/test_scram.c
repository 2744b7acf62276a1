/* SPDX-License-Identifier: ISC */
/* test_scram.c - verifiers against the conversations of RFC 5802 5 and RFC 7677 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/scram.h"

static const char verifier_1[] =
    "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:"
    "D+CSWLOshSulAsxiupA+qs2/fTE=";
static const char verifier_256[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
				   "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
				   "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static bool
is_password_of(struct span verifier, struct span password)
{
	struct scram_verifier stored, given;
	if (scram_verifier_parse(verifier, &stored) != E_OK)
		return false;
	given = stored;
	return scram_verifier_derive(password, &given) == E_OK &&
	       mem_same(given.stored_key, stored.stored_key, hash_bytes(stored.kind));
}

static void
assert_made(const char *mech, const char *salt64, const char *want)
{
	struct buf salt = {0}, out = {0};
	assert_int_equal(base64_decode(span_of(salt64), &salt), E_OK);
	assert_int_equal(scram_verifier_make_salted(span_of(mech), SPAN("pencil"), 4096,
			     buf_as_span(&salt), &out),
	    E_OK);
	assert_string_equal(buf_cstr(&out), want);
	buf_free(&salt);
	buf_free(&out);
}

static void
test_vectors(void **state)
{
	(void)state;
	assert_made("SCRAM-SHA-1", "QSXCR+Q6sek8bf92", verifier_1);
	assert_made("scram-sha-256", "W22ZaJ0SNY7soEsUEjb6gQ==", verifier_256);
}

/* The server's half of RFC 5802 5 and RFC 7677 3, from what is stored. */
static void
assert_signature(const char *verifier, const char *message, const char *want)
{
	struct scram_verifier v;
	struct buf text = {0};
	unsigned char signature[HASH_BYTES_MAX];
	assert_int_equal(scram_verifier_parse(span_of(verifier), &v), E_OK);
	size_t n = hash_bytes(v.kind);
	hmac_of(v.kind, span_make(v.server_key, n), span_of(message), signature);
	buf_base64(&text, span_make(signature, n));
	assert_string_equal(buf_cstr(&text), want);
	buf_free(&text);
}

static void
test_server_signature(void **state)
{
	(void)state;
	assert_signature(verifier_1,
	    "n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
	    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
	    "rmF9pqV8S7suAoZWja4dJRkFsKQ=");
	assert_signature(verifier_256,
	    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
	    "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void
test_verify(void **state)
{
	struct buf made = {0};
	(void)state;
	assert_true(is_password_of(span_of(verifier_1), SPAN("pencil")));
	assert_true(is_password_of(span_of(verifier_256), SPAN("pencil")));
	assert_false(is_password_of(span_of(verifier_256), SPAN("Pencil")));
	assert_false(is_password_of(span_of(verifier_256), SPAN("")));
	assert_false(is_password_of(SPAN("SCRAM-SHA-256$"), SPAN("pencil")));
	assert_int_equal(scram_verifier_make(
			     SPAN("SCRAM-SHA-256"), SPAN("p\xc3\xa4ss w"), 5000, &made),
	    E_OK);
	assert_true(is_password_of(buf_as_span(&made), SPAN("p\xc3\xa4ss w")));
	assert_true(is_password_of(
	    buf_as_span(&made), SPAN("pa\xcc\x88ss\xc2\xa0w"))); /* NFC, blanks */
	assert_false(is_password_of(buf_as_span(&made), SPAN("pass w")));
	buf_free(&made);
}

static void
test_passwords(void **state)
{
	static const struct {
		struct span in;
		int want;
	} rows[] = {
	    {SPAN("x"), E_OK}, {SPAN(" spaces stay "), E_OK}, {SPAN(""), E_BAD},
	    {SPAN("a\nb"), E_BAD}, {SPAN("a\0b"), E_BAD}, {SPAN("\x7f"), E_BAD},
	    {SPAN("\xff\xfe"), E_BAD},
	    {SPAN("\xc2\x85"), E_BAD}, /* U+0085, a control */
	};
	struct buf out = {0};
	char big[SCRAM_PASSWORD_MAX + 1];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		assert_int_equal(
		    scram_password_prepare(rows[i].in, &out), rows[i].want);
		if (rows[i].want == E_OK)
			assert_true(span_eq(buf_as_span(&out), rows[i].in));
	}
	memset(big, 'x', sizeof big);
	assert_int_equal(
	    scram_password_prepare(span_make(big, sizeof big), &out), E_LIMIT);
	buf_free(&out);
	assert_int_equal(
	    scram_verifier_make(SPAN("CRAM-MD5"), SPAN("x"), 4096, &out), E_BAD);
	assert_int_equal(
	    scram_verifier_make(SPAN("SCRAM-SHA-1"), SPAN("x"), 1, &out), E_LIMIT);
	buf_free(&out);
}

/* Every shorter text is no verifier, nor is a longer one; parsing and writing give the same. */
static void
test_parse(void **state)
{
	struct scram_verifier v;
	struct buf out = {0};
	struct span whole = span_of(verifier_256);
	(void)state;
	for (size_t n = 0; n < whole.n; n++)
		assert_int_equal(scram_verifier_parse(span_head(whole, n), &v), E_BAD);
	assert_int_equal(scram_verifier_parse(whole, &v), E_OK);
	scram_verifier_put(&v, &out);
	assert_string_equal(buf_cstr(&out), verifier_256);
	buf_ch(&out, 'x');
	assert_int_equal(scram_verifier_parse(buf_as_span(&out), &v), E_BAD);
	buf_free(&out);
	assert_int_equal(
	    scram_verifier_parse(
		SPAN("SCRAM-SHA-1$4095:QSXCR+Q6sek8bf92$"
		     "6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE="),
		&v),
	    E_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_server_signature),
	    cmocka_unit_test(test_verify),
	    cmocka_unit_test(test_passwords),
	    cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
