/* SPDX-License-Identifier: ISC */
/*
 * worker.h - a process of an account's uid, jailed to its mailbox, that works for a command and
 * asks of it by a channel what it cannot do itself.  It prints nothing: standard input, output and
 * error are /dev/null there, and it (and a keeper that it starts, which outlives it) logs where the
 * daemons log.
 */
#ifndef CTL_WORKER_H
#define CTL_WORKER_H

#include <sys/types.h>

#include "account/account.h"
#include "conf/conf.h"
#include "proc/ask.h"

struct worker {
	pid_t pid;
	int chan; /* own */
};

enum {
	WORKER_BURST = 64,
	WORKER_WAIT_MS =
	    600000 /* of an ask of the command, which may wait for a person */
};

/* worker_fn - runs in the jail; home is absolute.  Its result is the exit status */
typedef int worker_fn(int chan, const char *home, void *ctx);

/*
 * worker_start - ctx is what the process has at the moment; descriptors too, until it closes them
 *   returns  EX_OK, or what it said about
 */
MUST_USE int worker_start(const struct conf *, const struct account *, worker_fn *,
    void *ctx, struct worker *out);
/*
 * worker_serve - answers what it asks until it ends.
 *   ctx      asker->ctx in the handlers of rows
 *   returns  its exit status; EX_SOFTWARE (said) when it died
 */
MUST_USE int worker_serve(
    struct worker *, const struct ask_row *rows, size_t n_rows, void *ctx);

#endif
