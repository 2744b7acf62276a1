/* SPDX-License-Identifier: ISC */
/* test_mime_header.c - fields of a head, line ends, junk, folding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/header.h"

/* What a head says, as "name=value;" with line ends as / and the value as it stands. */
static void
say(struct span head, struct buf *out)
{
	struct header_field f;
	while (header_next(&head, &f) == E_OK) {
		buf_span(out, f.name);
		buf_ch(out, '=');
		for (size_t i = 0; i < f.value.n; i++)
			if (f.value.p[i] != '\r')
				buf_ch(out, f.value.p[i] == '\n' ? '/' : f.value.p[i]);
		buf_ch(out, ';');
		assert_ptr_equal(f.whole.p, f.name.p);
		assert_true(f.value.p + f.value.n <= f.whole.p + f.whole.n);
	}
}

struct row {
	const char *head, *said;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                                                    ""},
	{"\r\n",                                                ""},
	{"A: 1\r\nB: 2\r\n\r\nC: 3\r\n",                        "A= 1;B= 2;"},
	{"A: 1\nB: 2\n\nC: 3\n",                                "A= 1;B= 2;"},
	{"A: 1",                                                "A= 1;"},
	{"A: 1\r\n 2\r\n\t3\r\nB:\r\n",                         "A= 1/ 2/\t3;B=;"},
	{"A: 1\r\n  \r\n 2\r\nB: x\r\n",                        "A= 1/  / 2;B= x;"},
	{"A : 1\r\nB\t :2\r\n",                                 "A= 1;B=2;"},           /* RFC 5322 4.5 */
	{"A:b:c\r\n",                                           "A=b:c;"},
	/* junk */
	{"From a@b.test Mon Jan  1 10:00:00 2024\r\nA: 1\r\n",  "A= 1;"},
	{">From a@b.test Mon\r\nA: 1\r\n",                      "A= 1;"},
	{"no colon\r\nA: 1\r\n",                                "A= 1;"},
	{"no colon\r\n A: 1\r\nB: 2\r\n",                       "B= 2;"},
	{" continues nothing\r\nA: 1\r\n",                      "A= 1;"},
	{": no name\r\nA: 1\r\n",                               "A= 1;"},
	{"\xc3\xa9: 1\r\nA: 1\r\n",                             "A= 1;"},
	{"A: a\rb\r\n",                                         "A= ab;"},              /* a bare CR ends no line */
	{"A: 1\r\r\nB: 2\r\n",                                  "A= 1;B= 2;"},
	{"A: 1\r",                                              "A= 1;"},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};
		size_t n = strlen(rows[i].head);
		char *head = malloc(n ? n : 1); /* no byte past its end */
		assert_non_null(head);
		memcpy(head, rows[i].head, n);
		say(span_make(head, n), &out);
		if (!span_eqs(buf_as_span(&out), rows[i].said))
			fail_msg("row %zu: %s", i, buf_cstr(&out));
		buf_free(&out);
		free(head);
	}
}

static void
test_end(void **st)
{
	(void)st;

	static const struct {
		const char *message;
		size_t end;
	} ends[] = {{"", 0}, {"\r\nx", 2}, {"\nx", 1}, {"A: 1\r\n\r\nx", 8},
	    {"A: 1\n\nx", 6}, {"A: 1\r\n", 6}, {"A: 1\r\n \r\n\r\nx", 11}, {"A: 1", 4},
	    {"A: 1\r\n\rx\r\n\r\n", 12}};

	for (size_t i = 0; i < COUNT(ends); i++)
		assert_int_equal(header_end(span_of(ends[i].message)), ends[i].end);
}

static void
test_whole(void **st)
{
	(void)st;
	struct span head = SPAN("junk\r\nA: 1\r\n 2\r\nB: x\n\nC: 3");
	struct header_field f;
	assert_int_equal(header_next(&head, &f), E_OK);
	assert_true(span_eqs(f.whole, "A: 1\r\n 2\r\n"));
	assert_int_equal(header_next(&head, &f), E_OK);
	assert_true(span_eqs(f.whole, "B: x\n"));
	assert_int_equal(header_next(&head, &f), E_MORE);
	assert_true(span_eqs(head, "\nC: 3"));
	assert_int_equal(header_next(&head, &f), E_MORE);
}

static void
test_find(void **st)
{
	(void)st;
	static const char text[] = "To: a\r\nSUBJECT:  b \r\nto: c\r\n\r\nTo: d\r\n";
	struct span head = SPAN(text);
	struct header_field f;
	assert_int_equal(header_find(&head, SPAN("tO"), &f), E_OK);
	assert_true(span_eqs(f.value, " a"));
	assert_int_equal(header_find(&head, SPAN("tO"), &f), E_OK);
	assert_true(span_eqs(f.value, " c"));
	assert_int_equal(header_find(&head, SPAN("tO"), &f), E_MORE);
	assert_true(span_eqs(header_value(SPAN(text), SPAN("subject")), "b"));
	assert_null(header_value(SPAN(text), SPAN("subjec")).p);
}

static void
test_limits(void **st)
{
	(void)st;
	for (size_t n = HEADER_NAME_MAX - 1; n <= HEADER_NAME_MAX + 1; n++) {
		struct buf head = {0};
		struct header_field f;
		for (size_t i = 0; i < n; i++)
			buf_ch(&head, 'a');
		buf_str(&head, ": 1\r\n");
		struct span s = buf_as_span(&head);
		assert_int_equal(
		    header_next(&s, &f), n <= HEADER_NAME_MAX ? E_OK : E_MORE);
		buf_free(&head);
	}
	struct buf many = {0};
	struct header_field f;
	for (size_t i = 0; i < HEADER_FIELDS_MAX; i++)
		buf_str(&many, "A: 1\r\n");
	buf_str(&many, "B: 2\r\n");
	struct span s = buf_as_span(&many);
	assert_int_equal(header_find(&s, SPAN("B"), &f), E_MORE);
	/* it stands behind what was looked at */
	assert_int_equal(header_find(&s, SPAN("B"), &f), E_OK);
	while (many.len <= HEADER_BYTES_MAX)
		buf_str(&many, "C: 3\r\n");
	assert_int_equal(header_head(buf_as_span(&many)).n, HEADER_BYTES_MAX);
	buf_free(&many);
}

static void
test_unfold(void **st)
{
	(void)st;
	static const char *const unfolds[][2] = {{"", ""}, {" \r\n ", ""},
	    {" a\r\n b\r\n\tc \r\n", "a b\tc"}, {"a\n b", "a b"}, {"\r\n a", "a"},
	    {"  a  b  ", "a  b"}};
	for (size_t i = 0; i < COUNT(unfolds); i++) {
		struct buf out = {0};
		buf_str(&out, "x ");
		header_unfold(&out, span_of(unfolds[i][0]));
		assert_true(span_eqs(span_from(buf_as_span(&out), 2), unfolds[i][1]));
		buf_free(&out);
	}
	struct buf out = {0};
	header_unfold(&out, SPAN("a\0b"));
	assert_true(span_eqs(buf_as_span(&out), "ab"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_end),
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_unfold),
	};
	return cmocka_run_group_tests_name("mime_header", tests, NULL, NULL);
}
