/* SPDX-License-Identifier: ISC */
/*
 * account.c - reading the account table: many processes, each sees what was written before it asks.
 */
#include "account/account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "account/app.h"
#include "account/files.h"
#include "base/log.h"
#include "db/db.h"

struct accounts {
	int dir;                    /* own */
	char *path;                 /* own */
	struct account_files files; /* own */
	bool may_read_secrets;
	uint64_t seen_generation;
	struct db_file *accounts, *secrets; /* own; NULL: not there yet */
};

/* ---- opening ---- */

static void
close_tables(struct accounts *a)
{
	db_file_close(&a->accounts);
	db_file_close(&a->secrets);
}

/* The tables as they are now; called under the lock. */
static int
open_tables(struct accounts *a)
{
	struct buf path = {0};
	close_tables(a);
	buf_putf(&path, "%s/" ACCOUNTS_TABLE, a->path);
	int err = db_file_open(buf_cstr(&path), &a->accounts);
	if ((err == E_OK || err == E_BAD) && a->may_read_secrets) {
		buf_reset(&path);
		buf_putf(&path, "%s/" SECRETS_TABLE, a->path);
		err = db_file_open(buf_cstr(&path), &a->secrets);
	}
	buf_free(&path);
	if (err == E_BAD)
		err = E_OK; /* no table yet: no account */
	if (err == E_OK)
		a->seen_generation = account_generation(&a->files);
	else
		close_tables(a);
	return err;
}

int
accounts_open(const char *dir, bool may_read_secrets, struct accounts **out)
{
	struct accounts *a = mem_new(sizeof *a);
	a->path = mem_dup(dir);
	a->files = (struct account_files){.lock = -1, .generation = -1};
	a->may_read_secrets = may_read_secrets;
	a->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = a->dir >= 0 ? account_files_open(a->dir, false, &a->files) : E_IO;
	if (err == E_OK && account_generation(&a->files) % 2 && !account_is_writing())
		account_recover(
		    dir); /* only who may write can; others answer E_IO until then */
	if (err != E_OK) {
		log_event(LOG_ERR, "no_accounts", "dir=%s err=%s", log_qs(dir),
		    log_errno(errno));
		accounts_close(&a);
		return E_IO;
	}
	*out = a;
	return E_OK;
}

void
accounts_close(struct accounts **ap)
{
	struct accounts *a = *ap;
	if (!a)
		return;
	close_tables(a);
	account_files_close(&a->files);
	if (a->dir >= 0)
		close(a->dir);
	mem_free(&a->path);
	mem_free(ap);
}

/* ---- reading ---- */

/* Under the shared lock, with tables that are as new as the counter.  Ends with unlock. */
static int
lock(struct accounts *a)
{
	if (!account_is_writing() && flock(a->files.lock, LOCK_SH) != 0)
		return E_IO;
	uint64_t now = account_generation(&a->files);
	int err = E_OK;
	if (now % 2 && !account_is_writing()) {
		log_event(LOG_ERR, "accounts_half_written",
		    "do=\"run merpati user list as root: it recovers them\"");
		err = E_IO;
	} else if (now != a->seen_generation || !a->accounts) {
		err = open_tables(a);
	}
	if (err != E_OK)
		flock(a->files.lock, LOCK_UN);
	return err;
}

static void
unlock(struct accounts *a)
{
	flock(a->files.lock, LOCK_UN);
}

static int
read_row(struct accounts *a, bool is_secret, struct span address, struct buf *out)
{
	int err = lock(a);
	if (err != E_OK)
		return err;
	struct db_file *table = is_secret ? a->secrets : a->accounts;
	err = table ? db_file_get(table, address, out) : E_BAD;
	unlock(a);
	return err == E_LIMIT ? E_IO : err;
}

int
account_get(
    struct accounts *a, struct span address, struct arena *arena, struct account *out)
{
	struct buf row = {0};
	if (address.n == 0 || address.n > ACCOUNT_ADDRESS_MAX || address.p[0] == '\0')
		return E_BAD;
	int err = read_row(a, false, address, &row);
	if (err == E_OK) {
		struct span kept = arena_span(arena, buf_as_span(&row));
		err = account_row_get(arena_span(arena, address), kept, out) == E_OK
		          ? E_OK
		          : E_IO;
		if (err == E_OK && out->address.n != address.n)
			err = E_IO; /* the arena is full */
	}
	buf_free(&row);
	return err;
}

