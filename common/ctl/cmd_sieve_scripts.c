/* SPDX-License-Identifier: ISC */
/* cmd_sieve_scripts.c - the scripts of an account, as its owner has them by ManageSieve. */
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/sieve_errand.h"
#include "ctl/sieve_file.h"
#include "ctl/table.h"
#include "sieve/check.h"
#include "sieve/scripts.h"

enum { LIST_BYTES_MAX = SIEVE_SCRIPTS_SEEN_MAX * (4 + SIEVE_NAME_BYTES_MAX + 1) };

static const char noun[] = "script";

/* ---- in the worker ---- */

static int
list(struct errand *e, struct sieve_scripts *s)
{
	struct sieve_script_list l;
	int err = sieve_scripts_list(s, &l);
	for (size_t i = 0; err == E_OK && i < l.n; i++) {
		buf_bytes(&e->text, l.rows[i].name);
		buf_u8(&e->text, l.rows[i].is_active);
	}
	arena_reset(&l.arena);
	return err == E_OK ? errand_answer(e) : err;
}

static int
get(struct errand *e, struct sieve_scripts *s)
{
	e->text.max = e->answer_max;
	int err = sieve_scripts_read(s, e->name, &e->text);
	return err == E_OK ? errand_answer(e) : err;
}

static int
put(struct errand *e, struct sieve_scripts *s)
{
	enum sieve_quota what;
	int err = sieve_scripts_put(s, e->name, buf_as_span(&e->text), &what);
	return err == E_OK && e->activates ? sieve_scripts_activate(s, e->name) : err;
}

static int
activate(struct errand *e, struct sieve_scripts *s)
{
	return sieve_scripts_activate(s, e->name);
}

static int delete (struct errand *e, struct sieve_scripts *s)
{
	return sieve_scripts_delete(s, e->name);
}

/* ---- in the command ---- */

static void
put_row(struct table *t, struct rd *r)
{
	table_text(t, rd_str(r, SIEVE_NAME_BYTES_MAX));
	table_number(t, rd_u8(r));
}

int
cmd_sieve_list(struct merpati *c, int argc, char **argv)
{
	static const struct column columns[] = {
	    {"name", "NAME", CELL_TEXT}, {"active", "ACTIVE", CELL_BOOL}};
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct errand e = {.fn = list, .noun = noun, .answer_max = LIST_BYTES_MAX};
	return errand_table(c, argc, argv, &e, &t, put_row);
}

int
cmd_sieve_get(struct merpati *c, int argc, char **argv)
{
	struct errand e = {
	    .fn = get, .noun = noun, .answer_max = SIEVE_SCRIPT_BYTES_MAX};
	int status = opts_read(c, NULL, 0, &argc, argv, 2, 2);
	if (status == EX_OK) {
		e.name = span_of(argv[1]);
		status = errand_run(c, argv[0], &e);
	}
	if (status == EX_OK)
		ctl_put(stdout, &e.text);
	buf_free(&e.text);
	return status == EX_OK ? ctl_done() : status;
}

/* What it includes may come later.  EX_OK, EX_DATAERR (said) */
static int
check(struct span name, struct span script)
{
	const struct sieve_checking want = {.name = name};
	struct sieve_errors errors = {0};
	struct sieve_program *program = NULL;
	int err = sieve_compile(script, &want, &errors, &program);
	sieve_errors_say(&errors);
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	return err == E_OK ? EX_OK : EX_DATAERR;
}

int
cmd_sieve_put(struct merpati *c, int argc, char **argv)
{
	struct errand e = {.fn = put, .noun = noun};
	const struct opt opts[] = {{"--activate", &e.activates, NULL}};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 3, 3);
	if (status == EX_OK)
		status = sieve_file_read(argv[2], SIEVE_SCRIPT_BYTES_MAX, &e.text);
	if (status == EX_OK) {
		e.name = span_of(argv[1]);
		status = check(e.name, buf_as_span(&e.text));
	}
	if (status == EX_OK)
		status = errand_run(c, argv[0], &e);
	buf_free(&e.text);
	return status;
}

/* activate, deactivate, delete */
int
cmd_sieve_change(struct merpati *c, int argc, char **argv)
{
	bool has_name = strcmp(c->verb, "deactivate") != 0;
	struct errand e = {
	    .fn = strcmp(c->verb, "delete") ? activate : delete, .noun = noun};
	int status = opts_read(c, NULL, 0, &argc, argv, 1 + has_name, 1 + has_name);
	if (status == EX_OK && has_name) {
		e.name = span_of(argv[1]);
		if (!sieve_name_valid(e.name)) /* an empty one would activate none */
			status = EX_DATAERR;
		if (status != EX_OK)
			ctl_say("\"%s\": this can be no name of a script", argv[1]);
	}
	return status == EX_OK ? errand_run(c, argv[0], &e) : status;
}
