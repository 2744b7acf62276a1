/* SPDX-License-Identifier: ISC */
/* alias.c - the alias file: read whole, indexed by name, read again when it changed. */
#include "account/alias.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

struct row {
	struct span name, targets; /* borrow: of the text */
	size_t order;
};

struct aliases {
	char *path;       /* own */
	struct buf text;  /* own; names are lower-cased in place */
	struct row *rows; /* own; sorted by name */
	size_t n_rows, cap;
	struct stat seen;
	int64_t looked_ms;
	int err; /* of the last reading */
};

/* ---- grammar ---- */

static bool
is_blank(char c)
{
	return ch_space(c) || c == '\r';
}

/*
 * The end of a logical line: the first line end that neither a blank follows nor a comment or an
 * empty line.
 */
static size_t
logical_end(struct span text)
{
	size_t at = 0;
	while (at < text.n) {
		at += span_find(span_from(text, at), '\n');
		if (at >= text.n)
			return text.n;
		at++;
		if (at == text.n ||
		    (!is_blank(text.p[at]) && text.p[at] != '#' && text.p[at] != '\n'))
			return at;
	}
	return at;
}

/* Where the name ends: a colon outside of quotes. */
static size_t
colon_of(struct span line)
{
	bool in_quotes = false;
	for (size_t i = 0; i < line.n && line.p[i] != '\n'; i++) {
		if (line.p[i] == '\\' && in_quotes && i + 1 < line.n &&
		    line.p[i + 1] != '\n')
			i++;
		else if (line.p[i] == '"')
			in_quotes = !in_quotes;
		else if (line.p[i] == ':' && !in_quotes)
			return i;
	}
	return line.n;
}

int
alias_each(struct span text,
    int (*fn)(void *ctx, struct span name, struct span targets), void *ctx)
{
	int err = E_OK;
	while (text.n && err == E_OK) {
		size_t end = logical_end(text);
		struct span line = span_head(text, end);
		text = span_from(text, end);
		while (line.n &&
		       (line.p[0] == '#' || line.p[0] == '\n' || is_blank(line.p[0])))
			line = span_from(
			    line, span_find(line, '\n') +
				      1); /* what stands before the first name */
		size_t colon = colon_of(line);
		struct span name = span_trim(span_head(line, colon));
		if (colon < line.n && name.n && name.n <= ALIAS_NAME_MAX)
			err = fn(ctx, name, span_from(line, colon + 1));
	}
	return err;
}

static bool
is_between(char c)
{
	return c == ',' || c == '\n' || is_blank(c);
}

int
alias_next_target(struct span *list, struct span *out)
{
	struct span s = *list;
	while (s.n && (is_between(s.p[0]) || s.p[0] == '#'))
		s = span_from(s, s.p[0] == '#' ? span_find(s, '\n') : 1);
	if (s.n == 0) {
		*list = s;
		return E_MORE;
	}
	bool in_quotes = false;
	size_t n = 0;
	/*
	 * a quote that is never closed ends with its line: the members after it are still members
	 */
	while (n < s.n && s.p[n] != '\n' && (in_quotes || s.p[n] != ',')) {
		if (s.p[n] == '#' && !in_quotes && n && is_blank(s.p[n - 1]))
			break;
		if (s.p[n] == '\\' && in_quotes && n + 1 < s.n && s.p[n + 1] != '\n')
			n++;
		else if (s.p[n] == '"')
			in_quotes = !in_quotes;
		n++;
	}
	*out = span_head(s, n);
	while (out->n && is_blank(out->p[out->n - 1]))
		out->n--;
	*list = span_from(s, n);
	return E_OK;
}

/* ---- reading ---- */

int
alias_include(struct span path, struct arena *arena, struct span *out)
{
	struct buf name = {0}, text = {.max = ALIAS_INCLUDE_BYTES_MAX};
	buf_span(&name, path);
	int fd = path.n && path.p[0] == '/'
	             ? open(buf_cstr(&name), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
	             : -1;
	int err = fd >= 0 ? file_read(fd, &text) : E_IO;
	if (err == E_OK) {
		*out = arena_span(arena, buf_as_span(&text));
		if (text.len && out->n == 0)
			err = E_LIMIT;
	} else {
		log_event(LOG_ERR, "include_not_read", "path=%s why=%s", log_q(path),
		    err_name(err));
	}
	if (fd >= 0)
		close(fd);
	buf_free(&name);
	buf_free(&text);
	return err;
}

static int
add_row(void *ctx, struct span name, struct span targets)
{
	struct aliases *a = ctx;
	for (size_t i = 0; i < name.n; i++) /* the text is ours */
		((char *)(uintptr_t)name.p)[i] = ch_lower(name.p[i]);
	a->rows = mem_room(a->rows, a->n_rows, &a->cap, sizeof *a->rows);
	a->rows[a->n_rows] = (struct row){name, targets, a->n_rows};
	a->n_rows++;
	return E_OK;
}

static int
by_name(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int c = span_cmp(a->name, b->name);
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static void
take(struct aliases *a, struct buf *text)
{
	buf_free(&a->text);
	a->text = *text;
	a->n_rows = 0;
	if (alias_each(buf_as_span(&a->text), add_row, a) != E_OK)
		bug("a row that cannot be added");
	if (a->n_rows)
		qsort(a->rows, a->n_rows, sizeof *a->rows, by_name);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void
aliases_look(struct aliases *a)
{
	struct buf text = {.max = ALIAS_FILE_BYTES_MAX};
	struct stat st = {0};
	int64_t now = clock_mono_ms();
	if (a->looked_ms && now - a->looked_ms < ALIAS_LOOK_EVERY_MS)
		return;
	a->looked_ms = now;
	bool is_there = stat(a->path, &st) == 0;
	if (!is_there && errno != ENOENT) {
		a->err = E_IO;
		return;
	}
	if (a->text.p && is_same(&st, &a->seen)) {
		a->err = E_OK; /* it may have been out of reach in between */
		return;
	}
	int fd = is_there ? open(a->path, O_RDONLY | O_CLOEXEC) : -1;
	a->err = !is_there ? E_OK : fd < 0 ? E_IO : file_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (a->err != E_OK) {
		log_event(LOG_ERR, "aliases_not_read", "path=%s why=%s",
		    log_qs(a->path), err_name(a->err));
		buf_free(&text);
		return;
	}
	text.max++;
	buf_ch(&text, '\n');
	a->seen = st;
	take(a, &text);
}

struct aliases *
aliases_new(const char *path)
{
	struct aliases *a = mem_new(sizeof *a);
	a->path = mem_dup(path);
	return a;
}

void
aliases_free(struct aliases **ap)
{
	if (!*ap)
		return;
	buf_free(&(*ap)->text);
	mem_free(&(*ap)->rows);
	mem_free(&(*ap)->path);
	mem_free(ap);
}

int
alias_find(struct aliases *a, struct span name, struct span *out)
{
	size_t low = 0, high = a->n_rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (span_cmp(a->rows[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < a->n_rows && span_eq(a->rows[low].name, name)) {
		*out = a->rows[low].targets; /* of several with the name, the first */
		return E_OK;
	}
	return a->err == E_OK ? E_BAD : E_IO;
}
