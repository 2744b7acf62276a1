/* SPDX-License-Identifier: ISC */
/*
 * test_imap_update.c - what a client is told of a mailbox that others change, on a view of our own
 * making.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "imapd/respond.h"
#include "imapd/vanished.h"

enum { RECORDS = 2 * VANISHED_RANGES_MOST + 2 };

/* ---- the store ---- */

static struct view_head head, next_head;
static struct store_record records[RECORDS], next_records[RECORDS];
static uint32_t n_next, n_unselected, recent_from = UINT32_MAX;
static int renewed = E_OK;

int
store_select(
    struct store *s, struct span mailbox, bool is_examine, struct store_view *out)
{
	(void)s, (void)mailbox, (void)is_examine;
	*out = (struct store_view){.mailbox = 1,
	    .uidvalidity = 1,
	    .uidnext = head.uidnext,
	    .modseq = head.modseq,
	    .n = head.n,
	    .recent_from = recent_from,
	    .rights = RIGHTS_ALL,
	    .head = &head,
	    .records = records};
	return E_OK;
}

void
store_unselect(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
	n_unselected++;
}

void
store_unselect_later(struct store *s, struct store_view *v)
{
	store_unselect(s, v);
}

int
store_view_renew(struct store *s, struct store_view *was, struct store_view *out)
{
	(void)s;
	*out = *was;
	out->head = &next_head;
	out->records = next_records;
	out->n = n_next;
	return renewed;
}

/* ---- a session on it ---- */

static struct session session;

static void
add(uint32_t uid, uint32_t flags)
{
	records[head.n] =
	    (struct store_record){.uid = uid, .flags = flags, .modseq = ++head.modseq};
	head.uidnext = uid + 1;
	head.n++;
	head.n_gone += (flags & FLAG_GONE) != 0;
}

static void
change(uint32_t index, uint32_t flags)
{
	head.n_gone += (flags & FLAG_GONE) && !(records[index].flags & FLAG_GONE);
	records[index].flags = flags;
	records[index].modseq = ++head.modseq;
	head.changed[head.n_changes++ % VIEW_CHANGES] = index;
}

/* Uids 1 to 4, nothing seen. */
static void
begin(unsigned enabled, bool has_gone)
{
	memset(&head, 0, sizeof head);
	memset(&next_head, 0, sizeof next_head);
	session = (struct session){.io = {.fd = -1}, .enabled = enabled};
	n_unselected = 0;
	renewed = E_OK;
	for (uint32_t uid = 1; uid <= 4; uid++) {
		add(uid * 10, 0);
		if (has_gone)
			add(uid * 10 + 1, FLAG_GONE);
	}
	assert_int_equal(selected_open(&session, SPAN("INBOX"), false), E_OK);
	assert_int_equal(session.selected->n, 4);
}

static void
end(void)
{
	selected_close(&session);
	buf_free(&session.io.out);
}

static void
check_update(enum update what, const char *wanted)
{
	selected_update(&session, what, false);
	assert_string_equal(buf_cstr(&session.io.out), wanted);
	buf_reset(&session.io.out);
}

/* Those that went before SELECT have no number, the first of them neither. */
static void
test_gone_at_select(void **state)
{
	(void)state;
	memset(&head, 0, sizeof head);
	session = (struct session){.io = {.fd = -1}};
	add(5, FLAG_GONE);
	add(6, 0);
	add(7, FLAG_GONE);
	add(8, 0);
	assert_int_equal(selected_open(&session, SPAN("INBOX"), false), E_OK);
	assert_int_equal(session.selected->n, 2);
	assert_int_equal(selected_record(session.selected, 1)->uid, 6);
	assert_int_equal(selected_record(session.selected, 2)->uid, 8);
	end();
}

/* ---- what is told ---- */

static void
test_nothing(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		begin(0, gone);
		check_update(UPDATE_ALL, "");
		/* no list as long as it is the same numbers */
		assert_int_equal(session.selected->at != NULL, gone);
		end();
	}
}

static void
test_new_ones(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		begin(EN_REV2, gone);
		add(50, 0);
		/* their flags are not told: the client fetches them */
		check_update(UPDATE_NO_EXPUNGE, "* 5 EXISTS\r\n");
		assert_int_equal(selected_seq(session.selected, 50), 5);
		add(60, FLAG_GONE); /* came and went */
		check_update(UPDATE_ALL, "");
		add(70, 0);
		check_update(UPDATE_ALL, "* 6 EXISTS\r\n");
		assert_int_equal(selected_seq(session.selected, 70), 6);
		assert_int_equal(selected_seq(session.selected, 60), 0);
		end();
	}
}

