/* SPDX-License-Identifier: ISC */
/* deliver_owned.c - what placer and retention ask of their monitor: processes of mailboxes' owners. */
#include "deliver/retainer.c"

#include "gates.h"

const struct ask_table *
owned_table(unsigned kind)
{
	static struct ask_row rows[2];
	static const struct ask_table t = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "placer"};
	(void)kind;
	rows[0] = deliver_agent_row;
	rows[1] = deliver_retainer_row;
	return &t;
}

void
sample_owned(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("u1@example.test"));
	buf_u32(b, 1000);
	buf_u32(b, 1000);
	buf_bytes(b, SPAN("example.test/u1"));
}
