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
#include <sys/stat.h>
#include <unistd.h>

#include "account/recipient.h"
#include "account/srs.h"
#include "account/usage.h"
#include "base/log.h"
#include "conf/conf.h"

enum { PATH_BYTES = 128 };

static struct place {
	char dir[64];
	struct conf *conf;
	struct recipients *recipients;
} place;

static const char conf_text[] =
    "version = 1\n"
    "common {\n"
    "\tdomains = {\"A.test\", \"b.test\", \"catch.test\", \"self.test\", "
    "\"b\xc3\xbc"
    "cher.test\", \"xn--strae-oqa.test\"}\n"
    "\tdomain_aliases = {\"other.test=A.test\", \"Third.test=b.test\", "
    "\"f\xc3\xbcr.test=A.test\"}\n"
    "\tcatch_all = {\"catch.test=Anna@A.test\", \"self.test=nobody@self.test\"}\n"
    "\tstate_dir = \"%s/state\"\n"
    "\tmail_dir = \"%s/mail\"\n"
    "\talias_file = \"%s/aliases\"\n"
    "%s"
    "}\n";

static void
write_file(const char *name, const char *text)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", place.dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
append_file(const char *name, const char *text)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", place.dir, name);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
write_aliases(void)
{
	struct buf b = {0};
	buf_putf(&b,
	    "ben-and-carl: Ben@a.test, carl@A.TEST\n"
	    "office: ben, zoe@far.test, office-more\n"
	    "office-more: ben@a.test, carl, nobody\n"
	    "dora@a.test: carl@a.test\n" /* the address before the local part */
	    "dora: ben@a.test\n"
	    "away@a.test: Zoe@Far.test\n"
	    "anna@b.test: anna@a.test\n"
	    "copy: copy, ben@a.test\n" /* there is a mailbox copy@a.test */
	    "quiet:\n"
	    "only-unknown: nobody, nobody2\n"
	    "only-suspended: gone\n"
	    "suspended-too: gone, ben\n"
	    "full-too: full\n"
	    "full-both: full, many@a.test\nfull-deep: full-both, full-too\n"
	    "full-twice: full, full@a.test\nfull-gone: full, gone, nobody\n"
	    "full-one: full, ben, many\nfull-last: ben, full\n"
	    "full-far: full, zoe@far.test\n"
	    "ben@b\xc3\xbc"
	    "cher.test: ben@a.test\n"
	    "ring: ring2\nring2: ring3\nring3: ring\n"
	    "ring-too: ben, ring\n"
	    "into-ring: ring2\n"
	    "included: :include:%s/list, carl\n"
	    "included-ring: :include:%s/list-ring\n"
	    "included-none: :include:%s/list-none\n"
	    "included-relative: :include:list\n"
	    "detail: anna+sub@a.test\n"
	    "mapped: ben@other.test\n"
	    "carl@b.test: team\nteam@b.test: team@a.test, carl@a.test\nowner-team: "
	    "zoe@far.test\n"
	    "sub+own@a.test: carl@a.test\n"
	    "owner-office: anna\nowner-away@a.test: anna@a.test\nowner-nothing: anna\n"
	    "\"quoted name\"@a.test: ben@a.test\n",
	    place.dir, place.dir, place.dir);
	for (unsigned i = 1; i <= RECIPIENT_DEPTH_MAX;
	     i++) /* deep1 is one too deep, deep2 is not */
		buf_putf(&b, "deep%u: deep%u\n", i, i + 1);
	buf_putf(&b, "deep%u: ben@a.test\n", RECIPIENT_DEPTH_MAX + 1);
	for (unsigned n = RECIPIENT_TARGETS_MAX; n <= RECIPIENT_TARGETS_MAX + 1; n++) {
		buf_putf(&b, "many%u:\n", n);
		for (unsigned i = 0; i < n; i++)
			buf_putf(&b, " m%u@far.test, M%u@far.test\n", i,
			    i); /* one of two is a double */
	}
	/* 100 octets an address and 25 beside: 480 of them are RECIPIENT_BYTES_MAX */
	for (unsigned n = 480; n <= 481; n++) {
		buf_putf(&b, "long%u:\n", n);
		for (unsigned i = 0; i < n; i++)
			buf_putf(&b, " %091u@far.test\n", i);
	}
	write_file("aliases", buf_cstr(&b));
	buf_free(&b);
	write_file("list", "ben@a.test # x\n# no@a.test\nanna, zoe@far.test\n");
	struct buf ring = {0};
	buf_putf(&ring, "ben, :include:%s/list-ring\n", place.dir);
	write_file("list-ring", buf_cstr(&ring));
	buf_free(&ring);
}

