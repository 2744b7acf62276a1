/* SPDX-License-Identifier: ISC */
/*
 * test_imap_append.c - APPEND and REPLACE: what is kept of what a client sends, in pieces of each
 * size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "imapd/command.h"
#include "imapd/url_data.h"
#include "mime/cache.h"

#define SHARE_FAKES_APPEND
#include "tests/share_fakes.h"

enum { LITERALS_MOST = 8, QUOTA = 1000 };

/* ---- a client: the text before a literal, its octets, the text behind it ---- */

struct sent {
	struct span octets;
	bool is_binary;
	const char *behind;
};

static const struct sent *sent, *sent_end;
static size_t piece_bytes;
static bool client_leaves;
static struct session session;

static void
announce(void)
{
	session.literal = (struct literal){.is_there = sent < sent_end,
	    .is_binary = sent < sent_end && sent->is_binary,
	    .bytes = sent < sent_end ? sent->octets.n : 0};
}

int
command_literal(struct session *s, int (*fn)(void *ctx, struct span), void *ctx)
{
	struct span left = sent->octets;
	int err = E_OK;
	s->literal.is_there = false;
	for (; left.n && !(client_leaves && left.n < 3);
	     left = span_from(left, piece_bytes))
		if (err == E_OK)
			err = fn(ctx, span_head(left, piece_bytes));
	s->is_broken = client_leaves;
	return client_leaves ? E_IO : err;
}

int
command_more(struct session *s, struct command *c)
{
	c->parse = (struct parse){.in = span_of(sent->behind), .arena = &s->arena};
	sent++;
	announce();
	return E_OK;
}

/* ---- what URLs mean ---- */

int
url_data_open(struct session *s, const struct imap_url *url, struct url_data *out)
{
	*out = (struct url_data){.session = s, .text = SPAN("what it means")};
	return url->uid == 1 ? E_OK : E_BAD;
}

void
url_data_close(struct url_data *d)
{
	(void)d;
}

/* ---- the store ---- */

static struct buf files[LITERALS_MOST];
static size_t n_begun, n_dropped, n_stored, n_items, n_syncs;
static enum store_said said;
static int disk;
static struct incoming stored[LITERALS_MOST];
static uint32_t replaced;

int
store_mailbox(struct store *s, struct span name, struct store_mailbox *out)
{
	(void)s, (void)out;
	return span_eqs(name, "INBOX") ? E_OK : E_BAD;
}

uint64_t
store_quota_room(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

int
store_usage(struct store *s, uint64_t *bytes, uint64_t *messages)
{
	(void)s;
	*bytes = 950;
	*messages = 3;
	return E_OK;
}

bool
incoming_was_quota(void)
{
	return false;
}

int
incoming_begin(struct store *s, struct incoming *out)
{
	(void)s;
	*out = (struct incoming){.fd = memfd_create("incoming", MFD_CLOEXEC),
	    .id.b[0] = (unsigned char)n_begun};
	buf_reset(&files[n_begun++]);
	return E_OK;
}

int
incoming_write(struct incoming *in, struct span s)
{
	if (disk != E_OK)
		return disk;
	assert_int_equal(write(in->fd, s.p, s.n), s.n);
	buf_span(&files[in->id.b[0]], s);
	in->size_bytes += s.n;
	return E_OK;
}

int
incoming_end(struct incoming *in)
{
	assert_int_equal(in->size_bytes, files[in->id.b[0]].len);
	n_syncs++;
	return E_OK;
}

int
incoming_end_all(struct incoming *all, size_t n)
{
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = incoming_end(&all[i]);
	n_syncs = 1;
	return err;
}

void
incoming_drop(struct incoming *in)
{
	close(in->fd);
	n_dropped++;
}

static void
keep(const struct incoming *in)
{
	struct mime_cache item;
	n_items += cache_open(in->cache, &item) == E_OK;
	stored[n_stored++] = *in;
}

enum store_said
store_append(struct store *s, struct span mailbox, struct incoming *in, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	(void)s, (void)mailbox;
	for (size_t i = 0; i < n && said == STORE_DONE; i++)
		keep(&in[i]);
	*uidvalidity = 7;
	*first_uid = 20;
	return said;
}

enum store_said
store_replace(struct store *s, uint32_t mailbox, uint32_t uid, struct span target,
    struct incoming *in, uint32_t *uidvalidity, uint32_t *new_uid)
{
	(void)s, (void)mailbox, (void)target;
	if (said == STORE_DONE)
		keep(in);
	replaced = uid;
	*uidvalidity = 7;
	*new_uid = 21;
	return said;
}

void
selected_update(struct session *s, enum update what, bool is_uid)
{
	(void)what, (void)is_uid;
	buf_str(&s->io.out, "updated");
}

/* ---- a session ---- */

static struct store_record records[] = {
    {.uid = 5, .size_bytes = 100}, {.uid = 6, .flags = FLAG_GONE}};
static struct selected selected = {.view.records = records, .n = COUNT(records)};

static int
set_up(void **state)
{
	(void)state;
	session =
	    (struct session){.selected = &selected, .arena.max_bytes = IMAP_ARENA_MAX};
	said = STORE_DONE;
	disk = E_OK;
	piece_bytes = 4096;
	client_leaves = false;
	replaced = 0;
	selected.is_read_only = false;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < LITERALS_MOST; i++)
		buf_free(&files[i]);
	buf_free(&session.io.out);
	buf_free(&session.code);
	arena_reset(&session.arena);
	return 0;
}

