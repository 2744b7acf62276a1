/* SPDX-License-Identifier: ISC */
/* test_dkim_parse.c - lists of tags, canonical forms, signatures and key records, read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dkim/canon.h"
#include "dkim/key_record.h"
#include "dkim/signature.h"
#include "dkim/tag.h"

/* ---- tags ---- */

static const struct {
	const char *list;
	const char *read; /* "name=value|..."; NULL: bad */
} lists[] = {
    {"v=1", "v=1|"},
    {"v=1;", "v=1|"},
    {"v=1; \r\n\t", "v=1|"},
    {" v = 1 ; a = b c ;", "v=1|a=b c|"},
    {"a=\r\n\tx\r\n\ty\r\n\t; b=", "a=x\r\n\ty|b=|"},
    {"a=b=c; d==", "a=b=c|d==|"},
    {"a_1=x;A_1=y", "a_1=x|A_1=y|"},
    {"a=gr\xc3\xbc\xc3\x9f", "a=gr\xc3\xbc\xc3\x9f|"},
    {"a=\xff", NULL},
    {"a=\x01", NULL},
    {"a=\x7f", NULL},
    {"", NULL},
    {" ", NULL},
    {";", NULL},
    {"a=1;;", NULL},
    {"a=1;;b=2", NULL},
    {";a=1", NULL},
    {"a", NULL},
    {"=1", NULL},
    {"a b=1", NULL},
    {"1a=1", NULL},
    {"_a=1", NULL},
    {"a-b=1", NULL},
    {"a=1; a=1", NULL},
    {"a=1; b=2; a=3", NULL},
};

static void
test_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct tag_list list;
		struct buf out = {0};
		int err = tag_list_parse(span_of(lists[i].list), &list);
		for (size_t k = 0; err == E_OK && k < list.n; k++)
			buf_putf(&out, "%.*s=%.*s|", SPAN_ARG(list.all[k].name),
			    SPAN_ARG(list.all[k].value));
		if (err != (lists[i].read ? E_OK : E_BAD) ||
		    (err == E_OK && !span_eqs(buf_as_span(&out), lists[i].read)))
			fail_msg("%s: %d %s", lists[i].list, err, buf_cstr(&out));
		buf_free(&out);
	}
}

static void
test_tags_many(void **state)
{
	struct buf text = {0};
	struct tag_list list;
	(void)state;
	for (unsigned i = 0; i < TAGS_MAX; i++)
		buf_putf(&text, "t%u=;", i);
	assert_int_equal(tag_list_parse(buf_as_span(&text), &list), E_OK);
	buf_str(&text, "u=;");
	assert_int_equal(tag_list_parse(buf_as_span(&text), &list), E_LIMIT);
	buf_free(&text);
}

static void
test_base64(void **state)
{
	struct buf out = {0}, large = {0};
	(void)state;
	assert_int_equal(tag_base64(SPAN(" Y\tW\r\n Jj "), &out), E_OK);
	assert_true(span_eqs(buf_as_span(&out), "abc"));
	assert_int_equal(tag_base64(SPAN("YW="), &out), E_BAD);
	assert_int_equal(tag_base64(SPAN("YW-j"), &out), E_BAD);
	for (size_t i = 0; i < TAG_BASE64_MAX + 4; i++)
		buf_ch(&large, 'A');
	assert_int_equal(tag_base64(buf_as_span(&large), &out), E_LIMIT);
	buf_free(&out);
	buf_free(&large);
	assert_true(tag_has_item(SPAN("a : B:c"), "b"));
	assert_false(tag_has_item(SPAN("ab:"), "a"));
	assert_true(tag_has_item(SPAN("ab:"), ""));
}

/* ---- canonical forms ---- */

