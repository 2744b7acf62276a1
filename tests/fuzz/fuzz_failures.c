/* SPDX-License-Identifier: ISC */
/*
 * fuzz_failures.c - the table of wrong passwords, with anything in it.  What is read of it is bounded, it counts on, and with a
 * damaged head it is made anew.
 * fuzz: common/auth/failures.c common/auth/bans.c common/login/nets.c
 * fuzz: common/conf/*.c common/mime/idn.c
 * libs: -lconfuse -lidn2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/bans_file.h"
#include "auth/failures.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/daemon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NOW = 1000000000 };

static struct conf *conf;

int
daemon_user(const struct conf *c, enum role_user user, uid_t *uid, gid_t *gid)
{
	(void)c, (void)user;
	*uid = getuid();
	*gid = getgid();
	return E_OK;
}

static void
prepare(void)
{
	char dir[] = "/tmp/fuzz_failures.XXXXXX", name[64];
	struct buf errors = {0}, text = {0};
	if (!mkdtemp(dir))
		bug("fuzz: a directory");
	buf_putf(&text,
	    "version = 1\ncommon {\n\tstate_dir = \"%s\"\n\tban_failures = "
	    "2\n\tlock_failures = 2\n}\n",
	    dir);
	snprintf(name, sizeof name, "%s/conf", dir);
	FILE *f = fopen(name, "w");
	if (!f || fwrite(text.p, 1, text.len, f) != text.len || fclose(f) != 0)
		bug("fuzz: a file");
	if (conf_load(name, &errors, &conf) != E_OK)
		bug(buf_cstr(&errors));
	unlink(name);
	buf_free(&text);
}

static int
look(void *ctx, const struct ban *ban)
{
	struct buf who = {0};
	(void)ctx;
	if (ban->kind < BAN_FAILURES || ban->kind > BAN_LOCK ||
	    memchr(ban->text, 0, sizeof ban->text) == NULL)
		abort();
	ban_put_who(ban, &who);
	(void)ban_is_in_force(ban, NOW);
	buf_free(&who);
	return E_OK;
}

/* Each part of the file gets what the input has for it, again and again. */
static void
scribble(void *at, size_t bytes, const uint8_t *data, size_t n)
{
	size_t done = n < bytes ? n : bytes;
	memcpy(at, data, done);
	for (size_t more; done && done < bytes; done += more) {
		more = bytes - done < done ? bytes - done : done;
		memcpy((char *)at + done, at, more);
	}
}

static void
spoil(struct bans_file *f, const uint8_t *data, size_t n)
{
	unsigned where = data[0];
	data++, n--;
	if (where & 1)
		scribble(f->bans, sizeof f->bans, data, n);
	if (where & 2)
		scribble(f->networks, sizeof f->networks, data, n);
	if (where & 4)
		scribble(f->names, sizeof f->names, data, n);
	if (where & 8)
		scribble(f->wrong, sizeof f->wrong, data, n);
	if (where & 16)
		scribble(f->known, sizeof f->known, data, n);
	if (where & 32)
		scribble(f->head.lengths, sizeof f->head.lengths, data, n);
	if (where & 64) /* and its head: made anew at the next start */
		scribble(&f->head, sizeof f->head, data, n);
}

static void
use(struct failures *f)
{
	static const char *const clients[] = {
	    "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.1", "nowhere"};
	for (size_t i = 0; i < COUNT(clients); i++) {
		const struct attempt a = {.client = clients[i],
		    .name = SPAN("u1"),
		    .name_tag = 3,
		    .password_tag = i};
		(void)failures_refuses(f, &a, NOW);
		failures_wrong(f, &a, NOW);
		failures_right(f, &a, NOW);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ban ban = {.kind = BAN_ADMIN, .since_sec = NOW, .until_sec = NOW + 10};
	if (!conf) {
		log_level(LOG_EMERG);
		prepare();
	}
	if (n == 0)
		return 0;
	struct failures *f = failures_open(conf);
	struct bans *b = bans_open(conf, true);
	if (!f || !b)
		bug("fuzz: no table");
	spoil(b->file, data, n);
	use(f);
	if (bans_each(b, look, NULL) != E_OK)
		abort();
	failures_close(&f);
	bans_close(&b);
	b = bans_open(conf, true); /* whole again */
	if (bans_net_of("203.0.113.1", &ban.net) != E_OK || bans_lock(b) != E_OK ||
	    bans_put(b, &ban, NOW) != E_OK ||
	    bans_has(b, "203.0.113.1", NOW, &ban) != E_OK)
		abort();
	bans_unlock(b);
	bans_close(&b);
	return 0;
}
