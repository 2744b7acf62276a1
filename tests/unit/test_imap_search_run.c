/* SPDX-License-Identifier: ISC */
/*
 * test_imap_search_run.c - SEARCH, SORT and THREAD from their arguments to what the client reads,
 * on a mailbox in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "imap_fakes.h"

enum { DAY = 24 * 60 * 60, NOON = DAY / 2 };

#define HEAD(from, subject, date, more)                                                \
	"From: " from "\r\nTo: Team <team@b.test>\r\nSubject: " subject                \
	"\r\nDate: " date "\r\n" more "\r\n"

/* clang-format off */
static const struct fake_message mailbox[] = {
	/* uid, flags, keywords, modseq, date, saved, kind, text */
	{10, FLAG_SEEN, 0, 100, 9000LL * DAY, 9100LL * DAY, FAKE_ITEM,
		HEAD("Anna <anna@a.test>", "Lunch", "Tue, 1 Feb 1994 10:00:00 +0000", "Message-ID: <1@a.test>\r\nX-Colour: red\r\n") "Soup and bread\r\n"},
	{12, FLAG_SEEN | FLAG_FLAGGED, 1, 300, 9001LL * DAY, 9101LL * DAY, FAKE_ITEM,
		HEAD("Bo <bo@b.test>", "Re: Lunch", "Tue, 1 Feb 1994 23:30:00 -0800", "Message-ID: <2@a.test>\r\nIn-Reply-To: <1@a.test>\r\nCc: zoe@z.test\r\n") "No soup today\r\n"},
	{15, 0, 2, 200, 9001LL * DAY + NOON, 9102LL * DAY, 0,
		HEAD("=?utf-8?q?J=C3=BCrgen?= <j@c.test>", "=?utf-8?b?R3LDvMOfZQ==?=", "Wed, 2 Feb 1994 00:10:00 +0000", "Message-ID: <3@a.test>\r\n"
			"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n") "R3LDvMOfZSBhdXMgS8O2bG4=\r\n"},
	{20, FLAG_DELETED | FLAG_DRAFT | FLAG_ANSWERED, 3, 500, 9002LL * DAY, 9103LL * DAY, FAKE_ITEM | FAKE_RECENT,
		"From: Dan <dan@a.test>\r\nSubject:\r\n\r\nnothing\r\n"},
	{21, 0, 0, 400, 9003LL * DAY, 9104LL * DAY, FAKE_NO_FILE | FAKE_RECENT, HEAD("Eve <eve@a.test>", "Gone soup", "Thu, 3 Feb 1994 10:00:00 +0000", "") "soup\r\n"},
};
/* clang-format on */

static const char *const keywords[] = {"$Junk", "Work", NULL};

struct row {
	const char *arguments, *out;
};

/* A session that has the mailbox selected, and its client. */
struct talk {
	struct session s;
	int peer;
};

static void
talk_open(struct talk *t)
{
	fakes_open(&t->s, mailbox, COUNT(mailbox), keywords, &t->peer);
}

static void
talk_close(struct talk *t)
{
	fakes_close(&t->s);
	close(t->peer);
}

static void
assert_rows(const char *verb, command_handler *handler, unsigned enabled,
    const struct row *rows, size_t n)
{
	struct talk t;
	talk_open(&t);
	t.s.enabled = enabled;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
		    fakes_command(&t.s, handler, verb, rows[i].arguments), R_DONE);
		assert_string_equal(buf_cstr(&t.s.io.out), rows[i].out);
	}
	talk_close(&t);
}

