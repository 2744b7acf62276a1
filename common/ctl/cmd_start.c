/* SPDX-License-Identifier: ISC */
/* cmd_start.c - daemons in the foreground under one configuration, until a signal or a death. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "ctl/daemons.h"
#include "proc/notify.h"

struct started {
	pid_t pid; /* 0: not started, or ended */
	bool is_ready;
};

static struct {
	struct started all[DAEMONS];
	int notify, signals;  /* own: who is ready; what we are sent */
	char notify_name[64]; /* abstract, without its NUL: "@..." */
	bool is_stopping, is_said;
	unsigned stop_stage; /* those of later stages still run */
	int status;          /* of ours */
} run;

/* Each monitor says READY=1 to this socket, as it would to systemd. */
static int
open_notify(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int one = 1;
	snprintf(run.notify_name, sizeof run.notify_name, "@merpati-start-%s",
	    id_text(id_new()));
	memcpy(a.sun_path, run.notify_name, strlen(run.notify_name));
	a.sun_path[0] = '\0';
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				  strlen(run.notify_name));
	run.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (run.notify < 0 ||
	    setsockopt(run.notify, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) != 0 ||
	    bind(run.notify, (struct sockaddr *)&a, n) != 0)
		return E_IO;
	return E_OK;
}

static void
open_signals(void)
{
	static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run.signals < 0)
		bug("signalfd");
}

/*
 * The child: a process group of its own, so that ^C reaches us alone and the order of the end is
 * ours.
 */
NORETURN static void
become(const struct merpati *c, const char *name, const char *program, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != parent)
		_exit(EX_SOFTWARE);
	setenv("NOTIFY_SOCKET", run.notify_name, 1);
	execl(program, name, "-c", c->conf_path, (char *)NULL);
	ctl_say("%s: %m", program);
	_exit(EX_OSERR);
}

static int
start(const struct merpati *c, size_t d, bool is_named)
{
	struct buf program = {0};
	pid_t parent = getpid();
	int status = EX_OK;
	if (daemon_program(daemon_names[d].name, &program)) {
		run.all[d].pid = fork();
		if (run.all[d].pid == 0)
			become(c, daemon_names[d].name, buf_cstr(&program), parent);
		if (run.all[d].pid < 0) {
			ctl_say("%s: cannot fork: %m", daemon_names[d].name);
			run.all[d].pid = 0;
			status = EX_OSERR;
		}
	} else if (is_named) {
		ctl_say("%s is not installed here", daemon_names[d].name);
		status = EX_UNAVAILABLE;
	}
	buf_free(&program);
	return status;
}

/* TERM to all of the stages up to this one; and to the next, when none of these is left. */
static void
stop_up_to(unsigned stage)
{
	bool is_any = false;
	run.is_stopping = true;
	while (!is_any && stage < DAEMON_STOPS) {
		run.stop_stage = stage++;
		for (size_t d = 0; d < DAEMONS; d++) {
			if (!run.all[d].pid ||
			    daemon_names[d].stops_in > run.stop_stage)
				continue;
			kill(run.all[d].pid, SIGTERM);
			is_any = true;
		}
	}
}

static bool
is_any_left(unsigned stage)
{
	for (size_t d = 0; d < DAEMONS; d++)
		if (run.all[d].pid && daemon_names[d].stops_in <= stage)
			return true;
	return false;
}

static void
on_end(size_t d, int wait_status)
{
	struct started *s = &run.all[d];
	const char *name = daemon_names[d].name;
	bool is_good = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EX_OK;
	s->pid = 0;
	if (is_good && !run.is_stopping)
		ctl_say("%s was stopped", name);
	if (run.is_stopping && !is_any_left(run.stop_stage))
		stop_up_to(run.stop_stage + 1);
	if (is_good)
		return;
	if (run.status == EX_OK)
		run.status = !s->is_ready && WIFEXITED(wait_status)
		                 ? WEXITSTATUS(wait_status)
		                 : EX_SOFTWARE;
	if (WIFSIGNALED(wait_status))
		ctl_say("%s was killed by SIG%s", name,
		    sigabbrev_np(WTERMSIG(wait_status)));
	else
		ctl_say("%s ended with status %d", name, WEXITSTATUS(wait_status));
	if (!run.is_stopping) {
		ctl_say("the others are stopped too");
		stop_up_to(0);
	}
}

static void
reap(void)
{
	int wait_status;
	pid_t pid;
	while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
		for (size_t d = 0; d < DAEMONS; d++)
			if (run.all[d].pid == pid)
				on_end(d, wait_status);
}

static void
on_signals(void)
{
	struct signalfd_siginfo info;
	while (read(run.signals, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap();
			break;
		case SIGHUP:
		case SIGUSR1:
			for (size_t d = 0; d < DAEMONS; d++)
				if (run.all[d].pid)
					kill(run.all[d].pid, (int)info.ssi_signo);
			break;
		default: /* the second one does not keep the order */
			stop_up_to(run.is_stopping ? DAEMON_STOPS - 1 : 0);
		}
	}
}

static void
say_ready(void)
{
	struct buf names = {0};
	for (size_t d = 0; d < DAEMONS; d++) {
		if (!run.all[d].pid)
			continue;
		if (!run.all[d].is_ready) {
			buf_free(&names);
			return;
		}
		buf_putf(&names, "%s%s", names.len ? ", " : "", daemon_names[d].name);
	}
	if (!run.is_said && !run.is_stopping) {
		printf("ready: %s\n", buf_cstr(&names));
		fflush(stdout);
		notify_ready();
	}
	run.is_said = true;
	buf_free(&names);
}

static void
on_notify(void)
{
	char text[256], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {text, sizeof text};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof control};
	ssize_t n = recvmsg(run.notify, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	struct ucred peer;
	if (!h || h->cmsg_type != SCM_CREDENTIALS ||
	    !span_starts(span_make(text, (size_t)n), SPAN("READY=1")))
		return;
	memcpy(&peer, CMSG_DATA(h), sizeof peer);
	for (size_t d = 0; d < DAEMONS; d++)
		if (run.all[d].pid == peer.pid)
			run.all[d].is_ready = true;
	say_ready();
}

static void
wait_for_end(void)
{
	while (is_any_left(DAEMON_STOPS)) {
		struct pollfd p[] = {{.fd = run.signals, .events = POLLIN},
		    {.fd = run.notify, .events = POLLIN}};
		if (poll(p, COUNT(p), -1) < 0 && errno != EINTR)
			bug("poll");
		if (p[1].revents)
			on_notify();
		if (p[0].revents)
			on_signals();
	}
}

int
cmd_start(struct merpati *c, int argc, char **argv)
{
	bool chosen[DAEMONS];
	int status = opts_read(c, NULL, 0, &argc, argv, 0, DAEMONS);
	if (status == EX_OK)
		status = daemons_chosen(c, argc, argv, chosen);
	if (status != EX_OK)
		return status;
	if (open_notify() != E_OK) {
		ctl_say("no socket: %m");
		return EX_OSERR;
	}
	open_signals();
	run.status = EX_OK;
	for (size_t d = 0; d < DAEMONS && run.status == EX_OK; d++)
		if (chosen[d])
			run.status = start(c, d, argc > 0);
	if (run.status != EX_OK)
		stop_up_to(0);
	else if (!is_any_left(DAEMON_STOPS)) {
		ctl_say("no daemon is installed here");
		run.status = EX_UNAVAILABLE;
	}
	wait_for_end();
	close(run.notify);
	close(run.signals);
	return run.status;
}
