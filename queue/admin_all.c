/* SPDX-License-Identifier: ISC */
/* admin_all.c - all messages are listed, flushed or removed, a slice after the other. */
#include "queue/admin_all.h"

#include "base/log.h"
#include "conf/domain.h"
#include "queue/dest.h"

enum {
	SLICE_ROWS = 200,
	FULL_WAIT_MS = 5, /* who asked does not read as fast */
};

/* Entries on their way. */
struct packet {
	struct packet *next;
	uint16_t n;
	struct buf entries; /* own */
};

struct admin_all {
	struct admin_all **own; /* borrow: where it is noted */
	enum admin_all_kind kind;
	struct buf account;       /* own; empty: all accounts */
	struct asker *asker;      /* borrow */
	struct loop_timer *timer; /* own */
	void (*ended)(struct asker *, uint32_t n);
	struct id after; /* at first none: an id is not zero */
	bool is_through;
	uint32_t n;
	/* own: packets that wait for the channel, the last perhaps not full */
	struct packet *first, **end;
	struct buf ids;    /* own: of a slice */
	struct buf domain; /* own: only its mail; empty: all */
};

/* ---- a list's packets ---- */

static struct packet *
packet_add(struct admin_all *a)
{
	struct packet *p = mem_new(sizeof *p);
	*a->end = p;
	a->end = &p->next;
	return p;
}

static void
list_entry(struct admin_all *a, struct buf *entry)
{
	struct packet *p = a->first;
	while (p && p->next)
		p = p->next;
	if (!p || p->entries.len + entry->len > ADMIN_PACKET_BYTES)
		p = packet_add(a);
	buf_span(&p->entries, buf_as_span(entry));
	p->n++;
	buf_free(entry);
}

static int
send_packet(struct admin_all *a, const struct packet *p)
{
	struct buf b = {0};
	buf_u16(&b, p->n);
	buf_span(&b, buf_as_span(&p->entries));
	int err =
	    ask_send(a->asker->chan, ADMIN_LIST | ASK_REPLY, buf_as_span(&b), -1, 0);
	buf_free(&b);
	return err;
}

/* E_OK: all are sent.  E_LIMIT: the channel is full */
static int
send_packets(struct admin_all *a)
{
	for (struct packet *p; (p = a->first);) {
		int err = send_packet(a, p);
		if (err != E_OK)
			return err;
		a->first = p->next;
		if (!p->next)
			a->end = &a->first;
		buf_free(&p->entries);
		mem_free(&p);
	}
	return E_OK;
}

/* ---- slices ---- */

static bool
is_meant(const struct admin_all *a, struct span account, bool is_held)
{
	struct span wanted = buf_as_span(&a->account);
	bool is_of_held = a->kind == ALL_RELEASE || a->kind == ALL_PURGE;
	return (!wanted.n || span_ieq(wanted, account)) && (is_held || !is_of_held);
}

/* In a mailbox is delivered: what only waits for its checkpoint is neither shown nor counted. */
static bool
is_stored(struct id id)
{
	const struct message *m = message_find(id);
	return m && message_is_stored(m);
}

/* Also what is stored: should its checkpoint fail, it does not come back. */
static void
remove_one(struct admin_all *a, struct id id)
{
	uint32_t n = 0;
	bool was_stored = is_stored(id);
	admin_remove_one(id, &n);
	a->n += was_stored ? 0 : n;
}

static void
do_one(struct admin_all *a, struct id id)
{
	switch (a->kind) {
	case ALL_LIST:
		break;
	case ALL_FLUSH:
		admin_flush_one(id, &a->n);
		break;
	case ALL_HOLD:
		admin_hold_one(id, &a->n);
		break;
	case ALL_RELEASE:
		admin_release_one(id, &a->n);
		break;
	case ALL_REMOVE:
	case ALL_PURGE:
		remove_one(a, id);
		break;
	}
}

