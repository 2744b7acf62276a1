/* SPDX-License-Identifier: ISC */
/* recipient_place.c - accounts and aliases in a directory of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "recipient_place.h"

struct recipient_place place;

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
put_file(const char *name, const char *text, const char *mode)
{
	char path[RECIPIENT_PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", place.dir, name);
	FILE *f = fopen(path, mode);
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void
write_file(const char *name, const char *text)
{
	put_file(name, text, "w");
}

void
append_file(const char *name, const char *text)
{
	put_file(name, text, "a");
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

void
add_account(struct accounts_writer *w, const char *address, const struct account *like)
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

void
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
	add_account(w, "anna@a.test", &plain);
	add_account(w, "ben@a.test", &plain);
	add_account(w, "carl@a.test", &plain);
	add_account(w, "copy@a.test", &plain);
	add_account(w, "dora@a.test", &plain); /* has an alias of her name */
	add_account(w, "a+b@a.test", &plain);
	add_account(w, "ben@b.test", &plain);
	add_account(w, "gone@a.test", &gone);
	add_account(w,
	    "anna@b\xc3\xbc"
	    "cher.test",
	    &plain);
	add_account(w, "carl@xn--strae-oqa.test", &plain);
	add_account(w, "full@a.test", &full);
	add_account(w, "many@a.test", &many);
	add_account(w, "fresh@a.test", &full); /* has no usage yet */
	add_account(w, "odd@a.test", &full);
	add_account(w, "pat@a.test", &sends);
	add_account(w, "pia@a.test", &gone_sends);
	assert_int_equal(accounts_write_end(&w), E_OK);
}

void
recipient_open(const char *more)
{
	struct buf text = {0}, errors = {0};
	char path[RECIPIENT_PATH_BYTES];
	buf_putf(&text, conf_text, place.dir, place.dir, place.dir, more);
	write_file("conf", buf_cstr(&text));
	snprintf(path, sizeof path, "%s/conf", place.dir);
	if (conf_load(path, &errors, &place.conf) != E_OK)
		fail_msg("%s", buf_cstr(&errors));
	assert_int_equal(recipients_open(place.conf, false, &place.recipients), E_OK);
	buf_free(&text);
	buf_free(&errors);
}

void
recipient_close(void)
{
	recipients_close(&place.recipients);
	assert_null(place.recipients);
	conf_free(&place.conf);
}

void
make_dirs(const char *const *names)
{
	char path[RECIPIENT_PATH_BYTES];
	for (; *names; names++) {
		snprintf(path, sizeof path, "%s/%s", place.dir, *names);
		assert_int_equal(mkdir(path, 0755), 0);
	}
}

int
recipient_setup(void **st)
{
	static const char *const dirs[] = {"state", "mail", "mail/a.test",
	    "mail/a.test/full", "mail/a.test/many", "mail/a.test/odd", NULL};
	(void)st;
	memset(&place, 0, sizeof place);
	strcpy(place.dir, "/tmp/merpati-test-rcpt.XXXXXX");
	assert_non_null(mkdtemp(place.dir));
	make_dirs(dirs);
	recipient_open("");
	write_aliases();
	return 0;
}

int
recipient_setup_accounts(void **st)
{
	recipient_setup(st);
	write_accounts();
	return 0;
}

int
recipient_teardown(void **st)
{
	char command[RECIPIENT_PATH_BYTES];
	(void)st;
	if (place.recipients)
		recipient_close();
	snprintf(command, sizeof command, "rm -rf %s", place.dir);
	return system(command);
}

enum recipient_verdict
recipient_said(const char *address, struct arena *arena, struct buf *said)
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

void
recipient_check(const struct recipient_row *r)
{
	struct arena arena = {0};
	struct buf said = {0};
	enum recipient_verdict v = recipient_said(r->address, &arena, &said);
	if (v != r->verdict || !span_eqs(buf_as_span(&said), r->targets))
		fail_msg("<%s>: %d %s", r->address, (int)v, buf_cstr(&said));
	buf_free(&said);
	arena_reset(&arena);
}
