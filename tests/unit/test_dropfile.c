/* SPDX-License-Identifier: ISC */
/* test_dropfile.c - files of spool/drop/: what is one, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue/dropfile.h"
#include "tls/hash.h"

static struct rcpt rcpts[2] = {
    {.address = {"a@example.org", 13}, .notify = NOTIFY_FAILURE},
    {.address = {"b@example.org", 13}}};

static struct envelope
envelope_of(struct span message)
{
	struct envelope e = {.size_bytes = message.n,
	    .sender = SPAN("s@example.org"),
	    .n_rcpts = 2,
	    .rcpts = rcpts};
	sha256(message, e.sha256);
	return e;
}

/* What a file with this envelope is to the process that reads it. */
static int
read_back(const struct envelope *e)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope out;
	struct buf b = {0};
	uint32_t n;
	drop_head_put(&b, e);
	struct span lead = span_head(buf_as_span(&b), DROP_LEAD_BYTES),
		    rest = span_from(buf_as_span(&b), DROP_LEAD_BYTES);
	assert_int_equal(drop_lead_get(lead, &n), E_OK);
	assert_int_equal(n, rest.n);
	int err = drop_envelope_get(lead, rest, &arena, &out);
	if (err == E_OK) {
		assert_int_equal(out.n_rcpts, e->n_rcpts);
		assert_true(span_eq(out.sender, e->sender));
	}
	/* any bit of it that is another one makes it nothing */
	for (size_t i = 0; i < b.len * 8 && err == E_OK; i++) {
		b.p[i / 8] ^= (char)(1 << i % 8);
		assert_true(drop_lead_get(lead, &n) != E_OK || n != rest.n ||
			    drop_envelope_get(lead, rest, &arena, &out) == E_BAD);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	arena_reset(&arena);
	buf_free(&b);
	return err;
}

static void
test_head(void **state)
{
	(void)state;
	struct envelope e = envelope_of(SPAN("x\r\n")), bad;
	struct rcpt wrong[1] = {{.address = {"a@example.org", 13}}};
	assert_int_equal(read_back(&e), E_OK);
	bad = e, bad.sender = SPAN("");
	assert_int_equal(read_back(&bad), E_OK);
	bad = e, bad.sender = SPAN("no domain");
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.n_rcpts = 0;
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.flags = ENV_DROPPED;
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.account = SPAN("anna@example.org");
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.client = SPAN("drop/0");
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.head_bytes = 1;
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.ret = 3;
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.envid = SPAN("+zz");
	assert_int_equal(read_back(&bad), E_BAD);
	bad = e, bad.rcpts = wrong, bad.n_rcpts = 1;
	assert_int_equal(read_back(&bad), E_OK);
	wrong[0].state = RCPT_DONE;
	assert_int_equal(read_back(&bad), E_BAD);
	wrong[0].state = RCPT_WAITING, wrong[0].notify = NOTIFY_NEVER | NOTIFY_DELAY;
	assert_int_equal(read_back(&bad), E_BAD);
	wrong[0].notify = 0, wrong[0].orcpt = SPAN("no type");
	assert_int_equal(read_back(&bad), E_BAD);
}

static void
test_lead(void **state)
{
	(void)state;
	char lead[DROP_LEAD_BYTES] = "MERPDRP1\xff\xff\xff\x7f";
	uint32_t n;
	assert_int_equal(drop_lead_get(span_make(lead, sizeof lead), &n), E_LIMIT);
	assert_int_equal(drop_lead_get(span_make(lead, sizeof lead - 1), &n), E_BAD);
	lead[7] = '2';
	assert_int_equal(drop_lead_get(span_make(lead, sizeof lead), &n), E_BAD);
}

static void
test_addresses(void **state)
{
	(void)state;

	static const struct {
		const char *text;
		bool is_sound;
	} rows[] = {{"a@b", true}, {"a.b+c@example.org", true},
	    {"\"a@b\"@example.org", true}, {"a@[127.0.0.1]", true},
	    {"a@[IPv6:::1]", true}, {"\xc3\xa4@\xc3\xb6.example", true}, {"a", false},
	    {"@b", false}, {"a@", false}, {"a b@c", false}, {"a@b@c", false},
	    {"\"a b\"@c", false}, {"<a@b", false}, {"a@b>", false}, {"a@b\r\n", false},
	    {"a\x01@b", false}, {"\xff@b", false}, {"a@b!c", false}, {"a@-b", false},
	    {"a@.b", false}, {"a,b@c", false}, {"", false}};

	char longest[ENVELOPE_PATH_MAX + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    drop_address_is_sound(span_of(rows[i].text)), rows[i].is_sound);
	assert_false(drop_address_is_sound(span_make("a\0@b", 4)));
	memset(longest, 'x', sizeof longest);
	longest[64] = '@';
	assert_true(drop_address_is_sound(span_make(longest, ENVELOPE_PATH_MAX)));
	assert_false(drop_address_is_sound(span_make(longest, ENVELOPE_PATH_MAX + 1)));
}

static void
test_scan(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned hops;
	} rows[] = {{"a: b\r\n\r\nc\r\n", E_OK, 0},
	    {"received: x\r\nRECEIVED: y\r\n z\r\nx-received: no\r\nreceived-by: "
	     "no\r\n\r\nReceived: no\r\n",
		E_OK, 2},
	    {"a\nb\r\n", E_BAD, 0}, {"a\rb\r\n", E_BAD, 0}, {"a\r\n\n", E_BAD, 0},
	    {"a\r\r\n", E_BAD, 0}, {"a\r", E_BAD, 0}, {"a", E_BAD, 0}, {"", E_BAD, 0},
	    {"\r\nReceived: no\r\n", E_OK, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct drop_scan whole = {0}, bytes = {0};
		struct span s = span_of(rows[i].text);
		drop_scan_feed(&whole, s);
		for (; s.n; s = span_from(s, 1))
			drop_scan_feed(&bytes, span_head(s, 1));
		assert_int_equal(drop_scan_end(&whole), rows[i].result);
		assert_int_equal(drop_scan_end(&bytes), rows[i].result);
		assert_int_equal(whole.n_received, rows[i].hops);
		assert_int_equal(bytes.n_received, rows[i].hops);
	}
	struct drop_scan loop = {0};
	for (int i = 0; i <= DROP_HOPS_MOST; i++)
		drop_scan_feed(&loop, SPAN("Received: x\r\n"));
	assert_int_equal(drop_scan_end(&loop), E_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_head),
	    cmocka_unit_test(test_lead), cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_scan)};
	return cmocka_run_group_tests_name("dropfile", tests, NULL, NULL);
}
