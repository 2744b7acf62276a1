/* SPDX-License-Identifier: ISC */
/*
 * agent.h - the process that runs the scripts of one mailbox, with its uid and below its directory
 * alone, without a network.  It serves one placer, and leaves when nothing comes for a while.
 */
#ifndef DELIVER_AGENT_H
#define DELIVER_AGENT_H

#include "proc/jail.h"

enum {
	AGENT_LIFE_MS = 60000
}; /* then another one takes its place: scripts of the site are read */

int agent_prepare(void);
void agent_jail(struct jail *);
int agent_run(void);

#endif
