/* SPDX-License-Identifier: ISC */
/*
 * cmd_queue_suppressed.c - addresses elsewhere that were refused, and that are not written to for
 * that.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/queue_talk.h"
#include "ctl/table.h"

static const struct column columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"suppressed", "SUPPRESSED", CELL_BOOL},
    {"count", "REFUSED", CELL_NUMBER},
    {"first", "FIRST", CELL_TIME},
    {"last", "LAST", CELL_TIME},
    {"reason", "REASON", CELL_TEXT},
};

/* One answer's rows; after becomes the last address.  *n: how many */
static int
put_rows(struct rd *body, struct table *t, struct buf *after, uint16_t *n)
{
	struct admin_refused r;
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n; i++) {
		if (admin_refused_get(body, &r) != E_OK)
			return E_BAD;
		table_text(t, r.address);
		table_number(t, r.is_suppressed);
		table_number(t, r.count);
		table_number(t, r.first_sec);
		table_number(t, r.last_sec);
		table_text(t, r.reason);
		buf_reset(after);
		buf_span(after, r.address);
	}
	return rd_end(body);
}

static int
list(struct merpati *c, struct queue_talk *q)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct buf after = {0}, body = {0};
	uint16_t n = 0;
	int err;
	do {
		struct rd answer;
		buf_reset(&body);
		buf_bytes(&body, buf_as_span(&after));
		err = queue_ask(q, ADMIN_SUPPRESSED, buf_as_span(&body), &answer);
		if (err == E_OK)
			err = put_rows(&answer, &t, &after, &n);
	} while (err == E_OK && n);
	if (err == E_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	buf_free(&after);
	buf_free(&body);
	return queue_said(err);
}

static int
remove_all(struct queue_talk *q, int argc, char **argv)
{
	int status = EX_OK;
	for (int i = 0; i < argc && status == EX_OK; i++) {
		struct buf body = {0};
		struct rd answer;
		buf_bytes(&body, span_of(argv[i]));
		int err = queue_ask(q, ADMIN_UNSUPPRESS, buf_as_span(&body), &answer);
		uint32_t n = err == E_OK ? rd_u32(&answer) : 0;
		buf_free(&body);
		status = queue_said(err == E_OK ? rd_end(&answer) : err);
		if (status == EX_OK && n == 0) {
			ctl_say("%s: no such address; merpati queue suppressed list "
				"shows them",
			    argv[i]);
			status = EX_DATAERR;
		}
	}
	return status;
}

int
cmd_queue_suppressed(struct merpati *c, int argc, char **argv)
{
	struct queue_talk q;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1000);
	if (status != EX_OK)
		return status;
	bool is_list = strcmp(argv[0], "list") == 0 && argc == 1,
	     is_remove = strcmp(argv[0], "remove") == 0 && argc > 1;
	if (!is_list && !is_remove)
		return ctl_usage(c, "list, or remove and addresses");
	status = queue_open(c, &q);
	if (status != EX_OK)
		return status;
	status = is_list ? list(c, &q) : remove_all(&q, argc - 1, argv + 1);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}
