/* SPDX-License-Identifier: ISC */
/* gzip.h - bytes made smaller as gzip does it, RFC 1952: the one door to zlib. */
#ifndef NET_GZIP_H
#define NET_GZIP_H

#include "base/buf.h"

/*
 * gzip_put - all of in, as one gzip file, behind what out holds.  E_OK, E_LIMIT (out is full: what
 * it holds is of no use)
 */
MUST_USE int gzip_put(struct span in, struct buf *out);

#endif
