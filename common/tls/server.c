/* SPDX-License-Identifier: ISC */
/*
 * server.c - the public half of a TLS server: certificates in their order, and what is negotiated.
 */
#include "tls/server.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf.h"
#include "tls/state.h"

/*
 * Forward secrecy and AEAD only.  X25519 and P-256 first, AES-GCM first: hardware has it.  What may
 * be signed is what signer.c can ask for.
 */
#define PRIORITY_TAIL                                                                  \
	"+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"                          \
	"+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"     \
	"+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA384:"          \
	"+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SECP521R1-"       \
	"SHA512:"                                                                      \
	"+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-"      \
	"SHA512:"                                                                      \
	"+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:"                          \
	"+COMP-NULL:+CTYPE-SRV-X509:+CTYPE-CLI-X509:%SERVER_PRECEDENCE"

static const char priority_12[] = "NONE:+VERS-TLS1.3:+VERS-TLS1.2:" PRIORITY_TAIL;
static const char priority_13[] = "NONE:+VERS-TLS1.3:" PRIORITY_TAIL;

static int
read_failed(const char *path, const char *why)
{
	log_event(LOG_ERR, "tls_certificate_failed", "file=%s why=%s", log_qs(path),
	    log_qs(why));
	return E_BAD;
}

/* The chain goes into credentials with a key that is somewhere else. */
static int
add_chain(struct tls_server *s, struct far_key *far, gnutls_pcert_st *chain, unsigned n)
{
	gnutls_privkey_t key;
	far->pk = gnutls_pubkey_get_pk_algorithm(chain[0].pubkey, &far->bits);
	if (signer_key(far, &key) != E_OK)
		return E_BAD;
	if (gnutls_certificate_set_key(s->credentials, NULL, 0, chain, (int)n, key) >=
	    0)
		return E_OK;
	gnutls_privkey_deinit(key);
	return E_BAD;
}

static int
add_certificate(struct tls_server *s, struct far_key *far, const char *path)
{
	gnutls_pcert_st chain[TLS_CHAIN_MOST];
	unsigned n = COUNT(chain);
	gnutls_datum_t pem;
	if (certificate_pem(path, &pem) != E_OK) {
		read_failed(path, strerror(errno));
		return E_IO;
	}
	int err = gnutls_pcert_list_import_x509_raw(
	    chain, &n, &pem, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
	gnutls_free(pem.data);
	if (err < 0)
		return read_failed(path, gnutls_strerror(err));
	if (add_chain(s, far, chain, n) == E_OK)
		return E_OK;
	for (unsigned i = 0; i < n; i++)
		gnutls_pcert_deinit(&chain[i]);
	return read_failed(path, "a kind of key that we cannot use");
}

static void
set_priority(struct tls_server *s, const struct conf *conf)
{
	s->is_13_only = !strcmp(conf_str(conf, "common", "tls_minimum"), "1.3");
	if (gnutls_priority_init(
		&s->priority, s->is_13_only ? priority_13 : priority_12, NULL) < 0)
		bug("the TLS priority string");
}

int
tls_server_new(
    const struct conf *conf, int (*key_channel)(int *out), struct tls_server **out)
{
	size_t n = conf_list_count(conf, "common", "tls_certificates");
	int err = E_OK;
	*out = NULL;
	if (n == 0)
		return E_OK;
	if (n > TLS_CERTIFICATES_MOST)
		return read_failed(conf_path(conf), "too many tls_certificates");
	struct tls_server *s = mem_new(sizeof *s);
	s->signer = (struct signer){.key_channel = key_channel, .chan = -1};
	if (gnutls_certificate_allocate_credentials(&s->credentials) < 0)
		bug("gnutls_certificate_allocate_credentials");
	gnutls_certificate_set_flags(
	    s->credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	set_priority(s, conf);
	err = peers_trust(s, conf);
	for (size_t i = 0; i < n && err == E_OK; i++) {
		s->keys[i].signer = &s->signer;
		s->keys[i].index = (uint16_t)i;
		err = add_certificate(
		    s, &s->keys[i], conf_list(conf, "common", "tls_certificates", i));
	}
	if (err != E_OK)
		tls_server_free(&s);
	*out = s;
	return err;
}

bool
tls_server_can_sign(struct tls_server *s)
{
	return signer_is_there(&s->signer);
}

void
tls_server_free(struct tls_server **sp)
{
	if (!*sp)
		return;
	gnutls_certificate_free_credentials((*sp)->credentials);
	gnutls_priority_deinit((*sp)->priority);
	signer_done(&(*sp)->signer);
	mem_free(sp);
}
