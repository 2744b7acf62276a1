/* SPDX-License-Identifier: ISC */
/*
 * test_mime_envelope.c - ENVELOPE as sent, the keys of SORT and THREAD, strings of IMAP, message
 * ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mime/envelope.h"
#include "mime/imap_string.h"
#include "mime/msgid.h"

struct row {
	const char *in, *out;
};

#define TERRY "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))"
#define A_AT_B "((NIL NIL \"a\" \"b\"))"

/* clang-format off */
static const struct row envelopes[] = {
	/* RFC 3501 8 */
	{"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
	 "Subject: IMAP4rev1 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
	 "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
	 "Message-Id: <B27397-0100000@cac.washington.edu>\r\nMIME-Version: 1.0\r\n"
	 "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n",
	 "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" " TERRY " " TERRY " " TERRY
	 " ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
	 "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\")"},
	/* absent is NIL, empty is "" (RFC 3501 7.4.2) */
	{"", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"Date:\r\nSubject: \r\nFrom:\r\nTo: \r\nIn-Reply-To:\r\nMessage-ID:\r\n",
	 "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")"},
	/* sender and reply-to are from's when absent or empty, and their own otherwise */
	{"From: a@b\nSender:\nReply-To: c@d\n",
	 "(NIL NIL " A_AT_B " " A_AT_B " ((NIL NIL \"c\" \"d\")) NIL NIL NIL NIL NIL)"},
	{"Sender: a@b\n", "(NIL NIL NIL " A_AT_B " NIL NIL NIL NIL NIL NIL)"},
	/* the first field of a name; all addresses */
	{"Subject: one\nSubject: two\nTo: a@b\nBcc: a@b\nTo: c@d\n",
	 "(NIL \"one\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL " A_AT_B " NIL NIL)"},
	/* groups */
	{"To: Friends: a@b, c@d;, undisclosed:;\n",
	 "(NIL NIL NIL NIL NIL ((NIL NIL \"Friends\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)"
	 "(NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)"},
	/* folds are undone, words stay encoded, quotes and backslashes are quoted */
	{"Subject: one\r\n two\r\n\tthree\r\n", "(NIL \"one two\tthree\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n", "(NIL \"=?utf-8?q?gr=C3=BC=C3=9Fe?=\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"Subject: a \"b\" \\c\n", "(NIL \"a \\\"b\\\" \\\\c\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"From: \"a \\\"b\\\"\" <c@d>\nSender: x@y\nReply-To: x@y\n",
	 "(NIL NIL ((\"a \\\"b\\\"\" NIL \"c\" \"d\")) ((NIL NIL \"x\" \"y\")) ((NIL NIL \"x\" \"y\")) NIL NIL NIL NIL NIL)"},
	/* what is not 7 bit is a literal */
	{"Subject: gr\xc3\xbc\xc3\x9f" "e\n", "(NIL {7}\r\ngr\xc3\xbc\xc3\x9f" "e NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"To: \xfc <a@b>\n", "(NIL NIL NIL NIL NIL (({1}\r\n\xfc NIL \"a\" \"b\")) NIL NIL NIL NIL)"},
	/* the body is no head */
	{"Subject: x\n\nDate: y\n", "(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
	{"junk\nSubject : x\nno colon\nDate: y", "(\"y\" \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
};

/* clang-format on */

static void
test_envelopes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(envelopes); i++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct imap_envelope e;
		imap_envelope_parse(span_of(envelopes[i].in), &arena, &e);
		imap_envelope_put(&out, &e);
		assert_string_equal(buf_cstr(&out), envelopes[i].out);
		buf_free(&out);
		arena_reset(&arena);
	}
}

/* A mailbox without a host is told from a group by its empty string. */
static void
test_broken_address_is_no_group(void **state)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct imap_envelope e;
	(void)state;
	imap_envelope_parse(SPAN("To: nobody\n"), &arena, &e);
	imap_envelope_put(&out, &e);
	assert_string_equal(buf_cstr(&out),
	    "(NIL NIL NIL NIL NIL ((NIL NIL \"nobody\" \"\")) NIL NIL NIL NIL)");
	buf_free(&out);
	arena_reset(&arena);
}

/* ---- facts ---- */

static struct envelope_facts
facts_of(const char *head, struct arena *arena)
{
	struct imap_envelope e;
	struct envelope_facts f;
	imap_envelope_parse(span_of(head), arena, &e);
	envelope_facts_find(&e, arena, &f);
	return f;
}

static void
assert_span(struct span s, const char *expected)
{
	char *text = mem_new(s.n + 1);
	memcpy(text, s.n ? s.p : "", s.n);
	assert_string_equal(text, expected);
	mem_free(&text);
}

static void
test_facts(void **state)
{
	struct arena arena = {0};
	struct envelope_facts f =
	    facts_of("Date: Tue, 24 Nov 2026 23:30:00 -0500\n"
		     "Subject: Re: [list] =?utf-8?q?gr=C3=BC=C3=9Fe?=\n"
		     "From: =?utf-8?q?M=C3=BCller?= <Anna@Example.ORG>\n"
		     "To: Ben@example.com, carl@example.com\nCc: Team: Dora@x.y;\n"
		     "Message-ID: <\"quoted\"@Example.org>\n"
		     "References: <1@a> junk <2@a>\n\t<3@a>\nIn-Reply-To: <9@a>\n",
		&arena);
	(void)state;
	assert_true(f.has_sent);
	assert_int_equal(f.sent_sec, 1795581000);
	assert_int_equal(f.sent_day, 20781);
	assert_true(f.is_reply);
	assert_span(f.base_subject, "GRU\xcc\x88\xc3\x9f"
				    "E");
	assert_span(f.from, "ANNA");
	assert_span(f.to, "BEN");
	assert_span(f.cc, "TEAM");
	assert_span(f.display_from, "MU\xcc\x88LLER");
	assert_span(f.display_to, "BEN@EXAMPLE.COM");
	assert_span(f.message_id, "quoted@Example.org");
	assert_span(f.references, "1@a\n2@a\n3@a");
	arena_reset(&arena);
}

static void
test_facts_of_nothing(void **state)
{
	struct arena arena = {0};
	struct envelope_facts f = facts_of("", &arena);
	(void)state;
	assert_false(f.has_sent);
	assert_false(f.is_reply);
	assert_int_equal(f.base_subject.n + f.from.n + f.to.n + f.cc.n +
			     f.display_from.n + f.display_to.n,
	    0);
	assert_int_equal(f.message_id.n + f.references.n, 0);
	f = facts_of("Date: someday\nFrom: \nMessage-ID: none\nReferences: "
		     "none\nIn-Reply-To: yours of <1@a> and <2@a>\n",
	    &arena);
	assert_false(f.has_sent);
	assert_int_equal(f.message_id.n, 0);
	assert_span(f.references, "1@a");
	arena_reset(&arena);
}

/* Of too many references the first and the last are kept. */
static void
test_references_max(void **state)
{
	struct arena arena = {0};
	struct buf head = {0};
	(void)state;
	buf_str(&head, "References:");
	for (int i = 0; i < ENVELOPE_REFERENCES_MAX + 10; i++)
		buf_putf(&head, " <%d@a>\n", i);
	struct envelope_facts f = facts_of(buf_cstr(&head), &arena);
	size_t n = 0;
	for (struct span left = f.references; left.n; n++) {
		struct span id = span_cut(&left, '\n');
		struct buf expected = {0};
		buf_putf(&expected, "%zu@a", n ? n + 10 : 0);
		assert_span(id, buf_cstr(&expected));
		buf_free(&expected);
	}
	assert_int_equal(n, ENVELOPE_REFERENCES_MAX);
	buf_free(&head);
	arena_reset(&arena);
}

/* ---- strings ---- */

static void
test_strings(void **state)
{
	static const struct row rows[] = {{"", "\"\""}, {"abc", "\"abc\""},
	    {"a\"b", "\"a\\\"b\""}, {"a\\", "\"a\\\\\""}, {"a\tb", "\"a\tb\""},
	    {"a\rb", "{3}\r\na\rb"}, {"a\nb", "{3}\r\na\nb"},
	    {"\xff\"", "{2}\r\n\xff\""}, {"NIL", "\"NIL\""}};
	struct buf out = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		imap_string_put(&out, span_of(rows[i].in));
		assert_string_equal(buf_cstr(&out), rows[i].out);
	}
	buf_reset(&out);
	imap_string_put(&out, SPAN("a\0b\0"));
	assert_string_equal(buf_cstr(&out), "{2}\r\nab");
	buf_reset(&out);
	imap_nstring_put(&out, (struct span){NULL, 0});
	assert_string_equal(buf_cstr(&out), "NIL");
	buf_free(&out);
}

static void
test_string_length(void **state)
{
	(void)state;
	for (size_t n = IMAP_QUOTED_MAX; n <= IMAP_QUOTED_MAX + 1; n++) {
		struct buf out = {0};
		char *s = mem_new(n);
		memset(s, 'x', n);
		imap_string_put(&out, span_make(s, n));
		assert_int_equal(out.p[0], n > IMAP_QUOTED_MAX ? '{' : '"');
		mem_free(&s);
		buf_free(&out);
	}
}

static void
test_astrings(void **state)
{
	static const struct row rows[] = {{"abc", "abc"}, {"a b", "\"a b\""},
	    {"", "\"\""}, {"nil", "\"nil\""}, {"a(b", "\"a(b\""}, {"a%", "\"a%\""},
	    {"X-Y.z", "X-Y.z"}, {"\xc3\xbc", "{2}\r\n\xc3\xbc"}};
	struct buf out = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		imap_astring_put(&out, span_of(rows[i].in));
		assert_string_equal(buf_cstr(&out), rows[i].out);
	}
	buf_free(&out);
}

