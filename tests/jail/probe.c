/* SPDX-License-Identifier: ISC */
/*
 * probe.c - tries, from inside each kind of jail, what a taken-over process would try.
 * Prints "ok WHAT", "FAILED WHAT" or "skipped WHAT: why", a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/jail.h"

static char dir_own[64], dir_other[64];         /* made before any jail */
static struct sockaddr_in port_own, port_other; /* listened on before any jail */
static bool has_landlock, has_landlock_tcp, has_spaces;

enum { REFUSED = 0, ALLOWED = 1 };

static int
open_other(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/mail", dir_other);
	return open(path, O_RDONLY) >= 0 ? ALLOWED : REFUSED;
}

static int
open_passwd(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0 ? ALLOWED : REFUSED;
}

static int
create_other(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/new", dir_other);
	return open(path, O_WRONLY | O_CREAT, 0600) >= 0 ? ALLOWED : REFUSED;
}

static int
create_own(void)
{
	char path[80];
	snprintf(path, sizeof path, "%s/new", dir_own);
	return open(path, O_WRONLY | O_CREAT, 0600) >= 0 ? ALLOWED : REFUSED;
}

static int
link_other_in(void)
{
	char from[80], to[80];
	snprintf(from, sizeof from, "%s/mail", dir_other);
	snprintf(to, sizeof to, "%s/taken", dir_own);
	return link(from, to) == 0 ? ALLOWED : REFUSED;
}

static int
do_exec(void)
{
	execl("/bin/false", "false", (char *)NULL); /* which ends as ALLOWED says */
	return REFUSED;
}

static int
do_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0 ? ALLOWED : REFUSED;
}

static int
do_mount(void)
{
	return mount("none", "/mnt", "tmpfs", 0, "") == 0 ? ALLOWED : REFUSED;
}

static int
inet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? ALLOWED : REFUSED;
}

static int
unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? ALLOWED : REFUSED;
}

static int
kill_parent(void)
{
	/* a signal that is ignored */
	return kill(getppid(), SIGWINCH) == 0 ? ALLOWED : REFUSED;
}

static int
become_root(void)
{
	if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgroups(1, &(gid_t){0}) == 0)
		return ALLOWED;
	return geteuid() == 0 ? ALLOWED : REFUSED;
}

static int
forked(long pid)
{
	if (pid == 0)
		_exit(0);
	return pid > 0 ? ALLOWED : REFUSED;
}

static int
own_namespace(void)
{
	return forked(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0));
}

static int
own_namespace_by_clone3(void)
{
	struct clone_args a = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	return forked(syscall(SYS_clone3, &a, sizeof a));
}

static int
own_namespace_by_unshare(void)
{
	return unshare(CLONE_NEWUSER) == 0 ? ALLOWED : REFUSED;
}

static int
do_fork(void)
{
	return forked(fork());
}

static int
leave_group(void)
{
	return setpgid(0, 0) == 0 ? ALLOWED : REFUSED;
}

static int
change_root(void)
{
	return chroot("/") == 0 ? ALLOWED : REFUSED;
}

static int
connects(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof *to) == 0
	           ? ALLOWED
	           : REFUSED;
}

static int
connect_own(void)
{
	return connects(&port_own);
}

static int
connect_other(void)
{
	return connects(&port_other);
}

static int
binds(int type)
{
	struct sockaddr_in any = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0 ? ALLOWED
	                                                                     : REFUSED;
}

static int
bind_udp(void)
{
	return binds(SOCK_DGRAM);
}

static int
bind_tcp(void)
{
	return binds(SOCK_STREAM);
}

static int
netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ? ALLOWED : REFUSED;
}

enum need { ANY = 0, NEEDS_LANDLOCK = 1, NEEDS_LANDLOCK_TCP = 2, NEEDS_SPACES = 4 };

