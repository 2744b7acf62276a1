/* SPDX-License-Identifier: ISC */
/* test_conf.c - the settings table, values, comments, errors with file and line, and the dump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/check.h"
#include "conf/read.h"

static char path[] = "/tmp/merpati-test-conf.XXXXXX";

static int
make_file(void **s)
{
	(void)s;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	return close(fd);
}

static int
remove_file(void **s)
{
	(void)s;
	return unlink(path);
}

static struct conf *
load(const char *text, struct buf *errors)
{
	FILE *f = fopen(path, "w");
	struct conf *c = NULL;
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	int err = conf_load(path, errors, &c);
	assert_int_equal(err == E_OK, c != NULL);
	return c;
}

static void
test_table_is_sound(void **st)
{
	(void)st;
	for (size_t s = 0; s < conf_n_sections; s++) {
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			const struct conf_setting *x = &conf_sections[s].settings[n];
			struct conf_value v;
			value_default(
			    x, &v); /* a bug() when its own check refuses it */
			value_free(&v);
			assert_true(strlen(x->doc) > 5);
			for (size_t k = 0; k < n; k++)
				assert_string_not_equal(
				    x->name, conf_sections[s].settings[k].name);
		}
	}
}

static void
test_values(void **st)
{
	(void)st;
	struct buf errors = {0};
	struct conf *c =
	    load("version = 1\n"
		 "common {\n\tdomains = {\"a.example\", \"b.example\"}\n\tlog_debug = "
		 "yes\n}\n"
		 "smtpd { message_size = 256K idle_time = 2m relay_networks = {} }\n"
		 "smtpd { recipients_most = 7 }\n"
		 "queue { lifetime = 2d }\n",
		&errors);
	assert_string_equal(buf_cstr(&errors), "");
	assert_int_equal(conf_list_count(c, "common", "domains"), 2);
	assert_string_equal(conf_list(c, "common", "domains", 1), "b.example");
	assert_true(conf_bool(c, "common", "log_debug"));
	assert_int_equal(conf_int(c, "smtpd", "message_size"), 256 * 1024);
	assert_int_equal(conf_int(c, "smtpd", "idle_time"), 120);
	assert_int_equal(conf_int(c, "smtpd", "recipients_most"), 7);
	assert_int_equal(conf_list_count(c, "smtpd", "relay_networks"), 0);
	assert_int_equal(conf_int(c, "queue", "lifetime"), 2 * 86400);
	assert_string_equal(conf_str(c, "common", "subaddress"), "+");
	assert_int_equal(conf_line(c, "common", "log_debug"), 4);
	assert_int_equal(conf_line(c, "common", "hostname"), 0);
	conf_free(&c);
	assert_null(c);
	buf_free(&errors);
}

/* What each mistake says, without the file's name before it. */
static const struct {
	const char *text, *says;
} mistakes[] = {
    {"", ":1: there is no version; right would be version = 1"},
    {"\nversion = 2\n", ":2: version = 2 is not for this program"},
    {"version = 1\nsmptd {\n}\n",
	":2: there is no section \"smptd\"; the nearest is smtpd"},
    {"version = 1\nhostname = \"a\"\n",
	":2: there is no section \"hostname\"; it belongs into section common"},
    {"version = 1\nsmtpd {\n\tidel_time = 5\n}\n",
	":3: there is no setting \"idel_time\" in section smtpd; the nearest is "
	"idle_time"},
    {"version = 1\nsmtpd {\n\thostname = \"a\"\n}\n",
	":3: there is no setting \"hostname\" in section smtpd; it belongs into "
	"section common"},
    {"version = 1\n# a\n/* b\nc */\nsmtpd { // d\n\tidle_time = 0\n}\n",
	":6: idle_time = \"0\" is wrong; right would be a time like 30s, 5m, "
	"4h or 5d, from 1s to 1h"},
    {"version = 1\nsmtpd {\n\tmessage_size = 4G\n}\n",
	":3: message_size = \"4G\" is wrong; right would be a size like 256K, "
	"50M or 1G, from 1K to 2G"},
    {"version = 1\nsmtpd {\n\tmessage_size = many\n}\n",
	":3: message_size = \"many\" is wrong"},
    {"version = 1\nsmtpd {\n\tvrfy = maybe\n}\n",
	":3: vrfy = \"maybe\" is wrong; right would be yes or no"},
    {"version = 1\nsmtpd {\n\tlisten_smtp = {\"127.0.0.1:25\",\n\"::1:25\"}\n}\n",
	":4: listen_smtp = \"::1:25\" is wrong; right would be an address and a port"},
    {"version = 1\nsmtpd {\n\tvrfy = yes\n\tvrfy = no\n}\n",
	":4: vrfy is set again; right would be once: line 3 sets it already"},
    {"version = 1\nsmtpd {\n\tvrfy yes\n}\n",
	":3: missing equal sign after option 'vrfy'; right would be"},
    {"version = 1\nsmtpd {\n\tvrfy = yes\n",
	":2: a brace is opened here and never closed"},
    {"version = 1\ncommon {\n\thostname = \"a\n}\n",
	":3: a quote is opened here and never closed"},
    {"version = 1\n/* x\n", ":2: a comment begins here and never ends"},
    {"version = 1\nqueue {\n\tretry_first = 5h\n}\n",
	":3: retry_first = 18000 is more than retry_most = 14400"},
    {"version = 1\ncommon {\n\ttls_keys = {\"/k\"}\n}\n",
	":3: 0 in tls_certificates, but 1 in tls_keys"},
    {"version = 1\ncommon {\n\tcatch_all = {\"b.example=x@a.example\"}\n}\n",
	":3: catch_all: \"b.example\" is no domain of this host"},
    {"version = 1\nsmtpd {\n\tlisten_smtp = {\"*:25\"}\n\tlisten_submission = "
     "{\"*:25\"}\n}\n",
	":4: listen_submission: *:25 is in listen_smtp already"},
};

