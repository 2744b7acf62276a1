/* SPDX-License-Identifier: ISC */
/*
 * fuzz_lookup_asks.c - asks of the role "lookup", one after another: u8 type, u16 length, body.  The verdict is
 * the real one, over aliases, lists, a loop, domain aliases and a catch-all; two accounts are there.
 * fuzz: tests/fuzz/asker.c
 * fuzz: common/account/dir.c common/account/group.c
 * fuzz: common/account/list.c common/account/lookup.c common/account/recipient.c common/account/sender.c common/account/names.c common/account/alias.c common/account/srs.c common/tls/hash.c common/account/usage.c common/account/domain_usage.c
 * fuzz: common/proc/ask.c
 * fuzz: common/conf/*.c common/mime/idn.c
 * libs: -lgnutls -lconfuse -lidn2
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "account/recipient.h"
#include "asker.h"
#include "base/log.h"
#include "conf/conf.h"
#include "maps/maps.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "proc/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct child the_child = {.control = -1};

/* The table: u1 is there, gone is suspended. */
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
	(void)a, (void)arena;
	*out = (struct account){.address = SPAN("u1@example.test"),
	    .uid = 200001,
	    .gid = 200001,
	    .home = SPAN("example.test/u1"),
	    .is_suspended = span_eqs(address, "gone@example.test")};
	if (out->is_suspended)
		out->address = SPAN("gone@example.test");
	return out->is_suspended || span_eqs(address, "u1@example.test") ? E_OK : E_BAD;
}

/* no domain has a quota */
int
accounts_behind(struct accounts *a, struct span after,
    int (*fn)(void *ctx, const struct account *), void *ctx)
{
	(void)a, (void)after, (void)fn, (void)ctx;
	abort();
}

/* "team" is forwarded to u1 and elsewhere. */
int
account_alias(
    struct accounts *a, struct span name, struct arena *arena, struct span *targets)
{
	(void)a, (void)arena;
	*targets = SPAN("u1@example.test, x@elsewhere.test");
	return span_eqs(name, "team@example.test") ? E_OK : E_BAD;
}

/* of a member that is there, one that is not, and one in a loop */
int
account_members(
    struct accounts *a, struct span group, struct arena *arena, struct span *members)
{
	(void)a, (void)arena;
	*members = SPAN("u1@example.test\nnone@example.test\nloop@example.test\n");
	if (span_eqs(group, "staff@example.test"))
		*members = span_head(*members, 34);
	return span_starts(group, SPAN("staff")) ? E_OK : E_BAD;
}

/* there are no maps */
bool
maps_are_off(const struct conf *conf)
{
	(void)conf;
	return true;
}

int
maps_open(const struct conf *conf, struct buf *errors, struct maps **out)
{
	(void)conf, (void)errors, (void)out;
	return E_BAD;
}

void
maps_close(struct maps **maps)
{
	(void)maps;
}

int
maps_find(struct maps *maps, struct span key, int64_t deadline, struct buf *out)
{
	(void)maps, (void)key, (void)deadline, (void)out;
	return E_BAD;
}

int
maps_ask(
    int *chan, struct span key, int64_t deadline, struct arena *arena, struct span *out)
{
	(void)chan, (void)key, (void)deadline, (void)arena, (void)out;
	return E_BAD;
}

int
srs_secret_read(const struct conf *conf, struct buf *out)
{
	(void)conf;
	buf_str(out, "0123456789abcdef0123456789abcdef");
	return E_OK;
}

void
srs_secret_make(const struct conf *conf)
{
	(void)conf;
}

/* What of the process the role needs is not tried here. */
int
child_serve(
    const struct ask_table *(*table_of)(unsigned kind), void (*tick)(void), int tick_ms)
{
	(void)table_of, (void)tick, (void)tick_ms;
	return EX_OK;
}

struct loop *
child_loop(void)
{
	return NULL;
}

void
loop_stop(struct loop *loop)
{
	(void)loop;
}

int
child_channel(const char *role, int *out)
{
	(void)role, (void)out;
	return E_IO;
}

