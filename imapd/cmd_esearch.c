/* SPDX-License-Identifier: ISC */
/*
 * cmd_esearch.c - ESEARCH: RFC 7377, a search of many mailboxes, none of which is selected for it.
 * One after the other, in the order of their names; message numbers in keys are those of each.
 */
#include "imapd/bound.h"
#include "imapd/context.h"
#include "imapd/mailbox_filter.h"

enum {
	FILTERS_LEGAL = FILTER_SELECTED | FILTER_INBOXES | FILTER_PERSONAL |
	                FILTER_SUBSCRIBED | FILTER_SUBTREE | FILTER_SUBTREE_ONE |
	                FILTER_MAILBOXES
};

struct source {
	struct source *next; /* borrow: the arena */
	uint32_t id;
	struct span name; /* borrow: the arena */
};

struct esearch {
	struct session *session; /* borrow */
	struct command *command; /* borrow */
	struct filter *filters;  /* borrow: the arena */
	struct span text;        /* borrow: behind the filters */
	struct search search;
	struct source *sources, **last; /* borrow: the arena */
	/* UPDATE, and what is searched is the selected mailbox: RFC 7377 2.2 */
	bool is_followed;
};

/* ---- as it is written ---- */

/* RFC 7377 2.2: without any, the selected mailbox */
static int
sources_read(struct parse *p, struct filter **out)
{
	static struct filter selected = {.kind = FILTER_SELECTED};
	*out = &selected;
	if (!parse_word(p, "IN"))
		return E_OK;
	if (parse_sp(p) != E_OK || !parse_ch(p, '('))
		return parse_fail(p, p->in, "a list of mailboxes");
	if (filters_parse(p, FILTERS_LEGAL, out) != E_OK)
		return E_BAD;
	if (!parse_ch(p, ')'))
		return parse_fail(p, p->in, "the end of a list of mailboxes");
	return parse_sp(p);
}

/* RFC 7377 2.2: what is legal of the selected mailbox alone */
static enum reply
check(const struct esearch *e)
{
	unsigned kinds = filters_kinds(e->filters);
	if (kinds & FILTER_SELECTED && !e->session->selected)
		return R_BAD_STATE;
	if (e->search.returns & RETURN_SAVE && kinds != FILTER_SELECTED) {
		e->command->parse.expected = "SAVE with the selected mailbox alone";
		return R_SYNTAX;
	}
	if (e->search.returns & RETURN_UPDATE && !e->session->selected) {
		e->command->parse.expected = "UPDATE with a mailbox selected";
		return R_SYNTAX;
	}
	/* search_run refuses that, too, but there may be no mailbox to search */
	if (e->search.has_numbers && e->session->enabled & EN_UIDONLY)
		return R_UID_REQUIRED;
	return R_DONE;
}

/* ---- mailboxes ---- */

static int
source_add(void *ctx, const struct store_mailbox *m)
{
	struct esearch *e = ctx;
	const struct selected *b = e->session->selected;
	struct filter_mailbox is = {.name = span_of(m->name),
	    .is_subscribed = m->is_subscribed,
	    .is_selected = b && b->view.mailbox == m->id};
	if (!filters_have(e->filters, &is))
		return E_OK;
	struct source *s = arena_get(&e->session->arena, sizeof *s);
	if (!s)
		return E_LIMIT;
	s->id = m->id;
	s->name = arena_span(&e->session->arena, is.name);
	*e->last = s;
	e->last = &s->next;
	return s->name.n == is.name.n ? E_OK : E_LIMIT;
}

/* RFC 7377 2.1: nothing is said of a mailbox where nothing was found */
static enum reply
tell(struct esearch *e, const struct source *source, const struct found *found)
{
	struct session *s = e->session;
	struct result result = {.seqs = found->seqs,
	    .n = found->n,
	    .ascending = found->seqs,
	    .scores = found->scores,
	    .mailbox = source->name,
	    .uidvalidity = s->selected->view.uidvalidity};
	if (found->n && !result_put_extended(s, e->command, &e->search, &result))
		return R_NONE;
	if (e->is_followed)
		context_add(s, e->command, e->text, search_program_parse, &result);
	return result_save(s, &e->search, &result);
}

static enum reply
search_one(struct esearch *e, const struct source *source)
{
	struct session *s = e->session;
	struct search_stop stop = result_stop(&e->search);
	struct found found = {.n = 0};
	enum reply reply = search_run(s, &e->search, &stop, &found);
	if (reply == R_DONE)
		reply = tell(e, source, &found);
	if (found.lowest)
		bound_say(s, reply, s->messages_most, 0);
	found_free(&found);
	return reply;
}

/* As if it were selected; one that was removed meanwhile has nothing that is found. */
static enum reply
search_other(struct esearch *e, const struct source *source)
{
	struct session *s = e->session;
	struct selected *own = s->selected, other;
	int err = selected_peek(s, source->name, &other);
	if (err != E_OK)
		return err == E_BAD ? R_DONE : R_LATER;
	s->selected = &other;
	enum reply reply = search_one(e, source);
	s->selected = own;
	selected_unpeek(s, &other);
	return reply;
}

static enum reply
search_all(struct esearch *e)
{
	struct session *s = e->session;
	enum reply reply = R_DONE;
	bool wants_update = e->search.returns & RETURN_UPDATE, was_followed = false;
	if (store_mailboxes(session_own(s), source_add, e) != E_OK)
		return R_LATER;
	for (struct source *at = e->sources; at && reply == R_DONE; at = at->next) {
		bool is_selected = s->selected && s->selected->view.mailbox == at->id;
		e->is_followed = is_selected && wants_update;
		was_followed |= e->is_followed;
		reply = is_selected ? search_one(e, at) : search_other(e, at);
	}
	if (wants_update && !was_followed)
		context_refuse(s);
	return reply;
}

enum reply
cmd_esearch(struct session *s, struct command *c)
{
	struct esearch e = {.session = s, .command = c};
	e.last = &e.sources;
	if (sources_read(&c->parse, &e.filters) != E_OK)
		return R_SYNTAX;
	if (s->store != session_own(s))
		return R_CANNOT; /* beside one of another's none is looked at */
	e.text = c->parse.in;
	int err = result_parse(s, c, &e.search);
	enum reply reply = err == E_BAD ? R_SYNTAX : check(&e);
	if (reply != R_DONE)
		return reply;
	if (err != E_OK)
		return result_failed(s, &e.search, err);
	c->is_uid = true; /* RFC 7377 2.1 */
	return result_said(s, &e.search, search_all(&e));
}
