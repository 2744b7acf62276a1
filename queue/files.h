/* SPDX-License-Identifier: ISC */
/*
 * files.h - messages with files of their own.
 *   spool/large/xx/ID      bytes of a large message whose record is in the journal or in deferred/
 *   spool/deferred/xx/ID   what waits: head, state byte of each recipient, envelope, message (if not large)
 *   spool/corrupt/         what could not be read: an admin looks
 */
#ifndef QUEUE_FILES_H
#define QUEUE_FILES_H

#include "spool/envelope.h"
#include "spool/job.h"

struct files {
	int dir, large, deferred, corrupt; /* own: directories */
};

/* files_open - spool_dir and what it holds; 256 folders each are made when missing.  E_OK, E_IO (logged) */
MUST_USE int files_open(const char *spool_dir, struct files *out);

/* ---- large ---- */
MUST_USE int large_file(const struct files *, int *out); /* an unnamed file for a client.  E_OK, E_IO, E_LIMIT (disk full) */
/* large_check - it has this size and this SHA-256; reads all of it.  E_OK, E_BAD, E_IO */
MUST_USE int large_check(int fd, const struct envelope *);
MUST_USE int large_link(const struct files *, int fd, struct id); /* its name, durable: its folder is synced */
MUST_USE int large_open(const struct files *, struct id, int *out);

/* ---- deferred ---- */
/*
 * deferred_write - not yet synced (files_sync).
 *   message  empty for a large one
 *   offset   of the message in the file
 */
MUST_USE int deferred_write(const struct files *, struct span envelope, const uint8_t *states, struct span message);
struct deferred {
	struct buf envelope;   /* own; states are in it */
	uint64_t offset;       /* of the message in its file */
	uint64_t message_bytes; /* 0: large/xx/ID holds it */
};
MUST_USE int deferred_read(const struct files *, struct id, struct deferred *out); /* E_OK, E_BAD (damaged, missing), E_IO */
MUST_USE int deferred_open(const struct files *, struct id, int *out);
bool deferred_is_there(const struct files *, struct id);
/* deferred_mark - these recipients are done; synced.  E_OK, E_IO, E_BAD */
MUST_USE int deferred_mark(const struct files *, struct id, const uint16_t *which, size_t n);
void message_files_remove(const struct files *, struct id);   /* both kinds; not synced: a file that comes back is done again */
/* deferred_each - names in deferred/.  E_OK, or what fn returned */
MUST_USE int deferred_each(const struct files *, int (*fn)(void *ctx, struct id), void *ctx);

MUST_USE int files_sync(const struct files *);                /* all of the spool's file system.  E_OK, E_IO: final */
void corrupt_put(const struct files *, const char *name, struct span bytes);
void corrupt_move(const struct files *, struct id);

#endif
