/* SPDX-License-Identifier: ISC */
/*
 * monitor.h - the parent of a daemon's processes: forks, restarts with back-off, answers asks,
 * hands channels out, reloads, stops.  It never touches a byte that a stranger or a user sent.
 *   monitor.c   the loop, signals, death and birth        process.c  fork and the table of processes
 *   mon_asks.c  what children may ask                     reload.c   self-test and re-execution
 *   kick.c      sessions that an admin ends               sleepers.c sessions without a process
 *   wake.c      those of them that wake                  ahead.c    a process before it is wanted
 */
#ifndef PROC_MONITOR_H
#define PROC_MONITOR_H

#include <sys/types.h>

#include "base/id.h"
#include "metrics/metric.h"
#include "proc/daemon.h"
#include "proc/listen.h"
#include "proc/loop.h"

enum {
	RESTART_DELAY_FIRST_MS = 100,
	RESTART_DELAY_MOST_MS = 25600,
	LIFE_SHORT_MS = 5000, /* who dies sooner failed to start: back-off */
	/* who is awaited and cannot serve is tried again; the manager must not wait for ever */
	READY_WAIT_MOST_MS = 15000,
	WAITING_CHANNELS_MOST = 256, /* a role */
	KICK_WAIT_MS = 2000,         /* who was told to end is ended after it */
	ROLES_MAX = METRIC_ROLES,
	PATH_BYTES_MAX = 4096, /* of an account's mailbox directory */
	/* sleepers that wait for the process of another one of their account */
	WAKE_BEHIND_MOST = 64,
	WAKE_BEHIND_MS = 100, /* for it to get free of the client that it has */
	AHEAD_MOST = 2,       /* processes before they are wanted: ahead.c */
};

/* A session that wakes, and those that wait for it: wake.c.  A nest: those it was not told of. */
struct process_wake {
	pid_t by; /* the nest that is told once it is awake; 0: none is */
	struct id id;
	/* own: who waits for it, the oldest first; until then (monotonic), if it has no other one */
	struct behind *behind;
	unsigned n_behind;
	int64_t until;
	/* own: where they stand, what is written and what is read; -1: not yet */
	int queue[2];
	/* own; a nest: ids of those awake that it did not listen to; they go with the next one */
	struct buf owed;
};

struct process {
	struct process *next; /* own: the list */
	pid_t pid;
	/* borrow: static; NULL: of a role that a new version no longer has */
	const struct role *role;
	char role_name[24];
	unsigned generation;
	bool is_old; /* drains: of an earlier generation, or the daemon stops */
	bool is_kicked, is_dead; /* it serves nobody after its present client */
	int64_t started_ms;
	int chan;                /* borrow: the asker's */
	struct asker *asker;     /* own */
	struct loop_fd *watch;   /* own */
	char *address, *account; /* own; NULL: nobody is served */
	/* own; a session: the account whose uid it has; past a reload too */
	char *owner;
	uid_t owner_uid;
	gid_t owner_gid;
	/* own; of the owner; NULL: there is none */
	char *home;
	/* own: what wakes those of its clients that sleep; -1; and its number, of all that there were */
	int sleep_watch;
	uint64_t watch_number;
	bool is_ahead;   /* a session that waits for its account: ahead.c */
	bool has_client; /* it was passed one, that did not leave and does not sleep */
	struct process_wake wake;
	int64_t since_wall_sec;
	/* who asked for it (MON_SPAWN); 0: nobody.  Its channel to that role leads there */
	pid_t wanted_by;
	int cell; /* in the metrics; -1: it is not counted */
	/* a session without a client, that may get the next of its account */
	bool is_idle;
	unsigned n_sleepers; /* a nest: those in it */
};

struct role_state {
	unsigned failures;        /* short lives in a row */
	struct loop_timer *retry; /* own */
	bool is_wanted;           /* ROLE_LAZY: it was asked for */

	/* own: for a role that is not there yet */
	struct {
		int fd;
		unsigned kind;
	} waiting[WAITING_CHANNELS_MOST];

