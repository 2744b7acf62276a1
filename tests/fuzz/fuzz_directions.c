/* SPDX-License-Identifier: ISC */
/*
 * fuzz_directions.c - what a keeper reads in new/: names of files, and directions.  What was read is written, and read again
 * the same.
 * fuzz: common/store/directions.c common/store/name.c
 */
#include <stdlib.h>

#include "store/directions.h"
#include "store/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
try_directions(struct span text)
{
	struct directions d;
	struct buf again = {0};
	if (directions_get(text, &d) != E_OK)
		return;
	directions_put(&again, &d);
	if (!span_eq(text, buf_as_span(&again)))
		abort();
	buf_free(&again);
}

static void
try_name(struct span text)
{
	struct file_name f;
	struct file_id id;
	struct buf again = {0};
	if (file_name_parse(text, &f) == E_OK) {
		file_name_put(&again, &f);
		if (!span_eq(text, buf_as_span(&again)) || again.len >= NAME_NEW_MAX)
			abort();
	}
	buf_reset(&again);
	if (directions_name_parse(text, &id) == E_OK) {
		directions_name_put(&again, id);
		if (!span_ieq(text, buf_as_span(&again)))
			abort();
	}
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	try_directions(span_make(p, n));
	try_name(span_make(p, n));
	return 0;
}
