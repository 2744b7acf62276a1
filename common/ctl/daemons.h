/* SPDX-License-Identifier: ISC */
/* daemons.h - which daemons there are, where their programs and their monitors are. */
#ifndef CTL_DAEMONS_H
#define CTL_DAEMONS_H

#include <sys/types.h>

#include "ctl/ctl.h"

/* In the order of their start.  What takes mail in ends first, what it hands over to last. */
struct daemon_name {
	const char *name;
	unsigned stops_in; /* 0 .. DAEMON_STOPS - 1 */
};

enum { DAEMONS = 5, DAEMON_STOPS = 3, STOP_GRACE_SEC = 5 };

extern const struct daemon_name daemon_names[DAEMONS];

/*
 * daemons_chosen - which of daemon_names argv names; all when it names none.
 * EX_OK, EX_USAGE (said)
 */
MUST_USE int daemons_chosen(
    const struct merpati *, int argc, char **argv, bool out[DAEMONS]);
/*
 * daemon_program - its path, beside this program, in the build's folders, or where it is installed;
 * adds to out.  false: it is not there
 */
bool daemon_program(const char *name, struct buf *out);
/*
 * daemons_ask - fn asks each monitor that runs, on its socket.  EX_OK, EX_NOPERM or EX_TEMPFAIL of
 * the last that did not answer (said)
 */
MUST_USE int daemons_ask(const struct merpati *,
    int (*fn)(void *ctx, const char *daemon, int fd), void *ctx);
/* daemon_pid - of its monitor, by the pid file that it holds locked; 0: it does not run */
pid_t daemon_pid(const struct conf *, const char *name);

#endif
