/* SPDX-License-Identifier: ISC */
/*
 * suspend.h - destinations to which an admin lets no mail go, until he says otherwise.  Durable:
 * words of the index.  NAME is a domain, a domain and all below it (".example.org"), the host of a
 * route, or a host that is one of the best exchangers.  What comes for one waits in deferred/, and
 * is no attempt; its lifetime goes on.
 */
#ifndef QUEUE_SUSPEND_H
#define QUEUE_SUSPEND_H

#include "queue/dest.h"

enum { SUSPENDED_MOST = 200, SUSPENDED_NAME_MAX = 255 };

struct suspension {
	struct buf name;   /* lower case */
	int64_t since_sec; /* wall clock */
	bool is_over;      /* resumed: what waited for it is still coming back */
};

void suspend_open(void);  /* what the index says */
void suspend_renew(void); /* the index was made anew: it is said again */
/* NULL: mail may go there */
const struct suspension *suspend_find(const struct dest *);
/* index_name of what waits for its end */
uint64_t suspend_waits(const struct suspension *);
const struct suspension *suspend_of_waits(uint64_t waits_for);
/* suspend_add - durable at return.  E_OK, E_BAD (it is already, or no name), E_LIMIT, E_IO */
MUST_USE int suspend_add(struct span name);
/* suspend_end - the same: what waited is tried.  E_OK, E_BAD (it is not), E_IO */
MUST_USE int suspend_end(struct span name);
/* those that hold, by number; NULL: no more */
const struct suspension *suspend_at(size_t i);
void suspend_tick(void); /* what waited comes back, as there is room for it */

#endif
