/* SPDX-License-Identifier: ISC */
/*
 * cmd_user.c - accounts that are there: shown, changed, suspended, removed.  New ones:
 * cmd_user_add.c.
 */
#include <stdio.h>
#include <string.h>

#include "account/app.h"
#include "conf/domain.h"
#include "ctl/kick.h"
#include "ctl/password.h"
#include "ctl/stopped.h"
#include "ctl/table.h"
#include "ctl/user.h"
#include "ctl/worker.h"
#include "store/store.h"

static const struct column columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"uid", "UID", CELL_NUMBER},
    {"suspended", "SUSPENDED", CELL_BOOL},
    {"sends", "SENDS", CELL_TEXT},
    {"quota_bytes", "QUOTA", CELL_SIZE},
    {"quota_messages", "MESSAGES", CELL_NUMBER},
    {"pop3_keep", "POP3 KEEPS", CELL_TEXT},
    {"apps_only", "APPS ONLY", CELL_TEXT},
    {"home", "HOME", CELL_TEXT},
};

struct listing {
	struct table table;     /* own */
	struct stopped stopped; /* own */
};

static int
add_row(void *ctx, const struct account *a)
{
	struct listing *l = ctx;
	struct table *t = &l->table;
	struct buf keep = {0}, apps = {0};
	if (a->pop3_keep_days == POP3_KEEP_ALWAYS)
		buf_str(&keep, "always");
	else
		buf_putf(&keep, "%d", (int)a->pop3_keep_days);
	table_text(t, a->address);
	table_number(t, (int64_t)a->uid);
	table_number(t, a->is_suspended);
	table_text(t, stopped_word(&l->stopped, a->address));
	table_number(t, (int64_t)a->quota_bytes);
	table_number(t, (int64_t)a->quota_messages);
	table_text(t, buf_as_span(&keep));
	app_protocols_put(a->apps_only, &apps);
	table_text(t, buf_as_span(&apps));
	table_text(t, a->home);
	buf_free(&keep);
	buf_free(&apps);
	return E_OK;
}

