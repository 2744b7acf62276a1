/* SPDX-License-Identifier: ISC */
/* rule.c - patterns, and the two kinds of rules that are made of them. */
#include "conf/rule.h"

/*
 * The last * is where it goes on when something else does not fit: no more steps than octets of
 * both, multiplied.
 */
bool
rule_fits(struct span pattern, struct span text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, at = 0;
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			at = t;
		} else if (p < pattern.n &&
			   (pattern.p[p] == '?' ||
			       ch_lower(pattern.p[p]) == ch_lower(text.p[t]))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++at;
		} else
			return false;
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

int
backoff_rule_parse(struct span text, struct backoff_rule *out)
{
	static const char *const names[BACKOFF_CLASSES] = {[BACKOFF_ALONE] = "alone",
	    [BACKOFF_RATE] = "rate",
	    [BACKOFF_GREYLIST] = "greylist"};
	struct span name = span_cut(&text, '=');
	for (size_t i = 0; i < BACKOFF_CLASSES; i++)
		if (span_eqs(name, names[i]) && text.n) {
			*out = (struct backoff_rule){(enum backoff)i, text};
			return E_OK;
		}
	return E_BAD;
}

int
hold_rule_parse(struct span text, struct hold_rule *out)
{
	static const char *const names[HOLD_FIELDS] = {[HOLD_SENDER] = "sender",
	    [HOLD_RECIPIENT] = "recipient",
	    [HOLD_CLIENT] = "client",
	    [HOLD_ACCOUNT] = "account"};
	size_t n = 0;
	*out = (struct hold_rule){0};
	for (text = span_trim(text); text.n; text = span_trim(text)) {
		struct span pattern = span_cut(&text, ' ');
		struct span name = span_cut(&pattern, '=');
		size_t i = 0;
		while (i < HOLD_FIELDS && !span_eqs(name, names[i]))
			i++;
		if (i == HOLD_FIELDS || out->patterns[i].p || !pattern.n)
			return E_BAD;
		out->patterns[i] = pattern;
		n++;
	}
	return n ? E_OK : E_BAD;
}
