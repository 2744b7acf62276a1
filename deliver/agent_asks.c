/* SPDX-License-Identifier: ISC */
/* agent_asks.c - the monitor forks agents: whose mailbox it is a placer says. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#include "conf/conf.h"
#include "deliver/agents.h"
#include "proc/monitor.h"
#include "proc/owner.h"

enum { AGENT_TIMES = 60000 };

const struct role *deliver_agent_role;

/*
 * How many there are.  Of this account each placer has one: past that, and AGENTS_SPARE, the first of
 * them ends, which nobody speaks with any more.
 */
static unsigned
count(const char *account, uid_t uid)
{
	const struct process *oldest = NULL;
	unsigned n = 0, same = 0;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != deliver_agent_role)
			continue;
		n++;
		if (!p->owner || p->owner_uid != uid || strcmp(p->owner, account) != 0)
			continue;
		same++;
		if (!oldest || p->started_ms < oldest->started_ms)
			oldest = p;
	}
	int64_t most = conf_int(the_monitor.conf, "deliver", "placers") + AGENTS_SPARE;
	if (same >= (uint64_t)most) {
		log_event(LOG_WARNING, "agent_ended", "account=%s pid=%d",
		    log_qs(account), (int)oldest->pid);
		kill(oldest->pid, SIGKILL);
	}
	return n;
}

static int
fork_agent(const char *account, uid_t uid, gid_t gid, struct span home, int fd)
{
	struct buf path = {0};
	buf_putf(&path, "%s/%.*s", conf_str(the_monitor.conf, "common", "mail_dir"),
	    SPAN_ARG(home));
	int err = monitor_fork_session(deliver_agent_role, uid, gid, buf_cstr(&path),
	    fd, SPAN(""), account, SPAN(""));
	buf_free(&path);
	return err;
}

static int
ask_agent(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span address = rd_str(body, ACCOUNT_ADDRESS_MAX);
	uid_t uid = rd_u32(body);
	gid_t gid = rd_u32(body);
	struct span home = rd_str(body, ACCOUNT_ADDRESS_MAX);
	char account[ACCOUNT_ADDRESS_MAX + 1]; /* a child keeps it */
	int pair[2];
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!owner_may_be(uid, gid) || !owner_is_below(home))
		return E_DENY;
	memcpy(account, address.p, address.n);
	account[address.n] = '\0';
	/* those that were told to go may still be there */
	int64_t most = 2 * conf_int(the_monitor.conf, "deliver", "agents_most");
	if (count(account, uid) >= (uint64_t)most) {
		buf_u8(reply, (uint8_t)E_LIMIT);
		return E_OK;
	}
	ask_pair(pair);
	int err = fork_agent(account, uid, gid, home, pair[1]);
	buf_u8(reply, (uint8_t)err);
	if (err == E_OK)
		*fd_back = pair[0];
	else
		close(pair[0]);
	return E_OK;
}

const struct ask_row deliver_agent_row = {.name = "AGENT",
    .phases = 1,
    .times = AGENT_TIMES,
    .bytes = 2 * ACCOUNT_ADDRESS_MAX + 16,
    .has_fd_back = true,
    .handler = ask_agent};
