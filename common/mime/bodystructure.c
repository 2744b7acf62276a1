/* SPDX-License-Identifier: ISC */
/* bodystructure.c - a tree to IMAP's BODY and BODYSTRUCTURE. */
#include "mime/bodystructure.h"

#include "mime/envelope.h"
#include "mime/header.h"
#include "mime/imap_string.h"
#include "mime/param.h"

struct writer {
	struct buf *out;         /* borrow */
	const struct tree *tree; /* borrow */
	struct arena *arena;     /* borrow */
	bool is_extended;
	const struct span
	    *decoded; /* borrow: what one part is when it is decoded; NULL */
	/* borrow; NULL: not wanted.  Gets all but the extension data */
	struct buf *body;
	size_t body_at; /* up to here out is in body too */
};

/* A token in lower case. */
static void
lower_put(struct writer *w, struct span s)
{
	char *p = arena_str(w->arena, s);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = ch_lower(p[i]);
	imap_string_put(w->out, p ? span_make(p, s.n) : s);
}

static void
number_put(struct buf *out, size_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buf_put(out, digits + at, sizeof digits - at);
}

/* A value of the head on one line, NIL when there is none. */
static void
value_put(struct writer *w, struct span value)
{
	struct buf line = {0};
	if (value.p)
		header_unfold(&line, value);
	imap_nstring_put(
	    w->out, value.p ? span_make(line.p ? line.p : "", line.len) : value);
	buf_free(&line);
}

static void
params_put(struct writer *w, const struct param *list)
{
	buf_str(w->out, list ? "(" : "NIL");
	for (const struct param *p = list; p; p = p->next) {
		lower_put(w, p->name);
		buf_ch(w->out, ' ');
		imap_string_put(w->out, p->value);
		buf_ch(w->out, p->next ? ' ' : ')');
	}
}

static void
type_params_put(struct writer *w, const struct part_fields *f)
{
	struct param_field field;
	if (f->is_type_implied) { /* RFC 2045 5.2; a message has none */
		buf_str(w->out,
		    span_ieqs(f->type, "text") ? "(\"charset\" \"us-ascii\")" : "NIL");
		return;
	}
	param_type_parse(f->content_type, w->arena, &field);
	params_put(w, field.raw);
}

static void
encoding_put(struct writer *w, struct span value)
{
	size_t n = 0;
	while (n < value.n && (ch_alnum(value.p[n]) || value.p[n] == '-'))
		n++;
	if (value.n == 0)
		buf_str(w->out, "\"7bit\"");
	else if (n)
		lower_put(w, span_head(value, n));
	else
		value_put(w, value);
}

/* ---- extension data ---- */

static void
disposition_put(struct writer *w, struct span value)
{
	struct param_field field = {0};
	if (value.n)
		param_disposition_parse(value, w->arena, &field);
	if (field.type.n == 0) {
		buf_str(w->out, "NIL");
		return;
	}
	buf_ch(w->out, '(');
	lower_put(w, field.type);
	buf_ch(w->out, ' ');
	params_put(w, field.raw);
	buf_ch(w->out, ')');
}

/* RFC 3282 2: tags with commas between. */
static void
language_put(struct writer *w, struct span value)
{
	bool is_list = span_find(value, ',') < value.n;
	if (!value.p || !is_list) {
		value_put(w, value);
		return;
	}
	buf_ch(w->out, '(');
	for (const char *between = ""; value.n; between = " ") {
		struct span tag = span_cut(&value, ',');
		buf_str(w->out, between);
		value_put(w, tag);
	}
	buf_ch(w->out, ')');
}

/* All that BODYSTRUCTURE has and BODY has not: what was put since the last one goes to body. */
static void
extension_begin(struct writer *w)
{
	if (w->body && buf_done(w->out) == E_OK)
		buf_span(w->body, span_from(buf_as_span(w->out), w->body_at));
	buf_ch(w->out, ' ');
}