static void
put(struct accounts_writer *w, const char *address, const struct account *like)
{
	struct account a = *like;
	struct buf home = {0};
	struct span domain = span_of(address), local = span_cut(&domain, '@');
	buf_putf(&home, "%.*s/%.*s", SPAN_ARG(domain), SPAN_ARG(local));
	a.address = span_of(address);
	a.home = buf_as_span(&home);
	a.pop3_keep_days = POP3_KEEP_ALWAYS;
	assert_int_equal(account_uid_new(w, &a.uid), E_OK);
	a.gid = (gid_t)a.uid;
	assert_int_equal(account_put(w, &a), E_OK);
	buf_free(&home);
}

static void
write_accounts(void)
{
	struct accounts_writer *w = NULL;
	const struct account plain = {0}, gone = {.is_suspended = true},
			     full = {.quota_bytes = 1000},
			     many = {.quota_messages = 10},
			     sends = {.identities =
					  SPAN("pr@far.test\n*@sub.a.test\n")},
			     gone_sends = {.identities = SPAN("pr@far.test\n"),
				 .is_suspended = true};
	assert_int_equal(accounts_write_begin(place.conf, &w), E_OK);
	put(w, "anna@a.test", &plain);
	put(w, "ben@a.test", &plain);
	put(w, "carl@a.test", &plain);
	put(w, "copy@a.test", &plain);
	put(w, "dora@a.test", &plain); /* has an alias of her name */
	put(w, "a+b@a.test", &plain);
	put(w, "ben@b.test", &plain);
	put(w, "gone@a.test", &gone);
	put(w,
	    "anna@b\xc3\xbc"
	    "cher.test",
	    &plain);
	put(w, "carl@xn--strae-oqa.test", &plain);
	put(w, "full@a.test", &full);
	put(w, "many@a.test", &many);
	put(w, "fresh@a.test", &full); /* has no usage yet */
	put(w, "odd@a.test", &full);
	put(w, "pat@a.test", &sends);
	put(w, "pia@a.test", &gone_sends);
	assert_int_equal(accounts_write_end(&w), E_OK);
}

static void
open_all(const char *more)
{
	struct buf text = {0}, errors = {0};
	char path[PATH_BYTES];
	buf_putf(&text, conf_text, place.dir, place.dir, place.dir, more);
	write_file("conf", buf_cstr(&text));
	snprintf(path, sizeof path, "%s/conf", place.dir);
	if (conf_load(path, &errors, &place.conf) != E_OK)
		fail_msg("%s", buf_cstr(&errors));
	assert_int_equal(recipients_open(place.conf, false, &place.recipients), E_OK);
	buf_free(&text);
	buf_free(&errors);
}

static void
close_all(void)
{
	recipients_close(&place.recipients);
	assert_null(place.recipients);
	conf_free(&place.conf);
}

static void
make_dirs(const char *const *names)
{
	char path[PATH_BYTES];
	for (; *names; names++) {
		snprintf(path, sizeof path, "%s/%s", place.dir, *names);
		assert_int_equal(mkdir(path, 0755), 0);
	}
}

static int
setup(void **st)
{
	static const char *const dirs[] = {"state", "mail", "mail/a.test",
	    "mail/a.test/full", "mail/a.test/many", "mail/a.test/odd", NULL};
	(void)st;
	memset(&place, 0, sizeof place);
	strcpy(place.dir, "/tmp/merpati-test-rcpt.XXXXXX");
	assert_non_null(mkdtemp(place.dir));
	make_dirs(dirs);
	open_all("");
	write_aliases();
	return 0;
}

static int
setup_accounts(void **st)
{
	setup(st);
	write_accounts();
	return 0;
}

static int
teardown(void **st)
{
	char command[PATH_BYTES];
	(void)st;
	if (place.recipients)
		close_all();
	snprintf(command, sizeof command, "rm -rf %s", place.dir);
	return system(command);
}

/* ---- rows: what an address stands for, as "mailbox@domain/detail >elsewhere@domain" ---- */

struct row {
	const char *address;
	enum recipient_verdict verdict;
	const char *targets;
};

