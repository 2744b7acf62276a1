/* SPDX-License-Identifier: ISC */
/*
 * test_smtp_command.c - commands at their gates, and whole conversations: what is said, what is
 * spooled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "smtp_fakes.h"
#include "smtpd/command.h"

static const struct {
	const char *line, *verb, *argument; /* verb NULL: not a command */
} lines[] = {
    {"NOOP", "NOOP", ""},
    {"noop ", "noop", ""},
    {"MAIL FROM:<a@b> SIZE=1", "MAIL", "FROM:<a@b> SIZE=1"},
    {"MAIL\tFROM:<>", "MAIL", "FROM:<>"},
    {"", NULL, NULL},
    {" NOOP", NULL, NULL},
    {"123", NULL, NULL},
    {"NO-OP", NULL, NULL},
    {"MAIL:x", NULL, NULL},
};

static void
test_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct command_line l;
		int err = command_split(span_of(lines[i].line), &l);
		assert_int_equal(err, lines[i].verb ? E_OK : E_BAD);
		if (err != E_OK)
			continue;
		assert_true(span_eqs(l.verb, lines[i].verb));
		assert_true(span_eqs(l.argument, lines[i].argument));
	}
}

#define HI "EHLO c.test\r\n"
#define HI_SAID                                                                        \
	"250-mail.example.test\r\n250-PIPELINING\r\n250-SIZE "                         \
	"1000000\r\n250-8BITMIME\r\n"                                                  \
	"250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-BINARYMIME\r\n"                \
	"250-LIMITS RCPTMAX=100\r\n250-SMTPUTF8\r\n250-DSN\r\n"
#define HI_OK HI_SAID "250 HELP\r\n"
#define FROM "MAIL FROM:<a@remote.test>\r\n"
#define TO "RCPT TO:<u1@example.test>\r\n"
#define SENDER_OK "250 2.1.0 Ok\r\n"
#define RCPT_OK "250 2.1.5 Ok\r\n"
#define GO "354 End data with <CR><LF>.<CR><LF>\r\n"
#define TXN_OK HI_OK SENDER_OK RCPT_OK
#define BYE "221 2.0.0 Bye\r\n"

