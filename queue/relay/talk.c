/* SPDX-License-Identifier: ISC */
/*
 * talk.c - mail transactions on one connection, RFC 5321 3.3.  With PIPELINING (RFC 2920 3.1) the
 * envelope of the next message goes out together with the bytes of the one before, so a message
 * costs one round trip.  With CHUNKING (RFC 3030) small messages follow their envelopes at once,
 * several ahead.
 */
#include <string.h>

#include "base/log.h"
#include "queue/relay/remote.h"

enum {
	/* a message past it is sent when its recipients were taken */
	BDAT_AHEAD_BYTES = 65536,
};

enum rcpt_said { SAID_NOTHING, SAID_YES, SAID_ALL /* its result is known */ };

struct txn {
	struct order order;
	struct span message;
	bool is_piped; /* its commands went out together */
	bool is_bdat, has_reset, is_utf8, is_8bit, is_binary;
	struct buf ascii; /* own: addresses whose domains were not */
	bool is_sent;     /* its bytes are on the way, to the end */
	uint16_t n_yes;
	uint8_t said[ORDER_RCPTS_MAX]; /* enum rcpt_said */
};

static struct {
	struct remote *r;
	const struct talk *talk;
	struct txn all[TALK_AHEAD_MOST];
	unsigned first, n;
} line;

/* ---- results ---- */

static void
result(struct txn *t, uint16_t i, enum job_outcome outcome, enum metric_attempt how,
    struct span reason)
{
	if (t->said[i] == SAID_ALL)
		return;
	t->said[i] = SAID_ALL;
	line.talk->result(&t->order, i, outcome, how, reason);
}

static void
result_of_reply(struct txn *t, uint16_t i)
{
	struct remote *r = line.r;
	struct buf reason = {0};
	reply_reason(&r->reply, buf_as_span(&r->who), "0.0", &reason);
	enum job_outcome o = reply_is_good(&r->reply) ? JOB_PLACED
	                     : r->reply.code >= 500   ? JOB_PERM
	                                              : JOB_TEMP;

	static const enum metric_attempt hows[] = {[JOB_PLACED] = METRIC_ATTEMPT_2XX,
	    [JOB_TEMP] = METRIC_ATTEMPT_4XX,
	    [JOB_PERM] = METRIC_ATTEMPT_5XX};

	result(t, i, o, hows[o], span_head(buf_as_span(&reason), JOB_REASON_MAX));
	buf_free(&reason);
}

/* All who have no result yet: by the reply. */
static void
rest_of_reply(struct txn *t)
{
	for (uint16_t i = 0; i < t->order.n_rcpts; i++)
		result_of_reply(t, i);
}

static void
rest(struct txn *t, enum job_outcome outcome, enum metric_attempt how,
    struct span reason)
{
	for (uint16_t i = 0; i < t->order.n_rcpts; i++)
		result(t, i, outcome, how, reason);
}

/* ---- commands ---- */

static void
put_mail(struct txn *t)
{
	struct io *io = &line.r->io;
	const struct order *o = &t->order;
	unsigned can = line.r->ehlo.can;
	if (t->has_reset)
		io_put(io, SPAN("RSET\r\n"));
	io_put(io, SPAN("MAIL FROM:<"));
	io_put(io, o->sender);
	io_put(io, SPAN(">"));
	if (can & EHLO_SIZE)
		io_putf(io, " SIZE=%zu", t->message.n);
	if (t->is_binary)
		io_put(io, SPAN(" BODY=BINARYMIME"));
	else if (t->is_8bit)
		io_put(io, SPAN(" BODY=8BITMIME"));
	if (t->is_utf8)
		io_put(io, SPAN(" SMTPUTF8"));
	/* of a report it may be that it is not */
	if ((o->flags & ENV_REQUIRETLS) && remote_keeps_tls(line.r))
		io_put(io, SPAN(" REQUIRETLS"));
	if ((can & EHLO_DSN) && o->ret)
		io_putf(io, " RET=%s", ret_text(o->ret));
	if ((can & EHLO_DSN) && o->envid.n)
		io_putf(io, " ENVID=%.*s", SPAN_ARG(o->envid));
	io_put(io, SPAN("\r\n"));
}

static void
put_rcpt(struct txn *t, uint16_t i)
{
	struct io *io = &line.r->io;
	const struct order_rcpt *to = &t->order.rcpts[i];
	io_put(io, SPAN("RCPT TO:<"));
	io_put(io, to->address);
	io_put(io, SPAN(">"));
	if ((line.r->ehlo.can & EHLO_DSN) && to->notify) {
		io_put(io, SPAN(" NOTIFY="));
		notify_put(&io->out, to->notify);
	}
	if ((line.r->ehlo.can & EHLO_DSN) && to->orcpt.n) {
		io_put(io, SPAN(" ORCPT="));
		orcpt_put(&io->out, to->orcpt, t->is_utf8);
	}
	io_put(io, SPAN("\r\n"));
}

/* ---- what the message needs ---- */

