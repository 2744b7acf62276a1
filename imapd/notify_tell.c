/* SPDX-License-Identifier: ISC */
/* notify_tell.c - what changed in mailboxes that are not selected. */
#include "imapd/notify_tell.h"

#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "imapd/metadata.h"
#include "imapd/status.h"
#include "proc/io.h"

enum { ASKS_MOST = 2 /* of a keeper that dies */ };

/* A mailbox that is not what it was. */
struct change {
	struct change *next;       /* borrow: the arena */
	struct known was;          /* its name in the arena; id 0: it is new */
	struct store_mailbox *now; /* borrow: the arena; NULL: it is no more */
};

struct name {
	struct name *next; /* borrow: the arena */
	struct span text;
};

/* What one answer of the feed says. */
struct news {
	struct session *session;
	struct notify *notify;
	struct arena arena;
	struct change *changes, **last; /* borrow: the arena */
	struct name *names;             /* borrow: the arena */
	bool is_quiet;                  /* nothing is told: it is learned */
};

/* ---- gathered ---- */

static bool
is_same(const struct known *k, const struct store_mailbox *m)
{
	return span_eqs(span_of(m->name), k->name) &&
	       k->uidvalidity == m->uidvalidity && k->uidnext == m->uidnext &&
	       k->modseq == m->modseq && k->messages == m->messages &&
	       k->unseen == m->unseen && k->rights == m->rights &&
	       k->is_subscribed == m->is_subscribed;
}

static int
change_add(struct news *n, const struct known *k, const struct store_mailbox *m)
{
	struct change *c = arena_get(&n->arena, sizeof *c);
	if (k) {
		c->was = *k;
		c->was.name = arena_str(&n->arena, span_of(k->name));
	}
	if (m) {
		c->now = arena_get(&n->arena, sizeof *c->now);
		*c->now = *m;
	}
	*n->last = c;
	n->last = &c->next;
	return E_OK;
}

static int
row_take(void *ctx, uint32_t id, const struct store_mailbox *m)
{
	struct news *n = ctx;
	struct known_table *t = &n->notify->table;
	struct known *k = table_of(t, id);
	bool is_same_as_told = k ? m && is_same(k, m) : !m;
	if (!n->is_quiet && !is_same_as_told)
		change_add(n, k, m);
	if (!m) {
		table_remove(t, id);
		return E_OK;
	}
	if (!is_same_as_told)
		table_put(t, m);
	table_of(t, id)->is_seen = true;
	return E_OK;
}

static int
name_take(void *ctx, struct span name)
{
	struct news *n = ctx;
	struct name *own = arena_get(&n->arena, sizeof *own);
	own->text = arena_span(&n->arena, name);
	own->next = n->names;
	n->names = own;
	return E_OK;
}

/* Those that the whole of it does not have are no more. */
static void
forget_unseen(struct news *n, bool is_whole)
{
	struct known_table *t = &n->notify->table;
	for (size_t i = t->n; i-- > 0;) {
		struct known *k = &t->all[i];
		if (k->is_seen || !is_whole) {
			k->is_seen = false;
			continue;
		}
		if (!n->is_quiet)
			change_add(n, k, NULL);
		table_remove(t, k->id);
	}
}

/* ---- told: names ---- */

static unsigned
events_of(const struct news *n, struct span name, bool is_subscribed)
{
	struct filter_mailbox m = {.name = name, .is_subscribed = is_subscribed};
	return notify_events_of(&n->notify->set, &m);
}

static bool
is_below(struct span name, struct span root)
{
	return root.n && span_starts(name, root) &&
	       (name.n == root.n || name.p[root.n] == '/');
}

/* RFC 5465 5: not what this client did itself, just now */
static bool
is_own(const struct news *n, struct span name)
{
	for (size_t i = 0; i < COUNT(n->session->own_names); i++) {
		struct span own = n->session->own_names[i];
		if (is_below(name, own) || (own.n && is_below(own, name)))
			return true;
	}
	return false;
}

static void
attribute_put(struct buf *out, const char *text, bool *is_first)
{
	if (!*is_first)
		buf_ch(out, ' ');
	*is_first = false;
	buf_str(out, text);
}

