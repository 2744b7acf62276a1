/* SPDX-License-Identifier: ISC */
/*
 * ctl_moving.c - what the process in a mailbox's jail asks of the command that imports or exports.
 */
#include "ctl/moving.c"

#include <fcntl.h>
#include <string.h>

#include "gates.h"

static struct merpati command;

/* Without a right the row is refused, whatever it says. */
static const struct ask_table *
table_of(struct ask_row of[MOVE_ASKS], struct ask_table *t, bool is_export)
{
	if (t->rows)
		return t;
	memcpy(of, rows, sizeof rows);
	for (unsigned type = is_export ? MOVE_LIST : MOVE_MAKE_DIRECTORY;
	     type <= (is_export ? MOVE_OPEN : MOVE_WRITE); type++)
		of[type].handler = NULL;
	*t = (struct ask_table){
	    .rows = of, .n_rows = MOVE_ASKS, .who = is_export ? "export" : "import"};
	return t;
}

const struct ask_table *
import_table(unsigned kind)
{
	static struct ask_row of[MOVE_ASKS];
	static struct ask_table t;
	(void)kind;
	return table_of(of, &t, false);
}

const struct ask_table *
export_table(unsigned kind)
{
	static struct ask_row of[MOVE_ASKS];
	static struct ask_table t;
	(void)kind;
	return table_of(of, &t, true);
}

static void *
moving_of(struct moving *m, bool is_export)
{
	if (m->ctl)
		return m;
	moving_init(m, &command, is_export);
	m->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return m;
}

void *
import_ctx(void)
{
	static struct moving m;
	return moving_of(&m, false);
}

void *
export_ctx(void)
{
	static struct moving m;
	return moving_of(&m, true);
}

void
sample_moving(uint16_t type, struct buf *b)
{
	static const struct move_row row = {.folder = {"INBOX", 5}};
	if (type == MOVE_ROW) {
		move_row_put(b, &row);
		return;
	}
	buf_bytes(b, SPAN("cur"));
	if (type == MOVE_WRITE)
		buf_u64(b, 0);
	if (type == MOVE_PROGRESS) {
		buf_u64(b, 0);
		buf_u64(b, 1);
	}
}

const struct ask_table *
moving_table(void)
{
	static const struct ask_table all = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "worker"};
	return &all;
}
