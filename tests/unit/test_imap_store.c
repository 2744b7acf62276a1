/* SPDX-License-Identifier: ISC */
/*
 * test_imap_store.c - STORE, \Seen of FETCH, COPY, MOVE and EXPUNGE: what is answered, and what is
 * told at the end of the command, while another session changes the same messages at the same
 * moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "imapd/command.h"
#include "tests/share_fakes.h"

enum { MESSAGES = 10000, FEW = 4, STORE_MOST_MS = 2000 };

/* ---- the store, and another session ---- */

static struct view_head head;
static struct store_record records[MESSAGES];
static struct numset asked; /* the last uids */
static unsigned n_asks;
static enum store_said said;
static void (*other)(void); /* what another session does, just behind our change */

static void
note_change(uint32_t index)
{
	head.changed[head.n_changes++ % VIEW_CHANGES] = index;
}

static void
change(uint32_t seq, uint32_t flags)
{
	records[seq - 1].flags = flags;
	note_change(seq - 1);
	records[seq - 1].modseq = ++head.modseq;
	head.n_gone += (flags & FLAG_GONE) != 0;
}

static void
note(const struct numset *uids)
{
	numset_reset(&asked);
	for (size_t i = 0; i < uids->n; i++)
		assert_int_equal(
		    numset_add(&asked, uids->ranges[i].from, uids->ranges[i].to), E_OK);
	n_asks++;
}

static uint64_t
bits_of(const struct store_change *c)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < c->n_keywords; i++) {
		uint32_t k = 0;
		while (
		    k < head.n_keywords && !span_ieqs(c->keywords[i], head.keywords[k]))
			k++;
		if (k == head.n_keywords)
			memcpy(head.keywords[head.n_keywords++], c->keywords[i].p,
			    c->keywords[i].n);
		bits |= (uint64_t)1 << k;
	}
	return bits;
}

static void
apply(struct store_record *r, const struct store_change *c, uint64_t bits)
{
	uint32_t flags = r->flags;
	uint64_t keywords = r->keywords;
	r->flags = c->how == STORE_SET   ? c->flags
	           : c->how == STORE_ADD ? flags | c->flags
	                                 : flags & ~c->flags;
	r->keywords = c->how == STORE_SET   ? bits
	              : c->how == STORE_ADD ? keywords | bits
	                                    : keywords & ~bits;
	if (r->flags == flags && r->keywords == keywords)
		return;
	r->modseq = head.modseq + 1;
	note_change((uint32_t)(r - records));
}

enum store_said
store_flags(struct store *s, uint32_t mailbox, const struct numset *uids,
    const struct store_change *c, struct numset *modified)
{
	(void)s, (void)mailbox;
	note(uids);
	if (said != STORE_DONE)
		return said;
	uint64_t bits = bits_of(c);
	for (uint32_t i = 0; i < head.n; i++) {
		struct store_record *r = &records[i];
		if (!numset_has(uids, r->uid) || r->flags & FLAG_GONE)
			continue;
		if (c->has_unchanged_since && r->modseq > c->unchanged_since)
			assert_int_equal(numset_add(modified, r->uid, r->uid), E_OK);
		else
			apply(r, c, bits);
	}
	head.modseq++;
	if (other)
		other();
	return STORE_DONE;
}

enum store_said
store_copy(struct store *s, uint32_t mailbox, const struct numset *uids,
    struct span target, bool is_move, struct store_copied *out)
{
	(void)s, (void)mailbox;
	note(uids);
	if (!span_eqs(target, "Archive"))
		return STORE_NONEXISTENT;
	out->uidvalidity = 7;
	uint32_t to = 100;
	/* else it fails after the second */
	for (uint32_t i = 0; i < head.n && (said == STORE_DONE || i < 2); i++)
		if (numset_has(uids, records[i].uid)) {
			assert_int_equal(
			    numset_add(&out->from, records[i].uid, records[i].uid),
			    E_OK);
			assert_int_equal(numset_add(&out->to, to, to), E_OK);
			to++;
			if (is_move)
				change(i + 1, records[i].flags | FLAG_GONE);
		}
	return said;
}

