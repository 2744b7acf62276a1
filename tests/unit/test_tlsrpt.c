/* SPDX-License-Identifier: ISC */
/* test_tlsrpt.c - records of who wants reports on TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/tlsrpt.h"

#define V "v=TLSRPTv1;"
#define LOCAL64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *records[3];
	const char *targets; /* NULL: nobody wants reports */
} records[] = {
    {{V "rua=mailto:tls@example.test"}, "<tls@example.test>"},
    {{V " rua=mailto:tls@example.test;"}, "<tls@example.test>"},
    {{"v=TLSRPTv1\t; rua=mailto:a@b.test ; "}, "<a@b.test>"},
    {{V " rua=mailto:a@b.test,https://c.test/v1 , mailto:d@e.test"},
	"<a@b.test> c.test/v1 <d@e.test>"},
    {{V " rua=mailto:a@b.test; x=y; rua=https://c.test"}, "<a@b.test> c.test/"},
    {{V " rua=https://c.test:443/a?b=%2C"}, "c.test/a?b=%2C"},
    {{V " rua=https://c.test?b"}, "c.test?b"},
    {{V " rua=HTTPS://c.test/,MAILTO:a@b.test"}, "c.test/ <a@b.test>"},
    {{V " rua=mailto:a%2bc%21@b.test?subject=x"}, "<a+c!@b.test>"},
    {{V " rua=mailto:" LOCAL64 "@b.test"}, "<" LOCAL64 "@b.test>"},
    {{V " rua=mailto:a@b.test,,ftp://x.test"}, "<a@b.test>"},
    {{V " rua=https://c.test:444/,mailto:a@b.test"}, "<a@b.test>"},
    {{V " rua=https://u@c.test/,mailto:a@b.test"}, "<a@b.test>"},
    {{V " rua=https://[::1]/,mailto:a@b.test"}, "<a@b.test>"},
    {{V " rua=https://c.test/#x,mailto:a@b.test"}, "<a@b.test>"},
    {{V " rua=https:///x,mailto:a@b.test"}, "<a@b.test>"},
    {{V " rua="
	"mailto:a1@b.test,mailto:a2@b.test,mailto:a3@b.test,mailto:a4@b.test,mailto:a5@"
	"b.test,mailto:a6@b.test,"
	"mailto:a7@b.test,mailto:a8@b.test,mailto:a9@b.test"},
	"<a1@b.test> <a2@b.test> <a3@b.test> <a4@b.test> <a5@b.test> <a6@b.test> "
	"<a7@b.test> <a8@b.test>"},
    {{V " rua=mailto:a@b.test", "hello", "v=TLSRPTv2; rua=mailto:c@b.test"},
	"<a@b.test>"},
    {{V " rua=mailto:a@b.test", V " rua=mailto:a@b.test"}, NULL},
    {{V " rua=mailto:0" LOCAL64 "@b.test"}, NULL},
    {{V " rua=mailto:a%0d%0ab@b.test"}, NULL},
    {{V " rua=mailto:a%3"}, NULL},
    {{V " rua=mailto:a%zz@b.test"}, NULL},
    {{V " rua=mailto:%22a%22@b.test"}, NULL},
    {{V " rua=mailto:a..b@c.test"}, NULL},
    {{V " rua=mailto:.a@c.test"}, NULL},
    {{V " rua=mailto:a@"}, NULL},
    {{V " rua=mailto:@c.test"}, NULL},
    {{V " rua=mailto:a"}, NULL},
    {{V " rua=mailto:a@b.test;;"}, NULL},
    {{V " _x=1; rua=mailto:a@b.test"}, NULL},
    {{V " rua="}, NULL},
    {{V " RUA=mailto:a@b.test"}, NULL},
    {{V " x=y"}, NULL},
    {{V}, NULL},
    {{"v=TLSRPTv1 rua=mailto:a@b.test"}, NULL},
    {{"V=TLSRPTv1; rua=mailto:a@b.test"}, NULL},
    {{" v=TLSRPTv1; rua=mailto:a@b.test"}, NULL},
    {{"rua=mailto:a@b.test; v=TLSRPTv1"}, NULL},
    {{""}, NULL},
};

static void
write_targets(const struct tlsrpt_record *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct tlsrpt_target *t = &r->targets[i];
		buf_str(out, i ? " " : "");
		if (t->address.n)
			buf_putf(out, "<%.*s>", SPAN_ARG(t->address));
		else
			buf_putf(out, "%.*s%.*s", SPAN_ARG(t->host), SPAN_ARG(t->path));
	}
}

static void
test_records(void **state)
{
	struct buf text = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		struct arena arena = {.max_bytes = 1 << 16};
		struct dns_record txt[3];
		struct tlsrpt_record r;
		size_t n = 0;
		for (; n < COUNT(txt) && records[i].records[n]; n++)
			txt[n] =
			    (struct dns_record){.data = span_of(records[i].records[n])};
		int err = tlsrpt_record(txt, n, &arena, &r);
		buf_reset(&text);
		write_targets(&r, &text);
		if (err != (records[i].targets ? E_OK : E_BAD) ||
		    (err == E_OK && strcmp(buf_cstr(&text), records[i].targets) != 0))
			fail_msg(
			    "%s: %d %s", records[i].records[0], err, buf_cstr(&text));
		arena_reset(&arena);
	}
	buf_free(&text);
}

static void
test_no_memory(void **state)
{
	struct arena arena = {.max_bytes = 1};
	struct dns_record txt = {.data = SPAN(V " rua=mailto:a@b.test")};
	struct tlsrpt_record r;
	(void)state;
	assert_int_equal(tlsrpt_record(&txt, 1, &arena, &r), E_LIMIT);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
