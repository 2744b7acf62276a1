/* SPDX-License-Identifier: ISC */
/* test_imap_filter.c - which mailboxes ESEARCH and NOTIFY are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "imapd/mailbox_filter.h"

enum { ARENA_MAX = 1 << 20, ANY = 255, SEARCHED = ANY & ~FILTER_SELECTED_DELAYED };

/* a mailbox of each kind; a letter each where it is found */
static const struct {
	char letter;
	const char *name;
	bool is_subscribed, is_selected;
} mailboxes[] = {
    {'i', "INBOX", true, false},
    {'a', "a", false, true},
    {'b', "a/b", true, false},
    {'c', "a/b/c", false, false},
    {'d', "a-b", false, false},
    {'*', "*", false, false},
};

/* clang-format off */
static const struct {
	const char *text;
	unsigned kinds;
	const char *found; /* NULL: E_BAD */
	const char *rest;
} rows[] = {
	{"selected", ANY, "a", ""},
	{"SELECTED-DELAYED", ANY, "a", ""},
	{"SELECTED-DELAYED", SEARCHED, NULL, ""},
	{"personal)", ANY, "iabcd*", ")"},
	{"inboxes", ANY, "iabcd*", ""},
	{"subscribed", ANY, "ib", ""},
	{"subtree a", ANY, "abc", ""},
	{"subtree-one a", ANY, "ab", ""},
	{"mailboxes a", ANY, "a", ""},
	{"mailboxes (a inbox nobody)", ANY, "ia", ""},
	{"mailboxes (\"a/b\" {1+}\r\na)", ANY, "ab", ""},
	{"mailboxes *", ANY, NULL, ""},
	{"mailboxes \"*\"", ANY, "*", ""}, /* RFC 5465 6.6: no wildcard */
	{"mailboxes INBOX subtree a/b selected", ANY, "iabc", ""},
	{"mailboxes personal personal", ANY, "iabcd*", ""},
	{"subtree", ANY, NULL, ""},
	{"subtree (", ANY, NULL, ""},
	{"subtree ()", ANY, NULL, ""},
	{"subtree (a", ANY, NULL, ""},
	{"subtree (a  b)", ANY, NULL, ""},
	{"personal ", ANY, NULL, ""},
	{"personals", ANY, NULL, ""},
	{"", ANY, NULL, ""},
};

/* clang-format on */

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = ARENA_MAX};
		struct parse p = {.in = span_of(rows[i].text), .arena = &arena};
		struct filter *filters;
		struct buf found = {0};
		int err = filters_parse(&p, rows[i].kinds, &filters);
		assert_int_equal(err, rows[i].found ? E_OK : E_BAD);
		for (size_t k = 0; k < COUNT(mailboxes) && err == E_OK; k++)
			if (filters_have(filters,
				&(struct filter_mailbox){span_of(mailboxes[k].name),
				    mailboxes[k].is_subscribed,
				    mailboxes[k].is_selected}))
				buf_ch(&found, mailboxes[k].letter);
		assert_string_equal(
		    buf_cstr(&found), rows[i].found ? rows[i].found : "");
		assert_true(span_eqs(p.in, err == E_OK ? rows[i].rest : rows[i].text));
		buf_free(&found);
		arena_reset(&arena);
	}
}

/* so many of it behind each other */
static int
many(const char *before, const char *one, size_t n, const char *behind)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct filter *filters;
	struct buf text = {0};
	buf_str(&text, before);
	for (size_t i = 0; i < n; i++)
		buf_putf(&text, "%s%s", i ? " " : "", one);
	buf_str(&text, behind);
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	int err = filters_parse(&p, ANY, &filters);
	buf_free(&text);
	arena_reset(&arena);
	return err;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(many("mailboxes (", "a", FILTER_NAMES_MOST, ")"), E_OK);
	assert_int_equal(many("mailboxes (", "a", FILTER_NAMES_MOST + 1, ")"), E_BAD);
	assert_int_equal(many("", "personal", FILTERS_MOST, ""), E_OK);
	assert_int_equal(many("", "personal", FILTERS_MOST + 1, ""), E_BAD);
	assert_int_equal(
	    many("mailboxes (", "a", FILTER_NAMES_MOST, ") subtree a"), E_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows), cmocka_unit_test(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
