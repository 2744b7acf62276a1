/* SPDX-License-Identifier: ISC */
/*
 * closed.h - the mark in an environment's folder that says it was closed as it should: which log
 * file is the last one, and how far it is used.  Written when all is on disk, and not synced: a
 * power cut may take it away, keep it, or bring one back that was taken.  So it is believed only
 * where nothing was logged behind it; as pages are never written before their log is synced, they
 * are then as the mark found them, and there is nothing to recover.  A recovery takes what it can
 * read of the log for synced, and writes pages after it: so closed_not comes before one.
 */
#ifndef DB_CLOSED_H
#define DB_CLOSED_H

#include "base/buf.h"

enum { CLOSED_NOTE_MAX = 256 /* octets */ };

/* The log, as the library left it. */
struct closed_log {
	uint32_t first,
	    last; /* numbers of files: those not synced yet, up to the last one */
	uint32_t
	    end; /* of the last one: where the library would write next; 0: not known */
};

/*
 * closed_put - syncs those log files, and makes the mark.
 *   dir        the environment's, all else of which is closed and synced
 *   has_names  files came since it was synced: it is
 *   note       of whoever takes the mark, at most CLOSED_NOTE_MAX, without "\n"
 *   returns    E_OK, E_IO: there is none
 */
MUST_USE int closed_put(
    int dir, const struct closed_log *log, bool has_names, struct span note);
/*
 * closed_take - the mark, which has another name from then on and is none; where that cannot be, it
 * is not believed, and closed_not removes it
 *   log      out: the number of the last log file, as it says, believed or not; 0: it says none
 *   note     out: what was noted, believed or not; reset first
 *   returns  true: there was one, and nothing was logged since
 */
bool closed_take(int dir, uint32_t *log, struct buf *note);
/*
 * closed_not - before a recovery: what a process that was killed has logged and did not sync is
 * made durable, and that there is no mark.  E_OK; E_IO: none may begin
 */
MUST_USE int closed_not(int dir);

#endif
