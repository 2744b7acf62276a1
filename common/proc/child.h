/* SPDX-License-Identifier: ISC */
/*
 * child.h - what a process forked by the monitor has: its role, its configuration, its control
 * channel.  One per process: the_child.
 */
#ifndef PROC_CHILD_H
#define PROC_CHILD_H

#include "proc/ask.h"

struct conf;
struct loop;
struct role;

struct listener {
	int fd; /* own (the monitor's); borrow in a child */
	/*
	 * borrow: the setting it came from ("listen_smtp"), or the name of a UNIX socket ("spool")
	 */
	const char *kind;
	char address[64]; /* "127.0.0.1:2525", "[::1]:25", for the log */
};

struct child {
	const struct role *role;
	const char *daemon;      /* its name, and its section of the configuration */
	const struct conf *conf; /* borrow: the monitor's, copied by fork */
	int control;         /* to the monitor; -1: there is none (a test, a command) */
	int queue;           /* own: CTL_QUEUE; -1 */
	int keeper;          /* own: CTL_KEEPER, until somebody takes it; -1 */
	unsigned generation; /* grows with each reload */
	bool is_draining;    /* finish what is begun, take nothing new */
	/* and that for good: the daemon stops within stop_time; false at a reload */
	bool is_stopping;
	bool is_kicked; /* an admin ends this session: as if the daemon stopped */
	/* the daemon was started as root: roles have uids of their own */
	bool has_root;
	struct listener *listeners; /* only for a role whose jail has JAIL_ACCEPT */
	size_t n_listeners;
	/* a session's account, and its mailbox directory; NULL for other roles */
	const char *account;
	const char *home;
	/* a CTL_CLIENT; takes fd */
	void (*on_client)(int fd, unsigned kind, struct span about);
	void (*on_drain)(void); /* the drain began; may be NULL */
};

extern struct child the_child;

/*
 * child_queued - a client of CTL_QUEUE, if there is one, goes to on_client.  Does not block.  False:
 * there is none
 */
bool child_queued(void);

/* What a monitor says to its children, unasked. */
enum ctl {
	/*
	 * u32 kind, str about, fd: a channel to one who may ask, or what the daemon's own asks say
	 */
	CTL_CLIENT = 0x4000,
	CTL_DRAIN, /* u8 is_stopping: finish, then leave */
	CTL_KICK,  /* the session ends, at once if it can */
	CTL_LOG,   /* u8 is_syslog, fd: the log was opened again, or is another one */
	/* fd: CTL_CLIENT comes there, too, for when there is no client */
	CTL_QUEUE,
	CTL_KEEPER, /* fd: a channel to the keeper of the account, which begins just now */
	/*
	 * to one that was forked before an account wanted it, which is its account now: u32 uid, u32 gid,
	 * str account, str home; to a role's ahead with a channel
	 */
	CTL_AHEAD,
	CTL_SEED, /* to the seed of ahead.c, fd: one more is to hear what is said there */
};

/* The kinds of CTL_CLIENT for a ROLE_NEST; about begins with a sleeper's id. */
enum nest_said {
	/* u64 number, fd: readable once what the next one waits for has changed; may come again */
	NEST_WATCH = 1000,
	NEST_SLEEP, /* u64 deadline, u8 is_deflated, state; fd: a connection */
	NEST_AWAKE, /* more ids: they were woken, and have told what there was to tell */
	NEST_KICK,  /* more ids: an admin ends all of them */
};

enum {
	CHILD_CALL_WAIT_MS = 5000,
	CHILD_SERVE_BURST = 64,
	CHILD_ABOUT_MAX = 60000,
	/* a channel to one that has just died may be handed out before its death is known */
	CHILD_ATTEMPTS = 3,
};

/*
 * child_channel - a channel to another role of this daemon, made by the monitor.  The other side
 * gets its end as CTL_CLIENT, kind the number of the asking role.  Blocks at most
 * CHILD_CALL_WAIT_MS.
 *   returns  E_OK, E_DENY (not in the role's channels), E_IO (the monitor does not answer)
 */
MUST_USE int child_channel(const char *role, int *out);
/* child_daemon - a connection to another daemon: "queue" (its spool), "deliver" (a placer), ...
 * E_OK, E_DENY, E_IO (it is not there now).  Blocks as child_channel. */
MUST_USE int child_daemon(const char *daemon, int *out);
/*
 * child_spawn - one more process of a pool, while there are less than most; 0: than the setting
 * says.  E_OK, E_LIMIT
 */
MUST_USE int child_spawn(const char *role, uint32_t most);
/* child_who - for "merpati who": who is served from where; two empty spans: nobody any more */
void child_who(struct span address, struct span account);
void child_ready(void); /* this role serves: the monitor may say so (ROLE_AWAITED) */
/* for log_on_loss: the monitor has it written; when it is busy, nobody */
void child_log_lost(struct span line);
/*
 * child_call - any ask of the monitor.  As ask_call; what the monitor says unasked meanwhile is
 * handled.
 */
MUST_USE int child_call(
    uint16_t type, struct span body, int fd, struct buf *in, struct ask_msg *reply);
/* an ask without a reply */
MUST_USE int child_tell(uint16_t type, struct span body, int fd);
/*
 * child_control - handles what the monitor says now, without blocking; exits when the monitor is
 * gone.
 */
void child_control(void);

/* child_hear - does what the monitor says in *m, whose fd it takes */
void child_hear(struct ask_msg *m);
/*
 * child_await - until the monitor says this; what else it says is handled.  Exits when the monitor
 * is gone, or its drain began.  in: holds what m leads to
 */
void child_await(uint16_t type, struct buf *in, struct ask_msg *m);

/* ---- a role that only answers asks (key, auth, lookup) ---- */
struct ask_table {
	const struct ask_row *rows; /* indexed by ask type */
	size_t n_rows;
	const char *who; /* in the log */
	/* frees asker->ctx when the asker left; may be NULL */
	void (*gone)(struct asker *);
};

/*
 * child_loop - the loop of child_serve, for what else is in it; may be used from prepare on.
 * borrow
 */
struct loop *child_loop(void);
/*
 * child_serve - the whole life of such a role: an event loop over those who ask.  Returns when a
 * drain began and the last of them left.
 *   table_of  the asks of a role (its number), or NULL: it is refused
 *   tick      called every tick_ms; may be NULL
 */
int child_serve(const struct ask_table *(*table_of)(unsigned kind), void (*tick)(void),
    int tick_ms);

#endif
