/* SPDX-License-Identifier: ISC */
/*
 * relays.c - relay processes: which there are, who gets what, and what they say.  Each has one
 * destination, and as many messages in hand as it is quick.
 */
#include "queue/relays.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "queue/backoff.h"
#include "queue/orders.h"
#include "queue/refused.h"
#include "queue/relay/order.h"
#include "queue/routes.h"
#include "queue/suspend.h"

enum {
	/* messages that a relay has in hand */
	WINDOW_FIRST = 4,
	WINDOW_QUICK = 16,
	WINDOW_MOST = 64,
	/* messages that may wait for one that is quick, before another is opened */
	QUICK_WAITING = 256,
	/* to one destination: the one before may turn out to be quick */
	OPEN_EVERY_MS = 20,
	RESULT_BURST = 16,
	RELAYS_MAX = 4096,      /* the most that relays_most may be */
	COMING_WAIT_MS = 10000, /* for a process that was asked for */
	SILENT_MS = 4 * 3600 * 1000,
};

static struct {
	struct relay *all;
	unsigned n;
	/* borrow: for whom processes were asked, in the order of asking */
	struct dest *coming[RELAYS_MAX];
	unsigned coming_first, n_coming;
	int64_t coming_ms; /* when the last one was asked for */
	bool is_feeding;
	unsigned n_wanted; /* destinations that could do with a connection more */
	bool is_crowded;   /* all are in use, and some destination has none */
} relays;

bool
relays_are_busy(void)
{
	for (struct relay *r = relays.all; r; r = r->next)
		if (r->sent.n)
			return true;
	return false;
}

void
parcel_over(struct parcel *p)
{
	struct message *m = p->message;
	parcel_done(p);
	if (message_is_busy(m))
		defer_note(
		    m); /* the others may take long; these must not be sent again */
	message_judge(m);
}

void
parcel_settle_rest(struct parcel *p, enum rcpt_step step, struct span reason)
{
	for (uint16_t i = 0; i < p->n; i++)
		if (p->which[i] != NO_RCPT)
			parcel_settle(p, i, step, reason);
	p->message->was_tried = true;
}

/* ---- who gets what ---- */

static bool
is_quick(const struct relay *r)
{
	return r->window >= WINDOW_QUICK;
}

/*
 * A quick one gets more when half of what it had is through: so what waits is handed over in
 * batches.
 */
static bool
has_room(const struct relay *r)
{
	return !r->has_ended && !r->is_asking &&
	       (is_quick(r) ? r->sent.n <= r->window / 2 : r->sent.n < r->window);
}

/* The first that is quick; else idle ones, then those with the least in hand. */
static struct relay *
best_of(struct dest *d)
{
	struct relay *best = NULL;
	for (struct relay *r = d->relays; r; r = r->dest_next)
		if (has_room(r) && (!best || is_quick(r) > is_quick(best) ||
				       (!is_quick(best) && r->sent.n < best->sent.n)))
			best = r;
	return best;
}

/* What the open ones see to: of a quick one also what it will have in a moment. */
static size_t
in_hand(const struct dest *d)
{
	size_t n = (size_t)d->n_coming * WINDOW_FIRST;
	for (struct relay *r = d->relays; r; r = r->dest_next)
		n += is_quick(r)    ? QUICK_WAITING
		     : r->is_asking ? WINDOW_FIRST
		                    : r->sent.n;
	return n;
}

/* A relay that has no destination yet takes this one. */
static void
take_dest(struct relay *r, struct dest *d)
{
	struct hop hop;
	struct buf body = {0};
	routes_hop(d->route, buf_as_span(&d->key), &hop);
	hop.tls_session = buf_as_span(&d->tls_session);
	hop.is_asking = r->is_asking = dest_needs_provider(d, clock_mono_ms());
	hop_put(&body, &hop);
	r->class = hop_class(&hop);
	r->dest = d;
	r->dest_next = d->relays;
	d->relays = r;
	d->n_relays++;
	d->provider->n_relays++;
	d->provider->pace.n_open++;
	dest_look(d);
	r->has_ended = ask_send(r->fd, RELAY_HOP, buf_as_span(&body), -1, 0) != E_OK;
	buf_wipe(&body);
}

