/* SPDX-License-Identifier: ISC */
/*
 * message.h - the bytes of one message on their way into the spool: in memory up to
 * SPOOL_SMALL_MAX, past that into the unnamed file of the spool.  The first thing that goes wrong
 * sticks; the rest is read and dropped, so that the reply comes where the client waits for it.
 */
#ifndef SMTPD_MESSAGE_H
#define SMTPD_MESSAGE_H

#include "smtpd/data.h"
#include "smtpd/reply.h"
#include "smtpd/shape.h"
#include "spool/put.h"

struct hash;
struct message;

enum {
	/* bytes before the client's; with what a judge wants to say, past MESSAGE_ROOM */
	MESSAGE_HEAD_MAX = 96 * 1024,
	MESSAGE_ROOM = 4096, /* kept for them in memory: more is a copy */
	MESSAGE_MEM_KEPT = 64 * 1024,
};

/*
 * Writes what stands before the client's bytes: Return-Path first, then Received, then missing
 * fields.  Called once, when the header was seen (or is longer than SPOOL_SMALL_MAX), and after the
 * judge.  At most MESSAGE_HEAD_MAX bytes, without a judge MESSAGE_ROOM.
 *   returns the length of the Return-Path line
 */
typedef uint32_t message_head_fn(void *ctx, const struct head_scan *, struct buf *out);

/*
 * Looks at a message that is whole, and may give it another header or body.
 *   shape    as it was sent; header and body may be replaced by what lives until message_end
 *            returns
 *   returns  R_NONE: it is taken; R_QUEUED: its client is told so, and it is not; or the refusal
 */
typedef enum reply message_judge_fn(void *ctx, struct span message, struct shape *);

struct message {
	/* own: room for the head, then bytes; later a file's next ones */
	struct buf mem;
	struct data_scan scan;
	struct head_scan head;
	uint64_t size_bytes; /* of the client's bytes */
	uint64_t most_bytes;
	uint64_t hops_most;
	uint64_t head_bytes; /* of all that was put before them */
	uint32_t return_path_bytes;
	char last; /* last byte that was added */
	/* bare CR and LF are made blanks, long lines are taken: strict.h */
	bool takes_bare, takes_long;
	bool has_cr;                /* of what takes_bare looks at */
	bool is_binary;             /* BINARYMIME: its body may be anything */
	bool has_room;              /* the spool promised it */
	int file;                   /* borrow: the spool client's; -1: small */
	struct hash *hash;          /* own; while there is a file */
	enum reply fault;           /* R_NONE, or what the client is told */
	struct spool_client *spool; /* borrow */
	message_head_fn *put_head;
	message_judge_fn
	    *judge;       /* NULL: none; it costs large messages a move in their file */
	void *ctx;        /* borrow: for both */
	int64_t begun_us; /* DATA, or the first BDAT; monotonic */
};

/*
 * message_begin - bytes: what the client announced, or 0.  Asks the spool for room where that is
 * not sure.  R_NONE, or why not: R_NO_ROOM, R_QUEUE_DOWN (within SPOOL_WAIT_MS)
 */
MUST_USE enum reply message_begin(struct message *, uint64_t bytes);
void message_add(struct message *, struct span piece);
/*
 * message_end - all is here: the message is handed to the spool and on stable storage at R_QUEUED.
 *   e        sender, recipients, ...; id; its sizes and digest are filled in.  size_bytes 0: it was
 *            not wanted, and is not there
 *   returns  R_QUEUED, or why it is refused
 */
MUST_USE enum reply message_end(struct message *, struct envelope *e);
/* message_drop - ended without: promised room goes back.  Also after message_end */
void message_drop(struct message *);
/* message_shrink - between connections: the memory goes */
void message_shrink(struct message *);

#endif
