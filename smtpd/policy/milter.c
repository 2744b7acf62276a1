/* SPDX-License-Identifier: ISC */
/* milter.c - conversations with mail filters. */
#include "smtpd/policy/milter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "conf/conf.h"
#include "mime/header.h"
#include "smtpd/dial.h"

/* What a filter's answer is about. */
enum scope { OF_CLIENT, OF_MESSAGE, OF_RCPT };

struct step {
	const char *name; /* in the log */
	uint32_t skipped; /* with this bit, it does not want to know */
	uint32_t mute;    /* with this one, it does not answer */
	enum scope scope;
	bool can_skip; /* MILTER_SKIP is an answer */
};

enum {
	STEP_CONNECT,
	STEP_HELO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_HEADER,
	STEP_HEADER_END,
	STEP_BODY,
	STEP_END
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

/* What one step with one filter came to. */
enum outcome {
	GO_ON,
	SKIP,    /* of what comes many times in a message, no more */
	DONE,    /* it wants to know no more of this message */
	REFUSED, /* with the refusal of struct milters */
	DISCARDED,
};

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

static void
refusal_copy(struct refusal *to, const struct refusal *from)
{
	refusal_set(to, from->code, span_of(from->enhanced), buf_as_span(&from->text));
}

static void
hang_up(struct milter *m)
{
	io_done(&m->io);
	m->has_helo = false;
	m->can_reuse = false;
}

/* It cannot be asked any more while this client is there: what the default says holds. */
static enum outcome
fail(struct milters *ms, struct milter *m, const char *step, int err)
{
	log_event(LOG_WARNING, "milter_failed", "milter=%.*s at=%s err=%s default=%s",
	    SPAN_ARG(m->service.where), step, err_name(err),
	    m->fallback == SERVICE_ACCEPT   ? "accept"
	    : m->fallback == SERVICE_REJECT ? "reject"
					    : "tempfail");
	hang_up(m);
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
	refusal_copy(&ms->refusal, &m->refusal);
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
static int
read_packet(struct milter *m, struct milter_packet *out)
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
static int
read_answer(const struct milters *ms, struct milter *m, int64_t wait_ms,
    struct milter_answered *out)
{
	int64_t most = deadline_in_ms(MILTER_WAIT_MOST_MS);
	struct milter_packet p;
	int err = E_OK;
	for (unsigned n = 0; n < MILTER_PROGRESS_MOST; n++) {
		set_deadline(ms, m, wait_ms);
		if (m->io.deadline > most)
			m->io.deadline = most;
		err = read_packet(m, &p);
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
		refusal_copy(&m->refusal, &ms->refusal);
		m->state = MILTER_REFUSES;
	} else if (s->scope == OF_MESSAGE) {
		m->state = MILTER_DONE;
	}
	return REFUSED;
}

static enum outcome
judge(struct milters *ms, struct milter *m, const struct step *s,
    const struct milter_answered *a)
{
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
	return fail(ms, m, s->name, E_BAD);
}

/* ---- one step ---- */

/* What is in scratch goes out: now, or with what waits for an answer. */
static void
put(struct milters *ms, struct milter *m)
{
	set_deadline(ms, m, m->command_ms);
	if (buf_done(&ms->scratch) == E_OK)
		io_put(&m->io, buf_as_span(&ms->scratch));
	else
		m->io.out.err =
		    E_LIMIT; /* seen with the next answer that is waited for */
	buf_reset(&ms->scratch);
}

static void
put_macros(struct milters *ms, struct milter *m, enum milter_stage stage)
{
	struct span name = ms->values[MILTER_M_DAEMON_NAME];
	if (m->service.name.n)
		ms->values[MILTER_M_DAEMON_NAME] = m->service.name;
	milter_put_macros(&ms->scratch, stage, m->options.macros[stage], ms->values);
	ms->values[MILTER_M_DAEMON_NAME] = name;
	put(ms, m);
}

static bool
is_skipped(const struct milter *m, unsigned step)
{
	return (m->options.protocol & steps[step].skipped) != 0;
}

/* The packet in scratch is sent, and its answer, where there is one, taken. */
static enum outcome
step_take(struct milters *ms, struct milter *m, unsigned step)
{
	const struct step *s = &steps[step];
	struct milter_answered a;
	m->can_reuse = false;
	if (io_unread(&m->io).n)
		return fail(ms, m, s->name, E_BAD); /* it speaks out of turn */
	put(ms, m);
	if (m->options.protocol & s->mute)
		return m->io.out.err ? fail(ms, m, s->name, m->io.out.err) : GO_ON;
	int err = read_answer(ms, m, m->command_ms, &a);
	return err == E_OK ? judge(ms, m, s, &a) : fail(ms, m, s->name, err);
}

/* ---- a connection ---- */

/* The names live as long as the connection. */
static void
keep_names(struct milter *m)
{
	size_t at[MILTER_STAGES] = {0};
	struct span *names = m->options.macros;
	buf_reset(&m->names);
	buf_ch(&m->names, ' '); /* so that there are bytes, whatever they want */
	for (size_t i = 0; i < MILTER_STAGES; i++) {
		at[i] = m->names.len;
		buf_span(&m->names, names[i]);
	}
	for (size_t i = 0; i < MILTER_STAGES; i++)
		if (names[i].p)
			names[i].p = m->names.p + at[i];
}

static int
read_options(struct milters *ms, struct milter *m)
{
	struct milter_packet p;
	milter_put_options(&ms->scratch);
	put(ms, m);
	int err = read_packet(m, &p);
	if (err == E_OK)
		err = milter_options_parse(&p, &m->options);
	if (err != E_OK)
		return err;
	keep_names(m);
	if (m->options.version < MILTER_VERSION_DATA)
		m->options.protocol |= MILTER_NO_DATA;
	return E_OK;
}

/* What was kept is worth nothing when it was closed meanwhile, or when there is something to read. */
static bool
is_still_there(const struct milter *m)
{
	char c;
	return m->io.fd >= 0 && io_unread(&m->io).n == 0 &&
	       recv(m->io.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static enum outcome
open_milter(struct milters *ms, struct milter *m)
{
	int fd, err;
	if (is_still_there(m))
		return GO_ON;
	hang_up(m);
	int64_t until = deadline_in_ms(ms->connect_ms);
	err = dial(ms->dialer, m->service.where,
	    until < ms->deadline ? until : ms->deadline, &fd);
	if (err != E_OK)
		return fail(ms, m, "dial", err);
	io_init(&m->io, fd, MILTER_IN_MAX, MILTER_OUT_MAX);
	m->io.idle_ms = MILTER_WAIT_MOST_MS;
	err = read_options(ms, m);
	return err == E_OK ? GO_ON : fail(ms, m, "options", err);
}

static enum outcome
tell_client(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	enum outcome o = open_milter(ms, m);
	if (o != GO_ON)
		return o;
	m->state = MILTER_AWAKE;
	put_macros(ms, m, MILTER_AT_CONNECT);
	if (is_skipped(m, STEP_CONNECT))
		return GO_ON;
	milter_put_connect(&ms->scratch, c->name, c->address, 0);
	return step_take(ms, m, STEP_CONNECT);
}

static enum outcome
tell_helo(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	m->has_helo = true;
	put_macros(ms, m, MILTER_AT_HELO);
	if (is_skipped(m, STEP_HELO))
		return GO_ON;
	milter_put_strings(&ms->scratch, MILTER_HELO, &c->helo, 1);
	return step_take(ms, m, STEP_HELO);
}

/* Everything that a filter must know before it can be told of a message. */
static enum outcome
wake(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	enum outcome o = GO_ON;
	if (m->state == MILTER_OUT)
		return DONE;
	if (m->state == MILTER_REFUSES) {
		refusal_copy(&ms->refusal, &m->refusal);
		return REFUSED;
	}
	if (m->state == MILTER_ASLEEP)
		o = tell_client(ms, m, c);
	if (o == GO_ON && !m->has_helo)
		o = tell_helo(ms, m, c);
	return o;
}

/* ---- the envelope ---- */

static enum milters_verdict
verdict_of(const struct milters *ms, enum outcome o)
{
	if (o == REFUSED && !ms->is_discarded)
		return MILTERS_REFUSE;
	return MILTERS_GO_ON; /* what is discarded is told at the end */
}

static bool
is_over(const struct milters *ms, enum outcome o)
{
	return o == REFUSED || ms->is_discarded;
}

enum milters_verdict
milters_mail(struct milters *ms, const struct milter_client *c, struct span sender,
    struct span params)
{
	enum outcome o = GO_ON;
	ms->is_discarded = false;
	for (size_t i = 0; i < ms->n && !is_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		o = wake(ms, m, c);
		if (o != GO_ON)
			continue;
		m->state = MILTER_IN_MAIL;
		put_macros(ms, m, MILTER_AT_MAIL);
		if (is_skipped(m, STEP_MAIL))
			continue;
		milter_put_address(&ms->scratch, MILTER_MAIL, sender, params);
		o = step_take(ms, m, STEP_MAIL);
	}
	return verdict_of(ms, o);
}

/* One that went away in the middle of a message, and whose default is to refuse. */
static bool
is_away(struct milters *ms, const struct milter *m)
{
	if (m->state == MILTER_REFUSES)
		refusal_copy(&ms->refusal, &m->refusal);
	return m->state == MILTER_REFUSES;
}

enum milters_verdict
milters_rcpt(struct milters *ms, struct span address, struct span params)
{
	enum outcome o = GO_ON;
	for (size_t i = 0; i < ms->n && !is_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		if (is_away(ms, m))
			return MILTERS_REFUSE;
		if (m->state != MILTER_IN_MAIL)
			continue;
		put_macros(ms, m, MILTER_AT_RCPT);
		if (is_skipped(m, STEP_RCPT))
			continue;
		milter_put_address(&ms->scratch, MILTER_RCPT, address, params);
		o = step_take(ms, m, STEP_RCPT);
	}
	return verdict_of(ms, o);
}

enum milters_verdict
milters_data(struct milters *ms)
{
	enum outcome o = GO_ON;
	for (size_t i = 0; i < ms->n && !is_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		if (is_away(ms, m))
			return MILTERS_REFUSE;
		if (m->state != MILTER_IN_MAIL)
			continue;
		put_macros(ms, m, MILTER_AT_DATA);
		if (is_skipped(m, STEP_DATA))
			continue;
		milter_put_strings(&ms->scratch, MILTER_DATA, NULL, 0);
		o = step_take(ms, m, STEP_DATA);
	}
	return verdict_of(ms, o);
}

/* ---- the message ---- */

static enum outcome
tell_header(struct milters *ms, struct milter *m, struct span header)
{
	bool has_space = (m->options.protocol & MILTER_LEADING_SPACE) != 0;
	enum outcome o = GO_ON;
	struct header_field f;
	while (o == GO_ON && !is_skipped(m, STEP_HEADER) &&
	       header_next(&header, &f) == E_OK) {
		milter_put_header(&ms->scratch, f.name, f.value, has_space);
		o = step_take(ms, m, STEP_HEADER);
	}
	if (o != GO_ON && o != SKIP)
		return o;
	put_macros(ms, m, MILTER_AT_HEADER_END);
	if (is_skipped(m, STEP_HEADER_END))
		return GO_ON;
	milter_put_strings(&ms->scratch, MILTER_HEADER_END, NULL, 0);
	return step_take(ms, m, STEP_HEADER_END);
}

static enum outcome
tell_body(struct milters *ms, struct milter *m, struct span body)
{
	enum outcome o = GO_ON;
	if (span_starts(body, SPAN("\r\n")))
		body = span_from(body, 2);
	if (is_skipped(m, STEP_BODY))
		return GO_ON;
	while (o == GO_ON && body.n) {
		milter_put_bytes(
		    &ms->scratch, MILTER_BODY, span_head(body, MILTER_CHUNK));
		body = span_from(
		    body, body.n < MILTER_CHUNK ? body.n : (size_t)MILTER_CHUNK);
		o = step_take(ms, m, STEP_BODY);
	}
	return o == SKIP ? GO_ON : o;
}

/* The blank behind the colon is the filter's, or ours. */
static int
note_field(const struct milter *m, const struct milter_answered *a, enum edit_kind kind,
    struct edits *e)
{
	struct buf value = {.max = MILTER_PACKET_MAX + 1};
	bool has_space = (m->options.protocol & MILTER_LEADING_SPACE) != 0;
	bool is_removal = kind == EDIT_CHANGE && !a->value.n;
	buf_str(&value, has_space || is_removal ? "" : " ");
	buf_span(&value, a->value);
	int err = edits_field(e, kind, a->index, a->name, buf_as_span(&value));
	buf_free(&value);
	return err;
}

/* A change.  E_OK, E_BAD (or none, or one that was not agreed on), E_LIMIT */
static int
note_change(const struct milter *m, const struct milter_answered *a, struct edits *e)
{
	uint32_t action = milter_action_of(a->kind);
	if (!(m->options.actions & action))
		return E_BAD;
	switch (a->kind) {
	case MILTER_ADD_HEADER:
		return note_field(m, a, EDIT_ADD, e);
	case MILTER_INSERT_HEADER:
		return note_field(m, a, EDIT_INSERT, e);
	case MILTER_CHANGE_HEADER:
		return note_field(m, a, EDIT_CHANGE, e);
	case MILTER_REPLACE_BODY:
		return edits_body(e, a->value);
	case MILTER_ADD_RCPT:
	case MILTER_ADD_RCPT_PARAMS:
		return edits_other(e, EDIT_RCPT, a->name, a->value);
	case MILTER_DELETE_RCPT:
		return edits_other(e, EDIT_NO_RCPT, a->name, a->value);
	case MILTER_CHANGE_FROM:
		return edits_other(e, EDIT_SENDER, a->name, a->value);
	case MILTER_QUARANTINE:
		return edits_other(e, EDIT_HOLD, a->name, a->value);
	default:
		return E_BAD;
	}
}

/* The message is complete: changes may come, and then what becomes of it. */
static enum outcome
take_end(struct milters *ms, struct milter *m, struct edits *e)
{
	const struct step *s = &steps[STEP_END];
	struct milter_answered a;
	int err;
	put_macros(ms, m, MILTER_AT_END);
	if (io_unread(&m->io).n)
		return fail(ms, m, s->name, E_BAD);
	milter_put_strings(&ms->scratch, MILTER_END, NULL, 0);
	put(ms, m);
	while ((err = read_answer(ms, m, m->content_ms, &a)) == E_OK &&
	       milter_action_of(a.kind))
		if ((err = note_change(m, &a, e)) != E_OK)
			break;
	if (err != E_OK)
		return fail(ms, m, s->name, err);
	enum outcome o = judge(ms, m, s, &a);
	m->can_reuse = o == GO_ON;
	if (o == GO_ON)
		m->state = MILTER_DONE;
	return o;
}

static enum outcome
tell_message(struct milters *ms, struct milter *m, struct span header, struct span body,
    struct edits *e)
{
	enum outcome o = tell_header(ms, m, header);
	if (o == GO_ON)
		o = tell_body(ms, m, body);
	if (o != GO_ON)
		return o;
	edits_begin(e, ms->body_max);
	o = take_end(ms, m, e);
	if (m->state != MILTER_DONE || o == REFUSED || o == DISCARDED) {
		edits_undo(e); /* what it began to say is not to be half done */
		return o;
	}
	if (e->n > e->n_before || e->has_next)
		log_event(LOG_INFO, "milter_changed", "milter=%.*s changes=%zu body=%s",
		    SPAN_ARG(m->service.where), e->n - e->n_before,
		    e->has_next ? "yes" : "no");
	edits_keep(e);
	return o;
}

/* As the filters before this one have left it. */
static int
header_now(const struct edits *e, struct span header, struct buf *out)
{
	struct buf below = {.max = out->max};
	buf_reset(out);
	int err = edits_header(e, header, out, &below);
	buf_span(out, buf_as_span(&below));
	buf_free(&below);
	return err == E_OK ? buf_done(out) : err;
}

enum milters_verdict
milters_message(
    struct milters *ms, struct span header, struct span body, struct edits *out)
{
	struct buf now = {.max = header.n + EDITS_BYTES_MAX};
	enum outcome o = GO_ON;
	for (size_t i = 0; i < ms->n && !is_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		struct span shown = header;
		if (is_away(ms, m)) {
			o = REFUSED;
			continue;
		}
		if (m->state != MILTER_IN_MAIL)
			continue;
		if (edits_has_fields(out)) {
			if (header_now(out, header, &now) != E_OK) {
				o = fail(ms, m, "header", E_LIMIT);
				continue;
			}
			shown = buf_as_span(&now);
		}
		o = tell_message(
		    ms, m, shown, out->has_body ? buf_as_span(&out->body) : body, out);
	}
	buf_free(&now);
	return ms->is_discarded ? MILTERS_DISCARD : verdict_of(ms, o);
}

/* ---- ends ---- */

static void
send_bare(struct milters *ms, struct milter *m, enum milter_command command)
{
	milter_put_strings(&ms->scratch, command, NULL, 0);
	put(ms, m);
	if (io_flush(&m->io) != E_OK)
		hang_up(m);
}

void
milters_reset(struct milters *ms)
{
	ms->is_discarded = false;
	for (size_t i = 0; i < ms->n; i++) {
		struct milter *m = &ms->all[i];
		if (m->state == MILTER_IN_MAIL) {
			m->can_reuse = false;
			send_bare(ms, m, MILTER_ABORT);
		}
		if (m->state == MILTER_IN_MAIL || m->state == MILTER_DONE)
			m->state = m->io.fd >= 0 ? MILTER_AWAKE : MILTER_ASLEEP;
	}
}

void
milters_helo(struct milters *ms)
{
	for (size_t i = 0; i < ms->n; i++)
		ms->all[i].has_helo = false;
}

/*
 * libmilter takes a next client only right behind a message that it answered with "continue":
 * elsewhere it would pass over all that comes, and say nothing.
 */
static void
part(struct milters *ms, struct milter *m)
{
	bool can_reuse = m->can_reuse && m->options.version >= MILTER_VERSION;
	if (m->io.fd >= 0)
		send_bare(ms, m, can_reuse ? MILTER_QUIT_NEXT : MILTER_QUIT);
	if (!can_reuse)
		hang_up(m);
	m->can_reuse = false;
	m->has_helo = false;
	m->state = MILTER_ASLEEP;
}

void
milters_end(struct milters *ms)
{
	milters_reset(ms);
	for (size_t i = 0; i < ms->n; i++)
		part(ms, &ms->all[i]);
}

void
milters_load(
    struct milters *ms, const struct conf *c, const char *list, struct dialer *dialer)
{
	uint8_t fallback = SERVICE_TEMPFAIL;
	int64_t command_ms = conf_int(c, "smtpd", "service_time") * 1000,
		content_ms = conf_int(c, "smtpd", "milter_content_time") * 1000;
	*ms = (struct milters){.n = conf_list_count(c, "smtpd", list),
	    .connect_ms = conf_int(c, "smtpd", "service_connect_time") * 1000,
	    .dialer = dialer,
	    .deadline = DEADLINE_NONE,
	    .scratch = {.max = MILTER_OUT_MAX}};
	if (service_default_parse(
		span_of(conf_str(c, "smtpd", "service_default")), &fallback) != E_OK)
		bug("a setting that was checked");
	ms->all = ms->n ? mem_new(ms->n * sizeof *ms->all) : NULL;
	for (size_t i = 0; i < ms->n; i++) {
		struct milter *m = &ms->all[i];
		if (service_parse(
			span_of(conf_list(c, "smtpd", list, i)), &m->service) != E_OK)
			bug("a setting that was checked");
		int64_t own_ms = (int64_t)m->service.timeout_sec * 1000;
		m->fallback = m->service.fallback ? m->service.fallback : fallback;
		m->command_ms = own_ms ? own_ms : command_ms;
		m->content_ms = own_ms ? own_ms : content_ms;
		m->io.fd = -1;
	}
}

void
milters_free(struct milters *ms)
{
	milters_end(ms);
	for (size_t i = 0; i < ms->n; i++) {
		hang_up(&ms->all[i]);
		buf_free(&ms->all[i].names);
		buf_free(&ms->all[i].refusal.text);
	}
	mem_free(&ms->all);
	buf_free(&ms->scratch);
	buf_free(&ms->refusal.text);
	ms->n = 0;
}
