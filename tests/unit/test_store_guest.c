/* SPDX-License-Identifier: ISC */
/*
 * test_store_guest.c - another account at this one's keeper: what it gets is what it was given, what
 * it has seen is its own, and what it asks beyond that ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest_door.h"
#include "store/asks.h"
#include "store/door.h"
#include "store/metadata.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

enum { WAIT_MS = 20000 };

/* ---- what there is ---- */

static int
come_in(void *ctx, int *out)
{
	*out = door(ctx, false, 0);
	return E_OK;
}

static int
add_name(void *ctx, const struct store_mailbox *m)
{
	char *text = ctx;
	size_t len = strlen(text);
	snprintf(text + len, 200 - len, "%s=%x ", m->name, m->rights);
	return E_OK;
}

static void
names_check(struct store *s, const char *want)
{
	char text[200] = "";
	assert_int_equal(store_mailboxes(s, add_name, text), E_OK);
	assert_string_equal(text, want);
}

static void
test_names(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna),
		     *other = store_guest(come_in, bert);
	struct store_mailbox m;
	struct store_view v;
	names_check(g, "");
	give(h, "Sent", anna, RIGHT_LOOKUP);
	names_check(g, "Sent=1 ");
	names_check(other, "");
	assert_int_equal(store_mailbox(g, SPAN("INBOX"), &m), E_BAD);
	assert_int_equal(store_mailbox(g, SPAN("Sent"), &m), E_OK);
	assert_string_equal(m.special_use, ""); /* the account's own matter */
	assert_int_equal(store_select(g, SPAN("Sent"), false, &v), E_DENY);
	assert_int_equal(store_select(g, SPAN("INBOX"), false, &v), E_BAD);
	assert_int_equal(
	    store_mailbox_create(g, SPAN("x"), NULL, NULL), STORE_NO_RIGHT);
	assert_int_equal(
	    store_mailbox_create(g, SPAN("Sent/x"), NULL, NULL), STORE_NO_RIGHT);
	assert_int_equal(
	    store_mailbox_create(g, SPAN("Sent/x"), "\\Junk", NULL), STORE_NO_RIGHT);
	assert_int_equal(store_mailbox(g, SPAN("Sent"), &m), E_OK);
	assert_true(m.rights == RIGHT_LOOKUP && m.uidnext == 0 && m.modseq == 0);
	assert_int_equal(store_mailbox_delete(g, SPAN("Sent")), STORE_NO_RIGHT);
	assert_int_equal(store_mailbox_delete(g, SPAN("Trash")), STORE_NONEXISTENT);
	give(h, "Sent", "anyone", RIGHT_LOOKUP | RIGHT_READ);
	names_check(other, "Sent=3 ");
	give(h, "Sent", "-anna@x.test", RIGHT_READ);
	names_check(g, "Sent=1 ");
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_CREATE);
	assert_int_equal(
	    store_mailbox_create(g, SPAN("Sent/x"), "\\Junk", NULL), STORE_NO_RIGHT);
	assert_int_equal(
	    store_mailbox_create(g, SPAN("Sent/x"), NULL, NULL), STORE_DONE);
	store_close(&g);
	store_close(&other);
}

/* anna is in staff and it, bert in none, and the account itself has its own rights. */
static void
test_groups(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna),
		     *other = store_guest(come_in, bert);
	give(h, "Sent", "group:staff", RIGHT_LOOKUP);
	give(h, "Sent", "group:it", RIGHT_READ);
	give(h, "Trash", "group:st", RIGHT_LOOKUP);
	give(h, "Trash", "group:staff\nit", RIGHT_LOOKUP);
	give(h, "Junk", "staff@x.test", RIGHT_LOOKUP);
	names_check(g, "Sent=3 ");
	names_check(other, "");
	give(h, "Sent", "-group:it", RIGHT_READ);
	names_check(g, "Sent=1 ");
	give(h, "Sent", "-group:staff", RIGHTS_ALL);
	names_check(g, "");
	give(h, "Sent", "group:staff", 0);
	give(h, "Sent", "-group:staff", 0);
	names_check(g, "");
	store_close(&g);
	store_close(&other);
}

/* ---- METADATA ---- */

