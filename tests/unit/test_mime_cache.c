/* SPDX-License-Identifier: ISC */
/*
 * test_mime_cache.c - items: what is in them, what they answer, what is too large for them, damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mime/bodystructure.h"
#include "mime/cache.h"
#include "mime/preview.h"
#include "mime/section.h"

struct item {
	struct buf bytes;
	struct mime_cache c;
};

static struct item
item_of(struct span message)
{
	struct arena arena = {0};
	struct item item = {.bytes = {.max = CACHE_BYTES_MAX}};
	assert_true(cache_make(message, &arena, &item.bytes));
	arena_reset(&arena);
	assert_int_equal(buf_done(&item.bytes), E_OK);
	assert_int_equal(cache_open(buf_as_span(&item.bytes), &item.c), E_OK);
	return item;
}

static void
assert_span(struct span s, const char *expected)
{
	char *text = mem_new(s.n + 1);
	assert_non_null(s.p);
	memcpy(text, s.p, s.n);
	assert_string_equal(text, expected);
	mem_free(&text);
}

static const char message[] =
    "Return-Path: <anna@x>\r\nReceived: from a\r\nReceived: from b\r\nDate: Tue, 24 "
    "Nov 2026 12:08:26 +0000\r\n"
    "From: =?utf-8?q?M=C3=BCller?= <anna@x>\r\nTo: ben@y\r\nto: carl@y,\r\n "
    "dora@y\r\nSubject: Re: Hello\r\n"
    "Message-ID: <3@x>\r\nReferences: <1@x>\r\n\t<2@x>\r\nX-Unknown: "
    "y\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nWords for "
    "all\r\n--b--\r\n";

/* The same as what the parts that make it say of the message. */
static void
test_texts(void **state)
{
	struct item item = item_of(span_of(message));
	struct arena arena = {0};
	struct buf out = {0};
	struct imap_envelope e;
	struct tree t;
	(void)state;
	tree_make(span_of(message), &arena, &t);
	imap_envelope_parse(part_head(&t, &t.root), &arena, &e);
	imap_envelope_put(&out, &e);
	assert_true(span_eq(item.c.envelope, buf_as_span(&out)));
	buf_reset(&out);
	bodystructure_put(&out, &t, false, &arena);
	assert_true(span_eq(item.c.body, buf_as_span(&out)));
	buf_reset(&out);
	bodystructure_put(&out, &t, true, &arena);
	assert_true(span_eq(item.c.bodystructure, buf_as_span(&out)));
	assert_span(item.c.preview, "Words for all");
	assert_int_equal(item.c.head_bytes, t.root.body_at);
	assert_int_equal(item.c.n_parts, 2);
	assert_false(item.c.has_attachment);
	buf_free(&out);
	buf_free(&item.bytes);
	arena_reset(&arena);
}

static void
test_keys(void **state)
{
	struct item item = item_of(span_of(message));
	(void)state;
	assert_true(item.c.has_facts);
	assert_true(item.c.facts.has_sent);
	assert_int_equal(item.c.facts.sent_sec, 1795522106);
	assert_int_equal(item.c.facts.sent_day, 20781);
	assert_true(item.c.facts.is_reply);
	assert_span(item.c.facts.base_subject, "HELLO");
	assert_span(item.c.facts.from, "ANNA");
	assert_span(item.c.facts.to, "BEN");
	assert_span(item.c.facts.cc, "");
	assert_span(item.c.facts.display_from, "MU\xcc\x88LLER");
	assert_span(item.c.facts.display_to, "BEN@Y");
	assert_span(item.c.facts.message_id, "3@x");
	assert_span(item.c.facts.references, "1@x\n2@x");
	assert_span(item.c.search.subject, "RE: HELLO");
	assert_span(item.c.search.from, "MU\xcc\x88LLER <ANNA@X>");
	assert_span(item.c.search.to, "BEN@Y\nCARL@Y, DORA@Y");
	assert_span(item.c.search.cc, "");
	assert_span(item.c.search.bcc, "");
	buf_free(&item.bytes);
}

