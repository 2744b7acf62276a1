/* SPDX-License-Identifier: ISC */
/* client.c - TLS of a client: authorities, names, and the verdict on a server's certificate. */
#include "tls/client.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "tls/state.h"

/*
 * Servers are older than we are: what NORMAL has is taken, but no protocol before TLS 1.2 and no
 * key below 112 bits.
 */
static const char priority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM";

struct tls_client {
	gnutls_certificate_credentials_t credentials; /* own */
	gnutls_priority_t priority;                   /* own */
	struct span session; /* borrow: of the next connection, or empty */
};

static int
read_authorities(struct tls_client *c, const char *ca_file)
{
	int n = ca_file ? gnutls_certificate_set_x509_trust_file(
			      c->credentials, ca_file, GNUTLS_X509_FMT_PEM)
	                : gnutls_certificate_set_x509_system_trust(c->credentials);
	if (n > 0)
		return E_OK;
	log_event(LOG_ERR, "tls_authorities_failed", "file=%s why=%s",
	    log_qs(ca_file ? ca_file : "of the system"),
	    log_qs(n < 0 ? gnutls_strerror(n) : "no certificate is in it"));
	return E_IO;
}

static struct tls_client *
client_new(void)
{
	struct tls_client *c = mem_new(sizeof *c);
	if (gnutls_certificate_allocate_credentials(&c->credentials) < 0)
		bug("gnutls_certificate_allocate_credentials");
	if (gnutls_priority_init(&c->priority, priority, NULL) < 0)
		bug("the TLS priority string");
	return c;
}

int
tls_client_new(const char *ca_file, struct tls_client **out)
{
	struct tls_client *c = client_new();
	int err = ca_file && !*ca_file ? E_OK : read_authorities(c, ca_file);
	if (err != E_OK)
		tls_client_free(&c);
	*out = c;
	return err;
}

