/* SPDX-License-Identifier: ISC */
/* test_sieve_check.c - what a check says, with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve/check.h"

struct row {
	const char *script;
	unsigned line;
	const char *said; /* in the first error; NULL: it is right */
};

/* clang-format off */
static const struct row rows[] = {
	{"keep;", 0, NULL},
	{"", 0, NULL},
	{"require \"fileinto\"; fileinto \"a\";", 0, NULL},
	{"\nfileinto \"a\";", 2, "without require of \"fileinto\""},
	{"require \"nonsense\";", 1, "unknown Sieve capability 'nonsense'"},
	{"keep;\nrequire \"copy\";", 2, "at the beginning"},
	{"if true {\nrequire \"copy\";\n}", 2, "top level"},
	{"require \"copy\" \"body\";", 1, "requires 1 positional argument, but 2 are"},
	{"keep;\nelse {}", 2, "must follow an if or elsif"},
	{"if true {} keep;\nelsif true {}", 2, "must follow an if or elsif"},
	{"if true;", 1, "requires a command block"},
	{"if {}", 1, "requires one test"},
	{"if (true, false) {}", 1, "requires one test"},
	{"if allof true {}", 1, "requires a list of tests"},
	{"stop \"a\";", 1, "accepts no positional arguments"},
	{"stop {}", 1, "accepts no command block"},
	{"if not keep {}", 1, "attempted to use command 'keep' as test"},
	{"true;", 1, "attempted to use test 'true' as command"},
	{"if size 5 {}", 1, ":under or the :over"},
	{"if size :over :under 5 {}", 1, "unexpected tagged argument ':under'"},
	{"if size 5 :over {}", 1, "tags stand before"},
	{"if header :foo \"a\" \"b\" {}", 1, "unknown tagged argument ':foo'"},
	{"if header :comparator \"a\" \"b\" \"c\" {}", 1, "unknown comparator 'a'"},
	{"if header :comparator \"i;ascii-numeric\" \"a\" \"b\" {}", 1, "without require"},
	{"require \"comparator-i;ascii-numeric\"; if header :contains :comparator \"i;ascii-numeric\" \"a\" \"b\" {}", 1, "substring"},
	{"require \"relational\"; if header :count \"xx\" \"a\" \"b\" {}", 1, "gt, ge, lt"},
	{"if header :comparator 5 \"a\" \"b\" {}", 1, "requires a string, but a number"},
	{"if header matches \"a\" \"b\" {}", 1, "requires 2 positional arguments, but 0"},
	{"redirect \"nobody\";", 1, "'nobody' is invalid"},
	{"redirect \"a@b.c, d@e.f\";", 1, "is invalid"},
	{"if address \"subject\" \"a\" {}", 1, "'subject' is not allowed"},
	{"require \"envelope\"; if envelope \"frop\" \"a\" {}", 1, "envelope part 'frop'"},
	{"require \"variables\"; set \"1a\" \"b\";", 1, "invalid variable name '1a'"},
	{"require \"variables\"; set \"a.b\" \"c\";", 1, "unknown variable namespace 'a'"},
	{"require \"variables\"; set \"a\" \"${40}\";", 1, "only 0 to 32"},
	{"require \"variables\"; set :lower :upper \"a\" \"b\";", 1, "unexpected tagged argument ':upper'"},
	{"require \"encoded-character\"; redirect \"${unicode:110000}\";", 1, "no character of Unicode"},
	{"require \"regex\"; if header :regex \"a\" \"(\" {}", 1, "invalid regular expression"},
	{"require \"ihave\"; if ihave \"nope\" { nope; }", 0, NULL},
	{"require \"ihave\"; if not ihave \"nope\" {} else { nope; }", 1, "unknown command 'nope'"},
	{"require \"ihave\"; if allof (ihave \"nope\", nope \"x\") { nope; }", 0, NULL},
	{"require \"ihave\"; if ihave \"fileinto\" { fileinto \"a\"; }", 0, NULL},
	{"require \"vacation\"; vacation :from \"x\" \"y\";", 1, ":from address 'x'"},
	{"require \"vacation\"; vacation :seconds 5 \"y\";", 1, "require of \"vacation-seconds\""},
	{"require \"vacation-seconds\"; vacation :seconds 5 \"y\";", 0, NULL},
	{"require \"enotify\"; notify \"tel:1\";", 0, NULL}, /* of the run: RFC 5435 3.2 */
	{"require \"enotify\"; notify \"mailto:\";", 1, "names no recipient"},
	{"require [\"enotify\",\"imap4flags\"]; notify :flags \"a\" \"mailto:a@b.c\";", 1, "only with :fcc"},
	{"require [\"enotify\",\"fcc\",\"imap4flags\"]; notify :flags \"a\" \"mailto:a@b.c\";", 1, "only with :fcc"},
	{"require [\"vacation\",\"mailbox\"]; vacation :create \"a\";", 1, "only with :fcc"},
	{"require [\"vacation\",\"fcc\"]; vacation :fcc \"\" \"a\";", 1, "invalid folder name"},
	{"require [\"reject\",\"fcc\"]; reject :fcc \"a\" \"b\";", 1, "unknown tagged argument ':fcc'"},
	{"pipe \"p\";", 1, "vnd.dovecot.pipe"},
	{"require \"vnd.dovecot.pipe\"; pipe :copy \"p\";", 1, "without require of \"copy\""},
	{"require \"extlists\"; if header :list :comparator \"i;octet\" \"a\" \"b\" {}", 1, "does not take a comparator"},
	{"require [\"fileinto\",\"special-use\"]; fileinto :specialuse \"Junk\" \"a\";", 1, "special-use flag"},
	{"require [\"fileinto\",\"special-use\",\"mailboxid\"]; fileinto :specialuse \"\\\\Junk\" :mailboxid \"F1\" \"a\";", 1, "exclude each other"},
	{"require \"replace\"; replace :mime :from \"a@b.c\" \"x\";", 1, "excludes :subject and :from"},
	{"require \"replace\"; replace :from \"a@b.c, d\" \"x\";", 1, ":from address 'a@b.c, d'"},
	{"require \"enclose\"; enclose :headers \"Content-Type\" \"x\";", 1, "cannot copy the field"},
	{"require \"mime\"; if address :mime \"content-from\" \"a@b.c\" {}", 0, NULL},
	{"require \"enotify\"; notify :importance \"9\" \"mailto:a@b.c\";", 1, ":importance"},
	{"require \"date\"; if date \"date\" \"eon\" \"1\" {}", 1, "invalid date part 'eon'"},
	{"require \"date\"; if currentdate :originalzone \"hour\" \"1\" {}", 1, ":originalzone"},
	{"require \"index\"; if header :last \"a\" \"b\" {}", 1, "without the :index"},
	{"require \"index\"; if header :index 0 \"a\" \"b\" {}", 1, "1 or more"},
	{"require \"foreverypart\"; break;", 1, "inside a foreverypart"},
	{"require \"foreverypart\"; foreverypart { break :name \"x\"; }", 1, "loop named 'x'"},
	{"require \"mime\"; if header :anychild \"a\" \"b\" {}", 1, "with the :mime tag"},
	{"require \"editheader\"; addheader \"a:\" \"b\";", 1, "field name 'a:'"},
	{"require [\"include\", \"variables\"]; set \"a\" \"b\"; global \"a\";", 1, "before it is made global"},
	{"require \"include\"; include \"../a\";", 1, "invalid script name"},
	{"require \"include\"; include \"a\";", 0, NULL},
	{"require \"special-use\"; if specialuse_exists \"Junk\" {}", 1, "special-use flag"},
	{"require \"redirect-dsn\"; redirect :notify \"NEVER,DELAY\" \"a@b.c\";", 1, ":notify"},
};

