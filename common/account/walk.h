/* SPDX-License-Identifier: ISC */
/*
 * walk.h - the way from an address to what it stands for, as recipient.c, list.c and sender.c go it:
 * nothing outside common/account includes it.
 */
#ifndef ACCOUNT_WALK_H
#define ACCOUNT_WALK_H

#include "account/domain_usage.h"
#include "account/names.h"
#include "account/recipient.h"

struct recipients {
	const struct conf *conf;     /* borrow */
	struct accounts *accounts;   /* own; NULL: not opened yet */
	struct names *names;         /* own */
	int mail_dir;                /* own */
	struct domain_sums *domains; /* own */
	char subaddress;             /* '\0': none */
	struct span srs_domain;      /* borrow: conf; empty: no SRS */
	struct buf srs_secret;       /* own */

	/* the list whose members were asked for last, kept for LIST_KEPT_MS */
	struct {
		struct buf name; /* own */
		int64_t at_ms;
		enum recipient_verdict verdict;
		struct arena arena; /* own: of targets */
		struct target *targets;
		size_t n;
	} members;
};

/* One resolution under way. */
struct walk {
	struct recipients *r;   /* borrow */
	struct arena *arena;    /* borrow */
	struct target *targets; /* of the arena */
	size_t n, cap;
	/* of them over quota; not counted any more once there is one that is not */
	size_t n_full;
	enum recipient_verdict worst; /* of members that failed */
	/* names that are being expanded: a loop meets itself */
	struct span path[RECIPIENT_DEPTH_MAX];
	bool found_in_file; /* by walk_alias, last */
	bool
	    may_include; /* the list being expanded is of the alias file, or included there */
	unsigned depth;
	bool is_caught;     /* a catch-all is being tried */
	size_t bytes;       /* of the targets, as they travel */
	bool ignores_quota; /* who may send is asked, not who may receive */
	bool
	    is_of_one; /* nothing but one mailbox, by a name of its own, is of interest */
	/* the arena was full: no verdict is to be had, only a later one */
	bool is_short;
};

/* walk_account, walk_alias, walk_group: E_OK, E_BAD (there is none), E_IO.  out: the walk's arena */
int walk_account(struct walk *, struct span address, struct account *out);
/* what an alias leads to: its targets */
int walk_alias(struct walk *, struct span name, struct span *out);
/* who is in it, a line each; E_BAD, too, where groups are no addresses */
int walk_group(struct walk *, struct span local, struct span domain, struct span *out);

/* Pieces of addresses, in the arena: where it is full, the walk is short. */
struct span walk_lower(struct walk *, struct span);
struct span walk_join(struct walk *, struct span local, struct span domain);

/* walk_all - the verdict, by the rules of this walk, which is none yet */
enum recipient_verdict walk_all(
    const struct walk *, struct span address, struct target **out, size_t *n_out);

#endif
