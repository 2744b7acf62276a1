/* SPDX-License-Identifier: ISC */
/* test_urlauth.c - tokens of URLs: what holds, what does not, and who is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/urlauth.h"

static const struct span key = {"0123456789abcdef0123456789abcdef", 32};

enum { NOW = 1700000000 /* 2023-11-14T22:13:20Z */ };

static struct imap_url
parsed(struct span text, struct arena *arena)
{
	struct imap_url url;
	assert_int_equal(imap_url_parse(text, arena, &url), E_OK);
	return url;
}

/* As it is made of rump, and with the octet at "at" changed to c. */
static bool
holds(const char *rump, size_t at, char c)
{
	struct arena arena = {.max_bytes = 4096};
	struct buf made = {0};
	struct imap_url url = parsed(span_of(rump), &arena);
	urlauth_put(&made, &url, key);
	assert_true(span_starts(buf_as_span(&made), span_of(rump)));
	if (at < made.len)
		made.p[at] = c;
	url = parsed(buf_as_span(&made), &arena);
	bool is_good = urlauth_holds(&url, key, NOW);
	buf_free(&made);
	arena_reset(&arena);
	return is_good;
}

#define RUMP "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"

static void
test_token(void **state)
{
	(void)state;
	size_t token = sizeof RUMP - 1 + sizeof ":internal:" - 1;
	assert_true(holds(RUMP, SIZE_MAX, 0));
	assert_true(holds(RUMP, sizeof RUMP, 'I')); /* "Internal" */
	assert_false(holds(RUMP, sizeof RUMP, 'X'));
	assert_false(holds(RUMP, 35, '1'));              /* uid */
	assert_false(holds(RUMP, sizeof RUMP - 2, 't')); /* fret */
	assert_false(holds(RUMP, 7, 'J'));               /* as written */
	assert_false(holds(RUMP, token, '0') && holds(RUMP, token, '1'));
	assert_false(holds(RUMP, token + 63, '0') && holds(RUMP, token + 63, '1'));
}

static void
test_token_length(void **state)
{
	static const char *const rows[] = {RUMP, RUMP ":internal:00",
	    RUMP ":internal:91354a473744909de610943775f92038"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = 4096};
		struct imap_url url = parsed(span_of(rows[i]), &arena);
		assert_false(urlauth_holds(&url, key, NOW));
		arena_reset(&arena);
	}
}

static void
test_other_key(void **state)
{
	struct arena arena = {.max_bytes = 4096};
	struct buf made = {0};
	struct imap_url url = parsed(SPAN(RUMP), &arena);
	(void)state;
	urlauth_put(&made, &url, key);
	url = parsed(buf_as_span(&made), &arena);
	assert_true(urlauth_holds(&url, key, NOW));
	assert_false(
	    urlauth_holds(&url, SPAN("0123456789abcdef0123456789abcdeg"), NOW));
	assert_false(urlauth_holds(&url, SPAN(""), NOW));
	buf_free(&made);
	arena_reset(&arena);
}

static void
test_expire(void **state)
{
	static const struct {
		const char *rump;
		bool holds;
	} rows[] = {
	    {"imap://joe@h/m/;uid=1;expire=2023-11-14T22:13:21Z;urlauth=authuser",
		true},
	    {"imap://joe@h/m/;uid=1;expire=2023-11-14T22:13:20Z;urlauth=authuser",
		false},
	    {"imap://joe@h/m/;uid=1;expire=2023-11-15T00:13:21+02:00;urlauth=authuser",
		true},
	    {"imap://joe@h/m/;uid=1;expire=2023-11-15T00:13:19+02:00;urlauth=authuser",
		false},
	    {"imap://joe@h/m/;uid=1;expire=never;urlauth=authuser", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(holds(rows[i].rump, SIZE_MAX, 0), rows[i].holds);
}

static void
test_users(void **state)
{
	struct span account = SPAN("joe@example.com");
	(void)state;
	assert_true(urlauth_is_user(SPAN("joe@example.com"), account));
	assert_true(urlauth_is_user(SPAN("Joe"), account));
	assert_false(urlauth_is_user(SPAN(""), account));
	assert_false(urlauth_is_user(SPAN("joe@example.org"), account));
	assert_false(urlauth_is_user(SPAN("jo"), account));
	assert_false(urlauth_is_user(SPAN("joe@"), account));
	assert_false(urlauth_is_user(SPAN(""), SPAN("@example.com")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_token),
	    cmocka_unit_test(test_token_length), cmocka_unit_test(test_other_key),
	    cmocka_unit_test(test_expire), cmocka_unit_test(test_users)};
	return cmocka_run_group_tests_name("urlauth", tests, NULL, NULL);
}
