/* SPDX-License-Identifier: ISC */
/* test_mime_tree.c - the tree of good and of broken mail, its numbers and its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mime/tree.h"

/*
 * A tree as text: type/subtype, then "[body]" of a leaf, "![body]" of an opaque one, "(children)",
 * "<message>".
 */
static void
say(struct buf *out, const struct tree *t, const struct part *p)
{
	static const char *const open[] = {"[", "(", "<", "!["}, *const close[] = {"]",
								     ")", ">", "]"};
	buf_span(out, p->fields.type);
	buf_ch(out, '/');
	buf_span(out, p->fields.subtype);
	buf_str(out, open[p->kind]);
	if (!p->child)
		buf_span(out, part_body(t, p));
	for (const struct part *c = p->child; c; c = c->next) {
		say(out, t, c);
		buf_str(out, c->next ? " " : "");
	}
	buf_str(out, close[p->kind]);
}

static void
check_said(const char *message, const char *said)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct tree t;
	tree_make(span_of(message), &arena, &t);
	say(&out, &t, &t.root);
	if (strcmp(buf_cstr(&out), said) != 0)
		fail_msg(
		    "\n%s\n--- gives\n%s\n--- not\n%s", message, buf_cstr(&out), said);
	buf_free(&out);
	arena_reset(&arena);
}

struct row {
	const char *message, *said;
};

#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\n"

