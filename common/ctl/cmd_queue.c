/* SPDX-License-Identifier: ISC */
/* cmd_queue.c - what waits in the queue, and why; asked of its scheduler on RUN/queue/admin. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/queue_match.h"
#include "ctl/queue_talk.h"
#include "ctl/table.h"

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
    {"account", "ACCOUNT", CELL_TEXT},
    {"recipient", "RECIPIENT", CELL_TEXT},
    {"reason", "REASON", CELL_TEXT},
};

static const struct column rcpt_columns[] = {
    {"recipient", "RECIPIENT", CELL_TEXT},
    {"done", "DONE", CELL_BOOL},
    {"reason", "REASON", CELL_TEXT},
};

/* The first recipient that is not done stands for all of them in a list. */
static void
put_row(const struct admin_entry *e, struct table *t)
{
	struct admin_rcpt first = {.address = SPAN("")};
	uint32_t left = 0;
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (e->rcpts[i].state != RCPT_DONE && left++ == 0)
			first = e->rcpts[i];
	table_text(t, span_of(id_text(e->id)));
	table_text(t, span_of(e->state < COUNT(queue_states) ? queue_states[e->state]
							     : "unknown"));
	table_number(t, (int64_t)e->size_bytes);
	table_number(t, e->arrived_sec);
	table_number(t, e->next_sec);
	table_number(t, e->attempts);
	table_number(t, left);
	table_number(t, e->n_rcpts);
	table_text(t, e->sender.n ? e->sender : SPAN("<>"));
	table_text(t, e->account);
	table_text(t, first.address);
	table_text(t, first.reason);
}

struct listing {
	const struct queue_match *match; /* borrow */
	int64_t now_sec;
	struct table *table; /* borrow; NULL: only counted */
	uint64_t n;
};

static int
list_one(void *ctx, const struct admin_entry *e)
{
	struct listing *l = ctx;
	if (!queue_match_fits(l->match, e, l->now_sec))
		return E_OK;
	l->n++;
	if (l->table)
		put_row(e, l->table);
	return E_OK;
}

/* All of them: the scheduler knows, without a list. */
static int
count_all(struct queue_talk *q, uint64_t *n)
{
	struct rd body;
	int err = queue_ask(q, ADMIN_COUNT, SPAN(""), &body);
	if (err != E_OK)
		return err;
	*n = rd_u64(&body);
	return rd_end(&body);
}

int
cmd_queue_list(struct merpati *c, int argc, char **argv)
{
	bool is_count = false;
	struct queue_match m = {0};
	struct opt opts[QUEUE_MATCH_OPTS + 1] = {
	    [QUEUE_MATCH_OPTS] = {"--count", &is_count, NULL}};
	struct table t = {.columns = row_columns, .n_columns = COUNT(row_columns)};
	struct listing l = {.match = &m, .now_sec = clock_wall_sec(), .table = &t};
	struct queue_talk q;
	queue_match_opts(&m, opts);
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, 0);
	if (status == EX_OK)
		status = queue_match_read(c, &m);
	if (status != EX_OK)
		return status;
	if (is_count)
		l.table = NULL;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = queue_said(is_count && queue_match_is_all(&m)
					? count_all(&q, &l.n)
					: queue_each(&q, list_one, &l));
	if (status == EX_OK && is_count)
		printf("%llu\n", (unsigned long long)l.n);
	else if (status == EX_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- one message ---- */

static void
put_rcpts(const struct admin_entry *e, struct table *t)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		table_text(t, e->rcpts[i].address);
		table_number(t, e->rcpts[i].state == RCPT_DONE);
		table_text(t, e->rcpts[i].reason);
	}
}

struct shown {
	bool is_found;
	struct table row, rcpts; /* own */
};

/* The message's own bytes, when they are asked for, stay in q->message. */
static int
show(struct queue_talk *q, struct id id, struct shown *out)
{
	struct arena arena = {0};
	struct admin_entry e;
	struct rd body;
	q->wants_message = true;
	int err = queue_ask(q, ADMIN_SHOW, span_make(id.b, ID_BYTES), &body);
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
print_message(const struct queue_talk *q, const char *id)
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
	struct queue_talk q;
	struct id id;
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 1, 1);
	if (status == EX_OK)
		status = queue_id(c, argv[0], &id);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = queue_said(show(&q, id, &s));
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

/* ---- why does it wait? ---- */

