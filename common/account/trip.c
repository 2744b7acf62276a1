/* SPDX-License-Identifier: ISC */
/* trip.c - an account that tripped, in bytes and in words. */
#include "account/trip.h"

void
trip_put(struct buf *b, const struct trip *t)
{
	buf_u64(b, (uint64_t)t->since_sec);
	buf_u8(b, (uint8_t)t->over.what);
	buf_u8(b, (uint8_t)t->over.window);
	buf_u32(b, t->over.most);
	buf_put(b, t->notice.b, ID_BYTES);
	buf_u8(b, t->done);
}

int
trip_get(struct rd *r, struct trip *out)
{
	*out = (struct trip){.since_sec = (int64_t)rd_u64(r)};
	out->over.what = rd_u8(r);
	out->over.window = rd_u8(r);
	out->over.most = rd_u32(r);
	rd_id(r, &out->notice);
	out->done = rd_u8(r);
	return r->err == E_OK && out->over.what < BUDGET_WHATS &&
	               out->over.window < BUDGET_WINDOWS
	           ? E_OK
	           : E_BAD;
}

void
overrun_put(struct buf *b, const struct overrun *o)
{
	static const char *const whats[BUDGET_WHATS] = {[BUDGET_MESSAGES] = "messages",
	    [BUDGET_RECIPIENTS] = "recipients",
	    [BUDGET_NEW] = "recipients not written to before"};
	static const char *const windows[BUDGET_WINDOWS] = {
	    [BUDGET_HOUR] = "an hour", [BUDGET_DAY] = "a day"};
	buf_putf(b, "%u %s %s", o->most, whats[o->what], windows[o->window]);
}
