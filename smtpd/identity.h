/* SPDX-License-Identifier: ISC */
/*
 * identity.h - as whom a login writes: the addresses of the fields From and Sender belong to it
 * (account/recipient.h says which do).  RFC 5322 3.6.2, RFC 6409 6.1.
 */
#ifndef SMTPD_IDENTITY_H
#define SMTPD_IDENTITY_H

#include "base/arena.h"
#include "smtpd/reply.h"

struct session;

enum {
	IDENTITIES_MAX = 100, /* addresses of From and Sender together */
	/* octets of a header; a longer one is not read for certain */
	IDENTITY_HEADER_MAX = 1 << 20,
	IDENTITY_SHOWN_MAX = 200, /* octets of an address in a reply */
	/* addresses that the login may send as, kept in its process, so many for so long */
	OWNED_MAX = 4,
	OWNED_KEPT_MS = 2000,
};

enum identity_fault {
	IDENTITY_OK = 0,
	IDENTITY_NO_FROM, /* a From without an address */
	/* two From or two Sender fields, or two addresses in Sender: each reader shows another */
	IDENTITY_TWICE,
	IDENTITY_UNCLEAR,   /* what is no address, or too many of them */
	IDENTITY_NO_SENDER, /* several addresses in From, and no Sender */
};

struct identity {
	enum identity_fault fault;
	size_t n; /* 0: there is no From, and one is added */
	/* "local@domain", or "local" alone; the first are those of From; borrow: arena */
	struct span addresses[IDENTITIES_MAX];
};

/* identity_read - pure.  header: with its empty line, or without */
void identity_read(struct span header, struct arena *, struct identity *out);
/*
 * identity_check - of a whole message, before it is handed over.  R_NONE: not of a login, or all
 * of it is theirs, or the setting submission_from lets it pass; else why it is refused.  Logs.
 * At most one round trip to lookup
 */
MUST_USE enum reply identity_check(struct session *, struct span header);

/*
 * identity_owns - may the login send as each of them?  n: at most IDENTITIES_MAX.  Asks lookup, unless
 * it said yes to all in the last OWNED_KEPT_MS.  E_OK, E_IO
 */
MUST_USE int identity_owns(
    const struct session *, const struct span *addresses, size_t n, bool *out);

#endif