/* ---- message ids: all of a value, a blank behind each ---- */

static void
test_ids(void **state)
{
	static const struct row rows[] = {{"", ""}, {"<a@b>", "a@b "},
	    {"x <a@b>y<c@d> z", "a@b c@d "},
	    {"<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com "},
	    {"<\"a\\\"b>c\"@d>", "a\"b>c@d "}, {"<a@\r\n b>", "a@b "}, {"<>", ""},
	    {"<> <a>", "a "}, {"<a@b <c@d>", "c@d "}, {"<a@b", ""}, {"a@b>", ""},
	    {"<\"a>", ""}, {"<\"a> <b@c>", "b@c "}, {"<<a@b>>", "a@b "},
	    {"< a@b >", "a@b "}};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span in = span_of(rows[i].in);
		struct buf out = {0};
		while (msgid_next(&in, &out) == E_OK)
			buf_ch(&out, ' ');
		assert_string_equal(buf_cstr(&out), rows[i].out);
		assert_int_equal(in.n, 0);
		buf_free(&out);
	}
}

static void
test_id_length(void **state)
{
	(void)state;
	for (size_t n = MSGID_BYTES_MAX; n <= MSGID_BYTES_MAX + 1; n++) {
		struct buf in = {0}, out = {0};
		buf_ch(&in, '<');
		for (size_t i = 0; i < n; i++)
			buf_ch(&in, 'x');
		buf_ch(&in, '>');
		struct span s = buf_as_span(&in);
		assert_int_equal(
		    msgid_next(&s, &out), n > MSGID_BYTES_MAX ? E_MORE : E_OK);
		buf_free(&in);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_envelopes),
	    cmocka_unit_test(test_broken_address_is_no_group),
	    cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_facts_of_nothing),
	    cmocka_unit_test(test_references_max),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_string_length),
	    cmocka_unit_test(test_astrings),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_id_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
