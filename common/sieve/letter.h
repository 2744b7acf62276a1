/* SPDX-License-Identifier: ISC */
/*
 * letter.h - the messages that actions make: the reply of vacation, a notification, the report of a
 * reject, what is put before a redirected message.  Pure; the caller brings time and ids, and sends
 * them: vacation and reject with the null reverse-path.  Lines end in CRLF.
 */
#ifndef SIEVE_LETTER_H
#define SIEVE_LETTER_H

#include "sieve/run.h"

/* Who makes them. */
struct sieve_letter {
	struct span id; /* of the Message-ID, before the '@'; of each letter another */
	struct span host;       /* behind it, and in reports */
	struct span postmaster; /* "postmaster@host", the From of reports */
	/* of vacation; empty: "Auto: " and the subject, "Automated reply" where there is none */
	struct span
	    subject_template; /* "%$" and "%{subject}" are the message's subject */
	struct span subject_default;
	size_t subject_chars; /* most of them; 0: 256 */
};

/* letter_vacation - to in->envelope.from */
void letter_vacation(const struct sieve_input *, const struct sieve_vacation *,
    const struct sieve_letter *, struct buf *out);
/* letter_notify - the same text for all recipients (RFC 5436 2.7) */
void letter_notify(const struct sieve_input *, const struct sieve_notify *,
    const struct sieve_letter *, struct buf *out);
/* letter_reject - a disposition notification (RFC 5429 2.2.1, RFC 8098), to in->envelope.from */
void letter_reject(const struct sieve_input *, struct span reason,
    const struct sieve_letter *, struct buf *out);
/* letter_redirect - fields to stand before a redirected message; in->address says from whom */
void letter_redirect(
    const struct sieve_input *, const struct sieve_letter *, struct buf *out);
/* letter_redirect_loops - did this user redirect it before?  Then it is to be kept, not sent */
bool letter_redirect_loops(const struct sieve_input *);

#endif
