/* SPDX-License-Identifier: ISC */
/* sweep.h - a job's way over the messages of a set, in slices; and how a message goes. */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include "store/jobs.h"

enum sweep_did { SWEEP_LEFT, SWEEP_CHANGED, SWEEP_GONE };

/* Looks at one message and may change it.  E_OK, or what makes the batch fail */
typedef int sweep_fn(void *ctx, struct store_record *, enum sweep_did *did);

/*
 * sweep - fn with each message of the mailbox that is in uids, in order, in the batch's
 * transaction, while job_has_time.
 *   at       where it goes on; 0 at first
 *   is_done  nothing is left behind at
 */
MUST_USE int sweep(uint32_t mailbox, const struct numset *uids, uint32_t *at,
    sweep_fn *, void *ctx, bool *is_done);
/* sweep_all - the same in one go */
MUST_USE int sweep_all(
    uint32_t mailbox, const struct numset *uids, sweep_fn *, void *ctx);

/*
 * message_gone - r leaves slot: counts, its reference, the view.  The caller takes the record away,
 * and puts the uid among the expunged.  keeps_file: its reference went to another mailbox
 */
MUST_USE int message_gone(
    struct slot *, struct store_record *r, uint64_t modseq, bool keeps_file);

#endif
