/* SPDX-License-Identifier: ISC */
/* logline.c - lines of the log, taken apart. */
#include "ctl/logline.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

/* ---- times ---- */

/* Digits of a fixed number; false: there are not as many. */
static bool
take_number(struct span *s, size_t digits, int *out)
{
	*out = 0;
	if (s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (!ch_digit(s->p[i]))
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = span_from(*s, digits);
	return true;
}

static bool
take_clock(struct span *s, struct tm *tm)
{
	return take_number(s, 2, &tm->tm_hour) && span_take(s, ':') &&
	       take_number(s, 2, &tm->tm_min) && span_take(s, ':') &&
	       take_number(s, 2, &tm->tm_sec);
}

static int
take_fraction(struct span *s)
{
	int us = 0, unit = 100000;
	if (!span_take(s, '.') && !span_take(s, ','))
		return 0;
	for (; s->n && ch_digit(s->p[0]); *s = span_from(*s, 1), unit /= 10)
		us += unit * (s->p[0] - '0');
	return us;
}

/* "Z", "+01:00", "+0100"; none is local time. */
static bool
take_zone(struct span *s, int *minutes, bool *is_local)
{
	int sign, h = 0, m = 0;
	*minutes = 0;
	*is_local = false;
	if (span_take(s, 'Z'))
		return true;
	sign = span_take(s, '-') ? -1 : span_take(s, '+') ? 1 : 0;
	*is_local = sign == 0;
	if (sign &&
	    (!take_number(s, 2, &h) || (span_take(s, ':'), !take_number(s, 2, &m))))
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

/* RFC 3339, or local time without a zone. */
static int64_t
time_iso(struct span s)
{
	struct tm tm = {.tm_isdst = -1};
	int minutes;
	bool is_local;
	if (!take_number(&s, 4, &tm.tm_year) || !span_take(&s, '-') ||
	    !take_number(&s, 2, &tm.tm_mon) || !span_take(&s, '-') ||
	    !take_number(&s, 2, &tm.tm_mday) ||
	    !(span_take(&s, 'T') || span_take(&s, ' ')) || !take_clock(&s, &tm))
		return 0;
	int us = take_fraction(&s);
	if (!take_zone(&s, &minutes, &is_local))
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	int64_t sec =
	    is_local ? (int64_t)mktime(&tm) : (int64_t)timegm(&tm) - minutes * 60;
	return sec * 1000000 + us;
}

/* RFC 3164: "Nov 25 22:11:49", local time. */
static int64_t
time_syslog(struct span s, int64_t now_sec)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {.tm_isdst = -1}, now;
	time_t t = (time_t)now_sec;
	size_t at = span_search(SPAN(names), span_head(s, 3));
	if (s.n < 15 || at % 3 || at >= sizeof names - 1 || s.p[3] != ' ')
		return 0;
	tm.tm_mon = (int)at / 3;
	s = span_from(s, 4);
	if (!(span_take(&s, ' ') ? take_number(&s, 1, &tm.tm_mday)
				 : take_number(&s, 2, &tm.tm_mday)) ||
	    !span_take(&s, ' ') || !take_clock(&s, &tm))
		return 0;
	localtime_r(&t, &now);
	tm.tm_year = now.tm_year;
	struct tm this_year = tm;
	int64_t sec = (int64_t)mktime(&this_year);
	if (sec > now_sec + 86400) {
		tm.tm_year--;
		sec = (int64_t)mktime(&tm);
	}
	return sec * 1000000 + take_fraction(&s);
}

/* ---- keys ---- */

/* The end of a value: a blank, or the quote that closes it. */
static size_t
value_end(struct span s)
{
	if (s.n == 0 || s.p[0] != '"')
		return span_find(s, ' ');
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return i + 1;
	}
	return s.n;
}

static bool
take_key(struct span *s, struct logline_key *out)
{
	while (span_take(s, ' '))
		;
	size_t eq = span_find(*s, '=');
	if (eq == s->n || span_find(span_head(*s, eq), ' ') != eq)
		return false;
	out->key = span_head(*s, eq);
	*s = span_from(*s, eq + 1);
	size_t n = value_end(*s);
	out->value = span_head(*s, n);
	*s = span_from(*s, n);
	return true;
}

