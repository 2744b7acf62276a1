/* SPDX-License-Identifier: ISC */
/* test_imap_fetch_att.c - attributes and modifiers of FETCH. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "imapd/fetch_att.h"

static const char *const names[FETCH_WHATS] = {"UID", "FLAGS", "MODSEQ", "RFC822.SIZE",
    "EMAILID", "INTERNALDATE", "SAVEDATE", "THREADID", "ENVELOPE", "BODY",
    "BODYSTRUCTURE", "PREVIEW"};

/*
 * What was understood: attributes in their order, then sections; "!" sets \Seen, "#" names that
 * items have.
 */
static void
describe(struct buf *out, const struct fetch_atts *atts)
{
	for (unsigned i = 0; i < FETCH_WHATS; i++)
		if (atts->whats & 1u << i)
			buf_putf(out, "%s ", names[i]);
	for (const struct fetch_section *a = atts->sections; a; a = a->next) {
		buf_putf(out, "%.*s%s%s", SPAN_ARG(a->label), a->is_peek ? "" : "!",
		    a->has_names ? "#" : "");
		if (a->is_partial)
			buf_putf(out, "+%llu", (unsigned long long)a->most);
		buf_ch(out, ' ');
	}
	if (atts->has_changed_since)
		buf_putf(out, "since=%llu ", (unsigned long long)atts->changed_since);
	if (atts->is_vanished)
		buf_str(out, "vanished ");
	if (atts->partial.is_there) {
		buf_str(out, "partial=");
		partial_put(out, &atts->partial);
		buf_ch(out, ' ');
	}
}

static int
parse_all(
    struct span text, struct arena *arena, struct fetch_atts *out, struct parse *p)
{
	*p = (struct parse){.in = text, .arena = arena};
	int err = fetch_atts_parse(p, out);
	if (err == E_OK)
		err = fetch_modifiers_parse(p, out);
	return err == E_OK ? parse_end(p) : err;
}

static const struct {
	const char *text, *understood; /* NULL: E_BAD */
} rows[] = {
    {"FLAGS", "FLAGS "},
    {"flags", "FLAGS "},
    {"ALL", "FLAGS RFC822.SIZE INTERNALDATE ENVELOPE "},
    {"FAST", "FLAGS RFC822.SIZE INTERNALDATE "},
    {"full", "FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODY "},
    {"(UID FLAGS)", "UID FLAGS "},
    {"(FLAGS UID FLAGS)", "UID FLAGS "},
    {"(INTERNALDATE MODSEQ EMAILID THREADID SAVEDATE)",
	"MODSEQ EMAILID INTERNALDATE SAVEDATE THREADID "},
    {"BODY", "BODY "},
    {"BODYSTRUCTURE", "BODYSTRUCTURE "},
    {"(BODY BODYSTRUCTURE ENVELOPE)", "ENVELOPE BODY BODYSTRUCTURE "},
    {"RFC822.SIZE", "RFC822.SIZE "},
    {"RFC822", "RFC822! "},
    {"(RFC822.HEADER RFC822.TEXT)", "RFC822.HEADER RFC822.TEXT! "},
    {"BODY[]", "BODY[]! "},
    {"body.peek[text]", "BODY[TEXT] "},
    {"BODY[1.2.MIME]", "BODY[1.2.MIME]! "},
    {"BODY.PEEK[]<0.100>", "BODY[]<0>+100 "},
    {"(BODY.PEEK[2]<5000000000.1> UID)", "UID BODY[2]<5000000000>+1 "},
    {"BODY.PEEK[HEADER.FIELDS (From subject)]", "BODY[HEADER.FIELDS (From subject)]# "},
    {"BODY.PEEK[HEADER.FIELDS (X-Nobody-Knows)]",
	"BODY[HEADER.FIELDS (X-Nobody-Knows)] "},
    {"BODY.PEEK[HEADER.FIELDS.NOT (From)]", "BODY[HEADER.FIELDS.NOT (From)] "},
    {"BODY.PEEK[1.HEADER.FIELDS (From)]", "BODY[1.HEADER.FIELDS (From)] "},
    {"BODY.PEEK[HEADER.FIELDS ({4}\r\nFrom \"To\")]",
	"BODY[HEADER.FIELDS (From To)]# "},
    {"BINARY[1]", "BINARY[1]! "},
    {"BINARY.PEEK[1.2]<3.4>", "BINARY[1.2]<3>+4 "},
    {"BINARY[]", "BINARY[]! "},
    {"BINARY.SIZE[2]", "BINARY.SIZE[2] "},
    {"PREVIEW", "PREVIEW "},
    {"PREVIEW (LAZY)", "PREVIEW "},
    {"(UID PREVIEW (LAZY) FLAGS)", "UID FLAGS PREVIEW "},
    {"PREVIEW (CHANGEDSINCE 5)", "PREVIEW since=5 "},
    {"FLAGS (CHANGEDSINCE 12345)", "FLAGS since=12345 "},
    {"(FLAGS) (CHANGEDSINCE 9223372036854775807 VANISHED)",
	"FLAGS since=9223372036854775807 vanished "},
    {"(FLAGS) (vanished changedsince 1)", "FLAGS since=1 vanished "},
    {"FLAGS (PARTIAL 1:5)", "FLAGS partial=1:5 "},
    {"FLAGS (CHANGEDSINCE 1 PARTIAL -1:-30)", "FLAGS since=1 partial=-1:-30 "},
    {"FLAGS (PARTIAL -1:-30 CHANGEDSINCE 1)", "FLAGS since=1 partial=-1:-30 "},
    {"", NULL},
    {"()", NULL},
    {"(FLAGS", NULL},
    {"(FLAGS )", NULL},
    {"( FLAGS)", NULL},
    {"(FLAGS  UID)", NULL},
    {"(ALL)", NULL},
    {"(FLAGS ALL)", NULL},
    {"ALL FLAGS", NULL},
    {"FLAGS UID", NULL},
    {"FLAGSX", NULL},
    {"BODY.PEEK", NULL},
    {"BODY[", NULL},
    {"BODY[TEXT", NULL},
    {"BODY[0]", NULL},
    {"BODY[MIME]", NULL},
    {"BODY[HEADER.FIELDS ()]", NULL},
    {"BODY[NOTHING]", NULL},
    {"BODY[]<>", NULL},
    {"BODY[]<1>", NULL},
    {"BODY[]<1.0>", NULL},
    {"BODY[]<-1.5>", NULL},
    {"BODY[]<1.5", NULL},
    {"BODY[]<99999999999999999999.5>", NULL},
    {"BINARY[TEXT]", NULL},
    {"BINARY[1.MIME]", NULL},
    {"BINARY.SIZE[1]<0.1>", NULL},
    {"BINARY", NULL},
    {"RFC822.PEEK", NULL},
    {"PREVIEW (EAGER)", NULL},
    {"FLAGS (CHANGEDSINCE)", NULL},
    {"FLAGS (CHANGEDSINCE x)", NULL},
    {"FLAGS (CHANGEDSINCE 1", NULL},
    {"FLAGS ()", NULL},
    {"FLAGS (NOTHING)", NULL},
    {"FLAGS (PARTIAL)", NULL},
    {"FLAGS (PARTIAL 1:0)", NULL},
    {"FLAGS (PARTIAL 1:2 PARTIAL 1:2)", NULL},
    {"FLAGS (CHANGEDSINCE 1) x", NULL},
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = 1 << 20};
		struct buf said = {.max = 0};
		struct fetch_atts atts;
		struct parse p;
		int err = parse_all(span_of(rows[i].text), &arena, &atts, &p);
		if (err == E_OK)
			describe(&said, &atts);
		assert_string_equal(err == E_OK ? buf_cstr(&said) : "",
		    rows[i].understood ? rows[i].understood : "");
		assert_true((p.expected != NULL) == (rows[i].understood == NULL));
		buf_free(&said);
		arena_reset(&arena);
	}
}

