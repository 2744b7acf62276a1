/* SPDX-License-Identifier: ISC */
/* test_store_at_work.c - who waits for another process that is at work, and who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/at_work.h"

enum { WAIT_MS = 2 * AT_WORK_LOOK_MS, WORK_MS = 3 * WAIT_MS, TOO_LONG_MS = 600000 };

static char dir[] = "/tmp/merpati-test-at-work-XXXXXX";

struct told {
	unsigned n;
	uint64_t done, of;
};

static void
on_told(void *ctx, uint64_t done, uint64_t of)
{
	struct told *t = ctx;
	assert_true(done >= t->done);
	*t = (struct told){t->n + 1, done, of};
}

/*
 * A process that has the lock for so long, and answers at the end.  Returns its end of a pipe, from when it has
 * the lock on.
 */
static int
work(bool is_told, int64_t for_ms, pid_t *pid)
{
	int ready[2], answer[2], lock;
	char byte;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(answer), 0);
	*pid = fork();
	if (*pid == 0) {
		int64_t end = deadline_in_ms(for_ms);
		at_work_watch(NULL, NULL);
		if (at_work_lock("index/lock", 0, &lock) != E_OK)
			_exit(1);
		if (is_told)
			at_work_begin();
		if (write(ready[1], "", 1) != 1)
			_exit(2);
		for (uint64_t done = 1; clock_mono_ms() < end; done++) {
			at_work_tell(done, UINT64_MAX);
			usleep(1000);
		}
		if (write(answer[1], "", 1) != 1)
			_exit(3);
		_exit(0); /* without a word of its end: killed, as it were */
	}
	close(ready[1]);
	close(answer[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return answer[0];
}

static void
ends(pid_t pid, int answer)
{
	int status;
	close(answer);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	at_work_end();
}

/* As long as it takes, where it is told, and it is shown how far it is. */
static void
test_patient(void **state)
{
	struct told t = {0};
	uint64_t done, of;
	pid_t pid;
	int lock, answer = work(true, WORK_MS, &pid);
	(void)state;
	at_work_watch(on_told, &t);
	assert_int_equal(at_work_lock("index/lock", WAIT_MS, &lock), E_OK);
	assert_true(t.n > 2);
	assert_true(t.done > 0);
	assert_true(t.of == UINT64_MAX);
	/* who died left it: the next one strikes it out */
	assert_true(at_work_look(&done, &of));
	at_work_end();
	assert_false(at_work_look(&done, &of));
	close(lock);
	ends(pid, answer);
	answer = work(true, WORK_MS, &pid);
	t = (struct told){0};
	assert_int_equal(at_work_hear(answer, WAIT_MS), E_OK);
	assert_true(t.n > 2);
	ends(pid, answer);
	at_work_watch(NULL, NULL);
}

/* Who tells nothing may be dead; who watches nothing has somebody who waits. */
static void
test_impatient(void **state)
{
	(void)state;
	for (unsigned is_told = 0; is_told < 2; is_told++) {
		struct told t = {0};
		pid_t pid;
		int lock, answer = work(is_told, TOO_LONG_MS, &pid);
		at_work_watch(is_told ? NULL : on_told, &t);
		assert_int_equal(at_work_lock("index/lock", WAIT_MS, &lock), E_LIMIT);
		close(lock);
		assert_int_equal(at_work_hear(answer, WAIT_MS / 2), E_LIMIT);
		assert_int_equal(t.n, 0);
		ends(pid, answer);
	}
	at_work_watch(NULL, NULL);
}

/* Without a lock nothing is told, and no file is made: another uid's may be to come. */
static void
test_none(void **state)
{
	struct told t = {0};
	(void)state;
	assert_int_equal(rename("index/lock", "index/other"), 0);
	at_work_watch(on_told, &t);
	at_work_begin();
	at_work_tell(1, 1);
	at_work_end();
	at_work_watch(NULL, NULL);
	assert_int_equal(t.n, 0);
	assert_int_not_equal(access("index/lock", F_OK), 0);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 && mkdir("index", 0700) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	unlink("index/other");
	return rmdir("index") == 0 && chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_patient),
	    cmocka_unit_test(test_impatient),
	    cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests_name("store_at_work", tests, setup, teardown);
}
