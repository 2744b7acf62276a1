/* SPDX-License-Identifier: ISC */
/*
 * fetch_att.h - what a FETCH asks of each message, and its modifiers: RFC 9051 6.4.5 and 9
 * (fetch-att), RFC 3516 4.2, RFC 7162 3.1.4 and 3.2.6, RFC 8474 5, RFC 8514 4.2, RFC 8970 3.1,
 * RFC 9394 3.3.  Pure.
 */
#ifndef IMAPD_FETCH_ATT_H
#define IMAPD_FETCH_ATT_H

#include "imapd/partial.h"
#include "mime/cache.h"
#include "mime/section.h"

enum { FETCH_SECTIONS_MOST = 128 }; /* BODY[], BINARY[] and RFC822 of one FETCH */

/* A bit each, in the order in which they are answered. */
enum fetch_what {
	FETCH_UID = 1 << 0,
	FETCH_FLAGS = 1 << 1,
	FETCH_MODSEQ = 1 << 2,
	FETCH_SIZE = 1 << 3, /* RFC822.SIZE */
	FETCH_EMAILID = 1 << 4,
	FETCH_INTERNALDATE = 1 << 5,
	FETCH_SAVEDATE = 1 << 6,
	FETCH_THREADID = 1 << 7,
	FETCH_ENVELOPE = 1 << 8,
	FETCH_BODY = 1 << 9,
	FETCH_STRUCTURE = 1 << 10, /* BODYSTRUCTURE */
	FETCH_PREVIEW = 1 << 11,
	FETCH_WHATS = 12,
	FETCH_BY_UID =
	    1 << 12, /* not an item: UIDFETCH with the UID in front (RFC 9586) */
};

enum fetch_form {
	FETCH_OCTETS, /* BODY[], RFC822 */
	FETCH_BINARY, /* the transfer encoding undone */
	FETCH_BINARY_SIZE,
};

/* One BODY[section]<partial> and the like. */
struct fetch_section {
	struct fetch_section *next; /* borrow: the arena */
	enum fetch_form form;
	bool is_peek; /* does not set \Seen */
	bool is_partial;
	uint64_t from, most;    /* octets, where is_partial */
	struct section section; /* borrow: the text of the command, the arena */
	bool has_names;         /* HEADER.FIELDS of names that cache items have */
	cache_names names;      /* where has_names */
	struct span label;      /* borrow: as the answer calls it, "BODY[TEXT]<0>" */
};

struct fetch_atts {
	unsigned whats; /* enum fetch_what */
	bool is_by_uid; /* UID FETCH; set by the command */
	bool sets_seen; /* a section is not PEEK */
	/* borrow: the arena; in the order in which they were asked for */
	struct fetch_section *sections;
	size_t n_sections;
	bool has_changed_since, is_vanished;
	uint64_t changed_since; /* a mod-sequence, where has_changed_since */
	struct partial partial;
};

/*
 * fetch_atts_parse - a macro, one attribute, or some in parentheses.  E_OK, E_BAD (syntax, too
 * many)
 */
MUST_USE int fetch_atts_parse(struct parse *, struct fetch_atts *out);
/*
 * fetch_modifiers_parse - what may follow: SP "(" modifiers ")"; into the same out.  E_OK (also
 * when there are none), E_BAD
 */
MUST_USE int fetch_modifiers_parse(struct parse *, struct fetch_atts *out);

#endif
