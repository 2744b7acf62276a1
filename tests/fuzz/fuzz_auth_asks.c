/* SPDX-License-Identifier: ISC */
/*
 * fuzz_auth_asks.c - asks of the role "auth", one after another: u8 type, u16 length, body.  libsasl2 runs
 * them for real; every name is unknown.
 * fuzz: tests/fuzz/asker.c
 * fuzz: common/account/dir.c common/account/app.c common/account/app_use.c common/login/nets.c common/auth/known.c common/auth/apps.c common/auth/bearer.c common/auth/jwt.c common/auth/oauth.c common/auth/gssapi.c common/auth/introspect.c common/net/fetch_asks.c common/net/dns.c common/net/answer.c common/auth/secrets.c common/tls/jose.c
 * fuzz: common/auth/failures.c common/auth/bans.c common/auth/role.c common/auth/mech.c common/auth/offer.c common/auth/verify.c common/auth/scram.c common/auth/client.c common/tls/hash.c
 * fuzz: common/base/arena.c common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c
 * fuzz: common/proc/ask.c common/proc/child.c common/proc/loop.c
 * fuzz: common/conf/*.c common/mime/idn.c
 * libs: -levent_core -lgnutls -lconfuse -lidn2 -lsasl2 -ljansson
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/account.h"
#include "asker.h"
#include "auth/auth.h"
#include "auth/mech.h"
#include "auth/verify.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/daemon.h"
#include "proc/jail.h"
#include "tls/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
accounts_open(const char *dir, bool may_read_secrets, struct accounts **out)
{
	static char any;
	(void)dir, (void)may_read_secrets;
	*out = (struct accounts *)(void *)&any;
	return E_OK;
}

void
accounts_close(struct accounts **a)
{
	*a = NULL;
}

int
account_get(
    struct accounts *a, struct span address, struct arena *arena, struct account *out)
{
	(void)a, (void)address, (void)arena, (void)out;
	return E_BAD;
}

int
account_retention(
    struct accounts *a, struct span domain, struct arena *arena, struct span *rules)
{
	(void)a, (void)domain, (void)arena, (void)rules;
	return E_BAD;
}

int
account_apps(struct accounts *a, struct span address, struct buf *row)
{
	(void)a, (void)address, (void)row;
	return E_BAD;
}

int
account_verifiers(struct accounts *a, struct span address, struct buf *out)
{
	(void)a, (void)address, (void)out;
	return E_BAD;
}

int
daemon_user(const struct conf *conf, enum role_user user, uid_t *uid, gid_t *gid)
{
	(void)conf, (void)user, (void)uid, (void)gid;
	return E_BAD;
}

int
tls_self_test(const struct conf *conf, struct buf *errors)
{
	(void)conf, (void)errors;
	return E_OK;
}

void
jail_allow(struct jail *j, const char *path, unsigned access)
{
	(void)j, (void)path, (void)access;
}

static void
prepare(void)
{
	char path[] = "/tmp/fuzz_auth.XXXXXX";
	struct buf errors = {0};
	static struct conf *conf;
	int fd = mkstemp(path);
	static const char text[] =
	    "version = 1\ncommon {\n\tstate_dir = \"/nonexistent\"\n}\n";
	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
		bug("fuzz: a file");
	close(fd);
	if (conf_load(path, &errors, &conf) != E_OK)
		bug(buf_cstr(&errors));
	unlink(path);
	verify_open(conf);
	if (mech_init(conf) != E_OK)
		bug("fuzz: mech_init");
}

static void
answered(uint16_t type, struct rd *body)
{
	struct auth_reply r;
	(void)type;
	if (auth_get_reply(body, &r) != E_OK || r.status == AUTH_OK)
		bug("an answer that cannot be");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool is_ready;
	if (!is_ready) {
		log_level(LOG_EMERG);
		prepare();
		is_ready = true;
	}
	const struct asker_fuzz f = {.table = auth_table(0), .answered = answered};
	asker_fuzz_run(&f, span_make(p, n));
	return 0;
}
