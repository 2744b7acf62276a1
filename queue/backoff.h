/* SPDX-License-Identifier: ISC */
/*
 * backoff.h - what a reply that puts mail off is about, by rules: those of the setting backoff,
 * then those of backoff.c; the first that fits.  A rule is compared with what the server said ("421
 * 4.7.28 try again later"), all of it.
 */
#ifndef QUEUE_BACKOFF_H
#define QUEUE_BACKOFF_H

#include "conf/rule.h"

/*
 * backoff_class - of a reason ("4.7.28 HOST said: 421 4.7.28 ..."); what nobody said is
 * BACKOFF_ALONE
 */
enum backoff backoff_class(struct span reason);

#endif
