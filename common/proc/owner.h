/* SPDX-License-Identifier: ISC */
/* owner.h - whose processes a monitor may fork, for those who ask it for one. */
#ifndef PROC_OWNER_H
#define PROC_OWNER_H

#include <sys/types.h>

#include "base/span.h"

enum { MAILBOX_UID_LEAST = 1000 };

/*
 * owner_may_be - a mailbox's uid, never root's or one of ours: even a taken-over process that says
 * whose mailbox it is cannot make a process more than that
 */
bool owner_may_be(uid_t uid, gid_t gid);
/* owner_is_below - a folder below mail_dir: "DOMAIN/USER", and no way up from there */
bool owner_is_below(struct span home);

#endif
