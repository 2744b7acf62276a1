/* SPDX-License-Identifier: ISC */
/*
 * admin.h - RUN/queue/admin, a SOCK_SEQPACKET socket: what "merpati queue" asks of the scheduler.
 * Root and the uid of the suite may connect; one ask at a time on a connection, answered in order.
 */
#ifndef SPOOL_ADMIN_H
#define SPOOL_ADMIN_H

#include "base/arena.h"
#include "spool/envelope.h"

enum admin_ask {
	/* nothing -> u64 messages that are not yet in every mailbox they go to */
	ADMIN_COUNT = 1,
	/* nothing -> packets of u16 n, n entries (admin_entry_put); the last has n = 0 */
	ADMIN_LIST,
	/*
	 * id -> u8 found, one entry, and a descriptor of the message's bytes (none: it went
	 * meanwhile)
	 */
	ADMIN_SHOW,
	ADMIN_FLUSH,  /* u8 has_id, id: attempt now, this one or all -> u32 how many */
	ADMIN_REMOVE, /* u8 has_id, id: remove without a report, this one or all -> u32 how many, when it is durable;
	                  * what is under way goes when that ended */
	/* id: not tried any more -> u32 how many; answered when what is under way for it ended */
	ADMIN_HOLD,
	ADMIN_RELEASE, /* id: held no longer, due now -> u32 how many */
	/*
	 * id: as if it had come now: held no longer, no attempts, a new lifetime, due now -> u32
	 * how many
	 */
	ADMIN_REQUEUE,
	/*
	 * id -> u8 found, u8 enum admin_why, u64 wall clock of its return to the sender, one entry
	 */
	ADMIN_WHY,
	/* str address -> u16 n, n rows (admin_refused_put) behind that address; none: the end */
	ADMIN_SUPPRESSED,
	/* str address: refusals of it are forgotten -> u32 how many */
	ADMIN_UNSUPPRESS,
	/* str destination (queue/suspend.h): no mail goes there -> u32 how many: 0, 1.  Durable */
	ADMIN_SUSPEND,
	ADMIN_RESUME, /* the same, for its end */
	/* nothing -> u16 n, n x {str destination, u64 wall clock since when} */
	ADMIN_SUSPENDED,
	/*
	 * str account: all of its mail is held, and what will come of it -> u32 how many wait so.
	 * The account's hold is durable; what is under way is held when that ended
	 */
	ADMIN_HOLD_ACCOUNT,
	ADMIN_RELEASE_ACCOUNT, /* str account: the end of that, and of its holds -> u32 how many */
	/* str account: what is held of it is removed without a report -> u32; durable */
	ADMIN_PURGE_ACCOUNT,
	ADMIN_ASKS
};

/*
 * RUN/queue/hold: ADMIN_HOLD_ACCOUNT alone, for smtpd's process that finds accounts past their
 * budgets; otherwise as RUN/queue/admin.
 */

/*
 * RUN/queue/reports, answered by the process sts: what "merpati queue tlsrpt" asks; otherwise as
 * RUN/queue/admin.
 */
enum reports_ask {
	/* u32 day, str domain -> u16 n, n rows (admin_report_put) behind these; none: the end */
	REPORTS_LIST = 1,
	/* nothing -> u32 how many reports, of days that are over, are due now */
	REPORTS_SEND,
};

enum admin_state { ADMIN_ACTIVE, ADMIN_DEFERRED, ADMIN_HELD };

/* What a message waits for. */
enum admin_why {
	WHY_BACK_OFF,   /* its next attempt */
	WHY_DELIVER,    /* local delivery, which does not run */
	WHY_HELD,       /* an admin */
	WHY_FETCH,      /* it is due: for its turn among what is due */
	WHY_ATTEMPT,    /* the attempt that is made now */
	WHY_CHECKPOINT, /* its mailboxes to be synced */
	WHY_REPORT,     /* a report to its sender */
	WHY_FILE,       /* a file of its own, which could not be written */
	/* its destination, which is down, wants less mail, or has much of it */
	WHY_DESTINATION,
	WHY_SUSPENDED, /* an admin, who suspended its destination */
	WHY_RELEASE,   /* the moment that its sender named (RFC 4865) */
	WHY_COUNT
};

enum {
	ADMIN_REASON_MAX = 400,
	ADMIN_PACKET_BYTES = 60000,
	ADMIN_RCPTS_SHOWN = 50, /* of an entry: those that wait first */
};

struct admin_entry {
	struct id id;
	uint8_t state; /* enum admin_state */
	uint64_t size_bytes;
	int64_t arrived_sec; /* wall clock */
	int64_t next_sec;    /* wall clock; 0: now */
	uint32_t attempts;
	struct span sender; /* borrow, as all spans here */
	uint32_t n_rcpts;

	struct admin_rcpt {
		struct span address;
		uint8_t state;      /* enum rcpt_state */
		struct span reason; /* of the last failure; or empty */
	} * rcpts;

	struct span account; /* who logged in, or empty */
};

/* An address elsewhere that was refused (queue/suppress.h). */
struct admin_refused {
	struct span address;
	uint32_t count;
	int64_t first_sec, last_sec; /* wall clock */
	struct span reason;
	bool is_suppressed; /* not written to now */
};

/* Results of TLS with a domain's hosts that are not reported yet (queue/sts/tally.h). */
struct admin_report {
	uint32_t day; /* since 1970 */
	struct span domain;
	uint64_t n_fine, n_failed; /* sessions */
	int64_t due_sec;           /* wall clock */
	uint32_t attempts;
};

void admin_report_put(struct buf *, const struct admin_report *);
MUST_USE int admin_report_get(struct rd *, struct admin_report *out); /* E_OK, E_BAD */
void admin_refused_put(struct buf *, const struct admin_refused *);
/* E_OK, E_BAD */
MUST_USE int admin_refused_get(struct rd *, struct admin_refused *out);
void admin_entry_put(struct buf *, const struct admin_entry *);
/* E_OK, E_BAD, E_LIMIT */
MUST_USE int admin_entry_get(struct rd *, struct arena *, struct admin_entry *out);

#endif
