/* SPDX-License-Identifier: ISC */
/* failures.c - counts of wrong passwords, and what comes of them. */
#include "auth/failures.h"

#include <stdio.h>
#include <string.h>

#include "auth/bans_file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"

struct failures {
	struct bans *bans; /* own */
	struct failure_rules rules;
};

struct failures *
failures_open(const struct conf *c)
{
	struct bans *b = bans_open(c, true);
	if (!b)
		return NULL;
	struct failures *f = mem_new(sizeof *f);
	f->bans = b;
	f->rules = (struct failure_rules){.is_on = conf_bool(c, "common", "ban"),
	    .ban_failures = (uint32_t)conf_int(c, "common", "ban_failures"),
	    .lock_failures = (uint32_t)conf_int(c, "common", "lock_failures"),
	    .window_sec = conf_int(c, "common", "failure_window"),
	    .ban_sec = conf_int(c, "common", "ban_time"),
	    .ban_most_sec = conf_int(c, "common", "ban_time_most"),
	    .delay_ms = conf_int(c, "common", "failure_delay") * 1000};
	nets_load(&f->rules.exempt, c, "common", "ban_exempt");
	return f;
}

void
failures_close(struct failures **f)
{
	if (*f) {
		bans_close(&(*f)->bans);
		nets_free(&(*f)->rules.exempt);
	}
	mem_free(f);
}

struct failure_rules *
failures_rules(struct failures *f)
{
	return &f->rules;
}

/* ---- where things stand ---- */

static uint64_t
key_of(const struct net *net)
{
	uint64_t halves[2];
	memcpy(halves, net->b, sizeof halves);
	return bans_mix(bans_mix(halves[0]) ^ halves[1]) | 1;
}

static uint64_t
key_of_both(uint64_t a, uint64_t b)
{
	return bans_mix(bans_mix(a) ^ b) | 1;
}

static size_t
set_of(const struct bans_file *f, uint64_t key, size_t sets)
{
	return (size_t)(bans_mix(key ^ f->head.seed) % sets) * PLACE_WAYS;
}

static int64_t
age_of(int64_t now, int64_t then)
{
	return (
	    int64_t)((uint64_t)now - (uint64_t)then); /* whatever stands in the file */
}

/* What is from days to come, by a clock that was wrong, goes before all others. */
static int64_t
worth(int64_t last, int64_t now)
{
	return age_of(now, last) > -BANS_SLACK_SEC ? last : INT64_MIN;
}

/* Its place; else that of what is not heard of for longest, which is forgotten. */
static struct place *
place_of(struct bans_file *f, struct place *all, uint64_t key, int64_t now)
{
	struct place *set = all + set_of(f, key, PLACE_SETS), *oldest = set;
	for (size_t i = 0; i < PLACE_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (worth(set[i].last_sec, now) < worth(oldest->last_sec, now))
			oldest = &set[i];
	}
	*oldest = (struct place){.key = key, .since_sec = now, .last_sec = now};
	return oldest;
}

static bool
is_fresh(const struct trace *t, int64_t now)
{
	int64_t age = age_of(now, t->last_sec);
	return age > -BANS_SLACK_SEC && age < FAILURES_KEEP_SEC;
}

static struct trace *
trace_find(struct bans_file *f, struct trace *all, uint64_t key, int64_t now)
{
	struct trace *set = all + set_of(f, key, TRACE_SETS);
	for (size_t i = 0; i < PLACE_WAYS; i++)
		if (set[i].key == key && is_fresh(&set[i], now))
			return &set[i];
	return NULL;
}

static void
trace_put(struct bans_file *f, struct trace *all, uint64_t key, int64_t now)
{
	struct trace *set = all + set_of(f, key, TRACE_SETS), *oldest = set;
	for (size_t i = 0; i < PLACE_WAYS; i++) {
		if (set[i].key == key) {
			set[i].last_sec = now;
			return;
		}
		if (worth(set[i].last_sec, now) < worth(oldest->last_sec, now))
			oldest = &set[i];
	}
	*oldest = (struct trace){key, now};
}

