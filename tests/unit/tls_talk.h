/* SPDX-License-Identifier: ISC */
/*
 * tls_talk.h - a server's connection and a client of GnuTLS in one process, over sockets that nobody waits for: each
 * call takes what there is.  A call that goes wrong fails the test.
 */
#ifndef TEST_TLS_TALK_H
#define TEST_TLS_TALK_H

#include "tls/records.h"
#include "tls/state.h"

enum { BULK_BYTES = 200000, TALK_SUITES = 3 };

/* Of clients: TLS 1.3 with this cipher. */
#define ONLY(cipher) "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+" cipher
#define ANY ONLY("AES-128-GCM")
/* What waits to be said when a connection is handed on. */
#define WORDS "235 2.7.0 you are you\r\n"

extern struct tls_server talk_server;
extern char talk_bulk[BULK_BYTES];
extern const char *const talk_suites[TALK_SUITES];

struct talk {
	int fds[2];               /* own; [0] is io's */
	gnutls_session_t client;  /* own */
	struct tls_conn *conn;    /* own, until it is handed on */
	struct tls_records *then; /* own, from then on */
	struct io io;
	bool is_held;    /* what the client says stays in said */
	bool is_by_byte; /* the client gets an octet at a time */
	struct buf said;
	gnutls_datum_t resumes;
};

/* of the whole group of tests */
int talk_setup(void **state);
int talk_teardown(void **state);
/* client: with this priority; sockets are there */
void client_new(struct talk *, const char *priority);
void handshake(struct talk *);
void talk_over(struct talk *, const char *priority); /* all but the sockets */
void talk_begin(struct talk *, const char *priority);
void talk_end(struct talk *);
/* hand_on - what tls_hand_on returns; from E_OK on it goes on in records */
int hand_on(struct talk *);
void take_on(struct talk *, struct span state); /* the second half of it */
void release(struct talk *, size_t n);          /* so many octets of what is held */

void client_says(struct talk *, struct span);
/* what there is now; tickets and key updates are no data.  *is_end: close_notify */
size_t client_reads(struct talk *, char *out, size_t n, bool *is_end);
void client_hears(struct talk *, struct span want); /* that, and nothing more */
size_t server_reads(struct talk *, char *out, size_t n);
void server_hears(struct talk *, struct span want);
void server_hears_some(struct talk *, struct span want);    /* there may be more */
int server_writes(struct talk *, struct span, size_t *put); /* E_OK, E_MORE */
void server_says(struct talk *, struct span);

void exchange(struct talk *); /* a word each way */
/* both ways at once, in writes of such a size */
void bulk(struct talk *, size_t bytes, size_t chunk);
/* the client ends it, and hears our end; with talk_end */
void both_close(struct talk *);

void narrow(struct talk *); /* a socket that takes little */
/* until it takes no record more; says how many it took */
unsigned fill(struct talk *, unsigned most);

#endif
