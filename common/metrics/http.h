/* SPDX-License-Identifier: ISC */
/*
 * http.h - the little of HTTP that a scraper needs: one GET or HEAD of /metrics a connection, RFC
 * 9110, RFC 9112.  Not here, on purpose: persistent connections (each answer says "Connection:
 * close"), bodies of requests (unread), 501 and 505 (it is 405 and 400).
 */
#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include "base/buf.h"

enum {
	HTTP_REQUEST_MAX = 8192, /* bytes of request line and fields together */
	HTTP_OK = 200,
	HTTP_BAD = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_ALLOWED = 405,
};

/*
 * http_request - what is there of a request.  Lines end in CRLF and nothing else; no line is
 * folded.
 *   in       from the first byte on
 *   status   HTTP_*; is_head: the answer has no body
 *   returns  E_OK (it is known what to answer, be it that it is no request), E_MORE.  Never blocks
 *            or allocates.
 */
MUST_USE int http_request(struct span in, unsigned *status, bool *is_head);
/* http_answer - head and body; a body of its own where status is not HTTP_OK */
void http_answer(unsigned status, bool is_head, struct span body, struct buf *out);

#endif
