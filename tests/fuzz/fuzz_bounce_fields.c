/* SPDX-License-Identifier: ISC */
/*
 * fuzz_bounce_fields.c - fields of a report from what strangers said: u8 flags, str ENVID, str ORCPT, str address, str reason.
 * No line is a stranger's, and what is for ASCII is ASCII.
 * fuzz: queue/bounce_fields.c common/spool/dsn.c
 */
#include "queue/bounce_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_line(struct span line, bool is_global)
{
	static const char *const known[] = {"Content-", "Original-",
	    "Reporting-MTA: ", "Arrival-Date: ", "Final-Recipient: ", "Action: ",
	    "Status: ", "Remote-MTA: ", "Diagnostic-Code: ", "Last-Attempt-Date: ",
	    "Will-Retry-Until: "};
	bool is_known = line.n == 0;
	for (size_t i = 0; i < COUNT(known); i++)
		is_known |= span_starts(line, span_of(known[i]));
	if (!is_known)
		bug("a line of a stranger");
	if (!is_global && !span_is_ascii(line))
		bug("other octets in a part of 7 bits");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rd r = rd_of(span_make(p, n));
	struct rcpt to = {.state = RCPT_WAITING};
	struct envelope e = {.arrived_sec = 1700000000, .n_rcpts = 1, .rcpts = &to};
	struct bounce_rcpt b = {.rcpt = 0};
	struct bounce_about x = {.envelope = &e,
	    .rcpts = &b,
	    .n = 1,
	    .attempt_sec = 1700000000,
	    .retry_until_sec = 1700009999};
	struct buf out = {0};
	uint8_t flags = rd_u8(&r);
	bool is_global = flags & 128;
	e.envid = rd_str(&r, 200);
	to.orcpt = rd_str(&r, 1000);
	to.address = rd_str(&r, 1000);
	b.reason = r.in;
	b.action =
	    (uint8_t)(ACTION_FAILED + (flags & 127) % (BOUNCE_ACTIONS - ACTION_FAILED));
	fields_put(&out, "mx.example.net", &x, is_global);
	struct span rest = buf_as_span(&out);
	while (rest.n) {
		size_t end = span_search(rest, SPAN("\r\n"));
		if (end == rest.n)
			bug("a line without an end");
		check_line(span_head(rest, end), is_global);
		rest = span_from(rest, end + 2);
	}
	for (size_t i = 0; i < out.len; i++)
		if (ch_ctl(out.p[i]) && out.p[i] != '\r' && out.p[i] != '\n')
			bug("a control character");
	buf_free(&out);
	return 0;
}
