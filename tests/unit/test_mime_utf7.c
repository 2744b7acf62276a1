/* SPDX-License-Identifier: ISC */
/* test_mime_utf7.c - modified UTF-7, both ways, strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/utf7.h"

struct row {
	const char *utf7, *utf8; /* utf8 NULL: bad */
};

/* clang-format off */
static const struct row rows[] = {
	{"",                              ""},
	{"INBOX",                         "INBOX"},
	{"Tom & Jerry",                   NULL},
	{"Tom &- Jerry",                  "Tom & Jerry"},
	/* RFC 3501 5.1.3 */
	{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"&Jjo-!",                        "\xe2\x98\xba!"},
	{"&Jjo!",                         NULL},
	{"&U,BTFw-&ZeVnLIqe-",            NULL},   /* superfluous shift */
	{"&U,BTF2XlZyyKng-",              "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	/* one, two, three characters: bits left over */
	{"&AOk-",                         "\xc3\xa9"},
	{"&AOkA6Q-",                      "\xc3\xa9\xc3\xa9"},
	{"&AOkA6QDp-",                    "\xc3\xa9\xc3\xa9\xc3\xa9"},
	{"a&AOk-b&AOk-",                  "a\xc3\xa9" "b\xc3\xa9"},
	{"&-&-",                          "&&"},
	{"&AOk-&-",                       "\xc3\xa9&"},
	{"&-&AOk-",                       "&\xc3\xa9"},
	{"&2D3cJg-",                      "\xf0\x9f\x90\xa6"},   /* a surrogate pair */
	{"&AAk-",                         "\t"},
	/* bad */
	{"&",                             NULL},
	{"&AOk",                          NULL},
	{"&A-",                           NULL},   /* too few bits */
	{"&AO-",                          NULL},
	{"&AOkA-",                        NULL},   /* six bits too many */
	{"&AOl-",                         NULL},   /* bits left that are not 0 */
	{"&AGE-",                         NULL},   /* "a" needs no shift */
	{"&ACY-",                         NULL},   /* nor does "&" */
	{"&2D0-",                         NULL},   /* half a pair */
	{"&3CY-",                         NULL},
	{"&2D3YPQ-",                      NULL},
	{"&2D0A6Q-",                      NULL},
	{"&AO/-",                         NULL},   /* "/" is no digit here */
	{"&AO =-",                        NULL},
	{"caf\xc3\xa9",                   NULL},
	{"a\tb",                          NULL},
	{"a\x7f",                         NULL},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0}, back = {0};
		size_t n = strlen(rows[i].utf7);
		char *utf7 = malloc(n ? n : 1); /* no byte past its end */
		assert_non_null(utf7);
		memcpy(utf7, rows[i].utf7, n);
		int err = utf7_to_utf8(span_make(utf7, n), &out);
		if (err != (rows[i].utf8 ? E_OK : E_BAD))
			fail_msg("%s: %s", rows[i].utf7, err_name(err));
		if (err == E_OK) {
			assert_string_equal(buf_cstr(&out), rows[i].utf8);
			assert_int_equal(
			    utf7_from_utf8(buf_as_span(&out), &back), E_OK);
			/* there is one way to write a name */
			assert_string_equal(buf_cstr(&back), rows[i].utf7);
		}
		buf_free(&out);
		buf_free(&back);
		free(utf7);
	}
}

static void
test_not_utf8(void **st)
{
	(void)st;
	struct buf out = {0};
	assert_int_equal(utf7_from_utf8(SPAN("a\xff"), &out), E_BAD);
	assert_int_equal(utf7_from_utf8(SPAN("\xed\xa0\x80"), &out), E_BAD);
	buf_free(&out);
}

static void
test_limit(void **st)
{
	(void)st;
	struct buf out = {.max = 4};
	assert_int_equal(utf7_from_utf8(SPAN("\xc3\xa9"), &out), E_LIMIT);
	buf_free(&out);
	assert_int_equal(utf7_to_utf8(SPAN("INBOX"), &out), E_LIMIT);
	buf_free(&out);
	assert_int_equal(utf7_to_utf8(SPAN("&AOk-"), &out), E_OK);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_not_utf8),
	    cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests_name("mime_utf7", tests, NULL, NULL);
}
