/* SPDX-License-Identifier: ISC */
/*
 * slept.h - what a session knows, as bytes, while it has no process: session.h says what that is.
 * They are read by the build that wrote them, and come from the nest: anything may be in them.
 * Pure.
 */
#ifndef IMAPD_SLEPT_H
#define IMAPD_SLEPT_H

#include "store/numset.h"

enum {
	SLEPT_FORMAT = 3,         /* with MERPATI_VERSION: another one is not read */
	SLEPT_RANGES_MOST = 1000, /* of a set of uids; who has more stays awake */
	SLEPT_INPUT_MAX = 4096,   /* octets of a command that is not there to its end */
	SLEPT_DEFLATE_MAX = 33000,
	/*
	 * octets of what NOTIFY asks for, and of the mailboxes as they were told: about 400; 230
	 * beside a full SLEPT_DEFLATE_MAX in SLEEP_STATE_MAX
	 */
	SLEPT_NOTIFY_MAX = 32768,
};

/*
 * The messages that the client knows need no list: they are what the mailbox has up to a uid, and
 * what went from it since a mod-sequence, and a few that went before without its being told.
 */
struct slept_mailbox {
	uint32_t mailbox, uidvalidity, recent_from;
	bool is_read_only, has_recent;
	uint32_t n;        /* messages the client knows of */
	uint32_t uid_last; /* no larger one was looked at */
	uint32_t n_keywords_told;
	uint64_t modseq;       /* changes up to here were told */
	uint64_t modseq_seen;  /* what went up to here is in pending, or was told */
	struct numset pending; /* own: went, and the client was not told */
	struct numset saved;   /* own: "$" */
};

struct slept {
	bool is_idle;     /* in IDLE, with this tag */
	struct span tag;  /* borrow: the bytes, as all spans here */
	unsigned enabled; /* enum enabled */
	/* for EN_METADATA: changes up to here were told; else 0 */
	uint64_t metadata;
	uint32_t errors;
	int64_t deadline; /* of IDLE; monotonic, ms */
	int64_t woke_ms;  /* when a change woke it last; 0: none did */
	struct span input;
	bool is_deflated;
	struct span deflate; /* deflate_save's */
	struct span notify;  /* for what NOTIFY has set; empty: nothing */
	bool has_mailbox;
	struct span owner; /* local part of the account whose that is; empty: its own */
	struct slept_mailbox mailbox;
};

void slept_put(struct buf *, const struct slept *);
/* slept_get - E_OK, E_BAD; out is slept_done's at any result */
MUST_USE int slept_get(struct span, struct slept *out);
void slept_done(struct slept *);

#endif
