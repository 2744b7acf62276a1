/* SPDX-License-Identifier: ISC */
/* connect.c - to a socket that a daemon keeps for this command. */
#include "ctl/connect.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
connect_to(
    const struct conf *conf, const char *daemon, const char *name, int type, int *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct buf path = {.max = sizeof a.sun_path - 1};
	buf_putf(&path, "%s/%s/%s", conf_str(conf, "common", "run_dir"), daemon, name);
	int err = buf_done(&path) == E_OK ? E_OK : E_IO;
	if (err == E_OK)
		memcpy(a.sun_path, path.p, path.len);
	buf_free(&path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (err != E_OK || fd < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		err = errno == EACCES || errno == EPERM ? E_DENY : E_IO;
		if (fd >= 0)
			close(fd);
		return err;
	}
	*out = fd;
	return E_OK;
}

int
ctl_connect(const struct conf *conf, const char *daemon, const char *name, int *out)
{
	return connect_to(conf, daemon, name, SOCK_SEQPACKET, out);
}

int
ctl_connect_stream(
    const struct conf *conf, const char *daemon, const char *name, int *out)
{
	return connect_to(conf, daemon, name, SOCK_STREAM, out);
}
