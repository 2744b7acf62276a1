/* SPDX-License-Identifier: ISC */
/* test_dmarc.c - DMARC: records, domains of From, policies found, alignment, what is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dkim/authres.h"
#include "smtpd/policy/dmarc.h"
#include "smtpd/policy/psl.h"

/* ---- organisations ---- */

/* clang-format off */
static const struct {
	const char *domain, *organisation;
} organisations[] = {
	{"example.com",              "example.com"},
	{"a.b.example.com",          "example.com"},
	{"A.Example.COM.",           "Example.COM"},
	{"mail.example.co.uk",       "example.co.uk"},
	{"co.uk",                    "co.uk"},
	{"com",                      "com"},
	{"a.b.user.github.io",       "user.github.io"},
	/* a wildcard and its exception */
	{"a.b.c.ck",                 "b.c.ck"},
	{"a.www.ck",                 "www.ck"},
	/* a suffix that is not ASCII: gongsi.cn */
	{"mail.a.xn--55qx5d.cn",     "a.xn--55qx5d.cn"},
	/* one that nobody registered is as if it were there */
	{"a.b.nowhere-at-all",       "b.nowhere-at-all"},
	{"..",                       "."},
	{"",                         ""},
};

/* clang-format on */

static void
test_organisations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(organisations); i++) {
		struct span org = psl_organisation(span_of(organisations[i].domain));
		if (!span_eqs(org, organisations[i].organisation))
			fail_msg("%s: %.*s", organisations[i].domain, SPAN_ARG(org));
	}
}

/* ---- records ---- */

/* clang-format off */
static const struct {
	const char *txt, *said; /* "p sp np dkim spf pct" */
} records[] = {
	{"v=DMARC1; p=none",                       "none none none r r 100"},
	{"v=DMARC1;p=reject;",                     "reject reject reject r r 100"},
	{"v=DMARC1; p=quarantine; sp=none",        "quarantine none none r r 100"},
	{"v=DMARC1; p=reject; sp=none; np=reject", "reject none +reject r r 100"},
	{"v=DMARC1; p=none; np=quarantine",        "none none +quarantine r r 100"},
	{"v=DMARC1; p=none; np=maybe",             "none none none r r 100"},
	{" V = DMARC1 ; P = REJECT ; ADKIM=S; aspf = s ; pct = 7 ", "reject reject reject s s 7"},
	{"v=DMARC1;\tp=none;\r\n adkim=s",         "none none none s r 100"},
	{"v=DMARC1; adkim=x; aspf=strict; p=none", "none none none r r 100"},
	{"v=DMARC1; p=none; pct=101",              "none none none r r 100"},
	{"v=DMARC1; p=none; pct=-1",               "none none none r r 100"},
	{"v=DMARC1; p=none; pct=0",                "none none none r r 0"},
	{"v=DMARC1; p=none; pct=0; pct=50; p=reject", "none none none r r 0"},
	{"v=DMARC1; x=y; p=none; fo=1; ri=60; rua=mailto:a@b.example", "none none none r r 100"},
	{"v=DMARC1; junk; ; =; p=none",            "none none none r r 100"},
	/* 6.6.3 step 6 */
	{"v=DMARC1; p=bad; rua=mailto:a@b.example", "none none none r r 100"},
	{"v=DMARC1; rua=, ,mailto:a@b.example",    "none none none r r 100"},
	{"v=DMARC1; p=reject; sp=bad; rua=mailto:a@b.example", "none none none r r 100"},
	{"v=DMARC1; p=reject; sp=bad",             "bad"},
	{"v=DMARC1; p=bad",                        "bad"},
	{"v=DMARC1; p=",                           "bad"},
	{"v=DMARC1; rua=a@b.example",              "bad"},
	{"v=DMARC1; rua=mailto:",                  "bad"},
	{"v=DMARC1",                               "bad"},
	/* others' */
	{"v=dmarc1; p=none",                       "other"},
	{"v=DMARC2; p=none",                       "other"},
	{"v=DMARC1 p=none",                        "other"},
	{"p=none; v=DMARC1",                       "other"},
	{"v=spf1 -all",                            "other"},
	{"hello",                                  "other"},
	{"",                                       "other"},
};

/* clang-format on */

static void
say_record(const struct dmarc_record *r, struct buf *out)
{
	buf_putf(out, "%s %s %s%s %c %c %u", dmarc_policy_name(r->p),
	    dmarc_policy_name(r->sp), r->has_np ? "+" : "", dmarc_policy_name(r->np),
	    r->is_strict_dkim ? 's' : 'r', r->is_strict_spf ? 's' : 'r', r->percent);
}

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		struct dmarc_record r;
		struct buf out = {0};
		int err = dmarc_record_parse(span_of(records[i].txt), &r);
		if (err == E_OK)
			say_record(&r, &out);
		else
			buf_str(&out, err == E_MORE ? "other" : "bad");
		if (strcmp(buf_cstr(&out), records[i].said) != 0)
			fail_msg("%s: %s", records[i].txt, buf_cstr(&out));
		buf_free(&out);
	}
}

/* ---- From ---- */

