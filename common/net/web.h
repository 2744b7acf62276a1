/* SPDX-License-Identifier: ISC */
/* web.h - the one door to libcurl: fetches over HTTPS, side by side, in the loop of the process. */
#ifndef NET_WEB_H
#define NET_WEB_H

#include "net/fetch.h"

struct web_get;

/*
 * The end of a fetch: the answer is borrowed, and the web_get gone.  Never called from within
 * web_start.
 */
typedef void web_fn(void *ctx, const struct fetch_answer *);

/*
 * web_open - what libcurl needs before a jail; ca_file is read at each fetch.  E_OK, E_IO (logged)
 */
MUST_USE int web_open(const char *ca_file, struct loop *, web_fn *);
/* web_start - borrows nothing.  NULL: it could not begin */
struct web_get *web_start(const struct fetch_question *, void *ctx);
void web_cancel(struct web_get **);

#endif
