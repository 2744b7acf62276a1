/* SPDX-License-Identifier: ISC */
/*
 * verdict.c - verdicts on recipients, asked for in numbers: a client that pipelines a hundred RCPT lines costs
 * one round trip to lookup.  What delivery does comes from its own look-up, so that a verdict of a moment ago is safe.
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
	address_put(out, &p, l);
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

static bool
ask(struct session *s, const struct span *addresses, size_t n)
{
	struct verdicts *v = &s->verdicts;
	struct arena arena = {0};
	struct lookup_answer *answers;
	enum recipient_verdict one = RCPT_TEMP;
	int err;
	if (n == 1) {
		err = lookup_rcpt(
		    &the_process.lookup, addresses[0], &arena, &one, NULL, NULL);
		v->all[v->n] = (struct verdict){addresses[0], one};
	} else {
		err = lookup_rcpts(&the_process.lookup, addresses, n, &arena, &answers);
		for (size_t i = 0; i < n && err == E_OK; i++)
			v->all[v->n + i] =
			    (struct verdict){addresses[i], answers[i].verdict};
	}
	arena_reset(&arena);
	if (err != E_OK)
		return false;
	v->next = v->n;
	v->n += n;
	return true;
}

enum recipient_verdict
verdict_of(struct session *s, struct span address, struct span more)
{
	struct verdicts *v = &s->verdicts;
	struct span addresses[LOOKAHEAD_MAX];
	if (v->n && clock_mono_ms() - v->asked_ms > VERDICT_TRUST_MS)
		verdicts_reset(v);
	const struct verdict *known = verdicts_find(v, address);
	if (known)
		return known->verdict;
	if (v->n + LOOKAHEAD_MAX > VERDICTS_MAX)
		verdicts_reset(v);
	if (v->n == 0)
		v->asked_ms = clock_mono_ms();
	addresses[0] = arena_span(&v->arena, address);
	size_t n = look_ahead(s, more, addresses, 1);
	/* an answer with everybody's targets may be too long for one message: then one by one */
	if (!ask(s, addresses, n) && (n == 1 || !ask(s, addresses, 1)))
		return RCPT_TEMP;
	known = verdicts_find(v, address);
	return known ? known->verdict : RCPT_TEMP;
}
