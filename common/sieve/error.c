/* SPDX-License-Identifier: ISC */
/* error.c - collects what is wrong with a script. */
#include "sieve/error.h"

static void
error_add(
    struct sieve_errors *e, unsigned line, bool is_warning, const char *fmt, va_list ap)
{
	struct buf text = {.max = SIEVE_ERROR_BYTES_MAX};
	e->total += !is_warning;
	if (e->n == SIEVE_ERRORS_MAX)
		return;
	buf_vputf(&text, fmt, ap);
	if (buf_done(&text) != E_OK) {
		buf_reset(&text);
		buf_str(&text, "something is wrong that is too long to be told");
	}
	e->rows[e->n++] =
	    (struct sieve_error){.script = arena_span(&e->arena, e->script),
		.line = line,
		.text = arena_span(&e->arena, buf_as_span(&text)),
		.is_warning = is_warning};
	buf_free(&text);
}

void
sieve_error(struct sieve_errors *e, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	error_add(e, line, false, fmt, ap);
	va_end(ap);
}

void
sieve_warning(struct sieve_errors *e, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	error_add(e, line, true, fmt, ap);
	va_end(ap);
}

void
sieve_errors_put(const struct sieve_errors *e, struct buf *out)
{
	size_t n_errors = 0;
	for (size_t i = 0; i < e->n; i++) {
		const struct sieve_error *row = &e->rows[i];
		if (row->script.n)
			buf_putf(out, "%.*s: ", SPAN_ARG(row->script));
		if (row->line)
			buf_putf(out, "line %u: ", row->line);
		buf_putf(out, "%s: %.*s\n", row->is_warning ? "warning" : "error",
		    SPAN_ARG(row->text));
		n_errors += !row->is_warning;
	}
	if (e->total > n_errors)
		buf_putf(out, "and %zu more\n", e->total - n_errors);
}

void
sieve_errors_reset(struct sieve_errors *e)
{
	struct span script = e->script;
	arena_reset(&e->arena);
	*e = (struct sieve_errors){.script = script};
}
