/* SPDX-License-Identifier: ISC */
/* letter.c - the messages that actions make. */
#include "sieve/letter.h"

#include "base/clock.h"
#include "mime/address.h"
#include "mime/charset.h"
#include "mime/header.h"
#include "mime/msgid.h"
#include "mime/text.h"
#include "mime/word.h"
#include "sieve/field.h"
#include "sieve/vacation.h"

enum {
	SUBJECT_CHARS = 256,
	REFERENCES_MAX = 20,
	SUBJECT_BYTES_MAX = 64 << 10,
};

/* ---- fields ---- */

static const char eol[] = "\r\n";

static void
put_top(const struct sieve_input *in, const struct sieve_letter *by, struct buf *out)
{
	buf_str(out, "X-Sieve: merpati " MERPATI_VERSION "\r\n");
	buf_putf(out, "Message-ID: <%.*s@%.*s>\r\nDate: ", SPAN_ARG(by->id),
	    SPAN_ARG(by->host));
	date_put(out, in->now_sec);
	buf_str(out, "\r\n");
}

static void
put_plain_type(struct buf *out, struct span text)
{
	buf_putf(out,
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\n"
	    "Content-Transfer-Encoding: %s\r\n",
	    span_is_ascii(text) ? "us-ascii" : "utf-8",
	    span_is_ascii(text) ? "7bit" : "8bit");
}

/* A body, with an end of its last line. */
static void
put_body(struct buf *out, struct span text)
{
	field_put_lines(out, eol, text);
	if (!span_ends(text, SPAN("\n")))
		buf_str(out, eol);
}

/* ---- what is answered ---- */

static void
decoded_field(const struct sieve_input *in, const char *name, struct buf *out)
{
	struct span value = header_value(header_head(in->message), span_of(name));
	text_value_put(out, span_head(value, SUBJECT_BYTES_MAX));
}

/* No more than that many characters, with an ellipsis where there were more. */
static void
cut_chars(struct buf *text, size_t max)
{
	struct span rest = buf_as_span(text);
	size_t n = 0;
	while (rest.n && n + 1 < max) {
		(void)utf8_next(&rest);
		n++;
	}
	if (!rest.n)
		return;
	(void)utf8_next(&rest);
	if (!rest.n)
		return;
	rest = buf_as_span(text);
	for (size_t i = 0; i + 1 < max; i++)
		(void)utf8_next(&rest);
	buf_cut(text, text->len - rest.n);
	buf_str(text, "\xe2\x80\xa6");
}

static void
fill_template(struct span template, struct span subject, struct buf *out)
{
	while (template.n) {
		if (span_starts(template, SPAN("%$")) ||
		    span_istarts(template, SPAN("%{subject}"))) {
			buf_span(out, subject);
			template = span_from(template, template.p[1] == '$' ? 2 : 10);
			continue;
		}
		buf_ch(out, template.p[0]);
		template = span_from(template, 1);
	}
}

static void
vacation_subject(const struct sieve_input *in, const struct sieve_vacation *v,
    const struct sieve_letter *by, struct buf *out)
{
	struct buf subject = {.max = SUBJECT_BYTES_MAX};
	decoded_field(in, "subject", &subject);
	if (v->subject.n)
		buf_span(out, v->subject);
	else if (subject.len)
		fill_template(
		    by->subject_template.n ? by->subject_template : SPAN("Auto: %$"),
		    buf_as_span(&subject), out);
	else
		buf_span(out, by->subject_default.n ? by->subject_default
						    : SPAN("Automated reply"));
	buf_free(&subject);
	cut_chars(out, by->subject_chars ? by->subject_chars : SUBJECT_CHARS);
}

/* The name that the sender gave to his address, in one of these fields. */
static void
put_sender_name(const struct sieve_input *in, struct buf *out)
{
	static const char *const fields[] = {"sender", "resent-from", "from"};
	struct arena arena = {.max_bytes = SIEVE_RUN_BYTES_MAX};
	for (size_t i = 0; i < COUNT(fields) && !out->len; i++) {
		struct span value =
		    header_value(header_head(in->message), span_of(fields[i]));
		for (struct address *a = address_parse(value, &arena); a && !out->len;
		     a = a->next) {
			struct buf text = {0};
			if (a->kind == ADDRESS_MAILBOX)
				address_put(&text, a);
			if (text.len && span_ieq(buf_as_span(&text), in->envelope.from))
				word_decode(out, a->name);
			buf_free(&text);
		}
	}
	arena_reset(&arena);
}

static void
put_ids(struct buf *out, struct span value, size_t max)
{
	struct buf id = {.max = MSGID_BYTES_MAX};
	struct span rest = value;
	for (size_t i = 0; i < max && msgid_next(&rest, &id) == E_OK; i++) {
		buf_putf(out, "%s<%.*s>", i ? "\r\n " : "", SPAN_ARG(buf_as_span(&id)));
		buf_reset(&id);
	}
	buf_free(&id);
}

