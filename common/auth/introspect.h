/* SPDX-License-Identifier: ISC */
/*
 * introspect.h - inside the role "auth": the issuer is asked about a token (RFC 7662), over HTTPS by the
 * role "fetch", while auth goes on with others.  Only where oauth_introspection is set.
 */
#ifndef AUTH_INTROSPECT_H
#define AUTH_INTROSPECT_H

#include "base/buf.h"

struct conf;
struct introspect;

enum {
	INTROSPECT_MOST = 16,      /* at a time; more are told to come again */
	INTROSPECT_MS = 8000,      /* of one, in all: less than AUTH_WAIT_MS */
	INTROSPECT_DNS_MS = 60000, /* so long the issuer's addresses are known */
};

/*
 * What was said: err E_OK (json: borrow), E_IO (nobody said anything: unreachable, untrusted, too late,
 * refused).  The handle is gone.  Never called from within introspect_ask.
 */
typedef void introspect_fn(void *ctx, int err, struct span json);

bool introspect_is_configured(const struct conf *);
/* introspect_check - the URL and oauth_credentials.  E_OK, E_BAD with lines in errors */
MUST_USE int introspect_check(const struct conf *, struct buf *errors);
/* introspect_open - with the monitor's rights: reads the credentials.  E_OK, E_BAD (logged) */
MUST_USE int introspect_open(const struct conf *);
/* introspect_ask - own, until fn is called; NULL: too many, or nobody fetches now */
struct introspect *introspect_ask(struct span token, introspect_fn *, void *ctx);
void introspect_cancel(struct introspect **);

#endif
