/* SPDX-License-Identifier: ISC */
/* event_row.c - a row of the table "events" as bytes.  Pure. */
#include "store/events.h"

void
event_row_encode(struct buf *out, const struct event_row *e)
{
	buf_u8(out, (uint8_t)e->cause);
	buf_u8(out, e->tries);
	buf_u8(out, e->is_taken);
	buf_u64(out, e->at_us);
	buf_u32(out, e->mailbox);
	buf_bytes(out, e->who);
	buf_bytes(out, e->from);
	buf_bytes(out, e->from_use);
	buf_u32(out, e->flags);
	buf_u16(out, (uint16_t)e->n_keywords);
	for (size_t i = 0; i < e->n_keywords; i++)
		buf_bytes(out, e->keywords[i]);
	numset_encode(out, e->uids.ranges, e->uids.n);
}

int
event_row_decode(uint64_t number, struct span row, struct event_row *out)
{
	struct rd r = rd_of(row);
	*out = (struct event_row){.number = number};
	uint8_t cause = rd_u8(&r);
	out->tries = rd_u8(&r);
	out->is_taken = rd_u8(&r) == 1;
	out->at_us = rd_u64(&r);
	out->mailbox = rd_u32(&r);
	out->who = rd_str(&r, EVENT_WHO_MAX);
	out->from = rd_str(&r, STORE_NAME_MAX);
	out->from_use = rd_str(&r, STORE_NAME_MAX);
	out->flags = rd_u32(&r);
	uint16_t n = rd_u16(&r);
	if (r.err != E_OK || cause >= EVENT_CAUSES || n > STORE_KEYWORDS_MAX)
		return E_BAD;
	out->cause = cause;
	for (; out->n_keywords < n; out->n_keywords++)
		out->keywords[out->n_keywords] = rd_str(&r, STORE_KEYWORD_MAX);
	if (r.err != E_OK || numset_decode(&r, &out->uids) != E_OK)
		return E_BAD;
	return rd_end(&r) == E_OK ? E_OK : E_BAD;
}
