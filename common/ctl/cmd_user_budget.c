/* SPDX-License-Identifier: ISC */
/* cmd_user_budget.c - what an account may submit: shown, and changed from what the settings say. */
#include <string.h>

#include "ctl/table.h"
#include "ctl/user.h"

static const struct column columns[] = {
    {"what", "WHAT", CELL_TEXT},
    {"window", "IN A", CELL_TEXT},
    {"most", "MOST", CELL_TEXT},
    {"from", "FROM", CELL_TEXT},
};

static int
put_budget(struct user_change *ch, struct account *a)
{
	a->budget = *(const struct budget *)ch->ctx;
	return account_put(ch->writer, a);
}

static struct budget
settings(const struct conf *conf)
{
	struct budget b = {0};
	for (size_t i = 0; i < conf_list_count(conf, "smtpd", "budget_account"); i++)
		if (budget_parse(span_of(conf_list(conf, "smtpd", "budget_account", i)),
			&b) != E_OK)
			bug("an item that the check let through");
	return b;
}

static void
add_row(struct table *t, size_t what, size_t window, uint32_t own, uint32_t most)
{
	struct buf text = {0};
	if (most)
		buf_putf(&text, "%u", most);
	else
		buf_str(&text, "none");
	table_text(t, span_of(budget_whats[what]));
	table_text(t, span_of(budget_windows[window]));
	table_text(t, buf_as_span(&text));
	table_text(t, own ? SPAN("account") : SPAN("settings"));
	buf_free(&text);
}

static int
show(struct merpati *c, const char *address)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct accounts *accounts = NULL;
	struct arena arena = {0};
	struct account a;
	int status = user_accounts(c, &accounts);
	if (status == EX_OK)
		status = user_find(c, accounts, address, &arena, &a);
	if (status == EX_OK) {
		struct budget wide = settings(c->conf);
		struct budget all = budget_join(&a.budget, &wide);
		for (size_t i = 0; i < BUDGET_WHATS; i++)
			for (size_t w = 0; w < BUDGET_WINDOWS; w++)
				add_row(&t, i, w, a.budget.most[i][w], all.most[i][w]);
		table_print(&t, c->is_json);
	}
	table_free(&t);
	accounts_close(&accounts);
	arena_reset(&arena);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_user_budget(struct merpati *c, int argc, char **argv)
{
	struct budget b = {0};
	int status =
	    opts_read(c, NULL, 0, &argc, argv, 1, 1 + BUDGET_WHATS * BUDGET_WINDOWS);
	if (status == EX_OK && argc == 1)
		return show(c, argv[0]);
	bool is_default = status == EX_OK && argc == 2 && !strcmp(argv[1], "default");
	for (int i = 1; i < argc && status == EX_OK && !is_default; i++)
		if (budget_parse(span_of(argv[i]), &b) != E_OK)
			status = ctl_usage(c,
			    "\"%s\": right would be like messages=200/hour", argv[i]);
	return status == EX_OK ? user_change_each(c, 1, argv, put_budget, &b) : status;
}
