/* SPDX-License-Identifier: ISC */
/* verify.c - verifiers and passwords of accounts, and of those who are none. */
#include "auth/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/scram.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"

struct checked {
	unsigned char tag[SHA256_BYTES]; /* of verifier and password, under cache_key */
	int64_t until_ms;
};

static struct {
	const struct conf *conf;   /* borrow: the process's */
	struct accounts *accounts; /* own; NULL: not open yet, or not any more */
	struct arena arena;
	bool is_apart;
	unsigned char secret[VERIFY_SECRET_BYTES];
	unsigned char cache_key[VERIFY_SECRET_BYTES];
	struct checked *
	    cache; /* own: VERIFY_CACHE_ENTRIES, each at one of a few places; NULL until needed */
} the;

/* ---- the secret ---- */

static int
secret_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? E_BAD : E_IO;
	ssize_t n = read(fd, the.secret, sizeof the.secret);
	close(fd);
	return n == (ssize_t)sizeof the.secret ? E_OK : E_IO;
}

/* Several daemons start at once: the name appears with its bytes, and the first one wins. */
static int
secret_make(const char *path)
{
	char temporary[32];
	struct buf name = {0};
	snprintf(temporary, sizeof temporary, ".%ld", (long)getpid());
	buf_str(&name, path);
	buf_str(&name, temporary);
	random_fill(the.secret, sizeof the.secret);
	int fd = open(buf_cstr(&name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = E_IO;
	if (fd >= 0) {
		bool is_whole = write(fd, the.secret, sizeof the.secret) ==
		                    (ssize_t)sizeof the.secret &&
		                fsync(fd) == 0;
		if (is_whole && (link(buf_cstr(&name), path) == 0 || errno == EEXIST))
			err = E_OK;
		close(fd);
		unlink(buf_cstr(&name));
	}
	buf_free(&name);
	return err == E_OK ? secret_read(path) : err;
}

void
verify_open(const struct conf *conf)
{
	struct buf path = {0};
	the.conf = conf;
	the.arena.max_bytes = VERIFY_ARENA_BYTES;
	random_fill(the.cache_key, sizeof the.cache_key);
	buf_putf(&path, "%s/auth_secret", conf_str(conf, "common", "state_dir"));
	int err = secret_read(buf_cstr(&path));
	if (err == E_BAD)
		err = secret_make(buf_cstr(&path));
	if (err != E_OK) {
		log_event(LOG_NOTICE, "auth_secret_not_kept", "file=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
		random_fill(the.secret, sizeof the.secret);
	}
	buf_free(&path);
}

void
verify_close(void)
{
	accounts_close(&the.accounts);
	arena_reset(&the.arena);
	if (the.cache)
		mem_wipe(the.cache, VERIFY_CACHE_ENTRIES * sizeof *the.cache);
	mem_free(&the.cache);
	mem_wipe(the.secret, sizeof the.secret);
	mem_wipe(the.cache_key, sizeof the.cache_key);
}

void
verify_apart(bool is_apart)
{
	the.is_apart = is_apart;
}

int
verify_name(struct span login, struct buf *out)
{
	size_t start = out->len;
	if (login.n == 0 || !utf8_valid(login))
		return E_BAD;
	for (size_t i = 0; i < login.n; i++)
		if (ch_ctl(login.p[i]) || ch_space(login.p[i]))
			return E_BAD;
	domain_address_put(the.conf, login, out);
	if (span_find(login, '@') == login.n &&
	    conf_list_count(the.conf, "common", "domains")) {
		buf_ch(out, '@');
		buf_str(out, conf_list(the.conf, "common", "domains", 0));
	}
	return buf_done(out) == E_OK && out->len - start <= ACCOUNT_ADDRESS_MAX ? E_OK
	                                                                        : E_BAD;
}

/* ---- verifiers ---- */

static int
accounts_ready(void)
{
	struct buf dir = {0};
	if (the.accounts)
		return E_OK;
	buf_putf(&dir, "%s/accounts", conf_str(the.conf, "common", "state_dir"));
	int err = accounts_open(buf_cstr(&dir), true, &the.accounts);
	buf_free(&dir);
	return err;
}

static void
make_up_part(
    const char *part, enum hash_kind kind, struct span name, unsigned char *out)
{
	struct buf text = {0};
	buf_putf(&text, "%s %s ", part, scram_mech_of(kind));
	buf_span(&text, name);
	hmac_sha256(span_make(the.secret, sizeof the.secret), buf_as_span(&text), out);
	buf_free(&text);
}

/* What nobody's password leads to: salt and keys from our secret and the name. */
static void
make_up(enum hash_kind kind, struct span name, struct scram_verifier *out)
{
	*out = (struct scram_verifier){.kind = kind,
	    .salt_bytes = SCRAM_SALT_BYTES,
	    .iterations = (uint32_t)conf_int(the.conf, "common", "scram_iterations")};
	make_up_part("salt", kind, name, out->salt);
	make_up_part("stored", kind, name, out->stored_key);
	make_up_part("server", kind, name, out->server_key);
}

/* The first line of this kind, or nothing. */
static struct span
line_of_kind(struct span lines, enum hash_kind kind)
{
	while (lines.n) {
		struct scram_verifier v;
		struct span line = span_cut(&lines, '\n');
		if (scram_verifier_parse(line, &v) == E_OK && v.kind == kind)
			return line;
	}
	return (struct span){"", 0};
}

int
verify_verifiers(struct span name, struct buf *out)
{
	static const enum hash_kind kinds[] = {HASH_SHA256, HASH_SHA1};
	struct buf lines = {0};
	int err = the.is_apart ? E_BAD : accounts_ready();
	if (err == E_OK)
		err = account_verifiers(the.accounts, name, &lines);
	for (size_t i = 0; i < COUNT(kinds) && err != E_IO; i++) {
		struct scram_verifier made_up;
		make_up(kinds[i], name, &made_up); /* always: the time is the same */
		struct span real = line_of_kind(buf_as_span(&lines), kinds[i]);
		if (real.n)
			buf_span(out, real);
		else
			scram_verifier_put(&made_up, out);
		buf_ch(out, '\n');
	}
	buf_wipe(&lines);
	return err == E_IO ? E_IO : buf_done(out);
}

/* ---- passwords ---- */

/*
 * Where what is known of this verifier and password stands, else what is known for longest.
 * Another password, verifier or account: another tag.  With one place for each, of 100 accounts 17
 * drove each other out, and paid PBKDF2 at each login.
 */
static struct checked *
cache_place(
    struct span verifier, struct span name, struct span password, unsigned char *tag)
{
	struct buf text = {0};
	uint32_t place;
	if (!the.cache)
		the.cache = mem_new(VERIFY_CACHE_ENTRIES * sizeof *the.cache);
	buf_bytes(&text, verifier);
	buf_bytes(&text, name);
	buf_bytes(&text, password);
	hmac_sha256(
	    span_make(the.cache_key, sizeof the.cache_key), buf_as_span(&text), tag);
	buf_wipe(&text);
	memcpy(&place, tag, sizeof place);
	struct checked
	    *places = &the.cache[place % (VERIFY_CACHE_ENTRIES / VERIFY_CACHE_WAYS) *
				 VERIFY_CACHE_WAYS],
	    *oldest = places;
	for (size_t i = 0; i < VERIFY_CACHE_WAYS; i++) {
		if (mem_same(places[i].tag, tag, sizeof places[i].tag))
			return &places[i];
		if (places[i].until_ms < oldest->until_ms)
			oldest = &places[i];
	}
	return oldest;
}

static bool
is_password(struct span verifier, struct span name, struct span password)
{
	unsigned char tag[SHA256_BYTES];
	struct checked *place = cache_place(verifier, name, password, tag);
	int64_t now = clock_mono_ms();
	if (now < place->until_ms && mem_same(place->tag, tag, sizeof tag))
		return true;
	if (!scram_verify_plain(verifier, password))
		return false;
	memcpy(place->tag, tag, sizeof tag);
	place->until_ms = now + VERIFY_CACHE_MS;
	return true;
}

int
verify_password(struct span name, struct span password)
{
	struct buf lines = {0};
	int err = verify_verifiers(name, &lines);
	if (err == E_OK && !is_password(line_of_kind(buf_as_span(&lines), HASH_SHA256),
			       name, password))
		err = E_DENY;
	buf_wipe(&lines);
	return err;
}

int
verify_account(struct span name, struct account *out)
{
	int err = the.is_apart ? E_BAD : accounts_ready();
	arena_reset(&the.arena);
	return err == E_OK ? account_get(the.accounts, name, &the.arena, out) : err;
}
