/* SPDX-License-Identifier: ISC */
/*
 * trip.h - an account that submitted too much, and may not until an admin releases it: as smtpd's
 * role budget keeps it, and tells the command on RUN/smtpd/budget (SOCK_SEQPACKET; root and the
 * role's uid may connect, asks are answered in order).
 */
#ifndef ACCOUNT_TRIP_H
#define ACCOUNT_TRIP_H

#include "base/id.h"
#include "conf/budget.h"

enum { TRIP_ACCOUNT_MAX = 320 };

/* What is used up. */
struct overrun {
	enum budget_what what;
	enum budget_window window;
	uint32_t most;
};

enum trip_step { TRIP_KICKED = 1, TRIP_HELD = 2, TRIP_TOLD = 4, TRIP_DONE = 7 };

struct trip {
	int64_t since_sec; /* wall clock */
	struct overrun over;
	struct id notice; /* the message to the postmaster: made once */
	uint8_t done;     /* bits of enum trip_step */
};

enum budget_admin_ask {
	/* str account -> u16 n, n x {str account, trip (trip_put)} behind it; none: the end */
	BUDGET_TRIPS = 1,
	/* str account -> u8 enum budget_release: it may submit again, with counters of 0.  Durable */
	BUDGET_RELEASE,
};

enum budget_release {
	RELEASE_DONE,
	RELEASE_NOT_TRIPPED,
	RELEASE_LATER, /* its mail is being held at this moment: that would come after it */
	RELEASE_FAILED
};

void trip_put(struct buf *, const struct trip *);
MUST_USE int trip_get(struct rd *, struct trip *out); /* E_OK, E_BAD */
/* overrun_put - "200 messages an hour" */
void overrun_put(struct buf *, const struct overrun *);

#endif
