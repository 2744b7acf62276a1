/* SPDX-License-Identifier: ISC */
/* test_base.c - spans, buffers, readers, ids, dates. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"

static void
test_buf_max_sticks(void **s)
{
	(void)s;
	struct buf b = {.max = 8};
	buf_str(&b, "12345678");
	assert_int_equal(buf_done(&b), E_OK);
	buf_ch(&b, '9');
	buf_cut(&b, 0);
	buf_ch(&b, 'x');
	assert_int_equal(buf_done(&b), E_LIMIT);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
test_rd_reads_what_buf_wrote(void **s)
{
	(void)s;
	struct buf b = {0};
	buf_u8(&b, 7);
	buf_u16(&b, 0x1234);
	buf_u32(&b, 0xdeadbeef);
	buf_u64(&b, UINT64_MAX - 1);
	buf_bytes(&b, SPAN("hello"));
	for (size_t cut = 0; cut < b.len; cut++) {
		struct rd r = rd_of(span_head(buf_as_span(&b), cut));
		rd_u8(&r), rd_u16(&r), rd_u32(&r), rd_u64(&r), rd_str(&r, 5);
		assert_int_equal(rd_end(&r), E_BAD);
	}
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(rd_u8(&r), 7);
	assert_int_equal(rd_u16(&r), 0x1234);
	assert_int_equal(rd_u32(&r), 0xdeadbeef);
	assert_true(rd_u64(&r) == UINT64_MAX - 1);
	assert_true(span_eqs(rd_str(&r, 5), "hello"));
	assert_int_equal(rd_end(&r), E_OK);
	r = rd_of(span_from(buf_as_span(&b), 15));
	assert_int_equal(rd_str(&r, 4).n, 0);
	assert_int_equal(rd_end(&r), E_BAD);
	buf_free(&b);
}

static void
test_rd_copies(void **s)
{
	(void)s;
	struct arena arena = {.max_bytes = 16}; /* of one text */
	struct buf b = {0};
	buf_bytes(&b, SPAN("hello"));
	buf_bytes(&b, SPAN("hello"));
	struct rd r = rd_of(buf_as_span(&b));
	struct span copy = rd_copy(&r, 5, &arena);
	assert_true(span_eqs(copy, "hello"));
	assert_ptr_not_equal(copy.p, b.p + 4);
	assert_int_equal(rd_copy(&r, 5, &arena).n, 0);
	assert_int_equal(rd_u32(&r), 0); /* after the first failure, which is told */
	assert_int_equal(rd_end(&r), E_LIMIT);
	r = rd_of(buf_as_span(&b));
	assert_int_equal(rd_copy(&r, 4, &arena).n, 0);
	assert_int_equal(rd_end(&r), E_BAD);
	arena_reset(&arena);
	buf_free(&b);
}

static void
test_base64(void **s)
{
	static const struct {
		const char *in;
		int result;
		const char *out;
	} rows[] = {
	    {"", E_OK, ""},
	    {"Zg==", E_OK, "f"},
	    {"Zm8=", E_OK, "fo"},
	    {"Zm9v", E_OK, "foo"},
	    {"Zh==", E_BAD, ""},
	    {"Zg=", E_BAD, ""},
	    {"Z===", E_BAD, ""},
	    {"Zg==Zg==", E_BAD, ""},
	    {"Zm 9v", E_BAD, ""},
	    {"====", E_BAD, ""},
	};

	(void)s;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0}, again = {0};
		assert_int_equal(
		    base64_decode(span_of(rows[i].in), &b), rows[i].result);
		if (rows[i].result == E_OK) {
			assert_true(span_eqs(buf_as_span(&b), rows[i].out));
			buf_base64(&again, buf_as_span(&b));
			assert_true(span_eqs(buf_as_span(&again), rows[i].in));
		}
		buf_free(&b);
		buf_free(&again);
	}
}