/* RFC 5322 3.6.4 */
static void
put_threading(const struct sieve_input *in, struct buf *out)
{
	struct span head = header_head(in->message);
	struct span id = header_value(head, SPAN("message-id"));
	struct span before = header_value(head, SPAN("references"));
	struct buf ids = {.max = SUBJECT_BYTES_MAX};
	put_ids(&ids, id, 1);
	if (ids.len) {
		buf_putf(out,
		    "In-Reply-To: %.*s\r\nReferences: ", SPAN_ARG(buf_as_span(&ids)));
		if (!before.n)
			before = header_value(head, SPAN("in-reply-to"));
		buf_reset(&ids);
		put_ids(&ids, before, REFERENCES_MAX);
		if (ids.len)
			buf_putf(out, "%.*s\r\n ", SPAN_ARG(buf_as_span(&ids)));
		put_ids(out, id, 1);
		buf_str(out, "\r\n");
	}
	buf_free(&ids);
}

static void
put_from(const struct sieve_input *in, const struct sieve_vacation *v, struct buf *out)
{
	struct span own = vacation_own_address(in, v);
	if (!own.n)
		own = in->address.n ? in->address : in->envelope.to;
	if (v->from.n)
		field_put_mailboxes(out, eol, "From", v->from);
	else
		field_put_mailbox(out, eol, "From", (struct span){NULL, 0}, own);
}

void
letter_vacation(const struct sieve_input *in, const struct sieve_vacation *v,
    const struct sieve_letter *by, struct buf *out)
{
	struct buf subject = {.max = SUBJECT_BYTES_MAX},
		   name = {.max = SUBJECT_BYTES_MAX};
	put_top(in, by, out);
	put_from(in, v, out);
	put_sender_name(in, &name);
	field_put_mailbox(out, eol, "To", buf_as_span(&name), in->envelope.from);
	vacation_subject(in, v, by, &subject);
	field_put(out, eol, "Subject", buf_as_span(&subject));
	put_threading(in, out);
	buf_str(out, "Auto-Submitted: auto-replied (vacation)\r\nPrecedence: bulk\r\n"
		     "X-Auto-Response-Suppress: All\r\n");
	if (v->is_mime) {
		buf_str(out, "MIME-Version: 1.0\r\n");
		field_put_entity(out, eol, v->reason);
		if (!span_ends(v->reason, SPAN("\n")))
			buf_str(out, eol);
	} else {
		put_plain_type(out, v->reason);
		buf_str(out, "\r\n");
		put_body(out, v->reason);
	}
	buf_free(&subject);
	buf_free(&name);
}

/* ---- notify ---- */

static void
put_addresses(struct buf *out, const char *name, const struct span *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(out, i ? ",\r\n " : name);
		for (size_t k = 0; k < rows[i].n; k++)
			buf_ch(out, ch_ctl(rows[i].p[k]) ? ' ' : rows[i].p[k]);
	}
	if (n)
		buf_str(out, "\r\n");
}

static void
put_importance(struct buf *out, unsigned importance)
{
	static const char *const rows[] = {"1 (High)\r\nImportance: high",
	    "3 (Normal)\r\nImportance: normal", "5 (Low)\r\nImportance: low"};
	buf_putf(out, "X-Priority: %s\r\n", rows[importance - 1]);
}

static void
put_notify_subject(
    const struct sieve_input *in, const struct sieve_notify *n, struct buf *out)
{
	struct buf subject = {.max = SUBJECT_BYTES_MAX};
	if (n->message.n)
		buf_span(&subject, n->message);
	else if (n->subject.n)
		buf_span(&subject, n->subject);
	else
		buf_str(&subject, "Notification: ");
	if (!n->message.n && !n->subject.n) {
		struct buf of_message = {.max = SUBJECT_BYTES_MAX};
		decoded_field(in, "subject", &of_message);
		buf_span(&subject,
		    of_message.len ? buf_as_span(&of_message) : SPAN("(no subject)"));
		buf_free(&of_message);
	}
	field_put(out, eol, "Subject", buf_as_span(&subject));
	buf_free(&subject);
}

static void
put_notify_text(
    const struct sieve_input *in, const struct sieve_notify *n, struct buf *out)
{
	struct buf from = {.max = SUBJECT_BYTES_MAX},
		   subject = {.max = SUBJECT_BYTES_MAX};
	if (n->body.n) {
		buf_span(out, n->body);
		return;
	}
	decoded_field(in, "from", &from);
	decoded_field(in, "subject", &subject);
	buf_putf(out,
	    "Notification of new message.\r\n\r\nFrom: %.*s\r\nSubject: %.*s\r\n",
	    SPAN_ARG(buf_as_span(&from)), SPAN_ARG(buf_as_span(&subject)));
	buf_free(&from);
	buf_free(&subject);
}

