/* SPDX-License-Identifier: ISC */
/* kick.c - every running monitor is asked to end sessions. */
#include "ctl/kick.h"

#include <unistd.h>

#include "base/clock.h"
#include "ctl/connect.h"
#include "ctl/daemons.h"
#include "proc/daemon.h"

enum { KICK_ANSWER_MS = 5000 };

static int
ask(int fd, const char *account, const char *address, unsigned *n)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_bytes(&body, span_of(account));
	buf_bytes(&body, span_of(address));
	int err = ask_call(fd, CTL_SOCKET_KICK, buf_as_span(&body), -1, &in, &reply,
	    deadline_in_ms(KICK_ANSWER_MS));
	if (err == E_OK) {
		if (reply.fd >= 0)
			close(reply.fd);
		*n += rd_u32(&reply.body);
		err = rd_end(&reply.body);
	}
	buf_free(&body);
	buf_free(&in);
	return err;
}

int
kick_sessions(
    const struct merpati *c, const char *account, const char *address, unsigned *n)
{
	int status = EX_OK;
	for (size_t d = 0; d < DAEMONS; d++) {
		const char *name = daemon_names[d].name;
		int fd;
		if (!daemon_pid(c->conf, name))
			continue;
		int err = ctl_connect(c->conf, name, "ctl", &fd);
		if (err == E_OK) {
			err = ask(fd, account, address, n);
			close(fd);
		}
		if (err != E_OK) {
			ctl_say("%s does not answer: %s", name,
			    err == E_DENY ? "not permitted" : err_name(err));
			status = err == E_DENY ? EX_NOPERM : EX_TEMPFAIL;
		}
	}
	return status;
}
