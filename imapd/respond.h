/* SPDX-License-Identifier: ISC */
/* respond.h - everything the server says: each reply once, and the forms of RFC 9051 7 and 9. */
#ifndef IMAPD_RESPOND_H
#define IMAPD_RESPOND_H

#include "imapd/session.h"

/* A handler's return value is its reply: respond.c has type, code and text of each. */
enum reply {
	R_DONE,   /* OK VERB completed */
	R_SYNTAX, /* BAD what was expected (parse.expected) */
	/* the handler said everything itself (LOGOUT after BYE) or the client is gone */
	R_NONE,
	R_BAD_STATE,      /* BAD not in this state */
	R_BAD_COMMAND,    /* BAD no such command */
	R_BAD_SEQUENCE,   /* BAD no such message number */
	R_READ_ONLY,      /* NO [READ-ONLY]... */
	R_NO_MAILBOX,     /* NO [NONEXISTENT] */
	R_NO_MAILBOX_TRY, /* NO [TRYCREATE] */
	R_EXISTS,         /* NO [ALREADYEXISTS] */
	R_IS_INBOX,       /* NO [CANNOT] */
	R_IS_KEPT,        /* NO [CANNOT] */
	R_BAD_NAME,       /* NO [CANNOT] */
	R_LIMIT,          /* NO [LIMIT] */
	R_OVER_QUOTA,     /* NO [OVERQUOTA] */
	R_DISK_FULL,      /* NO [UNAVAILABLE]: RFC 5530 has no better one */
	R_LATER,          /* NO [UNAVAILABLE] */
	R_TOO_BIG,        /* NO [TOOBIG]: RFC 4469, 7889 */
	R_UNKNOWN_CTE,    /* NO [UNKNOWN-CTE] */
	R_BAD_CHARSET,    /* NO [BADCHARSET (...)] */
	R_EXPUNGED,  /* NO [EXPUNGEISSUED] some of the messages are no more: RFC 5530 */
	R_NOT_SAVED, /* NO [NOTSAVED] */
	R_CANNOT,    /* NO [CANNOT] */
	R_COMPRESSED,   /* NO [COMPRESSIONACTIVE]: RFC 4978 3 */
	R_CLIENT_BUG,   /* BAD [CLIENTBUG] */
	R_BAD_URL,      /* NO [BADURL ...]: RFC 4469 */
	R_UID_REQUIRED, /* BAD [UIDREQUIRED]: RFC 9586 */
	R_NO_RIGHT,     /* NO [NOPERM]: RFC 4314 */
	R_NOT_PRIVATE,  /* NO [PRIVACYREQUIRED]: RFC 4467 10 */
	R_REPLIES
};

/* reply_of - what a store said.  is_target: NONEXISTENT becomes [TRYCREATE] */
enum reply reply_of(enum store_said, bool is_target);
/*
 * respond_tagged - "TAG OK [code] text"; code: s->code when set, else the reply's own.  verb is for
 * "VERB completed"
 */
void respond_tagged(
    struct session *, enum reply, const char *verb, const char *expected);

/* Untagged data is written straight into s->io.out: */
struct buf *respond_out(struct session *);
/*
 * respond_flush - when much waits; false: the client is gone or does not read: the handler returns
 * R_NONE at once
 */
bool respond_flush(struct session *);
/* quoted when that is legal, else a literal */
void put_string(struct buf *, struct span, bool is_utf8);
void put_literal(struct buf *, struct span);
/* modified UTF-7 unless is_utf8; atom or quoted */
void put_mailbox(struct buf *, struct span name_utf8, bool is_utf8);
/* RFC 8474: "F12", without parentheses */
void put_mailboxid(struct buf *, uint32_t mailbox);
void put_u32(struct buf *, uint32_t); /* decimal, fast */
void put_u64(struct buf *, uint64_t);

#endif
