/* SPDX-License-Identifier: ISC */
/* client.c - TLS of a client: authorities, names, and the verdict on a server's certificate. */
#include "tls/client.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <string.h>

#include "base/log.h"
#include "tls/state.h"

/* Servers are older than we are: what NORMAL has is taken, but no protocol before TLS 1.2 and no key below 112 bits. */
static const char priority[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM";

struct tls_client {
	gnutls_certificate_credentials_t credentials; /* own */
	gnutls_priority_t priority;                   /* own */
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

int
tls_client_new(const char *ca_file, struct tls_client **out)
{
	struct tls_client *c = mem_new(sizeof *c);
	if (gnutls_certificate_allocate_credentials(&c->credentials) < 0)
		bug("gnutls_certificate_allocate_credentials");
	if (gnutls_priority_init(&c->priority, priority, NULL) < 0)
		bug("the TLS priority string");
	int err = ca_file && !*ca_file ? E_OK : read_authorities(c, ca_file);
	if (err != E_OK)
		tls_client_free(&c);
	*out = c;
	return err;
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
conn_new(const struct tls_client *client, int fd, const char *host, enum tls_peer peer)
{
	struct tls_conn *c = mem_new(sizeof *c);
	if (gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) <
		0 ||
	    gnutls_priority_set(c->session, client->priority) < 0 ||
	    gnutls_credentials_set(
		c->session, GNUTLS_CRD_CERTIFICATE, client->credentials) < 0)
		bug("gnutls_init");
	if (!is_address(host) && gnutls_server_name_set(c->session, GNUTLS_NAME_DNS, host,
				     strlen(host)) < 0)
		log_event(LOG_DEBUG, "no_sni", "host=%s", log_qs(host));
	if (peer == TLS_PEER_NAMED) {
		gnutls_typed_vdata_st of[] = {
		    {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)host, 0},
		    {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER,
			0}};
		memcpy(c->expected, of, sizeof of);
		gnutls_session_set_verify_cert2(c->session, c->expected, COUNT(of), 0);
	}
	tls_transport_set(c, fd);
	return c;
}

/* The verdict in the words of GnuTLS, without its praise. */
static int
denied(const struct tls_conn *c, struct buf *why)
{
	unsigned status = gnutls_session_get_verify_cert_status(c->session);
	gnutls_datum_t text;
	if (status == 0 || status == UINT_MAX) /* good, or not looked at */
		return E_IO;
	if (why && gnutls_certificate_verification_status_print(
		       status, GNUTLS_CRT_X509, &text, 0) >= 0) {
		buf_span(why, span_trim(span_make(text.data, strlen((char *)text.data))));
		gnutls_free(text.data);
	}
	return E_DENY;
}

int
tls_connect(struct tls_client *client, struct io *io, const char *host, enum tls_peer peer,
    int64_t deadline, struct tls_conn **out, struct buf *why)
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
		buf_str(why, c->failure ? c->failure
		        : err == E_LIMIT ? "it took too long"
					 : "the connection ended");
	tls_conn_free(&c);
	return err;
}