/* clang-format on */

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sieve_checking want = {0};
		struct sieve_errors errors = {0};
		struct sieve_program *program;
		int err =
		    sieve_compile(span_of(rows[i].script), &want, &errors, &program);
		if ((err == E_OK) != (rows[i].said == NULL))
			fail_msg("%s: %.*s", rows[i].script,
			    errors.n ? (int)errors.rows[0].text.n : 0,
			    errors.n ? errors.rows[0].text.p : "");
		if (rows[i].said) {
			assert_null(program);
			assert_int_equal(errors.rows[0].line, rows[i].line);
			if (span_search(errors.rows[0].text, span_of(rows[i].said)) ==
			    errors.rows[0].text.n)
				fail_msg("%s: %.*s", rows[i].script,
				    SPAN_ARG(errors.rows[0].text));
		}
		sieve_program_free(&program);
		sieve_errors_reset(&errors);
	}
}

/* What an administrator does not allow is not known. */
static void
test_allowed(void **state)
{
	struct sieve_checking want = {.exts = EXT_BIT(FILEINTO)};
	struct sieve_errors errors = {0};
	struct sieve_program *program;
	struct buf names = {0};
	(void)state;
	assert_int_equal(sieve_compile(SPAN("require \"fileinto\"; fileinto \"a\";"),
			     &want, &errors, &program),
	    E_OK);
	sieve_program_free(&program);
	assert_int_equal(
	    sieve_compile(SPAN("require \"body\";"), &want, &errors, &program), E_BAD);
	sieve_errors_reset(&errors);
	sieve_ext_names_put(EXT_BIT(FILEINTO) | EXT_BIT(REGEX), &names);
	assert_string_equal(buf_cstr(&names), "fileinto regex");
	buf_free(&names);
}

/* ---- memory ---- */

/* Each script that is included is as long as one may be: a comment, one string, or many. */
static int
long_script(void *ctx, struct span location, struct span name, struct buf *out)
{
	/* the first one is half as long: so it is not always the copy of a text that finds no room */
	bool is_first = span_eqs(name, "s0");
	const char *kind = is_first ? "#" : ctx;
	const size_t n = (size_t)SIEVE_SCRIPT_BYTES_MAX / (is_first ? 2 : 1) - 100;
	(void)location;
	buf_str(out, "require [\"variables\",\"encoded-character\"];\n");
	buf_str(out, *kind == '#' ? "#" : "set \"a\"\n\"");
	while (out->len < n)
		buf_str(out, *kind == '$' ? "${a}" : *kind == '{' ? "${hex:40}" : "a");
	buf_str(out, *kind == '#' ? "\n" : "\";\n");
	return E_OK;
}

/* Where memory ends a check says so, with a line: no text is read as an empty one. */
static void
test_memory(void **state)
{
	static const char *const kinds[] = {"#", "s", "$", "{"};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		char kind[] = {kinds[i][0], 0};
		struct sieve_checking want = {.script = long_script, .ctx = kind};
		struct sieve_errors errors = {0};
		struct sieve_program *program;
		struct buf text = {0};
		buf_str(&text, "require \"include\";\n");
		for (int k = 0; k < 40; k++)
			buf_putf(&text, "include \"s%d\";\n", k);
		assert_int_not_equal(
		    sieve_compile(buf_as_span(&text), &want, &errors, &program), E_OK);
		assert_null(program);
		/* where it was: at the text, or at the string in it */
		assert_true(span_eqs(errors.rows[0].text, SIEVE_NO_MEMORY));
		assert_int_equal(errors.rows[0].line, kind[0] == '#' ? 1 : 3);
		buf_free(&text);
		sieve_errors_reset(&errors);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_allowed),
	    cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
