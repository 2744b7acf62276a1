/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of deliver.
 *   queue's sched -> placer   common/spool/job.h (another daemon, on RUN/deliver/jobs)
 *   placer -> lookup          common/account/recipient.h: LOOKUP_RCPTS
 *   placer -> monitor         proc/daemon.h: a channel to lookup
 *   lookup -> maps            maps/maps.h: MAPS_FIND, where alias_maps names some
 *   lookup -> monitor         proc/daemon.h: a channel to maps
 * The role metrics asks nobody and is asked nothing here: it answers scrapers (metrics/role.h).  A
 * placer that was taken over may write as any uid below the mail root (CAP_SETUID, CAP_SETGID;
 * Landlock holds it there) and read the spool; it has no socket, no other file, and cannot become
 * root in the file system's eyes elsewhere.  That is why it parses nothing but jobs.
 */
#ifndef DELIVER_ASKS_H
#define DELIVER_ASKS_H

enum deliver_role { DELIVER_PLACER, DELIVER_LOOKUP, DELIVER_MAPS };

#endif
