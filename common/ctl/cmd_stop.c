/* SPDX-License-Identifier: ISC */
/* cmd_stop.c - TERM to the monitors, and wait until they are gone: what takes mail in first. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/daemons.h"

/*
 * A descriptor that becomes readable when the daemon is gone; -1: it does not run, or may not be
 * stopped.
 */
static int
stop_one(const struct merpati *c, const char *name, bool is_named, int *status)
{
	pid_t pid = daemon_pid(c->conf, name);
	int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	/* once more, now that the number cannot come to mean another process */
	if (fd >= 0 && daemon_pid(c->conf, name) == pid &&
	    syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0)
		return fd;
	if (pid && errno == EPERM) {
		ctl_say("%s (pid %d) may not be stopped by you", name, (int)pid);
		*status = EX_NOPERM;
	} else if (is_named) {
		ctl_say("%s does not run", name);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
wait_one(const char *name, int fd, int64_t deadline, int *status)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;
	do
		n = poll(&p, 1, deadline_left_ms(deadline));
	while (n < 0 && errno == EINTR);
	if (n == 1) {
		printf("%s has stopped\n", name);
	} else {
		ctl_say(
		    "%s is still there after its time to stop; look at its log", name);
		*status = EX_TEMPFAIL;
	}
	close(fd);
}

int
cmd_stop(struct merpati *c, int argc, char **argv)
{
	bool chosen[DAEMONS];
	int fds[DAEMONS], status = opts_read(c, NULL, 0, &argc, argv, 0, DAEMONS);
	if (status == EX_OK)
		status = daemons_chosen(c, argc, argv, chosen);
	if (status != EX_OK)
		return status;
	int64_t wait_ms =
	    (conf_int(c->conf, "common", "stop_time") + STOP_GRACE_SEC) * 1000;
	for (unsigned stage = 0; stage < DAEMON_STOPS; stage++) {
		int64_t deadline = deadline_in_ms(wait_ms);
		for (size_t d = 0; d < DAEMONS; d++) {
			fds[d] = -1;
			if (chosen[d] && daemon_names[d].stops_in == stage)
				fds[d] = stop_one(
				    c, daemon_names[d].name, argc > 0, &status);
		}
		for (size_t d = 0; d < DAEMONS; d++)
			if (fds[d] >= 0)
				wait_one(
				    daemon_names[d].name, fds[d], deadline, &status);
	}
	return status == EX_OK ? ctl_done() : status;
}
