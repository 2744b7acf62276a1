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

struct wish {
	char **identities; /* borrow: of the command line */
	int n;
	bool is_granted;
};

/* All but those that are named, and these behind them when they are granted. */
static int
put_identities(struct user_change *ch, struct account *a)
{
	const struct wish *w = ch->ctx;
	struct buf kept = {.max = ACCOUNT_IDENTITIES_MAX}, named = {0}, one = {0};
	int err = E_OK;
	for (int i = 0; i < w->n && err == E_OK; i++) {
		if (identity_read(ch->ctl, w->identities[i], &one) != EX_OK)
			err = E_BAD;
		else if (!span_has_line(buf_as_span(&named), buf_as_span(&one)))
			buf_putf(&named, "%s\n", buf_cstr(&one));
	}
	for (struct span all = a->identities; all.n;) {
		struct span identity = span_cut(&all, '\n');
		if (!span_has_line(buf_as_span(&named), identity))
			buf_putf(&kept, "%.*s\n", SPAN_ARG(identity));
	}
	if (w->is_granted)
		buf_span(&kept, buf_as_span(&named));
	a->identities = buf_as_span(&kept);
	if (err == E_OK)
		err = buf_done(&kept);
	if (err == E_OK)
		err = account_put(ch->writer, a);
	buf_free(&kept);
	buf_free(&named);
	buf_free(&one);
	return err;
}

static int
change(struct merpati *c, int argc, char **argv, bool is_granted)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 2, USER_ARGUMENTS_MAX);
	struct buf text = {0};
	for (int i = 1; i < argc && status == EX_OK; i++)
		status = identity_read(c, argv[i], &text);
	buf_free(&text);
	struct wish w = {argv + 1, argc - 1, is_granted};
	return status == EX_OK ? user_change_each(c, 1, argv, put_identities, &w)
	                       : status;
}

int
cmd_user_grant(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, true);
}

int
cmd_user_revoke(struct merpati *c, int argc, char **argv)
{
	return change(c, argc, argv, false);
}

static struct span
identities_of(const struct account *a)
{
	return a->identities;
}

int
cmd_user_identities(struct merpati *c, int argc, char **argv)
{
	return user_lines_show(c, argc, argv, "identity", "IDENTITY", identities_of);
}
