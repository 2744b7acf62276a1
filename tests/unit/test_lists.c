/* SPDX-License-Identifier: ISC */
/* test_lists.c - allow and deny: lines, files, and which of several rows counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/conf.h"
#include "scratch.h"
#include "smtpd/policy/lists.h"

/* ---- lines ---- */

/* clang-format off */
static const struct {
	const char *line, *said; /* NULL: not one */
} lines[] = {
	{"allow client=192.0.2.0/24",             "allow client 192.0.2.0/24"},
	{"deny client=2001:db8::1",               "deny client 2001:db8::1"},
	{" deny  helo=mx.example.com  go  away ", "deny helo mx.example.com (go  away)"},
	{"deny helo=*.example.com",               "deny helo below example.com"},
	{"allow sender=a@example.com",            "allow sender a@example.com"},
	{"deny sender=*@example.com",             "deny sender domain example.com"},
	{"deny sender=*@*.example.com",           "deny sender domain below example.com"},
	{"deny sender=<>",                        "deny sender "},
	{"deny sender=\"a@b\"@example.com",       "deny sender \"a@b\"@example.com"},
	{"allow sender=a@example.com text",       NULL},
	{"deny client=192.0.2.0/33",              NULL},
	{"deny client=example.com",               NULL},
	{"deny client=*",                         NULL},
	{"deny helo=*",                           NULL},
	{"deny helo=a.*.example.com",             NULL},
	{"deny helo=",                            NULL},
	{"deny sender=example.com",               NULL},
	{"deny sender=@example.com",              NULL},
	{"deny sender=a@",                        NULL},
	{"deny sender=*@",                        NULL},
	{"deny sender=a@*.example.com",           NULL},
	{"deny rcpt=a@example.com",               NULL},
	{"refuse client=192.0.2.1",               NULL},
	{"deny",                                  NULL},
	{"deny helo=x a\tb",                      NULL},
	{"deny helo=x \xC3\xBC",                  NULL},
	{"",                                      NULL},
};

/* clang-format on */

static void
say_row(const struct access_row *r, struct buf *out)
{
	static const char *const whats[] = {"client", "helo", "sender"};
	buf_putf(out, "%s %s %s%s%.*s", r->is_deny ? "deny" : "allow", whats[r->what],
	    r->is_domain ? "domain " : "", r->is_below ? "below " : "",
	    SPAN_ARG(r->pattern));
	if (r->text.n)
		buf_putf(out, " (%.*s)", SPAN_ARG(r->text));
}

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct access_row r;
		struct buf out = {0};
		bool is_good = check_access(lines[i].line) == NULL;
		if (is_good != (lines[i].said != NULL))
			fail_msg("%s: %d", lines[i].line, is_good);
		if (!is_good)
			continue;
		assert_int_equal(access_parse(span_of(lines[i].line), &r), E_OK);
		say_row(&r, &out);
		assert_string_equal(buf_cstr(&out), lines[i].said);
		buf_free(&out);
	}
}

/* ---- tables ---- */

static char dir[64];
static struct conf *conf;

static void
write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
set_up(const char *settings, const char *file)
{
	char text[1024], path[128];
	struct buf errors = {0};
	strcpy(dir, "/tmp/merpati-test-lists.XXXXXX");
	assert_non_null(mkdtemp(dir));
	if (file)
		write_file("access", file);
	snprintf(text, sizeof text,
	    "version = 1\nsmtpd {\n\taccess_file = \"%s/access\"\n\t%s\n}\n", dir,
	    settings);
	write_file("conf", text);
	snprintf(path, sizeof path, "%s/conf", dir);
	if (conf_load(path, &errors, &conf) != E_OK)
		fail_msg("%s", buf_cstr(&errors));
}

static void
tear_down(void)
{
	lists_free();
	conf_free(&conf);
	scratch_remove(dir);
}

