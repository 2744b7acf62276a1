/* SPDX-License-Identifier: ISC */
/*
 * notes.c - how TLS came out with the hosts of a domain, told to who makes reports of it (RFC
 * 8460).
 */
#include "queue/relay/remote.h"
#include "queue/sts/sts.h"
#include "tls/dane.h"

/* "3 1 1 0123..." (RFC 8460 4.4), a line each, and the host that has them. */
static void
put_tlsa(const struct tls_result *x, struct buf *lines, struct buf *host)
{
	const struct policy *p = x->terms;
	buf_reset(lines);
	for (size_t i = 0; p && i < p->n_tlsa; i++) {
		buf_putf(lines, "%u %u %u ", p->tlsa[i].usage, p->tlsa[i].selector,
		    p->tlsa[i].matching);
		buf_hex(lines, p->tlsa[i].data);
		buf_ch(lines, '\n');
	}
	buf_reset(host);
	buf_putf(host, "%.*s\n", SPAN_ARG(x->host));
}

static void
tell(const struct tls_result *x, struct buf *lines, struct buf *host)
{
	struct sts_note note;
	if (!sts_note_domain(&note))
		return;
	note.policy = x->policy;
	note.outcome = x->outcome;
	if (x->policy == TLS_POLICY_STS)
		sts_note_lines(&note);
	if (x->policy == TLS_POLICY_DANE) {
		put_tlsa(x, lines, host);
		note.lines = buf_as_span(lines);
		note.hosts = buf_as_span(host);
	}
	if (x->outcome != TLS_FINE) {
		note.source = buf_as_span(&x->source);
		note.host = x->host;
		note.address = buf_as_span(&x->address);
		note.helo = buf_as_span(&x->helo);
		note.why = buf_as_span(&x->why);
	}
	sts_tell(&note);
}

void
remote_tell_notes(const struct remote *r)
{
	struct buf lines = {0}, host = {0};
	struct sts_note failure;
	if (!r->limits->has_tlsrpt)
		return;
	if (sts_note_failure(&failure))
		sts_tell(&failure);
	for (size_t i = 0; i < r->results.n; i++)
		tell(&r->results.all[i], &lines, &host);
	buf_free(&lines);
	buf_free(&host);
}
