/* SPDX-License-Identifier: ISC */
/*
 * verdict.c - verdicts on recipients, asked for in numbers: a client that pipelines a hundred RCPT
 * lines costs one round trip to lookup.  What delivery does comes from its own look-up, so that a
 * verdict of a moment ago is safe.
 */
#include <string.h>

#include "proc/child.h"
#include "smtpd/command.h"

void
verdicts_reset(struct verdicts *v)
{
	arena_reset(&v->arena);
	v->n = v->next = 0;
}

/* Asked in the order in which they come, so the next is mostly where it is looked for first. */
static const struct verdict *
verdicts_find(struct verdicts *v, struct span address)
{
	for (size_t i = 0; i < v->n; i++) {
		size_t at = (v->next + i) % v->n;
		if (!span_eq(v->all[at].address, address))
			continue;
		v->next = at + 1;
		return &v->all[at];
	}
	return NULL;
}

/* The address of a pipelined line, if that is an RCPT. */
static int
rcpt_of_line(struct span line, const struct limits *l, struct buf *out)
{
	struct command_line c;
	struct path p;
	struct span params;
	if (command_split(line, &c) != E_OK || !span_ieqs(c.verb, "RCPT") ||
	    rcpt_argument(c.argument, &p, &params) != E_OK)
		return E_BAD;
	buf_reset(out);
	rcpt_address_put(out, &p, l);
	return buf_done(out);
}

/* Takes the recipients of the RCPT lines that are here already; stops at the first other line. */
static size_t
look_ahead(struct session *s, struct span more, struct span *out, size_t n)
{
	struct buf address = {.max = ENVELOPE_PATH_MAX};
	size_t lf;
	while (n < LOOKAHEAD_MAX && (lf = span_find(more, '\n')) < more.n) {
		struct span line = span_trim(span_head(more, lf));
		more = span_from(more, lf + 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (rcpt_of_line(line, &s->limits[0], &address) != E_OK)
			break;
		out[n++] = arena_span(&s->verdicts.arena, buf_as_span(&address));
	}
	buf_free(&address);
	return n;
}

static enum recipient_verdict
ask_one(struct span address, bool *has_forward)
{
	enum recipient_verdict v;
	return lookup_rcpt(&the_process.lookup, address, &v, has_forward) == E_OK
	           ? v
	           : RCPT_TEMP;
}

static bool
ask(struct session *s, const struct span *addresses, size_t n)
{
	struct verdicts *v = &s->verdicts;
	struct arena arena = {0};
	struct lookup_answer *answers;
	int err = E_OK;
	if (n == 1) {
		struct verdict *one = &v->all[v->n];
		one->address = addresses[0];
		one->verdict = ask_one(addresses[0], &one->has_forward);
	} else {
		err = lookup_rcpts(&the_process.lookup, addresses, n, &arena, &answers);
		for (size_t i = 0; i < n && err == E_OK; i++)
			v->all[v->n + i] = (struct verdict){
			    addresses[i], answers[i].verdict, answers[i].leads_away};
	}
	arena_reset(&arena);
	if (err != E_OK)
		return false;
	v->next = v->n;
	v->n += n;
	return true;
}

enum recipient_verdict
verdict_of(struct session *s, struct span address, struct span more, bool *has_forward)
{
	struct verdicts *v = &s->verdicts;
	struct span addresses[LOOKAHEAD_MAX];
	size_t n = 0;
	if (v->n && clock_mono_ms() - v->asked_ms > VERDICT_TRUST_MS)
		verdicts_reset(v);
	const struct verdict *known = verdicts_find(v, address);
	if (!known) {
		if (v->n + LOOKAHEAD_MAX > VERDICTS_MAX)
			verdicts_reset(v);
		if (v->n == 0)
			v->asked_ms = clock_mono_ms();
		addresses[0] = arena_span(&v->arena, address);
		n = look_ahead(s, more, addresses, 1);
		known = ask(s, addresses, n) ? verdicts_find(v, address) : NULL;
	}
	/*
	 * a moment ago it could not be told; or answers to many carry targets, of which a long list
	 * has too many for a message: alone, then
	 */
	if (n != 1 && (!known || known->verdict == RCPT_TEMP))
		return ask_one(address, has_forward);
	*has_forward = known && known->has_forward;
	return known ? known->verdict : RCPT_TEMP;
}
