/* SPDX-License-Identifier: ISC */
/*
 * cmd_retention.c - rules of retention, of accounts, domains and the setting: shown as they hold for
 * accounts, and carried out now, or only as if.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "account/retentions.h"
#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/named.h"
#include "ctl/progress.h"
#include "ctl/table.h"
#include "ctl/user.h"
#include "ctl/worker.h"
#include "store/retention.h"

/* What the worker tells. */
enum {
	TELL_PROGRESS = 1, /* u64 messages, u64 of */
	TELL_DID, /* str folder, u32 rule, u64 messages, u64 bytes, str why not */
	TELLS
};

enum {
	PH_ANY = 1,
	WHY_MAX = 100,
	TELL_BYTES = 4 + 2 * 8 + 2 * 4 + STORE_NAME_MAX + WHY_MAX
};

static const struct column shown_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"from", "FROM", CELL_TEXT},
    {"rule", "RULE", CELL_NUMBER},
    {"text", "TEXT", CELL_TEXT},
    {"last", "LAST RUN", CELL_TIME},
};

static const struct column did_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"folder", "FOLDER", CELL_TEXT},
    {"action", "ACTION", CELL_TEXT},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"bytes", "BYTES", CELL_SIZE},
    {"from", "FROM", CELL_TEXT},
    {"rule", "RULE", CELL_NUMBER},
    {"text", "TEXT", CELL_TEXT},
    {"error", "ERROR", CELL_TEXT},
};

/* ---- whose ---- */

struct chosen {
	struct named named;        /* own */
	struct retentions domains; /* own */
};

