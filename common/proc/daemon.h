/* SPDX-License-Identifier: ISC */
/*
 * daemon.h - a daemon is a table of roles.  daemon_main is the main of each: it reads the
 * configuration, opens log and listeners, forks the roles, and stays as their monitor (monitor.h).
 */
#ifndef PROC_DAEMON_H
#define PROC_DAEMON_H

#include "proc/child.h"
#include "proc/jail.h"

enum role_user {
	USER_NET,
	USER_KEY,
	USER_AUTH,
	USER_LOOKUP,
	USER_QUEUE,
	USER_DELIVER,
	USER_COUNT
};

enum role_flag {
	ROLE_SINGLE = 1, /* at reload the old one ends before the new one begins */
	/* more are forked on demand (MON_SPAWN), up to the setting named by most */
	ROLE_POOL = 2,
	ROLE_CAPS_ID = 4, /* keeps CAP_SETUID and CAP_SETGID */
	ROLE_SESSION = 8, /* forked by monitor_fork_session only: uid of an account */
	/* gets the listeners for metrics and no others; nobody else gets them (metrics/role.h) */
	ROLE_METRICS = 16,
	/* the daemon is not ready before one of it says that it serves (MON_READY) */
	ROLE_AWAITED = 32,
	/* forked when somebody first asks for a channel to it: who does not need it does not pay */
	ROLE_LAZY = 64,
	/* holds the connections of sessions that have no process meanwhile (login/nest.h) */
	ROLE_NEST = 128,
	/*
	 * begins a process group of its own (PID), which it may leave to what it runs: when it dies, all of
	 * that group is killed before its pid can be another's
	 */
	ROLE_GROUP = 256,
	/* what it told before it died counts, as it does of sessions and nests */
	ROLE_TELLS = 512,
};

/* Daemons that others connect to. */
enum daemon_peer {
	DAEMON_QUEUE = 1,
	DAEMON_DELIVER = 2,
	DAEMON_HOLD = 4, /* queue/hold: mail of an account is held, and nothing else */
	DAEMON_CTL = 8,  /* ctl of daemons with sessions: who is served, and ends */
};

struct role {
	const char *name;
	enum role_user user;
	unsigned flags;
	unsigned at_start; /* how many are forked at start; a pool: how many are kept */
	const char *count; /* setting that says at_start instead; NULL: at_start */
	const char *most;  /* setting: most of a pool, or most nests; NULL: at_start */
	/* with this configuration there are none, and nobody asks them; may be NULL */
	bool (*is_off)(const struct conf *);
	/* kinds of the listeners that it gets, NULL-ended; NULL: all but those for metrics */
	const char *const *listens;
	unsigned channels; /* bit n: may have a channel to role n of this daemon */
	unsigned peers; /* DAEMON_*: may have a connection to them, with MON_DAEMON */
	/* bit 1 << n: may make ask n of enum mon_ask or of extra_asks */
	unsigned monitor_asks;
	/* with the monitor's rights, after fork: open files, read keys; may be NULL */
	int (*prepare)(void);
	/* says what it needs; everything else is taken away */
	void (*jail)(struct jail *);
	int (*run)(void); /* after the jail; its result is the exit status */
	/*
	 * ROLE_SESSION: what a process does that was forked before an account wanted it, in the jail of
	 * that account; first: own, who asks it first.  Does not return.  NULL: there is none
	 */
	void (*ahead)(const char *account, const char *home, int first);
	/*
	 * before it hears whose it is: uses once what it will use, so that the pages of that are its own
	 * by then.  NULL: nothing
	 */
	void (*warm)(void);
};

struct daemon {
	const char *name;  /* "smtpd": also its section in merpati.conf */
	const char *about; /* one line for --help */
	const struct role *roles;
	size_t n_roles;
	/* settings that hold addresses to listen on; NULL-ended; or NULL */
	const char *const *listen_settings;
	/* setting: who may connect to such of them as are paths; NULL: none is */
	const char *socket_user;
	/* names of SOCK_SEQPACKET sockets RUN/NAME/x ("spool", "admin"); NULL-ended; or NULL */
	const char *const *unix_sockets;
	/* after reading the configuration, before anything starts or is exchanged; may be NULL.
	 * E_OK, or E_BAD with lines in errors */
	int (*self_test)(const struct conf *, struct buf *errors);
	/* as root: directories; may be NULL */
	void (*before_start)(const struct conf *);
	/* in each of its processes, before prepare; may be NULL */
	void (*on_born)(const struct role *);
	void (*on_gone)(pid_t); /* one of its processes ended; may be NULL */
	/* those of before a reload were taken over; in the monitor, may be NULL */
	void (*on_adopted)(void);
	/* row i is ask MON_EXTRA + i; asker->ctx is the asking struct process; or NULL */
	const struct ask_row *extra_asks;
	size_t n_extra_asks;
};

/* returns an exit status of sysexits.h */
int daemon_main(const struct daemon *, int argc, char **argv);

/* The uid and gid of the settings user_* and group, numbers or names.  Without root: our own. */
/* E_OK, E_BAD */
MUST_USE int daemon_user(const struct conf *, enum role_user, uid_t *uid, gid_t *gid);

/*
 * daemon_give - as root, an open file becomes that user's and the group's; without, it is ours already.
 * E_OK, E_IO
 */
MUST_USE int daemon_give(const struct conf *, enum role_user, int fd);
/* daemon_uid - of a user's name, or a number.  E_OK, E_BAD (there is none) */
MUST_USE int daemon_uid(const char *name, uid_t *out);

/* The asks every monitor answers (rows in monitor.c). */
enum mon_ask {
	MON_CHANNEL = 1, /* str role -> u8 result, fd */
	MON_DAEMON,      /* str "queue", "deliver", ... (mon_asks.c) -> u8 result, fd */
	MON_SPAWN,       /* str role, u32 most -> u8 result */
	MON_WHO,         /* str address, str account: for merpati who.  No reply */
	MON_READY,       /* nothing: I serve now (ROLE_AWAITED).  No reply */
	MON_LOG, /* str line: syslog did not take it.  Every role may.  No reply */
	MON_EXTRA = 8, /* the daemon's own begin here; at most MON_EXTRA_MOST */
	MON_EXTRA_MOST = 16,
};

#define MON_MAY(ask) (1u << (ask))

enum { WHO_TEXT_MAX = 320 };

/* RUN/DAEMON/ctl, answered by every monitor: who is served, and who no longer */
/*
 * -> packets of u16 n, n x {u32 pid, str role, str address, str account, u64 since_wall_sec}; n = 0
 * ends
 */
/*
 * str account, str address (one may be empty) -> u32 how many sessions were told to end; those that
 * have not ended after KICK_WAIT_MS are killed
 */
enum { CTL_SOCKET_WHO = 1, CTL_SOCKET_KICK };

#endif
