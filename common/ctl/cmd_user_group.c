/* SPDX-License-Identifier: ISC */
/* cmd_user_group.c - groups of accounts: joined, left, shown. */
#include "conf/domain.h"
#include "ctl/kick.h"
#include "ctl/user.h"

/* Its name in lower case.  EX_OK, EX_USAGE (said) */
static int
group_read(const struct merpati *c, const char *text, struct buf *out)
{
	buf_reset(out);
	for (const char *p = text; *p; p++)
		buf_ch(out, ch_lower(*p));
	if (account_group_check(buf_as_span(out)))
		return EX_OK;
	return ctl_usage(c,
	    "\"%s\": right would be a name of 1 to %d letters, digits, \"-\", \"_\" "
	    "and "
	    "\".\"",
	    text, ACCOUNT_GROUP_MAX);
}

struct wish {
	char **groups; /* borrow: of the command line */
	int n;
	bool is_in;
};

/* All but those that are named, and these behind them when it joins. */
static int
put_groups(struct user_change *ch, struct account *a)
{
	const struct wish *w = ch->ctx;
	struct buf kept = {.max = ACCOUNT_GROUPS_MAX}, named = {0}, one = {0};
	int err = E_OK;
	for (int i = 0; i < w->n && err == E_OK; i++) {
		if (group_read(ch->ctl, w->groups[i], &one) != EX_OK)
			err = E_BAD;
		else if (!span_has_line(buf_as_span(&named), buf_as_span(&one)))
			buf_putf(&named, "%s\n", buf_cstr(&one));
	}
	for (struct span all = a->groups; all.n;) {
		struct span group = span_cut(&all, '\n');
		if (!span_has_line(buf_as_span(&named), group))
			buf_putf(&kept, "%.*s\n", SPAN_ARG(group));
	}
	if (w->is_in)
		buf_span(&kept, buf_as_span(&named));
	a->groups = buf_as_span(&kept);
	if (err == E_OK)
		err = buf_done(&kept);
	if (err == E_OK)
		err = account_put(ch->writer, a);
	buf_free(&kept);
	buf_free(&named);
	buf_free(&one);
	return err;
}

/*
 * What a group is given, or has taken away, is looked at when a session opens another's mailbox: those
 * of the account end, in all daemons.
 */
static int
change(struct merpati *c, int argc, char **argv, bool is_in)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 2, USER_ARGUMENTS_MAX);
	struct buf text = {0};
	unsigned n = 0;
	for (int i = 1; i < argc && status == EX_OK; i++)
		status = group_read(c, argv[i], &text);
	struct wish w = {argv + 1, argc - 1, is_in};
	if (status == EX_OK)
		status = user_change_each(c, 1, argv, put_groups, &w);
	if (status == EX_OK) {
		buf_reset(&text);
		domain_address_put(c->conf, span_of(argv[0]), &text);
		status = kick_sessions(c, buf_cstr(&text), NULL, &n);
	}
	buf_free(&text);
	return status;
}

int
cmd_user_join(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, true);
}

int
cmd_user_leave(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, false);
}

static struct span
groups_of(const struct account *a)
{
	return a->groups;
}

int
cmd_user_groups(struct merpati *c, int argc, char **argv)
{
	return user_lines_show(c, argc, argv, "group", "GROUP", groups_of);
}