static void
add_entry(void *ctx, const struct metadata_entry *e)
{
	char *text = ctx;
	size_t len = strlen(text);
	snprintf(
	    text + len, 200 - len, "%.*s=%.*s ", SPAN_ARG(e->name), SPAN_ARG(e->value));
}

static void
entries_check(
    struct store *s, const char *mailbox, enum store_said said, const char *want)
{
	char text[200] = "";
	assert_int_equal(store_metadata(s, span_of(mailbox), add_entry, text), said);
	assert_string_equal(text, want);
}

static enum store_said
set_entry(struct store *s, const char *mailbox, const char *name, struct span value)
{
	struct metadata_entry e = {
	    .name = span_of(name), .is_nil = !value.p, .value = value};
	return store_metadata_set(s, span_of(mailbox), &e, 1);
}

/* RFC 5464 3.3: l, and one of rswip; of that what is shared. */
static void
test_metadata(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna);
	const struct span v = SPAN("v"), nil = {NULL, 0};
	assert_int_equal(set_entry(h->a, "Sent", "/shared/comment", v), STORE_DONE);
	assert_int_equal(set_entry(h->a, "Sent", "/private/comment", v), STORE_DONE);
	assert_int_equal(set_entry(h->a, "", "/shared/comment", v), STORE_DONE);
	entries_check(g, "Sent", STORE_NONEXISTENT, "");
	give(h, "Sent", anna, RIGHT_READ | RIGHT_WRITE);
	entries_check(g, "Sent", STORE_NONEXISTENT, "");
	assert_int_equal(
	    set_entry(g, "Sent", "/shared/comment", nil), STORE_NONEXISTENT);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_REMOVE | RIGHT_ADMIN);
	entries_check(g, "Sent", STORE_NO_RIGHT, "");
	assert_int_equal(set_entry(g, "Sent", "/shared/comment", nil), STORE_NO_RIGHT);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_POST);
	entries_check(g, "Sent", STORE_DONE, "/shared/comment=v ");
	assert_int_equal(
	    set_entry(g, "Sent", "/shared/x", SPAN("of a guest")), STORE_DONE);
	assert_int_equal(set_entry(g, "Sent", "/private/x", v), STORE_NO_RIGHT);
	assert_int_equal(
	    set_entry(g, "Sent", METADATA_SPECIAL_USE, nil), STORE_NO_RIGHT);
	entries_check(g, "", STORE_NONEXISTENT, "");
	assert_int_equal(set_entry(g, "", "/shared/comment", nil), STORE_NONEXISTENT);
	entries_check(h->a, "", STORE_DONE, "/shared/comment=v ");
	entries_check(h->a, "Sent", STORE_DONE,
	    METADATA_SPECIAL_USE
	    "=\\Sent /private/comment=v /shared/comment=v /shared/x=of a guest ");
	store_close(&g);
}

/* They cannot take all the room that there is. */
static void
test_metadata_room(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna);
	static char value[METADATA_VALUE_MAX];
	struct buf name = {0};
	enum store_said said = STORE_DONE;
	unsigned n = 0;
	memset(value, 'x', sizeof value);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_READ);
	for (; said == STORE_DONE && n < METADATA_ENTRIES_MOST; n++) {
		buf_reset(&name);
		buf_putf(&name, "/shared/%u", n);
		said = set_entry(
		    g, "Sent", buf_cstr(&name), span_make(value, sizeof value));
	}
	assert_int_equal(said, STORE_TOO_MANY);
	assert_true(n > 2 && n <= METADATA_GUESTS_MAX / sizeof value + 1);
	assert_int_equal(set_entry(h->a, "INBOX", "/private/comment",
			     span_make(value, sizeof value)),
	    STORE_DONE);
	buf_free(&name);
	store_close(&g);
}

/* What is below a mailbox inherits who may do what, and that is bounded. */
static void
test_inherited(void **state)
{
	struct home *h = *state;
	struct buf name = {0};
	enum store_said said = STORE_DONE;
	unsigned n = 0;
	for (unsigned i = 0; i < ACL_ENTRIES_MOST; i++) {
		buf_reset(&name);
		buf_putf(&name, "%0300u@x.test", i);
		give(h, "Sent", buf_cstr(&name), RIGHT_LOOKUP);
	}
	while (said == STORE_DONE && n < 100) {
		buf_reset(&name);
		buf_putf(&name, "Sent/%u", ++n);
		said = store_mailbox_create(h->a, buf_as_span(&name), NULL, NULL);
	}
	assert_int_equal(said, STORE_TOO_MANY);
	assert_true(n > 2 && n <= METADATA_ACCOUNT_MAX / (300 * ACL_ENTRIES_MOST));
	assert_int_equal(
	    store_mailbox_create(h->a, SPAN("beside"), NULL, NULL), STORE_DONE);
	store_check(h->a);
	buf_free(&name);
}

