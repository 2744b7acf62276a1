/* SPDX-License-Identifier: ISC */
/* check.c - whether certificates and keys will serve, said before they must. */
#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "conf/conf.h"
#include "tls/key.h"
#include "tls/state.h"

enum { KEY_ID_BYTES = 32, RSA_BITS_LEAST = 2048 };

static int
wrong(struct buf *errors, const char *path, const char *why)
{
	buf_putf(errors, "%s: %s\n", path, why);
	return E_BAD;
}

static void
warn(struct buf *errors, const char *path, const char *why)
{
	buf_putf(errors, "warning: %s: %s\n", path, why);
}

/* Certificates that passed, as they were read. */
static struct {
	char *path; /* own */
	struct buf pem;
} passed[TLS_CERTIFICATES_MOST];

static size_t n_passed;

static void
keep(const char *path, const gnutls_datum_t *pem)
{
	size_t i = 0;
	while (i < n_passed && strcmp(passed[i].path, path) != 0)
		i++;
	if (i == COUNT(passed))
		return;
	if (i == n_passed)
		passed[n_passed++].path = mem_dup(path);
	buf_reset(&passed[i].pem);
	buf_put(&passed[i].pem, pem->data, pem->size);
}

int
certificate_pem(const char *path, gnutls_datum_t *out)
{
	for (size_t i = 0; i < n_passed; i++) {
		const struct buf *pem = &passed[i].pem;
		if (strcmp(passed[i].path, path) != 0)
			continue;
		out->data = gnutls_malloc(pem->len);
		if (!out->data)
			bug("gnutls_malloc");
		memcpy(out->data, pem->p, pem->len);
		out->size = (unsigned)pem->len;
		return E_OK;
	}
	return gnutls_load_file(path, out) < 0 ? E_IO : E_OK;
}

static int
read_certificate(const char *path, const gnutls_datum_t *pem, struct buf *errors,
    gnutls_x509_crt_t *out)
{
	gnutls_x509_crt_t *chain;
	unsigned n = 0;
	int err = gnutls_x509_crt_list_import2(
	    &chain, &n, pem, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
	if (err < 0)
		return wrong(errors, path, gnutls_strerror(err));
	for (unsigned i = 1; i < n; i++)
		gnutls_x509_crt_deinit(chain[i]);
	*out = chain[0];
	gnutls_free(chain);
	if (n <= TLS_CHAIN_MOST)
		return E_OK;
	gnutls_x509_crt_deinit(*out);
	return wrong(errors, path, "too many certificates in one chain");
}

static int
read_key(const char *path, struct buf *errors, gnutls_privkey_t *out)
{
	struct stat st;
	const char *why;
	if (stat(path, &st) == 0 && (st.st_mode & S_IROTH))
		warn(errors, path, "this private key can be read by everybody");
	return key_read(path, out, &why) == E_OK ? E_OK : wrong(errors, path, why);
}

static int
check_kind(gnutls_x509_crt_t crt, const char *path, struct buf *errors)
{
	unsigned bits = 0;
	int pk = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
	if (pk == GNUTLS_PK_ECDSA || (pk == GNUTLS_PK_RSA && bits >= RSA_BITS_LEAST))
		return E_OK;
	return wrong(
	    errors, path, "its key is neither ECDSA nor RSA of 2048 bits or more");
}

static int
check_match(
    gnutls_x509_crt_t crt, gnutls_privkey_t key, const char *path, struct buf *errors)
{
	unsigned char of_crt[KEY_ID_BYTES], of_key[KEY_ID_BYTES];
	size_t n = sizeof of_crt, m = sizeof of_key;
	gnutls_pubkey_t pub;
	if (gnutls_pubkey_init(&pub) < 0)
		bug("gnutls_pubkey_init");
	bool is_same =
	    gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &n) >= 0 &&
	    gnutls_pubkey_import_privkey(pub, key, 0, 0) >= 0 &&
	    gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, of_key, &m) >= 0 &&
	    n == m && memcmp(of_crt, of_key, n) == 0;
	gnutls_pubkey_deinit(pub);
	return is_same ? E_OK
	               : wrong(errors, path, "its key in tls_keys is another one");
}

static void
check_dates(gnutls_x509_crt_t crt, const char *path, struct buf *errors)
{
	time_t now = (time_t)clock_wall_sec();
	if (gnutls_x509_crt_get_expiration_time(crt) < now)
		warn(errors, path, "this certificate has expired");
	if (gnutls_x509_crt_get_activation_time(crt) > now)
		warn(errors, path, "this certificate is not valid yet");
}

static int
check_pair(const char *crt_path, const char *key_path, struct buf *errors)
{
	gnutls_x509_crt_t crt;
	gnutls_privkey_t key;
	gnutls_datum_t pem;
	if (gnutls_load_file(crt_path, &pem) < 0)
		return wrong(errors, crt_path, strerror(errno));
	int err = read_certificate(crt_path, &pem, errors, &crt);
	if (err != E_OK) {
		gnutls_free(pem.data);
		return err;
	}
	err = check_kind(crt, crt_path, errors);
	if (err == E_OK)
		err = read_key(key_path, errors, &key);
	if (err == E_OK) {
		err = check_match(crt, key, crt_path, errors);
		check_dates(crt, crt_path, errors);
		gnutls_privkey_deinit(key);
	}
	if (err == E_OK)
		keep(crt_path, &pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	return err;
}

int
tls_self_test(const struct conf *conf, struct buf *errors)
{
	size_t n = conf_list_count(conf, "common", "tls_certificates");
	int err = E_OK;
	if (n != conf_list_count(conf, "common", "tls_keys"))
		return wrong(errors, conf_path(conf),
		    "tls_certificates and tls_keys do not name the same number of "
		    "files");
	if (n > TLS_CERTIFICATES_MOST)
		return wrong(errors, conf_path(conf), "too many tls_certificates");
	for (size_t i = 0; i < n; i++)
		if (check_pair(conf_list(conf, "common", "tls_certificates", i),
			conf_list(conf, "common", "tls_keys", i), errors) != E_OK)
			err = E_BAD;
	return peers_check(conf, errors) == E_OK ? err : E_BAD;
}
