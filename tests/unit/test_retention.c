/* SPDX-License-Identifier: ISC */
/* test_retention.c - rules of retention: what they say, what they fit, what POP3 says of them, and the hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retention_of.h"

enum { DAY = 86400, NOW = 1800000000 };

/* ---- one rule ---- */

static void
test_rules_that_are(void **state)
{
	static const struct {
		const char *text;
		const char *who, *folder, *archive;
		enum retention_action action;
		int64_t older_days, saved_days;
		uint64_t larger;
		bool has_flagged;
	} rows[] = {
	    {"folder=\\Trash saved=30d remove", "", "\\Trash", "", RETENTION_REMOVE, 0,
		30, 0, false},
	    {"  remove \t older=1d  ", "", "", "", RETENTION_REMOVE, 1, 0, 0, false},
	    {"for=a@b.test folder=INBOX keep", "a@b.test", "INBOX", "", RETENTION_KEEP,
		0, 0, 0, false},
	    {"keep larger=1K", "", "", "", RETENTION_KEEP, 0, 0, 1024, false},
	    {"archive='A b/%Y-%m' folder=\"x 'y'\" older=36500d saved=24h flagged "
	     "larger=3",
		"", "x 'y'", "A b/%Y-%m", RETENTION_ARCHIVE, 36500, 1, 3, true},
	    {"archive=\\Archive/100%% older=2d", "", "", "\\Archive/100%%",
		RETENTION_ARCHIVE, 2, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retention_rule r;
		const char *wrong;
		assert_int_equal(
		    retention_rule_parse(span_of(rows[i].text), &r, &wrong), E_OK);
		assert_true(span_eqs(r.who, rows[i].who));
		assert_true(span_eqs(r.folder, rows[i].folder));
		assert_true(span_eqs(r.archive, rows[i].archive));
		assert_int_equal(r.action, rows[i].action);
		assert_int_equal(r.older_sec, rows[i].older_days * DAY);
		assert_int_equal(r.saved_sec, rows[i].saved_days * DAY);
		assert_int_equal(r.larger_bytes, rows[i].larger);
		assert_int_equal(r.has_flagged, rows[i].has_flagged);
	}
}

static void
test_rules_that_are_none(void **state)
{
	static const struct {
		const char *text, *wrong;
	} rows[] = {
	    {"", "one of keep"},
	    {"older=30d", "one of keep"},
	    {"remove", "older= or saved="},
	    {"remove larger=1M", "older= or saved="},
	    {"archive=Past larger=1M", "older= or saved="},
	    {"older=30d remove keep", "one of keep"},
	    {"older=30d remove archive=a", "one of keep"},
	    {"older=30d remove remove", "one of keep"},
	    {"older=23h remove", "from 1d"},
	    {"older=36501d remove", "to 36500d"},
	    {"older=30d older=31d remove", "once"},
	    {"older= remove", "from 1d"},
	    {"older remove", "for=, folder="},
	    {"older=30d =x remove", "for=, folder="},
	    {"older=30d remove=yes", "for=, folder="},
	    {"Older=30d remove", "for=, folder="},
	    {"larger=0 older=30d remove", "size"},
	    {"folder= older=30d remove", "folder="},
	    {"folder=\\Bin older=30d remove", "special use"},
	    {"folder=\\Sent folder=a older=30d remove", "once"},
	    {"folder='a older=30d remove", "quote"},
	    {"folder='a'b older=30d remove", "quote"},
	    {"folder=\xff older=30d remove", "folder="},
	    {"for= older=30d remove", "for="},
	    {"for=@b.test keep", "for="},
	    {"for=a@ keep", "for="},
	    {"for=*.b.test keep", "for="},
	    {"for=b.tes? keep", "for="},
	    {"older=30d flagged flagged remove", "once"},
	    {"older=30d archive=", "archive="},
	    {"older=30d archive=/a", "archive="},
	    {"older=30d archive=a/", "archive="},
	    {"older=30d archive=a//b", "archive="},
	    {"older=30d archive=a%", "archive="},
	    {"older=30d archive=a%d", "archive="},
	    {"older=30d archive=a*", "archive="},
	    {"older=30d archive=\\Bin/a", "archive="},
	    {"older=30d archive=inbox", "archive="},
	    {"older=30d archive=a/../b", "archive="},
	    {"older=30d archive=./b", "archive="},
	    {"older=30d "
	     "archive=1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/"
	     "3",
		"archive="},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retention_rule r;
		const char *wrong = "";
		assert_int_equal(
		    retention_rule_parse(span_of(rows[i].text), &r, &wrong), E_BAD);
		if (!strstr(wrong, rows[i].wrong))
			fail_msg("%s: %s", rows[i].text, wrong);
	}
}

static void
test_whom_it_is_for(void **state)
{
	static const struct {
		const char *text, *address;
		bool is;
	} rows[] = {
	    {"keep", "a@b.test", true},
	    {"for=a@b.test keep", "a@b.test", true},
	    {"for=A@B.test keep", "a@b.test", true},
	    {"for=a@b.test keep", "aa@b.test", false},
	    {"for=*@b.test keep", "a@b.test", true},
	    {"for=*@b.test keep", "a@c.b.test", false},
	    {"for=b.test keep", "a@b.test", true},
	    {"for=B.TEST keep", "a@b.test", true},
	    {"for=b.test keep", "a@c.test", false},
	    {"for=b\xc3\xbc"
	     "cher.test keep",
		"a@xn--bcher-kva.test", true},
	    {"for=A@b\xc3\xbc"
	     "cher.test keep",
		"a@xn--bcher-kva.test", true},
	    {"for=a@xn--bcher-kva.test keep",
		"a@b\xc3\xbc"
		"cher.test",
		true},
	    {"for=*@xn--bcher-kva.test keep",
		"a@b\xc3\xbc"
		"cher.test",
		true},
	    {"for=b@xn--bcher-kva.test keep",
		"a@b\xc3\xbc"
		"cher.test",
		false},
	    {"for=a@*.test keep", "a@b.test", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retention_rule r;
		const char *wrong;
		assert_int_equal(
		    retention_rule_parse(span_of(rows[i].text), &r, &wrong), E_OK);
		if (retention_rule_is_for(&r, span_of(rows[i].address)) != rows[i].is)
			fail_msg("%s, %s", rows[i].text, rows[i].address);
	}
}

static void
test_names_of_archives(void **state)
{
	static const struct {
		const char *archive, *name;
	} rows[] = {{"Past", "Past"}, {"\\Archive/%Y/%m", "\\Archive/2026/07"},
	    {"%Y%%%m", "2026%07"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retention_rule r = {.archive = span_of(rows[i].archive)};
		struct buf b = {0};
		retention_archive_put(&r, 2026, 7, &b);
		assert_string_equal(buf_cstr(&b), rows[i].name);
		buf_free(&b);
	}
}

/* ---- those of an account ---- */

static void
test_folders(void **state)
{
	static const struct {
		const char *folder, *name, *use;
		bool is;
	} rows[] = {
	    {"", "Anything", "", true},
	    {"folder=inbox", "INBOX", "", true},
	    {"folder=Lists/%", "Lists/a", "", true},
	    {"folder=Lists/%", "Lists/a/b", "", false},
	    {"folder=Lists/*", "Lists/a/b", "", true},
	    {"folder=Lists*", "Lists", "", true},
	    {"folder=lists", "Lists", "", false},
	    {"folder=\\\\trash", "Bin", "\\Trash", true},
	    {"folder=\\\\Trash", "Trash", "", false},
	    {"folder=\\\\Trash", "Trash", "\\Junk", false},
	    {"folder=\\\\Trash", "INBOX", "\\Trash", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = {0};
		buf_putf(&text, "\"%s keep\"", rows[i].folder);
		struct retention_of o = retention_of(buf_cstr(&text), "a@b.test");
		const struct retention *r = o.rules;
		if (retention_folder(r, 0, span_of(rows[i].name),
			span_of(rows[i].use)) != rows[i].is)
			fail_msg("%s, %s", rows[i].folder, rows[i].name);
		retention_of_free(&o);
		buf_free(&text);
	}
}

static void
test_messages(void **state)
{
	static const struct {
		const char *rule;
		struct retention_message m;
		bool fits;
	} rows[] = {
	    {"older=2d remove", {NOW - 2 * DAY, NOW, 9, false}, true},
	    {"older=2d remove", {NOW - 2 * DAY + 1, 0, 9, false}, false},
	    {"older=2d remove", {NOW + 5 * DAY, 0, 9, false}, false},
	    {"older=2d remove", {0, NOW, 9, true}, false},
	    {"older=2d flagged remove", {0, NOW, 9, true}, true},
	    {"older=2d keep", {0, NOW, 9, true}, true},
	    {"saved=2d remove", {NOW, NOW - 2 * DAY, 9, false}, true},
	    {"saved=2d remove", {0, NOW, 9, false}, false},
	    {"saved=2d older=3d remove", {NOW - 2 * DAY, 0, 9, false}, false},
	    {"older=2d larger=9 remove", {0, 0, 9, false}, false},
	    {"older=2d larger=9 remove", {0, 0, 10, false}, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = {0};
		buf_putf(&text, "\"%s\"", rows[i].rule);
		struct retention_of o = retention_of(buf_cstr(&text), "a@b.test");
		const struct retention *r = o.rules;
		if (retention_fits(r, 0, &rows[i].m, NOW) != rows[i].fits)
			fail_msg("row %zu: %s", i, rows[i].rule);
		retention_of_free(&o);
		buf_free(&text);
	}
}

static void
test_expire(void **state)
{
	static const struct {
		const char *rules;
		int32_t days;
	} rows[] = {
	    {"", RETENTION_NEVER},
	    {"\"folder=Trash older=1d remove\"", RETENTION_NEVER},
	    {"\"older=30d remove\"", 30},
	    {"\"folder=INBOX older=47h remove\"", 1},
	    {"\"folder=I% older=30d saved=40d archive=a\"", 40},
	    {"\"older=30d remove\", \"older=10d larger=1M flagged archive=a\"", 10},
	    {"\"older=10d keep\", \"older=30d remove\"", 30},
	    {"\"folder=INBOX keep\", \"older=30d remove\"", RETENTION_NEVER},
	    {"\"older=30d remove\", \"folder=INBOX keep\", \"older=3d remove\"", 30},
	    {"\"for=x@b.test older=1d remove\", \"for=b.test older=2d remove\"", 2},
	    {"\"folder=\\\\Junk older=1d remove\"", RETENTION_NEVER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct retention_of o = retention_of(rows[i].rules, "a@b.test");
		const struct retention *r = o.rules;
		if (retention_expire_days(r) != rows[i].days)
			fail_msg(
			    "%s: %d", rows[i].rules, (int)retention_expire_days(r));
		retention_of_free(&o);
	}
}

/* ---- of the table of accounts ---- */

/* "account 1, domain 2, ..." */
static void
own_check(const char *site, const char *of_account, const char *of_domain,
    const char *want, int32_t days)
{
	struct retention_of o = retention_of(site, "a@b.test");
	struct retention *r =
	    retention_new(o.conf, &(struct retention_own){SPAN("a@b.test"),
				      span_of(of_account), span_of(of_domain)});
	struct buf text = {0};
	for (size_t i = 0; i < retention_count(r); i++)
		buf_putf(&text, "%s%s %u: %.*s", i ? ", " : "",
		    retention_from_name(retention_from(r, i)), retention_number(r, i),
		    SPAN_ARG(retention_rule(r, i)->text));
	assert_string_equal(buf_cstr(&text), want);
	assert_int_equal(retention_expire_days(r), days);
	assert_true(span_eqs(retention_address(r), "a@b.test"));
	buf_free(&text);
	retention_free(&r);
	retention_of_free(&o);
}

static void
test_own(void **state)
{
	(void)state;
	own_check("", "", "", "", RETENTION_NEVER);
	own_check("\"older=9d remove\"", "keep\n", "older=2d remove\n",
	    "account 1: keep, domain 1: older=2d remove, site 1: older=9d remove",
	    RETENTION_NEVER);
	own_check("\"older=9d remove\"", "", "folder=Trash older=2d remove\nkeep\n",
	    "domain 1: folder=Trash older=2d remove, domain 2: keep, site 1: older=9d "
	    "remove",
	    RETENTION_NEVER);
	own_check("\"for=c@b.test keep\", \"older=9d remove\"", "older=30d remove\n",
	    "", "account 1: older=30d remove, site 2: older=9d remove", 9);
	/* without a line feed it is one, too */
	own_check("", "older=4d remove\nolder=3d remove", "",
	    "account 1: older=4d remove, account 2: older=3d remove", 3);
}

/* What is no rule to us keeps all, whatever comes behind it. */
static void
test_unknown(void **state)
{
	static const char *const none[] = {"nonsense", "", "for=b.test keep",
	    "older=1h remove", "folder=Trash unread keep", "older=9d remove later"};
	const struct retention_message old = {0, 0, 1 << 30, false};
	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		struct buf own = {0}, want = {0};
		buf_putf(&own, "folder=Trash older=2d remove\n%s\nolder=3d remove\n",
		    none[i]);
		buf_putf(&want,
		    "%s 1: folder=Trash older=2d remove, %s 2: %s, %s 3: older=3d "
		    "remove",
		    "domain", "domain", none[i], "domain");
		own_check("", "", buf_cstr(&own), buf_cstr(&want), RETENTION_NEVER);
		struct retention_of o = retention_of("", "a@b.test");
		struct retention *r =
		    retention_new(o.conf, &(struct retention_own){SPAN("a@b.test"),
					      buf_as_span(&own), SPAN("")});
		assert_false(retention_is_unknown(r, 0));
		assert_true(retention_is_unknown(r, 1));
		assert_false(retention_is_unknown(r, 2));
		assert_int_equal(retention_rule(r, 1)->action, RETENTION_KEEP);
		assert_true(retention_folder(r, 1, SPAN("Trash"), SPAN("\\Trash")));
		assert_true(retention_folder(r, 1, SPAN("INBOX"), SPAN("")));
		assert_true(retention_fits(r, 1, &old, NOW));
		retention_free(&r);
		retention_of_free(&o);
		buf_free(&own);
		buf_free(&want);
	}
}

static void
test_own_texts(void **state)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {{"keep", E_OK}, {"folder='a b' older=1d remove", E_OK},
	    {"for=b.test keep", E_BAD}, {"keep for=*@b.test", E_BAD},
	    {"older=1d\nremove", E_BAD}, {"older=1d\tremove", E_BAD}, {"", E_BAD},
	    {"remove", E_BAD}, {"older=1h remove", E_BAD}};

	struct retention_rule r;
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *wrong = NULL;
		int err = retention_own_parse(span_of(rows[i].text), &r, &wrong);
		if (err != rows[i].err || (err != E_OK && !wrong))
			fail_msg("%s: %d", rows[i].text, err);
	}
}

static uint64_t
digest_of(const char *rules, const char *address)
{
	struct retention_of o = retention_of(rules, address);
	uint64_t digest = retention_digest(o.rules);
	retention_of_free(&o);
	return digest;
}

static void
test_digest(void **state)
{
	static const char rules[] = "\"for=a@b.test keep\", \"older=2d remove\"";
	(void)state;
	assert_int_equal(digest_of(rules, "a@b.test"), digest_of(rules, "a@b.test"));
	assert_int_not_equal(
	    digest_of(rules, "a@b.test"), digest_of(rules, "c@b.test"));
	assert_int_equal(
	    digest_of("\"older=2d remove\"", "c@b.test"), digest_of(rules, "c@b.test"));
	assert_int_not_equal(digest_of("\"older=2d remove\"", "c@b.test"),
	    digest_of("\"older=3d remove\"", "c@b.test"));
	assert_int_not_equal(digest_of("", "c@b.test"), 0);
}

/* ---- the hour ---- */

static void
test_due(void **state)
{
	static const struct {
		const char *zone;
		int64_t now_sec;
		int hour;
		int64_t due_sec;
	} rows[] = {
	    {"UTC0", 10 * DAY, 0, 10 * DAY},
	    {"UTC0", 10 * DAY - 1, 0, 9 * DAY},
	    {"UTC0", 10 * DAY + 3 * 3600, 3, 10 * DAY + 3 * 3600},
	    {"UTC0", 10 * DAY + 3 * 3600 - 1, 3, 9 * DAY + 3 * 3600},
	    {"UTC0", 10 * DAY + 3 * 3600 + 59, 3, 10 * DAY + 3 * 3600},
	    {"IST-5:30", 10 * DAY, 3, 10 * DAY - 9000},
	    /* 2026-03-29 01:00 UTC: 02:00 becomes 03:00 */
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1774778400, 1, 1774742400},
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1774778400, 3, 1774746000},
	    /* 2026-10-25 01:00 UTC: 03:00 becomes 02:00 */
	    {"CET-1CEST,M3.5.0,M10.5.0/3", 1792926000, 1, 1792882800},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		setenv("TZ", rows[i].zone, 1);
		tzset();
		int64_t due = retention_due(rows[i].now_sec, rows[i].hour);
		if (due != rows[i].due_sec)
			fail_msg("row %zu: %lld", i, (long long)due);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules_that_are),
	    cmocka_unit_test(test_rules_that_are_none),
	    cmocka_unit_test(test_whom_it_is_for),
	    cmocka_unit_test(test_names_of_archives), cmocka_unit_test(test_folders),
	    cmocka_unit_test(test_messages), cmocka_unit_test(test_expire),
	    cmocka_unit_test(test_own), cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_own_texts), cmocka_unit_test(test_digest),
	    cmocka_unit_test(test_due)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
