/* SPDX-License-Identifier: ISC */
/*
 * transfer.h - what stands under a Content-Transfer-Encoding, decoded.  RFC 2045 6.  Tolerant and
 * streaming: feed a part in pieces of any size, then end it.  Never fails but for out's max.
 *   base64            whatever is no digit is passed over; padding ends a group, and what comes
 *                     behind it begins a new one; digits that make no whole byte at the end are
 *                     lost
 *   quoted-printable  "=" with no two digits behind it stays as it stands; blanks before a line end
 *                     go
 */
#ifndef MIME_TRANSFER_H
#define MIME_TRANSFER_H

#include "base/buf.h"

enum transfer_kind {
	TRANSFER_PLAIN, /* 7bit, 8bit, binary, or no field */
	TRANSFER_BASE64,
	TRANSFER_QP,
	TRANSFER_UNKNOWN, /* passed through as it stands */
};

/* octets of a quoted-printable line's end held back until more comes */
enum { TRANSFER_HELD_MAX = 128 };

struct transfer {
	enum transfer_kind kind; /* { .kind = K } is a valid beginning */
	uint32_t bits;           /* base64: the digits of a group so far */
	unsigned n_digits;
	/* quoted-printable: blanks, or a "=" that is not complete */
	char held[TRANSFER_HELD_MAX];
	size_t n_held;
};

/*
 * transfer_kind_of - of the field's value, blanks and comments around it allowed; empty is
 * TRANSFER_PLAIN
 */
enum transfer_kind transfer_kind_of(struct span value);
void transfer_put(struct transfer *, struct span in, struct buf *out);
/* what was held back; begins anew */
void transfer_end(struct transfer *, struct buf *out);
/* transfer_decode - all of it at once */
void transfer_decode(enum transfer_kind, struct span in, struct buf *out);

#endif
