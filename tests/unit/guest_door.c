/* SPDX-License-Identifier: ISC */
/* guest_door.c - a guest of the account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "guest_door.h"
#include "store/door.h"

char anna[] = "anna@x.test", bert[] = "bert@x.test";

static uint32_t
uid_of(const char *who)
{
	return strcmp(who, "anna@x.test") == 0   ? 1000
	       : strcmp(who, "bert@x.test") == 0 ? 1001
	                                         : RIGHTS_ANY_UID;
}

int
door(const char *who, bool is_deposit, uint64_t quota_bytes)
{
	struct door_terms t = {.guest = span_of(who),
	    .groups = strcmp(who, "anna@x.test") == 0 ? SPAN("staff\nit\n") : SPAN(""),
	    .guest_uid = uid_of(who),
	    .is_deposit = is_deposit,
	    .quota_bytes = quota_bytes,
	    .message_bytes_most = DOOR_MESSAGE_BYTES_MOST};
	struct buf granted = {.max = 1000};
	int chan;
	assert_int_equal(door_open(home_dir, &t, &granted, &chan), E_OK);
	buf_free(&granted);
	return chan;
}

void
give(struct home *h, const char *mailbox, const char *who, unsigned rights)
{
	assert_int_equal(store_acl_set(h->a, span_of(mailbox), span_of(who), ACL_SET,
			     rights, uid_of(who)),
	    STORE_DONE);
}
