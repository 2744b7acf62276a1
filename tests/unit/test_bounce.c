/* SPDX-License-Identifier: ISC */
/*
 * test_bounce.c - reports: their parts, and that nothing a stranger wrote becomes a line of its
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue/bounce.h"
#include "queue/bounce_fields.h"
#include "spool/put.h"
#include "tls/hash.h"

#define S(literal)                                                                     \
	{                                                                              \
		literal, sizeof(literal) - 1                                           \
	}

static struct rcpt rcpts[] = {
    {.address = S("gone@example.org"), .orcpt = S("rfc822;Gone+2Bx@example.org")},
    {.address = S("a\r\nBcc: x@y\n\r@z")}, {.address = S("full@example.org")}};
static struct envelope envelope = {.id = {{1, 2, 3}},
    .sender = S("s@example.net"),
    .envid = S("QQ+2B1"),
    .arrived_sec = 1700000000,
    .n_rcpts = 3,
    .rcpts = rcpts};
static struct span message =
    S("Subject: lost\r\nFrom: s@example.net\r\n\r\nthe secret body\r\n");

struct made {
	struct buf out;
	struct arena arena;
	struct envelope envelope;
};

static void
make(struct made *m, const struct bounce_rcpt *f, size_t n, struct span to)
{
	struct bounce_about x = {.envelope = &envelope,
	    .rcpts = f,
	    .n = n,
	    .to = to,
	    .message = message,
	    .attempt_sec = 1700000100,
	    .retry_until_sec = 1700400000};
	*m = (struct made){.arena = {.max_bytes = 1 << 16}};
	bounce_compose("mx.example.net", &x, &m->arena, &m->out, &m->envelope);
	assert_int_equal(buf_done(&m->out), E_OK);
}

static void
done(struct made *m)
{
	arena_reset(&m->arena);
	buf_free(&m->out);
}

static bool
has(const struct made *m, const char *text)
{
	return span_search(buf_as_span(&m->out), span_of(text)) < m->out.len;
}

static const struct bounce_rcpt plain[] = {
    {0, ACTION_FAILED, S("5.1.1 no such mailbox")},
    {2, ACTION_FAILED, S("out of room")}};

static void
test_parts(void **state)
{
	struct made m;
	unsigned char sum[SHA256_BYTES];
	(void)state;
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(span_starts(
	    buf_as_span(&m.out), SPAN("Return-Path: <>\r\nFrom: Mail Delivery System "
				      "<MAILER-DAEMON@mx.example.net>\r\n")));
	assert_true(has(&m, "\r\nTo: <s@example.net>\r\n"));
	assert_true(has(&m, "multipart/report; report-type=delivery-status"));
	assert_true(has(&m, "\r\nContent-Type: message/delivery-status\r\n"));
	assert_true(has(&m, "\r\nReporting-MTA: dns; mx.example.net\r\n"));
	assert_true(has(&m, "\r\nOriginal-Envelope-Id: QQ+1\r\nReporting-MTA: dns; "
			    "mx.example.net\r\nArrival-Date: Tue, 14 Nov 2023 "));
	assert_true(has(&m,
	    "\r\n\r\nOriginal-Recipient: rfc822;Gone+x@example.org\r\nFinal-Recipient: "
	    "rfc822; gone@example.org\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: x-merpati; no such "
	    "mailbox\r\nLast-Attempt-Date: "));
	assert_true(has(&m, "\r\nFinal-Recipient: rfc822; full@example.org\r\nAction: "
			    "failed\r\nStatus: 5.0.0\r\n"));
	assert_false(has(&m, "Will-Retry-Until"));
	assert_true(has(&m, "\r\nAuto-Submitted: auto-replied\r\n"));
	assert_true(has(&m, "\r\nSubject: lost\r\nFrom: s@example.net\r\n"));
	assert_false(has(&m, "secret"));
	assert_false(has(&m, "a  Bcc"));
	assert_int_equal(m.envelope.head_bytes, 17);
	assert_int_equal(m.envelope.size_bytes, m.out.len);
	assert_int_equal(m.envelope.sender.n, 0);
	assert_int_equal(m.envelope.rcpts[0].notify, NOTIFY_NEVER);
	assert_int_equal(m.envelope.n_rcpts, 1);
	assert_true(span_eqs(m.envelope.rcpts[0].address, "s@example.net"));
	sha256(buf_as_span(&m.out), sum);
	assert_memory_equal(sum, m.envelope.sha256, sizeof sum);
	done(&m);
}

/* The boundary stands three times and at the end; each part is within. */
static void
test_boundary(void **state)
{
	struct made m;
	char line[80];
	size_t n = 0;
	(void)state;
	make(&m, plain, 2, SPAN("s@example.net"));
	struct span all = buf_as_span(&m.out);
	struct span b = span_from(all, span_search(all, SPAN("boundary=\"")) + 10);
	b = span_head(b, span_find(b, '"'));
	assert_true(b.n > 10 && b.n < 70);
	size_t len = 0;
	memcpy(line, "\r\n--", 4);
	memcpy(line + 4, b.p, b.n);
	len = 4 + b.n;
	for (struct span rest = all;
	     (rest = span_from(rest, span_search(rest, span_make(line, len)))).n; n++)
		rest = span_from(rest, len);
	assert_int_equal(n, 4);
	memcpy(line + len, "--\r\n", 4);
	assert_true(span_ends(all, span_make(line, len + 4)));
	done(&m);
}

