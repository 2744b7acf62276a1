/* SPDX-License-Identifier: ISC */
/* test_move_maildir.c - what Dovecot and Courier write in a Maildir, read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "move/courier.h"
#include "store/store.h"

static void
assert_span(struct span s, const char *want)
{
	if (!span_eqs(s, want))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), want);
}

/* ---- names ---- */

static void
test_folders(void **state)
{
	static const struct {
		/* name NULL: bad; back NULL: as directory */
		const char *directory, *name, *back;
	} rows[] = {
	    {".Sent", "Sent", NULL},
	    {".a.b", "a/b", NULL},
	    {".Gel&APY-scht", "Gel\xc3\xb6scht", NULL},
	    {".Gel\xc3\xb6scht", "Gel\xc3\xb6scht", ".Gel&APY-scht"},
	    /* no UTF-7: a server that writes UTF-8 wrote it */
	    {".R&D", "R&D", ".R&-D"},
	    {".R&-D", "R&D", NULL},
	    {".a\\2eb.c", "a.b/c", NULL},
	    {".a\\zz", "a\\zz", NULL},
	    {".a\\5c2eb", "a\\2eb", NULL},
	    /* "/" needs no UTF-7, so it is none */
	    {".a&AC8-b", "a&AC8-b", ".a&-AC8-b"},
	    {".a\\2fb", "a_b", ".a_b"},
	    {"Sent", NULL, NULL},
	    {".", NULL, NULL},
	    {"..", NULL, NULL},
	    {".a.", NULL, NULL},
	    {".a..b", NULL, NULL},
	    {"..a", NULL, NULL},
	    {".\xff", NULL, NULL},
	    {"", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0}, back = {0};
		buf_str(&out, "<");
		int err = maildir_folder_name(span_of(rows[i].directory), &out);
		if (err != (rows[i].name ? E_OK : E_BAD))
			fail_msg("%s: %s", rows[i].directory, err_name(err));
		assert_span(
		    span_from(buf_as_span(&out), 1), rows[i].name ? rows[i].name : "");
		if (rows[i].name) {
			assert_int_equal(
			    maildir_folder_directory(span_of(rows[i].name), &back),
			    E_OK);
			assert_span(buf_as_span(&back),
			    rows[i].back ? rows[i].back : rows[i].directory);
		}
		buf_free(&out);
		buf_free(&back);
	}
}

static void
test_inbox(void **state)
{
	struct buf out = {0};
	(void)state;
	assert_int_equal(maildir_folder_directory(SPAN("INBOX"), &out), E_OK);
	assert_int_equal(out.len, 0);
	assert_int_equal(maildir_folder_directory(SPAN("INBOX/a"), &out), E_OK);
	assert_span(buf_as_span(&out), ".INBOX.a");
	buf_reset(&out);
	assert_int_equal(maildir_folder_directory(SPAN("\xff"), &out), E_BAD);
	buf_free(&out);
}

