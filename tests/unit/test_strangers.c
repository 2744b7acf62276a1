/* SPDX-License-Identifier: ISC */
/* test_strangers.c - what speaks against a client: its name in HELO, lists that it is on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "dns_fakes.h"
#include "smtpd/policy/dnsbl.h"
#include "smtpd/policy/helo.h"

static struct conf *
conf_of(const char *smtpd)
{
	struct buf text = {0}, errors = {0};
	char path[] = "/tmp/test_strangers.XXXXXX";
	struct conf *conf = NULL;
	int fd = mkstemp(path);
	buf_putf(&text,
	    "version = 1\ncommon {\n\thostname = \"mx.here.test\"\n"
	    "\tdomains = {\"here.test\", \"there.test\"}\n}\nsmtpd {\n%s\n}\n",
	    smtpd);
	assert_int_equal(write(fd, text.p, text.len), (ssize_t)text.len);
	close(fd);
	if (conf_load(path, &errors, &conf) != E_OK)
		fail_msg("%s", buf_cstr(&errors));
	unlink(path);
	buf_free(&text);
	buf_free(&errors);
	return conf;
}

/* The results as one line, behind "mx.here.test;". */
static void
assert_said(struct authres *a, const char *expected)
{
	struct buf field = {0}, line = {0};
	authres_put(a, SPAN("A:"), SPAN("mx.here.test"), &field);
	struct span rest = span_from(buf_as_span(&field), 16);
	assert_true(span_ends(rest, SPAN("\r\n")));
	rest = span_head(rest, rest.n - 2);
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] == '\t')
			buf_ch(&line, ' ');
		else if (rest.p[i] != '\r' && rest.p[i] != '\n')
			buf_ch(&line, rest.p[i]);
	assert_string_equal(buf_cstr(&line), expected);
	buf_free(&field);
	buf_free(&line);
	authres_done(a);
}

/* ---- HELO ---- */

/* clang-format off */
static const struct fake_record helo_records[] = {
	FAKE("mail.example.test", "A",       "192.0.2.1"),
	FAKE("six.example.test",  "AAAA",    "2001:db8::1"),
	FAKE("example.test",      "MX",      "10 mail.example.test"),
	FAKE("txt.example.test",  "TXT",     "nothing else"),
	FAKE("slow.example.test", "TIMEOUT", ""),
};

static const struct {
	const char *helo, *client;
	unsigned faults;
} helos[] = {
	{"mail.example.test",    "192.0.2.1",   0},
	{"mail.example.test.",   "192.0.2.1",   0},
	{"MAIL.example.test",    "192.0.2.1",   0},
	{"six.example.test",     "192.0.2.1",   0},
	{"example.test",         "192.0.2.1",   0},
	{"slow.example.test",    "192.0.2.1",   0},
	{"txt.example.test",     "192.0.2.1",   HELO_RESOLVES},
	{"none.example.test",    "192.0.2.1",   HELO_RESOLVES},
	{"localhost",            "192.0.2.1",   HELO_SYNTAX},
	{"",                     "192.0.2.1",   HELO_SYNTAX},
	{"192.0.2.1",            "192.0.2.1",   HELO_SYNTAX},
	{"exam!ple.test",        "192.0.2.1",   HELO_SYNTAX},
	{"example..test",        "192.0.2.1",   HELO_SYNTAX},
	{"example.test..",       "192.0.2.1",   HELO_SYNTAX},
	{"[192.0.2.1]",          "192.0.2.1",   0},
	{"[192.0.2.2]",          "192.0.2.1",   HELO_LITERAL},
	{"[192.0.2.1",           "192.0.2.1",   HELO_SYNTAX},
	{"[]",                   "192.0.2.1",   HELO_SYNTAX},
	{"[2001:db8::1]",        "2001:db8::1", HELO_SYNTAX},
	{"[IPv6:2001:DB8::1]",   "2001:db8::1", 0},
	{"[ipv6:2001:db8::2]",   "2001:db8::1", HELO_LITERAL},
	{"[IPv6:192.0.2.1]",     "192.0.2.1",   HELO_SYNTAX},
	{"[IPv6:2001:db8::1]",   "192.0.2.1",   HELO_LITERAL},
	{"MX.here.test",         "192.0.2.1",   HELO_OURS | HELO_RESOLVES},
	{"there.test.",          "192.0.2.1",   HELO_OURS | HELO_RESOLVES},
	{"mail.there.test",      "192.0.2.1",   HELO_RESOLVES},
};

/* clang-format on */

