/* SPDX-License-Identifier: ISC */
/*
 * turn.h - between the role events and an agent of an account in which something happened over IMAP
 * (RFC 6785).  On a channel that the monitor made:
 *   TURN_BEGIN   events -> agent  nothing: run scripts over what waits, for a while -> TURN_END
 *   TURN_LETTER  agent -> events  u8 is_last, bytes: pieces of a letter that goes out -> TURN_SENT
 *   TURN_SENT    events -> agent  u8 enum turn_sent
 *   TURN_ROOM    agent -> events  nothing: may something more come into the account -> TURN_ROOM_IS
 *   TURN_ROOM_IS events -> agent  u8 has_room, as mail that comes would find it
 *   TURN_RUNNER  agent -> events  nothing: a process for a program (pipe.h) -> TURN_RUNNER_IS
 *   TURN_RUNNER_IS  events -> agent  u8 is_there, fd: a channel to it
 *   TURN_END     agent -> events  u8 enum turn_end
 * A letter is an id (of the event's message: sent again, it has the same) and an agent_answer with one
 * send and nothing to store.  As with orders (order.h) an agent is believed nothing but what it asks to
 * be sent in its user's name, within the limits of that header and of events.h; a runner has the same
 * uid as it, and believes it what it could do itself.
 */
#ifndef DELIVER_TURN_H
#define DELIVER_TURN_H

#include "deliver/order.h"

enum turn_ask {
	TURN_BEGIN = 16,
	TURN_LETTER,
	TURN_SENT,
	TURN_END,
	TURN_ROOM,
	TURN_ROOM_IS,
	TURN_RUNNER,
	TURN_RUNNER_IS
};

enum turn_sent {
	TURN_NOT_NOW,
	TURN_IS_SENT, /* it is in the queue, on stable storage */
	TURN_NEVER,   /* the queue would not take it at any time: it is dropped */
};

enum turn_end {
	TURN_DONE,  /* nothing waits any more */
	TURN_MORE,  /* the time is over */
	TURN_LATER, /* something is in trouble, or what is to be sent has to wait */
	TURN_ENDS
};

enum {
	TURN_MS = 2000, /* then others have their turn; a script that runs ends first */
	TURN_ASK_WAIT_MS =
	    30000, /* for the role events, and through it for the queue */
	/* a program that is not done, or wants to be asked later, is asked again so long after the event */
	TURN_PIPE_AGE_MOST_SEC = 3600,
	/* bytes in pieces: an answer, and what is around it */
	TURN_LETTER_BYTES_MAX = ANSWER_BYTES_MAX + 4096,
};

struct turn_letter {
	struct id id;
	struct agent_send send;
};

void turn_letter_put(struct buf *out, const struct turn_letter *);
/* turn_letter_get - spans borrow from in.  E_OK, E_BAD, E_LIMIT (arena) */
MUST_USE int turn_letter_get(struct span in, struct arena *, struct turn_letter *out);

/*
 * turn_run - in the agent: a turn, and its TURN_END.
 *   home     borrow: descriptor of the mailbox's directory
 *   returns  E_OK, or why the other side is no more
 */
MUST_USE int turn_run(int chan, int home);

/* ---- turn_send.c: what goes through the role events, in the agent ---- */
struct work;
/*
 * turn_send - the letters of its answer.  turn_pipe - what programs get of it.
 *   is_late  the event is older than TURN_PIPE_AGE_MOST_SEC
 *   is_kept  set where the message went nowhere, and is not to go
 *   returns  E_OK; E_LIMIT: not now.  Block TURN_ASK_WAIT_MS, and PIPE_EVENT_WAIT_MS for each program
 */
MUST_USE int turn_send(int chan, const struct work *, bool *is_kept);
MUST_USE int turn_pipe(int chan, const struct work *, bool is_late, bool *is_kept);
/* turn_room - E_OK, E_LIMIT: the account is full, or that cannot be known now */
MUST_USE int turn_room(int chan);

#endif
