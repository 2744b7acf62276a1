/* SPDX-License-Identifier: ISC */
/* tree.c - one pass over a message: lines, delimiters, heads. */
#include "mime/tree.h"

#include <string.h>

#include "mime/param.h"
#include "mime/transfer.h"

enum { NO_LEVEL = -1 };

struct scan {
	const char *base, *p, *end; /* p is at the beginning of a line */
	size_t lines;               /* line ends before p */
	/* of the multiparts that are open, outermost first */
	struct span bounds[TREE_DEPTH_MAX];
	int n_bounds;
	struct arena *arena; /* borrow */
	struct tree *tree;   /* borrow */
};

/* Where a part ended: a delimiter of an open multipart, or the end of the message. */
struct stop {
	int level; /* whose delimiter, or NO_LEVEL */
	bool is_close;
	/* the line end before a delimiter belongs to it (RFC 2046 5.1.1) */
	const char *content_end;
	size_t lines; /* line ends before content_end */
};

static void
line_pass(struct scan *s)
{
	const char *q = memchr(s->p, '\n', (size_t)(s->end - s->p));
	s->lines += q != NULL;
	s->p = q ? q + 1 : s->end;
}

/*
 * The open multipart whose boundary the line "--..." at p has: the longest one, of two alike the
 * innermost.
 */
static int
level_at(const struct scan *s)
{
	struct span line = span_make(s->p + 2, (size_t)(s->end - s->p - 2));
	int level = NO_LEVEL;
	for (int i = s->n_bounds; i-- > 0;)
		if ((level == NO_LEVEL || s->bounds[i].n > s->bounds[level].n) &&
		    span_starts(line, s->bounds[i]))
			level = i;
	return level;
}

/* Is there a delimiter at p?  Then it is passed. */
static bool
stop_at_line(struct scan *s, struct stop *out)
{
	if (s->n_bounds == 0 || s->end - s->p < 3 || s->p[0] != '-' || s->p[1] != '-')
		return false;
	out->level = level_at(s);
	if (out->level == NO_LEVEL)
		return false;
	out->content_end = s->p;
	out->lines = s->lines;
	if (s->p > s->base) {
		out->content_end--;
		out->lines--;
		if (out->content_end > s->base && out->content_end[-1] == '\r')
			out->content_end--;
	}
	const char *behind = s->p + 2 + s->bounds[out->level].n;
	out->is_close = s->end - behind >= 2 && behind[0] == '-' && behind[1] == '-';
	line_pass(s);
	return true;
}

static void
stop_at_end(struct scan *s, struct stop *out)
{
	*out =
	    (struct stop){.level = NO_LEVEL, .content_end = s->end, .lines = s->lines};
}

/* Passes text up to the next delimiter, or to the end. */
static void
text_pass(struct scan *s, struct stop *out)
{
	while (s->p < s->end) {
		if (stop_at_line(s, out))
			return;
		line_pass(s);
	}
	stop_at_end(s, out);
}

/* ---- heads ---- */

static bool
is_blank(char c)
{
	return ch_space(c) || c == '\r' || c == '\n';
}