static unsigned
n_free(void)
{
	unsigned most = (unsigned)conf_int(the_child.conf, "queue", "relays_most"),
		 n = relays.n + relays.n_coming;
	return n < most ? most - n : 0;
}

/* One more connection, where more waits than all have in hand. */
static bool
wants_more(const struct dest *d, int64_t now)
{
	return d->waiting.n > in_hand(d) && !down_is(&d->provider->down, now) &&
	       pace_may_open(&d->provider->pace, now) &&
	       (d->n_relays + d->n_coming == 0 || now - d->opened_ms >= OPEN_EVERY_MS);
}

static void
set_wanted(struct dest *d, bool is_wanted)
{
	if (d->is_wanted == is_wanted)
		return;
	d->is_wanted = is_wanted;
	if (is_wanted)
		relays.n_wanted++;
	else
		relays.n_wanted--;
}

static void
open_one(struct dest *d)
{
	set_wanted(d, false);
	d->n_coming++; /* before: it may come while we ask */
	d->provider->pace.n_open++;
	relays.coming[(relays.coming_first + relays.n_coming++) % RELAYS_MAX] = d;
	relays.coming_ms = d->opened_ms = clock_mono_ms();
	if (child_spawn("relay", 0) == E_OK)
		return;
	/* else one came that nobody had asked for, and took its place */
	if (d->n_coming) {
		relays.n_coming--;
		d->n_coming--;
		d->provider->pace.n_open--;
	}
}

static bool
is_wanted(void *ctx, struct turns *t)
{
	struct dest *d = (struct dest *)(void *)t;
	const int64_t *now = ctx;
	if (d->is_wanted && !wants_more(d, *now))
		set_wanted(d, false);
	return d->is_wanted;
}

/* While there are processes to be had: to the destinations that tenants' turns lead to. */
static void
open_more(void)
{
	int64_t now = clock_mono_ms();
	for (struct turns *t; relays.n_wanted && n_free() &&
			      (t = turn_pick(&the_sched.turns, is_wanted, &now));)
		open_one((struct dest *)(void *)t);
}

/* For whom the next one comes; NULL: nobody expects it any more. */
static struct dest *
coming(void)
{
	if (!relays.n_coming)
		return NULL;
	struct dest *d = relays.coming[relays.coming_first];
	relays.coming_first = (relays.coming_first + 1) % RELAYS_MAX;
	relays.n_coming--;
	d->n_coming--;
	d->provider->pace.n_open--;
	return d;
}

/* Others wait for its place: it gets nothing more, and ends when it has nothing in hand. */
static void
relay_leave(struct relay *r)
{
	r->has_ended = r->is_leaving = true;
	if (r->sent.n || r->was_told)
		return;
	r->was_told = true;
	if (ask_send(r->fd, RELAY_LEAVE, SPAN(""), -1, 0) != E_OK)
		dest_look(r->dest); /* it is gone, and that is read next */
}

/* Others want its place: it gets no more than its turn. */
static bool
must_leave(struct relay *r)
{
	bool is_crowded = relays.is_crowded || r->dest->provider->is_starved;
	return is_crowded && r->cost && !turn_goes_on(&r->dest->turns, r->cost);
}

static void
feed_dest(struct dest *d, int64_t now)
{
	dest_pull(d, now);
	for (struct relay *r;
	     d->waiting.n && !dest_is_left_alone(d, now) && (r = best_of(d));) {
		size_t share =
			   is_quick(r) ? d->waiting.n : d->waiting.n / d->n_relays + 1,
		       room = r->window - r->sent.n;
		if (must_leave(r)) {
			relay_leave(r);
			continue;
		}
		orders_begin(r, (unsigned)(share < room ? share : room));
	}
	set_wanted(d, wants_more(d, now));
}