enum store_said
store_expunge(
    struct store *s, uint32_t mailbox, const struct numset *uids, bool only_deleted)
{
	(void)s, (void)mailbox;
	note(uids);
	if (other)
		other();
	for (uint32_t i = 0; i < head.n; i++)
		if (numset_has(uids, records[i].uid) &&
		    (records[i].flags & FLAG_DELETED || !only_deleted))
			change(i + 1, records[i].flags | FLAG_GONE);
	return STORE_DONE;
}

int
store_message_open(struct store *s, const struct store_record *r, int *out)
{
	(void)s, (void)r, (void)out;
	return E_BAD;
}

/* Nobody asks for these here. */
int
store_select(
    struct store *s, struct span mailbox, bool is_examine, struct store_view *out)
{
	(void)s, (void)mailbox, (void)is_examine, (void)out;
	bug("store_select");
}

void
store_unselect(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
	bug("store_unselect");
}

void
store_unselect_later(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
	bug("store_unselect_later");
}

int
store_view_renew(struct store *s, struct store_view *was, struct store_view *out)
{
	(void)s, (void)was, (void)out;
	bug("store_view_renew");
}

int
store_message_map(struct store *s, const struct store_record *r, struct span *out)
{
	(void)s, (void)r, (void)out;
	bug("store_message_map");
}

void
store_message_unmap(struct span *text)
{
	(void)text;
	bug("store_message_unmap");
}

struct span
store_cache(struct store *s, const struct store_record *r)
{
	(void)s, (void)r;
	return span_make("", 0);
}

void
store_cache_put(struct store *s, const struct store_view *v,
    const struct store_record *r, struct span item)
{
	(void)s, (void)v, (void)r, (void)item;
	bug("store_cache_put");
}

void
store_cache_flush(struct store *s)
{
	(void)s;
}

int
store_expunged(struct store *s, uint32_t mailbox, uint64_t modseq, struct numset *out)
{
	(void)s, (void)mailbox, (void)modseq, (void)out;
	bug("store_expunged");
}

int __wrap_io_flush(struct io *io);

static size_t n_flushed;

int
__wrap_io_flush(struct io *io)
{
	n_flushed += io->out.len;
	buf_reset(&io->out);
	return E_OK;
}

/* ---- a session ---- */

static struct session session;
static struct selected selected;

static void
begin(uint32_t n, unsigned enabled)
{
	memset(&head, 0, sizeof head);
	head.n = n;
	for (uint32_t i = 0; i < n; i++)
		records[i] = (struct store_record){.uid = 11 + i, .modseq = 1 + i};
	head.modseq = n;
	head.uidnext = 11 + n;
	said = STORE_DONE;
	other = NULL;
	n_asks = 0;
	n_flushed = 0;
	selected = (struct selected){.view = {.head = &head,
					 .records = records,
					 .n = n,
					 .recent_from = UINT32_MAX,
					 .rights = RIGHTS_ALL},
	    .n = n,
	    .n_seen = n,
	    .modseq = n};
	session = (struct session){.selected = &selected,
	    .enabled = enabled,
	    .arena.max_bytes = IMAP_ARENA_MAX,
	    .io = {.fd = -1, .out.max = IMAP_OUT_MAX}};
}

static void
end(void)
{
	buf_free(&session.io.out);
	buf_free(&session.code);
	arena_reset(&session.arena);
	mem_free(&selected.told);
	mem_free(&selected.at);
	numset_free(&asked);
}

static enum reply
run(command_handler *handler, bool is_uid, const char *arguments)
{
	struct command c = {.is_uid = is_uid, .verb = ""};
	c.parse = (struct parse){.in = span_of(arguments), .arena = &session.arena};
	buf_reset(&session.io.out);
	buf_reset(&session.code);
	enum reply reply = handler(&session, &c);
	arena_reset(&session.arena);
	return reply;
}

