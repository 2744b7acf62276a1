/* SPDX-License-Identifier: ISC */
/* test_smtp_edits.c - what filters want to be changed about a message, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd/edits.h"

#define HEADER "A: 1\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"

struct row {
	const char *what;

	struct {
		enum edit_kind kind;
		uint32_t index;
		const char *name, *value;
	} edits[4];

	size_t n;
	const char *above, *below;
};

static const struct row rows[] = {
    {"nothing", {{0}}, 0, "", HEADER},
    {"a field at the end", {{EDIT_ADD, 0, "N", " v"}}, 1, "", HEADER "N: v\r\n"},
    {"its lines stay its own", {{EDIT_ADD, 0, "N", " v\nX: y\r\n\r\n \r\nz\r"}}, 1, "",
	HEADER "N: v\r\n\tX: y\r\n\tz\r\n"},
    {"continued", {{EDIT_ADD, 0, "N", " v\r\n w\n\tx"}}, 1, "",
	HEADER "N: v\r\n w\r\n\tx\r\n"},
    {"an empty one", {{EDIT_ADD, 0, "N", ""}}, 1, "", HEADER "N:\r\n"},
    {"above all", {{EDIT_INSERT, 0, "N", " v"}}, 1, "N: v\r\n", HEADER},
    {"the first below", {{EDIT_INSERT, 1, "N", " v"}}, 1, "", "N: v\r\n" HEADER},
    {"before the third", {{EDIT_INSERT, 2, "N", " v"}}, 1, "",
	"A: 1\r\nN: v\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"},
    {"past the end", {{EDIT_INSERT, UINT32_MAX, "N", " v"}}, 1, "", HEADER "N: v\r\n"},
    {"two on top", {{EDIT_INSERT, 0, "N", " 1"}, {EDIT_INSERT, 0, "N", " 2"}}, 2,
	"N: 2\r\nN: 1\r\n", HEADER},
    {"one on top moves Received",
	{{EDIT_INSERT, 0, "N", " 1"}, {EDIT_INSERT, 1, "M", " 2"}}, 2,
	"N: 1\r\nM: 2\r\n", HEADER},
    {"the first of its name", {{EDIT_CHANGE, 1, "a", " new"}}, 1, "",
	"a: new\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"},
    {"index 0 is the first", {{EDIT_CHANGE, 0, "A", " new"}}, 1, "",
	"A: new\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"},
    {"the third", {{EDIT_CHANGE, 3, "A", " new"}}, 1, "",
	"A: 1\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: new\r\n"},
    {"there is no fourth", {{EDIT_CHANGE, 4, "A", " new"}}, 1, "", HEADER "A: new\r\n"},
    {"removed", {{EDIT_CHANGE, 1, "B", ""}}, 1, "",
	"A: 1\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"},
    {"none to remove", {{EDIT_CHANGE, 1, "Z", ""}}, 1, "", HEADER},
    {"removed from the first on",
	{{EDIT_CHANGE, 1, "A", ""}, {EDIT_CHANGE, 2, "A", ""}}, 2, "",
	"B: x\r\n\ty\r\njunk\r\nC:\r\nA: 3\r\n"},
    {"removed from the last on", {{EDIT_CHANGE, 3, "A", ""}, {EDIT_CHANGE, 2, "A", ""}},
	2, "", "A: 1\r\nB: x\r\n\ty\r\njunk\r\nC:\r\n"},
    {"removed, then set", {{EDIT_CHANGE, 1, "A", ""}, {EDIT_CHANGE, 1, "A", " x"}}, 2,
	"", "A: x\r\nB: x\r\n\ty\r\njunk\r\nA: 2\r\nC:\r\nA: 3\r\n"},
    {"junk has no name", {{EDIT_CHANGE, 1, "junk", ""}}, 1, "", HEADER},
};

static void
check(const struct row *r, const struct edits *e)
{
	struct buf above = {0}, below = {0};
	if (edits_header(e, SPAN(HEADER), &above, &below) != E_OK ||
	    !span_eqs(buf_as_span(&above), r->above) ||
	    !span_eqs(buf_as_span(&below), r->below))
		fail_msg("%s: %s | %s", r->what, buf_cstr(&above), buf_cstr(&below));
	buf_free(&above);
	buf_free(&below);
}

static void
test_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct edits e = {0};
		edits_begin(&e, 100);
		for (size_t k = 0; k < rows[i].n; k++)
			assert_int_equal(
			    edits_field(&e, rows[i].edits[k].kind,
				rows[i].edits[k].index, span_of(rows[i].edits[k].name),
				span_of(rows[i].edits[k].value)),
			    E_OK);
		assert_int_equal(edits_has_fields(&e), rows[i].n > 0);
		check(&rows[i], &e);
		edits_done(&e);
	}
}

/* What one filter removed is not there for the next one. */
static void
test_turns(void **state)
{
	static const struct row kept = {.what = "two turns",
	    .above = "",
	    .below = "B: x\r\n\ty\r\njunk\r\nC:\r\nA: 3\r\n"};
	struct edits e = {0};
	(void)state;
	for (int i = 0; i < 2; i++) {
		edits_begin(&e, 100);
		assert_int_equal(
		    edits_field(&e, EDIT_CHANGE, 1, SPAN("A"), SPAN("")), E_OK);
		edits_keep(&e);
	}
	edits_begin(&e, 100);
	assert_int_equal(edits_field(&e, EDIT_ADD, 0, SPAN("N"), SPAN("v")), E_OK);
	assert_int_equal(edits_body(&e, SPAN("gone")), E_OK);
	edits_undo(&e);
	assert_false(e.has_body);
	check(&kept, &e);
	edits_done(&e);
}

