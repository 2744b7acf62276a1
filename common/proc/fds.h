/* SPDX-License-Identifier: ISC */
/* fds.h - the descriptors of a process that begins another life. */
#ifndef PROC_FDS_H
#define PROC_FDS_H

#include <stddef.h>

/*
 * fds_close_others - all but these and those of stdio.  keep is sorted; negative ones in it are no
 * descriptors
 */
void fds_close_others(int *keep, size_t n);

#endif
