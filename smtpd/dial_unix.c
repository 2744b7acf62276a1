/* SPDX-License-Identifier: ISC */
/* dial_unix.c - in the monitor: a connection to the UNIX socket of a service, for dial. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/service.h"
#include "proc/monitor.h"
#include "smtpd/dial.h"

static int
connect_path(struct span path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_Static_assert((int)SERVICE_PATH_MAX < (int)sizeof to.sun_path, "a path fits");
	memcpy(to.sun_path, path.p, path.n);
	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) == 0)
		return s;
	close(s);
	return -1;
}

static int
ask_unix(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span where = rd_str(body, DIAL_WHERE_MAX);
	struct service s;
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	/* one of an older configuration may still ask: it is not ended for that */
	if (service_find(the_monitor.conf, where, &s) == E_OK && s.kind == SERVICE_UNIX)
		*fd_back = connect_path(s.path);
	buf_u8(reply, (uint8_t)(*fd_back >= 0 ? E_OK : -E_IO));
	return E_OK;
}

/* clang-format off */
const struct ask_row dial_extra[1] = {
	/* name        legal in times           bytes               fd back  answered by */
	{"DIAL_UNIX",  1,       2 * DIALS_MOST, 4 + DIAL_WHERE_MAX, true,    ask_unix}, /* dial's window may end amid ours */
};
/* clang-format on */