static const struct attempt {
	const char *what;
	int (*try)(void);
	unsigned fine_with; /* jail_calls under which it is allowed */
	unsigned need;
	bool is_own; /* allowed where the own directory is given */
} attempts[] = {
    {"opens another mailbox's file", open_other, 0, NEEDS_LANDLOCK, false},
    {"opens /etc/passwd", open_passwd, 0, NEEDS_LANDLOCK, false},
    {"creates a file in another mailbox", create_other, 0, NEEDS_LANDLOCK, false},
    {"links another mailbox's file into its own", link_other_in, 0, NEEDS_LANDLOCK,
	false},
    {"creates a file in its own mailbox", create_own, JAIL_FILES_WRITE, ANY, true},
    {"executes a program", do_exec, JAIL_PROGRAM, ANY, false},
    {"traces its parent", do_ptrace, 0, ANY, false},
    {"mounts", do_mount, 0, ANY, false},
    {"opens an internet socket", inet_socket, JAIL_NET, ANY, false},
    {"opens a UNIX socket", unix_socket,
	JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX | JAIL_PROGRAM, ANY, false},
    {"opens a netlink socket", netlink_socket, 0, ANY, false},
    {"connects over TCP to its port", connect_own, JAIL_NET, ANY, false},
    {"connects over TCP to another port", connect_other, 0, NEEDS_LANDLOCK_TCP, false},
    {"binds a UDP port", bind_udp, JAIL_BIND_NET, ANY, false},
    {"binds a TCP port", bind_tcp, 0, NEEDS_LANDLOCK_TCP, false},
    {"signals its parent", kill_parent, 0, ANY, false},
    {"becomes root", become_root, 0, ANY, false},
    {"forks", do_fork, JAIL_FORK | JAIL_PROGRAM, ANY, false},
    {"leaves its process group", leave_group, JAIL_FORK, ANY, false},
    {"forks into a user namespace of its own", own_namespace, 0, NEEDS_SPACES, false},
    {"forks into one by clone3", own_namespace_by_clone3, 0, NEEDS_SPACES, false},
    {"goes into one itself", own_namespace_by_unshare, 0, NEEDS_SPACES, false},
    {"changes its root", change_root, 0, ANY, false},
};

static const struct kind {
	const char *name;
	unsigned calls;
	bool has_own,
	    has_calls_before; /* jail_calls, as processes that wait for their account */
} kinds[] = {
    {"smtpd session", 0, false, false},
    {"front, metrics", JAIL_ACCEPT, false, false},
    {"lookup", JAIL_FILES_READ | JAIL_FLOCK, false, false},
    {"greylist", JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK, false, false},
    {"resolver", JAIL_NET | JAIL_BIND_NET, false, false},
    {"fetch", JAIL_NET | JAIL_FILES_READ, false, false},
    {"mailbox session",
	JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX |
	    JAIL_FORK | JAIL_INOTIFY | JAIL_FLOCK,
	true, false},
    {"mailbox session made ahead",
	JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX |
	    JAIL_FORK | JAIL_INOTIFY | JAIL_FLOCK,
	true, true},
    {"program of a script", JAIL_PROGRAM | JAIL_GROUP, true, false},
};

/* Where a program has what it is made of. */
static const char *const program_dirs[] = {"/usr", "/bin", "/lib", "/lib64"};

NORETURN static void
inside(const struct kind *k, const struct attempt *a)
{
	struct jail j = {.uid = geteuid() == 0 ? 61050 : geteuid(),
	    .gid = geteuid() == 0 ? 61050 : getegid(),
	    .group = (gid_t)-1,
	    .calls = k->calls};
	if (k->has_own)
		jail_allow(&j, dir_own, JAIL_READ | JAIL_WRITE);
	for (size_t i = 0; (k->calls & JAIL_PROGRAM) && i < COUNT(program_dirs); i++)
		jail_allow(&j, program_dirs[i], JAIL_READ | JAIL_EXEC);
	if (k->calls & JAIL_NET)
		jail_port(&j, ntohs(port_own.sin_port));
	if (k->has_calls_before)
		jail_calls(&j);
	jail_enter(&j);
	_exit(a->try());
}

