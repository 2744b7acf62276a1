/* SPDX-License-Identifier: ISC */
/* order.c - orders and answers on the wire between placers and agents. */
#include "deliver/order.h"

#include "proc/ask.h"

/* ---- an order ---- */

void
order_put(struct buf *out, const struct agent_order *o)
{
	buf_put(out, o->id.b, FILE_ID_BYTES);
	buf_u64(out, o->size_bytes);
	buf_bytes(out, o->address);
	buf_bytes(out, o->to);
	buf_bytes(out, o->orig_to);
	buf_u8(out, o->is_own);
	buf_bytes(out, o->sender);
	buf_bytes(out, o->account);
	buf_bytes(out, o->envid);
	buf_bytes(out, o->orcpt);
	buf_u8(out, o->ret);
	buf_u8(out, o->notify);
}

int
order_get(struct span in, struct agent_order *out)
{
	struct rd r = rd_of(in);
	*out = (struct agent_order){.size_bytes = 0};
	rd_file_id(&r, &out->id);
	out->size_bytes = rd_u64(&r);
	out->address = rd_str(&r, ORDER_ADDRESS_MAX);
	out->to = rd_str(&r, ORDER_ADDRESS_MAX);
	out->orig_to = rd_str(&r, ORDER_ADDRESS_MAX);
	out->is_own = rd_u8(&r) == 1;
	out->sender = rd_str(&r, ENVELOPE_PATH_MAX);
	out->account = rd_str(&r, ENVELOPE_PATH_MAX);
	out->envid = rd_str(&r, ENVELOPE_ENVID_MAX);
	out->orcpt = rd_str(&r, ENVELOPE_ORCPT_MAX);
	out->ret = rd_u8(&r);
	out->notify = rd_u8(&r);
	out->message = r.in;
	return r.err == E_OK ? E_OK : E_BAD;
}

/* ---- an answer ---- */

enum { NOTIFY_MOST = NOTIFY_NEVER | NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY };

enum answer_bit { ANSWER_FAILED = 1, ANSWER_IS_DONE = 2, ANSWER_WANTS_DONE = 4 };

enum store_bit { STORE_IS_TEXT = 1, STORE_HAS_HEAD = 2, STORE_HAS_BODY = 4 };

static uint8_t
made_bits(bool has_head, bool has_body)
{
	return (
	    uint8_t)((has_head ? STORE_HAS_HEAD : 0) | (has_body ? STORE_HAS_BODY : 0));
}

static void
store_put(struct buf *out, const struct agent_store *s)
{
	buf_u16(out, s->number);
	buf_u8(out, (uint8_t)((s->is_text ? STORE_IS_TEXT : 0) |
			      made_bits(s->has_head, s->has_body)));
	buf_bytes(out, s->directions);
	buf_bytes(out, s->text);
	buf_bytes(out, s->body);
	buf_u64(out, s->body_at);
}

static int
store_get(struct rd *r, struct agent_store *out)
{
	struct directions d;
	out->number = rd_u16(r);
	uint8_t bits = rd_u8(r);
	out->is_text = bits & STORE_IS_TEXT;
	out->has_head = bits & STORE_HAS_HEAD;
	out->has_body = bits & STORE_HAS_BODY;
	out->directions = rd_str(r, DIRECTIONS_BYTES_MAX);
	out->text = rd_str(r, ANSWER_BYTES_MAX);
	out->body = rd_str(r, ANSWER_BYTES_MAX);
	out->body_at = rd_u64(r);
	if (r->err != E_OK || (out->is_text && (out->has_head || !out->text.n)) ||
	    (out->has_body && !out->has_head) || (!out->has_body && out->body.n) ||
	    (!out->is_text && !out->has_head && out->text.n) ||
	    (out->has_head && out->text.n > ANSWER_HEAD_MAX))
		return E_BAD;
	/* what the keeper could not read leaves it in INBOX; here the asker would be wrong */
	return out->directions.n ? directions_get(out->directions, &d) : E_OK;
}

static void
send_put(struct buf *out, const struct agent_send *s)
{
	buf_u8(out, s->kind);
	buf_u16(out, s->number);
	buf_u8(out, s->notify);
	buf_u8(out, s->ret);
	buf_u8(out, made_bits(s->has_head, s->has_body));
	buf_bytes(out, s->fields);
	buf_bytes(out, s->text);
	buf_bytes(out, s->body);
	buf_u64(out, s->body_at);
	buf_u16(out, s->n_rcpts);
	for (uint16_t i = 0; i < s->n_rcpts; i++)
		buf_bytes(out, s->rcpts[i]);
}