static enum reply
run(command_handler *handler, bool is_uid, const char *text,
    const struct sent *literals, size_t n)
{
	struct command c = {.is_uid = is_uid,
	    .verb = "",
	    .parse = {.in = span_of(text), .arena = &session.arena}};
	arena_reset(&session.arena);
	buf_reset(&session.io.out);
	buf_reset(&session.code);
	n_begun = n_dropped = n_stored = n_items = n_syncs = 0;
	session.is_broken = false;
	sent = literals;
	sent_end = literals + n;
	announce();
	enum reply reply = handler(&session, &c);
	assert_int_equal(n_begun, n_dropped); /* each once, at any end */
	return reply;
}

static enum reply
append_one(const char *text, struct span octets, bool is_binary, const char *behind)
{
	struct sent one = {.octets = octets, .is_binary = is_binary, .behind = behind};
	return run(cmd_append, false, text, &one, 1);
}

#define BYTES(literal) ((struct span){(literal), sizeof(literal) - 1})

/* ---- tests ---- */

static const struct {
	struct span sent, kept; /* as a literal */
	enum reply as_binary;   /* as a literal8 */
} rows[] = {
    {BYTES("a: b\r\n\r\nc\r\n"), BYTES("a: b\r\n\r\nc\r\n"), R_DONE},
    {BYTES("a: b\n\nc\n"), BYTES("a: b\r\n\r\nc\r\n"), R_UNKNOWN_CTE},
    {BYTES("a: b\r\n\nc"), BYTES("a: b\r\n\r\nc"), R_UNKNOWN_CTE},
    {BYTES("\n"), BYTES("\r\n"), R_UNKNOWN_CTE},
    {BYTES("\n\n\n"), BYTES("\r\n\r\n\r\n"), R_UNKNOWN_CTE},
    {BYTES("\r\n\r\n"), BYTES("\r\n\r\n"), R_DONE},
    {BYTES("a\rb\r\n"), BYTES("a\rb\r\n"), R_UNKNOWN_CTE},
    {BYTES("a\r\r\nb"), BYTES("a\r\r\nb"), R_UNKNOWN_CTE},
    {BYTES("a\r\n\xff\x80\r\n"), BYTES("a\r\n\xff\x80\r\n"), R_DONE},
    {BYTES("no end"), BYTES("no end"), R_DONE},
};

/* However it is cut into pieces, the same is kept. */
static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (piece_bytes = 1; piece_bytes <= rows[i].sent.n; piece_bytes++) {
			assert_int_equal(
			    append_one("INBOX ", rows[i].sent, false, ""), R_DONE);
			assert_int_equal(n_stored, 1);
			assert_int_equal(n_items, 1);
			assert_int_equal(files[0].len, rows[i].kept.n);
			assert_memory_equal(files[0].p, rows[i].kept.p, rows[i].kept.n);
			assert_string_equal(buf_cstr(&session.code), "APPENDUID 7 20");
			assert_int_equal(append_one("INBOX ", rows[i].sent, true, ""),
			    rows[i].as_binary);
			assert_int_equal(n_stored, rows[i].as_binary == R_DONE);
		}
}