static unsigned
helo_faults(const struct helo_rules *r, const char *helo, const char *client)
{
	struct fake_zones z = {helo_records, COUNT(helo_records), 0};
	struct ip a;
	struct lookups l;
	unsigned faults;
	assert_int_equal(ip_parse(span_of(client), &a), E_OK);
	lookups_init(&l);
	while (helo_check(r, span_of(helo), &a, &l, &faults) == E_MORE)
		assert_true(fake_answer(&z, &l));
	lookups_done(&l);
	if (!((r->noted | r->refused) & HELO_RESOLVES))
		assert_int_equal(z.n_asked, 0);
	return faults;
}

static void
test_helo(void **state)
{
	static const char *const settings[] = {
	    "helo_syntax = refuse\nhelo_resolves = note",
	    "helo_syntax = off\nhelo_literal = off\nhelo_ours = refuse", ""};
	static const unsigned noted[] = {HELO_LITERAL | HELO_OURS | HELO_RESOLVES, 0,
	    HELO_SYNTAX | HELO_LITERAL | HELO_OURS};
	static const unsigned refused[] = {HELO_SYNTAX, HELO_OURS, 0};
	(void)state;
	for (size_t s = 0; s < COUNT(settings); s++) {
		struct conf *conf = conf_of(settings[s]);
		struct helo_rules r;
		helo_rules_load(&r, conf);
		assert_int_equal(r.noted, noted[s]);
		assert_int_equal(r.refused, refused[s]);
		for (size_t i = 0; i < COUNT(helos); i++) {
			unsigned f = helo_faults(&r, helos[i].helo, helos[i].client);
			if (f != (helos[i].faults & (noted[s] | refused[s])))
				fail_msg("%s: %s", helos[i].helo, helo_text(f));
		}
		conf_free(&conf);
	}
	assert_string_equal(helo_text(HELO_OURS | HELO_RESOLVES),
	    "the name in HELO is ours, not yours");
	assert_string_equal(helo_text(0), "");
	assert_string_equal(helo_setting(HELO_OURS), "helo_ours");
}

static void
test_helo_said(void **state)
{
	struct authres a = {0};
	(void)state;
	helo_say(0, SPAN("mail.example.test"), &a);
	assert_said(&a, " x-helo=pass smtp.helo=mail.example.test");
	helo_say(HELO_OURS | HELO_RESOLVES, SPAN("mx.here.test; spf=pass"), &a);
	assert_said(&a, " x-helo=fail reason=\"the name in HELO is ours, not yours\" "
			"smtp.helo=\"mx.here.test; spf=pass\"");
}

/* ---- lists: their settings ---- */

/* clang-format off */
static const struct {
	const char *item;
	int err;
	const char *zone;
	int weight;
	const char *in, *out; /* an answer that fits, and one that does not */
} items[] = {
	{"zen.example",                        E_OK, "zen.example", 1, "127.0.0.2", "127.255.255.254"},
	{"zen.example 3",                      E_OK, "zen.example", 3, "127.255.254.1", "128.0.0.2"},
	{"  zen.example   -3 ",                E_OK, "zen.example", -3, "127.0.0.255", "10.0.0.2"},
	{"zen.example=127.0.0.2",              E_OK, "zen.example", 1, "127.0.0.2", "127.0.0.3"},
	{"zen.example=127.0.0.[2..11] 3",      E_OK, "zen.example", 3, "127.0.0.11", "127.0.0.12"},
	{"w.example=127.0.[0..255].[1..3] -2", E_OK, "w.example", -2, "127.0.255.3", "127.0.0.0"},
	{"w.example=127.[0;2..3].0.[1;255]",   E_OK, "w.example", 1, "127.3.0.255", "127.1.0.255"},
	{"w.example=[0..255].0.0.0 100",       E_OK, "w.example", 100, "31.0.0.0", "32.0.0.1"},
	{"w.example=127.0.0.31",               E_OK, "w.example", 1, "127.0.0.31", "127.0.0.32"},
	{"",                                   E_BAD, "", 0, "", ""},
	{"zen",                                E_BAD, "", 0, "", ""},
	{".zen.example",                       E_BAD, "", 0, "", ""},
	{"zen.example.",                       E_BAD, "", 0, "", ""},
	{"zen..example",                       E_BAD, "", 0, "", ""},
	{"zen/x.example",                      E_BAD, "", 0, "", ""},
	{"zen.example 0",                      E_BAD, "", 0, "", ""},
	{"zen.example 101",                    E_BAD, "", 0, "", ""},
	{"zen.example -",                      E_BAD, "", 0, "", ""},
	{"zen.example +3",                     E_BAD, "", 0, "", ""},
	{"zen.example 3 4",                    E_BAD, "", 0, "", ""},
	{"zen.example=",                       E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0",                E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.2.3",            E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.256",            E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.[]",             E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.[3..2]",         E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.[2..]",          E_BAD, "", 0, "", ""},
	{"zen.example=127.0.0.[2",             E_BAD, "", 0, "", ""},
	{"zen.example=127.0.[0..1]2.2",        E_BAD, "", 0, "", ""},
	{"zen.example=127..0.2",               E_BAD, "", 0, "", ""},
};

