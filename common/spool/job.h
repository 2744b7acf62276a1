/* SPDX-License-Identifier: ISC */
/*
 * job.h - what the scheduler hands to a placer, and what comes back.  The scheduler connects to
 * RUN/deliver/jobs once per placer (MON_DAEMON "deliver"); a packet holds one or more whole jobs,
 * as many as are waiting, and is answered by packets of one or more results.
 */
#ifndef SPOOL_JOB_H
#define SPOOL_JOB_H

#include "spool/envelope.h"

enum job_ask {
	JOB_PLACE = 1, /* u16 n, n jobs -> JOB_RESULT messages, in any grouping */
	JOB_SYNC, /* u32 turn: all placed so far on this connection and all others is to be durable
	                * -> JOB_SYNCED turn, u8 ok */
	JOB_RESULT, /* u16 n, n results */
	JOB_SYNCED,
};

enum job_source { JOB_JOURNAL = 1, JOB_LARGE, JOB_DEFERRED };

struct job_ref {
	uint8_t source;   /* enum job_source */
	uint32_t segment; /* JOB_JOURNAL: file spool/journal/N */
	uint64_t offset;  /* of the message's first byte in its file */
}; /* JOB_LARGE: spool/large/xx/ID; JOB_DEFERRED: spool/deferred/xx/ID */

struct job {
	struct job_ref ref;
	const struct envelope *envelope; /* borrow */
	/* borrow: indexes of the recipients that are to be placed now */
	const uint16_t *which;
	uint16_t n_which; /* at most JOB_RCPTS_MOST */
};

enum job_outcome {
	JOB_PLACED = 1, /* in new/ of every mailbox it goes to; not yet synced */
	JOB_TEMP,       /* try later: reason */
	JOB_PERM,       /* never: reason (enhanced code and text) */
};

/* Whose mail a forward is, RFC 3461 5.2.7. */
enum forward_as {
	FORWARD_AS_IT_IS, /* an alias: the sender's */
	/* the same, its reverse-path rewritten so that it comes back by us */
	FORWARD_REWRITTEN,
	/* a list with an owner: the owner's; what the sender asked for ends here */
	FORWARD_AS_LIST,
	FORWARD_KINDS
};

struct job_result {
	struct id id;
	uint16_t rcpt;   /* index in the envelope */
	uint8_t outcome; /* enum job_outcome */
	/* JOB_PLACED by a relay: the server does DSN, and was told what the sender asked for */
	bool is_notified;
	/*
	 * "5.1.1 no such user", "5.1.1 HOST said: 550 5.1.1 No"; may say of JOB_PLACED, too,
	 * what the server said.  Borrow.  Most JOB_REASON_MAX
	 */
	struct span reason;
	/* JOB_PLACED by a placer: mailboxes here that have it now */
	uint16_t n_mailboxes;
	uint8_t forward_as; /* enum forward_as */
	/* of FORWARD_REWRITTEN and FORWARD_AS_LIST: the reverse-path of its forwards; borrow */
	struct span forward_sender;
	uint16_t n_forwards;         /* addresses elsewhere that an alias named */
	const struct span *forwards; /* borrow */
};

enum {
	JOB_REASON_MAX = 400,
	JOB_FORWARDS_MAX = 1000,
	JOB_BATCH_MAX = 128,
	JOB_RCPTS_MOST =
	    64, /* of one job: with all that is said of them they fit a packet */
};

/* One job of a JOB_PLACE packet.  Only the recipients in which travel, with their indexes. */
void job_put(struct buf *out, const struct job *);

struct job_in {
	struct job_ref ref;
	struct id id;
	uint64_t size_bytes;
	unsigned char sha256[32];
	uint32_t flags;                     /* enum envelope_flag */
	bool is_junk;                       /* ENV_QUARANTINE */
	uint32_t head_bytes;                /* maybe more than there are */
	struct span sender, account, envid; /* borrow: as in the envelope */
	uint8_t ret;
	uint16_t n_rcpts;

	struct job_rcpt {
		uint16_t index;
		struct span address, orcpt; /* borrow */
		uint8_t notify;
	} * rcpts; /* borrow: arena */
};

MUST_USE int job_get(struct rd *, struct arena *, struct job_in *out);
void job_result_put(struct buf *out, const struct job_result *);
MUST_USE int job_result_get(struct rd *, struct arena *, struct job_result *out);
/*
 * A JOB_RESULT packet, or what of a relay is like one: fn is told of each (borrow: until it
 * returns), n how many it says it has.  E_OK; E_BAD, E_LIMIT: fn has been told of those before the
 * one that is wrong
 */
MUST_USE int job_results_each(struct rd *body,
    void (*fn)(void *ctx, const struct job_result *), void *ctx, uint16_t *n);

#endif
