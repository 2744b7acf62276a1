/* SPDX-License-Identifier: ISC */
/*
 * runner_exec.c - a program of somebody else's: begun, listened to, and killed in time.  It and all that
 * it starts is in the process group that has our pid as its number, which nobody can leave (seccomp), and
 * we are not: we kill that group at the end, and the monitor does when we die, however we do (ROLE_GROUP).
 * It may not signal us, whose uid it has (Landlock, ABI 6); and what loses its parent becomes our child.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/runner.h"
#include "proc/child.h"
#include "proc/filter.h"

enum { ENVIRONMENT_MOST = 8, OUTPUT_CHUNK = 4096, REAPS_MOST = 64 /* at once */ };

/* Of the child: where it says why it did not become the program, closed once it has. */
enum { TROUBLE = STDERR_FILENO + 1 };

/* What is begun, on our side. */
struct begun {
	pid_t pid;
	int out;     /* own: what it says */
	int signals; /* own: signalfd of SIGCHLD */
	int trouble; /* own: an errno, if it could not become the program */
};

/* ---- in the child ---- */

static bool
limit(int what, rlim_t most)
{
	const struct rlimit l = {most, most};
	return setrlimit((__rlimit_resource_t)what, &l) == 0;
}

static bool
limits(int64_t time_sec)
{
	return limit(RLIMIT_CPU, (rlim_t)time_sec + 1) &&
	       limit(RLIMIT_FSIZE, RUNNER_FILE_BYTES_MAX) &&
	       /* without, all accounts are one user's */
	       (!the_child.has_root || limit(RLIMIT_NPROC, RUNNER_PROCESSES_MOST));
}

static bool
descriptors(int in, int out, int trouble)
{
	bool is_good = dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2;
	if (is_good && trouble != TROUBLE)
		is_good = dup3(trouble, TROUBLE, O_CLOEXEC) == TROUBLE;
	return is_good && close_range(TROUBLE + 1, ~0u, 0) == 0;
}

static void
signals_as_new(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

NORETURN static void
fail(int trouble)
{
	const int why = errno;
	_exit(write(trouble, &why, sizeof why) == (ssize_t)sizeof why ? 0 : 1);
}

NORETURN static void
become(const char *path, char *const *argv, char *const *envp, int in, int out,
    int trouble, int64_t time_sec)
{
	if (!descriptors(in, out, trouble))
		fail(trouble);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !limits(time_sec) ||
	    jail_signals() == E_IO || filter_enter(JAIL_PROGRAM | JAIL_GROUP) != E_OK)
		fail(TROUBLE);
	signals_as_new();
	execve(path, argv, envp);
	fail(TROUBLE);
}

/* ---- what it gets ---- */

