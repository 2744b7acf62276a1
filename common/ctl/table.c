/* SPDX-License-Identifier: ISC */
/* table.c - lists for people and for programs. */
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "conf/value.h"

static struct cell *
add(struct table *t)
{
	if ((t->n_cells & (t->n_cells + 1)) == 0 ||
	    !t->cells) /* at each power of two */
		t->cells = mem_grow(t->cells, 2 * (t->n_cells + 1), sizeof *t->cells);
	t->cells[t->n_cells] = (struct cell){.text = NULL};
	return &t->cells[t->n_cells++];
}

void
table_text(struct table *t, struct span s)
{
	struct buf b = {0};
	buf_span(&b, s);
	add(t)->text = mem_dup(buf_cstr(&b));
	buf_free(&b);
}

void
table_number(struct table *t, int64_t number)
{
	add(t)->number = number;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		mem_free(&t->cells[i].text);
	mem_free(&t->cells);
	t->n_cells = 0;
}

/* ---- for people ---- */

static void
put_time(int64_t sec, struct buf *out)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)sec;
	if (sec == 0 || !localtime_r(&t, &tm) ||
	    !strftime(text, sizeof text, "%F %T", &tm))
		buf_ch(out, '-');
	else
		buf_str(out, text);
}

/* What came from outside must not steer a terminal. */
static void
put_plain(const char *text, struct buf *out)
{
	if (!*text)
		buf_ch(out, '-');
	for (; *text; text++)
		buf_ch(out, ch_ctl(*text) ? '?' : *text);
}

static void
put_people(const struct column *c, const struct cell *cell, struct buf *out)
{
	if (c->kind == CELL_TEXT)
		put_plain(cell->text, out);
	else if (c->kind == CELL_BOOL)
		buf_str(out, cell->number ? "yes" : "no");
	else if (c->kind == CELL_SIZE)
		value_number(CONF_BYTES, cell->number, out);
	else if (c->kind == CELL_TIME)
		put_time(cell->number, out);
	else
		buf_putf(out, "%lld", (long long)cell->number);
}

static void
print_cell(struct span s, size_t width, bool is_right, bool is_last)
{
	int pad = (int)(width - utf8_count(s));
	if (is_right)
		printf("%*s%.*s%s", pad, "", SPAN_ARG(s), is_last ? "\n" : "  ");
	else
		printf("%.*s%*s%s", SPAN_ARG(s), is_last ? 0 : pad, "",
		    is_last ? "\n" : "  ");
}

static void
print_people(const struct table *t)
{
	enum { COLUMNS_MAX = 16 };

	size_t width[COLUMNS_MAX];
	struct buf b = {0};
	if (t->n_columns > COLUMNS_MAX)
		bug("too many columns");
	for (size_t c = 0; c < t->n_columns; c++)
		width[c] = strlen(t->columns[c].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t c = i % t->n_columns;
		put_people(&t->columns[c], &t->cells[i], &b);
		size_t w = utf8_count(buf_as_span(&b));
		width[c] = w > width[c] ? w : width[c];
		buf_reset(&b);
	}
	for (size_t i = 0; i < t->n_cells + t->n_columns; i++) {
		size_t c = i % t->n_columns;
		bool is_right = t->columns[c].kind == CELL_NUMBER ||
		                t->columns[c].kind == CELL_SIZE;
		if (i < t->n_columns)
			buf_str(&b, t->columns[c].title);
		else
			put_people(&t->columns[c], &t->cells[i - t->n_columns], &b);
		print_cell(buf_as_span(&b), width[c], is_right, c + 1 == t->n_columns);
		buf_reset(&b);
	}
	buf_free(&b);
}

/* ---- for programs ---- */

static void
put_json(const struct column *c, const struct cell *cell, struct buf *out)
{
	struct buf time = {0};
	if (c->kind == CELL_TEXT) {
		buf_quoted(out, span_of(cell->text));
	} else if (c->kind == CELL_BOOL) {
		buf_str(out, cell->number ? "true" : "false");
	} else if (c->kind == CELL_TIME && cell->number == 0) {
		buf_str(out, "null");
	} else if (c->kind == CELL_TIME) {
		date_put_iso(&time, cell->number);
		buf_quoted(out, buf_as_span(&time));
	} else {
		buf_putf(out, "%lld", (long long)cell->number);
	}
	buf_free(&time);
}

static void
put_object(const struct table *t, size_t row, struct buf *out)
{
	buf_ch(out, '{');
	for (size_t c = 0; c < t->n_columns; c++) {
		if (c)
			buf_str(out, ", ");
		buf_quoted(out, span_of(t->columns[c].key));
		buf_str(out, ": ");
		put_json(&t->columns[c], &t->cells[row * t->n_columns + c], out);
	}
	buf_ch(out, '}');
}

static void
print_json(const struct table *t)
{
	struct buf b = {0};
	size_t rows = t->n_cells / t->n_columns;
	printf("[");
	for (size_t row = 0; row < rows; row++) {
		put_object(t, row, &b);
		printf("%s%.*s", row ? ",\n " : "", SPAN_ARG(buf_as_span(&b)));
		buf_reset(&b);
	}
	printf("]\n");
	buf_free(&b);
}

void
table_print(const struct table *t, bool is_json)
{
	if (is_json)
		print_json(t);
	else
		print_people(t);
}

void
table_print_one(const struct table *t, bool is_json)
{
	struct buf b = {0};
	size_t width = 0;
	if (is_json) {
		put_object(t, 0, &b);
		printf("%.*s\n", SPAN_ARG(buf_as_span(&b)));
	}
	for (size_t c = 0; c < t->n_columns; c++)
		width = strlen(t->columns[c].title) > width
		            ? strlen(t->columns[c].title)
		            : width;
	for (size_t c = 0; c < t->n_columns && !is_json; c++) {
		buf_reset(&b);
		put_people(&t->columns[c], &t->cells[c], &b);
		printf("%-*s  %.*s\n", (int)width, t->columns[c].title,
		    SPAN_ARG(buf_as_span(&b)));
	}
	buf_free(&b);
}
