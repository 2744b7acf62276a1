/* SPDX-License-Identifier: ISC */
/*
 * guest.c - who has something of this account: what each has seen of a mailbox is his own, a row of
 * annotations.
 */
#include <string.h>

#include "base/clock.h"
#include "store/annotations.h"
#include "store/jobs.h"

void
guest_leave(struct guest **gp)
{
	struct guest *g = *gp;
	*gp = NULL;
	if (g && --g->refs == 0)
		mem_free(&g);
}

/* ---- what he has seen ---- */

struct reading {
	const struct guest *guest;
	uint64_t modseq;
	struct numset seen; /* own */
};

/* A row that is not as we write it: nothing was seen. */
static int
read_row(void *ctx, const struct annotation *a)
{
	struct reading *r = ctx;
	struct rd in = rd_of(a->value);
	if (!span_eqs(a->who, r->guest->who))
		return E_OK;
	r->modseq = rd_u64(&in);
	if (numset_decode(&in, &r->seen) == E_OK && rd_end(&in) == E_OK)
		return E_OK;
	r->modseq = 0;
	numset_reset(&r->seen);
	return E_OK;
}

static int
read_seen(const struct slot *s, struct reading *out)
{
	if (the_keeper.annotated.seen_bytes == 0)
		return E_OK;
	return annotation_each(
	    &the_keeper.tables, s->now.id, ANNOTATION_SEEN, read_row, out);
}

static struct guest_view *
find(const struct slot *s, const struct guest *guest)
{
	struct guest_view *g = s->guests;
	while (g && strcmp(g->guest->who, guest->who) != 0)
		g = g->next;
	return g;
}

struct guest_view *
guest_view_of(struct slot *s, struct guest *guest)
{
	struct guest_view *g = find(s, guest);
	struct reading r = {.guest = guest};
	if (g)
		return g;
	if (read_seen(s, &r) != E_OK) {
		numset_free(&r.seen);
		return NULL;
	}
	g = mem_new(sizeof *g);
	*g = (struct guest_view){
	    .next = s->guests, .guest = guest, .seen = r.seen, .modseq = r.modseq};
	guest->refs++;
	s->guests = g;
	return g;
}

int
guest_view(struct slot *s, struct guest *guest, struct view **out)
{
	struct guest_view *g = guest_view_of(s, guest);
	int err = g ? view_for(s, g) : E_IO;
	*out = err == E_OK ? g->view : NULL;
	return err;
}

struct counting {
	const struct numset *seen;
	uint64_t unseen;
};

static int
count_unseen(void *ctx, const struct store_record *r)
{
	struct counting *c = ctx;
	c->unseen += !numset_has(c->seen, r->uid);
	return E_OK;
}

uint64_t
guest_unseen(const struct slot *s, const struct guest *guest)
{
	struct guest_view *g = find(s, guest);
	struct reading r = {.guest = guest};
	if (g && g->view)
		return g->unseen;
	if (read_seen(s, &r) != E_OK || r.seen.n == 0)
		return s->now.messages;
	struct counting c = {.seen = &r.seen};
	int err = record_each(&the_keeper.tables, s->now.id, count_unseen, &c);
	numset_free(&r.seen);
	return err == E_OK ? c.unseen : s->now.messages;
}

/* ---- it changes ---- */

/* Numbers of no message between two that he has seen: ranges grow together. */
static int
close_gaps(const struct view *v, const struct numset *seen, struct numset *out)
{
	int err = E_OK;
	for (size_t i = 0; i < seen->n && err == E_OK; i++) {
		uint32_t to = seen->ranges[i].to, n = v->head->n,
			 at = to < UINT32_MAX
		                  ? store_records_before(v->records, n, to + 1)
		                  : n;
		while (at < n && (v->records[at].flags & FLAG_GONE))
			at++;
		if (at < n)
			to = v->records[at].uid - 1;
		err = numset_add(out, seen->ranges[i].from, to);
	}
	return err;
}

