/* SPDX-License-Identifier: ISC */
/* runner_exec.c - a program of somebody else's: begun, listened to, and killed in time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/runner.h"
#include "proc/child.h"
#include "proc/filter.h"

enum { EXEC_FAILED = 127, ENVIRONMENT_MOST = 8, OUTPUT_CHUNK = 4096 };

/* ---- in the child ---- */

static void
limit(int what, rlim_t most)
{
	const struct rlimit l = {most, most};
	if (setrlimit((__rlimit_resource_t)what, &l) != 0)
		_exit(EXEC_FAILED);
}

static void
limits(int64_t time_sec)
{
	limit(RLIMIT_CPU, (rlim_t)time_sec + 1);
	limit(RLIMIT_FSIZE, RUNNER_FILE_BYTES_MAX);
	if (the_child.has_root) /* without, all accounts are one user's */
		limit(RLIMIT_NPROC, RUNNER_PROCESSES_MOST);
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
become(const char *path, char *const *argv, char *const *envp, int in, int out,
    int64_t time_sec)
{
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(EXEC_FAILED);
	limits(time_sec);
	close_range(3, ~0u, 0);
	if (filter_enter(JAIL_PROGRAM | JAIL_GROUP) != E_OK)
		_exit(EXEC_FAILED);
	signals_as_new();
	execve(path, argv, envp);
	_exit(EXEC_FAILED);
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

/* Until it has ended, says too much, or its time is over: then why says so. */
static void
watch(int pidfd, int out, int64_t time_sec, struct runner_end *end)
{
	int64_t deadline = deadline_in_ms(time_sec * 1000);
	struct pollfd p[2] = {
	    {.fd = pidfd, .events = POLLIN}, {.fd = out, .events = POLLIN}};
	size_t n_said = 0;
	for (;;) {
		int n = poll(p, 2, (int)deadline_left_ms(deadline));
		if (n < 0 && errno == EINTR)
			continue;
		if (p[1].revents && !listen_to(out, end, &n_said))
			p[1].fd = -1;
		if (p[0].revents || end->why[0])
			break;
		if (n == 0) {
			end->why = "\"its time is over\"";
			break;
		}
	}
	/* what it said last */
	while (!end->why[0] && p[1].fd >= 0 && poll(&p[1], 1, 0) > 0 &&
	       listen_to(out, end, &n_said))
		;
}

static void
reap(pid_t pid, struct runner_end *end)
{
	int status = 0;
	/* all that it left behind, too: none of them can have left its group */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (end->why[0])
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) != EXEC_FAILED) {
		end->has_exited = true;
		end->status = (unsigned)WEXITSTATUS(status);
	} else {
		end->why = WIFSIGNALED(status) ? "\"it was killed\""
		                               : "\"it could not be executed\"";
	}
}

int
runner_exec(const char *path, const struct pipe_order *o, int64_t time_sec,
    struct runner_end *end)
{
	struct arena arena = {.max_bytes = 1 << 20};
	char *argv[PIPE_WORDS_MAX + 1], *envp[ENVIRONMENT_MOST + 1];
	int pipes[2] = {-1, -1}, in = message_file(o->message), pidfd = -1;
	pid_t pid = -1;
	make_texts(&arena, path, o, argv, envp);
	if (in >= 0 && pipe2(pipes, O_CLOEXEC) == 0 &&
	    fcntl(pipes[0], F_SETFL, O_NONBLOCK) == 0)
		pid = fork();
	if (pid == 0)
		become(path, argv, envp, in, pipes[1], time_sec);
	if (pid > 0) {
		(void)setpgid(pid, pid); /* whichever of us is first */
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		close(pipes[1]);
		pipes[1] = -1;
		if (pidfd < 0)
			end->why = "\"it cannot be watched\"";
		else
			watch(pidfd, pipes[0], time_sec, end);
		reap(pid, end);
	}
	int fds[] = {in, pipes[0], pipes[1], pidfd};
	for (size_t i = 0; i < COUNT(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	arena_reset(&arena);
	if (pid < 0)
		log_event(LOG_ERR, "program_not_begun", "err=%s", log_errno(errno));
	return pid > 0 ? E_OK : E_IO;
}
