/* SPDX-License-Identifier: ISC */
/* test_failures.c - wrong passwords: what they count, whom they ban, whatever becomes of the file. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/bans_file.h"
#include "auth/failures.h"
#include "base/log.h"
#include "conf/conf.h"

enum { NOW = 1000000000, MINUTE = 60, HOUR = 3600, WRITERS = 4, EACH = 400 };

static struct {
	char dir[64], file[96];
	struct conf *conf;
	struct failures *failures;
} the;

static int
begin(void **state)
{
	struct buf errors = {0};
	char path[96];
	(void)state;
	snprintf(the.dir, sizeof the.dir, "/tmp/failures.XXXXXX");
	assert_non_null(mkdtemp(the.dir));
	snprintf(the.file, sizeof the.file, "%s/auth_failures", the.dir);
	snprintf(path, sizeof path, "%s/conf", the.dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	    "version = 1\ncommon {\n\tuser_auth = \"61003\"\n\tgroup = "
	    "\"61001\"\n\tstate_dir = \"%s\"\n\tban_failures = "
	    "5\n\tlock_failures = 8\n\tfailure_window = 1h\n\tban_time = "
	    "10m\n\tban_time_most = 30m\n\tban_exempt = {\"198.51.100.0/24\"}\n}\n",
	    the.dir);
	fclose(f);
	assert_int_equal(conf_load(path, &errors, &the.conf), E_OK);
	unlink(path);
	buf_free(&errors);
	the.failures = failures_open(the.conf);
	assert_non_null(the.failures);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	failures_close(&the.failures);
	conf_free(&the.conf);
	unlink(the.file);
	return rmdir(the.dir);
}

static uint32_t
wrong(const char *client, const char *name, uint64_t password, int64_t now)
{
	const struct attempt a = {.client = client,
	    .name = span_of(name),
	    .name_tag = bans_mix((unsigned char)name[0]) | 1,
	    .password_tag = password};
	return failures_wrong(the.failures, &a, now);
}

static void
right(const char *client, const char *name, int64_t now)
{
	const struct attempt a = {.client = client,
	    .name = span_of(name),
	    .name_tag = bans_mix((unsigned char)name[0]) | 1};
	failures_right(the.failures, &a, now);
}

static bool
refuses(const char *client, const char *name, int64_t now)
{
	const struct attempt a = {.client = client,
	    .name = span_of(name),
	    .name_tag = bans_mix((unsigned char)name[0]) | 1};
	return failures_refuses(the.failures, &a, now);
}

/* As a front sees it. */
static bool
is_banned(const char *client, int64_t now)
{
	struct bans *b = bans_open(the.conf, false);
	struct ban ban;
	assert_non_null(b);
	bool is = bans_has(b, client, now, &ban) == E_OK;
	bans_close(&b);
	return is;
}

/* Wrong passwords of many logins. */
static void
guess(const char *client, uint64_t from, unsigned n, int64_t now)
{
	for (unsigned i = 0; i < n; i++)
		wrong(client, "u1", from + i, now);
}

static void
test_network(void **state)
{
	(void)state;
	guess("192.0.2.1", 1, 4, NOW);
	assert_false(is_banned("192.0.2.1", NOW));
	guess("192.0.2.1", 5, 1, NOW);
	assert_true(is_banned("192.0.2.1", NOW));
	assert_true(refuses("192.0.2.1", "u1", NOW));
	assert_false(is_banned("192.0.2.2", NOW));
	assert_true(is_banned("192.0.2.1", NOW + 10 * MINUTE - 1));
	assert_false(is_banned("192.0.2.1", NOW + 10 * MINUTE));
	/* the clock went back a little; or far */
	assert_true(is_banned("192.0.2.1", NOW - BANS_SLACK_SEC));
	assert_false(is_banned("192.0.2.1", NOW - BANS_SLACK_SEC - 1));
}

static void
test_delay(void **state)
{
	static const uint32_t want_ms[] = {1000, 2000, 4000, 8000, 16000, 1000};
	(void)state;
	for (unsigned i = 0; i < COUNT(want_ms) - 1; i++)
		assert_int_equal(wrong("192.0.2.1", "u1", i + 1, NOW), want_ms[i]);
	assert_int_equal(wrong("192.0.2.9", "v1", 1, NOW), 1000);
	assert_int_equal(wrong("198.51.100.7", "w1", 1, NOW), 0);
}

