/* SPDX-License-Identifier: ISC */
/*
 * shape.h - a whole message, put together again from three parts: what we write before it, its
 * header, its body.  The last two mostly lie where they were read: then nothing but the new bytes
 * is copied (in memory), or the body is moved once (in a file).
 */
#ifndef SMTPD_SHAPE_H
#define SMTPD_SHAPE_H

#include "base/buf.h"

struct shape {
	struct span head;   /* Return-Path, Received, ... */
	struct span header; /* to the end of its last field */
	struct span body;   /* from the empty line on */
};

/* The pages of a file that only we write. */
struct mapping {
	char *p; /* own; NULL: not mapped */
	size_t n;
};

/* shape_split - where the header ends; a message without an empty line is header alone */
struct shape shape_split(struct span message);
uint64_t shape_bytes(const struct shape *);
/*
 * shape_in_memory - into mem, of which header and body mostly are parts.
 *   out  borrow: mem.  It begins where head fits before the header
 */
void shape_in_memory(const struct shape *, struct buf *mem, struct span *out);
/* mapping_open - the whole file.  E_OK, E_IO (logged) */
MUST_USE int mapping_open(struct mapping *, int fd, uint64_t bytes);
void mapping_close(struct mapping *); /* also of {0} */
/*
 * shape_in_file - into the file of the mapping, of which header and body mostly are parts; the
 * mapping is of all of it afterwards.  Blocks on the disk.  E_OK, E_LIMIT (no room), E_IO; logged
 */
MUST_USE int shape_in_file(const struct shape *, int fd, struct mapping *);

#endif
