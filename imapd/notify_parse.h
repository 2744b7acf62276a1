/* SPDX-License-Identifier: ISC */
/*
 * notify_parse.h - what NOTIFY asks for: RFC 5465 8.  Pure.
 */
#ifndef IMAPD_NOTIFY_PARSE_H
#define IMAPD_NOTIFY_PARSE_H

#include "imapd/fetch_att.h"
#include "imapd/mailbox_filter.h"

enum notify_event {
	NOTIFY_NEW = 1, /* MessageNew */
	NOTIFY_EXPUNGE = 2,
	NOTIFY_FLAGS = 4,
	NOTIFY_ANNOTATION = 8,
	NOTIFY_MESSAGES = 15, /* those, together */
	NOTIFY_NAME = 16,
	NOTIFY_SUBSCRIPTION = 32,
	NOTIFY_METADATA = 64, /* MailboxMetadataChange */
	NOTIFY_SERVER_METADATA = 128,
	/* what there is here: no annotations of messages */
	NOTIFY_SUPPORTED = 255 & ~NOTIFY_ANNOTATION,
};

struct notify_group {
	struct filter filter;
	unsigned events;           /* enum notify_event; 0: NONE */
	struct notify_group *next; /* borrow: the arena */
};

struct notify_set {
	bool is_none; /* NOTIFY NONE */
	bool wants_status;
	struct notify_group
	    *groups;       /* borrow: the arena; but that of the selected mailbox */
	unsigned selected; /* its events */
	bool is_delayed;   /* SELECTED-DELAYED */
	bool has_atts;     /* MessageNew (...) of it */
	struct fetch_atts atts;
};

/*
 * notify_parse - "SET ..." or "NONE", to the end.  E_OK, E_BAD, E_DENY (an event that is not
 * supported), E_LIMIT (too many mailboxes or groups)
 */
MUST_USE int notify_parse(struct parse *, struct notify_set *out);
/* notify_events_put - the names of those that are supported, SP between */
void notify_events_put(struct buf *);
/* notify_events_of - what is asked of a mailbox that is not selected */
unsigned notify_events_of(const struct notify_set *, const struct filter_mailbox *);

#endif
