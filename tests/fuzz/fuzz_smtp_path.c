/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_path.c - paths, parameters, the argument of EHLO.
 * fuzz: smtpd/path.c common/spool/dsn.c common/base/span.c common/base/buf.c common/base/base.c common/base/log.c common/base/clock.c common/base/id.c
 */
#include "smtpd/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

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
		(void)mail_params_parse(in, &m);
		(void)rcpt_params_parse(in, n & 1, &r);
	} else if (in.p != whole.p || in.n != whole.n) {
		bug("refused, but consumed");
	}
	(void)mail_params_parse(whole, &m);
	buf_free(&text);
	return 0;
}