#define EIGHT "a@1.x, a@2.x, a@3.x, a@4.x, a@5.x, a@6.x, a@7.x, a@8.x"

/* clang-format off */
static const struct {
	const char *head, *said; /* domains, then "!" for a fault */
} froms[] = {
	{"From: a@b.example\r\n",                            "b.example"},
	{"from : \"c@d.example\" <a@B.Example>\r\n",         "b.example"},
	{"From: =?utf-8?q?c=40d.example?= <a@b.example>\r\n", "b.example"},
	{"From: a@b.example, c@d.example, e@B.example\r\n",  "b.example d.example"},
	{"From: Group: a@b.example;\r\n",                    "b.example"},
	{"From: (c@d.example) a@b.example (e@f.example)\r\n", "b.example"},
	{"From: a@b.example.\r\n",                           "b.example"},
	{"Subject: x\r\nFrom: a@b.example\r\nFrom: c@d.example\r\n", "b.example d.example"},
	{"From: \"a@x.example\"@b.example\r\n",              "b.example"},
	{"From: a@b\xC3\xBC" "cher.example\r\n",             "xn--bcher-kva.example"},
	{"From: a@b.example\r\n\r\nFrom: c@d.example\r\n",   "b.example"},
	/* two ways to read it */
	{"From: <a@b.example> <c@d.example>\r\n",            "b.example d.example"},
	{"From: a@b.example <c@d.example>\r\n",              "d.example"},
	{"From: <a@b.example\r\n",                           "b.example"},
	{"From: a@b.example@d.example\r\n",                  "b.example d.example!"},
	/* none */
	{"Subject: x\r\n",                                   "!"},
	{"From:\r\n",                                        "!"},
	{"From: Undisclosed:;\r\n",                          "!"},
	{"From: postmaster\r\n",                             "!"},
	{"From: a@[192.0.2.1]\r\n",                          "!"},
	{"From: a@b.example, postmaster\r\n",                "b.example!"},
	{"From: " EIGHT "\r\n",                              "1.x 2.x 3.x 4.x 5.x 6.x 7.x 8.x"},
	{"From: " EIGHT ", a@9.x\r\n",                       "1.x 2.x 3.x 4.x 5.x 6.x 7.x 8.x!"},
};

/* clang-format on */

static void
test_froms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(froms); i++) {
		struct arena arena = {0};
		struct dmarc_from f;
		struct buf out = {0};
		dmarc_from_find(span_of(froms[i].head), &arena, &f);
		for (size_t k = 0; k < f.n; k++)
			buf_putf(&out, "%s%.*s", k ? " " : "", SPAN_ARG(f.domains[k]));
		buf_str(&out, f.fault ? "!" : "");
		if (strcmp(buf_cstr(&out), froms[i].said) != 0)
			fail_msg("%s: %s", froms[i].head, buf_cstr(&out));
		buf_free(&out);
		arena_reset(&arena);
	}
}

static void
test_from_is_long(void **state)
{
	struct buf head = {0};
	struct arena arena = {0};
	struct dmarc_from f;
	(void)state;
	buf_str(&head, "From: ");
	while (head.len < DMARC_FROM_MAX)
		buf_str(&head, "(a comment)\r\n ");
	buf_str(&head, "a@b.example\r\n");
	dmarc_from_find(buf_as_span(&head), &arena, &f);
	assert_non_null(f.fault);
	buf_free(&head);
	arena_reset(&arena);
}

/* ---- the DNS of these tests ---- */

static const struct {
	const char *name, *txt[2]; /* NULL: it exists without; "!": no answer */
} zone[] = {
    {"_dmarc.none.example", {"v=DMARC1; p=none"}},
    {"_dmarc.strict.example", {"v=DMARC1; p=reject; adkim=s; aspf=s"}},
    {"_dmarc.relaxed.example", {"v=DMARC1; p=reject; sp=quarantine"}},
    {"_dmarc.own.relaxed.example", {"other", "v=DMARC1; p=none; aspf=s"}},
    {"_dmarc.co.uk", {"v=DMARC1; p=reject"}},
    {"_dmarc.half.example", {"v=DMARC1; p=reject; pct=50"}},
    {"_dmarc.halfq.example", {"v=DMARC1; p=quarantine; pct=0"}},
    {"_dmarc.np.example", {"v=DMARC1; p=none; sp=quarantine; np=reject"}},
    {"is.np.example", {"an address"}},
    {"empty.np.example", {NULL}},
    {"temp.np.example", {"!"}},
    {"_dmarc.two.example", {"v=DMARC1; p=reject", "v=DMARC1; p=none"}},
    {"_dmarc.two.relaxed.example", {"v=DMARC1; p=reject", "v=DMARC1; p=none"}},
    {"_dmarc.bad.example", {"v=DMARC1; p=bad"}},
    {"_dmarc.down.example", {"!"}},
    {"_dmarc.down.relaxed.example", {"!"}},
};

