/* SPDX-License-Identifier: ISC */
/* logfile.c - opens the log. */
#include "proc/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"

#define SYSLOG_SOCKET "/dev/log"

static int
connect_syslog(int fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET};
	return connect(fd, (struct sockaddr *)&a, sizeof a);
}

static int
open_syslog(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect_syslog(fd) != 0) {
		int err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static int
open_named(const char *where)
{
	if (!strcmp(where, "stderr"))
		return STDERR_FILENO;
	if (!strcmp(where, "syslog"))
		return open_syslog();
	return open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

int
logfile_open(const struct conf *conf, const char *daemon)
{
	const char *where = conf_str(conf, "common", "log");
	int fd = open_named(where);
	bool is_syslog = fd >= 0 && !strcmp(where, "syslog");
	if (fd < 0)
		log_event(LOG_ERR, "log_not_opened", "log=%s err=%s", log_qs(where),
		    log_errno(errno));
	if (fd < 0 && strcmp(where, "syslog") != 0)
		return E_IO;
	log_open(daemon, fd < 0 ? STDERR_FILENO : fd, is_syslog);
	log_on_loss(logfile_lost);
	log_level(conf_bool(conf, "common", "log_debug") ? LOG_DEBUG : LOG_INFO);
	return E_OK;
}

void
logfile_lost(struct span line)
{
	if (write(log_fd(), line.p, line.n) >= 0)
		return; /* it is connected again since */
	if (connect_syslog(log_fd()) != 0)
		return; /* nobody listens, or the log is another one now */
	log_event(LOG_NOTICE, "syslog_back", "%s", "");
	if (write(log_fd(), line.p, line.n) < 0)
		return;
}

int
logfile_reopen(const struct conf *conf, const char *daemon)
{
	const char *where = conf_str(conf, "common", "log");
	int fd = open_named(where);
	/* standard error is not ours to close */
	bool is_own = fd == log_fd() || log_fd() == STDERR_FILENO;
	if (fd < 0 || (!is_own && dup3(fd, log_fd(), O_CLOEXEC) < 0)) {
		log_event(LOG_ERR, "log_not_opened", "log=%s err=%s", log_qs(where),
		    log_errno(errno));
		return E_IO;
	}
	if (is_own)
		log_open(daemon, fd, !strcmp(where, "syslog"));
	else
		close(fd);
	return E_OK;
}
