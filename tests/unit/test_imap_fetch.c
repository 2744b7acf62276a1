/* SPDX-License-Identifier: ISC */
/* test_imap_fetch.c - answers of FETCH, on a mailbox of a few messages that stands in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "imapd/fetch.h"
#include "imapd/vanished.h"

enum { UID_STEP = 10, LARGE_BYTES = 3000000 };

/* clang-format off */
static const char *const texts[] = {
	/* 1 */ "From: A <a@x>\r\nTo: b@x\r\nSubject: one\r\n\r\nfirst line\r\nsecond\r\n",
	/* 2 */ "Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
	        "Content-Type: application/x; name=n\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n--b\r\n"
	        "Content-Transfer-Encoding: x-own\r\n\r\nzzz\r\n--b--\r\n",
	/* 3: no file */ NULL,
	/* 4: a NUL in it, which is cut in two */ "Subject: nul\r\n\r\n-\r\n",
	/* 5: large, made below */ "",
};
/* clang-format on */

/* ---- the store: what it was asked for is counted ---- */

static struct store_record records[COUNT(texts)];
static struct view_head head = {
    .n = COUNT(texts), .n_keywords = 1, .keywords = {"$Junk"}};
static struct buf bodies[COUNT(texts)], items[COUNT(texts)];
static unsigned n_opened, n_made, n_flushed;

static size_t
index_of(const struct store_record *r)
{
	return (size_t)(r - records);
}

int
store_message_open(struct store *store, const struct store_record *r, int *out)
{
	struct span text = buf_as_span(&bodies[index_of(r)]);
	(void)store;
	n_opened++;
	if (!texts[index_of(r)])
		return E_BAD;
	*out = memfd_create("message", MFD_CLOEXEC);
	assert_true(*out >= 0 && write(*out, text.p, text.n) == (ssize_t)text.n);
	return E_OK;
}

int
store_message_map(struct store *store, const struct store_record *r, struct span *out)
{
	(void)store;
	if (!texts[index_of(r)])
		return E_BAD;
	*out = buf_as_span(&bodies[index_of(r)]);
	return E_OK;
}

void
store_message_unmap(struct span *text)
{
	*text = span_make("", 0);
}

struct span
store_cache(struct store *store, const struct store_record *r)
{
	(void)store;
	return buf_as_span(&items[index_of(r)]);
}

void
store_cache_put(struct store *store, const struct store_view *view,
    const struct store_record *r, struct span item)
{
	(void)store, (void)view;
	n_made++;
	buf_reset(&items[index_of(r)]);
	buf_span(&items[index_of(r)], item);
}

void
store_cache_flush(struct store *s)
{
	(void)s;
	n_flushed++;
}

int
store_expunged(
    struct store *store, uint32_t mailbox, uint64_t modseq, struct numset *out)
{
	(void)store, (void)mailbox;
	if (modseq < 5)
		return E_LIMIT;
	return numset_add(out, 1, 9) == E_OK && numset_add(out, 21, 30) == E_OK ? E_OK
	                                                                        : E_IO;
}

/* ---- the client ---- */

static struct buf sent;
static bool is_deaf;

int __wrap_io_flush(struct io *io);

int
__wrap_io_flush(struct io *io)
{
	if (is_deaf)
		return E_LIMIT;
	buf_span(&sent, buf_as_span(&io->out));
	buf_reset(&io->out);
	return E_OK;
}

static struct selected selected;
static struct session session;

static int
set_up(void **state)
{
	(void)state;
	selected = (struct selected){.view = {.records = records,
					 .head = &head,
					 .n = COUNT(texts),
					 .uidnext = 60,
					 .recent_from = UINT32_MAX,
					 .rights = RIGHTS_ALL},
	    .n = COUNT(texts)};
	session = (struct session){.selected = &selected,
	    .arena.max_bytes = IMAP_ARENA_MAX,
	    .io.out.max = IMAP_OUT_MAX};
	for (size_t i = 0; i < COUNT(texts); i++) {
		buf_reset(&bodies[i]);
		buf_reset(&items[i]);
		buf_str(&bodies[i], texts[i] ? texts[i] : "");
	}
	bodies[3].p[16] = '\0';
	buf_str(&bodies[4], "Subject: large\r\n\r\n");
	while (bodies[4].len < LARGE_BYTES)
		buf_str(&bodies[4], "all lines are alike\r\n");
	for (size_t i = 0; i < COUNT(texts); i++)
		records[i] = (struct store_record){.uid = (uint32_t)(i + 1) * UID_STEP,
		    .modseq = 100 + i,
		    .size_bytes = bodies[i].len,
		    .date_sec = 86400 * (int64_t)(i + 1),
		    .saved_sec = 5};
	records[0].flags = FLAG_SEEN | FLAG_FLAGGED;
	records[1].keywords = 1;
	n_opened = n_made = n_flushed = 0;
	is_deaf = false;
	buf_reset(&sent);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		buf_free(&bodies[i]);
		buf_free(&items[i]);
	}
	buf_free(&session.io.out);
	buf_free(&sent);
	return 0;
}

