/* SPDX-License-Identifier: ISC */
/*
 * test_store_mailboxes.c - mailboxes and subscriptions: made, renamed, gone, and as a second
 * session sees them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/jobs.h"
#include "store/metadata.h"
#include "store/state.h"
#include "store_home.h"

enum {
	MADE_FIRST = 6, /* by store_create */
	FILLED = STORE_MAILBOXES_MAX - MADE_FIRST - 2,
};

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- names ---- */

struct names {
	char text[2000];
};

static int
add_name(void *ctx, const struct store_mailbox *m)
{
	struct names *n = ctx;
	strcat(n->text, m->name);
	strcat(n->text, m->is_subscribed ? "+ " : " ");
	return E_OK;
}

static int
add_subscription(void *ctx, struct span name)
{
	struct names *n = ctx;
	strncat(n->text, name.p, name.n);
	strcat(n->text, " ");
	return E_OK;
}

static void
names_check(struct store *s, const char *want)
{
	struct names n = {""};
	assert_int_equal(store_mailboxes(s, add_name, &n), E_OK);
	assert_string_equal(n.text, want);
}

static void
test_mailbox_names(void **state)
{
	static const struct {
		const char *name;
		enum store_said said;
	} rows[] = {{"a", STORE_DONE}, {"a/b c/\xc3\xa4", STORE_DONE},
	    {"", STORE_BAD_NAME}, {"/a", STORE_BAD_NAME}, {"a//b", STORE_BAD_NAME},
	    {"a/", STORE_BAD_NAME}, {"a/./b", STORE_BAD_NAME}, {"..", STORE_BAD_NAME},
	    {"a\nb", STORE_BAD_NAME}, {"\xff", STORE_BAD_NAME}, {"...", STORE_DONE}};

	char deep[2 * STORE_DEPTH_MAX + 3] = "", longest[STORE_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    mailbox_name_check(span_of(rows[i].name)), rows[i].said);
	for (unsigned i = 0; i < STORE_DEPTH_MAX; i++)
		strcat(deep, i ? "/x" : "x");
	assert_int_equal(mailbox_name_check(span_of(deep)), STORE_DONE);
	strcat(deep, "/x");
	assert_int_equal(mailbox_name_check(span_of(deep)), STORE_BAD_NAME);
	memset(longest, 'n', sizeof longest);
	assert_int_equal(
	    mailbox_name_check(span_make(longest, STORE_NAME_MAX)), STORE_DONE);
	assert_int_equal(
	    mailbox_name_check(span_make(longest, STORE_NAME_MAX + 1)), STORE_BAD_NAME);
}

static void
test_create_and_delete(void **state)
{
	struct home *h = *state;
	struct store_mailbox m, again;
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("w/x/y"), "\\Flagged", &m), STORE_DONE);
	assert_string_equal(m.name, "w/x/y");
	assert_string_equal(m.special_use, "\\Flagged");
	names_check(h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ w w/x w/x/y ");
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("w/x"), NULL, NULL), STORE_EXISTS);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("Inbox"), NULL, NULL), STORE_IS_INBOX);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("inbox/z"), NULL, NULL), STORE_DONE);
	assert_int_equal(store_mailbox(h->a, SPAN("INBOX/z"), &again), E_OK);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("a//b"), NULL, NULL), STORE_BAD_NAME);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("INBOX")), STORE_IS_INBOX);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("none")), STORE_NONEXISTENT);
	append(h->a, "w/x/y", 1);
	struct store_view v = selected(h->a, "w/x/y");
	assert_int_equal(store_mailbox_delete(h->b, SPAN("w/x/y")), STORE_DONE);
	assert_int_equal(v.head->is_deleted, 1);
	store_unselect(h->a, &v);
	assert_int_equal(store_mailbox(h->a, SPAN("w/x/y"), &again), E_BAD);
	home_kill();
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("w/x/y"), NULL, &again), STORE_DONE);
	assert_true(again.uidvalidity > m.uidvalidity);
	assert_true(again.id > m.id);
	assert_int_equal(again.messages, 0);
	uint64_t bytes, messages;
	assert_int_equal(store_usage(h->a, &bytes, &messages), E_OK);
	assert_int_equal(messages, 0);
}

/* The jobs of a keeper that nobody asks anything: a purge that is begun again is one. */
static int
purge_twice(uint32_t mailbox)
{
	if (keeper_open() != E_OK)
		return 1;
	slot_touch(slot_even_dead(mailbox))->is_dead = true; /* as by DELETE */
	purge_begin(mailbox);
	jobs_run(); /* its messages */
	purge_begin(mailbox);
	jobs_run(); /* the mailbox */
	if (slot_even_dead(mailbox) || !jobs_none())
		return 2;
	purge_begin(mailbox);
	if (!jobs_none())
		return 3;
	keeper_close();
	return 0;
}

