/* SPDX-License-Identifier: ISC */
/*
 * server.h - TLS of a server: certificates, handshake, and the way of bytes for io.
 * The process that holds these has no private key: signatures are asked of the role "key" (key.h).
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include "base/buf.h"
#include "proc/io.h"

struct conf;
struct tls_server;
struct tls_conn;

enum {
	TLS_CERTIFICATES_MOST = 16,
	TLS_SNI_MAX = 255,
	TLS_KEY_WAIT_MS = 3000,
	TLS_SEND_MAX = 16384,
	TLS_PEER_MAX = 1024 /* octets of what a client's certificate says */
};

/*
 * tls_server_new - reads the public certificates: in prepare, before the jail (0.5 ms).
 *   key_channel  gives a channel to the role "key"; asked at the first signature, and once again
 *                when that channel breaks.  Usually: child_channel("key", out)
 *   out          own; NULL with E_OK when no certificate is configured
 *   returns      E_OK, E_IO (a file), E_BAD (what is in it); logged
 */
MUST_USE int tls_server_new(
    const struct conf *, int (*key_channel)(int *out), struct tls_server **out);
void tls_server_free(struct tls_server **);
/*
 * tls_server_can_sign - the role "key" is there, so that a handshake can be begun.  Asks it only when
 * there is no channel to it, or that one is broken; blocks at most TLS_KEY_WAIT_MS then.
 */
bool tls_server_can_sign(struct tls_server *);
/*
 * tls_self_test - for reload and "merpati check": every certificate parses, its key reads and
 * matches.
 *   errors   lines "FILE: what is wrong"; an expired certificate is a "warning: " line and passes
 *   returns  E_OK, E_BAD
 */
MUST_USE int tls_self_test(const struct conf *, struct buf *errors);

/* ---- straight-line code ---- */
/*
 * tls_accept - the handshake.  Unread plain bytes of io are discarded first; a reply such as "220
 * go ahead" still in io->out is flushed.  From E_OK on, io travels in TLS until tls_conn_close.
 *   returns  E_OK, E_IO (the peer went or speaks no TLS of ours), E_LIMIT (deadline or idle time)
 *   out      own; NULL unless E_OK
 */
MUST_USE int tls_accept(
    struct tls_server *, struct io *, int64_t deadline, struct tls_conn **out);
/*
 * tls_conn_close - says close_notify without waiting, detaches io (may be NULL), frees.  Before
 * io_done.
 */
void tls_conn_close(struct tls_conn **, struct io *);
/*
 * tls_conn_ends - what is written from now on goes in one packet with the close_notify of
 * tls_conn_close, which follows at once
 */
void tls_conn_ends(struct tls_conn *);

/* ---- event loops ---- */
/* tls_conn_new - fd: borrow, non-blocking.  own; then tls_handshake_step until it is not E_MORE */
struct tls_conn *tls_conn_new(struct tls_server *, int fd);
/* tls_handshake_step - E_OK, E_MORE (*wants_write says what it waits for), E_IO.  Blocks only for a
 * signature of the role "key", at most TLS_KEY_WAIT_MS */
MUST_USE int tls_handshake_step(struct tls_conn *, bool *wants_write);
/*
 * tls_way - bytes of a connection after its handshake; ctx is the struct tls_conn.  A write that
 * was E_MORE is repeated with the same bytes.
 */
extern const struct io_way tls_way;

/* ---- what was agreed ---- */
const char *tls_version_text(const struct tls_conn *); /* "TLS1.3" */
const char *tls_cipher_text(const struct tls_conn
	*); /* "TLS_AES_128_GCM_SHA256": the name of IANA's registry */
struct span tls_sni(const struct tls_conn
	*); /* the host name asked for, lower-cased, or empty; borrow: the connection */
/*
 * tls_binding - for SASL channel binding: "tls-exporter" (1.3) or "tls-unique" (1.2), and its
 * bytes.  E_OK, E_BAD (there is none: TLS 1.2 without the extended master secret)
 */
MUST_USE int tls_binding(const struct tls_conn *, struct buf *type, struct buf *data);

/*
 * tls_peer - of a client's certificate that an authority of client_certificates vouches for, now, for a
 * client: its SHA-256 fingerprint in lower-case hex, then the addresses in it (rfc822Name), a line each;
 * or empty.  borrow: the connection
 */
struct span tls_peer(const struct tls_conn *);

#endif