static void
test_no_line_of_a_stranger(void **state)
{
	static const struct bounce_rcpt f[] = {
	    {1, ACTION_FAILED, S("5.1.1\r\nX-Evil: 1\r\n\r\nbody\n")},
	    {0, ACTION_FAILED, S("5.0.0 x\r\nX-Host: y said: 550 5.\r\n.\nX: y")}};
	struct made m;
	struct envelope all = envelope;
	(void)state;
	envelope.envid = SPAN("Q+0D+0AX-Id:");
	rcpts[0].orcpt = SPAN("rfc822;a+0D+0AX-Orcpt:\r\nX-Orcpt: 1");
	make(&m, f, 2, SPAN("s@x\r\nX-To: 1"));
	for (size_t i = 0; i < m.out.len; i++) {
		assert_true(m.out.p[i] != '\n' || m.out.p[i - 1] == '\r');
		assert_true(m.out.p[i] != '\r' || m.out.p[i + 1] == '\n');
	}
	assert_false(has(&m, "\nBcc:"));
	assert_false(has(&m, "\nX-Evil:"));
	assert_false(has(&m, "\nX-To:"));
	assert_false(has(&m, "\nX:"));
	assert_false(has(&m, "\nX-"));
	assert_true(has(&m, "\r\nRemote-MTA: dns; y\r\n"));
	envelope = all;
	rcpts[0].orcpt = SPAN("rfc822;Gone+2Bx@example.org");
	done(&m);
}

static void
test_same_failures_same_id(void **state)
{
	struct made a, b, c, d;
	(void)state;
	make(&a, plain, 2, SPAN("s@example.net"));
	make(&b, plain, 2, SPAN("s@example.net"));
	make(&c, plain, 1, SPAN("s@example.net"));
	make(&d, plain, 2, SPAN("t@example.net"));
	assert_true(id_eq(a.envelope.id, b.envelope.id));
	assert_false(id_eq(a.envelope.id, c.envelope.id));
	assert_false(id_eq(a.envelope.id, d.envelope.id));
	done(&a), done(&b), done(&c), done(&d);
}

/* Of a part of the recipients: the same, wherever they stand in it. */
static void
test_part_has_the_id_of_its_addresses(void **state)
{
	static const struct bounce_rcpt both[] = {
	    {0, ACTION_FAILED, S("5.1.1 no such mailbox")},
	    {1, ACTION_FAILED, S("out of room")}};
	struct rcpt two[] = {rcpts[0], rcpts[2]};
	struct envelope all = envelope;
	struct made a, b;
	(void)state;
	make(&a, plain, 2, SPAN("s@example.net"));
	envelope.rcpts = two;
	envelope.n_rcpts = 2;
	make(&b, both, 2, SPAN("s@example.net"));
	envelope = all;
	assert_true(id_eq(a.envelope.id, b.envelope.id));
	done(&a), done(&b);
}