void
jail_allow(struct jail *j, const char *path, unsigned access)
{
	(void)j, (void)path, (void)access;
}

/* there to the end: the alias file is looked at again and again */
static char dir[] = "/tmp/fuzz_lookup.XXXXXX";

static void
clean(void)
{
	static const char *const names[] = {
	    "merpati.conf", "aliases", "members", "accounts/accounts"};
	char path[128];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/accounts", dir);
	rmdir(path);
	rmdir(dir);
}

static void
put_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fprintf(f, text, dir, dir, dir) < 0 || fclose(f) != 0)
		bug("fuzz: a file");
}

static void
prepare(void)
{
	static struct conf *conf;
	struct buf errors = {0};
	char path[64];
	if (!mkdtemp(dir))
		bug("fuzz: a directory");
	atexit(clean);
	put_file("merpati.conf",
	    "version = 1\ncommon {\n\tdomains = {\"example.test\", \"catch.test\"}\n"
	    "\tdomain_aliases = {\"alias.test=example.test\"}\n\tcatch_all = "
	    "{\"catch.test=u1@example.test\"}\n"
	    "\tsrs = yes\n\talias_file = \"%s/aliases\"\n\tstate_dir = "
	    "\"%s\"\n\tmail_dir = \"%s\"\n}\n");
	put_file("aliases",
	    "list: u1, gone, x@elsewhere.test, :include:%s/members\nloop: pool\npool: "
	    "loop\n"
	    "owner-list: u1\n\"a b\": u1\nu1+x: list\nfile: :include:%s/none\n");
	put_file("members", "u1\nu1+detail, list2 # and so on\n");
	snprintf(path, sizeof path, "%s/accounts", dir);
	if (mkdir(path, 0700) != 0)
		bug("fuzz: a directory");
	put_file("accounts/accounts", ""); /* it is there: what is in it we say */
	snprintf(path, sizeof path, "%s/merpati.conf", dir);
	if (conf_load(path, &errors, &conf) != E_OK)
		bug(buf_cstr(&errors));
	the_child.conf = conf;
	if (lookup_run() != EX_OK)
		bug("fuzz: lookup_run");
}

/* An answer to RCPTS: whole verdicts, and targets that a placer could take. */
static void
check_rcpts(struct rd *r)
{
	while (r->in.n && r->err == E_OK) {
		uint8_t verdict = rd_u8(r);
		bool leads_away = rd_u8(r), is_remote = false;
		uint16_t n = rd_u16(r);
		if (verdict > RCPT_TEMP || n > RECIPIENT_TARGETS_MAX ||
		    (verdict != RCPT_LOCAL && n))
			bug("a verdict that cannot be");
		for (uint16_t i = 0; i < n; i++) {
			bool is_local = rd_u8(r) == 1;
			is_remote |= !is_local;
			struct span address = rd_str(r, ACCOUNT_ADDRESS_MAX);
			rd_str(r, ACCOUNT_ADDRESS_MAX);
			rd_u32(r);
			uint32_t uid = rd_u32(r), gid = rd_u32(r);
			struct span home = rd_str(r, ACCOUNT_ADDRESS_MAX);
			if (address.n == 0 ||
			    (is_local && (uid != 200001 || gid != 200001 ||
					     !span_eqs(home, "example.test/u1"))) ||
			    (!is_local && (uid || gid || home.n)))
				bug("a target that cannot be");
		}
		if (leads_away != is_remote)
			bug("a target elsewhere that is not said, or the other way "
			    "round");
		struct span owner = rd_str(r, ACCOUNT_ADDRESS_MAX);
		if (owner.n && !span_eqs(owner, "owner-list@example.test"))
			bug("an owner that cannot be");
	}
	if (rd_end(r) != E_OK)
		bug("an answer that cannot be read");
}

static void
answered(uint16_t type, struct rd *body)
{
	if (type == LOOKUP_RCPTS)
		check_rcpts(body);
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
	const struct asker_fuzz f = {.table = lookup_table(0), .answered = answered};
	asker_fuzz_run(&f, span_make(p, n));
	return 0;
}