/* clang-format on */

static bool
fits(const struct dnslist *l, const char *answer)
{
	struct ip a;
	assert_int_equal(ip_parse(span_of(answer), &a), E_OK);
	return dnslist_fits(l, a.b);
}

static void
test_items(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(items); i++) {
		struct dnslist l;
		if (dnslist_parse(span_of(items[i].item), &l) != items[i].err)
			fail_msg("%s", items[i].item);
		if (items[i].err != E_OK)
			continue;
		assert_true(span_eqs(l.zone, items[i].zone));
		assert_int_equal(l.weight, items[i].weight);
		if (!fits(&l, items[i].in) || fits(&l, items[i].out))
			fail_msg("%s", items[i].item);
	}
}

/* ---- lists: clients on them ---- */

/* clang-format off */
static const struct fake_record list_records[] = {
	FAKE("1.2.0.192.zen.example",  "A",   "127.0.0.4"),
	FAKE("1.2.0.192.zen.example",  "TXT", "see https://zen.example/?q=192.0.2.1\r\n\xff"),
	FAKE("1.2.0.192.more.example", "A",   "127.0.0.2"),
	FAKE("2.2.0.192.zen.example",  "A",   "127.0.0.4"),
	FAKE("2.2.0.192.good.example", "A",   "127.0.9.3"),
	FAKE("3.2.0.192.more.example", "A",   "127.0.0.2"),
	FAKE("4.2.0.192.good.example", "A",   "127.0.9.1"),
	FAKE("5.2.0.192.zen.example",  "A",   "127.255.255.254"),
	FAKE("5.2.0.192.more.example", "TIMEOUT", ""),
	FAKE("6.2.0.192.zen.example",  "A",   "127.0.0.10"),
	FAKE("6.2.0.192.zen.example",  "A",   "127.0.0.4"),
	FAKE("6.2.0.192.zen.example",  "TIMEOUT", ""),
	FAKE("8.2.0.192.good.example", "TIMEOUT", ""),
	FAKE("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example", "A", "127.0.0.2"),
};

static const struct {
	const char *client;
	enum dnsbl_verdict verdict;
	const char *log, *refusal, *said;
	unsigned n_rounds;
} clients[] = {
	{"192.0.2.1", DNSBL_REFUSED, "dnsbl=4 zen.example=3 more.example=1",
	    "192.0.2.1 is listed by zen.example: see https://zen.example/?q=192.0.2.1???",
	    " dnswl=none; x-dnsbl=fail (zen.example=3 more.example=1) policy.score=4", 2},
	{"192.0.2.2", DNSBL_NEUTRAL, "dnsbl=0 zen.example=3 good.example=-3", NULL,
	    " dnswl=pass dns.zone=good.example policy.ip=127.0.9.3; x-dnsbl=neutral (zen.example=3) policy.score=0", 1},
	{"192.0.2.3", DNSBL_NEUTRAL, "dnsbl=1 more.example=1", NULL,
	    " dnswl=none; x-dnsbl=neutral (more.example=1) policy.score=1", 1},
	{"192.0.2.4", DNSBL_TRUSTED, "dnsbl=-3 good.example=-3", NULL,
	    " dnswl=pass dns.zone=good.example policy.ip=127.0.9.1; x-dnsbl=none policy.score=-3", 1},
	{"192.0.2.5", DNSBL_NEUTRAL, "dnsbl=0 dnsbl_failed=1", NULL,
	    " dnswl=none; x-dnsbl=temperror policy.score=0", 1},
	{"192.0.2.6", DNSBL_REFUSED, "dnsbl=5 zen.example=3 zen.example=2",
	    "192.0.2.6 is listed by zen.example",
	    " dnswl=none; x-dnsbl=fail (zen.example=3 zen.example=2) policy.score=5", 2},
	{"192.0.2.7", DNSBL_NEUTRAL, "dnsbl=0", NULL, " dnswl=none; x-dnsbl=none policy.score=0", 1},
	{"192.0.2.8", DNSBL_NEUTRAL, "dnsbl=0 dnsbl_failed=1", NULL,
	    " dnswl=temperror; x-dnsbl=none policy.score=0", 1},
	{"2001:db8::1", DNSBL_REFUSED, "dnsbl=3 zen.example=3",
	    "2001:db8::1 is listed by zen.example",
	    " dnswl=none; x-dnsbl=fail (zen.example=3) policy.score=3", 2},
};

