/* SPDX-License-Identifier: ISC */
/*
 * fuzz_key_asks.c - one ask of the role "key": the first byte is its type, the rest its body.
 * fuzz: common/tls/key.c common/tls/signer.c common/tls/dkim_folder.c common/tls/dkim_key.c common/tls/dkim_keys.c common/tls/hash.c
 * fuzz: common/base/arena.c common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c
 * fuzz: common/proc/ask.c common/proc/child.c common/proc/loop.c
 * fuzz: common/conf/*.c common/mime/idn.c
 * libs: -levent_core -lgnutls -lconfuse -lidn2
 */
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "tls/dkim_key.h"
#include "tls/dkim_keys.h"
#include "tls/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
put_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		bug("fuzz: a file");
}

static char dir[] = "/tmp/fuzz_key.XXXXXX";

static void
clean(void)
{
	static const char *const names[] = {"0.key", "1.key", "conf",
	    "dkim/a.test/s.rsa.pem", "dkim/a.test/s.ed25519.pem", "dkim/a.test", "dkim",
	    ""};
	char path[96];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		remove(path);
	}
}

/* Two keys of mail, where the role looks for them at each ask. */
static void
prepare_mail(void)
{
	static const char *const names[] = {"s.rsa.pem", "s.ed25519.pem"};
	char path[96];
	snprintf(path, sizeof path, "%s/dkim", dir);
	if (mkdir(path, 0700) != 0)
		bug("fuzz: mkdir");
	snprintf(path, sizeof path, "%s/dkim/a.test", dir);
	if (mkdir(path, 0700) != 0)
		bug("fuzz: mkdir");
	for (unsigned i = 0; i < COUNT(names); i++) {
		struct dkim_key *key = dkim_key_new((enum dkim_key_kind)i);
		struct buf pem = {0};
		dkim_key_pem(key, &pem);
		snprintf(path, sizeof path, "%s/dkim/a.test/%s", dir, names[i]);
		put_file(path, pem.p, pem.len);
		buf_wipe(&pem);
		dkim_key_free(&key);
	}
}

/* Two keys, ECDSA and RSA, read as the role reads them. */
static void
prepare(void)
{
	static const gnutls_pk_algorithm_t kinds[] = {GNUTLS_PK_ECDSA, GNUTLS_PK_RSA};
	static const unsigned bits[] = {
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 2048};
	static struct conf *conf; /* as long as the process */
	char path[64];
	struct buf text = {0}, errors = {0};
	if (!mkdtemp(dir) || atexit(clean) != 0)
		bug("fuzz: mkdtemp");
	prepare_mail();
	for (size_t i = 0; i < COUNT(kinds); i++) {
		gnutls_x509_privkey_t key;
		gnutls_datum_t pem;
		snprintf(path, sizeof path, "%s/%zu.key", dir, i);
		if (gnutls_x509_privkey_init(&key) < 0 ||
		    gnutls_x509_privkey_generate(key, kinds[i], bits[i], 0) < 0 ||
		    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) < 0)
			bug("fuzz: a key");
		put_file(path, pem.data, pem.size);
		gnutls_free(pem.data);
		gnutls_x509_privkey_deinit(key);
	}
	buf_putf(&text,
	    "version = 1\ncommon {\n\tstate_dir = \"%s\"\n\ttls_certificates = "
	    "{\"%s/0\", \"%s/1\"}\n",
	    dir, dir, dir);
	buf_putf(&text, "\ttls_keys = {\"%s/0.key\", \"%s/1.key\"}\n}\n", dir, dir);
	snprintf(path, sizeof path, "%s/conf", dir);
	put_file(path, text.p, text.len);
	if (conf_load(path, &errors, &conf) != E_OK || key_load(conf) != E_OK)
		bug(buf_cstr(&errors));
	dkim_keys_open(conf);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool is_ready;
	const struct ask_table *t = key_mail_table(0);
	struct buf scratch = {0};
	int pair[2];
	if (n < 1 || n > 4096)
		return 0;
	if (!is_ready) {
		log_level(LOG_EMERG);
		prepare();
		is_ready = true;
	}
	ask_pair(pair);
	struct asker *a = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL);
	if (ask_send(pair[0], p[0], span_make(p + 1, n - 1), -1, 0) == E_OK &&
	    asker_serve(a, &scratch, 1) == E_OK) {
		struct ask_msg m;
		if (ask_recv(pair[0], &scratch, &m, 0) != E_OK ||
		    m.type != (p[0] | ASK_REPLY))
			bug("an ask without its answer");
	}
	asker_free(&a);
	close(pair[0]);
	buf_free(&scratch);
	return 0;
}
