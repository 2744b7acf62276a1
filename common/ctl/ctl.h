/* SPDX-License-Identifier: ISC */
/*
 * ctl.h - the command merpati: a table of commands (main.c), each in a file cmd_*.c.
 * A handler returns an exit status of sysexits.h; what went wrong it has said on stderr by then.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdio.h>
#include <sysexits.h>

#include "conf/conf.h"

struct merpati {
	const char *conf_path;
	struct conf *conf; /* own; NULL for a command that needs none */
	bool is_json;      /* lists are for programs */
	const char *usage; /* borrow: of the command that runs, for ctl_usage */
	const char *verb;  /* borrow: its last word, for a handler that has several */
};

typedef int ctl_handler(
    struct merpati *, int argc, char **argv); /* argv without the command's own words */

enum { CTL_WORDS_MAX = 3 };

/* ---- opts.c: the options of a command; --json and --help are everybody's ---- */
struct opt {
	const char *name;   /* "--quota" */
	bool *flag;         /* set when given; or */
	const char **value; /* the word behind it, or behind "=" */
};

/*
 * opts_read - options out of argv; what is left are the arguments, in order.
 *   least, most  how many arguments are right
 *   returns      EX_OK, EX_USAGE (said)
 */
MUST_USE int opts_read(struct merpati *, const struct opt *, size_t n_opts, int *argc,
    char **argv, int least, int most);

/* ctl_say - "merpati: ..." on stderr */
void ctl_say(const char *fmt, ...) FMT(1, 2);
int ctl_usage(const struct merpati *, const char *fmt, ...)
    FMT(2, 3);                            /* says that, and the usage; EX_USAGE */
void ctl_put(FILE *, const struct buf *); /* as it is */
/* ctl_done - what stdout took: EX_OK, or EX_IOERR (said) */
MUST_USE int ctl_done(void);

/* ---- the commands ---- */
ctl_handler cmd_check, cmd_config, cmd_start, cmd_stop, cmd_metrics, cmd_who, cmd_kick,
    cmd_ban, cmd_unban, cmd_bans, cmd_trace;
ctl_handler cmd_user_add, cmd_user_passwd, cmd_user_set, cmd_user_show, cmd_user_list,
    cmd_user_suspend, cmd_user_resume, cmd_user_remove, cmd_user_grant, cmd_user_revoke,
    cmd_user_identities, cmd_user_budget, cmd_user_release, cmd_user_purge,
    cmd_user_app, cmd_user_join, cmd_user_leave, cmd_user_groups;
ctl_handler cmd_import, cmd_export;
ctl_handler cmd_mailbox_verify, cmd_mailbox_rebuild, cmd_mailbox_undelete, cmd_quota,
    cmd_retention, cmd_retention_set, cmd_retention_unset;
ctl_handler cmd_dkim_new, cmd_dkim_change, cmd_dkim_show, cmd_dkim_list;
ctl_handler cmd_alias_list, cmd_alias_add, cmd_alias_remove;
ctl_handler cmd_forward_set, cmd_forward_remove, cmd_forward_list, cmd_recipient;
ctl_handler cmd_queue_list, cmd_queue_show, cmd_queue_why, cmd_queue_change,
    cmd_queue_suppressed, cmd_queue_tlsrpt, cmd_queue_suspend, cmd_queue_resume,
    cmd_queue_suspended;
ctl_handler cmd_sieve_check, cmd_sieve_run, cmd_sieve_list, cmd_sieve_get,
    cmd_sieve_put, cmd_sieve_change, cmd_sieve_lists, cmd_sieve_lists_get,
    cmd_sieve_lists_put, cmd_sieve_lists_delete;

#endif
