/* SPDX-License-Identifier: ISC */
/* kick.c - every running monitor is asked to end sessions. */
#include "ctl/kick.h"

#include <unistd.h>

#include "base/clock.h"
#include "ctl/daemons.h"
#include "proc/daemon.h"

enum { KICK_ANSWER_MS = 5000 };

struct kicked {
	const char *account, *address; /* borrow; one is NULL */
	unsigned *n;                   /* borrow */
};

static int
ask(void *ctx, const char *daemon, int fd)
{
	struct kicked *k = ctx;
	(void)daemon;
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_bytes(&body, span_of(k->account));
	buf_bytes(&body, span_of(k->address));
	int err = ask_call(fd, CTL_SOCKET_KICK, buf_as_span(&body), -1, &in, &reply,
	    deadline_in_ms(KICK_ANSWER_MS));
	if (err == E_OK) {
		if (reply.fd >= 0)
			close(reply.fd);
		*k->n += rd_u32(&reply.body);
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
	struct kicked k = {account, address, n};
	return daemons_ask(c, ask, &k);
}
