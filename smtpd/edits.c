/* SPDX-License-Identifier: ISC */
/* edits.c - changes of a message: noted, then carried out. */
#include "smtpd/edits.h"

#include <string.h>

#include "mime/header.h"

void
edits_done(struct edits *e)
{
	arena_reset(&e->arena);
	mem_free(&e->all);
	buf_free(&e->body);
	buf_free(&e->next);
	*e = (struct edits){0};
}

void
edits_begin(struct edits *e, size_t body_max)
{
	e->arena.max_bytes = EDITS_BYTES_MAX;
	e->by++;
	e->n_before = e->n;
	e->has_next = false;
	e->next.max = body_max;
	buf_reset(&e->next);
}

void
edits_keep(struct edits *e)
{
	e->n_before = e->n;
	if (!e->has_next)
		return;
	buf_free(&e->body);
	e->body = e->next;
	e->has_body = true;
	e->next = (struct buf){.max = e->body.max};
	e->has_next = false;
}

void
edits_undo(struct edits *e)
{
	e->n = e->n_before;
	e->has_next = false;
	buf_free(&e->next);
}

static int
add(struct edits *e, const struct edit *what)
{
	if (!e->all)
		e->all = mem_new(EDITS_MAX * sizeof *e->all);
	if (e->n == EDITS_MAX)
		return E_LIMIT;
	e->all[e->n] = *what;
	e->all[e->n++].by = e->by;
	return E_OK;
}

/* RFC 5322 3.6.8 */
static bool
is_field_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ':')
			return false;
	return s.n > 0 && s.n <= EDITS_FIELD_NAME_MAX;
}

/* CR and NUL have no place in it: what they would do is left to nobody. */
static void
put_line(struct buf *out, struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\r' && line.p[i] != '\0')
			buf_ch(out, line.p[i]);
	buf_str(out, "\r\n");
}

/* Whether a line has something to see: without, it would end the header for some readers. */
static bool
is_blank(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!ch_space(line.p[i]) && line.p[i] != '\r' && line.p[i] != '\0')
			return false;
	return true;
}

static void
put_value(struct buf *out, struct span value)
{
	put_line(out, span_cut(&value, '\n'));
	while (value.n) {
		struct span line = span_cut(&value, '\n');
		if (is_blank(line))
			continue;
		if (!ch_space(line.p[0]))
			buf_ch(out, '\t');
		put_line(out, line);
	}
}

int
edits_field(struct edits *e, enum edit_kind kind, uint32_t index, struct span name,
    struct span value)
{
	struct edit one = {.kind = kind, .index = index, .value = {"", 0}};
	struct buf text = {.max = EDITS_BYTES_MAX};
	if (!is_field_name(name))
		return E_BAD;
	if (value.n || kind != EDIT_CHANGE)
		put_value(&text, value);
	one.name = arena_span(&e->arena, name);
	one.value = arena_span(&e->arena, buf_as_span(&text));
	bool is_there =
	    buf_done(&text) == E_OK && one.name.n == name.n && one.value.n == text.len;
	buf_free(&text);
	return is_there ? add(e, &one) : E_LIMIT;
}

int
edits_other(struct edits *e, enum edit_kind kind, struct span name, struct span value)
{
	struct edit one = {.kind = kind,
	    .name = arena_span(&e->arena, name),
	    .value = arena_span(&e->arena, value)};
	return one.name.n == name.n && one.value.n == value.n ? add(e, &one) : E_LIMIT;
}

int
edits_body(struct edits *e, struct span piece)
{
	if (!e->has_next)
		buf_str(&e->next, "\r\n");
	e->has_next = true;
	buf_span(&e->next, piece);
	return buf_done(&e->next);
}

static void
put_body_line(struct buf *out, struct span line)
{
	size_t at = out->len;
	if (span_ends(line, SPAN("\r")))
		line.n--;
	buf_span(out, line);
	for (char *cr;
	     at < out->len && (cr = memchr(out->p + at, '\r', out->len - at));)
		*cr = ' ';
	buf_str(out, "\r\n");
}

void
edits_mend_body(struct edits *e)
{
	struct span rest = buf_as_span(&e->body);
	struct buf whole = {.max = 2 * rest.n + 2};
	if (!e->has_body)
		return;
	while (rest.n)
		put_body_line(&whole, span_cut(&rest, '\n'));
	buf_free(&e->body);
	e->body = whole;
}

