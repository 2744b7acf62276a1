/* SPDX-License-Identifier: ISC */
/* milter_message.c - a message as mail filters are told of it, and what they change. */
#include "base/log.h"
#include "mime/header.h"
#include "smtpd/policy/milter_run.h"

static enum outcome
tell_header(struct milters *ms, struct milter *m, struct span header)
{
	bool has_space = (m->options.protocol & MILTER_LEADING_SPACE) != 0;
	enum outcome o = GO_ON;
	struct header_field f;
	while (o == GO_ON && !milter_skips(m, STEP_HEADER) &&
	       header_next(&header, &f) == E_OK) {
		milter_put_header(&ms->scratch, f.name, f.value, has_space);
		o = milter_step(ms, m, STEP_HEADER);
	}
	if (o != GO_ON && o != SKIP)
		return o;
	milter_tell_macros(ms, m, MILTER_AT_HEADER_END);
	if (milter_skips(m, STEP_HEADER_END))
		return GO_ON;
	milter_put_strings(&ms->scratch, MILTER_HEADER_END, NULL, 0);
	return milter_step(ms, m, STEP_HEADER_END);
}

static enum outcome
tell_body(struct milters *ms, struct milter *m, struct span body)
{
	enum outcome o = GO_ON;
	if (span_starts(body, SPAN("\r\n")))
		body = span_from(body, 2);
	if (milter_skips(m, STEP_BODY))
		return GO_ON;
	while (o == GO_ON && body.n) {
		milter_put_bytes(
		    &ms->scratch, MILTER_BODY, span_head(body, MILTER_CHUNK));
		body = span_from(
		    body, body.n < MILTER_CHUNK ? body.n : (size_t)MILTER_CHUNK);
		o = milter_step(ms, m, STEP_BODY);
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
	struct milter_answered a;
	int err;
	milter_tell_macros(ms, m, MILTER_AT_END);
	if (io_unread(&m->io).n)
		return milter_fail(ms, m, "end", E_BAD);
	milter_put_strings(&ms->scratch, MILTER_END, NULL, 0);
	milter_send(ms, m);
	while ((err = milter_read_answer(ms, m, m->content_ms, &a)) == E_OK &&
	       milter_action_of(a.kind))
		if ((err = note_change(m, &a, e)) != E_OK)
			break;
	if (err != E_OK)
		return milter_fail(ms, m, "end", err);
	enum outcome o = milter_judge(ms, m, STEP_END, &a);
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
	for (size_t i = 0; i < ms->n && !milters_are_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		struct span shown = header;
		if (milter_is_away(ms, m)) {
			o = REFUSED;
			continue;
		}
		if (m->state != MILTER_IN_MAIL)
			continue;
		if (edits_has_fields(out)) {
			if (header_now(out, header, &now) != E_OK) {
				o = milter_fail(ms, m, "header", E_LIMIT);
				continue;
			}
			shown = buf_as_span(&now);
		}
		o = tell_message(
		    ms, m, shown, out->has_body ? buf_as_span(&out->body) : body, out);
	}
	buf_free(&now);
	return ms->is_discarded ? MILTERS_DISCARD : milters_verdict_of(ms, o);
}
