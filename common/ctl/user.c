/* SPDX-License-Identifier: ISC */
/* user.c - what the commands about users share. */
#include "ctl/user.h"

#include <limits.h>
#include <string.h>

#include "account/app.h"
#include "conf/domain.h"
#include "conf/value.h"

static int
read_number(const struct merpati *c, const char *name, enum conf_type type,
    const char *text, int64_t most, int64_t *out)
{
	if (value_parse_number(type, span_of(text), out) == E_OK && *out <= most)
		return EX_OK;
	return ctl_usage(c, "%s \"%s\": right would be %s", name, text,
	    type == CONF_BYTES ? "a size like 500M or 2G; 0 for none" : "a number");
}

static int
read_apps_only(const struct merpati *c, const char *text, unsigned *out)
{
	*out = 0;
	if (!strcmp(text, "none") || app_protocols_parse(span_of(text), out) == E_OK)
		return EX_OK;
	return ctl_usage(c,
	    "--apps-only \"%s\": right would be none, or some of smtp,pop,imap,sieve",
	    text);
}

int
user_opts_apply(const struct merpati *c, const struct user_opts *o, struct account *out)
{
	enum { KEEP_DAYS_MOST = 36500 };

	int64_t n;
	int status = EX_OK;
	if (o->quota) {
		status = read_number(c, "--quota", CONF_BYTES, o->quota, INT64_MAX, &n);
		out->quota_bytes = (uint64_t)n;
	}
	if (status == EX_OK && o->quota_messages) {
		status = read_number(
		    c, "--quota-messages", CONF_INT, o->quota_messages, INT64_MAX, &n);
		out->quota_messages = (uint64_t)n;
	}
	if (status == EX_OK && o->pop3_keep && !strcmp(o->pop3_keep, "always")) {
		out->pop3_keep_days = POP3_KEEP_ALWAYS;
	} else if (status == EX_OK && o->pop3_keep) {
		status = read_number(
		    c, "--pop3-keep", CONF_INT, o->pop3_keep, KEEP_DAYS_MOST, &n);
		out->pop3_keep_days = (int32_t)n;
	}
	if (status == EX_OK && o->apps_only)
		status = read_apps_only(c, o->apps_only, &out->apps_only);
	return status;
}

int
user_accounts(const struct merpati *c, struct accounts **out)
{
	struct buf dir = {0};
	buf_putf(&dir, "%s/accounts", conf_str(c->conf, "common", "state_dir"));
	int err = accounts_open(buf_cstr(&dir), false, out);
	buf_free(&dir);
	if (err == E_OK)
		return EX_OK;
	ctl_say("the table of accounts in %s cannot be read; the first \"merpati user "
		"add\" makes it",
	    conf_str(c->conf, "common", "state_dir"));
	return EX_NOINPUT;
}

int
user_find(const struct merpati *c, struct accounts *accounts, const char *address,
    struct arena *arena, struct account *out)
{
	struct buf name = {0};
	domain_address_put(c->conf, span_of(address), &name);
	int err = account_get(accounts, buf_as_span(&name), arena, out);
	buf_free(&name);
	if (err == E_OK)
		return EX_OK;
	ctl_say(err == E_BAD ? "there is no account %s"
			     : "the account %s cannot be read now",
	    address);
	return err == E_BAD ? EX_NOUSER : EX_NOINPUT;
}

int
user_writer(const struct merpati *c, struct accounts_writer **out)
{
	int err = accounts_write_begin(c->conf, out);
	if (err == E_OK)
		return EX_OK;
	if (err == E_LIMIT)
		ctl_say("another merpati is writing the table of accounts; try again");
	else
		ctl_say("the table of accounts in %s cannot be written",
		    conf_str(c->conf, "common", "state_dir"));
	return err == E_LIMIT ? EX_TEMPFAIL : EX_CANTCREAT;
}

int
user_written(struct accounts_writer **writer, int err)
{
	int ended = accounts_write_end(writer);
	if (err == E_OK && ended == E_OK)
		return EX_OK;
	if (err == E_LIMIT && ended == E_OK)
		ctl_say(
		    "nothing was changed: it would be more than an account or a group "
		    "can have");
	else
		ctl_say("the table of accounts was not written: %s",
		    err_name(err != E_OK ? err : ended));
	return EX_IOERR;
}

int
user_change_each(
    struct merpati *c, int argc, char **argv, user_change_fn *fn, void *ctx)
{
	struct user_change ch = {.ctl = c, .ctx = ctx};
	int err = E_OK, status = user_accounts(c, &ch.accounts);
	if (status == EX_OK)
		status = user_writer(c, &ch.writer);
	for (int i = 0; i < argc && ch.writer && err == E_OK; i++) {
		struct account a;
		int found = user_find(c, ch.accounts, argv[i], &ch.arena, &a);
		if (found == EX_OK)
			err = fn(&ch, &a);
		else if (status == EX_OK)
			status = found;
	}
	if (ch.writer) {
		int written = user_written(&ch.writer, err);
		status = status == EX_OK ? written : status;
	}
	accounts_close(&ch.accounts);
	arena_reset(&ch.arena);
	return status;
}