/* said: "*" stands for any bytes of a line; the conversation ends where the input does */
static const struct {
	enum listen_kind kind;
	const char *input, *said;
} talks[] = {
    {KIND_SMTP, HI "QUIT\r\nNOOP\r\n", HI_OK BYE},
    {KIND_SMTP, "HELO c.test\r\n", "250 mail.example.test\r\n"},
    {KIND_SMTP, "EHLO\r\nEHLO a b\r\nEHLO (x)\r\n",
	"501 5.5.4 Syntax: EHLO hostname\r\n" HI_OK
	"501 5.5.4 Syntax: EHLO hostname\r\n"},
    {KIND_SMTP, "MAIL FROM:<>\r\n", "503 5.5.1 Not now: send EHLO first\r\n"},
    {KIND_SMTP, "FOO\r\n\r\nNOOP\nNOOP\r\n",
	"500 5.5.1 Not a command\r\n500 5.5.1 Not a command\r\n"
	"500 5.5.2 A bare CR or LF is refused\r\n250 2.0.0 Ok\r\n"},
    {KIND_SMTP, "NOOP\rQUIT\r\nNOOP x\r\nHELP\r\nRSET\r\nRSET x\r\nVRFY u1\r\n",
	"500 5.5.2 A bare CR or LF is refused\r\n250 2.0.0 Ok\r\n214 2.0.0 *\r\n250 "
	"2.0.0 Ok\r\n"
	"501 5.5.4 Syntax: RSET\r\n252 2.5.0 *\r\n"},
    {KIND_SMTP, HI FROM FROM TO "RSET\r\nDATA\r\n",
	HI_OK SENDER_OK "503 5.5.1 Not now: a transaction is open\r\n" RCPT_OK
			"250 2.0.0 Ok\r\n503 5.5.1 Not now: send MAIL first\r\n"},
    {KIND_SMTP, HI FROM "DATA\r\n",
	HI_OK SENDER_OK
	"503 5.5.1 Not now: send RCPT first; no recipient was accepted\r\n"},
    {KIND_SMTP,
	HI "MAIL FROM:a\r\nMAIL FROM:<a>\r\nMAIL FROM:<a@b> X=1\r\nMAIL FROM:<a@b> "
	   "SIZE=x\r\n"
	   "MAIL FROM:<a@b> SIZE=1000001\r\nMAIL FROM:<\xc3\xbc@b>\r\nMAIL "
	   "FROM:<\xc3\xbc@b> SMTPUTF8\r\n",
	HI_OK "501 5.1.7 *\r\n501 5.1.7 *\r\n555 5.5.4 *\r\n501 5.5.4 *\r\n"
	      "552 5.3.4 Larger than 1000000 octets\r\n553 5.6.7 *\r\n" SENDER_OK},
    {KIND_SMTP,
	HI FROM
	"RCPT TO:<gone@example.test>\r\nRCPT TO:<suspended@example.test>\r\n"
	"RCPT TO:<full@example.test>\r\nRCPT TO:<loop@example.test>\r\n"
	"RCPT TO:<temp@example.test>\r\nRCPT TO:<x@remote.test>\r\nRCPT TO:<>\r\n"
	"RCPT TO:<x>\r\nRCPT TO:<postmaster>\r\nRCPT TO:<u1@example.test> "
	"NOTIFY=NEVER,SUCCESS\r\nRCPT TO:<u1@example.test> NOTIFY=NEVER "
	"ORCPT=rfc822;a+2Bb\r\n"
	"RCPT TO:<u1@example.test> FOO=1\r\n"
	"RCPT TO:<\xc3\xbc@example.test>\r\n",
	HI_OK SENDER_OK
	"550 5.1.1 *\r\n550 5.2.1 *\r\n452 4.2.2 *\r\n550 5.4.6 *\r\n451 4.3.0 "
	"*\r\n550 5.7.1 *\r\n"
	"501 5.1.3 *\r\n501 5.1.3 *\r\n250 2.1.5 Ok\r\n501 5.5.4 *\r\n250 2.1.5 Ok\r\n"
	"555 5.5.4 *\r\n553 5.6.7 *\r\n"},
    {KIND_SMTP, HI FROM TO "DATA\r\nA: b\r\n\r\n..x\r\n.\r\nNOOP\r\n",
	TXN_OK GO "250 2.0.0 Ok: queued as *\r\n250 2.0.0 Ok\r\n"},
    {KIND_SMTP, HI FROM TO "DATA\r\na\nb\r\n.\r\n", TXN_OK GO "554 5.6.0 *\r\n"},
    {KIND_SMTP, HI FROM TO "DATA\r\na\r\n.\nMAIL FROM:<x@y>\r\n.\r\n",
	TXN_OK GO "554 5.6.0 *\r\n"},
    {KIND_SMTP, HI FROM TO "BDAT 3\r\nabcBDAT 2 LAST\r\n\r\nNOOP\r\n",
	TXN_OK
	"250 2.0.0 Ok: 3 octets\r\n250 2.0.0 Ok: queued as *\r\n250 2.0.0 Ok\r\n"},
    {KIND_SMTP, HI FROM TO "BDAT 0 LAST\r\n", TXN_OK "250 2.0.0 Ok: queued as *\r\n"},
    {KIND_SMTP, HI FROM TO "BDAT 3\r\nabcRCPT TO:<u2@example.test>\r\nDATA\r\nRSET\r\n",
	TXN_OK
	"250 2.0.0 Ok: 3 octets\r\n503 5.5.1 *\r\n503 5.5.1 *\r\n250 2.0.0 Ok\r\n"},
    {KIND_SMTP, HI "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
	HI_OK "503 5.5.1 *\r\n250 2.0.0 Ok\r\n"},
    {KIND_SMTP, HI FROM TO "BDAT x\r\nBDAT 3 FIRST\r\n",
	TXN_OK "501 5.5.4 *\r\n501 5.5.4 *\r\n"},
    {KIND_SMTP, HI FROM TO "BDAT 4 LAST\r\na\nb\n", TXN_OK "554 5.6.0 *\r\n"},
    {KIND_SMTP, HI "STARTTLS\r\nAUTH PLAIN\r\n",
	HI_OK "502 5.5.1 *\r\n502 5.5.1 *\r\n"},
    {KIND_SUBMISSION, HI FROM,
	HI_SAID "250-AUTH PLAIN\r\n250 HELP\r\n530 5.7.0 Auth*\r\n"},
    {KIND_SUBMISSION, HI "AUTH LOGIN\r\nAUTH PLAIN !\r\nAUTH PLAIN AA==\r\nAUTH\r\n",
	HI_SAID "250-AUTH PLAIN\r\n250 HELP\r\n504 5.5.4 *\r\n"},
    {KIND_SUBMISSION, HI "AUTH PLAIN AHUxQGV4YW1wbGUudGVzdABwYXNz\r\n",
	HI_SAID "250-AUTH PLAIN\r\n250 HELP\r\n235 2.7.0 *\r\n"},
};

