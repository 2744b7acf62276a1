/* SPDX-License-Identifier: ISC */
/* job.c - jobs and their results on the wire between scheduler and placer. */
#include "spool/job.h"

#include <string.h>

void
job_put(struct buf *out, const struct job *j)
{
	const struct envelope *e = j->envelope;
	buf_u8(out, j->ref.source);
	buf_u32(out, j->ref.segment);
	buf_u64(out, j->ref.offset);
	buf_put(out, e->id.b, ID_BYTES);
	buf_u64(out, e->size_bytes);
	buf_put(out, e->sha256, sizeof e->sha256);
	buf_u32(out, e->flags);
	buf_u32(out, e->head_bytes);
	buf_bytes(out, e->sender);
	buf_bytes(out, e->account);
	buf_bytes(out, e->envid);
	buf_u8(out, e->ret);
	buf_u16(out, j->n_which);
	for (uint16_t i = 0; i < j->n_which; i++) {
		const struct rcpt *rcpt = &e->rcpts[j->which[i]];
		buf_u16(out, j->which[i]);
		buf_bytes(out, rcpt->address);
		buf_bytes(out, rcpt->orcpt);
		buf_u8(out, rcpt->notify);
	}
}

int
job_get(struct rd *r, struct arena *arena, struct job_in *out)
{
	memset(out, 0, sizeof *out);
	out->ref.source = rd_u8(r);
	out->ref.segment = rd_u32(r);
	out->ref.offset = rd_u64(r);
	rd_id(r, &out->id);
	out->size_bytes = rd_u64(r);
	struct span sha = rd_bytes(r, sizeof out->sha256);
	memcpy(out->sha256, sha.p, sha.n);
	out->flags = rd_u32(r);
	out->is_junk = (out->flags & ENV_QUARANTINE) != 0;
	out->head_bytes = rd_u32(r);
	out->sender = rd_str(r, ENVELOPE_PATH_MAX);
	out->account = rd_str(r, ENVELOPE_PATH_MAX);
	out->envid = rd_str(r, ENVELOPE_ENVID_MAX);
	out->ret = rd_u8(r);
	uint16_t n = rd_u16(r);
	if (r->err != E_OK || n > ENVELOPE_RCPTS_MAX || out->ref.source < JOB_JOURNAL ||
	    out->ref.source > JOB_DEFERRED)
		return E_BAD;
	out->rcpts = arena_get(arena, n * sizeof *out->rcpts);
	if (!out->rcpts)
		return E_LIMIT;
	for (; out->n_rcpts < n; out->n_rcpts++) {
		out->rcpts[out->n_rcpts].index = rd_u16(r);
		out->rcpts[out->n_rcpts].address = rd_str(r, ENVELOPE_PATH_MAX);
		out->rcpts[out->n_rcpts].orcpt = rd_str(r, ENVELOPE_ORCPT_MAX);
		out->rcpts[out->n_rcpts].notify = rd_u8(r);
	}
	return r->err;
}

void
job_result_put(struct buf *out, const struct job_result *j)
{
	buf_put(out, j->id.b, ID_BYTES);
	buf_u16(out, j->rcpt);
	buf_u8(out, j->outcome);
	buf_u8(out, j->is_notified);
	buf_bytes(out, span_head(j->reason, JOB_REASON_MAX));
	buf_u16(out, j->n_mailboxes);
	buf_u8(out, j->forward_as);
	buf_bytes(out, j->forward_sender);
	buf_u16(out, j->n_forwards);
	for (uint16_t i = 0; i < j->n_forwards; i++)
		buf_bytes(out, j->forwards[i]);
}

int
job_result_get(struct rd *r, struct arena *arena, struct job_result *out)
{
	memset(out, 0, sizeof *out);
	rd_id(r, &out->id);
	out->rcpt = rd_u16(r);
	out->outcome = rd_u8(r);
	out->is_notified = rd_u8(r) != 0;
	out->reason = rd_str(r, JOB_REASON_MAX);
	out->n_mailboxes = rd_u16(r);
	out->forward_as = rd_u8(r);
	out->forward_sender = rd_str(r, ENVELOPE_PATH_MAX);
	uint16_t n = rd_u16(r);
	if (r->err != E_OK || n > JOB_FORWARDS_MAX || out->outcome < JOB_PLACED ||
	    out->outcome > JOB_PERM || out->forward_as >= FORWARD_KINDS)
		return E_BAD;
	struct span *forwards = arena_get(arena, n * sizeof *forwards);
	if (!forwards)
		return E_LIMIT;
	for (out->n_forwards = 0; out->n_forwards < n; out->n_forwards++)
		forwards[out->n_forwards] = rd_str(r, ENVELOPE_PATH_MAX);
	out->forwards = forwards;
	return r->err;
}

int
job_results_each(struct rd *body, void (*fn)(void *ctx, const struct job_result *),
    void *ctx, uint16_t *n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	int err = E_OK;
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n && err == E_OK; i++) {
		struct job_result r;
		err = job_result_get(body, &arena, &r);
		if (err == E_OK)
			fn(ctx, &r);
		arena_reset(&arena);
	}
	return err == E_OK ? rd_end(body) : err;
}
