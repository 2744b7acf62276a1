/* SPDX-License-Identifier: ISC */
/*
 * fuzz_spf.c - check_host() with a DNS that answers lines of the input, one a question: it ends, asks no more
 * than RFC 7208 4.6.4 allows, comes to the same again, and explains in one printable line.
 * fuzz: smtpd/policy/spf.c smtpd/policy/spf_record.c smtpd/policy/spf_macro.c smtpd/policy/spf_match.c smtpd/policy/ip.c smtpd/policy/rdns.c common/dkim/authres.c common/net/lookups.c common/net/dns.c common/mime/header.c common/mime/idn.c common/mime/lex.c tests/fuzz/answers.c
 * libs: -lidn2
 */
#include <string.h>

#include "smtpd/policy/spf.h"
#include "tests/fuzz/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* TXT of domains, a first question and 10 hosts of each term, PTR and its names, an explanation */
enum { QUESTIONS_MAX = 11 + 10 * 11 + 11 + 2 };

static void
check_again(
    const struct spf_query *q, bool is_helo, struct lookups *l, const struct spf *s)
{
	struct arena arena = {0};
	struct spf again;
	if (spf_check(q, is_helo, l, &arena, &again) != E_OK ||
	    again.result != s->result || !span_eq(again.term, s->term) ||
	    !span_eq(again.explanation, s->explanation))
		bug("it came to something else");
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct answers answers = {.in = span_make(p, n)};
	struct span sender = answers_line(&answers), helo = answers_line(&answers);
	bool is_helo = span_take(&sender, '!');
	struct ip client;
	struct lookups l;
	struct arena arena = {0};
	struct spf s;
	bool is_v6 = span_take(&sender, '6');
	if (ip_parse(is_v6 ? SPAN("2001:db8::1") : SPAN("192.0.2.1"), &client) != E_OK)
		bug("an address");
	struct spf_query q = {.client = &client, .helo = helo, .sender = sender};
	lookups_init(&l);
	while (spf_check(&q, is_helo, &l, &arena, &s) == E_MORE)
		if (!answers_give(&answers, &l))
			bug("it waits for nothing");
	if (answers.n_asked > QUESTIONS_MAX)
		bug("it asked too much");
	for (size_t i = 0; i < s.explanation.n; i++)
		if (s.explanation.p[i] < ' ' || s.explanation.p[i] > '~')
			bug("an explanation that is not printable");
	if ((s.explanation.n && s.result != SPF_FAIL) ||
	    s.explanation.n > SPF_EXPLANATION_MAX)
		bug("an explanation that should not be");
	check_again(&q, is_helo, &l, &s);
	lookups_done(&l);
	arena_reset(&arena);
	return 0;
}
