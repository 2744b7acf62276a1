/* SPDX-License-Identifier: ISC */
/*
 * tls_hostile.h - a connection handed on, and a peer at the other end of its sockets that may say
 * anything.  Nobody waits; a call that goes wrong fails the test.
 */
#ifndef TEST_TLS_HOSTILE_H
#define TEST_TLS_HOSTILE_H

#include "tests/unit/tls_sealer.h"
#include "tls/records.h"

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, FATAL = 2 };

/* RFC 8446 6 */
enum {
	CLOSE_NOTIFY = 0,
	UNEXPECTED_MESSAGE = 10,
	BAD_RECORD_MAC = 20,
	RECORD_OVERFLOW = 22,
	ILLEGAL_PARAMETER = 47,
	DECODE_ERROR = 50,
	USER_CANCELED = 90,
};

#define BYTES(literal)                                                                 \
	{                                                                              \
		(literal), sizeof(literal) - 1                                         \
	}
#define UPDATE BYTES("\30\0\0\1\0")
#define UPDATE_ASKING BYTES("\30\0\0\1\1")

struct talk {
	struct sealer peer, ours; /* who speaks under it */
	int fds[2];               /* own: ours is io's */
	struct io io;
	struct tls_records *t; /* own */
	struct buf said, heard;
};

/* with words of ours that wait to be said */
void talk_of(struct talk *, unsigned suite, struct span words);
void talk_begin(struct talk *);
void talk_end(struct talk *);

/* the peer: a record into said; what was sealed goes out; both */
void seal(struct talk *, unsigned type, struct span content);
void deliver(struct talk *);
void say(struct talk *, unsigned type, struct span content);
/* the next record of ours */
void peer_hears(struct talk *, int type, struct span want);
void peer_hears_no_more(struct talk *);

/* we: one call of the connection, and what it returns */
int read_some(struct talk *, void *out, size_t n, size_t *got);
int write_all(struct talk *, struct span);
/* waits for nothing: what is in the socket now, and whatever comes of it */
void hears(struct talk *, struct span want);

void goes_on(struct talk *); /* a word each way */
void breaks(struct talk *);  /* what was said ends it with a fault */
/* nothing comes in or goes out, whatever is tried; with talk_end */
void stays_broken(struct talk *);
/* what was said breaks it: told by this alert, and that is all; with talk_end */
void fails(struct talk *, unsigned char alert);

#endif
