/* SPDX-License-Identifier: ISC */
/* milter_step.c - one thing that a mail filter is told, and its answer. */
#include <string.h>

#include "base/log.h"
#include "smtpd/policy/milter_run.h"

/* What a filter's answer is about. */
enum scope { OF_CLIENT, OF_MESSAGE, OF_RCPT };

struct step {
	const char *name; /* in the log */
	uint32_t skipped; /* with this bit, it does not want to know */
	uint32_t mute;    /* with this one, it does not answer */
	enum scope scope;
	bool can_skip; /* MILTER_SKIP is an answer */
};

/* clang-format off */
static const struct step steps[] = {
	/*                    name          not wanted            not answered            about       skip */
	[STEP_CONNECT]    = {"connect",    MILTER_NO_CONNECT,    MILTER_MUTE_CONNECT,    OF_CLIENT,  false},
	[STEP_HELO]       = {"helo",       MILTER_NO_HELO,       MILTER_MUTE_HELO,       OF_CLIENT,  false},
	[STEP_MAIL]       = {"mail",       MILTER_NO_MAIL,       MILTER_MUTE_MAIL,       OF_MESSAGE, false},
	[STEP_RCPT]       = {"rcpt",       MILTER_NO_RCPT,       MILTER_MUTE_RCPT,       OF_RCPT,    false},
	[STEP_DATA]       = {"data",       MILTER_NO_DATA,       MILTER_MUTE_DATA,       OF_MESSAGE, false},
	[STEP_HEADER]     = {"header",     MILTER_NO_HEADERS,    MILTER_MUTE_HEADER,     OF_MESSAGE, true},
	[STEP_HEADER_END] = {"header_end", MILTER_NO_HEADER_END, MILTER_MUTE_HEADER_END, OF_MESSAGE, false},
	[STEP_BODY]       = {"body",       MILTER_NO_BODY,       MILTER_MUTE_BODY,       OF_MESSAGE, true},
	[STEP_END]        = {"end",        0,                    0,                      OF_MESSAGE, false},
};

/* clang-format on */

static void
refusal_set(struct refusal *r, unsigned code, struct span enhanced, struct span text)
{
	r->code = code;
	enhanced = span_head(enhanced, REPLY_ENHANCED_MAX);
	memcpy(r->enhanced, enhanced.p, enhanced.n);
	r->enhanced[enhanced.n] = 0;
	buf_reset(&r->text);
	buf_span(&r->text, text);
}

void
milter_refusal_copy(struct refusal *to, const struct refusal *from)
{
	refusal_set(to, from->code, span_of(from->enhanced), buf_as_span(&from->text));
}

void
milter_hang_up(struct milter *m)
{
	io_done(&m->io);
	m->has_helo = false;
	m->can_reuse = false;
	m->is_kept = false;
}

/* It cannot be asked any more while this client is there: what the default says holds. */
enum outcome
milter_fail(struct milters *ms, struct milter *m, const char *step, int err)
{
	log_event(LOG_WARNING, "milter_failed", "milter=%.*s at=%s err=%s default=%s",
	    SPAN_ARG(m->service.where), step, err_name(err),
	    m->fallback == SERVICE_ACCEPT   ? "accept"
	    : m->fallback == SERVICE_REJECT ? "reject"
					    : "tempfail");
	milter_hang_up(m);
	m->is_away = true;
	if (m->fallback == SERVICE_ACCEPT) {
		m->state = MILTER_OUT;
		return DONE;
	}
	bool is_reject = m->fallback == SERVICE_REJECT;
	refusal_set(&m->refusal, is_reject ? 550 : 451,
	    is_reject ? SPAN("5.7.1") : SPAN("4.7.1"),
	    is_reject ? SPAN("Mail is not taken while a filter is away")
		      : SPAN("A mail filter is away; try again later"));
	m->state = MILTER_REFUSES;
	milter_refusal_copy(&ms->refusal, &m->refusal);
	return REFUSED;
}

/* ---- answers ---- */

static void
set_deadline(const struct milters *ms, struct milter *m, int64_t ms_from_now)
{
	int64_t then = deadline_in_ms(ms_from_now);
	m->io.deadline = then < ms->deadline ? then : ms->deadline;
}

/* The next packet; its spans live until the next one is read. */
int
milter_read_packet(struct milter *m, struct milter_packet *out)
{
	for (;;) {
		struct span in = io_unread(&m->io);
		size_t before = in.n;
		int err = milter_packet_next(&in, out);
		if (err == E_OK)
			m->io.in_at += before - in.n; /* not io_take: it is borrowed */
		if (err != E_MORE)
			return err;
		err = io_fill(&m->io);
		if (err != E_OK)
			return err;
	}
}

/* The next answer that is more than "not yet". */
int
milter_read_answer(const struct milters *ms, struct milter *m, int64_t wait_ms,
    struct milter_answered *out)
{
	int64_t most = deadline_in_ms(MILTER_WAIT_MOST_MS);
	struct milter_packet p;
	int err = E_OK;
	for (unsigned n = 0; n < MILTER_PROGRESS_MOST; n++) {
		set_deadline(ms, m, wait_ms);
		if (m->io.deadline > most)
			m->io.deadline = most;
		err = milter_read_packet(m, &p);
		if (err == E_OK)
			err = milter_answer_parse(&p, out);
		if (err != E_OK || out->kind != MILTER_PROGRESS)
			return err;
	}
	return E_LIMIT;
}