bool
edits_has_fields(const struct edits *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->all[i].kind <= EDIT_CHANGE)
			return true;
	return false;
}

/* ---- carried out ---- */

/* A field as it is by now: of the message (text), or of an edit (name and value). */
struct item {
	struct span name;  /* empty: it is none */
	struct span text;  /* of the message: as it stands there */
	struct span value; /* of an edit; else p is NULL */
	unsigned gone_by;  /* removed by that filter; 0: it is there */
	bool is_received;  /* stands for our own Received, which nobody was shown */
};

struct items {
	struct item *all; /* own */
	size_t n, room;
};

static int
insert(struct items *t, size_t at, const struct item *what)
{
	if (t->n == EDITS_FIELDS_MAX)
		return E_LIMIT;
	t->all = mem_room(t->all, t->n, &t->room, sizeof *t->all);
	memmove(&t->all[at + 1], &t->all[at], (t->n - at) * sizeof *t->all);
	t->all[at] = *what;
	t->n++;
	return E_OK;
}

/* What is no field stays where it is, without a name. */
static int
read_items(struct span header, struct items *t)
{
	struct item received = {.is_received = true};
	struct header_field f;
	int err = insert(t, 0, &received);
	while (err == E_OK && header.n) {
		struct span rest = header, junk = header;
		bool has_field = header_next(&rest, &f) == E_OK;
		if (has_field)
			junk.n = (size_t)(f.whole.p - header.p);
		if (junk.n)
			err = insert(t, t->n, &(struct item){.text = junk});
		if (has_field && err == E_OK)
			err = insert(
			    t, t->n, &(struct item){.name = f.name, .text = f.whole});
		header = has_field ? rest : span_from(header, header.n);
	}
	return err;
}

/* Where the index-th of what is there begins. */
static size_t
place_of(const struct items *t, uint32_t index)
{
	size_t i = 0;
	for (uint32_t left = index; i < t->n; i++)
		if (!t->all[i].gone_by && left-- == 0)
			break;
	return i;
}

/* The index-th of that name that this filter knows: it counts those that it removed itself. */
static struct item *
find(const struct items *t, const struct edit *e)
{
	uint32_t left = e->index ? e->index : 1;
	for (size_t i = 0; i < t->n; i++) {
		struct item *it = &t->all[i];
		bool is_known = !it->gone_by || it->gone_by == e->by;
		if (!it->is_received && is_known && span_ieq(it->name, e->name) &&
		    --left == 0)
			return it;
	}
	return NULL;
}

static int
change(struct items *t, const struct edit *e)
{
	struct item *it = find(t, e);
	if (!it && !e->value.n)
		return E_OK;
	if (!it)
		return insert(
		    t, t->n, &(struct item){.name = e->name, .value = e->value});
	if (e->value.n)
		*it = (struct item){.name = e->name, .value = e->value};
	else
		it->gone_by = e->by;
	return E_OK;
}

static int
carry_out(struct items *t, const struct edit *e)
{
	struct item it = {.name = e->name, .value = e->value};
	switch (e->kind) {
	case EDIT_ADD:
		return insert(t, t->n, &it);
	case EDIT_INSERT:
		return insert(t, place_of(t, e->index), &it);
	case EDIT_CHANGE:
		return change(t, e);
	default:
		return E_OK;
	}
}

static void
put_item(const struct item *it, struct buf *out)
{
	if (!it->value.p) {
		buf_span(out, it->text);
		return;
	}
	buf_span(out, it->name);
	buf_ch(out, ':');
	buf_span(out, it->value);
}

static void
put_items(const struct items *t, struct buf *above, struct buf *below)
{
	struct buf *out = above;
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].is_received)
			out = below;
		else if (!t->all[i].gone_by)
			put_item(&t->all[i], out);
}

int
edits_header(
    const struct edits *e, struct span header, struct buf *above, struct buf *below)
{
	struct items t = {0};
	int err = read_items(header, &t);
	for (size_t i = 0; i < e->n && err == E_OK; i++)
		err = carry_out(&t, &e->all[i]);
	if (err == E_OK)
		put_items(&t, above, below);
	mem_free(&t.all);
	if (err == E_OK)
		err = buf_done(above) == E_OK ? buf_done(below) : buf_done(above);
	return err == E_OK ? E_OK : E_LIMIT;
}
