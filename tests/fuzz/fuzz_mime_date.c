/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_date.c - dates of messages and of IMAP: what is read can be written and read again.
 * fuzz: common/mime/date.c common/mime/lex.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_back(const struct date *d)
{
	struct buf text = {0};
	struct date back;
	if (d->zone_min > DATE_ZONE_MIN_MAX || d->zone_min < -DATE_ZONE_MIN_MAX)
		abort();
	date_imap_put(&text, d->unix_sec, d->zone_min);
	/* the last second of the year 9999 may be a leap second */
	if (text.len == 26 &&
	    (date_imap_parse(buf_as_span(&text), &back) != E_OK ||
		back.unix_sec != d->unix_sec || back.zone_min != d->zone_min))
		abort();
	if (text.len != 26 && d->unix_sec < 253402214400)
		abort();
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct date d;
	int32_t day;
	if (date_parse(in, &d) == E_OK)
		check_back(&d);
	if (date_imap_parse(in, &d) == E_OK)
		check_back(&d);
	if (date_imap_day_parse(in, &day) == E_OK && (day < -719162 || day > 2932896))
		abort();
	return 0;
}