static const struct {
	const char *in, *status, *host, *text;
} reasons[] = {
    {"5.1.1 no such mailbox", "5.1.1", "", "no such mailbox"},
    {"out of room", "", "", "out of room"},
    {"", "", "", ""},
    {"5.1.1 mx.example.org[192.0.2.1]:25 said: 550 5.1.1 No", "5.1.1", "mx.example.org",
	"550 5.1.1 No"},
    {"5.4.7 not delivered in time; last: 4.2.0 mx.test[::1]:25 said: 450-4.2.0 later",
	"5.4.7", "mx.test", "450-4.2.0 later"},
    {"mx.test said: 550", "", "mx.test", "550"},
    {"5.1.1 [127.0.0.1]:2525 said: 550 5.1.1 No", "5.1.1", "[127.0.0.1]",
	"550 5.1.1 No"},
    {"5.1.1 [::1 said: 550 No", "5.1.1", "[::1", "550 No"},
    {"5.0.0 mx.test said: no", "5.0.0", "", "mx.test said: no"},
    {"5.0.0 a said: 550 b said: 551 c", "5.0.0", "a", "550 b said: 551 c"},
    {"5.1111.1 x", "", "", "5.1111.1 x"},
    {"3.1.1 x", "", "", "3.1.1 x"},
    {"5.1 x", "", "", "5.1 x"},
    {"55.1.1 x", "", "", "55.1.1 x"},
};

static void
test_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reasons); i++) {
		struct reason r;
		print_message("%s\n", reasons[i].in);
		reason_parse(span_of(reasons[i].in), &r);
		assert_true(span_eqs(r.status, reasons[i].status));
		assert_true(span_eqs(r.host, reasons[i].host));
		assert_true(span_eqs(r.text, reasons[i].text));
	}
}

static void
test_remote_reply(void **state)
{
	static const struct bounce_rcpt f = {
	    2, ACTION_FAILED, S("5.2.2 mx.test[192.0.2.1]:25 said: 552 5.2.2 full")};
	struct made m;
	(void)state;
	make(&m, &f, 1, SPAN("s@example.net"));
	assert_true(
	    has(&m, "\r\n      5.2.2 mx.test[192.0.2.1]:25 said: 552 5.2.2 full\r\n"));
	assert_true(has(&m, "\r\nStatus: 5.2.2\r\nRemote-MTA: dns; "
			    "mx.test\r\nDiagnostic-Code: smtp; 552 5.2.2 full\r\n"));
	assert_false(has(&m, "Original-Recipient"));
	done(&m);
}

static void
test_delayed(void **state)
{
	static const struct bounce_rcpt f = {
	    0, ACTION_DELAYED, S("4.4.1 nobody answers")};
	static const struct bounce_rcpt odd = {
	    0, ACTION_DELAYED, S("5.4.1 nobody answers")};
	struct made m;
	(void)state;
	make(&m, &f, 1, SPAN("s@example.net"));
	assert_true(has(&m, "\r\nSubject: Mail is delayed\r\n"));
	assert_true(has(&m, "could not be delivered yet to this address:"));
	assert_true(has(&m, "\r\nAction: delayed\r\nStatus: 4.4.1\r\n"));
	assert_true(has(&m, "\r\nWill-Retry-Until: Sun, 19 Nov 2023 "));
	assert_false(has(&m, "secret"));
	done(&m);
	make(&m, &odd, 1, SPAN("s@example.net"));
	assert_true(has(&m, "\r\nStatus: 4.0.0\r\n"));
	done(&m);
}

static void
test_successes(void **state)
{
	static const struct bounce_rcpt f[] = {{0, ACTION_DELIVERED, S("")},
	    {2, ACTION_RELAYED, S("2.1.5 mx.test[192.0.2.1]:25 said: 250 2.1.5 Ok")}};
	static const struct bounce_rcpt all = {2, ACTION_EXPANDED, S("")};
	struct made m;
	(void)state;
	envelope.ret = RET_FULL;
	make(&m, f, 2, SPAN("s@example.net"));
	envelope.ret = RET_NONE;
	assert_true(has(&m, "\r\nAction: delivered\r\nStatus: 2.0.0\r\n"));
	assert_true(has(&m, "\r\nAction: relayed\r\nStatus: 2.1.5\r\nRemote-MTA: dns; "
			    "mx.test\r\nDiagnostic-Code: smtp; 250 2.1.5 Ok\r\n"));
	assert_true(has(&m, "was delivered to this address:") &&
		    has(&m, "passed on to a server"));
	assert_false(has(&m, "secret")); /* RET is of failures */
	done(&m);
	make(&m, &all, 1, SPAN("s@example.net"));
	assert_true(has(&m, "\r\nAction: expanded\r\nStatus: 2.0.0\r\n"));
	done(&m);
}

