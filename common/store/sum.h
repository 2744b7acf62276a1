/* SPDX-License-Identifier: ISC */
/* sum.h - the SHA-256 of a message file. */
#ifndef STORE_SUM_H
#define STORE_SUM_H

#include "tls/hash.h"

/* file_sum - of what is read from here to the end; blocks.  E_OK, E_IO */
MUST_USE int file_sum(int fd, unsigned char out[SHA256_BYTES]);
/* rows have zeros where nobody knows it */
bool sum_is_known(const unsigned char sum[SHA256_BYTES]);

#endif