static enum recipient_verdict
ask(const char *address, struct arena *arena, struct buf *said)
{
	struct target *t = NULL;
	size_t n = 0;
	enum recipient_verdict v =
	    recipient_resolve(place.recipients, span_of(address), arena, &t, &n);
	for (size_t i = 0; v == RCPT_LOCAL && i < n; i++) {
		buf_putf(said, "%s%s%.*s", i ? " " : "", t[i].is_local ? "" : ">",
		    SPAN_ARG(t[i].address));
		if (t[i].detail.n)
			buf_putf(said, "/%.*s", SPAN_ARG(t[i].detail));
		/* a mailbox has its uid and home; an address elsewhere has neither */
		assert_int_equal(t[i].is_local, t[i].uid != 0);
		assert_int_equal(t[i].is_local, t[i].home.n != 0);
	}
	return v;
}

static void
check_row(const struct row *r)
{
	struct arena arena = {0};
	struct buf said = {0};
	enum recipient_verdict v = ask(r->address, &arena, &said);
	if (v != r->verdict || !span_eqs(buf_as_span(&said), r->targets))
		fail_msg("<%s>: %d %s", r->address, (int)v, buf_cstr(&said));
	buf_free(&said);
	arena_reset(&arena);
}

/* clang-format off */
static const struct row rows[] = {
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
		check_row(&rows[i]);
}

static void
test_quota_borders(void **st)
{
	/* clang-format off */
	static const struct {
		const char *usage;
		struct row row;
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
		check_row(&uses[i].row);
	}
	write_file("mail/a.test/many/usage", "99999 9\n");
	check_row(&(struct row){"many@a.test", RCPT_LOCAL, "many@a.test"});
	write_file("mail/a.test/many/usage", "0 10\n");
	check_row(&(struct row){"many@a.test", RCPT_OVER_QUOTA, ""});
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
	char path[PATH_BYTES];
	(void)st;
	snprintf(path, sizeof path, "%s/mail/a.test/many/placed", place.dir);
	placed_add(AT_FDCWD, path, 7, 500);
	for (size_t i = 0; i < COUNT(uses); i++) {
		bool is_full = uses[i].verdict == RCPT_OVER_QUOTA;
		write_file("mail/a.test/many/usage", uses[i].usage);
		check_row(&(struct row){
		    "many@a.test", uses[i].verdict, is_full ? "" : "many@a.test"});
	}
	snprintf(path, sizeof path, "%s/mail/a.test/full/placed", place.dir);
	placed_add(AT_FDCWD, path, 7, 500);
	write_file("mail/a.test/full/usage", "499 0 0 0\n");
	check_row(&(struct row){"full@a.test", RCPT_LOCAL, "full@a.test"});
	write_file("mail/a.test/full/usage", "500 0 0 0\n");
	check_row(&(struct row){"full@a.test", RCPT_OVER_QUOTA, ""});
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
		close_all(); /* sums are kept for some seconds */
		open_all("\tdomain_quotas = {\"b.test=1\", \"a.TEST = 3000\"}\n");
		check_row(&(struct row){
		    "anna@a.test", uses[i].verdict, is_full ? "" : "anna@a.test"});
		check_row(&(struct row){
		    "Anna@other.test", uses[i].verdict, is_full ? "" : "anna@a.test"});
		check_row(&(struct row){"ben@b.test", RCPT_LOCAL, "ben@b.test"});
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
		assert_int_equal(ask(addresses[i], &enough, &whole), RCPT_LOCAL);
		for (size_t most = 16; most <= enough.used_bytes; most += 16) {
			struct arena arena = {.max_bytes = most};
			struct buf said = {0};
			enum recipient_verdict v = ask(addresses[i], &arena, &said);
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
	close_all();
	open_all("\tsubaddress = \"-\"\n");
	check_row(&(struct row){"anna-x@a.test", RCPT_LOCAL, "anna@a.test/x"});
	check_row(&(struct row){"anna+x@a.test", RCPT_UNKNOWN, ""});
	check_row(
	    &(struct row){"ben-and-carl@a.test", RCPT_LOCAL, "ben@a.test carl@a.test"});
	close_all();
	open_all("\tsubaddress = \"\"\n");
	check_row(&(struct row){"anna+x@a.test", RCPT_UNKNOWN, ""});
	check_row(&(struct row){"a+b@a.test", RCPT_LOCAL, "a+b@a.test"});
}

/*
 * No table: nobody.  It comes to be, and grows, without a new start.  Half written: come back
 * later.
 */
static void
test_table_comes_and_goes(void **st)
{
	char path[PATH_BYTES];
	uint64_t odd = 1;
	struct accounts_writer *w = NULL;
	(void)st;
	check_row(&(struct row){"anna@a.test", RCPT_UNKNOWN, ""});
	write_accounts();
	check_row(&(struct row){"anna@a.test", RCPT_LOCAL, "anna@a.test"});
	check_row(&(struct row){"eva@a.test", RCPT_UNKNOWN, ""});
	assert_int_equal(accounts_write_begin(place.conf, &w), E_OK);
	put(w, "eva@a.test", &(struct account){0});
	assert_int_equal(account_remove(w, SPAN("anna@a.test")), E_OK);
	assert_int_equal(accounts_write_end(&w), E_OK);
	check_row(&(struct row){"anna@a.test", RCPT_UNKNOWN, ""});
	check_row(&(struct row){"eva@a.test", RCPT_LOCAL, "eva@a.test"});

	snprintf(path, sizeof path, "%s/state/accounts/generation", place.dir);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &odd, sizeof odd, 0), sizeof odd);
	close(fd);
	check_row(&(struct row){"eva@a.test", RCPT_TEMP, ""});
	check_row(&(struct row){"nobody@a.test", RCPT_TEMP, ""});
	check_row(&(struct row){
	    "office@a.test", RCPT_TEMP, ""}); /* some of its members are accounts */
	check_row(&(struct row){"away@a.test", RCPT_LOCAL, ">Zoe@Far.test"});
	check_row(&(struct row){"zoe@far.test", RCPT_REMOTE, ""});
}