static void
test_recent(void **state)
{
	(void)state;
	recent_from = 40;
	begin(0, false);
	add(50, 0);
	check_update(UPDATE_ALL, "* 5 EXISTS\r\n* 2 RECENT\r\n");
	change(3, FLAG_SEEN);
	check_update(UPDATE_ALL, "* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n");
	end();
	recent_from = UINT32_MAX;
}

static void
test_gone(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		uint32_t step = gone ? 2 : 1;
		begin(EN_REV2, gone);
		change(0, FLAG_GONE);
		change(2 * step, FLAG_GONE);
		check_update(UPDATE_NO_EXPUNGE, "");
		/* numbers stay until it is told */
		assert_int_equal(selected_seq(session.selected, 40), 4);
		add(50, 0);
		check_update(UPDATE_NO_EXPUNGE, "* 5 EXISTS\r\n");
		check_update(UPDATE_ALL, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n");
		assert_int_equal(session.selected->n, 3);
		assert_int_equal(selected_seq(session.selected, 20), 1);
		assert_int_equal(selected_seq(session.selected, 50), 3);
		check_update(UPDATE_ALL, "");
		end();
	}
}

/*
 * More changes than are remembered, and changes whose place is written over: all of the view is
 * looked through.
 */
static void
test_many_changes(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		begin(EN_REV2, gone);
		change(0, FLAG_GONE);
		change(gone ? 6 : 3, FLAG_GONE);
		for (int i = 0; i < VIEW_CHANGES; i++)
			change(gone ? 2 : 1, i & 1 ? FLAG_SEEN : 0);
		check_update(UPDATE_ALL, "* 1 EXPUNGE\r\n* 3 EXPUNGE\r\n* 1 FETCH (UID "
					 "20 FLAGS (\\Seen))\r\n");
		for (int i = 0; i < 3; i++)
			change(gone ? 4 : 2, i & 1 ? 0 : FLAG_SEEN);
		/* once */
		check_update(UPDATE_ALL, "* 2 FETCH (UID 30 FLAGS (\\Seen))\r\n");
		change(gone ? 4 : 2, FLAG_GONE);
		change(gone ? 2 : 1, FLAG_GONE);
		check_update(UPDATE_ALL, "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n");
		assert_int_equal(session.selected->n, 0);
		end();
	}
}

/* What went while numbers were in use is told later, whatever else was told meanwhile. */
static void
test_late_expunge(void **state)
{
	(void)state;
	begin(0, false);
	change(1, FLAG_GONE);
	change(2, FLAG_SEEN);
	check_update(UPDATE_NO_EXPUNGE, "* 3 FETCH (FLAGS (\\Seen))\r\n");
	change(0, FLAG_SEEN);
	check_update(UPDATE_ALL, "* 2 EXPUNGE\r\n* 1 FETCH (FLAGS (\\Seen))\r\n");
	assert_int_equal(selected_seq(session.selected, 40), 3);
	end();
}

static void
test_vanished(void **state)
{
	(void)state;
	begin(EN_CONDSTORE | EN_QRESYNC, false);
	change(0, FLAG_GONE);
	change(2, FLAG_GONE);
	change(3, FLAG_GONE);
	check_update(UPDATE_ALL, "* VANISHED 10,30,40\r\n");
	assert_int_equal(session.selected->n, 1);
	end();
}

/* More than an answer has: another one goes on. */
static void
test_vanished_many(void **state)
{
	struct buf wanted = {0};
	(void)state;
	begin(EN_CONDSTORE | EN_QRESYNC, false);
	for (uint32_t i = 4; i < 2 * VANISHED_RANGES_MOST + 2; i++)
		add((i + 1) * 10, 0);
	selected_update(&session, UPDATE_ALL, false);
	buf_reset(&session.io.out);
	for (uint32_t i = 0; i <= VANISHED_RANGES_MOST; i++) {
		change(2 * i, FLAG_GONE);
		buf_putf(&wanted, "%s%u",
		    i == VANISHED_RANGES_MOST ? "\r\n* VANISHED "
		    : i                       ? ","
					      : "* VANISHED ",
		    20 * i + 10);
	}
	buf_str(&wanted, "\r\n");
	check_update(UPDATE_ALL, buf_cstr(&wanted));
	assert_int_equal(session.selected->n, VANISHED_RANGES_MOST + 1);
	buf_free(&wanted);
	end();
}