void
relays_feed(void)
{
	int64_t now = clock_mono_ms();
	if (relays.is_feeding || the_child.is_draining)
		return;
	relays.is_feeding = true; /* what comes of it may feed again */
	for (struct dest *d; (d = dests_fresh());)
		feed_dest(d, now);
	open_more();
	relays.is_feeding = false;
}

/* Who waits for a connection that others have? */
static void
look_for_starved(int64_t now)
{
	relays.is_crowded = false;
	for (struct relay *r = relays.all; r; r = r->next)
		if (r->dest)
			r->dest->provider->is_starved = false;
	for (struct dest *d = dests_hungry(); d; d = d->hungry_next) {
		if (d->n_relays + d->n_coming || dest_is_left_alone(d, now))
			continue;
		relays.is_crowded |= n_free() == 0;
		d->provider->is_starved |=
		    d->provider->pace.n_open >= d->provider->pace.limit;
	}
	for (struct relay *r = relays.all; r; r = r->next)
		if (r->dest && !r->sent.n && !r->is_asking && !r->dest->waiting.n &&
		    (relays.is_crowded || r->dest->provider->is_starved))
			relay_leave(r);
}

/* ---- results ---- */

/* The parcel that this is about, most often the first. */
static struct parcel *
parcel_of(struct relay *r, const struct job_result *result, uint16_t *which)
{
	for (struct parcel *p = r->sent.first; p; p = p->next) {
		if (!id_eq(p->message->envelope.id, result->id))
			continue;
		for (*which = 0; *which < p->n; (*which)++)
			if (p->which[*which] == result->rcpt)
				return p;
	}
	return NULL;
}

static void
log_result(const struct message *m, const struct job_result *result)
{
	struct span to = m->envelope.rcpts[result->rcpt].address;
	log_event(LOG_NOTICE, result->outcome == JOB_TEMP ? "deferred" : "failed",
	    "mid=%s rcpt=%s reason=%s", id_text(result->id), log_q(to),
	    log_q(result->reason));
}

/* The server reports to the sender what he asked for, or we do. */
static void
relayed(struct message *m, const struct job_result *result)
{
	struct work *w = &m->works[result->rcpt];
	refused_forget(m->envelope.rcpts[result->rcpt].address);
	if (result->is_notified ||
	    report_of_success(m, result->rcpt, ACTION_RELAYED) == ACTION_NONE)
		return;
	struct buf said = {.max = REASON_MAX + 1};
	buf_span(&said, result->reason);
	work_set(w, STEP_SENT, buf_cstr(&said));
	w->owes = ACTION_RELAYED;
	buf_free(&said);
}

static void
take_result(void *ctx, const struct job_result *result)
{
	struct relay *r = ctx;

	static const enum rcpt_step steps[] = {[JOB_PLACED] = STEP_DONE,
	    [JOB_TEMP] = STEP_LATER,
	    [JOB_PERM] = STEP_FAILED};

	uint16_t i;
	struct parcel *p = parcel_of(r, result, &i);
	if (!p) {
		log_event(LOG_ERR, "result_unasked", "mid=%s rcpt=%u",
		    id_text(result->id), result->rcpt);
		return;
	}
	if (result->outcome != JOB_PLACED)
		log_result(p->message, result);
	/* what failed for ever is counted when it is reported */
	if (result->outcome != JOB_PERM)
		metric_count(
		    M_QUEUE_RECIPIENTS +
		    (result->outcome == JOB_PLACED ? METRIC_RELAYED : METRIC_DEFERRED));
	metric_took(M_RELAY_ATTEMPT, p->handed_us);
	if (result->outcome == JOB_PLACED)
		metric_age(
		    M_RELAYED_AGE, clock_wall_sec() - p->message->envelope.arrived_sec);
	p->message->was_tried |= result->outcome == JOB_TEMP;
	parcel_settle(p, i, steps[result->outcome], result->reason);
	if (result->outcome == JOB_TEMP &&
	    backoff_class(result->reason) == BACKOFF_RATE)
		dest_slow(r->dest, result->reason);
	if (result->outcome == JOB_PLACED)
		relayed(p->message, result);
	if (p->n_left)
		return;
	parcel_take(&r->sent, p);
	parcel_over(p);
	if (result->outcome != JOB_TEMP)
		dest_good(r->dest);
}

