/* SPDX-License-Identifier: ISC */
/*
 * fuzz_store_rows.c - what a keeper and its sessions read: items of records, sets of numbers, asks, items of the cache,
 * events.  The first octet says which.
 * fuzz: common/store/item.c common/store/numset.c common/store/asks.c common/store/cache_file.c common/store/event_row.c common/store/mailbox_name.c common/tls/hash.c
 * fuzz: common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c common/base/arena.c
 * libs: -lgnutls
 */
#include <stdlib.h>
#include <string.h>

#include "store/asks.h"
#include "store/cache_file.h"
#include "store/events.h"
#include "store/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
same(struct span in, struct buf *out)
{
	if (!span_eq(in, buf_as_span(out)))
		abort();
	buf_free(out);
}

static void
try_item(struct span in)
{
	struct store_record r[TABLE_RECORDS];
	struct buf again = {0};
	size_t n;
	if (item_decode(in, r, &n) != E_OK)
		return;
	item_encode(&again, r, n);
	same(in, &again);
}

static void
try_numset(struct span in)
{
	struct rd r = rd_of(in);
	struct numset s = {0};
	struct buf text = {0};
	if (numset_decode(&r, &s) == E_OK) {
		for (size_t i = 0; i < s.n; i++)
			if (s.ranges[i].from == 0 ||
			    s.ranges[i].to < s.ranges[i].from ||
			    (i && s.ranges[i - 1].to >= s.ranges[i].from - 1) ||
			    !numset_has(&s, s.ranges[i].to))
				abort();
		numset_put(&text, &s);
	}
	numset_free(&s);
	buf_free(&text);
}

static void
try_asks(struct span in)
{
	struct rd r = rd_of(in);
	struct ask_flags *f = mem_new(sizeof *f);
	struct ask_message *m = mem_new(sizeof *m);
	struct ask_copy c;
	struct ask_append a;
	struct ask_item i;
	struct ask_selected s;
	struct store_mailbox box;
	if (ask_flags_get(&r, f) == E_OK && f->change.n_keywords > STORE_KEYWORDS_MAX)
		abort();
	numset_free(&f->uids);
	r = rd_of(in);
	if (ask_copy_get(&r, &c) == E_OK && c.target.n > STORE_NAME_MAX)
		abort();
	numset_free(&c.uids);
	r = rd_of(in);
	if (ask_append_get(&r, &a) == E_OK)
		for (uint16_t n = 0; n < a.n && ask_message_get(&r, m) == E_OK; n++)
			if (m->cache.n > STORE_CACHE_ITEM_MAX ||
			    m->n_keywords > STORE_KEYWORDS_MAX)
				abort();
	for (r = rd_of(in); r.in.n && ask_item_get(&r, &i) == E_OK;)
		if (i.item.n > STORE_CACHE_ITEM_MAX)
			abort();
	r = rd_of(in);
	if (ask_selected_get(&r, &s) == E_OK) {
		struct buf again = {0};
		ask_selected_put(&again, &s);
		same(in, &again);
	}
	for (r = rd_of(in); r.in.n && ask_mailbox_get(&r, &box) == E_OK;)
		if (strlen(box.name) > STORE_NAME_MAX)
			abort();
	mem_free(&f);
	mem_free(&m);
}

static void
try_cache(struct span in)
{
	struct file_id id = {{0}};
	struct span item;
	uint64_t dead;
	memcpy(id.b, in.p, in.n < FILE_ID_BYTES ? in.n : FILE_ID_BYTES);
	if (cache_item_get(in, id, &item) == E_OK &&
	    (item.n > STORE_CACHE_ITEM_MAX || item.p < in.p ||
		item.p + item.n > in.p + in.n))
		abort();
	if (cache_file_head_get(in, &dead) == E_OK && in.n < CACHE_FILE_HEAD)
		abort();
	/* what was put is got again */
	if (in.n > STORE_CACHE_ITEM_MAX)
		return;
	struct buf b = {0};
	cache_item_put(&b, id, in);
	if (cache_item_get(buf_as_span(&b), id, &item) != E_OK || !span_eq(item, in) ||
	    b.len != cache_item_bytes(in.n))
		abort();
	buf_free(&b);
}

static void
try_name(struct span in)
{
	struct buf kept = {0};
	if (mailbox_name_check(in) == STORE_DONE) {
		mailbox_name_put(&kept, in);
		if (mailbox_name_check(buf_as_span(&kept)) != STORE_DONE ||
		    kept.len != in.n)
			abort();
	}
	buf_free(&kept);
}

static void
try_event(struct span in)
{
	struct event_row e;
	struct buf again = {0};
	if (event_row_decode(1, in, &e) == E_OK) {
		event_row_encode(&again, &e);
		/* a flag that is neither yes nor no is read as no */
		if (again.len != in.n)
			abort();
	}
	numset_free(&e.uids);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const tries[])(struct span) = {
	    try_item, try_numset, try_asks, try_cache, try_name, try_event};
	if (n)
		tries[data[0] % COUNT(tries)](span_make(data + 1, n - 1));
	return 0;
}