static struct span
blanks_off(struct span s)
{
	while (s.n && is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Takes a token of RFC 2045 5.1 off *s, and the blanks behind it. */
static struct span
token_cut(struct span *s)
{
	size_t n = 0;
	while (n < s->n && s->p[n] > 32 && s->p[n] < 127 &&
	       !memchr("()<>@,;:\\\"/[]?=", s->p[n], 15))
		n++;
	struct span token = span_head(*s, n);
	*s = blanks_off(span_from(*s, n));
	return token;
}

static void
type_imply(struct part_fields *f, bool is_in_digest)
{
	f->type = is_in_digest ? SPAN("message") : SPAN("text");
	f->subtype = is_in_digest ? SPAN("rfc822") : SPAN("plain");
	f->is_type_implied = true;
}

/*
 * RFC 2045 5.1.  What is no type is as if it were not there (5.2); "text" alone is of the time
 * before MIME.
 */
static void
type_take(struct part_fields *f, struct span value)
{
	struct span left = value, type = token_cut(&left), subtype = {"", 0};
	if (left.n && left.p[0] == '/') {
		left = blanks_off(span_from(left, 1));
		subtype = token_cut(&left);
	} else if (span_ieqs(type, "text")) {
		subtype = SPAN("plain");
	}
	if (type.n == 0 || subtype.n == 0)
		return;
	f->type = type;
	f->subtype = subtype;
	f->content_type = value;
}

static void
field_take(struct part_fields *f, struct span name, struct span value)
{
	const struct {
		const char *name;
		struct span *value;
	} rows[] = {{"transfer-encoding", &f->encoding},
	    {"disposition", &f->disposition}, {"id", &f->id},
	    {"description", &f->description}, {"md5", &f->md5},
	    {"language", &f->language}, {"location", &f->location}};

	value = blanks_off(value);
	if (span_ieqs(name, "type") && !f->type.p)
		type_take(f, value);
	for (size_t i = 0; i < COUNT(rows); i++)
		if (span_ieqs(name, rows[i].name) && !rows[i].value->p)
			*rows[i].value = value;
}

/* A field is "name:" in printable ASCII, with blanks before the colon at most (RFC 5322 4.5). */
static size_t
name_len(struct span line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.n && ch_space(line.p[colon]))
		colon++;
	return colon < line.n && line.p[colon] == ':' ? n : 0;
}

/* Passes a line and those that continue it; a Content- field of it is taken. */
static void
field_pass(struct scan *s, struct part_fields *f)
{
	static const struct span content = {"content-", 8};
	const char *line = s->p;
	line_pass(s);
	while (s->p < s->end && ch_space(*s->p))
		line_pass(s);
	if (ch_lower(*line) != 'c')
		return;
	struct span field = span_make(line, (size_t)(s->p - line));
	size_t n = name_len(field);
	if (n <= content.n || !span_istarts(field, content))
		return;
	struct span name = span_make(line + content.n, n - content.n);
	field_take(f, name, span_from(field, span_find(field, ':') + 1));
}

/* Does a head begin here at all?  The "From " of an mbox may stand above it. */
static bool
is_head(const struct scan *s)
{
	struct span at = span_make(s->p, (size_t)(s->end - s->p));
	return at.n == 0 || at.p[0] == '\n' || span_starts(at, SPAN("\r\n")) ||
	       name_len(at) || span_starts(at, SPAN("From ")) ||
	       span_starts(at, SPAN(">From "));
}

/* Passes a head with its empty line.  Returns true when a delimiter ended it. */
static bool
head_pass(struct scan *s, struct part_fields *f, struct stop *out)
{
	bool is_over = s->p < s->end && s->p[0] != '-' && !is_head(s);
	while (!is_over && s->p < s->end) {
		if (stop_at_line(s, out))
			return true;
		is_over = s->p[0] == '\n' ||
		          (s->p[0] == '\r' && s->end - s->p > 1 && s->p[1] == '\n');
		if (is_over)
			line_pass(s);
		else
			field_pass(s, f);
	}
	return false;
}

/* ---- parts ---- */

/* Unquoted, in the arena; empty when there is none that is usable. */
static struct span
boundary_of(struct arena *a, struct span content_type)
{
	struct param_field field;
	param_type_parse(content_type, a, &field);
	struct span value = param_find(field.raw, "boundary");
	if (!value.p)
		value = param_find(field.text, "boundary"); /* RFC 2231 3 */
	value = blanks_off(value);
	return value.n <= TREE_BOUNDARY_MAX ? value : (struct span){"", 0};
}

static enum part_kind
kind_of(const struct part *p)
{
	const struct part_fields *f = &p->fields;
	bool is_multipart = span_ieqs(f->type, "multipart");
	bool is_message =
	    part_is(p, "message", "rfc822") || part_is(p, "message", "global");
	if (!is_multipart && !is_message)
		return PART_LEAF;
	if (p->depth >= TREE_DEPTH_MAX ||
	    (is_message && transfer_kind_of(f->encoding) != TRANSFER_PLAIN))
		return PART_OPAQUE;
	return is_multipart ? PART_MULTIPART : PART_MESSAGE;
}

/* NULL past a limit. */
static struct part *
part_add(struct scan *s, struct part *parent, struct part **last)
{
	if (s->tree->n_parts >= TREE_PARTS_MAX)
		return NULL;
	struct part *p = arena_get(s->arena, sizeof *p);
	if (!p)
		return NULL;
	s->tree->n_parts++;
	p->parent = parent;
	p->depth = parent->depth + 1;
	p->is_root = parent->kind == PART_MESSAGE;
	p->number = p->is_root ? 0 : *last ? (*last)->number + 1 : 1;
	p->head_at = p->body_at = p->end_at = (size_t)(s->p - s->base);
	*(*last ? &(*last)->next : &parent->child) = p;
	*last = p;
	return p;
}

/*
 * Nothing inside ends behind the part it is in: where a delimiter follows an empty line at once,
 * both claim that.
 */
static void
part_clamp(struct part *p)
{
	size_t end = p->end_at;
	for (struct part *c = p->child; c; c = c->next) {
		if (c->end_at <= end)
			continue;
		c->end_at = end;
		c->body_at = c->body_at < end ? c->body_at : end;
		c->head_at = c->head_at < end ? c->head_at : end;
		part_clamp(c);
	}
}

static void part_pass(struct scan *, struct part *, struct stop *);

/* From the delimiter of the first child to the one that ends all: the epilogue is passed too. */
static void
multipart_pass(struct scan *s, struct part *p, struct stop *stop)
{
	int level = s->n_bounds;
	struct span boundary = boundary_of(s->arena, p->fields.content_type);
	struct part *last = NULL;
	if (boundary.n)
		s->bounds[s->n_bounds++] = boundary;
	text_pass(s, stop);
	if (boundary.n == 0)
		return;
	while (stop->level == level && !stop->is_close) {
		struct part *child = part_add(s, p, &last);
		if (child)
			part_pass(s, child, stop);
		else
			text_pass(s, stop);
	}
	s->n_bounds = level;
	if (stop->level == level)
		text_pass(s, stop);
}

static void
message_pass(struct scan *s, struct part *p, struct stop *stop)
{
	struct part *last = NULL, *root = part_add(s, p, &last);
	if (root) {
		part_pass(s, root, stop);
		return;
	}
	p->kind = PART_OPAQUE;
	text_pass(s, stop);
}

/* No delimiter was found, or one in the head already: the body, as it is, is the one child. */
static void
part_complete(struct scan *s, struct part *p)
{
	struct part *last = NULL, *child = part_add(s, p, &last);
	if (!child) {
		p->kind = PART_OPAQUE;
		return;
	}
	type_imply(&child->fields, false);
	child->head_at = child->body_at = p->body_at;
	child->end_at = p->end_at;
	child->body_lines = p->body_lines;
}

static void
body_pass(struct scan *s, struct part *p, struct stop *stop)
{
	/* the last one: all the rest is its body */
	if (s->tree->n_parts >= TREE_PARTS_MAX) {
		s->n_bounds = 0;
		p->kind = p->kind == PART_LEAF ? PART_LEAF : PART_OPAQUE;
	}
	if (p->kind == PART_MULTIPART)
		multipart_pass(s, p, stop);
	else if (p->kind == PART_MESSAGE)
		message_pass(s, p, stop);
	else
		text_pass(s, stop);
}

/* A part from the first line of its head to where it stops. */
static void
part_pass(struct scan *s, struct part *p, struct stop *stop)
{
	bool is_cut = head_pass(s, &p->fields, stop);
	size_t body_at = (size_t)(s->p - s->base), lines = s->lines;
	if (!p->fields.type.p)
		type_imply(
		    &p->fields, p->parent && part_is(p->parent, "multipart", "digest"));
	p->kind = kind_of(p);
	if (!is_cut)
		body_pass(s, p, stop);
	p->end_at = (size_t)(stop->content_end - s->base);
	p->end_at = p->end_at > p->head_at ? p->end_at : p->head_at;
	p->body_at = !is_cut && body_at < p->end_at ? body_at : p->end_at;
	p->body_lines = p->body_at < p->end_at ? stop->lines - lines : 0;
	if ((p->kind == PART_MULTIPART || p->kind == PART_MESSAGE) && !p->child)
		part_complete(s, p);
	part_clamp(p);
}

void
tree_make(struct span message, struct arena *arena, struct tree *out)
{
	struct scan s = {.base = message.p,
	    .p = message.p,
	    .end = message.p + message.n,
	    .arena = arena,
	    .tree = out};
	struct stop stop;
	*out =
	    (struct tree){.message = message, .n_parts = 1, .root = {.is_root = true}};
	if (message.n == 0)
		s.base = s.p = s.end = "";
	part_pass(&s, &out->root, &stop);
}

/* ---- questions ---- */

struct span
part_head(const struct tree *t, const struct part *p)
{
	return span_make(t->message.p + p->head_at, p->body_at - p->head_at);
}

struct span
part_body(const struct tree *t, const struct part *p)
{
	return span_make(t->message.p + p->body_at, p->end_at - p->body_at);
}

const struct part *
part_next(const struct part *p)
{
	return p->child ? p->child : part_next_over(p);
}

const struct part *
part_next_over(const struct part *p)
{
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

bool
part_is(const struct part *p, const char *type, const char *subtype)
{
	return span_ieqs(p->fields.type, type) &&
	       (!subtype || span_ieqs(p->fields.subtype, subtype));
}

static const struct part *
child_at(const struct part *p, uint32_t number)
{
	const struct part *c = p->child;
	while (c && c->number != number)
		c = c->next;
	return c;
}

const struct part *
part_find(const struct tree *t, const uint32_t *path, size_t n)
{
	const struct part *p = &t->root;
	/* p is a root, and was asked for as the part 1 of its message */
	bool is_body = false;
	for (size_t i = 0; i < n && p; i++) {
		if (p->kind == PART_MESSAGE && (!p->is_root || is_body)) {
			p = p->child;
			is_body = false;
		}
		if (p->kind == PART_MULTIPART)
			p = child_at(p, path[i]);
		else if (p->is_root && !is_body && path[i] == 1)
			is_body = true;
		else
			p = NULL;
	}
	return p;
}

void
part_path(struct buf *out, const struct part *p)
{
	uint32_t path[TREE_DEPTH_MAX + 2];
	size_t n = 0;
	if (p->is_root && p->kind != PART_MULTIPART)
		path[n++] = 1;
	for (; p; p = p->parent)
		if (p->number)
			path[n++] = p->number;
		else if (p->is_root && p->parent && p->parent->is_root)
			path[n++] = 1; /* the message is the only part of another one */
	while (n--)
		buf_putf(out, n ? "%u." : "%u", path[n]);
}
