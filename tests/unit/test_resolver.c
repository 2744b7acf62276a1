/* SPDX-License-Identifier: ISC */
/*
 * test_resolver.c - the role between those who ask and a libunbound that is faked: limits, times,
 * order, who leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/resolver.h"
#include "net/unbound.h"
#include "proc/jail.h"
#include "proc/loop.h"

/* ---- what libunbound would do ---- */

enum { ASKED_MAX = 4096 };

static unbound_fn *answer_fn;

static struct {
	void *ctx; /* NULL: answered, or not wanted any more */
	enum dns_kind kind;
} asked[ASKED_MAX];

static int n_asked, n_cancelled;
/* it answers at once; it does not take the question */
static bool is_known, is_failing;

int
unbound_open(const struct conf *c, struct loop *loop, unbound_fn *fn)
{
	(void)c, (void)loop;
	answer_fn = fn;
	return E_OK;
}

static void
answer(int id)
{
	static const char packet[] = "\0\1\x81\x80\0\1\0\1\0\0\0\0\1a\4test\0\0\1\0\1"
				     "\xc0\x0c\0\1\0\1\0\0\0\x20\0\4wxyz";
	struct unbound_result r = {
	    .packet = span_make(packet, sizeof packet - 1), .is_secure = true};
	void *ctx = asked[id].ctx;
	assert_non_null(ctx);
	asked[id].ctx = NULL;
	answer_fn(ctx, &r);
}

int
unbound_ask(enum dns_kind kind, const char *name, void *ctx, int *id)
{
	(void)name;
	if (is_failing)
		return E_IO;
	*id = n_asked++;
	asked[*id].ctx = ctx;
	asked[*id].kind = kind;
	if (is_known)
		answer(*id);
	return E_OK;
}

void
unbound_cancel(int id)
{
	assert_non_null(asked[id].ctx);
	asked[id].ctx = NULL;
	n_cancelled++;
}

/* ---- one who asks ---- */

struct one {
	int chan;
	struct asker *asker;
	struct buf in;
};

static void
one_open(struct one *o)
{
	int pair[2];
	const struct ask_table *t = resolver_table(0);
	ask_pair(pair);
	*o = (struct one){.chan = pair[0],
	    .asker = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL)};
}

static void
one_close(struct one *o)
{
	resolver_table(0)->gone(o->asker);
	asker_free(&o->asker);
	close(o->chan);
	buf_free(&o->in);
}

static int
one_asks(struct one *o, uint32_t number)
{
	struct buf body = {0}, scratch = {0};
	buf_u32(&body, number);
	buf_u16(&body, DNS_A);
	buf_bytes(&body, SPAN("a.test"));
	assert_int_equal(
	    ask_send(o->chan, RESOLVER_QUERY, buf_as_span(&body), -1, 0), E_OK);
	int err = asker_serve(o->asker, &scratch, 8);
	buf_free(&body);
	buf_free(&scratch);
	return err;
}

/* The number that is answered, or 0: none is. */
static uint32_t
one_reads(struct one *o, struct dns_answer *out)
{
	static struct arena arena;
	struct ask_msg m;
	arena_reset(&arena);
	if (ask_recv(o->chan, &o->in, &m, 0) != E_OK)
		return 0;
	assert_int_equal(m.type, RESOLVER_QUERY | ASK_REPLY);
	uint32_t number = rd_u32(&m.body);
	assert_int_equal(dns_answer_get(&m.body, &arena, out), E_OK);
	assert_int_equal(rd_end(&m.body), E_OK);
	return number;
}

static int
begin(void **state)
{
	static struct conf *conf;
	struct buf errors = {0};
	(void)state;
	log_level(LOG_EMERG);
	if (!conf) {
		char path[] = "/tmp/test-resolver-XXXXXX";
		int fd = mkstemp(path);
		static const char text[] =
		    "version = 1\ncommon {\n\tresolver_time = \"1s\"\n}\n";
		assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
		close(fd);
		assert_int_equal(conf_load(path, &errors, &conf), E_OK);
		unlink(path);
		the_child.conf = conf;
		assert_int_equal(resolver_prepare(), 0);
	}
	n_asked = n_cancelled = 0;
	is_known = is_failing = false;
	return 0;
}

static void
test_answers_as_they_come(void **state)
{
	struct one o;
	struct dns_answer a;
	(void)state;
	one_open(&o);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(one_asks(&o, i), E_OK);
	assert_int_equal(one_reads(&o, &a), 0);
	answer(1);
	assert_int_equal(one_reads(&o, &a), 2);
	assert_int_equal(a.status, DNS_FOUND);
	assert_true(a.is_secure && span_eqs(a.records[0].data, "wxyz"));
	answer(0);
	answer(2);
	assert_int_equal(one_reads(&o, &a), 1);
	assert_int_equal(one_reads(&o, &a), 3);
	one_close(&o);
	assert_int_equal(n_cancelled, 0);
}

