/* SPDX-License-Identifier: ISC */
/*
 * capable.c - tries with all capabilities what the filter of a program that is not ours refuses: it must
 * hold by itself.  And what such a program needs.  Each is tried without the filter first: what the kernel
 * refuses anyway shows nothing.
 * Prints "ok WHAT", "FAILED WHAT" or "skipped WHAT: why", a line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/filter.h"
#include "proc/jail.h"

enum {
	NR_OPEN_TREE_ATTR = 467,      /* Linux 6.15 */
	MOVE_FROM_FD = 4,             /* MOVE_MOUNT_F_EMPTY_PATH */
	TREE_COPY = 1 | AT_RECURSIVE, /* OPEN_TREE_CLONE */
	CONFIG_CREATE = 6,            /* FSCONFIG_CMD_CREATE */
	CONFIG_FLAG = 0,              /* FSCONFIG_SET_FLAG */
	SECONDS_MOST = 60,
};

/* Made before the filter is there. */
static struct {
	int unmade,
	    made;  /* contexts of a tmpfs: as fsopen gives them; ready for fsmount */
	int tree;  /* a mount that is nowhere yet */
	int space; /* our own namespace of mounts */
} has;

static int
result(long r)
{
	return r >= 0 ? 0 : errno;
}

static int
forked(long pid)
{
	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int
by_clone(unsigned long space)
{
	return forked(syscall(SYS_clone, space | SIGCHLD, NULL, NULL, NULL, 0));
}

static int
by_clone3(unsigned long space)
{
	struct clone_args a = {.flags = space, .exit_signal = SIGCHLD};
	return forked(syscall(SYS_clone3, &a, sizeof a));
}

static int
by_unshare(unsigned long space)
{
	return result(unshare((int)space));
}

static int
enters(unsigned long space)
{
	return result(setns(has.space, (int)space));
}

static int
opens_context(unsigned long flags)
{
	return result(syscall(SYS_fsopen, "tmpfs", flags));
}

static int
picks_context(unsigned long flags)
{
	return result(syscall(SYS_fspick, AT_FDCWD, "/", flags));
}

static int
configures(unsigned long command)
{
	return result(syscall(SYS_fsconfig, has.unmade, command, "ro", NULL, 0));
}

static int
makes_mount(unsigned long flags)
{
	return result(syscall(SYS_fsmount, has.made, flags, 0));
}

static int
moves_mount(unsigned long flags)
{
	return result(syscall(SYS_move_mount, has.tree, "", AT_FDCWD, "/", flags));
}

static int
opens_tree(unsigned long flags)
{
	return result(syscall(SYS_open_tree, AT_FDCWD, "/", flags));
}

static int
sets_mount(unsigned long flags)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_NOSUID};
	return result(syscall(SYS_mount_setattr, AT_FDCWD, "/", flags, &a, sizeof a));
}

static int
opens_set_tree(unsigned long flags)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_NOSUID};
	return result(syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, "/", flags, &a, sizeof a));
}

static void *
thread(void *ctx)
{
	*(bool *)ctx = true;
	return NULL;
}

static int
begins_thread(unsigned long arg)
{
	pthread_t id;
	bool has_run = false;
	(void)arg;
	int err = pthread_create(&id, NULL, thread, &has_run);
	if (!err)
		err = pthread_join(id, NULL);
	return err ? err : has_run ? 0 : ECHILD;
}

/* In a shell of three programs. */
static int
spawns(unsigned long arg)
{
	char sh[] = "sh", c[] = "-c", words[] = "echo word | cat | grep -q word";
	char *const argv[] = {sh, c, words, NULL};
	pid_t pid;
	int status = 1;
	(void)arg;
	int err = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL);
	if (err)
		return err;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : ECHILD;
}

static const struct attempt {
	const char *what;
	int (*try)(unsigned long arg); /* 0, or an errno */
	unsigned long arg;
	int want; /* behind the filter */
} attempts[] = {
    {"clones into a user namespace", by_clone, CLONE_NEWUSER, EPERM},
    {"clones into a namespace of mounts", by_clone, CLONE_NEWNS, EPERM},
    {"clones into a namespace of networks", by_clone, CLONE_NEWNET, EPERM},
    {"clones into a namespace of processes", by_clone, CLONE_NEWPID, EPERM},
    {"clones into a namespace of System V's IPC", by_clone, CLONE_NEWIPC, EPERM},
    {"clones into a namespace of names", by_clone, CLONE_NEWUTS, EPERM},
    {"clones into a namespace of control groups", by_clone, CLONE_NEWCGROUP, EPERM},
    {"clones into two namespaces", by_clone, CLONE_NEWUSER | CLONE_NEWNS, EPERM},
    {"clones by clone3", by_clone3, CLONE_NEWUSER, ENOSYS},
    {"unshares a user namespace", by_unshare, CLONE_NEWUSER, EPERM},
    {"enters a namespace", enters, CLONE_NEWNS, EPERM},
    {"opens a file system", opens_context, 0, EPERM},
    {"opens a mounted file system", picks_context, 0, EPERM},
    {"says how to mount", configures, CONFIG_FLAG, EPERM},
    {"makes a mount", makes_mount, 0, EPERM},
    {"moves a mount", moves_mount, MOVE_FROM_FD, EPERM},
    {"copies mounts", opens_tree, TREE_COPY, EPERM},
    {"changes a mount", sets_mount, 0, EPERM},
    {"copies and changes mounts", opens_set_tree, TREE_COPY, EPERM},
    {"begins a thread", begins_thread, 0, 0},
    {"spawns a pipe of programs", spawns, 0, 0},
};

/*
 * Mounts of its own to play with, of which nobody else sees anything, and all capabilities: those of a
 * user namespace, where it has none.
 */
static bool
prepare(void)
{
	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	has.space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	has.unmade = (int)syscall(SYS_fsopen, "tmpfs", 0);
	has.made = (int)syscall(SYS_fsopen, "tmpfs", 0);
	has.tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", TREE_COPY);
	return syscall(SYS_fsconfig, has.made, CONFIG_CREATE, NULL, NULL, 0) == 0 &&
	       has.space >= 0 && has.tree >= 0;
}

static bool
enter(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       filter_enter(JAIL_PROGRAM | JAIL_GROUP) == E_OK;
}

/* The errno of it, or 0; -1: it was not tried */
static int
outcome(const struct attempt *a, bool is_filtered)
{
	int status;

	enum { NOT_TRIED = 255 };

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(SECONDS_MOST);
		if ((a->want != 0 && !prepare()) || (is_filtered && !enter()))
			_exit(NOT_TRIED);
		_exit(a->try(a->arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == NOT_TRIED)
		return -1;
	return WEXITSTATUS(status);
}

int
main(void)
{
	log_level(LOG_ERR);
	for (size_t i = 0; i < COUNT(attempts); i++) {
		const struct attempt *a = &attempts[i];
		int without = outcome(a, false);
		if (without != 0) {
			printf("skipped a capable program %s: without a filter it is "
			       "refused, too: %s\n",
			    a->what,
			    without < 0 ? "it may have no namespaces, or their mounts"
					: strerror(without));
			continue;
		}
		int with = outcome(a, true);
		printf("%s a capable program %s: %s\n",
		    with == a->want ? "ok" : "FAILED", a->what,
		    with < 0 ? "not tried" : strerror(with));
	}
	return 0;
}
