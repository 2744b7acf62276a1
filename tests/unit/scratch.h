/* SPDX-License-Identifier: ISC */
/* scratch.h - directories of tests. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

void scratch_remove(const char *dir); /* and all below it */
/* all files below it: written over, as long as they were */
void scratch_spoil(const char *dir);

#endif
