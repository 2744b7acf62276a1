/* SPDX-License-Identifier: ISC */
/* user_lines.c - what an account has several of, a row each: identities, groups. */
#include "ctl/table.h"
#include "ctl/user.h"

struct lines {
	struct table table;
	user_lines_fn *of;
};

static int
add_rows(void *ctx, const struct account *a)
{
	struct lines *l = ctx;
	for (struct span all = l->of(a); all.n;) {
		table_text(&l->table, a->address);
		table_text(&l->table, span_cut(&all, '\n'));
	}
	return E_OK;
}

static int
add_named(const struct merpati *c, struct accounts *accounts, const char *address,
    struct lines *l)
{
	struct arena arena = {0};
	struct account a;
	int status = user_find(c, accounts, address, &arena, &a);
	if (status == EX_OK && add_rows(l, &a) != E_OK)
		status = EX_IOERR;
	arena_reset(&arena);
	return status;
}

int
user_lines_show(struct merpati *c, int argc, char **argv, const char *key,
    const char *head, user_lines_fn *of)
{
	const struct column columns[] = {
	    {"address", "ADDRESS", CELL_TEXT}, {key, head, CELL_TEXT}};
	struct lines l = {{.columns = columns, .n_columns = COUNT(columns)}, of};
	struct accounts *accounts = NULL;
	int status = opts_read(c, NULL, 0, &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = user_accounts(c, &accounts);
	if (status != EX_OK)
		return status;
	if (argc == 0 && accounts_each(accounts, add_rows, &l) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	for (int i = 0; i < argc && status == EX_OK; i++)
		status = add_named(c, accounts, argv[i], &l);
	if (status == EX_OK)
		table_print(&l.table, c->is_json);
	table_free(&l.table);
	accounts_close(&accounts);
	return status == EX_OK ? ctl_done() : status;
}