	size_t n_waiting;
	struct ask_row *rows; /* own: the asks this role may make */
	size_t n_rows;
};

struct monitor {
	const struct daemon *daemon;
	const char *conf_path;
	struct conf *conf; /* own */
	struct loop *loop; /* own */
	struct listeners listeners;
	struct process *processes; /* own */
	struct role_state roles[ROLES_MAX];
	unsigned generation;
	bool has_root, is_stopping;
	int pid_file; /* own: locked as long as we run */
	int metrics;  /* own: the memory file that all of us count in; -1 */
	char **argv;
	char *program;            /* own: absolute path, for the re-execution */
	struct loop_timer *ready; /* own; armed until READY is said */
	bool is_ready;
	pid_t tester; /* the self-test of a reload; 0: none runs */
	/* own: when the first of those that stand behind another one goes elsewhere (wake.c) */
	struct loop_timer *late;
	int64_t late_at;

	struct {
		const struct role *role; /* borrow: static */

		struct ahead {
			int chan;              /* own */
			struct loop_fd *watch; /* own; NULL: there is none */
		} each[AHEAD_MOST];

		int seed;                   /* own: who forks them */
		struct loop_fd *seed_watch; /* own; NULL: there is none */
		struct loop_timer *timer;   /* own: for the next one */
		bool is_wanted, may_hurry;  /* may_hurry: none of them died */
	} ahead;
	struct buf scratch;
};

extern struct monitor the_monitor;

int monitor_run(void); /* until stopped; an exit status */

/* process.c */
struct process *process_fork(
    const struct role *, struct jail *, const char *account, const char *home);
/* process_begin - one more of a role, of no account: a session waits for one.  NULL: cannot fork */
struct process *process_begin(const struct role *);
/*
 * process_say_account - CTL_AHEAD: to one that waits, whose it is.  Never blocks.  fd: borrow; -1.
 * E_OK, E_IO, E_LIMIT (it does not listen)
 */
MUST_USE int process_say_account(
    int chan, uid_t uid, gid_t gid, const char *account, const char *home, int fd);
/* process_become - in the child: what CTL_AHEAD says goes into its jail and the_child; m's fd stays */
void process_become(struct ask_msg *m, struct jail *);
/* process_adopt - one of before a reload; started_ms: when it was forked, 0 where that is not told */
struct process *process_adopt(pid_t pid, int chan, const char *role,
    unsigned generation, int cell, int64_t started_ms);
struct process *process_of_pid(pid_t pid);
/* process_of_role - one that serves askers of this generation, NULL when none lives */
struct process *process_of_role(const struct role *, unsigned generation);
/* process_count - those of accounts are not counted: monitor_count_sessions */
unsigned process_count(const struct role *, bool with_old);
unsigned process_most(const struct role *); /* as its setting has it */
/* process_drain - it is told that it is old: it ends once nobody is left in it */
void process_drain(struct process *);
/* process_serves - whom, from where, since when; an empty address: nobody */
void process_serves(
    struct process *, struct span address, struct span account, int64_t since_wall_sec);
void process_gone(struct process *); /* takes it out of the table and frees it */
/*
 * process_hear - reads at once what p has told: what of tells (MON_MAY) and of MON_WHO, MON_READY, MON_LOG
 * comes before any other ask.  For who needs to know it in the middle of another's ask; never blocks.
 */
void process_hear(struct process *, unsigned tells);
/* never blocks */
MUST_USE int process_say(struct process *, uint16_t type, struct span body, int fd);
void process_jail(const struct role *, struct jail *out);
/* process_hold - in a child's child: of all channels it has this one */
void process_hold(int control);
/* process_born - in the child, before anything else: what a child of this role has, it has */
void process_born(const struct role *, bool accepts, int control, int cell,
    const char *account, const char *home);

/* mon_asks.c */
struct ask_row *mon_rows_of(const struct role *, size_t *n_out); /* own */
void mon_hand_waiting(struct process *); /* channels that waited for this role */
/*
 * monitor_hand_channel - the other end of a channel of this asker's, to one of that role, which is
 * started if it is lazy; takes fd.  E_OK, E_IO
 */
