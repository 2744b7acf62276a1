/* SPDX-License-Identifier: ISC */
/* files.h - inside common/account: the files beside the tables, and the rows in them. */
#ifndef ACCOUNT_FILES_H
#define ACCOUNT_FILES_H

#include "account/account.h"

#define ACCOUNTS_TABLE "accounts"
#define SECRETS_TABLE "secrets"

/*
 * lock        flock: readers shared, the writer alone
 * generation  a number; odd while table files are being written, grows with each change
 */
struct account_files {
	int lock, generation;      /* own */
	volatile uint64_t *mapped; /* own */
};

/* E_OK, E_IO */
MUST_USE int account_files_open(int dir, bool may_write, struct account_files *out);
void account_files_close(struct account_files *);
uint64_t account_generation(const struct account_files *);
/* tables of a writer that died while it wrote; logged */
void account_recover(const char *dir);

/*
 * account_is_writing - this process holds the writer's lock: its own readers need none, the files
 * are at rest
 */
bool account_is_writing(void);

/* in the table of accounts: the key of an alias.  No address begins with NUL */
void account_alias_key(struct span name, struct buf *out);
/* the same, of the rules of retention of a domain */
void account_retention_key(struct span domain, struct buf *out);
/*
 * group_writer.c: the rows of groups, in the table of accounts.  The key, of "NAME@DOMAIN" (group.c);
 * and an account that was in the groups before and is in these now.  E_OK, E_LIMIT, E_IO
 */
void account_group_key(struct span group, struct buf *out);
MUST_USE int account_groups_change(
    struct accounts_writer *, struct span address, struct span before, struct span now);
/* the writer's, for group_writer.c: as account_apps_get and the others of apps */
MUST_USE int account_members_get(
    struct accounts_writer *, struct span key, struct buf *row);
MUST_USE int account_members_put(
    struct accounts_writer *, struct span key, struct span row);
/* in the table of secrets: the key of an account's app passwords.  No address begins with NUL */
void account_apps_key(struct span address, struct buf *out);
/* the writer's, for app_writer.c: of the row of app passwords.  As account_put; get: E_BAD (none) */
MUST_USE int account_apps_get(
    struct accounts_writer *, struct span address, struct buf *row);
MUST_USE int account_apps_put(
    struct accounts_writer *, struct span address, struct span row);
MUST_USE int account_apps_del(struct accounts_writer *, struct span address);
uint32_t account_iterations(const struct accounts_writer *); /* scram_iterations */

void account_row_put(struct buf *, const struct account *);
MUST_USE int account_row_get(struct span address, struct span row, struct account *out);

#endif
