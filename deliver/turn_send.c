/* SPDX-License-Identifier: ISC */
/*
 * turn_send.c - what scripts send and pipe because of an event, by the role events: it has the queue, and
 * may have processes made.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/pipe.h"
#include "deliver/turn.h"
#include "deliver/work.h"
#include "mime/header.h"
#include "proc/ask.h"
#include "proc/child.h"

/*
 * Its answer to what was just said: a number, and with fd a descriptor.
 *   fd       own: -1: none came; or NULL
 *   returns  E_OK, E_LIMIT: none
 */
static int
hear(int chan, enum turn_ask type, uint8_t *out, int *fd, int64_t deadline)
{
	struct buf in = {0};
	struct ask_msg m;
	int err = ask_recv(chan, &in, &m, deadline);
	if (err == E_OK) {
		*out = rd_u8(&m.body);
		err = m.type == type && rd_end(&m.body) == E_OK ? E_OK : E_BAD;
		if (fd && err == E_OK)
			*fd = m.fd;
		else if (m.fd >= 0)
			close(m.fd);
	}
	buf_free(&in);
	return err == E_OK ? E_OK : E_LIMIT;
}

static int
ask(int chan, enum turn_ask type, enum turn_ask answer, uint8_t *out, int *fd)
{
	int64_t deadline = deadline_in_ms(TURN_ASK_WAIT_MS);
	return ask_send(chan, type, SPAN(""), -1, deadline) == E_OK
	           ? hear(chan, answer, out, fd, deadline)
	           : E_LIMIT;
}

int
turn_room(int chan)
{
	uint8_t has_room = 0;
	int err = ask(chan, TURN_ROOM, TURN_ROOM_IS, &has_room, NULL);
	return err == E_OK && has_room ? E_OK : E_LIMIT;
}

/* ---- letters ---- */

/* E_OK; E_LIMIT: not now; E_BAD: never */
static int
send_letter(int chan, const struct turn_letter *l)
{
	struct buf bytes = {.max = TURN_LETTER_BYTES_MAX};
	struct order_sending s;
	uint8_t sent = TURN_NOT_NOW;
	int64_t deadline = deadline_in_ms(TURN_ASK_WAIT_MS);
	turn_letter_put(&bytes, l);
	if (buf_done(&bytes) != E_OK) {
		buf_free(&bytes);
		return E_BAD; /* too large */
	}
	order_send_begin(&s, chan, TURN_LETTER, deadline);
	order_send_bytes(&s, buf_as_span(&bytes));
	int err = order_send_end(&s);
	buf_free(&bytes);
	if (err == E_OK)
		err = hear(chan, TURN_SENT, &sent, NULL, deadline);
	if (err != E_OK)
		return E_LIMIT;
	return sent == TURN_IS_SENT ? E_OK : sent == TURN_NEVER ? E_BAD : E_LIMIT;
}

/* A redirected message goes whole: it is not in the spool. */
static struct agent_send
whole(const struct work *w, const struct agent_send *send)
{
	struct agent_send s = *send;
	size_t at = header_end(w->order->message);
	if (s.kind != SEND_REDIRECT)
		return s;
	if (!s.has_head)
		s.text = span_head(w->order->message, at);
	if (!s.has_body)
		s.body = span_from(w->order->message, at);
	s.has_head = s.has_body = true;
	return s;
}

int
turn_send(int chan, const struct work *w, bool *is_kept)
{
	int err = E_OK;
	for (size_t i = 0; i < w->answer.n_sends && err == E_OK; i++) {
		const struct agent_send *send = &w->answer.sends[i];
		if (send->kind == SEND_PIPE)
			continue;
		struct turn_letter l = {.send = whole(w, send)};
		memcpy(l.id.b, w->order->id.b, sizeof l.id.b);
		err = send_letter(chan, &l);
		if (err != E_BAD)
			continue;
		/* to wait for it would hold up what happened later, too */
		log_event(LOG_WARNING, "event_letter_dropped", "account=%s to=%s",
		    log_q(w->in.address), log_q(send->rcpts[0]));
		*is_kept |= send->kind == SEND_REDIRECT;
		err = E_OK;
	}
	return err;
}

/* ---- programs ---- */

struct piped {
	struct span message; /* borrow */
	const struct agent_send *send;
};

static int
send_piped(void *ctx, struct order_sending *to)
{
	const struct piped *p = ctx;
	order_send_bytes(to, p->send->text);
	order_send_bytes(to, p->send->body);
	if (!p->send->has_body)
		order_send_bytes(to,
		    span_from(p->message, p->send->has_head ? p->send->body_at : 0));
	return to->err;
}

/* E_OK; E_LIMIT: no answer, and it might come yet, so that nothing more may be asked in this turn */
static int
pipe_one(int chan, const struct work *w, const struct agent_send *send,
    enum pipe_outcome *out)
{
	struct piped p = {w->order->message, send};
	struct pipe_order o = {.id = w->order->id,
	    .number = send->number,
	    .sender = SPAN(""),
	    .recipient = w->in.address,
	    .orig_recipient = w->in.address};
	struct buf reason = {0};
	uint8_t is_there = 0;
	int runner = -1;
	*out = PIPE_FAILED;
	if (pipe_words(send->fields, &o) != E_OK)
		return E_OK;
	if (ask(chan, TURN_RUNNER, TURN_RUNNER_IS, &is_there, &runner) != E_OK)
		return E_LIMIT;
	*out = pipe_ask(runner, &o, send_piped, &p, PIPE_EVENT_WAIT_MS, &reason);
	if (runner >= 0)
		close(runner);
	buf_free(&reason);
	return E_OK;
}

int
turn_pipe(int chan, const struct work *w, bool is_late, bool *is_kept)
{
	for (size_t i = 0; i < w->answer.n_sends; i++) {
		const struct agent_send *send = &w->answer.sends[i];
		if (send->kind != SEND_PIPE)
			continue;
		enum pipe_outcome outcome;
		if (pipe_one(chan, w, send, &outcome) != E_OK)
			return E_LIMIT; /* of :try, too, and however late it is */
		bool is_try = send->notify & PIPE_IS_TRY,
		     is_copy = send->notify & PIPE_IS_COPY;
		if (outcome == PIPE_LATER && !is_try && !is_late)
			return E_LIMIT;
		if (outcome == PIPE_LATER && !is_try)
			log_event(LOG_WARNING, "event_pipe_given_up", "account=%s",
			    log_q(w->in.address));
		*is_kept |= outcome != PIPE_DONE && !is_copy;
	}
	return E_OK;
}