/* clang-format off */
static const struct row searches[] = {
	{"ALL", "* SEARCH 1 2 3 4 5\r\n"},
	{"SEEN", "* SEARCH 1 2\r\n"},
	{"UNSEEN", "* SEARCH 3 4 5\r\n"},
	{"FLAGGED SEEN", "* SEARCH 2\r\n"},
	{"OR FLAGGED DELETED", "* SEARCH 2 4\r\n"},
	{"NOT (OR FLAGGED DELETED)", "* SEARCH 1 3 5\r\n"},
	{"ANSWERED DRAFT", "* SEARCH 4\r\n"},
	{"NEW", "* SEARCH 4 5\r\n"},
	{"OLD", "* SEARCH 1 2 3\r\n"},
	{"RECENT", "* SEARCH 4 5\r\n"},
	{"KEYWORD $junk", "* SEARCH 2 4\r\n"},
	{"UNKEYWORD WORK", "* SEARCH 1 2 5\r\n"},
	{"KEYWORD Nobody", "* SEARCH\r\n"},
	{"UNKEYWORD Nobody SEEN", "* SEARCH 1 2\r\n"},
	{"2:3,5", "* SEARCH 2 3 5\r\n"},
	{"5,1", "* SEARCH 1 5\r\n"},
	{"4:9", "* SEARCH 4 5\r\n"}, /* RFC 7377 2: no mistake */
	{"9,7:100", "* SEARCH\r\n"},
	{"*", "* SEARCH 5\r\n"},
	{"UID 11:15,21:*", "* SEARCH 2 3 5\r\n"},
	{"UID 11", "* SEARCH\r\n"},
	{"NOT UID 11:15", "* SEARCH 1 4 5\r\n"},
	{"BEFORE 24-Aug-1994", "* SEARCH 1\r\n"},           /* day 9001 */
	{"ON 24-Aug-1994", "* SEARCH 2 3\r\n"},
	{"SINCE 24-Aug-1994 NOT ON 24-Aug-1994", "* SEARCH 4 5\r\n"},
	{"SAVEDON 3-Dec-1994", "* SEARCH 3\r\n"},            /* day 9102 */
	{"SAVEDBEFORE 3-Dec-1994", "* SEARCH 1 2\r\n"},
	{"SAVEDSINCE 3-Dec-1994", "* SEARCH 3 4 5\r\n"},
	{"SAVEDATESUPPORTED", "* SEARCH 1 2 3 4 5\r\n"},
	{"SENTON 1-Feb-1994", "* SEARCH 1 2\r\n"},           /* as it is written: RFC 9051 6.4.4 */
	{"SENTBEFORE 2-Feb-1994", "* SEARCH 1 2\r\n"},
	{"SENTSINCE 2-Feb-1994", "* SEARCH 3\r\n"},
	{"NOT SENTSINCE 2-Feb-1994", "* SEARCH 1 2 4\r\n"},  /* without a Date; without a file */
	{"OLDER 100", "* SEARCH 1 2 3 4 5\r\n"},
	{"YOUNGER 100", "* SEARCH\r\n"},
	{"LARGER 100", "* SEARCH 1 2 3 5\r\n"},
	{"SMALLER 100", "* SEARCH 4\r\n"},
	{"EMAILID M0a000000000000000000000000000000", "* SEARCH 1\r\n"},
	{"EMAILID M0A000000000000000000000000000000", "* SEARCH\r\n"},
	{"EMAILID 0a000000000000000000000000000000", "* SEARCH\r\n"},
	{"EMAILID M1", "* SEARCH\r\n"},
	{"THREADID T1", "* SEARCH\r\n"},
	{"NOT THREADID T1 SEEN", "* SEARCH 1 2\r\n"},
	{"THREADID T6b7c3e4fdf9cfac5b3ed583c384d830a", "* SEARCH 1 2\r\n"},   /* 1@a.test: of itself, and In-Reply-To */
	{"THREADID T70eb1a0a0f611ff82969c624d2576eae", "* SEARCH 3\r\n"},     /* 3@a.test */
	{"THREADID T14000000000000000000000000000000", "* SEARCH 4\r\n"}, /* no Message-ID */
	{"THREADID T6B7C3E4FDF9CFAC5B3ED583C384D830A", "* SEARCH\r\n"},
	{"MODSEQ 300", "* SEARCH 2 4 5 (MODSEQ 500)\r\n"},
	{"NOT MODSEQ 300", "* SEARCH 1 3 (MODSEQ 200)\r\n"},
	{"MODSEQ 900", "* SEARCH\r\n"},
	/* texts */
	{"FROM anna", "* SEARCH 1\r\n"},
	{"FROM a.TEST", "* SEARCH 1 4\r\n"},
	{"TO team", "* SEARCH 1 2 3\r\n"},
	{"CC zoe", "* SEARCH 2\r\n"},
	{"BCC x", "* SEARCH\r\n"},
	{"SUBJECT lunch", "* SEARCH 1 2\r\n"},
	{"SUBJECT \"re: L\"", "* SEARCH 2\r\n"},
	{"SUBJECT {7+}\r\nGR\xc3\x9c\xc3\x9f""e", "* SEARCH 3\r\n"},
	{"FROM {7}\r\nj\xc3\x9crgen", "* SEARCH 3\r\n"},
	{"SUBJECT \"\"", "* SEARCH 1 2 3 4\r\n"},
	{"CC \"\"", "* SEARCH 2\r\n"},
	{"HEADER Message-ID <2@a.test>", "* SEARCH 2\r\n"},
	{"HEADER in-reply-to 1@", "* SEARCH 2\r\n"},
	{"HEADER X-Colour \"\"", "* SEARCH 1\r\n"},
	{"HEADER X-Colour Red", "* SEARCH 1\r\n"},
	{"HEADER X-Colour blue", "* SEARCH\r\n"},
	{"BODY soup", "* SEARCH 1 2\r\n"},
	{"BODY lunch", "* SEARCH\r\n"},
	{"TEXT lunch", "* SEARCH 1 2\r\n"},
	{"BODY {5}\r\nk\xc3\x96ln", "* SEARCH 3\r\n"},
	{"NOT BODY soup", "* SEARCH 3 4\r\n"},               /* the one whose file is gone is not found */
	{"OR SEEN BODY nothing", "* SEARCH 1 2 4\r\n"},
	{"CHARSET UTF-8 BODY soup", "* SEARCH 1 2\r\n"},
};

