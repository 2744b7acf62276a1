/* SPDX-License-Identifier: ISC */
/*
 * test_envelope.c - what queue's processes tell each other: envelopes, jobs, results, rows for
 * people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "spool/admin.h"
#include "spool/envelope.h"
#include "spool/job.h"

/* One kind: puts a sample, reads it back and compares when is_whole. */
struct kind {
	const char *name;
	void (*put)(struct buf *);
	int (*get)(struct rd *, struct arena *);
	void (*check)(struct rd *, struct arena *);
	/* from the end: where the low byte of a count stands in the sample; 0: none */
	size_t count_at;
};

static struct rcpt rcpts[3] = {
    {.address = {"a@example.org", 13},
	.orcpt = {"rfc822;A@example.org", 20},
	.notify = 6,
	.state = RCPT_DONE},
    {.address = {"b@example.org", 13}},
    {.address = {"", 0}, .state = RCPT_WAITING},
};
static struct envelope envelope = {.id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    .flags = ENV_SMTPUTF8 | ENV_DERIVED | ENV_QUARANTINE,
    .size_bytes = 0x123456789abcull,
    .sha256 = {9, 8, 7},
    .head_bytes = 77,
    .arrived_sec = -5,
    .release_sec = 0x1122334455,
    .sender = {"s@example.net", 13},
    .account = {"", 0},
    .client = {"192.0.2.1", 9},
    .envid = {"QQ", 2},
    .ret = 2,
    .n_rcpts = 3,
    .rcpts = rcpts};

/* ---- envelope ---- */

static void
put_envelope(struct buf *b)
{
	envelope_put(b, &envelope);
}

static int
get_envelope(struct rd *r, struct arena *a)
{
	struct envelope e;
	return envelope_get(r->in, a, &e);
}

static void
check_envelope(struct rd *r, struct arena *a)
{
	struct envelope e;
	assert_int_equal(envelope_get(r->in, a, &e), E_OK);
	assert_true(id_eq(e.id, envelope.id));
	assert_int_equal(e.flags, envelope.flags);
	assert_int_equal(e.size_bytes, envelope.size_bytes);
	assert_memory_equal(e.sha256, envelope.sha256, sizeof e.sha256);
	assert_int_equal(e.head_bytes, 77);
	assert_int_equal(e.arrived_sec, -5);
	assert_int_equal(e.release_sec, 0x1122334455);
	assert_true(
	    span_eq(e.sender, envelope.sender) && span_eq(e.account, envelope.account));
	assert_true(
	    span_eq(e.client, envelope.client) && span_eq(e.envid, envelope.envid));
	assert_int_equal(e.ret, 2);
	assert_int_equal(e.n_rcpts, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(span_eq(e.rcpts[i].address, rcpts[i].address));
		assert_true(span_eq(e.rcpts[i].orcpt, rcpts[i].orcpt));
		assert_int_equal(e.rcpts[i].notify, rcpts[i].notify);
		assert_int_equal(e.rcpts[i].state, rcpts[i].state);
	}
}

/* ---- job ---- */

/* As the version before put it, which knew no time of release: files of it may lie in deferred/. */
static void
test_version_1(void **state)
{
	enum { RELEASE_AT = 1 + ID_BYTES + 4 + 8 + 32 + 4 + 8 };

	struct buf now = {0}, old = {0};
	struct arena arena = {0};
	struct envelope e;
	(void)state;
	envelope_put(&now, &envelope);
	buf_u8(&old, 1);
	buf_put(&old, now.p + 1, RELEASE_AT - 1);
	buf_span(&old, span_from(buf_as_span(&now), RELEASE_AT + 8));
	assert_int_equal(envelope_get(buf_as_span(&old), &arena, &e), E_OK);
	assert_int_equal(e.release_sec, 0);
	assert_int_equal(e.arrived_sec, -5);
	assert_true(span_eq(e.client, envelope.client));
	assert_int_equal(e.n_rcpts, 3);
	old.p[0] = 3;
	assert_int_equal(envelope_get(buf_as_span(&old), &arena, &e), E_BAD);
	buf_free(&now);
	buf_free(&old);
	arena_reset(&arena);
}

static void
put_job(struct buf *b)
{
	static const uint16_t which[] = {0, 2};
	job_put(
	    b, &(struct job){{JOB_JOURNAL, 7, 0x1122334455ull}, &envelope, which, 2});
}

static int
get_job(struct rd *r, struct arena *a)
{
	struct job_in j;
	return job_get(r, a, &j);
}

