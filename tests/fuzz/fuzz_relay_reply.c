/* SPDX-License-Identifier: ISC */
/*
 * fuzz_relay_reply.c - what a server answers, line by line, and read as its EHLO.
 * fuzz: queue/relay/reply.c queue/relay/ehlo.c
 */
#include <stdlib.h>

#include "queue/relay/ehlo.h"
#include "queue/relay/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
whole(struct reply *r)
{
	struct buf reason = {.max = 2 * REPLY_BYTES_MAX};
	struct ehlo e;
	if (r->code < 200 || r->code > 599 || r->n_lines > REPLY_LINES_MAX ||
	    r->text.len > REPLY_BYTES_MAX || r->status.n > REPLY_STATUS_MAX)
		abort();
	ehlo_parse(buf_as_span(&r->text), &e);
	if (e.name.n > r->text.len)
		abort();
	reply_reason(r, SPAN("mx.test"), "0.0", &reason);
	for (size_t i = 0; i < reason.len; i++)
		if (ch_ctl(reason.p[i]))
			abort();
	buf_free(&reason);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct reply r = {0};
	reply_reset(&r);
	while (in.n) {
		int err = reply_add(&r, span_cut(&in, '\n'));
		if (err == E_OK)
			whole(&r);
		if (err != E_MORE)
			reply_reset(&r);
	}
	reply_free(&r);
	return 0;
}