#define EXPECT_OUT(text) assert_string_equal(buf_cstr(&session.io.out), (text))
#define EXPECT_CODE(text) assert_string_equal(buf_cstr(&session.code), (text))

/* What the dispatcher tells behind the answers. */
static void
expect_update(const char *text)
{
	buf_reset(&session.io.out);
	selected_update(&session, UPDATE_NO_EXPUNGE, false);
	EXPECT_OUT(text);
}

/* ---- STORE ---- */

static void
test_store(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_store, false, "1,3 FLAGS (\\Seen)"), R_DONE);
	EXPECT_OUT("* 1 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (FLAGS (\\Seen))\r\n");
	expect_update("");
	assert_int_equal(run(cmd_store, true, "11:12 +FLAGS (\\Flagged)"), R_DONE);
	EXPECT_OUT("* 1 FETCH (UID 11 FLAGS (\\Seen \\Flagged))\r\n* 2 FETCH (UID 12 "
		   "FLAGS (\\Flagged))\r\n");
	expect_update("");
	assert_int_equal(run(cmd_store, false, "1 -FLAGS.SILENT (\\Flagged)"), R_DONE);
	EXPECT_OUT("");
	expect_update("");
	assert_int_equal(run(cmd_store, false, "1:2 FLAGS.SILENT ()"), R_DONE);
	EXPECT_OUT("");
	expect_update("");
	assert_int_equal(records[0].flags, 0);
	end();
}

static void
flag_second(void)
{
	change(2, FLAG_FLAGGED | FLAG_SEEN);
}

static void
flag_third(void)
{
	change(3, FLAG_FLAGGED);
}

static void
gone_second(void)
{
	change(2, records[1].flags | FLAG_GONE);
}

/* Another session changes a message of ours, or another one, before we answered. */
static void
test_store_race(void **state)
{
	(void)state;
	begin(FEW, 0);
	other = flag_second;
	assert_int_equal(run(cmd_store, false, "1:2 FLAGS (\\Seen)"), R_DONE);
	EXPECT_OUT(
	    "* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS (\\Seen \\Flagged))\r\n");
	expect_update("");
	end();
	begin(FEW, 0);
	other = flag_second;
	assert_int_equal(run(cmd_store, false, "1:2 FLAGS.SILENT (\\Seen)"), R_DONE);
	EXPECT_OUT("");
	expect_update("* 2 FETCH (FLAGS (\\Seen \\Flagged))\r\n");
	end();
	begin(FEW, 0);
	other = flag_third;
	assert_int_equal(run(cmd_store, false, "1:2 +FLAGS.SILENT (\\Seen)"), R_DONE);
	expect_update("* 3 FETCH (FLAGS (\\Flagged))\r\n");
	end();
	begin(FEW, 0);
	other = gone_second;
	assert_int_equal(run(cmd_store, false, "1:3 FLAGS (\\Seen)"), R_EXPUNGED);
	EXPECT_OUT("* 1 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (FLAGS (\\Seen))\r\n");
	expect_update("");
	end();
}

/* What another session did before, and was not told yet: SILENT must not hide it. */
static void
test_store_untold(void **state)
{
	(void)state;
	begin(FEW, 0);
	change(2, FLAG_ANSWERED);
	assert_int_equal(run(cmd_store, false, "1:2 +FLAGS.SILENT (\\Seen)"), R_DONE);
	EXPECT_OUT("");
	expect_update("* 2 FETCH (FLAGS (\\Seen \\Answered))\r\n");
	end();
	/* in front of our change, to the same message: the client's own idea of it is wrong */
	begin(FEW, 0);
	change(1, FLAG_FLAGGED);
	assert_int_equal(run(cmd_store, false, "1 FLAGS.SILENT (\\Seen)"), R_DONE);
	expect_update("* 1 FETCH (FLAGS (\\Seen))\r\n");
	end();
}

