/* SPDX-License-Identifier: ISC */
/* answer.c - an answer as it goes from the resolver to who asked. */
#include "net/dns.h"

enum {
	FLAG_SECURE = 1,
	FLAG_ALIAS = 2,
	FLAG_CUT = 4,
	FLAGS = 7,
	RECORD_HEAD = 2 + 3 + 4, /* bytes of a record beside its data */
	NAME_TEXT_MAX = 4 * 255, /* a canonical name may have escapes */
	DATA_MAX = DNS_TXT_MAX,
};

_Static_assert((int)DNS_TLSA_MAX <= (int)DATA_MAX && (int)DNS_NAME_MAX <= (int)DATA_MAX,
    "data of every kind fits");

static void
record_put(struct buf *b, const struct dns_record *r)
{
	buf_u16(b, r->preference);
	buf_u8(b, r->usage);
	buf_u8(b, r->selector);
	buf_u8(b, r->matching);
	buf_bytes(b, r->data);
}

static void
record_get(struct rd *r, struct arena *arena, struct dns_record *out)
{
	out->preference = rd_u16(r);
	out->usage = rd_u8(r);
	out->selector = rd_u8(r);
	out->matching = rd_u8(r);
	out->data = rd_copy(r, DATA_MAX, arena);
}

static uint8_t
flags_of(const struct dns_answer *a, bool is_cut)
{
	return (uint8_t)((a->is_secure ? FLAG_SECURE : 0) |
			 (a->has_alias ? FLAG_ALIAS : 0) | (is_cut ? FLAG_CUT : 0));
}

/* How many of its records go into a message. */
static size_t
records_that_fit(const struct dns_answer *a)
{
	size_t bytes = 0, n = 0;
	while (n < a->n_records && n < DNS_RECORDS_MAX) {
		bytes += RECORD_HEAD + a->records[n].data.n;
		if (bytes > DNS_ANSWER_MAX - NAME_TEXT_MAX - DNS_WHY_MAX)
			break;
		n++;
	}
	return n;
}

void
dns_answer_put(struct buf *b, const struct dns_answer *a)
{
	size_t n = records_that_fit(a);
	buf_u8(b, (uint8_t)a->status);
	buf_u8(b, flags_of(a, a->is_cut || n < a->n_records));
	buf_u32(b, a->ttl_sec);
	buf_u16(b, a->n_unusable);
	buf_bytes(b, a->name);
	buf_bytes(b, span_head(a->why, DNS_WHY_MAX));
	buf_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		record_put(b, &a->records[i]);
}

int
dns_answer_get(struct rd *r, struct arena *arena, struct dns_answer *out)
{
	uint8_t status = rd_u8(r), flags = rd_u8(r);
	*out = (struct dns_answer){.status = status,
	    .is_secure = (flags & FLAG_SECURE) != 0,
	    .has_alias = (flags & FLAG_ALIAS) != 0,
	    .is_cut = (flags & FLAG_CUT) != 0};
	out->ttl_sec = rd_u32(r);
	out->n_unusable = rd_u16(r);
	out->name = rd_copy(r, NAME_TEXT_MAX, arena);
	out->why = rd_copy(r, DNS_WHY_MAX, arena);
	uint16_t n = rd_u16(r);
	if (r->err != E_OK)
		return r->err;
	if (status > DNS_BOGUS || flags > FLAGS || n > DNS_RECORDS_MAX)
		return E_BAD;
	out->records = arena_get(arena, n * sizeof *out->records);
	if (n && !out->records)
		return E_LIMIT;
	for (; out->n_records < n && r->err == E_OK; out->n_records++)
		record_get(r, arena, &out->records[out->n_records]);
	return r->err;
}