static int
text_of(struct refusal *r, struct span text)
{
	struct milter_text t;
	if (milter_text_parse(text, &t) != E_OK)
		return E_BAD;
	refusal_set(r, t.code, t.enhanced, buf_as_span(&t.lines));
	buf_free(&t.lines);
	return E_OK;
}

/* E_OK: r is what its client is told; E_BAD */
static int
refusal_of(const struct milter_answered *a, struct refusal *r)
{
	switch (a->kind) {
	case MILTER_REPLY:
		return text_of(r, a->name);
	case MILTER_REJECT:
		refusal_set(r, 550, SPAN("5.7.1"), SPAN("Refused by a mail filter"));
		return E_OK;
	case MILTER_TEMPFAIL:
		refusal_set(r, 451, SPAN("4.7.1"),
		    SPAN("A mail filter cannot take it now; try again later"));
		return E_OK;
	case MILTER_SHUTDOWN:
	case MILTER_CONNECTION_FAIL:
		refusal_set(r, 421, SPAN("4.7.0"), SPAN("Closing the connection"));
		return E_OK;
	default:
		return E_BAD;
	}
}

static enum outcome
refused(struct milters *ms, struct milter *m, const struct step *s)
{
	log_event(LOG_INFO, "milter_refused", "milter=%.*s at=%s code=%u text=%s",
	    SPAN_ARG(m->service.where), s->name, ms->refusal.code,
	    log_q(buf_as_span(&ms->refusal.text)));
	if (s->scope == OF_CLIENT) {
		milter_refusal_copy(&m->refusal, &ms->refusal);
		m->state = MILTER_REFUSES;
	} else if (s->scope == OF_MESSAGE) {
		m->state = MILTER_DONE;
	}
	return REFUSED;
}

enum outcome
milter_judge(struct milters *ms, struct milter *m, unsigned step,
    const struct milter_answered *a)
{
	const struct step *s = &steps[step];
	switch (a->kind) {
	case MILTER_CONTINUE:
		return GO_ON;
	case MILTER_SKIP:
		if (s->can_skip && (m->options.protocol & MILTER_CAN_SKIP))
			return SKIP;
		break;
	case MILTER_ACCEPT:
		m->state = s->scope == OF_CLIENT ? MILTER_OUT : MILTER_DONE;
		return DONE;
	case MILTER_DISCARD:
		if (s->scope == OF_CLIENT)
			break;
		log_event(LOG_INFO, "milter_discarded", "milter=%.*s at=%s",
		    SPAN_ARG(m->service.where), s->name);
		m->state = MILTER_DONE;
		ms->is_discarded = true;
		return DISCARDED;
	default:
		if (refusal_of(a, &ms->refusal) == E_OK)
			return refused(ms, m, s);
		break;
	}
	return milter_fail(ms, m, s->name, E_BAD);
}

/* ---- one step ---- */

/* What is in scratch goes out: now, or with what waits for an answer. */
void
milter_send(struct milters *ms, struct milter *m)
{
	set_deadline(ms, m, m->command_ms);
	if (buf_done(&ms->scratch) == E_OK)
		io_put(&m->io, buf_as_span(&ms->scratch));
	else
		m->io.out.err =
		    E_LIMIT; /* seen with the next answer that is waited for */
	buf_reset(&ms->scratch);
}

void
milter_tell_macros(struct milters *ms, struct milter *m, enum milter_stage stage)
{
	struct span name = ms->values[MILTER_M_DAEMON_NAME];
	if (m->service.name.n)
		ms->values[MILTER_M_DAEMON_NAME] = m->service.name;
	milter_put_macros(&ms->scratch, stage, m->options.macros[stage], ms->values);
	ms->values[MILTER_M_DAEMON_NAME] = name;
	milter_send(ms, m);
}

bool
milter_skips(const struct milter *m, unsigned step)
{
	return (m->options.protocol & steps[step].skipped) != 0;
}

/* It did not come to an answer. */
static enum outcome
step_failed(struct milters *ms, struct milter *m, const struct step *s, int err)
{
	if (!m->is_kept || err != E_IO)
		return milter_fail(ms, m, s->name, err);
	milter_hang_up(m);
	return GONE;
}

/* The packet in scratch is sent, and its answer, where there is one, taken. */
enum outcome
milter_step(struct milters *ms, struct milter *m, unsigned step)
{
	const struct step *s = &steps[step];
	struct milter_answered a;
	m->can_reuse = false;
	if (io_unread(&m->io).n)
		return milter_fail(ms, m, s->name, E_BAD); /* it speaks out of turn */
	milter_send(ms, m);
	if (m->options.protocol & s->mute)
		return m->io.out.err ? step_failed(ms, m, s, m->io.out.err) : GO_ON;
	int err = milter_read_answer(ms, m, m->command_ms, &a);
	if (err != E_OK)
		return step_failed(ms, m, s, err);
	m->is_kept = false;
	return milter_judge(ms, m, step, &a);
}

/* ---- all of them ---- */

enum milters_verdict
milters_verdict_of(const struct milters *ms, enum outcome o)
{
	if (o == REFUSED && !ms->is_discarded)
		return MILTERS_REFUSE;
	return MILTERS_GO_ON; /* what is discarded is told at the end */
}

bool
milters_are_over(const struct milters *ms, enum outcome o)
{
	return o == REFUSED || ms->is_discarded;
}

/* One that went away in the middle of a message, and whose default is to refuse. */
bool
milter_is_away(struct milters *ms, const struct milter *m)
{
	if (m->state == MILTER_REFUSES)
		milter_refusal_copy(&ms->refusal, &m->refusal);
	return m->state == MILTER_REFUSES;
}
