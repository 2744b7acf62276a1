/* SPDX-License-Identifier: ISC */
/*
 * turn.h - between the role events and an agent of an account in which something happened over IMAP
 * (RFC 6785).  On a channel that the monitor made:
 *   TURN_BEGIN   events -> agent  nothing: run scripts over what waits, for a while -> TURN_END
 *   TURN_LETTER  agent -> events  u8 is_last, bytes: pieces of a letter that goes out -> TURN_SENT
 *   TURN_SENT    events -> agent  u8 is_sent: it is in the queue, on stable storage
 *   TURN_END     agent -> events  u8 enum turn_end
 * A letter is an id (of the event's message: sent again, it has the same) and an agent_answer with one
 * send and nothing to store.  As with orders (order.h) an agent is believed nothing but what it asks to
 * be sent in its user's name, within the limits of that header and of events.h.
 */
#ifndef DELIVER_TURN_H
#define DELIVER_TURN_H

#include "deliver/order.h"

enum turn_ask { TURN_BEGIN = 16, TURN_LETTER, TURN_SENT, TURN_END };

enum turn_end {
	TURN_DONE,  /* nothing waits any more */
	TURN_MORE,  /* the time is over */
	TURN_LATER, /* something is in trouble, or what is to be sent has to wait */
	TURN_ENDS
};

enum {
	TURN_MS = 2000, /* then others have their turn; a script that runs ends first */
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

#endif
