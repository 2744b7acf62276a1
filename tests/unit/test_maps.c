/* SPDX-License-Identifier: ISC */
/* test_maps.c - what a map's file says, and a key's place in a query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "maps/definition.h"
#include "maps/template.h"

/* ---- definitions ---- */

static void
test_definition(void **state)
{
	struct map_definition d;
	char why[MAP_WHY_MAX] = "";
	(void)state;
	static const char text[] =
	    "# a map\n\n  \ndbpath = /var/x\r\nquery = SELECT a\n"
	    "  FROM b # no comment here\n# nor does this end it\n"
	    "\tWHERE c = '%s'\nempty =\n";
	assert_int_equal(definition_parse(span_of(text), &d, why), E_OK);
	assert_int_equal(d.n, 3);
	assert_string_equal(map_setting(&d, "dbpath", NULL), "/var/x");
	assert_string_equal(map_setting(&d, "query", NULL),
	    "SELECT a FROM b # no comment here WHERE c = '%s'");
	assert_string_equal(map_setting(&d, "empty", NULL), "");
	assert_string_equal(map_setting(&d, "hosts", "other"), "other");
	definition_free(&d);
}

static void
test_definition_refused(void **state)
{
	static const char *const bad[] = {"dbpath\n", "= value\n", " = x\n"};
	struct map_definition d;
	char why[MAP_WHY_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		why[0] = '\0';
		assert_int_equal(definition_parse(span_of(bad[i]), &d, why), E_BAD);
		assert_true(why[0] != '\0');
		definition_free(&d);
	}
	assert_int_equal(definition_parse(SPAN("a = b\0c\n"), &d, why), E_BAD);
	definition_free(&d);
	struct buf many = {0};
	for (int i = 0; i <= MAP_PAIRS_MAX; i++)
		buf_putf(&many, "n%d = v\n", i);
	assert_int_equal(definition_parse(buf_as_span(&many), &d, why), E_BAD);
	assert_int_equal(d.n, MAP_PAIRS_MAX);
	definition_free(&d);
	buf_free(&many);
}

static void
test_domains(void **state)
{
	struct map_definition all = {.n = 0},
			      some = {.pairs = {{"domain", "a.test, B.test  c.test"}},
				  .n = 1};
	(void)state;
	assert_true(definition_wants(&all, SPAN("x@whatever")));
	assert_true(definition_wants(&some, SPAN("x@a.test")));
	assert_true(definition_wants(&some, SPAN("@b.test")));
	assert_true(definition_wants(&some, SPAN("x@y@c.test")));
	assert_false(definition_wants(&some, SPAN("x@d.test")));
	assert_false(definition_wants(&some, SPAN("x@test")));
}

/* ---- queries ---- */

struct row {
	const char *query, *key, *said; /* said NULL: E_BAD */
};

static void
expand_all(const struct row *rows, size_t n, enum map_escape escape)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		assert_null(template_check(span_of(rows[i].query), escape));
		int err = template_expand(
		    span_of(rows[i].query), escape, span_of(rows[i].key), &out);
		assert_int_equal(err, rows[i].said ? E_OK : E_BAD);
		if (rows[i].said)
			assert_string_equal(buf_cstr(&out), rows[i].said);
		buf_free(&out);
	}
}

static void
test_sql(void **state)
{
	static const struct row rows[] = {
	    {"x='%s'", "a@b.test", "x='a@b.test'"},
	    {"x='%u' and y='%d'", "a@b@c.test", "x='a@b' and y='c.test'"},
	    {"x like '%%%s' and 100%%", "a", "x like '%a' and 100%"},
	    {"x='%s'", "o'neil@b", "x='o''neil@b'"},
	    {"x='%s'", "' OR 1=1 --", "x=''' OR 1=1 --'"},
	    {"x='it''s %s'", "a", "x='it''s a'"},
	    {"x='%s'", "gr\xc3\xbcn@b", "x='gr\xc3\xbcn@b'"},
	    {"x='%d'", "local", NULL},   /* has no domain */
	    {"x='%u'", "@b.test", NULL}, /* nor a local part */
	    {"x='%s'", "", NULL},
	    {"x='%s'", "a\\' OR 1=1", NULL}, /* some strings of SQL know \ */
	    {"x='%s'", "a\xff", NULL},
	    {"x='%s'", "a\nb", NULL},
	};
	(void)state;
	expand_all(rows, COUNT(rows), MAP_ESCAPE_SQL);
}

static void
test_ldap(void **state)
{
	static const struct row rows[] = {
	    {"(mail=%s)", "a+x@b-c.test", "(mail=a+x@b-c.test)"},
	    {"(mail=%s)", "*", "(mail=\\2a)"},
	    {"(mail=%s)", "x)(uid=*", "(mail=x\\29\\28uid=\\2a)"},
	    {"(mail=%s)", "a\\b", "(mail=a\\5cb)"},
	    {"(&(u=%u)(d=%d))", "a@b", "(&(u=a)(d=b))"},
	    {"(mail=%s)", "\xc3\xbc@b", "(mail=\\c3\\bc@b)"},
	};
	(void)state;
	expand_all(rows, COUNT(rows), MAP_ESCAPE_LDAP);
}

static void
test_refused(void **state)
{
	static const char *const sql[] = {"x=%s", "x='a' and y=%s", "x='%s", "x='%q'",
	    "x='%", "x='a'", "x='%s' and y='", "''%s''"};
	(void)state;
	for (size_t i = 0; i < COUNT(sql); i++)
		assert_non_null(template_check(span_of(sql[i]), MAP_ESCAPE_SQL));
	assert_non_null(template_check(SPAN("(mail=*)"), MAP_ESCAPE_LDAP));
	assert_non_null(template_check(SPAN("(mail=%x)"), MAP_ESCAPE_LDAP));
}

static void
test_full(void **state)
{
	struct buf out = {.max = 10};
	(void)state;
	assert_int_equal(
	    template_expand(SPAN("x='%s'"), MAP_ESCAPE_SQL, SPAN("12345678901"), &out),
	    E_LIMIT);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_definition),
	    cmocka_unit_test(test_definition_refused),
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_sql),
	    cmocka_unit_test(test_ldap),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
