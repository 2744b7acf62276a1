/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dns_packet.c - answers of the DNS, of each kind that is used, and the way between processes and back.
 * The first byte says which kind; the name that was asked is "a.test".
 * fuzz: common/net/packet.c common/net/dns.c common/net/answer.c
 */
#include "net/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ARENA_BYTES = 1 << 20 };

static const enum dns_kind kinds[] = {
    DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};

static void
check_record(enum dns_kind kind, const struct dns_record *r)
{
	size_t n = r->data.n;
	bool is_name = kind == DNS_CNAME || kind == DNS_PTR || kind == DNS_MX;
	if ((kind == DNS_A && n != 4) || (kind == DNS_AAAA && n != 16) ||
	    (kind == DNS_TXT && n > DNS_TXT_MAX) ||
	    (kind == DNS_TLSA && (n == 0 || n > DNS_TLSA_MAX)))
		bug("data of a wrong size");
	if (is_name && !dns_name_ok(r->data) && !(kind == DNS_MX && n == 0))
		bug("a name that is none");
}

/* What is put is got again, all of it or the first part. */
static void
check_way(const struct dns_answer *a)
{
	struct buf b = {0}, again = {0};
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct dns_answer got;
	dns_answer_put(&b, a);
	struct rd r = rd_of(buf_as_span(&b));
	if (b.len > DNS_ANSWER_MAX || dns_answer_get(&r, &arena, &got) != E_OK ||
	    rd_end(&r) != E_OK)
		bug("an answer that cannot be read again");
	if (got.n_records > a->n_records ||
	    (got.n_records < a->n_records && !got.is_cut))
		bug("records got lost");
	dns_answer_put(&again, &got);
	if (!span_eq(buf_as_span(&b), buf_as_span(&again)))
		bug("an answer became another one");
	arena_reset(&arena);
	buf_free(&b);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct dns_answer a;
	if (n == 0)
		return 0;
	enum dns_kind kind = kinds[p[0] % COUNT(kinds)];
	int err =
	    dns_packet_parse(span_make(p + 1, n - 1), kind, SPAN("a.test"), &arena, &a);
	if (err != E_OK && (a.status != DNS_TEMP || a.n_records))
		bug("records of no packet");
	if (a.n_records > DNS_RECORDS_MAX ||
	    (a.n_records && a.status != DNS_FOUND && a.status != DNS_NO_NAME))
		bug("records that were not found");
	for (size_t i = 0; i < a.n_records; i++)
		check_record(kind, &a.records[i]);
	check_way(&a);
	arena_reset(&arena);
	/* what another process says, if it were taken over */
	struct rd r = rd_of(span_make(p, n));
	if (dns_answer_get(&r, &arena, &a) == E_OK)
		check_way(&a);
	arena_reset(&arena);
	return 0;
}
