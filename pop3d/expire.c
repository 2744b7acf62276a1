/* SPDX-License-Identifier: ISC */
/* expire.c - for how many days mail stays at least. */
#include "pop3d/expire.h"

#include "proc/child.h"
#include "store/retention.h"

int
expire_announce(const struct account *a, struct id *ticket)
{
	struct retention *rules = retention_new(the_child.conf,
	    &(struct retention_own){a->address, a->retention, a->domain_retention});
	int32_t days = retention_expire_days(rules);
	retention_free(&rules);
	return ticket_announce_expire(a, days, ticket);
}

int32_t
expire_days(const struct login_client *c)
{
	if (c->expire_days == RETENTION_NEVER)
		return c->pop3_keep_days;
	return c->pop3_keep_days == POP3_KEEP_ALWAYS ||
	               c->expire_days < c->pop3_keep_days
	           ? c->expire_days
	           : c->pop3_keep_days;
}