static void
test_window(void **state)
{
	(void)state;
	guess("192.0.2.1", 1, 4, NOW);
	guess("192.0.2.1", 10, 4, NOW + HOUR);
	assert_false(is_banned("192.0.2.1", NOW + HOUR));
	guess("192.0.2.1", 20, 1, NOW + 2 * HOUR - 1);
	assert_true(is_banned("192.0.2.1", NOW + 2 * HOUR - 1));
}

/* One device with an old password, as often as it likes. */
static void
test_stale_device(void **state)
{
	(void)state;
	right("192.0.2.1", "u1", NOW);
	for (unsigned i = 0; i < 200; i++)
		wrong("192.0.2.1", "u1", 77, NOW + i * MINUTE);
	/* and one that does SCRAM, from where the login comes from */
	for (unsigned i = 0; i < 200; i++)
		wrong("192.0.2.1", "u1", 0, NOW + i * MINUTE);
	assert_false(is_banned("192.0.2.1", NOW + 200 * MINUTE));
	/* who guesses by SCRAM comes from elsewhere */
	for (unsigned i = 0; i < 5; i++)
		wrong("192.0.2.2", "u1", 0, NOW);
	assert_true(is_banned("192.0.2.2", NOW));
}

/* One password, tried with many logins, is many. */
static void
test_spray(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	(void)state;
	for (unsigned i = 0; i < COUNT(names); i++) {
		assert_false(is_banned("192.0.2.1", NOW));
		wrong("192.0.2.1", names[i], 7, NOW);
	}
	assert_true(is_banned("192.0.2.1", NOW));
}

static void
test_ipv6(void **state)
{
	(void)state;
	guess("2001:db8:0:1::1", 1, 3, NOW);
	guess("2001:db8:0:1:ffff::2", 10, 2, NOW);
	assert_true(is_banned("2001:db8:0:1:1234::", NOW));
	assert_false(is_banned("2001:db8:0:2::1", NOW));
	assert_false(is_banned("2001:db8::1", NOW));
}

static void
test_exempt(void **state)
{
	(void)state;
	guess("198.51.100.7", 1, 50, NOW);
	assert_false(is_banned("198.51.100.7", NOW));
	assert_false(refuses("198.51.100.7", "u1", NOW));
}

static void
test_grows(void **state)
{
	int64_t now = NOW;
	static const int64_t want[] = {
	    10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE};
	(void)state;
	for (unsigned i = 0; i < COUNT(want); i++) {
		guess("192.0.2.1", 100 * (i + 1), 5, now);
		assert_true(is_banned("192.0.2.1", now + want[i] - 1));
		now += want[i];
		assert_false(is_banned("192.0.2.1", now));
	}
	now += 30 * MINUTE; /* long enough without one */
	guess("192.0.2.1", 1000, 5, now);
	assert_false(is_banned("192.0.2.1", now + 10 * MINUTE));
}

/* Strangers from everywhere try one login: who owns it comes in from where he came before. */
static void
test_lock(void **state)
{
	char client[32];
	(void)state;
	right("203.0.113.5", "u1", NOW);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(client, sizeof client, "192.0.2.%u", i + 1);
		assert_false(refuses(client, "u1", NOW));
		wrong(client, "u1", i + 1, NOW);
	}
	assert_true(refuses("192.0.2.1", "u1", NOW));
	assert_true(refuses("192.0.2.200", "u1", NOW));
	assert_false(refuses("192.0.2.200", "v1", NOW));
	assert_false(refuses("203.0.113.5", "u1", NOW));
	assert_false(is_banned("192.0.2.1", NOW)); /* each of them tried once */
	right("203.0.113.5", "u1", NOW);           /* which is no help to them */
	assert_true(refuses("192.0.2.1", "u1", NOW));
	assert_false(refuses("192.0.2.1", "u1", NOW + 10 * MINUTE));
	/* what is known is forgotten */
	assert_true(refuses("192.0.2.1", "u1", NOW + 10 * MINUTE - 1));
}

