/* SPDX-License-Identifier: ISC */
/*
 * state.h - what the files of this folder share: GnuTLS shows here and in them, nowhere else.
 *   server.c  certificates      signer.c  signatures and ticket keys, asked of the role "key"
 *   conn.c    one connection    check.c   the self-test, and what passed it
 *   client.c  the other side    key.c     the role "key"
 *   records.c one that goes on in another process
 */
#ifndef TLS_STATE_H
#define TLS_STATE_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "tls/server.h"

enum {
	TLS_CHAIN_MOST = 12,
	TLS_TICKETS_RETRY_MS = 10000,
	TLS_WARNINGS_MOST = 4,
	/* bytes of one turn of a handshake: two chains and more */
	TLS_FLIGHT_MAX = 256 << 10,
	/* read ahead of GnuTLS, which asks for the 5 bytes of a record's head and then for its body */
	TLS_AHEAD_BYTES = 4096,
	TLS_SECRET_MAX = 48,  /* octets of a traffic secret: SHA-384 */
	TLS_ANSWER_LEAST = 7, /* octets of a flight that says anything: an alert's */
	TLS_TICKETS_EACH = 1, /* for a client of TLS 1.3; GnuTLS would make 2 */
};

/* Directions, for who holds both. */
enum { TLS_READ, TLS_WRITE };

/* The channel to the role "key". */
struct signer {
	int (*key_channel)(int *out);
	int chan;                   /* own; -1: none yet */
	struct buf in;              /* own */
	unsigned char tickets[256]; /* the master key of session tickets */
	size_t tickets_bytes;       /* 0: none */
	int64_t tickets_until_ms;   /* monotonic */
};

/* A private key that is somewhere else. */
struct far_key {
	struct signer *signer; /* borrow: the server's */
	uint16_t index;        /* in tls_certificates and tls_keys */
	gnutls_pk_algorithm_t pk;
	unsigned bits;
};

struct tls_server {
	gnutls_certificate_credentials_t credentials; /* own */
	gnutls_priority_t priority;                   /* own */
	bool is_13_only;                              /* tls_minimum */
	bool wants_certificate;                       /* client_certificates */
	bool hands_on; /* its connections may be handed on: their secrets are kept */
	struct signer signer;
	struct far_key keys[TLS_CERTIFICATES_MOST];
};

struct tls_conn {
	gnutls_session_t session; /* own */
	int fd;                   /* borrow */
	/* own; what a turn of the handshake says, until it is sent */
	struct buf flight;
	bool is_in_turn, is_agreed;
	bool is_woken_late; /* SO_RCVLOWAT is TLS_ANSWER_LEAST */
	/*
	 * what came and GnuTLS has not asked for: own; NULL when that is nothing, as a connection waits
	 * for most of its life
	 */
	char *ahead;
	size_t ahead_at, ahead_bytes;
	bool is_dry; /* the last read took all there was */
	/* of the record that GnuTLS is being given: octets of its head; what is left of its body */
	unsigned char head[5];
	size_t head_bytes, body_left;
	uint64_t n_data; /* records whose data was read, all of it */
	/* of TLS 1.3, RFC 8446 7.1: the first secrets of data, by direction (records.c) */
	unsigned char secrets[2][TLS_SECRET_MAX];
	size_t secret_bytes[2];
	bool wants_short_records; /* of a client: less than TLS allows */
	bool is_server, has_tickets;
	bool may_wait;          /* the flight goes with the next words */
	bool is_ending;         /* what is written goes with close_notify */
	bool wants_certificate; /* of a server */
	struct buf peer;        /* own: what tls_peer says */
	bool is_13_only;        /* of a server */
	unsigned warnings;      /* alerts of that level that the peer sent */
	size_t unsent;          /* bytes of a write that GnuTLS holds back; 0: none */
	char sni[TLS_SNI_MAX + 1];
	size_t sni_bytes;
	char version[12];
	/* borrow: static text of what ended the handshake; NULL: none */
	const char *failure;
	/* of a client: what the certificate must say */
	gnutls_typed_vdata_st expected[2];
};

/* tls_digest_bytes - of this algorithm with this kind of key; 0: we do not sign with it */
size_t tls_digest_bytes(gnutls_pk_algorithm_t, gnutls_sign_algorithm_t);

/* conn.c */
void tls_transport_set(struct tls_conn *, int fd); /* a part of tls_conn_new */
void tls_conn_free(struct tls_conn **);            /* says nothing */
/* tls_flight_send - what was gathered and not sent.  E_OK, E_MORE (would block), E_IO */
MUST_USE int tls_flight_send(struct tls_conn *);
/*
 * tls_handshake - steps and waits; io travels in TLS from E_OK on.  E_OK, E_IO, E_LIMIT (deadline
 * or idle time)
 */
MUST_USE int tls_handshake(struct tls_conn *, struct io *, int64_t deadline);

/* check.c */
/*
 * certificate_pem - what the self-test of this process (or of the monitor that forked it) read from
 * this file, else what the file says now: a child that is forked while a certificate is being
 * replaced has the one that fits the key of its generation.  E_OK, E_IO (errno).  own: gnutls_free
 */
MUST_USE int certificate_pem(const char *path, gnutls_datum_t *out);

/* key.c */
/*
 * key_read - a private key in PEM.  E_OK, E_IO, E_BAD: *why says it, static until the next error.
 * own: gnutls_privkey_deinit
 */
MUST_USE int key_read(const char *path, gnutls_privkey_t *out, const char **why);

/* peer.c */
/* peers_trust - who may vouch for certificates of clients.  E_OK (also: none are wanted), E_BAD (logged) */
MUST_USE int peers_trust(struct tls_server *, const struct conf *);
/* peers_check - the same ahead of time: E_OK, E_BAD with a line in errors */
MUST_USE int peers_check(const struct conf *, struct buf *errors);
void peer_take(
    struct tls_conn *); /* after the handshake: the client's, if it may be trusted */

/* signer.c */
/* signer_key - a gnutls_privkey_t that asks.  E_OK, E_BAD.  own; borrows far */
MUST_USE int signer_key(struct far_key *far, gnutls_privkey_t *out);
/*
 * signer_tickets - the key of now, asked for when ours is old; tickets_bytes 0 when there is none
 */
void signer_tickets(struct signer *);
bool signer_is_there(struct signer *); /* tls_server_can_sign */
void signer_done(struct signer *);

#endif
