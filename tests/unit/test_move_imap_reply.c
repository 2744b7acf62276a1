/* SPDX-License-Identifier: ISC */
/* test_move_imap_reply.c - what IMAP servers say, also those that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "move/imap_reply.h"
#include "store/store.h"

static void
assert_span(struct span s, const char *want)
{
	if (!span_eqs(s, want))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), want);
}

static void
test_replies(void **state)
{
	static const struct {
		const char *text;
		int err;
		enum imap_kind kind;
		const char *tag;
		enum imap_status status;
		const char *code, *rest; /* rest: text for people, or behind the word */
		const char *word;
		uint32_t number;
	} rows[] = {
	    {"* OK [CAPABILITY IMAP4rev1] hello", E_OK, IMAP_STATUS, "", IMAP_OK,
		"CAPABILITY IMAP4rev1", "hello", NULL, 0},
	    {"a1 NO [AUTHENTICATIONFAILED] no", E_OK, IMAP_STATUS, "a1", IMAP_NO,
		"AUTHENTICATIONFAILED", "no", NULL, 0},
	    {"a1 bad", E_OK, IMAP_STATUS, "a1", IMAP_BAD, "", "", NULL, 0},
	    {"* BYE [not closed", E_OK, IMAP_STATUS, "", IMAP_BYE, "", "[not closed",
		NULL, 0},
	    {"* PREAUTH x", E_OK, IMAP_STATUS, "", IMAP_PREAUTH, "", "x", NULL, 0},
	    {"+ go ahead", E_OK, IMAP_CONTINUE, "", IMAP_OK, "", "go ahead", NULL, 0},
	    {"+", E_OK, IMAP_CONTINUE, "", IMAP_OK, "", "", NULL, 0},
	    {"* 12 FETCH (UID 5)", E_OK, IMAP_DATA, "", IMAP_OK, "", "(UID 5)", "FETCH",
		12},
	    {"* 0 EXISTS", E_OK, IMAP_DATA, "", IMAP_OK, "", "", "EXISTS", 0},
	    {"* LIST (x) NIL y", E_OK, IMAP_DATA, "", IMAP_OK, "", "(x) NIL y", "LIST",
		0},
	    {"* 99999999999 EXISTS", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"* 12", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"* 12 ", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"*", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"* ", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"a1 LIST x", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	    {"+OK POP3 ready", E_OK, IMAP_CONTINUE, "", IMAP_OK, "", "OK POP3 ready",
		NULL, 0},
	    {"220 smtp", E_BAD, IMAP_DATA, "", IMAP_OK, "", "", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_reply r;
		int err = imap_reply_parse(span_of(rows[i].text), &r);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].text, err_name(err));
		if (err != E_OK)
			continue;
		assert_int_equal(r.kind, rows[i].kind);
		assert_span(r.tag, rows[i].tag);
		if (r.kind == IMAP_STATUS)
			assert_int_equal(r.status, rows[i].status);
		assert_span(r.code, rows[i].code);
		assert_span(r.kind == IMAP_DATA ? r.rest : r.text, rows[i].rest);
		if (r.kind == IMAP_DATA) {
			assert_span(r.word, rows[i].word);
			assert_int_equal(r.number, rows[i].number);
		}
	}
}