MUST_USE int monitor_hand_channel(
    const struct process *asker, const struct role *to, int fd);
void mon_who_open(void); /* RUN/NAME/ctl */

/* monitor.c */
/* as many as are wanted are there, or will be */
void monitor_ensure(const struct role *);
void monitor_each_drain(void);
/* monitor_say_log - to a child's channel, where log lines go now.  E_OK, or it does not listen (logged) */
MUST_USE int monitor_say_log(int chan);
void monitor_ready(void); /* who was awaited serves: READY is said, once */
bool monitor_is_of(const struct process *, const char *account, uid_t uid);
/* monitor_pass - CTL_CLIENT to a session of this account that is idle; fd stays.  NULL: there is none */
struct process *monitor_pass(const char *account, uid_t uid, int fd, struct span body);
/*
 * monitor_fork_for - to one that is made for it; fd stays.  keeper: borrow, that it gets before; -1.
 * NULL: cannot fork
 */
struct process *monitor_fork_for(const struct role *, uid_t uid, gid_t gid,
    const char *home, int fd, struct span body, const char *account, int keeper);

/* kick.c */
/* process_kick - it is told to end, and ended when it does not */
void process_kick(struct process *);
/* sessions of this account, or from this address (empty: of none), are told to end: how many */
uint32_t monitor_kick(struct span account, struct span address);

/* ---- sleepers.c: sessions whose connection a nest holds, and that have no process ---- */
struct sleeper {
	struct sleeper *next; /* own: of those with its hash */
	struct id id;
	struct process *nest; /* borrow: that goes, and they with it: sleepers_lost */
	uid_t uid;
	gid_t gid;
	bool is_kicked; /* ends, also when it is being woken already */
	bool is_behind; /* it waits for a process: its connection is the monitor's */
	int64_t since_wall_sec;
	/* borrow: text; what its session was told of its client (facts: login_client_put's) */
	const char *account, *home, *address;
	struct span facts;
	char text[];
};

enum {
	SLEEPER_FDS = 2, /* of its nest */
	SLEEPER_FDS_SPARE = 192,
	/* bytes of what is known of all of them: it goes through a reload, in twice as many */
	SLEEPERS_TEXT_MAX = 24 << 20,
};

/*
 * sleeper_add - of a session that has an account and a client, in the fullest nest that has room; a
 * nest more is begun when all are full, and ends when it is empty.  NULL: it is not known whose it is, it has no client, or there is no room for one more
 */
struct sleeper *sleeper_add(const struct process *session, struct span facts);
/* sleeper_add_awake - the same, of one for sleeper_wake: no nest has it, and there is room */
struct sleeper *sleeper_add_awake(const struct process *session, struct span facts);
struct sleeper *sleeper_of(struct id); /* NULL: there is none */
void sleeper_gone(struct sleeper *);   /* out of the table, and freed */
/* sleeper_awake - its nest may wake the next one; nothing when it was told */
void sleeper_awake(struct process *);
/* sleeper_tell_awake - the same, of one without a process */
void sleeper_tell_awake(const struct sleeper *);
void sleepers_lost(struct process *nest); /* it died, and they with it */
/* sleepers_count - adds them, in all and of this account */
void sleepers_count(const char *account, uid_t uid, unsigned *all, unsigned *same);
void sleepers_each(void (*fn)(void *ctx, struct sleeper *), void *ctx);
/* a line for the state of a reload, and back: nothing when it is none, or its nest is no more */
void sleeper_state_put(struct buf *, const struct sleeper *);
void sleeper_state_take(struct span line);

/* ---- wake.c ---- */
/*
 * sleeper_wake - to a session of its account that is idle, or to a new one: CTL_CLIENT with this
 * body.  may_wait: where one wakes for another sleeper of the account and may be free in a moment,
 * it gets that one, after WAKE_BEHIND_MS at most for each before it.  Takes sleeper and fd; the nest
 * is told when it is awake, or cannot be woken (logged)
 */