struct his {
	const struct guest *guest;
	uint64_t bytes;
};

static int
add_his(void *ctx, const struct annotation *a)
{
	struct his *h = ctx;
	if (a->kind == ANNOTATION_SEEN && span_eqs(a->who, h->guest->who))
		h->bytes += annotation_bytes(a);
	return E_OK;
}

/* A row that becomes shorter always may.  While there is plenty it is not looked at whose it is. */
static int
check_room(const struct guest *guest, uint64_t was, uint64_t now)
{
	uint64_t all = the_keeper.annotated_next.seen_bytes + now;
	struct his h = {.guest = guest};
	if (now <= was || all - was <= SEEN_ACCOUNT_MAX / 2)
		return E_OK;
	if (all - was > SEEN_ACCOUNT_MAX)
		return E_LIMIT;
	int err = annotation_every(&the_keeper.tables, add_his, &h);
	if (err == E_OK && h.bytes + now - was > SEEN_GUEST_MAX)
		return E_LIMIT;
	return err;
}

static int
write_seen(const struct slot *s, const struct guest_view *g, uint64_t modseq,
    const struct numset *next)
{
	struct annotation_sum *sum = &the_keeper.annotated_next;
	struct annotation row = {.mailbox = s->now.id,
	    .kind = ANNOTATION_SEEN,
	    .who = span_of(g->guest->who)};
	struct buf was = {0}, value = {.max = ANNOTATION_VALUE_MAX};
	buf_u64(&value, modseq);
	numset_encode(&value, next->ranges, next->n);
	buf_u64(&was, g->modseq);
	numset_encode(&was, g->seen.ranges, g->seen.n);
	row.value = buf_as_span(&was);
	uint64_t was_bytes = g->modseq ? annotation_bytes(&row) : 0;
	row.value = buf_as_span(&value);
	int err = buf_done(&value) == E_OK
	              ? check_room(g->guest, was_bytes, annotation_bytes(&row))
	              : E_LIMIT;
	if (err == E_OK)
		err = annotation_put(&the_keeper.tables, job_txn(), &row);
	if (err == E_OK)
		annotation_count(sum, &row, 1);
	row.value = buf_as_span(&was);
	if (err == E_OK && g->modseq)
		annotation_count(sum, &row, -1);
	buf_free(&value);
	buf_free(&was);
	return err;
}

int
guest_see(const struct slot *s, const struct guest_view *g,
    const struct numset *toggled, uint64_t modseq, struct numset *next)
{
	struct numset all = {.n = 0};
	numset_reset(next);
	int err = numset_toggle(&all, &g->seen, toggled);
	if (err == E_OK && g->view) {
		err = close_gaps(g->view, &all, next);
		numset_free(&all);
	} else {
		numset_free(next);
		*next = all;
	}
	return err == E_OK ? write_seen(s, g, modseq, next) : err;
}

void
guest_saw(struct guest_view *g, const struct numset *toggled, uint64_t modseq,
    struct numset *next)
{
	numset_free(&g->seen);
	g->seen = *next;
	*next = (struct numset){.n = 0};
	g->modseq = modseq;
	view_toggle_seen(g, toggled, modseq);
}

/* ---- the end ---- */

static void
forget(struct guest_view **link)
{
	struct guest_view *g = *link;
	*link = g->next;
	guest_view_end(g);
	numset_free(&g->seen);
	guest_leave(&g->guest);
	mem_free(&g);
}

void
guests_free(struct slot *s)
{
	while (s->guests)
		forget(&s->guests);
}

void
guests_end_views(struct slot *s)
{
	for (struct guest_view *g = s->guests; g; g = g->next)
		guest_view_end(g);
}

void
guests_drop_idle(struct slot *s, int64_t now_ms)
{
	struct guest_view **link = &s->guests;
	while (*link) {
		const struct view *v = (*link)->view;
		if (v && (v->n_selected || now_ms - v->idle_since_ms <= VIEW_IDLE_MS))
			link = &(*link)->next;
		else
			forget(link);
	}
}
