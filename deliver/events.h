/* SPDX-License-Identifier: ISC */
/*
 * events.h - the role that has scripts run over what happened in mailboxes over IMAP (RFC 6785): imapd
 * rings for an account (store/ring.h), an agent of it does the work in turns (turn.h), and what its
 * scripts send is handed to the queue here.  What happened stands in the account's index, and goes
 * there when it is done: this role may die at any time.  For which accounts was rung it keeps in
 * STATE/events/waiting.
 */
#ifndef DELIVER_EVENTS_H
#define DELIVER_EVENTS_H

#include "deliver/turn.h"
#include "proc/jail.h"

enum {
	EVENTS_ACCOUNTS_MOST =
	    4096, /* that wait; whose ring finds no room is looked at with his next */
	EVENTS_TURNS_MOST = 16, /* agents at work at once */
	EVENTS_CALLERS_MOST = 64,
	EVENTS_CALLER_MS = 5000,
	/* of a turn: its time, a script that just began, letters that wait for the queue */
	EVENTS_TURN_WAIT_MS = 180000,
	EVENTS_LATER_MS = 30000, /* something is in trouble */
	EVENTS_FULL_MS =
	    300000, /* the account has no room, or is suspended: it waits */
	EVENTS_FAILED_MOST_MS =
	    300000, /* between two attempts; the first come sooner */
	/* of an account, in the window; what is more waits */
	EVENTS_LETTERS_MOST = 100,
	EVENTS_RUNNERS_MOST = 3000,
	EVENTS_WINDOW_MS = 600000,
	/* letters, looks for room and runners in a turn: more than its time is enough for */
	EVENTS_ASKS_MOST = 10000,
	/* memory of letters on their way, of all accounts together: at least one finds room */
	EVENTS_LETTERS_BYTES_MOST = 256 << 20,
};

int events_prepare(void);
void events_jail(struct jail *);
int events_run(void);

/* ---- event_letter.c ---- */
void event_letters_open(void);
/*
 * event_letter - into the queue, durable at E_OK; sent again it is the same.
 *   account  whose it is: the sender of what is redirected
 *   returns  E_OK, E_IO (not now), E_BAD (the queue takes no such letter)
 */
MUST_USE int event_letter(struct span account, const struct turn_letter *);

/* ---- event_pieces.c: letters that come in pieces, within EVENTS_LETTERS_BYTES_MOST ---- */
struct event_pieces {
	struct buf bytes; /* own; its memory is counted */
	bool
	    is_left_out; /* there was no room: what comes of it is read, and forgotten */
};

/*
 * event_pieces_take - one more, as order_piece.
 *   returns  E_OK: it is whole, and in bytes; E_MORE; E_LIMIT: its end came, and it had no room; E_BAD
 */
MUST_USE int event_pieces_take(struct event_pieces *, struct rd *body);
/* event_pieces_reset - empty, and its memory given back: it may be long until the next one */
void event_pieces_reset(struct event_pieces *);
void event_pieces_free(struct event_pieces *);

/* ---- event_times.c: within EVENTS_WINDOW_MS from the first one ---- */
struct event_times {
	int64_t since_ms;
	unsigned n;
};

/* event_times_take - one more; false: there were most of them */
bool event_times_take(struct event_times *, unsigned most, int64_t now_ms);
/* event_times_are_known - there were some: to forget them would give more */
bool event_times_are_known(const struct event_times *, int64_t now_ms);

/* ---- event_waiting.c: STATE/events/waiting, lines of addresses ---- */
/* event_waiting_each - what a process before wrote; nothing where it cannot be read (logged) */
void event_waiting_each(
    const char *dir, void (*fn)(void *ctx, struct span address), void *ctx);
/* event_waiting_write - whole or not at all; not synced.  E_OK, E_IO (logged) */
MUST_USE int event_waiting_write(const char *dir, struct span lines);

#endif