void sleeper_wake(
    const struct role *, struct sleeper *, int fd, bool may_wait, struct span body);
/*
 * wake_next - this one has no client any more: its nest is told; it has the first of those behind
 * it, or is idle
 */
void wake_next(struct process *);
/* wake_elsewhere - it told its client, which stays: who waits behind it gets another one */
void wake_elsewhere(struct process *);
void wake_lost(struct process *); /* the same, of one that died */
void wake_queue_close(struct process *);
typedef bool sleeper_fn(const void *ctx, const struct sleeper *);
/*
 * wake_all - nobody waits any more where one waits who is meant (NULL: all are): before a kick, a stop
 * or an exec.  Each gets a process of its own
 */
void wake_all(sleeper_fn *is_meant, const void *ctx);
/*
 * wake_let_go - the same, before an exec, which forgets whom a nest waits for: each is told that all are
 * awake
 */
void wake_let_go(void);

/* ---- ahead.c: a process that was forked before an account wants it (role's ahead) ---- */
enum {
	AHEAD_AFTER_MS =
	    10, /* the next one: when what wanted this one is done, most likely */
	AHEAD_AGAIN_MS = 10000, /* when it died */
};

/* ahead_want - there will be one in a moment; nothing where the role has none */
void ahead_want(const struct role *);
/*
 * ahead_now - those that are wanted, now: all who woke are told, and who wakes next is not held up by a
 * fork
 */
void ahead_now(void);
/*
 * ahead_take - it becomes this account's, in the role's jail.  out: own, a channel to it, for a
 * session of that account.  E_OK, E_MORE (there is none)
 */
MUST_USE int ahead_take(const struct role *, uid_t uid, gid_t gid, const char *account,
    const char *home, int *out);
/* ahead_session - the same, of a session.  NULL: there is none */
struct process *ahead_session(
    const struct role *, uid_t uid, gid_t gid, const char *account, const char *home);
void ahead_end(void);   /* it is not wanted any more */
void ahead_renew(void); /* those that are there write to another log: others come */

/* reload.c */
void reload_begin(void);        /* HUP: the self-test starts */
void reload_tested(int status); /* and ended: exec, or stay as we are */
/* at start: what the state of an exec before says; false: none */
bool reload_read(void);
/* reload_understands - after reload_read: who told it has our WIRE_VERSION */
bool reload_understands(void);
void reload_watch_files(void); /* before the roles start: certificates that change */
void reload_adopt(void);       /* after the exec: takes over what the state says */

/*
 * What a daemon's extra asks may do (pop3d, imapd).
 * monitor_fork_session - a process of one account: of a ROLE_SESSION role with the account's uid,
 *   jailed to home; of another with the role's own, and without.
 *   home      NULL: the account has no mailbox (never of a ROLE_SESSION role)
 *   fd, blob  passed to it as CTL_CLIENT (kind 0, about blob); fd is taken
 *   address   the client's, for merpati who
 *   returns   E_OK, E_IO (cannot fork), E_LIMIT (the blob is past CHILD_ABOUT_MAX)
 */
MUST_USE int monitor_fork_session(const struct role *, uid_t uid, gid_t gid,
    const char *home, int fd, struct span blob, const char *account,
    struct span address);
/*
 * monitor_pass_session - to a session of this account that said it is idle (is_idle); takes fd on
 * E_OK.  E_OK, E_BAD: there is none.
 */
MUST_USE int monitor_pass_session(
    const char *account, uid_t uid, int fd, struct span blob, struct span address);
/*
 * monitor_pass_to - to the first process of a role that is not of before a reload; takes fd on E_OK.
 * E_OK, E_BAD: there is none
 */
MUST_USE int monitor_pass_to(const struct role *, int fd, struct span blob);
/*
 * monitor_count_sessions - those of this role that have a client, of before a reload too: in all, and
 * of this account
 */
void monitor_count_sessions(
    const struct role *, const char *account, uid_t uid, unsigned *all, unsigned *same);

#endif
