/* SPDX-License-Identifier: ISC */
/* test_account.c - the table: what was written is read, and no uid is given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account/files.h"
#include "account/retentions.h"
#include "account_same.h"
#include "base/log.h"
#include "conf/conf.h"

/* Berkeley DB keeps memory of an environment that was abandoned. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

enum { PATH_BYTES = 128, UID_FIRST = 5000, UID_LAST = 5009 };

struct place {
	char dir[64], accounts[PATH_BYTES];
	struct conf *conf;
};

static int
setup(void **st)
{
	struct place *p = calloc(1, sizeof *p);
	struct buf errors = {0};
	char path[PATH_BYTES];
	assert_non_null(p);
	strcpy(p->dir, "/tmp/merpati-test-acct.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->accounts, sizeof p->accounts, "%s/state/accounts", p->dir);
	snprintf(path, sizeof path, "%s/conf", p->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
	    "version = 1\ncommon {\n\tstate_dir = \"%s/state\"\n\tuid_first = "
	    "%d\n\tuid_last = %d\n}\n",
	    p->dir, UID_FIRST, UID_LAST);
	assert_int_equal(fclose(f), 0);
	if (conf_load(path, &errors, &p->conf) != E_OK)
		fail_msg("%s", buf_cstr(&errors));
	buf_free(&errors);
	*st = p;
	return 0;
}

static int
teardown(void **st)
{
	struct place *p = *st;
	char command[PATH_BYTES];
	snprintf(command, sizeof command, "rm -rf %s", p->dir);
	conf_free(&p->conf);
	free(p);
	return system(command);
}

static struct accounts_writer *
begin(const struct place *p)
{
	struct accounts_writer *w = NULL;
	assert_int_equal(accounts_write_begin(p->conf, &w), E_OK);
	assert_non_null(w);
	return w;
}

static void
end(struct accounts_writer *w)
{
	assert_int_equal(accounts_write_end(&w), E_OK);
	assert_null(w);
}

static struct account
account_of(const char *address, uid_t uid)
{
	return (struct account){.address = span_of(address),
	    .uid = uid,
	    .gid = (gid_t)uid,
	    .home = SPAN("a.test/x"),
	    .pop3_keep_days = POP3_KEEP_ALWAYS};
}

static void
check_get(struct accounts *a, const char *address, int err, const struct account *want)
{
	struct arena arena = {0};
	struct account have;
	assert_int_equal(account_get(a, span_of(address), &arena, &have), err);
	if (err == E_OK)
		assert_same(&have, want);
	arena_reset(&arena);
}

static int
say(void *ctx, const struct account *a)
{
	struct buf *out = ctx;
	buf_putf(out, "%.*s%s ", SPAN_ARG(a->address), a->is_suspended ? "!" : "");
	return span_eqs(a->address, "stop@a.test") ? E_DENY : E_OK;
}

static void
check_each(struct accounts *a, int err, const char *all)
{
	struct buf said = {0};
	assert_int_equal(accounts_each(a, say, &said), err);
	if (!span_eqs(buf_as_span(&said), all))
		fail_msg("%s", buf_cstr(&said));
	buf_free(&said);
}

/* add, get, change, suspend, remove: a reader that was open all the time sees each. */
static void
test_life_of_an_account(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	struct account anna = account_of("anna@a.test", 7),
		       ben = account_of("ben@a.test", 8);
	assert_int_equal(
	    accounts_open(p->accounts, false, &a), E_IO); /* not there yet */

	struct accounts_writer *w = begin(p);
	assert_int_equal(account_put(w, &ben), E_OK);
	assert_int_equal(account_put(w, &anna), E_OK);
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	check_get(a, "anna@a.test", E_OK, &anna);
	check_get(a, "ben@a.test", E_OK, &ben);
	check_get(a, "carl@a.test", E_BAD, NULL);
	check_get(a, "anna@a.tes", E_BAD, NULL);
	check_each(a, E_OK, "anna@a.test ben@a.test ");

	w = begin(p);
	anna.is_suspended = true;
	anna.quota_bytes = 5000000000;
	assert_int_equal(account_put(w, &anna), E_OK);
	end(w);
	check_get(a, "anna@a.test", E_OK, &anna);
	check_each(a, E_OK, "anna@a.test! ben@a.test ");

	w = begin(p);
	assert_int_equal(account_remove(w, anna.address), E_OK);
	assert_int_equal(account_remove(w, SPAN("carl@a.test")), E_BAD);
	end(w);
	check_get(a, "anna@a.test", E_BAD, NULL);
	check_each(a, E_OK, "ben@a.test ");
	accounts_close(&a);
	assert_null(a);
}

