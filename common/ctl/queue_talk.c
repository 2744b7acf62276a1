/* SPDX-License-Identifier: ISC */
/* queue_talk.c - asks of the scheduler, and its answers. */
#include "ctl/queue_talk.h"

#include <unistd.h>

#include "base/clock.h"
#include "ctl/connect.h"
#include "proc/ask.h"

enum { QUEUE_WAIT_MS = 600000 }; /* something is done to a million messages */

static int
open_socket(const struct merpati *c, const char *name, struct queue_talk *q)
{
	*q = (struct queue_talk){.fd = -1, .message = -1};
	int err = ctl_connect(c->conf, "queue", name, &q->fd);
	if (err == E_OK)
		return EX_OK;
	if (err == E_DENY)
		ctl_say("only root and the user %s may ask queue",
		    conf_str(c->conf, "common", "user_queue"));
	else
		ctl_say("queue does not run");
	return err == E_DENY ? EX_NOPERM : EX_UNAVAILABLE;
}

int
queue_open(const struct merpati *c, struct queue_talk *q)
{
	return open_socket(c, "admin", q);
}

int
queue_open_reports(const struct merpati *c, struct queue_talk *q)
{
	return open_socket(c, "reports", q);
}

void
queue_close(struct queue_talk *q)
{
	if (q->fd >= 0)
		close(q->fd);
	if (q->message >= 0)
		close(q->message);
	buf_free(&q->in);
}

/* The next packet of the answer; body dies with the one after it. */
static int
next(struct queue_talk *q, uint16_t type, struct rd *body)
{
	struct ask_msg m;
	int err = ask_recv(q->fd, &q->in, &m, deadline_in_ms(QUEUE_WAIT_MS));
	if (err != E_OK)
		return err;
	if (m.fd >= 0 && q->wants_message && q->message < 0)
		q->message = m.fd;
	else if (m.fd >= 0)
		close(m.fd);
	*body = m.body;
	return m.type == (type | ASK_REPLY) ? E_OK : E_BAD;
}

int
queue_ask(struct queue_talk *q, uint16_t type, struct span body, struct rd *answer)
{
	int err = ask_send(q->fd, type, body, -1, deadline_in_ms(QUEUE_WAIT_MS));
	return err == E_OK ? next(q, type, answer) : err;
}

/* One packet's entries; *n says how many: the last has none. */
static int
each_of(struct rd *body, uint16_t *n, int (*fn)(void *ctx, const struct admin_entry *),
    void *ctx)
{
	struct arena arena = {0};
	struct admin_entry e;
	int err = E_OK;
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n && err == E_OK; i++) {
		err = admin_entry_get(body, &arena, &e);
		if (err == E_OK)
			err = fn(ctx, &e);
		arena_reset(&arena);
	}
	return err == E_OK ? rd_end(body) : err;
}

int
queue_each(
    struct queue_talk *q, int (*fn)(void *ctx, const struct admin_entry *), void *ctx)
{
	struct rd body;
	uint16_t n = 0;
	int err = queue_ask(q, ADMIN_LIST, SPAN(""), &body);
	if (err == E_OK)
		err = each_of(&body, &n, fn, ctx);
	while (err == E_OK && n) {
		err = next(q, ADMIN_LIST, &body);
		if (err == E_OK)
			err = each_of(&body, &n, fn, ctx);
	}
	return err;
}

int
queue_said(int err)
{
	if (err == E_OK)
		return EX_OK;
	ctl_say("queue does not answer: %s", err_name(err));
	return EX_TEMPFAIL;
}

int
queue_id(const struct merpati *c, const char *text, struct id *out)
{
	if (id_parse(span_of(text), out) == E_OK)
		return EX_OK;
	return ctl_usage(c, "\"%s\" is no id; merpati queue list shows them", text);
}
