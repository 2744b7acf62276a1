/* SPDX-License-Identifier: ISC */
/* peer.c - certificates of clients: asked for where client_certificates is set, never insisted on. */
#include <gnutls/x509.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf.h"
#include "tls/state.h"

enum { NAMES_MOST = 8, NAME_MAX_BYTES = 320, PRINT_BYTES = 32 };

int
peers_trust(struct tls_server *s, const struct conf *conf)
{
	const char *path = conf_str(conf, "common", "client_certificates");
	if (!*path)
		return E_OK;
	int n = gnutls_certificate_set_x509_trust_file(
	    s->credentials, path, GNUTLS_X509_FMT_PEM);
	if (n <= 0) {
		log_event(LOG_ERR, "client_certificates_failed", "file=%s why=%s",
		    log_qs(path), n < 0 ? log_qs(gnutls_strerror(n)) : "empty");
		return E_BAD;
	}
	s->wants_certificate = true;
	return E_OK;
}

int
peers_check(const struct conf *conf, struct buf *errors)
{
	const char *path = conf_str(conf, "common", "client_certificates");
	gnutls_certificate_credentials_t credentials;
	if (!*path)
		return E_OK;
	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		bug("gnutls_certificate_allocate_credentials");
	int n = gnutls_certificate_set_x509_trust_file(
	    credentials, path, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	if (n <= 0)
		buf_putf(errors, "%s: %s\n", path,
		    n < 0 ? gnutls_strerror(n) : "there is no certificate in it");
	return n > 0 ? E_OK : E_BAD;
}

/* Lines: the fingerprint, then each address of the subject's alternative names. */
static void
put_names(gnutls_x509_crt_t crt, struct buf *out)
{
	unsigned char print[PRINT_BYTES];
	char name[NAME_MAX_BYTES + 1];
	size_t n = sizeof print;
	if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, print, &n) < 0)
		return;
	buf_hex(out, span_make(print, n));
	for (unsigned i = 0; i < NAMES_MOST; i++) {
		n = sizeof name;
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return;
		/* a control character in it would be a line of its own */
		if (type != GNUTLS_SAN_RFC822NAME || memchr(name, '\n', n) ||
		    memchr(name, '\0', n))
			continue;
		buf_ch(out, '\n');
		buf_put(out, name, n);
	}
}

void
peer_take(struct tls_conn *c)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
	    .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned n = 0, status = 0;
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(c->session, &n);
	if (!chain || n == 0)
		return;
	if (gnutls_certificate_verify_peers(c->session, &purpose, 1, &status) < 0 ||
	    status != 0) {
		log_event(
		    LOG_NOTICE, "client_certificate_refused", "status=%#x", status);
		return;
	}
	if (gnutls_x509_crt_init(&crt) < 0)
		bug("gnutls_x509_crt_init");
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) == 0)
		put_names(crt, &c->peer);
	gnutls_x509_crt_deinit(crt);
	if (buf_done(&c->peer) != E_OK)
		buf_reset(&c->peer);
}

struct span
tls_peer(const struct tls_conn *c)
{
	return buf_as_span(&c->peer);
}
