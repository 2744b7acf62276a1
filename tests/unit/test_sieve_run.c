/* SPDX-License-Identifier: ISC */
/* test_sieve_run.c - what is decided about a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve/letter.h"
#include "sieve/run.h"
#include "sieve/vacation.h"

static const char message[] =
    "From: Ann <ann@example.com>\r\nTo: me@example.org\r\n"
    "Subject: hello world\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n";

struct row {
	const char *script;
	const char *actions; /* a line each */
};

/* clang-format off */
static const struct row rows[] = {
	{"", "implicit keep\n"},
	{"keep;", "keep\n"},
	{"discard;", "discard\n"},
	{"stop; discard;", "implicit keep\n"},
	{"redirect \"a@b.c\"; redirect \"A@b.c\";", "redirect \"a@b.c\"\n"},
	{"require \"copy\"; redirect :copy \"a@b.c\";", "redirect \"a@b.c\" copy\nimplicit keep\n"},
	{"require \"fileinto\"; fileinto \"a\"; fileinto \"a\"; keep;", "fileinto \"a\"\nkeep\n"},
	{"require \"imap4flags\"; addflag \"\\\\Seen\"; keep; removeflag \"\\\\seen\";", "keep flags \\Seen\n"},
	{"require \"imap4flags\"; addflag [\"a b\",\"A\"];", "implicit keep flags a b\n"},
	{"require [\"fileinto\",\"mailbox\",\"special-use\"]; fileinto :create :specialuse \"\\\\Junk\" \"Spam\";", "fileinto \"Spam\" special-use \\Junk create\n"},
	{"require [\"variables\",\"fileinto\"]; if header :matches \"subject\" \"* *\" { fileinto \"${2}-${1}\"; }", "fileinto \"world-hello\"\n"},
	{"require \"reject\"; reject \"no\";", "reject \"no\"\n"},
	{"require \"ereject\"; ereject \"no\";", "ereject \"no\"\n"},
	{"require \"vacation\"; vacation :days 3 \"gone\";", "vacation every 259200 s \"gone\"\nimplicit keep\n"},
	{"require \"enotify\"; notify \"mailto:a@b.c\"; notify \"mailto:a@b.c\";", "notify a@b.c\nimplicit keep\n"},
	{"require \"duplicate\"; if not duplicate :handle \"h\" { discard; }", "duplicate handle \"h\" id \"<1@x>\"\ndiscard\n"},
	{"require \"editheader\"; addheader \"X\" \"y\"; keep;", "keep (head edited)\n"},
};

static const struct row wrong[] = {
	{"require \"reject\";\nkeep;\nreject \"no\";", "line 3: error: the reject action is incompatible with the keep action of line 2\n"},
	{"require \"vacation\";\nvacation \"a\";\nvacation \"b\";", "line 3: error: duplicate vacation action not allowed (previously triggered in line 2)\n"},
	{"require \"ihave\";\nerror \"x\";", "line 2: error: x\n"},
	{"require \"include\";\ninclude \"a\";", "line 2: error: included personal script 'a' does not exist\n"},
	{"require \"variables\";\nset \"a\" \"x\";\nredirect \"${a}\";", "line 3: error: specified address 'x' is invalid for the redirect action\n"},
};

/* clang-format on */

static int
run(const char *script, const struct sieve_input *in, struct sieve_result *result,
    struct sieve_errors *errors)
{
	struct sieve_checking want = {0};
	struct sieve_program *program;
	int err;
	assert_int_equal(sieve_compile(span_of(script), &want, errors, &program), E_OK);
	err = sieve_run(program, in, result, errors);
	sieve_program_free(&program);
	return err;
}

static struct sieve_input
input(void)
{
	return (struct sieve_input){.message = SPAN(message),
	    .envelope = {.from = SPAN("ann@example.com"), .to = SPAN("me@example.org")},
	    .address = SPAN("me@example.org")};
}

static void
put_actions(const struct sieve_result *r, struct buf *out)
{
	for (const struct sieve_action *a = r->actions; a; a = a->next) {
		sieve_action_put(a, out);
		buf_ch(out, '\n');
	}
}

static void
test_actions(void **state)
{
	struct sieve_input in = input();
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sieve_result result = {0};
		struct sieve_errors errors = {0};
		struct buf out = {0};
		assert_int_equal(run(rows[i].script, &in, &result, &errors), E_OK);
		put_actions(&result, &out);
		assert_string_equal(buf_cstr(&out), rows[i].actions);
		buf_free(&out);
		sieve_result_free(&result);
	}
}

/* A run that fails leaves a plain keep, and says why with its line. */
static void
test_errors(void **state)
{
	struct sieve_input in = input();
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct sieve_result result = {0};
		struct sieve_errors errors = {0};
		struct buf out = {0};
		assert_int_equal(run(wrong[i].script, &in, &result, &errors), E_BAD);
		assert_true(result.has_keep && result.actions->is_implicit &&
			    !result.actions->next);
		sieve_errors_put(&errors, &out);
		assert_string_equal(buf_cstr(&out), wrong[i].actions);
		buf_free(&out);
		sieve_result_free(&result);
		sieve_errors_reset(&errors);
	}
}

