/* SPDX-License-Identifier: ISC */
/* cmd_retention_set.c - rules of retention of accounts and domains, in the table of accounts. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/domain.h"
#include "conf/retention.h"
#include "ctl/changelog.h"
#include "ctl/user.h"

/* ---- rules ---- */

/* A line each.  EX_OK, EX_DATAERR (said) */
static int
rules_read(int n, char **words, struct buf *out)
{
	struct retention_rule rule;
	const char *wrong;
	out->max = ACCOUNT_RETENTION_MAX;
	for (int i = 0; i < n; i++) {
		struct span text = span_trim(span_of(words[i]));
		if (retention_own_parse(text, &rule, &wrong) != E_OK) {
			ctl_say("\"%s\": right would be %s", words[i], wrong);
			return EX_DATAERR;
		}
		buf_span(out, text);
		buf_ch(out, '\n');
	}
	if (buf_done(out) == E_OK)
		return EX_OK;
	ctl_say("more rules than %d octets hold", ACCOUNT_RETENTION_MAX);
	return EX_DATAERR;
}

static unsigned
count(struct span lines)
{
	unsigned n = 0;
	for (; lines.n; n++)
		(void)span_cut(&lines, '\n');
	return n;
}

/* ---- whose ---- */

struct change {
	struct merpati *ctl;
	struct accounts *accounts;      /* own */
	struct accounts_writer *writer; /* own */
	struct arena arena;             /* own */
	struct span rules;              /* borrow; none: they go */

	struct changed {
		struct span who, was; /* borrow: the arena */
	} * all;                      /* own: what was changed */

	size_t n, cap;
};

static void
note(struct change *c, struct span who, struct span was)
{
	c->all = mem_room(c->all, c->n, &c->cap, sizeof *c->all);
	c->all[c->n++] =
	    (struct changed){arena_span(&c->arena, who), arena_span(&c->arena, was)};
}

static int
say_none(const char *name)
{
	ctl_say("no rules are set for %s", name);
	return EX_DATAERR;
}

/* EX_OK, or what it said about; err: why it was not written */
static int
change_account(struct change *c, const char *name, int *err)
{
	struct account a;
	int status = user_find(c->ctl, c->accounts, name, &c->arena, &a);
	if (status != EX_OK)
		return status;
	if (a.retention.n == 0 && c->rules.n == 0)
		return say_none(name);
	note(c, a.address, a.retention);
	a.retention = c->rules;
	*err = account_put(c->writer, &a);
	return EX_OK;
}

/* The same.  One that is ours no more may have rules that are to go. */
static int
change_domain(struct change *c, const char *name, int *err)
{
	struct buf address = {0};
	struct span was = SPAN("");
	int status = EX_OK;
	buf_putf(&address, "@%s", name);
	struct span at = buf_as_span(&address);
	if (c->rules.n && !domain_of_ours(c->ctl->conf, span_of(name)).n) {
		ctl_say("%s: it is no account, and not in the setting domains", name);
		status = EX_NOUSER;
	}
	struct buf ours = {0};
	domain_address_put(c->ctl->conf, at, &ours);
	struct span domain = span_from(buf_as_span(&ours), 1);
	int found = status == EX_OK
	                ? account_retention(c->accounts, domain, &c->arena, &was)
	                : E_OK;
	if (found == E_IO) {
		ctl_say("the rules of %s cannot be read now", name);
		status = EX_NOINPUT;
	}
	if (status == EX_OK && !was.n && !c->rules.n)
		status = say_none(name);
	if (status == EX_OK) {
		*err = c->rules.n ? account_retention_put(c->writer, domain, c->rules)
		                  : account_retention_del(c->writer, domain);
		/* named twice, in two spellings maybe: they are gone by now */
		if (*err == E_BAD)
			*err = E_OK;
		else
			note(c, domain, was);
	}
	buf_free(&address);
	buf_free(&ours);
	return status;
}

static void
log_changes(const struct change *c)
{
	if (changelog_begin(c->ctl))
		for (size_t i = 0; i < c->n; i++)
			log_event(LOG_NOTICE, "retention_set",
			    "%s=%s rules=%u before=%u by=%u text=%s",
			    span_rfind(c->all[i].who, '@') < c->all[i].who.n ? "account"
									     : "domain",
			    log_q(c->all[i].who), count(c->rules), count(c->all[i].was),
			    (unsigned)getuid(), log_q(c->rules));
	changelog_end();
}

/* All of them in one write. */
static int
change_each(struct merpati *ctl, int n, char **names, struct span rules)
{
	struct change c = {.ctl = ctl, .rules = rules};
	int err = E_OK, status = user_accounts(ctl, &c.accounts);
	if (status == EX_OK)
		status = user_writer(ctl, &c.writer);
	for (int i = 0; i < n && c.writer && err == E_OK; i++) {
		int one = strchr(names[i], '@') ? change_account(&c, names[i], &err)
		                                : change_domain(&c, names[i], &err);
		status = status == EX_OK ? one : status;
	}
	if (c.writer) {
		int written = user_written(&c.writer, err);
		if (written == EX_OK)
			log_changes(&c);
		status = status == EX_OK ? written : status;
	}
	accounts_close(&c.accounts);
	arena_reset(&c.arena);
	mem_free(&c.all);
	return status;
}

int
cmd_retention_set(struct merpati *c, int argc, char **argv)
{
	struct buf rules = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 2, USER_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = rules_read(argc - 1, argv + 1, &rules);
	if (status == EX_OK)
		status = change_each(c, 1, argv, buf_as_span(&rules));
	buf_free(&rules);
	return status;
}

int
cmd_retention_unset(struct merpati *c, int argc, char **argv)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 1, USER_ARGUMENTS_MAX);
	return status == EX_OK ? change_each(c, argc, argv, SPAN("")) : status;
}
