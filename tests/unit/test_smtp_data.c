/* SPDX-License-Identifier: ISC */
/*
 * test_smtp_data.c - dot-unstuffing, bare CR and LF, what the header says; whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "smtpd/data.h"

static const struct {
	const char *in;
	bool has_end;
	const char *message, *rest;
	bool has_bare;
} rows[] = {
    {".\r\n", true, "", "", false},
    {"a\r\n.\r\n", true, "a\r\n", "", false},
    {"a\r\n.\r\nQUIT\r\n", true, "a\r\n", "QUIT\r\n", false},
    {"..\r\n.\r\n", true, ".\r\n", "", false},
    {"...a\r\n.\r\n", true, "..a\r\n", "", false},
    {".a\r\n.\r\n", true, "a\r\n", "", false},
    {"a\r\n..b\r\nc.\r\n.d\r\n.\r\nx", true, "a\r\n.b\r\nc.\r\nd\r\n", "x", false},
    {"\r\n\r\n.\r\n", true, "\r\n\r\n", "", false},
    {"a\n.\n", false, "a\n.\n", "", true},
    {"a\n.\r\nb\r\n.\r\n", true, "a\n.\r\nb\r\n", "", true},
    {"a\r\n.\nb\r\n.\r\n", true, "a\r\n\nb\r\n", "", true},
    {"a\r\n.\rb\r\n.\r\n", true, "a\r\n\rb\r\n", "", true},
    {"a\r\n.\r\rb\r\n.\r\n", true, "a\r\n\r\rb\r\n", "", true},
    {"a\r.\r\n.\r\n", true, "a\r.\r\n", "", true},
    {"a\r\r\n.\r\n", true, "a\r\r\n", "", true},
    {"\n.\r\n.\r\n", true, "\n.\r\n", "", true},
    {"\ra\r\n.\r\n", true, "\ra\r\n", "", true},
    {"a\r\n.", false, "a\r\n", "", false},
    {"a\r\n.\r", false, "a\r\n", "", true},
    {"abc", false, "abc", "", false},
};

/* Feeds in steps of step bytes; what is left of the input after the end, or nothing. */
static struct span
feed(struct data_scan *d, struct span in, size_t step, struct buf *out, bool *has_end)
{
	*has_end = false;
	while (in.n && !*has_end) {
		struct span part = span_head(in, step), piece;
		size_t given = part.n;
		enum data_event e;
		while ((e = data_next(d, &part, &piece)) == DATA_PIECE)
			buf_span(out, piece);
		*has_end = e == DATA_END;
		in = span_from(in, given - part.n);
	}
	return in;
}

static void
test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t step = 1; step <= strlen(rows[i].in); step++) {
			struct data_scan d = {0};
			struct buf out = {0};
			bool has_end;
			struct span rest =
			    feed(&d, span_of(rows[i].in), step, &out, &has_end);
			print_message("row %zu, %zu bytes a step\n", i, step);
			assert_int_equal(has_end, rows[i].has_end);
			assert_string_equal(buf_cstr(&out), rows[i].message);
			assert_true(span_eqs(rest, rows[i].rest));
			if (has_end)
				assert_int_equal(data_has_bare(&d), rows[i].has_bare);
			buf_free(&out);
		}
}

/* What is stored where bare CR and LF are taken: no CR and no LF in it but CRLF. */
static const struct {
	const char *in, *out;
	bool ends_in_cr;
} blanks[] = {
    {"", "", false},
    {"a\r\nb\r\n", "a\r\nb\r\n", false},
    {"a\nb", "a b", false},
    {"a\rb", "a b", false},
    {"\n.\n", " . ", false},
    {"\r.\r\n", " .\r\n", false},
    {"a\n.\r\n", "a .\r\n", false},
    {"a\r\n.\nb", "a\r\n. b", false},
    {"\r\r\n", " \r\n", false},
    {"\r\n\n", "\r\n ", false},
    {"\n\r", " ", true},
    {"\r\r\r", "  ", true},
    {"a\r", "a", true},
};