static void
test_good_login(void **state)
{
	(void)state;
	right("192.0.2.1", "u1", NOW);
	for (unsigned i = 0; i < 3; i++)
		wrong("192.0.2.1", "u1", i + 1, NOW);
	assert_int_equal(wrong("203.0.113.1", "v1", 1, NOW), 1000);
	right("192.0.2.1", "u1", NOW);
	/* of the login it goes, of the network not: its fourth */
	assert_int_equal(wrong("192.0.2.1", "u1", 9, NOW), 8000);
	/* tried by strangers, then his own from a new place */
	for (unsigned i = 0; i < 7; i++)
		wrong(i % 2 ? "203.0.113.2" : "203.0.113.3", "u1", 100 + i, NOW);
	right("203.0.113.9", "u1", NOW);
	wrong("203.0.113.4", "u1", 200, NOW);
	assert_false(refuses("203.0.113.4", "u1", NOW));
}

/* ---- the file ---- */

static void
test_restart(void **state)
{
	(void)state;
	guess("192.0.2.1", 1, 5, NOW);
	guess("192.0.2.2", 20, 4, NOW);
	failures_close(&the.failures);
	the.failures = failures_open(the.conf);
	assert_true(is_banned("192.0.2.1", NOW));
	guess("192.0.2.2", 30, 1, NOW);
	assert_true(is_banned("192.0.2.2", NOW));
}

/* One that nobody bans: counts are all that comes of it. */
NORETURN static void
count_apart(unsigned w)
{
	struct failures *f = failures_open(the.conf);
	char client[32];
	if (!f)
		_exit(1);
	failures_rules(f)->ban_failures = UINT32_MAX;
	failures_rules(f)->lock_failures = 0;
	for (unsigned i = 0; i < EACH; i++) {
		struct attempt a = {.client = "192.0.2.250",
		    .name_tag = 1,
		    .password_tag = 1000 * (w + 1) + i};
		failures_wrong(f, &a, NOW);
		snprintf(client, sizeof client, "10.%u.%u.%u", w, i / 250, i % 250);
		a.client = client; /* the same again, from elsewhere */
		failures_wrong(f, &a, NOW);
	}
	_exit(0);
}

/* Several daemons at once: what they count is the sum. */
static void
test_writers(void **state)
{
	uint32_t most = 0, all = 0;
	(void)state;
	for (unsigned w = 0; w < WRITERS; w++)
		if (fork() == 0)
			count_apart(w);
	for (unsigned w = 0; w < WRITERS; w++) {
		int status;
		assert_true(wait(&status) > 0 && status == 0);
	}
	struct bans *b = bans_open(the.conf, false);
	for (size_t i = 0; i < COUNT(b->file->networks); i++) {
		uint32_t n = b->file->networks[i].count;
		most = n > most ? n : most;
		all += n;
	}
	assert_int_equal(most, WRITERS * EACH);
	assert_int_equal(all, WRITERS * EACH);
	bans_close(&b);
}

