/* SPDX-License-Identifier: ISC */
/*
 * fuzz_authres.c - Authentication-Results: what is read and written anew reads the same; text cannot add a result.
 * fuzz: common/dkim/authres.c common/mime/header.c common/mime/lex.c
 */
#include "dkim/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Any bytes in each place: one result, with its one property. */
static void
check_written(struct span text)
{
	struct authres a = {0};
	struct buf out = {0};
	struct arena arena = {0};
	struct authres_reader r;
	struct authres_read read;
	authres_result(&a, "spf", "pass");
	authres_comment(&a, text);
	authres_reason(&a, text);
	authres_prop(&a, "smtp.helo", text);
	authres_put(&a, SPAN("A:"), text.n ? text : SPAN("x"), &out);
	struct span field = buf_as_span(&out);
	if (!span_is_ascii(field) || !span_ends(field, SPAN("\r\n")))
		bug("not a field");
	if (authres_open(span_from(field, 2), &arena, &r) != E_OK ||
	    authres_next(&r, &read) != E_OK || read.n_props != 1 ||
	    !span_eqs(read.result, "pass"))
		bug("what was written cannot be read");
	if (authres_next(&r, &read) != E_MORE)
		bug("text added a result");
	buf_free(&out);
	arena_reset(&arena);
	authres_done(&a);
}

static void
check_read(struct span value)
{
	struct arena arena = {0};
	struct authres_reader r;
	struct authres_read read;
	if (authres_open(value, &arena, &r) == E_OK)
		while (authres_next(&r, &read) == E_OK)
			if (read.method.n == 0 || read.result.n == 0 ||
			    read.n_props > AUTHRES_PROPS_MAX)
				bug("a result without a name");
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n), head = in, whole;
	check_written(in);
	check_read(in);
	while (authres_claim_next(&head, SPAN("mx.example.org"), &whole) == E_OK)
		if (whole.p < in.p || whole.p + whole.n > in.p + in.n || whole.n == 0)
			bug("a field outside the header");
	return 0;
}
