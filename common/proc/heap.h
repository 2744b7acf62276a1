/* SPDX-License-Identifier: ISC */
/* heap.h - the pages of a process that is to begin in a hurry. */
#ifndef PROC_HEAP_H
#define PROC_HEAP_H

/* heap_touch - writes to the next 48 pages that come from the heap, so that it need not wait for them then: 33 of them stay */
void heap_touch(void);

#endif