static void
test_purge_once(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	int status = 1;
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("goes"), NULL, &m), STORE_DONE);
	home_kill();
	pid_t pid = fork();
	if (pid == 0)
		_exit(purge_twice(m.id));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	home_reopen(h);
	assert_int_equal(store_mailbox(h->a, SPAN("goes"), &m), E_BAD);
}

static void
test_rename(void **state)
{
	struct home *h = *state;
	struct store_mailbox before, after;
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("a/b/c"), NULL, &before), STORE_DONE);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("ab"), NULL, NULL), STORE_DONE);
	append(h->a, "a/b/c", 1);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("a"), SPAN("ab")), STORE_EXISTS);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("a"), SPAN("a/z")), STORE_BAD_NAME);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("none"), SPAN("z")), STORE_NONEXISTENT);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("a/b"), SPAN("new/q")), STORE_DONE);
	names_check(
	    h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ a ab new new/q new/q/c ");
	assert_int_equal(store_mailbox(h->a, SPAN("new/q/c"), &after), E_OK);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.uidvalidity, before.uidvalidity);
	assert_int_equal(after.messages, 1);
	/* the messages of INBOX move, it stays */
	append(h->a, "INBOX", 2);
	append(h->a, "INBOX", 3);
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("INBOX"), SPAN("old/mail")), STORE_DONE);
	mailbox_check(h->b, "INBOX", 0, 0, 0);
	mailbox_check(h->b, "old/mail", 2, 2, 0);
	assert_int_equal(append(h->a, "INBOX", 4), 3);
	home_kill();
	names_check(h->b, "Archive+ Drafts+ INBOX+ Junk+ Sent+ Trash+ a ab new new/q "
			  "new/q/c old old/mail ");
}

static void
test_subscriptions(void **state)
{
	struct home *h = *state;
	struct names n = {""};
	assert_int_equal(store_subscribe(h->a, SPAN("not/there"), true), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("Junk"), false), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("Junk"), false), STORE_DONE);
	assert_int_equal(store_subscribe(h->a, SPAN("//"), true), STORE_BAD_NAME);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Sent")), STORE_DONE);
	home_kill();
	assert_int_equal(store_subscriptions(h->b, add_subscription, &n), E_OK);
	assert_string_equal(n.text, "Archive Drafts INBOX Sent Trash not/there ");
	names_check(h->a, "Archive+ Drafts+ INBOX+ Junk Trash+ ");
}

static const struct {
	const char *name;
	bool is_form, may_be_set;
} entries[] = {
    {"/private/comment", true, true},
    {"/shared/comment", true, true},
    {"/Private/Comment", true, false},
    {"/private", true, false},
    {"/private/vendor/x/y", true, true},
    {"/private/vendor/x", true, false},
    {"/private/vendor", true, false},
    {"/private/a/b/c", true, true},
    {"/private/", false, false},
    {"/private//a", false, false},
    {"private/a", false, false},
    {"/other/a", false, false},
    {"/private/a*", false, false},
    {"/private/a%", false, false},
    {"/private/\303\274", false, false},
    {"/private/\001", false, false},
    {"", false, false},
};

static void
test_metadata_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(entries); i++) {
		struct span name = span_of(entries[i].name);
		assert_int_equal(metadata_entry_form(name), entries[i].is_form);
		assert_int_equal(metadata_entry_check(name), entries[i].may_be_set);
	}
}

static void
add_entry(void *ctx, const struct metadata_entry *e)
{
	struct names *n = ctx;
	size_t len = strlen(n->text);
	snprintf(n->text + len, sizeof n->text - len, "%.*s=%.*s ", SPAN_ARG(e->name),
	    SPAN_ARG(e->value));
}

static void
metadata_check(struct store *s, const char *mailbox, const char *want)
{
	struct names n = {""};
	assert_int_equal(
	    store_metadata(s, span_of(mailbox), add_entry, &n), STORE_DONE);
	assert_string_equal(n.text, want);
}

static enum store_said
set_entry(struct store *s, const char *mailbox, const char *name, struct span value)
{
	struct metadata_entry e = {.name = span_of(name), .value = value};
	return store_metadata_set(s, span_of(mailbox), &e, 1);
}

