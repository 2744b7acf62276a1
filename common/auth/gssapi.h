/* SPDX-License-Identifier: ISC */
/*
 * gssapi.h - inside the role "auth": what libsasl2's GSSAPI plug-in and the Kerberos library below it
 * need to accept tickets with a keytab, in a jail without a network.
 */
#ifndef AUTH_GSSAPI_H
#define AUTH_GSSAPI_H

#include "base/buf.h"

struct conf;
struct jail;

bool gssapi_is_configured(const struct conf *); /* gssapi_keytab */
/*
 * gssapi_prepare - before libsasl2 is there: the keytab, no replay cache, and STATE/auth_krb5.conf, which
 * keeps the library from asking the DNS for our name.  E_OK, E_IO (logged)
 */
MUST_USE int gssapi_prepare(const struct conf *);
/* gssapi_check - E_OK, E_BAD with a line in errors */
MUST_USE int gssapi_check(const struct conf *, struct buf *errors);
void gssapi_jail(const struct conf *, struct jail *);

#endif