static enum reply
fetch(const char *what, uint32_t from, uint32_t to)
{
	struct parse p = {.in = span_of(what), .arena = &session.arena};
	struct fetch_atts atts;
	struct fetch f;
	assert_int_equal(fetch_atts_parse(&p, &atts), E_OK);
	assert_true(parse_is_at_end(&p));
	fetch_init(&f, &session, &atts);
	bool is_there = true;
	for (uint32_t seq = from; seq <= to && is_there; seq++)
		is_there = fetch_put(&f, seq, 0);
	fetch_done(&f);
	arena_reset(&session.arena);
	buf_span(&sent, buf_as_span(&session.io.out));
	buf_reset(&session.io.out);
	return is_there ? f.reply : R_NONE;
}

static void
expect(const char *what, uint32_t seq, enum reply reply, const char *answer)
{
	buf_reset(&sent);
	assert_int_equal(fetch(what, seq, seq), reply);
	assert_string_equal(buf_cstr(&sent), answer);
}

/* ---- tests ---- */

static void
test_records(void **state)
{
	(void)state;
	expect("(UID FLAGS)", 1, R_DONE,
	    "* 1 FETCH (UID 10 FLAGS (\\Seen \\Flagged))\r\n");
	expect("FLAGS", 2, R_DONE, "* 2 FETCH (FLAGS ($Junk))\r\n");
	expect("(MODSEQ INTERNALDATE RFC822.SIZE)", 1, R_DONE,
	    "* 1 FETCH (MODSEQ (100) RFC822.SIZE 60 INTERNALDATE \" 2-Jan-1970 "
	    "00:00:00 +0000\")\r\n");
	expect("(EMAILID SAVEDATE)", 1, R_DONE,
	    "* 1 FETCH (EMAILID (M00000000000000000000000000000000) SAVEDATE \" "
	    "1-Jan-1970 00:00:05 +0000\")\r\n");
	assert_int_equal(n_opened, 0);
}

static const char envelope_1[] =
    "* 1 FETCH (ENVELOPE (NIL \"one\" ((\"A\" NIL \"a\" \"x\")) ((\"A\" NIL \"a\" "
    "\"x\"))"
    " ((\"A\" NIL \"a\" \"x\")) ((NIL NIL \"b\" \"x\")) NIL NIL NIL NIL))\r\n";

/* The file is read for the first answer only; what it gave is kept. */
static void
test_items(void **state)
{
	(void)state;
	expect("ENVELOPE", 1, R_DONE, envelope_1);
	assert_int_equal(n_opened, 1);
	assert_int_equal(n_made, 1);
	assert_int_equal(n_flushed, 1);
	expect("ENVELOPE", 1, R_DONE, envelope_1);
	expect("(BODY PREVIEW)", 1, R_DONE,
	    "* 1 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 20 2) PREVIEW \"first line second\")\r\n");
	expect("BODY.PEEK[HEADER.FIELDS (subject X)]", 1, R_DONE,
	    "* 1 FETCH (BODY[HEADER.FIELDS (subject X)] {16}\r\nSubject: "
	    "one\r\n\r\n)\r\n");
	expect("BODY.PEEK[HEADER.FIELDS (subject)]", 1, R_DONE,
	    "* 1 FETCH (BODY[HEADER.FIELDS (subject)] {16}\r\nSubject: "
	    "one\r\n\r\n)\r\n");
	/* no Message-ID */
	expect("THREADID", 1, R_DONE,
	    "* 1 FETCH (THREADID (T00000000000000000000000000000000))\r\n");
	assert_int_equal(n_made, 1);
	assert_int_equal(n_opened, 2); /* X is in no item */
	buf_reset(&items[0]);
	buf_str(&items[0], "damaged");
	expect("ENVELOPE", 1, R_DONE, envelope_1);
	assert_int_equal(n_made, 2);
}