/* An alias file that cannot be read: who is not known from before cannot be denied. */
static void
test_no_aliases(void **st)
{
	static const char *const dirs[] = {"aliases", NULL};
	char path[PATH_BYTES];
	(void)st;
	snprintf(path, sizeof path, "%s/aliases", place.dir);
	assert_int_equal(unlink(path), 0);
	make_dirs(dirs);
	check_row(&(struct row){"anna@a.test", RCPT_TEMP, ""});
	check_row(&(struct row){"nobody@a.test", RCPT_TEMP, ""});
	check_row(&(struct row){"anna@far.test", RCPT_REMOTE, ""});
}

static void
test_may_send(void **st)
{
	/* clang-format off */
	static const struct {
		const char *account, *sender;
		bool may;
	} senders[] = {
		{"anna@a.test", "anna@a.test",       true},
		{"Anna@a.test", "ANNA@A.test",       true},
		{"anna@a.test", "anna+x@a.test",     true},
		{"anna@a.test", "anna@other.test",   true},
		{"anna@a.test", "anybody@catch.test", true},
		{"anna@a.test", "ben@a.test",        false},
		{"ben@a.test",  "office@a.test",     true},
		{"anna@a.test", "office@a.test",     false},
		{"anna@a.test", "nobody@a.test",     false},
		{"anna@a.test", "anna@far.test",     false},
		{"zoe@far.test", "office@a.test",    false}, /* a member, but no mailbox of ours */
		{"full@a.test", "full@a.test",       true},  /* who is full may still write */
		{"gone@a.test", "gone@a.test",       false},
		{"pat@a.test",  "PR@far.test",       true},  /* granted */
		{"Pat@a.test",  "any.one@Sub.A.test", true},
		{"pat@a.test",  "pr+x@far.test",     false},
		{"pat@a.test",  "@sub.a.test",       false},
		{"pat@a.test",  "x@far.test",        false},
		{"pat@a.test",  "x@a.test",          false},
		{"anna@a.test", "pr@far.test",       false},
		{"pia@a.test",  "pr@far.test",       false}, /* and suspended */
		{"ben@a.test",  "ring-too@a.test",   false},
		{"",            "anna@a.test",       false},
		{"anna@a.test", "",                  false},
	};

	/* clang-format on */
	(void)st;
	write_file("mail/a.test/full/usage", "1000 1\n");
	for (size_t i = 0; i < COUNT(senders); i++)
		if (recipient_may_send(place.recipients, span_of(senders[i].account),
			span_of(senders[i].sender)) != (senders[i].may ? E_OK : E_BAD))
			fail_msg("%s as %s", senders[i].account, senders[i].sender);
}

