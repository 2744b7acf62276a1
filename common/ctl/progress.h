/* SPDX-License-Identifier: ISC */
/* progress.h - a line on standard error that moves, when that is a terminal; else nothing. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include "base/buf.h"

/* progress_show - "what  [####    ]  412 of 1000"; at most ten times a second */
void progress_show(struct span what, uint64_t done, uint64_t of);
/* progress_end - the line goes: before anything else is printed */
void progress_end(void);

#endif
