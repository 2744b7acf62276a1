/* SPDX-License-Identifier: ISC */
/*
 * bearer.h - inside the role "auth": the mechanisms that bring a token, OAUTHBEARER (RFC 7628) and
 * Google's XOAUTH2.  bearer.c reads their messages (pure); oauth.c is the plug-in for libsasl2.
 */
#ifndef AUTH_BEARER_H
#define AUTH_BEARER_H

#include "base/buf.h"

struct conf;

enum {
	SAID_ENTRIES = 256,   /* tokens of which it is known what the issuer said */
	SAID_GOOD_MS = 60000, /* so long, and no longer than they are good */
	SAID_BAD_MS = 10000,
	SAID_NOTHING_MS = 1000, /* nobody said anything */
};

struct bearer {
	struct buf user;   /* who the client says it is, or empty; own */
	struct span token; /* borrow: the message */
};

/*
 * bearer_parse - "n,a=USER,^Ahost=H^Aport=P^Aauth=Bearer TOKEN^A^A", RFC 7628 3.1, or with is_x
 * "user=USER^Aauth=Bearer TOKEN^A^A".  E_OK, E_BAD (then user is empty)
 */
MUST_USE int bearer_parse(struct span message, bool is_x, struct bearer *out);

/* oauth_is_configured - whether tokens can be checked: the mechanisms are offered then */
bool oauth_is_configured(const struct conf *);
/* oauth_open - with the monitor's rights: reads oauth_keys.  E_OK, E_BAD (logged) */
MUST_USE int oauth_open(const struct conf *);
/*
 * oauth_question - whether the issuer must be asked before the plug-in sees this message.
 *   token  borrow: the message
 */
bool oauth_question(struct span message, bool is_x, struct span *token);
/* oauth_said - what the issuer said of it: as introspect_fn */
void oauth_said(struct span token, int err, struct span json);
/* oauth_plug - adds the plug-in, after sasl_server_init.  E_OK, E_IO */
MUST_USE int oauth_plug(void);

#endif
