/* SPDX-License-Identifier: ISC */
/*
 * metric.h - counting: what is measured, and the memory in which it stands.  A block of 64-bit
 * slots is shared by a daemon's monitor and all its processes: to count is one relaxed atomic
 * addition, no lock and no system call, and a process that dies takes nothing with it.  Whoever is
 * not forked by a monitor (a command, a test) counts into a block of its own, which nobody reads.
 * A process that was taken over can falsify numbers, here and nothing else: readers take only
 * bounded integers from it.
 */
#ifndef METRICS_METRIC_H
#define METRICS_METRIC_H

#include <stdatomic.h>

#include "base/base.h"

enum {
	METRIC_ROLES = 20, /* most roles of a daemon: proc/monitor.h ROLES_MAX */
	/* buckets of a histogram but the last, which has no bound */
	METRIC_BOUNDS = 20,
	METRIC_HISTOGRAM = METRIC_BOUNDS + 2, /* its slots: buckets, and the sum */
	/* processes of a daemon that can say how many they serve */
	METRIC_CELLS = 65536,
};

/* Labels that the code counts by.  Their texts are in table.c, in this order. */
enum metric_tls { METRIC_TLS_12, METRIC_TLS_13, METRIC_TLS_FAILED, METRIC_TLS_COUNT };

enum metric_login {
	METRIC_LOGIN_OK,
	METRIC_LOGIN_FAILED,
	METRIC_LOGIN_SUSPENDED,
	METRIC_LOGIN_ERROR,
	METRIC_LOGIN_COUNT
};

/* smtpd/budget/budget.h: enum budget_said */
enum metric_budget {
	METRIC_BUDGET_OK,
	METRIC_BUDGET_OVER,
	METRIC_BUDGET_OVER_DOMAIN,
	METRIC_BUDGET_STOPPED,
	METRIC_BUDGET_DOWN,
	METRIC_BUDGET_COUNT
};

enum metric_outcome {
	METRIC_PLACED,
	METRIC_RELAYED,
	METRIC_DEFERRED,
	METRIC_BOUNCED,
	METRIC_OUTCOME_COUNT
};

enum metric_state {
	METRIC_IN_JOURNAL,
	METRIC_IN_DEFERRED,
	METRIC_HELD,
	METRIC_STATE_COUNT
};

enum metric_put {
	METRIC_PUT_OK,
	METRIC_PUT_FULL,
	METRIC_PUT_BUSY,
	METRIC_PUT_FAILED,
	METRIC_PUT_COUNT
};

enum metric_job {
	METRIC_JOB_PLACED,
	METRIC_JOB_TEMP,
	METRIC_JOB_PERM,
	METRIC_JOB_COUNT
};

/* common/store/retention.c */
enum metric_retention {
	METRIC_RETENTION_REMOVED,
	METRIC_RETENTION_ARCHIVED,
	METRIC_RETENTION_COUNT
};

enum metric_done { METRIC_DONE_OK, METRIC_DONE_FAILED, METRIC_DONE_COUNT };

enum metric_hop {
	METRIC_HOP_MX,
	METRIC_HOP_SMTP,
	METRIC_HOP_LMTP,
	METRIC_HOP_UNIX,
	METRIC_HOP_COUNT
};

/* By the server's reply; or what came instead of one. */
enum metric_attempt {
	METRIC_ATTEMPT_2XX,
	METRIC_ATTEMPT_4XX,
	METRIC_ATTEMPT_5XX,
	METRIC_ATTEMPT_UNFIT,
	METRIC_ATTEMPT_UNCONNECTED,
	METRIC_ATTEMPT_TLS,
	METRIC_ATTEMPT_CUT,
	METRIC_ATTEMPT_COUNT
};

enum metric_ban { METRIC_BAN_NETWORK, METRIC_BAN_LOGIN, METRIC_BAN_COUNT };

/* By smtpd/rates.h. */
enum { METRIC_RATES = 5 };

/* By smtpd/policy/greylist.h. */
enum { METRIC_GREYLIST = 4 };

