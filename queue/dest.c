/* SPDX-License-Identifier: ISC */
/* dest.c - what waits for each destination, and how it is with them. */
#include "queue/dest.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/relay/order.h"
#include "queue/retry.h"
#include "queue/routes.h"

enum { BUCKETS = 4096, PULL_MOST = 64, ENOUGH_MS = 10000 /* a server refused one connection more: no other for so long */ };

static const char no_route[] = "4.4.0 no relay: no route leads to this domain; it waits";

static struct {
	struct dest *buckets[BUCKETS];
	struct dest *hungry;
} dests;

/* ---- lists ---- */

void
parcel_add(struct parcel_list *l, struct parcel *p)
{
	p->next = NULL;
	p->prev = l->last;
	if (l->last)
		l->last->next = p;
	else
		l->first = p;
	l->last = p;
	l->n++;
}

void
parcel_take(struct parcel_list *l, struct parcel *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		l->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		l->last = p->prev;
	p->next = p->prev = NULL;
	l->n--;
}

/* ---- the table ---- */

static size_t
bucket_of(struct span key)
{
	uint32_t h = 2166136261u; /* FNV-1a: who fills a bucket with domains of his choice slows his own mail */
	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619u;
	return h % BUCKETS;
}

static struct dest *
dest_of(int route, struct span address, const struct envelope *e)
{
	struct buf key = {0};
	routes_key(route, address, e, &key);
	struct dest **bucket = &dests.buckets[bucket_of(buf_as_span(&key))];
	struct dest *d = *bucket;
	while (d && !span_eq(buf_as_span(&d->key), buf_as_span(&key)))
		d = d->hash_next;
	if (d) {
		buf_free(&key);
		return d;
	}
	d = mem_new(sizeof *d);
	*d = (struct dest){.hash_next = *bucket, .key = key, .route = route,
	    .limit = (unsigned)conf_int(the_child.conf, "queue", "relay_connections_first")};
	*bucket = d;
	return d;
}

static void
dest_free(struct dest *d)
{
	buf_free(&d->key);
	buf_free(&d->why);
	buf_free(&d->ids);
	buf_free(&d->tls_session);
	mem_free(&d);
}

static void
make_hungry(struct dest *d)
{
	d->used_ms = clock_mono_ms();
	if (d->is_hungry)
		return;
	d->is_hungry = true;
	d->hungry_next = dests.hungry;
	dests.hungry = d;
}

struct dest *
dests_hungry(void)
{
	struct dest **link = &dests.hungry;
	while (*link) {
		struct dest *d = *link;
		if (d->waiting.n) {
			link = &d->hungry_next;
			continue;
		}
		*link = d->hungry_next;
		d->is_hungry = false;
	}
	return dests.hungry;
}

/* ---- parcels ---- */

void
parcel_step(struct parcel *p, enum rcpt_step step)
{
	for (uint16_t i = 0; i < p->n; i++)
		if (p->which[i] != NO_RCPT)
			work_set(&p->message->works[p->which[i]], step, NULL);
}

void
parcel_settle(struct parcel *p, uint16_t i, enum rcpt_step step, struct span reason)
{
	struct buf text = {.max = REASON_MAX + 1};
	buf_span(&text, span_head(reason, REASON_MAX));
	work_set(&p->message->works[p->which[i]], step, step == STEP_DONE ? NULL : buf_cstr(&text));
	buf_free(&text);
	p->which[i] = NO_RCPT;
	p->n_left--;
}

static void
settle_all(struct parcel *p, enum rcpt_step step, struct span reason)
{
	for (uint16_t i = 0; i < p->n; i++)
		if (p->which[i] != NO_RCPT)
			parcel_settle(p, i, step, reason);
}

void
parcel_done(struct parcel *p)
{
	struct parcel **link = &p->message->parcels;
	while (*link != p)
		link = &(*link)->sibling;
	*link = p->sibling;
	mem_free(&p);
}

static size_t
rcpt_bytes(const struct message *m, uint16_t i)
{
	const struct rcpt *r = &m->envelope.rcpts[i];
	return r->address.n + r->orcpt.n + 16;
}

