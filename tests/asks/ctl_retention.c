/* SPDX-License-Identifier: ISC */
/* ctl_retention.c - what the process in a mailbox's jail tells the command that carries rules out. */
#include "ctl/cmd_retention.c"

#include "gates.h"

const struct ask_table *
retention_table(unsigned kind)
{
	static const struct ask_table t = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "worker"};
	(void)kind;
	return &t;
}

void *
retention_ctx(void)
{
	static struct running r;
	r.table.columns = did_columns;
	r.table.n_columns = COUNT(did_columns);
	return &r;
}

void
sample_retention(uint16_t type, struct buf *b)
{
	if (type == TELL_DID) {
		buf_bytes(b, SPAN("INBOX"));
		buf_u32(b, 0);
	}
	buf_u64(b, 1);
	buf_u64(b, 1);
	if (type == TELL_DID)
		buf_bytes(b, SPAN(""));
}
