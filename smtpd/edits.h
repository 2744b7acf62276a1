/* SPDX-License-Identifier: ISC */
/*
 * edits.h - what filters want to be changed about a message: fields of its header, its body, its
 * envelope.  Described in order, carried out once at the end; each filter is shown what those
 * before it have changed.  Pure.
 */
#ifndef SMTPD_EDITS_H
#define SMTPD_EDITS_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	EDITS_MAX = 1000,           /* of a message */
	EDITS_BYTES_MAX = 4 << 20,  /* of all that is put in, without bodies */
	EDITS_FIELDS_MAX = 20000,   /* of a header that is edited */
	EDITS_FIELD_NAME_MAX = 256, /* octets */
};

enum edit_kind {
	EDIT_ADD, /* a field at the end of the header */
	EDIT_INSERT, /* a field before the one at index; 0: before our own Received, which is the first */
	EDIT_CHANGE, /* the index-th field of that name, from 1 on; an empty value removes it */
	EDIT_RCPT, /* one more recipient; value: its parameters */
	EDIT_NO_RCPT,
	EDIT_SENDER, /* value: its parameters */
	EDIT_HOLD,   /* name: why */
};

struct edit {
	enum edit_kind kind;
	uint32_t index;
	unsigned by; /* number of the filter */
	/* in the arena.  A field's value is all behind the colon, with CRLF in it and at its end */
	struct span name, value;
};

struct edits {
	struct arena arena; /* own */
	struct edit *all;   /* own: [EDITS_MAX], or NULL */
	size_t n;
	unsigned by;     /* whose turn it is */
	size_t n_before; /* edits of those before it */
	bool has_body;
	struct buf body; /* own: in place of the message's; from the empty line on */
	bool has_next;
	struct buf next; /* own: what this filter makes of the body */
};                       /* {0} is empty */

void edits_done(struct edits *);
/*
 * edits_begin - a filter's turn: its indexes count what it was shown, whatever it removes meanwhile
 *   (some count so, others remove from the last on: both are understood).
 * edits_keep - what it said holds; edits_undo - it does not, all of its turn
 */
void edits_begin(struct edits *, size_t body_max);
void edits_keep(struct edits *);
void edits_undo(struct edits *);
/*
 * edits_field - EDIT_ADD, EDIT_INSERT, EDIT_CHANGE.
 *   value    lines may end in CRLF or LF; one that does not begin with a blank gets one, so that
 *            nothing in it becomes another field
 *   returns  E_OK, E_BAD (no name of a field), E_LIMIT
 */
MUST_USE int edits_field(struct edits *, enum edit_kind, uint32_t index,
    struct span name, struct span value);
/* edits_other - EDIT_RCPT to EDIT_HOLD.  E_OK, E_LIMIT */
MUST_USE int edits_other(
    struct edits *, enum edit_kind, struct span name, struct span value);
/* edits_body - one more piece of a body, without the empty line before it.  E_OK, E_LIMIT */
MUST_USE int edits_body(struct edits *, struct span piece);
/*
 * edits_mend_body - of a body that is not binary, once all is said: some filters write lines that end
 * in LF alone, which no mail server may be sent.  They end in CRLF, the last one too; a CR elsewhere
 * is a blank
 */
void edits_mend_body(struct edits *);
/* edits_has_fields - whether one of them is about the header */
bool edits_has_fields(const struct edits *);
/*
 * edits_header - the header as they make it.
 *   header   as it was sent, without the empty line
 *   above    gets the fields that were put before our Received
 *   below    gets all others
 *   returns  E_OK, E_LIMIT (EDITS_FIELDS_MAX, or out of room: out is not complete)
 */
MUST_USE int edits_header(
    const struct edits *, struct span header, struct buf *above, struct buf *below);

#endif