static void
test_files(void **state)
{
	static const struct {
		const char *name, *base, *key; /* base NULL: bad */
		uint32_t flags;
		bool is_forwarded;
		uint32_t letters;
		int64_t date_sec;
	} rows[] = {
	    {"1275660208.M1P2.host,S=10,W=11:2,FSab", "1275660208.M1P2.host,S=10,W=11",
		"1275660208.M1P2.host", FLAG_FLAGGED | FLAG_SEEN, false, 3, 1275660208},
	    {"1275660208.M1P2.host", "1275660208.M1P2.host", "1275660208.M1P2.host", 0,
		false, 0, 1275660208},
	    {"x:2,", "x", "x", 0, false, 0, 0},
	    {"x:2,DPRTz", "x", "x", FLAG_DRAFT | FLAG_ANSWERED | FLAG_DELETED, true,
		1u << 25, 0},
	    /* behind another comma it is somebody else's */
	    {"x:2,S,a", "x", "x", FLAG_SEEN, false, 0, 0},
	    {"x:1,S", "x", "x", 0, false, 0, 0}, /* experimental semantics */
	    {"99999999999999999999.a", "99999999999999999999.a",
		"99999999999999999999.a", 0, false, 0, 0},
	    {".hidden", NULL, NULL, 0, false, 0, 0},
	    {":2,S", NULL, NULL, 0, false, 0, 0},
	    {",S=1:2,S", NULL, NULL, 0, false, 0, 0},
	    {"", NULL, NULL, 0, false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maildir_file f;
		int err = maildir_file_parse(span_of(rows[i].name), &f);
		if (err != (rows[i].base ? E_OK : E_BAD))
			fail_msg("%s: %s", rows[i].name, err_name(err));
		if (err != E_OK)
			continue;
		assert_span(f.base, rows[i].base);
		assert_span(f.key, rows[i].key);
		assert_int_equal(f.flags, rows[i].flags);
		assert_int_equal(f.is_forwarded, rows[i].is_forwarded);
		assert_int_equal(f.letters, rows[i].letters);
		assert_int_equal(f.date_sec, rows[i].date_sec);
	}
}

static void
test_info(void **state)
{
	struct buf b = {0};
	struct maildir_file f;
	(void)state;
	buf_str(&b, "x");
	maildir_info_put(&b,
	    (FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT),
	    true, 1u << 25 | 1);
	assert_span(buf_as_span(&b), "x:2,DFPRSTaz");
	assert_int_equal(maildir_file_parse(buf_as_span(&b), &f), E_OK);
	assert_int_equal(f.flags,
	    (FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT));
	assert_int_equal(f.letters, 1u << 25 | 1);
	buf_free(&b);
}

/* ---- Dovecot ---- */

static void
test_uidlist(void **state)
{
	static const char text[] =
	    "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
	    "25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
	    "25017 W2481 P0000001.uidl :1276533073.M242911P3632.kurkku:2,F\n"
	    "oops\n"
	    "0 :zero\n"
	    "25018 :\n"
	    "25021 O5 G0123 :a b:2,S\n"
	    "25022 :torn";
	struct uidlist l;
	struct uidlist_row r;
	(void)state;
	assert_int_equal(uidlist_open(SPAN(text), &l), E_OK);
	assert_int_equal(l.version, 3);
	assert_int_equal(l.uidvalidity, 1275660208);
	assert_int_equal(l.uidnext, 25022);
	assert_true(uidlist_next(&l, &r));
	assert_int_equal(r.uid, 25006);
	assert_span(r.base, "1276528487.M364837P9451.kurkku,S=1355,W=1394");
	assert_span(r.uidl, "");
	assert_true(uidlist_next(&l, &r));
	assert_int_equal(r.uid, 25017);
	assert_span(r.base, "1276533073.M242911P3632.kurkku");
	assert_span(r.uidl, "0000001.uidl");
	assert_true(uidlist_next(&l, &r));
	assert_int_equal(r.uid, 25021);
	assert_span(r.base, "a b");
	assert_false(uidlist_next(&l, &r));
	assert_int_equal(l.n_wrong, 4);
}

static void
test_uidlist_1(void **state)
{
	static const char text[] =
	    "1 1275660208 7\n3 1276528487.M1P1.a:2,\n6 1276528488.M1P1.a\n";
	struct uidlist l;
	struct uidlist_row r;
	(void)state;
	assert_int_equal(uidlist_open(SPAN(text), &l), E_OK);
	assert_int_equal(l.uidvalidity, 1275660208);
	assert_int_equal(l.uidnext, 7);
	assert_true(uidlist_next(&l, &r) && r.uid == 3);
	assert_span(r.base, "1276528487.M1P1.a");
	assert_true(uidlist_next(&l, &r) && r.uid == 6);
	assert_false(uidlist_next(&l, &r));
	assert_int_equal(l.n_wrong, 0);
}

static void
test_uidlist_bad(void **state)
{
	static const char *const bad[] = {"", "\n", "2 V1 N1\n", "3\n", "3 N5\n",
	    "3 V0 N5\n", "3 V99999999999 N1\n", "1 0 1\n", "1 x 1\n", "hello"};
	struct uidlist l;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (uidlist_open(span_of(bad[i]), &l) != E_BAD)
			fail_msg("%s", bad[i]);
}

static void
test_uidlist_back(void **state)
{
	static const unsigned char guid[16] = {0x30, 0x85};
	struct buf b = {0};
	struct uidlist l;
	struct uidlist_row r = {.uid = 5, .base = SPAN("1.a,S=3"), .uidl = SPAN("u1")};
	(void)state;
	uidlist_head_put(&b, 77, 6, guid);
	uidlist_row_put(&b, &r);
	r.uidl = SPAN("");
	uidlist_row_put(&b, &r);
	assert_span(buf_as_span(&b),
	    "3 V77 N6 G30850000000000000000000000000000\n5 Pu1 :1.a,S=3\n5 :1.a,S=3\n");
	assert_int_equal(uidlist_open(buf_as_span(&b), &l), E_OK);
	assert_true(uidlist_next(&l, &r));
	assert_span(r.uidl, "u1");
	assert_span(r.base, "1.a,S=3");
	buf_free(&b);
}

static void
test_keywords(void **state)
{
	struct span text =
			SPAN("0 $Forwarded\n1 NonJunk\n26 TooMany\nx y\n3 \n25 Last\n"),
		    name;
	struct buf b = {0};
	unsigned letter;
	(void)state;
	assert_true(keywords_next(&text, &letter, &name) && letter == 0);
	assert_span(name, "$Forwarded");
	assert_true(keywords_next(&text, &letter, &name) && letter == 1);
	assert_true(keywords_next(&text, &letter, &name) && letter == 25);
	assert_span(name, "Last");
	assert_false(keywords_next(&text, &letter, &name));
	keywords_put(&b, 2, SPAN("$Junk"));
	assert_span(buf_as_span(&b), "2 $Junk\n");
	buf_free(&b);
}

static void
test_subscriptions(void **state)
{
	struct span one = SPAN("INBOX\nSent\nb.Gel&APY-scht\n\n.x\n"),
		    two = SPAN("V\t2\n\nINBOX\na.b\nb\tGel&APY-scht\n");
	unsigned v1 = 0, v2 = 0;
	struct buf out = {0};
	(void)state;
	assert_true(subscriptions_next(&one, &v1, &out));
	assert_span(buf_as_span(&out), "INBOX");
	assert_true(subscriptions_next(&one, &v1, &out));
	assert_true(subscriptions_next(&one, &v1, &out));
	assert_span(buf_as_span(&out), "b/Gel\xc3\xb6scht");
	assert_false(subscriptions_next(&one, &v1, &out));
	assert_true(subscriptions_next(&two, &v2, &out));
	assert_true(subscriptions_next(&two, &v2, &out));
	assert_span(buf_as_span(&out), "a.b");
	assert_true(subscriptions_next(&two, &v2, &out));
	assert_span(buf_as_span(&out), "b/Gel\xc3\xb6scht");
	assert_false(subscriptions_next(&two, &v2, &out));
	buf_reset(&out);
	subscriptions_head_put(&out);
	assert_int_equal(subscriptions_put(&out, SPAN("b/Gel\xc3\xb6scht")), E_OK);
	assert_int_equal(subscriptions_put(&out, SPAN("b/\xff")), E_BAD);
	assert_span(buf_as_span(&out), "V\t2\n\nb\tGel&APY-scht\n");
	buf_free(&out);
}

static void
test_uidl_format(void **state)
{
	static const struct {
		const char *format, *uidl;
		int err;
	} rows[] = {
	    {"%08Xu%08Xv", "0000000a4c093f30", E_OK},
	    {"%u.%v", "10.1275674416", E_OK},
	    {"UID%u-%v", "UID10-1275674416", E_OK},
	    {"%v.%Xu", "1275674416.a", E_OK},
	    {"%f", "12.a,S=1", E_OK},
	    {"%%%u", "%10", E_OK},
	    {"%1u", "1", E_OK}, /* without "0" a width cuts */
	    {"%01u", "10", E_OK},
	    {"%v", NULL, E_BAD}, /* the same for all messages */
	    {"", NULL, E_BAD},
	    {"%u%", NULL, E_BAD},
	    {"%08", NULL, E_BAD},
	    {"%u%q", NULL, E_BAD},
	    {"%u %v", NULL, E_LIMIT}, /* a blank */
	    {"%099u", NULL, E_BAD},
	    {"%040u%040u", NULL, E_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};
		buf_str(&out, "< "); /* what stands there already is not looked at */
		int err = uidl_format(
		    span_of(rows[i].format), 10, 1275674416, SPAN("12.a,S=1"), &out);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].format, err_name(err));
		if (err == E_OK)
			assert_span(span_from(buf_as_span(&out), 2), rows[i].uidl);
		buf_free(&out);
	}
}

