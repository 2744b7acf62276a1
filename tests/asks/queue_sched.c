/* SPDX-License-Identifier: ISC */
/* queue_sched.c - what the scheduler asks of the spool. */
#include "queue/sched_asks.c"

#include "gates.h"

static const struct ask_table table = {
    .rows = sched_rows, .n_rows = SCHED_ROWS, .who = "sched"};

const struct ask_table *
sched_table(unsigned kind)
{
	(void)kind;
	if (!the_spool.entries) {
		the_spool.entries = entries_new();
		the_spool.files = (struct files){
		    .dir = -1, .large = -1, .deferred = -1, .corrupt = -1};
	}
	return &table;
}

/* What the asks before left for the next batch is not written here. */
void *
sched_ctx(void)
{
	struct notes *n = &the_spool.notes;
	buf_reset(&n->done);
	buf_reset(&n->marks);
	buf_reset(&n->marked);
	buf_reset(&n->removals);
	return &the_spool;
}

void
sample_sched(uint16_t type, struct buf *b)
{
	static const struct id id;
	if (type == SCHED_LIST)
		buf_u16(b, 0);
	if (type == SCHED_LIST || type == SCHED_SYNC)
		return;
	if (type == SCHED_DONE || type == SCHED_DEFER || type == SCHED_FETCH)
		buf_u16(b, 1);
	buf_put(b, id.b, ID_BYTES);
	if (type == SCHED_DEFER || type == SCHED_MARK || type == SCHED_REPORT ||
	    type == SCHED_DERIVE)
		buf_u16(b, 1);
	if (type == SCHED_MARK || type == SCHED_REPORT || type == SCHED_DERIVE)
		buf_u16(b, 0);
	if (type == SCHED_DERIVE)
		buf_u16(b, 1);
	if (type == SCHED_DEFER || type == SCHED_HOLD)
		buf_u8(b, 1);
	if (type == SCHED_DERIVE || type == SCHED_REPORT)
		buf_bytes(b, SPAN("no envelope"));
}