/* clang-format off */
static const struct row rows[] = {
	/* single parts */
	{"",                                             "text/plain[]"},
	{"Subject: x\n\nHello\n",                        "text/plain[Hello\n]"},
	{"Subject: x\n\n",                               "text/plain[]"},
	{"Subject: x\n",                                 "text/plain[]"},
	{"Subject: x",                                   "text/plain[]"},
	{"\nHello",                                      "text/plain[Hello]"},
	{"\r\nHello",                                    "text/plain[Hello]"},
	{"Subject: x\r\n\r\nHello\r\n",                  "text/plain[Hello\r\n]"},
	{"Subject: x\r\n\nHello\n",                      "text/plain[Hello\n]"},
	{"Content-Type: TEXT/HTML;\n charset=x\n\nHi",   "TEXT/HTML[Hi]"},
	{"content-TYPE :text / html ; a=b\n\nHi",        "text/html[Hi]"},
	{"Content-Type:\n text/html\n\nHi",              "text/html[Hi]"},
	{"Content-Type: text/html\nContent-Type: a/b\n\nHi", "text/html[Hi]"},
	{"From a@b.example Mon Jan  1 00:00:00 2024\nContent-Type: a/b\n\nHi", "a/b[Hi]"},
	/* no head, no type */
	{"Hello there\n\nWorld\n",                       "text/plain[Hello there\n\nWorld\n]"},
	{"Hello there: you\n\nWorld\n",                  "text/plain[Hello there: you\n\nWorld\n]"},
	{"Subject: x\njunk line\nContent-Type: a/b\n\nHi", "a/b[Hi]"},
	{"Content-Type: text\n\nHi",                     "text/plain[Hi]"},
	{"Content-Type: html\n\nHi",                     "text/plain[Hi]"},
	{"Content-Type: text/\n\nHi",                    "text/plain[Hi]"},
	{"Content-Type: /html\n\nHi",                    "text/plain[Hi]"},
	{"Content-Type: ;charset=x\n\nHi",               "text/plain[Hi]"},
	{"Content-Type:\n\nHi",                          "text/plain[Hi]"},
	{"Content-Type: bad\nContent-Type: a/b\n\nHi",   "a/b[Hi]"},
	/* RFC 2046 5.1.1 */
	{MIXED("b") "\npre\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepi\n",
	                                                 "multipart/mixed(text/plain[one] text/html[two\n])"},
	{MIXED("\"simple boundary\"") "\r\nto be ignored\r\n--simple boundary\r\n\r\none\r\n"
	 "--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\ntwo\r\n\r\n--simple boundary--\r\n\r\nepi",
	                                                 "multipart/mixed(text/plain[one] text/plain[two\r\n])"},
	{MIXED("b") "\n--b  \t \n\none\n--b-- \n",       "multipart/mixed(text/plain[one])"},
	{MIXED("b") "\n--b\n\none\n--b--",               "multipart/mixed(text/plain[one])"},
	{MIXED("b") "\n--b--\n",                         "multipart/mixed(text/plain[--b--\n])"},
	{MIXED("b") "--b\n\none\n--b--\n",               "multipart/mixed(text/plain[one\n--b--\n])"},
	{MIXED("b") "\n--b\n--b--\n",                    "multipart/mixed(text/plain[])"},
	{MIXED("b") "\n--b\n\n--b--\n",                  "multipart/mixed(text/plain[])"},
	{MIXED("b") "\n--b\n\n\n--b--\n",                "multipart/mixed(text/plain[])"},
	{MIXED("b") "\n--b\n\n\n\n--b--\n",              "multipart/mixed(text/plain[\n])"},
	{MIXED("b") "\n --b\n\none\n--b--\n",            "multipart/mixed(text/plain[ --b\n\none\n--b--\n])"},
	{"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nHi\n--b\nContent-Type: text/plain\n\ny\n--b--",
	                                                 "multipart/digest(message/rfc822<text/plain[Hi]> text/plain[y])"},
	/* one in another */
	{MIXED("a") "\n--a\n" MIXED("b") "\n--b\n\none\n--b--\n--a\n\ntwo\n--a--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{MIXED("a") "\n--a\nContent-Type: message/rfc822\n\nSubject: y\n" MIXED("b") "\n--b\n\none\n--b--\n--a--\n",
	                                                 "multipart/mixed(message/rfc822<multipart/mixed(text/plain[one])>)"},
	{"Content-Type: message/rfc822\n\nContent-Type: message/global\n\nContent-Type: a/b\n\nHi",
	                                                 "message/rfc822<message/global<a/b[Hi]>>"},
	/* delimiters that are missing, alike, or where none should be */
	{MIXED("b") "\n--b\n\none\n--b\n\ntwo\n",        "multipart/mixed(text/plain[one] text/plain[two\n])"},
	{MIXED("b") "\n--b\n\none",                      "multipart/mixed(text/plain[one])"},
	{MIXED("b") "\n--b",                             "multipart/mixed(text/plain[])"},
	{MIXED("b") "\nnothing\n",                       "multipart/mixed(text/plain[nothing\n])"},
	{MIXED("b") "\n",                                "multipart/mixed(text/plain[])"},
	{MIXED("b") "",                                  "multipart/mixed(text/plain[])"},
	{"Content-Type: multipart/mixed\n\nHi\n--x\n",   "multipart/mixed(text/plain[Hi\n--x\n])"},
	{MIXED("\"\"") "\nHi\n--\n",                     "multipart/mixed(text/plain[Hi\n--\n])"},
	{MIXED("a") "\n--a\n" MIXED("b") "\n--b\n\none\n--a\n\ntwo\n--a--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{MIXED("a") "\n--a\n" MIXED("b") "\n--a\n\ntwo\n--a--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[]) text/plain[two])"},
	{MIXED("a") "\n--a\n" MIXED("a") "\n--a\n\none\n--a--\n--a\n\ntwo\n--a--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{MIXED("a") "\n--a\n" MIXED("ab") "\n--ab\n\none\n--ab--\n--a\n\ntwo\n--a--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{MIXED("ab") "\n--ab\n" MIXED("a") "\n--a\n\none\n--a--\n--ab\n\ntwo\n--ab--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
	{MIXED("b") "\n--b\nSubject: x\n--b\n\ntwo\n--b--\n", "multipart/mixed(text/plain[] text/plain[two])"},
	{MIXED("b") "\n--b\nContent-Type: a/b\n--b--\n", "multipart/mixed(a/b[])"},
	{MIXED("b") "\n--b\nno head here\n--b--\n",      "multipart/mixed(text/plain[no head here])"},
	{MIXED("b") "\n--b\nContent-Type: message/rfc822\n\n--b--\n", "multipart/mixed(message/rfc822<text/plain[]>)"},
	{MIXED("b") "\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--\n",
	                                                 "multipart/mixed(message/rfc822<text/plain[]>)"},
	{MIXED("b") "\n--b\nContent-Type: message/rfc822\n--b--\n", "multipart/mixed(message/rfc822<text/plain[]>)"},
	{MIXED("b") "\n--b\nContent-Type: multipart/mixed; boundary=c\n--b--\n",
	                                                 "multipart/mixed(multipart/mixed(text/plain[]))"},
	{MIXED("b") "\n--b--\n\n--b\n\none\n--b--",      "multipart/mixed(text/plain[--b--\n\n--b\n\none\n--b--])"},
	{MIXED("----=_Part_1") "\n------=_Part_1\n\none\n------=_Part_1--\n", "multipart/mixed(text/plain[one])"},
	{MIXED("b;x=y") "\n--b\n\none\n--b--\n",         "multipart/mixed(text/plain[one])"},
	{"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\none\n--ab--\n",
	                                                 "multipart/mixed(text/plain[one])"},
	/* encodings of what must have none */
	{"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nSGkK", "message/rfc822![SGkK]"},
	{"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n\nHi",   "message/rfc822<text/plain[Hi]>"},
	{MIXED("b") "Content-Transfer-Encoding: base64\n\n--b\n\none\n--b--\n",     "multipart/mixed(text/plain[one])"},
};

/* clang-format on */

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_said(rows[i].message, rows[i].said);
}

