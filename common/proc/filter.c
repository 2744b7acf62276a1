/* SPDX-License-Identifier: ISC */
/*
 * filter.c - the one door to libseccomp.  A short list of calls kills: what no role of ours ever
 * makes and an intruder wants.  A call that is neither on it nor allowed is answered ENOSYS, with
 * one log line, so that a libc that begins to use a new call costs a line and no outage.
 */
#include "proc/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/jail.h"

static const char *const killed[] = {"execve", "execveat", "ptrace", "mount", "umount2",
    "pivot_root", "fsopen", "fspick", "fsconfig", "fsmount", "move_mount", "open_tree",
    "mount_setattr", "bpf", "process_vm_readv", "process_vm_writev", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "swapon", "swapoff", "setns", "unshare", "perf_event_open", "open_by_handle_at",
    "add_key", "request_key", "keyctl", "userfaultfd", "io_uring_setup", "acct",
    "settimeofday", "clock_settime", "mknod", "mknodat", "chroot", "personality",
    "pidfd_getfd"};

/* By number, the same on all architectures: libseccomp 2.5 has no name for it. */
enum { NR_OPEN_TREE_ATTR = 467 /* Linux 6.15: open_tree and mount_setattr in one */ };

static const char *const everyone[] = {"read", "write", "readv", "writev", "pread64",
    "pwrite64", "preadv", "pwritev", "pwritev2", "preadv2", "recvmsg", "sendmsg",
    "recvmmsg", "sendmmsg", "recvfrom", "sendto", "poll", "ppoll", "select", "pselect6",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "close",
    "close_range", "fcntl", "dup", "dup2", "dup3", "shutdown", "mmap", "munmap",
    "mprotect", "mremap", "madvise", "brk", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "getpid", "gettid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "getgroups", "clock_gettime",
    "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom",
    "exit", "exit_group", "futex", "set_robust_list", "rseq", "set_tid_address",
    "sched_yield", "sched_getaffinity", "getsockopt", "setsockopt", "getsockname",
    "getpeername", "memfd_create", "fstat", "newfstatat", "lseek", "ftruncate",
    "tgkill", "prlimit64", "getrlimit", "getrusage", "uname", "eventfd2",
    "timerfd_create", "timerfd_settime", "pipe2", "socketpair", "restart_syscall",
    "umask", "sysinfo", "membarrier", "ioctl", "fdatasync", "fsync", "fallocate",
    "fadvise64", "readahead", "prctl", "arch_prctl", "alarm", "setitimer", "times",
    "sendfile", "copy_file_range", "capget", "mincore"};

static const char *const files_read[] = {"open", "openat", "openat2", "stat", "lstat",
    "statx", "readlink", "readlinkat", "getdents64", "getdents", "access", "faccessat",
    "faccessat2", "statfs", "fstatfs", "chdir", "fchdir", "getcwd"};

static const char *const files_write[] = {"mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir", "fchmod", "fchmodat",
    "chmod", "fchown", "fchownat", "utimensat", "truncate", "sync_file_range", "syncfs",
    "symlinkat", "creat"};

static const char *const setid[] = {"setfsuid", "setfsgid", "setgroups"};
static const char *const forking[] = {"fork", "vfork", "wait4", "waitid", "setsid",
    "setpgid", "pidfd_open", "pidfd_send_signal", "kill"};
static const char *const watching[] = {
    "inotify_init1", "inotify_init", "inotify_add_watch", "inotify_rm_watch"};
static const char *const accepting[] = {"accept", "accept4"};
static const char *const listening[] = {"bind", "listen", "accept", "accept4"};
static const char *const connecting[] = {"connect"};
static const char *const binding[] = {"bind"};
static const char *const locking[] = {"flock"};
/* By number: one that the library had no name for would be left out. */
static const int becoming[] = {SYS_setgroups, SYS_setresgid, SYS_setresuid, SYS_capset,
    SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self};

static const struct {
	unsigned calls; /* enum jail_calls, any of them; 0: everyone */
	const char *const *names;
	size_t n;
} families[] = {
    {0, everyone, COUNT(everyone)},
    {JAIL_FILES_READ | JAIL_FILES_WRITE, files_read, COUNT(files_read)},
    {JAIL_FILES_WRITE, files_write, COUNT(files_write)},
    {JAIL_SETID, setid, COUNT(setid)},
    {JAIL_FORK, forking, COUNT(forking)},
    {JAIL_INOTIFY, watching, COUNT(watching)},
    {JAIL_ACCEPT, accepting, COUNT(accepting)},
    {JAIL_LISTEN_UNIX, listening, COUNT(listening)},
    {JAIL_CONNECT_UNIX | JAIL_NET, connecting, COUNT(connecting)},
    {JAIL_FLOCK, locking, COUNT(locking)},
    {JAIL_BIND_NET | JAIL_BIND_TCP, binding, COUNT(binding)},
};

static void
add(scmp_filter_ctx c, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);
		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue; /* not on this architecture */
		if (seccomp_rule_add(c, action, nr, 0) != 0)
			bug("seccomp_rule_add");
	}
}

static void
add_socket(scmp_filter_ctx c, int family)
{
	if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family)) != 0)
		bug("seccomp_rule_add");
}

