/* SPDX-License-Identifier: ISC */
/*
 * crlf.h - line ends as they are kept: a LF without its CR gets one.  Pure; for bytes that come in
 * pieces.
 */
#ifndef MOVE_CRLF_H
#define MOVE_CRLF_H

#include "base/buf.h"

struct crlf {
	bool was_cr; /* the last byte */
};

/* crlf_put - out grows by at most twice what came */
void crlf_put(struct crlf *, struct span, struct buf *out);

#endif
