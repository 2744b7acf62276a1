/* SPDX-License-Identifier: ISC */
/* date.c - tests date and currentdate.  RFC 5260 4, 5. */
#include "mime/date.h"

#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

enum date_part {
	DATE_YEAR,
	DATE_MONTH,
	DATE_DAY,
	DATE_DATE,
	DATE_JULIAN,
	DATE_HOUR,
	DATE_MINUTE,
	DATE_SECOND,
	DATE_TIME,
	DATE_ISO8601,
	DATE_STD11,
	DATE_ZONE,
	DATE_WEEKDAY,
};

static int
date_part_find(struct span name)
{
	static const char *const names[] = {[DATE_YEAR] = "year",
	    [DATE_MONTH] = "month",
	    [DATE_DAY] = "day",
	    [DATE_DATE] = "date",
	    [DATE_JULIAN] = "julian",
	    [DATE_HOUR] = "hour",
	    [DATE_MINUTE] = "minute",
	    [DATE_SECOND] = "second",
	    [DATE_TIME] = "time",
	    [DATE_ISO8601] = "iso8601",
	    [DATE_STD11] = "std11",
	    [DATE_ZONE] = "zone",
	    [DATE_WEEKDAY] = "weekday"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return (int)i;
	return -1;
}

/* "+0100".  E_OK, E_BAD */
static int
zone_parse(struct span text, int *out)
{
	uint64_t n;
	if (text.n != 5 || (text.p[0] != '+' && text.p[0] != '-') ||
	    span_u64(span_from(text, 1), 9999, &n) != E_OK || n % 100 > 59 ||
	    n / 100 > 23)
		return E_BAD;
	*out = (int)(n / 100 * 60 + n % 100) * (text.p[0] == '-' ? -1 : 1);
	return E_OK;
}

static int
check_parts(
    struct sieve_check *c, struct sieve_node *node, const struct sieve_arg *part)
{
	const struct sieve_arg *zone = node_opt_arg(node, OPT_ZONE);
	struct span text;
	int min;
	if (check_constant(part, &text) && date_part_find(text) < 0)
		return check_error(c, part->line,
		    "invalid date part '%.*s' for the %.*s test",
		    SPAN_ARG(span_head(text, 60)), SPAN_ARG(node->name));
	if (check_constant(zone, &text) && zone_parse(text, &min) != E_OK)
		return check_error(c, zone->line,
		    "invalid :zone argument '%.*s' for the %.*s test",
		    SPAN_ARG(span_head(text, 60)), SPAN_ARG(node->name));
	return E_OK;
}

int
check_date(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_header(c, node);
	if (err == E_OK)
		err = check_parts(c, node, node->pos[1]);
	return err == E_OK ? check_match(c, node) : err;
}

int
check_currentdate(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_parts(c, node, node->pos[0]);
	if (err == E_OK && node_opt_value(node, OPT_ZONE, 0) == 2)
		err = check_error(
		    c, node->line, "the currentdate test accepts no :originalzone tag");
	return err == E_OK ? check_match(c, node) : err;
}

/* ---- a date in a zone, in numbers ---- */

struct civil {
	long year;
	unsigned month, day, hour, minute, second,
	    weekday;  /* of month and day the first is 1 */
	int64_t days; /* since 1 January 1970 */
	int zone_min;
};

static void
civil_of(int64_t unix_sec, int zone_min, struct civil *out)
{
	int64_t local = unix_sec + (int64_t)zone_min * 60;
	int64_t days = local >= 0 ? local / 86400 : -((86399 - local) / 86400);
	unsigned sec = (unsigned)(local - days * 86400);
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100),
		 mp = (5 * doy + 2) / 153;
	out->day = doy - (153 * mp + 2) / 5 + 1;
	out->month = mp < 10 ? mp + 3 : mp - 9;
	out->year = (long)(yoe + era * 400) + (out->month <= 2);
	out->hour = sec / 3600;
	out->minute = sec / 60 % 60;
	out->second = sec % 60;
	out->weekday = (unsigned)((days % 7 + 7 + 4) % 7);
	out->days = days;
	out->zone_min = zone_min;
}

static void
put_zone(const struct civil *d, const char *between, struct buf *out)
{
	unsigned min = (unsigned)(d->zone_min < 0 ? -d->zone_min : d->zone_min);
	buf_putf(out, "%c%02u%s%02u", d->zone_min < 0 ? '-' : '+', min / 60, between,
	    min % 60);
}

