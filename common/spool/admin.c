/* SPDX-License-Identifier: ISC */
/* admin.c - entries of the queue on the wire to the command. */
#include "spool/admin.h"

#include <string.h>

void
admin_entry_put(struct buf *b, const struct admin_entry *e)
{
	buf_put(b, e->id.b, ID_BYTES);
	buf_u8(b, e->state);
	buf_u64(b, e->size_bytes);
	buf_u64(b, (uint64_t)e->arrived_sec);
	buf_u64(b, (uint64_t)e->next_sec);
	buf_u32(b, e->attempts);
	buf_bytes(b, e->sender);
	buf_u32(b, e->n_rcpts);
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		buf_bytes(b, e->rcpts[i].address);
		buf_u8(b, e->rcpts[i].state);
		buf_bytes(b, span_head(e->rcpts[i].reason, ADMIN_REASON_MAX));
	}
	buf_bytes(b, e->account);
}

int
admin_entry_get(struct rd *r, struct arena *arena, struct admin_entry *out)
{
	memset(out, 0, sizeof *out);
	rd_id(r, &out->id);
	out->state = rd_u8(r);
	out->size_bytes = rd_u64(r);
	out->arrived_sec = (int64_t)rd_u64(r);
	out->next_sec = (int64_t)rd_u64(r);
	out->attempts = rd_u32(r);
	out->sender = rd_str(r, ENVELOPE_PATH_MAX);
	uint32_t n = rd_u32(r);
	if (r->err != E_OK || n > ENVELOPE_RCPTS_MAX)
		return E_BAD;
	out->rcpts = arena_get(arena, n * sizeof *out->rcpts);
	if (!out->rcpts)
		return E_LIMIT;
	for (; out->n_rcpts < n; out->n_rcpts++) {
		struct admin_rcpt *rcpt = &out->rcpts[out->n_rcpts];
		rcpt->address = rd_str(r, ENVELOPE_PATH_MAX);
		rcpt->state = rd_u8(r);
		rcpt->reason = rd_str(r, ADMIN_REASON_MAX);
	}
	out->account = rd_str(r, ENVELOPE_PATH_MAX);
	return r->err;
}

void
admin_refused_put(struct buf *b, const struct admin_refused *r)
{
	buf_bytes(b, r->address);
	buf_u32(b, r->count);
	buf_u64(b, (uint64_t)r->first_sec);
	buf_u64(b, (uint64_t)r->last_sec);
	buf_bytes(b, span_head(r->reason, ADMIN_REASON_MAX));
	buf_u8(b, r->is_suppressed);
}

int
admin_refused_get(struct rd *r, struct admin_refused *out)
{
	*out = (struct admin_refused){.address = rd_str(r, ENVELOPE_PATH_MAX)};
	out->count = rd_u32(r);
	out->first_sec = (int64_t)rd_u64(r);
	out->last_sec = (int64_t)rd_u64(r);
	out->reason = rd_str(r, ADMIN_REASON_MAX);
	out->is_suppressed = rd_u8(r) == 1;
	return r->err;
}

void
admin_report_put(struct buf *b, const struct admin_report *r)
{
	buf_u32(b, r->day);
	buf_bytes(b, r->domain);
	buf_u64(b, r->n_fine);
	buf_u64(b, r->n_failed);
	buf_u64(b, (uint64_t)r->due_sec);
	buf_u32(b, r->attempts);
}

int
admin_report_get(struct rd *r, struct admin_report *out)
{
	*out = (struct admin_report){.day = rd_u32(r)};
	out->domain = rd_str(r, ENVELOPE_PATH_MAX);
	out->n_fine = rd_u64(r);
	out->n_failed = rd_u64(r);
	out->due_sec = (int64_t)rd_u64(r);
	out->attempts = rd_u32(r);
	return r->err == E_OK ? E_OK : E_BAD;
}
