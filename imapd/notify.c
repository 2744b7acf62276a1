/* SPDX-License-Identifier: ISC */
/* notify.c - what NOTIFY asks for, from its beginning to its end, and through a sleep. */
#include "imapd/notify.h"

#include <poll.h>

#include "imapd/context.h"
#include "imapd/metadata.h"
#include "imapd/nap.h"
#include "imapd/notify_saved.h"
#include "imapd/notify_tell.h"
#include "imapd/slept.h"

static void
notify_drop(struct notify **np)
{
	struct notify *n = *np;
	if (!n)
		return;
	arena_reset(&n->arena);
	table_free(&n->table);
	mem_free(np);
}

void
notify_free(struct session *s)
{
	if (!s->notify)
		return;
	notify_drop(&s->notify);
	s->notify_atts = NULL;
	s->notify_metadata = false;
	s->untold = 0;
	store_feed_end(session_own(s));
	store_watch_end(s->store);
}

void
notify_leave(struct session *s)
{
	if (s->notify && s->notify->set.groups)
		notify_overflow(s, "share");
}

int
notify_fd(const struct session *s)
{
	return s->notify ? s->notify->fd : -1;
}

static struct notify *
notify_new(struct span text, bool is_utf8)
{
	struct notify *n = mem_new(sizeof *n);
	n->arena.max_bytes = NOTIFY_SAVED_MAX;
	n->fd = -1;
	n->is_utf8 = is_utf8;
	n->text = arena_span(&n->arena, text);
	return n;
}

static bool
wants_metadata(const struct notify_set *set)
{
	unsigned events = 0;
	for (const struct notify_group *g = set->groups; g; g = g->next)
		events |= g->events;
	return events & (NOTIFY_METADATA | NOTIFY_SERVER_METADATA);
}

bool
notify_has_metadata(const struct session *s, struct span mailbox)
{
	const struct notify *n = s->notify;
	const struct known *k = n ? table_named(&n->table, mailbox) : NULL;
	struct filter_mailbox m = {
	    .name = mailbox, .is_subscribed = k && k->is_subscribed};
	if (!n)
		return false;
	if (mailbox.n)
		return notify_events_of(&n->set, &m) & NOTIFY_METADATA;
	for (const struct notify_group *g = n->set.groups; g; g = g->next)
		if (g->events & NOTIFY_SERVER_METADATA)
			return true;
	return false;
}

/* From now on, instead of what there was. */
static void
notify_take(struct session *s, struct notify *n)
{
	const struct notify_set *set = &n->set;
	unsigned counted = set->selected & NOTIFY_NEW;
	if (s->notify)
		notify_drop(&s->notify);
	s->notify = n;
	s->notify_atts = set->has_atts ? &set->atts : NULL;
	s->notify_metadata = wants_metadata(set);
	s->untold = (counted ? 0 : UNTOLD_COUNT) |
	            (set->selected & NOTIFY_FLAGS ? 0 : UNTOLD_FLAGS);
	if (!metadata_is_told(s))
		store_metadata_quiet(session_own(s));
}

int
notify_begin(struct session *s, struct parse *p)
{
	struct notify *n = notify_new(p->in, p->is_utf8);
	struct parse own = {.in = n->text, .arena = &n->arena, .is_utf8 = p->is_utf8};
	int err = n->text.n == p->in.n ? notify_parse(&own, &n->set) : E_LIMIT;
	if (err == E_BAD)
		p->expected = own.expected;
	if (err == E_OK && n->set.groups)
		err = s->store == session_own(s) ? notify_learn(s, n) : E_LIMIT;
	else if (err == E_OK)
		store_feed_end(session_own(s));
	if (err != E_OK) {
		/* the feed of what stays is asked again, from where it was */
		if (s->notify)
			s->notify->is_asked = false;
		notify_drop(&n);
		return err;
	}
	if (s->selected && !n->set.is_none) { /* RFC 5465 3.1: as NOOP */
		s->untold = 0;
		selected_update(s, UPDATE_ALL, true);
	}
	notify_take(s, n);
	metadata_update(s); /* from now on */
	return E_OK;
}

