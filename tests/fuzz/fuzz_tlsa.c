/* SPDX-License-Identifier: ISC */
/*
 * fuzz_tlsa.c - TLSA records and the certificates of a server: usable or not, and the verdict, whatever the order of the records.
 * u8 how many records; each: the three bytes of its head, u16 length, data; then certificates: u16 length, DER.
 * fuzz: common/tls/dane.c
 * libs: -lgnutls
 */
#include "tls/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { RECORDS_MOST = 6, CHAIN_MOST = 4 };

static size_t
records_get(struct rd *r, struct tlsa *out)
{
	size_t n = rd_u8(r) % (RECORDS_MOST + 1);
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct tlsa){.usage = rd_u8(r)};
		out[i].selector = rd_u8(r);
		out[i].matching = rd_u8(r);
		out[i].data = rd_bytes(r, rd_u16(r));
	}
	return r->err == E_OK ? n : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct span names[] = {
	    SPAN("example.test"), SPAN("mail.example.test")};
	struct tlsa tlsa[RECORDS_MOST], turned[RECORDS_MOST];
	struct span chain[CHAIN_MOST];
	struct rd r = rd_of(span_make(p, n));
	size_t n_tlsa = records_get(&r, tlsa), n_chain = 0, n_usable = 0;
	for (; n_chain < CHAIN_MOST && r.err == E_OK && r.in.n; n_chain++)
		chain[n_chain] = rd_bytes(&r, rd_u16(&r));
	for (size_t i = 0; i < n_tlsa; i++) {
		turned[n_tlsa - 1 - i] = tlsa[i];
		n_usable += tlsa_is_usable(&tlsa[i]);
	}
	struct buf why = {0};
	enum dane_verdict v =
	    dane_check(chain, n_chain, tlsa, n_tlsa, names, COUNT(names), &why);
	if ((v == DANE_UNUSABLE) != (n_usable == 0) ||
	    (v == DANE_MATCH) != (why.len == 0))
		bug("a verdict on records that it cannot be");
	if (v != dane_check(chain, n_chain, turned, n_tlsa, names, COUNT(names), NULL))
		bug("the order of the records counts");
	if (v == DANE_MATCH && n_chain == 0)
		bug("a certificate that was not sent");
	buf_free(&why);
	return 0;
}
