/* SPDX-License-Identifier: ISC */
/* batch.c - the bytes of a batch. */
#include "queue/batch.h"

#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

enum {
	BATCH_MAGIC = 0x4a42504d,
	/* magic, number, use, count, bytes, MAC of these and of the offsets; then the offsets */
	HEAD_FIXED = 4 + 4 + 8 + 4 + 4 + MAC_BYTES,
	/* kind, id, envelope length, message length, MAC of these, of batch and place, and of both */
	RECORD_HEAD = 1 + ID_BYTES + 4 + 4 + MAC_BYTES,
};

size_t
batch_head_bytes(size_t n_records)
{
	return HEAD_FIXED + 4 * n_records;
}

size_t
batch_record_bytes(const struct record *r)
{
	return RECORD_HEAD + r->envelope.n + r->message.n;
}

/* What binds a record to its place: batch number, its number in the batch. */
static void
record_mac(const struct segment *s, uint32_t batch, uint32_t index, struct span head, struct span envelope,
    struct span message, unsigned char out[MAC_BYTES])
{
	char bound[8];
	struct buf b = {0};
	buf_u32(&b, batch);
	buf_u32(&b, index);
	memcpy(bound, b.p, sizeof bound);
	buf_free(&b);
	struct span parts[] = {span_make(bound, sizeof bound), head, envelope, message};
	mac_iov(s->mac, parts, COUNT(parts), out);
}

static void
record_put(struct buf *out, const struct segment *s, uint32_t index, struct record *r)
{
	unsigned char mac[MAC_BYTES];
	size_t at = out->len;
	buf_u8(out, r->kind);
	buf_put(out, r->id.b, ID_BYTES);
	buf_u32(out, (uint32_t)r->envelope.n);
	buf_u32(out, (uint32_t)r->message.n);
	if (buf_done(out) != E_OK)
		return;
	record_mac(s, s->batches, index, span_make(out->p + at, out->len - at), r->envelope, r->message, mac);
	buf_put(out, mac, sizeof mac);
	buf_span(out, r->envelope);
	r->offset = s->end + out->len;
	buf_span(out, r->message);
}

static void
head_mac(const struct segment *s, struct span batch, size_t n, unsigned char out[MAC_BYTES])
{
	struct span parts[] = {span_head(batch, HEAD_FIXED - MAC_BYTES),
	    span_make(batch.p + HEAD_FIXED, 4 * n)};
	mac_iov(s->mac, parts, COUNT(parts), out);
}

void
batch_put(struct buf *out, const struct segment *s, struct record *records, size_t n)
{
	unsigned char mac[MAC_BYTES] = {0};
	buf_u32(out, BATCH_MAGIC);
	buf_u32(out, s->batches);
	buf_u64(out, s->use);
	buf_u32(out, (uint32_t)n);
	size_t bytes_at = out->len;
	buf_u32(out, 0);
	buf_put(out, mac, sizeof mac);
	for (size_t i = 0; i < n; i++)
		buf_u32(out, 0);
	for (size_t i = 0; i < n; i++) {
		buf_set_u32(out, HEAD_FIXED + 4 * i, (uint32_t)out->len);
		record_put(out, s, (uint32_t)i, &records[i]);
	}
	buf_set_u32(out, bytes_at, (uint32_t)out->len);
	if (buf_done(out) != E_OK)
		return;
	head_mac(s, buf_as_span(out), n, mac);
	memcpy(out->p + HEAD_FIXED - MAC_BYTES, mac, sizeof mac);
}

/* ---- reading back ---- */

struct batch {
	struct span bytes; /* borrow: the mapped segment */
	uint32_t number, count;
};

/* A batch at these bytes?  E_OK, E_BAD */
static int
batch_get(const struct segment *s, struct span at, struct batch *out)
{
	struct rd r = rd_of(at);
	unsigned char mac[MAC_BYTES];
	uint32_t found = rd_u32(&r);
	out->number = rd_u32(&r);
	uint64_t use = rd_u64(&r);
	out->count = rd_u32(&r);
	uint32_t bytes = rd_u32(&r);
	struct span seen = rd_bytes(&r, MAC_BYTES);
	if (r.err != E_OK || found != BATCH_MAGIC || use != s->use || out->count > JOURNAL_BATCH_RECORDS_MAX ||
	    bytes > at.n || bytes < batch_head_bytes(out->count))
		return E_BAD;
	head_mac(s, at, out->count, mac);
	if (memcmp(mac, seen.p, MAC_BYTES) != 0)
		return E_BAD;
	out->bytes = span_head(at, bytes);
	return E_OK;
}

