/* SPDX-License-Identifier: ISC */
/* test_auth_scram.c - SCRAM with auth: names, bindings, messages that are none. */
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

/* RFC 5802 6: each flag, with each kind of mechanism, where we have a binding and where not. */
static void
test_binding(void **state)
{
	static const struct span other = SPAN("0123456789abcdefghijklmnop\0\n,=xz"),
				 none = SPAN(""), shorter = SPAN("0123456789abcdef");

	const struct {
		const struct auth_conn *conn;
		const char *mech, *header;
		struct span data;
		enum auth_status want;
	} rows[] = {
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "scram-sha-1-plus", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,a=u1@example.test,",
		bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", other, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", shorter, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-unique,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "n,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "y,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256", "p=tls-exporter,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256", "n,,", none, AUTH_OK},
	    /* somebody took -PLUS out of the list */
	    {&bound, "SCRAM-SHA-256", "y,,", none, AUTH_FAIL},
	    {&over_tls, "SCRAM-SHA-256", "y,,", none, AUTH_OK},
	    {&over_tls, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bound.binding,
		AUTH_NO_MECH},
	    {&in_clear, "SCRAM-SHA-1", "y,,", none, AUTH_OK},
	    {&in_clear, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,", none, AUTH_NO_MECH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum auth_status got = scram_as(rows[i].conn,
		    (struct scram_client){
			.header = rows[i].header, .binding = rows[i].data},
		    rows[i].mech, "u1@example.test", "pass");
		if (got != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(got, rows[i].want);
	}
	assert_int_equal(scram_as(&bound,
			     (struct scram_client){.header = "p=tls-exporter,,",
				 .binding = bound.binding},
			     "SCRAM-SHA-256-PLUS", "u1@example.test", "wrong"),
	    AUTH_FAIL);
}

static void
test_scram(void **state)
{
	(void)state;
	assert_int_equal(scram("SCRAM-SHA-256", "u1@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "u1@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "U1", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "old@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-256", "old@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(scram("SCRAM-SHA-256", "u1@example.test", "Pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "nobody@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "sleeper@example.test", "pass"), AUTH_SUSPENDED);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "sleeper@example.test", "x"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "broken@example.test", "pass"), AUTH_TEMP);
}

/* Binding that is not there; names and messages that are none. */
static void
test_scram_malformed(void **state)
{
	static const struct span rows[] = {SPAN("p=tls-unique,,n=u1,r=abcdefghijkl"),
	    SPAN("n"), SPAN("x,,"), SPAN("n,,n=u1"), SPAN("n,,n=u=,r=abc"),
	    SPAN("n,,n=,r=abcdefg"), SPAN("n,,m=x,n=u1,r=abcdef"),
	    SPAN("n,a=old@example.test,n=u1"), SPAN("n,,n=u1\0,r=abcdef")};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    start(&over_tls, "SCRAM-SHA-256", &rows[i]).status, AUTH_FAIL);
	assert_int_equal(start(&over_tls, "SCRAM-SHA-1", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0]).status, AUTH_FAIL);
	assert_int_equal(
	    start(&over_tls, "SCRAM-SHA-1", &SPAN("")).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0]).status, AUTH_FAIL);
	assert_int_equal(start(&over_tls, "SCRAM-SHA-1", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("")).status, AUTH_FAIL);
	start(&over_tls, "SCRAM-SHA-256", &SPAN("n,,n=u1,r=abcdefghijkl"));
	assert_int_equal(
	    step(SPAN("c=cD10bHMtdW5pcXVlLCxhYmM=,r=x,p=x")).status, AUTH_FAIL);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, auth_home_open, auth_home_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROW(test_scram), ROW(test_binding), ROW(test_scram_malformed)};
	return cmocka_run_group_tests(tests, auth_home_setup, auth_home_teardown);
}
