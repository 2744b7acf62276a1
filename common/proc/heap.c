/* SPDX-License-Identifier: ISC */
/*
 * heap.c - without mallopt: to set M_TRIM_THRESHOLD freezes the size from which malloc maps memory for
 * each piece anew.  That grows else with what is freed, so that large buffers, which come and go, are mapped once.
 */
#include "proc/heap.h"

#include "base/base.h"
#include "base/buf.h"

enum {
	PIECE_BYTES =
	    96 << 10, /* smaller than that size at its least: it is of the heap */
	PIECES = 2,
};

void
heap_touch(void)
{
	void *all[PIECES];
	for (size_t i = 0; i < PIECES; i++) {
		all[i] = mem_new(PIECE_BYTES);
		mem_wipe(all[i], PIECE_BYTES);
	}
	for (size_t i = PIECES; i > 0; i--)
		mem_free(&all[i - 1]);
}
