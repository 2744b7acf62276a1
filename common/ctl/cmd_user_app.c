/* SPDX-License-Identifier: ISC */
/* cmd_user_app.c - app passwords of an account: made, shown, taken back. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "account/app_use.h"
#include "conf/value.h"
#include "ctl/table.h"
#include "ctl/user.h"

enum { DAYS_MOST = 36500, DAY_SEC = 86400 };

static const struct column columns[] = {
    {"name", "NAME", CELL_TEXT},
    {"protocols", "PROTOCOLS", CELL_TEXT},
    {"networks", "NETWORKS", CELL_TEXT},
    {"created", "CREATED", CELL_TIME},
    {"expires", "EXPIRES", CELL_TIME},
    {"used", "USED", CELL_TIME},
    {"used_by", "BY", CELL_TEXT},
    {"used_from", "FROM", CELL_TEXT},
};

/* ---- add ---- */

struct app_opts {
	const char *protocols, *networks, *expires; /* NULL: all, any, never */
};

static int
read_expiry(const struct merpati *c, const char *text, int64_t *out)
{
	int64_t days;
	if (value_parse_number(CONF_INT, span_of(text), &days) != E_OK || days < 1 ||
	    days > DAYS_MOST)
		return ctl_usage(
		    c, "--expires \"%s\": right would be a number of days", text);
	*out = (int64_t)time(NULL) + days * DAY_SEC;
	return EX_OK;
}

static int
read_app(const struct merpati *c, const struct app_opts *o, const char *name,
    struct buf *networks, struct app_password *out)
{
	*out = (struct app_password){.name = span_of(name), .protocols = APP_ALL};
	if (!app_name_is_good(out->name))
		return ctl_usage(c,
		    "\"%s\": right would be a name of a-z, 0-9, \".\", \"_\" and "
		    "\"-\", at most %d",
		    name, APP_NAME_MAX);
	if (o->protocols &&
	    app_protocols_parse(span_of(o->protocols), &out->protocols) != E_OK)
		return ctl_usage(c,
		    "--protocols \"%s\": right would be some of smtp,pop,imap,sieve",
		    o->protocols);
	if (o->networks && app_networks_parse(span_of(o->networks), networks) != E_OK)
		return ctl_usage(c,
		    "--networks \"%s\": right would be at most %d, like "
		    "192.0.2.0/24,2001:db8::/32",
		    o->networks, APP_NETWORKS_MOST);
	out->networks = buf_as_span(networks);
	return o->expires ? read_expiry(c, o->expires, &out->expires_sec) : EX_OK;
}

/* Nothing was wrong with the table, but with what was asked: nothing is written. */
static bool
is_refused(int err, struct span address, struct span name)
{
	if (err == E_BAD)
		ctl_say("%.*s has an app password %.*s already", SPAN_ARG(address),
		    SPAN_ARG(name));
	if (err == E_LIMIT)
		ctl_say("%.*s has %d app passwords already: remove one",
		    SPAN_ARG(address), APP_PASSWORDS_MOST);
	return err == E_BAD || err == E_LIMIT;
}

static int
put_app(struct merpati *c, struct span address, const struct app_password *app,
    struct span password)
{
	struct accounts_writer *writer = NULL;
	int status = user_writer(c, &writer);
	if (status != EX_OK)
		return status;
	int err = account_app_add(writer, address, app, password);
	bool is_said = is_refused(err, address, app->name);
	int written = user_written(&writer, is_said ? E_OK : err);
	return is_said && written == EX_OK ? EX_DATAERR : written;
}

static int
add(struct merpati *c, const struct app_opts *o, struct span address, const char *name)
{
	struct buf networks = {.max = APP_NETWORKS_MAX}, password = {0};
	struct app_password app;
	int status = read_app(c, o, name, &networks, &app);
	if (status == EX_OK) {
		app_password_make(&password);
		status = put_app(c, address, &app, buf_as_span(&password));
	}
	if (status == EX_OK)
		printf("%s\n", buf_cstr(&password));
	buf_wipe(&password);
	buf_free(&networks);
	return status;
}

/* ---- list ---- */

