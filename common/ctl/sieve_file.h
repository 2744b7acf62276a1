/* SPDX-License-Identifier: ISC */
/* sieve_file.h - what the commands about Sieve share (cmd_sieve.c). */
#ifndef CTL_SIEVE_FILE_H
#define CTL_SIEVE_FILE_H

#include "base/buf.h"
#include "sieve/error.h"

/*
 * sieve_file_read - a file, or standard input for "-"; at most max octets.  EX_OK, EX_NOINPUT,
 * EX_DATAERR (said)
 */
MUST_USE int sieve_file_read(const char *path, size_t max, struct buf *out);
void sieve_errors_say(const struct sieve_errors *); /* on stderr */

#endif
