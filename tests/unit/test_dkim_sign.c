/* SPDX-License-Identifier: ISC */
/* test_dkim_sign.c - keys made, found and asked for; what they sign verifies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "dkim/verify.h"
#include "mail_keys.h"
#include "scratch.h"

static int
no_key_channel(int *out)
{
	(void)out;
	return E_IO;
}

/* ---- verdicts on what was signed ---- */

static struct dkim_check *
check(struct span message, const struct mail_record *records, size_t n, int64_t now_sec)
{
	struct lookups l;
	lookups_init(&l);
	struct dkim_check *c = dkim_check_new(message);
	while (dkim_check(c, &l, now_sec) == E_MORE)
		mail_keys_answer(&l, records, n);
	lookups_done(&l);
	return c;
}

static const char message[] = "From: =?utf-8?q?J=C3=B6rg?= <j@a.test>\r\n"
			      "To: somebody <b@b.test>,\r\n\tanother <c@b.test>\r\n"
			      "Subject:  what it  is\r\n"
			      "Received: from x\r\n"
			      "Resent-From: r@a.test\r\n"
			      "Resent-From: s@a.test\r\n"
			      "List-Id: <l.a.test>\r\n"
			      "Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
			      "Message-ID: <1@a.test>\r\n"
			      "\r\n"
			      "Hello \t there  \r\n\r\nend\r\n\r\n\r\n";

static void
assert_results(struct span text, const struct mail_record *r, size_t n, int64_t now_sec,
    enum dkim_result result)
{
	struct dkim_check *c = check(text, r, n, now_sec);
	assert_int_equal(c->n, n);
	for (size_t i = 0; i < n; i++)
		if (c->verdicts[i].result != result)
			fail_msg("%zu: %s (%s)", i,
			    dkim_result_name(c->verdicts[i].result),
			    c->verdicts[i].why);
	dkim_check_free(&c);
}

static void
replace(struct buf *out, struct span text, const char *from, const char *to)
{
	size_t at = span_search(text, span_of(from));
	assert_true(at < text.n);
	buf_reset(out);
	buf_span(out, span_head(text, at));
	buf_str(out, to);
	buf_span(out, span_from(text, at + strlen(from)));
}

/* What a change of the signed message makes of the verdicts. */
static const struct {
	const char *from, *to;
	enum dkim_result result;
} changes[] = {
    {"Hello \t there  \r\n", "Hello there\r\n", DKIM_PASS},
    {"\r\n\r\n\r\n", "\r\n", DKIM_PASS},
    {"Subject:  what it  is", "SUBJECT: what it\r\n is", DKIM_PASS},
    {"Received: from x", "Received: from y", DKIM_PASS},
    {"From: ", "Comments: new\r\nFrom: ", DKIM_PASS},
    {"Hello", "hello", DKIM_FAIL},
    {"end\r\n", "end\r\nmore\r\n", DKIM_FAIL},
    {"what it  is", "what it was", DKIM_FAIL},
    {"From: ", "Subject: another\r\nFrom: ", DKIM_FAIL},
    {"Message-ID: ", "Subject: another\r\nMessage-ID: ", DKIM_FAIL},
    {"From: ", "From: x@a.test\r\nFrom: ", DKIM_FAIL},
    {"From: ", "Reply-To: x@a.test\r\nFrom: ", DKIM_FAIL},
    {"Resent-From: s@a.test\r\n", "", DKIM_FAIL},
    {"List-Id: <l.a.test>\r\n", "", DKIM_FAIL},
};

