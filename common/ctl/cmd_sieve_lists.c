/* SPDX-License-Identifier: ISC */
/* cmd_sieve_lists.c - lists that the scripts of an account ask about: shown, stored, deleted. */
#include "ctl/ctl.h"
#include "ctl/sieve_errand.h"
#include "ctl/sieve_file.h"
#include "ctl/table.h"
#include "sieve/lists.h"

enum { ROW_BYTES = 4 + LIST_NAME_MAX + 4 + 8 + 1 };

static const struct column columns[] = {
    {"name", "NAME", CELL_TEXT},
    {"members", "MEMBERS", CELL_NUMBER},
    {"bytes", "BYTES", CELL_SIZE},
    {"error", "ERROR", CELL_TEXT},
};

/* ---- in the worker ---- */

static int
all(struct errand *e, struct sieve_scripts *s)
{
	struct sieve_lists lists;
	struct sieve_list_row *rows;
	struct arena arena = {0};
	size_t n = 0;
	int err = sieve_lists_open(s, false, &lists);
	if (err == E_OK)
		err = sieve_lists_all(&lists, &arena, &rows, &n);
	for (size_t i = 0; err == E_OK && i < n; i++) {
		buf_bytes(&e->text, rows[i].name);
		buf_u32(&e->text, rows[i].members);
		buf_u64(&e->text, rows[i].bytes);
		buf_u8(&e->text, rows[i].is_read);
	}
	sieve_lists_close(&lists);
	arena_reset(&arena);
	return err == E_OK ? errand_answer(e) : err;
}

static int
get(struct errand *e, struct sieve_scripts *s)
{
	struct sieve_lists lists;
	e->text.max = e->answer_max;
	int err = sieve_lists_open(s, false, &lists);
	if (err == E_OK)
		err = sieve_list_read(&lists, e->name, &e->text);
	sieve_lists_close(&lists);
	return err == E_OK ? errand_answer(e) : err;
}

static int
put(struct errand *e, struct sieve_scripts *s)
{
	struct sieve_lists lists;
	int err = sieve_lists_open(s, true, &lists);
	if (err == E_OK)
		err = sieve_list_put(&lists, e->name, buf_as_span(&e->text));
	sieve_lists_close(&lists);
	return err;
}

static int delete (struct errand *e, struct sieve_scripts *s)
{
	struct sieve_lists lists;
	int err = sieve_lists_open(s, false, &lists);
	if (err == E_OK)
		err = sieve_list_delete(&lists, e->name);
	sieve_lists_close(&lists);
	return err;
}

/* ---- in the command ---- */

/* ADDRESS NAME.  EX_OK, EX_DATAERR (said) */
static int
name_read(struct errand *e, char **argv)
{
	e->noun = "list";
	e->name = span_of(argv[1]);
	if (list_name_check(e->name))
		return EX_OK;
	ctl_say("\"%s\": right would be a name of 1 to %d letters, digits, \"-\", "
		"\"_\" and \".\", which does not begin it",
	    argv[1], LIST_NAME_MAX);
	return EX_DATAERR;
}

static void
put_row(struct table *t, struct rd *r)
{
	table_text(t, rd_str(r, LIST_NAME_MAX));
	table_number(t, rd_u32(r));
	table_number(t, (int64_t)rd_u64(r));
	table_text(t, span_of(rd_u8(r) ? "" : "it cannot be read"));
}

int
cmd_sieve_lists(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct errand e = {
	    .fn = all, .noun = "list", .answer_max = LISTS_SEEN_MAX * ROW_BYTES};
	return errand_table(c, argc, argv, &e, &t, put_row);
}

int
cmd_sieve_lists_get(struct merpati *c, int argc, char **argv)
{
	struct errand e = {.fn = get, .answer_max = LIST_BYTES_MAX};
	int status = opts_read(c, NULL, 0, &argc, argv, 2, 2);
	if (status == EX_OK)
		status = name_read(&e, argv);
	if (status == EX_OK)
		status = errand_run(c, argv[0], &e);
	if (status == EX_OK)
		ctl_put(stdout, &e.text);
	buf_free(&e.text);
	return status == EX_OK ? ctl_done() : status;
}

/* EX_OK, EX_DATAERR (said) */
static int
check(struct span name, struct span text, bool is_any)
{
	struct list_wrong wrong;
	if (list_text_check(text, is_any, &wrong) == E_OK)
		return EX_OK;
	ctl_say(
	    "%.*s: line %u: right would be %s", SPAN_ARG(name), wrong.line, wrong.what);
	return EX_DATAERR;
}

int
cmd_sieve_lists_put(struct merpati *c, int argc, char **argv)
{
	struct errand e = {.fn = put};
	bool is_any = false;
	const struct opt opts[] = {{"--text", &is_any, NULL}};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 3, 3);
	if (status == EX_OK)
		status = name_read(&e, argv);
	if (status == EX_OK)
		status = sieve_file_read(argv[2], LIST_BYTES_MAX, &e.text);
	if (status == EX_OK)
		status = check(e.name, buf_as_span(&e.text), is_any);
	if (status == EX_OK)
		status = errand_run(c, argv[0], &e);
	buf_free(&e.text);
	return status;
}

int
cmd_sieve_lists_delete(struct merpati *c, int argc, char **argv)
{
	struct errand e = {.fn = delete};
	int status = opts_read(c, NULL, 0, &argc, argv, 2, 2);
	if (status == EX_OK)
		status = name_read(&e, argv);
	return status == EX_OK ? errand_run(c, argv[0], &e) : status;
}
