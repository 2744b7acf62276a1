/* SPDX-License-Identifier: ISC */
/*
 * test_alias.c - the alias file: names, targets, quotes, comments, continuation, includes, and
 * reading it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/alias.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

/* The clock as alias.c sees it (linked with --wrap): a second passes when a test says so. */
int64_t __wrap_clock_mono_ms(void);
static int64_t now_ms = 1000;

int64_t
__wrap_clock_mono_ms(void)
{
	return now_ms;
}

/* ---- grammar: what a text says, as "name=target|target;" ---- */

static int
say(void *ctx, struct span name, struct span targets)
{
	struct buf *out = ctx;
	struct span target;
	const char *between = "";
	buf_span(out, name);
	buf_ch(out, '=');
	while (alias_next_target(&targets, &target) == E_OK) {
		buf_str(out, between);
		buf_span(out, target);
		between = "|";
	}
	buf_ch(out, ';');
	return E_OK;
}

struct grammar_row {
	const char *text, *said;
};

/* clang-format off */
static const struct grammar_row grammar[] = {
	/* one line */
	{"", ""},
	{"anna: ben\n",                                "anna=ben;"},
	{"anna: ben",                                  "anna=ben;"},
	{"anna:ben,carl\n",                            "anna=ben|carl;"},
	{"anna :  ben ,\tcarl  ,, dora ,\n",           "anna=ben|carl|dora;"},
	{"anna@a.test: ben@b.test\n",                  "anna@a.test=ben@b.test;"},
	{"anna:\n",                                    "anna=;"},
	{"anna: , ,\n",                                "anna=;"},
	{"anna: ben\nanna: carl\n",                    "anna=ben;anna=carl;"},
	{"anna: Ben@B.test\n",                         "anna=Ben@B.test;"},
	{"anna: ben\r\nbea: carl\r\n",                 "anna=ben;bea=carl;"},
	{"list: :include:/etc/a, :include:/etc/b\n",   "list=:include:/etc/a|:include:/etc/b;"},
	/* what has no name or no colon says nothing and takes nothing with it */
	{": ben\nbea: carl\n",                         "bea=carl;"},
	{"anna\nbea: carl\n",                          "bea=carl;"},
	{"anna ben\n carl: dora\nbea: carl\n",         "bea=carl;"},
	{"  anna: ben\nbea: carl\n",                   "bea=carl;"},
	/* continued: the line begins with a blank; empty lines and comments may stand between */
	{"anna: ben,\n carl\n\tdora\nbea: x\n",        "anna=ben|carl|dora;bea=x;"},
	{"anna:\n ben\n carl\n",                       "anna=ben|carl;"},
	{"anna: ben,\n\n carl\nbea: x\n",              "anna=ben|carl;bea=x;"},
	{"anna: ben,\r\n\r\n carl\r\nbea: x\r\n",      "anna=ben|carl;bea=x;"},
	{"anna: ben\n# not: this\n carl\nbea: x\n",    "anna=ben|carl;bea=x;"},
	{"anna: ben\n   # not: this\n carl\n",         "anna=ben|carl;"},
	/* comments */
	{"# anna: ben\n",                              ""},
	{"#\n\n#x\nanna: ben\n#y",                     "anna=ben;"},
	{"\r\n# x\r\n\r\nanna: ben\r\n",               "anna=ben;"},
	{"anna: # nobody: else\n ben\n",               "anna=ben;"},
	{"anna: ben, # her: husband\n carl\n",         "anna=ben|carl;"},
	{"anna: ben # her, husband\n carl\n",          "anna=ben|carl;"},
	{"anna: ben#1, #carl\n dora\n",                "anna=ben#1|dora;"}, /* '#' is a letter of a local part */
	{"anna: \"ben #1\"\n",                         "anna=\"ben #1\";"},
	/* quotes */
	{"\"a:b\": ben\n",                             "\"a:b\"=ben;"},
	{"\"a\\\":b\": ben\n",                         "\"a\\\":b\"=ben;"},
	{"\"a b\"@c.test: ben\n",                      "\"a b\"@c.test=ben;"},
	{"anna: \"b,c\"@d.test, \"e\\\",f\"@g.test\n", "anna=\"b,c\"@d.test|\"e\\\",f\"@g.test;"},
	/* a quote that nobody closes ends with its line: it does not swallow the members after it */
	{"\"anna: ben\nbea: carl\n",                   "bea=carl;"},
	{"\"anna\\\n b\": ben\nbea: carl\n",      "bea=carl;"},
	{"anna: \"ben, carl\n dora\nbea: x\n",         "anna=\"ben, carl|dora;bea=x;"},
	{"anna: \"ben\\\n dora\nbea: x\n",             "anna=\"ben\\|dora;bea=x;"},
	{"anna: \"ben\\",                              "anna=\"ben\\;"},
};

