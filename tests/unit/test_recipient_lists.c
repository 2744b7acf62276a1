/* SPDX-License-Identifier: ISC */
/* test_recipient_lists.c - lists and groups: who is in them, owns them, may send as them; reverse-paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account/srs.h"
#include "base/log.h"
#include "recipient_place.h"

#define TEST(f)                                                                        \
	cmocka_unit_test_setup_teardown(f, recipient_setup_accounts, recipient_teardown)

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
static const struct recipient_row group_rows[] = {
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
	add_account(w, "anna@a.test", &team);
	add_account(w, "ben@a.test", &plain_team);
	add_account(w, "gone@a.test", &gone);
	add_account(w, "dora@a.test", &paints);
	add_account(w, "turn@b.test", &round);
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
	recipient_close();
	recipient_open("");
	for (size_t i = 0; i < COUNT(group_rows); i++)
		recipient_check(&group_rows[i]);
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
	recipient_close();
	recipient_open("\tgroup_mail = no\n");
	recipient_check(&(struct recipient_row){"team@a.test", RCPT_UNKNOWN, ""});
	recipient_check(
	    &(struct recipient_row){"team@b.test", RCPT_LOCAL, "carl@a.test"});
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
	recipient_close();
	recipient_open(srs);
	srs_secret_make(place.conf);
	recipient_close();
	recipient_open(srs);
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
	recipient_close();
	recipient_open(srs);
	assert_int_equal(
	    recipient_resolve(place.recipients, s, &arena, &targets, &n), RCPT_LOCAL);
	arena_reset(&arena);
	buf_free(&address);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_may_send), TEST(test_groups),
	    TEST(test_members), TEST(test_owners), TEST(test_srs)};
	log_level(LOG_EMERG); /* members that are left out are logged */
	return cmocka_run_group_tests_name("recipient_lists", tests, NULL, NULL);
}
