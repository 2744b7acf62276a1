/* SPDX-License-Identifier: ISC */
/*
 * copy_here.h - in an agent: a message that a script made of one that is in a mailbox goes into the
 * account's own new/, as placers put what comes.
 */
#ifndef DELIVER_COPY_HERE_H
#define DELIVER_COPY_HERE_H

#include "deliver/order.h"

/*
 * copy_here - durable at E_OK.  Made again it is the same file, which the keeper takes in once
 *   home     borrow: descriptor of the mailbox's directory
 *   id       of event and message
 *   message  borrow: what body_at is a place in
 *   file     borrow: the same as it is stored, with its Return-Path
 *   returns  E_OK, E_LIMIT (the disk: later)
 */
MUST_USE int copy_here(int home, struct file_id id, const struct agent_store *,
    struct span message, struct span file);

#endif