static void
test_known_at_once(void **state)
{
	struct one o;
	struct dns_answer a;
	(void)state;
	one_open(&o);
	is_known = true;
	assert_int_equal(one_asks(&o, 7), E_OK);
	assert_int_equal(one_reads(&o, &a), 7);
	assert_int_equal(a.status, DNS_FOUND);
	is_known = false;
	is_failing = true;
	assert_int_equal(one_asks(&o, 8), E_OK);
	assert_int_equal(one_reads(&o, &a), 8);
	assert_int_equal(a.status, DNS_TEMP);
	one_close(&o);
}

static void
test_too_many_of_one(void **state)
{
	struct one o;
	(void)state;
	one_open(&o);
	for (uint32_t i = 1; i <= RESOLVER_CLIENT_PENDING_MAX; i++)
		assert_int_equal(one_asks(&o, i), E_OK);
	assert_int_equal(one_asks(&o, 1000), E_LIMIT);
	one_close(&o);
	assert_int_equal(n_cancelled, RESOLVER_CLIENT_PENDING_MAX);
}

static void
test_too_many_of_all(void **state)
{
	enum { MANY = RESOLVER_PENDING_MAX / RESOLVER_CLIENT_PENDING_MAX + 1 };
	static struct one all[MANY];
	struct dns_answer a;
	unsigned n_answered = 0;
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		one_open(&all[i]);
		for (uint32_t n = 1; n <= RESOLVER_CLIENT_PENDING_MAX; n++)
			assert_int_equal(one_asks(&all[i], n), E_OK);
		while (one_reads(&all[i], &a)) {
			assert_int_equal(a.status, DNS_TEMP);
			n_answered++;
		}
	}
	assert_int_equal(n_asked, RESOLVER_PENDING_MAX);
	assert_int_equal(
	    n_answered, MANY * RESOLVER_CLIENT_PENDING_MAX - RESOLVER_PENDING_MAX);
	for (size_t i = 0; i < MANY; i++)
		one_close(&all[i]);
	assert_int_equal(n_cancelled, RESOLVER_PENDING_MAX);
}

static void
test_late(void **state)
{
	struct one o;
	struct dns_answer a;
	(void)state;
	one_open(&o);
	int64_t before = clock_mono_ms();
	assert_int_equal(one_asks(&o, 5), E_OK);
	while (n_cancelled == 0)
		loop_once(child_loop());
	assert_true(clock_mono_ms() - before >= 900);
	assert_int_equal(one_reads(&o, &a), 5);
	assert_int_equal(a.status, DNS_TEMP);
	assert_true(a.why.n > 0 && span_eqs(a.name, "a.test"));
	one_close(&o);
	assert_int_equal(n_cancelled, 1);
}

/*
 * One that reads nothing, with a socket that takes little, asks all that it may; so many of its
 * questions are answered.
 */
static void
one_overfills(struct one *o, int n_answers)
{
	int little = 4608;
	one_open(o);
	assert_int_equal(
	    setsockopt(o->asker->chan, SOL_SOCKET, SO_SNDBUF, &little, sizeof little),
	    0);
	for (uint32_t i = 1; i <= RESOLVER_CLIENT_PENDING_MAX; i++)
		assert_int_equal(one_asks(o, i), E_OK);
	for (int i = 0; i < n_answers; i++)
		answer(i);
}

/* Answers that its socket does not take wait for it, in any number up to its limit. */
static void
test_one_who_does_not_read(void **state)
{
	struct one o;
	struct dns_answer a;
	unsigned n_read = 0;
	(void)state;
	one_overfills(&o, RESOLVER_CLIENT_PENDING_MAX);
	while (one_reads(&o, &a))
		n_read++;
	assert_in_range(n_read, 1, RESOLVER_CLIENT_PENDING_MAX - 1);
	while (n_read < RESOLVER_CLIENT_PENDING_MAX) {
		loop_once(child_loop());
		while (one_reads(&o, &a))
			n_read++;
	}
	assert_int_equal(one_asks(&o, 100), E_OK);
	one_close(&o);
	assert_int_equal(n_cancelled, 1);
}

static void
test_leaves_with_answers_unread(void **state)
{
	struct one o;
	(void)state;
	one_overfills(&o, RESOLVER_CLIENT_PENDING_MAX - 1);
	one_close(&o);
	assert_int_equal(n_cancelled, 1);
}

static void
test_ports_of_the_jail(void **state)
{
	struct jail j = {0};
	(void)state;
	resolver_jail(&j);
	assert_int_equal(j.calls, JAIL_NET | JAIL_BIND_NET);
	assert_int_equal(j.n_ports, 1);
	assert_int_equal(j.ports[0], DNS_PORT);
	assert_int_equal(j.n_paths, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_answers_as_they_come, begin),
	    cmocka_unit_test_setup(test_known_at_once, begin),
	    cmocka_unit_test_setup(test_too_many_of_one, begin),
	    cmocka_unit_test_setup(test_too_many_of_all, begin),
	    cmocka_unit_test_setup(test_late, begin),
	    cmocka_unit_test_setup(test_one_who_does_not_read, begin),
	    cmocka_unit_test_setup(test_leaves_with_answers_unread, begin),
	    cmocka_unit_test_setup(test_ports_of_the_jail, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
