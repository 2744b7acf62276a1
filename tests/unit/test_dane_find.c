/* SPDX-License-Identifier: ISC */
/*
 * test_dane_find.c - under which names TLSA records of a host are looked for, and that an answer
 * which does not come is none (RFC 7672 2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/relay/target.h"

#define OWN "name.a.test"
#define FAR "host.b.test"

/* What the DNS says; all else is DNS_NO_NAME. */
struct said {
	enum dns_kind kind;
	const char *name;
	enum dns_status status;
	bool is_secure;
};

static const struct said *dns;

void
target_ask(struct resolver_query *q, size_t n)
{
	static struct dns_record record = {
	    .usage = 3, .selector = 1, .matching = 1, .data = SPAN("x")};
	assert_int_equal(n, 1);
	q->answer = (struct dns_answer){.status = DNS_NO_NAME, .why = SPAN("so it is")};
	for (const struct said *s = dns; s->name; s++)
		if (s->kind == q->kind && span_eqs(q->name, s->name))
			q->answer = (struct dns_answer){.status = s->status,
			    .is_secure = s->is_secure,
			    .why = SPAN("so it is"),
			    .records = &record,
			    .n_records = s->status == DNS_FOUND};
}

static const struct row {
	const char *canonical;
	/* its addresses; that it is the host to take */
	bool is_secure, is_named_securely;
	struct said dns[3];
	int result;
	const char *base; /* that has records; NULL: none */
	const char *why;
} rows[] = {
    {OWN, true, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}}, E_OK, OWN, ""},
    {OWN, true, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, false}}, E_OK, NULL, ""},
    {OWN, true, false, {{DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}}, E_OK, NULL, ""},
    {OWN, false, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}}, E_OK, NULL, ""},
    {OWN, true, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_TEMP, false}}, E_IO, NULL,
	"its TLSA records are not told now: so it is"},
    {OWN, true, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_BOGUS, false}}, E_IO, NULL,
	"its TLSA records are forged: so it is"},
    /* by a CNAME: where it leads, then its own name */
    {FAR, true, true,
	{{DNS_TLSA, "_25._tcp." FAR, DNS_FOUND, true},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_OK, FAR, ""},
    {FAR, true, true, {{DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}}, E_OK, OWN, ""},
    {FAR, true, true,
	{{DNS_TLSA, "_25._tcp." FAR, DNS_TEMP, false},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_IO, NULL, "its TLSA records are not told now: so it is"},
    /* one that leads out of DNSSEC */
    {FAR, false, true,
	{{DNS_CNAME, OWN, DNS_FOUND, true},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_OK, OWN, ""},
    {FAR, false, true, {{DNS_CNAME, OWN, DNS_FOUND, true}}, E_OK, NULL, ""},
    {FAR, false, true,
	{{DNS_CNAME, OWN, DNS_FOUND, false},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_OK, NULL, ""},
    {FAR, false, true,
	{{DNS_CNAME, OWN, DNS_TEMP, false},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_IO, NULL, "its CNAME is not told now: so it is"},
    {FAR, false, true,
	{{DNS_CNAME, OWN, DNS_BOGUS, false},
	    {DNS_TLSA, "_25._tcp." OWN, DNS_FOUND, true}},
	E_IO, NULL, "its CNAME is forged: so it is"},
};

static void
test_rows(void **state)
{
	const struct hop hop = {.host = SPAN("a.test"), .port = 25};
	const struct remote r = {.hop = &hop};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *x = &rows[i];
		struct target_host h = {.name = SPAN(OWN),
		    .canonical = span_of(x->canonical),
		    .is_secure = x->is_secure,
		    .is_named_securely = x->is_named_securely};
		struct policy p = {0};
		struct buf why = {0};
		dns = x->dns;
		int err = dane_find(&r, &h, SPAN(""), &p, &why);
		if (err != x->result || !span_eqs(p.base, x->base ? x->base : "") ||
		    p.n_tlsa != (x->base != NULL) ||
		    !span_eqs(buf_as_span(&why), x->why))
			fail_msg("row %zu: %d, base \"%.*s\", why \"%s\"", i, err,
			    SPAN_ARG(p.base), buf_cstr(&why));
		assert_int_equal(p.is_must, x->base != NULL);
		buf_free(&why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