/* What is counted begins anew when the window is over, or the clock jumped. */
static void
place_renew(const struct failure_rules *r, struct place *p, int64_t now)
{
	int64_t age = age_of(now, p->since_sec);
	if (age >= r->window_sec || age < -BANS_SLACK_SEC)
		*p = (struct place){.key = p->key, .since_sec = now};
	p->last_sec = now;
}

/* ---- bans ---- */

static void
name_net(uint64_t tag, struct net *out)
{
	*out = (struct net){.bits = BAN_NAME_BITS};
	memcpy(out->b, &tag, sizeof tag);
}

static bool
is_known(const struct failures *f, const struct attempt *a, const struct net *net,
    int64_t now)
{
	struct bans_file *file = f->bans->file;
	return trace_find(file, file->known, key_of_both(a->name_tag, key_of(net)),
		   now) != NULL;
}

bool
failures_refuses(const struct failures *f, const struct attempt *a, int64_t now)
{
	struct net net, name;
	struct ban ban;
	if (!f || bans_net_of(a->client, &net) != E_OK ||
	    nets_has_text(&f->rules.exempt, a->client))
		return false;
	if (bans_has(f->bans, a->client, now, &ban) == E_OK)
		return f->rules.is_on || ban.kind == BAN_ADMIN;
	if (!f->rules.is_on || !a->name_tag)
		return false;
	name_net(a->name_tag, &name);
	return bans_find(f->bans, BAN_LOCK, &name, &ban) == E_OK &&
	       ban_is_in_force(&ban, now) && !is_known(f, a, &net, now);
}

/* Twice as long as the last one, if that is not long over. */
static int64_t
time_of(
    const struct failure_rules *r, const struct ban *old, int64_t now, uint32_t *times)
{
	int64_t sec = r->ban_sec;
	*times = 1;
	if (!old->times || age_of(now, old->until_sec) >= r->ban_most_sec)
		return sec;
	*times = old->times < UINT32_MAX ? old->times + 1 : old->times;
	for (uint32_t i = 1; i < *times && sec < r->ban_most_sec; i++)
		sec *= 2;
	return sec < r->ban_most_sec ? sec : r->ban_most_sec;
}

static void
log_ban(const struct ban *ban, const struct attempt *a)
{
	struct buf who = {0};
	ban_put_who(ban, &who);
	if (ban->kind == BAN_LOCK)
		log_event(LOG_WARNING, "login_locked",
		    "account=%s seconds=%lld failures=%u times=%u client=%s",
		    log_q(buf_as_span(&who)),
		    (long long)(ban->until_sec - ban->since_sec), ban->count,
		    ban->times, log_qs(a->client));
	else
		log_event(LOG_WARNING, "banned",
		    "network=%s seconds=%lld failures=%u times=%u client=%s account=%s",
		    log_q(buf_as_span(&who)),
		    (long long)(ban->until_sec - ban->since_sec), ban->count,
		    ban->times, log_qs(a->client), log_q(a->name));
	buf_free(&who);
}

/* One that an admin said stays as it is. */
static void
ban(struct failures *f, enum ban_kind kind, const struct net *net, uint32_t count,
    const struct attempt *a, int64_t now)
{
	struct ban old = {0},
		   b = {.kind = kind, .net = *net, .since_sec = now, .count = count};
	if (bans_find(f->bans, kind, net, &old) == E_OK && ban_is_in_force(&old, now))
		return;
	if (old.kind != kind)
		old = (struct ban){0};
	b.until_sec = now + time_of(&f->rules, &old, now, &b.times);
	if (kind == BAN_LOCK)
		snprintf(b.text, sizeof b.text, "%.*s", SPAN_ARG(a->name));
	if (bans_put(f->bans, &b, now) != E_OK) {
		log_event(
		    LOG_WARNING, "no_room_for_ban", "client=%s", log_qs(a->client));
		return;
	}
	log_ban(&b, a);
	metric_count(M_BANS + (kind == BAN_LOCK));
}

