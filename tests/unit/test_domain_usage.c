/* SPDX-License-Identifier: ISC */
/*
 * test_domain_usage.c - sums of domains by a clock of its own: right at the first verdict, and after a
 * time without any; what they cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static int64_t now_us;

static int64_t
our_us(void)
{
	return now_us;
}

static int64_t
our_ms(void)
{
	return now_us / 1000;
}

#define clock_mono_us our_us
#define clock_mono_ms our_ms
#include "account/domain_usage.c"

enum {
	ACCOUNT_US = 10,
	BYTES = 100,
	QUOTA = 1000000,
	WAIT_MS = 20000,
	COST_US = 600000000
};

/* ---- a table of accounts that use so much each ---- */

static unsigned n_accounts;
static uint64_t bytes_each, quota_each;
static int broken;

int
accounts_behind(struct accounts *a, struct span after,
    int (*fn)(void *ctx, const struct account *), void *ctx)
{
	char name[32];
	int err = broken;
	(void)a;
	unsigned from = after.n ? (unsigned)atoi(after.p + 1) + 1 : 0;
	for (unsigned i = from; i < n_accounts && err == E_OK; i++) {
		snprintf(name, sizeof name, "u%07u@%s.test", i, i % 2 ? "a" : "b");
		err = fn(ctx, &(struct account){
				  .address = span_of(name), .quota_bytes = quota_each});
	}
	return err;
}

int
usage_read(int dir, const char *path, struct usage_noted *out)
{
	(void)dir, (void)path;
	now_us += ACCOUNT_US;
	*out = (struct usage_noted){.sum = {bytes_each, 1}};
	return E_OK;
}

struct usage
placed_read(int dir, const char *path)
{
	(void)dir, (void)path;
	return (struct usage){.bytes = 0};
}

struct usage
usage_now(const struct usage_noted *u, struct usage placed)
{
	(void)placed;
	return u->sum;
}

/* ---- */

static struct conf *conf;
static struct domain_sums *sums;

static int
setup(void **state)
{
	static const char text[] = "version = 1\ncommon {\n\tdomains = {\"a.test\", "
				   "\"b.test\"}\n\tquota_grace "
				   "= 50\n\tdomain_quotas = {\"a.test=1000000\"}\n}\n";
	char path[] = "/tmp/merpati-test-domain.XXXXXX";
	struct buf errors = {0};
	int fd = mkstemp(path);
	(void)state;
	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
		return -1;
	close(fd);
	int err = conf_load(path, &errors, &conf);
	unlink(path);
	now_us = 1000000;
	n_accounts = 0;
	quota_each = 0;
	broken = E_OK;
	sums = domain_sums_new(conf, -1);
	return err == E_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	domain_sums_free(&sums);
	conf_free(&conf);
	return 0;
}

static bool
is_full(void)
{
	return domain_is_full(sums, NULL, SPAN("x@a.test"));
}

/* Nobody asks for so long. */
static void
pass(int64_t ms)
{
	for (int64_t end = our_ms() + ms; our_ms() < end;
	     now_us += DOMAIN_TICK_MS * 1000)
		domain_sums_tick(sums, NULL);
}

static void
test_first(void **state)
{
	(void)state;
	n_accounts = 2 * QUOTA / BYTES;
	bytes_each = BYTES;
	assert_true(is_full());
	assert_false(domain_is_full(sums, NULL, SPAN("x@b.test")));
}

/* One that takes longer than a verdict may wait. */
static void
test_large(void **state)
{
	(void)state;
	n_accounts = 200000;
	bytes_each = BYTES;
	int64_t begun_us = now_us;
	assert_false(is_full());
	assert_in_range(now_us - begun_us, 1, DOMAIN_FIRST_US + ACCOUNT_US);
	begun_us = now_us;
	assert_false(is_full());
	assert_in_range(now_us - begun_us, 1, DOMAIN_SLICE_US + ACCOUNT_US);
	pass(4 * WAIT_MS);
	begun_us = now_us;
	assert_true(is_full());
	assert_in_range(now_us - begun_us, 0, DOMAIN_SLICE_US + ACCOUNT_US);
}

/* A quiet night: what was expunged makes room for the first message of the morning, what came fills. */
static void
test_quiet(void **state)
{
	(void)state;
	n_accounts = 20000;
	bytes_each = BYTES;
	assert_true(is_full());
	bytes_each = BYTES / 2;
	pass(WAIT_MS);
	assert_false(is_full());
	bytes_each = BYTES;
	pass(WAIT_MS);
	assert_true(is_full());
}

/* Ticks take no more of the time than verdicts did. */
static void
test_cost(void **state)
{
	int64_t took_us = 0, begun_us = now_us;
	(void)state;
	n_accounts = 100000;
	while (now_us < begun_us + COST_US) {
		int64_t at_us = now_us;
		domain_sums_tick(sums, NULL);
		assert_in_range(now_us - at_us, 0, DOMAIN_SLICE_US + ACCOUNT_US);
		took_us += now_us - at_us;
		now_us += DOMAIN_TICK_MS * 1000;
	}
	assert_in_range(took_us, 1, COST_US / DOMAIN_SUMS_REST);
}

/* A table that cannot be read: sums of before, tried again. */
static void
test_broken(void **state)
{
	(void)state;
	n_accounts = 20000;
	bytes_each = BYTES;
	assert_true(is_full());
	broken = E_IO;
	bytes_each = 0;
	pass(WAIT_MS);
	assert_true(is_full());
	broken = E_OK;
	pass(WAIT_MS);
	assert_false(is_full());
}

static void
test_share(void **state)
{
	const struct account none = {.quota_bytes = 0}, some = {.quota_bytes = 1000};
	(void)state;
	assert_int_equal(domain_share(conf, &none, 5000), 5000);
	assert_int_equal(domain_share(conf, &some, 1049), 1049);
	assert_int_equal(domain_share(conf, &some, UINT64_MAX), 1050);
	n_accounts = 20000;
	quota_each = BYTES - 51; /* with the grace less than it takes */
	bytes_each = UINT64_MAX;
	assert_false(is_full());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_first), TEST(test_large),
	    TEST(test_quiet), TEST(test_cost), TEST(test_broken), TEST(test_share)};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
