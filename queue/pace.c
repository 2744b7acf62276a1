/* SPDX-License-Identifier: ISC */
/* pace.c - connections by success and failure. */
#include "queue/pace.h"

void
pace_init(struct pace *p, const struct pace_rules *r)
{
	*p = (struct pace){.limit = r->first};
}

bool
pace_is_paused(const struct pace *p, int64_t now_ms)
{
	return now_ms < p->slow_until_ms;
}

bool
pace_may_open(const struct pace *p, int64_t now_ms)
{
	return p->n_open < p->limit && !pace_is_paused(p, now_ms) &&
	       (p->n_open == 0 || now_ms >= p->enough_until_ms);
}

void
pace_took(struct pace *p, const struct pace_rules *r)
{
	if (++p->n_good < p->limit * r->grow)
		return;
	p->n_good = 0;
	p->n_slow = 0;
	p->limit += p->limit < r->most;
}

void
pace_enough(struct pace *p, int64_t now_ms)
{
	p->n_good = 0;
	if (p->n_open)
		p->limit = p->n_open;
	p->enough_until_ms = now_ms + PACE_ENOUGH_MS;
}

int64_t
pace_slow(struct pace *p, const struct pace_rules *r, int64_t now_ms)
{
	int64_t wait = r->pause_first_ms;
	if (pace_is_paused(p, now_ms))
		return 0;
	for (unsigned i = 0; i < p->n_slow && wait < r->pause_most_ms; i++)
		wait *= 2;
	if (wait > r->pause_most_ms)
		wait = r->pause_most_ms;
	p->n_slow++;
	p->n_good = 0;
	/* what it does not have is no measure */
	unsigned had = p->limit < p->n_open || !p->n_open ? p->limit : p->n_open;
	p->limit = had * r->shrink_percent / 100;
	if (!p->limit)
		p->limit = 1;
	p->slow_until_ms = now_ms + wait;
	return wait;
}

void
pace_lost(struct pace *p)
{
	p->n_good = 0;
	p->limit = 1;
}

bool
down_is(const struct down *d, int64_t now_ms)
{
	return now_ms < d->until_ms;
}

void
down_failed(struct down *d, int64_t now_ms, int64_t wait_ms)
{
	d->failures++;
	d->until_ms = now_ms + wait_ms;
}

bool
down_ended(struct down *d)
{
	bool was = d->failures > 0;
	*d = (struct down){0};
	return was;
}
