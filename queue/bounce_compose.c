/* SPDX-License-Identifier: ISC */
/*
 * bounce_compose.c - a report: plain words, the fields for machines (bounce_fields.c), and the
 * message or its head.  Its reverse-path is null, and Auto-Submitted says what it is, so that
 * nobody answers it.
 */
#include <string.h>

#include "base/clock.h"
#include "queue/bounce.h"
#include "queue/bounce_fields.h"
#include "spool/put.h"
#include "tls/hash.h"

enum {
	TEXT_LINE_MAX = 998, /* octets, RFC 5322 2.1.1 */
	/* of a report, beside what it says of recipients and what comes back */
	REPORT_FRAME_MAX = 4096,
	REPORT_RCPT_MAX = 300, /* of a recipient, beside its texts */
};

enum bounce_kind
bounce_kind_of(enum bounce_action a)
{
	return a == ACTION_FAILED    ? BOUNCE_FAILURE
	       : a == ACTION_DELAYED ? BOUNCE_DELAY
	                             : BOUNCE_SUCCESS;
}

/* What people read. */
static const struct {
	const char *id; /* its part in the report's id */
	const char *subject, *end;
} kinds[BOUNCE_KINDS] = {
    [BOUNCE_FAILURE] = {"bounce", "Undelivered mail",
	"It will not be tried again.\r\n"},
    [BOUNCE_DELAY] = {"delayed", "Mail is delayed",
	"You need do nothing: it is tried again.\r\n"},
    [BOUNCE_SUCCESS] = {"success", "Mail was delivered",
	"You asked to be told so.\r\n"},
};

/* "this address" or "these addresses" stands for the %s. */
static const char *const said[BOUNCE_ACTIONS] = {
    [ACTION_FAILED] = "Your message could not be delivered to %s:",
    [ACTION_DELAYED] = "Your message could not be delivered yet to %s:",
    [ACTION_DELIVERED] = "Your message was delivered to %s:",
    [ACTION_RELAYED] =
	"Your message was passed on to a server that tells no more of it, for %s:",
    [ACTION_EXPANDED] = "Your message was passed on to all that stand behind %s:",
};

/* ---- what comes back ---- */

/* The message without what we put before it. */
static struct span
sent(const struct bounce_about *x)
{
	return span_from(x->message,
	    x->envelope->head_bytes < x->message.n ? x->envelope->head_bytes : 0);
}

static struct span
head_of(struct span message)
{
	size_t end = span_search(message, SPAN("\r\n\r\n"));
	if (end < message.n && end < BOUNCE_HEAD_MAX)
		return span_head(message, end + 2);
	struct span head = span_head(message, BOUNCE_HEAD_MAX);
	return span_head(
	    head, head.n < message.n ? span_rfind(head, '\n') + 1 : head.n);
}

/* Lines of text, and nothing that only BINARYMIME carries. */
static bool
is_text(struct span s)
{
	size_t begin = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool is_bare =
		    s.p[i] == '\n'
			? i == 0 || s.p[i - 1] != '\r'
			: s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n');
		if (is_bare || !s.p[i] || i - begin > TEXT_LINE_MAX)
			return false;
		if (s.p[i] == '\n')
			begin = i + 1;
	}
	return true;
}

/* The most that the rest of the report takes. */
static size_t
rest_bytes(const struct bounce_about *x)
{
	size_t n = REPORT_FRAME_MAX;
	for (size_t i = 0; i < x->n; i++) {
		const struct rcpt *r = &x->envelope->rcpts[x->rcpts[i].rcpt];
		n += 4 * r->address.n + r->orcpt.n + 3 * x->rcpts[i].reason.n +
		     REPORT_RCPT_MAX;
	}
	return n;
}

/*
 * RFC 3461 4.3: the whole of it only where it failed, was asked for, and is not too much; RFC 8689
 * 5: nor does a message that must go over TLS come back whole.
 */
static bool
is_full(const struct bounce_about *x)
{
	struct span message = sent(x);
	return x->rcpts[0].action == ACTION_FAILED && x->envelope->ret == RET_FULL &&
	       !(x->envelope->flags & ENV_REQUIRETLS) && message.n &&
	       message.n <= BOUNCE_FULL_MAX &&
	       message.n + rest_bytes(x) <= SPOOL_SMALL_MAX && is_text(message);
}

static bool
is_ascii(const struct bounce_about *x, struct span returned)
{
	bool is = span_is_ascii(x->to) && span_is_ascii(returned);
	for (size_t i = 0; i < x->n && is; i++) {
		const struct rcpt *r = &x->envelope->rcpts[x->rcpts[i].rcpt];
		is = span_is_ascii(r->address) &&
		     !span_istarts(r->orcpt, SPAN("utf-8;"));
	}
	return is;
}

/* ---- its parts ---- */

static void
put_addresses(struct buf *out, const struct bounce_about *x, enum bounce_action action)
{
	for (size_t i = 0; i < x->n; i++) {
		if (x->rcpts[i].action != action)
			continue;
		buf_str(out, "  <");
		fields_line(out, x->envelope->rcpts[x->rcpts[i].rcpt].address);
		buf_str(out, ">\r\n");
		if (!x->rcpts[i].reason.n)
			continue;
		buf_str(out, "      ");
		fields_line(out, x->rcpts[i].reason);
		buf_str(out, "\r\n");
	}
}

