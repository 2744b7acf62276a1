/* SPDX-License-Identifier: ISC */
/*
 * order.h - what a placer asks of an agent, and what it hears.  On a channel that the monitor made,
 * one order at a time:
 *   AGENT_RUN   placer -> agent   u8 is_last, bytes: pieces of an order, struct agent_order and the
 *                                 message behind it -> AGENT_DO
 *   AGENT_DO    agent -> placer   the same, of struct agent_answer
 *   AGENT_DONE  placer -> agent   nothing: all that the answer says has happened.  No reply
 * An agent has the uid of a user and runs what he wrote: the placer believes it nothing but what it
 * asks to be put into this user's mailbox or sent in his name, within the limits here.  Pure but for
 * order_send and order_recv.
 */
#ifndef DELIVER_ORDER_H
#define DELIVER_ORDER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "spool/envelope.h"
#include "store/directions.h"

enum order_ask { AGENT_RUN = 1, AGENT_DO, AGENT_DONE };

enum {
	ORDER_CHUNK = 60000,     /* bytes of one piece */
	ORDER_BYTES_MAX = 16384, /* of an order, without its message */
	ORDER_ADDRESS_MAX = 512, /* octets of one that was sent to, with its detail */
	ORDER_MESSAGE_MAX =
	    256 << 20, /* larger ones are placed as if there was no script */
	ANSWER_BYTES_MAX = 96 << 20,
	ANSWER_STORES_MOST =
	    40, /* 32 actions, copies of letters, a report of an error */
	ANSWER_SENDS_MOST = 32,
	ANSWER_RCPTS_MOST = 64, /* of one letter */
	ANSWER_HEAD_MAX = 4 << 20,
};

struct agent_order {
	struct file_id id;   /* of the message in this mailbox */
	uint64_t size_bytes; /* as it is stored: with the Return-Path */
	/* borrow: address of the mailbox; whom it came for, with its detail; the same as in RCPT */
	struct span address, to, orig_to;
	bool is_own; /* orig_to is an address of this user alone, and no list's */
	struct span sender, account, envid, orcpt; /* borrow: as in the envelope */
	uint8_t ret, notify;
	struct span message; /* borrow: without the Return-Path */
};

/* A file in the mailbox. */
struct agent_store {
	uint16_t number;        /* of the action; 0: the first store */
	bool is_text;           /* a text of its own, not the message */
	bool has_head;          /* text instead of the head of the message */
	bool has_body;          /* has_head: body instead of its body, too */
	struct span directions; /* borrow; empty: INBOX, or where junk goes */
	struct span text;       /* borrow: the head, with its empty line, or the text */
	struct span body;       /* borrow */
	uint64_t body_at;       /* has_head: where the message goes on behind it */
};

enum agent_send_kind {
	SEND_REDIRECT = 1,
	SEND_VACATION,
	SEND_REJECT,
	SEND_NOTIFY,
	SEND_PIPE, /* to a program; rcpts: its user */
};

/* In notify of a SEND_PIPE. */
enum { PIPE_IS_TRY = 1, PIPE_IS_COPY = 2 };

/* A message that goes out. */
struct agent_send {
	uint8_t kind; /* enum agent_send_kind */
	/* of the action; of a pipe: how many before it have the same fields */
	uint16_t number;
	const struct span *rcpts; /* borrow: arena */
	uint16_t n_rcpts;
	/* of a redirect: instead of what the sender asked for; 0: that; of a pipe: PIPE_IS_ */
	uint8_t notify, ret;
	bool has_head, has_body; /* of a redirect or pipe: as in struct agent_store */
	/* borrow: of a redirect, fields before its head; of a pipe, n x str: name and arguments; the
	 * head, and the body; else the whole text */
	struct span fields, text, body;
	uint64_t body_at; /* has_head: where the message goes on behind it */
};

struct agent_answer {
	/* the scripts failed, and the user was told: for the log */
	bool has_failed;
	/* it was done before, but for what is stored: nothing is to be sent */
	bool is_done;
	bool wants_done;            /* AGENT_DONE */
	struct agent_store *stores; /* borrow: arena */
	size_t n_stores;
	struct agent_send *sends; /* borrow: arena */
	size_t n_sends;
};

/* order_put - all but its message */
void order_put(struct buf *out, const struct agent_order *);
/* order_get - in: an order, and its message.  Spans borrow from in.  E_OK, E_BAD */
MUST_USE int order_get(struct span in, struct agent_order *out);
void answer_put(struct buf *out, const struct agent_answer *);
/* answer_get - spans borrow from in.  E_OK, E_BAD, E_LIMIT (arena) */
MUST_USE int answer_get(struct span in, struct arena *, struct agent_answer *out);

/*
 * A message in pieces.  order_send_begin; order_send_bytes as often as needed; order_send_end.
 *   returns  E_OK, E_IO (gone), E_LIMIT (deadline)
 */
struct order_sending {
	int chan; /* borrow */
	uint16_t type;
	int64_t deadline;
	struct buf piece; /* own, until order_send_end */
	int err;
};

void order_send_begin(
    struct order_sending *, int chan, uint16_t type, int64_t deadline);
void order_send_bytes(struct order_sending *, struct span);
MUST_USE int order_send_end(struct order_sending *);
void order_send_drop(struct order_sending *); /* instead: it stays without an end */
/*
 * order_piece - one message of a channel, of this type: its bytes are put behind out, whose max
 * bounds them.  E_OK (it was the last), E_MORE, E_BAD, E_LIMIT
 */
MUST_USE int order_piece(struct rd *body, struct buf *out);

#endif