static void
test_granted(void **state)
{
	struct home *h = *state;
	struct door_terms nobody = {.message_bytes_most = 1};
	struct buf granted = {.max = 1000};
	int chan;
	give(h, "Sent", anna, RIGHT_LOOKUP);
	give(h, "INBOX", anna, RIGHT_READ);
	give(h, "INBOX", "-bert@x.test", RIGHT_READ);
	give(h, "INBOX", "owner", RIGHTS_ALL);
	assert_int_equal(door_open(home_dir, &nobody, &granted, &chan), E_OK);
	struct rd r = rd_of(buf_as_span(&granted));
	assert_true(span_eqs(rd_str(&r, IDENTIFIER_MAX), anna));
	assert_int_equal(rd_end(&r), E_OK);
	close(chan);
	buf_free(&granted);
}

/* ---- seen ---- */

static uint32_t
seen_of(struct store *s, const char *mailbox)
{
	struct store_view v = selected(s, mailbox);
	uint32_t bits = 0;
	for (uint32_t i = 0; i < v.n && i < 32; i++)
		if (v.records[i].flags & FLAG_SEEN)
			bits |= 1u << i;
	store_unselect(s, &v);
	return bits;
}

static uint64_t
unseen_of(struct store *s, const char *mailbox)
{
	struct store_mailbox m;
	assert_int_equal(store_mailbox(s, span_of(mailbox), &m), E_OK);
	return m.unseen;
}

static void
test_seen(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna),
		     *other = store_guest(come_in, bert);
	for (unsigned i = 0; i < 4; i++)
		append(h->a, "Sent", i);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_READ | RIGHT_SEEN);
	give(h, "Sent", bert, RIGHT_LOOKUP | RIGHT_READ | RIGHT_SEEN);
	struct store_view own = selected(h->a, "Sent"), v = selected(g, "Sent");
	assert_int_equal(
	    flags(h->a, &own, 1, 2, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(v.records[0].flags, 0); /* at once, where it is mapped */
	assert_int_equal(flags(g, &v, 2, 3, STORE_ADD, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(v.records[1].flags, FLAG_SEEN);
	assert_int_equal(v.head->unseen, 2);
	assert_int_equal(own.records[2].flags, 0);
	assert_int_equal(
	    flags(g, &v, 1, 1, STORE_ADD, FLAG_FLAGGED, NULL), STORE_NO_RIGHT);
	/* what is shared goes to all, and leaves what each has seen */
	assert_int_equal(
	    flags(h->a, &own, 3, 3, STORE_SET, FLAG_FLAGGED, NULL), STORE_DONE);
	assert_int_equal(v.records[2].flags, FLAG_SEEN | FLAG_FLAGGED);
	assert_true(v.records[2].modseq == v.head->modseq);
	store_unselect(g, &v);
	assert_int_equal(seen_of(g, "Sent"), 6);
	assert_int_equal(unseen_of(g, "Sent"), 2);
	assert_int_equal(seen_of(other, "Sent"), 0);
	assert_int_equal(seen_of(h->b, "Sent"), 3);
	/* it outlasts the keeper, and a rebuild */
	store_unselect(h->a, &own);
	home_kill();
	assert_int_equal(unseen_of(g, "Sent"), 2);
	assert_int_equal(seen_of(g, "Sent"), 6);
	home_dump();
	home_damage();
	assert_int_equal(seen_of(g, "Sent"), 6);
	v = selected(g, "Sent");
	assert_int_equal(flags(g, &v, 1, 4, STORE_SET, FLAG_SEEN, NULL), STORE_DONE);
	assert_int_equal(flags(g, &v, 3, 3, STORE_REMOVE, FLAG_SEEN, NULL), STORE_DONE);
	store_unselect(g, &v);
	assert_int_equal(seen_of(g, "Sent"), 11);
	store_check(h->a);
	store_close(&g);
	store_close(&other);
}

/* ---- files ---- */

static void
test_files(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna);
	struct buf text = {.max = DOOR_MESSAGE_BYTES_MOST};
	append(h->a, "Sent", 7);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_READ | RIGHT_REMOVE | RIGHT_EXPUNGE);
	struct store_view v = selected(g, "Sent");
	assert_int_equal(store_message_read(g, &v.records[0], &text), E_OK);
	assert_true(span_eq(buf_as_span(&text), text_of(7)));
	assert_int_equal(store_cache(g, &v.records[0]).n, 0);
	/* e removes what is \Deleted alone, whatever the guest says */
	assert_int_equal(expunge(g, &v, 1, 1, false), STORE_DONE);
	assert_int_equal(v.records[0].flags & FLAG_GONE, 0);
	assert_int_equal(flags(g, &v, 1, 1, STORE_ADD, FLAG_DELETED, NULL), STORE_DONE);
	assert_int_equal(expunge(g, &v, 1, 1, true), STORE_DONE);
	assert_int_equal(v.records[0].flags & FLAG_GONE, FLAG_GONE);
	assert_int_equal(store_message_read(g, &v.records[0], &text), E_BAD);
	store_unselect(g, &v);
	buf_free(&text);
	store_close(&g);
}

/* ---- rights go ---- */

static void
test_revoked(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna);
	struct store_view v, next;
	struct pollfd p = {.events = POLLIN};
	append(h->a, "Sent", 1);
	give(h, "Sent", anna, RIGHT_LOOKUP | RIGHT_READ);
	v = selected(g, "Sent");
	assert_int_equal(store_watch(g, &v, v.head->modseq, &p.fd), E_OK);
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(
	    store_acl_set(h->a, SPAN("Sent"), span_of(anna), ACL_DELETE, 0, 1000),
	    STORE_DONE);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(v.head->is_superseded, 1);
	/* what is mapped still is not written any more */
	append(h->a, "Sent", 2);
	assert_int_equal(v.head->n, 1);
	assert_int_equal(store_view_renew(g, &v, &next), E_BAD);
	store_unselect(g, &v);
	names_check(g, "");
	store_close(&g);
}

