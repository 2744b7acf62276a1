/* SPDX-License-Identifier: ISC */
/* spamtest.c - spamtest, spamtest :percent, virustest: verdicts that filters wrote into fields.  RFC 5235. */
#include <math.h>

#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/regex.h"
#include "sieve/run_state.h"

/* "-1.6"; whole numbers and fractions, nothing else.  E_OK, E_BAD */
static int
decimal_parse(struct span in, double *out)
{
	bool is_negative = span_take(&in, '-'), has_digit = false;
	double value = 0, unit = 1;
	if (!is_negative)
		(void)span_take(&in, '+');
	for (; in.n && ch_digit(in.p[0]); in = span_from(in, 1), has_digit = true)
		value = value * 10 + (in.p[0] - '0');
	if (span_take(&in, '.'))
		for (; in.n && ch_digit(in.p[0]);
		     in = span_from(in, 1), has_digit = true)
			value += (in.p[0] - '0') * (unit /= 10);
	*out = is_negative ? -value : value;
	return has_digit && !in.n && isfinite(value) ? E_OK : E_BAD;
}

enum {
	VERDICT_WORK = 8
}; /* what finding an octet of a verdict is worth in octets compared */

/* What a regular expression of the administrator's finds; p NULL: nothing. */
static struct span
verdict_match(
    struct sieve_run *run, unsigned line, struct span pattern, struct span value)
{
	struct sieve_work work = run_work(run);
	struct span groups[2], out = {NULL, 0};
	struct arena scratch = {.max_bytes = (size_t)2 * SIEVE_REGEX_HEAP_KB << 10};
	struct regex *regex;
	struct buf why = {0};
	size_t n;
	work.done = VERDICT_WORK * (uint64_t)pattern.n;
	if (regex_compile(pattern, false, false, &run->tmp, &regex, &why) == E_OK &&
	    regex_match(regex, value, &scratch, groups, COUNT(groups), &n, &work) ==
		E_OK)
		out = n > 1 ? groups[1] : groups[0];
	(void)run_spend(run, line, work.done);
	arena_reset(&scratch);
	buf_free(&why);
	return out;
}

/* The value of a field as "Name" or "Name: REGEX" says; p NULL: there is none. */
static struct span
verdict_field(struct sieve_run *run, unsigned line, struct span setting)
{
	struct span pattern = setting, name = span_trim(span_cut(&pattern, ':')), value;
	struct span head = view_head_seen(view_head(run));
	struct buf text = {.max = SIEVE_VALUE_BYTES_MAX};
	value = header_value(head, name);
	if (run_spend(run, line, head.n + VERDICT_WORK * (uint64_t)value.n) != E_OK ||
	    !value.p)
		return (struct span){NULL, 0};
	header_unfold(&text, span_head(value, SIEVE_VALUE_BYTES_MAX));
	value = span_trim(run_copy(run, &text));
	buf_free(&text);
	pattern = span_trim(pattern);
	return pattern.n ? verdict_match(run, line, pattern, value) : value;
}

/* 0 to 1 of the worst; below 0: not tested. */
static double
ratio_of(struct sieve_run *run, unsigned line, const struct sieve_spam *spam,
    struct span status)
{
	struct span max_text = spam->max_header.n
	                           ? verdict_field(run, line, spam->max_header)
	                           : spam->max_value;
	double max, value;
	if (decimal_parse(span_trim(max_text), &max) != E_OK || max <= 0)
		return -1;
	if (spam->type == SPAM_STRLEN)
		value = (double)status.n;
	else if (decimal_parse(span_trim(status), &value) != E_OK)
		return -1;
	return value <= 0 ? 0 : value >= max ? 1 : value / max;
}

static double
text_ratio(const struct sieve_spam *spam, struct span status, unsigned worst)
{
	for (unsigned i = worst; i > 0; i--)
		if (spam->texts[i].n && span_eq(spam->texts[i], status))
			return (double)(i - 1) / (worst - 1);
	return -1;
}

static double
verdict(
    struct sieve_run *run, unsigned line, const struct sieve_spam *spam, unsigned worst)
{
	struct span status;
	if (!spam->status_header.n)
		return -1;
	status = verdict_field(run, line, spam->status_header);
	if (!status.p)
		return -1;
	if (spam->type == SPAM_TEXT)
		return text_ratio(spam, status, worst);
	return ratio_of(run, line, spam, status);
}

/* From 1 (clean) to the worst; 0: not tested; :percent 0 to 100. */
static int
match_verdict(struct sieve_run *run, const struct sieve_node *node,
    const struct sieve_spam *spam, unsigned worst, bool *out)
{
	double ratio = verdict(run, node->line, spam, worst);
	struct buf value = {0};
	struct sieve_matcher m;
	if (ratio < 0)
		buf_ch(&value, '0');
	else if (node_opt(node, OPT_PERCENT))
		buf_putf(&value, "%u", (unsigned)(ratio * 100 + 1e-9));
	else
		buf_putf(&value, "%u", (unsigned)(ratio * (worst - 1) + 1e-9) + 1);
	if (match_begin(run, node, node->pos[0], &m) == E_OK) {
		(void)match_value(run, &m, buf_as_span(&value));
		(void)match_end(run, &m, out);
	}
	buf_free(&value);
	return run->err;
}

int
test_spamtest(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return match_verdict(run, node, &run->in->spam, 10, out);
}

int
test_virustest(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return match_verdict(run, node, &run->in->virus, 5, out);
}
