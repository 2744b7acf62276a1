/* SPDX-License-Identifier: ISC */
/*
 * cmd_quota.c - what accounts and domains use of what they may: shown, changed for accounts, and
 * counted anew.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "account/domain_usage.h"
#include "base/clock.h"
#include "conf/domain.h"
#include "ctl/ctl.h"
#include "ctl/named.h"
#include "ctl/table.h"
#include "ctl/user.h"
#include "ctl/worker.h"
#include "store/store.h"

enum { PERCENT = 100 };

static const struct column columns[] = {
    {"name", "NAME", CELL_TEXT},
    {"bytes", "BYTES", CELL_SIZE},
    {"quota_bytes", "QUOTA", CELL_SIZE},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"quota_messages", "QUOTA MESSAGES", CELL_NUMBER},
    {"percent", "PERCENT", CELL_NUMBER},
    {"kept_bytes", "KEPT", CELL_SIZE},
};

static const struct column recount_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"bytes", "BYTES", CELL_NUMBER},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"mended", "MENDED", CELL_NUMBER},
};

/* ---- which are meant ---- */

struct domain {
	struct span name; /* borrow: conf, which spells it */
	struct usage sum, kept;
};

struct chosen {
	struct merpati *ctl;
	int mail_dir;       /* own */
	struct named named; /* own */
	struct table table; /* own */
	struct domain *all; /* own; domains that are shown */
	size_t n;
};

/* ---- show ---- */

static int64_t
percent_of(uint64_t used, uint64_t limit)
{
	return limit ? (int64_t)((double)used * PERCENT / (double)limit) : 0;
}

static void
add_row(struct table *t, struct span name, struct usage used, struct usage most,
    struct usage kept)
{
	int64_t bytes = percent_of(used.bytes, most.bytes),
		messages = percent_of(used.messages, most.messages);
	table_text(t, name);
	table_number(t, (int64_t)used.bytes);
	table_number(t, (int64_t)most.bytes);
	table_number(t, (int64_t)used.messages);
	table_number(t, (int64_t)most.messages);
	table_number(t, bytes > messages ? bytes : messages);
	table_number(t, (int64_t)kept.bytes);
}

/* Those that have a quota, and those that are named. */
static struct domain *
domain_find(struct chosen *c, struct span name)
{
	struct span ours = domain_of_ours(c->ctl->conf, name);
	for (size_t i = 0; i < c->n; i++)
		if (span_eq(c->all[i].name, ours))
			return &c->all[i];
	if (!named_has_domain(&c->named, name) &&
	    (c->named.n || domain_quota(c->ctl->conf, name) == 0))
		return NULL;
	c->all = mem_grow(c->all, c->n + 1, sizeof *c->all);
	c->all[c->n] = (struct domain){.name = ours};
	return &c->all[c->n++];
}

static int
show_account(void *ctx, const struct account *a)
{
	struct chosen *c = ctx;
	struct domain *d = domain_find(c, named_domain(a->address));
	struct usage_noted known = {.sum = {.bytes = 0}};
	struct usage now, most = {a->quota_bytes, a->quota_messages};
	if (account_usage(c->mail_dir, a, &known, &now) == E_OK && d) {
		d->sum.bytes += domain_share(c->ctl->conf, a, now.bytes);
		d->sum.messages += now.messages;
		d->kept.bytes += known.kept.bytes;
	}
	most.bytes = limit_least(most.bytes, known.own_limits.bytes);
	most.messages = limit_least(most.messages, known.own_limits.messages);
	if (named_has(&c->named, a->address))
		add_row(&c->table, a->address, now, most, known.kept);
	return E_OK;
}