static void
test_literals(void **state)
{
	static const struct {
		const char *line;
		bool is_literal;
		uint64_t n;
	} rows[] = {{"* LIST () NIL {5}", true, 5}, {"x {0}", true, 0},
	    {"x {5+}", true, 5}, {"x ~{7}", true, 7}, {"x {}", false, 0},
	    {"x {+}", false, 0}, {"x {a}", false, 0}, {"x {5} ", false, 0},
	    {"{5}", true, 5}, {"}", false, 0}, {"", false, 0},
	    {"x {99999999999999999999}", true, UINT64_MAX}, {"x {1{2}", true, 2},
	    {"x {-1}", false, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n = 0;
		if (imap_reply_literal(span_of(rows[i].line), &n) !=
			rows[i].is_literal ||
		    n != rows[i].n)
			fail_msg("%s", rows[i].line);
	}
}

static void
test_codes(void **state)
{
	uint32_t n = 0;
	(void)state;
	assert_true(
	    imap_code_number(SPAN("UIDVALIDITY 123"), "UIDVALIDITY", &n) && n == 123);
	assert_false(imap_code_number(SPAN("UIDVALIDITY 12x"), "UIDVALIDITY", &n));
	assert_false(imap_code_number(SPAN("UIDVALIDITY"), "UIDVALIDITY", &n));
	assert_false(
	    imap_code_number(SPAN("UIDVALIDITY 4294967296"), "UIDVALIDITY", &n));
	assert_false(imap_code_number(SPAN("UIDNEXT 5"), "UIDVALIDITY", &n));
	assert_true(imap_code_is(SPAN("ALERT"), "alert"));
	assert_int_equal(
	    imap_capabilities(SPAN("IMAP4rev1 starttls AUTH=PLAIN SASL-IR X")),
	    IMAP_HAS_STARTTLS | IMAP_HAS_PLAIN | IMAP_HAS_SASL_IR);
	assert_int_equal(
	    imap_capabilities(SPAN("  LOGINDISABLED")), IMAP_HAS_LOGINDISABLED);
}

static void
test_lists(void **state)
{
	static const struct {
		const char *rest;
		const char *name; /* NULL: bad */
		char delimiter;
		bool is_noselect;
		const char *special_use;
	} rows[] = {
	    {"(\\HasNoChildren) \".\" INBOX", "INBOX", '.', false, ""},
	    {"(\\Noselect \\HasChildren) \"/\" \"a b\"", "a b", '/', true, ""},
	    {"(\\HasNoChildren \\Sent) \"/\" \"a \\\"b\\\" \\\\\"", "a \"b\" \\", '/',
		false, "\\Sent"},
	    {"() NIL x", "x", '\0', false, ""},
	    {"() \"\\\\\" x", "x", '\\', false, ""},
	    {"() \"/\" {5}\r\na\r\nbc", "a\r\nbc", '/', false, ""},
	    {"(\\NonExistent \\Subscribed) \"/\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))",
		"x", '/', true, ""},
	    {"() \"/\" &U,BTFw-", "&U,BTFw-", '/', false, ""},
	    {"() \"/\" [Gmail]", "[Gmail]", '/', false, ""},
	    {"() \"//\" x", NULL, 0, false, ""},
	    {"() \"/\"", NULL, 0, false, ""},
	    {"() \"/\" ", NULL, 0, false, ""},
	    {"( \"/\" x", NULL, 0, false, ""},
	    {"() \"/\" \"x", NULL, 0, false, ""},
	    {"() \"/\" \"x\\", NULL, 0, false, ""},
	    {"() \"/\" {9}\r\nabc", NULL, 0, false, ""},
	    {"() \"/\" x y z", NULL, 0, false, ""},
	    {"", NULL, 0, false, ""},
	};
	struct arena a = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_list l;
		int err = imap_list_parse(span_of(rows[i].rest), &a, &l);
		if (err != (rows[i].name ? E_OK : E_BAD))
			fail_msg("%s: %s", rows[i].rest, err_name(err));
		if (err != E_OK)
			continue;
		assert_span(l.name, rows[i].name);
		assert_int_equal(l.delimiter, rows[i].delimiter);
		assert_int_equal(l.is_noselect, rows[i].is_noselect);
		assert_string_equal(l.special_use, rows[i].special_use);
	}
	arena_reset(&a);
}

static void
test_namespaces(void **state)
{
	struct arena a = {0};
	struct span prefix;
	char delimiter;
	(void)state;
	assert_int_equal(imap_namespace_parse(SPAN("((\"INBOX.\" \".\")) NIL NIL"), &a,
			     &prefix, &delimiter),
	    E_OK);
	assert_span(prefix, "INBOX.");
	assert_int_equal(delimiter, '.');
	assert_int_equal(
	    imap_namespace_parse(
		SPAN("((\"\" \"/\")(\"#x\" \"/\")) NIL NIL"), &a, &prefix, &delimiter),
	    E_OK);
	assert_span(prefix, "");
	assert_int_equal(
	    imap_namespace_parse(SPAN("NIL NIL NIL"), &a, &prefix, &delimiter), E_OK);
	assert_int_equal(delimiter, '\0');
	assert_int_equal(
	    imap_namespace_parse(SPAN("(x)"), &a, &prefix, &delimiter), E_BAD);
	arena_reset(&a);
}