/* clang-format off */
static const struct row group_rows[] = {
	{"team@a.test",       RCPT_LOCAL,     "anna@a.test ben@a.test"}, /* gone is left out */
	{"TEAM@other.test",   RCPT_LOCAL,     "anna@a.test ben@a.test"},
	{"team+x@a.test",     RCPT_LOCAL,     "anna@a.test ben@a.test"},
	{"team@b.test",       RCPT_LOCAL,     "anna@a.test ben@a.test carl@a.test"}, /* an alias comes first */
	{"carl@b.test",       RCPT_LOCAL,     "anna@a.test ben@a.test carl@a.test"},
	{"ben@a.test",        RCPT_LOCAL,     "ben@a.test"}, /* and an account before a group */
	{"dora@a.test",       RCPT_LOCAL,     "carl@a.test"},
	{"painters@a.test",   RCPT_LOCAL,     "carl@a.test"}, /* a member's own aliases hold */
	{"left@a.test",       RCPT_SUSPENDED, ""},
	{"te@a.test",         RCPT_UNKNOWN,   ""},
	{"ring-of@b.test",    RCPT_LOOP,      ""},
};

/* clang-format on */

static void
write_groups(void)
{
	struct accounts_writer *w = NULL;
	const struct account team = {.groups = SPAN("team\nben\n")},
			     plain_team = {.groups = SPAN("team\n")},
			     gone = {.groups = SPAN("team\nleft\n"),
				 .is_suspended = true},
			     paints = {.groups = SPAN("painters\n")},
			     round = {.groups = SPAN("ring-of\n")};
	assert_int_equal(accounts_write_begin(place.conf, &w), E_OK);
	put(w, "anna@a.test", &team);
	put(w, "ben@a.test", &plain_team);
	put(w, "gone@a.test", &gone);
	put(w, "dora@a.test", &paints);
	put(w, "turn@b.test", &round);
	assert_int_equal(accounts_write_end(&w), E_OK);
	append_file("aliases", "turn@b.test: ring-of@b.test\n");
}

static void
test_groups(void **st)
{
	struct arena arena = {0};
	struct span owner;
	(void)st;
	write_groups();
	close_all();
	open_all("");
	for (size_t i = 0; i < COUNT(group_rows); i++)
		check_row(&group_rows[i]);
	assert_int_equal(
	    recipient_owner(place.recipients, SPAN("team@a.test"), &arena, &owner),
	    E_OK);
	assert_true(span_eqs(owner, "owner-team@a.test"));
	/* a member may send as its group */
	assert_int_equal(recipient_may_send(place.recipients, SPAN("anna@a.test"),
			     SPAN("team@a.test")),
	    E_OK);
	assert_int_equal(recipient_may_send(place.recipients, SPAN("carl@a.test"),
			     SPAN("team@a.test")),
	    E_BAD);
	close_all();
	open_all("\tgroup_mail = no\n");
	check_row(&(struct row){"team@a.test", RCPT_UNKNOWN, ""});
	check_row(&(struct row){"team@b.test", RCPT_LOCAL, "carl@a.test"});
	assert_int_equal(
	    recipient_owner(place.recipients, SPAN("team@a.test"), &arena, &owner),
	    E_OK);
	assert_true(span_eqs(owner, ""));
	arena_reset(&arena);
}

static void
test_members(void **st)
{
	static const struct {
		const char *list, *value;
		int want;
	} members[] = {{"office@a.test", "ben@a.test", E_OK},
	    {"office@a.test", "BEN+x@other.test", E_OK},
	    {"office@a.test", "zoe@FAR.test", E_OK},
	    {"office@a.test", "mapped@a.test", E_OK}, /* another name of ben's */
	    {"office@a.test", "carl@a.test", E_OK},
	    {"office@a.test", "anna@a.test", E_BAD},
	    {"office@a.test", "office@a.test", E_BAD},
	    {"office@a.test", "nobody@a.test", E_BAD},
	    {"office@a.test", "x@far.test", E_BAD}, {"office@a.test", "", E_BAD},
	    {"nobody@a.test", "anna@a.test", E_BAD},
	    {"anna@a.test", "anna@a.test", E_OK},
	    {"zoe@far.test", "zoe@far.test", E_BAD},
	    {"included-none@a.test", "anna@a.test", E_IO},
	    {"office@a.test", "included-none@a.test", E_IO}};

	(void)st;
	for (size_t i = 0; i < COUNT(members); i++)
		if (recipient_is_member(place.recipients, span_of(members[i].list),
			span_of(members[i].value)) != members[i].want)
			fail_msg("%s in %s", members[i].value, members[i].list);
}