enum {
	METRIC_LISTENERS = 4,        /* smtpd/front.c */
	METRIC_SMTP_VERBS = 18 + 1,  /* smtpd/command.c, and the unknown */
	METRIC_POP3_VERBS = 12 + 1,  /* pop3d/command.c */
	METRIC_IMAP_VERBS = 53 + 1,  /* imapd/command.c */
	METRIC_SIEVE_VERBS = 14 + 1, /* deliver/managesieve/command.c */
	METRIC_LENIENT = 3,          /* enum strict_what of smtpd/limits.h */
	METRIC_CLASSES = 4,          /* replies 2yz to 5yz */
};

/* Replies of smtpd that refuse. */
/* clang-format off */
#define METRIC_SMTP_CODES(C) \
	C(421) C(450) C(451) C(452) C(454) C(455) C(500) C(501) C(502) C(503) C(504) \
	C(521) C(530) C(534) C(535) C(538) C(550) C(551) C(552) C(553) C(554) C(555) C(556)
/* clang-format on */
#define METRIC_CODE_ENUM(code) METRIC_CODE_##code,

enum metric_code {
	METRIC_SMTP_CODES(METRIC_CODE_ENUM) METRIC_CODE_OTHER,
	METRIC_CODES
};

enum metric_daemon {
	IN_SMTPD = 1,
	IN_QUEUE = 2,
	IN_DELIVER = 4,
	IN_POP3D = 8,
	IN_IMAPD = 16,
	IN_ALL = 31,
	IN_FRONT = IN_DELIVER | IN_POP3D | IN_IMAPD, /* common/login */
	IN_LOGIN = IN_SMTPD | IN_FRONT
};

/*
 * All that is measured: name of its first slot, slots, daemons, type, unit, name, labels, help.
 * The full name is merpati_DAEMON_NAME, with the unit behind it.  LATENCY is seconds, counted in
 * microseconds; AGES are seconds.
 */