static size_t
parcel_bytes(const struct parcel *p)
{
	size_t n = 0;
	for (uint16_t i = 0; i < p->n; i++)
		n += rcpt_bytes(p->message, p->which[i]);
	return n;
}

static struct parcel *
parcel_for(struct message *m, struct dest *d, uint16_t rcpt)
{
	for (struct parcel *p = m->parcels; p; p = p->sibling)
		if (p->dest == d && !p->is_with_relay && p->n == p->n_left && p->n < ORDER_RCPTS_MAX &&
		    parcel_bytes(p) + rcpt_bytes(m, rcpt) < ORDER_BYTES_MAX / 2)
			return p;
	size_t room = m->envelope.n_rcpts < ORDER_RCPTS_MAX ? m->envelope.n_rcpts : ORDER_RCPTS_MAX;
	struct parcel *p = mem_new(sizeof *p + room * sizeof p->which[0]);
	*p = (struct parcel){.sibling = m->parcels, .message = m, .dest = d};
	m->parcels = p;
	parcel_add(&d->waiting, p);
	make_hungry(d);
	return p;
}

/* ---- messages come ---- */

/* Its file is known to wait for this destination: it is fetched when there is room for it, not only at its time. */
static void
note_id(struct dest *d, struct id id)
{
	d->ids.max = DEST_IDS_MOST * ID_BYTES;
	if (d->ids.len + ID_BYTES <= d->ids.max)
		buf_put(&d->ids, id.b, ID_BYTES);
	d->used_ms = clock_mono_ms();
}

/* Not tried now, and that is no attempt. */
static void
put_off(struct message *m, struct dest *d, struct work *w, int64_t now)
{
	int64_t wait = d->down_until_ms > now ? (d->down_until_ms - now) / 1000 + 1 : 0;
	struct buf why = {.max = REASON_MAX};
	if (d->failures)
		buf_span(&why, buf_as_span(&d->why));
	else
		buf_str(&why, "4.4.5 it waits for its turn: there is much mail for this destination");
	work_set(w, STEP_LATER, buf_cstr(&why));
	buf_free(&why);
	wait += retry_delay(0, the_sched.retry_first, the_sched.retry_most);
	if (wait > m->wait_sec)
		m->wait_sec = wait;
	note_id(d, m->envelope.id);
}

static bool
has_room(const struct dest *d, const struct message *m, int64_t now)
{
	if (now < d->down_until_ms)
		return false;
	size_t most = !m->is_deferred ? SIZE_MAX : DEST_FETCHED_MOST;
	if (d->failures)
		most = DEST_PROBES_MOST;
	return d->waiting.n < most;
}

void
dests_take(struct message *m)
{
	int64_t now = clock_mono_ms();
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct work *w = &m->works[i];
		if (w->step != STEP_OUT)
			continue;
		int route = routes_find(m->envelope.rcpts[i].address);
		if (route < 0) {
			work_set(w, STEP_LATER, no_route);
			m->was_tried = true;
			continue;
		}
		struct dest *d = dest_of(route, m->envelope.rcpts[i].address, &m->envelope);
		if (!has_room(d, m, now)) {
			put_off(m, d, w, now);
			continue;
		}
		struct parcel *p = parcel_for(m, d, (uint16_t)i);
		p->which[p->n++] = (uint16_t)i;
		p->n_left++;
		work_set(w, STEP_QUEUED, NULL);
	}
}

/* This one waits no longer. */
static void
drop(struct parcel *p, int64_t now)
{
	struct message *m = p->message;
	parcel_take(&p->dest->waiting, p);
	for (uint16_t i = 0; i < p->n; i++)
		if (p->which[i] != NO_RCPT)
			put_off(m, p->dest, &m->works[p->which[i]], now);
	parcel_done(p);
}

void
dests_drop(struct message *m)
{
	for (struct parcel *p = m->parcels, *next; p; p = next) {
		next = p->sibling;
		if (!p->is_with_relay)
			drop(p, clock_mono_ms());
	}
}

/* ---- how it goes ---- */

