/* SPDX-License-Identifier: ISC */
/*
 * envelope.h - what the suite knows of a message beside its bytes: who sent it, to whom it goes.
 * Written by the intake once, stored in the journal, read by scheduler, placer and bounce.
 */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "spool/dsn.h"

enum {
	ENVELOPE_RCPTS_MAX = 1000, /* RFC 5321 4.5.3.1.8 asks for at least 100 */
	ENVELOPE_PATH_MAX = 320,   /* octets of an address, without <> (64 + 1 + 255) */
	ENVELOPE_ORCPT_MAX = DSN_ORCPT_MAX,
	ENVELOPE_ENVID_MAX = DSN_ENVID_MAX,
	ENVELOPE_BYTES_MAX = 1000 * 1400 + 4096,
};

enum envelope_flag {
	ENV_SMTPUTF8 = 1, /* RFC 6531 */
	ENV_8BITMIME = 2, /* BODY=8BITMIME was declared */
	ENV_DERIVED = 4,  /* made from another message (bounce, forward) */
	/* taken in from a file of spool/drop/, which client names; the spool removes it */
	ENV_DROPPED = 8,
	/* RFC 8689 2: goes on over TLS with a host that is known, or back */
	ENV_REQUIRETLS = 16,
	/* RFC 8689 3, "TLS-Required: No": what its domain says of TLS is not asked */
	ENV_TLS_OPTIONAL = 32,
	/* placed where junk goes: its sender's domain asks for that (RFC 7489 6.3) */
	ENV_QUARANTINE = 64,
	/* RFC 3030: its body may have bare CR and LF, NUL, and lines of any length */
	ENV_BINARYMIME = 128,
	/* smtpd looked at it: above our Received stands what it found (Authentication-Results) */
	ENV_JUDGED = 256,
};

#define DROPPED_CLIENT                                                                 \
	"drop/" /* client of ENV_DROPPED: this, and the name of its file: an id */

enum rcpt_state {
	RCPT_WAITING = 0, /* nothing final yet */
	RCPT_DONE = 1,    /* placed, relayed or reported: never again */
	RCPT_HELD = 2,    /* waiting, and not tried before an admin says so */
	/* these three: never again, and its sender is yet to be told that */
	RCPT_DELIVERED = 3,
	RCPT_RELAYED = 4,
	RCPT_EXPANDED = 5,
	RCPT_STATES = 15, /* the bits of the above */
	/* a bit beside WAITING or HELD: its sender was told that it is late */
	RCPT_WARNED = 16,
	/* another: what its alias sends on is made; only its mailboxes are still to have it */
	RCPT_FORWARDED = 32,
	RCPT_BESIDE = RCPT_WARNED | RCPT_FORWARDED,
};

/*
 * A mark says what became of a recipient: its index, and above it the state, none for RCPT_DONE.
 * Marks are noted, and may be applied again later: then they take nothing back.
 */
enum { MARK_INDEX_BITS = 10 };

/* RCPT_DONE, RCPT_DELIVERED to RCPT_EXPANDED, one of RCPT_BESIDE */
uint16_t mark_make(uint32_t index, uint8_t state);
uint16_t mark_index(uint16_t mark);
uint8_t mark_apply(uint16_t mark, uint8_t state); /* the state from now on */

struct rcpt {
	struct span address; /* borrow: of the arena or the bytes decoded from */
	struct span orcpt;   /* ORCPT as given, "type;xtext", or empty (spool/dsn.h) */
	uint8_t notify;      /* NOTIFY, bits of enum dsn_notify; 0: not given */
	uint8_t state;       /* enum rcpt_state */
};

struct envelope {
	struct id id;
	uint32_t flags;
	/* of the stored message: Return-Path, Received, then what was sent */
	uint64_t size_bytes;
	unsigned char sha256[32]; /* of the same bytes */
	uint32_t head_bytes; /* length of the Return-Path line, left out when relayed */
	int64_t arrived_sec; /* wall clock */
	/* RFC 4865: not tried before, wall clock; 0: at once */
	int64_t release_sec;
	struct span sender;  /* reverse-path without <>; empty: null sender */
	struct span account; /* who logged in, or empty */
	struct span client;  /* address of the client, text */
	struct span envid;   /* ENVID as given, xtext, or empty */
	uint8_t ret;         /* RET: enum dsn_ret */
	uint32_t n_rcpts;
	struct rcpt *rcpts; /* borrow: of an arena */
};

/* envelope_address_check - one that mail can be sent to: local-part, '@', domain */
bool envelope_address_check(struct span);

void envelope_put(struct buf *out, const struct envelope *);
/* envelope_get - E_OK, E_BAD (not an envelope), E_LIMIT (arena).  Spans borrow from in. */
MUST_USE int envelope_get(struct span in, struct arena *, struct envelope *out);

#endif
