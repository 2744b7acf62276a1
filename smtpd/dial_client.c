/* SPDX-License-Identifier: ISC */
/* dial_client.c - the asking side of dial. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/io.h"
#include "smtpd/dial.h"

void
dialer_done(struct dialer *d)
{
	ask_hang_up(&d->chan);
	buf_free(&d->in);
}

/* One ask; the descriptor may still be connecting. */
static int
ask_once(struct dialer *d, struct span body, int64_t deadline, int *out)
{
	struct ask_msg m;
	if (d->chan < 0 && child_channel("dial", &d->chan) != E_OK)
		return E_IO;
	d->in.max = ASK_MSG_MAX;
	int err = ask_send(d->chan, DIAL_OPEN, body, -1, deadline);
	if (err == E_OK)
		err = io_recv(d->chan, &d->in, &m, deadline, IO_STAYS);
	if (err == E_OK) {
		uint8_t result = rd_u8(&m.body);
		*out = m.fd;
		if (m.type == (DIAL_OPEN | ASK_REPLY) && rd_end(&m.body) == E_OK &&
		    result <= -E_DENY && (m.fd >= 0) == (result == 0))
			return -(int)result;
		if (m.fd >= 0)
			close(m.fd);
		err = E_BAD;
	}
	ask_hang_up(&d->chan);
	return err == E_LIMIT ? E_LIMIT : E_MORE; /* the channel is gone: once more */
}

static int
await(int fd, int64_t deadline)
{
	int failed = 0;
	socklen_t n = sizeof failed;
	int err = io_wait(fd, POLLOUT, deadline, IO_STAYS);
	if (err == E_OK &&
	    (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) != 0 || failed))
		err = E_IO;
	return err;
}

int
dial(struct dialer *d, struct span where, int64_t deadline, int *out)
{
	struct buf body = {0};
	int err = E_MORE, fd = -1;
	buf_bytes(&body, where);
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_MORE; i++)
		err = ask_once(d, buf_as_span(&body), deadline, &fd);
	buf_free(&body);
	if (err == E_OK)
		err = await(fd, deadline);
	if (err == E_OK)
		*out = fd;
	else if (fd >= 0)
		close(fd);
	return err == E_MORE ? E_IO : err;
}