/* ---- the ends of attempts ---- */

/*
 * Whether this counts.  A password that is not known, of a name that came from there before, counts
 * as one that was seen.
 */
static bool
is_new(struct bans_file *f, const struct attempt *a, bool known, int64_t now)
{
	if (!a->password_tag || !a->name_tag)
		return !known;
	uint64_t key = key_of_both(a->name_tag, a->password_tag);
	bool was_seen = trace_find(f, f->wrong, key, now) != NULL;
	trace_put(f, f->wrong, key, now);
	return !was_seen;
}

static uint32_t
delay_of(const struct failure_rules *r, uint32_t count)
{
	uint32_t n = count ? count - 1 : 0;
	if (n > FAILURES_DOUBLINGS)
		n = FAILURES_DOUBLINGS;
	return (uint32_t)(r->delay_ms << n);
}

static uint32_t
count_network(struct failures *f, const struct attempt *a, const struct net *net,
    bool counts, int64_t now)
{
	struct place *p =
	    place_of(f->bans->file, f->bans->file->networks, key_of(net), now);
	place_renew(&f->rules, p, now);
	p->count += counts;
	uint32_t count = p->count;
	if (counts && count >= f->rules.ban_failures) {
		*p = (struct place){.key = p->key, .since_sec = now, .last_sec = now};
		ban(f, BAN_FAILURES, net, count, a, now);
	}
	return count;
}

static uint32_t
count_name(
    struct failures *f, const struct attempt *a, bool known, bool counts, int64_t now)
{
	struct net net;
	if (!a->name_tag)
		return 0;
	struct place *p =
	    place_of(f->bans->file, f->bans->file->names, a->name_tag, now);
	place_renew(&f->rules, p, now);
	uint32_t *n = known ? &p->count : &p->strangers;
	*n += counts;
	uint32_t count = *n;
	if (!known && counts && f->rules.lock_failures &&
	    count >= f->rules.lock_failures) {
		p->strangers = 0;
		name_net(a->name_tag, &net);
		ban(f, BAN_LOCK, &net, count, a, now);
	}
	return count;
}

uint32_t
failures_wrong(struct failures *f, const struct attempt *a, int64_t now)
{
	struct net net;
	if (!f || !f->rules.is_on || bans_net_of(a->client, &net) != E_OK ||
	    nets_has_text(&f->rules.exempt, a->client))
		return 0;
	if (bans_lock(f->bans) != E_OK)
		return delay_of(&f->rules, FAILURES_DOUBLINGS + 1);
	bool known = a->name_tag && is_known(f, a, &net, now);
	bool counts = is_new(f->bans->file, a, known, now);
	uint32_t of_net = count_network(f, a, &net, counts, now),
		 of_name = count_name(f, a, known, counts, now);
	bans_unlock(f->bans);
	return delay_of(&f->rules, of_net > of_name ? of_net : of_name);
}

void
failures_right(struct failures *f, const struct attempt *a, int64_t now)
{
	struct net net;
	if (!f || !a->name_tag || bans_net_of(a->client, &net) != E_OK)
		return;
	struct bans_file *file = f->bans->file;
	uint64_t key = key_of_both(a->name_tag, key_of(&net));
	const struct trace *known = trace_find(file, file->known, key, now);
	struct place *p = NULL,
		     *set = file->names + set_of(file, a->name_tag, PLACE_SETS);
	for (size_t i = 0; i < PLACE_WAYS; i++)
		if (set[i].key == a->name_tag)
			p = &set[i];
	bool is_noted = known && age_of(now, known->last_sec) < FAILURES_NOTE_SEC;
	if ((is_noted && (!p || !p->count)) || bans_lock(f->bans) != E_OK)
		return;
	if (p && p->key == a->name_tag)
		*p = (struct place){.key = p->key,
		    .since_sec = p->since_sec,
		    .last_sec = now,
		    .strangers = known ? p->strangers : 0};
	trace_put(file, file->known, key, now);
	bans_unlock(f->bans);
}