static const struct {
	const char *body, *simple, *relaxed;
} bodies[] = {
    {"", "\r\n", ""},
    {"\r\n", "\r\n", ""},
    {"\r\n\r\n\r\n", "\r\n", ""},
    {" \t\r\n", " \t\r\n", ""},
    {" ", " \r\n", ""},
    {"a", "a\r\n", "a\r\n"},
    {"a\r\n", "a\r\n", "a\r\n"},
    {"a\r\n\r\n", "a\r\n", "a\r\n"},
    {"a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n"},
    {"a\r\n ", "a\r\n \r\n", "a\r\n"},
    {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"}, /* 3.4.5 */
    {"\r\na", "\r\na\r\n", "\r\na\r\n"},
    {"\t\ta\t\tb", "\t\ta\t\tb\r\n", " a b\r\n"},
    {"a\nb \n", "a\nb \n\r\n", "a\nb \n\r\n"}, /* LF alone ends no line */
    {"a\rb\r", "a\rb\r\r\n", "a\rb\r\r\n"},
    {"a  \r\r\n", "a  \r\r\n", "a \r\r\n"},
};

static void
put_piece(void *ctx, struct span piece)
{
	buf_span(ctx, piece);
}

static void
assert_body(enum canon kind, struct span body, const char *want)
{
	for (size_t limit = 0; limit <= strlen(want) + 1; limit++) {
		struct buf out = {0};
		uint64_t n = canon_body(kind, body, limit, put_piece, &out);
		if (n != strlen(want) ||
		    !span_eq(buf_as_span(&out), span_head(span_of(want), limit)))
			fail_msg("%d %.*s: %s", kind, SPAN_ARG(body), buf_cstr(&out));
		buf_free(&out);
	}
}

static void
test_bodies(void **state)
{
	unsigned char hash[SHA256_BYTES];
	struct buf text = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct span body = span_of(bodies[i].body);
		assert_body(CANON_SIMPLE, body, bodies[i].simple);
		assert_body(CANON_RELAXED, body, bodies[i].relaxed);
	}
	/* RFC 6376 3.4.3, 3.4.4 */
	assert_int_equal(
	    canon_body_hash(CANON_SIMPLE, SPAN(""), CANON_NO_LIMIT, hash), 2);
	buf_base64(&text, span_make(hash, sizeof hash));
	assert_string_equal(
	    buf_cstr(&text), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
	buf_reset(&text);
	assert_int_equal(
	    canon_body_hash(CANON_RELAXED, SPAN(""), CANON_NO_LIMIT, hash), 0);
	buf_base64(&text, span_make(hash, sizeof hash));
	assert_string_equal(
	    buf_cstr(&text), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	buf_free(&text);
}

static const struct {
	const char *field, *simple, *relaxed;
} fields[] = {
    {"A: X\r\n", "A: X\r\n", "a:X\r\n"}, /* 3.4.5 */
    {"B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
    {"SUBJect: AbC\r\n", "SUBJect: AbC\r\n", "subject:AbC\r\n"},
    {"A:\r\n", "A:\r\n", "a:\r\n"},
    {"A: \r\n \r\n\t\r\n", "A: \r\n \r\n\t\r\n", "a:\r\n"},
    {"A:x", "A:x\r\n", "a:x\r\n"},
    {"A:x:y :z\r\n", "A:x:y :z\r\n", "a:x:y :z\r\n"},
    {"A\t:\r\n x\r\n  y\r\n", "A\t:\r\n x\r\n  y\r\n", "a:x y\r\n"},
};

static void
test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct buf simple = {0}, relaxed = {0};
		canon_field(CANON_SIMPLE, span_of(fields[i].field), &simple);
		canon_field(CANON_RELAXED, span_of(fields[i].field), &relaxed);
		assert_string_equal(buf_cstr(&simple), fields[i].simple);
		assert_string_equal(buf_cstr(&relaxed), fields[i].relaxed);
		buf_free(&simple);
		buf_free(&relaxed);
	}
}

/* RFC 6376 5.4.2: from the bottom, each once; what is not there is nothing. */
static const struct {
	const char *names, *out;
} chosen[] = {
    {"received", "received:C\r\n"},
    {"Received : RECEIVED", "received:C\r\nreceived:B\r\n"},
    {"received:received:received:received",
	"received:C\r\nreceived:B\r\nreceived:A\r\n"},
    {"from:received:from", "from:f\r\nreceived:C\r\n"},
    {"to", ""},
    {"x", ""}, /* the signature itself */
    {"rec:eived", ""},
    {":", ""},
};

static void
test_chosen(void **state)
{
	static const char head[] =
	    "X: signature\r\nReceived: A\r\nFrom: f\r\nReceived: B\r\n"
	    "junk\r\nReceived: C\r\n\r\nTo: body\r\n";
	struct canon_fields f;
	(void)state;
	canon_fields_init(&f, SPAN(head));
	for (size_t i = 0; i < COUNT(chosen); i++) {
		struct buf out = {0};
		assert_int_equal(canon_fields_put(&f, CANON_RELAXED,
				     span_of(chosen[i].names), f.all[0].whole, &out),
		    E_OK);
		assert_string_equal(buf_cstr(&out), chosen[i].out);
		buf_free(&out);
	}
	struct buf names = {0}, out = {0};
	for (size_t i = 0; i < CANON_NAMES_MAX; i++)
		buf_str(&names, "a:");
	assert_int_equal(canon_fields_put(&f, CANON_RELAXED, buf_as_span(&names),
			     f.all[0].whole, &out),
	    E_LIMIT);
	buf_free(&names);
	buf_free(&out);
	canon_fields_done(&f);
}

static void
test_unsigned(void **state)
{
	struct header_field field;
	struct signature s;
	struct span head =
	    SPAN("DKIM-Signature: v=1; a=rsa-sha256; b = \r\n\tAAAA\r\n\t ; "
		 "bh=AAAA;\r\n\td=a.test; s=s; h=from\r\n");
	struct buf simple = {0}, relaxed = {0};
	(void)state;
	assert_int_equal(header_next(&head, &field), E_OK);
	assert_int_equal(signature_parse(&field, SIGNATURE_DKIM, &s), E_OK);
	canon_unsigned(CANON_SIMPLE, s.whole, s.b_raw, &simple);
	canon_unsigned(CANON_RELAXED, s.whole, s.b_raw, &relaxed);
	assert_string_equal(buf_cstr(&simple),
	    "DKIM-Signature: v=1; a=rsa-sha256; b =; "
	    "bh=AAAA;\r\n\td=a.test; s=s; h=from");
	assert_string_equal(buf_cstr(&relaxed),
	    "dkim-signature:v=1; a=rsa-sha256; b =; bh=AAAA; d=a.test; s=s; h=from");
	buf_free(&simple);
	buf_free(&relaxed);
}

/* ---- signatures ---- */

#define GOOD "v=1; a=rsa-sha256; d=a.test; s=s; bh=AAAA; b=AAAA; h=from"

static const struct {
	const char *value;
	int result;
	const char *why;
} signatures[] = {
    {GOOD, E_OK, ""},
    {GOOD ":to; c=relaxed; q=dns/txt; l=5; t=1; x=2; i=u@b.a.test; z=x", E_OK, ""},
    {GOOD "; unknown=1", E_OK, ""},
    {GOOD "; i=@a.test", E_OK, ""},
    {GOOD "; i=\"a@b\"@A.TEST", E_OK, ""},
    {GOOD "; q=dns/other:dns/txt", E_OK, ""},
    {GOOD "; l=99999999999999999999999", E_OK, ""},
    {"v=1; a=x-y; d=a.test; s=s.t; bh=A; b=A; h=From", E_OK, ""},
    {"v=1; a=rsa-sha256; d=b\xc3\xbc.test; s=\xc3\xbc; bh=A; b=A; h=from; "
     "i=@xn--b-eha.test",
	E_OK, ""},
    {"v=1; a=rsa-sha256; d=xn--b-eha.test; s=s; bh=A; b=A; h=from; i=@x.b\xc3\xbc.test",
	E_OK, ""},
    {"", E_BAD, "no list of tags"},
    {GOOD "; d=a.test", E_BAD, "no list of tags"},
    {"a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; a=rsa-sha256; s=s; bh=A; b=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; a=rsa-sha256; d=a.test; bh=A; b=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; b=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=A; h=from", E_BAD, "a tag is missing"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=A; b=A", E_BAD, "a tag is missing"},
    {"v=2; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, "another version"},
    {"v=1.0; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, "another version"},
    {"v=1; a=; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, "a= is empty"},
    {"v=1; a=rsa-sha256; d=; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=test; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a..b; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a.b.; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=[1.2]; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a b.c; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=-a.b; s=s; bh=A; b=A; h=from", E_BAD, "d= is no domain"},
    {"v=1; a=rsa-sha256; d=a.test; s=; bh=A; b=A; h=from", E_BAD, "s= is no selector"},
    {"v=1; a=rsa-sha256; d=a.test; s=a/b; bh=A; b=A; h=from", E_BAD,
	"s= is no selector"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=; b=A; h=from", E_BAD, "bh= is empty"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=A; b=; h=from", E_BAD, "b= is empty"},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=", E_BAD,
	"h= is no list of fields"},
    {GOOD ":", E_BAD, "h= is no list of fields"},
    {GOOD "::to", E_BAD, "h= is no list of fields"},
    {GOOD ": a b", E_BAD, "h= is no list of fields"},
    {GOOD "; c=nofws", E_BAD, "unknown canonicalization"},
    {GOOD "; c=relaxed/", E_BAD, "unknown canonicalization"},
    {GOOD "; c=relaxed/simple/simple", E_BAD, "unknown canonicalization"},
    {GOOD "; c=", E_BAD, "unknown canonicalization"},
    {GOOD "; l=", E_BAD, "l= is no number"},
    {GOOD "; l=-1", E_BAD, "l= is no number"},
    {GOOD "; l=1 2", E_BAD, "l= is no number"},
    {GOOD "; t=x", E_BAD, "t= is no number"},
    {GOOD "; t=1234567890123", E_BAD, "t= is no number"},
    {GOOD "; x=", E_BAD, "x= is no number"},
    {GOOD "; t=5; x=5", E_BAD, "x= is before t="},
    {GOOD "; q=dns/other", E_BAD, "unknown query method"},
    {GOOD "; i=a.test", E_BAD, "i= is no address"},
    {GOOD "; i=u@", E_BAD, "i= is no address"},
    {GOOD "; i=", E_BAD, "i= is no address"},
    {GOOD "; i=u@b.test", E_DENY, "i= is outside d="},
    {GOOD "; i=u@ba.test", E_DENY, "i= is outside d="},
    {GOOD "; i=u@test", E_DENY, "i= is outside d="},
    {"v=1; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=to:fromm", E_DENY,
	"From is not signed"},
};

static void
test_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(signatures); i++) {
		struct span value = span_of(signatures[i].value);
		struct header_field field = {.value = value, .whole = value};
		struct signature s;
		int err = signature_parse(&field, SIGNATURE_DKIM, &s);
		if (err != signatures[i].result ||
		    strcmp(s.why, signatures[i].why) != 0)
			fail_msg("%s: %d %s", signatures[i].value, err, s.why);
	}
}

static void
test_signature_values(void **state)
{
	struct span value = SPAN(GOOD " : to; c=relaxed; l=5; t=1; x=2; i=u@b.a.test");
	struct header_field field = {.value = value, .whole = value};
	struct signature s;
	struct buf large = {0};
	(void)state;
	assert_int_equal(signature_parse(&field, SIGNATURE_DKIM, &s), E_OK);
	assert_int_equal(s.algorithm, DKIM_RSA_SHA256);
	assert_int_equal(s.head, CANON_RELAXED);
	assert_int_equal(s.body, CANON_SIMPLE);
	assert_int_equal(s.body_bytes, 5);
	assert_int_equal(s.signed_sec, 1);
	assert_int_equal(s.expires_sec, 2);
	assert_true(span_eqs(s.names, "from : to"));
	assert_true(span_eqs(signature_identity_domain(&s), "b.a.test"));
	for (size_t i = 0; i <= SIGNATURE_BYTES_MAX; i++)
		buf_ch(&large, 'a');
	field.whole = buf_as_span(&large);
	assert_int_equal(signature_parse(&field, SIGNATURE_DKIM, &s), E_LIMIT);
	buf_free(&large);
}

static const struct {
	const char *value;
	int result;
	uint32_t instance;
} arcs[] = {
    {"i=1; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=to", E_OK, 1},
    {"i=50; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from; v=x", E_OK, 50},
    {"i=51; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, 51},
    {"i=0; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, 0},
    {"i=u@a.test; a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, 0},
    {"a=rsa-sha256; d=a.test; s=s; bh=A; b=A; h=from", E_BAD, 0},
};

static void
test_arc(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(arcs); i++) {
		struct span value = span_of(arcs[i].value);
		struct header_field field = {.value = value, .whole = value};
		struct signature s;
		assert_int_equal(
		    signature_parse(&field, SIGNATURE_ARC, &s), arcs[i].result);
		assert_int_equal(s.instance, arcs[i].instance);
	}
}

/* ---- key records ---- */

enum { SHA = 1, MAIL = 2, TESTING = 4, NO_SUBS = 8 };

static const struct {
	const char *record;
	int result;
	enum key_kind kind;
	unsigned flags;
	const char *key;
} records[] = {
    {"v=DKIM1; k=rsa; p=AAAA", E_OK, KEY_KIND_RSA, SHA | MAIL, "AAAA"},
    {"p=AAAA", E_OK, KEY_KIND_RSA, SHA | MAIL, "AAAA"},
    {"k=ed25519; p=AA AA;", E_OK, KEY_KIND_ED25519, SHA | MAIL, "AA AA"},
    {"v=DKIM1; p=", E_OK, KEY_KIND_RSA, SHA | MAIL, ""},
    {"v=DKIM1; k=x; p=A", E_OK, KEY_KIND_UNKNOWN, SHA | MAIL, "A"},
    {"h=sha1; p=A", E_OK, KEY_KIND_RSA, MAIL, "A"},
    {"h=sha1:sha256; s=email; p=A", E_OK, KEY_KIND_RSA, SHA | MAIL, "A"},
    {"s=tlsrpt; p=A", E_OK, KEY_KIND_RSA, SHA, "A"},
    {"s=x : *; p=A; n=note; g=*", E_OK, KEY_KIND_RSA, SHA | MAIL, "A"},
    {"t=y:s; p=A", E_OK, KEY_KIND_RSA, SHA | MAIL | TESTING | NO_SUBS, "A"},
    {"t=x; p=A", E_OK, KEY_KIND_RSA, SHA | MAIL, "A"},
    {"v=DKIM2; p=A", E_BAD, 0, 0, NULL},
    {"v=DKIM1.0; p=A", E_BAD, 0, 0, NULL},
    {"v=dkim1; p=A", E_BAD, 0, 0, NULL},
    {"p=A; v=DKIM1", E_BAD, 0, 0, NULL},
    {"v=DKIM1; k=rsa", E_BAD, 0, 0, NULL},
    {"v=DKIM1; p=A; p=B", E_BAD, 0, 0, NULL},
    {"v=spf1 -all", E_BAD, 0, 0, NULL},
    {"", E_BAD, 0, 0, NULL},
    {"hello", E_BAD, 0, 0, NULL},
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		struct key_record r;
		int err = key_record_parse(span_of(records[i].record), &r);
		unsigned flags = (r.has_sha256 ? SHA : 0) | (r.is_for_mail ? MAIL : 0) |
		                 (r.is_testing ? TESTING : 0) |
		                 (r.is_without_subs ? NO_SUBS : 0);
		if (err != records[i].result ||
		    (err == E_OK &&
			(r.kind != records[i].kind || flags != records[i].flags ||
			    !span_eqs(r.key, records[i].key))))
			fail_msg("%s: %d", records[i].record, err);
	}
}

static const struct {
	const char *selector, *domain, *name; /* NULL: none */
} names[] = {
    {"s", "a.test", "s._domainkey.a.test"},
    {"a.b", "A.test", "a.b._domainkey.A.test"},
    {"\xc3\xbc", "b\xc3\xbc.test", "xn--tda._domainkey.xn--b-eha.test"},
    {"a/b", "a.test", NULL},
    {"s", "a..test", NULL},
    {"s", "", NULL},
    {"s", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test",
	NULL},
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct buf out = {0};
		int err = key_record_name(
		    span_of(names[i].selector), span_of(names[i].domain), &out);
		assert_int_equal(err, names[i].name ? E_OK : E_BAD);
		assert_string_equal(buf_cstr(&out), names[i].name ? names[i].name : "");
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_tags_many),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_chosen),
	    cmocka_unit_test(test_unsigned),
	    cmocka_unit_test(test_signatures),
	    cmocka_unit_test(test_signature_values),
	    cmocka_unit_test(test_arc),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