/* Nothing is answered from a view that was superseded: all is told from the next one. */
static void
supersede(void)
{
	head.is_superseded = 1;
}

static void
test_store_superseded(void **state)
{
	(void)state;
	begin(FEW, 0);
	other = supersede;
	assert_int_equal(run(cmd_store, false, "1 FLAGS (\\Seen)"), R_DONE);
	EXPECT_OUT("");
	assert_int_equal(selected.n_told, 0);
	end();
}

static void
test_store_condstore(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(
	    run(cmd_store, false, "1:4 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\\Seen)"),
	    R_DONE);
	EXPECT_OUT("* OK [HIGHESTMODSEQ 4] noted\r\n* 1 FETCH (UID 11 MODSEQ (5))\r\n* "
		   "2 FETCH (UID 12 MODSEQ (5))\r\n"
		   "* 3 FETCH (UID 13 FLAGS () MODSEQ (3))\r\n* 4 FETCH (UID 14 FLAGS "
		   "() MODSEQ (4))\r\n");
	EXPECT_CODE("MODIFIED 3:4");
	expect_update("");
	assert_int_equal(
	    run(cmd_store, true, "12:13 (UNCHANGEDSINCE 4) FLAGS (\\Draft)"), R_DONE);
	EXPECT_OUT("* 2 FETCH (UID 12 FLAGS (\\Seen) MODSEQ (5))\r\n* 3 FETCH (UID 13 "
		   "FLAGS (\\Draft) MODSEQ (6))\r\n");
	EXPECT_CODE("MODIFIED 12");
	assert_int_equal(run(cmd_store, false, "1 +FLAGS.SILENT (\\Draft)"), R_DONE);
	EXPECT_OUT("* 1 FETCH (UID 11 MODSEQ (7))\r\n");
	end();
}

static void
test_store_keywords(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_store, false, "1 +FLAGS.SILENT ($Junk)"), R_DONE);
	EXPECT_OUT("* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk)\r\n"
		   "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted "
		   "\\Draft $Junk \\*)] these stay\r\n");
	expect_update("");
	assert_int_equal(run(cmd_store, false, "1:2 +FLAGS ($junk other)"), R_DONE);
	assert_non_null(strstr(buf_cstr(&session.io.out),
	    "* 1 FETCH (FLAGS ($Junk other))\r\n* 2 FETCH (FLAGS ($Junk other))\r\n"));
	said = STORE_TOO_MANY;
	assert_int_equal(run(cmd_store, false, "1 +FLAGS (another)"), R_LIMIT);
	EXPECT_OUT("");
	said = STORE_LATER;
	assert_int_equal(run(cmd_store, false, "1 +FLAGS (\\Seen)"), R_LATER);
	end();
}

