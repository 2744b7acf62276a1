/* SPDX-License-Identifier: ISC */
/*
 * nap.h - sessions that sleep: after sleep_after without a word, in IDLE or between two commands,
 * the connection goes to the nest and the process ends (login/sleep.h).
 */
#ifndef IMAPD_NAP_H
#define IMAPD_NAP_H

#include "imapd/command.h"
#include "login/serve.h"

enum {
	NAP_AGAIN_MS = 1000, /* it could not be: the next try */
};

/* nap_begin - of a session that begins, or wakes: its setting */
void nap_begin(struct session *);
/*
 * nap_between - before a command: waits for its first octet, and sleeps if it does not come
 * (is_over is set then).  Where NOTIFY tells of changes meanwhile it leaves that to notify_wait.
 * E_OK; E_MORE (idle for too long), E_IO
 */
MUST_USE int nap_between(struct session *);
/*
 * nap_in_idle - nothing is to be told, and nothing was said: goes to sleep, if its time has come.
 *   looked    mod-sequence up to which the selected mailbox was looked at; 0: none is selected
 *   deadline  of the IDLE
 *   returns   E_OK: it sleeps; E_MORE: something changed, look again; E_LIMIT: not now
 */
MUST_USE int nap_in_idle(struct session *, uint64_t looked, int64_t deadline);
/* nap_in_wait - the same, between commands, where NOTIFY tells of changes */
MUST_USE int nap_in_wait(struct session *, uint64_t looked, int64_t deadline);
/* nap_deadline - when a client that is silent from now on is sent away; it may have slept in between */
int64_t nap_deadline(const struct session *);
/* nap_at - when nap_in_idle or nap_in_wait is to be called next; DEADLINE_NONE: never */
int64_t nap_at(const struct session *);
/*
 * nap_told - one that woke has told what there was, and stays up: the next one may wake.  When it
 * sleeps again, its process is free for the next one of its account, and the monitor says so
 */
void nap_told(struct session *);
/* nap_wake - fn of serve_sleepers, once the session is made: goes on where it was */
void nap_wake(struct session *, struct span state);

#endif