/* ---- Courier ---- */

static void
test_courier_uids(void **state)
{
	struct uidlist l;
	struct uidlist_row r;
	(void)state;
	assert_int_equal(
	    courier_uids_open(
		SPAN("1 1034567890 45\n12 103.M1.a\n44 104.M1.a,S=5\n"), &l),
	    E_OK);
	assert_int_equal(l.uidvalidity, 1034567890);
	assert_int_equal(l.uidnext, 45);
	assert_true(uidlist_next(&l, &r) && r.uid == 12);
	assert_span(r.base, "103.M1.a");
	assert_true(uidlist_next(&l, &r) && r.uid == 44);
	assert_false(uidlist_next(&l, &r));
	assert_int_equal(courier_uids_open(SPAN("3 V1 N2\n"), &l), E_BAD);
}

static void
test_courier_keywords(void **state)
{
	struct courier_keywords k;
	struct span base;
	uint64_t bits;
	(void)state;
	courier_keywords_open(SPAN("$Forwarded\nNonJunk\n\n103.M1.a:0 "
				   "1\n104.M1.a:1\n105.M1.a:7\nnothing\n"),
	    &k);
	assert_int_equal(k.n, 2);
	assert_span(k.names[1], "NonJunk");
	assert_true(courier_keywords_next(&k, &base, &bits));
	assert_span(base, "103.M1.a");
	assert_int_equal(bits, 3);
	assert_true(courier_keywords_next(&k, &base, &bits));
	assert_span(base, "104.M1.a");
	assert_int_equal(bits, 2);
	assert_false(courier_keywords_next(&k, &base, &bits));
}