static void
test_body(void **state)
{
	struct edits e = {0};
	(void)state;
	edits_begin(&e, 12);
	assert_int_equal(edits_body(&e, SPAN("one")), E_OK);
	assert_int_equal(edits_body(&e, SPAN("two")), E_OK);
	assert_false(e.has_body);
	edits_keep(&e);
	assert_true(e.has_body && span_eq(buf_as_span(&e.body), SPAN("\r\nonetwo")));
	edits_begin(&e, 12);
	edits_keep(&e);
	assert_true(span_eq(buf_as_span(&e.body), SPAN("\r\nonetwo")));
	edits_begin(&e, 12);
	assert_int_equal(edits_body(&e, SPAN("")), E_OK);
	edits_keep(&e);
	assert_true(span_eq(buf_as_span(&e.body), SPAN("\r\n")));
	edits_begin(&e, 12);
	assert_int_equal(edits_body(&e, SPAN("more than fits")), E_LIMIT);
	edits_undo(&e);
	edits_done(&e);
}

static void
test_body_mended(void **state)
{
	static const struct {
		const char *said, *mended;
	} bodies[] = {
	    {"", "\r\n"},
	    {"one\r\ntwo\r\n", "\r\none\r\ntwo\r\n"},
	    {"one\ntwo", "\r\none\r\ntwo\r\n"},
	    {"\n\n.\n", "\r\n\r\n\r\n.\r\n"},
	    {"a\rb\r\r\nc\r", "\r\na b \r\nc\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct edits e = {0};
		edits_begin(&e, 100);
		assert_int_equal(edits_body(&e, span_of(bodies[i].said)), E_OK);
		edits_keep(&e);
		edits_mend_body(&e);
		assert_string_equal(buf_cstr(&e.body), bodies[i].mended);
		edits_done(&e);
	}
	struct edits none = {0};
	edits_mend_body(&none);
	assert_false(none.has_body);
}

static void
test_limits(void **state)
{
	static const char *const names[] = {
	    "", "a b", "a:", "a\x7f", "\xc3\xa4", "a\n"};
	struct edits e = {0};
	struct buf header = {0}, above = {0}, below = {.max = 8};
	(void)state;
	edits_begin(&e, 0);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(
		    edits_field(&e, EDIT_ADD, 0, span_of(names[i]), SPAN("v")), E_BAD);
	for (size_t i = 0; i < EDITS_MAX; i++)
		assert_int_equal(
		    edits_field(&e, EDIT_ADD, 0, SPAN("N"), SPAN("v")), E_OK);
	assert_int_equal(edits_field(&e, EDIT_ADD, 0, SPAN("N"), SPAN("v")), E_LIMIT);
	assert_int_equal(edits_header(&e, SPAN(HEADER), &above, &below), E_LIMIT);
	for (size_t i = 0; i < EDITS_FIELDS_MAX; i++)
		buf_str(&header, "A: b\r\n");
	below.max = 1 << 20;
	buf_free(&below);
	assert_int_equal(
	    edits_header(&e, buf_as_span(&header), &above, &below), E_LIMIT);
	buf_free(&header);
	buf_free(&above);
	buf_free(&below);
	edits_done(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_turns),
	    cmocka_unit_test(test_body),
	    cmocka_unit_test(test_body_mended),
	    cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