static void
list_put_as(struct news *n, struct span name, struct span old, bool has_access)
{
	struct session *s = n->session;
	struct buf *out = respond_out(s);
	const struct known_table *t = &n->notify->table;
	const struct known *k = table_named(t, name);
	bool is_first = true, is_utf8 = s->enabled & (EN_UTF8 | EN_REV2);
	buf_str(out, "* LIST (");
	if (!k)
		attribute_put(out, "\\NonExistent", &is_first);
	if (!has_access)
		attribute_put(out, "\\NoAccess", &is_first);
	attribute_put(out,
	    table_has_children(t, name) ? "\\HasChildren" : "\\HasNoChildren",
	    &is_first);
	if (k ? k->is_subscribed : table_has_name(t, name))
		attribute_put(out, "\\Subscribed", &is_first);
	if (k && k->special_use[0])
		attribute_put(out, k->special_use, &is_first);
	buf_str(out, ") \"/\" ");
	put_mailbox(out, name, is_utf8);
	if (old.n) {
		buf_str(out, " (\"OLDNAME\" (");
		put_mailbox(out, old, is_utf8);
		buf_str(out, "))");
	}
	buf_str(out, "\r\n");
}

static void
list_put(struct news *n, struct span name, struct span old)
{
	list_put_as(n, name, old, true);
}

static bool
wants_name(const struct news *n, struct span name, bool is_subscribed)
{
	return !is_own(n, name) && events_of(n, name, is_subscribed) & NOTIFY_NAME;
}

/* RFC 5465 5.4: the direct parent is affected too */
static void
made_or_removed(struct news *n, struct span name, bool is_subscribed)
{
	struct span parent = span_head(name, span_rfind(name, '/'));
	if (wants_name(n, name, is_subscribed))
		list_put(n, name, SPAN(""));
	if (parent.n == name.n)
		return;
	const struct known *k = table_named(&n->notify->table, parent);
	if (wants_name(n, parent, k && k->is_subscribed))
		list_put(n, parent, SPAN(""));
}

/* Is it only that a level above was renamed? */
static bool
is_renamed_above(const struct news *n, const struct change *c)
{
	struct span now = span_of(c->now->name), was = span_of(c->was.name);
	for (const struct change *other = n->changes; other; other = other->next) {
		if (other == c || !other->now || !other->was.id)
			continue;
		struct span to = span_of(other->now->name),
			    from = span_of(other->was.name);
		if (!span_eq(to, from) && is_below(now, to) && is_below(was, from) &&
		    span_eq(span_from(now, to.n), span_from(was, from.n)))
			return true;
	}
	return false;
}

static void
name_tell(struct news *n, const struct change *c)
{
	struct span was = span_of(c->was.id ? c->was.name : ""),
		    now = span_of(c->now ? c->now->name : "");
	struct known_table *t = &n->notify->table;
	if (span_eq(was, now))
		return;
	/* a subscription stays with its name: RFC 9051 6.3.7 */
	if (was.n && c->was.is_subscribed)
		table_set_name(t, was, true);
	if (now.n)
		table_set_name(t, now, false);
	if (!was.n || !now.n) {
		made_or_removed(n, was.n ? was : now,
		    was.n ? c->was.is_subscribed : c->now->is_subscribed);
		return;
	}
	bool is_wanted = wants_name(n, now, c->now->is_subscribed) ||
	                 wants_name(n, was, c->was.is_subscribed);
	if (is_wanted && !is_own(n, now) && !is_renamed_above(n, c))
		list_put(n, now, was);
}

static void
subscription_tell(struct news *n, const struct change *c)
{
	if (!c->now || !c->was.id || c->was.is_subscribed == c->now->is_subscribed)
		return;
	struct span name = span_of(c->now->name);
	if (!span_eqs(name, c->was.name) || is_own(n, name))
		return;
	/* of "subscribed" it is one, before or behind: RFC 5465 6.4 */
	if (events_of(n, name, true) & NOTIFY_SUBSCRIPTION)
		list_put(n, name, SPAN(""));
}

static bool
is_listed(const struct name *names, struct span text)
{
	for (; names; names = names->next)
		if (span_eq(names->text, text))
			return true;
	return false;
}

static void
name_changed(struct news *n, struct span name, bool is_there)
{
	table_set_name(&n->notify->table, name, is_there);
	if (!n->is_quiet && !is_own(n, name) && !table_named(&n->notify->table, name) &&
	    events_of(n, name, true) & NOTIFY_SUBSCRIPTION)
		list_put(n, name, SPAN(""));
}