static void
test_owners(void **st)
{
	static const struct {
		const char *address, *owner;
	} owners[] = {
	    {"office@a.test", "owner-office@a.test"},
	    {"Office@B.test", "owner-office@b.test"},
	    {"office@other.test", "owner-office@a.test"},
	    {"away@a.test", "owner-away@a.test"},
	    {"away@b.test", ""},
	    {"ben-and-carl@a.test", ""},
	    {"nothing@a.test", ""}, /* an owner of no list */
	    {"owner-office@a.test", ""},
	    {"anna@a.test", ""},
	    {"office@far.test", ""},
	    {"", ""},
	};
	struct span owner;
	struct target *targets;
	size_t n;
	struct arena arena = {0};
	(void)st;
	for (size_t i = 0; i < COUNT(owners); i++) {
		recipient_resolve(
		    place.recipients, span_of(owners[i].address), &arena, &targets, &n);
		if (recipient_owner(place.recipients, span_of(owners[i].address),
			&arena, &owner) != E_OK ||
		    !span_eqs(owner, owners[i].owner))
			fail_msg("%s", owners[i].address);
	}
	arena_reset(&arena);
}

static void
test_srs(void **st)
{
	struct arena arena = {0};
	struct target *targets;
	struct buf address = {0};
	static const char srs[] = "\tsrs = yes\n\tsrs_domain = \"b.test\"\n\tuser_auth "
				  "= \"0\"\n\tgroup = \"0\"\n";
	size_t n;
	(void)st;
	/* off: nothing is rewritten, and nothing led back */
	assert_true(span_eqs(
	    recipient_forward_sender(place.recipients, SPAN("x@far.test"), &arena),
	    "x@far.test"));
	close_all();
	open_all(srs);
	srs_secret_make(place.conf);
	close_all();
	open_all(srs);
	buf_span(&address,
	    recipient_forward_sender(place.recipients, SPAN("X.y@Far.test"), &arena));
	struct span s = buf_as_span(&address);
	assert_true(span_starts(s, SPAN("SRS0=")) &&
		    span_ends(s, SPAN("=Far.test=X.y@b.test")));
	assert_int_equal(
	    recipient_resolve(place.recipients, s, &arena, &targets, &n), RCPT_LOCAL);
	assert_int_equal(n, 1);
	assert_true(
	    !targets[0].is_local && span_eqs(targets[0].address, "X.y@Far.test"));
	assert_int_equal(
	    recipient_may_send(place.recipients, SPAN("anna@a.test"), s), E_BAD);
	/* ours, and the null sender, stay as they are */
	assert_true(span_eqs(
	    recipient_forward_sender(place.recipients, SPAN("anna@a.test"), &arena),
	    "anna@a.test"));
	assert_true(span_eqs(
	    recipient_forward_sender(place.recipients, SPAN("anna@Third.test"), &arena),
	    "anna@Third.test"));
	assert_int_equal(
	    recipient_forward_sender(place.recipients, SPAN(""), &arena).n, 0);
	/* forged, or of another domain */
	address.p[6] ^= 1;
	assert_int_equal(
	    recipient_resolve(place.recipients, s, &arena, &targets, &n), RCPT_UNKNOWN);
	address.p[6] ^= 1;
	address.p[address.len - 6] = 'a';
	assert_int_equal(
	    recipient_resolve(place.recipients, s, &arena, &targets, &n), RCPT_UNKNOWN);
	address.p[address.len - 6] = 'b';
	/* the secret is the same for the next process, whoever makes it */
	srs_secret_make(place.conf);
	close_all();
	open_all(srs);
	assert_int_equal(
	    recipient_resolve(place.recipients, s, &arena, &targets, &n), RCPT_LOCAL);
	arena_reset(&arena);
	buf_free(&address);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_verdicts, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_borders, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_placed, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(
		test_quota_of_domain, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(
		test_largest_lists, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_small_arena, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_tags, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(
		test_other_subaddress, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_table_comes_and_goes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_aliases, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_may_send, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_groups, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_members, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_owners, setup_accounts, teardown),
	    cmocka_unit_test_setup_teardown(test_srs, setup_accounts, teardown),
	};
	log_level(
	    LOG_EMERG); /* members that are left out and tables that cannot be read are logged */
	return cmocka_run_group_tests_name("recipient", tests, NULL, NULL);
}
