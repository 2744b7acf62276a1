/* SPDX-License-Identifier: ISC */
/* pattern.c - names with wildcards. */
#include "store/pattern.h"

#include <string.h>

static bool
is_wild(char c)
{
	return c == '*' || c == '%';
}

static void
add(struct pattern *to, char c)
{
	char *last = to->n ? &to->p[to->n - 1] : NULL;
	if (last && is_wild(c) && is_wild(*last)) {
		*last = *last == '*' || c == '*'
		            ? '*'
		            : '%'; /* what stands side by side is one */
		return;
	}
	if (to->n == PATTERN_MAX)
		to->matches_none = true;
	else
		to->p[to->n++] = c;
}

void
pattern_make(struct pattern *to, struct span reference, struct span name)
{
	*to = (struct pattern){.ends_in_level = span_ends(name, SPAN("%"))};
	for (size_t i = 0; i < reference.n; i++)
		add(to, reference.p[i]);
	for (size_t i = 0; i < name.n; i++)
		add(to, name.p[i]);
}

static bool
same(char a, char b, bool is_inbox)
{
	return a == b || (is_inbox && ch_upper(a) == b);
}

/* can[i]: what was read of the name so far matches the first i octets of the pattern. */
static void
step(const struct pattern *w, bool *can, char c, bool is_inbox)
{
	for (size_t i = w->n; i > 0; i--) {
		char of = w->p[i - 1];
		if (of == '*' || (of == '%' && c != '/'))
			can[i] = can[i] || can[i - 1];
		else
			can[i] = !is_wild(of) && can[i - 1] && same(of, c, is_inbox);
	}
	can[0] = false;
	for (size_t i = 1; i <= w->n; i++) /* a wildcard is also nothing */
		if (is_wild(w->p[i - 1]) && can[i - 1])
			can[i] = true;
}

bool
pattern_matches(const struct pattern *w, struct span name)
{
	bool can[PATTERN_MAX + 1] = {true};
	bool is_inbox =
	    span_starts(name, SPAN("INBOX")) && (name.n == 5 || name.p[5] == '/');
	if (w->matches_none || name.n > STORE_NAME_MAX)
		return false;
	can[1] = w->n && is_wild(w->p[0]);
	for (size_t i = 0; i < name.n; i++)
		step(w, can, name.p[i], is_inbox && i < 5);
	return can[w->n];
}
