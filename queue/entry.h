/* SPDX-License-Identifier: ISC */
/*
 * entry.h - the messages that the journal's live segments hold, by id.  Done ones stay until their
 * segment retires, so that the same id is never taken twice.
 */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "queue/journal.h"
#include "spool/job.h"

struct entry {
	struct entry *next;         /* own: the chain of its bucket */
	struct entry *segment_next; /* borrow: the others of its segment */
	struct entry *unsaid_next;  /* borrow: what sched has not been told yet */
	struct id id;
	struct job_ref ref;
	unsigned segment; /* that its record is in */
	/* nothing is left to do: delivered, or it has a file in deferred/ */
	bool is_done;
	bool is_unsaid;
	bool has_file; /* a copy in deferred/, because its segment failed */
	/* a copy was begun: whatever became of it goes with the message */
	bool may_have_file;
	uint32_t message_bytes; /* in the journal; 0 for a large one */
	char *envelope;         /* own; NULL once done */
	uint32_t envelope_bytes;
	int64_t born_ms; /* monotonic */
};

struct entries;

struct entries *entries_new(void);
void entries_free(struct entries **);
struct entry *entry_find(struct entries *, struct id);
/* entry_add - an id that is not there yet */
struct entry *entry_add(
    struct entries *, struct id, unsigned segment, struct span envelope);
void entry_done(struct entries *, struct entry *);
/* entry_mark - n marks (spool/envelope.h): its envelope says so from now on */
void entry_mark(struct entry *, const uint16_t *marks, size_t n);
unsigned entries_unfinished(const struct entries *, unsigned segment);
/* entries_of - the first of a segment; follow segment_next */
struct entry *entries_of(struct entries *, unsigned segment);
/* none waits for sched's channel */
bool entries_are_said(const struct entries *, unsigned segment);
/* all of the segment are forgotten */
void entries_retire(struct entries *, unsigned segment);
size_t entries_count(const struct entries *); /* unfinished, in all segments */

#endif
