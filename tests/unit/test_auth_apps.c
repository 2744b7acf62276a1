/* SPDX-License-Identifier: ISC */
/* test_auth_apps.c - app passwords: what they are good for, by which mechanism, and what guessing costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scram_client.h"

static enum auth_status
by_plain(const struct auth_conn *c, const char *user, const char *password)
{
	struct buf message = {0};
	buf_ch(&message, '\0');
	buf_str(&message, user);
	buf_ch(&message, '\0');
	buf_str(&message, password);
	struct span s = buf_as_span(&message);
	struct auth_reply r = start(c, "PLAIN", &s);
	assert_true(
	    r.status != AUTH_OK || span_ieq(r.account, verify_address(span_of(user))));
	buf_free(&message);
	return r.status;
}

static void
test_apps_plain(void **state)
{
	static const struct {
		const char *user, *password;
		enum auth_status want;
	} rows[] = {
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"u1@example.test", "K7Q2M0XVBNT4ZRDH9WC0", AUTH_OK},
	    {"u1@example.test", " k7q2m 0xvbn t4zrd h9wc0 ", AUTH_FAIL},
	    {"u1@example.test", "k7q2m 0xvbn t4zrd h9wc0", AUTH_OK},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc00", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wcz", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc1", AUTH_FAIL}, /* SMTP only */
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc2", AUTH_FAIL}, /* expired */
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc3", AUTH_OK},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc4", AUTH_FAIL}, /* elsewhere */
	    {"u1@example.test/any", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"U1@Example.Test/Any", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"u1@example.test/here", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"u1@example.test/any", "pass", AUTH_FAIL},
	    {"u1@example.test/", "pass", AUTH_FAIL},
	    {"u1@example.test/a/b", "pass", AUTH_FAIL},
	    {"nobody@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"sleeper@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"broken@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_TEMP},
	    {"strict@example.test", "pass", AUTH_FAIL},
	    {"strict@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	};

	struct auth_conn c = {
	    .service = "pop", .has_tls = true, .client = SPAN("192.0.2.9")};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum auth_status got = by_plain(&c, rows[i].user, rows[i].password);
		if (got != rows[i].want)
			print_error("row %zu: %d\n", i, (int)got);
		assert_int_equal(got, rows[i].want);
	}
	c.service = "smtp";
	assert_int_equal(
	    by_plain(&c, "u1@example.test", app_text(APP_MAIL_ONLY)), AUTH_OK);
	assert_int_equal(by_plain(&c, "strict@example.test", "pass"), AUTH_OK);
	c.client = SPAN("198.51.100.7");
	assert_int_equal(by_plain(&c, "u1@example.test", app_text(APP_THERE)), AUTH_OK);
	assert_int_equal(
	    by_plain(&c, "u1@example.test", app_text(APP_HERE)), AUTH_FAIL);
}

/* SCRAM takes the one that the name says. */
static void
test_apps_scram(void **state)
{
	(void)state;
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/any", app_text(APP_ANY)), AUTH_OK);
	assert_int_equal(
	    scram("SCRAM-SHA-1", "u1@example.test/any", app_text(APP_ANY)), AUTH_OK);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/here", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/old", app_text(APP_OLD)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/none", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test", app_text(APP_ANY)), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "nobody@example.test/any", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "strict@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "strict@example.test/any", app_text(APP_ANY)),
	    AUTH_OK);
}

/* Whoever is asked for, and whether he has app passwords: as many PBKDF2, and the same salts. */
static void
test_apps_unknown(void **state)
{
	static const char *const names[] = {"u1@example.test", "old@example.test",
	    "nobody@example.test", "u1@example.test/any", "u1@example.test/none",
	    "nobody@example.test/any"};
	struct buf first = {0}, other = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		bool has_app = i > 2;
		n_computed = 0;
		assert_int_equal(
		    verify_password(&by_pop, span_of(names[i]), SPAN("wrong")), E_DENY);
		assert_int_equal(n_computed, has_app ? 0 : 1);
		n_computed = 0;
		assert_int_equal(verify_password(&by_pop, span_of(names[i]),
				     SPAN("k7q2m-0xvbn-t4zrd-h9wcz")),
		    E_DENY);
		assert_int_equal(n_computed, has_app ? 1 : 2);
	}
	for (size_t i = 3; i + 1 < COUNT(names); i++) {
		buf_reset(&other);
		assert_int_equal(
		    verify_verifiers(&by_pop, span_of(names[i]), &other), E_OK);
		struct span salt = buf_as_span(&other);
		salt = span_head(salt, span_find(span_from(salt, 14), '$') + 14);
		if (first.len == 0)
			buf_span(&first, salt);
		assert_true(span_eq(salt, buf_as_span(&first)));
	}
	buf_free(&first);
	buf_free(&other);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, auth_home_open, auth_home_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(test_apps_plain), ROW(test_apps_scram), ROW(test_apps_unknown)};
	return cmocka_run_group_tests(tests, auth_home_setup, auth_home_teardown);
}