static void
test_utf8(void **s)
{
	static const struct {
		const char *in;
		bool is_valid;
	} rows[] = {
	    {"plain", true},
	    {"\xc3\xbc", true},
	    {"\xc0\xaf", false},
	    {"\xed\xa0\x80", false},
	    {"\xf0\x9f\x98\x80", true},
	    {"\xf4\x90\x80\x80", false},
	    {"\xe2\x82", false},
	    {"\x80", false},
	    {"\xe0\x80\xaf", false},
	};

	(void)s;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(utf8_valid(span_of(rows[i].in)), rows[i].is_valid);
}

static void
test_ids(void **s)
{
	(void)s;
	struct id a = id_new(), b;
	assert_int_equal(id_parse(span_of(id_text(a)), &b), E_OK);
	assert_true(id_eq(a, b));
	assert_false(id_eq(a, id_new()));
	assert_int_equal(id_parse(SPAN("00"), &b), E_BAD);
	struct file_id f = file_id_of(a, 0x01020304), g;
	assert_string_equal(file_id_text(f) + ID_TEXT, "01020304");
	assert_int_equal(file_id_parse(span_of(file_id_text(f)), &g), E_OK);
	assert_true(file_id_eq(f, g));
}

static void
test_numbers(void **s)
{
	uint64_t v = 0;
	(void)s;
	assert_int_equal(span_u64(SPAN("18446744073709551615"), UINT64_MAX, &v), E_OK);
	assert_int_equal(
	    span_u64(SPAN("18446744073709551616"), UINT64_MAX, &v), E_LIMIT);
	assert_int_equal(span_u64(SPAN("12"), 11, &v), E_LIMIT);
	assert_int_equal(span_u64(SPAN("1x"), 11, &v), E_BAD);
	assert_int_equal(span_u64(SPAN(""), 11, &v), E_BAD);
}

static void
test_log_values_are_safe(void **s)
{
	(void)s;
	assert_string_equal(log_qs("plain@example.test"), "plain@example.test");
	assert_string_equal(log_qs("two words"), "\"two words\"");
	assert_string_equal(log_qs("a\r\nevent=fake"), "\"a\\x0d\\x0aevent=fake\"");
	assert_string_equal(log_qs(""), "\"\"");
	char big[5000];
	memset(big, 'x', sizeof big);
	assert_true(strlen(log_q(span_make(big, sizeof big))) <= LOG_VALUE_MAX + 2);
	memset(big, 1, sizeof big);
	assert_true(strlen(log_q(span_make(big, sizeof big))) <= LOG_VALUE_MAX + 2);
}

static void
test_file_write(void **s)
{
	int full = open("/dev/full", O_WRONLY), file = memfd_create("file", 0);
	char seen[8] = {0};
	(void)s;
	assert_int_equal(file_write(full, SPAN("x")), E_LIMIT);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(file_write(full, SPAN("")), E_OK);
	assert_int_equal(file_write(-1, SPAN("x")), E_IO);
	assert_int_equal(file_write(file, SPAN("abc")), E_OK);
	assert_int_equal(file_write(file, SPAN("de")), E_OK);
	assert_int_equal(pread(file, seen, sizeof seen, 0), 5);
	assert_string_equal(seen, "abcde");
	close(full);
	close(file);
}

static void
test_arena_max(void **s)
{
	struct arena a = {.max_bytes = 8192};
	(void)s;
	assert_non_null(arena_get(&a, 8000));
	assert_null(arena_get(&a, 1000));
	arena_reset(&a);
	assert_string_equal(arena_str(&a, SPAN("again")), "again");
	arena_reset(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buf_max_sticks),
	    cmocka_unit_test(test_rd_reads_what_buf_wrote),
	    cmocka_unit_test(test_rd_copies),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_log_values_are_safe),
	    cmocka_unit_test(test_file_write),
	    cmocka_unit_test(test_arena_max),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