/* By those of its recipients that a row has; where they go may have been down. */
static bool
is_for_domain(const struct admin_all *a, const struct index_row *row)
{
	bool is_for = false;
	for (uint32_t i = 0; i < row->entry.n_rcpts; i++) {
		struct span to = row->entry.rcpts[i].address;
		if (!domain_same(span_from(to, span_rfind(to, '@') + 1),
			buf_as_span(&a->domain)))
			continue;
		dests_lift(to, row->entry.sender);
		is_for = true;
	}
	return is_for;
}

static int
on_row(void *ctx, const struct index_row *row)
{
	struct admin_all *a = ctx;
	struct buf entry = {0};
	if (a->domain.len && !is_for_domain(a, row))
		return E_OK;
	if (a->kind != ALL_LIST) {
		if (is_meant(a, row->entry.account, row->entry.state == ADMIN_HELD))
			buf_put(&a->ids, row->id.b, ID_BYTES);
		return E_OK;
	}
	if (message_find(row->id))
		return E_OK; /* it was there, or came since */
	admin_put_row(&entry, row);
	list_entry(a, &entry);
	return E_OK;
}

static void
for_ids(struct admin_all *a)
{
	for (struct rd r = rd_of(buf_as_span(&a->ids)); r.in.n;) {
		struct id id;
		rd_id(&r, &id);
		do_one(a, id);
	}
	buf_reset(&a->ids);
}

static void
active_ones(struct admin_all *a)
{
	struct buf entry = {0};
	for (size_t i = 0; i < the_sched.n_buckets && a->kind != ALL_FLUSH; i++)
		for (struct message *m = the_sched.buckets[i]; m; m = m->hash_next) {
			if (a->kind != ALL_LIST) {
				if (is_meant(a, m->envelope.account, m->is_held))
					buf_put(&a->ids, m->envelope.id.b, ID_BYTES);
			} else if (!message_is_stored(m)) {
				admin_put_active(&entry, m);
				list_entry(a, &entry);
			}
		}
	for_ids(a);
}

static void
next_slice(struct admin_all *a)
{
	int err = index_each(the_sched.index, &a->after, SLICE_ROWS, on_row, a);
	for_ids(a);
	if (err == E_MORE)
		return;
	if (err != E_OK)
		log_event(LOG_ERR, "rows_not_read", "do=\"%s\"",
		    "nothing: where the index is damaged it is made anew");
	a->is_through = true;
	if (a->kind == ALL_LIST)
		packet_add(a); /* empty: the end */
}

static void
go_on(void *ctx)
{
	struct admin_all *a = ctx;
	int err = send_packets(a);
	if (err == E_IO)
		return; /* the loop says so, too */
	if (err == E_OK && a->is_through) {
		struct admin_all **own = a->own;
		if (a->ended)
			a->ended(a->asker, a->n);
		admin_all_free(own);
		return;
	}
	if (err == E_OK)
		next_slice(a);
	loop_timer_set(a->timer, err == E_OK ? 0 : FULL_WAIT_MS);
}

void
admin_all_begin(struct admin_all **own, enum admin_all_kind kind, struct span account,
    struct asker *asker, void (*ended)(struct asker *, uint32_t n))
{
	struct admin_all *a = mem_new(sizeof *a);
	*a = (struct admin_all){
	    .own = own, .kind = kind, .asker = asker, .ended = ended};
	a->end = &a->first;
	buf_span(&a->account, account);
	a->timer = loop_timer_new(the_sched.loop, go_on, a);
	*own = a;
	active_ones(a);
	loop_timer_set(a->timer, 0);
}

void
admin_all_for(struct admin_all **own, struct span domain)
{
	admin_all_begin(own, ALL_FLUSH, SPAN(""), NULL, NULL);
	buf_span(&(*own)->domain, domain);
}

void
admin_all_free(struct admin_all **ap)
{
	struct admin_all *a = *ap;
	if (!a)
		return;
	loop_timer_free(&a->timer);
	for (struct packet *p = a->first, *next; p; p = next) {
		next = p->next;
		buf_free(&p->entries);
		mem_free(&p);
	}
	buf_free(&a->ids);
	buf_free(&a->account);
	buf_free(&a->domain);
	mem_free(ap);
}
