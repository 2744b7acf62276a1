/* SPDX-License-Identifier: ISC */
/* metadata.h - METADATA (RFC 5464): of GETMETADATA, of LIST's RETURN, and what others changed. */
#ifndef IMAPD_METADATA_H
#define IMAPD_METADATA_H

#include "imapd/command.h"
#include "store/metadata.h"

enum depth { DEPTH_0, DEPTH_1, DEPTH_INFINITY };

/* What is asked for. */
struct metadata_want {
	size_t n;
	struct span names[METADATA_ENTRIES_MOST]; /* borrow: as the client wrote them */
	bool was_told[METADATA_ENTRIES_MOST];
	enum depth depth;
	bool has_maxsize;
	uint32_t maxsize; /* octets */
	/* the largest value past maxsize; 0: there was none.  Of metadata_put */
	size_t long_bytes;
};

/* parse_metadata_entries - an entry, or several in parentheses.  E_OK, E_BAD */
MUST_USE int parse_metadata_entries(struct parse *, struct metadata_want *out);
/* metadata_entry - in lower case, in the arena */
struct span metadata_entry(struct session *, struct span name);
/*
 * metadata_put - "* METADATA mailbox (...)", when there is anything to tell; what is asked for by
 * name and has no value is NIL.  Mailbox "" is the server; it may be another's
 */
enum store_said metadata_put(
    struct session *, struct span mailbox, struct metadata_want *);
/* metadata_enable - ENABLE METADATA: from now on metadata_update tells what others change */
MUST_USE int metadata_enable(struct session *);
bool metadata_is_told(const struct session *); /* by ENABLE, or NOTIFY */
/* metadata_update - RFC 5464 4.4.2; nothing, when it is not enabled */
void metadata_update(struct session *);

#endif