/* The same with CRLF line ends, bodies included. */
static void
test_rows_crlf(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf m = {0}, said = {0};
		if (strchr(rows[i].message, '\r'))
			continue;
		for (const char *p = rows[i].message; *p; p++)
			buf_put(&m, *p == '\n' ? "\r\n" : p, *p == '\n' ? 2 : 1);
		for (const char *p = rows[i].said; *p; p++)
			buf_put(&said, *p == '\n' ? "\r\n" : p, *p == '\n' ? 2 : 1);
		check_said(buf_cstr(&m), buf_cstr(&said));
		buf_free(&m);
		buf_free(&said);
	}
}

/* What RFC 3501 6.4.5 shows. */
static const char rfc3501[] = MIXED(
    "1") "\n"
	 "--1\n\ntext\n"
	 "--1\nContent-Type: application/octet-stream\n\noctets\n"
	 "--1\nContent-Type: message/rfc822\n\n" MIXED(
	     "3") "\n"
		  "--3\n\n3.1\n"
		  "--3\nContent-Type: application/octet-stream\n\n3.2\n--3--\n"
		  "--1\n" MIXED(
		      "4") "\n"
			   "--4\nContent-Type: image/gif\n\n4.1\n"
			   "--4\nContent-Type: message/rfc822\n\n" MIXED(
			       "42") "\n"
				     "--42\n\n4.2.1\n"
				     "--42\nContent-Type: multipart/alternative; "
				     "boundary=422\n\n"
				     "--422\n\n4.2.2.1\n"
				     "--422\nContent-Type: "
				     "text/"
				     "richtext\n\n4.2.2.2\n--422--\n--42--\n--4--\n"
				     "--1\nContent-Type: message/rfc822\n\nSubject: "
				     "single\n\n5.1\n--1--\n";

struct number_row {
	const char *path; /* numbers, '.' between */
	const char *body; /* NULL: no such part; "*" is not compared */
};

static const struct number_row numbers[] = {{"1", "text"}, {"2", "octets"}, {"3", "*"},
    {"3.1", "3.1"}, {"3.2", "3.2"}, {"4", "*"}, {"4.1", "4.1"}, {"4.2", "*"},
    {"4.2.1", "4.2.1"}, {"4.2.2", "*"}, {"4.2.2.1", "4.2.2.1"}, {"4.2.2.2", "4.2.2.2"},
    {"5", "Subject: single\n\n5.1"}, {"5.1", "5.1"}, {"6", NULL}, {"1.1", NULL},
    {"2.1", NULL}, {"3.3", NULL}, {"3.1.1", NULL}, {"5.2", NULL}, {"5.1.1", NULL},
    {"4.2.2.3", NULL}, {"4294967295", NULL}};

