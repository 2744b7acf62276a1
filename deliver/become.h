/* SPDX-License-Identifier: ISC */
/*
 * become.h - the uid that files are made with.  The process stays who it is; the file system sees
 * the owner of the mailbox.
 */
#ifndef DELIVER_BECOME_H
#define DELIVER_BECOME_H

#include <sys/types.h>

/* become_open - before the first: whether there are uids to switch to */
void become_open(void);
/* become - two system calls, and one to look; none where it is so already.  Aborts when refused */
void become(uid_t, gid_t);
void become_ourselves(void);

#endif
