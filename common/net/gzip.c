/* SPDX-License-Identifier: ISC */
/* gzip.c - the one door to zlib. */
#include "net/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

enum {
	WINDOW_BITS = 15,
	AS_GZIP =
	    16 /* zlib.h: added to the window, a gzip head and tail are written */,
	MEMORY_LEVEL = 8
};

int
gzip_put(struct span in, struct buf *out)
{
	z_stream z = {0};
	if (in.n > UINT_MAX / 2)
		return E_LIMIT;
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS + AS_GZIP,
		MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		bug("deflateInit2");
	size_t room = deflateBound(&z, (uLong)in.n);
	char *to = buf_room(out, room);
	if (to) {
		z.next_in = (Bytef *)(uintptr_t)in.p;
		z.avail_in = (uInt)in.n;
		z.next_out = (Bytef *)to;
		z.avail_out = (uInt)room;
		if (deflate(&z, Z_FINISH) != Z_STREAM_END)
			bug("deflate left something over");
		buf_added(out, room - z.avail_out);
	}
	deflateEnd(&z);
	return buf_done(out);
}
