/* SPDX-License-Identifier: ISC */
/* clock.c - clocks and dates. */
#include "base/clock.h"

#include <limits.h>
#include <time.h>

static int64_t
clock_us(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t) != 0)
		bug("clock_gettime");
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t
clock_wall_sec(void)
{
	return clock_wall_us() / 1000000;
}

void
date_put(struct buf *out, int64_t wall_sec)
{
	/* not strftime: its names follow the locale */
	static const char day[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char month[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	    "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)wall_sec;
	struct tm tm;
	localtime_r(&t, &tm);
	long zone = tm.tm_gmtoff / 60;
	buf_putf(out, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", day[tm.tm_wday],
	    tm.tm_mday, month[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, zone < 0 ? '-' : '+', (zone < 0 ? -zone : zone) / 60,
	    (zone < 0 ? -zone : zone) % 60);
}

void
date_put_iso(struct buf *out, int64_t wall_sec)
{
	time_t t = (time_t)wall_sec;
	struct tm tm;
	gmtime_r(&t, &tm);
	buf_putf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

int64_t
deadline_in_ms(int64_t ms)
{
	int64_t now = clock_mono_ms();
	return ms > DEADLINE_NONE - now ? DEADLINE_NONE : now + ms;
}

int
deadline_left_ms(int64_t deadline)
{
	if (deadline == DEADLINE_NONE)
		return -1;
	int64_t left = deadline - clock_mono_ms();
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