static uint32_t
offset_of(const struct batch *b, uint32_t i)
{
	struct rd r = rd_of(span_from(b->bytes, HEAD_FIXED + 4 * (size_t)i));
	return i < b->count ? rd_u32(&r) : (uint32_t)b->bytes.n;
}

static int
record_get(const struct segment *s, const struct batch *b, uint32_t i, struct record *out)
{
	uint32_t from = offset_of(b, i), to = offset_of(b, i + 1);
	unsigned char mac[MAC_BYTES];
	if (from > to || to > b->bytes.n)
		return E_BAD;
	struct span all = span_make(b->bytes.p + from, to - from);
	struct rd r = rd_of(all);
	out->kind = rd_u8(&r);
	struct span id = rd_bytes(&r, ID_BYTES);
	uint32_t envelope = rd_u32(&r), message = rd_u32(&r);
	struct span seen = rd_bytes(&r, MAC_BYTES);
	out->envelope = rd_bytes(&r, envelope);
	out->message = rd_bytes(&r, message);
	if (rd_end(&r) != E_OK)
		return E_BAD;
	record_mac(s, b->number, i, span_head(all, RECORD_HEAD - MAC_BYTES), out->envelope, out->message, mac);
	if (memcmp(mac, seen.p, MAC_BYTES) != 0)
		return E_BAD;
	memcpy(out->id.b, id.p, ID_BYTES);
	return E_OK;
}

static void
visit(const struct segment *s, const char *base, const struct batch *b, const struct journal_visitor *v)
{
	for (uint32_t i = 0; i < b->count; i++) {
		struct record r;
		uint32_t from = offset_of(b, i), to = offset_of(b, i + 1);
		if (record_get(s, b, i, &r) == E_OK) {
			r.offset = (uint64_t)(r.message.p - base);
			v->on_record(v->ctx, s->number, &r);
		} else if (from < to && to <= b->bytes.n) {
			v->on_bad(v->ctx, s->number, (uint64_t)(b->bytes.p - base) + from,
			    span_make(b->bytes.p + from, to - from), "a record's MAC is wrong");
		}
	}
}

/* The next good batch on a page boundary from at on; its place, or the end. */
static uint64_t
find_batch(const struct segment *s, struct span all, uint64_t at, uint32_t least_number, struct batch *out)
{
	for (; at + JOURNAL_PAGE <= all.n; at += JOURNAL_PAGE)
		if (batch_get(s, span_from(all, at), out) == E_OK && out->number >= least_number)
			return at;
	return all.n;
}

static uint64_t
whole_pages(uint64_t n)
{
	return (n + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

static void
walk(struct segment *s, struct span all, const struct journal_visitor *v)
{
	uint32_t number = 0;
	while (s->end < all.n) {
		struct batch b;
		uint64_t at = find_batch(s, all, s->end, number, &b);
		if (at == all.n)
			break; /* the torn tail, or what was never written */
		if (at != s->end)
			v->on_bad(v->ctx, s->number, s->end, span_make(all.p + s->end, at - s->end),
			    "no batch, but a good one behind it");
		visit(s, all.p, &b, v);
		s->end = at + whole_pages(b.bytes.n);
		number = b.number + 1;
		s->batches = number;
	}
}

int
batch_replay(struct segment *s, uint64_t segment_bytes, const struct journal_visitor *v)
{
	uint64_t n = s->bytes < segment_bytes ? s->bytes : segment_bytes;
	void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED) {
		log_event(LOG_CRIT, "segment_not_read", "segment=%u", s->number);
		return E_IO;
	}
	walk(s, span_make(p, n), v);
	munmap(p, n);
	return E_OK;
}