#define FILE_TEXT                                                                      \
	"# ours\r\n"                                                                   \
	"\n"                                                                           \
	"allow client=192.0.2.0/24\n"                                                  \
	"deny client=192.0.2.128/25 not that half\r\n"                                 \
	"allow client=192.0.2.200\n"                                                   \
	"deny client=2001:db8::/32\n"                                                  \
	"allow client=2001:db8:1::/48\n"                                               \
	"deny helo=*.dial.example\n"                                                   \
	"allow helo=good.dial.example\n"                                               \
	"deny helo=bad.example\n"                                                      \
	"deny sender=*@spam.example you were told\n"                                   \
	"allow sender=*@spam.example\n"                                                \
	"allow sender=ceo@spam.example\n"                                              \
	"deny sender=*@*.spam.example\n"                                               \
	"allow sender=*@*.b.spam.example\n"                                            \
	"allow sender=*@friend.example\n"                                              \
	"deny sender=<>\n"                                                             \
	"deny sender=*@b\xC3\xBC"                                                      \
	"cher.example\n"

/* clang-format off */
static const struct {
	const char *client, *helo, *sender, *said;
} judged[] = {
	{"198.51.100.1",  "x.example",        "a@b.example",      ""},
	{"192.0.2.1",     "x.example",        "a@b.example",      " access=allow:client"},
	{"192.0.2.127",   "bad.example",      "a@spam.example",   " access=allow:client"},
	{"192.0.2.128",   "x.example",        "a@friend.example", " access=deny:client"},
	{"192.0.2.200",   "x.example",        "a@b.example",      " access=allow:client"},
	{"2001:db8::1",   "x.example",        "a@b.example",      " access=deny:client"},
	{"2001:db8:1::1", "x.example",        "a@b.example",      " access=allow:client"},
	{"2001:db9::1",   "x.example",        "a@b.example",      ""},
	{"",              "x.example",        "a@b.example",      ""},
	/* HELO */
	{"198.51.100.1",  "a.dial.example",   "a@b.example",      " access=deny:helo"},
	{"198.51.100.1",  "a.b.DIAL.example.", "a@b.example",     " access=deny:helo"},
	{"198.51.100.1",  "dial.example",     "a@b.example",      ""},
	{"198.51.100.1",  "good.dial.example", "a@b.example",     " access=allow:helo"},
	{"198.51.100.1",  "xbad.example",     "a@b.example",      ""},
	{"198.51.100.1",  "[192.0.2.1]",      "a@b.example",      ""},
	/* the sender; a deny of either counts more than an allow */
	{"198.51.100.1",  "x.example",        "A@Spam.Example",   " access=deny:sender"},
	{"198.51.100.1",  "x.example",        "ceo@spam.example", " access=allow:sender"},
	{"198.51.100.1",  "x.example",        "ceo@c.spam.example", " access=deny:sender"},
	{"198.51.100.1",  "x.example",        "a@c.b.spam.example", " access=allow:sender"},
	{"198.51.100.1",  "x.example",        "a@b.spam.example", " access=deny:sender"},
	{"198.51.100.1",  "x.example",        "",                 " access=deny:sender"},
	{"198.51.100.1",  "x.example",        NULL,               ""},
	{"198.51.100.1",  "x.example",        "a@xn--bcher-kva.example", " access=deny:sender"},
	{"198.51.100.1",  "good.dial.example", "a@spam.example",  " access=deny:sender"},
	{"198.51.100.1",  "bad.example",      "a@friend.example", " access=deny:helo"},
	{"198.51.100.1",  "good.dial.example", "a@friend.example", " access=allow:helo"},
	/* in the settings, before the file */
	{"203.0.113.9",   "x.example",        "a@b.example",      " access=deny:client"},
};

/* clang-format on */

static void
test_judged(void **state)
{
	(void)state;
	set_up("access = {\"deny client=203.0.113.9\"}", FILE_TEXT);
	assert_true(lists_are_empty());
	lists_load(conf);
	assert_false(lists_are_empty());
	for (size_t i = 0; i < COUNT(judged); i++) {
		struct ip ip = {.n = 0};
		struct lists_said said;
		struct buf out = {0};
		if (*judged[i].client)
			assert_int_equal(
			    ip_parse(span_of(judged[i].client), &ip), E_OK);
		lists_judge(&(struct lists_facts){.client = &ip,
				.helo = span_of(judged[i].helo),
				.sender = span_of(judged[i].sender),
				.has_sender = judged[i].sender != NULL},
		    &said);
		lists_log(&said, &out);
		if (strcmp(buf_cstr(&out), judged[i].said) != 0)
			fail_msg("%s %s %s: %s", judged[i].client, judged[i].helo,
			    judged[i].sender ? judged[i].sender : "-", buf_cstr(&out));
		buf_free(&out);
	}
	tear_down();
}

