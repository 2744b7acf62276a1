/* SPDX-License-Identifier: ISC */
/* test_logline.c - lines of the log, as we, syslog and the journal write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ctl/logline.h"

enum { NOW = 1796000000 }; /* 29 November 2026 */

static void
test_parse(void **state)
{
	static const struct {
		const char *line, *process, *event;
		int64_t sec;
		size_t n_keys;
	} rows[] = {
	    {"2026-11-25T22:11:49Z queue/drop[24420]: level=info event=accepted mid=ab "
	     "uid=0",
		"queue/drop[24420]", "accepted", 1795644709, 2},
	    {"2026-11-25T23:11:49.250+01:00 host queue/drop[1]: level=info "
	     "event=accepted",
		"queue/drop[1]", "accepted", 1795644709, 0},
	    {"2026-11-25T23:11:49+0100 host queue/drop[1]: level=info event=x a=\"b "
	     "c\\\" d=e\" f=",
		"queue/drop[1]", "x", 1795644709, 2},
	    {"Nov 25 22:11:49 host smtpd/session[1]: level=info event=x",
		"smtpd/session[1]", "x", 1795644709, 0},
	    {"Dec  5 00:00:00 host smtpd/session[1]: level=info event=x",
		"smtpd/session[1]", "x", 1764892800, 0},
	    {"smtpd/session[1]: level=info event=x y=z", "smtpd/session[1]", "x", 0, 1},
	    {"2026-11-25T22:11:49Z a/b[1]: level=info event=x why=\"]: level=low "
	     "event=y\"",
		"a/b[1]", "x", 1795644709, 1},
	    {"odd time a/b[1]: level=info event=x", "a/b[1]", "x", 0, 0},
	};

	static const char *const bad[] = {"", "x", "a/b[1]: level=info",
	    "ab[1]: level=info event=x", "2026-11-25T22:11:49Z sshd[1]: level"};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct logline l;
		assert_int_equal(logline_parse(span_of(rows[i].line), NOW, &l), E_OK);
		assert_true(span_eqs(l.process, rows[i].process));
		assert_true(span_eqs(l.event, rows[i].event));
		assert_int_equal(l.time_us / 1000000, rows[i].sec);
		assert_int_equal(l.n_keys, rows[i].n_keys);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct logline l;
		assert_int_equal(logline_parse(span_of(bad[i]), NOW, &l), E_BAD);
	}
}

/* Every cut of a line, and of a time, is read without a step outside. */
static void
test_cuts(void **state)
{
	struct span line = SPAN("2026-11-25T23:11:49.250+01:00 h queue/drop[1]: "
				"level=info event=x a=\"b\\x41\\\"\" c=d");
	(void)state;
	for (size_t n = 0; n <= line.n; n++) {
		char *copy = malloc(n + 1);
		struct logline l;
		for (size_t i = 0; i < n; i++)
			copy[i] = line.p[i];
		int err = logline_parse(span_make(copy, n), NOW, &l);
		assert_true(err == E_OK || err == E_BAD);
		if (err == E_OK) {
			struct buf b = {0};
			logline_words(&b, &l, NULL);
			buf_free(&b);
		}
		err = logline_parse(span_from(line, n), NOW, &l);
		assert_true(err == E_OK || err == E_BAD);
		free(copy);
	}
}

static void
test_words(void **state)
{
	static const struct {
		const char *template, *want;
	} rows[] = {{"{a} and {b}", "1 and x y?"}, {"[no {c}]yes[ {a}]", "yes 1"},
	    {"[{a}[ {c}]]", "1"}, {"{c}", ""}, {"{a", "1"}, {"[", ""}, {"a]b", "a"},
	    {NULL, "e a=1 b=x y?"}};
	struct logline l;
	(void)state;
	assert_int_equal(
	    logline_parse(
		SPAN("p/r[1]: level=info event=e mid=7 a=1 b=\"x y\\x1b\""), NOW, &l),
	    E_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		logline_words(&b, &l, rows[i].template);
		assert_string_equal(buf_cstr(&b), rows[i].want);
		buf_free(&b);
	}
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_cuts), cmocka_unit_test(test_words)};
	return cmocka_run_group_tests_name("logline", tests, NULL, NULL);
}
