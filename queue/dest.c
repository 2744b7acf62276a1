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
#include "queue/suspend.h"

enum { BUCKETS = 4096, PULL_MOST = INDEX_WAITING_MOST };

static const char no_route[] =
    "4.4.0 no relay: no route leads to this domain; it waits";

static struct {
	struct dest *buckets[BUCKETS];
	struct provider *providers[BUCKETS];
	struct dest *hungry, *fresh;
	size_t n;
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
	/* FNV-1a: who fills a bucket with domains of his choice slows his own mail */
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619u;
	return h % BUCKETS;
}

static const struct pace_rules *
dest_rules(void)
{
	static struct pace_rules r;
	const struct conf *c = the_child.conf;
	if (!r.first)
		r = (struct pace_rules){
		    .first = (unsigned)conf_int(c, "queue", "relay_connections_first"),
		    .most = (unsigned)conf_int(c, "queue", "relay_connections_most"),
		    .grow = (unsigned)conf_int(c, "queue", "relay_connections_grow"),
		    .shrink_percent =
			(unsigned)conf_int(c, "queue", "relay_connections_shrink"),
		    .pause_first_ms = conf_int(c, "queue", "relay_pause_first") * 1000,
		    .pause_most_ms = conf_int(c, "queue", "relay_pause_most") * 1000};
	return &r;
}

/* ---- providers ---- */

static struct provider *
provider_get(struct span key)
{
	struct provider **bucket = &dests.providers[bucket_of(key)], *p = *bucket;
	while (p && !span_eq(buf_as_span(&p->key), key))
		p = p->hash_next;
	if (!p) {
		p = mem_new(sizeof *p);
		*p = (struct provider){.hash_next = *bucket};
		buf_span(&p->key, key);
		pace_init(&p->pace, dest_rules());
		*bucket = p;
	}
	p->n_dests++;
	return p;
}

static void
provider_drop(struct provider *p)
{
	struct provider **link = &dests.providers[bucket_of(buf_as_span(&p->key))];
	if (--p->n_dests)
		return;
	while (*link != p)
		link = &(*link)->hash_next;
	*link = p->hash_next;
	buf_free(&p->key);
	buf_free(&p->why);
	mem_free(&p);
}

bool
dest_needs_provider(const struct dest *d, int64_t now)
{
	struct hop hop;
	routes_hop(d->route, buf_as_span(&d->key), &hop);
	bool is_known = d->asked_ms && now - d->asked_ms <= DEST_ASKS_MS &&
	                !d->provider->down.failures;
	return hop.kind == ROUTE_MX && hop.host.n && hop.host.p[0] != '[' && !is_known;
}

/* What is known of it alone goes along where nothing is known of the provider yet. */
void
dest_set_provider(struct dest *d, struct span key, int64_t now)
{
	struct provider *old = d->provider, *p = provider_get(key);
	unsigned n_open = d->n_relays + d->n_coming;
	d->asked_ms = now;
	d->provider = p;
	old->pace.n_open -= n_open;
	old->n_relays -= d->n_relays;
	p->pace.n_open += n_open;
	p->n_relays += d->n_relays;
	provider_drop(old);
}

void
dest_leave_provider(struct dest *d, int64_t now)
{
	dest_set_provider(d, buf_as_span(&d->key), now);
	d->asked_ms = 0;
}

bool
dest_is_left_alone(const struct dest *d, int64_t now)
{
	return down_is(&d->provider->down, now) ||
	       pace_is_paused(&d->provider->pace, now);
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
	*d = (struct dest){
	    .hash_next = *bucket, .key = key, .route = route, .has_rows = true};
	d->provider = provider_get(buf_as_span(&key));
	*bucket = d;
	dests.n++;
	return d;
}

static void
dest_free(struct dest *d)
{
	dests.n--;
	provider_drop(d->provider);
	buf_free(&d->key);
	buf_free(&d->tls_session);
	mem_free(&d);
}

void
dest_look(struct dest *d)
{
	if (d->is_fresh)
		return;
	d->is_fresh = true;
	d->fresh_next = dests.fresh;
	dests.fresh = d;
}

struct dest *
dests_fresh(void)
{
	struct dest *d = dests.fresh;
	if (!d)
		return NULL;
	dests.fresh = d->fresh_next;
	d->is_fresh = false;
	return d;
}

static void
make_hungry(struct dest *d)
{
	d->used_ms = clock_mono_ms();
	dest_look(d);
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
		dest_look(d);
	}
	return dests.hungry;
}

/* ---- what waits ---- */

static void
wait_for(struct dest *d, struct parcel *p)
{
	p->turn.is_bulk = p->message->is_bulk;
	parcel_add(&d->waiting, p);
	turns_add(&the_sched.turns, &d->turns, &p->turn, p->message->tenant, false);
	make_hungry(d);
}

static void
wait_no_more(struct dest *d, struct parcel *p)
{
	parcel_take(&d->waiting, p);
	turns_remove(&the_sched.turns, &p->turn);
}