int
cmd_user_list(struct merpati *c, int argc, char **argv)
{
	struct listing l = {.table = {.columns = columns, .n_columns = COUNT(columns)}};
	struct accounts *accounts = NULL;
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status == EX_OK)
		status = user_accounts(c, &accounts);
	if (status != EX_OK)
		return status;
	stopped_read(c->conf, &l.stopped);
	if (accounts_each(accounts, add_row, &l) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	if (status == EX_OK)
		table_print(&l.table, c->is_json);
	stopped_free(&l.stopped);
	table_free(&l.table);
	accounts_close(&accounts);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_user_show(struct merpati *c, int argc, char **argv)
{
	struct listing l = {.table = {.columns = columns, .n_columns = COUNT(columns)}};
	struct accounts *accounts = NULL;
	struct arena arena = {0};
	struct account a;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = user_accounts(c, &accounts);
	if (status == EX_OK)
		status = user_find(c, accounts, argv[0], &arena, &a);
	if (status == EX_OK)
		stopped_read(c->conf, &l.stopped);
	if (status == EX_OK && add_row(&l, &a) == E_OK)
		table_print_one(&l.table, c->is_json);
	stopped_free(&l.stopped);
	table_free(&l.table);
	accounts_close(&accounts);
	arena_reset(&arena);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- changes ---- */

static int
put_settings(struct user_change *ch, struct account *a)
{
	if (user_opts_apply(ch->ctl, ch->ctx, a) != EX_OK)
		return E_BAD;
	return account_put(ch->writer, a);
}

int
cmd_user_set(struct merpati *c, int argc, char **argv)
{
	struct user_opts settings = {.quota = NULL};
	const struct opt opts[] = {USER_OPT_ROWS(&settings)};
	struct account probe;
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 1, USER_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = user_opts_apply(c, &settings, &probe);
	return status == EX_OK
	           ? user_change_each(c, argc, argv, put_settings, &settings)
	           : status;
}

static int
put_suspended(struct user_change *ch, struct account *a)
{
	a->is_suspended = *(bool *)ch->ctx;
	return account_put(ch->writer, a);
}

/* Who is suspended is served no longer: sessions that run end, in all daemons. */
static int
kick_all(struct merpati *c, int argc, char **argv)
{
	int status = EX_OK;
	unsigned n = 0;
	for (int i = 0; i < argc; i++) {
		struct buf address = {0};
		domain_address_put(c->conf, span_of(argv[i]), &address);
		int err = kick_sessions(c, buf_cstr(&address), NULL, &n);
		status = err == EX_OK ? status : err;
		buf_free(&address);
	}
	return status;
}

static int
end_in_jail(int chan, const char *home, void *ctx)
{
	(void)chan, (void)ctx;
	return store_end_guests(home) == E_OK ? EX_OK : EX_TEMPFAIL;
}

/* What it shared is shared no longer: guests that are in have a channel to its keeper. */
static int
end_guests(const struct merpati *c, const struct account *a)
{
	struct worker w;
	int status = worker_start(c->conf, a, end_in_jail, NULL, &w);
	if (status != EX_OK)
		return status;
	status = worker_serve(&w, NULL, 0, NULL);
	if (status != EX_OK)
		ctl_say(
		    "%.*s: others that it shared with may still be in its mailboxes",
		    SPAN_ARG(a->address));
	return status;
}

static int
end_all_guests(struct merpati *c, int argc, char **argv)
{
	struct accounts *accounts = NULL;
	struct arena arena = {0};
	int status = user_accounts(c, &accounts);
	for (int i = 0; i < argc && accounts; i++) {
		struct account a;
		int err = user_find(c, accounts, argv[i], &arena, &a);
		if (err == EX_OK)
			err = end_guests(c, &a);
		if (err != EX_OK && err != EX_NOUSER)
			status = err;
		arena_reset(&arena);
	}
	accounts_close(&accounts);
	return status;
}

static int
suspend(struct merpati *c, int *argc, char **argv, bool is_suspended)
{
	int status = opts_read(c, NULL, 0, argc, argv, 1, USER_ARGUMENTS_MAX);
	return status == EX_OK
	           ? user_change_each(c, *argc, argv, put_suspended, &is_suspended)
	           : status;
}

int
cmd_user_suspend(struct merpati *c, int argc, char **argv)
{
	int n = argc;
	int status = suspend(c, &n, argv, true);
	bool is_done = status == EX_OK || status == EX_NOUSER;
	int kicked = is_done ? kick_all(c, n, argv) : EX_OK;
	int ended = is_done ? end_all_guests(c, n, argv) : EX_OK;
	kicked = kicked == EX_OK ? ended : kicked;
	return status == EX_OK ? kicked : status;
}

int
cmd_user_resume(struct merpati *c, int argc, char **argv)
{
	return suspend(c, &argc, argv, false);
}

static int
put_password(struct user_change *ch, struct account *a)
{
	return account_secret_put(ch->writer, a->address, buf_as_span(ch->ctx));
}

int
cmd_user_passwd(struct merpati *c, int argc, char **argv)
{
	struct password_opts from = {.file = NULL};
	const struct opt opts[] = {{"--password-stdin", &from.is_stdin, NULL},
	    {"--password-file", NULL, &from.file}};
	struct buf password = {0};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 1, 1);
	if (status == EX_OK)
		status = password_read(&from, argv[0], &password);
	if (status == EX_OK)
		status = user_change_each(c, argc, argv, put_password, &password);
	buf_wipe(&password);
	return status;
}

struct removal {
	struct account *removed; /* own; what they point to is the arena's */
	size_t n;
	struct arena arena;
};

static int
remove_one(struct user_change *ch, struct account *a)
{
	struct removal *r = ch->ctx;
	r->removed = mem_grow(r->removed, r->n + 1, sizeof *r->removed);
	r->removed[r->n] = *a;
	r->removed[r->n].address = arena_span(&r->arena, a->address);
	r->removed[r->n++].home = arena_span(&r->arena, a->home);
	return account_remove(ch->writer, a->address);
}

/* Whoever speaks as it, or is its guest, does so no longer. */
static int
end_removed(struct merpati *c, const struct account *a)
{
	struct buf address = {0};
	unsigned n = 0;
	buf_span(&address, a->address);
	int status = kick_sessions(c, buf_cstr(&address), NULL, &n);
	int ended = end_guests(c, a);
	buf_free(&address);
	return status == EX_OK ? ended : status;
}

static int
remove_mail(struct merpati *c, const struct account *a, bool has_mail)
{
	if (has_mail)
		return mailbox_remove(c->conf, a);
	printf("%.*s is removed; its mail stays in %s/%.*s\n", SPAN_ARG(a->address),
	    conf_str(c->conf, "common", "mail_dir"), SPAN_ARG(a->home));
	return EX_OK;
}

int
cmd_user_remove(struct merpati *c, int argc, char **argv)
{
	bool has_mail = false;
	const struct opt opts[] = {{"--with-mail", &has_mail, NULL}};
	struct removal r = {.n = 0};
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 1, USER_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	status = user_change_each(c, argc, argv, remove_one, &r);
	/* none has an account any more, whatever becomes of the mail of others */
	for (size_t i = 0; i < r.n; i++) {
		int ended = end_removed(c, &r.removed[i]);
		status = status == EX_OK ? ended : status;
	}
	for (size_t i = 0; i < r.n && status != EX_IOERR; i++)
		if (remove_mail(c, &r.removed[i], has_mail) != EX_OK)
			status = EX_IOERR;
	mem_free(&r.removed);
	arena_reset(&r.arena);
	return status == EX_OK ? ctl_done() : status;
}
