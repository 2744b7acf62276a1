/* SPDX-License-Identifier: ISC */
/*
 * ascii.c - addresses for a server without SMTPUTF8: one whose local part is ASCII is the same
 * address with its domain in A-labels (RFC 5890 2.3.2.1); of another nobody but its domain's owner
 * knows a second form (RFC 6530 7.1).
 */
#include "mime/idn.h"
#include "queue/relay/remote.h"

static int
ascii_put(struct span address, struct buf *out)
{
	size_t at = span_rfind(address, '@');
	if (at == address.n || !span_is_ascii(span_head(address, at)))
		return E_BAD;
	buf_span(out, span_head(address, at + 1));
	return idn_ascii(span_from(address, at + 1), out);
}

/* Into the room that it has, so that what was put before stays where it is. */
static int
to_ascii(struct span address, struct buf *room, struct span *out)
{
	size_t was = room->len;
	*out = address;
	if (span_is_ascii(address))
		return E_OK;
	if (ascii_put(address, room) != E_OK || room->len - was > ENVELOPE_PATH_MAX)
		return E_BAD;
	*out = span_from(buf_as_span(room), was);
	return E_OK;
}

int
order_to_ascii(struct order *o, struct buf *room)
{
	struct span sender, rcpts[ORDER_RCPTS_MAX];
	if (!buf_room(
		room, (size_t)(o->n_rcpts + 1) * (ENVELOPE_PATH_MAX + IDN_DOMAIN_MAX)))
		return E_LIMIT;
	int err = to_ascii(o->sender, room, &sender);
	for (uint16_t i = 0; i < o->n_rcpts && err == E_OK; i++)
		err = to_ascii(o->rcpts[i].address, room, &rcpts[i]);
	if (err != E_OK)
		return err;
	o->sender = sender;
	for (uint16_t i = 0; i < o->n_rcpts; i++)
		o->rcpts[i].address = rcpts[i];
	return E_OK;
}
