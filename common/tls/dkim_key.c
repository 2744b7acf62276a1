/* SPDX-License-Identifier: ISC */
/* dkim_key.c - private keys that sign mail, over GnuTLS. */
#include "tls/dkim_key.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tls/pubkey.h"

struct dkim_key {
	enum dkim_key_kind kind;
	gnutls_x509_privkey_t x509; /* own */
	gnutls_privkey_t key;       /* own: the same, for signing */
	unsigned bits;
};

static const gnutls_pk_algorithm_t algorithms[] = {
    [DKIM_KEY_RSA] = GNUTLS_PK_RSA, [DKIM_KEY_ED25519] = GNUTLS_PK_EDDSA_ED25519};

static struct dkim_key *
key_alloc(enum dkim_key_kind kind)
{
	struct dkim_key *k = mem_new(sizeof *k);
	k->kind = kind;
	if (gnutls_x509_privkey_init(&k->x509) < 0 || gnutls_privkey_init(&k->key) < 0)
		bug("gnutls_privkey_init");
	return k;
}

void
dkim_key_free(struct dkim_key **kp)
{
	if (!*kp)
		return;
	gnutls_privkey_deinit((*kp)->key);
	gnutls_x509_privkey_deinit((*kp)->x509);
	mem_free(kp);
}

/* The key for signing, of the one that was read or made.  E_OK, E_BAD */
static int
key_finish(struct dkim_key *k, const char **why)
{
	if (gnutls_x509_privkey_get_pk_algorithm2(k->x509, &k->bits) !=
	    (int)algorithms[k->kind]) {
		*why = "a key of another kind";
		return E_BAD;
	}
	if (k->kind == DKIM_KEY_RSA && k->bits < PUBKEY_RSA_LEAST) {
		*why = "an RSA key of less than 1024 bits";
		return E_BAD;
	}
	int err = gnutls_privkey_import_x509(k->key, k->x509, 0);
	*why = err < 0 ? gnutls_strerror(err) : "";
	return err < 0 ? E_BAD : E_OK;
}

struct dkim_key *
dkim_key_new(enum dkim_key_kind kind)
{
	struct dkim_key *k = key_alloc(kind);
	const char *why;
	unsigned bits = kind == DKIM_KEY_RSA
	                    ? DKIM_KEY_RSA_BITS
	                    : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519);
	int err = gnutls_x509_privkey_generate(k->x509, algorithms[kind], bits, 0);
	if (err < 0)
		bug(gnutls_strerror(err));
	if (key_finish(k, &why) != E_OK)
		bug(why);
	return k;
}

int
dkim_key_parse(
    struct span pem, enum dkim_key_kind kind, struct dkim_key **out, const char **why)
{
	struct dkim_key *k = key_alloc(kind);
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n};
	int err =
	    gnutls_x509_privkey_import2(k->x509, &in, GNUTLS_X509_FMT_PEM, NULL, 0);
	*why = err < 0 ? gnutls_strerror(err) : "";
	err = err < 0 ? E_BAD : key_finish(k, why);
	if (err == E_OK)
		*out = k;
	else
		dkim_key_free(&k);
	return err;
}

/* All of a regular file; E_OK, E_IO (errno), E_BAD (past the limit) */
static int
file_read(int fd, struct buf *out)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return E_IO;
	if (!S_ISREG(st.st_mode) || st.st_size > DKIM_KEY_FILE_MAX)
		return E_BAD;
	char *room = buf_room(out, DKIM_KEY_FILE_MAX);
	ssize_t n = room ? read(fd, room, DKIM_KEY_FILE_MAX) : -1;
	if (n < 0)
		return E_IO;
	buf_added(out, (size_t)n);
	return E_OK;
}

int
dkim_key_read(int dir, struct span selector, enum dkim_key_kind kind,
    struct dkim_key **out, const char **why)
{
	struct buf name = {0}, pem = {0};
	dkim_file_put(selector, kind, &name);
	int fd = openat(
	    dir, buf_cstr(&name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err = file_read(fd, &pem);
	*why = err == E_IO ? strerror(errno) : "no file of a key";
	if (err == E_OK)
		err = dkim_key_parse(buf_as_span(&pem), kind, out, why);
	if (fd >= 0)
		close(fd);
	buf_wipe(&pem);
	buf_free(&name);
	return err;
}

void
dkim_key_pem(const struct dkim_key *k, struct buf *out)
{
	gnutls_datum_t pem;
	if (gnutls_x509_privkey_export2_pkcs8(
		k->x509, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) < 0)
		bug("gnutls_x509_privkey_export2_pkcs8");
	buf_put(out, pem.data, pem.size);
	mem_wipe(pem.data, pem.size);
	gnutls_free(pem.data);
}

static void
rsa_public(gnutls_pubkey_t pub, struct buf *out)
{
	gnutls_datum_t der;
	if (gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &der) < 0)
		bug("gnutls_pubkey_export2");
	buf_put(out, der.data, der.size);
	gnutls_free(der.data);
}

static void
ed25519_public(gnutls_pubkey_t pub, struct buf *out)
{
	gnutls_datum_t x;
	gnutls_ecc_curve_t curve;
	if (gnutls_pubkey_export_ecc_raw2(pub, &curve, &x, NULL, 0) < 0)
		bug("gnutls_pubkey_export_ecc_raw2");
	buf_put(out, x.data, x.size);
	gnutls_free(x.data);
}

void
dkim_key_public(const struct dkim_key *k, struct buf *out)
{
	gnutls_pubkey_t pub;
	if (gnutls_pubkey_init(&pub) < 0 ||
	    gnutls_pubkey_import_privkey(pub, k->key, 0, 0) < 0)
		bug("gnutls_pubkey_import_privkey");
	if (k->kind == DKIM_KEY_RSA)
		rsa_public(pub, out);
	else
		ed25519_public(pub, out);
	gnutls_pubkey_deinit(pub);
}

int
dkim_key_sign(const struct dkim_key *k, struct span digest, struct buf *out)
{
	gnutls_datum_t in = {(unsigned char *)(uintptr_t)digest.p, (unsigned)digest.n};
	gnutls_datum_t signature;
	int err = k->kind == DKIM_KEY_RSA
	              ? gnutls_privkey_sign_hash2(
			    k->key, GNUTLS_SIGN_RSA_SHA256, 0, &in, &signature)
	              : gnutls_privkey_sign_data2(
			    k->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &in, &signature);
	if (err < 0) {
		log_event(LOG_ERR, "dkim_sign_failed", "kind=%s why=%s",
		    dkim_key_kind_name(k->kind), log_qs(gnutls_strerror(err)));
		return E_BAD;
	}
	buf_put(out, signature.data, signature.size);
	gnutls_free(signature.data);
	return buf_done(out);
}
