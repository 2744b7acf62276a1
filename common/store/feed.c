/* SPDX-License-Identifier: ISC */
/* feed.c - a session's side of the feed: what changes in any mailbox of the account. */
#include <unistd.h>

#include "base/clock.h"
#include "proc/ask.h"
#include "store/state.h"

void
store_feed_end(struct store *s)
{
	if (s->feed >= 0)
		close(s->feed);
	s->feed = -1;
}

int
store_feed(struct store *s, uint64_t since, bool is_now, int *out)
{
	struct buf body = {0};
	bool is_new = s->feed < 0;
	int err = is_new ? keeper_find(&s->feed) : E_OK;
	if (err == E_OK && is_new && s->is_held)
		err = ask_send(
		    s->feed, KEEPER_HOLD, SPAN(""), -1, deadline_in_ms(STORE_WAIT_MS));
	buf_u64(&body, since);
	buf_u8(&body, is_now);
	if (err == E_OK)
		err = ask_send(s->feed, KEEPER_FEED, buf_as_span(&body), -1,
		    deadline_in_ms(STORE_WAIT_MS));
	buf_free(&body);
	if (err != E_OK) {
		store_feed_end(s);
		return E_IO;
	}
	*out = s->feed;
	return E_OK;
}

/* u32 id, u8 is_there, struct store_mailbox where it is */
static int
row_read(struct rd *r, const struct store_feed_to *to)
{
	struct store_mailbox m;
	uint32_t id = rd_u32(r);
	bool is_there = rd_u8(r) == 1;
	if (r->err != E_OK || (is_there && ask_mailbox_get(r, &m) != E_OK))
		return E_IO;
	return to->row(to->ctx, id, is_there ? &m : NULL);
}

static int
answer_read(struct rd *r, const struct store_feed_to *to, struct store_feed *out)
{
	int err = rd_u8(r) == STORE_DONE ? E_OK : E_IO;
	out->is_now = rd_u8(r) == 1;
	out->now = rd_u64(r);
	out->is_whole = rd_u8(r) == 1;
	for (uint32_t n = rd_u32(r); n && err == E_OK && r->err == E_OK; n--)
		err = row_read(r, to);
	out->has_names = rd_u8(r) == 1;
	while (err == E_OK && r->err == E_OK && r->in.n)
		err = to->name(to->ctx, rd_str(r, STORE_NAME_MAX));
	return err == E_OK && rd_end(r) != E_OK ? E_IO : err;
}

int
store_feed_read(struct store *s, const struct store_feed_to *to, struct store_feed *out)
{
	struct ask_msg m = {.fd = -1};
	struct buf large = {.max = ASK_BODY_MOST};
	*out = (struct store_feed){.now = 0};
	if (s->feed < 0)
		return E_IO;
	int err = ask_recv(s->feed, &s->in, &m, 0);
	if (err == E_LIMIT || err == E_MORE)
		return E_MORE;
	if (err == E_OK && m.fd >= 0) {
		err = large_read(m.fd, &large);
		close(m.fd);
		m.body = rd_of(buf_as_span(&large));
	}
	if (err == E_OK)
		err = answer_read(&m.body, to, out);
	buf_free(&large);
	if (err != E_OK)
		store_feed_end(s);
	return err == E_OK ? E_OK : E_IO;
}