static void
check_job(struct rd *r, struct arena *a)
{
	struct job_in j;
	assert_int_equal(job_get(r, a, &j), E_OK);
	assert_int_equal(j.ref.source, JOB_JOURNAL);
	assert_int_equal(j.ref.segment, 7);
	assert_int_equal(j.ref.offset, 0x1122334455ull);
	assert_true(id_eq(j.id, envelope.id));
	assert_int_equal(j.size_bytes, envelope.size_bytes);
	assert_memory_equal(j.sha256, envelope.sha256, sizeof j.sha256);
	assert_true(j.is_junk);
	assert_int_equal(j.flags, envelope.flags);
	assert_int_equal(j.head_bytes, envelope.head_bytes);
	assert_true(span_eq(j.sender, envelope.sender));
	assert_true(span_eq(j.account, envelope.account));
	assert_true(span_eq(j.envid, envelope.envid));
	assert_int_equal(j.ret, envelope.ret);
	assert_int_equal(j.n_rcpts, 2);
	assert_int_equal(j.rcpts[0].index, 0);
	assert_int_equal(j.rcpts[1].index, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(span_eq(j.rcpts[i].address, rcpts[2 * i].address));
		assert_true(span_eq(j.rcpts[i].orcpt, rcpts[2 * i].orcpt));
		assert_int_equal(j.rcpts[i].notify, rcpts[2 * i].notify);
	}
}

/* ---- result ---- */

static void
put_result(struct buf *b)
{
	static const struct span to[] = {{"x@example.com", 13}, {"y@example.com", 13}};
	job_result_put(b, &(struct job_result){.id = envelope.id,
			      .rcpt = 2,
			      .outcome = JOB_PERM,
			      .is_notified = true,
			      .reason = SPAN("5.1.1 no such user"),
			      .n_mailboxes = 7,
			      .forward_as = FORWARD_AS_LIST,
			      .forward_sender = SPAN("owner-x@example.org"),
			      .n_forwards = 2,
			      .forwards = to});
}

static int
get_result(struct rd *r, struct arena *a)
{
	struct job_result j;
	return job_result_get(r, a, &j);
}

static void
check_result(struct rd *r, struct arena *a)
{
	struct job_result j;
	assert_int_equal(job_result_get(r, a, &j), E_OK);
	assert_true(id_eq(j.id, envelope.id));
	assert_int_equal(j.rcpt, 2);
	assert_int_equal(j.outcome, JOB_PERM);
	assert_true(span_eqs(j.reason, "5.1.1 no such user"));
	assert_int_equal(j.n_mailboxes, 7);
	assert_true(j.is_notified && j.forward_as == FORWARD_AS_LIST &&
		    span_eqs(j.forward_sender, "owner-x@example.org"));
	assert_int_equal(j.n_forwards, 2);
	assert_true(span_eqs(j.forwards[1], "y@example.com"));
}

/* ---- row for people ---- */

static void
put_entry(struct buf *b)
{
	static struct admin_rcpt r[] = {
	    {{"a@example.org", 13}, RCPT_WAITING, {"4.2.1 later", 11}},
	    {{"b@example.org", 13}, RCPT_DONE, {"", 0}}};
	admin_entry_put(
	    b, &(struct admin_entry){envelope.id, ADMIN_DEFERRED, 1234, 1700000000,
		   1700000900, 3, {"s@example.net", 13}, 2, r, {"u1@example.org", 14}});
}

static int
get_entry(struct rd *r, struct arena *a)
{
	struct admin_entry e;
	return admin_entry_get(r, a, &e);
}

static void
check_entry(struct rd *r, struct arena *a)
{
	struct admin_entry e;
	assert_int_equal(admin_entry_get(r, a, &e), E_OK);
	assert_true(id_eq(e.id, envelope.id));
	assert_int_equal(e.state, ADMIN_DEFERRED);
	assert_int_equal(e.size_bytes, 1234);
	assert_int_equal(e.arrived_sec, 1700000000);
	assert_int_equal(e.next_sec, 1700000900);
	assert_int_equal(e.attempts, 3);
	assert_true(span_eqs(e.sender, "s@example.net"));
	assert_int_equal(e.n_rcpts, 2);
	assert_true(span_eqs(e.rcpts[0].reason, "4.2.1 later"));
	assert_int_equal(e.rcpts[1].state, RCPT_DONE);
	assert_true(span_eqs(e.account, "u1@example.org"));
}

/* clang-format off */
/* ---- a refused address ---- */

static void
put_refused(struct buf *b)
{
	admin_refused_put(b, &(struct admin_refused){SPAN("x@example.com"), 7, 1700000000, 1700000900, SPAN("mx: 550 no"), true});
}

static int
get_refused(struct rd *r, struct arena *a)
{
	struct admin_refused x;
	(void)a;
	return admin_refused_get(r, &x);
}

