/* SPDX-License-Identifier: ISC */
/* value.c - strings of a script, with what their variables hold now. */
#include "sieve/run_state.h"

enum { ROW_WORK = 8 }; /* what a string of a list is worth in octets compared */

static struct span
piece_value(struct sieve_run *run, const struct sieve_piece *piece)
{
	switch (piece->kind) {
	case PIECE_TEXT:
		return piece->text;
	case PIECE_MATCH:
		return piece->slot < run->n_match_values
		           ? run->match_values[piece->slot]
		           : (struct span){"", 0};
	default:
		return buf_as_span(
		    variable_of(run, piece->kind == PIECE_GLOBAL, piece->slot));
	}
}

struct span
run_string(struct sieve_run *run, const struct sieve_string *s)
{
	struct buf out = {.max = SIEVE_EXPANDED_BYTES_MAX};
	struct span text;
	if (!s->pieces)
		return s->text;
	for (const struct sieve_piece *p = s->pieces; p && run->err == E_OK;
	     p = p->next) {
		struct span value = piece_value(run, p);
		if (run_spend(run, s->line, ROW_WORK + value.n) == E_OK)
			buf_span(&out, value);
	}
	if (buf_done(&out) != E_OK)
		(void)run_limit(run, s->line,
		    "a string with its variables is longer than %d octets",
		    SIEVE_EXPANDED_BYTES_MAX);
	text = run_copy(run, &out);
	buf_free(&out);
	return text;
}

struct span
run_arg(struct sieve_run *run, const struct sieve_arg *arg)
{
	return arg && arg->strings ? run_string(run, arg->strings)
	                           : (struct span){"", 0};
}

struct span *
run_list(struct sieve_run *run, const struct sieve_arg *arg, size_t *n)
{
	size_t count = 0;
	struct span *rows;
	*n = 0;
	if (!arg)
		return NULL;
	for (const struct sieve_string *s = arg->strings; s; s = s->next)
		count++;
	if (run_spend(run, arg->line, ROW_WORK * (uint64_t)count) != E_OK ||
	    !(rows = run_get(run, (count + 1) * sizeof(*rows))))
		return NULL;
	for (const struct sieve_string *s = arg->strings; s && run->err == E_OK;
	     s = s->next)
		rows[(*n)++] = run_string(run, s);
	return rows;
}
