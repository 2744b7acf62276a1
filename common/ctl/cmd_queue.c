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

enum { QUEUE_WAIT_MS = 30000, IDS_MAX = 100000 };

static const char *const states[] = {
    [ADMIN_ACTIVE] = "active", [ADMIN_DEFERRED] = "deferred"};

static const struct column row_columns[] = {
    {"id", "ID", CELL_TEXT},
    {"state", "STATE", CELL_TEXT},
    {"size", "SIZE", CELL_NUMBER},
    {"arrived", "ARRIVED", CELL_TIME},
    {"next", "NEXT TRY", CELL_TIME},
    {"attempts", "TRIED", CELL_NUMBER},
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
	bool wants_message;
	int message; /* own; the bytes that ADMIN_SHOW sends along; -1: none */
};

static int
queue_open(const struct merpati *c, struct queue *q)
{
	*q = (struct queue){
	    .fd = -1, .message = -1, .deadline = deadline_in_ms(QUEUE_WAIT_MS)};
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
	if (q->message >= 0)
		close(q->message);
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
	if (m.fd >= 0 && q->wants_message && q->message < 0)
		q->message = m.fd;
	else if (m.fd >= 0)
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

/* The first recipient that is not done stands for all of them in a list. */
static void
put_row(const struct admin_entry *e, struct table *t)
{
	struct admin_rcpt first = {.address = SPAN("")};
	uint32_t left = 0;
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (e->rcpts[i].state == RCPT_WAITING && left++ == 0)
			first = e->rcpts[i];
	table_text(t, span_of(id_text(e->id)));
	table_text(t, span_of(e->state < COUNT(states) ? states[e->state] : "unknown"));
	table_number(t, (int64_t)e->size_bytes);
	table_number(t, e->arrived_sec);
	table_number(t, e->next_sec);
	table_number(t, e->attempts);
	table_number(t, left);
	table_number(t, e->n_rcpts);
	table_text(t, e->sender.n ? e->sender : SPAN("<>"));
	table_text(t, first.address);
	table_text(t, first.reason);
}

/* One packet's entries; *n says how many: the last has none. */
static int
take_rows(struct rd *body, struct table *t, uint16_t *n)
{
	struct arena arena = {0};
	struct admin_entry e;
	int err = E_OK;
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n && err == E_OK; i++) {
		err = admin_entry_get(body, &arena, &e);
		if (err == E_OK)
			put_row(&e, t);
		arena_reset(&arena);
	}
	return err == E_OK ? rd_end(body) : err;
}

static int
list_rows(struct queue *q, struct table *t)
{
	uint16_t n = 1;
	int err = ask(q, ADMIN_LIST, SPAN(""));
	while (err == E_OK && n) {
		struct rd body;
		err = next(q, ADMIN_LIST, &body);
		if (err == E_OK)
			err = take_rows(&body, t, &n);
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
read_id(const struct merpati *c, const char *text, struct id *out)
{
	if (id_parse(span_of(text), out) == E_OK)
		return EX_OK;
	return ctl_usage(c, "\"%s\" is no id; merpati queue list shows them", text);
}

static void
put_rcpts(const struct admin_entry *e, struct table *t)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		table_text(t, e->rcpts[i].address);
		table_number(t, e->rcpts[i].state != RCPT_WAITING);
		table_text(t, e->rcpts[i].reason);
	}
}

struct shown {
	bool is_found;
	struct table row, rcpts; /* own */
};

/* The message's own bytes, when they are asked for, stay in q->message. */
static int
show(struct queue *q, struct id id, struct shown *out)
{
	struct arena arena = {0};
	struct admin_entry e;
	struct rd body;
	q->wants_message = true;
	int err = ask(q, ADMIN_SHOW, span_make(id.b, ID_BYTES));
	if (err == E_OK)
		err = next(q, ADMIN_SHOW, &body);
	out->is_found = err == E_OK && rd_u8(&body) == 1;
	if (out->is_found)
		err = admin_entry_get(&body, &arena, &e);
	if (out->is_found && err == E_OK) {
		put_row(&e, &out->row);
		put_rcpts(&e, &out->rcpts);
	}
	arena_reset(&arena);
	return err;
}

