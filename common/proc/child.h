/* SPDX-License-Identifier: ISC */
/*
 * child.h - what a process forked by the monitor has: its role, its configuration, its control
 * channel.  One per process, reached through the_child.
 */
#ifndef PROC_CHILD_H
#define PROC_CHILD_H

#include "proc/ask.h"

struct conf;
struct role;

struct listener {
	int fd;             /* own (the monitor's); borrow in a child */
	const char *kind;   /* borrow: the setting it came from: "smtp", "submission", "pop3s" ... */
	char address[64];   /* "127.0.0.1:2525", "[::1]:25", for the log */
};

struct child {
	const struct role *role;
	const struct conf *conf;        /* borrow: of the monitor, copied by fork */
	int control;                    /* to the monitor */
	unsigned generation;            /* grows with each reload */
	bool is_draining;               /* finish what is begun, take nothing new */
	bool has_root;                  /* the suite was started as root */
	struct listener *listeners;
	size_t n_listeners;
	void (*on_client)(int fd, unsigned kind, struct span about); /* CTL_CLIENT; takes fd */
	void (*on_drain)(void);
};

extern struct child the_child;

/* child_channel - a channel to another role of this daemon (or MON_SPOOL, MON_DELIVER: another
 * daemon's socket), made by the monitor.  Blocks for at most 5 s.  E_OK, E_DENY (not in the matrix),
 * E_IO (that role or daemon is not there now) */
MUST_USE int child_channel(const char *to, int *out);
/* child_call - any other ask of the monitor (proc/mon_asks.h, or the daemon's own).  As ask_call. */
MUST_USE int child_call(uint16_t type, struct span body, int fd, struct buf *in, struct ask_msg *reply);
MUST_USE int child_tell(uint16_t type, struct span body, int fd); /* an ask without a reply */
/* child_control - handles what the monitor says now, without blocking.  E_OK; exits when it is gone. */
void child_control(void);

/* child_serve - the whole life of a role that only answers asks (key, auth, lookup): an event loop
 * over its clients; returns when it drains and the last client left.
 *   rows_of  the table for a client of this kind (the asking role's number), NULL to refuse
 *   tick     called every tick_ms, may be NULL */
struct ask_table {
	const struct ask_row *rows;
	size_t n_rows;
	const char *who;
	unsigned phase;
};
int child_serve(const struct ask_table *(*table_of)(unsigned kind), void (*tick)(void), int tick_ms);

#endif
