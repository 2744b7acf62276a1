/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dsn.c - values of NOTIFY, RET, ENVID, ORCPT: what is accepted can be shown and passed on.
 * fuzz: common/spool/dsn.c
 */
#include "spool/dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_line(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (ch_ctl(b->p[i]))
			bug("a control character in a field");
}

static void
check_orcpt(struct span in)
{
	struct buf field = {0}, global = {0}, server = {0};
	orcpt_put_field(&field, in, false);
	orcpt_put_field(&global, in, true);
	check_line(&field);
	check_line(&global);
	if (orcpt_check(in, true) == E_OK) {
		orcpt_put(&server, in, false);
		if (server.len <= DSN_ORCPT_MAX &&
		    orcpt_check(buf_as_span(&server), false) != E_OK)
			bug("passed on, and no ORCPT any more");
		if (!span_is_ascii(buf_as_span(&field)))
			bug("a report for ASCII with other octets");
	}
	buf_free(&field);
	buf_free(&global);
	buf_free(&server);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make(p, n);
	struct buf coded = {0}, plain = {0};
	uint8_t bits = 0, again = 0;
	if (notify_parse(in, &bits) == E_OK) {
		notify_put(&coded, bits);
		if (notify_parse(buf_as_span(&coded), &again) != E_OK || again != bits)
			bug("NOTIFY does not come back");
		buf_reset(&coded);
	}
	(void)ret_parse(in, &bits);
	xtext_put(&coded, in);
	if (xtext_decode(buf_as_span(&coded), &plain) != E_OK ||
	    !span_eq(buf_as_span(&plain), in))
		bug("xtext does not come back");
	buf_reset(&coded);
	buf_reset(&plain);
	(void)unitext_decode(in, &plain);
	buf_reset(&plain);
	envid_put(&plain, in);
	if (envid_check(in) == E_OK && !plain.len)
		bug("an ENVID that was taken cannot be shown");
	check_orcpt(in);
	buf_free(&coded);
	buf_free(&plain);
	return 0;
}
