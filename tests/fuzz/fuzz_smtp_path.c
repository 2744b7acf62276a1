/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_path.c - paths, parameters, the argument of EHLO.
 * fuzz: smtpd/path.c common/mime/idn.c common/spool/dsn.c common/base/span.c common/base/buf.c common/base/base.c common/base/log.c common/base/clock.c common/base/id.c
 * libs: -lidn2
 */
#include "smtpd/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What is stored is one form of it: that stands for itself, within the lengths. */
static void
check_form(const struct buf *address)
{
	struct buf path = {0}, again = {0};
	struct path p;
	buf_ch(&path, '<');
	buf_span(&path, buf_as_span(address));
	buf_ch(&path, '>');
	struct span in = buf_as_span(&path);
	if (path.len > PATH_MAX_BYTES || path_parse(&in, &p) != E_OK || in.n)
		bug("an address that is none");
	path_put(&again, &p);
	if (!span_eq(buf_as_span(&again), buf_as_span(address)))
		bug("an address with two forms");
	buf_free(&path);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make(p, n), whole = in;
	struct path path;
	struct mail_params m;
	struct rcpt_params r;
	struct buf text = {0};
	(void)helo_parse(in);
	if (path_parse(&in, &path) == E_OK) {
		path_put(&text, &path);
		if (text.len > n)
			bug("an address longer than its path");
		check_form(&text);
		(void)mail_params_parse(in, &m);
		(void)rcpt_params_parse(in, n & 1, &r);
	} else if (in.p != whole.p || in.n != whole.n) {
		bug("refused, but consumed");
	}
	(void)mail_params_parse(whole, &m);
	buf_free(&text);
	return 0;
}