static void
test_of_nothing(void **state)
{
	struct item item = item_of(SPAN(""));
	cache_names names;
	struct buf out = {0};
	(void)state;
	assert_span(item.c.envelope, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	assert_span(item.c.preview, "");
	assert_true(item.c.has_facts);
	assert_false(item.c.facts.has_sent);
	assert_true(item.c.has_fields);
	assert_int_equal(cache_names_of(&SPAN("From"), 1, &names), E_OK);
	cache_fields(&item.c, names, &out);
	assert_string_equal(buf_cstr(&out), "\r\n");
	buf_free(&out);
	buf_free(&item.bytes);
}

/* ---- fields ---- */

/* The same bytes as HEADER.FIELDS of the message itself. */
static void
check_fields(struct span text, const struct span *asked, size_t n)
{
	struct item item = item_of(text);
	struct arena arena = {0};
	struct buf cached = {0}, real = {0};
	struct tree t;
	cache_names names;
	assert_true(item.c.has_fields);
	assert_int_equal(cache_names_of(asked, n, &names), E_OK);
	cache_fields(&item.c, names, &cached);
	tree_make(text, &arena, &t);
	section_fields(&real, part_head(&t, &t.root), asked, n, false);
	assert_string_equal(buf_cstr(&cached), buf_cstr(&real));
	buf_free(&cached);
	buf_free(&real);
	buf_free(&item.bytes);
	arena_reset(&arena);
}

static void
test_fields(void **state)
{
	const struct span thunderbird[] = {SPAN("From"), SPAN("To"), SPAN("Cc"),
	    SPAN("Bcc"), SPAN("Subject"), SPAN("Date"), SPAN("Message-ID"),
	    SPAN("Priority"), SPAN("X-Priority"), SPAN("References"),
	    SPAN("Newsgroups"), SPAN("In-Reply-To"), SPAN("Content-Type"),
	    SPAN("Reply-To")};
	const struct span few[] = {
	    SPAN("TO"), SPAN("subject"), SPAN("Return-Path"), SPAN("to")};
	(void)state;
	check_fields(span_of(message), thunderbird, COUNT(thunderbird));
	check_fields(span_of(message), few, COUNT(few));
	check_fields(span_of(message), few, 0);
	check_fields(SPAN("Subject: no line end"), few, COUNT(few));
	check_fields(SPAN("junk\nsubject : a\n b\nTo: x\n\nTo: y\n"), few, COUNT(few));
}

static void
test_names(void **state)
{
	cache_names a, b;
	(void)state;
	assert_int_equal(cache_names_of(&SPAN("SUBJECT"), 1, &a), E_OK);
	assert_int_equal(cache_names_of(&SPAN("subject"), 1, &b), E_OK);
	assert_true(a == b && a != 0);
	assert_int_equal(
	    cache_names_of((struct span[]){SPAN("Subject"), SPAN("X-Unknown")}, 2, &a),
	    E_BAD);
	assert_int_equal(cache_names_of(&SPAN("Received"), 1, &a), E_BAD);
	assert_int_equal(cache_names_of(&SPAN(""), 1, &a), E_BAD);
	assert_int_equal(cache_names_of(NULL, 0, &a), E_OK);
	assert_true(a == 0);
}

/* ---- attachments ---- */

static void
test_attachments(void **state)
{
	static const struct {
		const char *head;
		bool is_one;
	} rows[] = {{"Content-Type: text/plain", false},
	    {"Content-Type: text/plain; name=a", false},
	    {"Content-Type: text/plain\nContent-Disposition: Attachment", true},
	    {"Content-Type: application/pdf", false},
	    {"Content-Type: application/pdf; name=a.pdf", true},
	    {"Content-Type: application/pdf; name=\"\"", false},
	    {"Content-Type: application/pdf\nContent-Disposition: attachment; "
	     "filename=a",
		true},
	    {"Content-Type: image/png; name=a.png\nContent-Disposition: inline; "
	     "filename=a.png",
		false},
	    {"Content-Type: application/pgp-signature; name=signature.asc", false},
	    {"Content-Type: message/rfc822", true},
	    {"Content-Type: multipart/mixed; boundary=c", false}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf m = {0};
		buf_putf(&m,
		    "Content-Type: multipart/mixed; "
		    "boundary=b\n\n--b\n%s\n\nx\n--b--\n",
		    rows[i].head);
		struct item item = item_of(buf_as_span(&m));
		if (item.c.has_attachment != rows[i].is_one)
			fail_msg("%s", rows[i].head);
		buf_free(&item.bytes);
		buf_free(&m);
	}
}

/* ---- what is too large ---- */

static void
fill(struct buf *m, const char *head, const char *each, size_t bytes)
{
	buf_str(m, head);
	for (size_t end = m->len + bytes; m->len < end;)
		buf_str(m, each);
	buf_str(m, "\n");
}

static void
test_too_many_recipients(void **state)
{
	struct buf m = {0};
	(void)state;
	fill(&m, "From: a@b\nSubject: x\nTo: a@b", ",\n someone@example.com",
	    2 * CACHE_BYTES_MAX);
	struct item item = item_of(buf_as_span(&m));
	assert_null(item.c.envelope.p);
	assert_false(item.c.has_fields);
	assert_null(item.c.search.to.p);
	assert_span(item.c.search.subject, "X");
	assert_true(item.c.has_facts);
	assert_span(item.c.facts.to, "A");
	assert_non_null(item.c.bodystructure.p);
	buf_free(&item.bytes);
	buf_free(&m);
}

static void
test_too_many_parts(void **state)
{
	struct buf m = {0};
	(void)state;
	fill(&m, "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n",
	    "--b\n\n\n", 20000);
	struct item item = item_of(buf_as_span(&m));
	assert_null(item.c.bodystructure.p);
	assert_null(item.c.body.p);
	assert_non_null(item.c.envelope.p);
	assert_non_null(item.c.preview.p);
	assert_true(item.c.has_fields);
	buf_free(&item.bytes);
	buf_free(&m);
}

static void
test_too_many_references(void **state)
{
	struct buf m = {0};
	(void)state;
	fill(&m, "Subject: x\nReferences:",
	    "\n "
	    "<0123456789012345678901234567890123456789012345678901234567890123456789@"
	    "a>",
	    2 * CACHE_BYTES_MAX);
	struct item item = item_of(buf_as_span(&m));
	assert_false(item.c.has_facts);
	assert_false(item.c.has_fields);
	assert_non_null(item.c.envelope.p);
	buf_free(&item.bytes);
	buf_free(&m);
}

/* Every size around the limit: an item is never larger, and always opens. */
static void
test_limit(void **state)
{
	(void)state;
	for (size_t n = 15000; n < 22000; n += 7) {
		struct buf m = {0};
		fill(&m, "Subject: ", "x", n);
		struct item item = item_of(buf_as_span(&m));
		assert_true(item.bytes.len <= CACHE_BYTES_MAX);
		assert_non_null(item.c.facts.base_subject.p);
		buf_free(&item.bytes);
		buf_free(&m);
	}
}

/* ---- the facts alone ---- */

static void
test_facts_alone(void **state)
{
	struct item item = item_of(span_of(message));
	struct span whole = buf_as_span(&item.bytes);
	struct mime_cache c;
	(void)state;
	assert_int_equal(cache_open_facts(whole, &c), E_OK);
	assert_true(c.has_facts && item.c.has_facts);
	assert_int_equal(c.facts.sent_sec, item.c.facts.sent_sec);
	assert_int_equal(c.facts.sent_day, item.c.facts.sent_day);
	assert_int_equal(c.facts.is_reply, item.c.facts.is_reply);
	assert_true(span_eq(c.facts.base_subject, item.c.facts.base_subject));
	assert_true(span_eq(c.facts.display_to, item.c.facts.display_to));
	assert_true(span_eq(c.facts.references, item.c.facts.references));
	assert_null(c.envelope.p);
	assert_false(c.has_fields);
	/* their end is where signatures begin */
	size_t n = (size_t)(item.c.search.heads.p - 2 - whole.p);
	assert_int_equal(cache_open_facts(span_head(whole, n), &c), E_OK);
	while (n--)
		assert_int_equal(cache_open_facts(span_head(whole, n), &c), E_BAD);
	buf_free(&item.bytes);
}

/* ---- damage ---- */

static void
test_damage(void **state)
{
	struct item item = item_of(span_of(message));
	struct mime_cache c;
	struct span whole = buf_as_span(&item.bytes);
	(void)state;
	for (size_t n = 0; n < whole.n; n++)
		assert_int_equal(cache_open(span_head(whole, n), &c), E_BAD);
	buf_ch(&item.bytes, 'x');
	assert_int_equal(cache_open(buf_as_span(&item.bytes), &c), E_BAD);
	buf_cut(&item.bytes, item.bytes.len - 1);
	item.bytes.p[0]++; /* another version */
	assert_int_equal(cache_open(buf_as_span(&item.bytes), &c), E_BAD);
	item.bytes.p[0]--;
	/* any byte: refused, or all of it inside */
	for (size_t i = 0; i < item.bytes.len; i++) {
		struct buf out = {0};
		item.bytes.p[i] = (char)~item.bytes.p[i];
		if (cache_open(buf_as_span(&item.bytes), &c) == E_OK && c.has_fields) {
			cache_fields(&c, UINT64_MAX, &out);
			assert_int_equal(out.len, c.fields.n + 2);
		}
		item.bytes.p[i] = (char)~item.bytes.p[i];
		buf_free(&out);
	}
	buf_free(&item.bytes);
}

static const char japanese[] =
    "From: anna@x\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$3$l"
    "\x1b(B\r\n";

/* Is the item of this message for keeps? */
static bool
is_for_keeps(const char *text)
{
	struct arena arena = {0};
	struct buf item = {.max = CACHE_BYTES_MAX};
	bool is = cache_make(span_of(text), &arena, &item);
	assert_int_equal(buf_done(&item), E_OK);
	arena_reset(&arena);
	buf_free(&item);
	return is;
}

/* What cannot load the module of a charset makes an item all the same, and says that it is for now. */
static void
test_no_converter(void **state)
{
	static const struct rlimit no_files = {0, 0};
	static const char unknown[] =
	    "Content-Type: text/plain; charset=x-nobody\r\n\r\n\xe9";
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_NOFILE, &no_files);
		_exit(is_for_keeps(japanese) << 2 | is_for_keeps(japanese) << 1 |
		      is_for_keeps(message));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_true(is_for_keeps(japanese));
	/* nobody will ever know it */
	assert_true(is_for_keeps(unknown));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_of_nothing),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_attachments),
	    cmocka_unit_test(test_too_many_recipients),
	    cmocka_unit_test(test_too_many_parts),
	    cmocka_unit_test(test_too_many_references),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_facts_alone),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_no_converter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
