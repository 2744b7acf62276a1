/* SPDX-License-Identifier: ISC */
/* rights.h - rights on a mailbox, and who has them: RFC 4314.  Pure. */
#ifndef STORE_RIGHTS_H
#define STORE_RIGHTS_H

#include "base/buf.h"

enum right {
	RIGHT_LOOKUP = 1 << 0,  /* l */
	RIGHT_READ = 1 << 1,    /* r */
	RIGHT_SEEN = 1 << 2,    /* s */
	RIGHT_WRITE = 1 << 3,   /* w */
	RIGHT_INSERT = 1 << 4,  /* i */
	RIGHT_POST = 1 << 5,    /* p */
	RIGHT_CREATE = 1 << 6,  /* k */
	RIGHT_DELETE = 1 << 7,  /* x: of the mailbox */
	RIGHT_REMOVE = 1 << 8,  /* t: \Deleted */
	RIGHT_EXPUNGE = 1 << 9, /* e */
	RIGHT_ADMIN = 1 << 10,  /* a */
	RIGHTS_ALL = (1 << 11) - 1,
	/* the owner's in any case: nobody locks himself out */
	RIGHTS_OWNER = RIGHT_LOOKUP | RIGHT_ADMIN,
	/* one of these, and l: METADATA (RFC 5464 3.3) */
	RIGHTS_METADATA =
	    RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST,
	/* one of these: the mailbox is READ-WRITE (RFC 4314 5.2) */
	RIGHTS_CHANGE =
	    RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_REMOVE | RIGHT_EXPUNGE,
};

enum {
	IDENTIFIER_MAX = 320,  /* octets of one, its "-" in it */
	ACL_ENTRIES_MOST = 64, /* of a mailbox */
	RIGHTS_TEXT_MAX = 13,  /* octets of rights_put */
};

/*
 * Whose an entry is: the uid of the account that had its address when rights were given, which no
 * other one gets.  0: there was none, and it is nobody's.  RIGHTS_ANY_UID: of an entry that is of no
 * account, or takes away, or was made before that was noted: of whoever has the address.
 */
#define RIGHTS_ANY_UID UINT32_MAX

/* "lrswipkxtea" in any order; c is k and x, d is t and e (2.1.1).  E_OK, E_BAD */
MUST_USE int rights_parse(struct span, unsigned *out);
/* with c and d, where any of theirs is in it */
void rights_put(struct buf *, unsigned rights);
/* without: what rights_parse reads as the same */
void rights_put_plain(struct buf *, unsigned rights);
/*
 * identifier_put - as it is kept: in lower case; a name without a domain gets that of owner, and
 * the owner's own address is "owner".  "anyone" is all accounts of the domain, "group:NAME" those
 * of a group; "-" before it takes rights away.
 *   returns  E_OK, E_BAD (no identifier), E_DENY (of another domain)
 */
MUST_USE int identifier_put(struct buf *, struct span identifier, struct span owner);
/* identifier_is_given - what identifier_put made gives to one account, by its address */
bool identifier_is_given(struct span identifier);

#endif