/*
 * A namespace of its own, in which a process would have all capabilities.  CLONE_NEWTIME is not among
 * them: to clone that bit is part of a signal's number.
 */
static const scmp_datum_t spaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET,
    CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};

/* A process, but no namespace. */
static void
add_clone(scmp_filter_ctx c)
{
	scmp_datum_t all = 0;
	for (size_t i = 0; i < COUNT(spaces); i++)
		all |= spaces[i];
	if (seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, all, 0)) != 0)
		bug("seccomp_rule_add");
}

/*
 * The same where all is allowed that is not named.  What clone3 is to do stands in memory, which a filter
 * does not see: to whom it does not exist, libc takes clone.
 */
static void
add_no_spaces(scmp_filter_ctx c)
{
	for (size_t i = 0; i < COUNT(spaces); i++)
		if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i])) != 0)
			bug("seccomp_rule_add");
	if (seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0)
		bug("seccomp_rule_add");
}

static void
add_becoming(scmp_filter_ctx c)
{
	for (size_t i = 0; i < COUNT(becoming); i++)
		if (seccomp_rule_add(c, SCMP_ACT_ALLOW, becoming[i], 0) != 0)
			bug("seccomp_rule_add");
}

/* For a program that is not ours: it knows no handler of a trap, and may make what calls it likes. */
static scmp_filter_ctx
make_program_filter(unsigned calls)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
	if (!c || seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		bug("seccomp_init");
	for (size_t i = 0; i < COUNT(killed); i++)
		if (strncmp(killed[i], "execve", 6) != 0)
			add(c, SCMP_ACT_ERRNO(EPERM), &killed[i], 1);
	if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), NR_OPEN_TREE_ATTR, 0) != 0)
		bug("seccomp_rule_add");
	add_no_spaces(c);
	if (calls & JAIL_GROUP)
		add(c, SCMP_ACT_ERRNO(EPERM),
		    (const char *const[]){"setsid", "setpgid"}, 2);
	/* those of others of its uid, who may watch over it */
	if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
		SCMP_A0(SCMP_CMP_NE, 0)) != 0)
		bug("seccomp_rule_add");
	if (seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1,
		SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)AF_UNIX)) != 0)
		bug("seccomp_rule_add");
	return c;
}

static scmp_filter_ctx
make_filter(unsigned calls)
{
	if (calls & JAIL_PROGRAM)
		return make_program_filter(calls);
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_TRAP);
	if (!c || seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		bug("seccomp_init");
	add(c, SCMP_ACT_KILL_PROCESS, killed, COUNT(killed));
	if (seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, NR_OPEN_TREE_ATTR, 0) != 0)
		bug("seccomp_rule_add");
	for (size_t i = 0; i < COUNT(families); i++)
		if (families[i].calls == 0 || (families[i].calls & calls))
			add(c, SCMP_ACT_ALLOW, families[i].names, families[i].n);
	if (calls & JAIL_FORK)
		add_clone(c);
	if (calls & JAIL_BECOME)
		add_becoming(c);
	if (!(calls & (JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX | JAIL_NET)))
		add(c, SCMP_ACT_KILL_PROCESS, (const char *const[]){"socket"}, 1);
	if (calls & (JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX))
		add_socket(c, AF_UNIX);
	if (calls & JAIL_NET) {
		add_socket(c, AF_INET);
		add_socket(c, AF_INET6);
	}
	return c;
}

struct program {
	unsigned calls;
	struct sock_fprog prog;
};

enum { PROGRAMS_MAX = 16 };

static struct program programs[PROGRAMS_MAX];
static size_t n_programs;

static void
read_program(int fd, struct program *out)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		bug("seccomp program");
	out->prog.filter = mem_new((size_t)st.st_size);
	out->prog.len =
	    (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	if (pread(fd, out->prog.filter, (size_t)st.st_size, 0) != st.st_size)
		bug("seccomp program");
}

static const struct program *
program_of(unsigned calls)
{
	for (size_t i = 0; i < n_programs; i++)
		if (programs[i].calls == calls)
			return &programs[i];
	if (n_programs == PROGRAMS_MAX)
		bug("too many kinds of jail");
	struct program *p = &programs[n_programs++];
	p->calls = calls;
	scmp_filter_ctx c = make_filter(calls);
	int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0 || seccomp_export_bpf(c, fd) != 0)
		bug("seccomp_export_bpf");
	seccomp_release(c);
	read_program(fd, p);
	close(fd);
	return p;
}

void
jail_compile(unsigned calls)
{
	program_of(calls);
}

/* A call outside the list: said once a number, then it does not exist. */
static void
on_sigsys(int sig, siginfo_t *info, void *context)
{
	static unsigned char said[1024];
	ucontext_t *u = context;
	unsigned nr = (unsigned)info->si_syscall;
	(void)sig;
	if (nr < sizeof said && !said[nr]) {
		said[nr] = 1;
		log_from_signal("syscall_answered_enosys", "number", nr);
	}
#if defined(__x86_64__)
	u->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
	u->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#else
#error "say where a system call's result stands on this architecture"
#endif
}

int
filter_enter(unsigned calls)
{
	const struct program *p = program_of(calls);
	struct sigaction act = {
	    .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};
	if (sigaction(SIGSYS, &act, NULL) != 0)
		return E_IO;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p->prog) == 0 ? E_OK : E_IO;
}