static const struct part *
find(const struct tree *t, const char *text)
{
	uint32_t path[16];
	size_t n = 0;
	struct span left = span_of(text);
	while (left.n) {
		uint64_t v = 0;
		assert_int_equal(span_u64(span_cut(&left, '.'), UINT32_MAX, &v), E_OK);
		path[n++] = (uint32_t)v;
	}
	return part_find(t, path, n);
}

static void
test_numbers(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(span_of(rfc3501), &arena, &t);
	assert_ptr_equal(find(&t, ""), &t.root);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const struct part *p = find(&t, numbers[i].path);
		struct buf path = {0};
		if (!numbers[i].body) {
			assert_null(p);
			continue;
		}
		assert_non_null(p);
		if (numbers[i].body[0] != '*')
			assert_true(span_eqs(part_body(&t, p), numbers[i].body));
		part_path(&path, p);
		assert_string_equal(buf_cstr(&path), numbers[i].path);
		buf_free(&path);
	}
	arena_reset(&arena);
}

static void
test_numbers_of_messages_without_multiparts(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(SPAN("Subject: x\n\nHi"), &arena, &t);
	assert_ptr_equal(find(&t, "1"), &t.root);
	assert_null(find(&t, "2"));
	assert_null(find(&t, "1.1"));
	tree_make(SPAN("Content-Type: message/rfc822\n\nContent-Type: "
		       "message/rfc822\n\nX: y\n\nHi"),
	    &arena, &t);
	assert_ptr_equal(find(&t, "1"), &t.root);
	assert_ptr_equal(find(&t, "1.1"), t.root.child);
	assert_ptr_equal(find(&t, "1.1.1"), t.root.child->child);
	assert_null(find(&t, "1.1.1.1"));
	assert_null(find(&t, "1.2"));
	struct buf path = {0};
	part_path(&path, t.root.child->child);
	assert_string_equal(buf_cstr(&path), "1.1.1");
	buf_free(&path);
	arena_reset(&arena);
}

static void
test_offsets_and_lines(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(SPAN("Content-Type: multipart/mixed; boundary=b\r\n\r\n" /* 45 */
		       "--b\r\n"                                           /* 50 */
		       "Content-ID: <1>\r\n\r\n"                           /* 69 */
		       "one\r\ntwo\r\n"                                    /* 79 */
		       "--b--\r\n"),
	    &arena, &t);
	const struct part *p = t.root.child;
	assert_int_equal(t.root.head_at, 0);
	assert_int_equal(t.root.body_at, 45);
	assert_int_equal(t.root.end_at, 86);
	assert_int_equal(t.root.body_lines, 6);
	assert_int_equal(t.n_parts, 2);
	assert_int_equal(p->head_at, 50);
	assert_int_equal(p->body_at, 69);
	assert_int_equal(p->end_at, 77);
	assert_int_equal(p->body_lines, 1);
	assert_int_equal(p->depth, 1);
	assert_true(span_eqs(p->fields.id, "<1>"));
	assert_true(p->fields.is_type_implied);
	assert_null(p->fields.description.p);
	assert_null(part_next(p));
	arena_reset(&arena);
}

static void
test_fields(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(SPAN("Content-Type: image/png;\r\n "
		       "name=\"a\"\r\ncontent-transfer-encoding:\tBASE64 \r\n"
		       "Content-Disposition: inline\r\nContent-ID: "
		       "<i>\r\nContent-Description: d\r\n d\r\n"
		       "Content-MD5: m\r\nContent-Language: id, "
		       "en\r\nContent-Location:\r\nContent-ID: second\r\n"
		       "Content-Base: b\r\n\r\n"),
	    &arena, &t);
	const struct part_fields *f = &t.root.fields;
	assert_true(span_eqs(f->content_type, "image/png;\r\n name=\"a\""));
	assert_true(span_eqs(f->encoding, "BASE64"));
	assert_true(span_eqs(f->disposition, "inline"));
	assert_true(span_eqs(f->id, "<i>"));
	assert_true(span_eqs(f->description, "d\r\n d"));
	assert_true(span_eqs(f->md5, "m"));
	assert_true(span_eqs(f->language, "id, en"));
	assert_non_null(f->location.p);
	assert_int_equal(f->location.n, 0);
	assert_false(f->is_type_implied);
	arena_reset(&arena);
}

