/* SPDX-License-Identifier: ISC */
/* test_hash.c - digests against published vectors; the MAC keyed once and used often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tls/hash.h"

static void
assert_hex(const unsigned char *got, size_t n, const char *hex)
{
	unsigned char want[64];
	assert_int_equal(hex_decode(span_of(hex), want, n), E_OK);
	assert_memory_equal(got, want, n);
}

static void
test_sha(void **state)
{
	unsigned char out[SHA256_BYTES];
	(void)state;
	sha256(SPAN("abc"), out); /* FIPS 180-2 B.1 */
	assert_hex(out, 32,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(SPAN(""), out);
	assert_hex(out, 32,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_of(HASH_SHA1, SPAN("abc"), out);
	assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(hash_bytes(HASH_SHA1), 20);
}

static void
test_pieces(void **state)
{
	unsigned char out[SHA256_BYTES], whole[SHA256_BYTES];
	struct span text = SPAN("pieces of any length give the same as the whole");
	(void)state;
	sha256(text, whole);
	struct hash *h = hash_new();
	for (size_t step = 1; step <= text.n; step++) {
		for (size_t at = 0; at < text.n; at += step)
			hash_add(h, span_head(span_from(text, at), step));
		hash_out(h, out);
		assert_memory_equal(out, whole, sizeof out);
	}
	hash_add(h, SPAN("forgotten"));
	hash_reset(h);
	hash_add(h, text);
	hash_end(&h, out);
	assert_memory_equal(out, whole, sizeof out);
	assert_null(h);
	hash_end(&h, NULL);
}

static void
test_hmac(void **state)
{
	unsigned char out[SHA256_BYTES];
	(void)state;
	hmac_sha256(
	    SPAN("Jefe"), SPAN("what do ya want for nothing?"), out); /* RFC 4231 4.3 */
	assert_hex(out, 32,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_of(HASH_SHA1, SPAN("Jefe"), SPAN("what do ya want for nothing?"),
	    out); /* RFC 2202 3 */
	assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void
test_pbkdf2(void **state)
{
	unsigned char out[SHA256_BYTES];
	(void)state;
	pbkdf2(HASH_SHA1, SPAN("password"), SPAN("salt"), 4096, out); /* RFC 6070 */
	assert_hex(out, 20, "4b007901b765489abead49d926f721d065a429c1");
	pbkdf2(HASH_SHA256, SPAN("password"), SPAN("salt"), 4096, out);
	assert_hex(out, 32,
	    "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
}

static void
test_mac(void **state)
{
	static const unsigned char key[MAC_KEY_BYTES] = "0123456789abcdef";
	unsigned char a[MAC_BYTES], b[MAC_BYTES], c[MAC_BYTES];
	char big[5000];
	(void)state;
	memset(big, 'x', sizeof big);
	struct mac *m = mac_new(key, sizeof key);
	struct span whole = span_make(big, sizeof big);
	struct span parts[] = {span_head(whole, 1), SPAN(""),
	    span_head(span_from(whole, 1), 1023), span_from(whole, 1024)};
	mac_iov(m, &whole, 1, a);
	mac_iov(m, parts, COUNT(parts), b);
	assert_memory_equal(a, b,
	    sizeof a); /* the parts are one run of bytes, and each use begins anew */
	big[4999] ^= 1;
	mac_iov(m, &whole, 1, c);
	assert_memory_not_equal(a, c, sizeof a);
	mac_free(&m);
	big[4999] ^= 1;
	m = mac_new(key, sizeof key);
	mac_iov(m, &whole, 1, c);
	assert_memory_equal(a, c, sizeof a);
	mac_iov(m, NULL, 0, b);
	assert_memory_not_equal(a, b, sizeof a);
	mac_free(&m);
	assert_null(m);
	mac_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sha),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_hmac),
	    cmocka_unit_test(test_pbkdf2),
	    cmocka_unit_test(test_mac),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
