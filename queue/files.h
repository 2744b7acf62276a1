/* SPDX-License-Identifier: ISC */
/*
 * files.h - messages with files of their own.
 *   spool/large/xx/ID      bytes of a large message whose record is in the journal or in deferred/
 *   spool/deferred/xx/ID   what waits: head, state byte of each recipient, envelope, message (if
 *                          not large)
 *   spool/corrupt/         what could not be read: an admin looks
 *   spool/drop/            what sendmail(1) wrote (dropfile.h): the spool only looks whether a name
 *                          is there, and removes it
 */
#ifndef QUEUE_FILES_H
#define QUEUE_FILES_H

#include "spool/envelope.h"
#include "spool/job.h"

enum { FILE_MODE = 0640, FILE_NAME_BYTES = ID_TEXT + 4, FOLDERS = 256 };

struct files {
	int dir, large, deferred, corrupt, drop; /* own: directories */
};

/*
 * files_open - spool_dir and what it holds; 256 folders each are made when missing.  E_OK, E_IO
 * (logged)
 */
MUST_USE int files_open(const char *spool_dir, struct files *out);

void file_name(struct id, char out[FILE_NAME_BYTES]); /* "xx/ID" */
/* E_OK, E_BAD (none), E_LIMIT (disk full), E_IO */
MUST_USE int file_open(int at, struct id, int flags, int *out);
bool file_is_there(int at, struct id);
MUST_USE int folder_sync(int at, struct id); /* the folder of this id */
/* folder_each - names in one of the FOLDERS.  E_OK, E_IO, or what fn returned */
MUST_USE int folder_each(
    int at, unsigned folder, int (*fn)(void *ctx, const char *name), void *ctx);
/* all of the spool's file system.  E_OK, E_IO: final */
MUST_USE int files_sync(const struct files *);
bool dropped_is_there(const struct files *, struct id name);
/* the message is in the journal; not synced */
void dropped_remove(const struct files *, struct id name);
void message_files_remove(const struct files *, struct id); /* both kinds; not synced */

/* ---- large.c ---- */
/* an unnamed file for a client.  E_OK, E_IO, E_LIMIT (disk full) */
MUST_USE int large_file(const struct files *, int *out);
/* large_check - it has this size and this SHA-256; reads all of it.  E_OK, E_BAD, E_IO */
MUST_USE int large_check(int fd, const struct envelope *);
/*
 * large_link - its name, of an id that no record holds: another file that has it goes.  Not yet
 * synced.  E_OK, E_LIMIT, E_IO
 */
MUST_USE int large_link(const struct files *, int fd, struct id);
/* and that durably.  E_OK, E_IO: final */
MUST_USE int large_sync(const struct files *, struct id);
MUST_USE int large_open(const struct files *, struct id, int *out);
bool large_is_there(const struct files *, struct id);
/*
 * large_sweep - names in one folder that nobody holds, of batches that did not come to be, are
 * removed
 */
void large_sweep(const struct files *, unsigned folder, bool (*is_held)(struct id));

/* ---- deferred.c ---- */
/*
 * deferred_write - the file, without a name that counts yet.
 *   states   one for each recipient; NULL: as the envelope says
 *   message  empty for a large one
 *   returns  E_OK, E_BAD (not as many states as recipients), E_LIMIT (disk full), E_IO
 */
MUST_USE int deferred_write(const struct files *, struct span envelope,
    const uint8_t *states, size_t n_states, struct span message);
/*
 * deferred_settle - names for all that was written; durable at return, with few syncs.  E_OK, E_IO:
 * final, for all
 */
MUST_USE int deferred_settle(const struct files *, const struct id *ids, size_t n);

struct deferred {
	struct buf envelope;    /* own; states are in it */
	uint64_t offset;        /* of the message in its file */
	uint64_t message_bytes; /* 0: large/xx/ID holds it */
};

/* E_OK, E_BAD (damaged, missing), E_IO */
MUST_USE int deferred_read(const struct files *, struct id, struct deferred *out);
MUST_USE int deferred_open(const struct files *, struct id, int *out);
bool deferred_is_there(const struct files *, struct id);
/* deferred_mark - n marks (spool/envelope.h); synced.  E_OK, E_IO, E_BAD */
MUST_USE int deferred_mark(
    const struct files *, struct id, const uint16_t *marks, size_t n);
/* deferred_hold - its recipients that wait are held, or no longer; synced.  E_OK, E_BAD, E_IO */
MUST_USE int deferred_hold(const struct files *, struct id, bool is_held);
/*
 * deferred_each - names in one folder of deferred/; what was not settled is removed.  E_OK, E_IO,
 * or what fn returned
 */
MUST_USE int deferred_each(
    const struct files *, unsigned folder, int (*fn)(void *ctx, struct id), void *ctx);

/* ---- quarantine.c ---- */
void corrupt_put(const struct files *, const char *name, struct span bytes);
/* what it has in deferred/ and large/: corrupt/ID, corrupt/ID.large */
void corrupt_move(const struct files *, struct id);

#endif
