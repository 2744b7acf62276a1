/* SPDX-License-Identifier: ISC */
/* cmd_queue.c - what waits in the queue; asked of its scheduler on RUN/queue/admin. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "proc/ask.h"
#include "spool/admin.h"

enum { QUEUE_WAIT_MS = 30000 };

static const char *const states[] = {[ADMIN_WAITING] = "waiting",
    [ADMIN_ACTIVE] = "active",
    [ADMIN_DEFERRED] = "deferred"};

static const struct column row_columns[] = {
    {"id", "ID", CELL_TEXT},
    {"state", "STATE", CELL_TEXT},
    {"size", "SIZE", CELL_NUMBER},
    {"arrived", "ARRIVED", CELL_TIME},
    {"next", "NEXT TRY", CELL_TIME},
    {"left", "LEFT", CELL_NUMBER},
    {"recipients", "OF", CELL_NUMBER},
    {"sender", "SENDER", CELL_TEXT},
    {"recipient", "RECIPIENT", CELL_TEXT},
    {"reason", "REASON", CELL_TEXT},
};

static const struct column rcpt_columns[] = {
    {"recipient", "RECIPIENT", CELL_TEXT},
    {"done", "DONE", CELL_BOOL},
    {"reason", "REASON", CELL_TEXT},
};

/* A conversation with the scheduler. */
struct queue {
	int fd;        /* own; -1: none */
	struct buf in; /* own */
	int64_t deadline;
};

static int
queue_open(const struct merpati *c, struct queue *q)
{
	*q = (struct queue){.fd = -1, .deadline = deadline_in_ms(QUEUE_WAIT_MS)};
	int err = ctl_connect(c->conf, "queue", "admin", &q->fd);
	if (err == E_OK)
		return EX_OK;
	ctl_say(err == E_DENY ? "you may not ask queue" : "queue does not run");
	return err == E_DENY ? EX_NOPERM : EX_UNAVAILABLE;
}

static void
queue_close(struct queue *q)
{
	if (q->fd >= 0)
		close(q->fd);
	buf_free(&q->in);
}

static int
ask(struct queue *q, uint16_t type, struct span body)
{
	return ask_send(q->fd, type, body, -1, q->deadline);
}

/* The next packet of the answer; body dies with the one after it. */
static int
next(struct queue *q, uint16_t type, struct rd *body)
{
	struct ask_msg m;
	int err = ask_recv(q->fd, &q->in, &m, q->deadline);
	if (err != E_OK)
		return err;
	if (m.fd >= 0)
		close(m.fd);
	*body = m.body;
	return m.type == (type | ASK_REPLY) ? E_OK : E_BAD;
}

static int
said(int err)
{
	if (err == E_OK)
		return EX_OK;
	ctl_say("queue does not answer: %s", err_name(err));
	return EX_TEMPFAIL;
}

static void
put_row(const struct admin_row *r, struct table *t)
{
	bool is_known = r->state < COUNT(states) && states[r->state];
	table_text(t, span_of(id_text(r->id)));
	table_text(t, span_of(is_known ? states[r->state] : "unknown"));
	table_number(t, (int64_t)r->size_bytes);
	table_number(t, r->arrived_sec);
	table_number(t, r->next_sec);
	table_number(t, r->n_left);
	table_number(t, r->n_all);
	table_text(t, r->sender.n ? r->sender : SPAN("<>"));
	table_text(t, r->recipient);
	table_text(t, r->reason);
}

static int
list_rows(struct queue *q, struct table *t)
{
	uint16_t n = 1;
	int err = ask(q, ADMIN_LIST, SPAN(""));
	while (err == E_OK && n) {
		struct rd body;
		struct admin_row row;
		err = next(q, ADMIN_LIST, &body);
		n = err == E_OK ? rd_u16(&body) : 0;
		for (uint16_t i = 0; i < n && body.err == E_OK; i++) {
			admin_row_get(&body, &row);
			if (body.err == E_OK)
				put_row(&row, t);
		}
		if (err == E_OK)
			err = rd_end(&body);
	}
	return err;
}

static int
count(struct queue *q)
{
	struct rd body;
	int err = ask(q, ADMIN_COUNT, SPAN(""));
	if (err == E_OK)
		err = next(q, ADMIN_COUNT, &body);
	uint64_t n = err == E_OK ? rd_u64(&body) : 0;
	if (err == E_OK)
		err = rd_end(&body);
	if (err == E_OK)
		printf("%llu\n", (unsigned long long)n);
	return err;
}

