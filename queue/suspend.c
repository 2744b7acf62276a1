/* SPDX-License-Identifier: ISC */
/* suspend.c - which destinations an admin suspended. */
#include "queue/suspend.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/relay/order.h"
#include "queue/routes.h"

static const char word[] = "suspended ", over_word[] = "resumed ";

static struct {
	/* those that hold, and those of which something comes back */
	struct suspension all[2 * SUSPENDED_MOST];
	size_t n, n_holding;
} suspended;

static const char *
word_of(const struct suspension *s, struct buf *out)
{
	buf_str(out, s->is_over ? over_word : word);
	buf_span(out, buf_as_span(&s->name));
	return buf_cstr(out);
}

static struct suspension *
find(struct span name)
{
	for (size_t i = 0; i < suspended.n; i++)
		if (span_ieq(buf_as_span(&suspended.all[i].name), name))
			return &suspended.all[i];
	return NULL;
}

static struct suspension *
add(struct span name, int64_t since_sec, bool is_over)
{
	if (suspended.n == COUNT(suspended.all))
		return NULL;
	struct suspension *s = &suspended.all[suspended.n++];
	*s = (struct suspension){.since_sec = since_sec, .is_over = is_over};
	for (size_t i = 0; i < name.n; i++)
		buf_ch(&s->name, ch_lower(name.p[i]));
	suspended.n_holding += !is_over;
	return s;
}

static void
forget(struct suspension *s)
{
	suspended.n_holding -= !s->is_over;
	buf_free(&s->name);
	*s = suspended.all[--suspended.n];
}

static void
on_word(void *ctx, struct span text, int64_t value)
{
	(void)ctx;
	bool is_over = span_starts(text, span_of(over_word));
	if (is_over || span_starts(text, span_of(word)))
		add(span_from(text, is_over ? sizeof over_word - 1 : sizeof word - 1),
		    value, is_over);
}

void
suspend_open(void)
{
	if (index_words(the_sched.index, on_word, NULL) != E_OK)
		log_event(LOG_ERR, "suspensions_not_read", "n=%zu", suspended.n);
}

/* ---- whom it is about ---- */

static bool
has_word(struct span words, struct span one)
{
	while (words.n)
		if (span_eq(span_cut(&words, ' '), one))
			return true;
	return false;
}

static bool
fits(struct span name, struct span host)
{
	bool is_below =
	    name.n && name.p[0] == '.' &&
	    (span_ieq(host, span_from(name, 1)) ||
		(host.n > name.n && span_ieq(span_from(host, host.n - name.n), name)));
	return is_below || span_ieq(host, name);
}

const struct suspension *
suspend_find(const struct dest *d)
{
	struct hop hop;
	if (!suspended.n_holding)
		return NULL;
	routes_hop(d->route, buf_as_span(&d->key), &hop);
	for (size_t i = 0; i < suspended.n; i++) {
		const struct suspension *s = &suspended.all[i];
		struct span name = buf_as_span(&s->name);
		if (!s->is_over && (fits(name, hop.host) ||
				       has_word(buf_as_span(&d->provider->key), name)))
			return s;
	}
	return NULL;
}

static uint64_t
waits_of(struct span name)
{
	struct buf b = {0};
	buf_str(&b, word);
	buf_span(&b, name);
	uint64_t n = index_name(buf_as_span(&b));
	buf_free(&b);
	return n;
}

uint64_t
suspend_waits(const struct suspension *s)
{
	return waits_of(buf_as_span(&s->name));
}

const struct suspension *
suspend_of_waits(uint64_t waits_for)
{
	for (size_t i = 0; i < suspended.n; i++)
		if (!suspended.all[i].is_over &&
		    suspend_waits(&suspended.all[i]) == waits_for)
			return &suspended.all[i];
	return NULL;
}

/* ---- what an admin says ---- */

static int
note(const struct suspension *s)
{
	struct buf b = {0};
	int err =
	    index_word_put(the_sched.index, span_of(word_of(s, &b)), s->since_sec);
	buf_free(&b);
	return err;
}

void
suspend_renew(void)
{
	for (size_t i = 0; i < suspended.n; i++)
		if (note(&suspended.all[i]) != E_OK)
			log_event(LOG_ERR, "suspension_not_noted",
			    "dest=%s do=\"suspend it again after a restart\"",
			    log_q(buf_as_span(&suspended.all[i].name)));
}

static int
unnote(const struct suspension *s)
{
	struct buf b = {0};
	int err = index_word_remove(the_sched.index, span_of(word_of(s, &b)));
	buf_free(&b);
	return err == E_BAD ? E_OK : err;
}

int
suspend_add(struct span name)
{
	struct suspension *s = find(name);
	if ((s && !s->is_over) || !name.n || name.n > SUSPENDED_NAME_MAX)
		return E_BAD;
	if (suspended.n_holding == SUSPENDED_MOST)
		return E_LIMIT;
	if (s) { /* what comes back of the last time waits again */
		int err = unnote(s);
		if (err != E_OK)
			return err;
		s->is_over = false;
		s->since_sec = clock_wall_sec();
		suspended.n_holding++;
	} else
		s = add(name, clock_wall_sec(), false);
	if (!s)
		return E_LIMIT;
	int err = note(s);
	if (err != E_OK) {
		forget(s);
		return err;
	}
	log_event(LOG_NOTICE, "suspended", "dest=%s", log_q(buf_as_span(&s->name)));
	dests_suspended();
	return E_OK;
}

int
suspend_end(struct span name)
{
	struct suspension *s = find(name);
	if (!s || s->is_over)
		return E_BAD;
	int err = unnote(s);
	if (err != E_OK)
		return err;
	s->is_over = true;
	suspended.n_holding--;
	if (note(s) != E_OK)
		log_event(LOG_ERR, "resumption_not_noted",
		    "dest=%s do=\"nothing: after a restart, what waits comes at its "
		    "time\"",
		    log_q(buf_as_span(&s->name)));
	log_event(LOG_NOTICE, "resumed", "dest=%s", log_q(buf_as_span(&s->name)));
	suspend_tick();
	return E_OK;
}

const struct suspension *
suspend_at(size_t i)
{
	for (size_t at = 0; at < suspended.n; at++)
		if (!suspended.all[at].is_over && i-- == 0)
			return &suspended.all[at];
	return NULL;
}

/* What waited for its end is fetched, as there is room for it: was it the last? */
static bool
is_all_back(const struct suspension *s)
{
	struct id ids[INDEX_WAITING_MOST];
	for (size_t room; (room = defer_room(COUNT(ids)));) {
		size_t n = index_waiting(the_sched.index, suspend_waits(s), ids, room);
		if (!n)
			return !index_is_damaged(the_sched.index);
		if (!defer_fetch(ids, n))
			break;
	}
	return false;
}

void
suspend_tick(void)
{
	/* the last takes the place of one that is forgotten */
	for (size_t i = suspended.n; i-- > 0;)
		if (suspended.all[i].is_over && is_all_back(&suspended.all[i]) &&
		    unnote(&suspended.all[i]) == E_OK)
			forget(&suspended.all[i]);
}
