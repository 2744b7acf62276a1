/* SPDX-License-Identifier: ISC */
/* cmd_queue_tlsrpt.c - reports on TLS that wait for their time: which, and that it is now. */
#include <stdio.h>
#include <string.h>

#include "ctl/queue_talk.h"
#include "ctl/table.h"

enum { DAY_SEC = 86400 };

static const struct column columns[] = {
    {"day", "DAY", CELL_TIME},
    {"domain", "DOMAIN", CELL_TEXT},
    {"successful", "SUCCESSFUL", CELL_NUMBER},
    {"failed", "FAILED", CELL_NUMBER},
    {"due", "DUE", CELL_TIME},
    {"attempts", "ATTEMPTS", CELL_NUMBER},
};

/* One answer's rows; the last of them is where the next one begins.  *n: how many */
static int
put_rows(
    struct rd *body, struct table *t, uint32_t *day, struct buf *domain, uint16_t *n)
{
	struct admin_report r;
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n; i++) {
		if (admin_report_get(body, &r) != E_OK)
			return E_BAD;
		table_number(t, (int64_t)r.day * DAY_SEC);
		table_text(t, r.domain);
		table_number(t, (int64_t)r.n_fine);
		table_number(t, (int64_t)r.n_failed);
		table_number(t, r.due_sec);
		table_number(t, r.attempts);
		*day = r.day;
		buf_reset(domain);
		buf_span(domain, r.domain);
	}
	return rd_end(body);
}

static int
list(struct merpati *c, struct queue_talk *q)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct buf domain = {0}, body = {0};
	uint32_t day = 0;
	uint16_t n = 0;
	int err;
	do {
		struct rd answer;
		buf_reset(&body);
		buf_u32(&body, day);
		buf_bytes(&body, buf_as_span(&domain));
		err = queue_ask(q, REPORTS_LIST, buf_as_span(&body), &answer);
		if (err == E_OK)
			err = put_rows(&answer, &t, &day, &domain, &n);
	} while (err == E_OK && n);
	if (err == E_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	buf_free(&domain);
	buf_free(&body);
	return queue_said(err);
}

static int
send_now(struct queue_talk *q)
{
	struct rd answer;
	int err = queue_ask(q, REPORTS_SEND, SPAN(""), &answer);
	uint32_t n = err == E_OK ? rd_u32(&answer) : 0;
	int status = queue_said(err == E_OK ? rd_end(&answer) : err);
	if (status == EX_OK)
		printf("%u due now\n", n);
	return status;
}

int
cmd_queue_tlsrpt(struct merpati *c, int argc, char **argv)
{
	struct queue_talk q;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status != EX_OK)
		return status;
	bool is_list = strcmp(argv[0], "list") == 0,
	     is_send = strcmp(argv[0], "send") == 0;
	if (!is_list && !is_send)
		return ctl_usage(c, "list or send");
	status = queue_open_reports(c, &q);
	if (status != EX_OK)
		return status;
	status = is_list ? list(c, &q) : send_now(&q);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}
