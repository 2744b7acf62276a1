/* SPDX-License-Identifier: ISC */
/* bounce_compose.c - the text of a report: plain words, the fields for machines, and the message's head. */
#include <string.h>

#include "base/clock.h"
#include "queue/bounce.h"
#include "spool/put.h"
#include "tls/hash.h"

enum { BOUNCE_HEAD_MAX = 65536 };

/* The head of a message, without what we put before it. */
static struct span
head_of(struct span message)
{
	size_t end = span_search(message, SPAN("\r\n\r\n"));
	return span_head(message, end < BOUNCE_HEAD_MAX ? end + 2 : BOUNCE_HEAD_MAX);
}

/* "5.1.1" of "5.1.1 no such mailbox"; RFC 3463. */
static struct span
status_of(struct span reason)
{
	struct span status = span_head(reason, span_find(reason, ' '));
	bool is_status = status.n >= 5 && status.p[1] == '.' && ch_digit(status.p[0]);
	for (size_t i = 0; i < status.n; i++)
		is_status = is_status && (ch_digit(status.p[i]) || status.p[i] == '.');
	return is_status ? status : SPAN("5.0.0");
}

/* A value of a header field: one line, printable. */
static void
put_line(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(out, ch_ctl(s.p[i]) ? ' ' : s.p[i]);
}

static void
put_head(struct buf *out, const char *hostname, const struct envelope *made, struct span to, const char *boundary,
    bool is_utf8)
{
	buf_putf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\nTo: <", hostname);
	put_line(out, to);
	buf_str(out, ">\r\nSubject: Undelivered mail\r\nDate: ");
	date_put(out, clock_wall_sec());
	buf_putf(out, "\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n", id_text(made->id),
	    hostname);
	buf_putf(out, "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"%s\"\r\n\r\n",
	    is_utf8 ? "global-delivery-status" : "delivery-status", boundary);
}

static void
put_words(struct buf *out, const char *hostname, const char *boundary, const struct envelope *e,
    const struct bounce_failure *f, size_t n)
{
	buf_putf(out, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	              "This is the mail system at %s.\r\n\r\n"
	              "Your message could not be delivered to %s:\r\n\r\n",
	    boundary, hostname, n == 1 ? "this address" : "these addresses");
	for (size_t i = 0; i < n; i++) {
		buf_str(out, "  <");
		put_line(out, e->rcpts[f[i].rcpt].address);
		buf_str(out, ">\r\n      ");
		put_line(out, f[i].reason);
		buf_str(out, "\r\n");
	}
	buf_str(out, "\r\nIt will not be tried again.  Below are the details for machines, and the head of your\r\n"
	             "message.\r\n\r\n");
}

static void
put_status(struct buf *out, const char *hostname, const char *boundary, const struct envelope *e,
    const struct bounce_failure *f, size_t n, bool is_utf8)
{
	const char *kind = is_utf8 ? "utf-8" : "rfc822";
	buf_putf(out, "--%s\r\nContent-Type: message/%s\r\n\r\nReporting-MTA: dns; %s\r\n", boundary,
	    is_utf8 ? "global-delivery-status" : "delivery-status", hostname);
	if (e->envid.n) {
		buf_str(out, "Original-Envelope-Id: ");
		put_line(out, e->envid);
		buf_str(out, "\r\n");
	}
	buf_str(out, "Arrival-Date: ");
	date_put(out, e->arrived_sec);
	buf_str(out, "\r\n");
	for (size_t i = 0; i < n; i++) {
		const struct rcpt *r = &e->rcpts[f[i].rcpt];
		buf_str(out, "\r\n");
		if (r->orcpt.n) {
			buf_str(out, "Original-Recipient: ");
			put_line(out, r->orcpt);
			buf_str(out, "\r\n");
		}
		buf_putf(out, "Final-Recipient: %s; ", kind);
		put_line(out, r->address);
		buf_putf(out, "\r\nAction: failed\r\nStatus: %.*s\r\nDiagnostic-Code: smtp; 550 ",
		    SPAN_ARG(status_of(f[i].reason)));
		put_line(out, f[i].reason);
		buf_str(out, "\r\n");
	}
	buf_str(out, "\r\n");
}

/* By address: the envelope may be a part of the message's own. */
static struct id
report_id(const struct envelope *e, const struct bounce_failure *f, size_t n, struct span to)
{
	struct buf which = {0};
	for (size_t i = 0; i < n; i++)
		buf_bytes(&which, e->rcpts[f[i].rcpt].address);
	struct id id = spool_derived_id(e->id, to, "bounce", buf_as_span(&which));
	buf_free(&which);
	return id;
}

void
bounce_compose(const char *hostname, const struct envelope *e, const struct bounce_failure *f, size_t n,
    struct span message, struct span to, struct arena *arena, struct buf *out, struct envelope *made)
{
	char boundary[ID_TEXT + 8];
	bool is_utf8 = (e->flags & ENV_SMTPUTF8) != 0;
	*made = (struct envelope){.id = report_id(e, f, n, to), .flags = ENV_DERIVED | (is_utf8 ? ENV_SMTPUTF8 : 0u),
	    .arrived_sec = clock_wall_sec(), .n_rcpts = 1, .rcpts = arena_get(arena, sizeof(struct rcpt))};
	made->rcpts[0] = (struct rcpt){.address = arena_span(arena, to)};
	/* random: no bytes of the message can be it */
	strcpy(boundary, "report=");
	strcat(boundary, id_text(id_new()));
	buf_str(out, "Return-Path: <>\r\n");
	made->head_bytes = (uint32_t)out->len;
	put_head(out, hostname, made, to, boundary, is_utf8);
	put_words(out, hostname, boundary, e, f, n);
	put_status(out, hostname, boundary, e, f, n, is_utf8);
	buf_putf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary,
	    is_utf8 ? "message/global-headers" : "text/rfc822-headers; charset=utf-8");
	buf_span(out, head_of(message));
	buf_putf(out, "\r\n--%s--\r\n", boundary);
	made->size_bytes = out->len;
	sha256(buf_as_span(out), made->sha256);
}