static void
test_ret(void **state)
{
	static char big[BOUNCE_FULL_MAX + 1];
	struct span plain_message = message;
	struct made m;
	(void)state;
	envelope.ret = RET_HDRS;
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(has(&m, "Content-Type: text/rfc822-headers") && !has(&m, "secret"));
	done(&m);
	envelope.ret = RET_FULL;
	envelope.head_bytes = 15; /* what we put before it does not come back */
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(
	    has(&m, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
		    "7bit\r\n\r\nFrom: s@example.net\r\n\r\nthe secret body"));
	done(&m);
	envelope.head_bytes = 0;
	message = SPAN("Subject: x\r\n\r\nsecret\nbare\r\n");
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(has(&m, "Content-Type: text/rfc822-headers") && !has(&m, "secret"));
	done(&m);
	memset(big, 'x', sizeof big);
	memcpy(big, "Subject: x\r\n\r\nsecret", 20);
	for (size_t i = 100; i + 2 < sizeof big; i += 100)
		memcpy(big + i, "\r\n", 2);
	message = span_make(big, sizeof big - 1);
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(has(&m, "Content-Type: message/rfc822") && has(&m, "secret"));
	done(&m);
	message = span_make(big, sizeof big);
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(has(&m, "Content-Type: text/rfc822-headers") && !has(&m, "secret"));
	done(&m);
	message = plain_message;
	/* RFC 8689 5: as if RET=HDRS was said, and the report requires TLS, too */
	envelope.flags |= ENV_REQUIRETLS;
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(has(&m, "Content-Type: text/rfc822-headers") && !has(&m, "secret"));
	assert_true(m.envelope.flags & ENV_REQUIRETLS);
	done(&m);
	envelope.flags &= ~(uint32_t)ENV_REQUIRETLS;
	envelope.ret = RET_NONE;
}

#define KAETHE "k\xc3\xa4the@example.org"

static void
test_international(void **state)
{
	static const struct bounce_rcpt f = {
	    0, ACTION_FAILED, S("5.1.1 kein Postfach f\xc3\xbcr sie")};
	struct rcpt one = {
	    .address = SPAN(KAETHE), .orcpt = SPAN("utf-8;k\\x{E4}the@example.org")};
	struct envelope all = envelope;
	struct span plain_message = message;
	struct made m;
	(void)state;
	envelope.rcpts = &one;
	envelope.n_rcpts = 1;
	envelope.flags = ENV_SMTPUTF8;
	make(&m, &f, 1, SPAN("s@example.net"));
	assert_true(has(&m, "report-type=global-delivery-status") &&
		    has(&m, "Content-Type: message/global-delivery-status"));
	assert_true(has(&m, "\r\nOriginal-Recipient: utf-8;" KAETHE
			    "\r\nFinal-Recipient: utf-8; " KAETHE "\r\n"));
	assert_true(has(&m, "Content-Type: message/global-headers"));
	assert_int_equal(m.envelope.flags, ENV_DERIVED | ENV_SMTPUTF8 | ENV_8BITMIME);
	done(&m);
	/* a sender without SMTPUTF8 gets 7 bits: an alias may have led to such an address */
	envelope.flags = 0;
	make(&m, &f, 1, SPAN("s@example.net"));
	assert_true(has(&m, "report-type=delivery-status"));
	assert_true(has(&m, "\r\nOriginal-Recipient: utf-8;k\\x{E4}the@example.org\r\n"
			    "Final-Recipient: utf-8; k\\x{E4}the@example.org\r\n"));
	assert_true(has(&m, "Diagnostic-Code: x-merpati; kein Postfach f??r sie\r\n"));
	assert_false(m.envelope.flags & ENV_SMTPUTF8);
	done(&m);
	/* SMTPUTF8 was given, and nothing needs it */
	envelope = all;
	envelope.flags = ENV_SMTPUTF8;
	make(&m, plain, 1, SPAN("s@example.net"));
	assert_true(has(&m, "report-type=delivery-status") &&
		    !(m.envelope.flags & (ENV_SMTPUTF8 | ENV_8BITMIME)));
	done(&m);
	message = SPAN("Subject: \xc3\xa4\r\n\r\nx\r\n");
	make(&m, plain, 1, SPAN("s@example.net"));
	assert_true(has(&m, "report-type=global-delivery-status"));
	done(&m);
	message = plain_message;
	envelope = all;
}

