/* SPDX-License-Identifier: ISC */
/* bounce_fields.c - what machines read in a report. */
#include "queue/bounce_fields.h"

#include "base/clock.h"

static const char *const actions[BOUNCE_ACTIONS] = {
    [ACTION_NONE] = "",
    [ACTION_FAILED] = "failed",
    [ACTION_DELAYED] = "delayed",
    [ACTION_DELIVERED] = "delivered",
    [ACTION_RELAYED] = "relayed",
    [ACTION_EXPANDED] = "expanded",
};

void
fields_line(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(out, ch_ctl(s.p[i]) ? ' ' : s.p[i]);
}

/* The same for a part of 7 bits. */
static void
ascii_line(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_ch(out, ch_ctl(s.p[i])                  ? ' '
			    : (unsigned char)s.p[i] >= 0x80 ? '?'
							    : s.p[i]);
}

/* ---- reasons ---- */

/* RFC 3463 2: a class, and two numbers of up to three digits. */
static bool
is_status(struct span s)
{
	unsigned dots = 0, digits = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && digits) {
			dots++;
			digits = 0;
		} else if (!ch_digit(s.p[i]) || ++digits > 3) {
			return false;
		}
	}
	return dots == 2 && digits && s.p[1] == '.' &&
	       (s.p[0] == '2' || s.p[0] == '4' || s.p[0] == '5');
}

static bool
is_reply(struct span s)
{
	return s.n >= 3 && ch_digit(s.p[0]) && ch_digit(s.p[1]) && ch_digit(s.p[2]) &&
	       (s.n == 3 || s.p[3] == ' ' || s.p[3] == '-');
}

void
reason_parse(struct span s, struct reason *out)
{
	static const struct span mark = {" said: ", 7};
	struct span first = span_head(s, span_find(s, ' '));
	*out = (struct reason){.status = {"", 0}, .host = {"", 0}, .text = s};
	if (is_status(first)) {
		out->status = first;
		out->text = span_trim(span_from(s, first.n));
	}
	size_t at = span_search(s, mark);
	if (at == s.n || !is_reply(span_from(s, at + mark.n)))
		return;
	struct span who = span_head(s, at);
	size_t blank = span_rfind(who, ' ');
	who = blank < who.n ? span_from(who, blank + 1) : who;
	/* "mx.example.org[192.0.2.1]:25", or an address alone: "[192.0.2.1]:25" */
	bool is_literal = span_starts(who, SPAN("["));
	out->host = is_literal ? span_head(who, span_find(who, ']') + 1)
	                       : span_head(who, span_find(who, '['));
	out->text = span_from(s, at + mark.n);
}

/* ---- fields ---- */

static void
put_date(struct buf *out, const char *name, int64_t sec)
{
	if (!sec)
		return;
	buf_putf(out, "%s: ", name);
	date_put(out, sec);
	buf_str(out, "\r\n");
}

/* In a part of 7 bits an address of other letters is utf-8-addr-xtext, RFC 6533 3. */
static void
put_address(struct buf *out, struct span address, bool is_global)
{
	bool is_plain = span_is_ascii(address) || !utf8_valid(address);
	buf_putf(out, "Final-Recipient: %s; ", is_plain ? "rfc822" : "utf-8");
	if (is_plain && !is_global)
		ascii_line(out, address);
	else if (is_global)
		fields_line(out, address);
	else
		unitext_put(out, address);
	buf_str(out, "\r\n");
}

/* Of the class that the action has, RFC 3464 2.3.4; RFC 3461 6.3 g: without a better one x.0.0. */
static void
put_status(struct buf *out, enum bounce_action action, struct span status)
{
	char class = action == ACTION_FAILED    ? '5'
	             : action == ACTION_DELAYED ? '4'
	                                        : '2';
	if (status.n && status.p[0] == class)
		buf_putf(out, "Status: %.*s\r\n", SPAN_ARG(status));
	else
		buf_putf(out, "Status: %c.0.0\r\n", class);
}

static void
put_diagnosis(struct buf *out, const struct reason *why, bool is_global)
{
	if (why->host.n) {
		buf_str(out, "Remote-MTA: dns; ");
		ascii_line(out, why->host);
		buf_str(out, "\r\n");
	}
	if (!why->text.n)
		return;
	buf_str(out,
	    why->host.n ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-merpati; ");
	if (is_global)
		fields_line(out, why->text);
	else
		ascii_line(out, why->text);
	buf_str(out, "\r\n");
}

static void
put_rcpt(struct buf *out, const struct bounce_about *x, const struct bounce_rcpt *b,
    bool is_global)
{
	const struct rcpt *r = &x->envelope->rcpts[b->rcpt];
	struct reason why;
	reason_parse(b->reason, &why);
	buf_str(out, "\r\n");
	if (r->orcpt.n) {
		buf_str(out, "Original-Recipient: ");
		orcpt_put_field(out, r->orcpt, is_global);
		buf_str(out, "\r\n");
	}
	put_address(out, r->address, is_global);
	buf_putf(out, "Action: %s\r\n", actions[b->action]);
	put_status(out, b->action, why.status);
	put_diagnosis(out, &why, is_global);
	put_date(out, "Last-Attempt-Date", x->attempt_sec);
	if (b->action == ACTION_DELAYED)
		put_date(out, "Will-Retry-Until", x->retry_until_sec);
}

void
fields_put(
    struct buf *out, const char *hostname, const struct bounce_about *x, bool is_global)
{
	const struct envelope *e = x->envelope;
	buf_putf(out, "Content-Type: message/%s\r\n",
	    is_global ? "global-delivery-status" : "delivery-status");
	buf_putf(
	    out, "Content-Transfer-Encoding: %s\r\n\r\n", is_global ? "8bit" : "7bit");
	if (envid_check(e->envid) == E_OK) {
		buf_str(out, "Original-Envelope-Id: ");
		envid_put(out, e->envid);
		buf_str(out, "\r\n");
	}
	buf_putf(out, "Reporting-MTA: dns; %s\r\n", hostname);
	put_date(out, "Arrival-Date", e->arrived_sec);
	for (size_t i = 0; i < x->n; i++)
		put_rcpt(out, x, &x->rcpts[i], is_global);
}
