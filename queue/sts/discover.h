/* SPDX-License-Identifier: ISC */
/*
 * discover.h - finding the policy of a domain (RFC 8461 3.1, 3.3, 5.1): the record in the DNS says
 * whether what is kept is still it; if not, it is fetched.  What cannot be fetched leaves what is
 * kept, until that ends.  Everything goes on side by side.
 */
#ifndef QUEUE_STS_DISCOVER_H
#define QUEUE_STS_DISCOVER_H

#include "queue/sts/sts.h"

enum {
	/* domains that are looked up at once; of more, what is kept is answered */
	DISCOVER_MOST = 200,
	DISCOVER_AGAIN_SEC = 300, /* after a fetch that failed (RFC 8461 3.3) */
	/* a policy is fetched anew after so long, or half its max_age (10.2) */
	DISCOVER_REFRESH_SEC = 86400,
	DISCOVER_RETRY_SEC = 3600, /* the same, after that failed */
	/* a domain to which no mail went for so long is left to its end */
	DISCOVER_UNUSED_SEC = 30 * 86400,
	DISCOVER_USED_STEP_SEC = 86400,
	DISCOVER_REFRESHES_MOST = 4, /* at once */
};

struct asker;

void discover_open(const char *spool_dir);
void discover_close(void);
void discover_tick(void); /* what is due is refreshed; rows are synced */
/* answered by ask_answer, later or now */
void discover_for(struct asker *, struct span domain);
void discover_gone(struct asker *); /* it does not wait any more */

#endif
