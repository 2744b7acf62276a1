/* SPDX-License-Identifier: ISC */
/*
 * sts.h - the process that knows what other domains say about TLS to their mail hosts (MTA-STS, RFC
 * 8461), and tells them how it went (TLSRPT, RFC 8460); and how relays ask it.  It fetches
 * policies, keeps them, counts results, and sends reports.
 *   sts.c       the role, its asks      client.c  who asks it        asks.c     asks as bytes
 *   admin.c     "merpati queue tlsrpt"
 *   discover.c  finding a policy        policies.c   policies, kept     wire.c     the DNS and fetches, side by side
 *   tally.c     results, kept           tlsrpt.c  the day's end      compose.c  a report, and the mail that it travels in
 */
#ifndef QUEUE_STS_STS_H
#define QUEUE_STS_STS_H

#include "net/mta_sts.h"
#include "proc/jail.h"
#include "queue/relay/tls_result.h"

enum sts_ask {
	/* str domain -> sts_answer (sts_answer_put), within STS_LOOK_UP_MS */
	STS_POLICY = 1,
	STS_NOTE, /* sts_note: how TLS came out.  No reply */
};

enum {
	/* then what is kept is answered, and the look-up goes on; nobody waits for it any longer */
	STS_LOOK_UP_MS = 15000,
	STS_WAIT_MS = 25000, /* of one who asks, in all */
	STS_WHY_MAX = 200,
	STS_TEXT_MAX = 255, /* octets of a host, a name in EHLO, an address */
	/* octets of a policy in a note; more are cut after a line */
	STS_POLICY_LINES_MAX = 4096,
	STS_ARENA_BYTES = 256 << 10,
};

/* What is known of a domain. */
struct sts_answer {
	/* mta_sts_policy_parse reads it; empty: there is none that holds */
	struct span policy;
	/* why there is none although the DNS says that there is one; TLS_FINE: nothing is wrong */
	enum tls_outcome failure;
	struct span why; /* of a failure, for people */
};

/*
 * How TLS with one host of a domain came out; of a failure that no connection shows (TLS_STS_...)
 * source, helo and so on are empty.
 */
struct sts_note {
	/* whose mail it was, in A-labels; borrow, as all spans here */
	struct span domain;
	enum tls_policy policy;
	/* of the policy, as RFC 8460 4.4 wants them; each ends in LF */
	struct span lines;
	/* "mx-host": the names in the policy, or of the host; each ends in LF */
	struct span hosts;
	enum tls_outcome outcome;
	/* ours; the host's name, its address, how it called itself; may be empty */
	struct span source, host, address, helo;
	struct span why; /* of a failure */
};

void sts_answer_put(struct buf *, const struct sts_answer *);
/* E_OK, E_BAD, E_LIMIT (arena full) */
MUST_USE int sts_answer_get(struct rd *, struct arena *, struct sts_answer *out);
void sts_note_put(struct buf *, const struct sts_note *); /* what is too long is cut */
/* borrows.  E_OK, E_BAD */
MUST_USE int sts_note_get(struct rd *, struct sts_note *out);

/* ---- the asking side: blocks, for straight-line code; its role's channels have "sts" ---- */

/* sts_begin - asks for the policy of a domain, and does not wait; sts_end waits for it */
void sts_begin(struct span domain);
/*
 * sts_end - what was asked by sts_begin; may be called when nothing was.
 *   out      in the arena
 *   returns  E_OK, E_IO (nobody knows now: whether a policy holds cannot be said)
 */
MUST_USE int sts_end(struct arena *, struct sts_answer *out);
void sts_tell(const struct sts_note *); /* of nobody hears it, it is lost */

/*
 * ---- the role: {.name = "sts", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1, ...} ----
 */

/* kind of one who asks on RUN/queue/reports: no role has this number */
enum { STS_ADMIN = 1000 };

void sts_jail(struct jail *);
int sts_run(void);
const struct ask_table *sts_table(unsigned kind);

/* admin.c */
void sts_admin_open(void);
const struct ask_table *sts_admin_table(void);

#endif