static void
add_row(struct merpati *c, struct table *t, const struct app_password *a)
{
	struct app_use use;
	struct buf protocols = {0}, by = {0}, from = {0};
	app_use_last(c->conf, a->id, &use);
	app_protocols_put(a->protocols, &protocols);
	app_protocols_put(use.protocol, &by);
	app_use_client_put(&use, &from);
	table_text(t, a->name);
	table_text(t, buf_as_span(&protocols));
	table_text(t, a->networks);
	table_number(t, a->created_sec);
	table_number(t, a->expires_sec);
	table_number(t, use.when_sec);
	table_text(t, buf_as_span(&by));
	table_text(t, buf_as_span(&from));
	buf_free(&protocols);
	buf_free(&by);
	buf_free(&from);
}

static int
list(struct merpati *c, struct accounts *accounts, struct span address)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct buf bytes = {0};
	struct app_row row = {0};
	int err = account_apps(accounts, address, &bytes);
	if (err == E_OK && app_row_get(buf_as_span(&bytes), &row) != E_OK)
		err = E_IO;
	for (size_t i = 0; i < row.n && err == E_OK; i++)
		add_row(c, &t, &row.all[i]);
	if (err == E_IO)
		ctl_say("the app passwords cannot be read");
	else
		table_print(&t, c->is_json);
	table_free(&t);
	buf_wipe(&bytes);
	return err == E_IO ? EX_NOINPUT : EX_OK;
}

/* ---- remove ---- */

static int
remove_all(struct merpati *c, struct span address, int argc, char **argv)
{
	struct accounts_writer *writer = NULL;
	int err = E_OK, status = user_writer(c, &writer);
	if (status != EX_OK)
		return status;
	for (int i = 0; i < argc && err == E_OK; i++) {
		err = account_app_remove(writer, address, span_of(argv[i]));
		if (err != E_BAD)
			continue;
		ctl_say("%.*s has no app password %s", SPAN_ARG(address), argv[i]);
		status = EX_DATAERR;
		err = E_OK;
	}
	int written = user_written(&writer, err);
	return status == EX_OK ? written : status;
}

/* ---- which of them ---- */

/* The table with its secrets: who may not read them cannot do anything of this. */
static int
open_accounts(const struct merpati *c, struct accounts **out)
{
	struct buf dir = {0};
	buf_putf(&dir, "%s/accounts", conf_str(c->conf, "common", "state_dir"));
	int err = accounts_open(buf_cstr(&dir), true, out);
	if (err != E_OK)
		ctl_say("the table of accounts in %s cannot be read", buf_cstr(&dir));
	buf_free(&dir);
	return err == E_OK ? EX_OK : EX_NOINPUT;
}

static int
run(struct merpati *c, const struct app_opts *o, struct accounts *accounts, int argc,
    char **argv)
{
	struct arena arena = {0};
	struct account a;
	int status = user_find(c, accounts, argv[1], &arena, &a);
	if (status == EX_OK)
		status = !strcmp(argv[0], "add") ? add(c, o, a.address, argv[2])
		         : !strcmp(argv[0], "list")
		             ? list(c, accounts, a.address)
		             : remove_all(c, a.address, argc - 2, argv + 2);
	arena_reset(&arena);
	return status;
}

int
cmd_user_app(struct merpati *c, int argc, char **argv)
{
	struct app_opts o = {NULL};
	const struct opt opts[] = {{"--protocols", NULL, &o.protocols},
	    {"--networks", NULL, &o.networks}, {"--expires", NULL, &o.expires}};
	struct accounts *accounts = NULL;
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 2, 2 + APP_PASSWORDS_MOST);
	if (status != EX_OK)
		return status;
	bool is_add = !strcmp(argv[0], "add") && argc == 3,
	     is_list = !strcmp(argv[0], "list") && argc == 2,
	     is_remove = !strcmp(argv[0], "remove") && argc > 2;
	if (!is_add && !is_list && !is_remove)
		return ctl_usage(c, "add ADDRESS NAME, list ADDRESS, or remove ADDRESS "
				    "NAME...");
	if (!is_add && (o.protocols || o.networks || o.expires))
		return ctl_usage(c, "these options are for add");
	status = open_accounts(c, &accounts);
	if (status == EX_OK)
		status = run(c, &o, accounts, argc, argv);
	accounts_close(&accounts);
	return status == EX_OK ? ctl_done() : status;
}
