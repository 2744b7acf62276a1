/* SPDX-License-Identifier: ISC */
/*
 * orders.c - what a relay is to send: the spool copies it first, many messages at a time, into one
 * memory file; the relay gets that, and an order for each.
 */
#include "queue/orders.h"

#include <string.h>

#include "base/clock.h"
#include "queue/relay/order.h"

enum { BATCH_BYTES = 4 << 20 };

/* What the spool copies. */
struct copy {
	struct copy *next;
	struct relay *relay; /* borrow; NULL: it went meanwhile */
	uint16_t n;
	struct parcel *parcels[COPIES_MOST]; /* borrow; NULL: it went */
};

static struct {
	struct copy *all, **end;      /* own: in the order of asking */
	uint32_t tag_first, tag_next; /* of the first copy; of the next one */
} orders = {.end = &orders.all};

/* As many of what waits as fit. */
static struct copy *
gather(struct relay *r, unsigned most)
{
	struct dest *d = r->dest;
	struct copy *c = mem_new(sizeof *c);
	uint64_t bytes = 0;
	size_t packet = 0;
	c->relay = r;
	for (struct parcel *p; c->n < most && (p = dest_next(d));) {
		const struct envelope *e = &p->message->envelope;
		size_t size = 3 * ENVELOPE_PATH_MAX;
		for (uint16_t i = 0; i < p->n; i++)
			if (p->which[i] != NO_RCPT)
				size += e->rcpts[p->which[i]].address.n +
				        e->rcpts[p->which[i]].orcpt.n + 16;
		if (c->n && (bytes + e->size_bytes > BATCH_BYTES ||
				packet + size > ORDER_BYTES_MAX))
			break;
		bytes += e->size_bytes;
		packet += size;
		dest_take(d, p);
		r->cost += p->turn.cost;
		parcel_step(p, STEP_RELAYING);
		p->is_with_relay = true;
		p->handed_us = clock_mono_us();
		parcel_add(&r->sent, p);
		c->parcels[c->n++] = p;
	}
	return c;
}

void
orders_begin(struct relay *r, unsigned most)
{
	struct copy *c = gather(r, most < COPIES_MOST ? most : COPIES_MOST);
	struct buf b = {0};
	buf_u32(&b, orders.tag_next++);
	buf_u16(&b, c->n);
	for (uint16_t i = 0; i < c->n; i++)
		buf_put(&b, c->parcels[i]->message->envelope.id.b, ID_BYTES);
	*orders.end = c;
	orders.end = &c->next;
	r->heard_ms = clock_mono_ms();
	sched_tell(SCHED_COPIES, &b);
}

/* One order of a packet; false: there are no bytes. */
static bool
put_order(struct buf *packet, const struct parcel *p, uint64_t offset, uint64_t bytes)
{
	const struct envelope *e = &p->message->envelope;
	uint16_t which[ORDER_RCPTS_MAX], n = 0;
	if (bytes < e->head_bytes)
		return false;
	for (uint16_t i = 0; i < p->n; i++)
		if (p->which[i] != NO_RCPT)
			which[n++] = p->which[i];
	order_put(packet, e, which, n, offset + e->head_bytes, bytes - e->head_bytes);
	return true;
}

static void
send_orders(struct copy *c, struct rd *body, int fd)
{
	struct buf packet = {.max = ASK_MSG_MAX - 2};
	uint16_t n = 0;
	buf_u16(&packet, 0);
	for (uint16_t i = 0; i < c->n; i++) {
		bool is_ok = rd_u8(body) == 1 && fd >= 0;
		uint64_t offset = rd_u64(body), bytes = rd_u64(body);
		struct parcel *p = c->parcels[i];
		if (!p || !c->relay)
			continue;
		if (is_ok && put_order(&packet, p, offset, bytes)) {
			n++;
			continue;
		}
		parcel_take(&c->relay->sent, p);
		parcel_settle_rest(
		    p, STEP_LATER, SPAN("4.3.0 the message cannot be read now"));
		parcel_over(p);
	}
	packet.p[0] = (char)(n & 0xff);
	packet.p[1] = (char)(n >> 8);
	if (buf_done(&packet) != E_OK)
		bug("orders that fit into no message");
	/* one that has gone may have left results, which are read first */
	if (n &&
	    ask_send(c->relay->fd, RELAY_SEND, buf_as_span(&packet), fd, 0) != E_OK)
		c->relay->has_ended = true;
	buf_free(&packet);
}

void
orders_copied(struct rd *body, int fd)
{
	struct copy *c = orders.all;
	uint32_t tag = rd_u32(body);
	uint16_t n = rd_u16(body);
	if (!c || tag != orders.tag_first || n != c->n)
		bug("the spool copied what nobody asked for");
	orders.tag_first++;
	orders.all = c->next;
	if (!c->next)
		orders.end = &orders.all;
	send_orders(c, body, fd);
	mem_free(&c);
}

void
orders_forget(const struct relay *r)
{
	for (struct copy *c = orders.all; c; c = c->next) {
		if (c->relay != r)
			continue;
		c->relay = NULL;
		memset(c->parcels, 0, sizeof c->parcels);
	}
}
