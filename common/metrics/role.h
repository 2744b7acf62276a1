/* SPDX-License-Identifier: ISC */
/*
 * role.h - the process that tells the numbers of its daemon: on RUN/DAEMON/metrics, and on
 * 127.0.0.1:metrics_port.  It reads what strangers send and holds nothing but the numbers.
 */
#ifndef METRICS_ROLE_H
#define METRICS_ROLE_H

#include "proc/daemon.h"

enum {
	/* of the socket, and as many of the port; past it the oldest goes */
	METRICS_CLIENTS_MOST = 16,
	METRICS_CLIENT_MS = 5000, /* a connection, in all */
	METRICS_PAUSE_MS = 1000,  /* when nothing can be accepted */
};

void metrics_jail(struct jail *);
int metrics_run(void);

/* The row of it, the last one of each daemon's table. */
#define METRICS_ROLE                                                                   \
	{                                                                              \
		.name = "metrics", .user = USER_NET, .flags = ROLE_METRICS,            \
		.at_start = 1, .jail = metrics_jail, .run = metrics_run                \
	}

#endif
