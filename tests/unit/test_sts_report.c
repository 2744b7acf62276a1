/* SPDX-License-Identifier: ISC */
/* test_sts_report.c - results of TLS: counted and kept, and the report that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "net/gzip.h"
#include "queue/sts/compose.h"
#include "scratch.h"

/* A B-tree that cannot be opened is not closed: Berkeley DB's own. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

enum { MOST = 3, DAY = 20000 /* 2024-10-04 */ };

static char dir[64], sub[128];
static struct tally *tally;
static struct tally_row row;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/merpati-test-report.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof sub, "%s/sts", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	return tally_open(dir, MOST, SPAN("mail.example.test"), &tally);
}

static int
teardown(void **state)
{
	(void)state;
	tally_close(&tally);
	tally_row_done(&row);
	scratch_remove(dir);
	return 0;
}

#define LINES "version: STSv1\nmode: enforce\nmx: mx.b.test\nmax_age: 60\n"

static const struct sts_note fine = {.domain = SPAN("b.test"),
    .policy = TLS_POLICY_STS,
    .lines = SPAN(LINES),
    .hosts = SPAN("mx.b.test\n"),
    .outcome = TLS_FINE,
    .source = SPAN("192.0.2.1"),
    .host = SPAN("mx.b.test"),
    .address = SPAN("192.0.2.2"),
    .helo = SPAN("mx")};

static struct sts_note
failure(enum tls_outcome outcome, const char *why)
{
	struct sts_note n = fine;
	n.outcome = outcome;
	n.why = span_of(why);
	return n;
}

static void
add(uint32_t day, struct sts_note n, int times)
{
	for (int i = 0; i < times; i++)
		tally_add(tally, day, &n);
}

static void
reopen(void)
{
	tally_close(&tally);
	assert_int_equal(
	    tally_open(dir, MOST, SPAN("mail.example.test"), &tally), E_OK);
}

static int64_t
end_of(uint32_t day)
{
	return ((int64_t)day + 1) * TALLY_DAY_SEC;
}

static void
test_counted(void **state)
{
	(void)state;
	add(DAY, fine, 3);
	add(DAY, failure(TLS_CERTIFICATE_EXPIRED, "old"), 2);
	assert_int_equal(tally_flush(tally), E_OK);
	add(DAY, fine, 1);
	add(DAY, failure(TLS_CERTIFICATE_EXPIRED, "old"), 1);
	add(DAY, failure(TLS_CERTIFICATE_EXPIRED, "older"), 1);
	struct sts_note none = fine;
	none.policy = TLS_POLICY_NONE;
	none.lines = none.hosts = SPAN("");
	none.domain = SPAN("B.Test");
	add(DAY, none, 5);
	reopen();
	assert_int_equal(tally_due(tally, end_of(DAY), &row), E_BAD);
	assert_int_equal(
	    tally_due(tally, end_of(DAY) + TALLY_DELAY_MOST_SEC, &row), E_OK);
	assert_true(
	    row.day == DAY && span_eqs(row.domain, "b.test") && row.n_policies == 2);
	assert_true(
	    row.due_sec >= end_of(DAY) + TALLY_DELAY_LEAST_SEC && row.attempts == 0);
	const struct tally_policy *p = &row.policies[0];
	assert_true(p->n_fine == 4 && p->n_failed == 4 && p->n_failures == 2 &&
		    span_eqs(p->lines, LINES));
	assert_true(p->failures[0].count == 3 && p->failures[1].count == 1 &&
		    span_eqs(p->failures[1].why, "older"));
	assert_true(
	    row.policies[1].policy == TLS_POLICY_NONE && row.policies[1].n_fine == 5);
}