/* Subscribed names of no mailbox. */
static void
names_tell(struct news *n)
{
	struct known_table *t = &n->notify->table;
	for (size_t i = t->n_names; i-- > 0;) {
		struct span name = arena_span(&n->arena, span_of(t->names[i]));
		if (!is_listed(n->names, name))
			name_changed(n, name, false);
	}
	for (const struct name *at = n->names; at; at = at->next)
		if (!table_has_name(t, at->text))
			name_changed(n, at->text, true);
}

/* ---- told: rights ---- */

/* RFC 5465 3.1: what the events need beside the right to look it up */
static bool
has_access(unsigned rights, unsigned events)
{
	return (!(events & NOTIFY_MESSAGES) || rights & RIGHT_READ) &&
	       (!(events & NOTIFY_METADATA) || rights & RIGHTS_METADATA);
}

static void
access_tell(struct news *n, const struct change *c)
{
	if (!c->now || !c->was.id)
		return;
	struct span name = span_of(c->now->name);
	unsigned events = events_of(n, name, c->now->is_subscribed);
	bool has = has_access(c->now->rights, events);
	if (has != has_access(c->was.rights, events))
		list_put_as(n, name, SPAN(""), has);
}

/* ---- told: messages ---- */

/* RFC 5465 5.1 to 5.3 */
static unsigned
items_of(const struct session *s, unsigned events, const struct change *c)
{
	const struct known *was = &c->was;
	const struct store_mailbox *now = c->now;
	bool has_modseq = s->enabled & (EN_CONDSTORE | EN_QRESYNC);
	unsigned items = 0;
	if (events & NOTIFY_NEW &&
	    (was->uidnext != now->uidnext || was->messages != now->messages))
		items = STATUS_MESSAGES | STATUS_UIDNEXT;
	if (events & NOTIFY_FLAGS && was->unseen != now->unseen)
		items |= STATUS_UNSEEN;
	if (events & NOTIFY_FLAGS && was->uidvalidity != now->uidvalidity)
		items |= STATUS_UIDVALIDITY;
	if (events & NOTIFY_FLAGS && has_modseq && was->modseq != now->modseq)
		items |= STATUS_UIDVALIDITY | STATUS_HIGHESTMODSEQ;
	if (items && has_modseq)
		items |= STATUS_HIGHESTMODSEQ;
	return items;
}

static void
status_tell(struct news *n, const struct change *c)
{
	struct session *s = n->session;
	const struct selected *b = s->selected;
	struct change fresh = {.was = {.id = 0}, .now = c->now};
	if (!c->now || (b && b->view.mailbox == c->now->id) ||
	    !(c->now->rights & RIGHT_READ))
		return;
	if (!c->was.id) { /* empty as it was made */
		fresh.was = (struct known){.uidvalidity = c->now->uidvalidity,
		    .uidnext = 1,
		    .modseq = c->now->modseq};
		c = &fresh;
	}
	unsigned events = events_of(n, span_of(c->now->name), c->now->is_subscribed);
	unsigned items = items_of(s, events, c);
	if (items)
		status_put(s, c->now, items);
}

/* ---- the feed ---- */

static void
news_tell(struct news *n, const struct store_feed *feed)
{
	forget_unseen(n, feed->is_whole);
	for (const struct change *c = n->changes; c; c = c->next)
		name_tell(n, c);
	for (const struct change *c = n->changes; c; c = c->next) {
		subscription_tell(n, c);
		access_tell(n, c);
		status_tell(n, c);
		(void)respond_flush(n->session); /* who is gone is noted there */
	}
	if (feed->has_names)
		names_tell(n);
}

/* E_OK, E_MORE (nothing yet), E_IO; *is_now: what was asked for at once */
static int
news_read(struct session *s, struct notify *notify, bool is_quiet, bool *is_now)
{
	struct news n = {.session = s, .notify = notify, .is_quiet = is_quiet};
	struct store_feed_to to = {.row = row_take, .name = name_take, .ctx = &n};
	struct store_feed feed;
	n.last = &n.changes;
	int err = store_feed_read(session_own(s), &to, &feed);
	if (err == E_OK) {
		*is_now = feed.is_now;
		notify->is_asked = false;
		notify->since = feed.now;
		news_tell(&n, &feed);
	}
	arena_reset(&n.arena);
	return err;
}