static void
assert_refusal(const char *client, const char *sender, const char *text)
{
	struct ip ip;
	struct lists_said said;
	struct buf out = {0};
	assert_int_equal(ip_parse(span_of(client), &ip), E_OK);
	struct lists_facts f = {.client = &ip,
	    .helo = SPAN("bad.example"),
	    .sender = span_of(sender),
	    .has_sender = true};
	lists_judge(&f, &said);
	assert_int_equal(said.verdict, LISTS_DENY);
	lists_refusal(&said, &f, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_free(&out);
}

static void
test_refusals(void **state)
{
	(void)state;
	set_up("", FILE_TEXT);
	lists_load(conf);
	assert_refusal("192.0.2.130", "a@b.example", "not that half");
	assert_refusal(
	    "2001:db8::1", "a@b.example", "Mail from 2001:db8::1 is not taken here");
	assert_refusal(
	    "198.51.100.1", "a@b.example", "Mail from bad.example is not taken here");
	tear_down();
	set_up("access = {\"deny sender=*@b.example\", \"deny sender=<>\"}", "");
	lists_load(conf);
	assert_refusal(
	    "198.51.100.1", "a@b.example", "Mail from a@b.example is not taken here");
	assert_refusal("198.51.100.1", "", "Mail from <> is not taken here");
	tear_down();
}

/* What is wrong is told before it is used; what is right is used all the same. */
static void
test_self_test(void **state)
{
	struct buf errors = {0}, expected = {0};
	struct lists_said said;
	struct ip ip;
	(void)state;
	set_up("", "allow client=192.0.2.1\nnonsense\n\ndeny client=192.0.2\n");
	assert_int_equal(lists_self_test(conf, &errors), E_BAD);
	assert_true(lists_are_empty());
	for (int i = 2; i <= 4; i += 2)
		buf_putf(&expected, "%s/access:%d: wrong; right would be %s\n", dir, i,
		    check_access(""));
	assert_string_equal(buf_cstr(&errors), buf_cstr(&expected));
	lists_load(conf);
	assert_int_equal(ip_parse(SPAN("192.0.2.1"), &ip), E_OK);
	lists_judge(&(struct lists_facts){.client = &ip, .helo = SPAN("x")}, &said);
	assert_int_equal(said.verdict, LISTS_ALLOW);
	tear_down();
	set_up("", NULL);
	buf_reset(&errors);
	assert_int_equal(lists_self_test(conf, &errors), E_BAD);
	tear_down();
	set_up("", FILE_TEXT);
	buf_reset(&errors);
	assert_int_equal(lists_self_test(conf, &errors), E_OK);
	assert_int_equal(errors.len, 0);
	tear_down();
	buf_free(&errors);
	buf_free(&expected);
}

static void
test_many(void **state)
{
	struct buf text = {0}, errors = {0};
	struct lists_said said;
	struct ip ip = {.b = {10, 1, 2, 3}, .n = 4};
	(void)state;
	for (unsigned i = 0; i < LISTS_ROWS_MAX; i++)
		buf_putf(
		    &text, "deny client=10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
	set_up("", buf_cstr(&text));
	lists_load(conf);
	lists_judge(&(struct lists_facts){.client = &ip, .helo = SPAN("x")}, &said);
	assert_int_equal(said.verdict, LISTS_DENY);
	ip.b[1] = 4;
	lists_judge(&(struct lists_facts){.client = &ip, .helo = SPAN("x")}, &said);
	assert_int_equal(said.verdict, LISTS_NOTHING);
	tear_down();
	buf_str(&text, "deny client=11.0.0.1\n");
	set_up("", buf_cstr(&text));
	assert_int_equal(lists_self_test(conf, &errors), E_BAD);
	tear_down();
	buf_free(&text);
	buf_free(&errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_judged),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_self_test),
	    cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