static void
test_later(void **state)
{
	(void)state;
	add(DAY, fine, 1);
	reopen();
	int64_t now = end_of(DAY) + TALLY_DELAY_MOST_SEC;
	assert_int_equal(tally_due(tally, now, &row), E_OK);
	assert_int_equal(tally_later(tally, &row, now, now + 100), E_OK);
	reopen();
	assert_int_equal(tally_due(tally, now + 99, &row), E_BAD);
	assert_int_equal(tally_due(tally, now + 100, &row), E_OK);
	assert_true(
	    row.attempts == 1 && row.first_sec == now && row.policies[0].n_fine == 1);
	assert_int_equal(tally_remove(tally, &row), E_OK);
	assert_int_equal(tally_due(tally, INT64_MAX, &row), E_BAD);
}

static void
test_in_order(void **state)
{
	struct sts_note a = fine;
	uint32_t n;
	(void)state;
	a.domain = SPAN("a.test");
	add(DAY + 1, a, 1);
	add(DAY, fine, 1);
	add(DAY, a, 1);
	assert_int_equal(tally_next(tally, 0, SPAN(""), &row), E_OK);
	assert_true(row.day == DAY && span_eqs(row.domain, "a.test"));
	assert_int_equal(tally_next(tally, DAY, SPAN("a.test"), &row), E_OK);
	assert_true(row.day == DAY && span_eqs(row.domain, "b.test"));
	assert_int_equal(tally_next(tally, DAY, SPAN("b.test"), &row), E_OK);
	assert_int_equal(row.day, DAY + 1);
	assert_int_equal(tally_next(tally, DAY + 1, SPAN("a.test"), &row), E_BAD);
	/* the other day is not over */
	assert_int_equal(tally_hurry(tally, end_of(DAY), &n), E_OK);
	assert_int_equal(n, 2);
	for (n = 0; tally_due(tally, end_of(DAY), &row) == E_OK; n++)
		assert_int_equal(tally_remove(tally, &row), E_OK);
	assert_int_equal(n, 2);
}

static size_t
count_rows(void)
{
	size_t n = 0;
	for (; tally_due(tally, INT64_MAX, &row) == E_OK; n++)
		assert_int_equal(tally_remove(tally, &row), E_OK);
	return n;
}

static void
test_bounded(void **state)
{
	char domain[32], why[64];
	(void)state;
	for (int i = 0; i < MOST + 2; i++) {
		struct sts_note n = fine;
		snprintf(domain, sizeof domain, "b%d.test", i);
		n.domain = span_of(domain);
		add(DAY, n, 1);
	}
	assert_int_equal(tally_flush(tally), E_OK);
	reopen();
	add(DAY + 1, fine, 1);
	assert_int_equal(tally_flush(tally), E_OK);
	assert_int_equal(count_rows(), MOST);
	for (int i = 0; i < TALLY_FAILURES_MOST + 5; i++) {
		snprintf(why, sizeof why, "%d", i);
		add(DAY, failure(TLS_VALIDATION_FAILURE, why), 1);
	}
	for (int i = 0; i < TALLY_POLICIES_MOST + 2; i++) {
		struct sts_note n = fine;
		snprintf(why, sizeof why, "host%d\n", i);
		n.hosts = span_of(why);
		add(DAY, n, 1);
	}
	assert_int_equal(tally_flush(tally), E_OK);
	assert_int_equal(tally_due(tally, INT64_MAX, &row), E_OK);
	assert_true(row.n_policies == TALLY_POLICIES_MOST);
	assert_true(row.policies[0].n_failures == TALLY_FAILURES_MOST &&
		    row.policies[0].n_failed == TALLY_FAILURES_MOST + 5);
}

/*
 * However long what it is told is, a row stays within its bounds, and what is in it is counted on.
 */
static void
test_long(void **state)
{
	struct buf helo = {0}, json = {0};
	(void)state;
	for (int i = 0; i < 4 * TALLY_FAILURES_MOST; i++) {
		struct sts_note n = failure(TLS_VALIDATION_FAILURE, "x");
		buf_reset(&helo);
		buf_putf(&helo, "%0250d", i);
		n.helo = n.host = buf_as_span(&helo);
		n.policy = i % 2 ? TLS_POLICY_STS : TLS_POLICY_DANE;
		add(DAY, n, 1);
	}
	assert_int_equal(tally_flush(tally), E_OK);
	assert_int_equal(tally_due(tally, INT64_MAX, &row), E_OK);
	assert_true(row.bytes.len <= TALLY_ROW_BYTES_MAX);
	assert_int_equal(row.policies[0].n_failed + row.policies[1].n_failed,
	    4 * TALLY_FAILURES_MOST);
	struct report_about x = {.row = &row};
	report_json(&x, &json);
	assert_true(json.len < REPORT_JSON_MAX);
	buf_free(&helo);
	buf_free(&json);
}

