/* SPDX-License-Identifier: ISC */
/*
 * ctl_mailbox.c - what the process in a mailbox's jail tells the command that verifies or rebuilds
 * it.
 */
#include "ctl/cmd_mailbox.c"

#include "gates.h"

const struct ask_table *
upkeep_table(unsigned kind)
{
	static const struct ask_table t = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "worker"};
	(void)kind;
	return &t;
}

void *
upkeep_ctx(void)
{
	static struct upkeep u = {.address = "u1@example.test"};
	u.accounts.columns = account_columns;
	u.accounts.n_columns = COUNT(account_columns);
	u.findings.columns = finding_columns;
	u.findings.n_columns = COUNT(finding_columns);
	return &u;
}

static void
put_u64s(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_u64(b, 1);
}

void
sample_upkeep(uint16_t type, struct buf *b)
{
	if (type == TELL_PROGRESS)
		put_u64s(b, 2);
	if (type == TELL_VERIFIED)
		put_u64s(b, 6 + FINDING_KINDS);
	if (type == TELL_REBUILT) {
		put_u64s(b, 3);
		buf_bytes(b, SPAN("index.broken-1"));
	}
	if (type == TELL_FINDING) {
		buf_u8(b, FINDING_NO_FILE);
		buf_u32(b, 1);
		put_u64s(b, 2);
		buf_bytes(b, SPAN("INBOX"));
		buf_bytes(b, SPAN("msg/00/x"));
	}
}
