/* SPDX-License-Identifier: ISC */
/* key.c - the role "key": private keys, behind a few asks. */
#include "tls/key.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "tls/dkim_key.h"
#include "tls/dkim_keys.h"
#include "tls/hash.h"
#include "tls/state.h"

enum {
	KEY_PHASE = 1,
	DKIM_SIGN_BYTES =
	    1 + 3 * 4 + DKIM_DOMAIN_MAX + DKIM_SELECTOR_MAX + SHA256_BYTES,
};

static struct {
	gnutls_privkey_t all[TLS_CERTIFICATES_MOST]; /* own */
	size_t n;
	gnutls_datum_t tickets; /* own: the master key of session tickets */
	int64_t tickets_until_ms;
} keys;

static int
load_failed(const char *path, const char *why, int err)
{
	log_event(
	    LOG_ERR, "tls_key_failed", "file=%s why=%s", log_qs(path), log_qs(why));
	return err;
}

int
key_read(const char *path, gnutls_privkey_t *out, const char **why)
{
	gnutls_datum_t pem;
	if (gnutls_load_file(path, &pem) < 0) {
		*why = strerror(errno);
		return E_IO;
	}
	if (gnutls_privkey_init(out) < 0)
		bug("gnutls_privkey_init");
	int err =
	    gnutls_privkey_import_x509_raw(*out, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	mem_wipe(pem.data, pem.size);
	gnutls_free(pem.data);
	if (err >= 0)
		return E_OK;
	gnutls_privkey_deinit(*out);
	*why = gnutls_strerror(err);
	return E_BAD;
}

static int
load_one(const char *path, gnutls_privkey_t *out)
{
	const char *why;
	int err = key_read(path, out, &why);
	return err == E_OK ? E_OK : load_failed(path, why, err);
}

int
key_load(const struct conf *conf)
{
	size_t n = conf_list_count(conf, "common", "tls_keys");
	if (n > TLS_CERTIFICATES_MOST)
		return load_failed(conf_path(conf), "too many tls_keys", E_BAD);
	for (keys.n = 0; keys.n < n; keys.n++) {
		int err = load_one(
		    conf_list(conf, "common", "tls_keys", keys.n), &keys.all[keys.n]);
		if (err != E_OK) {
			key_unload();
			return err;
		}
	}
	return E_OK;
}

static void
forget_tickets(void)
{
	if (!keys.tickets.data)
		return;
	mem_wipe(keys.tickets.data, keys.tickets.size);
	gnutls_free(keys.tickets.data);
	keys.tickets = (gnutls_datum_t){NULL, 0};
}

void
key_unload(void)
{
	for (size_t i = 0; i < keys.n; i++)
		gnutls_privkey_deinit(keys.all[i]);
	keys.n = 0;
	forget_tickets();
}

static int
sign(uint16_t index, gnutls_sign_algorithm_t algorithm, struct span digest,
    gnutls_datum_t *out)
{
	gnutls_datum_t hash = {
	    (unsigned char *)(uintptr_t)digest.p, (unsigned)digest.n};
	int err = gnutls_privkey_sign_hash2(keys.all[index], algorithm, 0, &hash, out);
	if (err < 0)
		log_event(LOG_ERR, "sign_failed", "key=%u algorithm=%u why=%s",
		    (unsigned)index, (unsigned)algorithm, log_qs(gnutls_strerror(err)));
	return err < 0 ? E_BAD : E_OK;
}

/*
 * Only what a handshake needs: a digest as long as the algorithm says, an algorithm that fits the
 * key.
 */
static int
ask_sign(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t index = rd_u16(body);
	uint32_t algorithm = rd_u32(body);
	struct span digest = rd_str(body, KEY_DIGEST_MOST);
	gnutls_datum_t signature = {NULL, 0};
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || algorithm > INT16_MAX)
		return E_BAD;
	if (index >= keys.n || digest.n < KEY_DIGEST_LEAST)
		return E_DENY;
	gnutls_sign_algorithm_t algo = (gnutls_sign_algorithm_t)algorithm;
	int pk = gnutls_privkey_get_pk_algorithm(keys.all[index], NULL);
	if (tls_digest_bytes((gnutls_pk_algorithm_t)pk, algo) != digest.n)
		return E_DENY;
	int err = sign(index, algo, digest, &signature);
	buf_u8(reply, (uint8_t)err);
	buf_bytes(reply, span_make(signature.data, signature.size));
	gnutls_free(signature.data);
	return E_OK;
}

static int
ask_tickets(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	int64_t now = clock_mono_ms();
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!keys.tickets.data || now >= keys.tickets_until_ms) {
		forget_tickets();
		if (gnutls_session_ticket_key_generate(&keys.tickets) < 0)
			bug("gnutls_session_ticket_key_generate");
		keys.tickets_until_ms = now + KEY_TICKET_LIFE_SEC * 1000;
	}
	buf_bytes(reply, span_make(keys.tickets.data, keys.tickets.size));
	buf_u32(reply, (uint32_t)((keys.tickets_until_ms - now + 999) / 1000));
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*                 name         legal in   times             bytes                  fd back  answered by */
	[KEY_SIGN]      = {"SIGN",      KEY_PHASE, KEY_SIGNS_MOST,   10 + KEY_DIGEST_MOST,  false,   ask_sign},
	[KEY_TICKETS]   = {"TICKETS",   KEY_PHASE, KEY_TICKETS_MOST, 0,                     false,   ask_tickets},
	[KEY_DKIM_LIST] = {"DKIM_LIST", KEY_PHASE, KEY_DKIM_MOST,    4 + DKIM_DOMAIN_MAX,   false,   dkim_keys_list},
	[KEY_DKIM_SIGN] = {"DKIM_SIGN", KEY_PHASE, KEY_DKIM_MOST,    DKIM_SIGN_BYTES,       false,   dkim_keys_sign},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = KEY_DKIM_LIST, .who = "of_key"};
static const struct ask_table mail_table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "of_key"};

const struct ask_table *
key_table(unsigned kind)
{
	(void)kind;
	return &table;
}

const struct ask_table *
key_mail_table(unsigned kind)
{
	(void)kind;
	return &mail_table;
}

int
key_prepare(void)
{
	return key_load(the_child.conf) == E_OK ? EX_OK : EX_NOINPUT;
}

void
key_jail(struct jail *j)
{
	(void)j; /* no files, no network: it only answers */
}

int
key_run(void)
{
	return child_serve(key_table, NULL, 0);
}