/* clang-format off */
#define METRICS(M) \
/*	slot                     slots                daemons              type       unit       name                labels */ \
	M(M_START,               1,                   IN_ALL,              GAUGE,     "seconds", "process_start_time", none, \
		"when the daemon was started, Unix time") \
	M(M_PROCESS_STARTS,      METRIC_ROLES,        IN_ALL,              COUNTER,   "",        "process_starts",   roles, \
		"processes forked; restarts are what is past the first ones") \
	M(M_PROCESS_DEATHS,      METRIC_ROLES,        IN_ALL,              COUNTER,   "",        "process_deaths",   roles, \
		"processes that ended by a signal or in failure") \
	M(M_TLS,                 METRIC_TLS_COUNT,    IN_LOGIN,            COUNTER,   "",        "tls_handshakes", tls, \
		"TLS handshakes by version, or failed") \
	M(M_LOGINS,              METRIC_LOGIN_COUNT,  IN_LOGIN,            COUNTER,   "",        "logins",         logins, \
		"attempts to log in") \
	M(M_BANS,                METRIC_BAN_COUNT,    IN_LOGIN,            COUNTER,   "",        "bans",           bans, \
		"networks that were banned, and logins that were locked, for wrong passwords that this daemon saw") \
	M(M_BANNED,              1,                   IN_LOGIN,            COUNTER,   "",        "refused_by_ban", none, \
		"connections that were refused for a ban") \
	M(M_CONNECTIONS,         1,                   IN_FRONT,            COUNTER,   "",        "connections",      none, \
		"connections accepted") \
	M(M_SMTP_CONNECTIONS,    METRIC_LISTENERS,    IN_SMTPD,            COUNTER,   "",        "connections",      listeners, \
		"connections accepted") \
	M(M_SMTP_COMMANDS,       METRIC_SMTP_VERBS,   IN_SMTPD,            COUNTER,   "",        "commands",         smtp_verbs, \
		"commands by verb") \
	M(M_SMTP_REPLIES,        METRIC_CLASSES,      IN_SMTPD,            COUNTER,   "",        "replies",          classes, \
		"replies by class") \
	M(M_SMTP_REJECTS,        METRIC_CODES,        IN_SMTPD,            COUNTER,   "",        "rejects",          codes, \
		"replies that refuse, by code") \
	M(M_SMTP_LENIENT,        METRIC_LENIENT,      IN_SMTPD,            COUNTER,   "",        "not_refused",      lenient, \
		"what could have been refused and was counted (strict_bare and so on)") \
	M(M_SMTP_MESSAGES,       1,                   IN_SMTPD,            COUNTER,   "",        "messages",         none, \
		"messages that were answered 250") \
	M(M_SMTP_RECIPIENTS,     1,                   IN_SMTPD,            COUNTER,   "",        "recipients",       none, \
		"recipients of these") \
	M(M_SMTP_BYTES,          1,                   IN_SMTPD,            COUNTER,   "bytes",   "message",          none, \
		"bytes of these, with their heads") \
	M(M_SMTP_DATA,           METRIC_HISTOGRAM,    IN_SMTPD,            LATENCY,   "seconds", "data",             none, \
		"from DATA to its 250") \
	M(M_RATES,               METRIC_RATES,        IN_SMTPD,            COUNTER,   "",        "over_rate",        rates, \
		"what was refused because its network had done so much in a minute") \
	M(M_GREYLIST,            METRIC_GREYLIST,     IN_SMTPD,            COUNTER,   "",        "greylisted",       greylist, \
		"recipients by what greylisting said: wait, pass (came again), known (often enough), down") \
	M(M_GREYLIST_ROWS,       1,                   IN_SMTPD,            GAUGE,     "",        "greylist_rows",    none, \
		"senders and messages that greylisting knows") \
	M(M_BUDGET,              METRIC_BUDGET_COUNT, IN_SMTPD,            COUNTER,   "",        "budget",           budget, \
		"messages of logins, by what their budgets say") \
	M(M_BUDGET_TRIPPED,      1,                   IN_SMTPD,            GAUGE,     "",        "accounts_stopped", none, \
		"accounts that may not send until an admin releases them") \
	M(M_QUEUE_MESSAGES,      METRIC_STATE_COUNT,  IN_QUEUE,            GAUGE,     "",        "messages",         states, \
		"messages that wait; journal: not in a file of their own yet") \
	M(M_QUEUE_OLDEST,        1,                   IN_QUEUE,            AGE,       "seconds", "oldest",           none, \
		"age of the oldest message that is deferred and not held") \
	M(M_QUEUE_PUTS,          METRIC_PUT_COUNT,    IN_QUEUE,            COUNTER,   "",        "puts",             puts, \
		"messages handed to the spool, by its answer") \
	M(M_QUEUE_BATCH,         METRIC_HISTOGRAM,    IN_QUEUE,            SIZES,     "",        "batch_messages",   none, \
		"messages of a batch: one write, one sync") \
	M(M_QUEUE_BATCH_BYTES,   1,                   IN_QUEUE,            COUNTER,   "bytes",   "journal",          none, \
		"bytes written to the journal") \
	M(M_QUEUE_SYNC,          METRIC_HISTOGRAM,    IN_QUEUE,            LATENCY,   "seconds", "sync",             none, \
		"write and sync of a batch") \
	M(M_QUEUE_SYNC_FAILURES, 1,                   IN_QUEUE,            COUNTER,   "",        "sync_failures",    none, \
		"batches that could not be written or synced") \
	M(M_QUEUE_JOBS,          1,                   IN_QUEUE,            COUNTER,   "",        "jobs",             none, \
		"recipients given to placers") \
	M(M_QUEUE_RECIPIENTS,    METRIC_OUTCOME_COUNT, IN_QUEUE,           COUNTER,   "",        "recipients",       outcomes, \
		"what became of a recipient: placed (synced), relayed, deferred (an attempt that failed), bounced") \
	M(M_QUEUE_RETRIES,       1,                   IN_QUEUE,            COUNTER,   "",        "retries",          none, \
		"messages that came back from deferral to be tried again") \
	M(M_RELAY_ATTEMPTS,      METRIC_HOP_COUNT * METRIC_ATTEMPT_COUNT, IN_QUEUE, COUNTER, "", "relay_attempts", attempts, \
		"recipients that a relay tried, by kind of destination and what came of it") \
	M(M_RELAY_CONNECTIONS,   METRIC_HOP_COUNT,    IN_QUEUE,            COUNTER,   "",        "relay_connections", hops, \
		"connections to other hosts that came to be, by kind of destination") \
	M(M_RELAY_TLS,           METRIC_TLS_COUNT,    IN_QUEUE,            COUNTER,   "",        "relay_tls_handshakes", tls, \
		"TLS handshakes with other hosts by version, or failed") \
	M(M_RELAY_TLS_RESUMED,   1,                   IN_QUEUE,            COUNTER,   "",        "relay_tls_resumed", none, \
		"of these, those that went on with the session of an earlier connection") \
	M(M_RELAY_ATTEMPT,       METRIC_HISTOGRAM,    IN_QUEUE,            LATENCY,   "seconds", "relay_attempt",    none, \
		"from a recipient's being handed to a relay to its result") \
	M(M_RELAYED_AGE,         METRIC_HISTOGRAM,    IN_QUEUE,            AGES,      "seconds", "relayed_age",      none, \
		"age of a recipient when another host took it") \
	M(M_QUEUE_ROOM,          1,                   IN_QUEUE,            GAUGE,     "bytes",   "room",             none, \
		"free space on the spool's disk less what is promised and kept") \
	M(M_DELIVER_JOBS,        METRIC_JOB_COUNT,    IN_DELIVER,          COUNTER,   "",        "jobs",             jobs, \
		"recipients by result") \
	M(M_DELIVER_PLACED,      1,                   IN_DELIVER,          COUNTER,   "",        "placed",           none, \
		"messages written into a mailbox") \
	M(M_DELIVER_BYTES,       1,                   IN_DELIVER,          COUNTER,   "bytes",   "placed",           none, \
		"bytes of these") \
	M(M_DELIVER_CHECKPOINTS, METRIC_DONE_COUNT,   IN_DELIVER,          COUNTER,   "",        "checkpoints",      done, \
		"checkpoints: what was placed made durable") \
	M(M_DELIVER_CHECKPOINT,  METRIC_HISTOGRAM,    IN_DELIVER,          LATENCY,   "seconds", "checkpoint",       none, \
		"a checkpoint") \
	M(M_RETENTION,           METRIC_RETENTION_COUNT, IN_DELIVER,       COUNTER,   "",        "retention_messages", retention, \
		"messages that the rules of retention removed or archived") \
	M(M_RETENTION_RUNS,      METRIC_DONE_COUNT,   IN_DELIVER,          COUNTER,   "",        "retention_accounts", done, \
		"accounts in which these rules were carried out, or something was refused") \
	M(M_SIEVE_COMMANDS,      METRIC_SIEVE_VERBS,  IN_DELIVER,          COUNTER,   "",        "managesieve_commands", sieve_verbs, \
		"commands of ManageSieve after the login, by verb") \
	M(M_POP3_COMMANDS,       METRIC_POP3_VERBS,   IN_POP3D,            COUNTER,   "",        "commands",         pop3_verbs, \
		"commands after the login, by verb") \
	M(M_POP3_RETRIEVED,      1,                   IN_POP3D,            COUNTER,   "",        "retrieved",        none, \
		"messages retrieved with RETR") \
	M(M_POP3_DELETED,        1,                   IN_POP3D,            COUNTER,   "",        "deleted",          none, \
		"messages deleted at QUIT") \
	M(M_IMAP_COMMANDS,       METRIC_IMAP_VERBS,   IN_IMAPD,            COUNTER,   "",        "commands",         imap_verbs, \
		"commands after the login, by verb") \
	M(M_IMAP_COMMAND,        METRIC_HISTOGRAM,    IN_IMAPD,            LATENCY,   "seconds", "command",          none, \
		"a command, from its whole line to its tagged reply; not IDLE") \
	M(M_KEEPER_STARTS,       1,                   IN_POP3D | IN_IMAPD, COUNTER,   "",        "keeper_starts",    none, \
		"keepers forked by sessions of this daemon") \
	M(M_KEEPER_TAKEN,        1,                   IN_POP3D | IN_IMAPD, COUNTER,   "",        "keeper_taken_in",  none, \
		"messages taken in from new/ by these keepers") \
	M(M_KEEPER_COMMITS,      1,                   IN_POP3D | IN_IMAPD, COUNTER,   "",        "keeper_transactions", none, \
		"transactions of mailboxes' indexes, by these keepers") \
	M(M_KEEPER_SYNC,         METRIC_HISTOGRAM,    IN_POP3D | IN_IMAPD, LATENCY,   "seconds", "keeper_sync",      none, \
		"a sync of an index's log, by these keepers")
