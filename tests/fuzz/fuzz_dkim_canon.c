/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dkim_canon.c - canonical forms of a message: of a canonical text it is the same, a limit cuts
 * it and changes nothing else; and the check of the message with a key that fits no signature.
 * fuzz: common/dkim/tag.c common/dkim/canon.c common/dkim/signature.c common/dkim/key_record.c common/dkim/verify.c common/mime/header.c common/mime/idn.c common/net/dns.c common/net/lookups.c common/tls/hash.c common/tls/pubkey.c
 * libs: -lgnutls -lidn2
 */
#include "dkim/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Answers come from us: lookups_put. */
void
resolver_ask(struct resolver *r, struct resolver_query *q, size_t n,
    struct arena *arena, int64_t deadline)
{
	(void)r, (void)q, (void)n, (void)arena, (void)deadline;
	bug("a resolver is asked");
}

static void
put(void *ctx, struct span piece)
{
	if (piece.n == 0)
		bug("an empty piece");
	buf_span(ctx, piece);
}

static void
check_body(enum canon kind, struct span body, size_t limit)
{
	struct buf once = {0}, twice = {0}, cut = {0};
	uint64_t n = canon_body(kind, body, CANON_NO_LIMIT, put, &once);
	if (n != once.len || n > body.n + 2)
		bug("a canonical body of another length");
	(void)canon_body(kind, buf_as_span(&once), CANON_NO_LIMIT, put, &twice);
	if (!span_eq(buf_as_span(&once), buf_as_span(&twice)))
		bug("a canonical body has another canonical form");
	if (canon_body(kind, body, limit, put, &cut) != n ||
	    !span_eq(buf_as_span(&cut), span_head(buf_as_span(&once), limit)))
		bug("a limit changes what is before it");
	buf_free(&once);
	buf_free(&twice);
	buf_free(&cut);
}

static void
check_field(struct span whole)
{
	struct buf once = {0}, twice = {0};
	canon_field(CANON_RELAXED, whole, &once);
	canon_field(CANON_RELAXED, buf_as_span(&once), &twice);
	if (!span_eq(buf_as_span(&once), buf_as_span(&twice)))
		bug("a canonical field has another canonical form");
	buf_free(&once);
	buf_free(&twice);
}

static const char key[] =
    "v=DKIM1; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qh"
    "dR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/"
    "8uBsCR+yz1Lxj+PL6lHvqMKrM3"
    "rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

static void
check_message(struct span message)
{
	struct lookups l;
	struct dns_record record = {.data = SPAN(key)};
	struct dns_answer a = {.status = DNS_FOUND, .records = &record, .n_records = 1};
	lookups_init(&l);
	struct dkim_check *c = dkim_check_new(message);
	while (dkim_check(c, &l, 0) == E_MORE)
		while (lookups_wanted(&l, 0))
			lookups_put(&l, &a);
	for (size_t i = 0; i < c->n; i++)
		if (c->verdicts[i].result == DKIM_NONE || !c->verdicts[i].why)
			bug("a signature without a verdict");
	for (size_t i = 0; i < c->message.fields.n; i++)
		check_field(c->message.fields.all[i].whole);
	dkim_check_free(&c);
	lookups_done(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span text = span_make(p, n);
	size_t limit = n ? p[0] : 0;
	check_body(CANON_SIMPLE, text, limit);
	check_body(CANON_RELAXED, text, limit);
	check_message(text);
	return 0;
}
