/* SPDX-License-Identifier: ISC */
/* kick.h - sessions end, in all daemons that run. */
#ifndef CTL_KICK_H
#define CTL_KICK_H

#include "ctl/ctl.h"

/*
 * kick_sessions - of an account, or from a client's address; the other one is NULL.
 *   n        is added to: sessions that were told to end
 *   returns  EX_OK, EX_NOPERM, EX_TEMPFAIL (said: a daemon does not answer; the others were asked)
 */
MUST_USE int kick_sessions(
    const struct merpati *, const char *account, const char *address, unsigned *n);

#endif
