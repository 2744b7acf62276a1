/* SPDX-License-Identifier: ISC */
/* test_recipient.c - the one verdict on a recipient, and what the address stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/usage.h"
#include "base/log.h"
#include "recipient_place.h"

/* clang-format off */
static const struct recipient_row rows[] = {
	/* accounts, in any case */
	{"anna@a.test",           RCPT_LOCAL,      "anna@a.test"},
	{"ANNA@A.TEST",           RCPT_LOCAL,      "anna@a.test"},
	{"nobody@a.test",         RCPT_UNKNOWN,    ""},
	{"anna",                  RCPT_LOCAL,      "anna@a.test"}, /* the first domain: RFC 5321 4.1.1.3 */
	{"gone@a.test",           RCPT_SUSPENDED,  ""},
	{"Gone+x@a.test",         RCPT_SUSPENDED,  ""},
	{"",                      RCPT_UNKNOWN,    ""},
	{"@a.test",               RCPT_UNKNOWN,    ""},
	/* elsewhere */
	{"anna@far.test",         RCPT_REMOTE,     ""},
	{"anna@sub.a.test",       RCPT_REMOTE,     ""},
	{"office@far.test",       RCPT_REMOTE,     ""}, /* an alias is one for our domains alone */
	/* subaddresses */
	{"anna+lists@a.test",     RCPT_LOCAL,      "anna@a.test/lists"},
	{"anna+a+b@a.test",       RCPT_LOCAL,      "anna@a.test/a+b"},
	{"anna+@a.test",          RCPT_LOCAL,      "anna@a.test"},
	{"+anna@a.test",          RCPT_UNKNOWN,    ""},
	{"nobody+x@a.test",       RCPT_UNKNOWN,    ""},
	{"a+b@a.test",            RCPT_LOCAL,      "a+b@a.test"}, /* an account of that very name comes first */
	{"sub+own@a.test",        RCPT_LOCAL,      "carl@a.test"},
	{"away+x@a.test",         RCPT_LOCAL,      ">Zoe@Far.test"},
	{"detail@a.test",         RCPT_LOCAL,      "anna@a.test/sub"},
	/* domain aliases */
	{"anna@other.test",       RCPT_LOCAL,      "anna@a.test"},
	{"Anna@OTHER.test",       RCPT_LOCAL,      "anna@a.test"},
	{"ben+x@third.test",      RCPT_LOCAL,      "ben@b.test/x"},
	{"nobody@other.test",     RCPT_UNKNOWN,    ""},
	{"away@other.test",       RCPT_LOCAL,      ">Zoe@Far.test"},
	{"mapped@a.test",         RCPT_LOCAL,      "ben@a.test"},
	/* catch-all: after everything else, and never of itself */
	{"anybody@catch.test",    RCPT_LOCAL,      "anna@a.test"},
	{"any+thing@catch.test",  RCPT_LOCAL,      "anna@a.test"},
	{"ring@catch.test",       RCPT_LOOP,       ""},
	{"anybody@self.test",     RCPT_UNKNOWN,    ""},
	{"nobody@self.test",      RCPT_UNKNOWN,    ""},
	/* aliases: letter case of a mailbox goes, of an address elsewhere stays */
	{"ben-and-carl@a.test",   RCPT_LOCAL,      "ben@a.test carl@a.test"},
	{"BEN-and-carl@b.test",   RCPT_LOCAL,      "ben@a.test carl@a.test"},
	{"office@a.test",         RCPT_LOCAL,      "ben@a.test >zoe@far.test carl@a.test"}, /* each once */
	{"dora@a.test",           RCPT_LOCAL,      "carl@a.test"},
	{"dora@b.test",           RCPT_LOCAL,      "ben@a.test"},
	{"anna@b.test",           RCPT_LOCAL,      "anna@a.test"},
	{"copy@a.test",           RCPT_LOCAL,      "copy@a.test ben@a.test"},
	{"quiet@a.test",          RCPT_UNKNOWN,    ""},
	{"only-unknown@a.test",   RCPT_UNKNOWN,    ""},
	{"only-suspended@a.test", RCPT_SUSPENDED,  ""},
	{"suspended-too@a.test",  RCPT_LOCAL,      "ben@a.test"},
	{"\"quoted name\"@a.test", RCPT_LOCAL,     "ben@a.test"},
	{"included@a.test",       RCPT_LOCAL,      "ben@a.test anna@a.test >zoe@far.test carl@a.test"},
	{"included-none@a.test",  RCPT_TEMP,       ""}, /* who is in it cannot be known now */
	{"included-relative@a.test", RCPT_TEMP,    ""},
	/* loops and depth */
	{"ring@a.test",           RCPT_LOOP,       ""},
	{"into-ring@a.test",      RCPT_LOOP,       ""},
	{"ring-too@a.test",       RCPT_LOOP,       ""},
	{"included-ring@a.test",  RCPT_LOOP,       ""},
	{"deep2@a.test",          RCPT_LOCAL,      "ben@a.test"},
	{"deep1@a.test",          RCPT_LOOP,       ""},
	/* too large */
	{"many1001@a.test",       RCPT_LOOP,       ""},
	{"long481@a.test",        RCPT_LOOP,       ""},
	/* quota: of an address itself, with its subaddress too; of a list when all its members are full */
	{"full@a.test",           RCPT_OVER_QUOTA, ""},
	{"full+x@a.test",         RCPT_OVER_QUOTA, ""},
	{"many@a.test",           RCPT_OVER_QUOTA, ""},
	{"fresh@a.test",          RCPT_LOCAL,      "fresh@a.test"},
	{"odd@a.test",            RCPT_LOCAL,      "odd@a.test"},
	{"full-too@a.test",       RCPT_OVER_QUOTA, ""},
	{"full-both@a.test",      RCPT_OVER_QUOTA, ""},
	{"full-deep@a.test",      RCPT_OVER_QUOTA, ""},
	{"full-twice@a.test",     RCPT_OVER_QUOTA, ""},
	{"full-gone@a.test",      RCPT_OVER_QUOTA, ""},
	{"full-one@a.test",       RCPT_LOCAL,      "full@a.test ben@a.test many@a.test"},
	{"full-last@a.test",      RCPT_LOCAL,      "ben@a.test full@a.test"},
	{"full-far@a.test",       RCPT_LOCAL,      "full@a.test >zoe@far.test"},
	/* domains in U-labels, A-labels and any case; their accounts and aliases as the setting spells them */
	{"anna@b\xc3\xbc" "cher.test", RCPT_LOCAL,  "anna@b\xc3\xbc" "cher.test"},
	{"Anna@B\xc3\x9c" "CHER.test", RCPT_LOCAL,  "anna@b\xc3\xbc" "cher.test"},
	{"anna+x@xn--bcher-kva.test", RCPT_LOCAL,  "anna@b\xc3\xbc" "cher.test/x"},
	{"ben@XN--BCHER-KVA.test", RCPT_LOCAL,     "ben@a.test"},
	{"nobody@xn--bcher-kva.test", RCPT_UNKNOWN, ""},
	{"any@xn--bcher-kva.xn--bcher-kva.test", RCPT_REMOTE, ""},
	{"carl@xn--strae-oqa.test", RCPT_LOCAL,    "carl@xn--strae-oqa.test"},
	{"carl@stra\xc3\x9f" "e.test", RCPT_LOCAL,  "carl@xn--strae-oqa.test"},
	{"anna@f\xc3\xbcr.test",  RCPT_LOCAL,      "anna@a.test"},
	{"anna@xn--fr-xka.test",  RCPT_LOCAL,      "anna@a.test"},
};

