/* SPDX-License-Identifier: ISC */
/*
 * mailbox_filter.h - which mailboxes a command is about: filter-mailboxes of RFC 5465 6, with
 * "subtree-one" of RFC 7377 2.2.  Of NOTIFY and ESEARCH.  Pure.
 */
#ifndef IMAPD_MAILBOX_FILTER_H
#define IMAPD_MAILBOX_FILTER_H

#include "imapd/parse.h"

enum {
	FILTERS_MOST = 64,        /* of one command */
	FILTER_NAMES_MOST = 1000, /* names of all of them */
};

enum filter_kind {
	FILTER_SELECTED = 1,
	FILTER_SELECTED_DELAYED = 2,
	/* where mail may be delivered to: a Sieve script may file it anywhere, so as PERSONAL */
	FILTER_INBOXES = 4,
	FILTER_PERSONAL = 8,
	FILTER_SUBSCRIBED = 16,
	FILTER_SUBTREE = 32,
	FILTER_SUBTREE_ONE = 64, /* the mailbox and its children */
	FILTER_MAILBOXES = 128,
};

struct filter {
	enum filter_kind kind;
	struct span *names; /* borrow: the arena; UTF-8 */
	size_t n;
	struct filter *next; /* borrow: the arena */
};

/*
 * filter_parse - one.
 *   kinds    those that are legal here
 *   n_names  of the command so far; those of this one are added
 *   returns  E_OK, E_BAD (syntax, or past a limit)
 */
MUST_USE int filter_parse(
    struct parse *, unsigned kinds, size_t *n_names, struct filter *out);
/* filters_parse - some, SP between.  As filter_parse */
MUST_USE int filters_parse(struct parse *, unsigned kinds, struct filter **out);
/* filters_kinds - of a list, together */
unsigned filters_kinds(const struct filter *);

/* What is asked of a mailbox. */
struct filter_mailbox {
	struct span name;
	bool is_subscribed, is_selected;
};

bool filter_has(const struct filter *, const struct filter_mailbox *);
/* filters_have - one of a list */
bool filters_have(const struct filter *, const struct filter_mailbox *);

#endif
