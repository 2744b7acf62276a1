/* SPDX-License-Identifier: ISC */
/* envelope.c - the envelope on the wire and in the journal. */
#include "spool/envelope.h"

#include <string.h>

enum { ENVELOPE_VERSION = 2, ENVELOPE_NO_RELEASE = 1 };

static void
rcpt_put(struct buf *out, const struct rcpt *r)
{
	buf_bytes(out, r->address);
	buf_bytes(out, r->orcpt);
	buf_u8(out, r->notify);
	buf_u8(out, r->state);
}

static void
rcpt_get(struct rd *r, struct rcpt *out)
{
	out->address = rd_str(r, ENVELOPE_PATH_MAX);
	out->orcpt = rd_str(r, ENVELOPE_ORCPT_MAX);
	out->notify = rd_u8(r);
	out->state = rd_u8(r);
}

void
envelope_put(struct buf *out, const struct envelope *e)
{
	buf_u8(out, ENVELOPE_VERSION);
	buf_put(out, e->id.b, ID_BYTES);
	buf_u32(out, e->flags);
	buf_u64(out, e->size_bytes);
	buf_put(out, e->sha256, sizeof e->sha256);
	buf_u32(out, e->head_bytes);
	buf_u64(out, (uint64_t)e->arrived_sec);
	buf_u64(out, (uint64_t)e->release_sec);
	buf_bytes(out, e->sender);
	buf_bytes(out, e->account);
	buf_bytes(out, e->client);
	buf_bytes(out, e->envid);
	buf_u8(out, e->ret);
	buf_u32(out, e->n_rcpts);
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		rcpt_put(out, &e->rcpts[i]);
}

int
envelope_get(struct span in, struct arena *arena, struct envelope *out)
{
	struct rd r = rd_of(in);
	uint8_t version = rd_u8(&r);
	memset(out, 0, sizeof *out);
	rd_id(&r, &out->id);
	out->flags = rd_u32(&r);
	out->size_bytes = rd_u64(&r);
	struct span sha = rd_bytes(&r, sizeof out->sha256);
	memcpy(out->sha256, sha.p, sha.n);
	out->head_bytes = rd_u32(&r);
	out->arrived_sec = (int64_t)rd_u64(&r);
	if (version != ENVELOPE_NO_RELEASE)
		out->release_sec = (int64_t)rd_u64(&r);
	out->sender = rd_str(&r, ENVELOPE_PATH_MAX);
	out->account = rd_str(&r, ENVELOPE_PATH_MAX);
	out->client = rd_str(&r, ENVELOPE_PATH_MAX);
	out->envid = rd_str(&r, ENVELOPE_ENVID_MAX);
	out->ret = rd_u8(&r);
	uint32_t n = rd_u32(&r);
	if (r.err != E_OK || version == 0 || version > ENVELOPE_VERSION ||
	    n > ENVELOPE_RCPTS_MAX)
		return E_BAD;
	out->rcpts = arena_get(arena, n * sizeof *out->rcpts);
	if (!out->rcpts)
		return E_LIMIT;
	for (out->n_rcpts = 0; out->n_rcpts < n; out->n_rcpts++)
		rcpt_get(&r, &out->rcpts[out->n_rcpts]);
	return rd_end(&r);
}

_Static_assert(ENVELOPE_RCPTS_MAX <= 1 << MARK_INDEX_BITS, "an index fits into a mark");

uint16_t
mark_make(uint32_t index, uint8_t state)
{
	return (
	    uint16_t)(index |
		      (state == RCPT_DONE ? 0u : (unsigned)state << MARK_INDEX_BITS));
}

uint16_t
mark_index(uint16_t mark)
{
	return mark & ((1u << MARK_INDEX_BITS) - 1);
}

uint8_t
mark_apply(uint16_t mark, uint8_t state)
{
	uint8_t to = (uint8_t)(mark >> MARK_INDEX_BITS), from = state & RCPT_STATES;
	bool is_waiting = from == RCPT_WAITING || from == RCPT_HELD;
	if (to == 0)
		return RCPT_DONE;
	if (!is_waiting)
		return state;
	return to & RCPT_BESIDE ? state | to : to;
}