/* They outlast a keeper that is killed, and a rebuild; what is told in the dump does. */
static void
test_metadata(void **state)
{
	struct home *h = *state;
	const struct metadata_entry none = {.name = SPAN("/private/b"), .is_nil = true};
	assert_int_equal(set_entry(h->a, "INBOX", "/private/a", SPAN("1")), STORE_DONE);
	assert_int_equal(set_entry(h->a, "INBOX", "/private/b", SPAN("2")), STORE_DONE);
	assert_int_equal(set_entry(h->a, "", "/shared/c", SPAN("")), STORE_DONE);
	assert_int_equal(
	    set_entry(h->a, "Sent", METADATA_SPECIAL_USE, SPAN("\\Junk")), STORE_DONE);
	assert_int_equal(
	    set_entry(h->a, "x", "/private/b", SPAN("2")), STORE_NONEXISTENT);
	assert_int_equal(set_entry(h->a, "INBOX", "/x/b", SPAN("2")), STORE_BAD_NAME);
	assert_int_equal(store_metadata_set(h->a, SPAN("INBOX"), &none, 1), STORE_DONE);
	home_kill();
	metadata_check(h->b, "INBOX", "/private/a=1 ");
	home_dump();
	home_damage();
	metadata_check(h->a, "INBOX", "/private/a=1 ");
	metadata_check(h->a, "", "/shared/c= ");
	metadata_check(h->a, "Sent", "/private/specialuse=\\Junk ");
	metadata_check(h->a, "Junk", "");
	store_check(h->a);
}

static void
add_right(void *ctx, struct span identifier, unsigned rights, uint32_t uid)
{
	/* it outlasts a rebuild, too */
	assert_int_equal(uid, span_eqs(identifier, "owner") ? RIGHTS_ANY_UID : 1000);
	struct names *n = ctx;
	size_t len = strlen(n->text);
	snprintf(n->text + len, sizeof n->text - len, "%.*s=%x ", SPAN_ARG(identifier),
	    rights);
}

/* They outlast a rebuild, and who is not held is not bound by them. */
static void
test_rights(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	struct names n = {""};
	assert_int_equal(
	    store_acl_set(h->b, SPAN("Sent"), SPAN("b@x.test"), ACL_SET, 3, 1000),
	    STORE_DONE);
	assert_int_equal(store_acl_set(h->b, SPAN("Sent"), SPAN("owner"), ACL_SET,
			     RIGHT_READ | RIGHT_REMOVE, RIGHTS_ANY_UID),
	    STORE_DONE);
	store_hold(h->a);
	home_dump();
	home_damage();
	assert_int_equal(store_acl(h->b, SPAN("Sent"), add_right, &n), STORE_DONE);
	assert_string_equal(n.text, "b@x.test=3 owner=102 ");
	assert_int_equal(store_mailbox(h->a, SPAN("Sent"), &m), E_OK);
	assert_int_equal(m.rights, RIGHT_READ | RIGHT_REMOVE | RIGHTS_OWNER);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Sent")), STORE_NO_RIGHT);
	assert_int_equal(store_mailbox(h->b, SPAN("Sent"), &m), E_OK);
	assert_int_equal(m.rights, RIGHTS_ALL);
	assert_int_equal(store_mailbox_delete(h->b, SPAN("Sent")), STORE_DONE);
	store_check(h->b);
}

/* Rows of annotations that belong to no mailbox. */
static uint32_t
bad_annotations(struct store *s)
{
	struct buf body = {0};
	struct answer answer;
	assert_int_equal(
	    keeper_ask_said(s, KEEPER_ANNOTATIONS, &body, true, &answer), STORE_DONE);
	rd_u32(&answer.body);
	return rd_u32(&answer.body);
}

/* All but two of the mailboxes that an account can have, many in one transaction. */
static void
fill(struct store *s)
{
	unsigned made = 0;
	struct buf name = {0};
	while (made < FILLED) {
		unsigned depth = FILLED - made;
		depth = depth < STORE_DEPTH_MAX ? depth : STORE_DEPTH_MAX;
		buf_reset(&name);
		buf_putf(&name, "%u", made);
		for (unsigned i = 1; i < depth; i++)
			buf_str(&name, "/a");
		assert_int_equal(
		    store_mailbox_create(s, buf_as_span(&name), "", NULL), STORE_DONE);
		made += depth;
	}
	buf_free(&name);
}

