/* SPDX-License-Identifier: ISC */
/* job_event.h - events of IMAP (RFC 6785), as the jobs that make them note them. */
#ifndef STORE_JOB_EVENT_H
#define STORE_JOB_EVENT_H

#include "store/events.h"
#include "store/jobs.h"

#define EVENT_SCRIPT_ENTRY "/shared/imapsieve/script" /* RFC 6785 2.3.1 */

struct event_note {
	enum event_cause cause;
	const struct slot *from, *to; /* from: of COPY, else NULL */
	uint32_t flags;               /* of FLAG: those that changed */
	uint64_t keywords;            /* the same, bits of to */
	const struct numset *uids;    /* in to */
};

/* event_wants - what this job does to messages of to is an event, and there is a script for it */
bool event_wants(const struct job *, enum event_cause, const struct slot *from,
    const struct slot *to);
/* event_note - in the batch; what finds no room is logged.  E_OK, or what makes the batch fail */
MUST_USE int event_note(struct job *, const struct event_note *);
/* event_note_range - if it is wanted */
MUST_USE int event_note_range(struct job *, enum event_cause, const struct slot *from,
    const struct slot *to, struct num_range uids);

/* The messages of a STORE, by what changed of each. */
enum { EVENT_GROUPS_MOST = 8 };

struct event_groups {
	struct {
		uint32_t flags;
		uint64_t keywords;
		struct numset uids; /* own */
	} all[EVENT_GROUPS_MOST];

	size_t n;
};

/* event_groups_add, _write - E_OK, or what makes the batch fail */
MUST_USE int event_groups_add(struct job *, const struct slot *, struct event_groups *,
    uint32_t uid, uint32_t flags, uint64_t keywords);
MUST_USE int event_groups_write(
    struct job *, const struct slot *, struct event_groups *);
void event_groups_reset(struct event_groups *); /* empty; keeps the memory */
void event_groups_free(struct event_groups *);

#endif
