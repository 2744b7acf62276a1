/* SPDX-License-Identifier: ISC */
/* test_deliver_order.c - what placers and agents tell each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/order.h"
#include "proc/ask.h"

static void
test_addresses(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {{"a@b", true}, {"\"a b\"@c", true}, {"a", false}, {"@b", false},
	    {"a@", false}, {"a@b c", false}, {"a\r\nb@c", false}, {"a<b>@c", false},
	    {"", false}};
	struct buf longest = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    envelope_address_check(span_of(rows[i].text)), rows[i].is_good);
	for (size_t i = 0; i < ENVELOPE_PATH_MAX - 2; i++)
		buf_ch(&longest, 'x');
	buf_str(&longest, "@b");
	assert_true(envelope_address_check(buf_as_span(&longest)));
	buf_ch(&longest, 'b');
	assert_false(envelope_address_check(buf_as_span(&longest)));
	buf_free(&longest);
}

static void
test_order(void **state)
{
	const struct agent_order o = {.id = {{1, 2}},
	    .size_bytes = 99,
	    .address = SPAN("u@d"),
	    .to = SPAN("u+x@d"),
	    .orig_to = SPAN("alias@d"),
	    .is_own = true,
	    .sender = SPAN("s@e"),
	    .account = SPAN("login"),
	    .envid = SPAN("QQ"),
	    .orcpt = SPAN("rfc822;x"),
	    .ret = RET_FULL,
	    .notify = NOTIFY_FAILURE};
	struct agent_order out;
	struct buf text = {0};
	(void)state;
	order_put(&text, &o);
	size_t head = text.len;
	buf_str(&text, "Subject: x\r\n\r\n");
	assert_int_equal(order_get(buf_as_span(&text), &out), E_OK);
	assert_true(file_id_eq(out.id, o.id) && out.size_bytes == 99 && out.is_own);
	assert_true(span_eq(out.address, o.address) && span_eq(out.to, o.to));
	assert_true(span_eq(out.orig_to, o.orig_to) && span_eq(out.sender, o.sender));
	assert_true(span_eq(out.account, o.account) && span_eq(out.envid, o.envid));
	assert_true(span_eq(out.orcpt, o.orcpt) && out.ret == o.ret);
	assert_int_equal(out.notify, o.notify);
	assert_true(span_eqs(out.message, "Subject: x\r\n\r\n"));
	for (size_t n = 0; n < head; n++)
		assert_int_equal(
		    order_get(span_head(buf_as_span(&text), n), &out), E_BAD);
	buf_free(&text);
}

/* ---- answers ---- */

static int
again(const struct agent_answer *a, struct arena *arena, struct agent_answer *out)
{
	static struct buf text;
	buf_reset(&text);
	answer_put(&text, a);
	for (size_t n = 0; n < text.len; n++)
		assert_int_not_equal(
		    answer_get(span_head(buf_as_span(&text), n), arena, out), E_OK);
	return answer_get(buf_as_span(&text), arena, out);
}

static void
test_answer(void **state)
{
	struct span rcpts[] = {SPAN("a@b"), SPAN("c@d")};
	struct buf where = {0};
	struct arena arena = {.max_bytes = 1 << 20};
	directions_put(&where, &(struct directions){.mailbox = SPAN("Lists")});
	struct agent_store stores[] = {{.directions = buf_as_span(&where)},
	    {.number = 3, .has_head = true, .text = SPAN("A: b\r\n\r\n"), .body_at = 7},
	    {.number = 9, .is_text = true, .text = SPAN("whole")}};
	struct agent_send sends[] = {{.kind = SEND_REDIRECT,
					 .rcpts = rcpts,
					 .n_rcpts = 1,
					 .notify = NOTIFY_NEVER,
					 .ret = RET_HDRS,
					 .has_head = true,
					 .has_body = true,
					 .fields = SPAN("X: y\r\n"),
					 .text = SPAN("\r\n"),
					 .body = SPAN("body")},
	    {.kind = SEND_NOTIFY,
		.number = 2,
		.rcpts = rcpts,
		.n_rcpts = 2,
		.text = SPAN("t")}};
	const struct agent_answer a = {.wants_done = true,
	    .is_done = true,
	    .stores = stores,
	    .n_stores = COUNT(stores),
	    .sends = sends,
	    .n_sends = COUNT(sends)};
	struct agent_answer out;
	(void)state;
	assert_int_equal(again(&a, &arena, &out), E_OK);
	assert_true(out.wants_done && out.is_done && !out.has_failed);
	assert_int_equal(out.n_stores, 3);
	assert_true(span_eq(out.stores[0].directions, stores[0].directions));
	assert_true(out.stores[1].has_head && out.stores[1].body_at == 7);
	assert_true(out.stores[2].is_text && span_eqs(out.stores[2].text, "whole"));
	assert_int_equal(out.n_sends, 2);
	assert_true(out.sends[0].has_body && span_eqs(out.sends[0].body, "body"));
	assert_int_equal(out.sends[0].notify, NOTIFY_NEVER);
	assert_int_equal(out.sends[1].n_rcpts, 2);
	assert_true(span_eqs(out.sends[1].rcpts[1], "c@d"));
	buf_free(&where);
	arena_reset(&arena);
}

