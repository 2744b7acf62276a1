/* SPDX-License-Identifier: ISC */
/* cmd_user_identity.c - as whom an account may send besides: granted, revoked, shown. */
#include <string.h>

#include "conf/check.h"
#include "ctl/user.h"

/* An address, or *@domain, lower-cased.  EX_OK, EX_USAGE (said) */
static int
identity_read(const struct merpati *c, const char *text, struct buf *out)
{
	struct span all = span_of(text);
	size_t at = span_rfind(all, '@');
	struct span local = span_head(all, at);
	bool is_good = at > 0 && at < all.n && all.n <= ACCOUNT_ADDRESS_MAX &&
	               !check_domain(text + at + 1) &&
	               (span_eqs(local, "*") || span_find(local, '*') == local.n);
	for (size_t i = 0; i < local.n; i++)
		is_good = is_good && !ch_ctl(local.p[i]) && local.p[i] != ' ';
	if (!is_good)
		return ctl_usage(
		    c, "\"%s\": right would be an address, or *@DOMAIN", text);
	buf_reset(out);
	for (size_t i = 0; i < all.n; i++)
		buf_ch(out, ch_lower(all.p[i]));
	return EX_OK;
}

static struct span *
identities_of(struct account *a)
{
	return &a->identities;
}

static const struct user_lines identities = {
    "identity", "IDENTITY", ACCOUNT_IDENTITIES_MAX, identity_read, identities_of};

int
cmd_user_grant(struct merpati *c, int argc, char **argv)
{
	return user_lines_change(c, &argc, argv, &identities, true);
}

int
cmd_user_revoke(struct merpati *c, int argc, char **argv)
{
	return user_lines_change(c, &argc, argv, &identities, false);
}

int
cmd_user_identities(struct merpati *c, int argc, char **argv)
{
	return user_lines_show(c, argc, argv, &identities);
}