static void
check_retention(struct accounts *a, const char *domain, int err, const char *want)
{
	struct arena arena = {0};
	struct span rules = SPAN("");
	assert_int_equal(account_retention(a, span_of(domain), &arena, &rules), err);
	if (!span_eqs(rules, want))
		fail_msg("%s: %.*s", domain, SPAN_ARG(rules));
	arena_reset(&arena);
}

static int
count_if_first(void *ctx, const struct account *a)
{
	unsigned *n = ctx;
	assert_true(span_eqs(a->address, "anna@b.test"));
	assert_true(span_eqs(a->retention, "keep\n"));
	++*n;
	return E_MORE;
}

/* Rules of domains stand beside the accounts, and each other: no name of one is that of another. */
static void
test_retention_of_domains(void **st)
{
	static char letters[ACCOUNT_RETENTION_MAX + 1];
	struct place *p = *st;
	struct accounts *a = NULL;
	struct retentions all = {.n = 0};
	struct account anna = account_of("anna@b.test", 7);
	memset(letters, 'x', sizeof letters);
	struct accounts_writer *w = begin(p);
	anna.retention = SPAN("keep\n");
	assert_int_equal(account_put(w, &anna), E_OK);
	assert_int_equal(account_alias_put(w, SPAN("b.test"), SPAN("x@c.test")), E_OK);
	assert_int_equal(
	    account_retention_put(w, SPAN("b.test"), SPAN("older=2d remove\n")), E_OK);
	assert_int_equal(
	    account_retention_put(w, SPAN("a.b.test"), SPAN("keep\n")), E_OK);
	assert_int_equal(account_retention_put(w, SPAN("c.test"),
			     span_make(letters, ACCOUNT_RETENTION_MAX)),
	    E_OK);
	assert_int_equal(account_retention_put(w, SPAN("d.test"),
			     span_make(letters, ACCOUNT_RETENTION_MAX + 1)),
	    E_LIMIT);
	assert_int_equal(account_retention_put(w, SPAN(""), SPAN("keep\n")), E_LIMIT);
	anna.retention = span_make(letters, ACCOUNT_RETENTION_MAX + 1);
	assert_int_equal(account_put(w, &anna), E_LIMIT);
	anna.retention = SPAN("keep\n");
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	check_get(a, "anna@b.test", E_OK, &anna);
	check_each(a, E_OK, "anna@b.test ");
	check_retention(a, "b.test", E_OK, "older=2d remove\n");
	check_retention(a, "test", E_BAD, "");
	check_retention(a, "d.test", E_BAD, "");
	check_retention(a, "", E_BAD, "");
	unsigned n = 0;
	assert_int_equal(retentions_load(a, &all, count_if_first, &n), E_MORE);
	assert_int_equal(n, 1);
	assert_int_equal(all.n, 3); /* all were there before the first account */
	assert_int_equal(retentions_load(a, &all, NULL, NULL), E_OK);
	assert_int_equal(all.n, 3);
	assert_true(
	    span_eqs(retentions_of(&all, SPAN("x@b.test")), "older=2d remove\n"));
	assert_true(span_eqs(retentions_of(&all, SPAN("x@a.b.test")), "keep\n"));
	assert_int_equal(
	    retentions_of(&all, SPAN("x@c.test")).n, ACCOUNT_RETENTION_MAX);
	assert_int_equal(retentions_of(&all, SPAN("x@test")).n, 0);
	assert_int_equal(retentions_of(&all, SPAN("b.test")).n, 0);
	w = begin(p);
	assert_int_equal(account_retention_del(w, SPAN("b.test")), E_OK);
	assert_int_equal(account_retention_del(w, SPAN("b.test")), E_BAD);
	assert_int_equal(account_remove(w, anna.address), E_OK);
	end(w);
	check_retention(a, "b.test", E_BAD, "");
	assert_int_equal(retentions_load(a, &all, NULL, NULL), E_OK);
	assert_int_equal(all.n, 2);
	retentions_free(&all);
	assert_int_equal(retentions_of(&all, SPAN("x@a.b.test")).n, 0);
	accounts_close(&a);
}

