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
	{"require \"vnd.dovecot.pipe\"; pipe \"p\";", "pipe \"p\"\n"},
	{"require [\"vnd.dovecot.pipe\",\"copy\",\"variables\"]; set \"a\" \"x y\"; pipe :copy :try \"p\" [\"${a}\", \"-z\"]; pipe \"p\" \"b\";",
		"pipe \"p\" x y, -z try copy\npipe \"p\" b\n"},
	{"require \"redirect-dsn\"; redirect :notify \"failure, Success,failure\" :ret \"hdrs\" \"a@b.c\";",
		"redirect \"a@b.c\" notify SUCCESS,FAILURE ret HDRS\n"},
	{"require [\"redirect-dsn\",\"variables\"]; set \"n\" \"never\"; redirect :notify \"${n}\" \"a@b.c\";",
		"redirect \"a@b.c\" notify NEVER\n"},
};

static const struct row wrong[] = {
	{"require \"reject\";\nkeep;\nreject \"no\";", "line 3: error: the reject action is incompatible with the keep action of line 2\n"},
	{"require \"vacation\";\nvacation \"a\";\nvacation \"b\";", "line 3: error: duplicate vacation action not allowed (previously triggered in line 2)\n"},
	{"require \"enotify\";\nif false {}\nnotify \"tel:1\";", "line 3: warning: the notify command here fails: unknown notification method 'tel'\n"
		"line 3: error: invalid method 'tel:1' of the notify action: unknown notification method 'tel'\n"},
	{"require [\"redirect-dsn\",\"variables\"];\nset \"n\" \"SUCCESS,\";\nredirect :notify \"${n}\" \"a@b.c\";", "line 3: error: invalid :notify argument 'SUCCESS,' for the redirect action\n"},
	{"require \"ihave\";\nerror \"x\";", "line 2: error: x\n"},
	{"require \"include\";\ninclude \"a\";", "line 2: error: included personal script 'a' does not exist\n"},
	{"require \"vnd.dovecot.pipe\";\npipe \"p\" \"a\nb\";", "line 2: error: an argument of the pipe action has control characters\n"},
	{"require \"vnd.dovecot.pipe\";\npipe \"p\" [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"];",
		"line 2: error: the pipe action has more than 16 arguments, or 4096 octets of them\n"},
	{"require [\"vnd.dovecot.pipe\",\"reject\"];\npipe \"p\";\nreject \"no\";", "line 3: error: the reject action is incompatible with the pipe action of line 2\n"},
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

/* What an earlier script decided stays as it is, whatever a later one decides, or fails to. */
static void
test_earlier_stays(void **state)
{
	static const char *const later[] = {
	    "require [\"fileinto\",\"imap4flags\",\"mailbox\"]; fileinto :create "
	    ":flags "
	    "\"\\\\Deleted\" \"b\";",
	    "require [\"fileinto\",\"ihave\"]; fileinto \"b\"; error \"x\";"};
	struct sieve_input in = input();
	(void)state;
	for (size_t i = 0; i < COUNT(later); i++) {
		struct sieve_result result = {0};
		struct sieve_errors errors = {0};
		struct buf out = {0};
		assert_int_equal(run("require [\"copy\",\"fileinto\",\"imap4flags\"]; "
				     "fileinto :copy :flags \"one\" \"b\";",
				     &in, &result, &errors),
		    E_OK);
		assert_int_equal(
		    run(later[i], &in, &result, &errors), i ? E_BAD : E_OK);
		put_actions(&result, &out);
		assert_string_equal(
		    buf_cstr(&out), i ? "fileinto \"b\" flags one copy\nimplicit keep\n"
				      : "fileinto \"b\" flags one copy\n");
		buf_free(&out);
		sieve_result_free(&result);
		sieve_errors_reset(&errors);
	}
}

