/* SPDX-License-Identifier: ISC */
/*
 * cache.h - the item that is kept of each message: all that a session answers without opening the
 * file.  Made once from the message's bytes, stored as one blob, read in place.  What does not fit
 * is absent from it and is taken from the file instead; so is the whole item when it is damaged or
 * of another version.
 */
#ifndef MIME_CACHE_H
#define MIME_CACHE_H

#include "mime/envelope.h"

enum { CACHE_BYTES_MAX = 64 << 10 }; /* of an item */

/*
 * Decoded and folded by casemap: what SEARCH looks through.  Of all fields of that name, an LF
 * between; n is 0 when there is none.
 */
struct cache_search {
	struct span subject, from, to, cc, bcc;
	/* of all heads, and of all text parts: signature.h */
	struct span heads, texts;
};

/* Of a span p is NULL when it is absent from the item, for want of room. */
struct mime_cache {
	struct span envelope, body, bodystructure; /* as they are sent */
	/* UTF-8, without quotes; n is 0 when there is none to give */
	struct span preview;
	struct cache_search search;
	bool has_facts;
	struct envelope_facts facts; /* where has_facts */
	bool has_attachment;
	bool has_fields;     /* else cache_fields answers nothing */
	uint32_t head_bytes; /* where the body begins; UINT32_MAX: further */
	uint32_t n_parts;
	struct span fields, field_rows; /* for cache_fields */
};

/*
 * cache_make - puts an item behind what is in out, which needs room for CACHE_BYTES_MAX.
 *   arena    for what it needs meanwhile; without a maximum
 *   returns  false: good for now, and not to be kept: a charset's converter could not be had
 *            (charset_n_missed)
 */
MUST_USE bool cache_make(struct span message, struct arena *, struct buf *out);
/*
 * cache_without_signatures - this process makes items without them from now on: a setting says so
 */
void cache_without_signatures(void);
/*
 * cache_open - reads an item in place.
 *   out      borrow: the item
 *   returns  E_OK, E_BAD (damaged, or of another version).  Never allocates.
 */
MUST_USE int cache_open(struct span item, struct mime_cache *out);
/*
 * cache_open_facts - the same up to its facts: they stand at its beginning, and all behind them is
 * absent
 */
MUST_USE int cache_open_facts(struct span item, struct mime_cache *out);

/* cache_open_signatures - the same up to its signatures, which stand behind the facts */
MUST_USE int cache_open_signatures(struct span item, struct mime_cache *out);

/* A set of field names that items know: a bit a name. */
typedef uint64_t cache_names;

/*
 * cache_names_of - of the names that a HEADER.FIELDS asks for.  E_OK, E_BAD (one is not among those
 * that items know)
 */
MUST_USE int cache_names_of(const struct span *names, size_t n, cache_names *out);
/*
 * cache_fields - what BODY[HEADER.FIELDS (names)] gives: the fields as they stand, in their order,
 * and the empty line.  The item must have has_fields.  Without the empty line it is a head for
 * text_field_contains.
 */
void cache_fields(const struct mime_cache *, cache_names, struct buf *out);

#endif
