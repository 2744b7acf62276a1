/* SPDX-License-Identifier: ISC */
/* batch.c - the bytes of a batch. */
#include "queue/batch.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

enum {
	BATCH_MAGIC = 0x4a42504d,
	/* magic, number, use, count, bytes, MAC of these and of the offsets; then the offsets */
	HEAD_FIXED = 4 + 4 + 8 + 4 + 4 + MAC_BYTES,
	/*
	 * kind, id, envelope length, message length, MAC of these, of batch and place, and of both
	 */
	RECORD_HEAD = 1 + ID_BYTES + 4 + 4 + MAC_BYTES,
	READ_CHUNK = 1 << 20,
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
record_mac(const struct segment *s, uint32_t batch, uint32_t index, struct span head,
    struct span envelope, struct span message, unsigned char out[MAC_BYTES])
{
	uint32_t bound[2] = {htole32(batch), htole32(index)};
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
	record_mac(s, s->batches, index, span_make(out->p + at, out->len - at),
	    r->envelope, r->message, mac);
	buf_put(out, mac, sizeof mac);
	buf_span(out, r->envelope);
	r->offset = s->end + out->len;
	buf_span(out, r->message);
}

static void
head_mac(
    const struct segment *s, struct span batch, size_t n, unsigned char out[MAC_BYTES])
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
	if (r.err != E_OK || found != BATCH_MAGIC || use != s->use ||
	    out->count > JOURNAL_BATCH_RECORDS_MAX || bytes > at.n ||
	    bytes < batch_head_bytes(out->count))
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

/* The record with this number at the beginning of these bytes.  E_OK, E_BAD */
static int
record_at(const struct segment *s, uint32_t batch, uint32_t i, struct span at,
    struct record *out)
{
	unsigned char mac[MAC_BYTES];
	struct rd r = rd_of(at);
	out->kind = rd_u8(&r);
	struct span id = rd_bytes(&r, ID_BYTES);
	uint32_t envelope = rd_u32(&r), message = rd_u32(&r);
	struct span seen = rd_bytes(&r, MAC_BYTES);
	out->envelope = rd_bytes(&r, envelope);
	out->message = rd_bytes(&r, message);
	if (r.err != E_OK)
		return E_BAD;
	record_mac(s, batch, i, span_head(at, RECORD_HEAD - MAC_BYTES), out->envelope,
	    out->message, mac);
	if (memcmp(mac, seen.p, MAC_BYTES) != 0)
		return E_BAD;
	memcpy(out->id.b, id.p, ID_BYTES);
	return E_OK;
}

static int
record_get(
    const struct segment *s, const struct batch *b, uint32_t i, struct record *out)
{
	uint32_t from = offset_of(b, i), to = offset_of(b, i + 1);
	if (from > to || to > b->bytes.n)
		return E_BAD;
	int err =
	    record_at(s, b->number, i, span_make(b->bytes.p + from, to - from), out);
	return err == E_OK && out->message.p + out->message.n != b->bytes.p + to ? E_BAD
	                                                                         : err;
}

static void
visit(const struct segment *s, const char *base, const struct batch *b,
    const struct journal_visitor *v)
{
	for (uint32_t i = 0; i < b->count; i++) {
		struct record r;
		uint32_t from = offset_of(b, i), to = offset_of(b, i + 1);
		if (record_get(s, b, i, &r) == E_OK) {
			r.offset = (uint64_t)(r.message.p - base);
			v->on_record(v->ctx, s->number, &r);
		} else if (from < to && to <= b->bytes.n) {
			v->on_bad(v->ctx, s->number,
			    (uint64_t)(b->bytes.p - base) + from,
			    span_make(b->bytes.p + from, to - from),
			    "a record's MAC is wrong");
		}
	}
}

/* The next good batch on a page boundary from at on; its place, or the end. */
static uint64_t
find_batch(const struct segment *s, struct span all, uint64_t at, uint32_t least_number,
    struct batch *out)
{
	for (; at + JOURNAL_PAGE <= all.n; at += JOURNAL_PAGE)
		if (batch_get(s, span_from(all, at), out) == E_OK &&
		    out->number >= least_number)
			return at;
	return all.n;
}

static uint64_t
whole_pages(uint64_t n)
{
	return (n + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

/*
 * A batch whose head is damaged, with good ones behind it: its records may be whole.  They are
 * bound to the batch's number, which is known, and follow each other from where a head for so many
 * of them ends.
 */
static uint64_t
salvage(const struct segment *s, struct span all, uint64_t at, uint64_t to,
    const struct journal_visitor *v)
{
	for (uint32_t n = 1; n <= JOURNAL_BATCH_RECORDS_MAX; n++) {
		struct record r;
		uint64_t next = at + batch_head_bytes(n);
		uint32_t i = 0;
		while (i < n && next < to &&
		       record_at(s, s->batches, i, span_make(all.p + next, to - next),
			   &r) == E_OK) {
			r.offset = (uint64_t)(r.message.p - all.p);
			v->on_record(v->ctx, s->number, &r);
			next = r.offset + r.message.n;
			i++;
		}
		if (i)
			return next;
	}
	return at;
}

static void
gap(const struct segment *s, struct span all, uint64_t to,
    const struct journal_visitor *v)
{
	uint64_t whole_to = salvage(s, all, s->end, to, v);
	v->on_bad(v->ctx, s->number, s->end, span_make(all.p + s->end, to - s->end),
	    whole_to > s->end ? "a batch without its head; records were found in it"
			      : "no batch, but a good one behind it");
}

static void
walk(struct segment *s, struct span all, uint64_t known_end,
    const struct journal_visitor *v)
{
	if (known_end && known_end < all.n)
		all.n =
		    known_end; /* what lies behind was answered with a failure, or not at all */
	while (s->end < all.n) {
		struct batch b = {.count = 0};
		uint64_t at = find_batch(s, all, s->end, s->batches, &b);
		if (at == all.n && !known_end)
			break; /* the torn tail, or what was never written */
		if (at != s->end)
			gap(s, all, at, v);
		s->end = at;
		if (at == all.n)
			break;
		visit(s, all.p, &b, v);
		s->end = at + whole_pages(b.bytes.n);
		s->batches = b.number + 1;
	}
}

/* All of the file.  What the disk cannot read counts as damaged, not as a reason to stop. */
static void
read_segment(const struct segment *s, char *out)
{
	for (uint64_t at = 0; at < s->bytes;) {
		size_t most =
		    s->bytes - at < READ_CHUNK ? (size_t)(s->bytes - at) : READ_CHUNK;
		ssize_t n = pread(s->fd, out + at, most, (off_t)at);
		for (uint64_t page = at; n <= 0 && page < at + most;
		     page += JOURNAL_PAGE) {
			size_t left = at + most - page < JOURNAL_PAGE
			                  ? (size_t)(at + most - page)
			                  : JOURNAL_PAGE;
			if (pread(s->fd, out + page, left, (off_t)page) < 0)
				log_event(LOG_ALERT, "page_not_read",
				    "segment=%u offset=%llu err=%s", s->number,
				    (unsigned long long)page, log_errno(errno));
		}
		at += n > 0 ? (uint64_t)n : most;
	}
}

int
batch_replay(struct segment *s, uint64_t known_end, const struct journal_visitor *v)
{
	char *all = mmap(
	    NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		log_event(LOG_CRIT, "segment_not_read", "segment=%u err=%s", s->number,
		    log_errno(errno));
		return E_IO;
	}
	read_segment(s, all);
	walk(s, span_make(all, s->bytes), known_end, v);
	munmap(all, s->bytes);
	return E_OK;
}
