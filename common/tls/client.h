/* SPDX-License-Identifier: ISC */
/*
 * client.h - TLS of a client: whom it trusts, the handshake, what the server's certificate was
 * found to be.  Outbound SMTP and import use it.  Nothing here is secret: a process without rights
 * may hold it.  From the handshake on a connection is a struct tls_conn: tls_conn_close,
 * tls_version_text and so on of server.h.
 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "tls/dane.h"
#include "tls/server.h"

struct tls_client;

/* Whom we are content with. */
enum tls_peer {
	/* whoever it is: encrypted against those who only listen (RFC 7435) */
	TLS_PEER_ANY,
	/*
	 * a chain to one of our authorities, valid today, for this name (RFC 9525) and for servers
	 */
	TLS_PEER_NAMED,
};

/*
 * tls_client_new - reads the authorities: before the jail.
 *   ca_file  certificates in PEM; NULL: those of the system; "": none (then only TLS_PEER_ANY
 *            succeeds)
 *   out      own; shared by all connections of the process
 *   returns  E_OK, E_IO (the file cannot be read, or no certificate is in it: logged)
 */
MUST_USE int tls_client_new(const char *ca_file, struct tls_client **out);
/* more authorities.  E_OK, E_IO (none is in it) */
MUST_USE int tls_client_add_pem(struct tls_client *, struct span pem);
void tls_client_free(struct tls_client **); /* after the connections */
/*
 * tls_client_resume - the next connection begins with this session, as tls_client_session gave it;
 * borrow: until then
 */
void tls_client_resume(struct tls_client *, struct span session);
/*
 * tls_client_session - of a connection that is open: what a later one to the same host begins with.
 * E_OK, E_BAD (none)
 */
MUST_USE int tls_client_session(struct tls_conn *, struct buf *out);

/*
 * tls_connect - the handshake, as the client.  Unread plain bytes of io are discarded first: what a
 * server says before its TLS is anybody's (RFC 3207 6, RFC 9051 6.2.1); what stands in io->out is
 * flushed.  From E_OK on, io travels in TLS until tls_conn_close.
 *   host     an A-label name, asked for by SNI, or the text of an address, which is not; borrow
 *   out      own; NULL unless E_OK
 *   why      text of a failure, for people; may be NULL
 *   returns  E_OK, E_DENY (the certificate will not do), E_IO (the peer went or speaks no TLS of
 *            ours), E_LIMIT (deadline or idle time)
 */
MUST_USE int tls_connect(struct tls_client *, struct io *, const char *host,
    enum tls_peer, int64_t deadline, struct tls_conn **out, struct buf *why);
/* with the certificate of the connection whose session it was */
bool tls_is_resumed(const struct tls_conn *);

/*
 * What a certificate was found to be: the first of these that is wrong with it, from the worst on.
 */
enum tls_verdict {
	TLS_CERT_GOOD,
	TLS_CERT_BAD,       /* malformed, weak, not for servers, or none */
	TLS_CERT_UNTRUSTED, /* its chain leads to none of our authorities */
	TLS_CERT_EXPIRED,   /* or not valid yet */
	TLS_CERT_MISNAMED,  /* for another name */
};

/*
 * tls_peer_check - the certificate of an open connection as TLS_PEER_NAMED wants it; also that of a
 * resumed session.
 *   host     an A-label name, or the text of an address
 *   why      text of what is wrong, for people
 */
enum tls_verdict tls_peer_check(struct tls_conn *, const char *host, struct buf *why);

/*
 * tls_dane_check - the same by TLSA records: dane_check of what the server of an open connection
 * sent
 */
enum dane_verdict tls_dane_check(struct tls_conn *, const struct tlsa *, size_t n_tlsa,
    const struct span *names, size_t n_names, struct buf *why);

#endif