static void
test_signs(void **state)
{
	struct buf rsa = {0}, ed = {0}, out = {0}, changed = {0};
	struct dkim_signer signer;
	const struct dkim_sign_how how = {.now_sec = 1000, .life_sec = 500};
	const struct mail_record records[] = {
	    {"s1._domainkey.a.test", &rsa}, {"s1-ed._domainkey.a.test", &ed}};
	(void)state;
	mail_keys_dir("dkim/a.test");
	mail_keys_make("dkim/a.test/s1.rsa.pem", DKIM_KEY_RSA, &rsa);
	mail_keys_make("dkim/a.test/s1-ed.ed25519.pem", DKIM_KEY_ED25519, &ed);
	dkim_signer_init(&signer, mail_keys_channel);
	assert_int_equal(
	    dkim_sign_put(&signer, SPAN(message), SPAN("A.test"), &how, &out), E_OK);
	mail_keys_gone(&signer);
	buf_str(&out, message);
	assert_results(buf_as_span(&out), records, 2, 1000, DKIM_PASS);
	assert_results(buf_as_span(&out), records, 2, 1500, DKIM_PASS);
	assert_results(buf_as_span(&out), records, 2, 1501, DKIM_POLICY);
	for (size_t i = 0; i < COUNT(changes); i++) {
		replace(&changed, buf_as_span(&out), changes[i].from, changes[i].to);
		assert_results(
		    buf_as_span(&changed), records, 2, 1000, changes[i].result);
	}
	size_t line = 0;
	for (size_t i = 0; i < out.len; i++) { /* RFC 5322 2.1.1: no line past 78 */
		line = out.p[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 79);
	}
	buf_free(&rsa);
	buf_free(&ed);
	buf_free(&out);
	buf_free(&changed);
}

static void
assert_selectors(struct dkim_signer *s, const char *rsa, const char *ed)
{
	struct buf out = {0};
	const struct dkim_sign_how how = {.now_sec = 1};
	int err = dkim_sign_put(s, SPAN(message), SPAN("b.test"), &how, &out);
	assert_int_equal(err, rsa || ed ? E_OK : E_DENY);
	struct dkim_check *c = dkim_check_new(buf_as_span(&out));
	size_t n = 0;
	if (rsa)
		assert_true(span_eqs(c->signatures[n++].selector, rsa));
	if (ed)
		assert_true(span_eqs(c->signatures[n++].selector, ed));
	assert_int_equal(c->n, n);
	dkim_check_free(&c);
	buf_free(&out);
}

