/* SPDX-License-Identifier: ISC */
/*
 * fuzz_job.c - jobs, results and rows of the queue, as they come from other processes.
 * fuzz: common/spool/job.c common/spool/admin.c common/base/base.c common/base/buf.c common/base/span.c common/base/arena.c
 * fuzz: common/base/clock.c common/base/id.c common/base/log.c
 */
#include "spool/admin.h"
#include "spool/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct job_in job;
	struct job_result result;
	struct admin_entry entry;
	struct admin_refused refused;
	struct rd r = rd_of(span_make(data, n));
	while (r.in.n && job_get(&r, &arena, &job) == E_OK)
		continue;
	r = rd_of(span_make(data, n));
	while (r.in.n && job_result_get(&r, &arena, &result) == E_OK)
		continue;
	r = rd_of(span_make(data, n));
	while (r.in.n && admin_entry_get(&r, &arena, &entry) == E_OK)
		continue;
	r = rd_of(span_make(data, n));
	while (r.in.n && admin_refused_get(&r, &refused) == E_OK)
		continue;
	arena_reset(&arena);
	return 0;
}
