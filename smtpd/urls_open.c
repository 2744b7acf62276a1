/* SPDX-License-Identifier: ISC */
/* urls_open.c - in the monitor: a process that reads URLs, for a session of an account. */
#include "conf/conf.h"
#include "proc/monitor.h"
#include "smtpd/urls.h"

const struct role *urls_role;

/* A process of the pool is nobody's. */
static bool
may_open(const struct process *p)
{
	unsigned all, same;
	if (!p->owner || !p->home || !urls_role)
		return false;
	monitor_count_sessions(urls_role, p->owner, p->owner_uid, &all, &same);
	return same < URLS_OF_ACCOUNT_MOST &&
	       all < (unsigned)conf_int(the_monitor.conf, "smtpd", "sessions_most") &&
	       conf_list_count(the_monitor.conf, "smtpd", "burl_hosts") > 0;
}

static int
ask_open(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct process *p = a->ctx;
	int err = E_DENY;
	(void)fd_back;
	if (rd_end(body) != E_OK || *fd < 0)
		return E_BAD;
	if (may_open(p)) {
		/* nobody is served: it is not who "merpati who" tells of */
		err = monitor_fork_session(urls_role, p->owner_uid, p->owner_gid,
		    p->home, *fd, SPAN(""), p->owner, SPAN(""));
		*fd = -1;
	}
	buf_u8(reply, err == E_OK);
	return E_OK;
}

/* clang-format off */
const struct ask_row urls_extra[1] = {
	/* name        legal in times             bytes  fd back  answered by */
	{"URLS_OPEN",  1,       URLS_OPENED_MOST, 0,     false,   ask_open},
};
/* clang-format on */
