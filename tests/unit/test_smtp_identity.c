/* SPDX-License-Identifier: ISC */
/* test_smtp_identity.c - as whom a message is written: what From and Sender say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "smtp_fakes.h"
#include "smtpd/identity.h"

/* clang-format off */
static const struct {
	const char *header;
	enum identity_fault fault;
	const char *addresses; /* a blank between */
} rows[] = {
	{"From: a@x.test\r\n\r\n",                              IDENTITY_OK, "a@x.test"},
	{"Subject: x\r\nfrom : A B <a@x.test>\r\n",             IDENTITY_OK, "a@x.test"},
	{"From:\r\n \"x@y.test\" (z@y.test)\r\n <a@x.test>\r\n", IDENTITY_OK, "a@x.test"},
	{"From: <@r.test:a@x.test>\r\n",                         IDENTITY_OK, "a@x.test"},
	{"From: \"a b\"@x.test\r\n",                            IDENTITY_OK, "\"a b\"@x.test"},
	{"From: a\r\n",                                          IDENTITY_OK, "a"},
	{"From: us: a@x.test, b@x.test;\r\nSender: c@x.test\r\n", IDENTITY_OK, "a@x.test b@x.test c@x.test"},
	{"From: a@x.test\r\nSender: <b@x.test>\r\n",            IDENTITY_OK, "a@x.test b@x.test"},
	{"Sender: b@x.test\r\nFrom: a@x.test\r\n",              IDENTITY_OK, "a@x.test b@x.test"},
	{"Subject: x\r\n",                                       IDENTITY_OK, ""},
	{"Sender: b@x.test\r\n",                                 IDENTITY_OK, "b@x.test"},
	{"",                                                     IDENTITY_OK, ""},
	{"Resent-From: z@y.test\r\nFrom: a@x.test\r\n\r\nFrom: z@y.test\r\n", IDENTITY_OK, "a@x.test"},
	{"junk\r\nFrom: a@x.test\r\n",                          IDENTITY_OK, "a@x.test"},
	{"From:\r\n",                                            IDENTITY_NO_FROM, NULL},
	{"From: us:;\r\n",                                       IDENTITY_NO_FROM, NULL},
	{"From: ()\r\nSender: b@x.test\r\n",                    IDENTITY_NO_FROM, NULL},
	{"From: a@x.test\r\nFrom: a@x.test\r\n",                IDENTITY_TWICE, NULL},
	{"From: a@x.test\r\nSender: a@x.test\r\nSender: a@x.test\r\n", IDENTITY_TWICE, NULL},
	{"From: a@x.test\r\nSender: a@x.test, b@x.test\r\n",    IDENTITY_TWICE, NULL},
	{"From: a@x.test, b@x.test\r\n",                         IDENTITY_NO_SENDER, NULL},
	{"From: a@x.test, <>\r\nSender: a@x.test\r\n",          IDENTITY_UNCLEAR, NULL},
	{"From: a b@x.test\r\n",                                 IDENTITY_UNCLEAR, NULL},
	{"From: <a@x.test\r\n",                                  IDENTITY_UNCLEAR, NULL},
	{"From: <a@x.test> <b@y.test>\r\n",                      IDENTITY_NO_SENDER, NULL},
	{"From: a@x.test b@y.test\r\n",                          IDENTITY_UNCLEAR, NULL},
	{"From: a@x.test\r\nSender: a b@x.test\r\n",            IDENTITY_UNCLEAR, NULL},
};

/* clang-format on */

static void
test_fields(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {0};
		struct identity id;
		struct buf all = {0};
		identity_read(span_of(rows[i].header), &arena, &id);
		for (size_t k = 0; k < id.n; k++)
			buf_putf(
			    &all, "%s%.*s", k ? " " : "", SPAN_ARG(id.addresses[k]));
		if (id.fault != rows[i].fault ||
		    (rows[i].addresses && strcmp(buf_cstr(&all), rows[i].addresses)))
			fail_msg("%s: fault %d, %s", rows[i].header, (int)id.fault,
			    buf_cstr(&all));
		buf_free(&all);
		arena_reset(&arena);
	}
}

static void
test_too_much(void **st)
{
	struct arena arena = {0};
	struct identity id;
	struct buf header = {0};
	(void)st;
	buf_str(&header, "From: ");
	for (int i = 0; i < IDENTITIES_MAX; i++)
		buf_putf(&header, "%sa@x.test", i ? "," : "");
	buf_str(&header, "\r\n");
	size_t n = header.len;
	buf_str(&header, "Sender: a@x.test\r\n");
	identity_read(buf_as_span(&header), &arena, &id);
	assert_int_equal(id.fault, IDENTITY_UNCLEAR);
	buf_cut(&header, n);
	identity_read(buf_as_span(&header), &arena, &id);
	assert_int_equal(id.fault, IDENTITY_NO_SENDER);
	while (header.len <= IDENTITY_HEADER_MAX)
		buf_str(&header, "Comments: more\r\n");
	identity_read(buf_as_span(&header), &arena, &id);
	assert_int_equal(id.fault, IDENTITY_UNCLEAR);
	buf_free(&header);
	arena_reset(&arena);
}

static void
test_long_address(void **st)
{
	struct arena arena = {0};
	struct identity id;
	struct buf header = {0};
	(void)st;
	buf_str(&header, "From: ");
	for (int i = 0; i < 400; i++)
		buf_ch(&header, 'a');
	buf_str(&header, "@x.test\r\n");
	identity_read(buf_as_span(&header), &arena, &id);
	assert_int_equal(id.fault, IDENTITY_UNCLEAR);
	buf_free(&header);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_too_much),
	    cmocka_unit_test(test_long_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
