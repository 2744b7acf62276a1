/* SPDX-License-Identifier: ISC */
/*
 * front.h - the role "front": takes connections in, keeps those that are silent, passes them to
 * sessions.
 *   front.c   connections: accept, limits, PROXY, greeting, silence, the end
 *   pool.c    sessions: which are free, when one more is wanted, when one is too many
 */
#ifndef SMTPD_FRONT_H
#define SMTPD_FRONT_H

#include "proc/loop.h"
#include "smtpd/asks.h"

struct jail;
struct worker;

enum {
	FRONT_ACCEPT_BURST = 64,     /* of one listener in a turn of the loop */
	FRONT_PROXY_WAIT_MS = 10000, /* for the PROXY header */
	FRONT_TICK_MS = 1000,
	/* key of all clients on UNIX sockets: no address has it (login/peer.h) */
	FRONT_KEY_UNIX = 2,
	/* who has waited for a greeting once need not again, as long as its place is not taken */
	FRONT_PATIENT_MAX = 4096,
	/*
	 * a free session past sessions_spare goes after this: mail comes in bursts, and each session
	 * that begins is 2 ms of CPU
	 */
	POOL_FREE_KEPT_MS = 60000,
	POOL_END_BURST = 16,   /* so many in one tick */
	POOL_FULL_MS = 1000,   /* sessions_most: not asked for more so long */
	POOL_COMING_MS = 5000, /* a session that does not come is asked for again */
};

enum conn_state {
	CONN_PROXY, /* its PROXY header is awaited */
	CONN_PAUSE, /* it is to wait for its greeting: who speaks is refused */
	/* greeted, or of an implicit TLS listener: its first byte is awaited */
	CONN_SILENT,
	CONN_READY,  /* spoke; waits for a session */
	CONN_SERVED, /* a session has it; counted until that is free again */
};

struct conn {
	struct conn *next,
	    **link;            /* in the list of its state; the served are in none */
	int fd;                /* own; -1: served */
	struct loop_fd *watch; /* own; NULL: not watched */
	enum conn_state state;
	int64_t deadline_ms;
	/* bytes of a PROXY header that were there at the last look */
	size_t proxy_seen;
	struct client client;
	uint64_t key; /* struct peer */
	bool is_counted;
};

/* The role */
int front_prepare(void);
void front_jail(struct jail *);
int front_run(void);

/* front.c, for pool.c */
void front_conn_served(struct conn *); /* a session has its descriptor now */
void front_conn_end(struct conn **);   /* its session is free again, or gone */
struct conn *front_next_ready(
    void);                   /* the one that waits longest for a session; NULL: none */
bool front_has_silent(void); /* or ready ones */
void front_stop_if_done(void); /* at a drain: leaves the loop when all is served */
void front_refuse_ready(
    void); /* no session can come: those waiting for one are told 421 */

/* pool.c */
/*
 * pool_init - strangers_most: clients of listen_smtp that are served at a time; the other places are for
 * those of submission and LMTP
 */
void pool_init(struct loop *, unsigned spare, unsigned strangers_most);
bool pool_takes_strangers(void); /* there is a place for one more */
void pool_add(int chan);         /* takes chan: a session came */
/* pool_give - to a free session.  E_OK: conn is served; E_LIMIT: none is free */
MUST_USE int pool_give(struct conn *);
/*
 * pool_want - asks the monitor for sessions that are missing: as many as wait, and the spare ones
 */
void pool_want(size_t n_ready);
void pool_tick(void);  /* every FRONT_TICK_MS */
void pool_drain(void); /* sessions that nobody will need go */
bool pool_is_empty(void);

#endif
