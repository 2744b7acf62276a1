/* SPDX-License-Identifier: ISC */
/* index_order.c - what is due, and what waits for something: tenants' lanes in turn. */
#include <string.h>

#include "queue/index_parts.h"

enum {
	LANE_SHARE = 4,  /* ids of a lane in its turn */
	BULK_ONE_IN = 5, /* ids of what waits, where small mail waits too */
	WAITS_SAME_BYTES = 8 + 1 + 1, /* of a key of waits: name, class, lane */
};

/* Where a lane's turn goes on. */
struct lane {
	struct buf from;
	bool is_empty;
};

static void
id_of_key(struct span key, struct id *out)
{
	memcpy(out->b, key.p + key.n - ID_BYTES, ID_BYTES);
}

/* Up to most of one lane that are due; from says where to go on. */
static size_t
lane_due(struct db_cursor *c, unsigned number, int64_t now_sec, struct lane *lane,
    struct id *out, size_t most)
{
	struct span key, value;
	size_t n = 0;
	bool goes_on = lane->from.len > 0;
	if (!goes_on)
		buf_u8(&lane->from, (uint8_t)number);
	int err = db_seek(c, buf_as_span(&lane->from), &key, &value);
	if (err == E_OK && goes_on && span_eq(key, buf_as_span(&lane->from)))
		err = db_next(c, &key, &value);
	for (; err == E_OK && n < most; err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		if (rd_u8(&r) != number || (int64_t)rd_key_u64(&r) > now_sec ||
		    r.in.n != ID_BYTES)
			break;
		id_of_key(key, &out[n++]);
		buf_reset(&lane->from);
		buf_span(&lane->from, key);
	}
	lane->is_empty = n < most;
	return n;
}

size_t
index_due(struct index *x, int64_t now_sec, struct id *out, size_t most)
{
	struct lane lanes[INDEX_LANES] = {0};
	struct db_cursor *c = NULL;
	size_t n = 0, n_empty = 0;
	if (db_cursor_open(x->due, NULL, &c) != E_OK)
		return 0;
	while (n < most && n_empty < INDEX_LANES) {
		unsigned i = x->due_lane++ % INDEX_LANES;
		if (lanes[i].is_empty)
			continue;
		size_t left = most - n;
		n += lane_due(c, i, now_sec, &lanes[i], out + n,
		    left < LANE_SHARE ? left : LANE_SHARE);
		n_empty += lanes[i].is_empty;
	}
	db_cursor_close(&c);
	for (size_t i = 0; i < INDEX_LANES; i++)
		buf_free(&lanes[i].from);
	return n;
}

/* ---- what waits for something ---- */

/*
 * The next row behind this place that waits for name and is of this class; its lane.  False: none
 */
static bool
seek_waiting(struct db_cursor *c, uint64_t name, uint8_t is_bulk, unsigned lane,
    struct span *key, unsigned *out)
{
	struct buf from = {0};
	struct span value;
	db_key_u64(&from, name);
	buf_u8(&from, is_bulk);
	buf_u8(&from, (uint8_t)lane);
	int err = db_seek(c, buf_as_span(&from), key, &value);
	bool is_it = err == E_OK && key->n == WAITS_SAME_BYTES + 8 + ID_BYTES &&
	             span_starts(*key, span_head(buf_as_span(&from), 9));
	if (is_it)
		*out = (unsigned char)key->p[9];
	buf_free(&from);
	return is_it;
}

/* From this row on, those of the same name, class and lane. */
static size_t
take_waiting(struct db_cursor *c, struct span key, struct id *out, size_t most)
{
	char same[WAITS_SAME_BYTES];
	struct span value;
	size_t n = 0;
	memcpy(same, key.p, sizeof same);
	for (int err = E_OK;
	     err == E_OK && n < most && span_starts(key, span_make(same, sizeof same));
	     err = db_next(c, &key, &value))
		id_of_key(key, &out[n++]);
	return n;
}

/* Lanes in turn, from first on, once around. */
static size_t
class_waiting(struct db_cursor *c, uint64_t name, uint8_t is_bulk, unsigned first,
    struct id *out, size_t most)
{
	unsigned lane = first, end = INDEX_LANES, found;
	size_t n = 0;
	for (int round = 0; round < 2 && n < most;) {
		struct span key;
		if (lane >= end ||
		    !seek_waiting(c, name, is_bulk, lane, &key, &found) ||
		    found >= end) {
			round++;
			lane = 0;
			end = first;
			continue;
		}
		n += take_waiting(
		    c, key, out + n, most - n < LANE_SHARE ? most - n : LANE_SHARE);
		lane = found + 1;
	}
	return n;
}

size_t
index_waiting(struct index *x, uint64_t name, struct id *out, size_t most)
{
	struct id bulk[INDEX_WAITING_MOST];
	struct db_cursor *c = NULL;
	if (most > INDEX_WAITING_MOST)
		most = INDEX_WAITING_MOST;
	if (most == 0 || db_cursor_open(x->waits, NULL, &c) != E_OK)
		return 0;
	unsigned first = x->waits_lane++ % INDEX_LANES;
	size_t n = class_waiting(c, name, 0, first, out, most),
	       n_bulk = class_waiting(c, name, 1, first, bulk, most);
	db_cursor_close(&c);
	size_t share = most - n > most / BULK_ONE_IN ? most - n : most / BULK_ONE_IN;
	if (n_bulk > share)
		n_bulk = share;
	if (n > most - n_bulk)
		n = most - n_bulk;
	memcpy(out + n, bulk, n_bulk * sizeof *bulk);
	return n + n_bulk;
}
