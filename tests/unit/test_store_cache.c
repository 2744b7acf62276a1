/* SPDX-License-Identifier: ISC */
/* test_store_cache.c - what is kept of messages, and the file that it is kept in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store_home.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- the cache ---- */

static void
test_cache(void **state)
{
	struct home *h = *state;
	struct incoming m;
	char item[3000];
	memset(item, 'c', sizeof item);
	message_begin(h->a, &m, 1);
	m.cache = SPAN("made at APPEND");
	assert_int_equal(store_append(h->a, SPAN("INBOX"), &m, 1, NULL, NULL), STORE_DONE);
	incoming_drop(&m);
	append(h->a, "INBOX", 2);
	struct store_view v = selected(h->a, "INBOX"), w = selected(h->b, "INBOX");
	assert_true(span_eqs(store_cache(h->b, &w.records[0]), "made at APPEND"));
	assert_int_equal(store_cache(h->b, &w.records[1]).n, 0);
	uint64_t modseq = w.head->modseq;
	store_cache_put(h->b, &w, &w.records[1], span_make(item, sizeof item));
	store_cache_put(h->b, &w, &w.records[0], SPAN("second, and too late"));
	store_cache_flush(h->b);
	assert_int_equal(store_sync(h->b), E_OK);
	assert_true(span_eq(store_cache(h->a, &v.records[1]), span_make(item, sizeof item)));
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	assert_int_equal(w.head->modseq, modseq);
	/* a copy has it too */
	struct numset uids = set_of(1, 2);
	struct store_copied c;
	assert_int_equal(store_copy(h->a, v.mailbox, &uids, SPAN("Sent"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&uids);
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	assert_true(span_eqs(store_cache(h->a, &v.records[0]), "made at APPEND"));
	store_unselect(h->a, &v);
	v = selected(h->a, "Sent");
	/* one whose bytes are not what they were is none */
	FILE *f = fopen("index/cache.1", "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 16 + 48 + 3, SEEK_SET), 0);
	assert_int_equal(fputc('X', f), 'X');
	fclose(f);
	assert_int_equal(store_cache(h->a, &v.records[0]).n, 0);
	assert_int_equal(store_cache(h->a, &v.records[1]).n, sizeof item);
	store_unselect(h->a, &v);
	store_unselect(h->b, &w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_cache)};
	return cmocka_run_group_tests_name("store_cache", tests, NULL, NULL);
}
