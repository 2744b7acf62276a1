/* SPDX-License-Identifier: ISC */
/*
 * route.h - an item of the setting routes: where mail for some addresses goes.
 *   PATTERN=WAY [from=SENDERS] [tls=LEVEL] [policies=no] [user=NAME]
 *   PATTERN  user@example.org, example.org, .example.org (all below it), or * (everything else)
 *   WAY      smtp://HOST[:PORT], lmtp://HOST[:PORT]
 *                        HOST: a name, an IPv4 address, or an address in []
 *            unix:/PATH  SMTP, or lmtp+unix:/PATH  LMTP, on a UNIX socket
 *            mx          the exchangers of the recipient's domain
 *   SENDERS  a pattern of the same kind: only for mail from there; without a sender (reports) only *
 *   LEVEL    none, may (encrypted where it is offered; the default), encrypt (or not at all), dane
 *            (and the certificate must be that of HOST's TLSA records), verify (and the certificate
 *            must be HOST's, from one of tls_authorities)
 *   policies=no  with may and encrypt: whatever TLS its domain publishes that it wants (DANE,
 *                MTA-STS) is not looked at
 *   NAME     logs in; the password stands in the file of relay_passwords
 */
#ifndef CONF_ROUTE_H
#define CONF_ROUTE_H

#include "base/span.h"

enum {
	ROUTE_PORT_SMTP = 25,
	ROUTE_PORT_LMTP = 24,
	ROUTE_NAME_MAX = 255,
	ROUTE_PATH_MAX = 100
};

enum route_kind { ROUTE_HOST, ROUTE_UNIX, ROUTE_MX };

enum route_tls {
	ROUTE_TLS_NONE,
	ROUTE_TLS_MAY,
	ROUTE_TLS_ENCRYPT,
	ROUTE_TLS_DANE,
	ROUTE_TLS_VERIFY
};

struct route {
	struct span pattern;
	struct span from; /* empty: of any sender */
	uint8_t kind;     /* enum route_kind */
	uint8_t tls;      /* enum route_tls */
	bool is_lmtp;
	bool has_no_policies;
	/* a name, or an address without []; ROUTE_UNIX: the path; ROUTE_MX: empty */
	struct span host;
	uint16_t port;
	struct span user; /* empty: no login */
};

/* route_parse - spans borrow from text.  E_OK, E_BAD.  Never blocks or allocates */
MUST_USE int route_parse(struct span text, struct route *out);
/*
 * route_fits - 0: the pattern does not cover this address; else the larger the more it is about it
 */
unsigned route_fits(struct span pattern, struct span address);
/* route_fits_sender - the same, of a sender; empty is the null sender, which only "*" covers */
unsigned route_fits_sender(struct span pattern, struct span sender);

#endif