/* clang-format on */

static void
test_verdicts(void **st)
{
	(void)st;
	write_file("mail/a.test/full/usage", "1000 1\n");
	write_file("mail/a.test/many/usage", "1 10\n");
	write_file("mail/a.test/odd/usage", "full\n");
	for (size_t i = 0; i < COUNT(rows); i++)
		recipient_check(&rows[i]);
}

static void
test_quota_borders(void **st)
{
	/* clang-format off */
	static const struct {
		const char *usage;
		struct recipient_row row;
	} uses[] = {
		{"999 99999\n",  {"full@a.test", RCPT_LOCAL,      "full@a.test"}},
		{"1000 0\n",     {"full@a.test", RCPT_OVER_QUOTA, ""}},
		{"5000000000 9\n", {"full@a.test", RCPT_OVER_QUOTA, ""}}, /* past 32 bits */
		{"0 0\n",        {"full@a.test", RCPT_LOCAL,      "full@a.test"}},
		{"",             {"full@a.test", RCPT_LOCAL,      "full@a.test"}},
		/* the user's own limit is below the admin's; and above it */
		{"499 1 0 0 500 0\n", {"full@a.test", RCPT_LOCAL,      "full@a.test"}},
		{"500 1 0 0 500 0\n", {"full@a.test", RCPT_OVER_QUOTA, ""}},
		{"500 7 0 0 0 7\n",   {"full@a.test", RCPT_OVER_QUOTA, ""}},
		{"1000 1 0 0 2000 0\n", {"full@a.test", RCPT_OVER_QUOTA, ""}},
	};

	/* clang-format on */
	(void)st;
	for (size_t i = 0; i < COUNT(uses); i++) {
		write_file("mail/a.test/full/usage", uses[i].usage);
		recipient_check(&uses[i].row);
	}
	write_file("mail/a.test/many/usage", "99999 9\n");
	recipient_check(
	    &(struct recipient_row){"many@a.test", RCPT_LOCAL, "many@a.test"});
	write_file("mail/a.test/many/usage", "0 10\n");
	recipient_check(&(struct recipient_row){"many@a.test", RCPT_OVER_QUOTA, ""});
}

