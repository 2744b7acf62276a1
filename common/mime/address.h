/* SPDX-License-Identifier: ISC */
/*
 * address.h - address lists of a header field, as IMAP's ENVELOPE has them.  RFC 5322 3.4, 4.4; RFC
 * 3501 7.4.2.  Never fails: what is no address is read as far as it makes sense, the rest is passed
 * over.
 */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	ADDRESS_COUNT_MAX = 10000, /* of one field: nodes, group markers among them */
};

enum address_kind {
	/* mailbox and host are there, either may be empty in broken mail */
	ADDRESS_MAILBOX,
	ADDRESS_GROUP_BEGIN, /* mailbox is the group's name; all else absent */
	ADDRESS_GROUP_END,   /* all absent */
};

/* What is absent is { NULL, 0 }: NIL in an ENVELOPE. */
struct address {
	struct address *next; /* borrow: of the arena */
	enum address_kind kind;
	/*
	 * display name, else the comment behind the address; unquoted, encoded words as they stand
	 */
	struct span name;
	struct span adl;     /* source route without its colon: "@a,@b" */
	struct span mailbox; /* local part, unquoted */
	struct span host;    /* domain; a literal with its brackets */
	struct span text;    /* all of it as it stands in the field; borrow: value */
	/*
	 * nothing in it was passed over: "a b@c", "a@b c" and "<a@b" were read as well as could be
	 */
	bool is_exact;
};

/*
 * address_parse - all addresses of a raw field value, in order.
 *   value    folded or not
 *   arena    everything is copied into it; when it is full the list ends early
 *   returns  the first; NULL when there is none.  A group is its begin, its members, its end,
 *            always closed.
 */
struct address *address_parse(struct span value, struct arena *);
/*
 * address_put - local-part@domain, the local part quoted where it must be; without a host the local
 * part alone, nothing for "<>".
 */
void address_put(struct buf *out, const struct address *);

#endif
