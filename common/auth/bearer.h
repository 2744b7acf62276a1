/* SPDX-License-Identifier: ISC */
/*
 * bearer.h - inside the role "auth": the mechanisms that bring a token, OAUTHBEARER (RFC 7628) and
 * Google's XOAUTH2.  bearer.c reads their messages (pure); oauth.c is the plug-in for libsasl2.
 */
#ifndef AUTH_BEARER_H
#define AUTH_BEARER_H

#include "base/buf.h"

struct conf;

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
void oauth_close(void);
/* oauth_plug - adds the plug-in, after sasl_server_init.  E_OK, E_IO */
MUST_USE int oauth_plug(void);

#endif