static bool
needs_utf8(const struct order *o, struct span message)
{
	bool is_ascii = span_is_ascii(o->sender);
	for (uint16_t i = 0; i < o->n_rcpts; i++)
		is_ascii = is_ascii && span_is_ascii(o->rcpts[i].address);
	return !is_ascii || ((o->flags & ENV_SMTPUTF8) && data_has_utf8_head(message));
}

struct unfit {
	const char *status, *why;
};

/*
 * What this server cannot have; a message is never made less than it is to fit: it goes back.  A
 * domain in A-labels is no less.
 */
static struct unfit
unfit(struct txn *t)
{
	const struct ehlo *e = &line.r->ehlo;
	const unsigned binary = EHLO_BINARYMIME | EHLO_CHUNKING;
	bool takes_8bit = e->can & EHLO_8BITMIME;
	t->is_utf8 = needs_utf8(&t->order, t->message);
	if (t->is_utf8 && !(e->can & EHLO_SMTPUTF8) &&
	    order_to_ascii(&t->order, &t->ascii) == E_OK)
		t->is_utf8 = needs_utf8(&t->order, t->message);
	t->is_8bit = takes_8bit && (t->is_utf8 || (t->order.flags & ENV_8BITMIME) ||
				       data_is_8bit(t->message));
	if (t->is_utf8 && !(e->can & EHLO_SMTPUTF8))
		return (struct unfit){
		    "5.6.7", "takes no internationalized addresses or header fields"};
	t->is_binary = data_is_binary(t->message, t->order.flags & ENV_BINARYMIME);
	if (t->is_binary && ((e->can & binary) != binary || line.r->hop->is_lmtp))
		return (struct unfit){"5.6.1", "takes no BINARYMIME"};
	if (!t->is_binary && !takes_8bit && data_is_8bit(t->message))
		return (struct unfit){"5.6.3", "takes no 8-bit text"};
	if (e->size_bytes && t->message.n > e->size_bytes)
		return (struct unfit){"5.3.4", "takes no message as large as this one"};
	return (struct unfit){NULL, NULL};
}

/* ---- a transaction begins ---- */

static bool
is_piped(void)
{
	return line.r->ehlo.can & EHLO_PIPELINING;
}

/* Its turn comes when the ones before are answered; what can go out now goes. */
static void
begin(struct txn *t, bool has_reset)
{
	struct remote *r = line.r;
	t->has_reset = has_reset;
	t->is_piped = is_piped();
	t->is_bdat = (r->ehlo.can & EHLO_CHUNKING) && !r->hop->is_lmtp;
	if (!t->is_piped)
		return;
	put_mail(t);
	for (uint16_t i = 0; i < t->order.n_rcpts; i++)
		put_rcpt(t, i);
	if (!t->is_bdat)
		io_put(&r->io, SPAN("DATA\r\n"));
	else if (t->message.n <= BDAT_AHEAD_BYTES) {
		bdat_put(r, t->message);
		t->is_sent = true;
	}
}

static struct txn *
at(unsigned i)
{
	return &line.all[(line.first + i) % TALK_AHEAD_MOST];
}

/* The next message that this server can have at all. */
static bool
take(bool is_waiting, struct txn *t)
{
	struct remote *r = line.r;
	while (r->n_begun < r->limits->messages_most) {
		buf_free(&t->ascii);
		memset(t, 0, sizeof *t);
		if (!line.talk->next(is_waiting, &t->order, &t->message))
			return false;
		r->n_begun++;
		struct unfit u = unfit(t);
		if (!u.status)
			return true;
		struct buf reason = {.max = JOB_REASON_MAX};
		buf_putf(&reason, "%s %.*s %s", u.status,
		    SPAN_ARG(buf_as_span(&r->who)), u.why);
		rest(t, JOB_PERM, METRIC_ATTEMPT_UNFIT, buf_as_span(&reason));
		buf_free(&reason);
	}
	return false;
}

/* One more that is not waited for. */
static void
take_ahead(bool has_reset)
{
	if (line.n == TALK_AHEAD_MOST || !take(false, at(line.n)))
		return;
	begin(at(line.n++), has_reset);
}

/*
 * Small messages go out with all that belongs to them: nothing has to be answered before the next.
 */
static void
fill_ahead(void)
{
	while (line.n && line.n < TALK_AHEAD_MOST && at(line.n - 1)->is_sent &&
	       at(line.n - 1)->is_bdat) {
		unsigned n = line.n;
		take_ahead(true);
		if (line.n == n)
			return;
	}
}

/* ---- and is answered ---- */

/* A reply, of which 421 says that there will be no other (RFC 5321 3.8). */
static int
answer(int64_t timeout_ms)
{
	struct remote *r = line.r;
	int err = remote_reply(r, timeout_ms);
	if (err != E_OK || r->reply.code != 421)
		return err;
	if (!r->is_lost)
		reply_reason(&r->reply, buf_as_span(&r->who), "3.2", &r->why);
	r->how = METRIC_ATTEMPT_4XX;
	r->is_lost = r->is_bye = true;
	return E_IO;
}