static void
link_to(const char *to, const char *name)
{
	char path[256];
	mail_keys_path(name, path, sizeof path);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

/* Which key signs, and that changes of the folder are seen at once. */
static void
test_rotation(void **state)
{
	struct buf record = {0};
	struct dkim_signer signer;
	char path[256];
	(void)state;
	dkim_signer_init(&signer, mail_keys_channel);
	assert_selectors(&signer, NULL, NULL);
	mail_keys_dir("dkim/b.test");
	assert_selectors(&signer, NULL, NULL);
	mail_keys_make("dkim/b.test/202601a.rsa.pem", DKIM_KEY_RSA, &record);
	assert_selectors(&signer, "202601a", NULL);
	mail_keys_make("dkim/b.test/e1.ed25519.pem", DKIM_KEY_ED25519, &record);
	assert_selectors(&signer, "202601a", "e1");
	mail_keys_make("dkim/b.test/202602a.rsa.pem", DKIM_KEY_RSA, &record);
	assert_selectors(&signer, "202602a", "e1");
	link_to("202601a.rsa.pem", "dkim/b.test/current.rsa");
	assert_selectors(&signer, "202601a", "e1");
	link_to("../a.test/s1.rsa.pem", "dkim/b.test/current.rsa"); /* leads out */
	assert_selectors(&signer, "202602a", "e1");
	link_to("e1.ed25519.pem", "dkim/b.test/current.rsa"); /* of another kind */
	assert_selectors(&signer, "202602a", "e1");
	mail_keys_file("dkim/b.test/202602a.rsa.pem", SPAN("no key\n"));
	assert_selectors(&signer, NULL, "e1");
	mail_keys_make("dkim/b.test/202602a.rsa.pem", DKIM_KEY_ED25519, &record);
	assert_selectors(&signer, NULL, "e1");
	mail_keys_path("dkim/b.test", path, sizeof path);
	scratch_remove(path);
	assert_selectors(&signer, NULL, NULL);
	mail_keys_gone(&signer);
	buf_free(&record);
}

static const struct {
	const char *message, *domain;
	int result;
} refused[] = {
    {"From: a@a.test\r\n\r\n", "nobody.test", E_DENY},
    {"From: a@a.test\r\n\r\n", "test", E_DENY},
    {"From: a@a.test\r\n\r\n", "../dkim/a.test", E_BAD},
    {"From: a@a.test\r\n\r\n", "a.test/", E_BAD},
    {"From: a@a.test\r\n\r\n", "a.test.", E_BAD},
    {"From: a@a.test\r\n\r\n", ".", E_BAD},
    {"From: a@a.test\r\n\r\n", "..", E_BAD},
    {"From: a@a.test\r\n\r\n", "", E_BAD},
    {"To: a@a.test\r\n\r\n", "a.test", E_BAD},
};

static void
test_refused(void **state)
{
	struct buf out = {0};
	struct dkim_signer signer;
	const struct dkim_sign_how how = {.now_sec = 1};
	(void)state;
	dkim_signer_init(&signer, mail_keys_channel);
	for (size_t i = 0; i < COUNT(refused); i++) {
		int err = dkim_sign_put(&signer, span_of(refused[i].message),
		    span_of(refused[i].domain), &how, &out);
		if (err != refused[i].result || out.len)
			fail_msg("%s: %d", refused[i].domain, err);
	}
	mail_keys_gone(&signer);
	dkim_signer_init(&signer, no_key_channel);
	assert_int_equal(
	    dkim_sign_put(&signer, SPAN(message), SPAN("a.test"), &how, &out), E_IO);
	dkim_signer_done(&signer);
}

static const struct {
	const char *message, *domain; /* NULL: E_BAD */
} authors[] = {
    {"From: A <a@A.test>\r\n\r\n", "a.test"},
    {"To: x@y.test\r\nfrom: a@b.c.test (x)\r\n\r\n", "b.c.test"},
    {"From: \"b@c.test\" <a@a.test>\r\n\r\n", "a.test"},
    {"From: a@b\xc3\xbc.test\r\n\r\n", "xn--b-eha.test"},
    {"From: a@a.test\r\n\r\nFrom: b@b.test\r\n", "a.test"},
    {"From: a@a.test, b@a.test\r\n\r\n", NULL},
    {"From: a@a.test\r\nFrom: a@a.test\r\n\r\n", NULL},
    {"From: g: a@a.test;\r\n\r\n", NULL},
    {"From: a@[192.0.2.1]\r\n\r\n", NULL},
    {"From: a\r\n\r\n", NULL},
    {"From: <>\r\n\r\n", NULL},
    {"From: a@b@c.test\r\n\r\n", NULL},
    {"\r\nFrom: a@a.test\r\n", NULL},
};

static void
test_author(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(authors); i++) {
		struct arena arena = {0};
		struct span domain;
		int err =
		    dkim_author_domain(span_of(authors[i].message), &arena, &domain);
		if (err != (authors[i].domain ? E_OK : E_BAD) ||
		    (err == E_OK && !span_eqs(domain, authors[i].domain)))
			fail_msg("%s: %d", authors[i].message, err);
		arena_reset(&arena);
	}
}

static void
test_keys(void **state)
{
	static const char *const names[] = {"a", "a.b", "202601a", "a_b-c.d", "", "A",
	    "a.", ".a", "a..b", "a/b", "a b"};
	struct dkim_key *key = dkim_key_new(DKIM_KEY_ED25519), *again = NULL;
	struct buf pem = {0};
	const char *why;
	(void)state;
	dkim_key_pem(key, &pem);
	assert_int_equal(
	    dkim_key_parse(buf_as_span(&pem), DKIM_KEY_RSA, &again, &why), E_BAD);
	assert_int_equal(
	    dkim_key_parse(buf_as_span(&pem), DKIM_KEY_ED25519, &again, &why), E_OK);
	dkim_key_free(&again);
	dkim_key_free(&key);
	buf_wipe(&pem);
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(dkim_is_selector(span_of(names[i])), i < 4);
		assert_int_equal(dkim_is_domain(span_of(names[i])), i < 4);
	}
	struct span selector;
	enum dkim_key_kind kind;
	assert_true(dkim_file_parse(SPAN("a.b.ed25519.pem"), &kind, &selector));
	assert_true(kind == DKIM_KEY_ED25519 && span_eqs(selector, "a.b"));
	assert_false(dkim_file_parse(SPAN(".rsa.pem"), &kind, &selector));
	assert_false(dkim_file_parse(SPAN("../x.rsa.pem"), &kind, &selector));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_author),
	    cmocka_unit_test(test_signs),
	    cmocka_unit_test(test_rotation),
	    cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, mail_keys_setup, mail_keys_teardown);
}