/* Whether said is as the pattern, in which '*' is the rest of a line. */
static bool
is_like(const char *said, const char *pattern)
{
	while (*pattern) {
		if (*pattern == '*') {
			pattern++;
			while (*said && *said != '\r')
				said++;
		} else if (*pattern++ != *said++) {
			return false;
		}
	}
	return *said == '\0';
}

static void
test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		fakes_reset();
		const char *said = fakes_talk(talks[i].kind, span_of(talks[i].input));
		if (!is_like(said, talks[i].said))
			fail_msg("row %zu: %s\n--- said\n%s--- wanted\n%s", i,
			    talks[i].input, said, talks[i].said);
	}
}

static void
test_stored(void **state)
{
	(void)state;
	fakes_reset();
	fakes_talk(KIND_SMTP, SPAN(HI FROM TO TO "RCPT TO:<\"u2\"@example.test>\r\n"
						 "DATA\r\nA: b\r\n\r\n..x\r\n.\r\n"));
	assert_int_equal(fakes.n_puts, 1);
	assert_string_equal(buf_cstr(&fakes.rcpts), "u1@example.test u2@example.test");
	const char *m = buf_cstr(&fakes.message);
	assert_true(is_like(m, "Return-Path: <a@remote.test>\r\n"
			       "Received: from c.test ([127.0.0.1])\r\n"
			       "\tby mail.example.test (merpati) with ESMTP id *\r\n"
			       "\t*\r\nA: b\r\n\r\n.x\r\n"));
	assert_int_equal(fakes.envelope.size_bytes, strlen(m));
	assert_int_equal(
	    fakes.envelope.head_bytes, strlen("Return-Path: <a@remote.test>\r\n"));
}

static void
test_large(void **state)
{
	struct buf in = {0};
	(void)state;
	fakes_reset();
	buf_str(&in, HI FROM TO "DATA\r\nSubject: large\r\n\r\n");
	size_t before = in.len;
	for (int i = 0; in.len < 700000; i++)
		buf_putf(&in, "line %d of many\r\n", i);
	size_t bytes = in.len - before;
	buf_str(&in, ".\r\n");
	const char *said = fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_true(is_like(said, TXN_OK GO "250 2.0.0 Ok: queued as *\r\n"));
	assert_int_equal(fakes.envelope.size_bytes, fakes.message.len);
	assert_memory_equal(
	    fakes.message.p + fakes.message.len - bytes, in.p + before, bytes);
	buf_free(&in);
}

static void
test_too_large(void **state)
{
	struct buf in = {0};
	(void)state;
	fakes_reset();
	buf_str(&in, HI FROM TO "DATA\r\n");
	while (in.len < 1100000)
		buf_str(&in, "012345678901234567890123456789012345678901234567890123456"
			     "7890123456789\r\n");
	buf_str(&in, ".\r\nNOOP\r\n");
	const char *said = fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_true(is_like(said,
	    TXN_OK GO "552 5.3.4 Larger than 1000000 octets\r\n250 2.0.0 Ok\r\n"));
	assert_int_equal(fakes.n_puts, 0);
	assert_true(fakes.n_drops > 0);
	buf_free(&in);
}

static void
test_hops(void **state)
{
	struct buf in = {0};
	(void)state;
	fakes_reset();
	buf_str(&in, HI FROM TO "DATA\r\n");
	for (int i = 0; i < 101; i++)
		buf_str(&in, "Received: x\r\n");
	buf_str(&in, "\r\n.\r\n");
	assert_true(is_like(
	    fakes_talk(KIND_SMTP, buf_as_span(&in)), TXN_OK GO "554 5.4.6 *\r\n"));
	buf_free(&in);
}