static const struct row extended[] = {
	{"RETURN (MIN COUNT) SEEN", "* ESEARCH (TAG \"A1\") MIN 1 COUNT 2\r\n"},
	{"RETURN () NOT 4", "* ESEARCH (TAG \"A1\") ALL 1:3,5\r\n"},
	{"RETURN (ALL) ALL", "* ESEARCH (TAG \"A1\") ALL 1:5\r\n"},
	{"RETURN (MIN) UNSEEN", "* ESEARCH (TAG \"A1\") MIN 3\r\n"},
	{"RETURN (MAX) SEEN", "* ESEARCH (TAG \"A1\") MAX 2\r\n"},
	{"RETURN (MIN MAX) FLAGGED", "* ESEARCH (TAG \"A1\") MIN 2 MAX 2\r\n"},
	{"RETURN (MIN MAX ALL COUNT) KEYWORD Nobody", "* ESEARCH (TAG \"A1\") COUNT 0\r\n"},
	{"RETURN (ALL) KEYWORD Nobody", "* ESEARCH (TAG \"A1\")\r\n"},
	/* RFC 4731 3.2: the mod-sequence of what is told */
	{"RETURN (MIN) MODSEQ 1", "* ESEARCH (TAG \"A1\") MIN 1 MODSEQ 100\r\n"},
	{"RETURN (MAX) MODSEQ 1", "* ESEARCH (TAG \"A1\") MAX 5 MODSEQ 400\r\n"},
	{"RETURN (MIN MAX) MODSEQ 1", "* ESEARCH (TAG \"A1\") MIN 1 MAX 5 MODSEQ 400\r\n"},
	{"RETURN (MIN COUNT) MODSEQ 1", "* ESEARCH (TAG \"A1\") MIN 1 COUNT 5 MODSEQ 500\r\n"},
	{"RETURN (ALL) MODSEQ 900", "* ESEARCH (TAG \"A1\")\r\n"},
	/* RFC 9394 3.1 */
	{"RETURN (PARTIAL 1:2) NOT 2", "* ESEARCH (TAG \"A1\") PARTIAL (1:2 1,3)\r\n"},
	{"RETURN (PARTIAL 2:1) NOT 2", "* ESEARCH (TAG \"A1\") PARTIAL (2:1 1,3)\r\n"},
	{"RETURN (PARTIAL 3:9) NOT 2", "* ESEARCH (TAG \"A1\") PARTIAL (3:9 4:5)\r\n"},
	{"RETURN (PARTIAL 5:5) NOT 2", "* ESEARCH (TAG \"A1\") PARTIAL (5:5 NIL)\r\n"},
	{"RETURN (PARTIAL -1:-2) NOT 4", "* ESEARCH (TAG \"A1\") PARTIAL (-1:-2 3,5)\r\n"},
	{"RETURN (PARTIAL -2:-1) NOT 4", "* ESEARCH (TAG \"A1\") PARTIAL (-2:-1 3,5)\r\n"},
	{"RETURN (PARTIAL -3:-9) NOT 4", "* ESEARCH (TAG \"A1\") PARTIAL (-3:-9 1:2)\r\n"},
	{"RETURN (PARTIAL -5:-9) NOT 4", "* ESEARCH (TAG \"A1\") PARTIAL (-5:-9 NIL)\r\n"},
	{"RETURN (PARTIAL 1:1) KEYWORD Nobody", "* ESEARCH (TAG \"A1\") PARTIAL (1:1 NIL)\r\n"},
	{"RETURN (PARTIAL 1:4294967295 COUNT) ALL", "* ESEARCH (TAG \"A1\") COUNT 5 PARTIAL (1:4294967295 1:5)\r\n"},
	{"RETURN (MAX PARTIAL 2:3 MIN) ALL", "* ESEARCH (TAG \"A1\") MIN 1 MAX 5 PARTIAL (2:3 2:3)\r\n"},
	{"RETURN (PARTIAL 2:3) MODSEQ 1", "* ESEARCH (TAG \"A1\") PARTIAL (2:3 2:3) MODSEQ 300\r\n"},
	{"RETURN (PARTIAL -1:-1 MIN) MODSEQ 1", "* ESEARCH (TAG \"A1\") MIN 1 PARTIAL (-1:-1 5) MODSEQ 400\r\n"},
};