void
letter_notify(const struct sieve_input *in, const struct sieve_notify *n,
    const struct sieve_letter *by, struct buf *out)
{
	struct buf text = {.max = SUBJECT_BYTES_MAX};
	put_top(in, by, out);
	if (n->from.n)
		field_put_mailboxes(out, eol, "From", n->from);
	else
		field_put_mailbox(out, eol, "From", (struct span){NULL, 0},
		    in->address.n ? in->address : in->envelope.to);
	put_addresses(out, "To: ", n->to_text, n->n_to);
	put_addresses(out, "Cc: ", n->cc_text, n->n_cc);
	put_notify_subject(in, n, out);
	/* RFC 5436 2.7.1: whose filter it was, without which nobody could complain */
	buf_putf(out, "Auto-Submitted: auto-notified; owner-email=\"%.*s\"\r\n",
	    SPAN_ARG(in->address.n ? in->address : in->envelope.to));
	buf_str(out, "Precedence: bulk\r\n");
	put_importance(out, n->importance);
	for (size_t i = 0; i < n->n_fields; i++) {
		struct span value = n->fields[i], name = span_cut(&value, ':');
		buf_putf(out, "%.*s: ", SPAN_ARG(name));
		field_put_text(out, eol, span_trim(value));
		buf_str(out, "\r\n");
	}
	put_notify_text(in, n, &text);
	put_plain_type(out, buf_as_span(&text));
	buf_str(out, "\r\n");
	put_body(out, buf_as_span(&text));
	buf_free(&text);
}

/* ---- reject ---- */

static void
put_boundary(struct buf *out, const struct sieve_letter *by, const char *end)
{
	buf_putf(out, "--%.*s/%.*s%s\r\n", SPAN_ARG(by->id), SPAN_ARG(by->host), end);
}

static void
put_disposition(
    const struct sieve_input *in, const struct sieve_letter *by, struct buf *out)
{
	struct buf id = {.max = MSGID_BYTES_MAX + 2};
	buf_putf(out,
	    "Content-Type: message/disposition-notification\r\n\r\n"
	    "Reporting-UA: %.*s; merpati\r\nFinal-Recipient: rfc822; %.*s\r\n",
	    SPAN_ARG(by->host), SPAN_ARG(in->envelope.to));
	if (in->envelope.orig_to.p)
		buf_putf(out, "Original-Recipient: rfc822; %.*s\r\n",
		    SPAN_ARG(in->envelope.orig_to));
	put_ids(&id, header_value(header_head(in->message), SPAN("message-id")), 1);
	if (id.len)
		buf_putf(
		    out, "Original-Message-ID: %.*s\r\n", SPAN_ARG(buf_as_span(&id)));
	buf_str(out,
	    "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n");
	buf_free(&id);
}

void
letter_reject(const struct sieve_input *in, struct span reason,
    const struct sieve_letter *by, struct buf *out)
{
	struct buf subject = {.max = SUBJECT_BYTES_MAX};
	decoded_field(in, "subject", &subject);
	put_top(in, by, out);
	field_put_mailbox(
	    out, eol, "From", SPAN("Mail Delivery Subsystem"), by->postmaster);
	field_put_mailbox(out, eol, "To", (struct span){NULL, 0}, in->envelope.from);
	buf_str(out, "Subject: Rejected: ");
	field_put_text(out, eol, buf_as_span(&subject));
	buf_str(out, "\r\n");
	put_threading(in, out);
	buf_str(out, "Auto-Submitted: auto-replied (rejected)\r\nPrecedence: "
		     "bulk\r\nMIME-Version: 1.0\r\n"
		     "Content-Type: multipart/report; "
		     "report-type=disposition-notification;\r\n");
	buf_putf(out, " boundary=\"%.*s/%.*s\"\r\n\r\n", SPAN_ARG(by->id),
	    SPAN_ARG(by->host));
	put_boundary(out, by, "");
	put_plain_type(out, reason);
	buf_putf(out, "\r\nYour message to <%.*s> was automatically rejected:\r\n\r\n",
	    SPAN_ARG(in->envelope.orig_to.p ? in->envelope.orig_to : in->envelope.to));
	put_body(out, reason);
	put_boundary(out, by, "");
	put_disposition(in, by, out);
	put_boundary(out, by, "");
	buf_str(out, "Content-Type: text/rfc822-headers\r\n\r\n");
	buf_span(out, header_head(in->message));
	put_boundary(out, by, "--");
	buf_free(&subject);
}

void
letter_redirect(
    const struct sieve_input *in, const struct sieve_letter *by, struct buf *out)
{
	(void)by;
	buf_putf(out,
	    "X-Sieve: merpati " MERPATI_VERSION "\r\nX-Sieve-Redirected-From: %.*s\r\n",
	    SPAN_ARG(in->address.n ? in->address : in->envelope.to));
}

bool
letter_redirect_loops(const struct sieve_input *in)
{
	struct span head = header_head(in->message);
	struct header_field field;
	while (header_find(&head, SPAN("x-sieve-redirected-from"), &field) == E_OK) {
		struct span by = span_trim(field.value);
		while (by.n && (by.p[by.n - 1] == '\n' || by.p[by.n - 1] == '\r'))
			by.n--;
		if (span_ieq(by, in->address) || span_ieq(by, in->envelope.to))
			return true;
	}
	return false;
}