int
tls_client_add_pem(struct tls_client *c, struct span pem)
{
	gnutls_datum_t all = {(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n};
	return pem.n <= UINT_MAX && gnutls_certificate_set_x509_trust_mem(
					c->credentials, &all, GNUTLS_X509_FMT_PEM) > 0
	           ? E_OK
	           : E_IO;
}

void
tls_client_resume(struct tls_client *c, struct span session)
{
	c->session = session;
}

int
tls_client_session(struct tls_conn *c, struct buf *out)
{
	gnutls_datum_t data;
	/* of TLS 1.3 it is a ticket, which the server sends when it likes */
	bool is_there =
	    gnutls_protocol_get_version(c->session) < GNUTLS_TLS1_3 ||
	    (gnutls_session_get_flags(c->session) & GNUTLS_SFLAGS_SESSION_TICKET);
	if (!is_there || gnutls_session_get_data2(c->session, &data) < 0)
		return E_BAD;
	buf_put(out, data.data, data.size);
	gnutls_free(data.data);
	return E_OK;
}

bool
tls_is_resumed(const struct tls_conn *c)
{
	return gnutls_session_is_resumed(c->session) != 0;
}

void
tls_client_free(struct tls_client **cp)
{
	if (!*cp)
		return;
	gnutls_certificate_free_credentials((*cp)->credentials);
	gnutls_priority_deinit((*cp)->priority);
	mem_free(cp);
}

static bool
is_address(const char *host)
{
	struct in6_addr a;
	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

/* GnuTLS keeps a pointer to host until the handshake is over. */
static struct tls_conn *
conn_new(struct tls_client *client, int fd, const char *host, enum tls_peer peer)
{
	struct tls_conn *c = mem_new(sizeof *c);
	if (gnutls_init(
		&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
	    gnutls_priority_set(c->session, client->priority) < 0 ||
	    gnutls_credentials_set(
		c->session, GNUTLS_CRD_CERTIFICATE, client->credentials) < 0)
		bug("gnutls_init");
	if (!is_address(host) &&
	    gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, host, strlen(host)) < 0)
		log_event(LOG_DEBUG, "no_sni", "host=%s", log_qs(host));
	if (peer == TLS_PEER_NAMED) {
		gnutls_typed_vdata_st of[] = {
		    {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)host, 0},
		    {GNUTLS_DT_KEY_PURPOSE_OID,
			(unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0}};
		memcpy(c->expected, of, sizeof of);
		gnutls_session_set_verify_cert2(c->session, c->expected, COUNT(of), 0);
	}
	if (client->session.n && gnutls_session_set_data(c->session, client->session.p,
				     client->session.n) < 0)
		log_event(LOG_DEBUG, "no_resumption", "host=%s", log_qs(host));
	client->session = SPAN("");
	tls_transport_set(c, fd);
	return c;
}

/* The verdict in the words of GnuTLS. */
static void
say_status(unsigned status, struct buf *why)
{
	gnutls_datum_t text;
	if (!why || gnutls_certificate_verification_status_print(
			status, GNUTLS_CRT_X509, &text, 0) < 0)
		return;
	buf_span(why, span_trim(span_make(text.data, strlen((char *)text.data))));
	gnutls_free(text.data);
}

/* Without its praise. */
static int
denied(const struct tls_conn *c, struct buf *why)
{
	unsigned status = gnutls_session_get_verify_cert_status(c->session);
	if (status == 0 || status == UINT_MAX) /* good, or not looked at */
		return E_IO;
	say_status(status, why);
	return E_DENY;
}

enum tls_verdict
tls_peer_check(struct tls_conn *c, const char *host, struct buf *why)
{
	const unsigned untrusted = GNUTLS_CERT_SIGNER_NOT_FOUND |
	                           GNUTLS_CERT_SIGNER_NOT_CA |
	                           GNUTLS_CERT_SIGNATURE_FAILURE,
		       untimely = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED,
		       known = untrusted | untimely | GNUTLS_CERT_UNEXPECTED_OWNER |
	                       GNUTLS_CERT_INVALID;
	gnutls_typed_vdata_st of[] = {
	    {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)(uintptr_t)host, 0},
	    {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER, 0}};
	unsigned status = 0;
	int err = gnutls_certificate_verify_peers(c->session, of, COUNT(of), &status);
	if (err < 0) {
		buf_str(why, gnutls_strerror(err));
		return TLS_CERT_BAD;
	}
	if (status == 0)
		return TLS_CERT_GOOD;
	say_status(status, why);
	return status & ~known                         ? TLS_CERT_BAD
	       : status & untrusted                    ? TLS_CERT_UNTRUSTED
	       : status & untimely                     ? TLS_CERT_EXPIRED
	       : status & GNUTLS_CERT_UNEXPECTED_OWNER ? TLS_CERT_MISNAMED
	                                               : TLS_CERT_BAD;
}

enum dane_verdict
tls_dane_check(struct tls_conn *c, const struct tlsa *tlsa, size_t n_tlsa,
    const struct span *names, size_t n_names, struct buf *why)
{
	struct span chain[DANE_CHAIN_MAX];
	unsigned n_sent = 0;
	size_t n = 0;
	const gnutls_datum_t *sent = gnutls_certificate_get_peers(c->session, &n_sent);
	for (; sent && n < n_sent && n < COUNT(chain); n++)
		chain[n] = span_make(sent[n].data, sent[n].size);
	return dane_check(chain, n, tlsa, n_tlsa, names, n_names, why);
}

int
tls_connect(struct tls_client *client, struct io *io, const char *host,
    enum tls_peer peer, int64_t deadline, struct tls_conn **out, struct buf *why)
{
	*out = NULL;
	int err = io_flush(io);
	if (err != E_OK)
		return err;
	io_discard(io);
	struct tls_conn *c = conn_new(client, io->fd, host, peer);
	err = tls_handshake(c, io, deadline);
	if (err == E_OK) {
		*out = c;
		return E_OK;
	}
	if (err == E_IO)
		err = denied(c, why);
	if (why && why->len == 0)
		buf_str(why, c->failure       ? c->failure
			     : err == E_LIMIT ? "it took too long"
					      : "the connection ended");
	tls_conn_free(&c);
	return err;
}