/* EX_OK, EX_NOINPUT (said); no table is open any more */
static int
choose(struct merpati *ctl, int argc, char **argv, struct chosen *out)
{
	struct accounts *accounts = NULL;
	*out = (struct chosen){.named = named_of(ctl->conf, argc, argv)};
	int status = user_accounts(ctl, &accounts);
	if (status == EX_OK && retentions_load(accounts, &out->domains, named_choose,
				   &out->named) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	accounts_close(&accounts);
	return status;
}

static void
chosen_free(struct chosen *c)
{
	named_free(&c->named);
	retentions_free(&c->domains);
}

static struct retention *
rules_of(const struct conf *conf, const struct chosen *c, const struct account *a)
{
	return retention_new(conf, &(struct retention_own){a->address, a->retention,
				       retentions_of(&c->domains, a->address)});
}

static void
put_rule(struct table *t, const struct retention *rules, size_t i)
{
	table_text(t, span_of(retention_from_name(retention_from(rules, i))));
	table_number(t, retention_number(rules, i));
	table_text(t, retention_rule(rules, i)->text);
}

/* ---- show ---- */

static void
show_account(struct table *t, const struct conf *conf, int mail_dir,
    const struct chosen *c, const struct account *a)
{
	struct retention *rules = rules_of(conf, c, a);
	struct retention_stamp stamp = {.when_sec = 0};
	struct buf path = {0};
	buf_putf(&path, "%.*s/" RETENTION_STAMP, SPAN_ARG(a->home));
	if (retention_stamp_get(mail_dir, buf_cstr(&path), &stamp) != E_OK ||
	    stamp.digest == RETENTION_REBUILT)
		stamp.when_sec = 0;
	for (size_t i = 0; i < retention_count(rules); i++) {
		table_text(t, a->address);
		put_rule(t, rules, i);
		table_number(t, stamp.when_sec);
	}
	buf_free(&path);
	retention_free(&rules);
}

static bool
has_account(const struct chosen *c, struct span domain)
{
	for (size_t i = 0; i < c->named.n_accounts; i++)
		if (span_eq(named_domain(c->named.accounts[i].address), domain))
			return true;
	return false;
}

/* Nobody is in it to show them for; the first account may come at any time. */
static void
show_domain(struct table *t, const struct conf *conf, const struct retentions_row *row)
{
	const struct retention_own own = {
	    .address = row->domain, .of_domain = row->rules};
	struct retention *rules = retention_new(conf, &own);
	for (size_t i = 0; i < retention_count(rules); i++) {
		if (retention_from(rules, i) != RETENTION_OF_DOMAIN)
			continue;
		table_text(t, row->domain);
		put_rule(t, rules, i);
		table_number(t, 0);
	}
	retention_free(&rules);
}

static void
show_empty_domains(struct table *t, const struct conf *conf, struct chosen *c)
{
	for (size_t i = 0; i < c->domains.n; i++) {
		const struct retentions_row *row = &c->domains.all[i];
		if (!has_account(c, row->domain) &&
		    named_take_domain(&c->named, row->domain))
			show_domain(t, conf, row);
	}
}

static int
show(struct merpati *ctl, int argc, char **argv)
{
	struct table t = {.columns = shown_columns, .n_columns = COUNT(shown_columns)};
	struct chosen c;
	int status = opts_read(ctl, NULL, 0, &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	int mail_dir = open(conf_str(ctl->conf, "common", "mail_dir"),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = choose(ctl, argc, argv, &c);
	for (size_t i = 0; i < c.named.n_accounts && status == EX_OK; i++)
		show_account(&t, ctl->conf, mail_dir, &c, &c.named.accounts[i]);
	if (status == EX_OK) {
		show_empty_domains(&t, ctl->conf, &c);
		table_print(&t, ctl->is_json);
		status = named_say_missing(&c.named, status);
	}
	if (mail_dir >= 0)
		close(mail_dir);
	table_free(&t);
	chosen_free(&c);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- run: in the worker ---- */

struct work {
	const struct retention *rules; /* borrow */
	bool is_dry;
	int chan; /* borrow; in the worker */
	bool is_heard;
};

static void
tell(struct work *w, uint16_t type, struct buf *b)
{
	w->is_heard = w->is_heard && ask_send(w->chan, type, buf_as_span(b), -1,
					 deadline_in_ms(WORKER_WAIT_MS)) == E_OK;
	buf_free(b);
}

static void
on_did(void *ctx, const struct retention_did *d)
{
	struct buf b = {0};
	buf_bytes(&b, d->folder);
	buf_u32(&b, (uint32_t)d->rule);
	buf_u64(&b, d->messages);
	buf_u64(&b, d->bytes);
	buf_bytes(
	    &b, span_of(d->said == STORE_DONE         ? ""
			: d->said == STORE_OVER_QUOTA ? "over quota"
			: d->said == STORE_DISK_FULL  ? "the disk is full"
			: d->said == STORE_TOO_MANY   ? "too many folders or messages"
			: d->said == STORE_BAD_NAME   ? "no folder can have its name"
			: d->said == STORE_IS_KEPT ? "it would go to what was deleted"
						   : "the log says why"));
	tell(ctx, TELL_DID, &b);
}

static void
on_progress(void *ctx, uint64_t done, uint64_t of)
{
	struct buf b = {0};
	buf_u64(&b, done);
	buf_u64(&b, of);
	tell(ctx, TELL_PROGRESS, &b);
}

/* Nobody wants it any more when the command was ended. */
static bool
goes_on(void *ctx)
{
	return ((struct work *)ctx)->is_heard;
}

static int
run_in_jail(int chan, const char *home, void *ctx)
{
	struct work *w = ctx;
	const struct retention_watch watch = {w, on_did, on_progress, goes_on};
	const struct retention_stamp stamp = {
	    clock_wall_sec(), retention_digest(w->rules)};
	struct store *s = NULL;
	w->chan = chan;
	w->is_heard = true;
	if (store_open(home, &s) != E_OK)
		return EX_TEMPFAIL;
	int err = retention_run(s, w->rules, stamp.when_sec, w->is_dry, &watch);
	if (err == E_OK && !w->is_dry)
		err = retention_stamp_put(&stamp) == E_OK ? E_OK : E_IO;
	store_close(&s);
	return err == E_OK      ? EX_OK
	       : err == E_BAD   ? EX_CANTCREAT
	       : err == E_LIMIT ? EX_UNAVAILABLE
	                        : EX_TEMPFAIL;
}

/* ---- run: in the command ---- */

struct running {
	struct table table;            /* own */
	const struct retention *rules; /* borrow: of the account of now */
	struct span address;           /* borrow: the same */
	bool has_rules;                /* there were some, of any account */
};

static int
told_progress(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct running *r = a->ctx;
	uint64_t done = rd_u64(body), of = rd_u64(body);
	(void)fd, (void)reply, (void)fd_back;
	progress_show(r->address, done, of);
	return rd_end(body) == E_OK ? E_MORE : E_BAD;
}

static int
told_did(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct running *r = a->ctx;
	struct table *t = &r->table;
	struct span folder = rd_str(body, STORE_NAME_MAX);
	uint32_t rule = rd_u32(body);
	uint64_t messages = rd_u64(body), bytes = rd_u64(body);
	struct span error = rd_str(body, WHY_MAX);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || rule >= retention_count(r->rules))
		return E_BAD;
	const struct retention_rule *what = retention_rule(r->rules, rule);
	table_text(t, r->address);
	table_text(t, folder);
	table_text(
	    t, what->action == RETENTION_REMOVE ? SPAN("remove") : SPAN("archive"));
	table_number(t, (int64_t)messages);
	table_number(t, (int64_t)bytes);
	put_rule(t, r->rules, rule);
	table_text(t, error);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[TELLS] = {
	/*                  name        legal in  times  bytes       fd back  answered by */
	[TELL_PROGRESS] = {"PROGRESS",  PH_ANY,   0,     16,         false,   told_progress},
	[TELL_DID]      = {"DID",       PH_ANY,   0,     TELL_BYTES, false,   told_did},
};

/* clang-format on */

static int
run_account(struct merpati *ctl, const struct chosen *c, const struct account *a,
    bool is_dry, struct running *r)
{
	struct retention *rules = rules_of(ctl->conf, c, a);
	struct work work = {.rules = rules, .is_dry = is_dry};
	struct worker w;
	int status = EX_OK;
	r->rules = rules;
	r->address = a->address;
	r->has_rules |= retention_count(rules) > 0;
	if (retention_count(rules)) {
		status = worker_start(ctl->conf, a, run_in_jail, &work, &w);
		if (status == EX_OK)
			status = worker_serve(&w, rows, COUNT(rows), r);
		progress_end();
	}
	retention_free(&rules);
	if (status == EX_UNAVAILABLE)
		ctl_say("%.*s: another run is in this mailbox", SPAN_ARG(a->address));
	else if (status != EX_OK)
		ctl_say("%.*s: not all could be done; the log says why",
		    SPAN_ARG(a->address));
	return status;
}

static int
run_all(struct merpati *ctl, const struct chosen *c, bool is_dry)
{
	struct running r = {
	    .table = {.columns = did_columns, .n_columns = COUNT(did_columns)}};
	int status = EX_OK;
	tzset(); /* a jail has no /etc */
	for (size_t i = 0; i < c->named.n_accounts; i++) {
		int one = run_account(ctl, c, &c->named.accounts[i], is_dry, &r);
		status = status == EX_OK ? one : status;
	}
	if (r.has_rules) {
		table_print(&r.table, ctl->is_json);
	} else if (status == EX_OK && c->named.n_accounts) {
		ctl_say(
		    "no rule is for them: neither in the setting retention, nor set "
		    "for an account or its domain");
		status = EX_CONFIG;
	}
	table_free(&r.table);
	return status;
}

static int
run(struct merpati *ctl, int argc, char **argv)
{
	bool is_all = false, is_dry = false;
	const struct opt opts[] = {
	    {"--all", &is_all, NULL}, {"--dry-run", &is_dry, NULL}};
	struct chosen c;
	int status =
	    opts_read(ctl, opts, COUNT(opts), &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status == EX_OK && !is_dry && strcmp(ctl->verb, "run") != 0)
		status = ctl_usage(ctl, "right would be show, run or --dry-run");
	if (status == EX_OK && argc == 0 && !is_all && !is_dry)
		status = ctl_usage(ctl, "right would be accounts, domains, or --all");
	if (status == EX_OK && argc && is_all)
		status =
		    ctl_usage(ctl, "--all are all: right would be no name beside it");
	if (status != EX_OK)
		return status;
	status = choose(ctl, argc, argv, &c);
	if (status == EX_OK)
		status = named_say_missing(&c.named, run_all(ctl, &c, is_dry));
	chosen_free(&c);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_retention(struct merpati *c, int argc, char **argv)
{
	return !strcmp(c->verb, "show") ? show(c, argc, argv) : run(c, argc, argv);
}