static void
test_nothing_written(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	end(begin(p));
	assert_int_equal(accounts_open(p->accounts, true, &a), E_OK);
	struct buf out = {0};
	check_get(a, "anna@a.test", E_BAD, NULL);
	check_each(a, E_OK, "");
	assert_int_equal(account_verifiers(a, SPAN("anna@a.test"), &out), E_BAD);
	assert_int_equal(out.len, 0);
	accounts_close(&a);
}

static void
test_each_stops(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	static const char *const names[] = {"a@a.test", "stop@a.test", "z@a.test"};
	uid_t uid;
	struct accounts_writer *w = begin(p);
	assert_int_equal(
	    account_uid_new(w, &uid), E_OK); /* the writer's own row is no account */
	for (size_t i = 0; i < COUNT(names); i++) {
		struct account one = account_of(names[i], uid);
		assert_int_equal(account_put(w, &one), E_OK);
	}
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	check_each(a, E_DENY, "a@a.test stop@a.test ");
	check_get(a, "z@a.test", E_OK,
	    &(struct account){.address = SPAN("z@a.test"),
		.uid = uid,
		.gid = uid,
		.home = SPAN("a.test/x"),
		.pop3_keep_days = POP3_KEEP_ALWAYS}); /* the lock was given back */
	accounts_close(&a);
}

/* What no address can be finds nothing: not the writer's own row either. */
static void
test_odd_addresses(void **st)
{
	static char letters[ACCOUNT_ADDRESS_MAX + 1];
	struct place *p = *st;
	struct accounts *a = NULL;
	struct arena arena = {0}, small = {.max_bytes = 64};
	struct account have;
	uid_t uid;
	memset(letters, 'a', sizeof letters);
	struct accounts_writer *w = begin(p);
	struct account longest = account_of("", 7), too_long = longest;
	longest.address = span_make(letters, ACCOUNT_ADDRESS_MAX);
	too_long.address = span_make(letters, ACCOUNT_ADDRESS_MAX + 1);
	assert_int_equal(account_uid_new(w, &uid), E_OK);
	assert_int_equal(account_put(w, &longest), E_OK);
	assert_int_equal(account_put(w, &too_long), E_LIMIT);
	assert_int_equal(account_put(w, &(struct account){0}), E_LIMIT);
	struct account reserved = account_of("", 7);
	reserved.address = span_make("\0uid", 5);
	assert_int_equal(account_put(w, &reserved), E_LIMIT);
	assert_int_equal(account_remove(w, reserved.address), E_BAD);
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	assert_int_equal(account_get(a, longest.address, &arena, &have), E_OK);
	assert_same(&longest, &have);
	assert_int_equal(account_get(a, longest.address, &small, &have),
	    E_IO); /* no room: later, not never */
	assert_int_equal(account_get(a, too_long.address, &arena, &have), E_BAD);
	assert_int_equal(account_get(a, reserved.address, &arena, &have), E_BAD);
	assert_int_equal(account_get(a, SPAN(""), &arena, &have), E_BAD);
	accounts_close(&a);
	arena_reset(&arena);
	arena_reset(&small);
}