/* Scripts one after the other: what one keeps, with its flags, the next one decides about. */
static void
test_several(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct buf out = {0};
	(void)state;
	assert_int_equal(run("require [\"copy\",\"imap4flags\"]; redirect :copy "
			     "\"a@b.c\"; addflag \"x\";",
			     &in, &result, &errors),
	    E_OK);
	assert_true(result.has_keep);
	assert_int_equal(
	    run("require \"fileinto\"; fileinto \"b\";", &in, &result, &errors), E_OK);
	assert_false(result.has_keep);
	put_actions(&result, &out);
	assert_string_equal(
	    buf_cstr(&out), "redirect \"a@b.c\" copy\nfileinto \"b\" flags x\n");
	buf_free(&out);
	sieve_result_free(&result);
}

/* What is asked of the caller. */
static bool
is_seen(
    void *ctx, struct span handle, struct span id, uint64_t period_sec, bool is_last)
{
	++*(int *)ctx;
	return span_eqs(handle, "") && span_eqs(id, "<1@x>") &&
	       period_sec == 7 * 86400 && !is_last;
}

static void
test_callbacks(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	int n = 0;
	(void)state;
	in.ctx = &n;
	in.is_duplicate = is_seen;
	assert_int_equal(run("require \"duplicate\"; if duplicate { discard; }", &in,
			     &result, &errors),
	    E_OK);
	assert_int_equal(n, 1);
	assert_int_equal(result.actions->kind, ACTION_DISCARD);
	sieve_result_free(&result);
}

static void
test_edited(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	(void)state;
	assert_int_equal(run("require \"editheader\"; addheader \"X\" \"y\"; "
			     "deleteheader \"from\"; keep;",
			     &in, &result, &errors),
	    E_OK);
	assert_true(
	    span_eqs(result.actions->head, "X: y\r\nTo: me@example.org\r\nSubject: "
					   "hello world\r\nMessage-ID: <1@x>\r\n\r\n"));
	sieve_result_free(&result);
}

struct refusal {
	const char *from, *head;
	bool is_due;
};

static const struct refusal refusals[] = {
    {"a@b.c", "To: me@example.org\r\n", true},
    {"", "To: me@example.org\r\n", false},
    {"a@b.c", "To: other@example.org\r\n", false},
    {"a@b.c", "Cc: g: ME@example.org;\r\n", true},
    {"owner-l@b.c", "To: me@example.org\r\n", false},
    {"l-request@b.c", "To: me@example.org\r\n", false},
    {"MAILER-DAEMON@b.c", "To: me@example.org\r\n", false},
    {"me@example.org", "To: me@example.org\r\n", false},
    {"a@b.c", "To: me@example.org\r\nList-Post: <x>\r\n", false},
    {"a@b.c", "To: me@example.org\r\nAuto-Submitted: auto-replied (x)\r\n", false},
    {"a@b.c", "To: me@example.org\r\nAuto-Submitted: no; x\r\n", true},
    {"a@b.c", "To: me@example.org\r\nPrecedence: Bulk\r\n", false},
    {"a@b.c", "To: me@example.org\r\nX-Auto-Response-Suppress: DR, OOF\r\n", false},
};

static void
test_refusals(void **state)
{
	struct sieve_vacation v = {.reason = SPAN("x")};
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct sieve_input in = input();
		struct buf text = {0};
		buf_putf(&text, "%s\r\nx\r\n", refusals[i].head);
		in.message = buf_as_span(&text);
		in.envelope.from = span_of(refusals[i].from);
		assert_int_equal(
		    vacation_refusal(&in, &v, true) == NULL, refusals[i].is_due);
		buf_free(&text);
	}
}

/* No text of a script makes a field of its own. */
static void
test_letters(void **state)
{
	struct sieve_input in = input();
	struct sieve_vacation v = {.reason = SPAN("gone\n"),
	    .subject = SPAN("a\r\nBcc: x@y.z"),
	    .from = SPAN("\"N\r\nEvil: 1\" <n@example.org>")};
	struct sieve_letter by = {
	    .id = SPAN("i"), .host = SPAN("h"), .postmaster = SPAN("p@h")};
	struct buf out = {0};
	(void)state;
	letter_vacation(&in, &v, &by, &out);
	assert_int_equal(buf_done(&out), E_OK);
	assert_int_equal(span_search(buf_as_span(&out), SPAN("\nBcc")), out.len);
	assert_int_equal(span_search(buf_as_span(&out), SPAN("\nEvil")), out.len);
	assert_true(span_search(buf_as_span(&out),
			SPAN("\r\nTo: \"Ann\" <ann@example.com>\r\n")) < out.len);
	assert_true(span_search(buf_as_span(&out),
			SPAN("In-Reply-To: <1@x>\r\nReferences: <1@x>\r\n")) < out.len);
	assert_true(span_ends(buf_as_span(&out), SPAN("\r\n\r\ngone\r\n")));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_actions),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_callbacks),
	    cmocka_unit_test(test_edited),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
