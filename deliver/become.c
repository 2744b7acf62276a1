/* SPDX-License-Identifier: ISC */
/* become.c - whose files are written. */
#include "deliver/become.h"

#include <stdbool.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "base/log.h"

static struct {
	uid_t uid; /* of the file system, now */
	gid_t gid;
	bool switches; /* there are uids to switch to */
} me;

void
become_open(void)
{
	me.switches = geteuid() == 0;
	me.uid = (uid_t)-1;
}

void
become(uid_t uid, gid_t gid)
{
	if (!me.switches || (uid == me.uid && gid == me.gid))
		return;
	setfsgid(gid);
	setfsuid(uid);
	/* it reports no failure but by what is in force afterwards */
	if ((uid_t)setfsuid((uid_t)-1) != uid)
		bug("setfsuid");
	me.uid = uid;
	me.gid = gid;
}

void
become_ourselves(void)
{
	become(geteuid(), getegid());
}