/* RFC 6785 3.11, 4.6: an event of IMAP is no new mail; 2.2.3: the script begins with the message's flags. */
static void
test_events(void **state)
{
	static const struct {
		const char *script, *actions;
		int result;
	} rows_of[] = {
	    {"keep;", "keep\n", E_OK},
	    {"require \"imapsieve\"; discard;", "discard\n", E_OK},
	    {"require \"imap4flags\"; if hasflag \"\\\\Seen\" { addflag \"a\"; }",
		"implicit keep flags \\Seen $Old a\n", E_OK},
	    {"require \"imap4flags\"; removeflag \"\\\\Seen\"; keep;",
		"keep flags $Old\n", E_OK},
	    {"require \"vacation\"; discard;", "implicit keep\n", E_BAD},
	    {"require \"reject\"; discard;", "implicit keep\n", E_BAD},
	    {"require \"ereject\"; discard;", "implicit keep\n", E_BAD},
	    {"require \"envelope\"; discard;", "discard\n", E_OK},
	    {"require \"envelope\"; if envelope \"to\" \"a\" {} discard;",
		"implicit keep\n", E_BAD},
	};

	struct sieve_input in = input();
	(void)state;
	in.is_event = true;
	in.flags = SPAN("\\Seen $Old");
	for (size_t i = 0; i < COUNT(rows_of); i++) {
		struct sieve_result result = {0};
		struct sieve_errors errors = {0};
		struct buf out = {0};
		assert_int_equal(
		    run(rows_of[i].script, &in, &result, &errors), rows_of[i].result);
		put_actions(&result, &out);
		assert_string_equal(buf_cstr(&out), rows_of[i].actions);
		buf_free(&out);
		sieve_result_free(&result);
		sieve_errors_reset(&errors);
	}
}

/* What the site's script failed at is the user's to decide, with the flags that the message has. */
static void
test_events_go_on(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct buf out = {0};
	(void)state;
	in.is_event = true;
	in.flags = SPAN("\\Seen");
	assert_int_equal(
	    run("require \"vacation\"; discard;", &in, &result, &errors), E_BAD);
	assert_int_equal(
	    run("require \"imap4flags\"; addflag \"a\";", &in, &result, &errors), E_OK);
	put_actions(&result, &out);
	assert_string_equal(buf_cstr(&out), "implicit keep flags \\Seen a\n");
	buf_free(&out);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
}

/* A message made anew goes from one script to the next; what is sent on is not the enclosed one. */
static void
test_made_anew(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct buf out = {0};
	struct span head, body;
	(void)state;
	assert_int_equal(
	    run("require [\"replace\",\"enclose\"]; replace \"new\"; enclose "
		":subject \"S\" \"text\";",
		&in, &result, &errors),
	    E_OK);
	assert_int_equal(
	    run("require [\"editheader\",\"copy\"]; addheader \"X\" \"y\"; "
		"redirect :copy \"a@b.c\";",
		&in, &result, &errors),
	    E_OK);
	put_actions(&result, &out);
	assert_string_equal(buf_cstr(&out),
	    "redirect \"a@b.c\" copy (message made anew)\nimplicit "
	    "keep (message made anew)\n");
	sieve_action_message(result.actions, in.message, &head, &body);
	assert_true(span_search(head, SPAN("Subject: hello world\r\n")) < head.n);
	assert_true(span_eqs(body, "new"));
	sieve_action_message(result.actions->next, in.message, &head, &body);
	assert_true(span_starts(head, SPAN("X: y\r\nFrom: <me@example.org>\r\n")));
	assert_true(span_search(body, SPAN("\r\n\r\nnew\r\n--=_")) < body.n);
	/* one that fails keeps the message as it came */
	assert_int_equal(
	    run("require [\"ihave\",\"enclose\"]; enclose \"x\"; error \"y\";", &in,
		&result, &errors),
	    E_BAD);
	sieve_action_message(result.actions->next, in.message, &head, &body);
	assert_true(span_eqs(body, "body\r\n"));
	buf_free(&out);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
}

/* A value of a match is no longer than a variable, and ends between characters. */
static void
test_match_values_whole(void **state)
{
	struct sieve_limits limits = sieve_limits_default;
	struct sieve_checking want = {.limits = &limits};
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct sieve_program *program;
	struct buf out = {0};
	(void)state;
	limits.variable_bytes =
	    4; /* two and a half characters are cut to one of them */
	in.message = SPAN("Subject: \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\r\n\r\n");
	assert_int_equal(
	    sieve_compile(
		SPAN("require [\"variables\",\"fileinto\"]; if header :matches "
		     "\"subject\" \"*\" { fileinto \"${1}\"; }"),
		&want, &errors, &program),
	    E_OK);
	assert_int_equal(sieve_run(program, &in, &result, &errors), E_OK);
	put_actions(&result, &out);
	assert_string_equal(buf_cstr(&out), "fileinto \"\xe2\x82\xac\"\n");
	buf_free(&out);
	sieve_program_free(&program);
	sieve_result_free(&result);
}

/* ---- what it costs ---- */

static void
put_times(struct buf *out, int n, const char *text)
{
	while (n-- > 0)
		buf_str(out, text);
}

/* How a script ends over a message, and what it cost. */
static int
cost(struct buf *script, struct span message_text, uint64_t *steps, uint64_t *work)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	int err;
	in.message = message_text;
	in.spam = (struct sieve_spam){
	    .status_header = SPAN("X-None"), .max_value = SPAN("5")};
	err = run(buf_cstr(script), &in, &result, &errors);
	*steps = result.steps;
	*work = result.work;
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
	return err;
}