static int
take_results(struct relay *r, struct rd *body)
{
	uint16_t n;
	int err = job_results_each(body, take_result, r, &n);
	/* so many at once: it can have more */
	if (n >= r->window / 2 && r->window < WINDOW_MOST)
		r->window *= 2;
	dest_look(r->dest);
	return err;
}

/* ---- a relay ends ---- */

static void
unlink_relay(struct relay *r)
{
	struct relay **link = &relays.all;
	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	relays.n--;
	if (!r->dest)
		return;
	for (link = &r->dest->relays; *link != r;)
		link = &(*link)->dest_next;
	*link = r->dest_next;
	r->dest->n_relays--;
	r->dest->provider->n_relays--;
	r->dest->provider->pace.n_open--;
	dest_look(r->dest);
}

/* Its connection is closed; what it had is with r->sent still. */
static void
relay_close(struct relay *r)
{
	orders_forget(r);
	unlink_relay(r);
	loop_unwatch(&r->watch);
	close(r->fd);
}

/* What has a result was counted by the relay. */
static void
count_rest(const struct relay *r, const struct parcel *p, enum metric_attempt how)
{
	metric_attempts(r->class, how, p->n_left);
	for (uint16_t i = 0; i < p->n_left; i++)
		metric_took(M_RELAY_ATTEMPT, p->handed_us);
}

static void
give_back(struct relay *r, bool is_begun, enum metric_attempt how, struct span why)
{
	for (struct parcel *p; (p = r->sent.last);) {
		struct message *m = p->message;
		parcel_take(&r->sent, p);
		if (is_begun) {
			count_rest(r, p, how);
			parcel_settle_rest(
			    p, why.p[0] == '5' ? STEP_FAILED : STEP_LATER, why);
			parcel_over(p);
			continue;
		}
		dest_put_back(r->dest, p);
		if (m->is_removed || m->is_held) {
			dests_drop(m);
			message_judge(m);
		}
	}
}

/* It died, or is not what it should be: whether the remote has taken what it had nobody knows. */
static void
relay_gone(struct relay *r, const char *why)
{
	log_event(LOG_ERR, "relay_lost", "why=\"%s\" in_hand=%zu", why, r->sent.n);
	relay_close(r);
	give_back(r, true, METRIC_ATTEMPT_CUT,
	    SPAN("4.3.0 the process that sent it ended; it is sent again"));
	mem_free(&r);
}

static int
take_end(struct relay *r, struct rd *body)
{
	uint8_t how = rd_u8(body), counted = rd_u8(body);
	struct buf why = {0};
	buf_span(&why, rd_str(body, JOB_REASON_MAX));
	struct span session = rd_str(body, HOP_TLS_SESSION_MAX);
	struct dest *d = r->dest;
	if (rd_end(body) != E_OK || !d || how < RELAY_END_FINE ||
	    how > RELAY_END_POLICY || counted >= METRIC_ATTEMPT_COUNT) {
		buf_free(&why);
		return E_BAD;
	}
	if (how != RELAY_END_FINE && !why.len)
		buf_str(&why, "4.4.2 the connection was of no use");
	buf_reset(&d->tls_session);
	buf_span(&d->tls_session, session);
	r->has_ended = true;
	relay_close(r);
	/* what it found may be other hosts than those of before, or none */
	if (how == RELAY_END_DOWN && !r->has_provider)
		dest_leave_provider(d, clock_mono_ms());
	if (how != RELAY_END_FINE) {
		give_back(r, true, counted, buf_as_span(&why));
		if (how == RELAY_END_DOWN)
			dest_failed(d, buf_as_span(&why));
		else
			dest_denied(d, buf_as_span(&why));
	} else
		give_back(r, false, counted, SPAN(""));
	mem_free(&r);
	buf_free(&why);
	return E_OK;
}

