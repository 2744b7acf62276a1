/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dkim_parse.c - a signature's field, and a key's record: what was read lies inside them.
 * fuzz: common/dkim/tag.c common/dkim/signature.c common/dkim/key_record.c common/dkim/canon.c common/mime/header.c common/mime/idn.c common/net/dns.c common/tls/hash.c
 * libs: -lgnutls -lidn2
 */
#include "dkim/key_record.h"
#include "dkim/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_inside(struct span part, struct span whole)
{
	if (part.n && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		bug("a part that is not of its field");
}

static void
check_signature(const struct header_field *field, enum signature_kind kind)
{
	struct signature s;
	struct buf text = {0}, name = {0};
	int err = signature_parse(field, kind, &s);
	if ((err == E_OK) != (s.why[0] == '\0'))
		bug("a fault without its reason");
	check_inside(s.b, field->value);
	check_inside(s.b_raw, field->value);
	check_inside(s.bh, field->value);
	check_inside(s.names, field->value);
	check_inside(s.domain, field->value);
	if (err != E_OK)
		return;
	if (!signature_is_within(signature_identity_domain(&s), s.domain) ||
	    (kind == SIGNATURE_DKIM && !tag_has_item(s.names, "from")))
		bug("a signature that is none of RFC 6376");
	canon_unsigned(CANON_SIMPLE, s.whole, s.b_raw, &text);
	canon_unsigned(CANON_RELAXED, s.whole, s.b_raw, &text);
	(void)!key_record_name(s.selector, s.domain, &name);
	buf_reset(&text);
	(void)!tag_base64(s.b, &text);
	buf_free(&text);
	buf_free(&name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span text = span_make(p, n);
	struct header_field field = {.value = text, .whole = text};
	struct key_record key;
	struct buf raw = {0};
	check_signature(&field, SIGNATURE_DKIM);
	check_signature(&field, SIGNATURE_ARC);
	if (header_next(&text, &field) == E_OK)
		check_signature(&field, SIGNATURE_DKIM);
	if (key_record_parse(span_make(p, n), &key) == E_OK) {
		check_inside(key.key, span_make(p, n));
		(void)!tag_base64(key.key, &raw);
	}
	buf_free(&raw);
	return 0;
}