/* clang-format on */

#define METRIC_SLOT(slot, slots, ...) slot, slot##_LAST = slot + (slots)-1,

enum metric_slot { METRICS(METRIC_SLOT) METRIC_SLOTS };

/*
 * What one process says of itself.  Its monitor gives the cell out, and takes it back when the
 * process is dead.
 */
struct metric_cell {
	_Atomic uint32_t role;    /* its number + 1; 0: free */
	_Atomic uint32_t serving; /* clients, now */
};

struct metrics_block {
	_Atomic uint64_t layout; /* of the program that made it */
	_Atomic uint64_t slots[METRIC_SLOTS];
	/* pages that nobody touched cost nothing */
	struct metric_cell cells[METRIC_CELLS];
};

extern struct metrics_block *the_metrics;
extern struct metric_cell *the_metric_cell; /* of this process */

static inline void
metric_add(unsigned slot, uint64_t n)
{
	atomic_fetch_add_explicit(&the_metrics->slots[slot < METRIC_SLOTS ? slot : 0],
	    n, memory_order_relaxed);
}

static inline void
metric_count(unsigned slot)
{
	metric_add(slot, 1);
}

/* metric_set - a gauge, which has one writer */
static inline void
metric_set(unsigned slot, uint64_t value)
{
	atomic_store_explicit(&the_metrics->slots[slot < METRIC_SLOTS ? slot : 0],
	    value, memory_order_relaxed);
}