static void
test_dead_writer(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct bans *b = bans_open(the.conf, true);
		_exit(b && bans_lock(b) == E_OK && raise(SIGKILL) == 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	guess("192.0.2.1", 1, 5, NOW);
	assert_true(is_banned("192.0.2.1", NOW));
}

static void
test_full(void **state)
{
	struct bans *b = bans_open(the.conf, true);
	struct ban first = {.kind = BAN_ADMIN,
		       .since_sec = NOW,
		       .until_sec = NOW + HOUR},
		   found;
	unsigned n = 0;
	(void)state;
	assert_int_equal(net_parse(SPAN("10.0.0.0"), &first.net), E_OK);
	assert_int_equal(bans_lock(b), E_OK);
	for (uint32_t i = 0; i < 4 * BANS_SETS * BANS_WAYS; i++) {
		struct ban ban = first;
		memcpy(ban.net.b + 12, &i, sizeof i);
		n += bans_put(b, &ban, NOW) == E_OK;
	}
	assert_true(n > BANS_SETS && n <= BANS_SETS * BANS_WAYS);
	/* what was there first stays; what machines said gives way; what is over too */
	memset(first.net.b + 12, 0, 4);
	assert_int_equal(bans_find(b, BAN_ADMIN, &first.net, &found), E_OK);
	bans_unlock(b);
	guess("192.0.2.1", 1, 5, NOW); /* no room, most likely: nothing breaks */
	guess("192.0.2.1", 10, 5, NOW + HOUR);
	assert_true(is_banned("192.0.2.1", NOW + HOUR));
	bans_close(&b);
}

static void
write_at(off_t at, const void *p, size_t n)
{
	int fd = open(the.file, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
	close(fd);
}

static void
test_damaged(void **state)
{
	struct net net;
	struct ban ban;
	(void)state;
	guess("192.0.2.1", 1, 5, NOW);
	assert_int_equal(bans_net_of("192.0.2.1", &net), E_OK);
	/* a bit of a row: no ban any more, nor another one */
	struct bans *b = bans_open(the.conf, true);
	for (size_t i = 0; i < COUNT(b->file->bans); i++)
		if (b->file->bans[i].check)
			b->file->bans[i].until_sec ^= 1;
	assert_int_equal(bans_find(b, BAN_FAILURES, &net, &ban), E_BAD);
	bans_close(&b);
	guess("192.0.2.1", 10, 5, NOW);
	assert_true(is_banned("192.0.2.1", NOW));
	/* its head: made anew, also for who has it open */
	write_at(0, "something else", 14);
	assert_false(is_banned("192.0.2.1", NOW));
	assert_false(refuses("192.0.2.1", "u1", NOW));
	guess("192.0.2.1", 20, 5, NOW);
	assert_true(is_banned("192.0.2.1", NOW));
	/* too short */
	failures_close(&the.failures);
	assert_int_equal(truncate(the.file, 5000), 0);
	the.failures = failures_open(the.conf);
	assert_non_null(the.failures);
	guess("192.0.2.7", 30, 5, NOW);
	assert_true(is_banned("192.0.2.7", NOW));
}

/* A front that was taken over cannot write it, whatever it asks the kernel for. */
static void
test_readers(void **state)
{
	struct bans *b = bans_open(the.conf, false);
	struct stat st;
	(void)state;
	assert_non_null(b);
	assert_int_equal(b->fd, -1);
	assert_int_equal(
	    mprotect(b->file, sizeof *b->file, PROT_READ | PROT_WRITE), -1);
	bans_close(&b);
	assert_int_equal(stat(the.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* An auth that was taken over cannot make it shorter: all who have it mapped would die of that. */
static void
test_length(void **state)
{
	struct bans *b = bans_open(the.conf, true);
	(void)state;
	assert_int_equal(ftruncate(b->fd, 0), -1);
	assert_int_equal(bans_lock(b), E_OK);
	bans_unlock(b);
	bans_close(&b);
	guess("192.0.2.1", 1, 5, NOW);
	assert_true(is_banned("192.0.2.1", NOW));
}

/* The clock ran days ahead, and was put right: what it left behind gives way. */
static void
test_clock_was_ahead(void **state)
{
	enum { AHEAD = NOW + 10 * 86400, MANY = 4 * BANS_SETS * BANS_WAYS, FEW = 1000 };

	struct bans *b = bans_open(the.conf, true);
	struct ban ban = {.kind = BAN_FAILURES};
	char client[32];
	unsigned n = 0;
	(void)state;
	assert_int_equal(net_parse(SPAN("10.0.0.0"), &ban.net), E_OK);
	assert_int_equal(bans_lock(b), E_OK);
	for (uint32_t i = 0; i < MANY + FEW; i++) {
		int64_t now = i < MANY ? AHEAD : NOW;
		memcpy(ban.net.b + 12, &i, sizeof i);
		ban.since_sec = now;
		ban.until_sec = now + HOUR;
		assert_int_equal(bans_put(b, &ban, now), E_OK);
	}
	for (uint32_t i = MANY; i < MANY + FEW; i++) {
		memcpy(ban.net.b + 12, &i, sizeof i);
		n += bans_find(b, BAN_FAILURES, &ban.net, &ban) == E_OK;
	}
	assert_int_equal(n, FEW);
	bans_unlock(b);
	bans_close(&b);
	/* counts and what is known, too */
	for (unsigned i = 0; i < 80000; i++) {
		snprintf(client, sizeof client, "10.%u.%u.%u", i >> 16, i >> 8 & 255,
		    i & 255);
		wrong(client, "a", i + 1, AHEAD);
		right(client, "b", AHEAD);
	}
	for (unsigned i = 0; i < 4 * 300; i++) {
		snprintf(
		    client, sizeof client, "192.0.%u.%u", i % 300 >> 8, i % 300 & 255);
		wrong(client, "c", 0, NOW);
		if (i < 300)
			right(client, "d", NOW);
	}
	for (unsigned i = n = 0; i < 300; i++) {
		snprintf(client, sizeof client, "192.0.%u.%u", i >> 8, i & 255);
		wrong(client, "c", 0, NOW);
		n += is_banned(client, NOW);
	}
	assert_int_equal(n, 300);
}

/* What machines found of an address does not hide what an admin said of its network. */
static void
test_admin_of_more(void **state)
{
	struct bans *b = bans_open(the.conf, true);
	struct ban ban = {.kind = BAN_ADMIN, .since_sec = NOW, .until_sec = NOW + HOUR};
	(void)state;
	guess("203.0.113.1", 1, 5, NOW);
	assert_int_equal(bans_has(b, "203.0.113.1", NOW, &ban), E_OK);
	assert_int_equal(ban.kind, BAN_FAILURES);
	ban =
	    (struct ban){.kind = BAN_ADMIN, .since_sec = NOW, .until_sec = NOW + HOUR};
	assert_int_equal(net_parse(SPAN("203.0.113.0/24"), &ban.net), E_OK);
	assert_int_equal(bans_lock(b), E_OK);
	assert_int_equal(bans_put(b, &ban, NOW), E_OK);
	bans_unlock(b);
	failures_rules(the.failures)->is_on = false; /* ban = no */
	assert_true(refuses("203.0.113.2", "u1", NOW));
	assert_true(refuses("203.0.113.1", "u1", NOW));
	bans_close(&b);
}

static void
test_admin(void **state)
{
	struct bans *b = bans_open(the.conf, true);
	struct ban ban = {.kind = BAN_ADMIN,
	    .since_sec = NOW,
	    .until_sec = NOW + HOUR,
	    .text = "spam"};
	struct buf who = {0};
	(void)state;
	assert_int_equal(net_parse(SPAN("203.0.113.99/25"), &ban.net), E_OK);
	net_cut(&ban.net, ban.net.bits);
	assert_int_equal(bans_lock(b), E_OK);
	assert_int_equal(bans_put(b, &ban, NOW), E_OK);
	bans_unlock(b);
	assert_true(is_banned("203.0.113.1", NOW));
	assert_true(is_banned("203.0.113.127", NOW));
	assert_false(is_banned("203.0.113.128", NOW));
	ban_put_who(&ban, &who);
	assert_string_equal(buf_cstr(&who), "203.0.113.0/25");
	assert_int_equal(bans_lock(b), E_OK);
	assert_int_equal(bans_remove(b, &ban), E_OK);
	assert_int_equal(bans_remove(b, &ban), E_BAD);
	bans_unlock(b);
	assert_false(is_banned("203.0.113.1", NOW));
	assert_int_equal(net_parse(SPAN("::/0"), &ban.net), E_OK);
	assert_int_equal(bans_lock(b), E_OK);
	assert_int_equal(bans_put(b, &ban, NOW), E_OK);
	/* who looks does not wait for ever for a writer that does not let go */
	assert_true(is_banned("203.0.113.1", NOW));
	assert_true(is_banned("2001:db8::1", NOW));
	bans_unlock(b);
	bans_close(&b);
	buf_free(&who);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_network),
	    TEST(test_delay),
	    TEST(test_window),
	    TEST(test_stale_device),
	    TEST(test_spray),
	    TEST(test_ipv6),
	    TEST(test_exempt),
	    TEST(test_grows),
	    TEST(test_lock),
	    TEST(test_good_login),
	    TEST(test_restart),
	    TEST(test_writers),
	    TEST(test_dead_writer),
	    TEST(test_full),
	    TEST(test_damaged),
	    TEST(test_readers),
	    TEST(test_length),
	    TEST(test_clock_was_ahead),
	    TEST(test_admin_of_more),
	    TEST(test_admin),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
