/* SPDX-License-Identifier: ISC */
/* notify_saved.c - what NOTIFY asks for, through a sleep. */
#include "imapd/notify_saved.h"

#include "imapd/slept.h"

void
notify_saved_put(struct buf *b, const struct notify_saved *z)
{
	buf_u64(b, z->since);
	buf_u64(b, z->metadata);
	buf_u8(b, z->is_utf8);
	buf_bytes(b, z->text);
}

int
notify_saved_get(struct rd *r, struct notify_saved *out)
{
	out->since = rd_u64(r);
	out->metadata = rd_u64(r);
	uint8_t is_utf8 = rd_u8(r);
	out->is_utf8 = is_utf8 == 1;
	out->text = rd_str(r, SLEPT_NOTIFY_MAX);
	return r->err == E_OK && is_utf8 <= 1 && out->text.n ? E_OK : E_BAD;
}