static int
message_file(struct span message)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	if (fd >= 0 &&
	    (file_write(fd, message) != E_OK || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static char *
text_of(struct arena *a, const char *name, struct span value)
{
	size_t n = strlen(name);
	char *p = arena_get(a, n + value.n + 1);
	if (!p)
		bug("out of memory");
	memcpy(p, name, n);
	if (value.n)
		memcpy(p + n, value.p, value.n);
	p[n + value.n] = '\0';
	return p;
}

static void
make_texts(struct arena *a, const char *path, const struct pipe_order *o, char **argv,
    char **envp)
{
	size_t n = 0;
	argv[0] = text_of(a, path, SPAN(""));
	for (size_t i = 1; i < o->n_words; i++)
		argv[i] = text_of(a, "", o->words[i]);
	argv[o->n_words] = NULL;
	envp[n++] = text_of(a, "PATH=/usr/local/bin:/usr/bin:/bin", SPAN(""));
	envp[n++] = text_of(a, "LANG=C.UTF-8", SPAN(""));
	envp[n++] = text_of(a, "HOME=", span_of(the_child.home));
	envp[n++] = text_of(a, "USER=", span_of(the_child.account));
	envp[n++] = text_of(a, "SENDER=", o->sender);
	envp[n++] = text_of(a, "RECIPIENT=", o->recipient);
	envp[n++] = text_of(a, "ORIG_RECIPIENT=", o->orig_recipient);
	envp[n] = NULL;
}

/* ---- while it runs ---- */

/* Reads what is there.  false: it said too much, or said that it is done */
static bool
listen_to(int fd, struct runner_end *end, size_t *n_said)
{
	char bytes[OUTPUT_CHUNK];
	ssize_t n = read(fd, bytes, sizeof bytes);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	*n_said += (size_t)n;
	for (ssize_t i = 0; i < n && end->said.len < RUNNER_SAID_MAX; i++)
		buf_ch(
		    &end->said, ch_ctl(bytes[i]) || (bytes[i] & 0x80) ? ' ' : bytes[i]);
	if (*n_said > RUNNER_OUTPUT_MAX)
		end->why = "\"it said too much\"";
	return *n_said <= RUNNER_OUTPUT_MAX;
}

/* Reaps one who died, so that it counts as no process of the user's.  true: maybe not the last one */
static bool
reap(pid_t pid, int flags, int *status, bool *was_it)
{
	int any;
	pid_t who = waitpid(-1, &any, flags);
	if (who > 0 && who == pid) {
		*status = any;
		*was_it = true;
	}
	return who > 0 || (who < 0 && errno == EINTR);
}

/* All, as they end.  true: it was among them */
static bool
reap_all(pid_t pid, int *status)
{
	bool was_it = false;
	while (reap(pid, 0, status, &was_it))
		;
	return was_it;
}

/* Of those who died some.  true: there may be more */
static bool
reap_some(const struct begun *b, int *status, bool *was_it)
{
	struct signalfd_siginfo info;
	int n = 0;
	while (read(b->signals, &info, sizeof info) == (ssize_t)sizeof info)
		;
	while (n < REAPS_MOST && reap(b->pid, WNOHANG, status, was_it))
		n++;
	return n == REAPS_MOST;
}

/* Until it has ended, says too much, or its time is over: then why says so.  true: it has ended */
static bool
watch(struct begun *b, int64_t time_sec, struct runner_end *end, int *status)
{
	int64_t deadline = deadline_in_ms(time_sec * 1000);
	struct pollfd p[2] = {
	    {.fd = b->signals, .events = POLLIN}, {.fd = b->out, .events = POLLIN}};
	size_t n_said = 0;
	bool is_over = false, has_more = false;
	while (!is_over && !end->why[0]) {
		int n = poll(p, 2, has_more ? 0 : deadline_left_ms(deadline));
		if (n > 0 && p[1].revents && !listen_to(b->out, end, &n_said))
			p[1].fd = -1;
		if (has_more || (n > 0 && p[0].revents))
			has_more = reap_some(b, status, &is_over);
		/* whatever else happens: a program may see to it that something always does */
		if (!is_over && !end->why[0] && deadline_left_ms(deadline) == 0)
			end->why = "\"its time is over\"";
	}
	/* what it said last */
	while (!end->why[0] && p[1].fd >= 0 && poll(&p[1], 1, 0) > 0 &&
	       listen_to(b->out, end, &n_said))
		;
	return is_over;
}

/* All that it left behind, too, is dead then. */
static void
finish(struct begun *b, int64_t time_sec, struct runner_end *end)
{
	int status = 0;
	bool is_over = watch(b, time_sec, end, &status);
	(void)kill(-getpid(), SIGKILL); /* its group, which has our number: not ours */
	is_over |= reap_all(b->pid, &status);
	if (end->why[0])
		return;
	if (is_over && WIFEXITED(status)) {
		end->has_exited = true;
		end->status = (unsigned)WEXITSTATUS(status);
	} else {
		end->why = "\"it was killed\"";
	}
}

/* ---- it begins ---- */

/* What there is too little of now, and may be enough of later; or the file is just being written. */
static bool
is_for_now(int err)
{
	static const int all[] = {EAGAIN, ENOMEM, ENFILE, EMFILE, EIO, EINTR, ENOBUFS,
	    ENOSPC, EDQUOT, ETXTBSY};
	for (size_t i = 0; i < COUNT(all); i++)
		if (err == all[i])
			return true;
	return false;
}

static void
begun_close(struct begun *b)
{
	int fds[] = {b->out, b->signals, b->trouble};
	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int
sigchld_fd(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * A process that has our group, which we leave then.  E_OK; E_IO (errno): there is none
 *   others  the group of our monitor
 */
static int
begin(const char *path, char *const *argv, char *const *envp, int in, int64_t time_sec,
    pid_t others, struct begun *b)
{
	int out[2] = {-1, -1}, trouble[2] = {-1, -1};
	*b = (struct begun){.pid = -1, .out = -1, .trouble = -1};
	b->signals = sigchld_fd();
	if (b->signals >= 0 && pipe2(out, O_CLOEXEC) == 0 &&
	    pipe2(trouble, O_CLOEXEC) == 0 && fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 &&
	    prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)
		b->pid = fork();
	if (b->pid == 0)
		become(path, argv, envp, in, out[1], trouble[1], time_sec);
	int err = errno;
	if (out[1] >= 0)
		close(out[1]);
	if (trouble[1] >= 0)
		close(trouble[1]);
	b->out = out[0];
	b->trouble = trouble[0];
	if (b->pid > 0 && setpgid(0, others) == 0)
		return E_OK;
	if (b->pid > 0) { /* the monitor is gone: nobody would watch over it */
		err = errno;
		(void)kill(b->pid, SIGKILL);
		int status;
		(void)reap_all(b->pid, &status);
	}
	errno = err;
	return E_IO;
}

/* 0: it became the program; else why not */
static int
trouble_of(const struct begun *b)
{
	int why = 0;
	ssize_t n;
	do
		n = read(b->trouble, &why, sizeof why);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof why ? why : 0;
}

int
runner_exec(const char *path, const struct pipe_order *o, int64_t time_sec,
    pid_t others, struct runner_end *end)
{
	struct arena arena = {.max_bytes = 1 << 20};
	char *argv[PIPE_WORDS_MAX + 1], *envp[ENVIRONMENT_MOST + 1];
	struct begun b = {.pid = -1, .out = -1, .signals = -1, .trouble = -1};
	int in = message_file(o->message), status = 0, why = 0, err = E_IO;
	make_texts(&arena, path, o, argv, envp);
	if (in >= 0)
		err = begin(path, argv, envp, in, time_sec, others, &b);
	if (err != E_OK)
		why = errno ? errno : EAGAIN;
	else if ((why = trouble_of(&b)) == 0)
		finish(&b, time_sec, end);
	else
		(void)reap_all(b.pid, &status);
	if (in >= 0)
		close(in);
	begun_close(&b);
	arena_reset(&arena);
	if (!why)
		return E_OK;
	log_event(LOG_ERR, "program_not_begun", "path=%s err=%s", log_qs(path),
	    log_errno(why));
	end->why = "\"it could not be executed\"";
	return err != E_OK || is_for_now(why) ? E_LIMIT : E_BAD;
}
