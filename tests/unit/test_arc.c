/* SPDX-License-Identifier: ISC */
/* test_arc.c - chains of ARC: one that another program made, what was done to it, and sets of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dkim/arc.h"
#include "dkim/arc_seal.h"
#include "mail_keys.h"
#include "smtpd/policy/arc_say.h"

/*
 * Made with dkimpy 1.1.4: the author's host, a list that changed Subject and body, a host that passed
 * it on.  All sign with the same key.
 */
static const char chain[] =
    "ARC-Seal: i=3; cv=pass; a=rsa-sha256; d=forward.test; s=f3; t=3000;\r\n"
    " b=A4ZZyDaBgYdhnYS/rzQL1EURXdZQKVooS6RCoZRdOV1iS8RZQIcE+S4bPnHcCiZkMy/gL\r\n"
    " K22oN1/k6CgIylGguXkUqx0IGleiF/7B/rdYO+pspu34fO+kcgWOETkahGElJGhcc73XirQ\r\n"
    " R20m0gCJAODzvhqFYhSb8YUHEZPQIxg=\r\n"
    "ARC-Message-Signature: i=3; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=forward.test; s=f3; t=3000; h=from : to : subject : date :\r\n"
    " message-id; bh=bw2NZqJnyxN8SN3ic2uqdd/EtfxvSMnOdlOayVUcI1E=;\r\n"
    " b=0/wuN2FGhp20oouKcnLf3tRxmKWh8YiuggetQOwlRsgOHLf2RsO/KmDiTf6CU20PHTT90\r\n"
    " KOjcR0RhHcoetJdvBuaStQGaMJvq3OdHf7uCJfQwqiTc2onIuQF0HL3dRI1ARWgMc/E4DLn\r\n"
    " efl6gxRt+YCsgVzcY8z8Ej5GmQsd55s=\r\n"
    "ARC-Authentication-Results: i=3; mx.forward.test; spf=fail;\r\n"
    "  arc=pass\r\n"
    "ARC-Seal: i=2; cv=pass; a=rsa-sha256; d=list.test; s=l2; t=2000;\r\n"
    " b=mD1slukYbPZHAIzJBlz+czUtqB4ZqB67b/RfDU1xTAmgxGumh55jfH76MRDzsbPncE82x\r\n"
    " pXKlTyG0MD7fz0jmtvBBR9MpnkB3axZwjr39qoJ2eMIFEdRro1Mtrf6cqyCUY6Ckn/wOCLX\r\n"
    " WfgUd+nsIH4L9U3D6+8YaKAlPBf847A=\r\n"
    "ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed; d=list.test;\r\n"
    " s=l2; t=2000; h=from : to : subject : date : message-id;\r\n"
    " bh=bw2NZqJnyxN8SN3ic2uqdd/EtfxvSMnOdlOayVUcI1E=;\r\n"
    " b=Lxs/5cwXy9OSUCMZ6uEyZF2i8ZI8zwsTtk5z21UJcrRZYoSpKrHrovjxOytGJu/Mq0Y2J\r\n"
    " RW7fouvt5bdKofjF77Lj8cYIWhCQHu2kLybam70k9B2HqzkNuuQrrNWU1wDiRSRzvNn4cGU\r\n"
    " 1Pg0Xazg1qV/NsGLcM7M02Zy3etsbQ0=\r\n"
    "ARC-Authentication-Results: i=2; mx.list.test; dkim=fail header.d=author.test;\r\n"
    "  arc=pass\r\n"
    "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=author-mx.test; s=s1; t=1000;\r\n"
    " b=vkUC5PrhUZD0Qbc+XlhtfRlr+LK8xxmF4Q9J+gBoh2nEPX/trLb11KvF1dBMs4q0Gq7SP\r\n"
    " HGIAueaTB/asB4p+wyZprnPq8rxHv+GhmatFMTwaMY6/2EyUeEtxCP/lOSZ/H2heFR0+o6o\r\n"
    " Ry77lPP8aEZiNffAsDJTuRMfAiYCP70=\r\n"
    "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=author-mx.test; s=s1; t=1000; h=from : to : subject : date :\r\n"
    " message-id; bh=sTT02lKuPAH1nGYBiIjR27DGuCuXdYrdO56uQNzQX+8=;\r\n"
    " b=yJ/5uu4X8bHQJ3NRCVTpfYdc+VKPEnqzvM+MOrch73YCWuv5ZZPrYdpkshe85uilISLVV\r\n"
    " JU1cmzutN/NWpHBFblKi4Md/gmUhbX1MaXj2NHr2XKfxj2p+09pwp1nsfcufa+lzIvMRpWM\r\n"
    " UBWR+pwRsCeqNcyEwM7zvGGBJwr/9og=\r\n"
    "ARC-Authentication-Results: i=1; mx.author.test; spf=pass "
    "smtp.mailfrom=joe@author.test;\r\n"
    "  arc=none\r\n"
    "From: Joe <joe@author.test>\r\n"
    "To: list@list.test\r\n"
    "Subject: [list] dinner\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
    "Message-ID: <1@author.test>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.\r\n"
    "-- \r\n"
    "list\r\n";