static struct dns_answer
answer_of(const struct resolver_query *q, struct dns_record *room)
{
	struct dns_answer a = {.status = DNS_NO_NAME, .records = room};
	for (size_t i = 0; i < COUNT(zone); i++) {
		if (!span_ieqs(q->name, zone[i].name))
			continue;
		a.status = DNS_NO_RECORD;
		for (; a.n_records < 2 && zone[i].txt[a.n_records]; a.n_records++) {
			a.status = DNS_FOUND;
			room[a.n_records] = (struct dns_record){
			    .data = span_of(zone[i].txt[a.n_records])};
		}
		if (a.n_records && span_eqs(room[0].data, "!"))
			return (struct dns_answer){.status = DNS_TEMP};
	}
	return a;
}

/* Answers all that is wanted: a round. */
static void
answer(struct lookups *l)
{
	const struct resolver_query *q;
	while ((q = lookups_wanted(l, 0))) {
		struct dns_record *room = arena_get(&l->arena, 2 * sizeof *room);
		struct dns_answer a = answer_of(q, room);
		lookups_put(l, &a);
	}
}

/* ---- judged ---- */

static const struct row {
	const char *from, *proofs;
	unsigned dice;
	const char *said;
} rows[] = {

#include "dmarc_rows.h"
};

/* "spf:a.example dkim:b.example spf?c.example": "?" for what could not be told */
static size_t
proofs_parse(const char *text, struct dmarc_proof *out)
{
	struct span in = span_of(text);
	size_t n = 0;
	while (in.n) {
		struct span word = span_cut(&in, ' ');
		size_t at = span_starts(word, SPAN("spf")) ? 3 : 4;
		out[n++] = (struct dmarc_proof){.is_spf = at == 3,
		    .is_temp = word.p[at] == '?',
		    .domain = span_from(word, at + 1)};
	}
	return n;
}

/* "result disposition domain", and who vouched */
static void
say(const struct dmarc *d, struct buf *out)
{
	buf_putf(out, "%s %s %.*s%s%s", dmarc_result_name(d->result),
	    dmarc_policy_name(d->disposition), SPAN_ARG(d->domain),
	    d->is_spf_aligned ? " spf" : "", d->is_dkim_aligned ? " dkim" : "");
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lookups l;
		struct arena arena = {0};
		struct dmarc_from from;
		struct dmarc_proof proofs[8];
		struct buf head = {0}, out = {0};
		struct dmarc d;
		int rounds = 0;
		size_t n = proofs_parse(rows[i].proofs, proofs);
		lookups_init(&l);
		buf_putf(&head, "From: %s\r\n", rows[i].from);
		dmarc_from_find(buf_as_span(&head), &arena, &from);
		for (; dmarc_check(&l, &from, proofs, n, rows[i].dice, &d) == E_MORE;
		     rounds++)
			answer(&l);
		say(&d, &out);
		if (strcmp(buf_cstr(&out), rows[i].said) != 0)
			fail_msg(
			    "%s; %s: %s", rows[i].from, rows[i].proofs, buf_cstr(&out));
		assert_true(rounds <= 2);
		lookups_done(&l);
		buf_free(&head);
		buf_free(&out);
		arena_reset(&arena);
	}
}

/* Both records are asked for in the first round. */
static void
test_one_round(void **state)
{
	struct lookups l;
	struct dmarc_from from = {.domains = {SPAN("a.b.relaxed.example")}, .n = 1};
	struct dmarc d;
	(void)state;
	lookups_init(&l);
	assert_int_equal(dmarc_check(&l, &from, NULL, 0, 0, &d), E_MORE);
	assert_non_null(lookups_wanted(&l, 1));
	assert_null(lookups_wanted(&l, 2));
	answer(&l);
	assert_int_equal(dmarc_check(&l, &from, NULL, 0, 0, &d), E_OK);
	lookups_done(&l);
}

/* ---- said ---- */

static void
assert_said(const struct dmarc *d, const char *expected)
{
	struct authres a = {0};
	struct buf out = {0};
	dmarc_say(d, &a);
	authres_put(&a, SPAN("A:"), SPAN("b"), &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
	authres_done(&a);
}

static void
test_said(void **state)
{
	struct dmarc d = {
	    .result = DMARC_PASS, .policy = DMARC_P_REJECT, .domain = SPAN("c.d")};
	(void)state;
	assert_said(
	    &d, "A: b;\r\n\tdmarc=pass (p=reject dis=none) header.from=c.d\r\n");
	d.result = DMARC_FAIL;
	d.disposition = DMARC_P_QUARANTINE;
	d.is_sampled_out = true;
	assert_said(&d,
	    "A: b;\r\n\tdmarc=fail (p=reject dis=quarantine pct) header.from=c.d\r\n"
	    "\tpolicy.dmarc=quarantine\r\n");
	d = (struct dmarc){
	    .result = DMARC_PERMERROR, .why = "no From", .domain = {"", 0}};
	assert_said(&d, "A: b;\r\n\tdmarc=permerror (no From)\r\n");
}

static int
setup(void **state)
{
	(void)state;
	return psl_prepare();
}

static int
teardown(void **state)
{
	(void)state;
	psl_done();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_organisations),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_froms),
	    cmocka_unit_test(test_from_is_long),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_one_round),
	    cmocka_unit_test(test_said),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
