/* SPDX-License-Identifier: ISC */
/*
 * look.h - a command that reads through a mailbox looks up now and then: is its client still there,
 * does the daemon stop?  And now and then the client hears how far it is: RFC 9585.
 */
#ifndef IMAPD_LOOK_H
#define IMAPD_LOOK_H

#include "imapd/respond.h"

enum {
	LOOK_EACH_BYTES = 1 << 20, /* of work */
	LOOK_RECORD_BYTES = 64,    /* what a message counts whose file is not read */
	/* a command that takes less is for a client that has closed its side, too */
	LOOK_LONG_MS = 1000,
};

struct look {
	struct session *session; /* borrow */
	int64_t began;           /* monotonic clock */
	uint64_t bytes;          /* since the last look */
	uint32_t done, goal;     /* messages: how far it is, of how many */
	int64_t told_ms;         /* monotonic clock: when the client heard it last */
};

/* look_init - done, goal: messages that are behind, and of how many; look_up counts one */
void look_init(struct look *, struct session *, uint32_t done, uint32_t goal);
/*
 * look_up - after work on a message, so many bytes of it; between two lines of what is said.  R_DONE, or the reply that ends the command: R_NONE (the
 * client is gone), R_LATER (the daemon stops)
 */
enum reply look_up(struct look *, uint64_t bytes);

#endif