static void
test_nul(void **state)
{
	static const struct span with_nul = BYTES("a: b\r\n\r\n\0\r\n");
	(void)state;
	for (piece_bytes = 1; piece_bytes <= with_nul.n; piece_bytes++) {
		assert_int_equal(append_one("INBOX ", with_nul, false, ""), R_CANNOT);
		assert_int_equal(
		    append_one("INBOX ", with_nul, true, ""), R_UNKNOWN_CTE);
		assert_int_equal(n_stored, 0);
	}
}

static void
test_arguments(void **state)
{
	(void)state;
	assert_int_equal(
	    append_one("inbox (\\Seen \\Draft own) \"17-Jul-1996 02:44:25 -0700\" ",
		SPAN("x"), false, ""),
	    R_DONE);
	assert_int_equal(stored[0].flags, FLAG_SEEN | FLAG_DRAFT);
	assert_int_equal(stored[0].n_keywords, 1);
	assert_true(span_eqs(stored[0].keywords[0], "own"));
	assert_int_equal(stored[0].date_sec, 837596665);
	static const char *const bad[] = {"INBOX", "INBOX  ", "INBOX (\\Seen)",
	    "INBOX (\\Seen ", "INBOX (\\Recent) ", "INBOX x ", "INBOX \"no date\" ",
	    "INBOX \"17-Jul-1996 02:44:25 -0700\" (\\Seen) ", "INBOX UTF8 ",
	    "INBOX UTF8 ( "};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(append_one(bad[i], SPAN("x"), false, ""), R_SYNTAX);
		assert_int_equal(n_begun, 0);
	}
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, "x"), R_SYNTAX);
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, " "), R_SYNTAX);
	assert_int_equal(run(cmd_append, false, "INBOX ", NULL, 0), R_SYNTAX);
	assert_int_equal(
	    append_one("Nowhere ", SPAN("x"), false, ""), R_NO_MAILBOX_TRY);
	assert_true(session.literal.is_there); /* not read: the dispatcher refuses it */
	assert_int_equal(append_one("INBOX ", SPAN(""), false, ""), R_CANNOT);
}

static void
test_utf8(void **state)
{
	(void)state;
	assert_int_equal(append_one("INBOX UTF8 (", SPAN("x\n"), true, ")"), R_CANNOT);
	session.enabled = EN_UTF8;
	/* it is said to be text */
	assert_int_equal(append_one("INBOX UTF8 (", SPAN("x\n"), true, ")"), R_DONE);
	assert_string_equal(buf_cstr(&files[0]), "x\r\n");
	assert_int_equal(
	    append_one("INBOX UTF8 (", SPAN("x\r\n"), false, ")"), R_SYNTAX);
	assert_int_equal(append_one("INBOX UTF8 (", SPAN("x\r\n"), true, ""), R_SYNTAX);
	assert_int_equal(
	    append_one("INBOX UTF8 (", BYTES("\0"), true, ")"), R_UNKNOWN_CTE);
}

static void
test_many(void **state)
{
	static const struct sent three[] =
	    {
		{.octets = BYTES("1"), .behind = " (\\Flagged two) "},
		{.octets = BYTES("2"), .behind = " "},
		{.octets = BYTES("3"), .behind = ""},
	    },
				 cancelled[] = {
				     {.octets = BYTES("1"), .behind = " "},
				     {.octets = BYTES(""), .behind = ""},
				 };
	(void)state;
	assert_int_equal(
	    run(cmd_append, false, "INBOX (\\Seen one) ", three, 3), R_DONE);
	assert_string_equal(buf_cstr(&session.code), "APPENDUID 7 20:22");
	assert_int_equal(n_stored, 3);
	assert_int_equal(stored[0].flags, FLAG_SEEN);
	assert_true(span_eqs(stored[0].keywords[0], "one"));
	assert_int_equal(stored[1].flags, FLAG_FLAGGED);
	assert_true(span_eqs(stored[1].keywords[0], "two"));
	assert_int_equal(stored[2].flags, 0);
	assert_int_equal(stored[2].n_keywords, 0);
	assert_int_equal(n_syncs, 3);
	assert_int_equal(run(cmd_append, false, "INBOX ", cancelled, 2), R_CANNOT);
	assert_int_equal(n_stored, 0);
	/* of many one sync is enough */
	struct sent eight[LITERALS_MOST];
	for (size_t i = 0; i < LITERALS_MOST; i++)
		eight[i] = (struct sent){
		    .octets = SPAN("x"), .behind = i + 1 < LITERALS_MOST ? " " : ""};
	assert_int_equal(
	    run(cmd_append, false, "INBOX ", eight, LITERALS_MOST), R_DONE);
	assert_int_equal(n_stored, LITERALS_MOST);
	assert_int_equal(n_syncs, 1);
}

