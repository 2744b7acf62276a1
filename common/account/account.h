/* SPDX-License-Identifier: ISC */
/*
 * account.h - the embedded account table: who has a mailbox, as which uid, within which limits.
 * Two files below STATE/accounts: "accounts" (readable by the look-up group) and "secrets"
 * (verifiers; readable by the auth uid alone).  One writer at a time, many readers: see db.c.
 */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "conf/budget.h"

struct conf;
struct accounts;

enum {
	ACCOUNT_ADDRESS_MAX = 320,
	POP3_KEEP_ALWAYS = -1,
	/* of all identities of an account, a line feed behind each */
	ACCOUNT_IDENTITIES_MAX = 8000,
	/* of all targets of an alias in the table */
	ACCOUNT_ALIAS_MAX = 60000,
	ACCOUNT_GROUP_MAX = 64, /* of the name of a group */
	/* of all groups of an account, a line feed behind each */
	ACCOUNT_GROUPS_MAX = 2000,
	/* of all members of a group, a line feed behind each */
	ACCOUNT_MEMBERS_MAX = 60000,
	/* of all rules of retention of an account, or of a domain, a line feed behind each */
	ACCOUNT_RETENTION_MAX = 4000,
};

struct account {
	struct span address; /* lower-cased; borrow: arena */
	uid_t uid;
	gid_t gid;
	struct span home; /* below the mail root: "example.test/u1"; borrow: arena */
	uint64_t quota_bytes;    /* 0: none */
	uint64_t quota_messages; /* 0: none */
	bool is_suspended;
	unsigned apps_only; /* enum app_protocol: where the main password is none */
	/* POP3_KEEP_ALWAYS, 0: removed at retrieval, N: after N days */
	int32_t pop3_keep_days;
	/*
	 * as whom it may send besides (recipient_may_send): "address\n" or "*@domain\n" each,
	 * lower-cased; borrow: arena
	 */
	struct span identities;
	/* when it came into being; 0: before that was noted.  Another one of its address was later */
	int64_t created_sec;
	struct budget budget; /* what it says holds in place of budget_account */
	/* those of its domain that it is in: "name\n" each (account_group_check); borrow: arena */
	struct span groups;
	/* its rules of retention (conf/retention.h), before all others: "rule\n" each; borrow: arena */
	struct span retention;
	struct span
	    domain_retention; /* those of its domain: verify_account alone has them */
};

/*
 * accounts_dir_make - STATE/accounts is there from now on, empty or not: before a jail that is to
 * see what the first "merpati user add" writes into it.  Who writes gives it its owner.  E_OK, E_IO
 * (logged)
 */
int accounts_dir_make(const struct conf *);
/* accounts_open - for reading; secrets too if may_read_secrets.  E_OK, E_IO (logged) */
MUST_USE int accounts_open(
    const char *dir, bool may_read_secrets, struct accounts **out);
/*
 * accounts_find - those of this host, for reading, no secrets.  E_OK, E_BAD (before the first account
 * there is no table), E_IO (logged)
 */
MUST_USE int accounts_find(const struct conf *, struct accounts **out);
void accounts_close(struct accounts **);
/*
 * account_get - sees what was written before the call.  E_OK, E_BAD (no such account), E_IO (try
 * later)
 */
MUST_USE int account_get(
    struct accounts *, struct span address, struct arena *, struct account *out);
/* account_alias - what account_alias_put put.  As account_get */
MUST_USE int account_alias(
    struct accounts *, struct span name, struct arena *, struct span *targets);
/* account_aliases_each - in order of their names; as accounts_each */
MUST_USE int account_aliases_each(struct accounts *,
    int (*fn)(void *ctx, struct span name, struct span targets), void *ctx);
/* account_group_check - a name of a group: a-z, 0-9, and "-_." behind the first; pure */
bool account_group_check(struct span name);
/*
 * account_members - who is in the group: group is "NAME@DOMAIN", members "address\n" each.  As
 * account_get, and E_BAD (nobody is)
 */
MUST_USE int account_members(
    struct accounts *, struct span group, struct arena *, struct span *members);
/*
 * account_retention - the rules that are set for a domain, which is spelled as addresses of accounts
 * have it: "rule\n" each.  As account_get, and E_BAD (none)
 */
MUST_USE int account_retention(
    struct accounts *, struct span domain, struct arena *, struct span *rules);
/*
 * account_verifiers - "SCRAM-SHA-256$iter:salt$stored:server" values, one a line.  E_OK, E_BAD
 * (none), E_IO
 */
MUST_USE int account_verifiers(struct accounts *, struct span address, struct buf *out);

/*
 * The writer (merpati user ...).  Opens under a lock, blocks until it has it (at most 10 s:
 * E_LIMIT).
 */
struct accounts_writer;
MUST_USE int accounts_write_begin(const struct conf *, struct accounts_writer **out);
/* account_put - and the groups have it as a member from then on; E_LIMIT: a group is too large */
MUST_USE int account_put(struct accounts_writer *, const struct account *);
MUST_USE int account_secret_put(
    struct accounts_writer *, struct span address, struct span password);
MUST_USE int account_remove(struct accounts_writer *, struct span address);
/*
 * account_alias_put - in the same table, an alias: its targets, as in the alias file.  The name is
 * in lower case, at most ACCOUNT_ADDRESS_MAX octets, or E_LIMIT; _del: E_BAD (there is none)
 */
MUST_USE int account_alias_put(
    struct accounts_writer *, struct span name, struct span targets);
MUST_USE int account_alias_del(struct accounts_writer *, struct span name);
/* account_retention_put - the rules of a domain; E_LIMIT: too many; _del: E_BAD (there are none) */
MUST_USE int account_retention_put(
    struct accounts_writer *, struct span domain, struct span rules);
MUST_USE int account_retention_del(struct accounts_writer *, struct span domain);
/*
 * account_uid_new - the next of uid_first..uid_last; never one that was given out before.  E_LIMIT:
 * none left
 */
MUST_USE int account_uid_new(struct accounts_writer *, uid_t *out);
/* durable and visible to readers after E_OK */
MUST_USE int accounts_write_end(struct accounts_writer **);
/*
 * account_retentions_first - the rules of each domain, in order of their names, then each account, all as
 * of one moment; as accounts_each.  of_account: NULL, no accounts
 */
MUST_USE int account_retentions_first(struct accounts *,
    int (*of_domain)(void *ctx, struct span domain, struct span rules),
    int (*of_account)(void *ctx, const struct account *), void *ctx);
/* accounts_each - in order of their addresses.  E_OK, E_IO, or what fn returned, which ends it */
MUST_USE int accounts_each(
    struct accounts *, int (*fn)(void *ctx, const struct account *), void *ctx);
/* accounts_behind - the same, of those behind that address, which need not be there */
MUST_USE int accounts_behind(struct accounts *, struct span after,
    int (*fn)(void *ctx, const struct account *), void *ctx);

#endif
