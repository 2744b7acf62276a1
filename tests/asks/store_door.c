/* SPDX-License-Identifier: ISC */
/* store_door.c - what a guest says of the messages that it brings. */
#include "store/door.c"

#include "gates.h"

const struct ask_table *
deposit_table(unsigned kind)
{
	static const struct ask_table table = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "guest"};
	(void)kind;
	return &table;
}

void
sample_deposit(uint16_t type, struct buf *b)
{
	if (type == DEPOSIT_MESSAGE) {
		buf_u32(b, 0);
		buf_u64(b, 1);
		buf_u64(b, 1);
		buf_u16(b, 1);
	}
	if (type != DEPOSIT_END)
		buf_bytes(b, SPAN("x"));
	if (type == DEPOSIT_BEGIN) {
		buf_u16(b, 1);
		buf_u64(b, 1);
		buf_u8(b, 0);
	}
}