/* metric_serving - how many clients this process serves now */
static inline void
metric_serving(uint32_t n)
{
	atomic_store_explicit(&the_metric_cell->serving, n, memory_order_relaxed);
}

/* metric_took - into a histogram of type LATENCY: what began then (clock_mono_us) ends now */
void metric_took(unsigned slot, int64_t begin_us);
void metric_latency(unsigned slot, uint64_t us);
/* metric_size - into a histogram of type SIZES */
void metric_size(unsigned slot, uint64_t n);
/* metric_age - into a histogram of type AGES: what is as old as this.  Clocks jump: below 0 is 0 */
void metric_age(unsigned slot, int64_t sec);
/* metric_attempts - n recipients that a relay tried */
void metric_attempts(enum metric_hop, enum metric_attempt, uint64_t n);
/* metric_smtp_reply - its class, and where it refuses its code.  0: nothing was said */
void metric_smtp_reply(unsigned code);

extern const uint32_t metric_latency_bounds_us[METRIC_BOUNDS];
extern const uint32_t metric_size_bounds[METRIC_BOUNDS];
extern const uint32_t metric_age_bounds_sec[METRIC_BOUNDS];

/* ---- the monitor ---- */
/*
 * metrics_open - the block that this process and those forked from it count in from now on.
 *   fd       own: a memory file that an earlier image of this monitor made, or -1.  Of another
 *            layout: closed, all begins at 0
 *   returns  the memory file, for the next image; -1: there is none, numbers of children are lost
 *            (logged)
 */
int metrics_open(int fd);
/* metrics_cell_take - for a child of this role.  -1: none is free, the child is not counted */
int metrics_cell_take(unsigned role);
/*
 * metrics_cell_keep - the one that an earlier image gave a child; returns it, or -1: it is no such
 * thing
 */
int metrics_cell_keep(int cell, unsigned role);
void metrics_cell_use(int cell); /* in the child */
void metrics_cell_free(int cell);

#endif
