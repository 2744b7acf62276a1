/* SPDX-License-Identifier: ISC */
/* test_event_rule.c - the setting imap_scripts: what is one, and what it fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/event.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned causes;
		const char *from, *to, *path;
	} rows[] = {
	    {"COPY : * : Junk : /a", E_OK, 1u << EVENT_COPY, "*", "Junk", "/a"},
	    {"copy : Deleted Items : * : /a b", E_OK, 1u << EVENT_COPY, "Deleted Items",
		"*", "/a b"},
	    {"APPEND,COPY, FLAG : * : a:b : /a : b", E_OK, 7, "*", "a:b", "/a : b"},
	    {"FLAG : * : \\Junk : /a", E_OK, 1u << EVENT_FLAG, "*", "\\Junk", "/a"},
	    /* only a COPY comes from somewhere */
	    {"APPEND : Junk : * : /a", E_BAD, 0, NULL, NULL, NULL},
	    {"APPEND,COPY : Junk : * : /a", E_BAD, 0, NULL, NULL, NULL},
	    {"MOVE : * : * : /a", E_BAD, 0, NULL, NULL, NULL},
	    {"COPY : * : Junk : a", E_BAD, 0, NULL, NULL, NULL},
	    {"COPY : * : Junk", E_BAD, 0, NULL, NULL, NULL},
	    {"COPY : : Junk : /a", E_BAD, 0, NULL, NULL, NULL},
	    {" : * : * : /a", E_BAD, 0, NULL, NULL, NULL},
	    {"", E_BAD, 0, NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event_rule r;
		int err = event_rule_parse(span_of(rows[i].text), &r);
		assert_int_equal(err, rows[i].result);
		if (err != E_OK)
			continue;
		assert_int_equal(r.causes, rows[i].causes);
		assert_true(span_eqs(r.from, rows[i].from));
		assert_true(span_eqs(r.to, rows[i].to));
		assert_true(span_eqs(r.path, rows[i].path));
	}
}

static void
test_fits(void **state)
{
	static const struct {
		const char *rule;
		enum event_cause cause;
		const char *from, *from_use, *to, *to_use;
		bool fits;
	} rows[] = {
	    {"COPY : * : Junk : /a", EVENT_COPY, "INBOX", "", "Junk", "", true},
	    {"COPY : * : Junk : /a", EVENT_COPY, "INBOX", "", "junk", "", false},
	    {"COPY : * : Junk : /a", EVENT_APPEND, "", "", "Junk", "", false},
	    {"COPY : * : \\junk : /a", EVENT_COPY, "a", "", "Bad", "\\Junk", true},
	    {"COPY : * : \\Junk : /a", EVENT_COPY, "a", "", "\\Junk", "", false},
	    {"COPY : \\Junk : * : /a", EVENT_COPY, "Bad", "\\Junk", "a", "", true},
	    {"COPY : \\Junk : * : /a", EVENT_COPY, "a", "", "Bad", "\\Junk", false},
	    {"COPY : inbox : * : /a", EVENT_COPY, "INBOX", "", "a", "", true},
	    {"FLAG : * : Lists/* : /a", EVENT_FLAG, "", "", "Lists/c/d", "", true},
	    {"FLAG : * : Lists/* : /a", EVENT_FLAG, "", "", "Lists", "", false},
	    {"APPEND,FLAG : * : * : /a", EVENT_APPEND, "", "", "x", "", true},
	    {"APPEND,FLAG : * : * : /a", EVENT_COPY, "y", "", "x", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event_rule r;
		const struct event_place from = {span_of(rows[i].from),
					     span_of(rows[i].from_use)},
					 to = {span_of(rows[i].to),
					     span_of(rows[i].to_use)};
		assert_int_equal(event_rule_parse(span_of(rows[i].rule), &r), E_OK);
		assert_int_equal(
		    event_rule_fits(&r, rows[i].cause, &from, &to), rows[i].fits);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse), cmocka_unit_test(test_fits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
