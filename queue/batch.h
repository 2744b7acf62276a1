/* SPDX-License-Identifier: ISC */
/* batch.h - a batch of records as it stands in a segment: written, and read back by a replay. */
#ifndef QUEUE_BATCH_H
#define QUEUE_BATCH_H

#include "queue/journal.h"
#include "queue/segment.h"

size_t batch_head_bytes(size_t n_records);
size_t batch_record_bytes(const struct record *);
/* batch_put - the whole batch, as it goes to s->end; each record gets its offset in the file */
void batch_put(struct buf *out, const struct segment *, struct record *, size_t n);
/*
 * batch_replay - all batches of a segment; its end and its count are known afterwards.
 *   known_end  where they end, as the next use says; 0: not known, a bad last batch is a torn tail
 *   returns    E_OK, E_IO
 */
MUST_USE int batch_replay(
    struct segment *, uint64_t known_end, const struct journal_visitor *);

#endif