/* Nothing is read past the end, and nothing is consumed where it fails. */
static void
test_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t n = 0; n < strlen(rows[i].text); n++) {
			struct arena arena = {.max_bytes = 1 << 20};
			char *text = mem_new(n + 1);
			memcpy(text, rows[i].text, n);
			struct parse p = {.in = span_make(text, n), .arena = &arena};
			struct fetch_atts atts;
			if (fetch_atts_parse(&p, &atts) != E_OK)
				assert_true(p.in.p == text && p.in.n == n);
			mem_free(&text);
			arena_reset(&arena);
		}
}

static void
put_many(struct buf *out, size_t n, const char *one)
{
	buf_reset(out);
	buf_ch(out, '(');
	for (size_t i = 0; i < n; i++)
		buf_putf(out, "%s%s", i ? " " : "", one);
	buf_ch(out, ')');
}

static void
test_limits(void **state)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct buf text = {.max = 0};
	struct fetch_atts atts;
	struct parse p;
	(void)state;
	put_many(&text, FETCH_SECTIONS_MOST, "BODY.PEEK[]");
	assert_int_equal(parse_all(buf_as_span(&text), &arena, &atts, &p), E_OK);
	assert_int_equal(atts.n_sections, FETCH_SECTIONS_MOST);
	put_many(&text, FETCH_SECTIONS_MOST + 1, "BODY.PEEK[]");
	assert_int_equal(parse_all(buf_as_span(&text), &arena, &atts, &p), E_BAD);
	put_many(&text, FETCH_SECTIONS_MOST + 1, "UID");
	assert_int_equal(parse_all(buf_as_span(&text), &arena, &atts, &p), E_OK);
	arena_reset(&arena);
	arena.max_bytes = 64; /* full: refused, not cut short */
	assert_int_equal(
	    parse_all(SPAN("BODY[HEADER.FIELDS (From To Cc Subject Date)]"), &arena,
		&atts, &p),
	    E_BAD);
	arena_reset(&arena);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_cut_short),
	    cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
