/* SPDX-License-Identifier: ISC */
/* arena.h - memory that one command allocates and that goes back all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* own */
	size_t used_bytes;          /* of all blocks */
	size_t max_bytes;           /* past it arena_get returns NULL; 0: no limit */
};

/* zeroed, aligned; borrow until arena_reset; NULL past max */
void *arena_get(struct arena *, size_t bytes);
struct span arena_span(struct arena *, struct span); /* copy; empty past max */
char *arena_str(struct arena *, struct span); /* NUL-terminated copy; NULL past max */
void arena_reset(struct arena *); /* all of it back; the arena is empty and usable */

#endif
