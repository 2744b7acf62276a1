/* SPDX-License-Identifier: ISC */
/* user_lines.c - what an account has several of (identities, groups): shown, a row each, and changed. */
#include "ctl/table.h"
#include "ctl/user.h"

struct lines {
	struct table table;
	const struct user_lines *kind; /* borrow */
};

static int
add_rows(void *ctx, const struct account *a)
{
	struct lines *l = ctx;
	struct account copy = *a;
	for (struct span all = *l->kind->of(&copy); all.n;) {
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
user_lines_show(struct merpati *c, int argc, char **argv, const struct user_lines *kind)
{
	const struct column columns[] = {
	    {"address", "ADDRESS", CELL_TEXT}, {kind->key, kind->head, CELL_TEXT}};
	struct lines l = {{.columns = columns, .n_columns = COUNT(columns)}, kind};
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

struct wish {
	const struct user_lines *kind; /* borrow */
	char **lines;                  /* borrow: of the command line */
	int n;
	bool is_added;
};

/* All but those that are named, and these behind them when they are added. */
static int
put(struct user_change *ch, struct account *a)
{
	const struct wish *w = ch->ctx;
	struct span *all = w->kind->of(a);
	struct buf kept = {.max = w->kind->bytes_max}, named = {0}, one = {0};
	int err = E_OK;
	for (int i = 0; i < w->n && err == E_OK; i++) {
		if (w->kind->read(ch->ctl, w->lines[i], &one) != EX_OK)
			err = E_BAD;
		else if (!span_has_line(buf_as_span(&named), buf_as_span(&one)))
			buf_putf(&named, "%s\n", buf_cstr(&one));
	}
	for (struct span left = *all; left.n;) {
		struct span line = span_cut(&left, '\n');
		if (!span_has_line(buf_as_span(&named), line))
			buf_putf(&kept, "%.*s\n", SPAN_ARG(line));
	}
	if (w->is_added)
		buf_span(&kept, buf_as_span(&named));
	*all = buf_as_span(&kept);
	if (err == E_OK)
		err = buf_done(&kept);
	if (err == E_OK)
		err = account_put(ch->writer, a);
	buf_free(&kept);
	buf_free(&named);
	buf_free(&one);
	return err;
}

int
user_lines_change(struct merpati *c, int *argc, char **argv,
    const struct user_lines *kind, bool is_added)
{
	int status = opts_read(c, NULL, 0, argc, argv, 2, USER_ARGUMENTS_MAX);
	struct buf text = {0};
	for (int i = 1; i < *argc && status == EX_OK; i++)
		status = kind->read(c, argv[i], &text);
	buf_free(&text);
	struct wish w = {kind, argv + 1, *argc - 1, is_added};
	return status == EX_OK ? user_change_each(c, 1, argv, put, &w) : status;
}