static void
test_octets(void **state)
{
	(void)state;
	expect("BODY.PEEK[]", 1, R_DONE,
	    "* 1 FETCH (BODY[] {60}\r\nFrom: A <a@x>\r\nTo: b@x\r\nSubject: "
	    "one\r\n\r\nfirst line\r\nsecond\r\n)\r\n");
	assert_int_equal(n_opened, 1);
	assert_int_equal(n_made, 0);
	expect(
	    "BODY.PEEK[]<6.7>", 1, R_DONE, "* 1 FETCH (BODY[]<6> {7}\r\nA <a@x>)\r\n");
	expect("BODY.PEEK[]<50.700>", 1, R_DONE,
	    "* 1 FETCH (BODY[]<50> {10}\r\n\r\nsecond\r\n)\r\n");
	expect("BODY.PEEK[]<60.1>", 1, R_DONE, "* 1 FETCH (BODY[]<60> {0}\r\n)\r\n");
	expect("BODY.PEEK[]<9223372036854775807.9223372036854775807>", 1, R_DONE,
	    "* 1 FETCH (BODY[]<9223372036854775807> {0}\r\n)\r\n");
	expect("RFC822.HEADER", 1, R_DONE,
	    "* 1 FETCH (RFC822.HEADER {40}\r\nFrom: A <a@x>\r\nTo: b@x\r\nSubject: "
	    "one\r\n\r\n)\r\n");
	expect("RFC822.TEXT", 1, R_DONE,
	    "* 1 FETCH (RFC822.TEXT {20}\r\nfirst line\r\nsecond\r\n)\r\n");
	expect(
	    "BODY[TEXT]<6.4>", 1, R_DONE, "* 1 FETCH (BODY[TEXT]<6> {4}\r\nline)\r\n");
	expect("(BODY[1] RFC822)", 1, R_DONE,
	    "* 1 FETCH (BODY[1] {20}\r\nfirst line\r\nsecond\r\n RFC822 {60}\r\nFrom: "
	    "A <a@x>\r\n"
	    "To: b@x\r\nSubject: one\r\n\r\nfirst line\r\nsecond\r\n)\r\n");
}

static void
test_parts(void **state)
{
	(void)state;
	expect("BODY.PEEK[1]", 2, R_DONE, "* 2 FETCH (BODY[1] {5}\r\nplain)\r\n");
	expect("BODY.PEEK[1]<1.3>", 2, R_DONE, "* 2 FETCH (BODY[1]<1> {3}\r\nlai)\r\n");
	expect("BODY.PEEK[3.MIME]", 2, R_DONE,
	    "* 2 FETCH (BODY[3.MIME] {36}\r\nContent-Transfer-Encoding: "
	    "x-own\r\n\r\n)\r\n");
	expect("BODY.PEEK[4]", 2, R_DONE, "* 2 FETCH (BODY[4] NIL)\r\n");
	expect("BODY.PEEK[1.1]", 2, R_DONE, "* 2 FETCH (BODY[1.1] NIL)\r\n");
}

static void
test_binary(void **state)
{
	(void)state;
	expect("(BINARY.SIZE[2] BINARY.SIZE[1])", 2, R_DONE,
	    "* 2 FETCH (BINARY.SIZE[2] 3 BINARY.SIZE[1] 5)\r\n");
	buf_reset(&sent);
	assert_int_equal(fetch("BINARY.PEEK[2]", 2, 2), R_DONE);
	static const char with_nul[] = "* 2 FETCH (BINARY[2] ~{3}\r\na\0b)\r\n";
	assert_int_equal(sent.len, sizeof with_nul - 1);
	assert_memory_equal(sent.p, with_nul, sent.len);
	expect(
	    "BINARY.PEEK[2]<0.1>", 2, R_DONE, "* 2 FETCH (BINARY[2]<0> {1}\r\na)\r\n");
	expect("BINARY.PEEK[1]", 2, R_DONE, "* 2 FETCH (BINARY[1] {5}\r\nplain)\r\n");
	expect("(BINARY.PEEK[3] UID)", 2, R_UNKNOWN_CTE,
	    "* 2 FETCH (UID 20 BINARY[3] NIL)\r\n");
	expect("BINARY.SIZE[3]", 2, R_UNKNOWN_CTE, "* 2 FETCH (BINARY.SIZE[3] 0)\r\n");
}

/* A message without a file costs its own answer; those around it are whole. */
static void
test_missing(void **state)
{
	(void)state;
	expect("(UID BODY.PEEK[] BODY[1] RFC822.SIZE)", 3, R_EXPUNGED,
	    "* 3 FETCH (UID 30 RFC822.SIZE 0 BODY[] NIL BODY[1] NIL)\r\n");
	expect("(BODY.PEEK[HEADER.FIELDS (To)] BINARY.SIZE[1])", 3, R_EXPUNGED,
	    "* 3 FETCH (BODY[HEADER.FIELDS (To)] NIL BINARY.SIZE[1] 0)\r\n");
	expect("ENVELOPE", 3, R_EXPUNGED,
	    "* 3 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n");
	expect("UID", 3, R_DONE, "* 3 FETCH (UID 30)\r\n");
	buf_reset(&sent);
	assert_int_equal(fetch("BODY.PEEK[]<0.4>", 2, 4), R_EXPUNGED);
	assert_string_equal(buf_cstr(&sent),
	    "* 2 FETCH (BODY[]<0> {4}\r\nSubj)\r\n* 3 FETCH (BODY[]<0> NIL)\r\n"
	    "* 4 FETCH (BODY[]<0> {4}\r\nSubj)\r\n");
	assert_int_equal(n_made, 0);
}

