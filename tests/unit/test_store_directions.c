/* SPDX-License-Identifier: ISC */
/* test_store_directions.c - what is said of a message in new/, and what the keeper makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/directions.h"
#include "store/keeper.h"
#include "store/name.h"
#include "store_home.h"
#include "tls/hash.h"

enum { LATER_MS = 2 * KEEPER_UPKEEP_MS, AGAIN_MS = 100 };

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_setup, home_teardown)

/* ---- texts ---- */

static void
test_names(void **state)
{
	static const char sum[] =
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	static const struct {
		const char *end;
		bool is_good, is_junk, is_directed;
	} rows[] = {{"", true, false, false}, {",J", true, true, false},
	    {",D", true, false, true}, {",J,D", true, true, true},
	    {",D,J", false, false, false}, {",D,D", false, false, false},
	    {",", false, false, false}, {",d", false, false, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = {0}, again = {0};
		struct file_name f;
		buf_putf(&text, "000102030405060708090a0b,0c0d0e0f,S=9,C=%s%s", sum,
		    rows[i].end);
		int err = file_name_parse(buf_as_span(&text), &f);
		assert_int_equal(err, rows[i].is_good ? E_OK : E_BAD);
		if (err == E_OK) {
			assert_int_equal(f.is_junk, rows[i].is_junk);
			assert_int_equal(f.is_directed, rows[i].is_directed);
			file_name_put(&again, &f);
			assert_string_equal(buf_cstr(&again), buf_cstr(&text));
			assert_true(again.len < NAME_NEW_MAX);
		}
		buf_free(&text);
		buf_free(&again);
	}
}

static void
put(struct buf *out, const char *mailbox, const char *use, const char *id,
    bool can_create, uint32_t flags, const char *keyword)
{
	struct directions d = {.mailbox = span_of(mailbox),
	    .special_use = span_of(use),
	    .mailboxid = span_of(id),
	    .can_create = can_create,
	    .flags = flags};
	if (keyword)
		d.keywords[d.n_keywords++] = span_of(keyword);
	buf_reset(out);
	directions_put(out, &d);
}

static void
test_text(void **state)
{
	struct buf text = {0}, more = {0};
	struct directions d;
	(void)state;
	put(&text, "Lists/c", "\\Junk", "F7", true, FLAG_SEEN | FLAG_FLAGGED,
	    "$Label1");
	assert_int_equal(directions_get(buf_as_span(&text), &d), E_OK);
	assert_true(
	    span_eqs(d.mailbox, "Lists/c") && span_eqs(d.special_use, "\\Junk"));
	assert_true(span_eqs(d.mailboxid, "F7") && d.can_create);
	assert_int_equal(d.flags, FLAG_SEEN | FLAG_FLAGGED);
	assert_int_equal(d.n_keywords, 1);
	assert_true(span_eqs(d.keywords[0], "$Label1"));
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(
		    directions_get(span_head(buf_as_span(&text), n), &d), E_BAD);
	buf_span(&more, buf_as_span(&text));
	buf_ch(&more, '.');
	assert_int_equal(directions_get(buf_as_span(&more), &d), E_BAD);
	put(&text, "a", "", "", false, FLAG_GONE, NULL);
	assert_int_equal(directions_get(buf_as_span(&text), &d), E_BAD);
	put(&text, "a", "", "", false, 0, "two words");
	assert_int_equal(directions_get(buf_as_span(&text), &d), E_BAD);
	put(&text, "a", "", "", false, 0, "\\Seen");
	assert_int_equal(directions_get(buf_as_span(&text), &d), E_BAD);
	buf_free(&text);
	buf_free(&more);
}

/* ---- into mailboxes ---- */

static struct file_id
goes(const char *mailbox, const char *use, bool can_create)
{
	struct buf text = {0};
	put(&text, mailbox, use, "", can_create, 0, NULL);
	struct file_id id =
	    deliver_directed("Subject: x\r\n\r\n", false, buf_as_span(&text));
	buf_free(&text);
	return id;
}

static void
taken_in(struct home *h)
{
	struct store_view v = selected(h->a, "INBOX");
	store_unselect(h->a, &v);
	assert_int_equal(store_sync(h->a), E_OK); /* files are where they belong */
}

/* But for directions. */
static bool
is_new_empty(void)
{
	return system("ls new/*,S=* 2>&1 | grep -q '^new/'") != 0;
}

static void
assert_no_file(struct file_id id)
{
	struct buf path = {0};
	buf_str(&path, "new/");
	directions_name_put(&path, id);
	assert_int_not_equal(access(buf_cstr(&path), F_OK), 0);
	buf_free(&path);
}

static void
test_where(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	struct file_id one = goes("Sent", "", false), two = goes("Nowhere", "", false);
	goes("Lists/c", "", true);
	goes("Lists/c", "", true);
	goes("Lists/perl", "", true);
	goes("inbox", "", true);
	goes("bad//name", "", true);
	goes("", "", false);
	taken_in(h);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	mailbox_check(h->a, "Lists", 0, 0, 0);
	mailbox_check(h->a, "Lists/c", 2, 2, 0);
	mailbox_check(h->a, "Lists/perl", 1, 1, 0);
	mailbox_check(h->a, "INBOX", 4, 4, 0);
	assert_int_equal(store_mailbox(h->a, SPAN("Nowhere"), &m), E_BAD);
	assert_no_file(one);
	assert_no_file(two);
	assert_int_equal(store_check(h->a), 8);
}

static void
test_uses(void **state)
{
	struct home *h = *state;
	struct store_mailbox m;
	struct buf text = {0};
	assert_int_equal(
	    store_mailbox_rename(h->a, SPAN("Archive"), SPAN("Old")), STORE_DONE);
	goes("Else", "\\archive", false); /* there is one */
	goes("Starred", "\\Flagged", true);
	goes("Odd", "\\NoUse", true);
	taken_in(h);
	mailbox_check(h->a, "Old", 1, 1, 0);
	assert_int_equal(store_mailbox(h->a, SPAN("Starred"), &m), E_OK);
	assert_string_equal(m.special_use, "\\Flagged");
	buf_putf(&text, "F%u", m.id);
	struct buf d = {0};
	put(&d, "Sent", "", buf_cstr(&text), false, 0, NULL);
	deliver_directed("Subject: id\r\n\r\n", false, buf_as_span(&d));
	put(&d, "Sent", "", "F99999999", false, 0, NULL);
	deliver_directed("Subject: id\r\n\r\n", false, buf_as_span(&d));
	taken_in(h);
	mailbox_check(h->a, "Starred", 2, 2, 0);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	assert_int_equal(store_mailbox(h->a, SPAN("Odd"), &m), E_OK);
	assert_string_equal(m.special_use, "");
	buf_free(&text);
	buf_free(&d);
}

/* What a script says goes before what is thought of its sender; where it says nothing, not. */
static void
test_junk(void **state)
{
	struct home *h = *state;
	struct buf d = {0};
	put(&d, "", "", "", false, FLAG_SEEN, NULL);
	deliver_directed("Subject: junk\r\n\r\n", true, buf_as_span(&d));
	put(&d, "INBOX", "", "", false, 0, NULL);
	deliver_directed("Subject: no junk\r\n\r\n", true, buf_as_span(&d));
	taken_in(h);
	mailbox_check(h->a, "Junk", 1, 0, 0);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	buf_free(&d);
}

static void
test_flags(void **state)
{
	struct home *h = *state;
	struct buf d = {0};
	put(&d, "Lists", "", "", true, FLAG_SEEN | FLAG_FLAGGED, "$Label1");
	deliver_directed("Subject: a\r\n\r\n", false, buf_as_span(&d));
	taken_in(h); /* those that come within a tick of the clock have no order */
	put(&d, "Lists", "", "", true, 0, "$label1");
	deliver_directed("Subject: b\r\n\r\n", false, buf_as_span(&d));
	taken_in(h);
	put(&d, "Lists", "", "", true, FLAG_ANSWERED, "Work");
	deliver_directed("Subject: c\r\n\r\n", false, buf_as_span(&d));
	taken_in(h);
	home_kill(); /* it is in the tables, not in memory alone */
	home_reopen(h);
	struct store_view v = selected(h->a, "Lists");
	static const uint32_t bits[] = {FLAG_SEEN | FLAG_FLAGGED, 0, FLAG_ANSWERED};
	static const uint64_t keywords[] = {1, 1, 2};
	assert_int_equal(v.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(v.records[i].flags, bits[i]);
		assert_int_equal(v.records[i].keywords, keywords[i]);
	}
	assert_string_equal(v.head->keywords[0], "$Label1");
	assert_string_equal(v.head->keywords[1], "Work");
	store_unselect(h->a, &v);
	buf_free(&d);
}

/* Without what can be read it goes to INBOX, and nobody follows a link. */
static void
test_unreadable(void **state)
{
	struct home *h = *state;
	struct buf path = {0};
	deliver_directed("Subject: a\r\n\r\n", false, SPAN(""));
	deliver_directed("Subject: b\r\n\r\n", false, SPAN("mD1 what is this"));
	struct file_id id = goes("Sent", "", false);
	buf_str(&path, "new/");
	directions_name_put(&path, id);
	assert_int_equal(rename(buf_cstr(&path), "elsewhere"), 0);
	assert_int_equal(symlink("../elsewhere", buf_cstr(&path)), 0);
	id = goes("Sent", "", false);
	buf_reset(&path);
	buf_str(&path, "new/");
	directions_name_put(&path, id);
	assert_int_equal(unlink(buf_cstr(&path)), 0);
	assert_int_equal(mkfifo(buf_cstr(&path), 0600), 0);
	taken_in(h);
	mailbox_check(h->a, "INBOX", 4, 4, 0);
	mailbox_check(h->a, "Sent", 0, 0, 0);
	assert_no_file(id);
	buf_free(&path);
}

/* Placed once more, and directed elsewhere: it stays where it is, deleted stays deleted. */
static void
test_again(void **state)
{
	struct home *h = *state;
	assert_int_equal(system("mkdir kept"), 0);
	struct file_id id = goes("Sent", "", false);
	assert_int_equal(system("cp -p new/* new/.[0-9a-f]* kept/"), 0);
	taken_in(h);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	assert_int_equal(system("cp -p kept/* kept/.[0-9a-f]* new/"), 0);
	taken_in(h);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_no_file(id);
	struct store_view v = selected(h->a, "Sent");
	assert_int_equal(
	    flags(h->a, &v, 1, 1, STORE_ADD, FLAG_DELETED, NULL), STORE_DONE);
	assert_int_equal(expunge(h->a, &v, 1, 1, true), STORE_DONE);
	store_unselect(h->a, &v);
	assert_int_equal(system("cp -p kept/* kept/.[0-9a-f]* new/"), 0);
	taken_in(h);
	mailbox_check(h->a, "Sent", 0, 0, 0);
	assert_no_file(id);
	assert_int_equal(system("rm -r kept"), 0);
}

/* Under the id of another: what a script made when the message was placed once more. */
static void
place_other(struct file_id id, const char *text)
{
	struct file_name f = {.id = id, .size_bytes = strlen(text)};
	struct buf path = {0};
	sha256(span_of(text), f.sha256);
	buf_str(&path, "new/");
	file_name_put(&path, &f);
	FILE *out = fopen(buf_cstr(&path), "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
	/* later than all others, whatever the clock for files says */
	const struct timespec times[2] = {
	    {.tv_sec = time(NULL) + 60}, {.tv_sec = time(NULL) + 60}};
	assert_int_equal(utimensat(AT_FDCWD, buf_cstr(&path), times, 0), 0);
	buf_free(&path);
}

static void
assert_kept(struct file_id id, const char *text)
{
	char there[64] = "";
	struct buf path = {0};
	msg_path_put(&path, id);
	FILE *in = fopen(buf_cstr(&path), "r");
	assert_non_null(in);
	there[fread(there, 1, sizeof there - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(there, text);
	buf_free(&path);
}

/* Placed once more with other bytes: the first stay, whether they were taken in before or now. */
static void
test_other_bytes(void **state)
{
	struct home *h = *state;
	struct file_id id = goes("Sent", "", false);
	taken_in(h);
	place_other(id, "Subject: y\r\n\r\n");
	place_other(id, "Subject: longer\r\n\r\n");
	taken_in(h);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_kept(id, "Subject: x\r\n\r\n");
	assert_true(is_new_empty());
	id = goes("Sent", "", false);
	place_other(id, "Subject: z\r\n\r\n");
	taken_in(h);
	taken_in(h); /* in one round the other one waits for the next */
	mailbox_check(h->a, "Sent", 2, 2, 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_kept(id, "Subject: x\r\n\r\n");
	assert_int_equal(store_check(h->a), 2);
}

/* Which bytes those are that are there cannot be seen now: the others wait, and that is tried again. */
static void
test_other_bytes_later(void **state)
{
	struct home *h = *state;
	struct file_id id = goes("Sent", "", false);
	taken_in(h);
	int lease = leased("msg/*/*");
	place_other(id, "Subject: y\r\n\r\n");
	taken_in(h);
	assert_false(is_new_empty());
	close(lease);
	for (int ms = 0; ms < LATER_MS && !is_new_empty(); ms += AGAIN_MS)
		poll(NULL, 0, AGAIN_MS);
	assert_true(is_new_empty());
	mailbox_check(h->a, "Sent", 1, 1, 0);
	assert_kept(id, "Subject: x\r\n\r\n");
}

static void
cut(struct file_id id, off_t bytes)
{
	struct buf path = {0};
	msg_path_put(&path, id);
	assert_int_equal(truncate(buf_cstr(&path), bytes), 0);
	buf_free(&path);
}

/*
 * A power cut took the bytes that were taken in, and not their rows: what is placed once more is the
 * message, in each mailbox where it was; and nothing is left in new/.
 */
static void
test_other_bytes_after_a_cut(void **state)
{
	struct home *h = *state;
	struct store_copied c;
	struct numset one = set_of(1, 1);
	struct file_id id = goes("Sent", "", false);
	taken_in(h);
	struct store_view v = selected(h->a, "Sent");
	assert_int_equal(
	    store_copy(h->a, v.mailbox, &one, SPAN("Archive"), false, &c), STORE_DONE);
	numset_free(&c.from);
	numset_free(&c.to);
	numset_free(&one);
	cut(id, 0);
	place_other(id, "Subject: longer\r\n\r\n");
	taken_in(h);
	assert_int_equal(v.head->is_superseded, 1); /* its size is another */
	store_unselect(h->a, &v);
	assert_kept(id, "Subject: longer\r\n\r\n");
	mailbox_check(h->a, "Sent", 1, 1, 0);
	mailbox_check(h->a, "Archive", 1, 1, 0);
	assert_int_equal(store_check(h->a), 2);
	v = selected(h->a, "Archive");
	assert_int_equal(v.records[0].size_bytes, sizeof "Subject: longer\r\n\r\n" - 1);
	store_unselect(h->a, &v);
	assert_true(is_new_empty());
	/* bytes that are not what their name says do not come in anyone's place */
	cut(id, 3);
	place_other(id, "Subject: third\r\n\r\n");
	assert_int_equal(
	    system("for f in new/*,S=*; do printf 'Subject: other\r\n\r\n' "
		   ">$f; done"),
	    0);
	taken_in(h);
	assert_false(is_new_empty());
	assert_kept(id, "Sub");
}

/* What a rebuild found has no sum in its row: the bytes that are there stay. */
static void
test_other_bytes_after_a_rebuild(void **state)
{
	struct home *h = *state;
	struct file_id id = goes("INBOX", "", false);
	taken_in(h);
	home_damage();
	assert_int_equal(unlink("dump"), 0);
	home_reopen(h);
	taken_in(h);
	place_other(id, "Subject: y\r\n\r\n");
	taken_in(h);
	mailbox_check(h->a, "INBOX", 1, 1, 0);
	assert_kept(id, "Subject: x\r\n\r\n");
	assert_true(is_new_empty());
}

/* Those of a message that did not come go some day. */
static void
test_orphans(void **state)
{
	struct home *h = *state;
	static const char old[] = "new/.00112233445566778899aabbccddeeff",
			  fresh[] = "new/.10112233445566778899aabbccddeeff",
			  other[] = "new/.something";
	assert_int_equal(
	    system("touch -d '2 days ago' new/.00112233445566778899aabbccddeeff "
		   "new/.something && touch new/.10112233445566778899aabbccddeeff"),
	    0);
	taken_in(h);
	assert_int_not_equal(access(old, F_OK), 0);
	assert_int_equal(access(fresh, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
}

/* Nobody looked for days: it goes where it was meant to go then. */
static void
test_late(void **state)
{
	struct home *h = *state;
	struct file_id id = goes("Sent", "", false);
	assert_int_equal(system("touch -d '2 days ago' new/* new/.[0-9a-f]*"), 0);
	taken_in(h);
	mailbox_check(h->a, "Sent", 1, 1, 0);
	mailbox_check(h->a, "INBOX", 0, 0, 0);
	assert_no_file(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
	    cmocka_unit_test(test_text), TEST(test_where), TEST(test_uses),
	    TEST(test_junk), TEST(test_flags), TEST(test_unreadable), TEST(test_again),
	    TEST(test_other_bytes), TEST(test_other_bytes_later),
	    TEST(test_other_bytes_after_a_cut), TEST(test_other_bytes_after_a_rebuild),
	    TEST(test_orphans), TEST(test_late)};
	return cmocka_run_group_tests_name("store_directions", tests, NULL, NULL);
}