static void
check_refused(struct rd *r, struct arena *a)
{
	struct admin_refused x;
	(void)a;
	assert_int_equal(admin_refused_get(r, &x), E_OK);
	assert_true(span_eqs(x.address, "x@example.com") && span_eqs(x.reason, "mx: 550 no"));
	assert_true(x.count == 7 && x.first_sec == 1700000000 && x.last_sec == 1700000900 && x.is_suppressed);
}

static const struct kind kinds[] = {
    /* name      put           get           check           count_at */
    {"envelope", put_envelope, get_envelope, check_envelope, (4 + 13 + 4 + 20 + 2) + (4 + 13 + 4 + 2) + (4 + 4 + 2) + 4},
    {"job",      put_job,      get_job,      check_job,      (2 + 4 + 13 + 4 + 20 + 1) + (2 + 4 + 4 + 1) + 2},
    {"result",   put_result,   get_result,   check_result,   2 * (4 + 13) + 2},
    {"entry",    put_entry,    get_entry,    check_entry,    (4 + 13 + 1 + 4 + 11) + (4 + 13 + 1 + 4) + 4 + (4 + 14)},
    {"refused",  put_refused,  get_refused,  check_refused,  0},
};

/* clang-format on */

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct buf b = {0};
		struct arena a = {.max_bytes = 0};
		kinds[i].put(&b);
		struct rd r = rd_of(buf_as_span(&b));
		kinds[i].check(&r, &a);
		arena_reset(&a);
		buf_free(&b);
	}
}

/* Each cut is its own allocation: a read past its end is seen. */
static void
test_cut_short_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct buf b = {0};
		struct arena a = {.max_bytes = 0};
		kinds[i].put(&b);
		for (size_t n = 0; n < b.len; n++) {
			char *cut = mem_new(n ? n : 1);
			memcpy(cut, b.p, n);
			struct rd r = rd_of(span_make(cut, n));
			assert_int_equal(kinds[i].get(&r, &a), E_BAD);
			mem_free(&cut);
		}
		arena_reset(&a);
		buf_free(&b);
	}
}

static void
test_count_too_large(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!kinds[i].count_at)
			continue;
		struct buf b = {0};
		struct arena a = {.max_bytes = 1 << 20};
		kinds[i].put(&b);
		size_t at = b.len - kinds[i].count_at;
		assert_true(b.p[at] == 2 || b.p[at] == 3);
		b.p[at]++; /* one more than there are */
		struct rd r = rd_of(buf_as_span(&b));
		assert_int_equal(kinds[i].get(&r, &a), E_BAD);
		b.p[at] = (char)0xff;
		b.p[at + 1] = (char)0xff;
		r = rd_of(buf_as_span(&b));
		assert_int_equal(kinds[i].get(&r, &a), E_BAD);
		/* nothing was allocated for what is not there */
		assert_true(a.used_bytes < 4096);
		arena_reset(&a);
		buf_free(&b);
	}
}

static void
test_any_byte_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct buf b = {0};
		struct arena a = {.max_bytes = 1 << 20};
		kinds[i].put(&b);
		for (size_t at = 0; at < b.len; at++)
			for (int bit = 0; bit < 8; bit++, arena_reset(&a)) {
				b.p[at] = (char)(b.p[at] ^ 1 << bit);
				struct rd r = rd_of(buf_as_span(&b));
				int err = kinds[i].get(&r, &a);
				assert_true(err == E_OK || err == E_BAD);
				b.p[at] = (char)(b.p[at] ^ 1 << bit);
			}
		buf_free(&b);
	}
}

static void
test_bytes_behind_an_envelope(void **state)
{
	struct buf b = {0};
	struct arena a = {.max_bytes = 0};
	struct envelope e;
	(void)state;
	envelope_put(&b, &envelope);
	buf_ch(&b, 0);
	assert_int_equal(envelope_get(buf_as_span(&b), &a, &e), E_BAD);
	arena_reset(&a);
	buf_free(&b);
}

static void
test_most_recipients(void **state)
{
	static struct rcpt many[ENVELOPE_RCPTS_MAX + 1];
	struct envelope e = envelope, back;
	struct arena a = {.max_bytes = 0};
	struct buf b = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = rcpts[0];
	e.rcpts = many;
	e.n_rcpts = ENVELOPE_RCPTS_MAX;
	envelope_put(&b, &e);
	assert_int_equal(envelope_get(buf_as_span(&b), &a, &back), E_OK);
	assert_int_equal(back.n_rcpts, ENVELOPE_RCPTS_MAX);
	buf_reset(&b);
	e.n_rcpts++;
	envelope_put(&b, &e);
	assert_int_equal(envelope_get(buf_as_span(&b), &a, &back), E_BAD);
	arena_reset(&a);
	buf_free(&b);
}

