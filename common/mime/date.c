/* SPDX-License-Identifier: ISC */
/* date.c - dates of messages and of IMAP. */
#include "mime/date.h"

#include "mime/lex.h"

/* a date-time, and one octet that it is put with */
enum { IMAP_DATE_BYTES = 27, YEAR_MAX = 9999 };

/* ---- the calendar ---- */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap(year));
}

/*
 * Days since 1 January 1970 in the Gregorian calendar; years begin in March here, so that a leap
 * day is their last.
 */
static int32_t
day_number(int year, int month, int day)
{
	int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400,
	    of_era = y - era * 400;
	int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       719468;
}

static void
day_split(int32_t number, int *year, int *month, int *day)
{
	int64_t z = (int64_t)number + 719468;
	int era = (int)((z >= 0 ? z : z - 146096) / 146097),
	    of_era = (int)(z - (int64_t)era * 146097);
	int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m + (m < 10 ? 3 : -9);
	*year = y + era * 400 + (*month <= 2);
}

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

/* 1 to 12, or 0: the first three letters decide. */
static int
month_of(struct span word)
{
	for (int i = 0; word.n >= 3 && i < 12; i++)
		if (span_ieq(span_head(word, 3), span_make(months + 3 * i, 3)))
			return i + 1;
	return 0;
}

/* ---- the parts of a message's date, in whatever order they stand ---- */

struct parts {
	int year, month, day;     /* 0: not seen */
	int hour, minute, second; /* -1: not seen */
	int zone_min;
	bool has_zone, is_zone_number;
};

/*
 * RFC 5322 4.3: the names that have a meaning, and some that programs write.  All others are UTC.
 */
static const struct {
	const char *name;
	int hours;
} zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7},
    {"MDT", -6}, {"PST", -8}, {"PDT", -7}, {"CET", 1}, {"CEST", 2}, {"MET", 1},
    {"MEST", 2}, {"BST", 1}, {"WEST", 1}, {"EET", 2}, {"EEST", 3}, {"MSK", 3},
    {"JST", 9}, {"KST", 9}, {"AEST", 10}, {"AEDT", 11}, {"NZST", 12}, {"NZDT", 13}};

static size_t
digits_len(struct span s)
{
	size_t n = 0;
	while (n < s.n && ch_digit(s.p[n]))
		n++;
	return n;
}

/* A run of digits as a number; -1 when it is longer than six. */
static int
take_number(struct lex *l, size_t *digits)
{
	uint64_t v = 0;
	struct span s = lex_take(l, digits_len(l->in));
	*digits = s.n;
	return s.n <= 6 && span_u64(s, 999999, &v) == E_OK ? (int)v : -1;
}

static bool
take_ch(struct lex *l, char c)
{
	bool is_there = l->in.n && l->in.p[0] == c;
	if (is_there)
		lex_take(l, 1);
	return is_there;
}

/* ":" and a digit, blanks and comments around them (RFC 5322 4.3, A.6.3). */
static bool
take_colon(struct lex *l)
{
	struct lex ahead = *l;
	lex_blanks(&ahead, NULL);
	if (!take_ch(&ahead, ':'))
		return false;
	lex_blanks(&ahead, NULL);
	if (ahead.in.n == 0 || !ch_digit(ahead.in.p[0]))
		return false;
	*l = ahead;
	return true;
}

static bool
take_dot(struct lex *l)
{
	bool is_there = l->in.n > 1 && (l->in.p[0] == '.' || l->in.p[0] == ',') &&
	                ch_digit(l->in.p[1]);
	if (is_there)
		lex_take(l, 1);
	return is_there;
}

/* The hour and its ":" are taken: minutes, seconds, and a fraction that is passed over. */
static void
take_time(struct lex *l, int hour, struct parts *out)
{
	size_t digits;
	int minute = take_number(l, &digits), second = 0;
	if (take_colon(l) || take_dot(l))
		second = take_number(l, &digits);
	if (take_dot(l))
		(void)take_number(l, &digits);
	if (out->hour >= 0)
		return;
	bool is_time = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 &&
	               second >= 0 && second <= 60;
	/* a time that is none is midnight: RFC 5256 2.2 */
	out->hour = is_time ? hour : 0;
	out->minute = is_time ? minute : 0;
	out->second = is_time ? second : 0;
}