/* Another kind of report of the same addresses is another report. */
static void
test_kinds_have_ids(void **state)
{
	static const struct bounce_rcpt f[] = {{0, ACTION_FAILED, S("5.0.0 x")},
	    {0, ACTION_DELAYED, S("")}, {0, ACTION_DELIVERED, S("")},
	    {0, ACTION_RELAYED, S("")}, {0, ACTION_EXPANDED, S("")}};

	enum { N = BOUNCE_ACTIONS - 1 };
	struct made m[N];
	(void)state;
	for (size_t i = 0; i < N; i++)
		make(&m[i], &f[i], 1, SPAN("s@example.net"));
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++)
			assert_int_equal(id_eq(m[i].envelope.id, m[j].envelope.id),
			    bounce_kind_of(f[i].action) == bounce_kind_of(f[j].action));
	for (size_t i = 0; i < N; i++)
		done(&m[i]);
}

/* The longest report that is asked for: the spool takes it as one of the small ones. */
static void
test_largest_fits(void **state)
{
	enum {
		REASON = 40,
		TEXTS = BOUNCE_BYTES_MOST / BOUNCE_RCPTS_MOST - BOUNCE_RCPT_BYTES
	};

	static char address[TEXTS - REASON], head[100000],
	    reason[REASON + 1] = "5.1.1 mx.example.org[] said: 550 xxxxxxx";
	struct rcpt many[BOUNCE_RCPTS_MOST];
	struct bounce_rcpt f[BOUNCE_RCPTS_MOST];
	struct envelope e = envelope, made;
	struct bounce_about x = {.envelope = &e,
	    .rcpts = f,
	    .n = BOUNCE_RCPTS_MOST,
	    .to = SPAN("s@example.net"),
	    .message = {head, sizeof head},
	    .attempt_sec = 1700000100,
	    .retry_until_sec = 1700400000};
	struct arena arena = {.max_bytes = 1 << 16};
	struct buf out = {.max = SPOOL_SMALL_MAX};
	(void)state;
	for (size_t i = 0; i + 1 < sizeof address; i += 2)
		memcpy(address + i, "\xc3\xbc", 2);
	memset(head, 'h', sizeof head);
	for (uint16_t i = 0; i < BOUNCE_RCPTS_MOST; i++) {
		many[i] = (struct rcpt){.address = {address, sizeof address / 2 * 2}};
		f[i] =
		    (struct bounce_rcpt){i, ACTION_DELAYED, span_make(reason, REASON)};
	}
	e.rcpts = many;
	e.n_rcpts = BOUNCE_RCPTS_MOST;
	bounce_compose("mx.example.net", &x, &arena, &out, &made);
	assert_int_equal(buf_done(&out), E_OK);
	assert_in_range(out.len, BOUNCE_BYTES_MOST * 3, SPOOL_SMALL_MAX);
	arena_reset(&arena);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_boundary),
	    cmocka_unit_test(test_no_line_of_a_stranger),
	    cmocka_unit_test(test_same_failures_same_id),
	    cmocka_unit_test(test_part_has_the_id_of_its_addresses),
	    cmocka_unit_test(test_reasons), cmocka_unit_test(test_remote_reply),
	    cmocka_unit_test(test_delayed), cmocka_unit_test(test_successes),
	    cmocka_unit_test(test_ret), cmocka_unit_test(test_international),
	    cmocka_unit_test(test_kinds_have_ids), cmocka_unit_test(test_largest_fits)};
	return cmocka_run_group_tests_name("bounce", tests, NULL, NULL);
}
