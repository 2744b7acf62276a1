/* SPDX-License-Identifier: ISC */
/*
 * journal_place.h - what the tests of the journal share: one in a directory of its own, and what
 * was seen at its replay.
 */
#ifndef TEST_JOURNAL_PLACE_H
#define TEST_JOURNAL_PLACE_H

#include "queue/journal.h"

enum { SEGMENT = 1 << 20, MOST = 4, SEEN_MAX = 600 };

/* fdatasync and unlinkat as the journal calls them (linked with --wrap): they fail when told to. */
extern bool unlink_fails, sync_fails;
extern int sync_failures; /* that many, then it works again */

struct seen {
	unsigned segment;
	uint8_t kind;
	struct id id;
	uint64_t offset;
	struct buf envelope, message; /* own */
};

struct place {
	char dir[64];
	struct journal *journal;
	unsigned most;
	struct seen seen[SEEN_MAX];
	size_t n_seen, n_bad;
	uint64_t bad_offset, bad_bytes; /* of the last one */
	char *message;                  /* own: random bytes that records borrow from */
};

int place_setup(void **state);
int place_teardown(void **state);
void reopen(struct place *); /* as after a restart: opened and replayed */
/* number n: id and envelope tell it */
struct record record(struct place *, unsigned n, size_t bytes);
/* put - a batch of n records from number first on; where it is */
int put(struct place *, unsigned first, unsigned n, size_t bytes, unsigned *segment);
void put_all(struct place *, unsigned first, unsigned n, size_t bytes);
unsigned number_of(const struct seen *);
/* check - what was seen as record number n is that record, of this length */
void check(struct place *, const struct seen *, unsigned n, size_t bytes);
int segment_file(struct place *, unsigned segment); /* own: a descriptor */
void flip(struct place *, unsigned segment, uint64_t at, int bit);

#endif
