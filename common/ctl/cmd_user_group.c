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

static struct span *
groups_of(struct account *a)
{
	return &a->groups;
}

static const struct user_lines groups = {
    "group", "GROUP", ACCOUNT_GROUPS_MAX, group_read, groups_of};

/*
 * What a group is given, or has taken away, is looked at when a session opens another's mailbox: those
 * of the account end, in all daemons.
 */
static int
change(struct merpati *c, int argc, char **argv, bool is_in)
{
	int status = user_lines_change(c, &argc, argv, &groups, is_in);
	struct buf address = {0};
	unsigned n = 0;
	if (status == EX_OK) {
		domain_address_put(c->conf, span_of(argv[0]), &address);
		status = kick_sessions(c, buf_cstr(&address), NULL, &n);
	}
	buf_free(&address);
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

int
cmd_user_groups(struct merpati *c, int argc, char **argv)
{
	return user_lines_show(c, argc, argv, &groups);
}