static void
attempt(const struct kind *k, const struct attempt *a)
{
	int status;
	bool is_fine = a->is_own ? k->has_own : (a->fine_with & k->calls) != 0;
	if ((a->need & NEEDS_LANDLOCK) && !has_landlock && geteuid() != 0) {
		printf("skipped %s %s: without Landlock and without root only the "
		       "program's care is left\n",
		    k->name, a->what);
		return;
	}
	if ((a->need & NEEDS_LANDLOCK_TCP) && (k->calls & JAIL_NET) &&
	    !has_landlock_tcp) {
		printf(
		    "skipped %s %s: this Landlock knows no ports\n", k->name, a->what);
		return;
	}
	if ((a->need & NEEDS_SPACES) && !has_spaces) {
		printf("skipped %s %s: it may not outside of a jail, either\n", k->name,
		    a->what);
		return;
	}
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		inside(k, a);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("FAILED %s %s: cannot fork\n", k->name, a->what);
		return;
	}
	bool was_allowed = WIFEXITED(status) && WEXITSTATUS(status) == ALLOWED;
	printf("%s %s %s: %s%s\n", was_allowed == is_fine ? "ok" : "FAILED", k->name,
	    a->what, was_allowed ? "allowed" : "refused",
	    WIFSIGNALED(status) ? " (killed)" : "");
}

/* Whether one who is nobody may have a user namespace where there is no jail: a machine may refuse it to all. */
static bool
spaces_are_given(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setresgid(61050, 61050, 61050) != 0 ||
					  setresuid(61050, 61050, 61050) != 0))
			_exit(REFUSED);
		_exit(own_namespace());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == ALLOWED;
}

static void
make_dir(char *path, size_t n, uid_t owner)
{
	char file[80];
	snprintf(path, n, "/tmp/merpati-probe-XXXXXX");
	if (!mkdtemp(path))
		exit(1);
	snprintf(file, sizeof file, "%s/mail", path);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		exit(1);
	if (geteuid() == 0 &&
	    (fchown(fd, owner, owner) != 0 || chown(path, owner, owner) != 0))
		exit(1);
	close(fd);
}

static void
listen_somewhere(struct sockaddr_in *out)
{
	socklen_t n = sizeof *out;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	*out = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)out, n) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)out, &n) != 0)
		exit(1);
}

static void
remove_dir(const char *dir)
{
	static const char *const names[] = {"mail", "new", "taken"};
	char path[80];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int
main(void)
{
	const char *abi = getenv("MERPATI_LANDLOCK_ABI");
	has_landlock = strncmp(jail_missing(), "Landlock:", 9) != 0;
	has_landlock_tcp =
	    has_landlock && strncmp(jail_missing(), "Landlock for TCP", 16) != 0;
	has_spaces = spaces_are_given();
	listen_somewhere(&port_own);
	listen_somewhere(&port_other);
	make_dir(dir_own, sizeof dir_own, 61050);
	make_dir(dir_other, sizeof dir_other, 61051);
	log_level(LOG_ERR);
	printf("ok %s\n",
	    abi && !has_landlock ? "runs without Landlock" : "runs with Landlock");
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (size_t n = 0; n < COUNT(attempts); n++) {
			remove_dir(dir_own);
			mkdir(dir_own, 0700);
			if (geteuid() == 0 && chown(dir_own, 61050, 61050) != 0)
				return 1;
			if (!has_landlock && attempts[n].try == open_passwd) {
				printf("skipped %s %s: it is readable for all, and "
				       "there is no Landlock\n",
				    kinds[i].name, attempts[n].what);
				continue;
			}
			attempt(&kinds[i], &attempts[n]);
		}
	remove_dir(dir_own);
	remove_dir(dir_other);
	return 0;
}
