/* SPDX-License-Identifier: ISC */
/* owner.c - whose processes a monitor may fork. */
#include "proc/owner.h"

#include <unistd.h>

#include "proc/monitor.h"

bool
owner_may_be(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return true; /* one uid for all: said at start */
	for (int u = 0; u < USER_COUNT; u++) {
		uid_t ours;
		gid_t group;
		if (daemon_user(the_monitor.conf, (enum role_user)u, &ours, &group) ==
			E_OK &&
		    uid == ours)
			return false;
	}
	return uid >= MAILBOX_UID_LEAST && gid >= MAILBOX_UID_LEAST;
}

bool
owner_is_below(struct span home)
{
	if (span_find(home, '\0') < home.n)
		return false; /* a path ends there */
	while (home.n) {
		struct span level = span_cut(&home, '/');
		if (level.n == 0 || span_eqs(level, ".") || span_eqs(level, ".."))
			return false;
		if (home.n == 0)
			return true;
	}
	return false;
}