/* What cannot be made is not left half made: nor are rights that it would have inherited. */
static void
test_rights_of_none(void **state)
{
	struct home *h = *state;
	assert_int_equal(store_acl_set(h->b, SPAN("Sent"), SPAN("b@x.test"), ACL_SET,
			     RIGHT_READ, 1000),
	    STORE_DONE);
	fill(h->b);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("Sent/a/b/c"), "", NULL), STORE_TOO_MANY);
	assert_int_equal(
	    store_mailbox_rename(h->b, SPAN("Drafts"), SPAN("Sent/a/b/c/d")),
	    STORE_TOO_MANY);
	assert_int_equal(bad_annotations(h->b), 0);
	assert_int_equal(
	    store_mailbox_create(h->b, SPAN("Sent/a"), "", NULL), STORE_DONE);
	struct names n = {""};
	assert_int_equal(store_acl(h->b, SPAN("Sent/a"), add_right, &n), STORE_DONE);
	assert_string_equal(n.text, "owner=7ff b@x.test=2 ");
}

static void
test_rights_text(void **state)
{
	struct buf b = {0};
	unsigned rights;
	(void)state;
	assert_int_equal(rights_parse(SPAN("lcd"), &rights), E_OK);
	assert_int_equal(rights,
	    RIGHT_LOOKUP | RIGHT_CREATE | RIGHT_DELETE | RIGHT_REMOVE | RIGHT_EXPUNGE);
	rights_put(&b, rights);
	assert_string_equal(buf_cstr(&b), "lkxtecd");
	buf_reset(&b);
	rights_put_plain(&b, RIGHT_REMOVE);
	assert_string_equal(buf_cstr(&b), "t");
	assert_int_equal(rights_parse(SPAN("lL"), &rights), E_BAD);
	assert_int_equal(rights_parse(SPAN("1"), &rights), E_BAD);
	buf_free(&b);
}

static const struct {
	const char *identifier, *kept;
	int err;
} identifiers[] = {
    {"Anna", "anna@x.test", E_OK},
    {"-anna@X.test", "-anna@x.test", E_OK},
    {"me", "owner", E_OK},
    {"-me@x.test", "-owner", E_OK},
    {"ANYONE", "anyone", E_OK},
    {"Group:Staff", "group:staff", E_OK},
    {"anna@y.test", NULL, E_DENY},
    {"", NULL, E_BAD},
    {"-", NULL, E_BAD},
    {"--anna", NULL, E_BAD},
    {"group:", NULL, E_BAD},
    {"a b", NULL, E_BAD},
    {"\377", NULL, E_BAD},
};

static void
test_identifiers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(identifiers); i++) {
		struct buf b = {0};
		int err = identifier_put(
		    &b, span_of(identifiers[i].identifier), SPAN("me@x.test"));
		assert_int_equal(err, identifiers[i].err);
		if (err == E_OK)
			assert_string_equal(buf_cstr(&b), identifiers[i].kept);
		buf_free(&b);
	}
}

static void
test_metadata_limits(void **state)
{
	struct home *h = *state;
	static char value[METADATA_VALUE_MAX];
	char name[32];
	for (unsigned i = 0; i < METADATA_ENTRIES_MOST; i++) {
		snprintf(name, sizeof name, "/private/%u", i);
		assert_int_equal(set_entry(h->a, "INBOX", name, SPAN("x")), STORE_DONE);
	}
	assert_int_equal(
	    set_entry(h->a, "INBOX", "/private/more", SPAN("x")), STORE_TOO_MANY);
	assert_int_equal(set_entry(h->a, "INBOX", "/private/1", SPAN("y")), STORE_DONE);
	/* of the account in all: with the names not quite as many of the largest */
	enum store_said said = STORE_DONE;
	unsigned n = 0;
	for (; said == STORE_DONE && n < 200; n++) {
		snprintf(name, sizeof name, "/private/%u", n % 100);
		said = set_entry(h->a, n < 100 ? "Sent" : "Junk", name,
		    span_make(value, sizeof value));
	}
	assert_int_equal(said, STORE_TOO_MANY);
	assert_int_equal(n, METADATA_ACCOUNT_MAX / METADATA_VALUE_MAX);
	/* what goes with its mailbox makes room */
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Sent")), STORE_DONE);
	home_reopen(h);
	assert_int_equal(
	    set_entry(h->a, "Junk", "/private/big", span_make(value, sizeof value)),
	    STORE_DONE);
	store_check(h->a);
}

/* ---- access keys of URLs ---- */