int
cmd_queue_list(struct merpati *c, int argc, char **argv)
{
	bool is_count = false;
	const struct opt opts[] = {{"--count", &is_count, NULL}};
	struct table t = {.columns = row_columns, .n_columns = COUNT(row_columns)};
	struct queue q;
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, 0);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = said(is_count ? count(&q) : list_rows(&q, &t));
	if (status == EX_OK && !is_count)
		table_print(&t, c->is_json);
	table_free(&t);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- one message ---- */

static int
list_rcpts(struct queue *q, struct table *t)
{
	uint16_t n = 1;
	int err = E_OK;
	while (err == E_OK && n) {
		struct rd body;
		struct admin_rcpt rcpt;
		err = next(q, ADMIN_SHOW, &body);
		n = err == E_OK ? rd_u16(&body) : 0;
		for (uint16_t i = 0; i < n && body.err == E_OK; i++) {
			admin_rcpt_get(&body, &rcpt);
			table_text(t, rcpt.address);
			table_number(t, rcpt.is_done);
			table_text(t, rcpt.reason);
		}
		if (err == E_OK)
			err = rd_end(&body);
	}
	return err;
}

static int
show(struct queue *q, struct id id, bool *is_found, struct table *row,
    struct table *rcpts)
{
	struct rd body;
	struct admin_row r;
	int err = ask(q, ADMIN_SHOW, span_make(id.b, ID_BYTES));
	if (err == E_OK)
		err = next(q, ADMIN_SHOW, &body);
	*is_found = err == E_OK && rd_u8(&body) == 1;
	if (!*is_found)
		return err;
	admin_row_get(&body, &r);
	err = rd_end(&body);
	if (err == E_OK)
		put_row(&r, row);
	return err == E_OK ? list_rcpts(q, rcpts) : err;
}

static int
read_id(const struct merpati *c, const char *text, struct id *out)
{
	if (id_parse(span_of(text), out) == E_OK)
		return EX_OK;
	return ctl_usage(c, "\"%s\" is no id; merpati queue list shows them", text);
}

static void
print_message(
    const struct merpati *c, const struct table *row, const struct table *rcpts)
{
	if (c->is_json)
		printf("{\"message\": ");
	table_print_one(row, c->is_json);
	printf(c->is_json ? ", \"recipients\": " : "\n");
	table_print(rcpts, c->is_json);
	if (c->is_json)
		printf("}\n");
}

int
cmd_queue_show(struct merpati *c, int argc, char **argv)
{
	struct table row = {.columns = row_columns, .n_columns = COUNT(row_columns)};
	struct table rcpts = {
	    .columns = rcpt_columns, .n_columns = COUNT(rcpt_columns)};
	struct queue q;
	struct id id;
	bool is_found = false;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = read_id(c, argv[0], &id);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = said(show(&q, id, &is_found, &row, &rcpts));
	if (status == EX_OK && !is_found) {
		ctl_say("there is no message %s in the queue", argv[0]);
		status = EX_DATAERR;
	}
	if (status == EX_OK)
		print_message(c, &row, &rcpts);
	table_free(&row);
	table_free(&rcpts);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- flush, remove: some messages; for flush none is all ---- */

static int
change(struct merpati *c, int argc, char **argv, uint16_t type, int least,
    const char *done)
{
	struct buf body = {0};
	struct queue q;
	struct rd reply;
	struct id id;
	int err, status = opts_read(c, NULL, 0, &argc, argv, least, ADMIN_IDS_MAX);
	buf_u16(&body, (uint16_t)argc);
	for (int i = 0; i < argc && status == EX_OK; i++) {
		status = read_id(c, argv[i], &id);
		buf_put(&body, id.b, ID_BYTES);
	}
	if (status == EX_OK && (status = queue_open(c, &q)) == EX_OK) {
		err = ask(&q, type, buf_as_span(&body));
		if (err == E_OK)
			err = next(&q, type, &reply);
		uint32_t n = err == E_OK ? rd_u32(&reply) : 0;
		status = said(err == E_OK ? rd_end(&reply) : err);
		if (status == EX_OK)
			printf("%u %s\n", n, done);
		if (status == EX_OK && (int)n < argc) {
			ctl_say("%d of them are not in the queue", argc - (int)n);
			status = EX_DATAERR;
		}
		queue_close(&q);
	}
	buf_free(&body);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_queue_flush(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, ADMIN_FLUSH, 0, "tried now");
}

int
cmd_queue_remove(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, ADMIN_REMOVE, 1, "removed");
}
