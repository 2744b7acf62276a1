/* SPDX-License-Identifier: ISC */
/* test_dest.c - destinations: how many are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "queue/dest.c"

static struct conf *
defaults(void)
{
	static const char text[] = "version = 1\n";
	struct buf errors = {0};
	struct conf *c = NULL;
	char path[32];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	assert_int_equal(conf_load(path, &errors, &c), E_OK);
	close(fd);
	return c;
}

/* A message to this domain comes, and waits no longer. */
static void
come_and_go(unsigned domain)
{
	char address[40];
	struct work work = {.step = STEP_OUT};
	snprintf(address, sizeof address, "a@d%u.test", domain);
	struct rcpt rcpt = {.address = span_of(address)};
	struct message m = {.envelope = {.sender = SPAN("u1@example.test"),
				.n_rcpts = 1,
				.rcpts = &rcpt},
	    .works = &work,
	    .tenant = 1};
	dests_take(&m);
	assert_int_equal(work.step, STEP_QUEUED);
	dests_drop(&m);
	assert_int_equal(work.step, STEP_LATER);
	assert_null(m.parcels);
	mem_free(&work.reason);
}

static void
settle(void)
{
	assert_null(dests_hungry());
	while (dests_fresh())
		;
	dests_tick();
}

/*
 * Who sends to a hundred thousand domains has no hundred thousand destinations remembered, though
 * mail waits for each.
 */
static void
test_are_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		come_and_go(i);
	settle();
	assert_int_equal(dests.n, 100);
	for (unsigned i = 0; i < 2 * DESTS_MOST; i++)
		come_and_go(i);
	assert_int_equal(dests.n, 2 * DESTS_MOST);
	settle();
	assert_int_equal(dests.n, DESTS_MOST);
	come_and_go(7);
	settle();
	assert_true(dests.n <= DESTS_MOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_are_bounded)};
	struct conf *conf = defaults();
	the_child.conf = conf;
	int failed = cmocka_run_group_tests_name("dest", tests, NULL, NULL);
	conf_free(&conf);
	return failed;
}
