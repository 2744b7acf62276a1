/* SPDX-License-Identifier: ISC */
/*
 * closed.h - the mark of an environment that was closed as it should: DIR/closed says which log
 * file is the last one, and how far it is used.  Written when all is on disk, and not synced: a
 * power cut may take it away, keep it, or bring one back that was removed.  So it is believed only
 * where nothing was logged behind it; as pages are never written before their log is synced, they
 * are then as the mark found them, and there is nothing to recover.
 */
#ifndef DB_CLOSED_H
#define DB_CLOSED_H

#include "base/buf.h"

/*
 * closed_put - makes the mark.
 *   dir  the environment's, all of which is closed and synced
 *   log  number of its last log file
 */
MUST_USE int closed_put(int dir, uint32_t log); /* E_OK, E_IO: there is none */
/* closed_take - removes the mark; true: there was one, and nothing was logged since */
bool closed_take(int dir);

#endif
