/* SPDX-License-Identifier: ISC */
/*
 * smtp_fakes.h - an SMTP session without the processes around it: lookup, auth, TLS and spool are
 * fakes.
 */
#ifndef TESTS_SMTP_FAKES_H
#define TESTS_SMTP_FAKES_H

#include "smtpd/session.h"

/*
 * Local parts at example.test: u1, u2, postmaster; gone, suspended, full, loop, temp.  Other
 * domains: remote.
 */
struct fakes {
	int spool_err; /* of every spool call */
	enum spool_verdict verdict;
	enum spool_verdict room;
	unsigned n_lookups, n_rooms, n_drops, n_puts, n_sender_asks;
	/* of the last message; its spans are gone with the session */
	struct envelope envelope;
	struct buf message; /* own: its bytes */
	struct buf rcpts;   /* own: its recipients, a blank between */
};

extern struct fakes fakes;

void fakes_reset(void);
/* fakes_talk - a whole conversation: what the server said.  borrow: until the next call */
const char *fakes_talk(enum listen_kind, struct span input);

#endif