static void
test_store_refused(void **state)
{
	static const char *const bad[] = {"", "1", "1 FLAGS", "1 FLAGS ",
	    "1 +FLAGS (\\Recent)", "1 *FLAGS (\\Seen)", "1 FLAGS (\\Seen) x",
	    "1 (UNCHANGEDSINCE) FLAGS ()", "1 () FLAGS ()",
	    "1 (UNCHANGEDSINCE 1)FLAGS ()", "x FLAGS ()"};
	(void)state;
	begin(FEW, 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(run(cmd_store, false, bad[i]), R_SYNTAX);
	assert_int_equal(run(cmd_store, false, "5 FLAGS ()"), R_BAD_SEQUENCE);
	assert_int_equal(run(cmd_store, true, "5000 FLAGS ()"), R_DONE);
	selected.is_read_only = true;
	assert_int_equal(run(cmd_store, false, "1 FLAGS ()"), R_READ_ONLY);
	assert_int_equal(n_asks, 0);
	end();
}

/* One ask for all of them; more than may wait is sent meanwhile. */
static void
test_store_many(void **state)
{
	(void)state;
	begin(MESSAGES, 0);
	int64_t start = clock_mono_ms();
	assert_int_equal(run(cmd_store, false, "1:* +FLAGS (\\Seen)"), R_DONE);
	assert_true(clock_mono_ms() - start < STORE_MOST_MS);
	assert_int_equal(n_asks, 1);
	assert_int_equal(asked.n, 1);
	assert_true(n_flushed + session.io.out.len >
		    MESSAGES * sizeof "* 1 FETCH (FLAGS (\\Seen))\r");
	expect_update("");
	assert_int_equal(run(cmd_store, false, "1:* -FLAGS.SILENT (\\Seen)"), R_DONE);
	EXPECT_OUT("");
	expect_update("");
	end();
}

/* ---- \Seen of FETCH ---- */

static void
test_seen(void **state)
{
	(void)state;
	begin(FEW, 0);
	change(2, FLAG_SEEN);
	selected.modseq = head.modseq;
	/* they have no files here */
	assert_int_equal(run(cmd_fetch, false, "1:3 BODY[]"), R_EXPUNGED);
	EXPECT_OUT("* 1 FETCH (FLAGS (\\Seen) BODY[] NIL)\r\n* 2 FETCH (BODY[] "
		   "NIL)\r\n* 3 FETCH (FLAGS (\\Seen) BODY[] NIL)\r\n");
	assert_int_equal(n_asks, 1);
	assert_int_equal(numset_count(&asked), 2);
	expect_update("");
	other = flag_third;
	assert_int_equal(run(cmd_fetch, false, "4 BODY[]"), R_EXPUNGED);
	expect_update("* 3 FETCH (FLAGS (\\Flagged))\r\n");
	end();
	/* it cannot be set: the message is sent */
	begin(FEW, 0);
	said = STORE_LATER;
	assert_int_equal(run(cmd_fetch, false, "1 (UID BODY[])"), R_EXPUNGED);
	EXPECT_OUT("* 1 FETCH (UID 11 BODY[] NIL)\r\n");
	end();
	begin(FEW, 0);
	selected.is_read_only = true;
	assert_int_equal(run(cmd_fetch, false, "1 BODY[]"), R_EXPUNGED);
	EXPECT_OUT("* 1 FETCH (BODY[] NIL)\r\n");
	assert_int_equal(n_asks, 0);
	end();
	begin(MESSAGES, EN_CONDSTORE);
	assert_int_equal(run(cmd_fetch, true, "11 BODY[]"), R_EXPUNGED);
	EXPECT_OUT("* 1 FETCH (UID 11 FLAGS (\\Seen) MODSEQ (10001) BODY[] NIL)\r\n");
	n_asks = 0;
	assert_int_equal(run(cmd_fetch, true, "1:* BODY[TEXT]"), R_EXPUNGED);
	assert_int_equal(n_asks, 20);
	end();
}

static void
test_fetch_changed(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_fetch, false, "1:* FLAGS (CHANGEDSINCE 3)"), R_DONE);
	EXPECT_OUT(
	    "* OK [HIGHESTMODSEQ 4] noted\r\n* 4 FETCH (FLAGS () MODSEQ (4))\r\n");
	/* \Seen of those only */
	assert_int_equal(
	    run(cmd_fetch, false, "1:* BODY[] (CHANGEDSINCE 3)"), R_EXPUNGED);
	EXPECT_OUT("* 4 FETCH (UID 14 FLAGS (\\Seen) MODSEQ (5) BODY[] NIL)\r\n");
	assert_int_equal(
	    run(cmd_fetch, true, "1:* FLAGS (CHANGEDSINCE 3 VANISHED)"), R_CLIENT_BUG);
	assert_int_equal(run(cmd_fetch, false, "1:9 FLAGS"), R_BAD_SEQUENCE);
	assert_int_equal(run(cmd_fetch, false, "1:4"), R_SYNTAX);
	end();
}

