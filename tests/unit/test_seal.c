/* SPDX-License-Identifier: ISC */
/* test_seal.c - what scripts redirect: sealed by what stands above our Received, and by nothing else. */
#include "deliver/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dkim/arc.h"
#include "dkim/sign.h"
#include "mail_keys.h"

#define RECEIVED "Received: from a by mx.here.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
#define AUTHOR "From: a@b.test\r\nSubject: s\r\n\r\nbody\r\n"
#define OURS                                                                           \
	"Authentication-Results: mx.here.test;\r\n\tspf=pass smtp.mailfrom=a@b.test"
#define SET                                                                            \
	"ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=c.test; s=s; b=aaaa\r\n"         \
	"ARC-Message-Signature: i=1; a=rsa-sha256; d=c.test; s=s; h=from; bh=bbbb; "   \
	"b=cccc\r\n"                                                                   \
	"ARC-Authentication-Results: i=1; c.test; none\r\n"
#define WAY "X-Sieve: x\r\nX-Sieve-Redirected-From: u@here.test\r\n"

/* clang-format off */
static const struct {
	const char *way, *came;
	int result;
	const char *says[3]; /* the set; of one that is put */
} messages[] = {
	{WAY, OURS "\r\n" RECEIVED AUTHOR, E_OK, {"ARC-Seal: i=1;", "cv=none", "i=1; mx.here.test;\r\n\tspf=pass smtp.mailfrom=a@b.test\r\n"}},
	{"", OURS "\r\n" RECEIVED AUTHOR, E_OK, {"cv=none", "d=here.test", "i=1; mx.here.test"}},
	{WAY, "X-Added: by a filter\r\n" OURS "\r\n" RECEIVED AUTHOR, E_OK, {"cv=none", "i=1; mx.here.test", ""}},
	/* a filter's stands above it */
	{WAY, OURS "; arc=fail; dkim=pass\r\n" OURS "; dmarc=pass\r\n" RECEIVED AUTHOR, E_OK, {"cv=none", "dmarc=pass", ""}},
	/* the chain: its verdict is that of the results */
	{WAY, OURS ";\r\n\tarc=pass\r\n" RECEIVED SET AUTHOR, E_OK, {"ARC-Seal: i=2;", "cv=pass", "i=2; mx.here.test"}},
	{WAY, OURS "; arc=fail\r\n" RECEIVED SET AUTHOR, E_OK, {"ARC-Seal: i=2;", "cv=fail", ""}},
	{WAY, OURS "\r\n" RECEIVED SET AUTHOR, E_BAD, {NULL}},
	{WAY, OURS "; arc=pass\r\n" RECEIVED AUTHOR, E_BAD, {NULL}},
	{WAY, OURS "; arc=pass\r\n" RECEIVED SET SET AUTHOR, E_BAD, {NULL}},
	{WAY, OURS "; arc=fail\r\n" RECEIVED SET SET AUTHOR, E_OK, {"cv=fail", "", ""}},
	/* results that are not ours, or do not stand where ours stand */
	{WAY, RECEIVED AUTHOR, E_DENY, {NULL}},
	{WAY, RECEIVED OURS "\r\n" AUTHOR, E_DENY, {NULL}},
	{WAY, "Authentication-Results: mx.other.test; spf=pass\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	{WAY, "Authentication-Results: ;\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	{OURS "\r\n", RECEIVED AUTHOR, E_DENY, {NULL}},
	/* before it stands what an author could have written */
	{WAY "From: c@bank.test\r\n", OURS "\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	{"From: c@bank.test\r\n" WAY, OURS "\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	{WAY "\r\n", OURS "\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	{"no field\r\n" WAY, OURS "\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	/* smtpd sealed it */
	{WAY, SET OURS "\r\n" RECEIVED AUTHOR, E_DENY, {NULL}},
	/* nobody's */
	{WAY, OURS "\r\n" RECEIVED "Subject: s\r\n\r\nbody\r\n", E_BAD, {NULL}},
};

/* clang-format on */

static const struct seal_rules rules = {
    .domain = {"here.test", 9}, .server = {"mx.here.test", 12}};

static void
test_messages(void **state)
{
	struct dkim_signer s;
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct buf text = {0}, set = {0};
		buf_str(&text, messages[i].way);
		size_t came_at = text.len;
		buf_str(&text, messages[i].came);
		int err = seal_put(&s, &rules, buf_as_span(&text), came_at, &set);
		if (err != messages[i].result || (set.len > 0) != (err == E_OK))
			fail_msg("%zu: %d, %zu bytes", i, err, set.len);
		for (size_t k = 0; k < COUNT(messages[i].says) && err == E_OK; k++)
			if (span_search(buf_as_span(&set),
				span_of(messages[i].says[k])) == set.len)
				fail_msg("%zu: not in %s", i, buf_cstr(&set));
		buf_free(&text);
		buf_free(&set);
	}
	mail_keys_gone(&s);
}

static void
test_no_key(void **state)
{
	static const struct seal_rules others = {
	    .domain = {"other.test", 10}, .server = {"mx.here.test", 12}};
	struct dkim_signer s;
	struct buf set = {0};
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	assert_int_equal(
	    seal_put(&s, &others, SPAN(OURS "\r\n" RECEIVED AUTHOR), 0, &set), E_DENY);
	assert_int_equal(set.len, 0);
	assert_int_equal(dkim_sign_has_key(&s, SPAN("other.test")), E_DENY);
	assert_int_equal(dkim_sign_has_key(&s, SPAN("Here.Test")), E_OK);
	assert_int_equal(dkim_sign_has_key(&s, SPAN("a b")), E_BAD);
	mail_keys_gone(&s);
}

static int
setup(void **state)
{
	struct buf record = {0};
	int err = mail_keys_setup(state);
	if (err)
		return err;
	mail_keys_dir("dkim/here.test");
	mail_keys_make("dkim/here.test/r1.rsa.pem", DKIM_KEY_RSA, &record);
	buf_free(&record);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_no_key),
	};
	return cmocka_run_group_tests(tests, setup, mail_keys_teardown);
}