/* What placers put there since the keeper looked counts; what it took in does not count twice. */
static void
test_quota_placed(void **st)
{
	/* clang-format off */
	static const struct {
		const char *usage;
		enum recipient_verdict verdict;
	} uses[] = {
		{"0 0 0 0\n",       RCPT_LOCAL},
		{"0 9 0 0\n",       RCPT_OVER_QUOTA},
		{"0 9 500 1\n",     RCPT_LOCAL},
		{"500 0 0 0\n",     RCPT_LOCAL},
		{"500 0 500 0\n",   RCPT_LOCAL},
		{"9 10 500 1\n",    RCPT_OVER_QUOTA},
		{"0 9 900 9\n",     RCPT_LOCAL}, /* placed was lost */
		{"odd\n",           RCPT_LOCAL},
	};

	/* clang-format on */
	char path[RECIPIENT_PATH_BYTES];
	(void)st;
	snprintf(path, sizeof path, "%s/mail/a.test/many/placed", place.dir);
	placed_add(AT_FDCWD, path, 7, 500);
	for (size_t i = 0; i < COUNT(uses); i++) {
		bool is_full = uses[i].verdict == RCPT_OVER_QUOTA;
		write_file("mail/a.test/many/usage", uses[i].usage);
		recipient_check(&(struct recipient_row){
		    "many@a.test", uses[i].verdict, is_full ? "" : "many@a.test"});
	}
	snprintf(path, sizeof path, "%s/mail/a.test/full/placed", place.dir);
	placed_add(AT_FDCWD, path, 7, 500);
	write_file("mail/a.test/full/usage", "499 0 0 0\n");
	recipient_check(
	    &(struct recipient_row){"full@a.test", RCPT_LOCAL, "full@a.test"});
	write_file("mail/a.test/full/usage", "500 0 0 0\n");
	recipient_check(&(struct recipient_row){"full@a.test", RCPT_OVER_QUOTA, ""});
}

