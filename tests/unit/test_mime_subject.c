/* SPDX-License-Identifier: ISC */
/* test_mime_subject.c - base subjects, RFC 5256 2.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/subject.h"

struct row {
	const char *subject, *base;
	bool is_refwd;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                                    "",                  false},
	{"   ",                                 "",                  false},
	{"hello",                               "hello",             false},
	{"  hello \t  world  ",                 "hello world",       false},
	{"hello\r\n world",                     "hello world",       false},
	{"Re: hello",                           "hello",             true},
	{"RE:hello",                            "hello",             true},
	{"re : hello",                          "hello",             true},
	{"Fw: hello",                           "hello",             true},
	{"FWD: hello",                          "hello",             true},
	{"Re: fw: RE: hello",                   "hello",             true},
	{"Re[2]: hello",                        "hello",             true},
	{"Re [2] : hello",                      "hello",             true},
	{"Re [2] [3]: hello",                   "Re [2] [3]: hello", false},
	{"hello (fwd)",                         "hello",             true},
	{"hello (FWD) (fwd) ",                  "hello",             true},
	{"hello (fwd) there",                   "hello (fwd) there", false},
	{"[list] hello",                        "hello",             false},
	{"[list] Re: hello",                    "hello",             true},
	{"[a] [b] Re: [c] hello",               "hello",             true},
	{"Re: [list] Re: hello",                "hello",             true},
	{"[list]",                              "[list]",            false},
	{"[a] [b]",                             "[b]",               false},
	{"[a][b][c]  ",                         "[c]",               false},
	{"Re: [list]",                          "[list]",            true},
	{"[fwd: hello]",                        "hello",             true},
	{"[Fwd: Re: hello (fwd)]",              "hello",             true},
	{"[fwd: [fwd: hello]]",                 "hello",             true},
	{"[fwd: [list] hello]",                 "hello",             true},
	{"Re: [fwd: hello] (fwd)",              "hello",             true},
	{"[fwd: hello] there",                  "there",             false},
	{"[fwd:]",                              "",                  true},
	{"[fwd:",                               "[fwd:",             false},
	{"[fwd: a",                             "[fwd: a",           false},
	{"Re:",                                 "",                  true},
	{"Re: Re:",                             "",                  true},
	{"(fwd)",                               "",                  true},
	{"regarding: x",                        "regarding: x",      false},
	{"Re; x",                               "Re; x",             false},
	{"forward: x",                          "forward: x",        false},
	{"fwdd: x",                             "fwdd: x",           false},
	{"[a[b] c",                             "[a[b] c",           false},
	{"[a]b] c",                             "b] c",              false},
	{"a [b]",                               "a [b]",             false},
	{"\xc3\xa9 Re: x",                      "\xc3\xa9 Re: x",    false},
	{"[\xc3\xa9] Re: \xc3\xa9",             "\xc3\xa9",          true},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0}, again = {0};
		size_t n = strlen(rows[i].subject);
		char *subject = malloc(n ? n : 1); /* no byte past its end */
		assert_non_null(subject);
		memcpy(subject, rows[i].subject, n);
		bool is_refwd = subject_base(&out, span_make(subject, n));
		if (!span_eqs(buf_as_span(&out), rows[i].base) ||
		    is_refwd != rows[i].is_refwd)
			fail_msg("%s: %s", rows[i].subject, buf_cstr(&out));
		/* a base subject is its own */
		assert_false(subject_base(&again, buf_as_span(&out)));
		assert_true(span_eq(buf_as_span(&again), buf_as_span(&out)));
		buf_free(&out);
		buf_free(&again);
		free(subject);
	}
}

static void
test_hostile(void **st)
{
	(void)st;
	static const char *const units[] = {
	    "[a]", "[", "re:", "[fwd:", "(fwd)", "re [", "re[a]", "[a] re:", "]"};
	for (size_t i = 0; i < COUNT(units); i++) {
		struct buf subject = {0}, out = {0};
		while (subject.len < 1 << 20)
			buf_str(&subject, units[i]);
		subject_base(&out, buf_as_span(&subject));
		assert_int_equal(buf_done(&out), E_OK);
		buf_free(&subject);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests_name("mime_subject", tests, NULL, NULL);
}
