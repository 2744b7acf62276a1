/* SPDX-License-Identifier: ISC */
/*
 * imap_client.h - the client's side of an IMAP conversation, in straight lines: log in, list
 * folders, examine one, fetch.  The server is a stranger: every line, literal, count and wait has a
 * limit, and what it says beyond the grammar ends the conversation.  Mailboxes are only examined
 * (RFC 3501 6.3.2): nothing changes there.
 */
#ifndef MOVE_IMAP_CLIENT_H
#define MOVE_IMAP_CLIENT_H

#include "move/imap_reply.h"
#include "move/server_login.h"
#include "move/source.h"
#include "proc/io.h"

enum {
	IMAP_LINE_MAX = 65536,      /* octets of a line of a response */
	IMAP_TEXT_MAX = 1 << 20,    /* octets of a response without its messages */
	IMAP_MESSAGE_MAX = 1 << 30, /* octets of a message */
	IMAP_UNASKED_MAX = 100000,  /* responses to a command beyond what it asks for */
	IMAP_IDLE_MS = 120000,      /* each wait */
	IMAP_LOGIN_MS = 60000,      /* until it is logged in */
	IMAP_BATCH_MESSAGES = 100,  /* of a FETCH */
	IMAP_BATCH_BYTES = 8 << 20,
	IMAP_BATCHES_AHEAD = 3, /* FETCHes under way */
};

struct imap {
	struct io io;                  /* own */
	struct tls_conn *conn;         /* own; NULL: none */
	unsigned capabilities;         /* enum imap_capability */
	uint32_t tag;                  /* of the last command */
	struct buf text;               /* own: the response that is read */
	struct arena arena;            /* own: of it */
	const struct fetch_to *stream; /* borrow: who gets BODY[]; NULL: nobody */
	bool has_streamed;             /* this response had one */
	int stream_err;                /* what the taker returned */
	struct span prefix;            /* own (p): of the personal namespace */
	char delimiter;
	struct failure failure; /* own (why) */
};

/*
 * Each returns E_OK, E_BAD (the server says NO), or E_IO (the conversation is over); failure says
 * why.
 */
void imap_init(struct imap *, int fd); /* takes fd */
MUST_USE int imap_login(struct imap *, const struct server_login *);
MUST_USE int imap_folders(struct imap *, struct source_folders *out);
MUST_USE int imap_messages(struct imap *, struct span raw, struct listing *out);
/*
 * imap_fetch - messages of the mailbox listed last; sizes: as the listing says.  A taker's failure
 * ends it with E_LIMIT
 */
MUST_USE int imap_fetch(struct imap *, const struct listing *, const uint32_t *uids,
    size_t n, const struct fetch_to *);
/*
 * imap_heads - of all messages of the mailbox listed last; out: room for as many; *n: those that
 * the server showed
 */
struct head_sum;
MUST_USE int imap_heads(
    struct imap *, const struct listing *, struct head_sum *out, size_t *n);
void imap_done(struct imap *); /* says LOGOUT, does not wait for its answer */

#endif