static void
test_flags(void **state)
{
	(void)state;
	begin(0, false);
	change(1, FLAG_SEEN);
	check_update(UPDATE_NO_EXPUNGE, "* 2 FETCH (FLAGS (\\Seen))\r\n");
	check_update(UPDATE_ALL, "");
	change(1, 0);
	selected_update(&session, UPDATE_ALL, true);
	assert_string_equal(
	    buf_cstr(&session.io.out), "* 2 FETCH (UID 20 FLAGS ())\r\n");
	end();
	begin(EN_CONDSTORE, false);
	change(1, FLAG_SEEN);
	check_update(UPDATE_ALL, "* 2 FETCH (UID 20 FLAGS (\\Seen) MODSEQ (5))\r\n");
	end();
}

static void
test_told(void **state)
{
	(void)state;
	begin(0, false);
	change(1, FLAG_SEEN); /* 5 */
	change(2, FLAG_SEEN); /* 6 */
	selected_told(session.selected, 3, 6);
	selected_told(session.selected, 2, 5); /* in any order */
	check_update(UPDATE_ALL, "");
	change(1, FLAG_SEEN | FLAG_FLAGGED); /* 7: by another, after ours */
	selected_told(session.selected, 2, 6);
	check_update(UPDATE_ALL, "* 2 FETCH (FLAGS (\\Seen \\Flagged))\r\n");
	change(1, 0);
	/* what was told once counts once */
	check_update(UPDATE_ALL, "* 2 FETCH (FLAGS ())\r\n");
	end();
}

static void
test_keywords(void **state)
{
	(void)state;
	begin(0, false);
	strcpy(head.keywords[0], "work");
	head.n_keywords = 1;
	records[0].keywords = 1;
	change(0, 0);
	check_update(UPDATE_ALL,
	    "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft work)\r\n"
	    "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft work "
	    "\\*)] these stay\r\n"
	    "* 1 FETCH (FLAGS (work))\r\n");
	end();
}

/*
 * Another view: 20 has gone and is not in it, 30 has gone and is in it, 50 is new; they stand at
 * other places.
 */
static void
test_renewal(void **state)
{
	static const uint32_t uids[] = {10, 30, 40, 50};
	(void)state;
	begin(0, true);
	head.is_superseded = 1;
	next_head = (struct view_head){.n = 4,
	    .n_gone = 1,
	    .n_changes = 7,
	    .modseq = head.modseq + 3,
	    .uidnext = 51};
	for (uint32_t i = 0; i < COUNT(uids); i++)
		next_records[i] = (struct store_record){.uid = uids[i],
		    .flags = uids[i] == 30 ? FLAG_GONE : 0,
		    .modseq = head.modseq + (i == 2)};
	n_next = 4;
	/* numbers must stay: the old view is kept */
	check_update(UPDATE_NO_EXPUNGE, "");
	assert_int_equal(n_unselected, 0);
	check_update(UPDATE_ALL, "* 2 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 EXISTS\r\n* 0 "
				 "RECENT\r\n* 2 FETCH (FLAGS ())\r\n");
	assert_int_equal(n_unselected, 1);
	assert_int_equal(selected_seq(session.selected, 50), 3);
	assert_int_equal(selected_seq(session.selected, 20), 0);
	check_update(UPDATE_ALL, "");
	end();
}

static void
test_removed(void **state)
{
	(void)state;
	begin(0, false);
	head.is_deleted = 1;
	check_update(UPDATE_ALL, "* BYE the mailbox was removed\r\n");
	assert_true(session.is_over);
	end();
	begin(0, false);
	head.is_superseded = 1;
	renewed = E_BAD;
	check_update(UPDATE_ALL, "* BYE the mailbox was removed\r\n");
	end();
	begin(0, false);
	head.is_superseded = 1;
	renewed = E_IO; /* no keeper at the moment: what is known stays */
	check_update(UPDATE_ALL, "");
	assert_false(session.is_over);
	end();
}

static void
test_condstore(void **state)
{
	(void)state;
	begin(0, false);
	selected_enable_condstore(&session);
	assert_string_equal(
	    buf_cstr(&session.io.out), "* OK [HIGHESTMODSEQ 4] noted\r\n");
	buf_reset(&session.io.out);
	selected_enable_condstore(&session);
	assert_int_equal(session.io.out.len, 0);
	struct numset uids = {.n = 0};
	assert_int_equal(numset_add(&uids, 15, 35), E_OK);
	selected_changes_put(&session, 2, &uids);
	assert_string_equal(
	    buf_cstr(&session.io.out), "* 3 FETCH (UID 30 FLAGS () MODSEQ (3))\r\n");
	numset_free(&uids);
	end();
}

