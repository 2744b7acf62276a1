/* SPDX-License-Identifier: ISC */
/*
 * append.h - a message that a client sends, for APPEND and REPLACE: RFC 9051 6.3.12, RFC 3502, RFC
 * 3516 4.4, RFC 6855 4.
 *   append-message = [SP flag-list] [SP date-time] SP (literal / literal8 / "UTF8" SP "(" literal8
 *   ")" / "CATENATE" SP "(" parts ")"): catenate.h
 * On disk lines end in CRLF: a bare LF becomes one, so RFC822.SIZE and what is fetched are of the
 * message as it is kept; a bare CR stays.  A literal8 that is no text (it has a NUL, a bare CR or
 * LF, and is not UTF8) is refused with [UNKNOWN-CTE]: the client encodes it.  Eight bits in a head
 * are taken from every client (RFC 6855 4 would have NO without UTF8=ACCEPT), as they are in mail
 * that comes in, and an archive that is moved here has them.
 */
#ifndef IMAPD_APPEND_H
#define IMAPD_APPEND_H

#include "imapd/command.h"
#include "store/incoming.h"

/* Messages of one command, as they come. */
struct append {
	struct session *s;         /* borrow */
	struct command *c;         /* borrow */
	struct incoming *messages; /* own */
	size_t n, cap;
	enum reply reply; /* R_DONE, or why nothing is kept */
};

/*
 * append_accepts - before any octet of a message is sent: there is such a mailbox, and room when
 * goes (may be NULL) leaves.  R_DONE, or the refusal
 */
enum reply append_accepts(
    struct session *, struct span mailbox, const struct store_record *goes);
void append_init(struct append *, struct session *, struct command *);
void append_done(struct append *); /* what was not stored goes */
/*
 * append_take - one append-message, at the end of c->parse; written, with its cache item.
 * Afterwards c->parse is what follows.  What fails is in reply; the rest of the command is then
 * read and forgotten by the dispatcher.
 *   returns  false: it failed
 */
bool append_take(struct append *);
/* append_failed - the reply for what came of a message's octets, as stream_piece says it */
enum reply append_failed(int err, bool is_literal8);
/* append_end - all of them are on stable storage, and may be asked for.  R_DONE, or why not */
enum reply append_end(struct append *);

#endif