/* All accounts of a domain together, in each spelling of it; others are not touched. */
static void
test_quota_of_domain(void **st)
{
	/* clang-format off */
	static const struct {
		const char *full, *many;
		enum recipient_verdict verdict;
	} uses[] = {
		{"900 1\n",         "2099 1\n",         RCPT_LOCAL},
		{"900 1\n",         "2100 1\n",         RCPT_OVER_QUOTA},
		{"900 1\n",         "",                 RCPT_LOCAL},
		{"0 0 0 0\n",       "5000000000 1\n",   RCPT_OVER_QUOTA},
		/* full has a quota of 1000: what it says past that counts for nobody else */
		{"18446744073709551615 1\n", "1999 1\n",  RCPT_LOCAL},
		{"18446744073709551615 1\n", "2000 1\n",  RCPT_OVER_QUOTA},
		{"900 1\n",         "18446744073709551615 1\n", RCPT_OVER_QUOTA},
	};

	/* clang-format on */
	(void)st;
	for (size_t i = 0; i < COUNT(uses); i++) {
		bool is_full = uses[i].verdict == RCPT_OVER_QUOTA;
		write_file("mail/a.test/full/usage", uses[i].full);
		write_file("mail/a.test/many/usage", uses[i].many);
		recipient_close(); /* sums are kept for some seconds */
		recipient_open("\tdomain_quotas = {\"b.test=1\", \"a.TEST = 3000\"}\n");
		recipient_check(&(struct recipient_row){
		    "anna@a.test", uses[i].verdict, is_full ? "" : "anna@a.test"});
		recipient_check(&(struct recipient_row){
		    "Anna@other.test", uses[i].verdict, is_full ? "" : "anna@a.test"});
		recipient_check(
		    &(struct recipient_row){"ben@b.test", RCPT_LOCAL, "ben@b.test"});
	}
}

static void
test_largest_lists(void **st)
{
	static const struct {
		const char *address;
		size_t n;
	} lists[] = {
	    {"many1000@a.test", RECIPIENT_TARGETS_MAX}, {"long480@a.test", 480}};

	(void)st;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct arena arena = {0};
		struct target *t = NULL;
		size_t n = 0;
		assert_int_equal(recipient_resolve(place.recipients,
				     span_of(lists[i].address), &arena, &t, &n),
		    RCPT_LOCAL);
		assert_int_equal(n, lists[i].n);
		arena_reset(&arena);
	}
}

/* Out of memory is a matter of time: never "unknown", and never a list with members missing. */
static void
test_small_arena(void **st)
{
	static const char *const addresses[] = {"anna+x@a.test", "anybody@catch.test",
	    "office@a.test", "included@a.test", "anna@other.test", "away@a.test",
	    "deep2@a.test"};
	bool was_short = false, was_enough = false;
	(void)st;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct arena enough = {0};
		struct buf whole = {0};
		assert_int_equal(
		    recipient_said(addresses[i], &enough, &whole), RCPT_LOCAL);
		for (size_t most = 16; most <= enough.used_bytes; most += 16) {
			struct arena arena = {.max_bytes = most};
			struct buf said = {0};
			enum recipient_verdict v =
			    recipient_said(addresses[i], &arena, &said);
			if (v != RCPT_TEMP &&
			    (v != RCPT_LOCAL ||
				!span_eq(buf_as_span(&said), buf_as_span(&whole))))
				fail_msg("<%s> in %zu: %d %s", addresses[i], most,
				    (int)v, buf_cstr(&said));
			was_short |= v == RCPT_TEMP;
			was_enough |= v == RCPT_LOCAL;
			buf_free(&said);
			arena_reset(&arena);
		}
		buf_free(&whole);
		arena_reset(&enough);
	}
	assert_true(was_short && was_enough);
}

/*
 * The same mailbox has another tag for another subaddress, and the same one however it is reached.
 */
static void
test_tags(void **st)
{
	static const char *const addresses[] = {
	    "anna@a.test", "ANNA@other.test", "anna+x@a.test"};
	uint32_t tags[COUNT(addresses)];
	(void)st;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct arena arena = {0};
		struct target *t = NULL;
		size_t n = 0;
		assert_int_equal(recipient_resolve(place.recipients,
				     span_of(addresses[i]), &arena, &t, &n),
		    RCPT_LOCAL);
		assert_int_equal(n, 1);
		assert_true(span_eqs(t[0].home, "a.test/anna"));
		tags[i] = t[0].tag;
		arena_reset(&arena);
	}
	assert_int_equal(tags[0], tags[1]);
	assert_int_not_equal(tags[0], tags[2]);
}