static void
put_std11(const struct civil *d, struct buf *out)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	buf_putf(out, "%s, %02u %s %04ld %02u:%02u:%02u ", days[d->weekday], d->day,
	    months[d->month - 1], d->year, d->hour, d->minute, d->second);
	put_zone(d, "", out);
}

static void
put_part(const struct civil *d, int part, struct buf *out)
{
	switch (part) {
	case DATE_YEAR:
		buf_putf(out, "%04ld", d->year);
		break;
	case DATE_MONTH:
		buf_putf(out, "%02u", d->month);
		break;
	case DATE_DAY:
		buf_putf(out, "%02u", d->day);
		break;
	case DATE_DATE:
		buf_putf(out, "%04ld-%02u-%02u", d->year, d->month, d->day);
		break;
	case DATE_JULIAN: /* modified: days since 17 November 1858 */
		buf_putf(out, "%lld", (long long)d->days + 40587);
		break;
	case DATE_HOUR:
		buf_putf(out, "%02u", d->hour);
		break;
	case DATE_MINUTE:
		buf_putf(out, "%02u", d->minute);
		break;
	case DATE_SECOND:
		buf_putf(out, "%02u", d->second);
		break;
	case DATE_TIME:
		buf_putf(out, "%02u:%02u:%02u", d->hour, d->minute, d->second);
		break;
	case DATE_ISO8601:
		buf_putf(out, "%04ld-%02u-%02uT%02u:%02u:%02u", d->year, d->month,
		    d->day, d->hour, d->minute, d->second);
		put_zone(d, ":", out);
		break;
	case DATE_STD11:
		put_std11(d, out);
		break;
	case DATE_ZONE:
		put_zone(d, "", out);
		break;
	default:
		buf_putf(out, "%u", d->weekday);
	}
}

/* ---- run ---- */

struct looking {
	const struct sieve_node *node;
	struct sieve_matcher m;
	int part;
};

/* The zone that is asked for; E_BAD: it is made of variables, and none. */
static int
zone_of(struct sieve_run *run, const struct sieve_node *node, int original, int *out)
{
	*out = run->in->zone_min;
	switch (node_opt_value(node, OPT_ZONE, 0)) {
	case 1:
		return zone_parse(run_arg(run, node_opt_arg(node, OPT_ZONE)), out);
	case 2:
		*out = original;
		return E_OK;
	default:
		return E_OK;
	}
}

static int
match_date(struct sieve_run *run, struct looking *l, int64_t unix_sec, int original)
{
	struct buf value = {0};
	struct civil d;
	int zone;
	if (zone_of(run, l->node, original, &zone) != E_OK)
		return run->err;
	civil_of(unix_sec, zone, &d);
	put_part(&d, l->part, &value);
	(void)match_value(run, &l->m, buf_as_span(&value));
	buf_free(&value);
	return run->err;
}

/* Of Received and the like the date stands behind the last ';'. */
static int
date_field_seen(struct sieve_run *run, struct span name, struct span raw, void *ctx)
{
	struct looking *l = ctx;
	size_t at = span_rfind(raw, ';');
	struct date d;
	(void)name;
	if (run_spend(run, l->node->line, raw.n) != E_OK ||
	    date_parse(at < raw.n ? span_from(raw, at + 1) : raw, &d) != E_OK)
		return run->err;
	return match_date(run, l, d.unix_sec, d.zone_min);
}

int
test_date(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct looking l = {.node = node};
	struct span name = run_arg(run, node->pos[0]);
	l.part = date_part_find(run_arg(run, node->pos[1]));
	if (match_begin(run, node, node->pos[2], &l.m) != E_OK)
		return run->err;
	if (l.part >= 0)
		(void)view_each_field(run, node, &name, 1, date_field_seen, &l);
	return match_end(run, &l.m, out);
}

int
test_currentdate(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct looking l = {.node = node};
	l.part = date_part_find(run_arg(run, node->pos[0]));
	if (match_begin(run, node, node->pos[1], &l.m) != E_OK)
		return run->err;
	if (l.part >= 0)
		(void)match_date(run, &l, run->in->now_sec, run->in->zone_min);
	return match_end(run, &l.m, out);
}