/* What holds it up, and what would change that. */
static const struct {
	const char *what;
	const char *setting; /* the limit responsible; NULL: none */
	const char *change;
} reasons[WHY_COUNT] = {
    [WHY_BACK_OFF] = {"its next attempt: the last one failed, and each wait is twice "
		      "as long as the one before",
	"retry_most", "merpati queue flush tries it now"},
    [WHY_DELIVER] = {"local delivery, which does not run", NULL,
	"it is tried as soon as deliver is started"},
    [WHY_HELD] = {"an admin, who held it, or the setting hold", NULL,
	"merpati queue release"},
    [WHY_DESTINATION] =
	{"its destination, which is down, wants less mail, or has much of it already",
	    "relay_down_most",
	    "it is tried as soon as its destination takes mail; merpati queue flush "
	    "tries it now"},
    [WHY_SUSPENDED] = {"an admin, who suspended its destination", NULL,
	"merpati queue resume"},
    [WHY_RELEASE] = {"the moment for which its sender asked (HOLDFOR, HOLDUNTIL)", NULL,
	"merpati queue remove; no flush sends it before"},
    [WHY_FETCH] = {"its turn: it is due", NULL, "nothing needs to be done"},
    [WHY_ATTEMPT] = {"the end of the attempt that is made now", NULL,
	"nothing needs to be done"},
    [WHY_CHECKPOINT] =
	{"the next checkpoint: it is in its mailboxes, and they are synced together",
	    NULL, "nothing needs to be done"},
    [WHY_REPORT] = {"the report of its failure to its sender, which is being made",
	NULL, "nothing needs to be done"},
    [WHY_FILE] = {"a file of its own, which could not be written: is the disk full?",
	NULL, "room on the disk of spool_dir"},
};

static const struct column why_columns[] = {
    {"id", "ID", CELL_TEXT},
    {"state", "STATE", CELL_TEXT},
    {"waits_for", "WAITS FOR", CELL_TEXT},
    {"limit", "LIMIT", CELL_TEXT},
    {"next", "NEXT TRY", CELL_TIME},
    {"attempts", "TRIED", CELL_NUMBER},
    {"recipient", "RECIPIENT", CELL_TEXT},
    {"reply", "LAST REPLY", CELL_TEXT},
    {"change", "WHAT CHANGES IT", CELL_TEXT},
    {"returned", "RETURNED AT", CELL_TIME},
};

static void
put_limit(const struct merpati *c, const char *setting, struct table *t)
{
	struct buf b = {0};
	if (setting)
		buf_putf(&b, "%s = %llds", setting,
		    (long long)conf_int(c->conf, "queue", setting));
	table_text(t, buf_as_span(&b));
	buf_free(&b);
}

static void
put_why(const struct merpati *c, uint8_t why, int64_t returned_sec,
    const struct admin_entry *e, struct table *t)
{
	struct admin_rcpt first = {.address = SPAN("")};
	for (uint32_t i = e->n_rcpts; i-- > 0;)
		if (e->rcpts[i].state != RCPT_DONE &&
		    (e->rcpts[i].reason.n || !first.reason.n))
			first = e->rcpts[i];
	table_text(t, span_of(id_text(e->id)));
	table_text(t, span_of(e->state < COUNT(queue_states) ? queue_states[e->state]
							     : "unknown"));
	table_text(t, span_of(reasons[why].what));
	put_limit(c, reasons[why].setting, t);
	table_number(t, e->next_sec);
	table_number(t, e->attempts);
	table_text(t, first.address);
	table_text(t, first.reason);
	table_text(t, span_of(reasons[why].change));
	table_number(t, why == WHY_HELD ? 0 : returned_sec);
}

static int
why(const struct merpati *c, struct queue_talk *q, struct id id, struct table *t,
    bool *is_found)
{
	struct arena arena = {0};
	struct admin_entry e;
	struct rd body;
	int err = queue_ask(q, ADMIN_WHY, span_make(id.b, ID_BYTES), &body);
	*is_found = err == E_OK && rd_u8(&body) == 1;
	if (!*is_found)
		return err;
	uint8_t reason = rd_u8(&body);
	int64_t returned_sec = (int64_t)rd_u64(&body);
	err = admin_entry_get(&body, &arena, &e);
	if (err == E_OK)
		err = reason < WHY_COUNT ? rd_end(&body) : E_BAD;
	if (err == E_OK)
		put_why(c, reason, returned_sec, &e, t);
	arena_reset(&arena);
	return err;
}

int
cmd_queue_why(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = why_columns, .n_columns = COUNT(why_columns)};
	struct queue_talk q;
	struct id id;
	bool is_found = false;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = queue_id(c, argv[0], &id);
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = queue_said(why(c, &q, id, &t, &is_found));
	if (status == EX_OK && !is_found) {
		ctl_say("there is no message %s in the queue", argv[0]);
		status = EX_DATAERR;
	} else if (status == EX_OK) {
		table_print_one(&t, c->is_json);
	}
	table_free(&t);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}