/* clang-format on */

static struct dnsbl
dnsbl_of(const struct dnsbl_rules *r, const struct ip *a, struct lookups *l,
    unsigned *n_rounds)
{
	struct fake_zones z = {list_records, COUNT(list_records), 0};
	struct dnsbl d;
	for (*n_rounds = 0; dnsbl_check(r, a, l, &d) == E_MORE; ++*n_rounds)
		assert_true(fake_answer(&z, l));
	return d;
}

static void
test_clients(void **state)
{
	struct conf *conf = conf_of(
	    "dnsbl = {\"zen.example=127.0.0.[2..9] 3\", \"more.example\", "
	    "\"good.example=127.0.9.[1..3] -3\", \"zen.example=127.0.0.10 2\"}\n"
	    "dnsbl_refuse = 3\ndnsbl_trust = 2");
	struct dnsbl_rules r;
	(void)state;
	dnsbl_rules_load(&r, conf);
	assert_int_equal(r.n, 4);
	for (size_t i = 0; i < COUNT(clients); i++) {
		struct ip a;
		struct lookups l;
		struct buf b = {0};
		unsigned n_rounds;
		lookups_init(&l);
		assert_int_equal(ip_parse(span_of(clients[i].client), &a), E_OK);
		struct dnsbl d = dnsbl_of(&r, &a, &l, &n_rounds);
		dnsbl_log(&d, &b);
		assert_string_equal(buf_cstr(&b), clients[i].log);
		assert_int_equal(d.verdict, clients[i].verdict);
		assert_int_equal(n_rounds, clients[i].n_rounds);
		buf_reset(&b);
		if (clients[i].refusal) {
			dnsbl_refusal(&d, &a, &b);
			assert_string_equal(buf_cstr(&b), clients[i].refusal);
		}
		struct authres a_said = {0};
		dnsbl_say(&r, &d, &a_said);
		assert_said(&a_said, clients[i].said);
		buf_free(&b);
		lookups_done(&l);
	}
	conf_free(&conf);
}

/* Off as it comes: nothing is asked, nobody is refused. */
static void
test_no_lists(void **state)
{
	struct conf *conf = conf_of("");
	struct dnsbl_rules r;
	struct dnsbl d;
	struct authres said = {0};
	struct lookups l = {0};
	struct ip a = {.n = 4};
	(void)state;
	dnsbl_rules_load(&r, conf);
	assert_int_equal(dnsbl_check(&r, &a, &l, &d), E_OK);
	assert_int_equal(d.verdict, DNSBL_NEUTRAL);
	dnsbl_say(&r, &d, &said);
	assert_said(&said, " none");
	conf_free(&conf);
}

static void
test_bad_settings(void **state)
{
	struct buf text = {0}, errors = {0};
	char path[] = "/tmp/test_strangers.XXXXXX";
	struct conf *conf = NULL;
	int fd = mkstemp(path);
	(void)state;
	buf_str(&text, "version = 1\nsmtpd {\n\thelo_ours = maybe\n\tdnsbl = {\"zen\"");
	for (unsigned i = 0; i < DNSLIST_MAX; i++)
		buf_putf(&text, ", \"l%u.example\"", i);
	buf_str(&text, "}\n}\n");
	assert_int_equal(write(fd, text.p, text.len), (ssize_t)text.len);
	close(fd);
	assert_int_equal(conf_load(path, &errors, &conf), E_BAD);
	unlink(path);
	assert_non_null(strstr(buf_cstr(&errors), "helo_ours"));
	assert_non_null(strstr(buf_cstr(&errors), "\"zen\""));
	buf_free(&text);
	buf_free(&errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_helo),
	    cmocka_unit_test(test_helo_said),
	    cmocka_unit_test(test_items),
	    cmocka_unit_test(test_clients),
	    cmocka_unit_test(test_no_lists),
	    cmocka_unit_test(test_bad_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