void
notify_update(struct session *s, enum update what, bool is_uid)
{
	if (s->notify && s->notify_atts && s->selected)
		selected_follow(s->selected, &contexts_follow);
	selected_update(s, what, is_uid || (s->notify && !s->notify->set.is_none));
	if (s->notify && s->notify->set.groups && !s->is_over)
		notify_tell(s);
}

bool
notify_talks(const struct session *s)
{
	return s->notify && !s->notify->set.is_none;
}

static int
tell_and_wait(struct session *s, int64_t deadline)
{
	while (notify_talks(s) && !io_has_line(&s->io)) {
		uint64_t seen = s->selected ? s->selected->view.head->modseq : 0;
		notify_update(s,
		    s->notify->set.is_delayed ? UPDATE_NO_EXPUNGE : UPDATE_ALL, true);
		if (s->is_over || !s->notify)
			return E_OK;
		metadata_update(s);
		if (io_flush(&s->io) != E_OK)
			return E_IO;
		int err = io_poll(&s->io);
		if (err != E_LIMIT) /* what else it is the next one who reads sees */
			return E_OK;
		err = idle_pause(s, nap_in_wait, seen, deadline);
		if (err != E_OK || s->is_over)
			return err;
	}
	return E_OK;
}

int
notify_wait(struct session *s)
{
	int err = tell_and_wait(s, nap_deadline(s));
	nap_told(s);
	return err;
}

/* ---- through a sleep ---- */

bool
notify_may_sleep(const struct session *s)
{
	if (!s->notify || !s->selected)
		return true;
	return !s->notify->set.is_delayed && !(s->untold & UNTOLD_COUNT);
}

int
notify_save(const struct session *s, struct buf *out)
{
	const struct notify *n = s->notify;
	if (!n)
		return E_OK;
	notify_saved_put(
	    out, &(struct notify_saved){.since = n->since,
		     .metadata =
			 s->notify_metadata ? store_metadata_seen(session_own(s)) : 0,
		     .is_utf8 = n->is_utf8,
		     .text = n->set.is_none ? SPAN("NONE") : n->text});
	return table_save(&n->table, out) == E_OK ? E_OK : E_LIMIT;
}

int
notify_doze(struct session *s, uint64_t looked, int *out, bool *is_same)
{
	const struct notify *n = s->notify;
	const struct selected *b = s->selected;
	const struct store_view *v =
	    b && !(n && !n->set.selected && !n->set.groups) ? &b->view : NULL;
	/* of flags that are not told, b->modseq knows nothing */
	uint64_t modseq = b && b->modseq > looked ? b->modseq : looked;
	*out = -1;
	*is_same = false;
	if (n && n->set.groups)
		return store_doze_all(s->store, v, modseq, n->since, out);
	if (metadata_is_told(s))
		return store_doze_all(s->store, v, modseq, STORE_NO_FEED, out);
	if (!v)
		return E_OK;
	return store_doze(s->store, v, modseq, out, is_same);
}

int
notify_load(struct session *s, struct span saved)
{
	struct rd r = rd_of(saved);
	struct notify_saved z;
	if (saved.n == 0)
		return E_OK;
	if (notify_saved_get(&r, &z) != E_OK)
		return E_BAD;
	struct notify *n = notify_new(z.text, z.is_utf8);
	struct parse own = {.in = n->text, .arena = &n->arena, .is_utf8 = z.is_utf8};
	n->since = z.since;
	n->is_behind = true;
	if (n->text.n != z.text.n || notify_parse(&own, &n->set) != E_OK ||
	    table_load(&n->table, &r) != E_OK || rd_end(&r) != E_OK) {
		notify_drop(&n);
		return E_BAD;
	}
	notify_take(s, n);
	if (s->notify_metadata)
		store_metadata_go_on(session_own(s), z.metadata);
	return E_OK;
}