/* "+hhmm", "-hh:mm", "+hh"; the sign comes */
static void
take_zone(struct lex *l, struct parts *out)
{
	size_t digits;
	int sign = lex_take(l, 1).p[0] == '-' ? -1 : 1;
	int v = take_number(l, &digits), hours = digits > 2 ? v / 100 : v,
	    minutes = digits > 2 ? v % 100 : 0;
	if (digits <= 2 && take_ch(l, ':'))
		minutes = take_number(l, &digits);
	bool is_zone = v >= 0 && minutes >= 0 && minutes <= 59 &&
	               hours * 60 + minutes <= DATE_ZONE_MIN_MAX;
	out->zone_min = is_zone ? sign * (hours * 60 + minutes) : 0;
	out->has_zone = out->is_zone_number = true;
}

static void
take_word(struct lex *l, struct parts *out)
{
	size_t n = 0;
	while (n < l->in.n && ch_alpha(l->in.p[n]))
		n++;
	struct span word = lex_take(l, n);
	int month = month_of(word);
	if (month && !out->month)
		out->month = month;
	else if (out->hour >= 0 && (span_ieqs(word, "pm") || span_ieqs(word, "am")))
		out->hour = out->hour % 12 + (ch_lower(word.p[0]) == 'p' ? 12 : 0);
	else if (out->hour >= 0 && !out->has_zone)
		for (size_t i = 0; i < COUNT(zones); i++)
			if (span_ieqs(word, zones[i].name)) {
				out->zone_min = 60 * zones[i].hours;
				out->has_zone = true;
			}
}

/* RFC 5322 4.3 */
static int
year_of(int v, size_t digits)
{
	if (digits == 2)
		return v < 50 ? 2000 + v : 1900 + v;
	return digits == 3 ? 1900 + v : v;
}

/* "2026-11-24" (ISO 8601): the year is taken, "-" and a digit come. */
static void
take_iso(struct lex *l, int year, struct parts *out)
{
	size_t digits;
	out->year = year;
	lex_take(l, 1);
	out->month = take_number(l, &digits);
	if (take_ch(l, '-'))
		out->day = take_number(l, &digits);
	if (l->in.n > 1 && ch_lower(l->in.p[0]) == 't' && ch_digit(l->in.p[1]))
		lex_take(l, 1);
}

static void
take_digits(struct lex *l, struct parts *out)
{
	size_t digits;
	int v = take_number(l, &digits);
	bool is_iso = digits == 4 && !out->year && !out->month && l->in.n > 1 &&
	              l->in.p[0] == '-' && ch_digit(l->in.p[1]);
	if (take_colon(l) ||
	    (digits <= 2 && out->day && out->month && out->year && take_dot(l)))
		take_time(l, v, out);
	else if (is_iso)
		take_iso(l, v, out);
	else if (digits <= 2 && !out->day)
		out->day = v;
	else if (digits >= 2 && !out->year)
		out->year = year_of(v, digits);
	else
		return;
	if (!out->year || !out->month)
		(void)(take_ch(l, '-') ||
		       take_ch(l, '/')); /* "17-Jul-1996": no sign of a zone */
}

static void
take_parts(struct lex *l, struct parts *out)
{
	while (lex_blanks(l, NULL), l->in.n) {
		char c = l->in.p[0];
		bool is_sign =
		    (c == '+' || c == '-') && l->in.n > 1 && ch_digit(l->in.p[1]);
		if (ch_digit(c))
			take_digits(l, out);
		else if (ch_alpha(c))
			take_word(l, out);
		else if (is_sign && out->hour >= 0 && !out->is_zone_number)
			take_zone(l, out);
		else
			lex_take(l, 1);
	}
}

static int
parts_done(const struct parts *p, struct date *out)
{
	if (p->year < 1 || p->year > 9999 || p->month < 1 || p->month > 12 ||
	    p->day < 1 || p->day > month_days(p->year, p->month))
		return E_BAD;
	int sec = p->hour < 0 ? 0 : p->hour * 3600 + p->minute * 60 + p->second;
	out->day = day_number(p->year, p->month, p->day);
	out->zone_min = p->zone_min;
	out->unix_sec = (int64_t)out->day * 86400 + sec - p->zone_min * 60;
	return E_OK;
}