static void
test_damaged(void **state)
{
	(void)state;
	add(DAY, fine, 1);
	tally_close(&tally);
	scratch_spoil(sub);
	assert_int_equal(
	    tally_open(dir, MOST, SPAN("mail.example.test"), &tally), E_OK);
	assert_int_equal(tally_due(tally, INT64_MAX, &row), E_BAD);
	add(DAY, fine, 1);
	assert_int_equal(tally_flush(tally), E_OK);
	assert_int_equal(count_rows(), 1);
}

/* ---- the report ---- */

static struct tally_row
example(void)
{
	struct tally_row r = {.day = DAY, .domain = SPAN("b.test"), .n_policies = 2};
	r.policies[0] = (struct tally_policy){.policy = TLS_POLICY_STS,
	    .lines = SPAN(LINES),
	    .hosts = SPAN("mx.b.test\n*.c.test\n"),
	    .n_fine = 5326,
	    .n_failed = 303,
	    .n_failures = 2};
	r.policies[0].failures[0] =
	    (struct tally_failure){.outcome = TLS_CERTIFICATE_EXPIRED,
		.source = SPAN("2001:db8::1"),
		.host = SPAN("mx.b.test"),
		.address = SPAN("192.0.2.2"),
		.helo = SPAN("a \"mail\" host\\\x01\xff"),
		.why = SPAN("too old"),
		.count = 100};
	r.policies[0].failures[1] =
	    (struct tally_failure){.outcome = TLS_STS_POLICY_FETCH_ERROR, .count = 203};
	r.policies[1] = (struct tally_policy){.policy = TLS_POLICY_NONE, .n_fine = 1};
	return r;
}

static const char expected[] =
    "{\"organization-name\":\"a.test\",\"date-range\":{\"start-datetime\":\"2024-10-"
    "04T00:00:00Z\","
    "\"end-datetime\":\"2024-10-04T23:59:59Z\"},\"contact-info\":\"tls@a.test\","
    "\"report-id\":\"%s@a.test\",\"policies\":["
    "{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: "
    "STSv1\",\"mode: enforce\",\"mx: mx.b.test\",\"max_age: 60\"],"
    "\"policy-domain\":\"b.test\",\"mx-host\":[\"mx.b.test\",\"*.c.test\"]},"
    "\"summary\":{\"total-successful-session-count\":5326,\"total-failure-session-"
    "count\":303},\"failure-details\":["
    "{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8::1\","
    "\"receiving-mx-hostname\":\"mx.b.test\","
    "\"receiving-mx-helo\":\"a \\\"mail\\\" "
    "host\\\\\\u0001\xef\xbf\xbd\",\"receiving-ip\":\"192.0.2.2\",\"failed-session-"
    "count\":100,"
    "\"failure-reason-code\":\"too old\"},"
    "{\"result-type\":\"sts-policy-fetch-error\",\"failed-session-count\":203}]},"
    "{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"b.test\"},"
    "\"summary\":{\"total-successful-session-count\":1,\"total-failure-session-count\":"
    "0}}]}\n";

static struct report_about
about(const struct tally_row *r)
{
	return (struct report_about){.row = r,
	    .contact = SPAN("tls@a.test"),
	    .submitter = SPAN("a.test"),
	    .hostname = SPAN("mail.a.test"),
	    .id = report_id(SPAN("mail.a.test"), r)};
}

