/* SPDX-License-Identifier: ISC */
/*
 * records.h - a connection of TLS 1.3 that goes on in another process than the one that agreed on
 * it.  GnuTLS makes the handshake, and cannot hand its session on; but what remains of it then are
 * two secrets and two counters, and records under an AEAD (RFC 8446 5).  So the process of one
 * account gets its client's connection itself, and nobody carries its bytes for it.
 * No key of another connection follows from what is handed on.
 */
#ifndef TLS_RECORDS_H
#define TLS_RECORDS_H

#include "base/buf.h"
#include "proc/io.h"
#include "tls/server.h"

struct tls_records;

enum {
	TLS_STATE_MAX = 1024, /* octets of what is handed on */
	/* records in a row from the peer that bring no data: empty ones, key updates, alerts */
	TLS_IDLE_RECORDS_MOST = 32,
};

/* tls_server_hands_on - before its first connection; else tls_hand_on is E_DENY */
void tls_server_hands_on(struct tls_server *);
/*
 * tls_hand_on - what tls_records_new needs, into out: secrets, so buf_wipe it.  What waits in io->out is
 * said, so that the peer thinks of its answer meanwhile; what the kernel does not take of it at once goes
 * with them, and the next process says it before its own first word.  From E_OK on the connection is
 * dropped (tls_conn_drop) or kept (tls_keep), and nothing is said on it before.
 *   returns  E_OK; E_DENY: it stays here, and nothing has happened (TLS 1.2, a cipher that is no AEAD of
 *            ours, a peer that wants records shorter than TLS allows, one whose next words, or a part of them,
 *            were read already, too much in io->out);
 *            E_IO: it broke.  Does not block
 */
MUST_USE int tls_hand_on(struct tls_conn *, struct io *, struct buf *out);
/*
 * tls_keep - nobody took it: sends what was sealed, as io_flush does.  E_OK, E_IO, E_LIMIT; a failure sticks in
 * io->out.err
 */
MUST_USE int tls_keep(struct tls_conn *, struct io *);
/* tls_conn_drop - frees without a word, and detaches io */
void tls_conn_drop(struct tls_conn **, struct io *);

/*
 * tls_records_new - state: from tls_hand_on; io travels in it from then on.  own; NULL: state is none
 */
struct tls_records *tls_records_new(struct span state, struct io *);
/*
 * tls_records_way - as tls_way; ctx is the struct tls_records.  A record that breaks RFC 8446 is
 * answered with its alert and logged (tls_failed), then E_IO, as a close without close_notify.
 */
extern const struct io_way tls_records_way;
/* tls_records_ends - as tls_conn_ends */
void tls_records_ends(struct tls_records *);
/* tls_records_close - as tls_conn_close; NULL: nothing.  Before io_done */
void tls_records_close(struct tls_records **, struct io *);

#endif
