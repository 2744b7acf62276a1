/* SPDX-License-Identifier: ISC */
/*
 * jail.h - what a process may still do: uid, directories (Landlock), system calls (seccomp).
 * Older kernels lack parts; what is missing is said once at start, and the rest holds.
 */
#ifndef PROC_JAIL_H
#define PROC_JAIL_H

#include <sys/types.h>

#include "base/base.h"

enum jail_calls { /* families of system calls, on top of the ones everyone needs */
	JAIL_FILES_READ = 1,   /* openat for reading, stat, getdents */
	JAIL_FILES_WRITE = 2,  /* create, rename, link, unlink, syncfs, truncate */
	JAIL_CONNECT_UNIX = 4, /* socket(AF_UNIX), connect */
	JAIL_LISTEN_UNIX = 8,  /* and bind, listen, accept */
	JAIL_ACCEPT = 16, /* accept on the daemon's listeners, which it then gets */
	JAIL_SETID = 32,  /* setfsuid, setfsgid, setgroups */
	JAIL_FORK = 64,   /* fork, wait, setsid (a session forks its keeper) */
	JAIL_NET = 128,   /* socket(AF_INET, AF_INET6), connect */
	JAIL_INOTIFY = 256,
	JAIL_FLOCK = 512,
	/* bind to an address and any port: connections come from it */
	JAIL_BIND_TCP = 2048,
	/*
	 * it becomes a program of somebody else's: every call but those that lead out of a jail (mounts and
	 * namespaces among them), limits of others, and sockets other than AF_UNIX; those are EPERM and EACCES,
	 * clone3 is ENOSYS, and none of them kills
	 */
	JAIL_PROGRAM = 4096,
	JAIL_GROUP = 8192, /* with JAIL_PROGRAM: nor out of its process group */
	/* bind, for sockets of JAIL_NET: each question to the DNS from a port of its own */
	JAIL_BIND_NET = 1024,
	/* what jail_enter needs of who has its system calls before: jail_calls */
	JAIL_BECOME = 16384,
};

enum jail_access {
	JAIL_READ = 1,
	JAIL_WRITE = 2, /* create, remove, rename, link too */
	JAIL_EXEC = 4   /* programs there */
};

enum { JAIL_PATHS_MAX = 32, JAIL_PORTS_MAX = 16 };

struct jail {
	uid_t uid;
	gid_t gid;
	gid_t group;    /* one supplementary group, or (gid_t)-1 */
	unsigned calls; /* enum jail_calls */

	struct {
		/* borrow: until jail_enter; a path that is not there is left out */
		const char *path;
		unsigned access; /* enum jail_access */
	} paths[JAIL_PATHS_MAX];

	size_t n_paths; /* 0: no file system at all */
	/* to which JAIL_NET may connect over TCP (Landlock); none: to any */
	uint16_t ports[JAIL_PORTS_MAX];
	size_t n_ports;
	bool keeps_id_caps; /* CAP_SETUID and CAP_SETGID stay */
	bool has_calls;     /* jail_calls was before */
	int landlock_abi;   /* then: as it was seen */
};

/* jail_allow - one directory or file, and all beneath it */
void jail_allow(struct jail *, const char *path, unsigned access);
/*
 * jail_port - one port to which JAIL_NET may connect over TCP, and no other any more; twice is fine
 */
void jail_port(struct jail *, uint16_t port);
/*
 * jail_enter - takes everything else away, for ever.  Failure of what the kernel has is fatal:
 * logs, exits.
 */
void jail_enter(const struct jail *);
/*
 * jail_calls - the system calls alone, before it is known whose process this becomes; all children
 * have them from the start, which saves each 0.15 ms, and jail_enter does the rest.  Those that
 * jail_enter makes stay allowed (JAIL_BECOME): without capabilities they give nothing, they take away.
 * Only for a jail with a path (chroot is not among them), without keeps_id_caps, of a program of
 * ours.  Failure is fatal: logs, exits.
 */
void jail_calls(struct jail *);
/*
 * jail_signals - on top of jail_enter: this process, and all that it becomes the parent of, can signal
 * nobody but each other, whose uid they may have.  E_OK; E_MORE: this kernel cannot (Landlock before
 * ABI 6); E_IO (errno).
 */
MUST_USE int jail_signals(void);
/*
 * jail_compile - the seccomp program of this set, made ahead so that a fork is cheap; kept per set
 */
void jail_compile(unsigned calls);
/* jail_missing - "" or what this kernel lacks, for one log line at start */
const char *jail_missing(void);

#endif