static void
test_courier_subscriptions(void **state)
{
	struct span text = SPAN("INBOX\nINBOX.Sent\nshared.x\nINBOX.\nINBOX.a.b\n");
	struct buf out = {0};
	(void)state;
	assert_true(courier_subscriptions_next(&text, &out));
	assert_span(buf_as_span(&out), "INBOX");
	assert_true(courier_subscriptions_next(&text, &out));
	assert_span(buf_as_span(&out), "Sent");
	assert_true(courier_subscriptions_next(&text, &out));
	assert_span(buf_as_span(&out), "a/b");
	assert_false(courier_subscriptions_next(&text, &out));
	buf_free(&out);
}

static void
test_courier_uidls(void **state)
{
	struct span text = SPAN("/3 45 1034567890\n103.M1.a,S=1:2,S 123 "
				"7:1034567890:0\n104.M1.a 5 0:0\n105.M1.a 5 8:0:1\n"
				"wrong\nx 5\n106+a 5 0:1\n"),
		    base;
	struct buf out = {0};
	(void)state;
	assert_int_equal(courier_uidls_open(&text), E_OK);
	assert_true(courier_uidls_next(&text, &base, &out));
	assert_span(base, "103.M1.a,S=1");
	assert_span(buf_as_span(&out), "UID7-1034567890");
	assert_true(courier_uidls_next(&text, &base, &out));
	assert_span(buf_as_span(&out), "104.M1.a");
	assert_true(courier_uidls_next(&text, &base, &out));
	assert_span(buf_as_span(&out), "UID8");
	assert_true(courier_uidls_next(&text, &base, &out));
	assert_span(buf_as_span(&out), "106+2Ba");
	assert_false(courier_uidls_next(&text, &base, &out));
	text = SPAN("/1 45\n");
	assert_int_equal(courier_uidls_open(&text), E_BAD);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_inbox),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_info),
	    cmocka_unit_test(test_uidlist),
	    cmocka_unit_test(test_uidlist_1),
	    cmocka_unit_test(test_uidlist_bad),
	    cmocka_unit_test(test_uidlist_back),
	    cmocka_unit_test(test_keywords),
	    cmocka_unit_test(test_subscriptions),
	    cmocka_unit_test(test_uidl_format),
	    cmocka_unit_test(test_courier_uids),
	    cmocka_unit_test(test_courier_keywords),
	    cmocka_unit_test(test_courier_subscriptions),
	    cmocka_unit_test(test_courier_uidls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