/* ---- beyond ---- */

/* Each on a channel of its own: it is closed, and nothing came of it. */
static void
refused(uint16_t ask, const struct buf *body, bool is_deposit)
{
	struct buf in = {0};
	struct ask_msg reply;
	int chan = door(anna, is_deposit, 0);
	assert_int_equal(ask_call(chan, ask, buf_as_span(body), -1, &in, &reply,
			     deadline_in_ms(WAIT_MS)),
	    E_IO);
	close(chan);
	buf_free(&in);
}

static void
test_beyond(void **state)
{
	static const uint16_t asks[] = {KEEPER_USAGE, KEEPER_SUBSCRIPTIONS,
	    KEEPER_UIDLS, KEEPER_SYNC, KEEPER_ANNOTATIONS, KEEPER_LEAVE, KEEPER_HOLD,
	    KEEPER_GRANTED};
	static const uint16_t of_deposit[] = {KEEPER_MAILBOXES, KEEPER_LEAVE};
	struct home *h = *state;
	struct buf body = {0};
	struct incoming m;
	give(h, "INBOX", anna, RIGHTS_ALL);
	for (size_t i = 0; i < COUNT(asks); i++)
		refused(asks[i], &body, false);
	for (size_t i = 0; i < COUNT(of_deposit); i++)
		refused(of_deposit[i], &body, true);
	/* nobody else, later */
	buf_bytes(&body, SPAN("bert@x.test"));
	buf_bytes(&body, SPAN(""));
	buf_u32(&body, 1001);
	buf_u64(&body, 0);
	buf_u64(&body, 0);
	buf_u8(&body, 0);
	refused(KEEPER_GUEST, &body, false);
	refused(KEEPER_GUEST, &body, true);
	/* no row for a file that is there already */
	message_begin(h->a, &m, 1);
	buf_reset(&body);
	ask_append_put(&body, &(struct ask_append){.target = SPAN("INBOX"), .n = 1});
	ask_message_put(&body, &m);
	refused(KEEPER_APPEND, &body, false);
	incoming_drop(&m);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	buf_free(&body);
}

