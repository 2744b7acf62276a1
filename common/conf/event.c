/* SPDX-License-Identifier: ISC */
/* event.c - the setting imap_scripts. */
#include "conf/event.h"

static const char *const names[EVENT_CAUSES] = {
    [EVENT_APPEND] = "APPEND", [EVENT_COPY] = "COPY", [EVENT_FLAG] = "FLAG"};

const char *
event_cause_name(enum event_cause cause)
{
	return cause < EVENT_CAUSES ? names[cause] : "";
}

static int
causes_parse(struct span text, unsigned *out)
{
	*out = 0;
	do {
		struct span one = span_trim(span_cut(&text, ','));
		unsigned i = 0;
		while (i < EVENT_CAUSES && !span_ieqs(one, names[i]))
			i++;
		if (i == EVENT_CAUSES)
			return E_BAD;
		*out |= 1u << i;
	} while (text.n);
	return E_OK;
}

/* The next field; the rest stays in text. */
static struct span
field(struct span *text)
{
	static const struct span between = {" : ", 3};
	size_t at = span_search(*text, between);
	struct span out = span_trim(span_head(*text, at));
	*text = span_from(*text, at + between.n);
	return out;
}

int
event_rule_parse(struct span text, struct event_rule *out)
{
	struct event_rule r = {.causes = 0};
	int err = causes_parse(field(&text), &r.causes);
	r.from = field(&text);
	r.to = field(&text);
	r.path = span_trim(text);
	/* only a COPY comes from somewhere */
	bool is_copy_alone = r.causes == 1u << EVENT_COPY;
	if (err != E_OK || !r.from.n || !r.to.n || !r.path.n || r.path.p[0] != '/' ||
	    (!is_copy_alone && !span_eqs(r.from, "*")))
		return E_BAD;
	*out = r;
	return E_OK;
}

static bool
fits(struct span pattern, const struct event_place *place)
{
	if (span_eqs(pattern, "*"))
		return true;
	if (pattern.p[0] == '\\')
		return place->special_use.n && span_ieq(pattern, place->special_use);
	if (pattern.p[pattern.n - 1] == '*')
		return span_starts(place->name, span_head(pattern, pattern.n - 1));
	return span_eq(pattern, place->name) ||
	       (span_ieqs(pattern, "INBOX") && span_eqs(place->name, "INBOX"));
}

bool
event_rule_fits(const struct event_rule *r, enum event_cause cause,
    const struct event_place *from, const struct event_place *to)
{
	return (r->causes >> cause & 1) && fits(r->to, to) &&
	       (cause != EVENT_COPY || fits(r->from, from));
}
