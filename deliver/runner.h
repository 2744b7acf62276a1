/* SPDX-License-Identifier: ISC */
/*
 * runner.h - the process that runs a program of the site over one message, with the uid of its user,
 * and leaves.  It and the program have the mailbox's folder, may read and execute below /usr, /bin,
 * /lib and what the setting programs names, read /etc, and have no network.
 */
#ifndef DELIVER_RUNNER_H
#define DELIVER_RUNNER_H

#include "deliver/pipe.h"
#include "proc/jail.h"

enum {
	RUNNER_PROGRAMS_MOST = 12,
	RUNNER_OUTPUT_MAX = 64 << 10, /* octets that it may say; then it is killed */
	RUNNER_SAID_MAX = 200,        /* of which so many are told */
	RUNNER_PROCESSES_MOST = 128,  /* of its user, while it runs */
	RUNNER_FILE_BYTES_MAX = 1 << 30,
};

int runner_prepare(void);
void runner_jail(struct jail *);
int runner_run(void);

/* ---- runner_exec.c ---- */

struct runner_end {
	bool has_exited; /* by itself, with this status */
	unsigned status;
	const char *why; /* static: what else became of it */
	struct buf said; /* own: the beginning of what it said */
};

/*
 * runner_exec - until its end, or time_sec; then its whole process group is killed.
 *   path     borrow
 *   returns  E_OK; E_IO: it was not begun (logged)
 */
MUST_USE int runner_exec(const char *path, const struct pipe_order *, int64_t time_sec,
    struct runner_end *out);

#endif
