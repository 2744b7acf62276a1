/* SPDX-License-Identifier: ISC */
/*
 * inside.c - loaded into the daemons themselves: as a process takes its last step into its jail,
 * copies of it take the step and try what it must not.  A line each on stderr: "inside DAEMON ROLE:
 * WHAT: allowed" or refused.  The files that are tried are named by the environment.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

typedef int prctl_fn(int, unsigned long, unsigned long, unsigned long, unsigned long);

static int
do_exec(const char *path)
{
	(void)path;
	execl("/bin/false", "false",
	    (char *)NULL); /* which ends with what says allowed */
	return 0;
}

static int
do_ptrace(const char *path)
{
	(void)path;
	return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0;
}

static int
do_mount(const char *path)
{
	(void)path;
	return mount("none", "/mnt", "tmpfs", 0, "") == 0;
}

static int
do_inet(const char *path)
{
	(void)path;
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int
do_unix(const char *path)
{
	(void)path;
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static int
do_fork(const char *path)
{
	(void)path;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static int
do_root(const char *path)
{
	(void)path;
	return setuid(0) == 0 || seteuid(0) == 0 || geteuid() == 0;
}

static int
do_chroot(const char *path)
{
	(void)path;
	return chroot("/") == 0;
}

static int
do_signal(const char *path)
{
	(void)path;
	/* a signal that is ignored */
	return kill(atoi(getenv("INSIDE_PID")), SIGWINCH) == 0;
}

/* That of the test, which is root's as the monitors are. */
static int
do_memory(const char *path)
{
	char here[8];
	struct iovec to = {here, sizeof here}, from = {here, sizeof here};
	(void)path;
	return process_vm_readv(atoi(getenv("INSIDE_PID")), &to, 1, &from, 1, 0) >= 0 ||
	       errno == EFAULT;
}

static int
do_read(const char *path)
{
	return open(path, O_RDONLY) >= 0;
}

static int
do_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		unlink(path);
	return fd >= 0;
}

static const struct attempt {
	const char *what;
	int (*try)(const char *path);
	const char *path; /* or the name of an environment variable that says it */
} attempts[] = {
    {"executes a program", do_exec, NULL},
    {"traces its parent", do_ptrace, NULL},
    {"mounts", do_mount, NULL},
    {"opens an internet socket", do_inet, NULL},
    {"opens a UNIX socket", do_unix, NULL},
    {"forks", do_fork, NULL},
    {"becomes root", do_root, NULL},
    {"changes its root", do_chroot, NULL},
    {"signals a process of root's", do_signal, NULL},
    {"reads another process's memory", do_memory, NULL},
    {"reads /etc/passwd", do_read, "/etc/passwd"},
    {"reads the TLS key", do_read, "INSIDE_KEY"},
    {"reads keys that sign mail", do_read, "INSIDE_DKIM"},
    {"reads accounts", do_read, "INSIDE_ACCOUNTS"},
    {"reads verifiers", do_read, "INSIDE_SECRETS"},
    {"reads the journal", do_read, "INSIDE_JOURNAL"},
    {"writes into the spool", do_create, "INSIDE_SPOOL"},
    {"reads u1's mailbox", do_read, "INSIDE_U1"},
    {"reads u2's mailbox", do_read, "INSIDE_U2"},
    {"writes into u1's mailbox", do_create, "INSIDE_NEW1"},
    {"writes into u2's mailbox", do_create, "INSIDE_NEW2"},
};

static prctl_fn *
real_prctl(void)
{
	static prctl_fn *fn;
	if (!fn)
		fn = (prctl_fn *)dlsym(RTLD_NEXT, "prctl");
	return fn;
}

static void
attempt(const struct attempt *a, unsigned long mode, unsigned long program)
{
	char role[16] = "";
	int status = 0;
	const char *path = a->path && a->path[0] != '/' ? getenv(a->path) : a->path;
	real_prctl()(PR_GET_NAME, (unsigned long)role, 0, 0, 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (real_prctl()(PR_SET_SECCOMP, mode, program, 0, 0) != 0)
			_exit(2);
		_exit(a->try(path));
	}
	const char *result = "not tried";
	if (pid > 0 && waitpid(pid, &status, 0) == pid &&
	    (WIFSIGNALED(status) || WEXITSTATUS(status) < 2))
		result = WIFEXITED(status) && WEXITSTATUS(status) == 1 ? "allowed"
		                                                       : "refused";
	dprintf(STDERR_FILENO, "inside %s %s: %s: %s\n", program_invocation_short_name,
	    role, a->what, result);
}

int
prctl(int op, ...)
{
	unsigned long a[4];
	va_list ap;
	va_start(ap, op);
	for (size_t i = 0; i < COUNT(a); i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	for (size_t i = 0; op == PR_SET_SECCOMP && i < COUNT(attempts); i++)
		attempt(&attempts[i], a[0], a[1]);
	return real_prctl()(op, a[0], a[1], a[2], a[3]);
}
