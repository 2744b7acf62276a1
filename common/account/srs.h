/* SPDX-License-Identifier: ISC */
/*
 * srs.h - the Sender Rewriting Scheme (Wong, 2003): reverse-paths of mail that an alias passes on
 * to another host become addresses of ours, so that SPF finds the host that it names; what comes
 * back to them leads to the sender, for SRS_DAYS_MOST days.
 *   SRS0=HASH=DAY=sender.example=local@ours       SRS1=HASH=first.example==HASH=DAY=sender.example=local@ours
 * HASH is SRS_HASH_CHARS base32 digits of a keyed hash over the rest, DAY two of the day; both in
 * any case.
 */
#ifndef ACCOUNT_SRS_H
#define ACCOUNT_SRS_H

#include "base/buf.h"

struct conf;

enum {
	SRS_SECRET_BYTES = 32,
	SRS_HASH_CHARS = 5,
	SRS_DAYS_MOST = 21, /* how old what comes back may be */
	SRS_LOCAL_MAX = 64, /* octets of a local part, RFC 5321 4.5.3.1.1 */
};

/* it begins like one; whether it is one of ours srs_reverse knows */
bool srs_is(struct span local);
/*
 * srs_forward - the reverse-path for sender, as an address of domain.
 *   returns  E_OK, E_BAD (no address, or one with quotes), E_LIMIT (its local part would be too
 *            long): it goes as it is
 */
MUST_USE int srs_forward(struct span secret, struct span sender, struct span domain,
    int64_t now_sec, struct buf *out);
/* srs_reverse - to whom it leads.  E_OK, E_BAD (not an address of ours, or too old) */
MUST_USE int srs_reverse(
    struct span secret, struct span local, int64_t now_sec, struct buf *out);

/*
 * srs_secret_make - STATE/accounts/srs is there from now on: made once, for good, by who comes
 * first.  A failure is logged
 */
void srs_secret_make(const struct conf *);
/* srs_secret_read - out: SRS_SECRET_BYTES; a secret: buf_wipe.  E_OK, E_IO (logged) */
MUST_USE int srs_secret_read(const struct conf *, struct buf *out);

#endif