static void
members_check(struct accounts *a, const char *group, const char *want)
{
	struct arena arena = {0};
	struct span members = SPAN("");
	int err = account_members(a, span_of(group), &arena, &members);
	assert_int_equal(err, want[0] ? E_OK : E_BAD);
	if (!span_eqs(members, want))
		fail_msg("%s: %.*s", group, SPAN_ARG(members));
	arena_reset(&arena);
}

static void
put_in(struct accounts_writer *w, struct account *a, const char *groups)
{
	a->groups = span_of(groups);
	assert_int_equal(account_put(w, a), E_OK);
}

static void
test_groups(void **st)
{
	static const char *const names[] = {
	    "staff", "it-2", "9.a_b", "", "-it", "IT", "a b", "a@b", "a\n", "\xc3\xa4"};
	struct place *p = *st;
	struct accounts *a = NULL;
	struct account anna = account_of("anna@a.test", 7),
		       ben = account_of("#ben@a.test", 8),
		       far = account_of("anna@b.test", 9);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(account_group_check(span_of(names[i])), i < 3);
	struct accounts_writer *w = begin(p);
	put_in(w, &anna, "staff\nit\n");
	put_in(w, &ben, "staff\n");
	put_in(w, &far, "staff\n");
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	members_check(a, "staff@a.test", "anna@a.test\n#ben@a.test\n");
	members_check(a, "it@a.test", "anna@a.test\n");
	members_check(a, "staff@b.test", "anna@b.test\n");
	members_check(a, "staff", "");
	members_check(a, "", "");
	check_get(a, "anna@a.test", E_OK, &anna);
	check_each(a, E_OK, "#ben@a.test anna@a.test anna@b.test ");
	w = begin(p); /* out of one, into another; other changes leave it where it is */
	put_in(w, &anna, "it\nsales\n");
	ben.is_suspended = true;
	put_in(w, &ben, "staff\n");
	assert_int_equal(account_remove(w, far.address), E_OK);
	end(w);
	members_check(a, "staff@a.test", "#ben@a.test\n");
	members_check(a, "it@a.test", "anna@a.test\n");
	members_check(a, "sales@a.test", "anna@a.test\n");
	members_check(a, "staff@b.test", "");
	accounts_close(&a);
}

/* One too many for its group: nothing of that write is there. */
static void
test_group_too_large(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	struct arena arena = {0};
	struct span members;
	char address[ACCOUNT_ADDRESS_MAX + 1];
	unsigned n = 0;
	int err = E_OK;
	struct accounts_writer *w = begin(p);
	for (; err == E_OK; n++) {
		snprintf(address, sizeof address, "%0300u@a.test", n);
		struct account one = account_of(address, 7);
		one.groups = SPAN("staff\n");
		if (n && n % 10 == 0) {
			end(w);
			w = begin(p);
		}
		err = account_put(w, &one);
	}
	assert_int_equal(err, E_LIMIT);
	assert_int_equal(accounts_write_end(&w), E_LIMIT);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	assert_int_equal(
	    account_members(a, SPAN("staff@a.test"), &arena, &members), E_OK);
	assert_int_equal(members.n, (n - 1) / 10 * 10 * 308);
	/* as many as a verdict has room for, with homes as long */
	assert_true(n > 80 && (n - 1) * (2 * 307 + 25) <= 60000);
	accounts_close(&a);
	arena_reset(&arena);
}

