/* SPDX-License-Identifier: ISC */
/* canon.c - canonical forms, and the fields that are hashed. */
#include "dkim/canon.h"

#include <string.h>

#include "dkim/tag.h"

enum { STAGED_BYTES = 4096 }; /* pieces of a word each are gathered */

#define CRLF SPAN("\r\n")

/* ---- the body ---- */

struct body {
	canon_put *put;
	void *ctx;
	uint64_t limit;   /* octets that are still put */
	uint64_t n_bytes; /* of all, also those past the limit */
	char staged[STAGED_BYTES];
	size_t n_staged;
};

static void
staged_out(struct body *b)
{
	if (b->n_staged)
		b->put(b->ctx, span_make(b->staged, b->n_staged));
	b->n_staged = 0;
}

static void
body_put(struct body *b, struct span piece)
{
	b->n_bytes += piece.n;
	if (piece.n > b->limit)
		piece.n = (size_t)b->limit;
	b->limit -= piece.n;
	if (!b->put || piece.n == 0)
		return;
	if (piece.n > STAGED_BYTES - b->n_staged)
		staged_out(b);
	if (piece.n > STAGED_BYTES) {
		b->put(b->ctx, piece);
		return;
	}
	memcpy(b->staged + b->n_staged, piece.p, piece.n);
	b->n_staged += piece.n;
}

static bool
ends_in_crlf(struct span s)
{
	return s.n >= 2 && s.p[s.n - 1] == '\n' && s.p[s.n - 2] == '\r';
}

