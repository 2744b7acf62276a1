/* SPDX-License-Identifier: ISC */
/* segment.h - one file of the journal: its header, and the states of its use. */
#ifndef QUEUE_SEGMENT_H
#define QUEUE_SEGMENT_H

#include "base/base.h"
#include "tls/hash.h"

enum segment_state {
	SEGMENT_FREE, /* nothing in it counts */
	SEGMENT_LIVE,
	/* a write or sync failed: what it holds counts, but it is never written again */
	SEGMENT_BAD,
	SEGMENT_LEFT, /* its file cannot be had */
};

struct segment {
	unsigned number; /* of the file */
	int fd;          /* own */
	enum segment_state state;
	/* number of this use; grows by one with each use of any segment */
	uint64_t use;
	uint64_t bytes; /* size of the file */
	uint64_t end;   /* where the next batch goes */
	/* where the batches of the use before this one end; 0: there was none */
	uint64_t before_end;
	uint32_t batches; /* written in this use */
	struct mac *mac;  /* own: keyed with this use's random bits; NULL while free */
};

/* E_OK, E_BAD (none), E_IO */
MUST_USE int segment_open(int dir_fd, unsigned number, struct segment *out);
/* E_OK, E_IO */
MUST_USE int segment_create(int dir_fd, unsigned number, struct segment *out);
void segment_close(struct segment *);
/*
 * segment_fill - a piece more is written with zeros; at its size it is synced, so that later writes
 * change no metadata.  E_MORE, E_OK, E_IO (errno says why; it has a new, empty file)
 */
MUST_USE int segment_fill(struct segment *, int dir_fd, uint64_t bytes);
MUST_USE int segment_read_head(struct segment *); /* E_OK: live; E_BAD: free, or left */
/*
 * segment_begin - a new header, synced.  before_end: where the batches of the use before this one
 * end.  E_OK, E_IO (it is bad now)
 */
MUST_USE int segment_begin(struct segment *, uint64_t use, uint64_t before_end);
/* free, synced; a bad one gets a new file */
void segment_end(struct segment *, int dir_fd);
/*
 * segment_replace - a file whose sync failed is never trusted again: its name gets a new, empty one
 */
void segment_replace(struct segment *, int dir_fd);

#endif