/* clang-format on */

static void
test_grammar(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(grammar); i++) {
		struct buf said = {0};
		/* the copy has no byte past its end: a read beyond it is seen */
		size_t n = strlen(grammar[i].text);
		char *text = malloc(n ? n : 1);
		assert_non_null(text);
		memcpy(text, grammar[i].text, n);
		assert_int_equal(alias_each(span_make(text, n), say, &said), E_OK);
		if (!span_eqs(buf_as_span(&said), grammar[i].said))
			fail_msg("%s: said %s", grammar[i].text, buf_cstr(&said));
		buf_free(&said);
		free(text);
	}
}

/* Any cut of a text is a text; it says no more names than the whole. */
static void
test_every_cut(void **st)
{
	static const char text[] =
	    "# x\r\n\"a\\\":b\"@c.test: \"d\\,e\", :include:/f # g\n\n h\nanna: ben\n";
	(void)st;
	for (size_t n = 0; n < sizeof text; n++) {
		struct buf said = {0};
		char *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, text, n);
		assert_int_equal(alias_each(span_make(cut, n), say, &said), E_OK);
		size_t names = 0;
		for (size_t i = 0; i < said.len; i++)
			names += said.p[i] == ';';
		assert_true(names <= 2);
		buf_free(&said);
		free(cut);
	}
}

static void
test_longest_name(void **st)
{
	(void)st;
	for (size_t n = ALIAS_NAME_MAX - 1; n <= ALIAS_NAME_MAX + 1; n++) {
		struct buf text = {0}, said = {0};
		for (size_t i = 0; i < n; i++)
			buf_ch(&text, 'a');
		buf_str(&text, ": ben\nbea: carl\n");
		assert_int_equal(alias_each(buf_as_span(&text), say, &said), E_OK);
		bool has_long = said.len > ALIAS_NAME_MAX - 1;
		assert_int_equal(has_long, n <= ALIAS_NAME_MAX);
		assert_true(span_ends(buf_as_span(&said), SPAN("bea=carl;")));
		buf_free(&text);
		buf_free(&said);
	}
}

static int
stop_at_second(void *ctx, struct span name, struct span targets)
{
	unsigned *calls = ctx;
	(void)name, (void)targets;
	return ++*calls == 2 ? E_DENY : E_OK;
}

static void
test_each_stops(void **st)
{
	unsigned calls = 0;
	(void)st;
	assert_int_equal(
	    alias_each(SPAN("a: x\nb: x\nc: x\n"), stop_at_second, &calls), E_DENY);
	assert_int_equal(calls, 2);
}

/* ---- files ---- */

static char dir[] = "/tmp/merpati-test-alias.XXXXXX";
static char file[64], list[64], folder[64], aside[64];

static int
make_dir(void **st)
{
	(void)st;
	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof folder, "%s/etc", dir);
	snprintf(aside, sizeof aside, "%s/aside", dir);
	snprintf(file, sizeof file, "%s/etc/aliases", dir);
	snprintf(list, sizeof list, "%s/list", dir);
	return mkdir(folder, 0700);
}

static int
remove_dir(void **st)
{
	(void)st;
	unlink(file);
	unlink(list);
	rmdir(folder);
	return rmdir(dir);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
check_find(struct aliases *a, const char *name, int err, const char *targets)
{
	struct span out = SPAN(""), first = SPAN("");
	assert_int_equal(alias_find(a, span_of(name), &out), err);
	if (err != E_OK)
		return;
	assert_int_equal(alias_next_target(&out, &first), *targets ? E_OK : E_MORE);
	assert_true(span_eqs(first, targets));
}

static void
look_later(struct aliases *a)
{
	now_ms += ALIAS_LOOK_EVERY_MS;
	aliases_look(a);
}

static void
test_find(void **st)
{
	(void)st;
	struct aliases *a = aliases_new(file);
	aliases_look(a);
	check_find(a, "anna", E_BAD, ""); /* no file: no names, and no error */

	write_file(file, "Zoe: z\nanna@A.Test: One\nmid: m\nanna: two\nAnna: "
			 "three\nnobody:\n\"A b\": q\n");
	look_later(a);
	check_find(a, "anna@a.test", E_OK,
	    "One"); /* names in lower case, targets as they stand */
	check_find(a, "anna", E_OK, "two"); /* of several with the name, the first */
	check_find(a, "zoe", E_OK, "z");
	check_find(a, "mid", E_OK, "m");
	check_find(a, "nobody", E_OK, "");
	check_find(a, "\"a b\"", E_OK, "q");
	check_find(a, "ann", E_BAD, "");
	check_find(a, "annax", E_BAD, "");
	check_find(a, "", E_BAD, "");
	check_find(a, "zzz", E_BAD, "");
	aliases_free(&a);
	assert_null(a);
	aliases_free(&a);
}

static void
test_many_names(void **st)
{
	enum { NAMES = 2000 };
	struct buf text = {0};
	char name[32], target[32];
	(void)st;
	for (unsigned i = 0; i < NAMES; i++) /* in no order of the alphabet */
		buf_putf(&text, "n%u: t%u\n", i * 7919 % NAMES, i * 7919 % NAMES);
	write_file(file, buf_cstr(&text));
	struct aliases *a = aliases_new(file);
	look_later(a);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "n%u", i);
		snprintf(target, sizeof target, "t%u", i);
		check_find(a, name, E_OK, target);
	}
	check_find(a, "n2000", E_BAD, "");
	aliases_free(&a);
	buf_free(&text);
}

