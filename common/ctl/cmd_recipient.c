/* SPDX-License-Identifier: ISC */
/* cmd_recipient.c - the verdict on an address, and where its mail goes, as daemons see it. */
#include "account/recipient.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

enum { RECIPIENT_ARENA_BYTES = 16 << 20, RECIPIENT_ARGUMENTS_MAX = 1000 };

static const struct column columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"verdict", "VERDICT", CELL_TEXT},
    {"goes_to", "GOES TO", CELL_TEXT},
    {"where", "WHERE", CELL_TEXT},
};

static const char *const words[] = {
    [RCPT_LOCAL] = "taken",
    [RCPT_REMOTE] = "not of a domain of ours",
    [RCPT_UNKNOWN] = "unknown",
    [RCPT_SUSPENDED] = "suspended",
    [RCPT_OVER_QUOTA] = "over quota",
    [RCPT_LOOP] = "leads to itself, or to too many",
    [RCPT_TEMP] = "not known now",
};

static void
row_add(struct table *t, struct span address, enum recipient_verdict v,
    const struct target *to)
{
	struct buf goes = {0};
	if (to)
		buf_span(&goes, to->address);
	if (to && to->detail.n)
		buf_putf(&goes, " (%.*s)", SPAN_ARG(to->detail));
	table_text(t, address);
	table_text(t, span_of(words[v]));
	table_text(t, buf_as_span(&goes));
	table_text(t, !to ? SPAN("") : to->is_local ? to->home : SPAN("another host"));
	buf_free(&goes);
}

/* E_OK, or the verdict that it is not one of them */
static bool
add_address(struct recipients *r, const char *address, struct table *t)
{
	struct arena arena = {.max_bytes = RECIPIENT_ARENA_BYTES};
	struct target *targets;
	size_t n;
	enum recipient_verdict v =
	    recipient_resolve(r, span_of(address), &arena, &targets, &n);
	for (size_t i = 0; v == RCPT_LOCAL && i < n; i++)
		row_add(t, span_of(address), v, &targets[i]);
	if (v != RCPT_LOCAL)
		row_add(t, span_of(address), v, NULL);
	arena_reset(&arena);
	return v == RCPT_LOCAL;
}

int
cmd_recipient(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct recipients *r = NULL;
	bool are_taken = true;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, RECIPIENT_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	if (recipients_open(c->conf, false, &r) != E_OK)
		return EX_NOINPUT;
	for (int i = 0; i < argc; i++)
		are_taken &= add_address(r, argv[i], &t);
	table_print(&t, c->is_json);
	table_free(&t);
	recipients_close(&r);
	return ctl_done() == EX_OK && are_taken ? EX_OK : EX_NOUSER;
}