int
logline_parse(struct span line, int64_t now_sec, struct logline *out)
{
	struct span mark = SPAN("]: level=");
	size_t at = span_search(line, mark);
	struct logline_key k;
	*out = (struct logline){.n_keys = 0};
	if (at == line.n || line.n > LOGLINE_MAX)
		return E_BAD;
	struct span head = span_head(line, at + 1), rest = span_from(line, at + 3);
	size_t blank = span_rfind(head, ' ');
	out->process = blank == head.n ? head : span_from(head, blank + 1);
	out->time = blank == head.n ? SPAN("") : span_trim(span_head(head, blank));
	out->time_us = time_iso(out->time);
	if (!out->time_us)
		out->time_us = time_syslog(out->time, now_sec);
	while (take_key(&rest, &k)) {
		if (span_eqs(k.key, "level"))
			out->level = k.value;
		else if (span_eqs(k.key, "event"))
			out->event = k.value;
		else if (out->n_keys < LOGLINE_KEYS_MAX)
			out->keys[out->n_keys++] = k;
	}
	return out->event.n && span_find(out->process, '/') < out->process.n ? E_OK
	                                                                     : E_BAD;
}

struct span
logline_get(const struct logline *l, const char *key)
{
	for (size_t i = 0; i < l->n_keys; i++)
		if (span_eqs(l->keys[i].key, key))
			return l->keys[i].value;
	return (struct span){NULL, 0};
}

/* Without its quotes and escapes. */
static void
logline_value(struct buf *out, struct span v)
{
	if (v.n == 0 || v.p[0] != '"') {
		buf_span(out, v);
		return;
	}
	for (size_t i = 1; i < v.n && v.p[i] != '"'; i++) {
		if (v.p[i] == '\\' && i + 3 < v.n && v.p[i + 1] == 'x' &&
		    ch_hex(v.p[i + 2]) >= 0 && ch_hex(v.p[i + 3]) >= 0) {
			buf_u8(out,
			    (uint8_t)(ch_hex(v.p[i + 2]) * 16 + ch_hex(v.p[i + 3])));
			i += 3;
		} else {
			i += v.p[i] == '\\' && i + 1 < v.n;
			buf_ch(out, v.p[i]);
		}
	}
}

/* ---- words ---- */

/* A value for people: a control character in it must not reach a terminal. */
static void
put_value(struct buf *out, struct span v)
{
	struct buf b = {.max = LOGLINE_MAX};
	logline_value(&b, v);
	for (size_t i = 0; i < b.len; i++)
		buf_ch(out, ch_ctl(b.p[i]) ? '?' : b.p[i]);
	buf_free(&b);
}

/* Up to the end or a closing bracket; false: a value was missing. */
static bool
put_piece(struct buf *out, const struct logline *l, struct span *t)
{
	bool is_whole = true;
	while (t->n && t->p[0] != ']') {
		char c = t->p[0];
		*t = span_from(*t, 1);
		if (c == '[') {
			struct buf b = {0};
			if (put_piece(&b, l, t))
				buf_span(out, buf_as_span(&b));
			*t = span_from(*t, t->n > 0);
			buf_free(&b);
		} else if (c == '{') {
			char key[32] = "";
			struct span name = span_cut(t, '}');
			memcpy(
			    key, name.p, name.n < sizeof key ? name.n : sizeof key - 1);
			struct span v = logline_get(l, key);
			is_whole = is_whole && v.p;
			put_value(out, v);
		} else {
			buf_ch(out, c);
		}
	}
	return is_whole;
}

void
logline_words(struct buf *out, const struct logline *l, const char *template)
{
	struct span t = span_of(template);
	if (template) {
		put_piece(out, l, &t);
		return;
	}
	buf_span(out, l->event);
	for (size_t i = 0; i < l->n_keys; i++) {
		if (span_eqs(l->keys[i].key, "mid") || span_eqs(l->keys[i].key, "sid"))
			continue;
		buf_putf(out, " %.*s=", SPAN_ARG(l->keys[i].key));
		put_value(out, l->keys[i].value);
	}
}
