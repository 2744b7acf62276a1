/* SPDX-License-Identifier: ISC */
/* cmd_queue_suspend.c - destinations to which no mail goes until an admin says otherwise. */
#include <stdio.h>

#include "ctl/queue_talk.h"
#include "ctl/table.h"

static const struct column columns[] = {
    {"destination", "DESTINATION", CELL_TEXT},
    {"since", "SINCE", CELL_TIME},
};

static int
change(struct merpati *c, int argc, char **argv, uint16_t type, const char *failed)
{
	struct queue_talk q;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1000);
	if (status == EX_OK)
		status = queue_open(c, &q);
	if (status != EX_OK)
		return status;
	for (int i = 0; i < argc && status == EX_OK; i++) {
		struct buf body = {0};
		struct rd answer;
		buf_bytes(&body, span_of(argv[i]));
		int err = queue_ask(&q, type, buf_as_span(&body), &answer);
		uint32_t n = err == E_OK ? rd_u32(&answer) : 0;
		buf_free(&body);
		status = queue_said(err == E_OK ? rd_end(&answer) : err);
		if (status == EX_OK && n == 0) {
			ctl_say("%s: %s", argv[i], failed);
			status = EX_DATAERR;
		}
	}
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_queue_suspend(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, ADMIN_SUSPEND,
	    "it is suspended already, there are too many, or it could not be noted");
}

int
cmd_queue_resume(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, ADMIN_RESUME,
	    "it is not suspended; merpati queue suspended shows what is");
}

static int
list(struct queue_talk *q, struct table *t)
{
	struct rd answer;
	int err = queue_ask(q, ADMIN_SUSPENDED, SPAN(""), &answer);
	if (err != E_OK)
		return err;
	uint16_t n = rd_u16(&answer);
	for (uint16_t i = 0; i < n && answer.err == E_OK; i++) {
		table_text(t, rd_str(&answer, 255));
		table_number(t, (int64_t)rd_u64(&answer));
	}
	return rd_end(&answer);
}

int
cmd_queue_suspended(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct queue_talk q;
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status == EX_OK)
		status = queue_open(c, &q);
	if (status != EX_OK)
		return status;
	status = queue_said(list(&q, &t));
	if (status == EX_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}
