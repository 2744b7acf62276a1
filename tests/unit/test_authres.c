/* SPDX-License-Identifier: ISC */
/* test_authres.c - Authentication-Results: written, read, and those of strangers found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dkim/authres.h"

#define HEAD SPAN("Authentication-Results:")

/* ---- written ---- */

static void
assert_field(struct authres *a, const char *expected)
{
	struct buf out = {0};
	authres_put(a, HEAD, SPAN("mx.example.org"), &out);
	assert_int_equal(buf_done(&out), E_OK);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
	authres_done(a);
}

static void
test_fields(void **state)
{
	struct authres a = {0};
	(void)state;
	assert_field(&a, "Authentication-Results: mx.example.org; none\r\n");
	authres_result(&a, "spf", "pass");
	authres_prop(&a, "smtp.mailfrom", SPAN("jane@example.com"));
	authres_result(&a, "dkim", "fail");
	authres_comment(&a, SPAN("bad signature"));
	authres_reason(&a, SPAN("key too short"));
	authres_prop(&a, "header.d", SPAN("example.com"));
	authres_prop(&a, "header.b", SPAN("ab/c+d=="));
	assert_field(&a, "Authentication-Results: mx.example.org;\r\n"
			 "\tspf=pass smtp.mailfrom=jane@example.com;\r\n"
			 "\tdkim=fail (bad signature) reason=\"key too short\" "
			 "header.d=example.com\r\n"
			 "\theader.b=\"ab/c+d==\"\r\n");
}

/* clang-format off */
static const struct {
	const char *value;
	bool has_utf8;
	const char *said;
} values[] = {
	{"example.com",             false, "example.com"},
	{"a@b.example",             false, "a@b.example"},
	{"@b.example",              false, "@b.example"},
	{"a@",                      false, "\"a@\""},
	{"a@b@c",                   false, "\"a@b@c\""},
	{"",                        false, "\"\""},
	{"a b",                     false, "\"a b\""},
	{"a;dkim=pass",             false, "\"a;dkim=pass\""},
	{"a\"; dkim=pass",          false, "\"a\\\"; dkim=pass\""},
	{"a\\",                     false, "\"a\\\\\""},
	{"a\r\nBcc: x",             false, "\"a??Bcc: x\""},
	{"(a",                      false, "\"(a\""},
	{"b\xC3\xBC",               false, "\"b??\""},
	{"b\xC3\xBC",               true,  "\"b\xC3\xBC\""},
	{"b\xC3",                   true,  "\"b?\""},
	{"[192.0.2.1]",             false, "\"[192.0.2.1]\""},
};

/* clang-format on */

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct authres a = {.has_utf8 = values[i].has_utf8};
		struct buf expected = {0};
		buf_putf(&expected,
		    "Authentication-Results: mx.example.org;\r\n\tx=y p.q=%s\r\n",
		    values[i].said);
		authres_result(&a, "x", "y");
		authres_prop(&a, "p.q", span_of(values[i].value));
		assert_field(&a, buf_cstr(&expected));
		buf_free(&expected);
	}
}

static void
test_comments(void **state)
{
	struct authres a = {0};
	(void)state;
	authres_result(&a, "x", "y");
	authres_comment(&a, SPAN("  "));
	assert_field(&a, "Authentication-Results: mx.example.org;\r\n\tx=y\r\n");
	authres_result(&a, "x", "y");
	authres_comment(&a, SPAN("a) b\\ \r\n c; z=w"));
	assert_field(&a, "Authentication-Results: mx.example.org;\r\n"
			 "\tx=y (a\\) b\\\\ ?? c; z=w)\r\n");
}

/* No line past 78 but where a word is longer, and none that is all blank. */
static void
assert_lines(struct span field, size_t longest)
{
	while (field.n) {
		struct span line = span_head(field, span_search(field, SPAN("\r\n")));
		field = span_from(field, line.n + 2);
		assert_true(line.n <= longest && span_trim(line).n > 0);
		assert_true(line.p[0] != ' ');
	}
}

