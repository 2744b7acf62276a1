/* SPDX-License-Identifier: ISC */
/*
 * folder.h - inside the library of a user's scripts and lists: files of a folder that are read and
 * replaced whole.  Links are not followed, and what is no regular file is E_IO, never a hang.  A change
 * is on stable storage when its function returns.  All of it blocks on the disk; E_IO is logged.
 */
#ifndef SIEVE_FOLDER_H
#define SIEVE_FOLDER_H

#include "base/buf.h"

enum { SIEVE_FOLDER_LOCK_MS = 5000 }; /* waiting for the lock of a folder */

/* folder_failed - says so, with errno.  E_IO */
int folder_failed(const char *what, const char *name);
/* folder_beneath - a descriptor of what is there; own; -1, errno.  Never waits for the end of a pipe */
int folder_beneath(int dir, const char *name, int flags);
/*
 * folder_open - a folder below another.
 *   makes    it, if it is not there
 *   out      own; -1: it is not there
 *   returns  E_OK, E_IO
 */
MUST_USE int folder_open(int above, const char *name, bool makes, int *out);
/* folder_has - a regular file.  E_OK, E_MORE (no), E_IO (not looked at).  dir -1: no */
MUST_USE int folder_has(int dir, const char *name);
/* folder_read - appends it to out, whose max bounds it.  E_OK, E_MORE (not there; dir -1), E_LIMIT, E_IO */
MUST_USE int folder_read(int dir, const char *name, struct buf *out);
/*
 * folder_lock - one at a time, of all sessions and commands of the account; each holds it for a few
 * system calls.  E_OK, E_IO (also past SIEVE_FOLDER_LOCK_MS)
 */
MUST_USE int folder_lock(int dir);
void folder_unlock(int dir);

/* ---- under the lock ---- */

/* folder_replace - through ".new", which a crash may leave.  E_OK, E_LIMIT (no room on the disk), E_IO */
MUST_USE int folder_replace(int dir, const char *name, struct span text);
MUST_USE int folder_remove(int dir, const char *name); /* E_OK: it is not there; E_IO */
MUST_USE int folder_sync(int dir);                     /* E_OK, E_IO */

#endif