static void
test_mistakes_say_where_and_what_is_right(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		struct buf errors = {0};
		assert_null(load(mistakes[i].text, &errors));
		struct span said = buf_as_span(&errors);
		assert_true(span_starts(said, span_of(path)));
		said = span_from(said, strlen(path));
		if (!span_starts(said, span_of(mistakes[i].says)))
			fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARG(said),
			    mistakes[i].says);
		buf_free(&errors);
	}
}

static void
test_all_wrong_values_are_said(void **st)
{
	(void)st;
	struct buf errors = {0};
	size_t lines = 0;
	assert_null(load(
	    "version = 1\nsmtpd {\n\tvrfy = 3\n\tidle_time = x\n\tfront_count = 0\n}\n",
	    &errors));
	for (size_t i = 0; i < errors.len; i++)
		lines += errors.p[i] == '\n';
	assert_int_equal(lines, 3);
	buf_free(&errors);
}

static void
test_files_that_are_none(void **st)
{
	(void)st;
	struct buf errors = {0};
	struct conf *c = NULL;
	assert_int_equal(conf_load("/nonexistent/merpati.conf", &errors, &c), E_IO);
	assert_int_equal(conf_load("/tmp", &errors, &c), E_IO);
	assert_null(c);
	assert_true(errors.len > 20);
	buf_free(&errors);
}

static void
same_dump(struct conf *c, bool all)
{
	struct buf first = {0}, second = {0}, errors = {0};
	conf_dump(c, all, &first);
	struct conf *again = load(buf_cstr(&first), &errors);
	assert_string_equal(buf_cstr(&errors), "");
	conf_dump(again, all, &second);
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	conf_free(&again);
	buf_free(&first);
	buf_free(&second);
	buf_free(&errors);
}

static void
test_dump_parses_to_the_same_dump(void **st)
{
	(void)st;
	struct buf errors = {0}, dump = {0};
	struct conf *c = load("version = 1\n"
			      "common { hostname = mail.example.com log = \"/var/log/a "
			      "\\\"b\\\" \\\\ \\$\\{HOME}\\x01\" }\n"
			      "smtpd { message_size = 52428800 idle_time = 90 "
			      "listen_submissions = {} }\n",
	    &errors);
	assert_non_null(c);
	assert_string_equal(
	    conf_str(c, "common", "log"), "/var/log/a \"b\" \\ ${HOME}\001");
	conf_dump(c, false, &dump);
	assert_string_equal(buf_cstr(&dump),
	    "version = 1\n\ncommon {\n\thostname = \"mail.example.com\"\n"
	    "\tlog = \"/var/log/a \\\"b\\\" \\\\ \\${HOME}\\x01\"\n}\n"
	    "\nsmtpd {\n\tlisten_submissions = {}\n\tidle_time = 90s\n}\n");
	same_dump(c, false);
	same_dump(c, true);
	conf_free(&c);
	buf_free(&dump);
	buf_free(&errors);
}

static void
test_checks(void **st)
{
	(void)st;
	static const char *const listen_good[] = {
	    "0.0.0.0:25", "[::]:25", "*:1", "[2001:db8::1]:65535"};
	static const char *const listen_bad[] = {"", ":25", "25", "1.2.3.4",
	    "1.2.3.4:0", "1.2.3.4:65536", "::1:25", "[1.2.3.4]:25", "localhost:25",
	    "[::1]", "1.2.3.4:", "[]:25"};
	static const char *const domain_bad[] = {
	    "", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a@b", "a\xff"};
	for (size_t i = 0; i < COUNT(listen_good); i++)
		assert_null(check_listen(listen_good[i]));
	for (size_t i = 0; i < COUNT(listen_bad); i++)
		assert_non_null(check_listen(listen_bad[i]));
	for (size_t i = 0; i < COUNT(domain_bad); i++)
		assert_non_null(check_domain(domain_bad[i]));
	assert_null(check_domain("b\xc3\xbc"
				 "cher.example"));
	assert_null(check_network("10.0.0.0/8"));
	assert_null(check_network("::1"));
	assert_non_null(check_network("10.0.0.0/33"));
	assert_non_null(check_network("10.0.0.0/"));
	assert_null(check_catch_all("a.example=\"x y\"@a.example") ? NULL : "");
}

static void
test_manual_has_every_setting(void **st)
{
	(void)st;
	struct buf manual = {0}, row = {0};
	conf_manual(&manual);
	for (size_t s = 0; s < conf_n_sections; s++)
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			buf_reset(&row);
			buf_putf(
			    &row, "\n.It Ic %s No", conf_sections[s].settings[n].name);
			assert_true(span_search(buf_as_span(&manual),
					buf_as_span(&row)) < manual.len);
		}
	buf_free(&row);
	buf_free(&manual);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table_is_sound),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_mistakes_say_where_and_what_is_right),
	    cmocka_unit_test(test_all_wrong_values_are_said),
	    cmocka_unit_test(test_files_that_are_none),
	    cmocka_unit_test(test_dump_parses_to_the_same_dump),
	    cmocka_unit_test(test_checks),
	    cmocka_unit_test(test_manual_has_every_setting),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