static void
test_secrets(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	struct account anna = account_of("anna@a.test", 7);
	struct buf out = {0}, first = {0};
	struct accounts_writer *w = begin(p);
	assert_int_equal(account_put(w, &anna), E_OK);
	assert_int_equal(
	    account_secret_put(w, anna.address, SPAN("secret word")), E_OK);
	end(w);
	assert_int_equal(accounts_open(p->accounts, true, &a), E_OK);
	assert_int_equal(account_verifiers(a, anna.address, &first), E_OK);
	assert_true(span_starts(buf_as_span(&first), SPAN("SCRAM-SHA-256$4096:")));
	assert_true(
	    span_search(buf_as_span(&first), SPAN("\nSCRAM-SHA-1$4096:")) < first.len);
	assert_int_equal(
	    span_search(buf_as_span(&first), SPAN("secret word")), first.len);
	assert_int_equal(account_verifiers(a, SPAN("ben@a.test"), &out), E_BAD);

	w = begin(p); /* the same word has another salt */
	assert_int_equal(
	    account_secret_put(w, anna.address, SPAN("secret word")), E_OK);
	end(w);
	assert_int_equal(account_verifiers(a, anna.address, &out), E_OK);
	assert_false(span_eq(buf_as_span(&first), buf_as_span(&out)));
	check_get(a, "anna@a.test", E_OK, &anna);

	w = begin(p); /* who is removed takes the secret along */
	assert_int_equal(account_remove(w, anna.address), E_OK);
	end(w);
	buf_reset(&out);
	assert_int_equal(account_verifiers(a, anna.address, &out), E_BAD);
	accounts_close(&a);
	buf_free(&out);
	buf_free(&first);
}

/* Each uid once, in order: after a removal, after a new start, until none is left. */
static void
test_uid_never_twice(void **st)
{
	struct place *p = *st;
	uid_t uid = 0;
	for (uid_t want = UID_FIRST; want <= UID_LAST;) {
		struct accounts_writer *w = begin(p);
		for (unsigned i = 0; i < 2 && want <= UID_LAST; i++, want++) {
			struct account one = account_of("one@a.test", want);
			assert_int_equal(account_uid_new(w, &uid), E_OK);
			assert_int_equal(uid, want);
			one.uid = uid;
			assert_int_equal(account_put(w, &one), E_OK);
			assert_int_equal(account_remove(w, one.address), E_OK);
		}
		end(w);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct accounts_writer *w = begin(p);
		struct account one = account_of("other@a.test", 7);
		assert_int_equal(account_uid_new(w, &uid), E_LIMIT);
		assert_int_equal(
		    account_put(w, &one), E_OK); /* what needs no uid goes on */
		end(w);
	}
}

/*
 * A writer that was killed before it ended wrote nothing: its uid was nobody's, and the table is as
 * before.
 */
