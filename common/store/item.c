/* SPDX-License-Identifier: ISC */
/* item.c - records as they stand in an item of the table: a column after another.  Pure. */
#include <endian.h>
#include <string.h>

#include "store/tables.h"

/* Nobody else reads these yet. */
#define PUT(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)

static char *
put_u32(char *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, sizeof v);
	return to + sizeof v;
}

static char *
put_u64(char *to, uint64_t v)
{
	v = htole64(v);
	memcpy(to, &v, sizeof v);
	return to + sizeof v;
}

static uint32_t
get_u32(const char **from)
{
	uint32_t v;
	memcpy(&v, *from, sizeof v);
	*from += sizeof v;
	return le32toh(v);
}

static uint64_t
get_u64(const char **from)
{
	uint64_t v;
	memcpy(&v, *from, sizeof v);
	*from += sizeof v;
	return le64toh(v);
}

/*
 * What changes together lies together: the log of a change reaches from its first byte to its last.
 */
void
item_encode(struct buf *b, const struct store_record *r, size_t n)
{
	char *to = buf_room(b, n * RECORD_BYTES);
	if (!to)
		bug("no room for an item");
	for (size_t i = 0; i < n; i++)
		to = put_u64(to, GET(r[i].keywords));
	for (size_t i = 0; i < n; i++)
		to = put_u32(to, GET(r[i].flags));
	for (size_t i = 0; i < n; i++)
		to = put_u64(to, GET(r[i].modseq));
	for (size_t i = 0; i < n; i++)
		to = put_u32(to, GET(r[i].cache_gen));
	for (size_t i = 0; i < n; i++)
		to = put_u32(to, GET(r[i].cache_at));
	for (size_t i = 0; i < n; i++)
		to = put_u32(to, r[i].uid);
	for (size_t i = 0; i < n; i++)
		to = put_u64(to, r[i].size_bytes);
	for (size_t i = 0; i < n; i++)
		to = put_u64(to, (uint64_t)r[i].date_sec);
	for (size_t i = 0; i < n; i++)
		to = put_u64(to, (uint64_t)r[i].saved_sec);
	for (size_t i = 0; i < n; i++, to += FILE_ID_BYTES)
		memcpy(to, r[i].id.b, FILE_ID_BYTES);
	buf_added(b, n * RECORD_BYTES);
}

/* In order, and all of one item. */
static bool
are_an_item(const struct store_record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].uid == 0 || (i && r[i].uid <= r[i - 1].uid) ||
		    r[i].uid / TABLE_RECORDS != r[0].uid / TABLE_RECORDS)
			return false;
	return true;
}

int
item_decode(struct span item, struct store_record *r, size_t *count)
{
	size_t n = item.n / RECORD_BYTES;
	const char *in = item.p;
	if (item.n % RECORD_BYTES || n == 0 || n > TABLE_RECORDS)
		return E_BAD;
	for (size_t i = 0; i < n; i++)
		PUT(r[i].keywords, get_u64(&in));
	for (size_t i = 0; i < n; i++)
		PUT(r[i].flags, get_u32(&in));
	for (size_t i = 0; i < n; i++)
		PUT(r[i].modseq, get_u64(&in));
	for (size_t i = 0; i < n; i++)
		PUT(r[i].cache_gen, get_u32(&in));
	for (size_t i = 0; i < n; i++)
		PUT(r[i].cache_at, get_u32(&in));
	for (size_t i = 0; i < n; i++)
		r[i].uid = get_u32(&in);
	for (size_t i = 0; i < n; i++)
		r[i].size_bytes = get_u64(&in);
	for (size_t i = 0; i < n; i++)
		r[i].date_sec = (int64_t)get_u64(&in);
	for (size_t i = 0; i < n; i++)
		r[i].saved_sec = (int64_t)get_u64(&in);
	for (size_t i = 0; i < n; i++, in += FILE_ID_BYTES)
		memcpy(r[i].id.b, in, FILE_ID_BYTES);
	*count = n;
	return are_an_item(r, n) ? E_OK : E_BAD;
}
