/* SPDX-License-Identifier: ISC */
/*
 * daemon.h - a daemon is a table of roles.  daemon_main is the main of each: reads the
 * configuration, opens log and listeners, forks the roles, and stays as their monitor.
 */
#ifndef PROC_DAEMON_H
#define PROC_DAEMON_H

#include "proc/child.h"
#include "proc/jail.h"

enum role_user { USER_NET, USER_KEY, USER_AUTH, USER_LOOKUP, USER_QUEUE, USER_DELIVER, USER_COUNT };

enum role_flag {
	ROLE_SINGLE = 1,   /* at reload the old one ends before the new one begins */
	ROLE_POOL = 2,     /* forked on demand (MON_SPAWN), up to the setting named by most */
	ROLE_CAPS_ID = 4,  /* keeps CAP_SETUID and CAP_SETGID */
};

struct role {
	const char *name;
	enum role_user user;
	unsigned flags;
	unsigned at_start;                    /* how many are forked at start; ROLE_POOL: kept as spares */
	const char *most;                     /* setting: most processes of a pool; NULL: at_start */
	unsigned channels;                    /* bit n: may have a channel to role n of this daemon */
	unsigned monitor_asks;                /* bits of enum mon_ask that it may make */
	int (*prepare)(void);                 /* with the monitor's rights, after fork: open files, read keys; may be NULL */
	void (*jail)(struct jail *);          /* says what it needs; everything else is taken away */
	int (*run)(void);                     /* after the jail; its result is the exit status */
};

struct daemon {
	const char *name;                     /* "smtpd": also its section in merpati.conf */
	const char *version;
	const struct role *roles;
	size_t n_roles;
	const char *const *listen_settings;   /* settings that hold addresses to listen on; NULL-ended */
	const char *unix_socket;              /* NULL, or "spool": RUN/queue/spool, given to children as a listener */
	int (*self_test)(void);               /* after reading the configuration, before anything starts; may be NULL */
	const struct ask_row *extra_asks;     /* asks of the monitor beyond mon_asks.h (pop3d: tickets); may be NULL */
	size_t n_extra_asks;
};

int daemon_main(const struct daemon *, int argc, char **argv); /* returns an exit status of sysexits.h */

/* The asks every monitor answers.  times and bytes: see monitor.c's table. */
enum mon_ask {
	MON_CHANNEL = 1, /* role name -> fd */
	MON_SPAWN,       /* role name: one more of the pool -> u8 done */
	MON_WHO,         /* u8 begin/end, address, account: for merpati who */
	MON_READY,       /* this child serves now */
	MON_DAEMON,      /* "queue" or "deliver": a connection to its socket -> fd */
	MON_EXTRA = 16,  /* the daemon's own begin here */
};

#endif
