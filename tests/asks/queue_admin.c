/* SPDX-License-Identifier: ISC */
/* queue_admin.c - what people ask of the queue. */
#include "queue/admin.c"

#include "gates.h"

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "admin"};

const struct ask_table *
admin_table(unsigned kind)
{
	(void)kind;
	return &table;
}

static const struct ask_table hold_table = {
    .rows = hold_rows, .n_rows = COUNT(hold_rows), .who = "admin"};

const struct ask_table *
admin_hold_table(unsigned kind)
{
	(void)kind;
	return &hold_table;
}

void *
admin_ctx(void)
{
	static struct admin asking;
	return &asking;
}

void
sample_admin(uint16_t type, struct buf *b)
{
	static const struct id id;
	if (type == ADMIN_COUNT || type == ADMIN_LIST || type == ADMIN_SUSPENDED)
		return;
	if (type == ADMIN_HOLD_ACCOUNT || type == ADMIN_RELEASE_ACCOUNT ||
	    type == ADMIN_PURGE_ACCOUNT || type == ADMIN_SUPPRESSED ||
	    type == ADMIN_UNSUPPRESS || type == ADMIN_SUSPEND || type == ADMIN_RESUME) {
		buf_bytes(b, SPAN("x@elsewhere.test"));
		return;
	}
	if (type == ADMIN_FLUSH || type == ADMIN_REMOVE)
		buf_u8(b, 1);
	buf_put(b, id.b, ID_BYTES);
}
