/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dmarc.c - a DMARC record, a From field, and a verdict with that record for each of its domains.
 * fuzz: smtpd/policy/dmarc.c smtpd/policy/dmarc_from.c smtpd/policy/dmarc_record.c common/dkim/authres.c smtpd/policy/psl.c common/net/lookups.c common/net/dns.c common/mime/address.c common/mime/header.c common/mime/lex.c common/mime/word.c common/mime/transfer.c common/mime/charset*.c common/mime/idn.c tests/fuzz/answers.c
 * libs: -lpsl -lidn2
 */
#include "dkim/authres.h"
#include "smtpd/policy/dmarc.h"
#include "smtpd/policy/psl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_record(struct span txt)
{
	struct dmarc_record r;
	if (dmarc_record_parse(txt, &r) == E_OK &&
	    (r.percent > 100 || r.p > DMARC_P_REJECT || r.sp > DMARC_P_REJECT ||
		r.np > DMARC_P_REJECT))
		bug("a record that says what none can");
}

static void
check_said(const struct dmarc *d)
{
	struct authres a = {0};
	struct buf out = {0};
	dmarc_say(d, &a);
	authres_put(&a, SPAN("A:"), SPAN("b"), &out);
	if (buf_done(&out) != E_OK || !span_is_ascii(buf_as_span(&out)))
		bug("a verdict that cannot be said");
	buf_free(&out);
	authres_done(&a);
}

static void
check_message(struct span txt, struct span head)
{
	struct arena arena = {0};
	struct lookups l;
	struct dmarc_from from;
	struct dmarc d;
	struct dns_record record = {.data = txt};
	struct dns_answer answer = {
	    .status = DNS_FOUND, .records = &record, .n_records = 1};
	lookups_init(&l);
	dmarc_from_find(head, &arena, &from);
	struct dmarc_proof proof = {.domain = from.n ? from.domains[0] : SPAN("x")};
	while (dmarc_check(&l, &from, &proof, 1, 50, &d) == E_MORE)
		while (lookups_wanted(&l, 0))
			lookups_put(&l, &answer);
	if (d.disposition != DMARC_P_NONE && d.result != DMARC_FAIL)
		bug("something is asked for mail that did not fail");
	if (from.n == 0 && !from.fault)
		bug("no domain, and no fault");
	check_said(&d);
	lookups_done(&l);
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	static bool has_list;
	if (!has_list && psl_prepare() != E_OK)
		bug("no list of suffixes");
	has_list = true;
	struct span txt = span_cut(&in, '\n');
	check_record(txt);
	check_message(txt, in);
	return 0;
}