/* A long list of keys and many addresses: what a reasonable script and a stranger bring together. */
static void
test_many_keys(void **state)
{
	struct buf script = {0}, text = {0};
	uint64_t steps, work;
	(void)state;
	buf_str(&script, "if address [\"to\",\"cc\"] [\"none@example.net\"");
	for (int i = 0; i < 9999; i++)
		buf_putf(&script, ",\"user%d@example.net\"", i);
	buf_str(&script, "] { discard; }");
	buf_str(&text, "To: a@b.c");
	for (int i = 0; i < 4000; i++)
		buf_putf(&text, ",\r\n %d@example.net", i);
	buf_str(&text, "\r\n\r\n");
	assert_int_equal(cost(&script, buf_as_span(&text), &steps, &work), E_OK);
	assert_true(steps < 10); /* of what the script says, not of what there is */
	/* sorted they are: 14 turns for each, and not 10,000 */
	assert_true(work < (uint64_t)40000000);
	buf_free(&script);
	buf_free(&text);
}

/* Texts that are nearly what is looked for, all the time. */
static void
test_contains_cost(void **state)
{
	static const char *const comparators[] = {
	    "i;octet", "i;ascii-casemap", "i;unicode-casemap"};
	(void)state;
	for (size_t i = 0; i < COUNT(comparators); i++) {
		struct buf script = {0}, text = {0};
		uint64_t steps, work;
		buf_putf(&script,
		    "require \"comparator-i;unicode-casemap\"; if header :comparator "
		    "\"%s\" :contains \"subject\" \"",
		    comparators[i]);
		put_times(&script, 1000, "a");
		buf_str(&script, "b");
		put_times(&script, 1000, "a");
		buf_str(&script, "\" { discard; }");
		buf_str(&text, "Subject: ");
		put_times(&text, 50000, "a");
		buf_str(&text, "\r\n\r\n");
		assert_int_equal(
		    cost(&script, buf_as_span(&text), &steps, &work), E_OK);
		assert_true(work > 100000 && work < 60 * text.len);
		buf_free(&script);
		buf_free(&text);
	}
}

/* What is read or decoded in vain is paid for, too: by the octet, and before. */
static const char *const in_vain[] = {
    "require \"body\"; if body :contains \"none\" { discard; }",
    "require \"body\"; if body :content \"text\" :contains \"none\" { discard; }",
    "require [\"foreverypart\",\"extracttext\",\"variables\"]; foreverypart { "
    "extracttext "
    ":first 1 \"x\"; }",
    "require \"editheader\"; deleteheader \"x-none\";",
    "require \"editheader\"; addheader \"X\" \"y\";",
    "require \"duplicate\"; if duplicate { discard; }",
    "require \"spamtest\"; if spamtest \"5\" { discard; }",
};

static void
test_in_vain(void **state)
{
	struct buf text = {0};
	(void)state;
	buf_str(&text, "Content-Type: text/html\r\n");
	put_times(&text, 20000, "X: y\r\n");
	buf_str(&text, "\r\n");
	put_times(&text, 30000, "<p>");
	for (size_t i = 0; i < COUNT(in_vain); i++) {
		struct buf script = {0};
		uint64_t steps, work;
		buf_str(&script, in_vain[i]);
		assert_int_equal(
		    cost(&script, buf_as_span(&text), &steps, &work), E_OK);
		if (work < 90000)
			fail_msg("%s: %llu", in_vain[i], (unsigned long long)work);
		buf_free(&script);
	}
	buf_free(&text);
}

/* Many tests of one body: it is decoded once, and then searched. */
static void
test_body_cost(void **state)
{
	struct buf script = {0}, text = {0};
	uint64_t steps, one, many;
	(void)state;
	buf_str(&text, "Content-Type: text/html\r\n\r\n");
	put_times(&text, 200000, "<p>&amp;x");
	buf_str(&script, "require [\"body\"]; if body :contains \"none\" {}");
	assert_int_equal(cost(&script, buf_as_span(&text), &steps, &one), E_OK);
	put_times(&script, 199, " if body :contains \"none\" {}");
	assert_int_equal(cost(&script, buf_as_span(&text), &steps, &many), E_OK);
	assert_true(one > 10 * text.len && many < 5 * one);
	buf_free(&script);
	buf_free(&text);
}

