/* SPDX-License-Identifier: ISC */
/* test_auth.c - conversations with the asks of the role "auth". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/mech.h"
#include "auth_home.h"
#include "base/id.h"
#include "proc/child.h"

/* ---- PLAIN and LOGIN ---- */

static void
test_plain(void **state)
{
	static const struct {
		struct span message;
		enum auth_status want;
	} rows[] = {
	    {SPAN("\0u1@example.test\0pass"), AUTH_OK},
	    {SPAN("\0u1\0pass"), AUTH_OK},
	    {SPAN("\0U1@Example.TEST\0pass"), AUTH_OK},
	    {SPAN("u1@example.test\0u1@example.test\0pass"), AUTH_OK},
	    {SPAN("old@example.test\0u1@example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0Pass"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0pass\0"), AUTH_FAIL},
	    {SPAN("\0\0pass"), AUTH_FAIL},
	    {SPAN("\0u1 @example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0nobody@example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0sleeper@example.test\0pass"), AUTH_SUSPENDED},
	    {SPAN("\0sleeper@example.test\0wrong"), AUTH_FAIL},
	    {SPAN("\0broken@example.test\0pass"), AUTH_TEMP},
	    {SPAN("pass"), AUTH_FAIL},
	    {SPAN(""), AUTH_FAIL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_reply r = start(&over_tls, "PLAIN", &rows[i].message);
		if (r.status != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(r.status, rows[i].want);
		assert_true(
		    span_eqs(r.account, r.status == AUTH_OK ? "u1@example.test" : ""));
		assert_true(id_is_zero(r.ticket));
	}
	assert_int_equal(start(&over_tls, "plain", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0].message).status, AUTH_OK);
}

static void
test_login(void **state)
{
	(void)state;
	struct auth_reply r = start(&over_tls, "LOGIN", NULL);
	assert_int_equal(r.status, AUTH_CONTINUE);
	assert_true(span_eqs(r.challenge, "Username:"));
	r = step(SPAN("u1@example.test"));
	assert_int_equal(r.status, AUTH_CONTINUE);
	assert_true(span_eqs(r.challenge, "Password:"));
	assert_int_equal(step(SPAN("pass")).status, AUTH_OK);
	assert_int_equal(
	    start(&over_tls, "LOGIN", &SPAN("bad name")).status, AUTH_FAIL);
	start(&over_tls, "LOGIN", NULL);
	assert_int_equal(step(SPAN("")).status, AUTH_FAIL);
	start(&over_tls, "LOGIN", &SPAN("u1@example.test"));
	assert_int_equal(step(SPAN("wrong")).status, AUTH_FAIL);
}

static void
test_offered(void **state)
{
	struct buf out = {0};
	(void)state;
	auth_mechanisms(home_conf, &over_tls, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
	buf_reset(&out);
	auth_mechanisms(home_conf, &bound, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS "
					    "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
	buf_reset(&out);
	auth_mechanisms(home_conf, &in_clear, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256 SCRAM-SHA-1");
	buf_free(&out);
	assert_int_equal(
	    start(&in_clear, "PLAIN", &SPAN("\0u1\0pass")).status, AUTH_NO_MECH);
	assert_int_equal(
	    start(&loopback, "PLAIN", &SPAN("\0u1\0pass")).status, AUTH_OK);
	assert_int_equal(start(&over_tls, "CRAM-MD5", NULL).status, AUTH_NO_MECH);
	assert_int_equal(
	    start(&over_tls, "SCRAM-SHA-256-PLUS", NULL).status, AUTH_NO_MECH);
	assert_int_equal(start(&over_tls, "", NULL).status, AUTH_NO_MECH);
}

/* Who guesses names learns nothing: salt and count are there, and stay, also for a new process. */
static void
test_unknown(void **state)
{
	struct buf a = {0}, b = {0};
	(void)state;
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody@example.test"), &a), E_OK);
	auth_home_again();
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody@example.test"), &b), E_OK);
	assert_true(span_eq(buf_as_span(&a), buf_as_span(&b)));
	buf_reset(&b);
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody2@example.test"), &b), E_OK);
	assert_false(span_eq(buf_as_span(&a), buf_as_span(&b)));
	buf_free(&a);
	buf_free(&b);
}

static unsigned
cost_of(const char *name, const char *password)
{
	n_computed = 0;
	int err = verify_password(&by_pop, span_of(name), span_of(password));
	assert_true(err == E_OK || err == E_DENY);
	return n_computed;
}

/* A right password is known for a while; a wrong one costs the same for everybody. */
static void
test_cache(void **state)
{
	(void)state;
	assert_int_equal(
	    verify_password(&by_pop, SPAN("u1@example.test"), SPAN("pass")), E_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cost_of("u1@example.test", "wrong"), 1);
		assert_int_equal(cost_of("nobody@example.test", "wrong"), 1);
		assert_int_equal(cost_of("u1@example.test", "pass"), 0);
	}
}

static bool
refuses_u1(struct span name, const struct verify_way *way)
{
	assert_true(way->is_password);
	return span_eqs(name, "u1@example.test");
}

/* No password of who is locked is looked at: one that is known would be answered sooner. */
static void
test_refused(void **state)
{
	static const struct span right = SPAN("\0u1\0pass"),
				 other = SPAN("\0sleeper\0pass");
	(void)state;
	mech_refuse_with(refuses_u1);
	n_computed = 0;
	assert_int_equal(start(&over_tls, "PLAIN", &right).status, AUTH_TEMP);
	assert_int_equal(start(&over_tls, "LOGIN", &SPAN("u1")).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("never tried")).status, AUTH_TEMP);
	assert_int_equal(n_computed, 0);
	assert_int_equal(start(&over_tls, "PLAIN", &other).status, AUTH_SUSPENDED);
	mech_refuse_with(NULL);
	n_computed = 0;
	assert_int_equal(start(&over_tls, "PLAIN", &right).status, AUTH_OK);
	assert_int_equal(start(&over_tls, "LOGIN", &SPAN("u1")).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("never tried")).status, AUTH_FAIL);
	assert_int_equal(n_computed, 1);
}

/* Far less than there is room for: hardly one drives another one out. */
static void
test_cache_of_many(void **state)
{
	char name[32];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		n_computed = 0;
		for (unsigned i = 0; i < 100; i++) {
			snprintf(name, sizeof name, "many%u@example.test", i);
			assert_int_equal(
			    verify_password(&by_pop, span_of(name), SPAN("pass")),
			    E_OK);
		}
		assert_true(round == 0 ? n_computed == 100 : n_computed < 10);
	}
}

/* ---- tickets ---- */

static int announced; /* what it returns */

static int
announce(const struct account *account, struct id *ticket)
{
	assert_true(span_eqs(account->address, "u1@example.test"));
	*ticket = id_new();
	return announced;
}

static void
test_tickets(void **state)
{
	struct span initial = SPAN("\0u1@example.test\0pass");
	(void)state;
	auth_announce_with(announce);
	announced = E_OK;
	struct auth_reply r = start(&over_tls, "PLAIN", &initial);
	assert_int_equal(r.status, AUTH_OK);
	assert_false(id_is_zero(r.ticket));
	announced = E_IO;
	r = start(&over_tls, "PLAIN", &initial);
	assert_int_equal(r.status, AUTH_TEMP);
	assert_true(id_is_zero(r.ticket));
	auth_announce_with(NULL);
}

/* ---- the asks ---- */

static void
test_asks(void **state)
{
	(void)state;
	start(&over_tls, "PLAIN", NULL);
	start(&over_tls, "LOGIN", NULL); /* ends what was before */
	assert_int_equal(ask(AUTH_CANCEL), E_OK);
	auth_put_step(&home_body, SPAN("u1"));
	assert_int_equal(ask(AUTH_STEP), E_DENY); /* out of turn: ended */
}

static void
test_ask_short(void **state)
{
	(void)state;
	auth_put_start(&home_body, &over_tls, SPAN("PLAIN"), NULL);
	buf_cut(&home_body, home_body.len - 1);
	assert_int_equal(ask(AUTH_START), E_BAD);
}

static void
test_ask_long(void **state)
{
	char big[AUTH_DATA_MAX + 8];
	(void)state;
	memset(big, 'x', sizeof big);
	start(&over_tls, "PLAIN", NULL);
	auth_put_step(&home_body, span_make(big, sizeof big));
	assert_int_equal(ask(AUTH_STEP), E_LIMIT);
}

static void
test_ask_service(void **state)
{
	struct auth_conn c = over_tls;
	(void)state;
	c.service = "../x";
	auth_put_start(&home_body, &c, SPAN("PLAIN"), NULL);
	assert_int_equal(ask(AUTH_START), E_BAD);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, auth_home_open, auth_home_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(test_plain), ROW(test_login),
	    ROW(test_offered), ROW(test_unknown), ROW(test_refused), ROW(test_cache),
	    ROW(test_cache_of_many), ROW(test_tickets), ROW(test_asks),
	    ROW(test_ask_short), ROW(test_ask_long), ROW(test_ask_service)};
	return cmocka_run_group_tests(tests, auth_home_setup, auth_home_teardown);
}
