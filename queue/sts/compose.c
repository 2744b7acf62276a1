/* SPDX-License-Identifier: ISC */
/* compose.c - reports on TLS: JSON, and a multipart/report around it. */
#include "queue/sts/compose.h"

#include <string.h>

#include "base/clock.h"
#include "spool/put.h"
#include "tls/hash.h"

enum { BASE64_LINE_BYTES = 57 /* 76 characters, RFC 2045 6.8 */ };

struct id
report_id(struct span hostname, const struct tally_row *row)
{
	struct buf which = {0};
	buf_putf(&which, "%u %.*s", row->day, SPAN_ARG(row->domain));
	struct id id =
	    spool_derived_id((struct id){{0}}, hostname, "tlsrpt", buf_as_span(&which));
	buf_free(&which);
	return id;
}

/* ---- JSON ---- */

static void
text_field(struct buf *out, const char *name, struct span text)
{
	if (!text.n)
		return;
	buf_putf(out, ",\"%s\":", name);
	buf_quoted(out, text);
}

/* An array of the lines, where there are any. */
static void
lines_field(struct buf *out, const char *name, struct span lines)
{
	const char *before = "";
	if (!lines.n)
		return;
	buf_putf(out, ",\"%s\":[", name);
	while (lines.n) {
		buf_str(out, before);
		buf_quoted(out, span_cut(&lines, '\n'));
		before = ",";
	}
	buf_ch(out, ']');
}

static void
put_failure(struct buf *out, const struct tally_failure *f)
{
	buf_putf(out, "{\"result-type\":\"%s\"", tls_outcome_text(f->outcome));
	text_field(out, "sending-mta-ip", f->source);
	text_field(out, "receiving-mx-hostname", f->host);
	text_field(out, "receiving-mx-helo", f->helo);
	text_field(out, "receiving-ip", f->address);
	buf_putf(out, ",\"failed-session-count\":%llu", (unsigned long long)f->count);
	text_field(out, "failure-reason-code", f->why);
	buf_ch(out, '}');
}

static void
put_policy(struct buf *out, const struct tally_policy *p, struct span domain)
{
	buf_putf(
	    out, "{\"policy\":{\"policy-type\":\"%s\"", tls_policy_text(p->policy));
	lines_field(out, "policy-string", p->lines);
	text_field(out, "policy-domain", domain);
	lines_field(out, "mx-host", p->hosts);
	buf_putf(out,
	    "},\"summary\":{\"total-successful-session-count\":%llu,\"total-failure-"
	    "session-count\":%llu}",
	    (unsigned long long)p->n_fine, (unsigned long long)p->n_failed);
	for (size_t i = 0; i < p->n_failures; i++) {
		buf_str(out, i ? "," : ",\"failure-details\":[");
		put_failure(out, &p->failures[i]);
	}
	buf_str(out, p->n_failures ? "]}" : "}");
}

static int64_t
begin_sec(const struct tally_row *row)
{
	return (int64_t)row->day * TALLY_DAY_SEC;
}

static int64_t
end_sec(const struct tally_row *row)
{
	return begin_sec(row) + TALLY_DAY_SEC - 1;
}

void
report_json(const struct report_about *x, struct buf *out)
{
	buf_str(out, "{\"organization-name\":");
	buf_quoted(out, x->submitter);
	buf_str(out, ",\"date-range\":{\"start-datetime\":\"");
	date_put_iso(out, begin_sec(x->row));
	buf_str(out, "\",\"end-datetime\":\"");
	date_put_iso(out, end_sec(x->row));
	buf_str(out, "\"}");
	text_field(out, "contact-info", x->contact);
	buf_putf(out, ",\"report-id\":\"%s@%.*s\",\"policies\":[", id_text(x->id),
	    SPAN_ARG(x->submitter));
	for (size_t i = 0; i < x->row->n_policies; i++) {
		buf_str(out, i ? "," : "");
		put_policy(out, &x->row->policies[i], x->row->domain);
	}
	buf_str(out, "]}\n");
}

/* ---- the mail ---- */

