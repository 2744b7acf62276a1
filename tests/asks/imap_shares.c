/* SPDX-License-Identifier: ISC */
/* imap_shares.c - what sessions ask of the role shares, and both of the monitor. */
#include "imapd/shares.c"

#include "gates.h"

const struct ask_table *
shares_table(unsigned kind)
{
	(void)kind;
	return table_of(IMAP_SESSION);
}

void
sample_shares(uint16_t type, struct buf *b)
{
	if (type == SHARES_WHO) {
		buf_bytes(b, SPAN("u1@example.test"));
		buf_u32(b, 1000);
	}
	if (type == SHARES_UIDS)
		buf_bytes(b, SPAN("u2"));
	if (type != SHARES_OPEN)
		return;
	buf_bytes(b, SPAN("u2"));
	buf_u8(b, 0);
}

const struct ask_table *
share_monitor_table(unsigned kind)
{
	static const struct ask_table table = {
	    .rows = share_rows, .n_rows = COUNT(share_rows), .who = "session"};
	(void)kind;
	return &table;
}

void
sample_share_monitor(uint16_t type, struct buf *b)
{
	if (type != SHARE_FORK - SLEEP_ASKS_END)
		return;
	buf_u32(b, 1000);
	buf_u32(b, 1000);
	buf_bytes(b, SPAN("example.test/u2"));
	buf_bytes(b, SPAN("u2@example.test"));
	door_terms_put(b, &(struct door_terms){.guest = SPAN("u1@example.test")});
}
