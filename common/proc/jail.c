/* SPDX-License-Identifier: ISC */
/*
 * jail.c - uid, capabilities, Landlock, and the order in which they are given up.  System calls:
 * filter.c.
 */
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/filter.h"

/* What later kernels added, by name, for headers that are older than the kernel. */
enum {
	FS_REFER = 1 << 13,           /* ABI 2 */
	FS_TRUNCATE = 1 << 14,        /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15,       /* ABI 5 */
	NET_BIND_TCP = 1 << 0,        /* ABI 4 */
	NET_CONNECT_TCP = 1 << 1,     /* ABI 4 */
	SCOPE_ABSTRACT_UNIX = 1 << 0, /* ABI 6 */
	SCOPE_SIGNAL = 1 << 1,        /* ABI 6 */
	ABI_KNOWN = 7,
};

/* What LANDLOCK_RULE_NET_PORT takes, since ABI 4. */
enum { RULE_NET_PORT = 2 };

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static const uint64_t access_read =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t access_write =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE;
static const uint64_t access_of_file =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;

NORETURN static void
jail_failed(const char *step)
{
	log_event(LOG_CRIT, "jail_failed", "step=%s err=%s", step, log_errno(errno));
	_exit(EX_OSERR);
}

void
jail_allow(struct jail *j, const char *path, unsigned access)
{
	if (j->n_paths == JAIL_PATHS_MAX)
		bug("too many paths for a jail");
	j->paths[j->n_paths].path = path;
	j->paths[j->n_paths++].access = access;
}

void
jail_port(struct jail *j, uint16_t port)
{
	for (size_t i = 0; i < j->n_ports; i++)
		if (j->ports[i] == port)
			return;
	if (j->n_ports == JAIL_PORTS_MAX)
		bug("too many ports for a jail");
	j->ports[j->n_ports++] = port;
}

/* 0 where there is no Landlock.  MERPATI_LANDLOCK_ABI lowers it: how older kernels are tried. */
static int
landlock_abi(void)
{
	long abi = syscall(
	    SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const char *lower = getenv("MERPATI_LANDLOCK_ABI");
	if (abi < 0)
		abi = 0;
	if (lower && abi > atoi(lower))
		abi = atoi(lower);
	return abi > ABI_KNOWN ? ABI_KNOWN : (int)abi;
}

const char *
jail_missing(void)
{
	int abi = landlock_abi();
	if (abi < 1)
		return "Landlock: mailboxes are kept apart by uid alone";
	if (abi < 4)
		return "Landlock for TCP (seccomp still forbids sockets)";
	return abi < 6 ? "Landlock scopes for signals and abstract sockets" : "";
}

static struct ruleset_attr
handled(int abi)
{
	struct ruleset_attr a = {.handled_access_fs = (1 << 13) - 1};
	if (abi >= 2)
		a.handled_access_fs |= FS_REFER;
	if (abi >= 3)
		a.handled_access_fs |= FS_TRUNCATE;
	if (abi >= 4)
		a.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		a.handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		a.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return a;
}

static void
landlock_path(int ruleset, uint64_t fs, const char *path, unsigned access)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) != 0)
		jail_failed(path);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	if (access & JAIL_READ)
		rule.allowed_access |= access_read;
	if (access & JAIL_WRITE)
		rule.allowed_access |= access_write;
	if (access & JAIL_EXEC)
		rule.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
	rule.allowed_access &= fs;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= access_of_file;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
		0) != 0)
		jail_failed(path);
	close(fd);
}

static void
landlock_port(int ruleset, uint64_t access, uint16_t port)
{
	struct net_port_attr rule = {.allowed_access = access, .port = port};
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
		jail_failed("landlock_port");
}

static void
landlock_enter(const struct jail *j)
{
	/* behind jail_calls a call that fails is no older kernel */
	int abi = j->has_calls ? j->landlock_abi : landlock_abi();
	if (abi < 1)
		return;
	struct ruleset_attr a = handled(abi);
	if ((j->calls & JAIL_NET) && j->n_ports == 0)
		a.handled_access_net &= ~(uint64_t)NET_CONNECT_TCP;
	size_t bytes = abi >= 6 ? sizeof a : abi >= 4 ? 16 : 8;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &a, bytes, 0);
	if (ruleset < 0)
		jail_failed("landlock_create_ruleset");
	for (size_t i = 0; i < j->n_paths; i++)
		landlock_path(
		    ruleset, a.handled_access_fs, j->paths[i].path, j->paths[i].access);
	for (size_t i = 0; abi >= 4 && i < j->n_ports; i++)
		landlock_port(ruleset, NET_CONNECT_TCP, j->ports[i]);
	if (abi >= 4 && (j->calls & JAIL_BIND_TCP))
		landlock_port(ruleset, NET_BIND_TCP, 0); /* an address, and any port */
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		jail_failed("landlock_restrict_self");
	close(ruleset);
}

static void
caps_set(uint32_t caps)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.effective = caps, .permitted = caps}};
	if (syscall(SYS_capset, &head, data) != 0)
		jail_failed("capset");
}

/* The file system's root becomes a directory in which nothing is: for a role without paths. */
static void
chroot_away(void)
{
	if (chroot("/proc/self/fdinfo") != 0 || chdir("/") != 0)
		log_event(LOG_WARNING, "no_chroot", "err=%s", log_errno(errno));
}

static void
become(const struct jail *j)
{
	if (j->n_paths == 0)
		chroot_away();
	if (setgroups(j->group == (gid_t)-1 ? 0 : 1, &j->group) != 0)
		jail_failed("setgroups");
	if (j->keeps_id_caps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		jail_failed("keepcaps");
	if (setresgid(j->gid, j->gid, j->gid) != 0 ||
	    setresuid(j->uid, j->uid, j->uid) != 0)
		jail_failed("setresuid");
	caps_set(j->keeps_id_caps ? 1u << CAP_SETUID | 1u << CAP_SETGID : 0);
}

static void
no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		jail_failed("no_new_privs");
}

static void
enter_calls(unsigned calls)
{
	if (filter_enter(calls) != E_OK)
		jail_failed("seccomp");
}

void
jail_calls(struct jail *j)
{
	if (j->keeps_id_caps || j->calls & JAIL_PROGRAM)
		bug("system calls ahead of such a jail");
	j->landlock_abi = landlock_abi();
	no_new_privs();
	enter_calls(j->calls | JAIL_BECOME);
	j->has_calls = true;
}

void
jail_enter(const struct jail *j)
{
	struct rlimit none = {0, 0};
	if (j->has_calls && j->n_paths == 0)
		bug("no path for a jail that has its system calls");
	if (geteuid() == 0)
		become(j);
	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		jail_failed("dumpable");
	no_new_privs();
	landlock_enter(j);
	if (!j->has_calls)
		enter_calls(j->calls);
}

int
jail_signals(void)
{
	const struct ruleset_attr a = {.scoped = SCOPE_SIGNAL};
	if (landlock_abi() < 6)
		return E_MORE;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof a, 0);
	if (ruleset < 0)
		return E_IO;
	int err = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? E_OK : E_IO;
	close(ruleset);
	return err;
}
