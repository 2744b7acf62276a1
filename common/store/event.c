/* SPDX-License-Identifier: ISC */
/* event.c - a session's side: events of IMAP that wait for their scripts. */
#include "store/events.h"
#include "store/metadata.h"
#include "store/state.h"

bool
store_take_events(struct store *s)
{
	bool has = s->has_events;
	s->has_events = false;
	return has;
}

void
store_note_events(struct store *s)
{
	s->has_events = true;
}

static struct span
copied(struct rd *r, size_t max, struct arena *arena)
{
	return rd_copy(r, max, arena);
}

static int
row_get(struct rd *r, struct arena *arena, struct store_event *out)
{
	struct event_row row;
	uint64_t number = rd_u64(r);
	out->mailbox_name = copied(r, STORE_NAME_MAX, arena);
	out->special_use = copied(r, STORE_NAME_MAX, arena);
	out->script = copied(r, METADATA_VALUE_MAX, arena);
	struct span bytes = arena_span(arena, r->in);
	if (r->err != E_OK || bytes.n != r->in.n)
		return E_IO;
	int err = event_row_decode(number, bytes, &row);
	out->number = number;
	out->cause = row.cause;
	out->tries = row.tries;
	out->at_us = row.at_us;
	out->mailbox = row.mailbox;
	out->who = row.who;
	out->from = row.from;
	out->from_use = row.from_use;
	out->flags = row.flags;
	out->n_keywords = row.n_keywords;
	for (size_t i = 0; i < row.n_keywords; i++)
		out->keywords[i] = row.keywords[i];
	out->uids = row.uids;
	return err == E_OK ? E_OK : E_IO;
}

int
store_event_take(
    struct store *s, uint64_t after, struct arena *arena, struct store_event *out)
{
	struct buf body = {0};
	struct answer answer;
	*out = (struct store_event){.number = 0};
	buf_u64(&body, after);
	enum store_said said = keeper_ask_said(s, KEEPER_EVENT, &body, true, &answer);
	if (said != STORE_DONE)
		return E_IO;
	bool has_row = rd_u8(&answer.body) == 1;
	if (!has_row)
		return answer_end(&answer) == E_OK ? E_BAD : E_IO;
	return row_get(&answer.body, arena, out);
}

enum store_said
store_event_done(struct store *s, uint64_t number, const struct numset *uids)
{
	struct buf body = {0};
	struct answer answer;
	buf_u64(&body, number);
	numset_encode(&body, uids->ranges, uids->n);
	return keeper_ask_said(s, KEEPER_EVENT_DONE, &body, true, &answer);
}