/* ---- what changes while it is told ---- */

static struct seen {
	bool tells; /* new ones are told with their flags */
	uint32_t index,
	    flags; /* a change that comes while the follower is told; flags 0: none */
	struct numset gone; /* what it heard of, as UIDs */
} seen;

static void
change_meanwhile(void)
{
	uint32_t flags = seen.flags;
	seen.flags = 0;
	if (flags)
		change(seen.index, flags);
}

static void
hear_gone(struct session *s, const uint32_t *seqs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_record *r = selected_record(s->selected, seqs[i]);
		if (r->flags & FLAG_GONE)
			assert_int_equal(numset_add(&seen.gone, r->uid, r->uid), E_OK);
	}
	change_meanwhile();
}

static void
hear_came(struct session *s, uint32_t from)
{
	if (seen.tells)
		selected_told(
		    s->selected, from, selected_record(s->selected, from)->modseq);
	change_meanwhile();
}

static void
hear_changed(struct session *s, const uint32_t *seqs, size_t n)
{
	(void)s, (void)seqs, (void)n;
}

static void
hear_end(struct selected *b)
{
	(void)b;
	numset_free(&seen.gone);
}

static const struct follower follower = {
    .gone = hear_gone, .came = hear_came, .changed = hear_changed, .free = hear_end};

/* Who was told the flags of a new one (NOTIFY) does not ask for them. */
static void
test_new_one_changes(void **state)
{
	(void)state;
	for (int tells = 0; tells < 2; tells++) {
		begin(0, false);
		selected_follow(session.selected, &follower);
		seen = (struct seen){.tells = tells, .index = 4, .flags = FLAG_SEEN};
		add(50, 0);
		check_update(UPDATE_ALL, tells ? "* 5 EXISTS\r\n* 0 RECENT\r\n"
						 "* 5 FETCH (FLAGS (\\Seen))\r\n"
					       : "* 5 EXISTS\r\n* 0 RECENT\r\n");
		check_update(UPDATE_ALL, "");
		end();
	}
}

/* Who follows hears of each that the client hears of, also of one that goes just now. */
static void
test_another_goes(void **state)
{
	(void)state;
	begin(0, false);
	selected_follow(session.selected, &follower);
	seen = (struct seen){.index = 2, .flags = FLAG_GONE};
	change(0, FLAG_GONE);
	check_update(UPDATE_ALL, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n");
	assert_true(numset_has(&seen.gone, 10) && numset_has(&seen.gone, 30));
	end();
}

/* The place of the first of them is written over, which is not counted yet. */
static void
test_written_over(void **state)
{
	(void)state;
	begin(EN_REV2, false);
	change(3, FLAG_SEEN);
	for (int i = 1; i < VIEW_CHANGES; i++)
		change(1, i & 1 ? FLAG_SEEN : 0);
	head.changed[head.n_changes % VIEW_CHANGES] = 1;
	check_update(UPDATE_ALL, "* 2 FETCH (UID 20 FLAGS (\\Seen))\r\n"
				 "* 4 FETCH (UID 40 FLAGS (\\Seen))\r\n");
	end();
}

/* At SELECT one has gone that is counted only afterwards. */
static void
test_gone_at_open(void **state)
{
	(void)state;
	begin(0, false);
	end();
	change(0, FLAG_GONE);
	head.n_gone--;
	assert_int_equal(selected_open(&session, SPAN("INBOX"), false), E_OK);
	assert_int_equal(session.selected->n, 4);
	head.n_gone++;
	check_update(UPDATE_ALL, "* 1 EXPUNGE\r\n");
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_new_ones), cmocka_unit_test(test_gone_at_select),
	    cmocka_unit_test(test_recent), cmocka_unit_test(test_gone),
	    cmocka_unit_test(test_vanished), cmocka_unit_test(test_vanished_many),
	    cmocka_unit_test(test_many_changes), cmocka_unit_test(test_late_expunge),
	    cmocka_unit_test(test_flags), cmocka_unit_test(test_told),
	    cmocka_unit_test(test_keywords), cmocka_unit_test(test_renewal),
	    cmocka_unit_test(test_removed), cmocka_unit_test(test_condstore),
	    cmocka_unit_test(test_new_one_changes), cmocka_unit_test(test_another_goes),
	    cmocka_unit_test(test_written_over), cmocka_unit_test(test_gone_at_open)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
