/* SPDX-License-Identifier: ISC */
/*
 * perform.h - an order becomes an answer: scripts are run over a message, and what they decided
 * becomes what the placer is to store and to send.  In an agent, with the rights of the user.
 * Vacation is remembered here, durably, before it is said; what a message made is remembered when
 * the placer says that it has happened.
 */
#ifndef DELIVER_PERFORM_H
#define DELIVER_PERFORM_H

#include "deliver/work.h"

struct conf;

void perform_open(const struct conf *);
/*
 * perform - never fails: what cannot be done is logged, and leaves the message in INBOX.  Blocks on
 * the disk, and on the keeper where a test asks for mailboxes.
 *   home   borrow: descriptor of the mailbox's directory
 *   reply  what answer_put makes
 */
void perform(int home, const struct agent_order *, struct buf *reply);
/*
 * perform_event - the same of an event of IMAP (RFC 6785): what its scripts store and send.  An
 * explicit or implicit keep is among the actions of result, or is_kept; else the message is to go.
 *   order    its message, and who it is for; no envelope
 *   returns  borrow: until the next of these two
 */
const struct work *perform_event(
    int home, const struct agent_order *, const struct about_event *);
void perform_done(int home); /* the last answer's has happened */
bool perform_waits(void);    /* that is still to be said */
void perform_close(void);

#endif
