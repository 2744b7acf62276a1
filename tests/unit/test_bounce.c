/* SPDX-License-Identifier: ISC */
/* test_bounce.c - reports: their parts, and that nothing a stranger wrote becomes a line of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue/bounce.h"
#include "spool/put.h"
#include "tls/hash.h"

static struct rcpt rcpts[] = {{.address = {"gone@example.org", 16}, .orcpt = {"rfc822;Gone@example.org", 23}},
    {.address = {"a\r\nBcc: x@y\n\r@z", 15}}, {.address = {"full@example.org", 16}}};
static struct envelope envelope = {.id = {{1, 2, 3}}, .sender = {"s@example.net", 13}, .envid = {"Q\r\nX: 1", 7},
    .arrived_sec = 1700000000, .n_rcpts = 3, .rcpts = rcpts};
static const char message[] = "Subject: lost\r\nFrom: s@example.net\r\n\r\nthe secret body\r\n";

struct made {
	struct buf out;
	struct arena arena;
	struct envelope envelope;
};

static void
make(struct made *m, const struct bounce_failure *f, size_t n, struct span to)
{
	*m = (struct made){.arena = {.max_bytes = 1 << 16}};
	bounce_compose("mx.example.net", &envelope, f, n, SPAN(message), to, &m->arena, &m->out, &m->envelope);
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

static const struct bounce_failure plain[] = {{0, {"5.1.1 no such mailbox", 21}}, {2, {"out of room", 11}}};

static void
test_parts(void **state)
{
	struct made m;
	unsigned char sum[SHA256_BYTES];
	(void)state;
	make(&m, plain, 2, SPAN("s@example.net"));
	assert_true(span_starts(buf_as_span(&m.out), SPAN("Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\n")));
	assert_true(has(&m, "\r\nTo: <s@example.net>\r\n"));
	assert_true(has(&m, "multipart/report; report-type=delivery-status"));
	assert_true(has(&m, "\r\nContent-Type: message/delivery-status\r\n"));
	assert_true(has(&m, "\r\nReporting-MTA: dns; mx.example.net\r\n"));
	assert_true(has(&m, "\r\nOriginal-Recipient: rfc822;Gone@example.org\r\nFinal-Recipient: rfc822; gone@example.org\r\n"
	                    "Action: failed\r\nStatus: 5.1.1\r\n"));
	assert_true(has(&m, "\r\nFinal-Recipient: rfc822; full@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n"));
	assert_true(has(&m, "\r\nSubject: lost\r\nFrom: s@example.net\r\n"));
	assert_false(has(&m, "secret"));
	assert_false(has(&m, "a  Bcc"));
	assert_int_equal(m.envelope.head_bytes, 17);
	assert_int_equal(m.envelope.size_bytes, m.out.len);
	assert_int_equal(m.envelope.sender.n, 0);
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
	for (struct span rest = all; (rest = span_from(rest, span_search(rest, span_make(line, len)))).n; n++)
		rest = span_from(rest, len);
	assert_int_equal(n, 4);
	memcpy(line + len, "--\r\n", 4);
	assert_true(span_ends(all, span_make(line, len + 4)));
	done(&m);
}

static void
test_no_line_of_a_stranger(void **state)
{
	static const struct bounce_failure f[] = {{1, {"5.1.1\r\nX-Evil: 1\r\n\r\nbody\n", 25}}, {0, {"5.\r\n.\nX: y", 10}}};
	struct made m;
	(void)state;
	make(&m, f, 2, SPAN("s@x\r\nX-To: 1"));
	for (size_t i = 0; i < m.out.len; i++) {
		assert_true(m.out.p[i] != '\n' || m.out.p[i - 1] == '\r');
		assert_true(m.out.p[i] != '\r' || m.out.p[i + 1] == '\n');
	}
	assert_false(has(&m, "\nBcc:"));
	assert_false(has(&m, "\nX-Evil:"));
	assert_false(has(&m, "\nX-To:"));
	assert_false(has(&m, "\nX:"));
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
	static const struct bounce_failure both[] = {{0, {"5.1.1 no such mailbox", 21}}, {1, {"out of room", 11}}};
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

/* The longest report that is asked for: the spool takes it as one of the small ones. */
static void
test_largest_fits(void **state)
{
	enum { REASON = 20, TEXTS = BOUNCE_BYTES_MOST / BOUNCE_FAILURES_MOST - BOUNCE_FAILURE_BYTES };
	static char address[TEXTS - REASON], head[100000], reason[REASON + 1] = "5.1.1 no such mailb.";
	struct rcpt many[BOUNCE_FAILURES_MOST];
	struct bounce_failure f[BOUNCE_FAILURES_MOST];
	struct envelope e = envelope, made;
	struct arena arena = {.max_bytes = 1 << 16};
	struct buf out = {0};
	(void)state;
	memset(address, 'a', sizeof address);
	memset(head, 'h', sizeof head);
	for (uint16_t i = 0; i < BOUNCE_FAILURES_MOST; i++) {
		many[i] = (struct rcpt){.address = {address, sizeof address}};
		f[i] = (struct bounce_failure){i, span_make(reason, REASON)};
	}
	e.rcpts = many;
	e.n_rcpts = BOUNCE_FAILURES_MOST;
	bounce_compose("mx.example.net", &e, f, BOUNCE_FAILURES_MOST, span_make(head, sizeof head), SPAN("s@example.net"), &arena,
	    &out, &made);
	assert_int_equal(buf_done(&out), E_OK);
	assert_in_range(out.len, BOUNCE_BYTES_MOST * 2, SPOOL_SMALL_MAX);
	arena_reset(&arena);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_boundary),
	    cmocka_unit_test(test_no_line_of_a_stranger), cmocka_unit_test(test_same_failures_same_id),
	    cmocka_unit_test(test_part_has_the_id_of_its_addresses), cmocka_unit_test(test_largest_fits)};
	return cmocka_run_group_tests_name("bounce", tests, NULL, NULL);
}
