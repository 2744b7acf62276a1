/* SPDX-License-Identifier: ISC */
/* test_imap_url.c - IMAP URLs, the examples of RFC 5092, 4467 and 4469 among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mime/imap_url.h"

#define TOKEN "91354a473744909de610943775f92038"

/* clang-format off */
static const struct {
	const char *text, *told;
} rows[] = {
	/* host user auth | mailbox validity uid section from+octets ? | access user expire mechanism */
	{"imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
	    "minbari.example.org,, gray-council 385759045 20 - 0+1024"},
	{"imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97",
	    "psicorp.example.org,, ~peter/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe5\x8f\xb0\xe5\x8c\x97 0 0 -"},
	{"imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2",
	    "minbari.example.org,,GSSAPI gray-council 0 20 1.2"},
	{"imap://;AUTH=*@minbari.example.org/gray%20council?SUBJECT%20shadows",
	    "minbari.example.org,,* gray council 0 0 - ?"},
	{"imap://john;AUTH=*@minbari.example.org/babylon5/personel?charset%20UTF-8%20SUBJECT%20%7B14+%7D%0D%0A",
	    "minbari.example.org,john,* babylon5/personel 0 0 - ?"},
	{"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:" TOKEN,
	    "example.com,joe, INBOX 0 20 1.2 |1 fred  internal"},
	{"imap://owner@minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024;EXPIRE=2005-12-19T16:39:57-08:00;URLAUTH=anonymous",
	    "minbari.example.org,owner, gray-council 385759045 20 - 0+1024 |4  2005-12-19T16:39:57-08:00 "},
	{"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", ",, Drafts 385759045 20 HEADER"},
	{"/INBOX;UIDVALIDITY=785799047/;UID=113330/;section=1.5.9", ",, INBOX 785799047 113330 1.5.9"},
	{"/INBOX/;UID=7/;SECTION=HEADER.FIELDS%20(DATE%20FROM)", ",, INBOX 0 7 HEADER.FIELDS (DATE FROM)"},
	{";UID=20", ",,  0 20 -"},
	{";UID=20/;SECTION=1.MIME/;PARTIAL=3", ",,  0 20 1.MIME 3+0"},
	{"/a%2fb%3B/;UID=1", ",, a/b; 0 1 -"},
	{"imap://example.org", "example.org,,  0 0 -"},
	{"imap://a%40b@[::1]:143/x/;UID=4294967295", "[::1]:143,a@b, x 0 4294967295 -"},
	{"//h/INBOX/;UID=1", "h,, INBOX 0 1 -"},
	{"", ",,  0 0 -"},
	/* not URLs of this kind */
	{"http://example.org/", NULL}, {"imap:/INBOX", NULL}, {"imap:///INBOX", NULL},
	{"/INBOX/;UID=0", NULL}, {"/INBOX/;UID=4294967296", NULL}, {"/INBOX/;UID=", NULL},
	{"/INBOX;UID=1", NULL}, {"/INBOX/;UIDVALIDITY=1/;UID=2", NULL}, {"/INBOX/;UID=2;UIDVALIDITY=1", NULL},
	{"/INBOX/;SECTION=1", NULL}, {"/INBOX/;UID=1/;SECTION=", NULL}, {"/INBOX/;UID=1/;UID=1", NULL},
	{"/INBOX/;UID=1/;PARTIAL=1.0", NULL}, {"/INBOX/;UID=1/;PARTIAL=.5", NULL}, {"/INBOX/;UID=1/;PARTIAL=1.", NULL},
	{"/%00/;UID=1", NULL}, {"/%4/;UID=1", NULL}, {"/%zz/;UID=1", NULL}, {"/a b/;UID=1", NULL}, {"/[/;UID=1", NULL},
	{"/INBOX/;UID=1;URLAUTH=root", NULL}, {"/INBOX/;UID=1;URLAUTH=submit+", NULL}, {"/INBOX;URLAUTH=anonymous", NULL},
	{"/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL", NULL}, {"/INBOX/;UID=1;URLAUTH=anonymous:INTERNAL:xyz", NULL},
	{"/INBOX/;UID=1;URLAUTH=anonymous;EXPIRE=2005", NULL}, {"/INBOX/;UID=1;FOO=1", NULL}, {"/INBOX;", NULL},
	{"imap://a;b@h/", NULL}, {"/;UID=1", NULL}, {"/INBOX/;UID=1?ALL", NULL},
};

/* clang-format on */

static void
tell(const struct imap_url *u, struct buf *out)
{
	buf_reset(out);
	buf_putf(out, "%.*s,%.*s,%.*s %.*s %u %u %.*s", SPAN_ARG(u->host),
	    SPAN_ARG(u->user), SPAN_ARG(u->auth), SPAN_ARG(u->mailbox), u->uidvalidity,
	    u->uid, SPAN_ARG(u->section.n ? u->section : SPAN("-")));
	if (u->has_partial)
		buf_putf(out, " %llu+%llu", (unsigned long long)u->from,
		    (unsigned long long)u->octets);
	if (u->has_search)
		buf_str(out, " ?");
	if (u->access)
		buf_putf(out, " |%d %.*s %.*s %.*s", (int)u->access,
		    SPAN_ARG(u->access_user), SPAN_ARG(u->expire),
		    SPAN_ARG(u->mechanism));
}

static void
test_rows(void **st)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct buf told = {0};
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_url u;
		int err = imap_url_parse(span_of(rows[i].text), &arena, &u);
		if (err != (rows[i].told ? E_OK : E_BAD))
			fail_msg("%s: %d", rows[i].text, err);
		if (err != E_OK)
			continue;
		tell(&u, &told);
		assert_string_equal(buf_cstr(&told), rows[i].told);
	}
	buf_free(&told);
	arena_reset(&arena);
}

static void
test_verifier(void **st)
{
	static const char rump[] = "/INBOX/;UID=1;URLAUTH=user+fred";
	struct arena arena = {.max_bytes = 1 << 20};
	struct buf text = {0};
	struct imap_url u;
	(void)st;
	buf_putf(&text, "%s:INTERNAL:%s", rump, TOKEN);
	assert_int_equal(imap_url_parse(buf_as_span(&text), &arena, &u), E_OK);
	assert_true(span_eqs(u.rump, rump));
	assert_true(span_eqs(u.token, TOKEN));
	assert_int_equal(imap_url_parse(span_of(rump), &arena, &u), E_OK);
	assert_true(span_eqs(u.rump, rump));
	assert_int_equal(u.token.n, 0);
	while (text.len <= IMAP_URL_MAX)
		buf_ch(&text, 'a');
	assert_int_equal(imap_url_parse(buf_as_span(&text), &arena, &u), E_LIMIT);
	buf_free(&text);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows), cmocka_unit_test(test_verifier)};
	return cmocka_run_group_tests_name("imap_url", tests, NULL, NULL);
}
