/* SPDX-License-Identifier: ISC */
/* ring.c - a session's side: deliver is told that scripts are to run. */
#include "imapd/ring.h"

#include "base/log.h"
#include "imapd/share.h"
#include "proc/child.h"

static struct buf url; /* own: of ManageSieve; empty: nobody runs scripts */

void
ring_found(struct span where)
{
	buf_reset(&url);
	buf_span(&url, where);
}

void
ring_capability_put(struct buf *out)
{
	if (url.len)
		buf_putf(out, " IMAPSIEVE=%.*s", SPAN_ARG(buf_as_span(&url)));
}

static void
ring_for(void *ctx, struct span local)
{
	struct buf body = {0};
	(void)ctx;
	buf_bytes(&body, local);
	if (child_tell(RING_BELL, buf_as_span(&body), -1) != E_OK)
		log_event(LOG_DEBUG, "not_rung", "%s", "");
	buf_free(&body);
}

void
ring(struct session *s)
{
	struct store *own = session_own(s);
	if (own && store_take_events(own))
		ring_for(NULL, SPAN(""));
	share_events(ring_for, NULL);
}
