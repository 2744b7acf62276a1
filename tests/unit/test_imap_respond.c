/* SPDX-License-Identifier: ISC */
/* test_imap_respond.c - forms that the server writes; sets resolved against a selected mailbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "imapd/command.h"

/* ---- forms ---- */

static void
test_strings(void **state)
{
	static const struct {
		const char *in, *plain, *utf8;
	} rows[] = {
	    {"", "\"\"", "\"\""},
	    {"abc", "\"abc\"", "\"abc\""},
	    {"a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
	    {"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
	    {"a\nb", "{3}\r\na\nb", "{3}\r\na\nb"},
	    {"\303\274", "{2}\r\n\303\274", "\"\303\274\""},
	    {"\303", "{1}\r\n\303", "{1}\r\n\303"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int utf8 = 0; utf8 < 2; utf8++) {
			struct buf out = {0};
			put_string(&out, span_of(rows[i].in), utf8);
			assert_string_equal(
			    buf_cstr(&out), utf8 ? rows[i].utf8 : rows[i].plain);
			buf_free(&out);
		}
}

static void
test_long_string(void **state)
{
	struct buf text = {0}, out = {0};
	(void)state;
	for (int i = 0; i < 1024; i++)
		buf_ch(&text, 'x');
	put_string(&out, buf_as_span(&text), false);
	assert_int_equal(out.p[0], '"');
	buf_ch(&text, 'x');
	buf_reset(&out);
	put_string(&out, buf_as_span(&text), false);
	assert_true(span_starts(buf_as_span(&out), SPAN("{1025}\r\nx")));
	buf_free(&text);
	buf_free(&out);
}

static void
test_numbers(void **state)
{
	struct buf out = {0};
	(void)state;
	put_u32(&out, 0);
	buf_ch(&out, ' ');
	put_u32(&out, UINT32_MAX);
	buf_ch(&out, ' ');
	put_u64(&out, UINT64_MAX);
	buf_ch(&out, ' ');
	put_mailboxid(&out, 7);
	assert_string_equal(buf_cstr(&out), "0 4294967295 18446744073709551615 F7");
	buf_free(&out);
}

static void
test_mailboxes(void **state)
{
	static const struct {
		const char *in, *rev1, *rev2;
	} rows[] = {
	    {"INBOX", "INBOX", "INBOX"},
	    {"a b", "\"a b\"", "\"a b\""},
	    {"a/b", "a/b", "a/b"},
	    {"a&b", "a&-b", "a&b"},
	    {"Entw\303\274rfe", "Entw&APw-rfe", "\"Entw\303\274rfe\""},
	    {"NIL", "\"NIL\"", "\"NIL\""},
	    {"a%", "\"a%\"", "\"a%\""},
	    {"a]", "\"a]\"", "\"a]\""},
	    {"", "\"\"", "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int rev2 = 0; rev2 < 2; rev2++) {
			struct buf out = {0};
			put_mailbox(&out, span_of(rows[i].in), rev2);
			assert_string_equal(
			    buf_cstr(&out), rev2 ? rows[i].rev2 : rows[i].rev1);
			buf_free(&out);
		}
}

/* ---- tagged replies ---- */

static void
check_tagged(enum reply r, const char *tag, const char *code, const char *wanted)
{
	struct session s = {.io = {.fd = -1}, .tag = span_of(tag)};
	buf_str(&s.code, code);
	respond_tagged(&s, r, "NOOP", "a space");
	assert_string_equal(buf_cstr(&s.io.out), wanted);
	buf_free(&s.io.out);
	buf_free(&s.code);
}

static void
test_tagged(void **state)
{
	(void)state;
	check_tagged(R_DONE, "a1", "", "a1 OK NOOP completed\r\n");
	check_tagged(
	    R_DONE, "a1", "READ-WRITE", "a1 OK [READ-WRITE] NOOP completed\r\n");
	check_tagged(R_SYNTAX, "a1", "", "a1 BAD expected a space\r\n");
	check_tagged(R_SYNTAX, "", "", "* BAD expected a space\r\n");
	check_tagged(R_NO_MAILBOX, "a1", "", "a1 NO [NONEXISTENT] no such mailbox\r\n");
	check_tagged(R_NO_MAILBOX, "a1", "X 1", "a1 NO [X 1] no such mailbox\r\n");
	check_tagged(R_NONE, "a1", "", "");
}

/* Each reply has a type and a text, or is the handler's own. */
static void
test_each_reply(void **state)
{
	(void)state;
	for (int r = 0; r < R_REPLIES; r++) {
		struct session s = {.io = {.fd = -1}, .tag = SPAN("t")};
		respond_tagged(&s, (enum reply)r, "VERB", "x");
		struct span said = buf_as_span(&s.io.out);
		assert_true(r == R_NONE ? said.n == 0
					: (span_starts(said, SPAN("t OK ")) ||
					      span_starts(said, SPAN("t NO ")) ||
					      span_starts(said, SPAN("t BAD "))) &&
					      span_ends(said, SPAN("\r\n")));
		assert_true(span_search(said, SPAN("(null)")) == said.n);
		buf_free(&s.io.out);
	}
	for (int said = STORE_DONE; said <= STORE_LATER; said++)
		assert_true((reply_of((enum store_said)said, false) == R_DONE) ==
			    (said == STORE_DONE));
	assert_int_equal(reply_of(STORE_NONEXISTENT, true), R_NO_MAILBOX_TRY);
}

/* ---- sets against a mailbox ---- */

static struct arena arena;

static struct {
	struct view_head head;
	struct store_record records[8];
	uint32_t at[5];
	struct selected selected;
	struct session session;
} box;

/*
 * Messages 1 to 5 have the uids 2, 4, 6, 8, 10; with gaps, three more records lie between that are
 * gone.
 */
static void
make_box(bool has_gaps)
{
	memset(&box, 0, sizeof box);
	box.selected.view = (struct store_view){.head = &box.head,
	    .records = box.records,
	    .uidnext = 12,
	    .recent_from = 8,
	    .rights = RIGHTS_ALL};
	for (uint32_t i = 0, n = 0; n < 5; i++) {
		bool is_gap = has_gaps && (i == 0 || i == 3 || i == 4);
		box.records[i].uid = is_gap ? 2 * n + 1 : 2 * n + 2;
		box.records[i].flags = is_gap ? FLAG_GONE : 0;
		if (i == 4)
			box.records[i].uid = has_gaps ? 2 * n + 1 : 10;
		if (!is_gap)
			box.at[n++] = i;
	}
	box.selected.at = has_gaps ? box.at : NULL;
	box.selected.n = 5;
	box.session.selected = &box.selected;
}

static void
check_set(const char *text, bool is_uid, const char *wanted)
{
	struct parse p = {.in = span_of(text), .arena = &arena};
	struct seqset set;
	struct numset out = {.n = 0};
	struct buf got = {0};
	assert_int_equal(parse_seqset(&p, &set), E_OK);
	int err = numbers_resolve(&box.session, &set, is_uid, &out);
	assert_int_equal(err, wanted ? E_OK : E_BAD);
	if (wanted) {
		numset_put(&got, &out);
		assert_string_equal(buf_cstr(&got), wanted);
	}
	numset_free(&out);
	buf_free(&got);
}

static void
check_box(void)
{
	check_set("1:3,5", false, "1:3,5");
	check_set("5,1:2,2", false, "1:2,5");
	check_set("*", false, "5");
	check_set("*:4", false, "4:5");
	check_set("6", false, NULL);
	check_set("3:9", false, NULL);
	check_set("4", true, "2");
	check_set("3,5", true, "");
	check_set("3:8", true, "2:4");
	check_set("9:*", true, "5");
	/* the last one all the same: RFC 9051 9, seq-range */
	check_set("11:*", true, "5");
	check_set("4294967295", true, "");
	check_set("1:4294967295", true, "1:5");
	check_set("8,6,4,2", true, "1:4");
	assert_int_equal(numset_add(&box.selected.saved, 4, 6), E_OK);
	check_set("$", true, "2:3");
	check_set("$", false, "2:3");
	numset_free(&box.selected.saved);
}

static void
test_sets(void **state)
{
	(void)state;
	for (int gaps = 0; gaps < 2; gaps++) {
		struct numset seqs = {.n = 0}, uids = {.n = 0};
		make_box(gaps);
		check_box();
		assert_int_equal(selected_seq(&box.selected, 8), 4);
		assert_int_equal(selected_seq(&box.selected, 7), 0);
		assert_int_equal(selected_seq_from(&box.selected, 7), 4);
		assert_int_equal(selected_seq_from(&box.selected, 11), 6);
		assert_true(selected_is_recent(
		    &box.selected, selected_record(&box.selected, 4)));
		assert_false(selected_is_recent(
		    &box.selected, selected_record(&box.selected, 3)));
		assert_int_equal(numset_add(&seqs, 2, 4), E_OK);
		numbers_uids(&box.session, &seqs, &uids);
		assert_true(uids.n == 3 && uids.ranges[2].from == 8);
		numset_free(&seqs);
		numset_free(&uids);
	}
	arena_reset(&arena);
}

static void
test_empty_box(void **state)
{
	(void)state;
	make_box(false);
	box.selected.n = 0;
	check_set("*", false, NULL);
	check_set("1:*", false, NULL);
	check_set("1:*", true, "");
	check_set("*", true, "");
	arena_reset(&arena);
}

/* ---- flags ---- */

static void
check_flags(uint32_t flags, uint64_t keywords, const char *wanted)
{
	struct buf out = {0};
	box.records[0].flags = flags;
	box.records[0].keywords = keywords;
	selected_flags_put(&out, &box.selected, &box.records[0]);
	assert_string_equal(buf_cstr(&out), wanted);
	buf_free(&out);
}

static void
test_flags(void **state)
{
	(void)state;
	make_box(false);
	strcpy(box.head.keywords[0], "$Junk");
	strcpy(box.head.keywords[1], "work");
	box.head.n_keywords = box.selected.n_keywords_told = 2;
	check_flags(0, 0, "()");
	check_flags(FLAG_SEEN, 0, "(\\Seen)");
	check_flags(FLAG_SEEN | FLAG_DRAFT, 2, "(\\Seen \\Draft work)");
	check_flags(
	    FLAGS_ALL, 3, "(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk work)");
	check_flags(0, 1, "($Junk)");
	check_flags(FLAG_SEEN | FLAG_GONE, 0, "(\\Seen)");
	box.selected.has_recent = true;
	box.selected.view.recent_from = 2;
	check_flags(0, 0, "(\\Recent)");
	check_flags(FLAG_SEEN, 1, "(\\Seen $Junk \\Recent)");
	struct buf out = {0};
	selected_all_flags_put(&out, &box.selected, true);
	assert_string_equal(buf_cstr(&out),
	    "(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk work \\*)");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_long_string), cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_mailboxes), cmocka_unit_test(test_tagged),
	    cmocka_unit_test(test_each_reply), cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_empty_box), cmocka_unit_test(test_flags)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