static void
extension_put(struct writer *w, const struct part_fields *f)
{
	buf_ch(w->out, ' ');
	disposition_put(w, f->disposition);
	buf_ch(w->out, ' ');
	language_put(w, f->language);
	buf_ch(w->out, ' ');
	value_put(w, f->location);
	w->body_at = w->out->len;
}

/* ---- bodies ---- */

static void body_put(struct writer *, const struct part *);

static void
multipart_put(struct writer *w, const struct part *p)
{
	for (const struct part *c = p->child; c; c = c->next)
		body_put(w, c);
	buf_ch(w->out, ' ');
	lower_put(w, p->fields.subtype);
	if (!w->is_extended)
		return;
	extension_begin(w);
	type_params_put(w, &p->fields);
	extension_put(w, &p->fields);
}

/* body-fields of RFC 3501 9. */
static void
fields_put(struct writer *w, const struct part *p)
{
	buf_ch(w->out, ' ');
	type_params_put(w, &p->fields);
	buf_ch(w->out, ' ');
	value_put(w, p->fields.id);
	buf_ch(w->out, ' ');
	value_put(w, p->fields.description);
	buf_ch(w->out, ' ');
	if (w->decoded)
		buf_str(w->out, "\"binary\"");
	else
		encoding_put(w, p->fields.encoding);
	buf_ch(w->out, ' ');
	number_put(w->out, w->decoded ? w->decoded->n : p->end_at - p->body_at);
}

static void
message_put(struct writer *w, const struct part *root)
{
	struct imap_envelope envelope;
	imap_envelope_parse(part_head(w->tree, root), w->arena, &envelope);
	buf_ch(w->out, ' ');
	imap_envelope_put(w->out, &envelope);
	buf_ch(w->out, ' ');
	body_put(w, root);
}

static size_t
lines_of(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void
single_put(struct writer *w, const struct part *p)
{
	bool is_opaque = p->kind == PART_OPAQUE;
	lower_put(w, is_opaque ? SPAN("application") : p->fields.type);
	buf_ch(w->out, ' ');
	lower_put(w, is_opaque ? SPAN("octet-stream") : p->fields.subtype);
	fields_put(w, p);
	if (p->kind == PART_MESSAGE)
		message_put(w, p->child);
	if (p->kind == PART_MESSAGE || (!is_opaque && part_is(p, "text", NULL))) {
		buf_ch(w->out, ' ');
		number_put(w->out, w->decoded ? lines_of(*w->decoded) : p->body_lines);
	}
	if (!w->is_extended)
		return;
	extension_begin(w);
	value_put(w, p->fields.md5);
	extension_put(w, &p->fields);
}

static void
body_put(struct writer *w, const struct part *p)
{
	buf_ch(w->out, '(');
	if (p->kind == PART_MULTIPART)
		multipart_put(w, p);
	else
		single_put(w, p);
	buf_ch(w->out, ')');
}

void
bodystructure_put(
    struct buf *out, const struct tree *tree, bool is_extended, struct arena *arena)
{
	struct writer w = {
	    .out = out, .tree = tree, .arena = arena, .is_extended = is_extended};
	body_put(&w, &tree->root);
}

void
bodystructure_put_part(struct buf *out, const struct tree *tree,
    const struct part *part, const struct span *decoded, struct arena *arena)
{
	bool is_leaf = part->kind == PART_LEAF || part->kind == PART_OPAQUE;
	struct writer w = {.out = out,
	    .tree = tree,
	    .arena = arena,
	    .decoded = is_leaf ? decoded : NULL};
	body_put(&w, part);
}

void
bodystructure_put_both(struct buf *structure, struct buf *body, const struct tree *tree,
    struct arena *arena)
{
	struct writer w = {.out = structure,
	    .tree = tree,
	    .arena = arena,
	    .is_extended = true,
	    .body = body,
	    .body_at = structure->len};
	body_put(&w, &tree->root);
	if (buf_done(structure) == E_OK)
		buf_span(body, span_from(buf_as_span(structure), w.body_at));
}