static void
chosen_begin(struct chosen *c, struct merpati *ctl, int argc, char **argv)
{
	*c = (struct chosen){.ctl = ctl, .named = named_of(ctl->conf, argc, argv)};
	c->mail_dir = open(conf_str(ctl->conf, "common", "mail_dir"),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
chosen_end(struct chosen *c)
{
	if (c->mail_dir >= 0)
		close(c->mail_dir);
	table_free(&c->table);
	named_free(&c->named);
	mem_free(&c->all);
}

static int
show(struct merpati *ctl, int argc, char **argv)
{
	struct chosen c;
	int status = opts_read(ctl, NULL, 0, &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	chosen_begin(&c, ctl, argc, argv);
	c.table.columns = columns;
	c.table.n_columns = COUNT(columns);
	status = named_each(ctl, show_account, &c);
	for (size_t i = 0; i < c.n; i++)
		add_row(&c.table, c.all[i].name, c.all[i].sum,
		    (struct usage){.bytes = domain_quota(ctl->conf, c.all[i].name)},
		    c.all[i].kept);
	if (status == EX_OK) {
		table_print(&c.table, ctl->is_json);
		status = named_say_missing(&c.named, status);
	}
	chosen_end(&c);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- set ---- */

static int
put_quota(struct user_change *ch, struct account *a)
{
	if (user_opts_apply(ch->ctl, ch->ctx, a) != EX_OK)
		return E_BAD;
	return account_put(ch->writer, a);
}

static int
set(struct merpati *ctl, int argc, char **argv)
{
	struct user_opts settings = {.quota = NULL};
	const struct opt opts[] = {{"--quota", NULL, &settings.quota},
	    {"--quota-messages", NULL, &settings.quota_messages}};
	struct account probe;
	int status =
	    opts_read(ctl, opts, COUNT(opts), &argc, argv, 1, USER_ARGUMENTS_MAX);
	if (status == EX_OK && !settings.quota && !settings.quota_messages)
		status = ctl_usage(ctl, "right would be --quota or --quota-messages");
	for (int i = 0; i < argc && status == EX_OK; i++)
		if (!strchr(argv[i], '@'))
			status = ctl_usage(ctl,
			    "\"%s\" is no account; what a domain may use is in the "
			    "setting domain_quotas",
			    argv[i]);
	if (status == EX_OK)
		status = user_opts_apply(ctl, &settings, &probe);
	return status == EX_OK ? user_change_each(ctl, argc, argv, put_quota, &settings)
	                       : status;
}

/* ---- recalc ---- */

enum { TELL_COUNTED = 1, TELLS };

enum { PH_ANY = 1, COUNTED_BYTES = 20 };

static int
recount_in_jail(int chan, const char *home, void *ctx)
{
	struct store *s = NULL;
	struct buf b = {0};
	uint64_t bytes, messages;
	uint32_t mended = 0;
	(void)ctx;
	if (store_open(home, &s) != E_OK)
		return EX_TEMPFAIL;
	int err = store_sync(s);
	if (err == E_OK)
		err = store_recount(s, &mended);
	if (err == E_OK)
		err = store_usage(s, &bytes, &messages);
	store_close(&s);
	if (err != E_OK)
		return EX_TEMPFAIL;
	buf_u64(&b, bytes);
	buf_u64(&b, messages);
	buf_u32(&b, mended);
	err = ask_send(
	    chan, TELL_COUNTED, buf_as_span(&b), -1, deadline_in_ms(WORKER_WAIT_MS));
	buf_free(&b);
	return err == E_OK ? EX_OK : EX_IOERR;
}

struct counting {
	struct table *table; /* borrow */
	struct span address; /* borrow */
	bool is_told;
};

static int
told_counted(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct counting *c = a->ctx;
	uint64_t bytes = rd_u64(body), messages = rd_u64(body);
	uint32_t mended = rd_u32(body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	c->is_told = true;
	table_text(c->table, c->address);
	table_number(c->table, (int64_t)bytes);
	table_number(c->table, (int64_t)messages);
	table_number(c->table, mended);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[TELLS] = {
	/*                 name        legal in  times  bytes          fd back  answered by */
	[TELL_COUNTED] = {"COUNTED",   PH_ANY,   1,     COUNTED_BYTES, false,   told_counted},
};

/* clang-format on */

static int
recount(struct chosen *c, const struct account *a)
{
	struct counting counting = {.table = &c->table, .address = a->address};
	struct worker w;
	int status = worker_start(c->ctl->conf, a, recount_in_jail, NULL, &w);
	if (status == EX_OK)
		status = worker_serve(&w, rows, COUNT(rows), &counting);
	if (!counting.is_told)
		ctl_say("%.*s: its mailbox could not be counted; the log says why",
		    SPAN_ARG(a->address));
	return status;
}

static int
recalc(struct merpati *ctl, int argc, char **argv)
{
	bool is_all = false;
	const struct opt opts[] = {{"--all", &is_all, NULL}};
	struct chosen c;
	int status =
	    opts_read(ctl, opts, COUNT(opts), &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status == EX_OK && is_all == (argc > 0))
		status = ctl_usage(ctl, "right would be accounts, domains, or --all");
	if (status != EX_OK)
		return status;
	chosen_begin(&c, ctl, argc, argv);
	c.table.columns = recount_columns;
	c.table.n_columns = COUNT(recount_columns);
	status = named_each(ctl, named_choose, &c.named);
	for (size_t i = 0; i < c.named.n_accounts; i++) {
		int one = recount(&c, &c.named.accounts[i]);
		status = status == EX_OK ? one : status;
	}
	if (c.named.n_accounts)
		table_print(&c.table, ctl->is_json);
	status = named_say_missing(&c.named, status);
	chosen_end(&c);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_quota(struct merpati *c, int argc, char **argv)
{
	return !strcmp(c->verb, "set")      ? set(c, argc, argv)
	       : !strcmp(c->verb, "recalc") ? recalc(c, argc, argv)
	                                    : show(c, argc, argv);
}
