/* SPDX-License-Identifier: ISC */
/*
 * fuzz_delegate.c - what a policy server answers; and items of the settings that name services.
 * fuzz: smtpd/policy/delegate_text.c common/conf/*.c common/mime/idn.c
 * libs: -lconfuse -lidn2 -lunistring
 */
#include <stdlib.h>

#include "conf/service.h"
#include "smtpd/policy/delegate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n), before = in;
	struct delegate_answer a;
	struct service s;
	while (delegate_parse(&in, &a) == E_OK) {
		if (in.n >= before.n || a.text.n > DELEGATE_TEXT_MAX ||
		    (a.action == DELEGATE_REFUSE && (a.code < 400 || a.code > 599)))
			abort();
		before = in;
	}
	if (in.n != before.n)
		abort();
	if (service_parse(span_make(data, n), &s) == E_OK &&
	    (s.where.n == 0 || s.path.n > SERVICE_PATH_MAX))
		abort();
	return 0;
}
