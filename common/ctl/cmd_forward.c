/* SPDX-License-Identifier: ISC */
/*
 * cmd_forward.c - aliases in the table of accounts: where mail of an address goes instead of its
 * mailbox, or besides; a group; or what a domain has nobody for.
 */
#include <string.h>

#include "account/alias.h"
#include "conf/check.h"
#include "conf/domain.h"
#include "ctl/table.h"
#include "ctl/user.h"

enum { FORWARD_ARGUMENTS_MAX = 1001 };

static const struct column columns[] = {
    {"address", "ADDRESS", CELL_TEXT}, {"target", "TARGET", CELL_TEXT}};

/* An address, or "@domain", as the table has it.  EX_OK, EX_USAGE (said) */
static int
name_read(
    const struct merpati *c, const char *text, bool may_be_domain, struct buf *out)
{
	struct span all = span_of(text);
	size_t at = span_rfind(all, '@');
	bool is_good = at < all.n && (at > 0 || may_be_domain) &&
	               all.n <= ACCOUNT_ADDRESS_MAX && !check_domain(text + at + 1);
	for (const char *p = text; *p; p++)
		is_good = is_good && !ch_ctl(*p) && !strchr(" ,\"<>#:|/", *p);
	if (!is_good)
		return ctl_usage(c, "\"%s\": right would be an address%s", text,
		    may_be_domain ? ", or @DOMAIN" : "");
	domain_address_put(c->conf, all, out);
	return EX_OK;
}

/* The targets, its own mailbox first where a copy stays. */
static int
targets_read(const struct merpati *c, bool is_copied, struct span name, int n,
    char **targets, struct buf *out)
{
	int status = EX_OK;
	out->max = ACCOUNT_ALIAS_MAX;
	if (is_copied)
		buf_span(out, name);
	for (int i = 0; i < n && status == EX_OK; i++) {
		buf_str(out, out->len ? ", " : "");
		status = name_read(c, targets[i], false, out);
	}
	if (status == EX_OK && buf_done(out) != E_OK)
		status =
		    ctl_usage(c, "more targets than %d octets hold", ACCOUNT_ALIAS_MAX);
	return status;
}

int
cmd_forward_set(struct merpati *c, int argc, char **argv)
{
	bool is_copied = false;
	struct opt opts[] = {{"--copy", &is_copied, NULL}};
	struct buf name = {0}, targets = {0};
	struct accounts_writer *writer = NULL;
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 2, FORWARD_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = name_read(c, argv[0], true, &name);
	if (status == EX_OK && is_copied && buf_as_span(&name).p[0] == '@')
		status = ctl_usage(c, "a domain has no mailbox for --copy");
	if (status == EX_OK)
		status = targets_read(
		    c, is_copied, buf_as_span(&name), argc - 1, argv + 1, &targets);
	if (status == EX_OK)
		status = user_writer(c, &writer);
	if (status == EX_OK)
		status =
		    user_written(&writer, account_alias_put(writer, buf_as_span(&name),
					      buf_as_span(&targets)));
	buf_free(&name);
	buf_free(&targets);
	return status;
}

int
cmd_forward_remove(struct merpati *c, int argc, char **argv)
{
	struct buf name = {0};
	struct accounts_writer *writer = NULL;
	int err = E_OK, status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = name_read(c, argv[0], true, &name);
	if (status == EX_OK)
		status = user_writer(c, &writer);
	if (status == EX_OK) {
		err = account_alias_del(writer, buf_as_span(&name));
		status = user_written(&writer, err == E_BAD ? E_OK : err);
	}
	if (status == EX_OK && err == E_BAD) {
		ctl_say("nothing is forwarded for %s", buf_cstr(&name));
		status = EX_DATAERR;
	}
	buf_free(&name);
	return status;
}

static int
add_rows(void *ctx, struct span name, struct span targets)
{
	struct span target;
	while (alias_next_target(&targets, &target) == E_OK) {
		table_text(ctx, name);
		table_text(ctx, target);
	}
	return E_OK;
}

int
cmd_forward_list(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct accounts *accounts = NULL;
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status == EX_OK)
		status = user_accounts(c, &accounts);
	if (status == EX_OK && account_aliases_each(accounts, add_rows, &t) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	if (status == EX_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	accounts_close(&accounts);
	return status == EX_OK ? ctl_done() : status;
}