static void
test_failures(void **state)
{
	(void)state;
	disk = E_LIMIT;
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, ""), R_DISK_FULL);
	disk = E_IO;
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, ""), R_LATER);
	disk = E_OK;
	said = STORE_OVER_QUOTA;
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, ""), R_OVER_QUOTA);
	said = STORE_NONEXISTENT; /* removed meanwhile */
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, ""), R_NO_MAILBOX_TRY);
	said = STORE_DONE;
	session.message_size_most = 3;
	assert_int_equal(append_one("INBOX ", SPAN("four"), false, ""), R_TOO_BIG);
	assert_int_equal(append_one("INBOX ", SPAN("333"), false, ""), R_DONE);
	session.message_size_most = 0;
	client_leaves = true;
	assert_int_equal(append_one("INBOX ", SPAN("a message"), false, ""), R_NONE);
	assert_int_equal(n_stored, 0);
}

static void
test_quota(void **state)
{
	char large[100] = "x";
	struct sent one = {.octets = {large, 51}, .behind = ""};
	(void)state;
	session.quota_bytes = QUOTA;
	assert_int_equal(run(cmd_append, false, "INBOX ", &one, 1), R_OVER_QUOTA);
	assert_int_equal(n_begun, 0);
	/* what goes makes room for what comes */
	memset(large, 'x', sizeof large);
	assert_int_equal(run(cmd_replace, false, "1 INBOX ", &one, 1), R_DONE);
	session.quota_messages = 3;
	assert_int_equal(append_one("INBOX ", SPAN("x"), false, ""), R_OVER_QUOTA);
	assert_int_equal(run(cmd_replace, false, "1 INBOX ", &one, 1), R_DONE);
}

static void
test_replace(void **state)
{
	struct sent one = {.octets = BYTES("new\n"), .behind = ""}, two[] = {one, one};
	(void)state;
	two[0].behind = " ";
	assert_int_equal(
	    run(cmd_replace, false, "1 INBOX (\\Draft) ", &one, 1), R_DONE);
	assert_int_equal(replaced, 5);
	assert_string_equal(
	    buf_cstr(&session.io.out), "* OK [APPENDUID 7 21] replaced\r\nupdated");
	assert_string_equal(buf_cstr(&files[0]), "new\r\n");
	assert_int_equal(stored[0].flags, FLAG_DRAFT);
	assert_int_equal(run(cmd_replace, true, "5 INBOX ", &one, 1), R_DONE);
	assert_int_equal(run(cmd_replace, true, "7 INBOX ", &one, 1), R_EXPUNGED);
	assert_int_equal(run(cmd_replace, false, "2 INBOX ", &one, 1), R_EXPUNGED);
	assert_int_equal(run(cmd_replace, false, "3 INBOX ", &one, 1), R_BAD_SEQUENCE);
	assert_int_equal(run(cmd_replace, false, "0 INBOX ", &one, 1), R_BAD_SEQUENCE);
	assert_int_equal(
	    run(cmd_replace, false, "1 Nowhere ", &one, 1), R_NO_MAILBOX_TRY);
	assert_int_equal(run(cmd_replace, false, "1:2 INBOX ", &one, 1), R_SYNTAX);
	assert_int_equal(n_begun, 0);
	/* one for one: RFC 8508 4.7 */
	assert_int_equal(run(cmd_replace, false, "1 INBOX ", two, 2), R_SYNTAX);
	assert_int_equal(n_stored, 0);
	selected.is_read_only = true;
	assert_int_equal(run(cmd_replace, false, "1 INBOX ", &one, 1), R_READ_ONLY);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_lines),
	    TEST(test_nul),
	    TEST(test_arguments),
	    TEST(test_utf8),
	    TEST(test_many),
	    TEST(test_failures),
	    TEST(test_quota),
	    TEST(test_replace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
