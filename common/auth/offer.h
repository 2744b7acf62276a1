/* SPDX-License-Identifier: ISC */
/*
 * offer.h - the mechanisms we know, and what each needs.  The one list: what EHLO, CAPA and
 * CAPABILITY name, and what the role "auth" lets begin, both go by it.
 */
#ifndef AUTH_OFFER_H
#define AUTH_OFFER_H

#include "auth/auth.h"

/* What a mechanism needs of the connection or of the configuration. */
enum offer_needs {
	OFFER_SECRECY =
	    1, /* it shows the password: TLS, or loopback where that is allowed */
	OFFER_BINDING = 2,      /* the TLS connection has a channel binding */
	OFFER_TOKENS = 4,       /* tokens can be checked: oauth_is_configured */
	OFFER_STORE = 8,        /* passwords in the clear: auth_plaintext_store */
	OFFER_KEYTAB = 32,      /* tickets of Kerberos: gssapi_keytab */
	OFFER_CERTIFICATE = 16, /* the client showed one that may be trusted */
};

/* How its first message is read. */
enum offer_kind {
	OFFER_SCRAM,
	OFFER_PLAIN,
	OFFER_LOGIN,
	OFFER_CRAM,
	OFFER_EXTERNAL,
	OFFER_BEARER,
	OFFER_XOAUTH2,
	OFFER_OTHER
};

struct offer {
	const char *name;
	unsigned needs; /* enum offer_needs */
	enum offer_kind kind;
};

/* offer_at - the strongest first; NULL past the last */
const struct offer *offer_at(size_t i);
/* offer_may - whether this one may be used on this connection */
bool offer_may(const struct conf *, const struct auth_conn *, const struct offer *);
/* offer_find - by its name in any case, if it may be used.  E_OK, E_BAD */
MUST_USE int offer_find(const struct conf *, const struct auth_conn *, struct span mech,
    const struct offer **out);

#endif
