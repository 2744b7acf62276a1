/* SPDX-License-Identifier: ISC */
/* test_milter_packet.c - packets of the milter protocol: those that are sent, and what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd/policy/milter_packet.h"

#define BYTES(s) span_make(s, sizeof(s) - 1)

static void
assert_put(struct buf *b, struct span want)
{
	assert_int_equal(buf_done(b), E_OK);
	assert_int_equal(b->len, want.n);
	assert_memory_equal(b->p, want.p, want.n);
	buf_reset(b);
}

static void
test_put(void **state)
{
	struct buf b = {0};
	(void)state;
	milter_put_options(&b);
	assert_put(&b, BYTES("\0\0\0\15O\0\0\0\6\0\0\1\xff\0\x1f\xf7\xff"));
	milter_put_connect(&b, SPAN("a.test"), SPAN("192.0.2.1"), 25);
	assert_put(&b, BYTES("\0\0\0\25C"
			     "a.test\0"
			     "4\0\31"
			     "192.0.2.1\0"));
	milter_put_connect(&b, SPAN("x"), SPAN("2001:db8::1"), 0);
	assert_put(&b, BYTES("\0\0\0\22Cx\0"
			     "6\0\0"
			     "2001:db8::1\0"));
	milter_put_connect(&b, SPAN("x"), SPAN("nowhere"), 0);
	assert_put(&b, BYTES("\0\0\0\4Cx\0U"));
	milter_put_strings(&b, MILTER_HELO, &SPAN("a\0b"), 1);
	assert_put(&b, BYTES("\0\0\0\4Hab\0"));
	milter_put_strings(&b, MILTER_QUIT, NULL, 0);
	assert_put(&b, BYTES("\0\0\0\1Q"));
	milter_put_address(&b, MILTER_MAIL, SPAN("a@b"), SPAN(" SIZE=1  X "));
	assert_put(&b, BYTES("\0\0\0\20M<a@b>\0SIZE=1\0X\0"));
	milter_put_address(&b, MILTER_RCPT, SPAN(""), SPAN(""));
	assert_put(&b, BYTES("\0\0\0\4R<>\0"));
	milter_put_header(&b, SPAN("A"), SPAN(" b\r\n\tc\0\r"), false);
	assert_put(&b, BYTES("\0\0\0\11LA\0b\n\tc\r\0"));
	milter_put_header(&b, SPAN("A"), SPAN("  b"), true);
	assert_put(&b, BYTES("\0\0\0\7LA\0  b\0"));
	buf_free(&b);
}

static void
test_macros(void **state)
{
	struct span values[MILTER_MACRO_COUNT] = {0};
	struct buf b = {0};
	(void)state;
	values[MILTER_M_J] = SPAN("host");
	values[MILTER_M_I] = SPAN("1");
	values[MILTER_M_MAIL_ADDR] = SPAN("a@b");
	milter_put_macros(&b, MILTER_AT_CONNECT, (struct span){0}, values);
	assert_put(&b, BYTES("\0\0\0\11DCj\0host\0"));
	milter_put_macros(&b, MILTER_AT_MAIL, (struct span){0}, values);
	assert_put(&b, BYTES("\0\0\0\26DMi\0"
			     "1\0{mail_addr}\0a@b\0"));
	milter_put_macros(&b, MILTER_AT_CONNECT, SPAN("x mail_addr,{nobody}"), values);
	assert_put(&b, BYTES("\0\0\0\22DC{mail_addr}\0a@b\0"));
	milter_put_macros(&b, MILTER_AT_MAIL, SPAN(""), values);
	assert_put(&b, BYTES(""));
	milter_put_macros(&b, MILTER_AT_HELO, (struct span){0}, values);
	assert_put(&b, BYTES(""));
	buf_free(&b);
}

static void
test_packets(void **state)
{
	struct span in = BYTES("\0\0\0\1c\0\0\0\3yab\0\0\0\1");
	struct milter_packet p;
	(void)state;
	assert_int_equal(milter_packet_next(&in, &p), E_OK);
	assert_true(p.kind == 'c' && p.data.n == 0);
	assert_int_equal(milter_packet_next(&in, &p), E_OK);
	assert_true(p.kind == 'y' && span_eqs(p.data, "ab"));
	assert_int_equal(milter_packet_next(&in, &p), E_MORE);
	assert_int_equal(in.n, 4);
	in = BYTES("\0\0\0\0c");
	assert_int_equal(milter_packet_next(&in, &p), E_BAD);
	in = BYTES("\0\2\0\1");
	assert_int_equal(milter_packet_next(&in, &p), E_LIMIT);
	in = BYTES("\0\2\0\0");
	assert_int_equal(milter_packet_next(&in, &p), E_MORE);
}

static const struct {
	struct span data;
	int result;
} options[] = {
    {{"\0\0\0\6\0\0\0\1\0\0\0\1", 12}, E_OK},
    {{"\0\0\0\2\0\0\0\0\0\0\0\0", 12}, E_OK},
    {{"\0\0\0\1\0\0\0\0\0\0\0\0", 12}, E_BAD},
    {{"\0\0\0\7\0\0\0\0\0\0\0\0", 12}, E_BAD},
    {{"\0\0\0\6\0\0\2\0\0\0\0\0", 12}, E_BAD},
    {{"\0\0\0\6\0\0\0\0\0\0\x08\0", 12}, E_BAD},
    {{"\0\0\0\6\0\0\0\0\0\0\0", 11}, E_BAD},
    {{"\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\0i\0", 18}, E_OK},
    {{"\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\0i", 17}, E_BAD},
    {{"\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\7i\0", 18}, E_BAD},
    {{"\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0", 15}, E_BAD},
};

static void
test_options(void **state)
{
	struct milter_options o;
	(void)state;
	for (size_t i = 0; i < COUNT(options); i++) {
		struct milter_packet p = {.kind = 'O', .data = options[i].data};
		if (milter_options_parse(&p, &o) != options[i].result)
			fail_msg("row %zu", i);
		p.kind = 'c';
		assert_int_equal(milter_options_parse(&p, &o), E_BAD);
	}
}

static const struct {
	char kind;
	struct span data;
	int result;
	uint32_t index;
	const char *name, *value;
} answers[] = {
    {'c', {"", 0}, E_OK, 0, "", ""},
    {'c', {"x", 1}, E_BAD, 0, NULL, NULL},
    {'z', {"", 0}, E_BAD, 0, NULL, NULL},
    {'O', {"", 0}, E_BAD, 0, NULL, NULL},
    {'y', {"550 x\0", 6}, E_OK, 0, "550 x", ""},
    {'y', {"550 x", 5}, E_BAD, 0, NULL, NULL},
    {'y', {"550 x\0y", 7}, E_BAD, 0, NULL, NULL},
    {'+', {"<a@b>\0", 6}, E_OK, 0, "<a@b>", ""},
    {'+', {"<a@b>\0x\0", 8}, E_BAD, 0, NULL, NULL},
    {'2', {"<a@b>\0x\0", 8}, E_OK, 0, "<a@b>", "x"},
    {'2', {"<a@b>\0", 6}, E_OK, 0, "<a@b>", ""},
    {'2', {"<a@b>\0x\0y\0", 10}, E_BAD, 0, NULL, NULL},
    {'e', {"<>\0", 3}, E_OK, 0, "<>", ""},
    {'-', {"a@b", 3}, E_BAD, 0, NULL, NULL},
    {'b', {"any\0thing", 9}, E_OK, 0, "", "any"},
    {'h', {"N\0v\0", 4}, E_OK, 0, "N", "v"},
    {'h', {"N\0\0", 3}, E_OK, 0, "N", ""},
    {'h', {"N\0", 2}, E_BAD, 0, NULL, NULL},
    {'h', {"\0v\0", 3}, E_BAD, 0, NULL, NULL},
    {'h', {"N\0v\0x", 5}, E_BAD, 0, NULL, NULL},
    {'i', {"\0\0\1\2N\0v\0", 8}, E_OK, 258, "N", "v"},
    {'m', {"\xff\xff\xff\xffN\0\0", 7}, E_OK, UINT32_MAX, "N", ""},
    {'m', {"\0\0\0", 3}, E_BAD, 0, NULL, NULL},
    {'q', {"why\0", 4}, E_OK, 0, "why", ""},
};

static void
test_answers(void **state)
{
	struct milter_answered a;
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct milter_packet p = {
		    .kind = answers[i].kind, .data = answers[i].data};
		int err = milter_answer_parse(&p, &a);
		bool is_right = err == answers[i].result;
		if (is_right && err == E_OK)
			is_right = a.index == answers[i].index &&
			           span_eqs(a.name, answers[i].name) &&
			           span_starts(a.value, span_of(answers[i].value));
		if (!is_right)
			fail_msg("row %zu: %d", i, err);
	}
}

static const struct {
	const char *text;
	int result;
	unsigned code;
	const char *enhanced, *lines;
} texts[] = {
    {"550 5.7.1 no", E_OK, 550, "5.7.1", "no"},
    {"550 no", E_OK, 550, "", "no"},
    {"550", E_OK, 550, "", ""},
    {"451 4.7.1", E_OK, 451, "4.7.1", ""},
    {"550-5.7.1 a\r\n550 5.7.1 b", E_OK, 550, "5.7.1", "a\nb"},
    {"550-a\n550-b\n550 c\n", E_OK, 550, "", "a\nb\nc"},
    {"550 100%% %1 %", E_OK, 550, "", "100% %1 %"},
    {"550 5.7 x", E_OK, 550, "", "5.7 x"},
    {"550-a\r\n451 b", E_BAD, 0, "", ""},
    {"550-a\r\nb", E_BAD, 0, "", ""},
    {"250 ok", E_BAD, 0, "", ""},
    {"650 ok", E_BAD, 0, "", ""},
    {"55", E_BAD, 0, "", ""},
    {"550x", E_BAD, 0, "", ""},
    {"", E_BAD, 0, "", ""},
};

static void
test_texts(void **state)
{
	struct milter_text t;
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		int err = milter_text_parse(span_of(texts[i].text), &t);
		bool is_right = err == texts[i].result;
		if (is_right && err == E_OK)
			is_right = t.code == texts[i].code &&
			           span_eqs(t.enhanced, texts[i].enhanced) &&
			           span_eqs(buf_as_span(&t.lines), texts[i].lines);
		if (!is_right)
			fail_msg("%s: %d", texts[i].text, err);
		buf_free(&t.lines);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put),
	    cmocka_unit_test(test_macros),
	    cmocka_unit_test(test_packets),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