static const struct row uid_searches[] = {
	{"ALL", "* SEARCH 10 12 15 20 21\r\n"},
	{"2:3", "* SEARCH 12 15\r\n"},
	{"RETURN (MIN MAX ALL) ALL", "* ESEARCH (TAG \"A1\") UID MIN 10 MAX 21 ALL 10,12,15,20:21\r\n"},
};

static const struct row rev2[] = {
	{"SEEN", "* ESEARCH (TAG \"A1\") ALL 1:2\r\n"},
	{"KEYWORD Nobody", "* ESEARCH (TAG \"A1\")\r\n"},
	{"CHARSET UTF-8 SUBJECT \"gr\xc3\xbc\xc3\x9f\"", "* ESEARCH (TAG \"A1\") ALL 3\r\n"},
};

/* RFC 5182 2.4: "$" after each */
static const struct row saves[] = {
	{"RETURN (SAVE) SEEN", ""},
	{"$", "* SEARCH 1 2\r\n"},
	{"UID $ NOT 1", "* SEARCH 2\r\n"},
	{"RETURN (ALL) UNSEEN", "* ESEARCH (TAG \"A1\") ALL 3:5\r\n"},
	{"$", "* SEARCH 1 2\r\n"},
	{"RETURN (ALL SAVE) 2:4", "* ESEARCH (TAG \"A1\") ALL 2:4\r\n"},
	{"$", "* SEARCH 2 3 4\r\n"},
	{"RETURN (SAVE MIN) 2:4", "* ESEARCH (TAG \"A1\") MIN 2\r\n"},
	{"$", "* SEARCH 2\r\n"},
	{"RETURN (MAX SAVE MIN) 2:4", "* ESEARCH (TAG \"A1\") MIN 2 MAX 4\r\n"},
	{"$", "* SEARCH 2 4\r\n"},
	{"RETURN (MAX SAVE MIN COUNT) 2:4", "* ESEARCH (TAG \"A1\") MIN 2 MAX 4 COUNT 3\r\n"},
	{"$", "* SEARCH 2 3 4\r\n"},
	/* RFC 9394 3.2, table 1 */
	{"RETURN (SAVE PARTIAL 2:3) ALL", "* ESEARCH (TAG \"A1\") PARTIAL (2:3 2:3)\r\n"},
	{"$", "* SEARCH 2 3\r\n"},
	{"RETURN (PARTIAL -1:-2 SAVE MIN) ALL", "* ESEARCH (TAG \"A1\") MIN 1 PARTIAL (-1:-2 4:5)\r\n"},
	{"$", "* SEARCH 1 4 5\r\n"},
	{"RETURN (PARTIAL 2:2 SAVE MAX) ALL", "* ESEARCH (TAG \"A1\") MAX 5 PARTIAL (2:2 2)\r\n"},
	{"$", "* SEARCH 2 5\r\n"},
	{"RETURN (PARTIAL 3:3 SAVE MAX MIN) ALL", "* ESEARCH (TAG \"A1\") MIN 1 MAX 5 PARTIAL (3:3 3)\r\n"},
	{"$", "* SEARCH 1 3 5\r\n"},
	{"RETURN (PARTIAL 2:2 SAVE COUNT MIN) 2:4", "* ESEARCH (TAG \"A1\") MIN 2 COUNT 3 PARTIAL (2:2 3)\r\n"},
	{"$", "* SEARCH 2 3 4\r\n"},
	{"RETURN (SAVE) $ 3:5", ""},
	{"OR $ 1", "* SEARCH 1 3 4\r\n"},
	{"RETURN (SAVE) KEYWORD Nobody", ""},
	{"$", "* SEARCH\r\n"},
};

