/* SPDX-License-Identifier: ISC */
/* connect.h - to a socket that a daemon keeps for this command. */
#ifndef CTL_CONNECT_H
#define CTL_CONNECT_H

#include "conf/conf.h"

/*
 * ctl_connect - RUN/DAEMON/NAME, SOCK_SEQPACKET.  E_OK, E_IO (nobody listens), E_DENY (not
 * permitted)
 */
MUST_USE int ctl_connect(
    const struct conf *, const char *daemon, const char *name, int *out);
/* ctl_connect_stream - the same, SOCK_STREAM */
MUST_USE int ctl_connect_stream(
    const struct conf *, const char *daemon, const char *name, int *out);

#endif