/* A guest's numbers of mailboxes are tried, too. */
static void
test_numbers(void **state)
{
	struct home *h = *state;
	struct store *g = store_guest(come_in, anna);
	struct store_copied copied = {.uidvalidity = 0};
	struct numset one = set_of(1, 1);
	append(h->a, "INBOX", 1);
	give(h, "Sent", anna, RIGHTS_ALL);
	struct store_view v = selected(h->a, "INBOX");
	const struct store_change seen = {.how = STORE_ADD, .flags = FLAG_SEEN};
	assert_int_equal(
	    store_flags(g, v.mailbox, &one, &seen, NULL), STORE_NONEXISTENT);
	assert_int_equal(store_expunge(g, v.mailbox, &one, false), STORE_NONEXISTENT);
	/* one that is there and hidden is not told from one that is not */
	assert_int_equal(store_copy(g, v.mailbox, &one, SPAN("Sent"), false, &copied),
	    STORE_NONEXISTENT);
	numset_free(&copied.from);
	numset_free(&copied.to);
	assert_int_equal(store_copy(g, 12345, &one, SPAN("Sent"), false, &copied),
	    STORE_NONEXISTENT);
	numset_free(&copied.from);
	numset_free(&copied.to);
	assert_int_equal(store_expunged(g, v.mailbox, 1, &one), E_BAD);
	struct store_view other = selected(g, "Sent");
	int fd;
	struct store_record r = {.uid = 1};
	assert_int_equal(store_message_open(g, &r, &fd), E_BAD);
	store_unselect(g, &other);
	store_unselect(h->a, &v);
	numset_free(&one);
	assert_int_equal(
	    store_acl_set(g, SPAN("Sent"), SPAN("owner"), ACL_SET, 0, RIGHTS_ANY_UID),
	    STORE_NO_RIGHT);
	store_close(&g);
}

/* ---- an address of another one ---- */

static uint32_t uid_now;

static int
come_in_now(void *ctx, int *out)
{
	struct door_terms t = {.guest = span_of(ctx),
	    .guest_uid = uid_now,
	    .message_bytes_most = DOOR_MESSAGE_BYTES_MOST};
	struct buf granted = {.max = 1000};
	assert_int_equal(door_open(home_dir, &t, &granted, out), E_OK);
	buf_free(&granted);
	return E_OK;
}

/* What anna sees whose account has that uid. */
static void
annas_names_check(uint32_t uid, const char *want)
{
	uid_now = uid;
	struct store *g = store_guest(come_in_now, anna);
	names_check(g, want);
	store_close(&g);
}

static void
change(struct home *h, const char *mailbox, enum store_acl_how how, unsigned rights,
    uint32_t uid)
{
	assert_int_equal(
	    store_acl_set(h->a, span_of(mailbox), span_of(anna), how, rights, uid),
	    STORE_DONE);
}

/* What was given to who had the address before is not given to who has it now. */
static void
test_another_person(void **state)
{
	struct home *h = *state;
	change(h, "Sent", ACL_SET, RIGHT_LOOKUP | RIGHT_READ, 1000);
	give(h, "Drafts", "anyone", RIGHT_LOOKUP);
	annas_names_check(1000, "Drafts=1 Sent=3 ");
	annas_names_check(1002, "Drafts=1 ");
	/* before that was noted: of whom the address always was, until it is given again */
	change(h, "Sent", ACL_SET, RIGHT_LOOKUP | RIGHT_READ, RIGHTS_ANY_UID);
	annas_names_check(1000, "Drafts=1 Sent=3 ");
	annas_names_check(1002, "Drafts=1 Sent=3 ");
	change(h, "Sent", ACL_REMOVE, RIGHT_READ, 1000);
	annas_names_check(1000, "Drafts=1 Sent=1 ");
	annas_names_check(1002, "Drafts=1 ");
	/* while nobody had it: nobody's, also of who is there no more */
	change(h, "Sent", ACL_SET, RIGHT_LOOKUP | RIGHT_READ, 0);
	annas_names_check(1000, "Drafts=1 ");
	annas_names_check(0, "Drafts=1 ");
}

struct entries {
	unsigned n, rights;
	uint32_t uid;
};

static void
find_anna(void *ctx, struct span identifier, unsigned rights, uint32_t uid)
{
	struct entries *e = ctx;
	if (!span_eqs(identifier, anna))
		return;
	*e = (struct entries){.n = e->n + 1, .rights = rights, .uid = uid};
}

