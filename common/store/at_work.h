/* SPDX-License-Identifier: ISC */
/*
 * at_work.h - who has index/lock tells in it that he is at work on what takes as long as there is mail (a
 * rebuild, a dump), and how far he is; so that who waits for him does not take him for dead.  In the
 * folder of the mailbox.
 *   index/lock  empty: nothing is told; else u64 done, u64 of (0: not known)
 */
#ifndef STORE_AT_WORK_H
#define STORE_AT_WORK_H

#include "base/base.h"

enum {
	AT_WORK_TELL_MS = 100, /* between what is told */
	AT_WORK_LOOK_MS = 250, /* how often it is looked at */
};

typedef void at_work_fn(void *ctx, uint64_t done, uint64_t of);

/* ---- who is at work ---- */

void at_work_begin(void); /* without index/lock (a new account) nothing is told */
void at_work_tell(uint64_t done, uint64_t of); /* nothing before at_work_begin */
void at_work_end(void);                        /* also of one who died at it */

/* ---- who waits ---- */

/* Is somebody at work? */
bool at_work_look(uint64_t *done, uint64_t *of);
/*
 * at_work_watch - fn gets what others, and this process itself, tell from now on; and with it the waits
 * here have no end while somebody is at work.  NULL: no more
 */
void at_work_watch(at_work_fn *, void *ctx);
/*
 * at_work_lock - out: a new file if there is none, locked, the caller's.  Blocks at most wait_ms, and as
 * long as at_work_watch says.  E_OK, E_LIMIT (another one has it), E_IO
 */
MUST_USE int at_work_lock(const char *path, int64_t wait_ms, int *out);
/* at_work_hear - until a descriptor can be read, as long as at_work_lock.  E_OK, E_LIMIT */
MUST_USE int at_work_hear(int fd, int64_t wait_ms);

#endif
