/* SPDX-License-Identifier: ISC */
/* listen.h - the sockets a daemon listens on: bound by it, or handed over by systemd. */
#ifndef PROC_LISTEN_H
#define PROC_LISTEN_H

#include "base/buf.h"
#include "proc/child.h"

enum { LISTENERS_MAX = 64, LISTEN_BACKLOG = 1024 };

struct conf;
struct daemon;

struct listeners {
	struct listener all[LISTENERS_MAX];
	size_t n;
};

/*
 * listen_open - every address of the daemon's listen settings and its UNIX sockets, and where it
 * has a role for it those of its metrics, in that order.  What old already has, or systemd passed
 * (LISTEN_FDS, taken once), is used as it is.
 *   errors   lines: which address, why
 *   returns  E_OK, E_BAD (an address that is none), E_IO (cannot bind)
 */
MUST_USE int listen_open(const struct conf *, const struct daemon *,
    const struct listeners *old, struct buf *errors, struct listeners *out);
bool listen_is_metrics(const struct listener *);

#endif
