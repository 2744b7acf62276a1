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

enum { DATE_BYTES = 19, HOUR_SEC = 3600, MINUTE_SEC = 60 };

void
time3339_put(struct buf *out, int64_t wall_sec)
{
	time_t t = (time_t)wall_sec;
	struct tm tm;
	gmtime_r(&t, &tm);
	buf_putf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A number of just these digits, within its range. */
static bool
digits(struct span s, size_t at, size_t n, int least, int most, int *out)
{
	uint64_t v;
	if (at + n > s.n || span_u64(span_head(span_from(s, at), n), 9999, &v) != E_OK)
		return false;
	*out = (int)v;
	return *out >= least && *out <= most;
}

/* "Z", "+01:00"; seconds east of Greenwich. */
static bool
zone(struct span s, int64_t *out)
{
	int h, m;
	*out = 0;
	if (s.n == 1 && (s.p[0] == 'Z' || s.p[0] == 'z'))
		return true;
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':' ||
	    !digits(s, 1, 2, 0, 23, &h) || !digits(s, 4, 2, 0, 59, &m))
		return false;
	*out = (h * HOUR_SEC + m * MINUTE_SEC) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

/* ".25" */
static struct span
skip_fraction(struct span s)
{
	size_t n = 1;
	if (!s.n || s.p[0] != '.')
		return s;
	while (n < s.n && ch_digit(s.p[n]))
		n++;
	return n > 1 ? span_from(s, n) : s;
}

int
time3339_parse(struct span in, int64_t *out)
{
	struct tm tm = {0};
	int64_t east;
	int year, month;
	bool is_good = in.n > DATE_BYTES && digits(in, 0, 4, 1970, 9999, &year) &&
	               in.p[4] == '-' && digits(in, 5, 2, 1, 12, &month) &&
	               in.p[7] == '-' && digits(in, 8, 2, 1, 31, &tm.tm_mday) &&
	               (in.p[10] == 'T' || in.p[10] == 't') &&
	               digits(in, 11, 2, 0, 23, &tm.tm_hour) && in.p[13] == ':' &&
	               digits(in, 14, 2, 0, 59, &tm.tm_min) && in.p[16] == ':' &&
	               digits(in, 17, 2, 0, 60, &tm.tm_sec) &&
	               zone(skip_fraction(span_from(in, DATE_BYTES)), &east);
	if (!is_good)
		return E_BAD;
	int day = tm.tm_mday;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	int64_t sec = timegm(&tm);
	if (tm.tm_mon != month - 1 && day > 28) /* a month that has no such day */
		return E_BAD;
	*out = sec - east;
	return *out > 0 ? E_OK : E_BAD;
}
