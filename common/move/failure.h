/* SPDX-License-Identifier: ISC */
/*
 * failure.h - why a conversation, or a source, came to nothing: for an exit status and for people.
 */
#ifndef MOVE_FAILURE_H
#define MOVE_FAILURE_H

#include "base/buf.h"

struct failure {
	int status;     /* of sysexits.h */
	struct buf why; /* own: its text */
};

/* failed - it is this one, whatever it was before; returns E_IO */
int failed(struct failure *, int status, const char *fmt, ...) FMT(3, 4);

#endif
