/* SPDX-License-Identifier: ISC */
/* logfile.h - where log lines go: the setting log is "syslog", "stderr" or a path. */
#ifndef PROC_LOGFILE_H
#define PROC_LOGFILE_H

#include "base/span.h"

struct conf;

/*
 * logfile_open - opens what the setting says and makes it the log of this process and its children.
 * No syslog on this machine: standard error, and that is said.  E_OK, E_IO (a path that cannot be
 * opened; said)
 */
MUST_USE int logfile_open(const struct conf *, const char *daemon);
/*
 * logfile_reopen - the same path again, on the same descriptor (after a rotation); syslog where
 * there was none at the start, on one of its own.  E_OK, E_IO (said; the log stays what it is)
 */
MUST_USE int logfile_reopen(const struct conf *, const char *daemon);
/*
 * logfile_lost - in the monitor: a line that syslog did not take, of it or of a child.  Connects
 * the socket again, which all its processes share, and writes the line; when nobody listens it is
 * lost.  Does not wait for anybody to listen
 */
void logfile_lost(struct span line);

#endif