int
account_verifiers(struct accounts *a, struct span address, struct buf *out)
{
	struct buf row = {0};
	if (!a->may_read_secrets)
		bug("secrets without the right to them");
	int err = read_row(a, true, address, &row);
	if (err == E_OK)
		buf_span(out, buf_as_span(&row));
	buf_wipe(&row);
	return err;
}

int
account_apps(struct accounts *a, struct span address, struct buf *row)
{
	struct buf key = {0};
	if (!a->may_read_secrets)
		bug("secrets without the right to them");
	account_apps_key(address, &key);
	int err = read_row(a, true, buf_as_span(&key), row);
	buf_free(&key);
	return err;
}

/* A row beside the accounts; its key is taken. */
static int
read_beside(struct accounts *a, struct buf *key, struct arena *arena, struct span *out)
{
	struct buf row = {0};
	int err = read_row(a, false, buf_as_span(key), &row);
	if (err == E_OK) {
		*out = arena_span(arena, buf_as_span(&row));
		if (out->n != row.len)
			err = E_IO; /* the arena is full */
	}
	buf_free(key);
	buf_free(&row);
	return err;
}

int
account_alias(
    struct accounts *a, struct span name, struct arena *arena, struct span *targets)
{
	struct buf key = {0};
	if (!name.n || name.n > ACCOUNT_ADDRESS_MAX)
		return E_BAD;
	account_alias_key(name, &key);
	return read_beside(a, &key, arena, targets);
}

int
account_members(
    struct accounts *a, struct span group, struct arena *arena, struct span *members)
{
	struct buf key = {0};
	if (!group.n || group.n > ACCOUNT_ADDRESS_MAX)
		return E_BAD;
	account_group_key(group, &key);
	return read_beside(a, &key, arena, members);
}

int
account_retention(
    struct accounts *a, struct span domain, struct arena *arena, struct span *rules)
{
	struct buf key = {0};
	if (!domain.n || domain.n > ACCOUNT_ADDRESS_MAX)
		return E_BAD;
	account_retention_key(domain, &key);
	return read_beside(a, &key, arena, rules);
}

struct each {
	int (*fn)(void *ctx, const struct account *); /* NULL: no accounts */
	/* rows beside the accounts whose keys begin so, which come before them; NULL: none of these */
	void (*key)(struct span name, struct buf *out);
	int (*beside)(void *ctx, struct span name, struct span row);
	void *ctx;
	bool is_over;
};

static int
on_beside(struct each *e, struct span key, struct span value)
{
	struct buf head = {0};
	if (!e->key)
		return E_OK;
	e->key(SPAN(""), &head);
	bool is_one = span_starts(key, buf_as_span(&head));
	int err = is_one ? e->beside(e->ctx, span_from(key, head.len), value) : E_OK;
	buf_free(&head);
	return err;
}

static int
on_row(void *ctx, struct span key, struct span value)
{
	struct each *e = ctx;
	struct account a;
	if (key.n == 0 || key.p[0] == '\0')
		return on_beside(e, key, value);
	e->is_over = !e->fn;
	if (e->is_over)
		return E_MORE;
	if (account_row_get(key, value, &a) != E_OK)
		return E_IO;
	return e->fn(e->ctx, &a);
}

static int
each_row(struct accounts *a, struct span after, struct each *e)
{
	int err = lock(a);
	if (err != E_OK)
		return err;
	err = a->accounts ? db_file_behind(a->accounts, after, on_row, e) : E_OK;
	unlock(a);
	return e->is_over ? E_OK : err;
}

int
accounts_each(
    struct accounts *a, int (*fn)(void *ctx, const struct account *), void *ctx)
{
	return accounts_behind(a, SPAN(""), fn, ctx);
}

int
accounts_behind(struct accounts *a, struct span after,
    int (*fn)(void *ctx, const struct account *), void *ctx)
{
	return each_row(a, after, &(struct each){.fn = fn, .ctx = ctx});
}

int
account_aliases_each(struct accounts *a,
    int (*fn)(void *ctx, struct span name, struct span targets), void *ctx)
{
	return each_row(a, SPAN(""),
	    &(struct each){.key = account_alias_key, .beside = fn, .ctx = ctx});
}

int
account_retentions_first(struct accounts *a,
    int (*of_domain)(void *ctx, struct span domain, struct span rules),
    int (*of_account)(void *ctx, const struct account *), void *ctx)
{
	return each_row(a, SPAN(""),
	    &(struct each){.fn = of_account,
		.key = account_retention_key,
		.beside = of_domain,
		.ctx = ctx});
}