static void
test_nul(void **state)
{
	(void)state;
	expect("BODY.PEEK[]", 4, R_DONE,
	    "* 4 FETCH (BODY[] {19}\r\nSubject: nul\r\n\r\n\x80\r\n)\r\n");
	expect("BODY.PEEK[1]", 4, R_DONE, "* 4 FETCH (BODY[1] {3}\r\n\x80\r\n)\r\n");
}

/* More than may wait goes out in pieces, and the octets are those of the message. */
static void
test_large(void **state)
{
	(void)state;
	char begin[64];
	int n =
	    snprintf(begin, sizeof begin, "* 5 FETCH (BODY[] {%zu}\r\n", bodies[4].len);
	assert_int_equal(fetch("BODY.PEEK[]", 5, 5), R_DONE);
	assert_int_equal(sent.len, (size_t)n + bodies[4].len + 3);
	assert_memory_equal(sent.p, begin, (size_t)n);
	assert_memory_equal(sent.p + n, bodies[4].p, bodies[4].len);
	buf_reset(&sent);
	assert_int_equal(fetch("BODY.PEEK[1]", 5, 5), R_DONE);
	assert_true(sent.len > bodies[4].len - 64);
	assert_true(session.io.out.cap <= IMAP_OUT_MAX);
}

static void
test_deaf_client(void **state)
{
	(void)state;
	is_deaf = true;
	assert_int_equal(fetch("BODY.PEEK[]", 4, 5), R_NONE);
	assert_true(session.is_broken);
	assert_true(session.io.out.cap <= IMAP_OUT_MAX);
}

static void
expect_vanished(uint64_t modseq, struct num_range asked, const char *answer)
{
	buf_reset(&session.io.out);
	assert_int_equal(vanished_put(&session, &asked, 1, modseq), E_OK);
	assert_string_equal(buf_cstr(&session.io.out), answer);
}

static void
test_vanished(void **state)
{
	(void)state;
	expect_vanished(
	    7, (struct num_range){1, 100}, "* VANISHED (EARLIER) 1:9,21:30\r\n");
	expect_vanished(
	    7, (struct num_range){5, 22}, "* VANISHED (EARLIER) 5:9,21:22\r\n");
	expect_vanished(7, (struct num_range){10, 20}, "");
	/* not remembered so far back: all that is not there, up to where the client knows */
	expect_vanished(3, (struct num_range){15, UINT32_MAX - 1},
	    "* VANISHED (EARLIER) 15:19,21:29,31:39,41:49,51:59\r\n");
	/* gone, but the client has its number still */
	records[2].flags = FLAG_GONE;
	expect_vanished(
	    7, (struct num_range){1, 100}, "* VANISHED (EARLIER) 1:9,21:29\r\n");
	buf_reset(&session.io.out);
}

/* Every second uid, more of them than a set holds: all are said, in lines of a bounded length. */
static void
test_vanished_many(void **state)
{
	(void)state;
	const uint32_t n = NUMSET_RANGES_MOST + 5;
	struct store_record *many = mem_grow(NULL, n, sizeof *many);
	struct buf wanted = {0};
	for (uint32_t i = 0; i < n; i++) {
		many[i] = (struct store_record){.uid = 2 * i + 2};
		buf_putf(&wanted, "%s%u",
		    i % VANISHED_RANGES_MOST ? "," : "* VANISHED (EARLIER) ",
		    2 * i + 1);
		if ((i + 1) % VANISHED_RANGES_MOST == 0 || i + 1 == n)
			buf_str(&wanted, "\r\n");
	}
	selected.view.records = many;
	selected.view.n = selected.n = n;
	selected.view.uidnext = 2 * n + 1;
	assert_int_equal(
	    vanished_put(&session, &(struct num_range){1, UINT32_MAX - 1}, 1, 3), E_OK);
	assert_int_equal(__wrap_io_flush(&session.io), E_OK);
	assert_int_equal(sent.len, wanted.len);
	assert_memory_equal(sent.p, wanted.p, wanted.len);
	buf_free(&wanted);
	mem_free(&many);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_records),
	    TEST(test_items),
	    TEST(test_octets),
	    TEST(test_parts),
	    TEST(test_binary),
	    TEST(test_missing),
	    TEST(test_nul),
	    TEST(test_large),
	    TEST(test_deaf_client),
	    TEST(test_vanished),
	    TEST(test_vanished_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
