/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_tree.c - a message: its tree, what IMAP says of it, every section of it, and its item; and an item.
 * fuzz: common/mime/address.c common/mime/bodystructure.c common/mime/cache.c common/mime/cache_names.c common/mime/casemap.c common/mime/charset*.c common/mime/date.c common/mime/decode.c common/mime/envelope.c common/mime/find.c common/mime/header.c common/mime/html.c common/mime/imap_string.c common/mime/lex.c common/mime/msgid.c common/mime/param.c common/mime/preview.c common/mime/signature.c common/mime/section.c common/mime/subject.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "mime/bodystructure.h"
#include "mime/cache.h"
#include "mime/section.h"
#include "mime/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(bool claim)
{
	if (!claim)
		abort();
}

/* Parts stand in order, inside what they are in. */
static void
check_part(const struct part *p, const struct part *in)
{
	check(p->head_at <= p->body_at && p->body_at <= p->end_at);
	check(p->head_at >= in->body_at && p->end_at <= in->end_at);
	check(p->depth == in->depth + 1 && p->depth <= TREE_DEPTH_MAX);
	check(!p->next || p->next->head_at >= p->end_at);
	check((p->child != NULL) ==
	      (p->kind == PART_MULTIPART || p->kind == PART_MESSAGE));
	check(p->fields.type.n && p->fields.subtype.n);
}

/* The part that a number names has that number. */
static void
check_path(const struct tree *t, const struct part *p, struct buf *path)
{
	struct section s;
	struct arena arena = {0};
	buf_reset(path);
	part_path(path, p);
	buf_ch(path, ']');
	struct span text = buf_as_span(path);
	check(section_parse(&text, &arena, &s) == E_OK);
	const struct part *found = part_find(t, s.path, s.n_path);
	check(found == p || (p->is_root && p->kind == PART_MULTIPART &&
				found == (p->parent ? p->parent : p)));
	arena_reset(&arena);
}

static void
check_sections(const struct tree *t, const struct part *p, struct buf *made)
{
	static const enum section_what whats[] = {SECTION_ALL, SECTION_HEADER,
	    SECTION_FIELDS, SECTION_FIELDS_NOT, SECTION_TEXT, SECTION_MIME};
	static const struct span names[] = {{"subject", 7}, {"x", 1}};
	struct section s = {.names = names, .n_names = 2};
	struct span out;
	size_t size;
	for (; p; p = p->parent)
		if (p->number && s.n_path < SECTION_PATH_MAX)
			s.path[s.n_path++] =
			    p->number; /* backwards: of some other part, or of none */
	for (size_t i = 0; i < COUNT(whats); i++) {
		s.what = whats[i];
		int err = section_get(&s, t, made, &out);
		check(err == E_OK || err == E_BAD);
		err = section_binary(&s, t, made, &out);
		check(err == section_binary_size(&s, t, &size) &&
		      (err != E_OK || size == out.n));
	}
}

/* Brackets that match, no line end outside of literals: a client finds the end of it. */
static void
check_reply(struct span s)
{
	int depth = 0;
	while (s.n) {
		char c = s.p[0];
		size_t n = 1;
		if (c == '"') {
			for (; n < s.n && s.p[n] != '"'; n++)
				n += s.p[n] == '\\';
			n++;
		} else if (c == '{') {
			size_t digits = span_find(s, '}') - 1;
			uint64_t bytes;
			check(
			    span_u64(span_make(s.p + 1, digits), s.n, &bytes) == E_OK);
			check(span_starts(span_from(s, digits + 2), SPAN("\r\n")));
			n = digits + 4 + (size_t)bytes;
		}
		check(c != '\r' && c != '\n' && c != '\0' && n <= s.n);
		depth += (c == '(') - (c == ')');
		check(depth > 0 || (depth == 0 && s.n == 1));
		s = span_from(s, n);
	}
}

static void
check_item(struct span message, const struct tree *t, struct arena *arena)
{
	struct buf item = {.max = CACHE_BYTES_MAX}, made = {0}, real = {0};
	struct mime_cache c;
	static const struct span names[] = {
	    {"subject", 7}, {"to", 2}, {"Content-Type", 12}};
	cache_names asked;
	(void)!cache_make(message, arena, &item);
	check(buf_done(&item) == E_OK);
	check(cache_open(buf_as_span(&item), &c) == E_OK);
	check(cache_names_of(names, COUNT(names), &asked) == E_OK);
	check(!c.preview.p || utf8_valid(c.preview));
	if (c.envelope.p)
		check_reply(c.envelope);
	if (c.has_fields) {
		cache_fields(&c, asked, &made);
		section_fields(
		    &real, part_head(t, &t->root), names, COUNT(names), false);
		check(span_eq(buf_as_span(&made), buf_as_span(&real)));
	}
	buf_free(&item);
	buf_free(&made);
	buf_free(&real);
}

/* An item of anybody's bytes is refused, or all of it is inside. */
static void
check_foreign_item(struct span bytes)
{
	struct mime_cache c;
	struct buf made = {0};
	struct signature_probe p;
	signature_probe_init(&p, SPAN("ANY WORD"));
	if (cache_open_signatures(bytes, &c) == E_OK) {
		(void)signature_may_have(c.search.heads, &p);
		(void)signature_may_have(c.search.texts, &p);
	}
	if (cache_open(bytes, &c) != E_OK || !c.has_fields)
		return;
	cache_fields(&c, UINT64_MAX, &made);
	check(made.len == c.fields.n + 2);
	buf_free(&made);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_make(data, n);
	struct arena arena = {0};
	struct buf out = {0};
	struct tree t;
	size_t n_parts = 0;
	tree_make(message, &arena, &t);
	check(t.root.head_at == 0 && t.root.end_at == n);
	for (const struct part *p = &t.root; p; p = part_next(p), n_parts++) {
		if (p->parent)
			check_part(p, p->parent);
		check_path(&t, p, &out);
		if (n_parts < 20)
			check_sections(&t, p, &out);
	}
	check(n_parts == t.n_parts && n_parts <= TREE_PARTS_MAX);
	for (int is_extended = 0; is_extended < 2; is_extended++) {
		buf_reset(&out);
		bodystructure_put(&out, &t, is_extended, &arena);
		check_reply(buf_as_span(&out));
	}
	check_item(message, &t, &arena);
	check_foreign_item(message);
	buf_free(&out);
	arena_reset(&arena);
	return 0;
}