static void
test_blanks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(blanks); i++)
		for (size_t step = 1; step <= strlen(blanks[i].in) + 1; step++) {
			struct span in = span_of(blanks[i].in), part, piece;
			struct buf out = {0};
			bool has_cr = false;
			for (; in.n; in = span_from(in, step)) {
				part = span_head(in, step);
				while (blank_next(&has_cr, &part, &piece))
					buf_span(&out, piece);
			}
			print_message("blanks %zu, %zu bytes a step\n", i, step);
			assert_string_equal(buf_cstr(&out), blanks[i].out);
			assert_int_equal(has_cr, blanks[i].ends_in_cr);
			buf_free(&out);
		}
}

static const struct {
	size_t n; /* octets of a line */
	const char *before, *behind;
	bool is_long;
} lengths[] = {
    {998, "", "\r\n", false},
    {999, "", "\r\n", true},
    {998, "a\r\n", "\r\nb\r\n", false},
    {999, "a\r\n", "\r\nb\r\n", true},
    {997, "\n", "\r\n", false}, /* a bare LF is an octet of the line */
    {998, "\n", "\r\n", true},
};

/* By DATA and by BDAT, in pieces of some sizes. */
static void
test_line_lengths(void **state)
{
	static const size_t steps[] = {1, 7, 997, 998, 999, 1000, 5000};
	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++)
		for (size_t k = 0; k < COUNT(steps); k++) {
			struct data_scan dotted = {0}, plain = {0};
			struct buf in = {0}, out = {0};
			bool has_end;
			buf_str(&in, lengths[i].before);
			for (size_t j = 0; j < lengths[i].n; j++)
				buf_ch(&in, 'x');
			buf_str(&in, lengths[i].behind);
			for (struct span s = buf_as_span(&in); s.n;
			     s = span_from(s, steps[k]))
				data_plain(&plain, span_head(s, steps[k]));
			buf_str(&in, ".\r\n");
			feed(&dotted, buf_as_span(&in), steps[k], &out, &has_end);
			assert_true(has_end);
			print_message("length %zu, steps of %zu\n", i, steps[k]);
			assert_int_equal(data_has_long(&dotted), lengths[i].is_long);
			assert_int_equal(data_has_long(&plain), lengths[i].is_long);
			buf_free(&in);
			buf_free(&out);
		}
}

/* BINARYMIME: rules for the header alone. */
static void
test_binary_heads(void **state)
{
	static const struct {
		const char *in;
		bool has_bare;
	} heads[] = {
	    {"a: b\r\n\r\n\n.\n\r.\r", false},
	    {"a: b\r\n\r\n", false},
	    {"\r\n\n", false},
	    {"a: b\n\r\n", true},
	    {"a: b\r\n\nc\r\n\r\n", true},
	    {"a: b\rc\r\n\r\n", true},
	    {"a: b\r\n\r", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++)
		for (size_t step = 1; step <= strlen(heads[i].in); step++) {
			struct data_scan d = {0};
			for (struct span s = span_of(heads[i].in); s.n;
			     s = span_from(s, step))
				data_head(&d, span_head(s, step));
			assert_int_equal(data_has_bare(&d), heads[i].has_bare);
		}
}

static void
test_long_runs(void **state)
{
	struct buf in = {0}, want = {0};
	(void)state;
	for (int i = 0; i < 2000; i++) {
		const char *dot = i % 7 ? "" : ".";
		buf_putf(&in, "%s%sline %d\r\n", dot, dot, i);
		buf_putf(&want, "%sline %d\r\n", dot, i);
	}
	buf_str(&in, ".\r\n");
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		struct data_scan d = {0};
		struct buf out = {0};
		bool has_end;
		feed(&d, buf_as_span(&in), step, &out, &has_end);
		assert_true(has_end && !data_has_bare(&d));
		assert_true(span_eq(buf_as_span(&out), buf_as_span(&want)));
		buf_free(&out);
	}
	buf_free(&in);
	buf_free(&want);
}

static const struct {
	const char *in;
	bool has_bare;
} plains[] = {
    {"", false},
    {"a\r\nb\r\n", false},
    {".\r\n", false},
    {"a\nb", true},
    {"a\rb", true},
    {"a\r", true},
    {"\n", true},
};

