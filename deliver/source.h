/* SPDX-License-Identifier: ISC */
/*
 * source.h - the bytes of messages in the spool.  Descriptors of its files are kept, bounded; those
 * of a small message are read once for all its recipients.
 */
#ifndef DELIVER_SOURCE_H
#define DELIVER_SOURCE_H

#include "spool/job.h"

enum {
	SOURCE_FILES_KEPT = 64,
	SOURCE_COPY_CHUNK = 1 << 20,   /* bytes of a piece that the kernel copies */
	SOURCE_COPY_BY_HAND = 1 << 18, /* or that we do, where it cannot */
};

/* source_open - the spool, before the jail closes around it; made where there is none (logged) */
void source_open(const char *spool_dir);
/*
 * source_get - the file of the spool that holds the message; one system call where it is kept.
 *   out      borrow: a descriptor, until others are asked for
 *   returns  E_OK, E_IO (logged)
 */
MUST_USE int source_get(const struct job_in *, int *out);
/*
 * source_read - fn gets the message's bytes from at on, in pieces (borrow: during the call); what
 * it returns but E_OK ends that.
 *   returns  E_OK, E_IO, E_BAD (the spool's bytes are not this message), or what fn returned
 */
MUST_USE int source_read(
    const struct job_in *, uint64_t at, int (*fn)(void *ctx, struct span), void *ctx);
/*
 * source_copy - all of it, out of what source_get gave, into the file to, from where that stands.
 *   returns  E_OK; E_IO: errno; E_BAD: as above
 */
MUST_USE int source_copy(const struct job_in *, int source, int to);

#endif
