/* SPDX-License-Identifier: ISC */
/*
 * recall.h - what scripts did before: who was answered when, which messages were seen, which are
 * done.  HOME/sieve/recall, a file of fixed slots in buckets; the agents of the account alone open
 * it, each change under a lock.  A slot that is damaged is free, and a bucket that is full forgets
 * what would be forgotten soonest: at worst somebody is answered once more.
 */
#ifndef DELIVER_RECALL_H
#define DELIVER_RECALL_H

#include "base/id.h"
#include "base/span.h"

enum {
	RECALL_BUCKETS = 512,
	RECALL_BUCKET_SLOTS = 16,
	RECALL_SLOT_BYTES = 64,
	RECALL_KEY_BYTES = 24,
};

enum recall_kind {
	RECALL_ANSWERED = 1, /* by vacation: sender and handle */
	RECALL_SEEN,         /* by test duplicate: handle and id */
	RECALL_DONE,         /* a message, all of what it made */
	RECALL_TOLD,         /* a version of the scripts that failed */
	RECALL_PROGRAM,      /* a message, a program that was begun for it: runner.c */
};

struct recall_key {
	unsigned char b[RECALL_KEY_BYTES];
};

struct recall_slot {
	struct recall_key key;
	int64_t until_sec, since_sec;
	struct file_id id; /* of the message that was the reason */
};

/* recall_key_of - of two texts, both as they are */
struct recall_key recall_key_of(enum recall_kind, struct span a, struct span b);
/* recall_find - E_OK, E_MORE (nothing, or no longer), E_IO (logged) */
MUST_USE int recall_find(
    int dir, struct recall_key, int64_t now_sec, struct recall_slot *out);
/*
 * recall_claim - once until then: what was remembered of that key stays.
 *   dir        borrow: HOME/sieve
 *   is_synced  at E_OK it is on stable storage
 *   returns    E_OK; E_BAD (it is remembered already); E_LIMIT (disk full), E_IO (logged)
 */
MUST_USE int recall_claim(
    int dir, const struct recall_slot *, int64_t now_sec, bool is_synced);
/* recall_put - the same, and what was remembered is replaced.  E_OK, E_LIMIT, E_IO */
MUST_USE int recall_put(int dir, const struct recall_slot *, int64_t now_sec);

/* slots as they stand in the file.  E_OK, E_BAD (free, or damaged) */
void recall_slot_encode(
    const struct recall_slot *, unsigned char out[RECALL_SLOT_BYTES]);
MUST_USE int recall_slot_decode(
    const unsigned char in[RECALL_SLOT_BYTES], struct recall_slot *out);

#endif