/* Lists of flags, and patterns that a message brought. */
static void
test_cost_of_values(void **state)
{
	struct buf script = {0};
	struct span text = SPAN("Subject: ((((abcd){9}){9}){9})\r\n\r\n");
	uint64_t steps, work;
	(void)state;
	buf_str(&script, "require \"imap4flags\"; setflag \"");
	put_times(&script, 10000, "a ");
	buf_str(&script, "\";");
	assert_int_equal(cost(&script, text, &steps, &work), E_OK);
	assert_true(work > (uint64_t)20000 * 100);
	buf_reset(&script);
	buf_str(&script, "require [\"regex\",\"variables\"]; if header :matches "
			 "\"subject\" \"*\" { if "
			 "string :regex \"b\" \"${1}\" { discard; } }");
	assert_int_equal(cost(&script, text, &steps, &work), E_OK);
	assert_true(work > 100000); /* for 30 octets, which are compiled to thousands */
	buf_free(&script);
}

/* As many parts as a stranger likes: a loop over them ends, and the script goes on. */
static void
test_many_parts(void **state)
{
	struct buf script = {0}, text = {0};
	uint64_t steps, work;
	(void)state;
	buf_str(&script,
	    "require \"foreverypart\"; foreverypart { if header \"a\" \"b\" {} }");
	buf_str(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	put_times(&text, 9000, "--b\r\n\r\n\r\n");
	assert_int_equal(cost(&script, buf_as_span(&text), &steps, &work), E_OK);
	assert_true(steps > SIEVE_LOOP_PARTS_MAX && steps < 4 * SIEVE_LOOP_PARTS_MAX);
	buf_free(&script);
	buf_free(&text);
}

static void
test_many_duplicates(void **state)
{
	struct sieve_input in = input();
	struct sieve_result result = {0};
	struct sieve_errors errors = {0};
	struct buf script = {0};
	(void)state;
	buf_str(&script, "require \"duplicate\";\n");
	for (int i = 0; i < 40; i++)
		buf_putf(&script, "if duplicate :handle \"%d\" { stop; }\n", i);
	assert_int_equal(run(buf_cstr(&script), &in, &result, &errors), E_LIMIT);
	assert_int_equal(errors.rows[0].line, SIEVE_DUPLICATES_MAX + 2);
	assert_null(result.actions->next); /* a keep and nothing else */
	buf_free(&script);
	sieve_result_free(&result);
	sieve_errors_reset(&errors);
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

/* Nor a comment of an address, a recipient's name, a MIME entity. */
static void
test_letters_of_scripts(void **state)
{
	static const struct span to = SPAN("(x\rEvil: 1) a@b.c");
	struct sieve_input in = input();
	struct sieve_vacation v = {.is_mime = true,
	    .reason = SPAN("Content-Type: text/html;\r\n charset=utf-8\r\nEvil: 1\r\n"
			   "Bcc: x@y.z\r\n\r\n<p>gone\r\n")};
	struct sieve_notify n = {.from = SPAN("N (x\r\nEvil: 1) <n@example.org>"),
	    .to = &to,
	    .to_text = &to,
	    .n_to = 1,
	    .importance = 2};
	struct sieve_letter by = {
	    .id = SPAN("i"), .host = SPAN("h"), .postmaster = SPAN("p@h")};
	struct buf out = {0};
	(void)state;
	letter_notify(&in, &n, &by, &out);
	letter_vacation(&in, &v, &by, &out);
	assert_int_equal(buf_done(&out), E_OK);
	for (size_t i = 0; i + 5 < out.len; i++)
		assert_false(
		    (out.p[i] == '\n' || out.p[i] == '\r') &&
		    (span_starts(span_make(out.p + i + 1, 4), SPAN("Evil")) ||
			span_starts(span_make(out.p + i + 1, 4), SPAN("Bcc:"))));
	assert_true(span_search(buf_as_span(&out),
			SPAN("From: \"N\" <n@example.org>\r\n")) < out.len);
	assert_true(span_ends(buf_as_span(&out),
	    SPAN("MIME-Version: 1.0\r\nContent-Type: text/html;\r\n charset=utf-8\r\n"
		 "\r\n<p>gone\r\n")));
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
	    cmocka_unit_test(test_letters_of_scripts),
	    cmocka_unit_test(test_earlier_stays),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_events_go_on),
	    cmocka_unit_test(test_made_anew),
	    cmocka_unit_test(test_match_values_whole),
	    cmocka_unit_test(test_many_keys),
	    cmocka_unit_test(test_contains_cost),
	    cmocka_unit_test(test_in_vain),
	    cmocka_unit_test(test_body_cost),
	    cmocka_unit_test(test_cost_of_values),
	    cmocka_unit_test(test_many_parts),
	    cmocka_unit_test(test_many_duplicates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
