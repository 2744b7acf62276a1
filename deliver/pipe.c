/* SPDX-License-Identifier: ISC */
/* pipe.c - the side of who wants a program run: a runner is had, told, and heard. */
#include "deliver/pipe.h"

#include <unistd.h>

#include "base/clock.h"
#include "deliver/owned.h"
#include "proc/ask.h"

static int
start(const struct target *t, int *out)
{
	const struct owned o = {t->address, t->home, t->uid, t->gid};
	struct buf in = {0};
	int err = owned_ask(DELIVER_RUNNER, &o, &in, out);
	buf_free(&in);
	return err;
}

static int
tell(int chan, const struct pipe_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx)
{
	struct order_sending s;
	struct buf head = {0};
	pipe_order_put(&head, o);
	order_send_begin(&s, chan, PIPE_RUN, deadline_in_ms(PIPE_SEND_MS));
	order_send_bytes(&s, buf_as_span(&head));
	buf_free(&head);
	int err = message(ctx, &s);
	if (err != E_OK) {
		order_send_drop(&s); /* its end does not come: nothing is run */
		return err;
	}
	return order_send_end(&s);
}

/* A runner is its user's, and senders read what it says. */
static bool
take_reason(struct span said, char class, struct buf *reason)
{
	if (said.n < 2 || said.p[0] != class || said.p[1] != '.')
		return false;
	buf_reset(reason);
	for (size_t i = 0; i < said.n; i++) {
		bool is_plain =
		    !ch_ctl(said.p[i]) && !((unsigned char)said.p[i] & 0x80);
		buf_ch(reason, is_plain ? said.p[i] : ' ');
	}
	return true;
}

static enum pipe_outcome
hear(int chan, int64_t wait_ms, struct buf *reason)
{
	struct buf in = {0};
	struct ask_msg m = {.fd = -1};
	uint8_t outcome = PIPE_LATER;
	buf_str(reason, "4.3.2 a program of the mailbox is not done yet");
	int err = ask_recv(chan, &in, &m, deadline_in_ms(wait_ms));
	if (m.fd >= 0)
		close(m.fd);
	if (err == E_OK && m.type == PIPE_RESULT) {
		uint8_t said = rd_u8(&m.body);
		struct span why = rd_str(&m.body, PIPE_REASON_MAX);
		bool is_good =
		    rd_end(&m.body) == E_OK && said >= PIPE_DONE && said <= PIPE_FAILED;
		if (is_good && said == PIPE_LATER)
			(void)take_reason(why, '4', reason);
		else if (is_good)
			outcome = said;
		if (outcome == PIPE_REFUSED && !take_reason(why, '5', reason))
			outcome = PIPE_FAILED;
	}
	buf_free(&in);
	return outcome;
}

enum pipe_outcome
pipe_ask(int chan, const struct pipe_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t wait_ms,
    struct buf *reason)
{
	if (chan >= 0 && tell(chan, o, message, ctx) == E_OK)
		return hear(chan, wait_ms, reason);
	buf_str(reason, "4.3.2 no program can be run for the mailbox now");
	return PIPE_LATER;
}

enum pipe_outcome
pipe_run(const struct target *t, const struct pipe_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx, struct buf *reason)
{
	int chan = -1;
	if (start(t, &chan) != E_OK)
		chan = -1;
	enum pipe_outcome outcome =
	    pipe_ask(chan, o, message, ctx, PIPE_WAIT_MS, reason);
	if (chan >= 0)
		close(chan);
	return outcome;
}
