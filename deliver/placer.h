/* SPDX-License-Identifier: ISC */
/*
 * placer.h - the process that writes into mailboxes.  It parses jobs (spool/job.h) and nothing
 * else.
 */
#ifndef DELIVER_PLACER_H
#define DELIVER_PLACER_H

#include "proc/jail.h"

int placer_prepare(void); /* opens mail root and spool */
void placer_jail(struct jail *);
int placer_run(void);

#endif
