/* SPDX-License-Identifier: ISC */
/*
 * relay.h - the role: one process, one connection to another host.  It sees copies of the messages
 * that go there, no file.
 */
#ifndef QUEUE_RELAY_RELAY_H
#define QUEUE_RELAY_RELAY_H

#include "proc/jail.h"

int relay_prepare(void);
void relay_jail(struct jail *);
int relay_run(void);

#endif