static void
test_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plains); i++)
		for (size_t step = 1; step < 8; step++) {
			struct data_scan d = {0};
			struct span in = span_of(plains[i].in);
			for (; in.n; in = span_from(in, step < in.n ? step : in.n))
				data_plain(&d, span_head(in, step));
			assert_int_equal(data_has_bare(&d), plains[i].has_bare);
		}
}

static const struct {
	const char *in;
	uint32_t n_received;
	bool has_date, has_message_id, is_over;
} heads[] = {
    {"", 0, false, false, false},
    {"\r\n", 0, false, false, true},
    {"Received: a\r\nrecEIVED : b\r\n c\r\nX: y\r\n\r\nReceived: d\r\n", 2, false,
	false, true},
    {"Received: a\r\n Received: folded\r\n\tReceived: b\r\n", 1, false, false, false},
    {"Date: x\r\nMessage-ID: <a@b>\r\n\r\n", 0, true, true, true},
    {"DATE:x\r\nX-Message-ID: y\r\nResent-Date: z\r\n\r\n", 0, true, false, true},
    {"no field\r\nDate: x\r\n", 0, false, false, true},
    {"Received-But-Much-Longer: x\r\nDate:\r\n", 0, true, false, false},
};

static void
test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++)
		for (size_t step = 1; step <= strlen(heads[i].in) + 1; step++) {
			struct head_scan h = {0};
			struct span in = span_of(heads[i].in);
			for (; in.n; in = span_from(in, step < in.n ? step : in.n))
				head_feed(&h, span_head(in, step));
			print_message("row %zu, %zu bytes a step\n", i, step);
			assert_int_equal(h.n_received, heads[i].n_received);
			assert_int_equal(h.has_date, heads[i].has_date);
			assert_int_equal(h.has_message_id, heads[i].has_message_id);
			assert_int_equal(h.is_over, heads[i].is_over);
		}
}

static const struct {
	const char *in;
	bool is_optional;
} tls_required[] = {
    {"TLS-Required: No\r\n\r\n", true},
    {"TLS-Required: No\r\nSubject: x\r\n\r\n", true},
    {"From: a\r\ntls-required:NO \r\n\r\nTLS-Required: No\r\n", true},
    {"TLS-Required : \tno\r\n\r\n", true},
    {"TLS-Required:\r\n No\r\n\r\n", true},
    {"TLS-Required: No\r\n", true},
    {"TLS-Required: No\r\n \r\nX: y\r\n\r\n", true},
    {"", false},
    {"TLS-Required:\r\n\r\n", false},
    {"TLS-Required: Yes\r\n\r\n", false},
    {"TLS-Required: Not\r\n\r\n", false},
    {"TLS-Required: N o\r\n\r\n", false},
    {"TLS-Required: No\r\n not\r\n\r\n", false},
    {"TLS-Required: No No\r\n\r\n", false},
    {"TLS-Required: No\r\nTLS-Required: No\r\n\r\n", false},
    {"TLS-Required: No\r\nTLS-Required: x\r\n", false},
    {"TLS-Required: No\r\nTLS-Required: No\r\nTLS-Required: No\r\n\r\n", false},
    {"TLS-Required: Yes\r\n: No\r\n\r\n", false},
    {"X-TLS-Required: No\r\n\r\n", false},
    {"Subject: a\r\n TLS-Required: No\r\n\r\n", false},
    {"Subject: a\r\n\r\nTLS-Required: No\r\n", false},
};

/* RFC 8689 3 */
static void
test_tls_required(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tls_required); i++)
		for (size_t step = 1; step <= strlen(tls_required[i].in) + 1; step++) {
			struct head_scan h = {0};
			struct span in = span_of(tls_required[i].in);
			for (; in.n; in = span_from(in, step < in.n ? step : in.n))
				head_feed(&h, span_head(in, step));
			if (head_has_tls_optional(&h) != tls_required[i].is_optional)
				fail_msg("row %zu, %zu bytes a step", i, step);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_long_runs),
	    cmocka_unit_test(test_blanks),
	    cmocka_unit_test(test_line_lengths),
	    cmocka_unit_test(test_binary_heads),
	    cmocka_unit_test(test_plain),
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_tls_required),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
