/* SPDX-License-Identifier: ISC */
/*
 * event.h - items of the setting imap_scripts: which scripts of the site run when a message is
 * appended, copied or gets other flags (RFC 6785).  "CAUSES : FROM : TO : PATH", a blank on both
 * sides of each colon; CAUSES is APPEND, COPY or FLAG, or some of them with commas between.  Pure.
 */
#ifndef CONF_EVENT_H
#define CONF_EVENT_H

#include "base/span.h"

enum { EVENT_RULES_MOST = 16 };

/* What happens to a message, RFC 6785 4.3.  A MOVE is a COPY. */
enum event_cause { EVENT_APPEND, EVENT_COPY, EVENT_FLAG, EVENT_CAUSES };

struct event_rule {
	unsigned causes; /* bit 1 << enum event_cause */
	/*
	 * borrow: where a message was, which only a COPY has, and where it is: "*", a name, one that
	 * ends in "*" for all that begin so, or a special use ("\\Junk")
	 */
	struct span from, to;
	struct span path; /* borrow: of the script */
};

/* A mailbox, as rules look at it. */
struct event_place {
	struct span name, special_use; /* borrow; empty: there is none */
};

/* event_rule_parse - the whole of text.  E_OK, E_BAD */
MUST_USE int event_rule_parse(struct span text, struct event_rule *out);
bool event_rule_fits(const struct event_rule *, enum event_cause,
    const struct event_place *from, const struct event_place *to);
/* event_cause_name - "APPEND", "COPY", "FLAG"; static */
const char *event_cause_name(enum event_cause);

#endif