static void
test_read_again(void **st)
{
	(void)st;
	write_file(file, "anna: one\n");
	struct aliases *a = aliases_new(file);
	look_later(a);
	check_find(a, "anna", E_OK, "one");
	write_file(file, "anna: two, more\n");
	now_ms += ALIAS_LOOK_EVERY_MS - 1;
	aliases_look(a);
	check_find(a, "anna", E_OK, "one"); /* not before its time */
	now_ms++;
	aliases_look(a);
	check_find(a, "anna", E_OK, "two");
	assert_int_equal(unlink(file), 0);
	look_later(a);
	check_find(a, "anna", E_BAD, "");
	write_file(file, "bea: three\n");
	look_later(a);
	check_find(a, "anna", E_BAD, "");
	check_find(a, "bea", E_OK, "three");
	aliases_free(&a);
}

/*
 * What was read stays in force; what is not in it cannot be denied; it ends when the file is back.
 */
static void
test_not_readable(void **st)
{
	(void)st;
	write_file(file, "anna: one\n");
	struct aliases *a = aliases_new(file);
	look_later(a);

	/* a file where the folder was: stat(2) fails with ENOTDIR, for root too */
	assert_int_equal(rename(folder, aside), 0);
	write_file(folder, "");
	look_later(a);
	check_find(a, "anna", E_OK, "one");
	check_find(a, "bea", E_IO, "");
	assert_int_equal(unlink(folder), 0);
	assert_int_equal(rename(aside, folder), 0);
	look_later(a);
	check_find(a, "anna", E_OK, "one");
	check_find(a, "bea", E_BAD, "");

	/* a folder where the file was: read(2) fails */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	look_later(a);
	check_find(a, "anna", E_OK, "one");
	check_find(a, "bea", E_IO, "");
	assert_int_equal(rmdir(file), 0);
	write_file(file, "bea: two\n");
	look_later(a);
	check_find(a, "anna", E_BAD, "");
	check_find(a, "bea", E_OK, "two");
	aliases_free(&a);
}

static void
test_include(void **st)
{
	struct arena arena = {0}, small = {.max_bytes = 8};
	struct span text = SPAN("");
	(void)st;
	write_file(list, "anna, ben # x\n# no\ncarl@c.test\n");
	assert_int_equal(alias_include(span_of(list), &arena, &text), E_OK);
	assert_true(span_eqs(text, "anna, ben # x\n# no\ncarl@c.test\n"));
	assert_int_equal(alias_include(span_of(list), &small, &text), E_LIMIT);

	write_file(list, "");
	assert_int_equal(alias_include(span_of(list), &arena, &text), E_OK);
	assert_int_equal(text.n, 0);

	assert_int_equal(
	    alias_include(SPAN("list"), &arena, &text), E_IO); /* not absolute */
	assert_int_equal(alias_include(SPAN(""), &arena, &text), E_IO);
	assert_int_equal(alias_include(span_of(dir), &arena, &text), E_IO);
	assert_int_equal(unlink(list), 0);
	assert_int_equal(alias_include(span_of(list), &arena, &text), E_IO);
	arena_reset(&arena);
	arena_reset(&small);
}

static void
test_largest_include(void **st)
{
	(void)st;
	for (size_t past = 0; past < 2; past++) {
		struct arena arena = {0};
		struct span text = SPAN("");
		FILE *f = fopen(list, "w");
		assert_non_null(f);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(
		    truncate(list, ALIAS_INCLUDE_BYTES_MAX + (off_t)past), 0);
		assert_int_equal(
		    alias_include(span_of(list), &arena, &text), past ? E_LIMIT : E_OK);
		assert_int_equal(text.n, past ? 0 : ALIAS_INCLUDE_BYTES_MAX);
		arena_reset(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grammar),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_longest_name),
	    cmocka_unit_test(test_each_stops),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_many_names),
	    cmocka_unit_test(test_read_again),
	    cmocka_unit_test(test_not_readable),
	    cmocka_unit_test(test_include),
	    cmocka_unit_test(test_largest_include),
	};
	/* files that cannot be read are what the tests are about */
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("alias", tests, make_dir, remove_dir);
}
