/* SPDX-License-Identifier: ISC */
/* tls_certs.c - certificates, their configuration, and the role "key" in a process of its own. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "proc/child.h"
#include "tests/unit/tls_certs.h"
#include "tls/key.h"

struct certs certs;
static char dir[64];

/* ---- certificates ---- */

static void
write_file(const char *name, const gnutls_datum_t *data)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data->data, data->size), data->size);
	close(fd);
}

static void
make_pair(gnutls_pk_algorithm_t pk, unsigned bits, const char *host, time_t until,
    const char *name)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;
	char file[32];
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, pk, bits, 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, 1000);
	gnutls_x509_crt_set_expiration_time(crt, until);
	gnutls_x509_crt_set_dn_by_oid(
	    crt, GNUTLS_OID_X520_COMMON_NAME, 0, host, (unsigned)strlen(host));
	gnutls_x509_crt_set_subject_alt_name(
	    crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof file, "%s.pem", name);
	write_file(file, &pem);
	gnutls_free(pem.data);
	assert_int_equal(
	    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(file, sizeof file, "%s.key", name);
	write_file(file, &pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

/* Names of certificates and keys, blanks between; as conf_load reads them. */
static void
put_list(struct buf *out, const char *setting, const char *names, const char *suffix)
{
	struct span rest = span_of(names);
	const char *comma = "";
	buf_putf(out, "\t%s = {", setting);
	while (rest.n) {
		struct span name = span_cut(&rest, ' ');
		buf_putf(out, "%s\"%s/%.*s%s\"", comma, dir, SPAN_ARG(name), suffix);
		comma = ", ";
	}
	buf_str(out, "}\n");
}

struct conf *
certs_conf(const char *certificates, const char *keys)
{
	struct buf text = {0}, errors = {0};
	struct conf *conf = NULL;
	char path[128];
	buf_str(&text, "version = 1\ncommon {\n\thostname = \"a.example.test\"\n");
	put_list(&text, "tls_certificates", certificates, ".pem");
	put_list(&text, "tls_keys", keys, ".key");
	buf_str(&text, "}\n");
	write_file(
	    "conf", &(gnutls_datum_t){(unsigned char *)text.p, (unsigned)text.len});
	snprintf(path, sizeof path, "%s/conf", dir);
	int err = conf_load(path, &errors, &conf);
	if (err != E_OK)
		print_error("%s", buf_cstr(&errors));
	assert_int_equal(err, E_OK);
	buf_free(&text);
	buf_free(&errors);
	return conf;
}

int
certs_setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/tls_certs.XXXXXX");
	assert_non_null(mkdtemp(dir));
	time_t later = time(NULL) + 86400;
	make_pair(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
	    "a.example.test", later, "ec");
	make_pair(GNUTLS_PK_RSA, 2048, "a.example.test", later, "rsa");
	make_pair(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
	    "b.example.test", later, "b");
	make_pair(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
	    "a.example.test", 2000, "old");
	certs.conf = certs_conf("ec rsa b", "ec rsa b");
	return 0;
}

int
certs_teardown(void **state)
{
	static const char *const files[] = {"ec.pem", "ec.key", "rsa.pem", "rsa.key",
	    "b.pem", "b.key", "old.pem", "old.key", "conf"};
	char path[128];
	(void)state;
	conf_free(&certs.conf);
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* ---- the role "key", in a process of its own ---- */

NORETURN static void
serve_key(int chan)
{
	struct buf scratch = {0};
	const struct ask_table *t = key_table(0);
	if (key_load(certs.conf) != E_OK)
		_exit(2);
	struct asker *a = asker_new(chan, t->rows, t->n_rows, t->who, NULL);
	struct pollfd p = {.fd = chan, .events = POLLIN};
	while (poll(&p, 1, -1) >= 0 && asker_serve(a, &scratch, 8) == E_OK)
		continue;
	_exit(0);
}

int
certs_key_channel(int *out)
{
	int pair[2];
	ask_pair(pair);
	certs.key_channels++;
	certs.key_pid = fork();
	if (certs.key_pid == 0) {
		dup2(pair[1], STDERR_FILENO + 1);
		close_range(STDERR_FILENO + 2, ~0u,
		    0); /* the connections of the test above all */
		serve_key(STDERR_FILENO + 1);
	}
	close(pair[1]);
	*out = pair[0];
	return certs.key_pid < 0 ? E_IO : E_OK;
}

int
certs_no_key_channel(int *out)
{
	(void)out;
	return E_IO;
}
