/* SPDX-License-Identifier: ISC */
/*
 * changelog.h - a change that a command made, as a line where the daemons log; what commands say goes to
 * standard error all the same.
 */
#ifndef CTL_CHANGELOG_H
#define CTL_CHANGELOG_H

#include "ctl/ctl.h"

/* changelog_begin - log_event goes there until changelog_end.  False: the log cannot be opened, said */
bool changelog_begin(const struct merpati *);
void changelog_end(void); /* in any case */

#endif
