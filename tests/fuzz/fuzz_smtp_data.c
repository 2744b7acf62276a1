/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_data.c - a message as DATA sends it: whole and byte by byte, the same comes out.
 * fuzz: smtpd/data.c common/base/span.c common/base/buf.c common/base/base.c common/base/log.c common/base/clock.c common/base/id.c
 */
#include "base/buf.h"
#include "smtpd/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct run {
	struct data_scan scan;
	struct head_scan head;
	struct buf out;
	size_t used;
	bool has_end;
	struct buf blank; /* out without bare CR and LF */
	bool has_cr;
};

/* What is left has no CR and no LF but CRLF. */
static void
check_blank(const struct run *r)
{
	struct span s = buf_as_span(&r->blank);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\n'
			? !i || s.p[i - 1] != '\r'
			: s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			bug("a bare CR or LF is left");
	if (s.n + r->has_cr != r->out.len)
		bug("a message of another length");
}

static void
run(struct run *r, struct span all, size_t step)
{
	for (*r = (struct run){0}; r->used < all.n && !r->has_end;) {
		struct span part = span_head(span_from(all, r->used), step), piece;
		size_t given = part.n;
		enum data_event e;
		while ((e = data_next(&r->scan, &part, &piece)) == DATA_PIECE) {
			struct span in = piece, part_of_it;
			buf_span(&r->out, piece);
			while (blank_next(&r->has_cr, &in, &part_of_it))
				buf_span(&r->blank, part_of_it);
			head_feed(&r->head, piece);
		}
		r->has_end = e == DATA_END;
		r->used += given - part.n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct run a, b;
	run(&a, span_make(p, n), n);
	run(&b, span_make(p, n), 1);
	if (a.has_end != b.has_end || a.used != b.used ||
	    !span_eq(buf_as_span(&a.out), buf_as_span(&b.out)))
		bug("pieces matter");
	check_blank(&a);
	if (!span_eq(buf_as_span(&a.blank), buf_as_span(&b.blank)))
		bug("pieces matter to blanks");
	if (a.has_end && data_has_long(&a.scan) != data_has_long(&b.scan))
		bug("pieces matter to long lines");
	if (a.has_end && data_has_bare(&a.scan) != data_has_bare(&b.scan))
		bug("pieces matter to bare CR and LF");
	if (a.head.n_received != b.head.n_received || a.head.is_over != b.head.is_over)
		bug("pieces matter to the header");
	buf_free(&a.out);
	buf_free(&b.out);
	buf_free(&a.blank);
	buf_free(&b.blank);
	return 0;
}
