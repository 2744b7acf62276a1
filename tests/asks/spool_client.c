/* SPDX-License-Identifier: ISC */
/* spool_client.c - what clients ask of the spool. */
#include "queue/intake.c"

#include "gates.h"

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "client"};

const struct ask_table *
client_table(unsigned kind)
{
	(void)kind;
	return &table;
}

void *
client_ctx(void)
{
	static struct client asking = {.large = -1};
	asking.partial.max = PARTIAL_MAX;
	return &asking;
}

/* The packets of a message have any length. */
void
sample_client(uint16_t type, struct buf *b)
{
	if (type == SPOOL_ROOM)
		buf_u64(b, 1);
}
