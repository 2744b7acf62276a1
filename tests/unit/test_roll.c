/* SPDX-License-Identifier: ISC */
/* test_roll.c - the roll of connections, and a front that writes into it what it likes. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "login/peer.h"
#include "login/roll.h"

/* roll_new's only mapping: how large it is, and where */
static struct {
	void *p;
	size_t n;
} shared;

void *__real_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset);

void *
__wrap_mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	void *p = __real_mmap64(at, n, prot, flags, fd, offset);
	if (flags & MAP_SHARED) {
		shared.p = p;
		shared.n = n;
	}
	return p;
}

static uint64_t
from(uint32_t address)
{
	struct sockaddr_storage ss = {.ss_family = AF_INET};
	struct peer peer;
	((struct sockaddr_in *)(void *)&ss)->sin_addr.s_addr = htonl(address);
	peer_of(&ss, &peer);
	return peer.key;
}

static void
begin(const char *settings)
{
	char path[] = "/tmp/roll.XXXXXX";
	struct buf errors = {0};
	struct conf *conf;
	int fd = mkstemp(path);
	assert_true(
	    fd >= 0 &&
	    dprintf(fd,
		"version = 1\ncommon {\n\thostname = \"mail.example.test\"\n\tdomains "
		"= {\"example.test\"}\n}\npop3d {\n%s}\n",
		settings) > 0);
	close(fd);
	assert_int_equal(conf_load(path, &errors, &conf), E_OK);
	unlink(path);
	roll_new(conf, "pop3d", "front_connections", "fronts_most");
	conf_free(&conf);
	buf_free(&errors);
}

/* Another process; its exit status is what f says. */
static int
elsewhere(int (*f)(void), pid_t *pid)
{
	int status;
	*pid = fork();
	if (*pid == 0)
		_exit(f());
	assert_int_equal(waitpid(*pid, &status, 0), *pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
enter_two(void)
{
	return roll_sign() == E_OK && roll_enter(from(1)) == E_OK &&
	               roll_enter(from(2)) == E_OK
	           ? 0
	           : 1;
}

static void
test_counts(void **state)
{
	pid_t pid;
	(void)state;
	begin("front_connections = 4\nfronts_most = 2\nconnections_most = "
	      "5\nconnections_per_address = 2\n");
	assert_int_equal(roll_sign(), E_OK);
	assert_int_equal(elsewhere(enter_two, &pid), 0);
	assert_int_equal(roll_enter(from(1)), E_OK);
	assert_int_equal(roll_enter(from(1)), E_DENY);
	assert_int_equal(roll_enter(from(3)), E_OK);
	assert_int_equal(roll_enter(from(4)), E_OK);
	assert_int_equal(roll_enter(from(5)), E_LIMIT);
	roll_leave(from(1));
	assert_int_equal(roll_enter(from(5)), E_OK);
	roll_leave(from(3));
	roll_strike(pid);
	assert_int_equal(roll_enter(from(1)), E_OK);
	assert_int_equal(roll_enter(from(1)), E_OK);
	assert_int_equal(roll_enter(from(6)), E_LIMIT); /* this front's own */
	roll_close();
}

static int fill;

static int
scribble(void)
{
	memset(shared.p, fill, shared.n);
	return 0;
}

/*
 * Whatever stands there: who entered leaves, no more than there is room for enter, and nothing else
 * is touched.
 */
static void
test_scribbled(void **state)
{
	pid_t pid;
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fill = (int[]){0, 0xff, 0x41}[i];
		begin("front_connections = 4\nfronts_most = 2\nconnections_most = "
		      "60000\nconnections_per_address = 60000\n");
		assert_int_equal(roll_sign(), E_OK);
		assert_int_equal(roll_enter(from(1)), E_OK);
		assert_int_equal(roll_enter(from(2)), E_OK);
		assert_int_equal(elsewhere(scribble, &pid), 0);
		assert_int_equal(roll_enter(from(3)), E_OK);
		assert_int_equal(elsewhere(scribble, &pid), 0);
		assert_int_equal(roll_enter(from(4)), E_OK);
		assert_int_equal(roll_enter(from(5)), E_LIMIT);
		assert_int_equal(elsewhere(scribble, &pid), 0);
		for (uint32_t k = 1; k <= 4; k++)
			roll_leave(from(k));
		assert_int_equal(roll_enter(from(6)), E_OK);
		roll_leave(from(6));
		roll_strike(pid);
		roll_close();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_scribbled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