static int
print_message(const struct queue *q, const char *id)
{
	static char chunk[65536];
	ssize_t n;
	off_t at = 0;
	if (q->message < 0) {
		ctl_say("the message %s has just left the queue", id);
		return EX_DATAERR;
	}
	while ((n = pread(q->message, chunk, sizeof chunk, at)) > 0) {
		fwrite(chunk, 1, (size_t)n, stdout);
		at += n;
	}
	return n == 0 ? EX_OK : EX_IOERR;
}

static void
print_entry(const struct merpati *c, const struct shown *s)
{
	if (c->is_json)
		printf("{\"message\": ");
	table_print_one(&s->row, c->is_json);
	printf(c->is_json ? ", \"recipients\": " : "\n");
	table_print(&s->rcpts, c->is_json);
	if (c->is_json)
		printf("}\n");
}

int
cmd_queue_show(struct merpati *c, int argc, char **argv)
{
	struct shown s = {
	    .row = {.columns = row_columns, .n_columns = COUNT(row_columns)},
	    .rcpts = {.columns = rcpt_columns, .n_columns = COUNT(rcpt_columns)}};
	bool is_message = false;
	const struct opt opts[] = {{"--message", &is_message, NULL}};
	struct queue q;
	struct id id;
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 1, 1);
	if (status == EX_OK)
		status = read_id(c, argv[0], &id);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = said(show(&q, id, &s));
	if (status == EX_OK && !s.is_found) {
		ctl_say("there is no message %s in the queue", argv[0]);
		status = EX_DATAERR;
	} else if (status == EX_OK && is_message) {
		status = print_message(&q, argv[0]);
	} else if (status == EX_OK) {
		print_entry(c, &s);
	}
	table_free(&s.row);
	table_free(&s.rcpts);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- flush, remove: all messages (id NULL), or one ---- */

static int
change(struct queue *q, uint16_t type, const struct id *id, uint32_t *done)
{
	static const struct id none;
	struct buf body = {0};
	struct rd reply;
	buf_u8(&body, id != NULL);
	buf_put(&body, id ? id->b : none.b, ID_BYTES);
	int err = ask(q, type, buf_as_span(&body));
	if (err == E_OK)
		err = next(q, type, &reply);
	if (err == E_OK) {
		*done += rd_u32(&reply);
		err = rd_end(&reply);
	}
	buf_free(&body);
	return err;
}

static int
change_each(struct merpati *c, int argc, char **argv, uint16_t type, const char *what)
{
	struct queue q;
	struct id id;
	uint32_t done = 0;
	int status = EX_OK;
	for (int i = 0; i < argc && status == EX_OK; i++)
		status = read_id(c, argv[i], &id);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK && argc == 0)
		status = said(change(&q, type, NULL, &done));
	for (int i = 0; i < argc && status == EX_OK; i++) {
		uint32_t before = done;
		status = read_id(c, argv[i], &id);
		if (status == EX_OK)
			status = said(change(&q, type, &id, &done));
		if (status == EX_OK && done == before) {
			ctl_say("there is no message %s in the queue", argv[i]);
			status = EX_DATAERR;
		}
	}
	if (status == EX_OK || done)
		printf("%u %s\n", done, what);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_queue_flush(struct merpati *c, int argc, char **argv)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 0, IDS_MAX);
	return status == EX_OK ? change_each(c, argc, argv, ADMIN_FLUSH, "tried now")
	                       : status;
}

int
cmd_queue_remove(struct merpati *c, int argc, char **argv)
{
	bool is_all = false;
	const struct opt opts[] = {{"--all", &is_all, NULL}};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, IDS_MAX);
	if (status == EX_OK && is_all == (argc > 0))
		status = ctl_usage(c, "right would be ids, or --all");
	return status == EX_OK ? change_each(c, argc, argv, ADMIN_REMOVE, "removed")
	                       : status;
}
