/* SPDX-License-Identifier: ISC */
/* event_times.c - how often an account has had something in its window of time. */
#include "deliver/events.h"

bool
event_times_take(struct event_times *t, unsigned most, int64_t now_ms)
{
	if (t->n == 0 || now_ms - t->since_ms > EVENTS_WINDOW_MS)
		*t = (struct event_times){.since_ms = now_ms};
	if (t->n >= most)
		return false;
	t->n++;
	return true;
}

bool
event_times_are_known(const struct event_times *t, int64_t now_ms)
{
	return t->n > 0 && now_ms - t->since_ms < EVENTS_WINDOW_MS;
}