/* What an agent must not say ends it. */
static void
test_wrong(void **state)
{
	struct span good[] = {SPAN("a@b")}, bad[] = {SPAN("nobody")};
	static const struct agent_store no_text = {.is_text = true},
					both = {.is_text = true,
					    .has_head = true,
					    .text = {"x", 1}},
					stray = {.text = {"x", 1}},
					where = {.directions = {"where?", 6}};
	const struct agent_store *stores[] = {&no_text, &both, &stray, &where};
	const struct agent_send sends[] = {
	    {.kind = 0, .rcpts = good, .n_rcpts = 1, .text = SPAN("x")},
	    {.kind = SEND_NOTIFY + 1, .rcpts = good, .n_rcpts = 1, .text = SPAN("x")},
	    {.kind = SEND_REJECT, .rcpts = bad, .n_rcpts = 1, .text = SPAN("x")},
	    {.kind = SEND_REJECT, .rcpts = good, .n_rcpts = 0, .text = SPAN("x")},
	    {.kind = SEND_REJECT, .rcpts = good, .n_rcpts = 1},
	    {.kind = SEND_REJECT,
		.rcpts = good,
		.n_rcpts = 1,
		.fields = SPAN("x"),
		.text = SPAN("x")},
	    {.kind = SEND_REDIRECT, .rcpts = good, .n_rcpts = 1, .text = SPAN("x")},
	    {.kind = SEND_REDIRECT, .rcpts = good, .n_rcpts = 1, .notify = 16},
	    {.kind = SEND_REDIRECT, .rcpts = good, .n_rcpts = 1, .ret = 3},
	};
	struct arena arena = {.max_bytes = 1 << 20};
	struct agent_answer out;
	struct agent_store many[ANSWER_STORES_MOST + 1] = {{.number = 0}};
	(void)state;
	for (size_t i = 0; i < COUNT(stores); i++) {
		struct agent_store s = *stores[i];
		assert_int_equal(
		    again(&(struct agent_answer){.stores = &s, .n_stores = 1}, &arena,
			&out),
		    E_BAD);
	}
	for (size_t i = 0; i < COUNT(sends); i++) {
		struct agent_send s = sends[i];
		assert_int_equal(
		    again(&(struct agent_answer){.sends = &s, .n_sends = 1}, &arena,
			&out),
		    E_BAD);
	}
	assert_int_equal(
	    again(&(struct agent_answer){.stores = many, .n_stores = COUNT(many)},
		&arena, &out),
	    E_BAD);
	arena_reset(&arena);
}

/* ---- in pieces ---- */

static void
test_pieces(void **state)
{
	static char bytes[ORDER_CHUNK + 1000];
	int pair[2];
	struct order_sending s;
	struct buf in = {0}, out = {.max = sizeof bytes + 10};
	struct ask_msg m;
	int err = E_MORE;
	unsigned n = 0;
	(void)state;
	memset(bytes, 'x', sizeof bytes);
	ask_pair(pair);
	order_send_begin(&s, pair[0], AGENT_RUN, deadline_in_ms(5000));
	order_send_bytes(&s, SPAN("head"));
	order_send_bytes(&s, span_make(bytes, sizeof bytes));
	assert_int_equal(order_send_end(&s), E_OK);
	for (; err == E_MORE; n++) {
		assert_int_equal(
		    ask_recv(pair[1], &in, &m, deadline_in_ms(5000)), E_OK);
		assert_int_equal(m.type, AGENT_RUN);
		err = order_piece(&m.body, &out);
	}
	assert_int_equal(err, E_OK);
	assert_int_equal(n, 2);
	assert_int_equal(out.len, 4 + sizeof bytes);
	assert_memory_equal(out.p, "headx", 5);
	/* one that is dropped has no end */
	order_send_begin(&s, pair[0], AGENT_RUN, deadline_in_ms(5000));
	order_send_bytes(&s, SPAN("half"));
	order_send_drop(&s);
	assert_int_equal(ask_recv(pair[1], &in, &m, 0), E_LIMIT);
	/* more than there may be */
	struct buf small = {.max = 3};
	struct rd r = rd_of(SPAN("\1abcd"));
	assert_int_equal(order_piece(&r, &small), E_LIMIT);
	r = rd_of(SPAN("\2abcd"));
	assert_int_equal(order_piece(&r, &out), E_BAD);
	close(pair[0]);
	close(pair[1]);
	buf_free(&in);
	buf_free(&out);
	buf_free(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_order), cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_wrong), cmocka_unit_test(test_pieces)};
	return cmocka_run_group_tests_name("deliver_order", tests, NULL, NULL);
}