static struct span
blanks_off_end(struct span s)
{
	while (s.n && ch_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Without the empty lines at its end, and without the CRLF of its last line. */
static struct span
without_end(struct span body, bool are_blanks_empty)
{
	for (;;) {
		struct span s = are_blanks_empty ? blanks_off_end(body) : body;
		if (!ends_in_crlf(s))
			return s;
		body = span_head(s, s.n - 2);
	}
}

/* Length of the line with its CRLF; s.n when it has none. */
static size_t
line_bytes(struct span s)
{
	size_t at = 0;
	while (at < s.n) {
		at += span_find(span_from(s, at), '\n') + 1;
		if (at >= 2 && at <= s.n && s.p[at - 2] == '\r')
			return at;
	}
	return s.n;
}

/* Is it its own relaxed form?  line: without its CRLF */
static bool
is_relaxed(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (ch_space(line.p[i]) &&
		    (line.p[i] == '\t' || i + 1 == line.n || ch_space(line.p[i + 1])))
			return false;
	return true;
}

static void
relaxed_line_put(struct body *b, struct span line)
{
	line = blanks_off_end(line);
	for (size_t i = 0; i < line.n;) {
		size_t from = i;
		while (i < line.n && ch_space(line.p[i]))
			i++;
		if (i > from)
			body_put(b, SPAN(" "));
		for (from = i; i < line.n && !ch_space(line.p[i]);)
			i++;
		body_put(b, span_make(line.p + from, i - from));
	}
}

/* Lines that are relaxed already go out together, as they stand. */
static void
relaxed_put(struct body *b, struct span body)
{
	struct span run = span_head(body, 0);
	while (body.n) {
		struct span line = span_head(body, line_bytes(body));
		struct span text =
		    ends_in_crlf(line) ? span_head(line, line.n - 2) : line;
		body = span_from(body, line.n);
		if (is_relaxed(text)) {
			run.n += line.n;
			continue;
		}
		body_put(b, run);
		relaxed_line_put(b, text);
		body_put(b, span_from(line, text.n));
		run = span_head(body, 0);
	}
	body_put(b, run);
}

uint64_t
canon_body(enum canon kind, struct span body, uint64_t limit, canon_put *put, void *ctx)
{
	struct body b = {.put = put, .ctx = ctx, .limit = limit};
	struct span text = without_end(body, kind == CANON_RELAXED);
	if (kind == CANON_SIMPLE)
		body_put(&b, text);
	else
		relaxed_put(&b, text);
	if (kind == CANON_SIMPLE || text.n) /* RFC 6376 3.4.3, 3.4.4 */
		body_put(&b, CRLF);
	staged_out(&b);
	return b.n_bytes;
}

static void
hash_piece(void *ctx, struct span piece)
{
	hash_add(ctx, piece);
}

uint64_t
canon_body_hash(
    enum canon kind, struct span body, uint64_t limit, unsigned char out[SHA256_BYTES])
{
	struct hash *hash = hash_new();
	uint64_t n = canon_body(kind, body, limit, hash_piece, hash);
	hash_end(&hash, out);
	return n;
}

/* ---- fields ---- */

/* The value on one line, a SP for each run of blanks, none at its ends. */
static void
relaxed_value_put(struct buf *out, struct span value)
{
	bool is_behind_blank = false;
	value = tag_trim(value);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		bool is_fold = c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n';
		if (is_fold || (c == '\n' && i > 0 && value.p[i - 1] == '\r'))
			continue;
		if (ch_space(c) && is_behind_blank)
			continue;
		is_behind_blank = ch_space(c);
		buf_ch(out, is_behind_blank ? ' ' : c);
	}
}

static void
relaxed_field_put(struct buf *out, struct span whole)
{
	size_t colon = span_find(whole, ':');
	struct span name = blanks_off_end(span_head(whole, colon));
	for (size_t i = 0; i < name.n; i++)
		buf_ch(out, ch_lower(name.p[i]));
	buf_ch(out, ':');
	relaxed_value_put(out, span_from(whole, colon + 1));
}

static struct span
without_crlf(struct span whole)
{
	return ends_in_crlf(whole) ? span_head(whole, whole.n - 2) : whole;
}

static void
field_put(enum canon kind, struct span whole, struct buf *out)
{
	if (kind == CANON_RELAXED)
		relaxed_field_put(out, whole);
	else
		buf_span(out, without_crlf(whole));
}

void
canon_field(enum canon kind, struct span whole, struct buf *out)
{
	field_put(kind, whole, out);
	buf_span(out, CRLF);
}

void
canon_unsigned(enum canon kind, struct span whole, struct span b, struct buf *out)
{
	struct buf text = {0};
	if (b.p < whole.p || b.p + b.n > whole.p + whole.n)
		bug("the value of b= is not in its field");
	whole = without_crlf(whole);
	buf_span(&text, span_head(whole, (size_t)(b.p - whole.p)));
	buf_span(&text, span_from(whole, (size_t)(b.p - whole.p) + b.n));
	field_put(kind, buf_as_span(&text), out);
	buf_free(&text);
}

void
canon_fields_init(struct canon_fields *f, struct span head)
{
	struct header_field field;
	size_t cap = 0;
	*f = (struct canon_fields){0};
	while (header_next(&head, &field) == E_OK) {
		if (f->n == CANON_FIELDS_MAX) {
			f->is_cut = true;
			break;
		}
		f->all = mem_room(f->all, f->n, &cap, sizeof *f->all);
		f->all[f->n++] = field;
	}
}

void
canon_fields_done(struct canon_fields *f)
{
	mem_free(&f->all);
	*f = (struct canon_fields){0};
}

/* The lowest of this name that is not taken; n: none. */
static size_t
field_of(const struct canon_fields *f, const bool *is_taken, struct span name,
    struct span except)
{
	for (size_t i = f->n; i-- > 0;)
		if (!is_taken[i] && f->all[i].whole.p != except.p &&
		    span_ieq(f->all[i].name, name))
			return i;
	return f->n;
}

int
canon_fields_put(const struct canon_fields *f, enum canon kind, struct span names,
    struct span except, struct buf *out)
{
	bool is_taken[CANON_FIELDS_MAX] = {false};
	struct span name;
	for (size_t n = 0; tag_item_next(&names, &name) == E_OK; n++) {
		if (n == CANON_NAMES_MAX)
			return E_LIMIT;
		size_t i = field_of(f, is_taken, name, except);
		if (i == f->n)
			continue;
		is_taken[i] = true;
		canon_field(kind, f->all[i].whole, out);
	}
	return E_OK;
}

int
canon_head_hash(const struct canon_fields *f, enum canon kind, struct span names,
    struct span whole, struct span b, unsigned char out[SHA256_BYTES])
{
	struct buf text = {0};
	int err = canon_fields_put(f, kind, names, whole, &text);
	canon_unsigned(kind, whole, b, &text);
	if (err == E_OK)
		err = buf_done(&text);
	sha256(buf_as_span(&text), out);
	buf_free(&text);
	return err;
}