static void
test_killed_writer(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	struct account anna = account_of("anna@a.test", 7),
		       ben = account_of("ben@a.test", 8);
	uid_t uid;
	int status;
	struct accounts_writer *w = begin(p);
	assert_int_equal(account_uid_new(w, &uid), E_OK);
	assert_int_equal(account_put(w, &anna), E_OK);
	end(w);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (accounts_write_begin(p->conf, &w) != E_OK ||
		    account_put(w, &ben) != E_OK ||
		    account_remove(w, anna.address) != E_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	check_each(a, E_OK, "anna@a.test ");
	w = begin(p);
	assert_int_equal(account_uid_new(w, &uid), E_OK);
	assert_int_equal(uid, UID_FIRST + 1);
	end(w);
	check_each(a, E_OK, "anna@a.test ");
	accounts_close(&a);
}

static int
put_many(struct accounts_writer *w, const char *format, unsigned n)
{
	static const char home[300];
	int err = E_OK;
	for (unsigned i = 0; i < n && err == E_OK; i++) {
		char name[32];
		snprintf(
		    name, sizeof name, format, i * 7919 % n); /* all over the table */
		struct account one = account_of(name, 9);
		one.home = span_make(home, sizeof home);
		err = account_put(w, &one);
	}
	return err;
}

/*
 * Killed in a change larger than its cache: pages of it are in the table, and no account may seem
 * to be gone.
 */
static void
test_killed_large_writer(void **st)
{
	enum { BEFORE = 2000, MORE = 20000 };
	struct place *p = *st;
	struct accounts *a = NULL, *again = NULL;
	struct account have;
	int status, wrong = 0;
	struct accounts_writer *w = begin(p);
	assert_int_equal(put_many(w, "n%06u@a.test", BEFORE), E_OK);
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int err = accounts_write_begin(p->conf, &w);
		if (err == E_OK)
			err = put_many(w, "n%06u-more@a.test", MORE);
		_exit(err == E_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int is_recovered = 0; is_recovered < 2; is_recovered++) {
		for (unsigned i = 0; i < BEFORE; i++) {
			struct arena arena = {0};
			char name[32];
			snprintf(name, sizeof name, "n%06u@a.test", i);
			int err = account_get(a, span_of(name), &arena, &have);
			wrong += err != E_OK && (is_recovered || err != E_IO);
			snprintf(name, sizeof name, "n%06u-more@a.test", i);
			err = account_get(a, span_of(name), &arena, &have);
			wrong += err != E_BAD && (is_recovered || err != E_IO);
			arena_reset(&arena);
		}
		assert_int_equal(wrong, 0);
		if (!is_recovered)
			assert_int_equal(
			    accounts_open(p->accounts, false, &again), E_OK);
	}
	accounts_close(&a);
	accounts_close(&again);
}

static void
set_generation(const struct place *p, uint64_t to)
{
	char path[PATH_BYTES + 16];
	snprintf(path, sizeof path, "%s/generation", p->accounts);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &to, sizeof to, 0), sizeof to);
	close(fd);
}

/*
 * Died while the table files were written: "later" from who was open, until somebody who may write
 * looks.
 */
static void
test_half_written(void **st)
{
	struct place *p = *st;
	struct accounts *open_before = NULL, *a = NULL;
	struct account anna = account_of("anna@a.test", 7);
	struct accounts_writer *w = begin(p);
	assert_int_equal(account_put(w, &anna), E_OK);
	end(w);
	assert_int_equal(accounts_open(p->accounts, false, &open_before), E_OK);
	check_get(open_before, "anna@a.test", E_OK, &anna);
	set_generation(p, 41);
	check_get(open_before, "anna@a.test", E_IO, NULL);
	check_get(open_before, "ben@a.test", E_IO, NULL);
	check_each(open_before, E_IO, "");
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK); /* recovers */
	check_get(a, "anna@a.test", E_OK, &anna);
	check_get(open_before, "anna@a.test", E_OK, &anna);
	accounts_close(&a);

	set_generation(p, 43);
	end(begin(p)); /* a writer recovers too */
	check_get(open_before, "anna@a.test", E_OK, &anna);
	accounts_close(&open_before);
}

/* A page that is gone makes accounts unreadable, not absent. */
static void
test_damaged_table(void **st)
{
	struct place *p = *st;
	struct accounts *a = NULL;
	struct account anna = account_of("anna@a.test", 7);
	char path[PATH_BYTES + 16];
	struct accounts_writer *w = begin(p);
	assert_int_equal(account_put(w, &anna), E_OK);
	end(w);
	snprintf(path, sizeof path, "%s/" ACCOUNTS_TABLE, p->accounts);
	assert_int_equal(truncate(path, 4096), 0); /* the page with the rows is gone */
	assert_int_equal(accounts_open(p->accounts, false, &a), E_OK);
	check_get(a, "anna@a.test", E_IO, NULL);
	check_get(a, "ben@a.test", E_IO, NULL);
	accounts_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_life_of_an_account, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_retention_of_domains, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nothing_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_each_stops, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_odd_addresses, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_group_too_large, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_uid_never_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_killed_writer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_killed_large_writer, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_half_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged_table, setup, teardown),
	};
	log_level(LOG_EMERG); /* what is broken here on purpose is logged */
	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
