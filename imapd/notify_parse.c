/* SPDX-License-Identifier: ISC */
/* notify_parse.c - what NOTIFY asks for. */
#include "imapd/notify_parse.h"

enum {
	FILTERS_LEGAL = FILTER_SELECTED | FILTER_SELECTED_DELAYED | FILTER_INBOXES |
	                FILTER_PERSONAL | FILTER_SUBSCRIBED | FILTER_SUBTREE |
	                FILTER_MAILBOXES,
	OF_SELECTED = FILTER_SELECTED | FILTER_SELECTED_DELAYED,
	OF_FLAGS = NOTIFY_FLAGS | NOTIFY_ANNOTATION,
	OF_COUNT = NOTIFY_NEW | NOTIFY_EXPUNGE,
};

static const struct {
	const char *name;
	enum notify_event event;
} events[] = {
    {"MessageNew", NOTIFY_NEW},
    {"MessageExpunge", NOTIFY_EXPUNGE},
    {"FlagChange", NOTIFY_FLAGS},
    {"AnnotationChange", NOTIFY_ANNOTATION},
    {"MailboxName", NOTIFY_NAME},
    {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
    {"MailboxMetadataChange", NOTIFY_METADATA},
    {"ServerMetadataChange", NOTIFY_SERVER_METADATA},
};

void
notify_events_put(struct buf *out)
{
	bool is_first = true;
	for (size_t i = 0; i < COUNT(events); i++) {
		if (!(events[i].event & NOTIFY_SUPPORTED))
			continue;
		buf_putf(out, "%s%s", is_first ? "" : " ", events[i].name);
		is_first = false;
	}
}

/* ---- one group ---- */

struct reader {
	struct parse *p;
	struct notify_set *set;
	size_t n_groups, n_names;
	bool has_unknown; /* an event that is not supported */
	bool has_selected;
};

/* Attributes: of MessageNew of the selected mailbox alone. */
static int
atts_read(struct reader *r, bool is_selected)
{
	struct span list = r->p->in;
	if (list.n < 2 || list.p[0] != ' ' || list.p[1] != '(')
		return E_OK;
	if (!is_selected)
		return parse_fail(
		    r->p, r->p->in, "attributes with the selected mailbox only");
	r->p->in = span_from(list, 1);
	r->set->has_atts = true;
	return fetch_atts_parse(r->p, &r->set->atts);
}

static int
event_read(struct reader *r, bool is_selected, unsigned *out)
{
	struct span atom;
	for (size_t i = 0; i < COUNT(events); i++) {
		if (!parse_word(r->p, events[i].name))
			continue;
		*out |= events[i].event;
		return events[i].event == NOTIFY_NEW ? atts_read(r, is_selected) : E_OK;
	}
	r->has_unknown = true; /* event-ext: RFC 5465 3.1 has it a NO */
	return parse_atom(r->p, &atom);
}

/* RFC 5465 5 and 6.1: what goes together, and with what */
static int
check(struct reader *r, bool is_selected, unsigned got)
{
	bool has_count = (got & OF_COUNT) == OF_COUNT;
	if (got & (OF_COUNT | OF_FLAGS) && !has_count)
		return parse_fail(r->p, r->p->in, "MessageNew and MessageExpunge");
	if (is_selected && got & ~(unsigned)NOTIFY_MESSAGES)
		return parse_fail(
		    r->p, r->p->in, "events of messages with the selected mailbox");
	r->has_unknown |= (got & ~(unsigned)NOTIFY_SUPPORTED) != 0;
	return E_OK;
}

static int
events_read(struct reader *r, bool is_selected, unsigned *out)
{
	*out = 0;
	if (parse_word(r->p, "NONE"))
		return E_OK;
	if (!parse_ch(r->p, '('))
		return parse_fail(r->p, r->p->in, "a list of events");
	do
		if (event_read(r, is_selected, out) != E_OK)
			return E_BAD;
	while (parse_ch(r->p, ' '));
	if (!parse_ch(r->p, ')'))
		return parse_fail(r->p, r->p->in, "the end of the events");
	return check(r, is_selected, *out);
}

static int
group_read(struct reader *r, struct notify_group *g)
{
	if (!parse_ch(r->p, '('))
		return parse_fail(r->p, r->p->in, "a group of events");
	if (filter_parse(r->p, FILTERS_LEGAL, &r->n_names, &g->filter) != E_OK ||
	    parse_sp(r->p) != E_OK)
		return E_BAD;
	bool is_selected = g->filter.kind & OF_SELECTED;
	if (is_selected && r->has_selected)
		return parse_fail(r->p, r->p->in, "one group of the selected mailbox");
	r->has_selected |= is_selected;
	if (events_read(r, is_selected, &g->events) != E_OK)
		return E_BAD;
	return parse_ch(r->p, ')')
	           ? E_OK
	           : parse_fail(r->p, r->p->in, "the end of a group of events");
}

static int
groups_read(struct reader *r)
{
	struct notify_group **last = &r->set->groups;
	do {
		struct notify_group *g = arena_get(r->p->arena, sizeof *g);
		if (!g || r->n_groups++ == FILTERS_MOST)
			return E_LIMIT;
		if (group_read(r, g) != E_OK)
			return r->n_names == FILTER_NAMES_MOST ? E_LIMIT : E_BAD;
		if (g->filter.kind & OF_SELECTED) {
			r->set->selected = g->events;
			r->set->is_delayed = g->filter.kind == FILTER_SELECTED_DELAYED;
			continue;
		}
		*last = g;
		last = &g->next;
	} while (parse_ch(r->p, ' '));
	return parse_end(r->p);
}

int
notify_parse(struct parse *p, struct notify_set *out)
{
	struct reader r = {.p = p, .set = out};
	*out = (struct notify_set){.is_none = parse_word(p, "NONE")};
	if (out->is_none)
		return parse_end(p);
	if (!parse_word(p, "SET"))
		return parse_fail(p, p->in, "SET or NONE");
	if (parse_sp(p) != E_OK)
		return E_BAD;
	out->wants_status = parse_word(p, "STATUS");
	if (out->wants_status && parse_sp(p) != E_OK)
		return E_BAD;
	int err = groups_read(&r);
	return err == E_OK && r.has_unknown ? E_DENY : err;
}

unsigned
notify_events_of(const struct notify_set *set, const struct filter_mailbox *m)
{
	unsigned got = 0;
	for (const struct notify_group *g = set->groups; g; g = g->next)
		if ((got | g->events) != got && filter_has(&g->filter, m))
			got |= g->events;
	return got;
}