static const struct {
	int err;
	enum spool_verdict room, verdict;
	const char *said;
} spools[] = {
    {E_IO, SPOOL_OK, SPOOL_OK, TXN_OK "451 4.3.0 *\r\n500 5.5.1 *\r\n500 5.5.1 *\r\n"},
    {E_OK, SPOOL_FULL, SPOOL_OK,
	TXN_OK "452 4.3.1 *\r\n500 5.5.1 *\r\n500 5.5.1 *\r\n"},
    {E_OK, SPOOL_OK, SPOOL_FULL, TXN_OK GO "452 4.3.1 *\r\n"},
    {E_OK, SPOOL_OK, SPOOL_BUSY, TXN_OK GO "452 4.3.1 *\r\n"},
    {E_OK, SPOOL_OK, SPOOL_FAILED, TXN_OK GO "451 4.3.0 *\r\n"},
    {E_OK, SPOOL_OK, SPOOL_OK, TXN_OK GO "250 2.0.0 *\r\n"},
};

static void
test_spool_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(spools); i++) {
		fakes_reset();
		fakes.verdict =
		    SPOOL_FAILED; /* forget an earlier success: the room is asked for again */
		fakes_talk(KIND_SMTP, SPAN(HI FROM TO "DATA\r\n.\r\n"));
		fakes.spool_err = spools[i].err;
		fakes.room = spools[i].room;
		fakes.verdict = spools[i].verdict;
		const char *said =
		    fakes_talk(KIND_SMTP, SPAN(HI FROM TO "DATA\r\nx\r\n.\r\n"));
		if (!is_like(said, spools[i].said))
			fail_msg("row %zu\n--- said\n%s--- wanted\n%s", i, said,
			    spools[i].said);
	}
}

static void
test_lookahead(void **state)
{
	struct buf in = {0};
	(void)state;
	fakes_reset();
	buf_str(&in, HI FROM);
	for (int i = 0; i < 50; i++)
		buf_putf(&in, "RCPT TO:<u%d@example.test>\r\n", i % 3 + 1);
	fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_int_equal(fakes.n_lookups, 1);
	buf_free(&in);
}

static void
test_limits(void **state)
{
	struct buf in = {0};
	const char *said;
	(void)state;
	fakes_reset();
	buf_str(&in, HI);
	for (int i = 0; i < 30; i++)
		buf_str(&in, "FOO\r\n");
	said = fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_non_null(strstr(said, "421 4.7.0 Too many errors\r\n"));
	buf_reset(&in);
	for (int i = 0; i < 130; i++)
		buf_str(&in, "NOOP\r\n");
	said = fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_non_null(strstr(said, "421 4.7.0 Too many commands"));
	buf_reset(&in);
	for (int i = 0; i < 300; i++)
		buf_str(&in, "0123456789");
	buf_str(&in, "\r\nNOOP ");
	for (int i = 0; i < 2000; i++)
		buf_str(&in, "0123456789");
	buf_str(&in, "\r\nNOOP\r\n");
	said = fakes_talk(KIND_SMTP, buf_as_span(&in));
	assert_string_equal(said,
	    "500 5.5.1 Not a command\r\n500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n");
	buf_free(&in);
	the_process.limits.recipients = 1;
	said =
	    fakes_talk(KIND_SMTP, SPAN(HI FROM TO TO "RCPT TO:<u2@example.test>\r\n"));
	assert_non_null(strstr(said, "250-LIMITS RCPTMAX=1\r\n"));
	assert_non_null(strstr(said, SENDER_OK RCPT_OK
	    "452 4.5.3 Too many recipients\r\n452 4.5.3 Too many recipients\r\n"));
}

static void
test_submission(void **state)
{
	(void)state;
	fakes_reset();
	/*
	 * AUTH ends what was sent ahead of it, so one conversation cannot be written down whole:
	 * the dialogues of tests/dialogue go on from here
	 */
	const char *said = fakes_talk(
	    KIND_SUBMISSION, SPAN(HI "AUTH PLAIN\r\nAHUxQGV4YW1wbGUudGVzdABwYXNz\r\n"));
	assert_non_null(strstr(said, "\r\n334 \r\n"));
	assert_null(strstr(said, "235 "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_talks),
	    cmocka_unit_test(test_stored),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_hops),
	    cmocka_unit_test(test_spool_verdicts),
	    cmocka_unit_test(test_lookahead),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_submission),
	};
	log_level(LOG_ALERT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