/* ---- COPY, MOVE, EXPUNGE ---- */

static void
test_copy(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_copy, false, "1,3:4 Archive"), R_DONE);
	EXPECT_CODE("COPYUID 7 11,13:14 100:102");
	assert_int_equal(run(cmd_copy, false, "1 Nowhere"), R_NO_MAILBOX_TRY);
	EXPECT_CODE("");
	assert_int_equal(run(cmd_copy, false, "1"), R_SYNTAX);
	assert_int_equal(run(cmd_copy, false, "5 Archive"), R_BAD_SEQUENCE);
	n_asks = 0;
	change(2, FLAG_GONE);
	assert_int_equal(run(cmd_copy, false, "1:2 Archive"), R_EXPUNGED);
	assert_int_equal(n_asks, 0);
	end();
}

static void
test_move(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_move, false, "1:2 Archive"), R_DONE);
	EXPECT_OUT(
	    "* OK [COPYUID 7 11:12 100:101] moved\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n");
	EXPECT_CODE("");
	end();
	/* it fails midway: what was moved is told */
	begin(FEW, EN_QRESYNC | EN_CONDSTORE);
	said = STORE_LATER;
	assert_int_equal(run(cmd_move, true, "11:14 Archive"), R_LATER);
	EXPECT_OUT("* OK [COPYUID 7 11:12 100:101] moved\r\n* VANISHED 11:12\r\n");
	EXPECT_CODE("HIGHESTMODSEQ 6");
	end();
	begin(FEW, 0);
	selected.is_read_only = true;
	assert_int_equal(run(cmd_move, false, "1 Archive"), R_READ_ONLY);
	assert_int_equal(n_asks, 0);
	end();
}

static void
undelete_second(void)
{
	change(2, FLAG_SEEN);
}

static void
test_expunge(void **state)
{
	(void)state;
	begin(FEW, 0);
	assert_int_equal(run(cmd_expunge, false, ""), R_DONE);
	assert_int_equal(n_asks, 0);
	for (uint32_t seq = 1; seq <= 3; seq++)
		change(seq, FLAG_DELETED);
	selected.modseq = head.modseq;
	other = undelete_second;
	assert_int_equal(run(cmd_expunge, true, "12:14"), R_DONE);
	EXPECT_OUT("* 3 EXPUNGE\r\n* 2 FETCH (UID 12 FLAGS (\\Seen))\r\n");
	assert_int_equal(numset_count(&asked), 2);
	other = NULL;
	assert_int_equal(run(cmd_expunge, false, ""), R_DONE);
	EXPECT_OUT("* 1 EXPUNGE\r\n");
	assert_int_equal(run(cmd_expunge, false, "1"), R_SYNTAX);
	assert_int_equal(run(cmd_expunge, true, ""), R_SYNTAX);
	selected.is_read_only = true;
	assert_int_equal(run(cmd_expunge, false, ""), R_READ_ONLY);
	end();
	begin(FEW, EN_QRESYNC | EN_CONDSTORE);
	change(1, FLAG_DELETED);
	selected.modseq = head.modseq;
	assert_int_equal(run(cmd_expunge, false, ""), R_DONE);
	EXPECT_OUT("* VANISHED 11\r\n");
	EXPECT_CODE("HIGHESTMODSEQ 6");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_store_race),
	    cmocka_unit_test(test_store_untold),
	    cmocka_unit_test(test_store_superseded),
	    cmocka_unit_test(test_store_condstore),
	    cmocka_unit_test(test_store_keywords),
	    cmocka_unit_test(test_store_refused),
	    cmocka_unit_test(test_store_many),
	    cmocka_unit_test(test_seen),
	    cmocka_unit_test(test_fetch_changed),
	    cmocka_unit_test(test_copy),
	    cmocka_unit_test(test_move),
	    cmocka_unit_test(test_expunge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