/* ---- limits ---- */

static void
test_depth(void **state)
{
	struct arena arena = {0};
	struct buf m = {0};
	struct tree t;
	uint32_t deepest = 0;
	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_putf(&m, "Content-Type: multipart/mixed; boundary=b%d.\n\n--b%d.\n",
		    i, i);
	tree_make(buf_as_span(&m), &arena, &t);
	assert_int_equal(t.n_parts, TREE_DEPTH_MAX + 1);
	for (const struct part *p = &t.root; p; p = part_next(p)) {
		deepest = p->depth;
		assert_int_equal(p->kind, p->child ? PART_MULTIPART : PART_OPAQUE);
	}
	assert_int_equal(deepest, TREE_DEPTH_MAX);
	arena_reset(&arena);
	buf_reset(&m);
	for (int i = 0; i < 1000; i++)
		buf_str(&m, "Content-Type: message/rfc822\n\n");
	tree_make(buf_as_span(&m), &arena, &t);
	assert_int_equal(t.n_parts, TREE_DEPTH_MAX + 1);
	arena_reset(&arena);
	buf_free(&m);
}

static void
test_parts(void **state)
{
	struct arena arena = {0};
	struct buf m = {0};
	struct tree t;
	const struct part *last = NULL;
	(void)state;
	buf_str(&m, MIXED("b") "\n");
	for (int i = 0; i < TREE_PARTS_MAX + 100; i++)
		buf_str(&m, "--b\n\nx\n");
	buf_str(&m, "--b--\n");
	tree_make(buf_as_span(&m), &arena, &t);
	assert_int_equal(t.n_parts, TREE_PARTS_MAX);
	for (const struct part *p = t.root.child; p; p = p->next)
		last = p;
	assert_int_equal(last->number, TREE_PARTS_MAX - 1);
	assert_int_equal(last->end_at, m.len);
	assert_int_equal(t.root.end_at, m.len);
	arena_reset(&arena);
	buf_free(&m);
}

static void
test_arena_full(void **state)
{
	(void)state;
	for (size_t max = 1; max < 4000; max += 16) {
		struct arena arena = {.max_bytes = max};
		struct buf out = {0};
		struct tree t;
		tree_make(span_of(rfc3501), &arena, &t);
		say(&out, &t, &t.root);
		assert_true(out.len > 0);
		assert_true(t.root.kind == PART_MULTIPART ? t.root.child != NULL
							  : t.root.kind == PART_OPAQUE);
		buf_free(&out);
		arena_reset(&arena);
	}
}

static void
test_boundary_length(void **state)
{
	(void)state;
	for (size_t n = TREE_BOUNDARY_MAX - 1; n <= TREE_BOUNDARY_MAX + 1; n++) {
		struct arena arena = {0};
		struct buf m = {0};
		struct tree t;
		char *b = mem_new(n + 1);
		memset(b, 'x', n);
		buf_putf(&m,
		    "Content-Type: multipart/mixed; "
		    "boundary=%s\n\n--%s\n\none\n--%s\n\ntwo\n",
		    b, b, b);
		tree_make(buf_as_span(&m), &arena, &t);
		assert_int_equal(t.n_parts, n <= TREE_BOUNDARY_MAX ? 3 : 2);
		mem_free(&b);
		buf_free(&m);
		arena_reset(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_rows_crlf),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_numbers_of_messages_without_multiparts),
	    cmocka_unit_test(test_offsets_and_lines),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_arena_full),
	    cmocka_unit_test(test_boundary_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