static void
test_json(void **state)
{
	struct tally_row r = example();
	struct report_about x = about(&r);
	struct buf json = {0}, want = {0};
	struct span text = span_of(expected);
	(void)state;
	size_t hole = span_search(text, SPAN("%s"));
	buf_span(&want, span_head(text, hole));
	buf_str(&want, id_text(x.id));
	buf_span(&want, span_from(text, hole + 2));
	report_json(&x, &json);
	assert_string_equal(buf_cstr(&json), buf_cstr(&want));
	buf_free(&json);
	buf_free(&want);
}

static bool
has(const struct buf *b, const char *text)
{
	struct span s = buf_as_span(b);
	return span_search(s, span_of(text)) < s.n;
}

static void
test_mail(void **state)
{
	struct tally_row r = example();
	struct report_about x = about(&r);
	struct arena arena = {.max_bytes = 1 << 16};
	struct envelope e, again;
	struct buf mail = {0}, gz = {0}, head = {0};
	(void)state;
	assert_int_equal(gzip_put(SPAN("{\"x\":1}"), &gz), E_OK);
	assert_true(gz.len > 10 && memcmp(gz.p, "\x1f\x8b\x08", 3) == 0);
	report_mail(&x, buf_as_span(&gz), SPAN("rpt@b.test"), &arena, &mail, &e);
	assert_int_equal(buf_done(&mail), E_OK);
	buf_putf(&head,
	    "Subject: Report Domain: b.test\r\n\tSubmitter: a.test\r\n\tReport-ID: "
	    "<%s@a.test>\r\n",
	    id_text(x.id));
	assert_true(has(&mail, buf_cstr(&head)));
	static const char *const lines[] = {
	    "Return-Path: <>\r\nFrom: TLS reports <tls@a.test>\r\nTo: <rpt@b.test>\r\n",
	    "\r\nTLS-Report-Domain: b.test\r\nTLS-Report-Submitter: "
	    "a.test\r\nTLS-Required: No\r\n",
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";",
	    "Content-Type: application/tlsrpt+gzip\r\n",
	    "filename=\"a.test!b.test!1728000000!1728086399!"};
	for (size_t i = 0; i < COUNT(lines); i++)
		if (!has(&mail, lines[i]))
			fail_msg("%s", lines[i]);
	assert_true(e.sender.n == 0 && e.n_rcpts == 1 &&
		    e.rcpts[0].notify == NOTIFY_NEVER && e.size_bytes == mail.len);
	assert_true(span_eqs(e.rcpts[0].address, "rpt@b.test") &&
		    e.flags == (ENV_DERIVED | ENV_TLS_OPTIONAL));
	buf_reset(&mail);
	report_mail(&x, buf_as_span(&gz), SPAN("rpt@b.test"), &arena, &mail, &again);
	assert_true(id_eq(e.id, again.id));
	report_mail(&x, buf_as_span(&gz), SPAN("other@b.test"), &arena, &mail, &again);
	assert_false(id_eq(e.id, again.id));
	arena_reset(&arena);
	buf_free(&mail);
	buf_free(&gz);
	buf_free(&head);
}

static void
test_notes(void **state)
{
	struct buf b = {0}, lines = {0}, again = {0};
	struct sts_note n = failure(TLS_TLSA_INVALID, "why"), got;
	(void)state;
	while (lines.len <= STS_POLICY_LINES_MAX)
		buf_str(&lines, "a line\n");
	n.lines = buf_as_span(&lines);
	sts_note_put(&b, &n);
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(sts_note_get(&r, &got), E_OK);
	assert_true(got.lines.n % 7 == 0 && got.lines.n <= STS_POLICY_LINES_MAX &&
		    got.lines.n > STS_POLICY_LINES_MAX - 7);
	sts_note_put(&again, &got);
	assert_true(span_eq(buf_as_span(&b), buf_as_span(&again)));
	for (size_t i = 0; i < b.len; i++) {
		r = rd_of(span_head(buf_as_span(&b), i));
		assert_int_equal(sts_note_get(&r, &got), E_BAD);
	}
	buf_free(&b);
	buf_free(&again);
	buf_free(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_mail),
	    cmocka_unit_test(test_notes),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