static const struct row sorts[] = {
	{"(ARRIVAL) UTF-8 ALL", "* SORT 1 2 3 4 5\r\n"},
	{"(REVERSE ARRIVAL) UTF-8 ALL", "* SORT 5 4 3 2 1\r\n"},
	{"(SIZE) US-ASCII SEEN", "* SORT 1 2\r\n"},
	/* the Date in UTC, else INTERNALDATE: 4 and 5 of 1994-08-25 and 26 */
	{"(DATE) UTF-8 ALL", "* SORT 1 3 2 4 5\r\n"},
	{"(REVERSE DATE) UTF-8 1:3", "* SORT 2 3 1\r\n"},
	{"(FROM) UTF-8 ALL", "* SORT 5 1 2 4 3\r\n"},
	{"(DISPLAYFROM) UTF-8 ALL", "* SORT 5 1 2 4 3\r\n"},
	{"(SUBJECT REVERSE DATE) UTF-8 ALL", "* SORT 5 4 3 2 1\r\n"},
	{"(CC) UTF-8 ALL", "* SORT 1 3 4 5 2\r\n"},
	{"(TO) UTF-8 ALL", "* SORT 4 5 1 2 3\r\n"},
	{"(DATE) UTF-8 KEYWORD Nobody", "* SORT\r\n"},
	{"(REVERSE ARRIVAL) UTF-8 MODSEQ 300", "* SORT 5 4 2 (MODSEQ 500)\r\n"},
	{"RETURN () (REVERSE ARRIVAL) UTF-8 ALL", "* ESEARCH (TAG \"A1\") ALL 5,4,3,2,1\r\n"},
	{"RETURN (MIN MAX COUNT) (REVERSE ARRIVAL) UTF-8 1:3", "* ESEARCH (TAG \"A1\") MIN 3 MAX 1 COUNT 3\r\n"},
	{"RETURN (ALL) (SUBJECT) UTF-8 1:3", "* ESEARCH (TAG \"A1\") ALL 3,1:2\r\n"},
	{"RETURN (PARTIAL 1:2) (REVERSE ARRIVAL) UTF-8 ALL", "* ESEARCH (TAG \"A1\") PARTIAL (1:2 5,4)\r\n"},
	{"RETURN (PARTIAL -2:-3) (REVERSE ARRIVAL) UTF-8 ALL", "* ESEARCH (TAG \"A1\") PARTIAL (-2:-3 3,2)\r\n"},
	{"RETURN (SAVE MIN) (REVERSE ARRIVAL) UTF-8 1:3", "* ESEARCH (TAG \"A1\") MIN 3\r\n"},
	{"(ARRIVAL) UTF-8 $", "* SORT 3\r\n"},
	{"RETURN (SAVE) (REVERSE ARRIVAL) UTF-8 1:3", ""},
	{"(ARRIVAL) UTF-8 $", "* SORT 1 2 3\r\n"},
};

