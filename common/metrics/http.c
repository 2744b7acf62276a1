/* SPDX-License-Identifier: ISC */
/* http.c - a scraper's request, and the answer. */
#include "metrics/http.h"

#define CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* tchar, RFC 9110 5.6.2 */
static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && span_find(SPAN("!#$%&'*+-.^_`|~"), s.p[i]) ==
					     sizeof("!#$%&'*+-.^_`|~") - 1)
			return false;
	return s.n > 0;
}

static bool
is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* field-value: anything but controls, RFC 9110 5.5 */
static bool
is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]) && s.p[i] != '\t')
			return false;
	return true;
}

/* The next line, without its CRLF.  E_OK, E_MORE, E_BAD (a bare CR or LF) */
static int
take_line(struct span *in, struct span *line)
{
	size_t cr = span_find(*in, '\r'), lf = span_find(*in, '\n');
	if (lf < cr || (cr + 1 < in->n && in->p[cr + 1] != '\n'))
		return E_BAD;
	if (cr + 1 >= in->n)
		return E_MORE;
	*line = span_head(*in, cr);
	*in = span_from(*in, cr + 2);
	return E_OK;
}

struct request {
	struct span method, target;
	bool is_http11;
	unsigned hosts;
};

/* RFC 9112 3: one blank between its parts */
static bool
take_request_line(struct span line, struct request *r)
{
	r->method = span_cut(&line, ' ');
	r->target = span_cut(&line, ' ');
	r->is_http11 = span_eqs(line, "HTTP/1.1");
	return is_token(r->method) && is_visible(r->target) &&
	       (r->is_http11 || span_eqs(line, "HTTP/1.0"));
}

/* RFC 9112 5: no blank before the colon, no folding */
static bool
take_field(struct span line, struct request *r)
{
	size_t colon = span_find(line, ':');
	struct span name = span_head(line, colon);
	if (colon == line.n || !is_token(name) || !is_value(span_from(line, colon + 1)))
		return false;
	if (span_ieqs(name, "Host"))
		r->hosts++;
	return true;
}

/* origin-form, or absolute-form (RFC 9112 3.2); what is asked of it behind "?" changes nothing */
static struct span
path_of(struct span target)
{
	if (span_istarts(target, SPAN("http://"))) {
		target = span_from(target, sizeof "http://" - 1);
		target = span_from(target, span_find(target, '/'));
	}
	return span_head(target, span_find(target, '?'));
}

static unsigned
judge(const struct request *r, bool *is_head)
{
	*is_head = span_eqs(r->method, "HEAD");
	if (r->hosts > 1 || (r->is_http11 && r->hosts == 0)) /* RFC 9112 3.2 */
		return HTTP_BAD;
	if (!span_eqs(path_of(r->target), "/metrics"))
		return HTTP_NOT_FOUND;
	return *is_head || span_eqs(r->method, "GET") ? HTTP_OK : HTTP_NOT_ALLOWED;
}

int
http_request(struct span in, unsigned *status, bool *is_head)
{
	struct request r = {.hosts = 0};
	struct span rest = span_head(in, HTTP_REQUEST_MAX), line;
	bool has_line = false;
	int err;
	*status = HTTP_BAD;
	*is_head = false;
	if (span_starts(rest, SPAN("\r\n"))) /* RFC 9112 2.2 */
		rest = span_from(rest, 2);
	while ((err = take_line(&rest, &line)) == E_OK) {
		if (has_line && line.n == 0) {
			*status = judge(&r, is_head);
			return E_OK;
		}
		if (has_line ? !take_field(line, &r) : !take_request_line(line, &r))
			return E_OK;
		has_line = true;
	}
	return err == E_MORE && in.n < HTTP_REQUEST_MAX ? E_MORE : E_OK;
}

static struct span
reason_of(unsigned status)
{
	switch (status) {
	case HTTP_OK:
		return SPAN("OK");
	case HTTP_NOT_FOUND:
		return SPAN("Not Found");
	case HTTP_NOT_ALLOWED:
		return SPAN("Method Not Allowed");
	default:
		return SPAN("Bad Request");
	}
}

void
http_answer(unsigned status, bool is_head, struct span body, struct buf *out)
{
	struct span reason = reason_of(status);
	bool is_ok = status == HTTP_OK;
	buf_putf(out,
	    "HTTP/1.1 %u %.*s\r\nContent-Type: %s\r\nContent-Length: "
	    "%zu\r\n%sConnection: close\r\n\r\n",
	    status, SPAN_ARG(reason), is_ok ? CONTENT_TYPE : "text/plain",
	    is_ok ? body.n : reason.n + 1,
	    status == HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
	if (is_head)
		return;
	buf_span(out, is_ok ? body : reason);
	buf_str(out, is_ok ? "" : "\n");
}