/* It knows who its provider is: may it connect?  If not, nobody is there any more when it looks. */
static int
take_provider(struct relay *r, struct rd *body)
{
	struct span key = rd_str(body, HOP_PROVIDER_MAX);
	int64_t now = clock_mono_ms();
	if (rd_end(body) != E_OK || !key.n || !r->dest || !r->is_asking)
		return E_BAD;
	struct dest *d = r->dest;
	dest_set_provider(d, key, now);
	r->is_asking = false;
	r->has_provider = true;
	dest_look(d);
	/* that these hosts are its own was not known before */
	bool is_suspended = suspend_find(d) != NULL;
	if (is_suspended || dest_is_left_alone(d, now) ||
	    d->provider->pace.n_open > d->provider->pace.limit) {
		relay_close(r);
		mem_free(&r);
		if (is_suspended)
			dests_suspended();
		return E_MORE;
	}
	return ask_send(r->fd, RELAY_GO, SPAN(""), -1, 0) == E_OK ? E_OK : E_IO;
}

static void
on_relay(void *ctx, int fd, unsigned events)
{
	struct relay *r = ctx;
	(void)events;
	for (int i = 0; i < RESULT_BURST; i++) {
		struct ask_msg m;
		int err = ask_recv(fd, &the_sched.scratch, &m, 0);
		if (err == E_LIMIT)
			break;
		if (err == E_OK && m.fd >= 0)
			close(m.fd);
		r->heard_ms = clock_mono_ms();
		bool is_end = err == E_OK && m.type == RELAY_END;
		if (is_end)
			err = take_end(r, &m.body);
		else if (err == E_OK && m.type == RELAY_AT)
			err = take_provider(r, &m.body);
		else if (err == E_OK)
			err = m.type == RELAY_RESULTS && r->dest
			          ? take_results(r, &m.body)
			          : E_BAD;
		if (err == E_OK && !is_end && r->is_leaving)
			relay_leave(r);
		if (err == E_MORE)
			break; /* it left */
		if (err != E_OK)
			relay_gone(r,
			    err == E_IO ? "it is gone" : "its results are malformed");
		if (err != E_OK || is_end)
			break;
	}
	relays_feed();
	sched_flush();
}

/* ---- a relay comes ---- */

/* The destination that it was asked for, or another one that nobody serves. */
static struct dest *
needy(void)
{
	struct dest *d = coming();
	int64_t now = clock_mono_ms();
	if (d && d->waiting.n)
		return d;
	struct turns *t = turn_pick(&the_sched.turns, is_wanted, &now);
	if (t)
		set_wanted((struct dest *)(void *)t, false);
	return (struct dest *)(void *)t;
}

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)about;
	struct dest *d = kind == QUEUE_RELAY ? needy() : NULL;
	if (!d) { /* what it was for is done */
		close(fd);
		return;
	}
	struct relay *r = mem_new(sizeof *r);
	*r = (struct relay){.next = relays.all,
	    .fd = fd,
	    .window = WINDOW_FIRST,
	    .heard_ms = clock_mono_ms()};
	relays.all = r;
	relays.n++;
	r->watch = loop_watch(the_sched.loop, fd, LOOP_READ, on_relay, r);
	take_dest(r, d);
	relays_feed();
}

void
relays_open(void)
{
	the_child.on_client = on_client;
}

/* What is under way for long must not hold the journal: it gets its file meanwhile. */
static void
file_old(int64_t now)
{
	for (struct relay *r = relays.all; r; r = r->next)
		for (struct parcel *p = r->sent.first; p; p = p->next)
			if (the_sched.has_pressure ||
			    now - p->message->born_ms > the_sched.defer_after_ms)
				defer_file(p->message);
}

void
relays_tick(void)
{
	int64_t now = clock_mono_ms();
	while (relays.n_coming && now - relays.coming_ms > COMING_WAIT_MS)
		coming(); /* it did not come */
	for (struct relay *r = relays.all, *next; r; r = next) {
		next = r->next;
		if (r->sent.n && now - r->heard_ms > SILENT_MS)
			relay_gone(r, "silent");
	}
	file_old(now);
	dests_tick();
	look_for_starved(now);
	relays_feed();
}
