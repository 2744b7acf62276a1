/* SPDX-License-Identifier: ISC */
/*
 * chain.h - the checks of one message by a stranger, run together: each round asks the DNS for all
 * that any of them lacks.
 */
#ifndef SMTPD_POLICY_CHAIN_H
#define SMTPD_POLICY_CHAIN_H

#include "dkim/arc.h"
#include "dkim/authres.h"
#include "dkim/verify.h"
#include "smtpd/policy/dmarc.h"
#include "smtpd/policy/dnsbl.h"
#include "smtpd/policy/helo.h"
#include "smtpd/policy/rdns.h"
#include "smtpd/policy/rules.h"
#include "smtpd/policy/spf.h"

enum chain_check {
	CHAIN_RDNS = 1,
	CHAIN_SPF = 2,
	CHAIN_DKIM = 4,
	CHAIN_DMARC = 8,
	CHAIN_HELO = 16,
	CHAIN_DNSBL = 32,
	CHAIN_ARC = 64,
	/* those that need neither sender nor message: once in a conversation */
	CHAIN_CLIENT = CHAIN_RDNS | CHAIN_HELO | CHAIN_DNSBL,
	/* those that need no message */
	CHAIN_EARLY = CHAIN_CLIENT | CHAIN_SPF,
	/* those that need no address of the client */
	CHAIN_PLACELESS = CHAIN_DKIM | CHAIN_ARC,
	CHAIN_ANY = CHAIN_EARLY | CHAIN_DKIM | CHAIN_DMARC | CHAIN_ARC,
};

enum {
	CHAIN_BYTES_MAX = 1 << 20, /* of all that the verdicts say */
	CHAIN_WAIT_MS = 60000,     /* for the DNS, all rounds together */
};

/* What the checks are told. */
struct chain_facts {
	struct span client;   /* address, text */
	struct span helo;     /* borrow, as all of it: while it runs */
	struct span sender;   /* reverse-path without <> */
	struct span message;  /* empty before it is there */
	struct span receiver; /* our name */
};

/* What is known of a client, for all its messages. */
struct chain_client {
	struct arena arena; /* own: what verdicts say */
	unsigned done;      /* those of CHAIN_CLIENT */
	struct ip ip;       /* n 0: it has none that is known */
	struct rdns rdns;
	unsigned helo; /* enum helo_fault */
	struct dnsbl dnsbl;
};

struct chain {
	struct chain_client *client;      /* borrow: the conversation's */
	const struct policy_rules *rules; /* borrow: the process's */
	struct arena arena;               /* own: what verdicts say */
	unsigned done;                    /* enum chain_check */
	bool is_prepared;                 /* the message's fields are known */
	int64_t now_sec;
	unsigned dice;
	struct spf spf;
	struct dkim_check *dkim; /* own; borrows the message */
	struct arc_check *arc;   /* own; the same */
	struct dmarc_from from;
	struct dmarc dmarc;
};

/* client: borrow, it outlives the chain */
void chain_init(
    struct chain *, struct chain_client *client, const struct policy_rules *);
void chain_done(struct chain *); /* also of {0} */
/*
 * chain_run - those of wanted that are not done yet.  Blocks while the DNS is asked, at most
 * CHAIN_WAIT_MS and not past the deadline: what is not known then is a temperror
 */
void chain_run(struct chain *, unsigned wanted, const struct chain_facts *,
    struct lookups *, struct resolver *, int64_t deadline);
/*
 * chain_is_vouched - all who sealed it on its way are trusted (arc_trust), and the first of them found
 * that DMARC passed: what the last one changed does not count against its author (RFC 8617 7.2.1)
 */
bool chain_is_vouched(struct chain *);
/* chain_client_done - it is gone; chain_client_helo - it says another HELO */
void chain_client_done(struct chain_client *);
void chain_client_helo(struct chain_client *);
/* chain_has - this check is done: its verdict counts */
bool chain_has(const struct chain *, enum chain_check);
/* chain_say - the verdicts of what is done, for Authentication-Results.  helo: the client's argument */
void chain_say(const struct chain *, struct span helo, struct authres *);
/* chain_log - the same in one line: "spf=pass dkim=pass dmarc=pass" */
void chain_log(const struct chain *, struct buf *out);

#endif