static void
test_other_subaddress(void **st)
{
	(void)st;
	recipient_close();
	recipient_open("\tsubaddress = \"-\"\n");
	recipient_check(
	    &(struct recipient_row){"anna-x@a.test", RCPT_LOCAL, "anna@a.test/x"});
	recipient_check(&(struct recipient_row){"anna+x@a.test", RCPT_UNKNOWN, ""});
	recipient_check(&(struct recipient_row){
	    "ben-and-carl@a.test", RCPT_LOCAL, "ben@a.test carl@a.test"});
	recipient_close();
	recipient_open("\tsubaddress = \"\"\n");
	recipient_check(&(struct recipient_row){"anna+x@a.test", RCPT_UNKNOWN, ""});
	recipient_check(
	    &(struct recipient_row){"a+b@a.test", RCPT_LOCAL, "a+b@a.test"});
}

/*
 * No table: come back later, as nobody knows who will be in it.  It comes to be, and grows, without a
 * new start.  Half written: the same.
 */
static void
test_table_comes_and_goes(void **st)
{
	char path[RECIPIENT_PATH_BYTES];
	uint64_t odd = 1;
	struct accounts_writer *w = NULL;
	(void)st;
	recipient_check(&(struct recipient_row){"anna@a.test", RCPT_TEMP, ""});
	/* a role made the folder for its jail */
	make_dirs((const char *const[]){"state/accounts", NULL});
	recipient_check(&(struct recipient_row){"anna@a.test", RCPT_TEMP, ""});
	write_accounts();
	recipient_check(
	    &(struct recipient_row){"anna@a.test", RCPT_LOCAL, "anna@a.test"});
	recipient_check(&(struct recipient_row){"eva@a.test", RCPT_UNKNOWN, ""});
	assert_int_equal(accounts_write_begin(place.conf, &w), E_OK);
	add_account(w, "eva@a.test", &(struct account){0});
	assert_int_equal(account_remove(w, SPAN("anna@a.test")), E_OK);
	assert_int_equal(accounts_write_end(&w), E_OK);
	recipient_check(&(struct recipient_row){"anna@a.test", RCPT_UNKNOWN, ""});
	recipient_check(
	    &(struct recipient_row){"eva@a.test", RCPT_LOCAL, "eva@a.test"});

	snprintf(path, sizeof path, "%s/state/accounts/generation", place.dir);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &odd, sizeof odd, 0), sizeof odd);
	close(fd);
	recipient_check(&(struct recipient_row){"eva@a.test", RCPT_TEMP, ""});
	recipient_check(&(struct recipient_row){"nobody@a.test", RCPT_TEMP, ""});
	recipient_check(&(struct recipient_row){
	    "office@a.test", RCPT_TEMP, ""}); /* some of its members are accounts */
	recipient_check(
	    &(struct recipient_row){"away@a.test", RCPT_LOCAL, ">Zoe@Far.test"});
	recipient_check(&(struct recipient_row){"zoe@far.test", RCPT_REMOTE, ""});
}

/* An alias file that cannot be read: who is not known from before cannot be denied. */
static void
test_no_aliases(void **st)
{
	static const char *const dirs[] = {"aliases", NULL};
	char path[RECIPIENT_PATH_BYTES];
	(void)st;
	snprintf(path, sizeof path, "%s/aliases", place.dir);
	assert_int_equal(unlink(path), 0);
	make_dirs(dirs);
	recipient_check(&(struct recipient_row){"anna@a.test", RCPT_TEMP, ""});
	recipient_check(&(struct recipient_row){"nobody@a.test", RCPT_TEMP, ""});
	recipient_check(&(struct recipient_row){"anna@far.test", RCPT_REMOTE, ""});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_verdicts, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_borders, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_placed, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_of_domain, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_largest_lists, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_small_arena, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_tags, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_other_subaddress, recipient_setup_accounts, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_table_comes_and_goes, recipient_setup, recipient_teardown),
	    cmocka_unit_test_setup_teardown(
		test_no_aliases, recipient_setup_accounts, recipient_teardown),
	};
	log_level(
	    LOG_EMERG); /* members that are left out and tables that cannot be read are logged */
	return cmocka_run_group_tests_name("recipient", tests, NULL, NULL);
}
