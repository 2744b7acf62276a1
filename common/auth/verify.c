/* SPDX-License-Identifier: ISC */
/* verify.c - verifiers and passwords of accounts, and of those who are none. */
#include "auth/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/known.h"
#include "base/id.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"

static struct {
	const struct conf *conf;   /* borrow: the process's */
	struct accounts *accounts; /* own; NULL: not open yet, or not any more */
	struct arena arena;
	bool is_apart;
	unsigned char secret[VERIFY_SECRET_BYTES];
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
	known_open();
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
	known_close();
	mem_wipe(the.secret, sizeof the.secret);
}

uint64_t
verify_tag(struct span a, struct span b)
{
	unsigned char mac[SHA256_BYTES];
	struct buf text = {0};
	uint64_t tag;
	buf_str(&text, "tag ");
	buf_bytes(&text, a);
	buf_bytes(&text, b);
	hmac_sha256(span_make(the.secret, sizeof the.secret), buf_as_span(&text), mac);
	buf_wipe(&text);
	memcpy(&tag, mac, sizeof tag);
	return tag | 1;
}

void
verify_apart(bool is_apart)
{
	the.is_apart = is_apart;
}

/* ADDRESS, and behind it "/NAME" of an app password: an address has no "/" behind its "@". */
static struct span
split(struct span name, struct span *app)
{
	size_t at = span_rfind(name, '@');
	struct span domain = span_from(name, at);
	size_t slash = span_find(domain, '/');
	*app = slash < domain.n ? span_from(domain, slash + 1) : (struct span){"", 0};
	return slash < domain.n ? span_head(name, at + slash) : name;
}

struct span
verify_address(struct span name)
{
	struct span app;
	return split(name, &app);
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
	struct span app, name = span_from(buf_as_span(out), start);
	struct span address = split(name, &app);
	if (buf_done(out) != E_OK || address.n > ACCOUNT_ADDRESS_MAX)
		return E_BAD;
	return address.n == name.n || app_name_is_good(app) ? E_OK : E_BAD;
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

/* Salt and keys from our secret and the name. */
void
verify_make_up(enum hash_kind kind, struct span name, struct scram_verifier *out)
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

static int
main_verifiers(struct span name, struct buf *out)
{
	static const enum hash_kind kinds[] = {HASH_SHA256, HASH_SHA1};
	struct buf lines = {0};
	int err = the.is_apart ? E_BAD : accounts_ready();
	if (err == E_OK)
		err = account_verifiers(the.accounts, name, &lines);
	for (size_t i = 0; i < COUNT(kinds) && err != E_IO; i++) {
		struct scram_verifier made_up;
		verify_make_up(
		    kinds[i], name, &made_up); /* always: the time is the same */
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

int
verify_verifiers(struct verify_way *way, struct span name, struct buf *out)
{
	struct span app, address = split(name, &app);
	return app.n ? verify_apps_verifiers(way, address, app, out)
	             : main_verifiers(address, out);
}

int
verify_apps_row(struct span address, struct buf *row)
{
	int err = the.is_apart ? E_BAD : accounts_ready();
	return err == E_OK ? account_apps(the.accounts, address, row) : err;
}

/* ---- passwords ---- */

static bool
is_password(struct span verifier, struct span password)
{
	struct scram_verifier stored, given;
	if (scram_verifier_parse(verifier, &stored) != E_OK)
		return false;
	given = stored;
	bool is_right =
	    known_derive(password, &given) == E_OK &&
	    mem_same(given.stored_key, stored.stored_key, hash_bytes(stored.kind));
	if (is_right)
		known_remember(password, &given);
	mem_wipe(&given, sizeof given);
	mem_wipe(&stored, sizeof stored);
	return is_right;
}

static int
check_main(struct span name, struct span password)
{
	struct buf lines = {0};
	int err = main_verifiers(name, &lines);
	if (err == E_OK &&
	    !is_password(line_of_kind(buf_as_span(&lines), HASH_SHA256), password))
		err = E_DENY;
	buf_wipe(&lines);
	return err;
}

/* Whether a password is tried as an app password is a matter of its shape, not of the account. */
int
verify_password(struct verify_way *way, struct span name, struct span password)
{
	struct span app, address = split(name, &app);
	way->tried = verify_tag(address, password);
	int err = verify_apps_check(way, address, app, password);
	return err == E_DENY && app.n == 0 ? check_main(address, password) : err;
}

int
verify_account(struct span name, struct account *out)
{
	int err = the.is_apart ? E_BAD : accounts_ready();
	arena_reset(&the.arena);
	if (err == E_OK)
		err = account_get(the.accounts, verify_address(name), &the.arena, out);
	if (err != E_OK)
		return err;
	size_t at = span_rfind(out->address, '@');
	err = account_retention(the.accounts, span_from(out->address, at + 1),
	    &the.arena, &out->domain_retention);
	return err == E_BAD ? E_OK : err;
}
