/* SPDX-License-Identifier: ISC */
/*
 * sealed.h - bytes too many for an ask go to another process as a memory file that nobody can
 * change any more.
 */
#ifndef QUEUE_SEALED_H
#define QUEUE_SEALED_H

#include "base/buf.h"

/* sealed_copy - own: its descriptor; -1: none could be made (errno says why) */
int sealed_copy(struct span bytes);

#endif
