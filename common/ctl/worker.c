/* SPDX-License-Identifier: ISC */
/* worker.c - a process of an account's uid, jailed to its mailbox, that works for a command. */
#include "ctl/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/ctl.h"
#include "mime/charset.h"
#include "proc/jail.h"
#include "proc/logfile.h"
#include "store/store.h"

/*
 * A keeper that is started here holds what it inherits for as long as it lives; a reader of our
 * output would wait for it.
 */
static void
close_standard(const struct conf *conf)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		bug("/dev/null");
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (logfile_open(conf, "merpati") != E_OK)
		log_open("merpati", STDERR_FILENO, false);
	log_role("worker");
}

static void
enter_jail(const struct account *a, const char *home)
{
	struct jail j = {.uid = a->uid, .gid = a->gid, .group = (gid_t)-1};
	store_jail(&j);
	jail_allow(&j, home, JAIL_READ | JAIL_WRITE);
	jail_allow(&j, charset_folder(), JAIL_READ);
	jail_enter(&j);
}

NORETURN static void
run(const struct conf *conf, const struct account *a, worker_fn *fn, int chan,
    const char *home, void *ctx)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody is left to be asked */
	signal(SIGPIPE, SIG_IGN);
	close_standard(conf);
	struct buf address = {0};
	buf_span(&address, a->address);
	store_configure(conf, buf_cstr(&address));
	buf_free(&address);
	enter_jail(a, home);
	_exit(fn(chan, home, ctx));
}

int
worker_start(const struct conf *conf, const struct account *a, worker_fn *fn, void *ctx,
    struct worker *out)
{
	struct buf home = {0};
	int pair[2];
	buf_putf(
	    &home, "%s/%.*s", conf_str(conf, "common", "mail_dir"), SPAN_ARG(a->home));
	ask_pair(pair);
	fflush(NULL);
	*out = (struct worker){.pid = fork(), .chan = pair[0]};
	if (out->pid == 0) {
		close(pair[0]);
		run(conf, a, fn, pair[1], buf_cstr(&home), ctx);
	}
	close(pair[1]);
	buf_free(&home);
	if (out->pid > 0)
		return EX_OK;
	ctl_say("cannot fork: %m");
	close(pair[0]);
	return EX_OSERR;
}

static int
wait_for(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return EX_OSERR;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	ctl_say("the process that worked in the mailbox died by signal %d",
	    WTERMSIG(status));
	return EX_SOFTWARE;
}

int
worker_serve(struct worker *w, const struct ask_row *rows, size_t n_rows, void *ctx)
{
	struct buf scratch = {0};
	struct asker *a = asker_new(w->chan, rows, n_rows, "worker", ctx);
	struct pollfd p = {.fd = w->chan, .events = POLLIN};
	while ((poll(&p, 1, -1) >= 0 || errno == EINTR) &&
	       asker_serve(a, &scratch, WORKER_BURST) == E_OK)
		continue;
	asker_free(&a); /* what is not heard any more, cannot be asked any more */
	buf_free(&scratch);
	return wait_for(w->pid);
}