static void
test_folds_and_cuts(void **state)
{
	struct authres a = {0};
	struct buf out = {0};
	char many[2000], blanks[150];
	(void)state;
	memset(many, 'a', sizeof many);
	memset(blanks, ' ', sizeof blanks);
	blanks[0] = 'x';
	blanks[149] = 'y';
	authres_result(&a, "spf", "pass");
	authres_comment(&a, span_make(blanks, sizeof blanks));
	for (int i = 0; i < 20; i++)
		authres_prop(&a, "smtp.mailfrom", SPAN("somebody@example.com"));
	authres_put(&a, HEAD, SPAN("mx.example.org"), &out);
	assert_lines(buf_as_span(&out), AUTHRES_LINE_BEST);
	buf_reset(&out);
	authres_prop(&a, "smtp.helo", span_make(many, sizeof many));
	authres_put(&a, HEAD, SPAN("mx.example.org"), &out);
	assert_lines(buf_as_span(&out), AUTHRES_VALUE_MAX + 30);
	assert_true(span_search(buf_as_span(&out), SPAN("aaa...\"")) < out.len);
	buf_free(&out);
	authres_done(&a);
}

/* What finds no room is not there at all, and what stands there is well-formed. */
static void
test_full(void **state)
{
	struct authres a = {0};
	struct buf out = {0};
	struct arena arena = {0};
	struct authres_reader r;
	struct authres_read read;
	size_t n = 0;
	int err;
	(void)state;
	for (int i = 0; i < 2000; i++) {
		authres_result(&a, "dkim", "fail");
		authres_comment(&a, SPAN("a comment; dkim=pass"));
		authres_prop(&a, "header.d", SPAN("example.com"));
	}
	authres_put(&a, HEAD, SPAN("mx.example.org"), &out);
	assert_true(
	    out.len > AUTHRES_BYTES_MAX - 100 && out.len < AUTHRES_BYTES_MAX + 100);
	assert_int_equal(
	    authres_open(span_from(buf_as_span(&out), HEAD.n), &arena, &r), E_OK);
	for (; (err = authres_next(&r, &read)) == E_OK; n++)
		assert_true(span_eqs(read.result, "fail") && read.n_props == 1);
	assert_int_equal(err, E_MORE);
	assert_true(n > 100);
	buf_free(&out);
	arena_reset(&arena);
	authres_done(&a);
}

/* ---- read ---- */

struct row {
	const char *value, *said;
};

/* clang-format off */
static const struct row rows[] = {
	/* RFC 8601 B */
	{"example.org 1; none",                      "example.org 1."},
	{" example.com;\r\n spf=pass smtp.mailfrom=example.net",
	                                             "example.com 1;spf=pass smtp.mailfrom:example.net."},
	{" example.com;\r\n  dkim=pass (good signature) header.d=example.com",
	                                             "example.com 1;dkim=pass header.d:example.com."},
	{" example.com;\r\n\tauth=pass (cram-md5) smtp.auth=sender@example.net;\r\n\tspf=fail smtp.mailfrom=example.net",
	                                             "example.com 1;auth=pass smtp.auth:sender@example.net;spf=fail smtp.mailfrom:example.net."},
	{"foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
	 "  policy (A dot can go here) . (like that) expired\r\n  (this surprised me) = (as I wasn't expecting it) 1362471462",
	                                             "foo.example.net 1;dkim=fail policy.expired:1362471462."},
	{"a; x=y reason=\"b; z=w\" p.q=\"c \\\" d\"", "a 1;x=y (b; z=w) p.q:c \" d."},
	{"a; x=y p.q=\"c d\"@e",                     "a 1;x=y p.q:c d@e."},
	{"a; x=y p.q=; z=w p.q=",                    "a 1;x=y p.q:;z=w p.q:."},
	{"a; x=y;",                                  "a 1;x=y."},
	{"a",                                        "a 1."},
	{"\"a b\" 2; x=y",                           "a b 2;x=y."},
	{"a; none; x=y",                             "a 1!"},
	{"a; x",                                     "a 1!"},
	{"a; x=y z",                                 "a 1!"},
	{"a; x=y z=w",                               "a 1!"},
	{"a; x=y p.=1",                              "a 1!"},
	{"a; x=y (open",                             "a 1!"},
	{"a; x=y;; z=w",                             "a 1;x=y!"},
	{"a x=y",                                    "bad"},
	{"a 99999; x=y",                             "bad"},
	{"",                                         "bad"},
	{"; x=y",                                    "bad"},
	{"(a) ; x=y",                                "bad"},
	{"\"\"; x=y",                                "bad"},
};

/* clang-format on */