static int
ask(struct session *s, struct notify *n)
{
	int err =
	    n->is_asked ? E_OK : store_feed(session_own(s), n->since, false, &n->fd);
	n->is_asked = err == E_OK;
	if (err != E_OK)
		n->fd = -1;
	return err;
}

/* Up to this moment: what the command did is read while it is known whose it is. */
static int
catch_up(struct session *s, struct notify *n, bool is_quiet)
{
	bool is_now = false;
	int err = store_feed(session_own(s), n->since, true, &n->fd);
	while (err == E_OK && !is_now) {
		err = io_wait(n->fd, POLLIN, deadline_in_ms(STORE_WAIT_MS), IO_STAYS);
		if (err == E_OK)
			err = news_read(s, n, is_quiet, &is_now);
	}
	n->is_asked = false;
	return err == E_OK ? E_OK : E_IO;
}

int
notify_learn(struct session *s, struct notify *n)
{
	store_feed_end(session_own(s));
	int err = catch_up(s, n, true);
	if (err == E_OK)
		err = ask(s, n);
	if (err != E_OK)
		store_feed_end(session_own(s));
	return err == E_OK ? E_OK : E_IO;
}

void
notify_overflow(struct session *s, const char *why)
{
	log_event(LOG_INFO, "notify_ended", "why=%s", why);
	buf_str(respond_out(s),
	    "* OK [NOTIFICATIONOVERFLOW] nothing more is told of mailboxes\r\n");
	s->notify->set = (struct notify_set){.is_none = true};
	s->notify_atts = NULL;
	s->notify_metadata = false;
	if (!metadata_is_told(s))
		store_metadata_quiet(session_own(s));
	s->untold = UNTOLD_COUNT | UNTOLD_FLAGS;
	s->notify->fd = -1;
	table_free(&s->notify->table);
	store_feed_end(session_own(s));
}

/* What woke it may lie in new/. */
static int
take_in(struct session *s)
{
	int err = E_IO;
	for (unsigned i = 0; err != E_OK && i < ASKS_MOST; i++)
		err = store_sync(session_own(s));
	return err;
}

void
notify_tell(struct session *s)
{
	struct notify *n = s->notify;
	unsigned n_failed = 0;
	bool is_now, is_own = s->own_names[0].n > 0 || n->is_behind;
	int err = E_OK;
	n->is_behind = n->is_behind && take_in(s) != E_OK;
	do {
		err = is_own ? catch_up(s, n, false) : E_OK;
		is_own = is_own && err != E_OK;
		if (err == E_OK)
			err = ask(s, n);
		if (err == E_OK)
			err = news_read(s, n, false, &is_now);
		if (err == E_IO)
			n->is_asked = false;
	} while (err == E_OK || (err == E_IO && ++n_failed < ASKS_MOST));
	if (err == E_IO)
		notify_overflow(s, "keeper");
}

/* ---- the answer to SET ---- */

/* RFC 5465 3.1 */
static unsigned
first_items(unsigned events)
{
	unsigned items = 0;
	if (events & NOTIFY_NEW)
		items |= STATUS_MESSAGES | STATUS_UIDNEXT | STATUS_UIDVALIDITY;
	if (events & NOTIFY_FLAGS)
		items |= STATUS_UIDVALIDITY | STATUS_HIGHESTMODSEQ | STATUS_UNSEEN;
	return items;
}

static void
first_status(struct session *s, const struct known *k, unsigned events)
{
	struct store_mailbox m = {.id = k->id,
	    .uidvalidity = k->uidvalidity,
	    .uidnext = k->uidnext,
	    .modseq = k->modseq,
	    .messages = k->messages,
	    .unseen = k->unseen};
	unsigned items = first_items(events);
	memcpy(m.name, k->name, strlen(k->name)); /* it was one's name */
	bool is_selected = s->selected && s->selected->view.mailbox == k->id;
	if (items && !is_selected && k->rights & RIGHT_READ)
		status_put(s, &m, items);
}

void
notify_answer(struct session *s)
{
	const struct known_table *t = &s->notify->table;
	struct news n = {.session = s, .notify = s->notify};
	for (size_t i = 0; i < t->n; i++) {
		const struct known *k = &t->all[i];
		struct span name = span_of(k->name);
		unsigned events = events_of(&n, name, k->is_subscribed);
		if (!has_access(k->rights, events))
			list_put_as(&n, name, SPAN(""), false);
		if (s->notify->set.wants_status)
			first_status(s, k, events);
		(void)respond_flush(s);
	}
}
