/* SPDX-License-Identifier: ISC */
/* data.c - the bulk of a session's work: every byte of a message passes here once. */
#include "smtpd/data.h"

#include <string.h>

/* memchr(3) is vector code, which a loop of ours need not become: five times the speed of one. */
static uint64_t
count_cr(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t count = 0;
	while (p < end && (p = memchr(p, '\r', (size_t)(end - p)))) {
		count++;
		p++;
	}
	return count;
}

/* n octets more, and a CRLF's LF behind them. */
static void
line_end(struct data_scan *d, size_t n)
{
	d->n_crlf++;
	d->has_long_line |= d->n_line + n > DATA_LINE_MAX + 1;
	d->n_line = 0;
}

/*
 * Offset just past the next CRLF that a dot or nothing follows, or s.n: up to there the bytes are
 * the message's own.
 */
static size_t
run_length(struct data_scan *d, struct span s)
{
	size_t at = 0, line = 0;
	const char *lf;
	while (at < s.n && (lf = memchr(s.p + at, '\n', s.n - at))) {
		size_t i = (size_t)(lf - s.p);
		char before = i ? s.p[i - 1] : d->last;
		at = i + 1;
		if (before != '\r') {
			d->has_bare_lf = true;
			continue;
		}
		line_end(d, i - line);
		line = at;
		if (at == s.n || s.p[at] == '.') {
			d->state = DATA_BOL;
			return at;
		}
	}
	d->n_line += s.n - line;
	return s.n;
}

static void
take_run(struct data_scan *d, struct span *in, struct span *out)
{
	d->state = DATA_TEXT;
	size_t n = run_length(d, *in);
	*out = span_head(*in, n);
	d->n_cr += count_cr(in->p, n);
	d->last = in->p[n - 1];
	*in = span_from(*in, n);
}

/* Behind a line's dot and what comes next is not the end: back into the text. */
static void
leave_dot(struct data_scan *d, char last)
{
	d->state = DATA_TEXT;
	d->last = last;
}

enum data_event
data_next(struct data_scan *d, struct span *in, struct span *out)
{
	while (in->n > 0) {
		char c = in->p[0];
		switch (d->state) {
		case DATA_BOL:
			if (c != '.') {
				d->last = '\0';
				take_run(d, in, out);
				return DATA_PIECE;
			}
			*in = span_from(*in, 1);
			d->state = DATA_DOT;
			break;
		case DATA_TEXT:
			take_run(d, in, out);
			return DATA_PIECE;
		case DATA_DOT:
			if (c != '\r') {
				leave_dot(d, '\0');
				break;
			}
			*in = span_from(*in, 1);
			d->state = DATA_DOT_CR;
			break;
		case DATA_DOT_CR:
			if (c == '\n') {
				*in = span_from(*in, 1);
				return DATA_END;
			}
			d->n_cr++; /* and no LF behind it */
			leave_dot(d, '\0');
			*out = SPAN("\r");
			return DATA_PIECE;
		}
	}
	return DATA_MORE;
}

void
data_plain(struct data_scan *d, struct span s)
{
	size_t at = 0, line = 0;
	const char *lf;
	if (s.n == 0)
		return;
	while (at < s.n && (lf = memchr(s.p + at, '\n', s.n - at))) {
		size_t i = (size_t)(lf - s.p);
		at = i + 1;
		if ((i ? s.p[i - 1] : d->last) != '\r') {
			d->has_bare_lf = true;
			continue;
		}
		line_end(d, i - line);
		line = at;
	}
	d->n_line += s.n - line;
	d->n_cr += count_cr(s.p, s.n);
	d->last = s.p[s.n - 1];
}

void
data_head(struct data_scan *d, struct span s)
{
	for (size_t i = 0; i < s.n && !d->is_head_over; i++) {
		bool is_crlf = s.p[i] == '\n' && d->last == '\r';
		d->n_cr += s.p[i] == '\r';
		d->has_bare_lf |= s.p[i] == '\n' && !is_crlf;
		if (is_crlf) {
			d->is_head_over = d->n_line == 1;
			line_end(d, 0);
		} else {
			d->n_line++;
		}
		d->last = s.p[i];
	}
}

bool
data_has_long(const struct data_scan *d)
{
	return d->has_long_line || d->n_line > DATA_LINE_MAX;
}

