/* SPDX-License-Identifier: ISC */
/*
 * cache_file.h - index/cache.GEN: what was made of messages once (envelope, structure, ...) and can
 * be made again.  The keeper appends, sessions map it read-only; never synced, so an item is looked
 * at with distrust.
 *   file   16 bytes: magic, version, u64 dead bytes; then items
 *   item   48 bytes: magic, length, file id, sum, zeros; then its bytes, zeros up to a multiple of
 *          16
 */
#ifndef STORE_CACHE_FILE_H
#define STORE_CACHE_FILE_H

#include "base/buf.h"
#include "base/id.h"

enum {
	/* of the items too, and of slices: who finds another one makes all anew */
	CACHE_VERSION = 3,
	CACHE_UNIT = 16, /* record.cache_at counts these */
	CACHE_FILE_HEAD = 16,
	CACHE_ITEM_HEAD = 48,
	/* bytes from the beginning of one item to that of the next */
	CACHE_ITEM_LEAST = 64,
	CACHE_NAME_MAX = sizeof "index/cache.4294967295",
};

void cache_name(uint32_t gen, char out[CACHE_NAME_MAX]);
void cache_file_head_put(struct buf *, uint64_t dead_bytes);
MUST_USE int cache_file_head_get(struct span, uint64_t *dead_bytes); /* E_OK, E_BAD */
void cache_item_put(struct buf *, struct file_id, struct span item);
size_t cache_item_bytes(size_t length); /* with head and zeros */
/*
 * cache_item_get - the item at the beginning of file, if it is whole and this file's.  E_OK, E_BAD
 */
MUST_USE int cache_item_get(struct span file, struct file_id, struct span *out);
/*
 * cache_item_again - the same of an item that cache_item_get found good in this mapping: without
 * its sum
 */
MUST_USE int cache_item_again(struct span file, struct file_id, struct span *out);

#endif
