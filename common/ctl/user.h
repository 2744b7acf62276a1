/* SPDX-License-Identifier: ISC */
/*
 * user.h - what the commands about users share: the settings of an account as options, and finding
 * one.
 */
#ifndef CTL_USER_H
#define CTL_USER_H

#include "ctl/mailbox.h"

/* Options that say how an account is; NULL: as it was, or the default. */
struct user_opts {
	const char *quota; /* "1G"; 0: none */
	const char *quota_messages;
	const char *pop3_keep; /* "always", or days */
	const char *apps_only; /* protocols with commas between, or "none" */
};

enum { USER_ARGUMENTS_MAX = 100000 };

#define USER_OPT_ROWS(o)                                                               \
	{"--quota", NULL, &(o)->quota},                                                \
	    {"--quota-messages", NULL, &(o)->quota_messages},                          \
	    {"--pop3-keep", NULL, &(o)->pop3_keep},                                    \
	{                                                                              \
		"--apps-only", NULL, &(o)->apps_only                                   \
	}

/* user_opts_apply - EX_OK, EX_USAGE (said) */
MUST_USE int user_opts_apply(
    const struct merpati *, const struct user_opts *, struct account *out);
/* user_accounts - the table of accounts for reading.  EX_OK, EX_NOINPUT (said) */
MUST_USE int user_accounts(const struct merpati *, struct accounts **out);
/*
 * user_find - an account by its address in any case.
 *   out      lives in the arena
 *   returns  EX_OK, EX_NOUSER, EX_NOINPUT (said)
 */
MUST_USE int user_find(const struct merpati *, struct accounts *, const char *address,
    struct arena *, struct account *out);
/* user_writer - the one writer, under its lock.  EX_OK, EX_TEMPFAIL, EX_CANTCREAT (said) */
MUST_USE int user_writer(const struct merpati *, struct accounts_writer **out);
/* user_written - err of what was put; ends the writer.  EX_OK, EX_IOERR (said) */
MUST_USE int user_written(struct accounts_writer **, int err);

/* ---- changes: each account that is named, in one write ---- */

struct user_change {
	struct merpati *ctl;
	struct accounts *accounts;      /* own */
	struct accounts_writer *writer; /* own */
	struct arena arena;             /* own */
	void *ctx;                      /* borrow */
};

/* E_OK, or why it was not written */
typedef int user_change_fn(struct user_change *, struct account *);

/* user_change_each - fn for each that there is.  EX_OK, or what it has said on stderr */
MUST_USE int user_change_each(
    struct merpati *, int argc, char **argv, user_change_fn *fn, void *ctx);

/* ---- what an account has several of ---- */

/* "line\n" each; borrow: the account */
/* What an account has several of, a line each. */
struct user_lines {
	const char *key, *head; /* of their column, for programs and for people */
	size_t bytes_max;
	/* one, as the table has it, in out (emptied first).  EX_OK, EX_USAGE (said) */
	int (*read)(const struct merpati *, const char *text, struct buf *out);
	struct span *(*of)(struct account *);
};

/* user_lines_show - the command: a row for each of them, of the accounts that are named, else of all. */
MUST_USE int user_lines_show(
    struct merpati *, int argc, char **argv, const struct user_lines *);
/*
 * user_lines_change - the command "ACCOUNT LINE...": these go, and stand behind the others when they
 * are added.  argc: without options afterwards, so argv[0] is the account
 */
MUST_USE int user_lines_change(
    struct merpati *, int *argc, char **argv, const struct user_lines *, bool is_added);

#endif