/* Up to the first CR or LF that is none of a CRLF here. */
static size_t
good_length(struct span s)
{
	size_t at = 0;
	while (at < s.n) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);
		size_t end = lf ? (size_t)(lf - s.p) : s.n;
		const char *cr = memchr(s.p + at, '\r', end - at);
		if (!cr)
			return end;
		if (!lf || cr + 1 != lf)
			return (size_t)(cr - s.p);
		at = end + 1;
	}
	return s.n;
}

bool
blank_next(bool *has_cr, struct span *in, struct span *out)
{
	if (in->n == 0)
		return false;
	if (*has_cr) {
		*has_cr = false;
		*out = in->p[0] == '\n' ? SPAN("\r\n") : SPAN(" ");
		*in = span_from(*in, in->p[0] == '\n');
		return true;
	}
	size_t n = good_length(*in);
	*out = span_head(*in, n);
	if (n == 0) {
		*has_cr = in->p[0] == '\r';
		*out = *has_cr ? SPAN("") : SPAN(" ");
		n = 1;
	}
	*in = span_from(*in, n);
	return true;
}

bool
data_has_bare(const struct data_scan *d)
{
	return d->has_bare_lf || d->n_cr != d->n_crlf;
}

static bool
is_value_no(const struct head_scan *h)
{
	return h->n_value == 2 && h->value[0] == 'n' && h->value[1] == 'o';
}

/* Of TLS-Required, and of lines that continue it. */
static void
head_value_byte(struct head_scan *h, char c)
{
	bool is_blank = ch_space(c) || c == '\r';
	h->is_value_over |= is_blank && h->n_value;
	if (is_blank || h->n_value > sizeof h->value)
		return;
	if (h->is_value_over)
		h->n_value = sizeof h->value;
	else if (h->n_value < sizeof h->value)
		h->value[h->n_value] = ch_lower(c);
	h->n_value++;
}

/* The next field begins, or the body. */
static void
head_field_end(struct head_scan *h)
{
	if (!h->is_tls_required)
		return;
	if (h->n_tls_required < 2)
		h->n_tls_required++;
	h->is_no |= is_value_no(h);
	h->is_tls_required = h->is_value_over = false;
	h->n_value = 0;
}

bool
head_has_tls_optional(const struct head_scan *h)
{
	if (h->is_tls_required) /* the last line was one of it */
		return h->n_tls_required == 0 && is_value_no(h);
	return h->n_tls_required == 1 && h->is_no;
}

static void
head_name_done(struct head_scan *h)
{
	struct span name = {h->name, h->n_name};
	head_field_end(h);
	h->is_past_name = true;
	if (span_eqs(name, "received"))
		h->n_received++;
	else if (span_eqs(name, "date"))
		h->has_date = true;
	else if (span_eqs(name, "from"))
		h->has_from = true;
	else if (span_eqs(name, "message-id"))
		h->has_message_id = true;
	else
		h->is_tls_required = span_eqs(name, "tls-required");
}

/* One byte of a field name; a line that begins with a blank continues the field before. */
static void
head_name_byte(struct head_scan *h, char c)
{
	if (c == ':')
		head_name_done(h);
	else if (ch_space(c))
		h->is_past_name =
		    h->n_name == 0; /* obsolete syntax: blanks before the colon */
	else if (h->n_name < sizeof h->name)
		h->name[h->n_name++] = ch_lower(c);
}

static void
head_line_end(struct head_scan *h)
{
	if (!h->is_past_name) { /* empty, or no colon: the body begins */
		h->is_over = true;
		head_field_end(h);
	}
	h->n_name = 0;
	h->is_past_name = false;
}

void
head_feed(struct head_scan *h, struct span s)
{
	size_t at = 0;
	while (at < s.n && !h->is_over) {
		if (h->is_past_name && h->is_tls_required && s.p[at] != '\n') {
			head_value_byte(h, s.p[at++]);
			continue;
		}
		if (h->is_past_name) {
			const char *lf = memchr(s.p + at, '\n', s.n - at);
			at = lf ? (size_t)(lf - s.p) : s.n;
			if (!lf)
				return;
		}
		if (s.p[at] == '\n')
			head_line_end(h);
		else if (s.p[at] != '\r')
			head_name_byte(h, s.p[at]);
		at++;
	}
}
