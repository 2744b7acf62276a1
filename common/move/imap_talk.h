/* SPDX-License-Identifier: ISC */
/* imap_talk.h - commands and responses of the client's side: what the files imap_*.c share. */
#ifndef MOVE_IMAP_TALK_H
#define MOVE_IMAP_TALK_H

#include "move/imap_client.h"

/* talk_send - tag and these words, buffered; returns the tag */
uint32_t talk_send(struct imap *, struct span words);
/*
 * talk_read - one response; borrows until the next.  A BODY[] goes to the stream and leaves an
 * empty literal.  E_OK, E_IO
 */
MUST_USE int talk_read(struct imap *, struct imap_reply *out);
/* A datum of a response.  E_OK, or what ends the command */
typedef int talk_data(struct imap *, const struct imap_reply *, void *ctx);
/* talk_is_answer - a tagged status of that command */
bool talk_is_answer(const struct imap_reply *, uint32_t tag);
/*
 * talk_until - reads until the command is answered; data may be NULL.
 *   returns  E_OK, E_BAD (NO or BAD: failure has its text), E_IO, or what data returned
 */
MUST_USE int talk_until(
    struct imap *, uint32_t tag, talk_data *data, void *ctx, struct imap_reply *answer);
/* talk - talk_send, then talk_until */
MUST_USE int talk(struct imap *, struct span words, talk_data *data, void *ctx);
/*
 * talk_string_put - quoted, or as a literal that does not wait where the server takes those.  E_OK,
 * E_BAD: it takes none
 */
MUST_USE int talk_string_put(const struct imap *, struct buf *, struct span);

#endif
