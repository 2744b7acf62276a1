/* SPDX-License-Identifier: ISC */
/* cache_file.c - items of index/cache.GEN. */
#include "store/cache_file.h"

#include <stdio.h>
#include <string.h>

#include "store/store.h"
#include "tls/hash.h"

enum { FILE_MAGIC = 0x31636d6d, ITEM_MAGIC = 0x69636d6d, SUM_BYTES = MAC_BYTES };

void
cache_name(uint32_t gen, char out[CACHE_NAME_MAX])
{
	snprintf(out, CACHE_NAME_MAX, "index/cache.%u", gen);
}

void
cache_file_head_put(struct buf *b, uint64_t dead_bytes)
{
	buf_u32(b, FILE_MAGIC);
	buf_u32(b, CACHE_VERSION);
	buf_u64(b, dead_bytes);
}

int
cache_file_head_get(struct span file, uint64_t *dead_bytes)
{
	struct rd r = rd_of(span_head(file, CACHE_FILE_HEAD));
	bool is_ours = rd_u32(&r) == FILE_MAGIC && rd_u32(&r) == CACHE_VERSION;
	*dead_bytes = rd_u64(&r);
	return is_ours ? rd_end(&r) : E_BAD;
}

/* Against torn writes, not against anyone: the key is no secret. */
static void
sum_of(struct file_id id, struct span item, unsigned char out[SUM_BYTES])
{
	static struct mac *mac;
	struct span parts[] = {span_make(id.b, FILE_ID_BYTES), item};
	if (!mac)
		mac = mac_new("items of a cache", MAC_KEY_BYTES);
	mac_iov(mac, parts, COUNT(parts), out);
}

size_t
cache_item_bytes(size_t length)
{
	size_t all = CACHE_ITEM_HEAD + length;
	return (all + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
}

void
cache_item_put(struct buf *b, struct file_id id, struct span item)
{
	static const char zeros[CACHE_UNIT];
	unsigned char sum[SUM_BYTES];
	size_t start = b->len;
	sum_of(id, item, sum);
	buf_u32(b, ITEM_MAGIC);
	buf_u32(b, (uint32_t)item.n);
	buf_put(b, id.b, FILE_ID_BYTES);
	buf_put(b, sum, sizeof sum);
	buf_u64(b, 0);
	buf_span(b, item);
	buf_put(b, zeros, cache_item_bytes(item.n) - (b->len - start));
}

static int
item_find(struct span file, struct file_id id, struct span *sum, struct span *out)
{
	struct rd r = rd_of(file);
	uint32_t magic = rd_u32(&r), length = rd_u32(&r);
	struct span its_id = rd_bytes(&r, FILE_ID_BYTES);
	*sum = rd_bytes(&r, SUM_BYTES);
	rd_u64(&r);
	if (magic != ITEM_MAGIC || length > STORE_CACHE_ITEM_MAX)
		return E_BAD;
	*out = rd_bytes(&r, length);
	return r.err == E_OK && memcmp(its_id.p, id.b, FILE_ID_BYTES) == 0 ? E_OK
	                                                                   : E_BAD;
}

int
cache_item_get(struct span file, struct file_id id, struct span *out)
{
	unsigned char sum[SUM_BYTES];
	struct span its_sum;
	int err = item_find(file, id, &its_sum, out);
	if (err != E_OK)
		return err;
	sum_of(id, *out, sum);
	return memcmp(its_sum.p, sum, sizeof sum) == 0 ? E_OK : E_BAD;
}

int
cache_item_again(struct span file, struct file_id id, struct span *out)
{
	struct span sum;
	return item_find(file, id, &sum, out);
}
