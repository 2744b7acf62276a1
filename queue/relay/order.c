/* SPDX-License-Identifier: ISC */
/* order.c - hops and orders on the wire between scheduler and relay. */
#include "queue/relay/order.h"

#include <string.h>

#include "conf/route.h"

enum {
	HOP_LMTP = 1,
	HOP_NO_POLICIES = 2,
	HOP_REQUIRES_TLS = 4,
	HOP_ASKING = 8,
	HOP_FLAGS = 15
};

void
hop_put(struct buf *out, const struct hop *h)
{
	buf_u8(out, h->kind);
	buf_u8(out, h->tls);
	buf_u8(out, (uint8_t)((h->is_lmtp ? HOP_LMTP : 0) |
			      (h->has_no_policies ? HOP_NO_POLICIES : 0) |
			      (h->requires_tls ? HOP_REQUIRES_TLS : 0) |
			      (h->is_asking ? HOP_ASKING : 0)));
	buf_u16(out, h->port);
	buf_u16(out, h->route);
	buf_u16(out, h->source);
	buf_bytes(out, h->host);
	buf_bytes(out, h->user);
	buf_bytes(out, h->password);
	buf_bytes(out, h->tls_session);
}

int
hop_get(struct rd *r, struct hop *out)
{
	*out = (struct hop){.kind = rd_u8(r)};
	out->tls = rd_u8(r);
	uint8_t flags = rd_u8(r);
	out->is_lmtp = flags & HOP_LMTP;
	out->has_no_policies = flags & HOP_NO_POLICIES;
	out->requires_tls = flags & HOP_REQUIRES_TLS;
	out->is_asking = flags & HOP_ASKING;
	out->port = rd_u16(r);
	out->route = rd_u16(r);
	out->source = rd_u16(r);
	out->host = rd_str(r, HOP_NAME_MAX);
	out->user = rd_str(r, HOP_LOGIN_MAX);
	out->password = rd_str(r, HOP_LOGIN_MAX);
	out->tls_session = rd_str(r, HOP_TLS_SESSION_MAX);
	return r->err == E_OK && flags <= HOP_FLAGS && out->kind <= ROUTE_MX &&
	               out->tls <= ROUTE_TLS_VERIFY
	           ? E_OK
	           : E_BAD;
}

enum metric_hop
hop_class(const struct hop *h)
{
	static const enum metric_hop classes[] = {[ROUTE_HOST] = METRIC_HOP_SMTP,
	    [ROUTE_UNIX] = METRIC_HOP_UNIX,
	    [ROUTE_MX] = METRIC_HOP_MX};

	return h->kind == ROUTE_HOST && h->is_lmtp ? METRIC_HOP_LMTP : classes[h->kind];
}

void
order_put(struct buf *out, const struct envelope *e, const uint16_t *which, uint16_t n,
    uint64_t offset, uint64_t bytes)
{
	buf_put(out, e->id.b, ID_BYTES);
	buf_u32(out, e->flags);
	buf_u64(out, offset);
	buf_u64(out, bytes);
	buf_bytes(out, e->sender);
	buf_bytes(out, e->envid);
	buf_u8(out, e->ret);
	buf_u16(out, n);
	for (uint16_t i = 0; i < n; i++) {
		const struct rcpt *r = &e->rcpts[which[i]];
		buf_u16(out, which[i]);
		buf_bytes(out, r->address);
		buf_bytes(out, r->orcpt);
		buf_u8(out, r->notify);
	}
}

int
order_get(struct rd *r, struct arena *arena, struct order *out)
{
	memset(out, 0, sizeof *out);
	rd_id(r, &out->id);
	out->flags = rd_u32(r);
	out->offset = rd_u64(r);
	out->bytes = rd_u64(r);
	out->sender = rd_str(r, ENVELOPE_PATH_MAX);
	out->envid = rd_str(r, ENVELOPE_ENVID_MAX);
	out->ret = rd_u8(r);
	uint16_t n = rd_u16(r);
	if (r->err != E_OK || n == 0 || n > ORDER_RCPTS_MAX)
		return E_BAD;
	out->rcpts = arena_get(arena, n * sizeof *out->rcpts);
	if (!out->rcpts)
		return E_LIMIT;
	for (; out->n_rcpts < n; out->n_rcpts++) {
		struct order_rcpt *to = &out->rcpts[out->n_rcpts];
		to->index = rd_u16(r);
		to->address = rd_str(r, ENVELOPE_PATH_MAX);
		to->orcpt = rd_str(r, ENVELOPE_ORCPT_MAX);
		to->notify = rd_u8(r);
	}
	return r->err;
}