static enum store_said
url_key(struct store *s, const char *mailbox, enum store_url_key_do what,
    char out[STORE_URL_KEY_BYTES + 1])
{
	struct span key;
	enum store_said said = store_url_key(s, span_of(mailbox), what, &key);
	assert_true(key.n == 0 || (said == STORE_DONE && key.n == STORE_URL_KEY_BYTES));
	memset(out, 0, STORE_URL_KEY_BYTES + 1);
	memcpy(out, key.p, key.n);
	return said;
}

static bool
has_key(struct store *s, const char *mailbox, const char *key)
{
	char now[STORE_URL_KEY_BYTES + 1];
	assert_int_equal(url_key(s, mailbox, URL_KEY_GET, now), STORE_DONE);
	return memcmp(now, key, STORE_URL_KEY_BYTES) == 0;
}

/* Made once, the same for every session, and after a keeper that was killed, and a rebuild. */
static void
test_url_keys(void **state)
{
	static const char none[STORE_URL_KEY_BYTES];
	struct home *h = *state;
	char a[STORE_URL_KEY_BYTES + 1], b[sizeof a], c[sizeof a];
	assert_true(has_key(h->a, "INBOX", none));
	assert_int_equal(url_key(h->a, "INBOX", URL_KEY_MAKE, a), STORE_DONE);
	assert_memory_not_equal(a, none, sizeof none);
	assert_int_equal(url_key(h->b, "INBOX", URL_KEY_MAKE, b), STORE_DONE);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(url_key(h->a, "Sent", URL_KEY_MAKE, b), STORE_DONE);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(url_key(h->a, "x", URL_KEY_MAKE, c), STORE_NONEXISTENT);
	assert_int_equal(url_key(h->a, "x", URL_KEY_GET, c), STORE_NONEXISTENT);
	metadata_check(h->a, "INBOX", "");
	home_kill();
	assert_true(has_key(h->b, "INBOX", a));
	home_dump();
	home_damage();
	assert_true(has_key(h->a, "INBOX", a) && has_key(h->a, "Sent", b));
	/* a name that is another mailbox's now has another key */
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Sent"), SPAN("Old")), STORE_DONE);
	assert_true(has_key(h->a, "Old", b));
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("INBOX"), SPAN("Was")), STORE_DONE);
	assert_true(has_key(h->a, "INBOX", a) && has_key(h->a, "Was", none));
	store_check(h->a);
}

static void
test_url_keys_go(void **state)
{
	static const char none[STORE_URL_KEY_BYTES];
	struct home *h = *state;
	char a[STORE_URL_KEY_BYTES + 1], b[sizeof a], name[32];
	assert_int_equal(url_key(h->a, "INBOX", URL_KEY_MAKE, a), STORE_DONE);
	assert_int_equal(url_key(h->a, "INBOX", URL_KEY_RENEW, b), STORE_DONE);
	assert_memory_not_equal(a, b, sizeof a);
	assert_true(has_key(h->b, "INBOX", b));
	assert_int_equal(url_key(h->a, "Sent", URL_KEY_RENEW, a), STORE_DONE);
	assert_int_equal(store_mailbox_delete(h->a, SPAN("Sent")), STORE_DONE);
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("Sent"), "", NULL), STORE_DONE);
	assert_true(has_key(h->a, "Sent", none));
	/* more than go in one step */
	for (unsigned i = 0; i < 250; i++) {
		snprintf(name, sizeof name, "m%u", i);
		assert_int_equal(
		    store_mailbox_create(h->a, span_of(name), "", NULL), STORE_DONE);
		assert_int_equal(url_key(h->a, name, URL_KEY_MAKE, a), STORE_DONE);
	}
	assert_int_equal(set_entry(h->a, "m7", "/private/a", SPAN("1")), STORE_DONE);
	assert_int_equal(url_key(h->a, "", URL_KEY_DROP, a), STORE_DONE);
	assert_true(has_key(h->a, "INBOX", none) && has_key(h->a, "m0", none) &&
		    has_key(h->a, "m249", none));
	metadata_check(h->a, "m7", "/private/a=1 ");
	home_reopen(h);
	assert_true(has_key(h->a, "m100", none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_mailbox_names),
	    TEST(test_create_and_delete), TEST(test_purge_once), TEST(test_rename),
	    TEST(test_subscriptions), cmocka_unit_test(test_metadata_entries),
	    TEST(test_metadata), TEST(test_metadata_limits), TEST(test_url_keys),
	    TEST(test_url_keys_go), TEST(test_rights), TEST(test_rights_of_none),
	    cmocka_unit_test(test_rights_text), cmocka_unit_test(test_identifiers)};
	return cmocka_run_group_tests_name("store_mailboxes", tests, NULL, NULL);
}