struct parcel *
dest_next(struct dest *d)
{
	return (struct parcel *)(void *)turns_next(&d->turns);
}

void
dest_take(struct dest *d, struct parcel *p)
{
	p->turn.cost = turn_cost(p->message->envelope.size_bytes, p->n_left);
	parcel_take(&d->waiting, p);
	turns_take(&the_sched.turns, &p->turn);
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
	work_set(&p->message->works[p->which[i]], step,
	    step == STEP_DONE ? NULL : buf_cstr(&text));
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
	p->dest->n_fetched -= p->is_fetched;
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
		if (p->dest == d && !p->is_with_relay && p->n == p->n_left &&
		    p->n < ORDER_RCPTS_MAX &&
		    parcel_bytes(p) + rcpt_bytes(m, rcpt) < ORDER_BYTES_MAX / 2)
			return p;
	size_t room = m->envelope.n_rcpts < ORDER_RCPTS_MAX ? m->envelope.n_rcpts
	                                                    : ORDER_RCPTS_MAX;
	struct parcel *p = mem_new(sizeof *p + room * sizeof p->which[0]);
	*p = (struct parcel){.sibling = m->parcels,
	    .message = m,
	    .dest = d,
	    .is_fetched = m->is_fetched};
	m->parcels = p;
	d->n_fetched += p->is_fetched;
	wait_for(d, p);
	return p;
}

/* ---- messages come ---- */

/*
 * Not tried now, and that is no attempt.  It is fetched when there is room for it, not only at its
 * time.
 */
static void
put_off(struct message *m, struct dest *d, struct work *w, int64_t now)
{
	const struct provider *p = d->provider;
	const struct suspension *s = suspend_find(d);
	int64_t until = p->down.until_ms > p->pace.slow_until_ms
	                    ? p->down.until_ms
	                    : p->pace.slow_until_ms;
	int64_t wait = until > now ? (until - now) / 1000 + 1 : 0;
	struct buf why = {.max = REASON_MAX};
	if (s)
		buf_putf(&why, "4.4.5 an admin suspended mail to %.*s",
		    SPAN_ARG(buf_as_span(&s->name)));
	else if (p->down.failures || wait)
		buf_span(&why, buf_as_span(&p->why));
	else
		buf_str(&why, "4.4.5 it waits for its turn: there is much mail for "
			      "this destination");
	work_set(w, STEP_LATER, buf_cstr(&why));
	buf_free(&why);
	wait += s ? the_sched.retry_most
	          : retry_delay(0, the_sched.retry_first, the_sched.retry_most);
	if (wait > m->wait_sec)
		m->wait_sec = wait;
	m->waits_for = s ? suspend_waits(s) : index_name(buf_as_span(&d->key));
	d->has_rows = true;
	d->used_ms = now;
}

/*
 * One has at most as much of the room for deferred mail as is free: so none is so slow, nor so
 * many, that there is no room for another one's.
 */
static size_t
fetched_room(const struct dest *d)
{
	size_t room = defer_room(FETCH_MOST);
	return room > d->n_fetched ? room - d->n_fetched : 0;
}

static bool
has_room(const struct dest *d, const struct message *m, int64_t now)
{
	if (dest_is_left_alone(d, now) || suspend_find(d))
		return false;
	size_t most = !m->is_fetched ? SIZE_MAX : DEST_FETCHED_MOST;
	if (d->provider->down.failures)
		most = DEST_PROBES_MOST;
	return d->waiting.n < most && (!m->is_fetched || fetched_room(d) > 0);
}

void
dests_take(struct message *m)
{
	int64_t now = clock_mono_ms();
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct work *w = &m->works[i];
		if (w->step != STEP_OUT)
			continue;
		int route =
		    routes_find(m->envelope.rcpts[i].address, m->envelope.sender);
		if (route < 0) {
			work_set(w, STEP_LATER, no_route);
			m->was_tried = true;
			continue;
		}
		struct dest *d =
		    dest_of(route, m->envelope.rcpts[i].address, &m->envelope);
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
	wait_no_more(p->dest, p);
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
	turns_add(&the_sched.turns, &d->turns, &p->turn, p->message->tenant, true);
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
	struct provider *p = d->provider;
	if (down_ended(&p->down))
		log_event(LOG_NOTICE, "destination_up", "dest=%s",
		    log_q(buf_as_span(&p->key)));
	pace_took(&p->pace, dest_rules());
}

