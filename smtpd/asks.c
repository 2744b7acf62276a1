/* SPDX-License-Identifier: ISC */
/* asks.c - the messages of asks.h in bytes. */
#include "smtpd/asks.h"

#include <string.h>

void
client_put(struct buf *out, const struct client *c)
{
	buf_u8(out, (uint8_t)c->kind);
	buf_u8(out, c->is_loopback);
	buf_u8(out, c->is_greeted);
	buf_u8(out, c->has_waited);
	buf_bytes(out, span_of(c->text));
}

int
client_get(struct rd *in, struct client *out)
{
	*out = (struct client){.kind = rd_u8(in)};
	out->is_loopback = rd_u8(in) != 0;
	out->is_greeted = rd_u8(in) != 0;
	out->has_waited = rd_u8(in) != 0;
	struct span text = rd_str(in, CLIENT_TEXT_MAX - 1);
	if (rd_end(in) != E_OK || out->kind >= KIND_COUNT)
		return E_BAD;
	memcpy(out->text, text.p, text.n);
	return E_OK;
}