static const struct row threads[] = {
	{"REFERENCES UTF-8 ALL", "* THREAD (1 2)(3)(4)(5)\r\n"},
	{"REFS US-ASCII 1:3", "* THREAD (1 2)(3)\r\n"},
	{"ORDEREDSUBJECT UTF-8 ALL", "* THREAD (1 2)(3)(4 5)\r\n"},
	{"REFERENCES UTF-8 KEYWORD Nobody", "* THREAD\r\n"},
	{"references UTF-8 2:3", "* THREAD (3)(2)\r\n"},
};

static const struct row uid_threads[] = {
	{"REFERENCES UTF-8 ALL", "* THREAD (10 12)(15)(20)(21)\r\n"},
};

/* clang-format on */

static void
test_search(void **state)
{
	(void)state;
	assert_rows("SEARCH", cmd_search, 0, searches, COUNT(searches));
	assert_rows("UID SEARCH", cmd_search, 0, uid_searches, COUNT(uid_searches));
}

static void
test_extended(void **state)
{
	(void)state;
	assert_rows("SEARCH", cmd_search, 0, extended, COUNT(extended));
	assert_rows("SEARCH", cmd_search, EN_REV2, extended, COUNT(extended));
	assert_rows("SEARCH", cmd_search, EN_REV2, rev2, COUNT(rev2));
}

static void
test_saved(void **state)
{
	(void)state;
	assert_rows("SEARCH", cmd_search, 0, saves, COUNT(saves));
}

static void
test_sort(void **state)
{
	(void)state;
	assert_rows("SORT", cmd_sort, 0, sorts, COUNT(sorts));
}

static void
test_thread(void **state)
{
	(void)state;
	assert_rows("THREAD", cmd_thread, 0, threads, COUNT(threads));
	assert_rows("UID THREAD", cmd_thread, 0, uid_threads, COUNT(uid_threads));
}

/* ---- what is refused ---- */

/* clang-format off */
static const struct {
	command_handler *handler;
	unsigned enabled;
	const char *arguments;
	enum reply reply;
	bool keeps_saved;
} refused[] = {
	{cmd_search, 0, "FOO", R_SYNTAX, true},
	{cmd_search, 0, "RETURN (SAVE) FOO", R_SYNTAX, true},
	{cmd_search, 0, "CHARSET KOI8-R ALL", R_BAD_CHARSET, true},
	{cmd_search, 0, "RETURN (SAVE) CHARSET KOI8-R ALL", R_BAD_CHARSET, false},
	{cmd_search, EN_UTF8, "CHARSET UTF-8 ALL", R_SYNTAX, true},   /* RFC 6855 3 */
	{cmd_sort, 0, "() UTF-8 ALL", R_SYNTAX, true},
	{cmd_sort, 0, "(DATE) ALL", R_SYNTAX, true},
	{cmd_sort, 0, "(DATE) KOI8-R ALL", R_BAD_CHARSET, true},
	{cmd_sort, 0, "RETURN (SAVE) (DATE) KOI8-R ALL", R_BAD_CHARSET, false},
	{cmd_sort, EN_UTF8, "(DATE) UTF-8 ALL", R_DONE, true},
	{cmd_thread, 0, "JWZ UTF-8 ALL", R_SYNTAX, true},
	{cmd_thread, 0, "REFS ALL", R_SYNTAX, true},
	{cmd_thread, 0, "REFS KOI8-R ALL", R_BAD_CHARSET, true},
};