static void
put_group(struct buf *out, const struct bounce_about *x, enum bounce_action action)
{
	struct span text = span_of(said[action]);
	size_t hole = span_search(text, SPAN("%s"));
	unsigned n = 0;
	for (size_t i = 0; i < x->n; i++)
		n += x->rcpts[i].action == action;
	if (n == 0)
		return;
	buf_span(out, span_head(text, hole));
	buf_str(out, n == 1 ? "this address" : "these addresses");
	buf_span(out, span_from(text, hole + 2));
	buf_str(out, "\r\n\r\n");
	put_addresses(out, x, action);
	buf_str(out, "\r\n");
}

static void
put_words(struct buf *out, const char *hostname, const struct bounce_about *x,
    enum bounce_kind kind, bool has_full)
{
	buf_putf(out,
	    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	    "8bit\r\n\r\n"
	    "This is the mail system at %s.\r\n\r\n",
	    hostname);
	for (uint8_t a = ACTION_FAILED; a < BOUNCE_ACTIONS; a++)
		put_group(out, x, a);
	buf_str(out, kinds[kind].end);
	if (kind == BOUNCE_DELAY && x->retry_until_sec) {
		buf_str(
		    out, "If it still cannot be delivered, you will be told so at ");
		date_put(out, x->retry_until_sec);
		buf_str(out, ".\r\n");
	}
	buf_putf(out, "Below are the details for machines, and %s.\r\n\r\n",
	    has_full ? "your message" : "the head of your message");
}

static void
put_returned(struct buf *out, struct span returned, bool has_full, bool is_global)
{
	const char *type = has_full    ? is_global ? "message/global" : "message/rfc822"
	                   : is_global ? "message/global-headers"
	                               : "text/rfc822-headers; charset=utf-8";
	buf_putf(out, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
	    span_is_ascii(returned) ? "7bit" : "8bit");
	buf_span(out, returned);
}

static void
put_head(struct buf *out, const char *hostname, const struct envelope *made,
    enum bounce_kind kind, const char *boundary, bool is_global)
{
	buf_putf(out,
	    "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@%s>\r\nTo: <",
	    hostname);
	fields_line(out, made->rcpts[0].address);
	buf_putf(out, ">\r\nSubject: %s\r\nDate: ", kinds[kind].subject);
	date_put(out, made->arrived_sec);
	buf_putf(out,
	    "\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: "
	    "1.0\r\n",
	    id_text(made->id), hostname);
	buf_putf(out,
	    "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"%s\"\r\n",
	    is_global ? "global-delivery-status" : "delivery-status", boundary);
	buf_putf(out, "Content-Transfer-Encoding: %s\r\n\r\n",
	    made->flags & ENV_8BITMIME ? "8bit" : "7bit");
}

/* ---- the whole ---- */

/* By address: the envelope may be a part of the message's own. */
static struct id
report_id(const struct bounce_about *x, enum bounce_kind kind)
{
	struct buf which = {0};
	for (size_t i = 0; i < x->n; i++)
		buf_bytes(&which, x->envelope->rcpts[x->rcpts[i].rcpt].address);
	struct id id = spool_derived_id(
	    x->envelope->id, x->to, kinds[kind].id, buf_as_span(&which));
	buf_free(&which);
	return id;
}

static void
put_parts(struct buf *out, const char *hostname, const struct bounce_about *x,
    const char *boundary, bool is_global)
{
	bool has_full = is_full(x);
	buf_putf(out, "--%s\r\n", boundary);
	put_words(out, hostname, x, bounce_kind_of(x->rcpts[0].action), has_full);
	buf_putf(out, "--%s\r\n", boundary);
	fields_put(out, hostname, x, is_global);
	buf_putf(out, "\r\n--%s\r\n", boundary);
	put_returned(out, has_full ? sent(x) : head_of(sent(x)), has_full, is_global);
	buf_putf(out, "\r\n--%s--\r\n", boundary);
}

void
bounce_compose(const char *hostname, const struct bounce_about *x, struct arena *arena,
    struct buf *out, struct envelope *made)
{
	char boundary[ID_TEXT + 8];
	struct buf parts = {.max = SPOOL_SMALL_MAX};
	enum bounce_kind kind = bounce_kind_of(x->rcpts[0].action);
	struct span returned = is_full(x) ? sent(x) : head_of(sent(x));
	bool is_global = (x->envelope->flags & ENV_SMTPUTF8) && !is_ascii(x, returned);
	*made = (struct envelope){.id = report_id(x, kind),
	    .flags = ENV_DERIVED | (is_global ? ENV_SMTPUTF8 : 0u) |
	             (x->envelope->flags & ENV_REQUIRETLS),
	    .arrived_sec = clock_wall_sec(),
	    .n_rcpts = 1,
	    .rcpts = arena_get(arena, sizeof(struct rcpt))};
	made->rcpts[0] =
	    (struct rcpt){.address = arena_span(arena, x->to), .notify = NOTIFY_NEVER};
	/* random: no bytes of the message can be it */
	strcpy(boundary, "report=");
	strcat(boundary, id_text(id_new()));
	put_parts(&parts, hostname, x, boundary, is_global);
	made->flags |= span_is_ascii(buf_as_span(&parts)) ? 0u : ENV_8BITMIME;
	put_head(out, hostname, made, kind, boundary, is_global);
	made->head_bytes = (uint32_t)sizeof "Return-Path: <>\r\n" - 1;
	buf_span(out, buf_as_span(&parts));
	if (parts.err != E_OK)
		out->err = parts.err;
	buf_free(&parts);
	made->size_bytes = out->len;
	sha256(buf_as_span(out), made->sha256);
}