void
dest_put_back(struct dest *d, struct parcel *p)
{
	p->is_with_relay = false;
	parcel_step(p, STEP_QUEUED);
	p->prev = NULL;
	p->next = d->waiting.first;
	if (p->next)
		p->next->prev = p;
	else
		d->waiting.last = p;
	d->waiting.first = p;
	d->waiting.n++;
	make_hungry(d);
}

void
dest_good(struct dest *d)
{
	unsigned most = (unsigned)conf_int(the_child.conf, "queue", "relay_connections_most");
	if (d->failures)
		log_event(LOG_NOTICE, "destination_up", "dest=%s", log_q(buf_as_span(&d->key)));
	d->failures = 0;
	d->down_until_ms = 0;
	if (++d->n_good >= d->limit) {
		d->n_good = 0;
		d->limit += d->limit < most;
	}
}

/* What waits for it fails for ever where the reason says so ("5."), else it is put off. */
static void
give_back(struct dest *d, struct span why, int64_t now)
{
	for (struct parcel *p; (p = d->waiting.first);) {
		struct message *m = p->message;
		parcel_take(&d->waiting, p);
		if (why.n && why.p[0] == '5')
			settle_all(p, STEP_FAILED, why);
		else
			for (uint16_t i = 0; i < p->n; i++)
				if (p->which[i] != NO_RCPT)
					put_off(m, d, &m->works[p->which[i]], now);
		parcel_done(p);
		message_judge(m);
	}
}

void
dest_failed(struct dest *d, struct span why)
{
	int64_t now = clock_mono_ms();
	d->n_good = 0;
	if (why.n && why.p[0] == '5') { /* it is so for all that waits; who comes later asks again */
		give_back(d, why, now);
		return;
	}
	if (d->n_relays) { /* it takes as many connections as it has */
		d->limit = d->n_relays;
		d->opened_ms = now + ENOUGH_MS;
		return;
	}
	int64_t first = conf_int(the_child.conf, "queue", "relay_down_first"),
	        most = conf_int(the_child.conf, "queue", "relay_down_most");
	d->limit = 1;
	int64_t wait_sec = retry_delay(d->failures, first, most);
	d->failures++;
	d->down_until_ms = now + wait_sec * 1000;
	buf_reset(&d->why);
	buf_span(&d->why, why);
	log_event(LOG_NOTICE, "destination_down", "dest=%s wait_sec=%lld why=%s", log_q(buf_as_span(&d->key)), (long long)wait_sec,
	    log_q(why));
	give_back(d, why, now);
}

/* ---- the tick ---- */

/* What waits in deferred/ comes when the destination works and has little to do; after a failure, a few to try it. */
static void
pull(struct dest *d, int64_t now)
{
	struct id ids[PULL_MOST];
	size_t most = d->failures ? DEST_PROBES_MOST : PULL_MOST, n = 0;
	if (!d->ids.len || now < d->down_until_ms || d->waiting.n >= (d->failures ? 1 : DEST_FETCHED_LOW))
		return;
	for (; n < most && (n + 1) * ID_BYTES <= d->ids.len; n++)
		memcpy(ids[n].b, d->ids.p + n * ID_BYTES, ID_BYTES);
	buf_drop(&d->ids, defer_fetch(ids, n) * ID_BYTES);
}

/* What is in the journal alone must not wait there: it gets its file. */
static void
put_off_old(struct dest *d, int64_t now)
{
	for (struct parcel *p = d->waiting.first, *next; p; p = next) {
		struct message *m = p->message;
		next = p->next;
		if (m->is_deferred || (!the_sched.has_pressure && now - m->born_ms <= the_sched.defer_after_ms))
			continue;
		drop(p, now);
		message_judge(m);
	}
}

void
dests_tick(void)
{
	int64_t now = clock_mono_ms();
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct dest **link = &dests.buckets[b]; *link;) {
			struct dest *d = *link;
			put_off_old(d, now);
			pull(d, now);
			bool is_in_use = d->waiting.n || d->is_hungry || d->n_relays || d->n_coming || d->ids.len;
			if (is_in_use || now < d->down_until_ms || now - d->used_ms < DEST_KEPT_MS) {
				link = &d->hash_next;
				continue;
			}
			*link = d->hash_next;
			dest_free(d);
		}
}