int
date_parse(struct span value, struct date *out)
{
	struct lex l = {.in = span_head(value, DATE_BYTES_MAX)};
	struct parts p = {.hour = -1};
	take_parts(&l, &p);
	return parts_done(&p, out);
}

/* ---- IMAP: RFC 3501 9 ---- */

/* Exactly n digits, at most max. */
static bool
take_fixed(struct span *in, size_t n, int max, int *out)
{
	uint64_t v;
	if (in->n < n || span_u64(span_head(*in, n), (uint64_t)max, &v) != E_OK)
		return false;
	*out = (int)v;
	*in = span_from(*in, n);
	return true;
}

/* "-Feb-1994" */
static bool
take_month_year(struct span *in, struct parts *p)
{
	if (!span_take(in, '-'))
		return false;
	p->month = month_of(span_head(*in, 3));
	*in = span_from(*in, 3);
	return p->month && span_take(in, '-') && take_fixed(in, 4, 9999, &p->year);
}

int
date_imap_day_parse(struct span in, int32_t *day)
{
	struct parts p = {.hour = -1};
	struct date date;
	if (!take_fixed(&in, digits_len(in) == 2 ? 2 : 1, 31, &p.day) ||
	    !take_month_year(&in, &p) || in.n)
		return E_BAD;
	if (parts_done(&p, &date) != E_OK)
		return E_BAD;
	*day = date.day;
	return E_OK;
}

static bool
take_imap_zone(struct span *in, struct parts *p)
{
	bool is_west = span_take(in, '-');
	int hours, minutes;
	if (!is_west && !span_take(in, '+'))
		return false;
	if (!take_fixed(in, 2, 23, &hours) || !take_fixed(in, 2, 59, &minutes))
		return false;
	p->zone_min = (is_west ? -1 : 1) * (60 * hours + minutes);
	return true;
}

int
date_imap_parse(struct span in, struct date *out)
{
	struct parts p = {.hour = -1};
	bool is_short = span_take(&in, ' ');
	bool is_good = take_fixed(&in, is_short ? 1 : 2, 31, &p.day) &&
	               take_month_year(&in, &p) && span_take(&in, ' ') &&
	               take_fixed(&in, 2, 23, &p.hour) && span_take(&in, ':') &&
	               take_fixed(&in, 2, 59, &p.minute) && span_take(&in, ':') &&
	               take_fixed(&in, 2, 60, &p.second) && span_take(&in, ' ') &&
	               take_imap_zone(&in, &p);
	return is_good && in.n == 0 ? parts_done(&p, out) : E_BAD;
}

int32_t
date_day_of(int64_t unix_sec, int zone_min)
{
	int64_t local = unix_sec + 60 * zone_min;
	return (int32_t)((local >= 0 ? local : local - 86399) / 86400);
}

/* Two digits, and what stands behind them. */
static char *
put_pair(char *p, int number, char behind)
{
	p[0] = (char)('0' + number / 10);
	p[1] = (char)('0' + number % 10);
	p[2] = behind;
	return p + 3;
}

void
date_imap_put(struct buf *out, int64_t unix_sec, int zone_min)
{
	int year, month, day;
	int32_t number = date_day_of(unix_sec, zone_min);
	int sec = (int)(unix_sec + 60 * zone_min - (int64_t)number * 86400);
	int zone = zone_min < 0 ? -zone_min : zone_min;
	char *room = buf_room(out, IMAP_DATE_BYTES), *p = room;
	if (!room)
		return;
	day_split(number, &year, &month, &day);
	year = year < 0 ? 0 : year > YEAR_MAX ? YEAR_MAX : year;
	p = put_pair(p, day, '-');
	if (day < 10)
		room[0] = ' ';
	const char *name = months + 3 * (month - 1);
	*p++ = ch_upper(name[0]);
	*p++ = name[1];
	*p++ = name[2];
	*p++ = '-';
	p = put_pair(p, year / 100, 0) - 1;
	p = put_pair(p, year % 100, ' ');
	p = put_pair(p, sec / 3600, ':');
	p = put_pair(p, sec / 60 % 60, ':');
	p = put_pair(p, sec % 60, ' ');
	*p++ = zone_min < 0 ? '-' : '+';
	p = put_pair(p, zone / 60, 0) - 1;
	put_pair(p, zone % 60, 0);
	buf_added(out, IMAP_DATE_BYTES - 1);
}
