/* SPDX-License-Identifier: ISC */
/* owned_asks.c - the monitor forks a process of a mailbox's owner: whose it is the asker says. */
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "deliver/owned.h"
#include "proc/monitor.h"
#include "proc/owner.h"

int
owned_read(struct rd *body, struct owned *out)
{
	out->account = rd_str(body, ACCOUNT_ADDRESS_MAX);
	out->uid = rd_u32(body);
	out->gid = rd_u32(body);
	out->home = rd_str(body, ACCOUNT_ADDRESS_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD;
	return owner_may_be(out->uid, out->gid) && owner_is_below(out->home) ? E_OK
	                                                                     : E_DENY;
}

void
owned_fork(
    const struct role *role, const struct owned *o, struct buf *reply, int *fd_back)
{
	char account[ACCOUNT_ADDRESS_MAX + 1]; /* a child keeps it */
	struct buf path = {0};
	int pair[2];
	memcpy(account, o->account.p, o->account.n);
	account[o->account.n] = '\0';
	buf_putf(&path, "%s/%.*s", conf_str(the_monitor.conf, "common", "mail_dir"),
	    SPAN_ARG(o->home));
	ask_pair(pair);
	int err = monitor_fork_session(role, o->uid, o->gid, buf_cstr(&path), pair[1],
	    SPAN(""), account, SPAN(""));
	buf_free(&path);
	buf_u8(reply, (uint8_t)err);
	if (err == E_OK)
		*fd_back = pair[0];
	else
		close(pair[0]);
}
