/* SPDX-License-Identifier: ISC */
/* counter.c - buckets that slide. */
#include "smtpd/budget/counter.h"

#include <string.h>

static const int64_t bucket_sec[BUDGET_WINDOWS] = {
    [BUDGET_HOUR] = COUNTER_HOUR_SEC, [BUDGET_DAY] = COUNTER_DAY_SEC};
static const size_t buckets[BUDGET_WINDOWS] = {
    [BUDGET_HOUR] = COUNTER_HOUR_BUCKETS, [BUDGET_DAY] = COUNTER_BUCKETS};

static void
slide(uint32_t *n, size_t count, size_t by)
{
	if (by > count)
		by = count;
	memmove(n + by, n, (count - by) * sizeof *n);
	memset(n, 0, by * sizeof *n);
}

void
counters_advance(struct counters *c, int64_t now_sec)
{
	for (size_t w = 0; w < BUDGET_WINDOWS; w++) {
		int64_t now = now_sec / bucket_sec[w];
		int64_t by = now - c->newest[w];
		for (size_t i = 0; i < BUDGET_WHATS && by > 0; i++)
			slide(c->n[i][w], buckets[w],
			    by < COUNTER_BUCKETS ? (size_t)by : COUNTER_BUCKETS);
		c->newest[w] = now;
	}
}

uint64_t
counters_sum(const struct counters *c, enum budget_what what, enum budget_window window)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < buckets[window]; i++)
		sum += c->n[what][window][i];
	return sum;
}

void
counters_add(struct counters *c, enum budget_what what, uint32_t by)
{
	for (size_t w = 0; w < BUDGET_WINDOWS; w++) {
		uint32_t *n = &c->n[what][w][0];
		*n = by < UINT32_MAX - *n ? *n + by : UINT32_MAX;
	}
}

bool
counters_fit(const struct counters *c, const uint32_t more[BUDGET_WHATS],
    const struct budget *budget, struct overrun *out)
{
	for (size_t w = 0; w < BUDGET_WINDOWS; w++)
		for (size_t i = 0; i < BUDGET_WHATS; i++) {
			uint32_t most = budget->most[i][w];
			if (!most || counters_sum(c, i, w) + more[i] <= most)
				continue;
			*out = (struct overrun){i, w, most};
			return false;
		}
	return true;
}

void
counters_put(struct buf *b, const struct counters *c)
{
	buf_u64(b, (uint64_t)c->used_sec);
	buf_u32(b, c->n_known);
	for (size_t w = 0; w < BUDGET_WINDOWS; w++) {
		buf_u64(b, (uint64_t)c->newest[w]);
		for (size_t i = 0; i < BUDGET_WHATS; i++)
			for (size_t k = 0; k < buckets[w]; k++)
				buf_u32(b, c->n[i][w][k]);
	}
}

int
counters_get(struct span in, struct counters *out)
{
	struct rd r = rd_of(in);
	*out = (struct counters){.used_sec = (int64_t)rd_u64(&r)};
	out->n_known = rd_u32(&r);
	for (size_t w = 0; w < BUDGET_WINDOWS; w++) {
		out->newest[w] = (int64_t)rd_u64(&r);
		for (size_t i = 0; i < BUDGET_WHATS; i++)
			for (size_t k = 0; k < buckets[w]; k++)
				out->n[i][w][k] = rd_u32(&r);
	}
	return rd_end(&r);
}
