/* SPDX-License-Identifier: ISC */
/*
 * fuzz_auth_asks.c - asks of the role "auth", one after another: u8 type, u16 length, body.  libsasl2 runs
 * them for real; every name is unknown.
 * fuzz: common/account/dir.c
 * fuzz: common/auth/role.c common/auth/mech.c common/auth/verify.c common/auth/scram.c common/auth/client.c common/tls/hash.c
 * fuzz: common/base/arena.c common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c
 * fuzz: common/proc/ask.c common/proc/child.c common/proc/loop.c
 * fuzz: common/conf/conf.c common/conf/settings.c common/conf/value.c common/conf/read.c common/conf/check.c common/conf/comments.c common/conf/nearest.c
 * libs: -levent_core -lgnutls -lconfuse -lsasl2
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/account.h"
#include "auth/auth.h"
#include "auth/mech.h"
#include "auth/verify.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/jail.h"

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
account_verifiers(struct accounts *a, struct span address, struct buf *out)
{
	(void)a, (void)address, (void)out;
	return E_BAD;
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

/* One ask and what it answers.  E_OK: the asker lives */
static int
one(int chan, struct asker *a, uint8_t type, struct span body)
{
	struct buf in = {0};
	struct ask_msg m;
	struct auth_reply r;
	int err = ask_send(chan, type, body, -1, 0);
	if (err == E_OK)
		err = asker_serve(a, &in, 1);
	if (err == E_OK && ask_recv(chan, &in, &m, 0) == E_OK &&
	    (auth_get_reply(&m.body, &r) != E_OK || r.status == AUTH_OK))
		bug("an answer that cannot be");
	buf_free(&in);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool is_ready;
	const struct ask_table *t = auth_table(0);
	struct rd rd = rd_of(span_make(p, n));
	int pair[2], err = E_OK;
	if (!is_ready) {
		log_level(LOG_EMERG);
		prepare();
		is_ready = true;
	}
	ask_pair(pair);
	struct asker *a = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL);
	for (int i = 0; i < 6 && rd.in.n && err == E_OK; i++) {
		uint8_t type = rd_u8(&rd);
		uint16_t bytes = rd_u16(&rd);
		err = one(
		    pair[0], a, type, rd_bytes(&rd, bytes < rd.in.n ? bytes : rd.in.n));
	}
	t->gone(a);
	asker_free(&a);
	close(pair[0]);
	return 0;
}
