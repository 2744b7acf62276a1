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

struct conf;

enum {
	RUNNER_PROGRAMS_MOST = 12,
	RUNNER_OUTPUT_MAX = 64 << 10, /* octets that it may say; then it is killed */
	RUNNER_SAID_MAX = 200,        /* of which so many are told */
	RUNNER_PROCESSES_MOST = 128,  /* of its user, while it runs */
	RUNNER_FILE_BYTES_MAX = 1 << 30,
	/* behind program_time: the monitor kills a runner then, and how it ended is not known any more */
	RUNNER_SPARE_SEC = 60,
};

int runner_prepare(void);
void runner_jail(struct jail *);
int runner_run(void);

/* ---- runner_programs.c: what the setting programs names ---- */
/* runner_program - its path; NULL: there is none of that name, or none that may be run */
const char *runner_program(const struct conf *, struct span name);
void runner_programs_jail(const struct conf *, struct jail *);
/*
 * runner_programs_test - a line for each that cannot be run, or that others could put something else in
 * the place of: it is none then, and no trouble to the others
 */
void runner_programs_test(const struct conf *, struct buf *lines);

/* ---- runner_exec.c ---- */

struct runner_end {
	bool has_exited; /* by itself, with this status */
	unsigned status;
	const char *why; /* static: what else became of it */
	struct buf said; /* own: the beginning of what it said */
};

/*
 * runner_exec - once in a process that leads a group: that becomes the program's, until its end, or
 * time_sec; then all of it is killed.
 *   path     borrow
 *   others   a process group of the same session, to which we go
 *   returns  E_OK; E_LIMIT: it was not begun for lack of something that may be there later; E_BAD: it
 *            cannot be begun (both are logged)
 */
MUST_USE int runner_exec(const char *path, const struct pipe_order *, int64_t time_sec,
    pid_t others, struct runner_end *out);

#endif