static void
test_longest_envelope_fits(void **state)
{
	static char text[ENVELOPE_ORCPT_MAX];
	static struct rcpt many[ENVELOPE_RCPTS_MAX];
	struct span path = {text, ENVELOPE_PATH_MAX};
	struct envelope e = envelope;
	struct buf b = {0};
	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct rcpt){.address = path, .orcpt = {text, sizeof text}};
	e.sender = e.account = e.client = path;
	e.envid = span_head(path, ENVELOPE_ENVID_MAX);
	e.rcpts = many;
	e.n_rcpts = ENVELOPE_RCPTS_MAX;
	envelope_put(&b, &e);
	assert_int_equal(buf_done(&b), E_OK);
	assert_true(b.len <= ENVELOPE_BYTES_MAX);
	buf_free(&b);
}

static void
test_arena_full(void **state)
{
	struct arena a = {.max_bytes = 16};
	struct envelope e;
	struct buf b = {0};
	(void)state;
	envelope_put(&b, &envelope);
	assert_int_equal(envelope_get(buf_as_span(&b), &a, &e), E_LIMIT);
	arena_reset(&a);
	buf_free(&b);
}

static void
test_long_reason_is_cut(void **state)
{
	static char text[JOB_REASON_MAX + 50];
	struct job_result j = {.id = envelope.id,
			      .outcome = JOB_TEMP,
			      .reason = {text, sizeof text}},
			  back;
	struct arena a = {.max_bytes = 0};
	struct buf b = {0};
	(void)state;
	memset(text, 'r', sizeof text);
	job_result_put(&b, &j);
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(job_result_get(&r, &a, &back), E_OK);
	assert_int_equal(back.reason.n, JOB_REASON_MAX);
	arena_reset(&a);
	buf_free(&b);
}

/* A mark that is applied once more, later, takes nothing back. */
static const struct {
	uint8_t mark, from, to;
} marks[] = {
    {RCPT_DONE, RCPT_WAITING, RCPT_DONE},
    {RCPT_DONE, RCPT_HELD | RCPT_WARNED, RCPT_DONE},
    {RCPT_DONE, RCPT_RELAYED, RCPT_DONE},
    {RCPT_RELAYED, RCPT_WAITING, RCPT_RELAYED},
    {RCPT_RELAYED, RCPT_WAITING | RCPT_WARNED, RCPT_RELAYED},
    {RCPT_RELAYED, RCPT_DONE, RCPT_DONE},
    {RCPT_EXPANDED, RCPT_DELIVERED, RCPT_DELIVERED},
    {RCPT_WARNED, RCPT_WAITING, RCPT_WAITING | RCPT_WARNED},
    {RCPT_WARNED, RCPT_HELD, RCPT_HELD | RCPT_WARNED},
    {RCPT_WARNED, RCPT_DONE, RCPT_DONE},
    {RCPT_WARNED, RCPT_DELIVERED, RCPT_DELIVERED},
    {RCPT_FORWARDED, RCPT_WAITING | RCPT_WARNED, RCPT_WAITING | RCPT_BESIDE},
    {RCPT_FORWARDED, RCPT_DONE, RCPT_DONE},
    {RCPT_WARNED, RCPT_HELD | RCPT_FORWARDED, RCPT_HELD | RCPT_BESIDE},
    {RCPT_DONE, RCPT_WAITING | RCPT_FORWARDED, RCPT_DONE},
};

static void
test_marks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(marks); i++) {
		uint16_t m = mark_make(ENVELOPE_RCPTS_MAX - 1, marks[i].mark);
		assert_int_equal(mark_index(m), ENVELOPE_RCPTS_MAX - 1);
		assert_int_equal(mark_apply(m, marks[i].from), marks[i].to);
		assert_int_equal(mark_apply(m, marks[i].to), marks[i].to);
	}
	/* as marks were before there were others */
	assert_int_equal(mark_make(7, RCPT_DONE), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_cut_short_anywhere),
	    cmocka_unit_test(test_count_too_large),
	    cmocka_unit_test(test_any_byte_changed),
	    cmocka_unit_test(test_bytes_behind_an_envelope),
	    cmocka_unit_test(test_most_recipients),
	    cmocka_unit_test(test_longest_envelope_fits),
	    cmocka_unit_test(test_arena_full),
	    cmocka_unit_test(test_long_reason_is_cut), cmocka_unit_test(test_version_1),
	    cmocka_unit_test(test_marks)};
	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