static struct entries
annas_entries(struct home *h, const char *mailbox)
{
	struct entries e = {.n = 0};
	assert_int_equal(store_acl(h->a, span_of(mailbox), find_anna, &e), STORE_DONE);
	return e;
}

/* Nor is it begun from, where rights are added or taken away. */
static void
test_changed_for_another(void **state)
{
	struct home *h = *state;
	change(h, "Sent", ACL_SET, RIGHTS_ALL, 1000);
	change(h, "Sent", ACL_REMOVE, RIGHT_WRITE, 1002);
	annas_names_check(1002, "");
	assert_int_equal(annas_entries(h, "Sent").n, 0);
	change(h, "Sent", ACL_SET, RIGHTS_ALL, 1000);
	change(h, "Sent", ACL_ADD, RIGHT_LOOKUP, 1002);
	annas_names_check(1002, "Sent=1 ");
	annas_names_check(1000, "");
	struct entries e = annas_entries(h, "Sent");
	assert_true(e.n == 1 && e.rights == RIGHT_LOOKUP && e.uid == 1002);
	change(h, "Sent", ACL_ADD, RIGHT_READ, 1002);
	annas_names_check(1002, "Sent=3 ");
}

/* What is taken away is taken from whoever has the address, whenever that was. */
static void
test_taken_from_any(void **state)
{
	struct home *h = *state;
	give(h, "Sent", "anyone", RIGHT_LOOKUP | RIGHT_READ);
	assert_int_equal(store_acl_set(h->a, SPAN("Sent"), SPAN("-anna@x.test"),
			     ACL_SET, RIGHT_READ, 1000),
	    STORE_DONE);
	annas_names_check(1000, "Sent=1 ");
	annas_names_check(1002, "Sent=1 ");
	annas_names_check(0, "Sent=1 ");
	assert_int_equal(store_acl_set(h->a, SPAN("Sent"), SPAN("-anna@x.test"),
			     ACL_ADD, RIGHT_LOOKUP, 1002),
	    STORE_DONE);
	annas_names_check(1000, "");
	annas_names_check(1002, "");
}

/* ---- all of them end ---- */

/* Somebody waits for the lock of that file. */
static bool
is_waited_for(const char *path)
{
	struct stat st;
	char line[200], inode[40];
	bool is_found = false;
	assert_int_equal(stat(path, &st), 0);
	snprintf(inode, sizeof inode, ":%llu ", (unsigned long long)st.st_ino);
	FILE *f = fopen("/proc/locks", "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		is_found |= strstr(line, "->") && strstr(line, inode);
	fclose(f);
	return is_found;
}

/* A keeper that does not listen yet is waited for: who starts it holds index/start. */
static void
test_ends_guests_of_a_start(void **state)
{
	struct home *h = *state;
	int64_t deadline = deadline_in_ms(WAIT_MS);
	int status, start = open("index/start", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	mailbox_check(h->a, "INBOX", 0, 0, 0); /* there is a keeper */
	int chan = door(anna, false, 0);
	struct pollfd end = {.fd = chan, .events = POLLIN};
	assert_int_equal(flock(start, LOCK_EX), 0);
	assert_int_equal(rename("index/keeper", "index/elsewhere"), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(start);
		_exit(store_end_guests(home_dir) == E_OK ? 0 : 1);
	}
	while (!is_waited_for("index/start")) {
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		assert_true(clock_mono_ms() < deadline);
	}
	assert_int_equal(rename("index/elsewhere", "index/keeper"), 0);
	close(start);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(poll(&end, 1, WAIT_MS), 1);
	assert_true(end.revents & POLLHUP);
	close(chan);
	/* where there is no mailbox, nobody is in it */
	assert_int_equal(store_end_guests("/nonexistent/home"), E_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_names), TEST(test_groups),
	    TEST(test_metadata), TEST(test_metadata_room), TEST(test_inherited),
	    TEST(test_granted), TEST(test_seen), TEST(test_files), TEST(test_revoked),
	    TEST(test_beyond), TEST(test_numbers), TEST(test_another_person),
	    TEST(test_changed_for_another), TEST(test_taken_from_any),
	    TEST(test_ends_guests_of_a_start)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