static int
mail_answer(struct txn *t)
{
	struct remote *r = line.r;
	if (!t->is_piped)
		put_mail(t);
	if (t->has_reset && answer(r->limits->command_ms) != E_OK)
		return E_IO;
	r->must_reset = false;
	if (answer(r->limits->command_ms) != E_OK)
		return E_IO;
	if (reply_is_good(&r->reply))
		r->must_reset = true;
	else
		rest_of_reply(t);
	return E_OK;
}

static int
rcpt_answers(struct txn *t)
{
	struct remote *r = line.r;
	for (uint16_t i = 0; i < t->order.n_rcpts; i++) {
		if (!t->is_piped && !r->must_reset)
			break; /* no sender, no recipients */
		if (!t->is_piped)
			put_rcpt(t, i);
		if (answer(r->limits->command_ms) != E_OK)
			return E_IO;
		if (t->said[i] == SAID_ALL)
			continue;
		if (reply_is_good(&r->reply)) {
			t->said[i] = SAID_YES;
			t->n_yes++;
		} else {
			result_of_reply(t, i);
		}
	}
	return E_OK;
}

/* DATA and its 354; one that comes for nobody is ended at once. */
static int
data_answer(struct txn *t)
{
	struct remote *r = line.r;
	if (t->is_bdat || (!t->is_piped && !t->n_yes))
		return E_OK;
	if (!t->is_piped)
		io_put(&r->io, SPAN("DATA\r\n"));
	if (answer(r->limits->data_ms) != E_OK)
		return E_IO;
	bool is_go = r->reply.code == 354;
	if (!is_go) {
		if (reply_is_good(&r->reply))
			r->reply.code =
			    451; /* no answer to DATA: what it means nobody knows */
		rest_of_reply(t);
		t->n_yes = 0;
	} else if (!t->n_yes) {
		io_put(&r->io, SPAN(".\r\n"));
		return answer(r->limits->end_ms);
	}
	return E_OK;
}

static void
put_message(struct txn *t)
{
	struct remote *r = line.r;
	if (t->is_sent || !t->n_yes)
		return;
	if (t->is_bdat)
		bdat_put(r, t->message);
	else
		data_put(r, t->message);
	t->is_sent = true;
}

/*
 * One answer for all; LMTP has one for each (RFC 2033 4.2).  A chunk that went ahead for nobody is
 * answered, too.
 */
static int
end_answers(struct txn *t)
{
	struct remote *r = line.r;
	bool is_taken = false, is_answered = false;
	if (!t->is_sent)
		return E_OK;
	r->must_reset = t->is_bdat && !t->n_yes;
	if (!t->n_yes)
		return answer(r->limits->end_ms);
	for (uint16_t i = 0; i < t->order.n_rcpts; i++) {
		if (t->said[i] != SAID_YES)
			continue;
		if ((!is_answered || r->hop->is_lmtp) &&
		    answer(r->limits->end_ms) != E_OK)
			return E_IO;
		is_answered = true;
		is_taken |= reply_is_good(&r->reply);
		result_of_reply(t, i);
	}
	r->n_taken += is_taken;
	/* RFC 3030 2: how things stand then is not known */
	r->must_reset |= t->is_bdat && !is_taken;
	if (is_taken)
		log_event(LOG_INFO, "relayed",
		    "mid=%s rcpts=%u remote=%s tls=%d verified=%d",
		    id_text(t->order.id), t->n_yes, log_q(buf_as_span(&r->who)),
		    r->tls != NULL, r->is_verified);
	return E_OK;
}

/*
 * The connection is lost.  Whether a message was taken whose end was sent nobody knows: it is tried
 * later, and may come twice.  One that was only begun, or answered by 421, has no result, and goes
 * over another connection; but not where this one took nothing.
 */
static void
lost(struct txn *t)
{
	struct remote *r = line.r;
	if ((t->is_sent && !r->is_bye) || !r->n_taken)
		rest(t, JOB_TEMP, r->how,
		    span_head(buf_as_span(&r->why), JOB_REASON_MAX));
}

static int
transact(struct txn *t)
{
	struct remote *r = line.r;
	r->message_deadline = deadline_in_ms(r->limits->message_ms);
	int err = mail_answer(t);
	if (err == E_OK)
		err = rcpt_answers(t);
	if (err == E_OK)
		err = data_answer(t);
	if (err == E_OK)
		put_message(t);
	if (err == E_OK && t->is_piped && line.n == 1 && (t->is_sent || !t->n_yes))
		take_ahead(t->is_bdat || !t->is_sent);
	return err == E_OK ? end_answers(t) : err;
}

void
talk_run(struct remote *r, const struct talk *talk)
{
	memset(&line, 0, sizeof line);
	line.r = r;
	line.talk = talk;
	while (!r->is_lost) {
		if (!line.n) {
			if (!take(true, at(0)))
				return;
			begin(at(0), r->must_reset);
			line.n = 1;
		}
		fill_ahead();
		if (transact(at(0)) != E_OK)
			break;
		line.first = (line.first + 1) % TALK_AHEAD_MOST;
		line.n--;
	}
	for (; line.n; line.n--, line.first = (line.first + 1) % TALK_AHEAD_MOST)
		lost(at(0));
}