static int
send_get(struct rd *r, struct arena *arena, struct agent_send *out)
{
	out->kind = rd_u8(r);
	out->number = rd_u16(r);
	out->notify = rd_u8(r);
	out->ret = rd_u8(r);
	uint8_t bits = rd_u8(r);
	out->has_head = bits & STORE_HAS_HEAD;
	out->has_body = bits & STORE_HAS_BODY;
	out->fields = rd_str(r, ANSWER_HEAD_MAX);
	out->text = rd_str(r, ANSWER_BYTES_MAX);
	out->body = rd_str(r, ANSWER_BYTES_MAX);
	out->body_at = rd_u64(r);
	out->n_rcpts = rd_u16(r);
	/* what is passed on is the message, maybe made anew */
	bool is_redirect = out->kind == SEND_REDIRECT || out->kind == SEND_PIPE;
	if (r->err != E_OK || out->kind < SEND_REDIRECT || out->kind > SEND_PIPE ||
	    out->n_rcpts == 0 || out->n_rcpts > ANSWER_RCPTS_MOST ||
	    out->notify > NOTIFY_MOST || out->ret > RET_HDRS ||
	    (!is_redirect && (out->has_head || out->fields.n || !out->text.n)) ||
	    (is_redirect && !out->has_head && out->text.n) ||
	    (out->has_body && !out->has_head) || (!out->has_body && out->body.n))
		return E_BAD;
	struct span *rcpts = arena_get(arena, out->n_rcpts * sizeof *rcpts);
	if (!rcpts)
		return E_LIMIT;
	for (uint16_t i = 0; i < out->n_rcpts; i++) {
		rcpts[i] = rd_str(r, ENVELOPE_PATH_MAX);
		if (r->err != E_OK || !envelope_address_check(rcpts[i]))
			return E_BAD;
	}
	out->rcpts = rcpts;
	return E_OK;
}

void
answer_put(struct buf *out, const struct agent_answer *a)
{
	buf_u8(out, (uint8_t)((a->has_failed ? ANSWER_FAILED : 0) |
			      (a->is_done ? ANSWER_IS_DONE : 0) |
			      (a->wants_done ? ANSWER_WANTS_DONE : 0)));
	buf_u16(out, (uint16_t)a->n_stores);
	for (size_t i = 0; i < a->n_stores; i++)
		store_put(out, &a->stores[i]);
	buf_u16(out, (uint16_t)a->n_sends);
	for (size_t i = 0; i < a->n_sends; i++)
		send_put(out, &a->sends[i]);
}

int
answer_get(struct span in, struct arena *arena, struct agent_answer *out)
{
	struct rd r = rd_of(in);
	int err = E_OK;
	uint8_t bits = rd_u8(&r);
	*out = (struct agent_answer){.has_failed = bits & ANSWER_FAILED,
	    .is_done = bits & ANSWER_IS_DONE,
	    .wants_done = bits & ANSWER_WANTS_DONE};
	uint16_t n = rd_u16(&r);
	if (r.err != E_OK || n > ANSWER_STORES_MOST)
		return E_BAD;
	out->stores = arena_get(arena, (n + 1u) * sizeof *out->stores);
	if (!out->stores)
		return E_LIMIT;
	for (; out->n_stores < n && err == E_OK; out->n_stores++)
		err = store_get(&r, &out->stores[out->n_stores]);
	n = rd_u16(&r);
	if (err != E_OK || r.err != E_OK || n > ANSWER_SENDS_MOST)
		return E_BAD;
	out->sends = arena_get(arena, (n + 1u) * sizeof *out->sends);
	if (!out->sends)
		return E_LIMIT;
	for (; out->n_sends < n && err == E_OK; out->n_sends++)
		err = send_get(&r, arena, &out->sends[out->n_sends]);
	return err == E_OK ? rd_end(&r) : err;
}

/* ---- in pieces ---- */

void
order_send_begin(struct order_sending *s, int chan, uint16_t type, int64_t deadline)
{
	*s = (struct order_sending){.chan = chan,
	    .type = type,
	    .deadline = deadline,
	    .piece = {.max = ASK_MSG_MAX - 2}};
	buf_u8(&s->piece, false);
}

static void
send_piece(struct order_sending *s, bool is_last)
{
	s->piece.p[0] = (char)is_last;
	if (s->err == E_OK)
		s->err =
		    ask_send(s->chan, s->type, buf_as_span(&s->piece), -1, s->deadline);
	buf_cut(&s->piece, 1);
}

void
order_send_bytes(struct order_sending *s, struct span bytes)
{
	while (bytes.n && s->err == E_OK) {
		struct span part = span_head(bytes, ORDER_CHUNK + 1 - s->piece.len);
		buf_span(&s->piece, part);
		bytes = span_from(bytes, part.n);
		if (s->piece.len > ORDER_CHUNK)
			send_piece(s, false);
	}
}

int
order_send_end(struct order_sending *s)
{
	send_piece(s, true);
	buf_free(&s->piece);
	return s->err;
}

void
order_send_drop(struct order_sending *s)
{
	buf_free(&s->piece);
}

int
order_piece(struct rd *body, struct buf *out)
{
	uint8_t is_last = rd_u8(body);
	if (body->err != E_OK || is_last > 1)
		return E_BAD;
	buf_span(out, body->in);
	if (buf_done(out) != E_OK)
		return E_LIMIT;
	return is_last ? E_OK : E_MORE;
}