/* "SUBMITTER!DOMAIN!BEGIN!END!ID.json.gz" (RFC 8460 5.1) */
static void
report_filename(const struct report_about *x, struct buf *out)
{
	buf_putf(out, "%.*s!%.*s!%lld!%lld!%s.json.gz", SPAN_ARG(x->submitter),
	    SPAN_ARG(x->row->domain), (long long)begin_sec(x->row),
	    (long long)end_sec(x->row), id_text(x->id));
}

static void
put_head(struct buf *out, const struct report_about *x, const struct envelope *made,
    const char *boundary)
{
	struct span domain = x->row->domain;
	buf_putf(out, "Return-Path: <>\r\nFrom: TLS reports <%.*s>\r\nTo: <%.*s>\r\n",
	    SPAN_ARG(x->contact), SPAN_ARG(made->rcpts[0].address));
	buf_putf(out,
	    "Subject: Report Domain: %.*s\r\n\tSubmitter: %.*s\r\n\tReport-ID: "
	    "<%s@%.*s>\r\nDate: ",
	    SPAN_ARG(domain), SPAN_ARG(x->submitter), id_text(x->id),
	    SPAN_ARG(x->submitter));
	date_put(out, made->arrived_sec);
	buf_putf(out, "\r\nMessage-ID: <%s@%.*s>\r\nAuto-Submitted: auto-generated\r\n",
	    id_text(made->id), SPAN_ARG(x->hostname));
	buf_putf(out,
	    "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\nTLS-Required: "
	    "No\r\nMIME-Version: 1.0\r\n",
	    SPAN_ARG(domain), SPAN_ARG(x->submitter));
	buf_putf(out,
	    "Content-Type: multipart/report; "
	    "report-type=\"tlsrpt\";\r\n\tboundary=\"%s\"\r\n\r\n",
	    boundary);
}

static void
put_words(struct buf *out, const struct report_about *x)
{
	buf_str(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is a "
		     "report on TLS with the mail hosts of\r\n");
	buf_putf(out, "%.*s from ", SPAN_ARG(x->row->domain));
	date_put_iso(out, begin_sec(x->row));
	buf_str(out, " to ");
	date_put_iso(out, end_sec(x->row));
	buf_putf(out, ",\r\nas RFC 8460 describes it.  It comes from %.*s.\r\n",
	    SPAN_ARG(x->hostname));
}

static void
put_report(struct buf *out, const struct report_about *x, struct span gz)
{
	struct buf name = {0};
	report_filename(x, &name);
	buf_putf(out,
	    "Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: "
	    "base64\r\n"
	    "Content-Disposition: attachment;\r\n\tfilename=\"%s\"\r\n\r\n",
	    buf_cstr(&name));
	buf_free(&name);
	while (gz.n) {
		buf_base64(out, span_head(gz, BASE64_LINE_BYTES));
		buf_str(out, "\r\n");
		gz = span_from(gz, gz.n < BASE64_LINE_BYTES ? gz.n : BASE64_LINE_BYTES);
	}
}

void
report_mail(const struct report_about *x, struct span gz, struct span to,
    struct arena *arena, struct buf *out, struct envelope *made)
{
	char boundary[ID_TEXT + 8];
	*made = (struct envelope){.id = spool_derived_id(x->id, to, "tlsrpt", SPAN("")),
	    .flags = ENV_DERIVED | ENV_TLS_OPTIONAL,
	    .arrived_sec = clock_wall_sec(),
	    .n_rcpts = 1,
	    .rcpts = arena_get(arena, sizeof(struct rcpt))};
	if (!made->rcpts)
		bug("no room for a recipient");
	made->rcpts[0] =
	    (struct rcpt){.address = arena_span(arena, to), .notify = NOTIFY_NEVER};
	strcpy(boundary, "report=");
	strcat(boundary, id_text(id_new()));
	put_head(out, x, made, boundary);
	made->head_bytes = (uint32_t)sizeof "Return-Path: <>\r\n" - 1;
	buf_putf(out, "--%s\r\n", boundary);
	put_words(out, x);
	buf_putf(out, "\r\n--%s\r\n", boundary);
	put_report(out, x, gz);
	buf_putf(out, "\r\n--%s--\r\n", boundary);
	made->size_bytes = out->len;
	sha256(buf_as_span(out), made->sha256);
}