/* What waits for it fails for ever where the reason says so ("5."), else it is put off. */
static void
give_back(struct dest *d, struct span why, int64_t now)
{
	for (struct parcel *p; (p = d->waiting.first);) {
		struct message *m = p->message;
		wait_no_more(d, p);
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

/* All that waits for this provider. */
static void
give_back_all(struct provider *p, int64_t now)
{
	for (struct dest *d = dests.hungry; d; d = d->hungry_next)
		if (d->provider == p)
			give_back(d, SPAN(""), now);
}

void
dests_suspended(void)
{
	int64_t now = clock_mono_ms();
	for (struct dest *d = dests.hungry; d; d = d->hungry_next)
		if (suspend_find(d))
			give_back(d, SPAN(""), now);
}

static void
set_why(struct provider *p, struct span why)
{
	buf_reset(&p->why);
	buf_span(&p->why, why);
}

void
dest_failed(struct dest *d, struct span why)
{
	int64_t now = clock_mono_ms();
	struct provider *p = d->provider;
	/* it is so for all that waits; who comes later asks again */
	if (why.n && why.p[0] == '5') {
		give_back(d, why, now);
		return;
	}
	if (p->n_relays) { /* it takes as many connections as it has */
		pace_enough(&p->pace, now);
		return;
	}
	int64_t first = conf_int(the_child.conf, "queue", "relay_down_first"),
		most = conf_int(the_child.conf, "queue", "relay_down_most");
	int64_t wait_sec = retry_delay(p->down.failures, first, most);
	pace_lost(&p->pace);
	down_failed(&p->down, now, wait_sec * 1000);
	set_why(p, why);
	log_event(LOG_NOTICE, "destination_down", "dest=%s wait_sec=%lld why=%s",
	    log_q(buf_as_span(&p->key)), (long long)wait_sec, log_q(why));
	give_back_all(p, now);
}

void
dest_denied(struct dest *d, struct span why)
{
	log_event(LOG_NOTICE, "destination_denied", "dest=%s why=%s",
	    log_q(buf_as_span(&d->key)), log_q(why));
	for (struct parcel *p; (p = d->waiting.first);) {
		struct message *m = p->message;
		wait_no_more(d, p);
		settle_all(p, why.n && why.p[0] == '5' ? STEP_FAILED : STEP_LATER, why);
		parcel_done(p);
		message_judge(m);
	}
}

void
dest_slow(struct dest *d, struct span why)
{
	int64_t now = clock_mono_ms();
	struct provider *p = d->provider;
	int64_t wait_ms = pace_slow(&p->pace, dest_rules(), now);
	if (!wait_ms)
		return;
	set_why(p, why);
	log_event(LOG_NOTICE, "destination_slow",
	    "dest=%s wait_sec=%lld connections=%u why=%s", log_q(buf_as_span(&p->key)),
	    (long long)wait_ms / 1000, p->pace.limit, log_q(why));
	give_back_all(p, now);
}

/* ---- the tick ---- */

/* After a failure, a few to try it. */
void
dest_pull(struct dest *d, int64_t now)
{
	struct id ids[PULL_MOST];
	bool has_failed = d->provider->down.failures > 0;
	size_t most = has_failed ? DEST_PROBES_MOST : PULL_MOST, room = fetched_room(d);
	if (room < most)
		most = room;
	if (!d->has_rows || dest_is_left_alone(d, now) ||
	    d->waiting.n >= (has_failed ? 1 : DEST_FETCHED_LOW) || !most)
		return;
	size_t n =
	    index_waiting(the_sched.index, index_name(buf_as_span(&d->key)), ids, most);
	d->has_rows = n > 0;
	(void)defer_fetch(ids, n); /* what cannot be had is tried at the next tick */
}

/* What is in the journal alone must not wait there: it gets its file. */
static void
put_off_old(struct dest *d, int64_t now)
{
	for (struct parcel *p = d->waiting.first, *next; p; p = next) {
		struct message *m = p->message;
		next = p->next;
		if (m->is_deferred || (!the_sched.has_pressure &&
					  now - m->born_ms <= the_sched.defer_after_ms))
			continue;
		drop(p, now);
		message_judge(m);
	}
}

/* What waits for it in deferred/ alone comes at its time, or when it is known again. */
static bool
may_be_forgotten(const struct dest *d, int64_t now)
{
	if (d->waiting.n || d->is_hungry || d->is_fresh || d->n_relays || d->n_coming)
		return false;
	return dests.n > DESTS_MOST || (!d->has_rows && !dest_is_left_alone(d, now) &&
					   now - d->used_ms >= DEST_KEPT_MS);
}

/* What differs from it in what it asks of TLS has the same provider. */
void
dests_lift(struct span address, struct span sender)
{
	struct envelope e = {.sender = sender};
	struct buf key = {0};
	int route = routes_find(address, sender);
	if (route < 0)
		return;
	routes_key(route, address, &e, &key);
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct dest *d = dests.buckets[b]; d; d = d->hash_next)
			if (span_eq(buf_as_span(&d->key), buf_as_span(&key)))
				d->provider->down.until_ms = 0;
	buf_free(&key);
}

void
dests_tick(void)
{
	int64_t now = clock_mono_ms();
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct dest **link = &dests.buckets[b]; *link;) {
			struct dest *d = *link;
			put_off_old(d, now);
			dest_pull(d, now);
			if (d->is_hungry)
				dest_look(d);
			if (!may_be_forgotten(d, now)) {
				link = &d->hash_next;
				continue;
			}
			*link = d->hash_next;
			dest_free(d);
		}
}
