/* SPDX-License-Identifier: ISC */
/*
 * milter.h - conversations with the mail filters of one setting, in order: each is told of client,
 * HELO, sender, recipients and message, and each sees what those before it changed.  Connection and
 * HELO are told with the first MAIL: who sends no mail costs a filter nothing.  A connection is kept
 * for the next client where the filter can do that.  Blocks, with deadlines.
 */
#ifndef SMTPD_POLICY_MILTER_H
#define SMTPD_POLICY_MILTER_H

#include "conf/service.h"
#include "proc/io.h"
#include "smtpd/edits.h"
#include "smtpd/policy/milter_packet.h"
#include "smtpd/reply.h"

struct conf;
struct dialer;

enum {
	MILTER_WAIT_MOST_MS =
	    600000, /* for one answer, however often it says "not yet" */
	MILTER_IN_MAX = MILTER_PACKET_MAX + 4 + IO_IN_CHUNK,
	MILTER_OUT_MAX =
	    4 << 20, /* a field of a header, at most, and what waits with it */
	MILTER_PROGRESS_MOST = 1000, /* "not yet" for one answer */
};

/* A refusal that a filter gave; code 0: none. */
struct refusal {
	unsigned code;
	char enhanced[REPLY_ENHANCED_MAX + 1];
	struct buf text; /* own: lines parted by LF */
};

enum milter_state {
	MILTER_ASLEEP,  /* knows nothing of this client */
	MILTER_AWAKE,   /* was told of it */
	MILTER_IN_MAIL, /* was told of a sender, and wants to know more */
	MILTER_DONE,    /* has said what becomes of this message */
	MILTER_OUT,     /* has accepted all that this client sends */
	MILTER_REFUSES, /* has refused all that it sends, or is down and the default does so */
};

struct milter {
	struct service service; /* borrow: the configuration */
	enum service_default fallback;
	int64_t command_ms, content_ms;
	struct io io;                  /* own; fd -1: not connected */
	struct milter_options options; /* macros: of names */
	struct buf names;              /* own: the macros it wants */
	enum milter_state state;
	bool has_helo;  /* was told of the HELO that holds */
	bool can_reuse; /* is where another client may begin */
	bool is_kept;   /* of the client before; this one heard nothing on it yet */
	bool is_away;   /* for the rest of this client: its default holds */
	struct refusal refusal; /* of MILTER_REFUSES */
};

struct milters {
	struct milter *all; /* own */
	size_t n;
	int64_t connect_ms;
	struct dialer *dialer; /* borrow */
	/* set by the caller, before each call: borrow, until it returns */
	struct span values[MILTER_MACRO_COUNT];
	int64_t deadline;       /* nothing waits longer */
	size_t body_max;        /* bytes of a body that replaces another one */
	bool is_discarded;      /* the message of this transaction */
	struct refusal refusal; /* of the last call that returned MILTERS_REFUSE */
	struct buf scratch;
};

/* Who sends. */
struct milter_client {
	struct span name; /* of its address, or the address in [] */
	struct span address;
	struct span helo;
};

enum milters_verdict {
	MILTERS_GO_ON,
	MILTERS_REFUSE, /* with refusal */
	MILTERS_DISCARD, /* its client is told that it was taken; only of milters_message */
};

/*
 * milters_load - those of a list of the configuration, which must outlive them.
 *   list     "milters", "submission_milters"
 */
void milters_load(
    struct milters *, const struct conf *, const char *list, struct dialer *);
void milters_free(struct milters *); /* says good-bye */
/* milters_helo - a HELO that is to be told with the next MAIL */
void milters_helo(struct milters *);
/* params: as of the command, parted by blanks; address: without <> */
enum milters_verdict milters_mail(struct milters *, const struct milter_client *,
    struct span sender, struct span params);
/* a refusal is of this recipient only */
enum milters_verdict milters_rcpt(
    struct milters *, struct span address, struct span params);
enum milters_verdict milters_data(struct milters *);
/*
 * milters_message - the whole message, and what becomes of it.
 *   header   without the empty line; body: from the empty line on
 *   out      what is to be changed
 */
enum milters_verdict milters_message(
    struct milters *, struct span header, struct span body, struct edits *out);
/* milters_away - how many of them are away while this client is there */
size_t milters_away(const struct milters *);
/* milters_reset - the transaction is over, or given up */
void milters_reset(struct milters *);
/* milters_end - the client has gone */
void milters_end(struct milters *);

#endif