static void
say(struct authres_reader *r, struct buf *out)
{
	struct authres_read read;
	int err;
	buf_putf(out, "%.*s %u", SPAN_ARG(r->server), r->version);
	while ((err = authres_next(r, &read)) == E_OK) {
		buf_putf(
		    out, ";%.*s=%.*s", SPAN_ARG(read.method), SPAN_ARG(read.result));
		if (read.reason.n)
			buf_putf(out, " (%.*s)", SPAN_ARG(read.reason));
		for (size_t i = 0; i < read.n_props; i++)
			buf_putf(out, " %.*s.%.*s:%.*s", SPAN_ARG(read.props[i].type),
			    SPAN_ARG(read.props[i].name),
			    SPAN_ARG(read.props[i].value));
	}
	buf_ch(out, err == E_MORE ? '.' : '!');
}

static void
test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {0};
		struct authres_reader r;
		struct buf out = {0};
		if (authres_open(span_of(rows[i].value), &arena, &r) == E_OK)
			say(&r, &out);
		else
			buf_str(&out, "bad");
		assert_string_equal(buf_cstr(&out), rows[i].said);
		buf_free(&out);
		arena_reset(&arena);
	}
}

static void
test_property(void **state)
{
	struct arena arena = {0};
	struct authres_reader r;
	struct authres_read read;
	(void)state;
	assert_int_equal(
	    authres_open(SPAN("a; x=y p.q=1 P.r=2 p.q=3"), &arena, &r), E_OK);
	assert_int_equal(authres_next(&r, &read), E_OK);
	assert_true(span_eqs(authres_property(&read, "p", "q"), "1"));
	assert_true(span_eqs(authres_property(&read, "p", "r"), "2"));
	assert_null(authres_property(&read, "p", "s").p);
	arena_reset(&arena);
}

/* ---- fields of strangers ---- */

#define KEPT "Authentication-Results: other.example; spf=pass\r\n"

/* clang-format off */
static const struct {
	const char *field;
	bool must_go;
} claims[] = {
	{KEPT, false},
	{"Authentication-Results: mx.example.org; spf=pass\r\n", true},
	{"authentication-results: MX.Example.org. 1; none\r\n", true},
	{"Authentication-Results : mx.example.org\r\n", true},
	{"Authentication-Results:\r\n (a) mx.example.org\r\n ; spf=pass\r\n", true},
	{"Authentication-Results: \"mx.example.org\"; spf=pass\r\n", true},
	{"Authentication-Results: \"mx\\.example.org\"; spf=pass\r\n", true},
	/* what cannot be told is not left to somebody else's parser */
	{"Authentication-Results: mx.example.org/x; spf=pass\r\n", true},
	{"Authentication-Results: (mx.example.org; spf=pass\r\n", true},
	{"Authentication-Results: \r\n", true},
	{"Authentication-Results: xmx.example.org; spf=pass\r\n", false},
	{"ARC-Authentication-Results: i=1; mx.example.org; spf=pass\r\n", false},
	{"X-Authentication-Results: mx.example.org; spf=pass\r\n", false},
};

/* clang-format on */

static void
test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(claims); i++) {
		struct buf message = {0};
		struct span whole;
		buf_putf(&message, "From: a@b.example\r\n%sSubject: x\r\n\r\n%s",
		    claims[i].field, claims[1].field);
		struct span head = buf_as_span(&message);
		int err = authres_claim_next(&head, SPAN("mx.example.org"), &whole);
		assert_int_equal(err, claims[i].must_go ? E_OK : E_MORE);
		if (err == E_OK) {
			assert_true(span_eqs(whole, claims[i].field));
			assert_int_equal(
			    authres_claim_next(&head, SPAN("mx.example.org"), &whole),
			    E_MORE);
		}
		buf_free(&message);
	}
}

/* Many fields before it hide none. */
static void
test_claim_is_last(void **state)
{
	struct buf message = {0};
	struct span whole;
	(void)state;
	for (int i = 0; i < 30000; i++)
		buf_str(&message, i % 2 ? KEPT : "a:\r\n");
	buf_str(&message, claims[1].field);
	struct span head = buf_as_span(&message);
	assert_int_equal(
	    authres_claim_next(&head, SPAN("mx.example.org"), &whole), E_OK);
	assert_true(span_eqs(whole, claims[1].field));
	buf_free(&message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_comments),
	    cmocka_unit_test(test_folds_and_cuts),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_property),
	    cmocka_unit_test(test_claims),
	    cmocka_unit_test(test_claim_is_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
