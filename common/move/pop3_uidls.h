/* SPDX-License-Identifier: ISC */
/*
 * pop3_uidls.h - which UIDL of a POP3 server belongs to which message of the same account's INBOX
 * by IMAP.  Pure.  Where both have as many messages, of the same sizes in the same order, that
 * order says it.  Else the heads do: both servers show the same ones.
 */
#ifndef MOVE_POP3_UIDLS_H
#define MOVE_POP3_UIDLS_H

#include "move/source.h"
#include "tls/hash.h"

struct pop3_message {
	uint32_t number;
	uint64_t size_bytes;
	struct span uidl; /* borrow: the arena; empty: it has none */
};

struct pop3_messages {
	struct arena arena;       /* own */
	struct pop3_message *all; /* own; numbers ascend */
	size_t n, cap;
};

/*
 * The head of a message: its fields without those that one of the two servers may add, hide or
 * change.
 */
struct head_sum {
	unsigned char sha256[SHA256_BYTES];
	size_t index; /* of the message, in its list */
};

/*
 * pop3_list_line - "3 1200", of LIST.  E_OK, E_BAD (also a number that is not above the last),
 * E_LIMIT (SOURCE_MESSAGES_MAX)
 */
MUST_USE int pop3_list_line(struct pop3_messages *, struct span line);
/*
 * pop3_uidl_line - "3 id", of UIDL; of a message that LIST did not name it is passed over.  E_OK,
 * E_BAD
 */
MUST_USE int pop3_uidl_line(struct pop3_messages *, struct span line);
void pop3_messages_free(struct pop3_messages *);

void head_sum(struct span head, unsigned char out[SHA256_BYTES]);
/* uidls_by_size - into the listing's arena.  False: the two are not alike, and nothing was done */
bool uidls_by_size(const struct pop3_messages *, struct listing *);
/*
 * uidls_by_head - sorts both; of several messages with one head the first has the first UIDL.
 * Returns how many found no message
 */
size_t uidls_by_head(const struct pop3_messages *, struct head_sum *theirs,
    size_t n_theirs, struct listing *, struct head_sum *ours, size_t n_ours);

#endif