/* clang-format on */

static void
test_refused(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	for (size_t i = 0; i < COUNT(refused); i++) {
		t.s.enabled = 0;
		assert_int_equal(
		    fakes_command(&t.s, cmd_search, "SEARCH", "RETURN (SAVE) 2:3"),
		    R_DONE);
		t.s.enabled = refused[i].enabled;
		assert_int_equal(
		    fakes_command(&t.s, refused[i].handler, "X", refused[i].arguments),
		    refused[i].reply);
		assert_int_equal(
		    numset_count(&t.s.selected->saved), refused[i].keeps_saved ? 2 : 0);
		if (refused[i].reply == R_BAD_CHARSET)
			assert_string_equal(
			    buf_cstr(&t.s.code), "BADCHARSET (US-ASCII UTF-8)");
		if (refused[i].reply != R_DONE)
			assert_int_equal(t.s.io.out.len, 0);
	}
	talk_close(&t);
}

static void
test_modseq_enables_condstore(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	assert_int_equal(fakes_command(&t.s, cmd_search, "SEARCH", "ALL"), R_DONE);
	assert_int_equal(t.s.enabled, 0);
	assert_int_equal(fakes_command(&t.s, cmd_search, "SEARCH", "MODSEQ 1"), R_DONE);
	assert_int_equal(t.s.enabled, EN_CONDSTORE);
	talk_close(&t);
}

/* ---- what it costs ---- */

static void
assert_files(const char *arguments, unsigned files)
{
	struct talk t;
	talk_open(&t);
	assert_int_equal(fakes_command(&t.s, cmd_search, "SEARCH", arguments), R_DONE);
	assert_int_equal(fake_counts.files, files);
	talk_close(&t);
}

static void
test_cheap_keys_come_first(void **state)
{
	(void)state;
	assert_files("BODY soup SEEN", 2);
	assert_files("NOT (BODY soup SEEN) SEEN", 2);
	assert_files("OR BODY soup NOT FLAGGED", 1);
	/* 3 and 5 have no item: it is made, or tried to */
	assert_files("BODY soup SUBJECT lunch", 4);
	assert_files("SUBJECT lunch 1:2", 0);
	assert_files("HEADER Message-ID 1@ 1:2", 0);
	assert_files("HEADER X-Colour red 1:2", 1); /* 2 cannot have it */
	assert_files("BODY nowhere SEEN", 0);
	assert_files("BODY soup BODY bread 1", 1);
	assert_files("RETURN (MIN) BODY soup", 1);
}

static void
test_missing_items_are_made(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	assert_int_equal(
	    fakes_command(&t.s, cmd_search, "SEARCH", "SUBJECT x"), R_DONE);
	assert_int_equal(fake_counts.items_put, 1);
	assert_true(fake_counts.flushes > 0);
	talk_close(&t);
}

static void
test_expunged_are_not_found(void **state)
{
	struct talk t;
	(void)state;
	talk_open(&t);
	((struct store_record *)t.s.selected->view.records)[1].flags |= FLAG_GONE;
	assert_int_equal(
	    fakes_command(&t.s, cmd_search, "SEARCH", "OR SEEN NOT SEEN"), R_DONE);
	assert_string_equal(buf_cstr(&t.s.io.out), "* SEARCH 1 3 4 5\r\n");
	talk_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_search),
	    cmocka_unit_test(test_extended),
	    cmocka_unit_test(test_saved),
	    cmocka_unit_test(test_sort),
	    cmocka_unit_test(test_thread),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_modseq_enables_condstore),
	    cmocka_unit_test(test_cheap_keys_come_first),
	    cmocka_unit_test(test_missing_items_are_made),
	    cmocka_unit_test(test_expunged_are_not_found),
	};
	log_level(LOG_CRIT); /* that a file is missing is meant */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