static void
test_fetch(void **state)
{
	struct arena a = {0};
	struct imap_fetch f;
	(void)state;
	assert_int_equal(
	    imap_fetch_parse(SPAN("(UID 12 FLAGS (\\Seen $Forwarded \\Recent NonJunk) "
				  "INTERNALDATE \"17-Jul-1996 02:44:25 "
				  "-0700\" RFC822.SIZE 4286 BODY[] {5}\r\nab\r\nc)"),
		&a, &f),
	    E_OK);
	assert_int_equal(f.got, IMAP_GOT_UID | IMAP_GOT_FLAGS | IMAP_GOT_DATE |
				    IMAP_GOT_SIZE | IMAP_GOT_BODY);
	assert_int_equal(f.uid, 12);
	assert_int_equal(f.flags.flags, FLAG_SEEN);
	assert_int_equal(f.flags.n_keywords, 2);
	assert_span(f.flags.keywords[0], "$Forwarded");
	assert_span(f.flags.keywords[1], "NonJunk");
	assert_int_equal(f.date_sec, 837596665);
	assert_int_equal(f.size_bytes, 4286);
	assert_span(f.body, "ab\r\nc");
	assert_int_equal(imap_fetch_parse(SPAN("(BODY[] NIL UID 3)"), &a, &f), E_OK);
	assert_null(f.body.p);
	assert_int_equal(f.uid, 3);
	assert_int_equal(imap_fetch_parse(SPAN("(BODY[] \"\" UID 3)"), &a, &f), E_OK);
	assert_non_null(f.body.p);
	assert_int_equal(
	    imap_fetch_parse(SPAN("(X-GM-LABELS (\"a b\" (c)) MODSEQ (12) "
				  "BODY[HEADER.FIELDS (TO \"x\")] {1}\r\nx UID 4)"),
		&a, &f),
	    E_OK);
	assert_int_equal(f.got, IMAP_GOT_UID);
	assert_int_equal(imap_fetch_parse(SPAN("()"), &a, &f), E_OK);
	assert_int_equal(f.got, 0);
	arena_reset(&a);
}

static void
test_fetch_bad(void **state)
{
	static const char *const bad[] = {"", "(", "UID 5", "(UID)", "(UID x)",
	    "(UID 5", "(UID 4294967296)", "(FLAGS \\Seen)", "(FLAGS (\\Seen)",
	    "(INTERNALDATE \"yesterday\")", "(INTERNALDATE NIL)", "(RFC822.SIZE -1)",
	    "(RFC822.SIZE 9223372036854775808)", "(BODY[] {3}\r\nab)",
	    "(BODY[] {99999999999999999999}\r\nab)", "(BODY[] {3}ab)", "(BODY[ x)",
	    "(UID 5) x", "(X \"\r\n\")"};
	struct arena a = {0};
	struct imap_fetch f;
	struct buf deep = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (imap_fetch_parse(span_of(bad[i]), &a, &f) != E_BAD)
			fail_msg("%s", bad[i]);
	buf_str(&deep, "(X ");
	for (int i = 0; i < 100000; i++)
		buf_ch(&deep, '(');
	assert_int_equal(imap_fetch_parse(buf_as_span(&deep), &a, &f), E_BAD);
	buf_free(&deep);
	arena_reset(&a);
}

static void
test_quoted(void **state)
{
	struct buf b = {0};
	(void)state;
	assert_true(imap_quoted_put(&b, SPAN("a\"b\\c")));
	assert_span(buf_as_span(&b), "\"a\\\"b\\\\c\"");
	assert_false(imap_quoted_put(&b, SPAN("a\r")));
	assert_false(imap_quoted_put(&b, SPAN("\xc3\xa9")));
	assert_int_equal(b.len, 9);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_literals),
	    cmocka_unit_test(test_codes),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_namespaces),
	    cmocka_unit_test(test_fetch),
	    cmocka_unit_test(test_fetch_bad),
	    cmocka_unit_test(test_quoted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