static const char chain_key[] =
    "v=DKIM1; k=rsa; p="
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDVqiomXlx57ik192uatM1XDg9iXCeLbdN0"
    "E/gxVDEbmHlCddY/EKt7s1LBm37tnDXvui/y39/ASDRB18V81AvF99QyCFe0y5cRl90+a9DJ"
    "WQqTttnGlpYe8yxDEutpJ0PTEwqaEuTME4xn0RgDRuOidS45izMuipAo6vfNCdMSAQIDAQAB";

static const char plain[] = "From: Joe <joe@author.test>\r\n"
			    "To: list@list.test\r\n"
			    "Subject: dinner\r\n"
			    "DKIM-Signature: v=1; a=x\r\n"
			    "\r\n"
			    "Hi.\r\n";

static unsigned n_rounds, n_asked;

static void
lookups_put_text(struct lookups *l, enum dns_status status, struct span text)
{
	struct dns_record *r = arena_get(&l->arena, sizeof *r);
	r->data = text;
	lookups_put(l, &(struct dns_answer){
			   .status = status, .records = r, .n_records = text.n > 0});
}

/* All keys are chain_key, but for that of the one name. */
static struct arc_check *
check_chain(struct span message, const char *name, enum dns_status status)
{
	struct lookups l;
	lookups_init(&l);
	struct arc_check *c = arc_check_new(message);
	n_asked = 0;
	for (n_rounds = 0; arc_check(c, &l, 5000) == E_MORE; n_rounds++) {
		const struct resolver_query *q = lookups_wanted(&l, 0);
		assert_non_null(q);
		for (; q; q = lookups_wanted(&l, 0), n_asked++)
			if (name && span_eqs(q->name, name))
				lookups_put_text(&l, status, SPAN(""));
			else
				lookups_put_text(&l, DNS_FOUND, SPAN(chain_key));
	}
	lookups_done(&l);
	return c;
}

static void
test_chain(void **state)
{
	(void)state;
	struct arc_check *c = check_chain(SPAN(chain), NULL, DNS_FOUND);
	assert_string_equal(c->why, "");
	assert_int_equal(c->cv, ARC_PASS);
	assert_int_equal(c->n, 3);
	assert_int_equal(
	    c->oldest_pass, 2); /* the list changed what the first signed */
	assert_int_equal(n_rounds, 2);
	assert_int_equal(n_asked, 3);
	assert_int_equal(arc_next(c), 4);
	assert_true(span_eqs(c->sets[1].seal_verdict.domain, "list.test"));
	assert_true(span_eqs(c->sets[1].seal_verdict.selector, "l2"));
	assert_int_equal(c->sets[1].seal.signed_sec, 2000);
	assert_true(span_eqs(c->sets[0].results.payload,
	    " mx.author.test; spf=pass smtp.mailfrom=joe@author.test;\r\n  "
	    "arc=none"));
	arc_check_free(&c);
}

