/* SPDX-License-Identifier: ISC */
/*
 * deflate.h - a conversation whose bytes travel as raw DEFLATE (RFC 4978, RFC 1951).  The one door
 * to zlib.  What the client sends is inflated into what a read asked for and no further: a bomb
 * meets the limits of commands like any other bytes.
 */
#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

#include "proc/io.h"

enum {
	DEFLATE_LEVEL = 3,
	DEFLATE_WINDOW_MAX = 32768, /* bytes: RFC 1951 2 */
	DEFLATE_RAW_MAX = 16384,    /* bytes of one read */
	DEFLATE_PIECE = 65536,      /* bytes that one write compresses */
};

struct deflate;

/* deflate_new - own; fd borrow, non-blocking.  No memory: dies */
struct deflate *deflate_new(int fd);
void deflate_free(struct deflate **);
/*
 * deflate_feed - bytes that were read already: ahead of all that the socket has.  At most
 * DEFLATE_RAW_MAX, before the first read.  E_OK, E_LIMIT (more)
 */
MUST_USE int deflate_feed(struct deflate *, struct span raw);
/* ctx: a struct deflate.  Each write ends in a flush, on a whole octet; bytes that are none: E_IO */
extern const struct io_way deflate_way;

/*
 * What must be known to go on inflating in another process: deflating needs nothing, as what
 * follows a flush is read by itself.
 * deflate_save - E_OK; E_MORE: in the middle of a block, or bytes wait: not now
 * deflate_load - a stream that goes on.  E_OK, E_BAD; out is NULL then
 */
MUST_USE int deflate_save(struct deflate *, struct buf *out);
MUST_USE int deflate_load(struct rd *, int fd, struct deflate **out);

#endif
