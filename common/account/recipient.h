/* SPDX-License-Identifier: ISC */
/*
 * recipient.h - the one verdict on a recipient: what RCPT answers and what delivery does come from
 * it.  Order: domain alias, alias (names.h), account, group, these without its subaddress, catch-all.
 */
#ifndef ACCOUNT_RECIPIENT_H
#define ACCOUNT_RECIPIENT_H

#include "account/account.h"

struct jail;
struct lookup_answer;

enum recipient_verdict {
	RCPT_LOCAL = 0,  /* at least one mailbox or forward */
	RCPT_REMOTE,     /* its domain is not ours */
	RCPT_UNKNOWN,    /* 550 5.1.1 */
	RCPT_SUSPENDED,  /* 550 5.2.1 */
	RCPT_OVER_QUOTA, /* 452 4.2.2 */
	/* aliases that lead to themselves, or deeper than RECIPIENT_DEPTH_MAX: 550 5.4.6 */
	RCPT_LOOP,
	RCPT_TEMP, /* a table could not be read: 451 4.3.0 */
};

enum {
	RECIPIENT_DEPTH_MAX = 16,
	RECIPIENT_TARGETS_MAX = 1000,
	TARGET_BYTES_BESIDE = 25, /* of a target as it travels, beside its texts */
	SENDERS_MOST = 100,
	RECIPIENT_BYTES_MAX =
	    60000 /* all targets of an address, as they travel in one message */
};

struct target {
	bool is_local;
	/* the account's, or the address elsewhere; borrow: arena */
	struct span address;
	struct span detail; /* subaddress, RFC 5233; or empty */
	uint32_t tag;       /* of address and detail: the TAG of the file's name */
	uid_t uid;
	gid_t gid;
	struct span home; /* local: below the mail root */
};

struct recipients; /* accounts, aliases and the settings of common; one per process */

/* recipients_open - has_maps_role: this process asks the role "maps" (maps/maps.h) */
MUST_USE int recipients_open(
    const struct conf *, bool has_maps_role, struct recipients **out);
void recipients_close(struct recipients **);
/* recipients_tick - every DOMAIN_TICK_MS where domains have quotas (account/domain_usage.h) */
void recipients_tick(struct recipients *);
/* recipient_resolve - never blocks beyond a file read.  The targets live in the arena. */
enum recipient_verdict recipient_resolve(struct recipients *, struct span address,
    struct arena *, struct target **out, size_t *n_out);
/*
 * recipient_owner - of a list: "owner-NAME@domain", where the alias or group NAME has an alias
 * owner-NAME beside it; or empty.  What is sent on to or by its members is the owner's.  After recipient_resolve,
 * within the time that it had.
 *   out      arena
 *   returns  E_OK, E_IO (whether there is one is not known now)
 */
MUST_USE int recipient_owner(
    struct recipients *, struct span address, struct arena *, struct span *out);
/*
 * recipient_forward_sender - the reverse-path for mail of sender that an alias passes on to another
 * host: itself, or with the setting srs, and where its domain is not ours, one that leads back by
 * us (srs.h).  Borrows from sender or arena
 */
struct span recipient_forward_sender(
    struct recipients *, struct span sender, struct arena *);
/*
 * recipient_may_send - the sender belongs to this login: its address, a subaddress of it, an alias
 * whose expansion contains it, or an identity that it was granted.  E_OK, E_BAD (it does not), E_IO
 * (that is not known now)
 */
MUST_USE int recipient_may_send(
    struct recipients *, struct span account, struct span sender);

/*
 * recipient_is_member - mail to list goes to value: an address elsewhere, a mailbox, or another name of
 * that mailbox alone.  E_OK, E_BAD (it does not), E_IO (that is not known now)
 */
MUST_USE int recipient_is_member(
    struct recipients *, struct span list, struct span value);

/* ---- the role "lookup" of smtpd and deliver: the same verdict for processes without files ---- */
enum lookup_ask {
	LOOKUP_RCPT = 1, /* str address -> u8 verdict, u8 leads away */
	/* str account, u16 n, n str -> n x u8: 0 may not, 1 may, 2 not known now */
	LOOKUP_SENDERS,
	/* as many as LOOKUP_BATCH_MS leaves time for: u16 n, n str -> n x (u8 verdict, u8 leads away, u16 n, n targets, str owner): a batch */
	LOOKUP_RCPTS,
	/* str sender -> str reverse-path of what is passed on to other hosts */
	LOOKUP_FORWARD,
	/* str name, str value -> u8: 0 it is no member, 1 it is, 2 not known now.  Of setting sieve_lists */
	LOOKUP_MEMBER,
};

int lookup_run(void); /* role function */
void lookup_jail(struct jail *);
struct ask_table;
/* the asks, the same for each asking role but those of lookup_guests, who have LOOKUP_MEMBER alone */
const struct ask_table *lookup_table(unsigned kind);
/* bits of roles that run what users wrote; set by the daemon's main before it starts */
extern unsigned lookup_guests;

/* the asking side; each blocks at most LOOKUP_WAIT_MS.  E_OK, E_IO */
enum { LOOKUP_WAIT_MS = 5000 };

/* leads_away: at least one of its targets is on another host */
MUST_USE int lookup_rcpt(
    int *chan, struct span address, enum recipient_verdict *, bool *leads_away);
MUST_USE int lookup_rcpts(int *chan, const struct span *addresses, size_t n,
    struct arena *, struct lookup_answer **out);
/* lookup_senders - may it send as each of them?  n: at most SENDERS_MOST.  E_OK, E_IO */
MUST_USE int lookup_senders(
    int *chan, struct span account, const struct span *senders, size_t n, bool *out);
/* lookup_member - the list of that name in sieve_lists has this member.  E_OK, E_IO */
MUST_USE int lookup_member(int *chan, struct span name, struct span value, bool *out);
MUST_USE int lookup_forward_sender(
    int *chan, struct span sender, struct arena *, struct span *out);

struct lookup_answer {
	enum recipient_verdict verdict;
	bool leads_away; /* at least one target is on another host */
	struct target *targets;
	size_t n_targets;
	struct span owner; /* of a list, or empty; borrow: arena */
};

#endif