static void
test_none(void **state)
{
	(void)state;
	struct arc_check *c = check_chain(SPAN(plain), NULL, DNS_FOUND);
	assert_int_equal(c->cv, ARC_NONE);
	assert_int_equal(n_rounds, 0);
	assert_int_equal(arc_next(c), 1);
	arc_check_free(&c);
	c = NULL;
	arc_check_free(&c);
}

static void
replace(struct buf *out, struct span text, const char *from, const char *to)
{
	size_t at = span_search(text, span_of(from));
	if (at == text.n)
		fail_msg("%s is not there", from);
	buf_reset(out);
	buf_span(out, span_head(text, at));
	buf_str(out, to);
	buf_span(out, span_from(text, at + strlen(from)));
}

/* clang-format off */
static const struct {
	const char *from, *to;
	const char *why; /* NULL: it passes */
	unsigned rounds; /* 0: its structure says all */
} changes[] = {
	/* what relaxed canonical forms do not see, and what nobody signed */
	{"Subject: [list]", "SUBJECT:   [list]", NULL, 2},
	{"i=2; mx.list.test; dkim=fail header.d=author.test;\r\n  arc=pass",
	 "i=2; mx.list.test; dkim=fail\r\n\theader.d=author.test; arc=pass", NULL, 2},
	{"From: ", "Received: from x\r\nFrom: ", NULL, 2},
	/* the newest set fails: nobody else's key is asked for */
	{"Hi.", "Ho.", "the body is another one", 1},
	{"[list] dinner", "[list] lunch", "the signature does not verify", 1},
	{"i=3; mx.forward.test; spf=fail", "i=3; mx.forward.test; spf=pass", "the signature does not verify", 1},
	{"cv=pass; a=rsa-sha256; d=forward.test; s=f3; t=3000", "cv=pass; a=rsa-sha256; d=forward.test; s=f3; t=3001",
	 "the signature does not verify", 1},
	{"a=rsa-sha256; d=forward.test", "a=rsa-sha1; d=forward.test", "rsa-sha1 is not taken", 1},
	{"a=rsa-sha256; d=forward.test", "a=rsa-sha512; d=forward.test", "unknown algorithm", 1},
	{"d=forward.test; s=f3; t=3000; h=", "d=forward.test; s=f3; x=3000; h=", "expired", 1},
	/* an older one does */
	{"spf=pass smtp.mailfrom", "spf=fail smtp.mailfrom", "the signature does not verify", 1},
	{"s=s1; t=1000;\r\n b=", "s=s1; t=1001;\r\n b=", "the signature does not verify", 1},
	/* structure */
	{"cv=none", "cv=pass", "a seal says that the chain was broken", 0},
	{"i=2; cv=pass", "i=2; cv=none", "a seal says that the chain was broken", 0},
	{"i=2; cv=pass", "i=2; cv=fail", "a seal says that the chain was broken", 0},
	{"i=2; cv=pass", "i=2; cv=maybe", "an ARC-Seal that cannot be read", 0},
	{"i=2; cv=pass", "i=2", "an ARC-Seal that cannot be read", 0},
	{"i=2; cv=pass", "i=2; h=from; cv=pass", "an ARC-Seal that cannot be read", 0},
	{"i=2; cv=pass", "i=2; i=2; cv=pass", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=2", "ARC-Seal: i=0", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=2", "ARC-Seal: i=51", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=2", "ARC-Seal: i=3", "a field of a set is there twice", 0},
	{"ARC-Seal: i=2", "ARC-Seal: i=4", "a set is not whole", 0},
	{"ARC-Seal: i=2", "X-Seal: i=2", "a set is not whole", 0},
	{"ARC-Message-Signature: i=2", "ARC-Message-Signature: i=1", "a field of a set is there twice", 0},
	{"ARC-Message-Signature: i=2", "ARC-Message-Signature: j=2", "an ARC-Message-Signature that cannot be read", 0},
	{"ARC-Authentication-Results: i=2;", "ARC-Authentication-Results: i=2", "an ARC-Authentication-Results that cannot be read", 0},
	{"ARC-Authentication-Results: i=2;", "ARC-Authentication-Results:", "an ARC-Authentication-Results that cannot be read", 0},
	{"ARC-Authentication-Results: i=2;", "ARC-Authentication-Results: i=1;", "a field of a set is there twice", 0},
	{"h=from : to", "h=from : arc-seal : to", "an ARC-Message-Signature that signs a seal", 0},
	{"From: ", "ARC-Seal: nothing\r\nFrom: ", "an ARC-Seal that cannot be read", 0},
	/* more of what relaxed forms do not see: folds, blanks, names; blanks in the newest seal's own b= */
	{"Subject: [list] dinner", "Subject: [list]\r\n\tdinner  ", NULL, 2},
	{"To: list@list.test", "to :\tlist@list.test ", NULL, 2},
	{"Hi.", "Hi. ", NULL, 2},
	{"b=A4ZZyDaB", "b= A4 ZZyDaB", NULL, 2},
	{"ARC-Authentication-Results: i=1; mx", "arc-authentication-results:  i=1;  mx", NULL, 2},
	/* the newest seal: each tag that must be there, and how it is written */
	{"b=A4ZZyDaB", "b=B4ZZyDaB", "the signature does not verify", 1},
	{"b=A4ZZyDaB", "b=!A4ZZyDaB", "b= is no base64", 1},
	{"a=rsa-sha256; d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=f3; t=3000;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"a=rsa-sha256; d=forward.test; s=f3; t=3000;\r\n b=A4", "a=; d=forward.test; s=f3; t=3000;\r\n b=A4", "unknown algorithm", 1},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "s=f3; t=3000;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=; s=f3; t=3000;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; t=3000;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=; t=3000;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=f3; t=x;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=f3; t=;\r\n b=A4", "an ARC-Seal that cannot be read", 0},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=f3;\r\n b=A4", "the signature does not verify", 1},
	{"d=forward.test; s=f3; t=3000;\r\n b=A4", "d=forward.test; s=f3; t=3000;\r\n B=A4", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: I=3; cv=pass", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: i=3; CV=pass", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: i=3; cv=", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: i=a; cv=pass", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: i=3;; cv=pass", "an ARC-Seal that cannot be read", 0},
	{"ARC-Seal: i=3; cv=pass", "ARC-Seal: i=3; new=1; cv=pass", "the signature does not verify", 1},
	/* the newest signature of the message: the same */
	{"b=0/wuN2FG", "b=1/wuN2FG", "the signature does not verify", 1},
	{"b=0/wuN2FG", "b=0/ wuN2FG", "the signature does not verify", 1},
	{"Signature: i=3; a=rsa-sha256;", "Signature: i=3;", "an ARC-Message-Signature that cannot be read", 0},
	{"c=relaxed/relaxed;\r\n d=forward.test; s=f3", "c=relaxed/relaxed;\r\n s=f3", "an ARC-Message-Signature that cannot be read", 0},
	{"c=relaxed/relaxed;\r\n d=forward.test; s=f3", "c=relaxed/relaxed;\r\n d=forward.test", "an ARC-Message-Signature that cannot be read", 0},
	{"c=relaxed/relaxed;\r\n d=forward.test; s=f3", "c=sloppy/relaxed;\r\n d=forward.test; s=f3", "an ARC-Message-Signature that cannot be read", 0},
	{"c=relaxed/relaxed;\r\n d=forward.test; s=f3", "c=simple/relaxed;\r\n d=forward.test; s=f3", "the signature does not verify", 1},
	{"t=3000; h=from", "t=x; h=from", "an ARC-Message-Signature that cannot be read", 0},
	{"t=3000; h=from : to : subject : date :\r\n message-id; ", "t=3000; ", "an ARC-Message-Signature that cannot be read", 0},
	{" message-id; bh=bw2NZqJ", " message-id; bh=cw2NZqJ", "the body is another one", 1},
	{" message-id; bh=bw2NZqJ", " message-id; bh=!bw2NZqJ", "the body is another one", 1},
	{" message-id; bh=bw2NZqJ", " message-id; xh=bw2NZqJ", "an ARC-Message-Signature that cannot be read", 0},
	{"Signature: i=3; a=rsa-sha256;", "Signature: i=3; a=rsa-sha256; a=rsa-sha256;", "an ARC-Message-Signature that cannot be read", 0},
	/* h= names it once: fields are taken from the bottom */
	{"From: ", "Subject: another\r\nFrom: ", NULL, 2},
};

/* clang-format on */

static void
test_changes(void **state)
{
	struct buf changed = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		replace(&changed, SPAN(chain), changes[i].from, changes[i].to);
		struct arc_check *c =
		    check_chain(buf_as_span(&changed), NULL, DNS_FOUND);
		if (c->cv != (changes[i].why ? ARC_FAIL : ARC_PASS) ||
		    strcmp(c->why, changes[i].why ? changes[i].why : "") != 0 ||
		    n_rounds != changes[i].rounds)
			fail_msg("%s: %s (%s), %u rounds", changes[i].to,
			    arc_cv_name(c->cv), c->why, n_rounds);
		assert_int_equal(c->was_broken, false);
		arc_check_free(&c);
	}
	buf_free(&changed);
}

/* 5.2.1: a failure of the DNS is one of the chain */
static void
test_keys_missing(void **state)
{
	static const struct {
		const char *name;
		enum dns_status status;
		const char *why;
	} rows[] = {
	    {"f3._domainkey.forward.test", DNS_NO_NAME, "there is no key"},
	    {"f3._domainkey.forward.test", DNS_TEMP, "its key could not be looked up"},
	    {"l2._domainkey.list.test", DNS_NO_RECORD, "there is no key"},
	    {"s1._domainkey.author-mx.test", DNS_TEMP,
		"its key could not be looked up"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arc_check *c =
		    check_chain(SPAN(chain), rows[i].name, rows[i].status);
		assert_int_equal(c->cv, ARC_FAIL);
		assert_string_equal(c->why, rows[i].why);
		assert_int_equal(arc_next(c), 4); /* a set with cv=fail */
		arc_check_free(&c);
	}
}

static void
test_said(void **state)
{
	struct ip client;
	struct authres results = {0};
	struct buf text = {0};
	(void)state;
	assert_int_equal(ip_parse(SPAN("192.0.2.1"), &client), E_OK);
	struct arc_check *pass = check_chain(SPAN(chain), NULL, DNS_FOUND);
	struct arc_check *fail =
	    check_chain(SPAN(chain), "l2._domainkey.list.test", DNS_NO_NAME);
	struct arc_check *none = check_chain(SPAN(plain), NULL, DNS_FOUND);
	arc_say(pass, &client, &results);
	arc_say(fail, &client, &results);
	arc_say(none, &client, &results);
	authres_put(&results, SPAN("A:"), SPAN("mx"), &text);
	assert_string_equal(buf_cstr(&text),
	    "A: mx;\r\n\tarc=pass (as.3.forward.test) smtp.remote-ip=192.0.2.1\r\n"
	    "\theader.oldest-pass=2;\r\n"
	    "\tarc=fail reason=\"there is no key\" smtp.remote-ip=192.0.2.1;\r\n"
	    "\tarc=none smtp.remote-ip=192.0.2.1\r\n");
	arc_check_free(&pass);
	arc_check_free(&fail);
	arc_check_free(&none);
	authres_done(&results);
	buf_free(&text);
}

static void
test_results_fields(void **state)
{
	static const struct {
		const char *field;
		int err;
		unsigned instance;
		const char *payload;
	} rows[] = {
	    {"A: i=1; mx.test; none\r\n", E_OK, 1, " mx.test; none"},
	    {"A:i=50;x\r\n", E_OK, 50, "x"},
	    {"A: (c)\r\n i (d) = (e) 7 (f)\r\n ;x\r\n", E_OK, 7, "x"},
	    {"A: i=0; x\r\n", E_BAD, 0, NULL},
	    {"A: i=51; x\r\n", E_BAD, 0, NULL},
	    {"A: i=001; x\r\n", E_BAD, 0, NULL},
	    {"A: i=; x\r\n", E_BAD, 0, NULL},
	    {"A: I=1; x\r\n", E_BAD, 0, NULL},
	    {"A: i=1 x; x\r\n", E_BAD, 0, NULL},
	    {"A: mx.test; i=1; none\r\n", E_BAD, 0, NULL},
	    {"A: i=1\r\n", E_BAD, 0, NULL},
	    {"A:\r\n", E_BAD, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span in = span_of(rows[i].field);
		struct header_field f;
		struct arc_results r;
		assert_int_equal(header_next(&in, &f), E_OK);
		if (arc_results_parse(&f, &r) != rows[i].err)
			fail_msg("%s", rows[i].field);
		if (rows[i].err == E_OK) {
			assert_int_equal(r.instance, rows[i].instance);
			assert_true(span_eqs(r.payload, rows[i].payload));
		}
	}
}

/* ---- sets of ours ---- */

static struct buf rsa, ed;

static const struct mail_record keys[] = {
    {"r1._domainkey.a.test", &rsa}, {"e1._domainkey.b.test", &ed}};

static struct arc_check *
check_ours(struct span message)
{
	struct lookups l;
	lookups_init(&l);
	struct arc_check *c = arc_check_new(message);
	while (arc_check(c, &l, 5000) == E_MORE)
		mail_keys_answer(&l, keys, COUNT(keys));
	lookups_done(&l);
	return c;
}

static int
put(struct dkim_signer *s, const struct arc_check *came, struct span message,
    const struct arc_seal_how *how, struct buf *out)
{
	size_t at = header_end(message);
	return arc_seal_put(
	    s, came, span_head(message, at), span_from(message, at), how, out);
}

/* The message with a set of that domain before it: what seal says in *err. */
static void
seal(struct dkim_signer *s, const char *domain, struct buf *message, int expected)
{
	struct buf out = {0}, results = {0};
	struct arc_check *c = check_ours(buf_as_span(message));
	struct arc_seal_how how = {.now_sec = 4000, .domain = span_of(domain)};
	buf_putf(&results, "ARC-Authentication-Results: i=%u; mx.%s;\r\n\tarc=%s\r\n",
	    arc_next(c), domain, arc_cv_name(c->cv));
	how.results = buf_as_span(&results);
	assert_int_equal(put(s, c, buf_as_span(message), &how, &out), expected);
	assert_int_equal(out.len > 0, expected == E_OK);
	arc_check_free(&c);
	buf_span(&out, buf_as_span(message));
	buf_reset(message);
	buf_span(message, buf_as_span(&out));
	buf_free(&out);
	buf_free(&results);
}

static void
assert_chain(const struct buf *message, enum arc_cv cv, size_t n, unsigned oldest)
{
	struct arc_check *c = check_ours(buf_as_span(message));
	if (c->cv != cv || c->n != n || c->oldest_pass != oldest)
		fail_msg("%s (%s) of %zu, down to %u", arc_cv_name(c->cv), c->why, c->n,
		    c->oldest_pass);
	arc_check_free(&c);
}

static void
change(struct buf *message, const char *from, const char *to)
{
	struct buf changed = {0};
	replace(&changed, buf_as_span(message), from, to);
	buf_free(message);
	*message = changed;
}

/* Sealed, passed on, changed, sealed, changed by one who does not seal. */
static void
test_seals(void **state)
{
	struct buf m = {0};
	struct dkim_signer s;
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	buf_str(&m, plain);
	seal(&s, "a.test", &m, E_OK);
	assert_true(span_starts(buf_as_span(&m), SPAN("ARC-Seal: i=1; a=rsa-sha256;")));
	assert_true(span_search(buf_as_span(&m), SPAN("dkim-signature;\r\n")) < m.len);
	assert_chain(&m, ARC_PASS, 1, 0);
	seal(&s, "b.test", &m, E_OK);
	assert_chain(&m, ARC_PASS, 2, 0);
	change(&m, "Subject: dinner", "Subject: [list] dinner");
	assert_chain(&m, ARC_FAIL, 2, 0);
	change(&m, "[list] ", "");
	change(&m, "DKIM-Signature: v=1; a=x\r\n", "");
	assert_chain(&m, ARC_FAIL, 2, 0);
	seal(&s, "a.test", &m, E_OK);
	assert_true(span_search(buf_as_span(&m), SPAN("cv=fail;")) < m.len);
	assert_chain(&m, ARC_FAIL, 3, 0);
	seal(&s, "a.test", &m, E_DENY); /* 5.1 step 2 */
	buf_free(&m);
	mail_keys_gone(&s);
}

/* A change before a seal: the message's older signatures fail, the chain holds. */
static void
test_oldest_pass(void **state)
{
	struct buf m = {0}, list = {0}, out = {0}, whole = {0};
	struct dkim_signer s;
	struct arc_seal_how how = {.now_sec = 1,
	    .domain = SPAN("b.test"),
	    .results =
		SPAN("ARC-Authentication-Results: i=2; mx.b.test; arc=pass\r\n")};
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	buf_str(&m, plain);
	seal(&s, "a.test", &m, E_OK);
	struct arc_check *came = check_ours(buf_as_span(&m));
	replace(&list, buf_as_span(&m), "Subject: ", "Subject: [list] ");
	assert_int_equal(put(&s, came, buf_as_span(&list), &how, &out), E_OK);
	buf_span(&whole, buf_as_span(&out));
	buf_span(&whole, buf_as_span(&list));
	assert_chain(&whole, ARC_PASS, 2, 2);
	arc_check_free(&came);
	buf_free(&m);
	buf_free(&list);
	buf_free(&out);
	buf_free(&whole);
	mail_keys_gone(&s);
}

/* 4.2.1: the 50th set is the last one. */
static void
test_fifty(void **state)
{
	struct buf m = {0};
	struct dkim_signer s;
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	buf_str(&m, plain);
	for (unsigned i = 0; i < ARC_SETS_MAX; i++)
		seal(&s, "b.test", &m, E_OK);
	assert_chain(&m, ARC_PASS, ARC_SETS_MAX, 0);
	seal(&s, "b.test", &m, E_DENY);
	buf_free(&m);
	mail_keys_gone(&s);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *message, *domain, *results;
		int result;
	} rows[] = {
	    {plain, "c.test", "ARC-Authentication-Results: i=1; x\r\n", E_DENY},
	    {plain, "a.test", "ARC-Authentication-Results: i=2; x\r\n", E_BAD},
	    {plain, "a.test", "ARC-Authentication-Results: i=1; x", E_BAD},
	    {plain, "a.test", "Authentication-Results: i=1; x\r\n", E_BAD},
	    {plain, "a.test", "ARC-Authentication-Results: i=1; x\r\nTo: y\r\n", E_BAD},
	    {plain, "a.test", "", E_BAD},
	    {plain, "../a.test", "ARC-Authentication-Results: i=1; x\r\n", E_BAD},
	    {"To: x\r\n\r\n", "a.test", "ARC-Authentication-Results: i=1; x\r\n",
		E_BAD},
	};
	struct dkim_signer s;
	struct buf out = {0};
	(void)state;
	dkim_signer_init(&s, mail_keys_channel);
	struct arc_check *came = check_ours(SPAN(plain));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arc_seal_how how = {.domain = span_of(rows[i].domain),
		    .results = span_of(rows[i].results)};
		if (put(&s, came, span_of(rows[i].message), &how, &out) !=
			rows[i].result ||
		    out.len)
			fail_msg("row %zu", i);
	}
	arc_check_free(&came);
	mail_keys_gone(&s);
}

static int
setup(void **state)
{
	(void)mail_keys_setup(state);
	mail_keys_dir("dkim/a.test");
	mail_keys_dir("dkim/b.test");
	mail_keys_make("dkim/a.test/e0.ed25519.pem", DKIM_KEY_ED25519, &ed);
	mail_keys_make("dkim/a.test/r1.rsa.pem", DKIM_KEY_RSA, &rsa);
	mail_keys_make("dkim/b.test/e1.ed25519.pem", DKIM_KEY_ED25519, &ed);
	return 0;
}

static int
teardown(void **state)
{
	buf_free(&rsa);
	buf_free(&ed);
	return mail_keys_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_keys_missing),
	    cmocka_unit_test(test_said),
	    cmocka_unit_test(test_results_fields),
	    cmocka_unit_test(test_seals),
	    cmocka_unit_test(test_oldest_pass),
	    cmocka_unit_test(test_fifty),
	    cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
