/* SPDX-License-Identifier: ISC */
/*
 * job_feed.c - the feed: a session that waits is told which mailboxes changed since the last time,
 * as they are now, and subscribed names; however often they changed meanwhile, once.
 */
#include "base/clock.h"
#include "store/jobs.h"

enum { NS_US = 1000 };

uint64_t
feed_note(void)
{
	struct keeper *k = &the_keeper;
	/* so that no number of a keeper before it is one of this one */
	if (!k->change)
		k->change = k->change_first = (uint64_t)clock_wall_us() * NS_US;
	return ++k->change;
}

static bool
is_whole(uint64_t since)
{
	const struct keeper *k = &the_keeper;
	return since < k->change_first || since < k->change_gone || since > k->change;
}

bool
feed_is_past(uint64_t since)
{
	return since < the_keeper.change || is_whole(since);
}

/* RFC 5465 3: of what may not be looked up nothing is told. */
static void
row_put(struct buf *b, const struct slot *s, const struct session *session)
{
	struct store_mailbox m;
	unsigned rights = s->now.is_dead ? 0 : session_rights(session, s->now.id);
	bool is_there = rights & RIGHT_LOOKUP;
	buf_u32(b, s->now.id);
	buf_u8(b, is_there);
	if (!is_there)
		return;
	slot_tell(s, &m);
	m.rights = (uint16_t)rights;
	ask_mailbox_put(b, &m);
}

static bool
is_told(const struct slot *s, uint64_t since, bool whole)
{
	if (s->is_hidden)
		return false;
	return whole ? !s->now.is_dead : s->changed_at > since;
}

static void
answer(struct session *s)
{
	const struct keeper *k = &the_keeper;
	bool whole = is_whole(s->feed_since);
	uint32_t n = 0;
	struct buf b = {0};
	for (size_t i = 0; i < k->n_by_id; i++)
		n += is_told(k->by_id[i], s->feed_since, whole);
	buf_u8(&b, STORE_DONE);
	buf_u8(&b, s->is_fed_now);
	buf_u64(&b, k->change);
	buf_u8(&b, whole);
	buf_u32(&b, n);
	for (size_t i = 0; i < k->n_by_id; i++)
		if (is_told(k->by_id[i], s->feed_since, whole))
			row_put(&b, k->by_id[i], s);
	bool has_names = whole || k->change_names > s->feed_since;
	buf_u8(&b, has_names);
	for (size_t i = 0; has_names && i < k->n_subscriptions; i++)
		if (!slot_find(span_of(k->subscriptions[i])))
			buf_bytes(&b, span_of(k->subscriptions[i]));
	s->is_fed = s->is_fed_now = false;
	session_answer(s, KEEPER_FEED, &b, -1);
	buf_free(&b);
}

void
feed_session(struct session *s)
{
	if (s->is_fed && (s->is_fed_now || feed_is_past(s->feed_since)))
		answer(s);
}

int
ask_feed(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	s->feed_since = rd_u64(body);
	s->is_fed_now = rd_u8(body) == 1;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!the_keeper.change)
		feed_note();
	s->is_fed = true;
	keeper_look();
	feed_session(s);
	return E_MORE;
}
