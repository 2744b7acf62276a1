/* SPDX-License-Identifier: ISC */
/* mailto.h - mailto URIs of notify.  RFC 6068, as RFC 5436 2 has them. */
#ifndef SIEVE_MAILTO_H
#define SIEVE_MAILTO_H

#include "base/arena.h"
#include "base/buf.h"

enum { MAILTO_ADDRESSES_MAX = 64, MAILTO_FIELDS_MAX = 32, MAILTO_BYTES_MAX = 8192 };

struct mailto {
	struct span to[MAILTO_ADDRESSES_MAX], cc[MAILTO_ADDRESSES_MAX];
	/* the same as they were written, with names, on one line */
	struct span to_text[MAILTO_ADDRESSES_MAX], cc_text[MAILTO_ADDRESSES_MAX];
	size_t n_to, n_cc;
	struct span subject, body;
	struct span fields[MAILTO_FIELDS_MAX]; /* "Name: value" */
	size_t n_fields;
};

/*
 * mailto_parse
 *   out      in the arena.  An address is there once; bcc is cc, as nobody sees it (each
 *            recipient gets a copy of its own)
 *   why      what is wrong, for people
 *   returns  E_OK, E_BAD, E_LIMIT; E_DENY (it is no mailto URI: another method)
 */
MUST_USE int mailto_parse(
    struct span uri, struct arena *, struct mailto *out, struct buf *why);

#endif
