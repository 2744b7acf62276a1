/* SPDX-License-Identifier: ISC */
/*
 * writer.c - the one writer of the account table: under a lock, in a transaction, and with table
 * files that are whole before any reader looks again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "account/files.h"
#include "auth/scram.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "db/db.h"
#include "proc/daemon.h"

enum {
	WRITER_CACHE_BYTES = 4 << 20,
	CACHED_CHANGES_MAX = 200,
	LOCK_WAIT_MS = 10000,
	LOCK_STEP_MS = 20,
	DIR_MODE = 0750,
	ROW_MODE = 0640,
	SECRET_MODE = 0600
};

/* Keys that no address can be: they begin with NUL. */
static const char key_uid[] = "\0uid";
static const char key_apps[] = "\0apps";   /* and, behind its NUL, the address */
static const char key_alias[] = "\0alias"; /* and, behind its NUL, the name */
static const char key_retention[] = "\0retention"; /* the same, and the domain */

struct accounts_writer {
	const struct conf *conf;    /* borrow */
	char *path;                 /* own */
	int dir;                    /* own */
	struct account_files files; /* own */
	struct db *db;              /* own */
	struct db_table *accounts, *secrets;
	struct db_txn *txn;
	int err; /* the first failure sticks: nothing is committed */
	unsigned n_changes;
};

static bool is_writing;

bool
account_is_writing(void)
{
	return is_writing;
}

/* ---- the files beside the tables ---- */

int
account_files_open(int dir, bool may_write, struct account_files *out)
{
	int flags = (may_write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
	uint64_t zero = 0;
	struct stat st;
	*out = (struct account_files){.lock = openat(dir, "lock", flags, ROW_MODE),
	    .generation = openat(dir, "generation", flags, ROW_MODE)};
	if (out->lock < 0 || out->generation < 0 || fstat(out->generation, &st) != 0)
		return E_IO;
	if (st.st_size < (off_t)sizeof zero &&
	    (!may_write || pwrite(out->generation, &zero, sizeof zero, 0) < 0))
		return E_IO;
	void *p =
	    mmap(NULL, sizeof zero, may_write ? PROT_READ | PROT_WRITE : PROT_READ,
		MAP_SHARED, out->generation, 0);
	if (p == MAP_FAILED)
		return E_IO;
	out->mapped = p;
	return E_OK;
}

void
account_files_close(struct account_files *f)
{
	if (f->mapped)
		munmap((void *)(uintptr_t)f->mapped, sizeof *f->mapped);
	if (f->lock >= 0)
		close(f->lock);
	if (f->generation >= 0)
		close(f->generation);
	*f = (struct account_files){.lock = -1, .generation = -1};
}

uint64_t
account_generation(const struct account_files *f)
{
	return *f->mapped;
}

/* ---- beginning ---- */

/* Readers hold it for microseconds, another writer for a change: a short poll with an end. */
static int
take_lock(int fd)
{
	int64_t deadline = deadline_in_ms(LOCK_WAIT_MS);
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return E_IO;
		if (deadline_left_ms(deadline) == 0)
			return E_LIMIT;
		nanosleep(&step, NULL);
	}
	return E_OK;
}

static int
open_tables(struct accounts_writer *w)
{
	int err = db_open(w->path, WRITER_CACHE_BYTES, &w->db);
	if (err == E_OK)
		err = db_table_open(w->db, ACCOUNTS_TABLE, true, &w->accounts);
	if (err == E_OK)
		err = db_table_open(w->db, SECRETS_TABLE, true, &w->secrets);
	return err == E_LIMIT ? E_IO : err; /* that is the lock's */
}

static void
writer_free(struct accounts_writer **wp)
{
	struct accounts_writer *w = *wp;
	db_close(&w->db);
	account_files_close(&w->files);
	if (w->dir >= 0)
		close(w->dir);
	mem_free(&w->path);
	mem_free(wp);
}

static struct accounts_writer *
writer_new(const char *path)
{
	struct accounts_writer *w = mem_new(sizeof *w);
	w->path = mem_dup(path);
	w->files = (struct account_files){.lock = -1, .generation = -1};
	w->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w;
}

int
accounts_write_begin(const struct conf *conf, struct accounts_writer **out)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	buf_putf(&path, "%s/accounts", state);
	mode_t old = umask(0027);
	int err = accounts_dir_make(conf);
	struct accounts_writer *w = writer_new(buf_cstr(&path));
	buf_free(&path);
	w->conf = conf;
	if (err == E_OK)
		err = w->dir >= 0 ? account_files_open(w->dir, true, &w->files) : E_IO;
	if (err == E_OK)
		err = take_lock(w->files.lock);
	if (err == E_OK)
		err = open_tables(w); /* recovers what a writer before us left */
	if (err == E_OK)
		err = db_begin(w->db, &w->txn);
	umask(old);
	if (err != E_OK) {
		log_event(LOG_ERR, "accounts_not_opened", "dir=%s why=%s err=%s",
		    log_qs(w->path), err_name(err), log_errno(errno));
		writer_free(&w);
		return err == E_LIMIT ? E_LIMIT : E_IO;
	}
	is_writing = true;
	*out = w;
	return E_OK;
}

/* ---- changing ---- */

static void
count_up(struct accounts_writer *w)
{
	++*w->files.mapped;
	msync((void *)(uintptr_t)w->files.mapped, sizeof *w->files.mapped, MS_SYNC);
}

/*
 * After each change.  Past what surely fits in the cache, pages go to the table files before the
 * end.
 */
static int
stick(struct accounts_writer *w, int err)
{
	if (++w->n_changes >= CACHED_CHANGES_MAX &&
	    account_generation(&w->files) % 2 == 0)
		count_up(w);
	if (err != E_OK && err != E_BAD && w->err == E_OK)
		w->err = err;
	return err;
}

static bool
is_reserved(struct span address)
{
	return address.n && address.p[0] == '\0';
}

/* Of an account whose groups are others from now on; of one that goes: none. */
static int
change_groups(struct accounts_writer *w, struct span address, struct span groups)
{
	struct buf row = {0};
	struct account was = {.groups = SPAN("")};
	int err = stick(w, db_get(w->accounts, w->txn, address, &row));
	if (err == E_OK)
		err = account_row_get(address, buf_as_span(&row), &was);
	/* one that is not as we write it was in none */
	if (err != E_IO && err != E_LIMIT)
		err = account_groups_change(w, address, was.groups, groups);
	buf_free(&row);
	return stick(w, err);
}

int
account_put(struct accounts_writer *w, const struct account *a)
{
	struct buf row = {0};
	if (a->address.n == 0 || a->address.n > ACCOUNT_ADDRESS_MAX ||
	    a->home.n > ACCOUNT_ADDRESS_MAX ||
	    a->identities.n > ACCOUNT_IDENTITIES_MAX ||
	    a->groups.n > ACCOUNT_GROUPS_MAX ||
	    a->retention.n > ACCOUNT_RETENTION_MAX || is_reserved(a->address))
		return E_LIMIT;
	int err = change_groups(w, a->address, a->groups);
	account_row_put(&row, a);
	if (err == E_OK)
		err = stick(
		    w, db_put(w->accounts, w->txn, a->address, buf_as_span(&row)));
	buf_free(&row);
	return err;
}

int
account_secret_put(struct accounts_writer *w, struct span address, struct span password)
{
	uint32_t iterations = account_iterations(w);
	struct buf verifiers = {0};
	int err = scram_verifier_make(
	    SPAN("SCRAM-SHA-256"), password, iterations, &verifiers);
	buf_ch(&verifiers, '\n');
	if (err == E_OK)
		err = scram_verifier_make(
		    SPAN("SCRAM-SHA-1"), password, iterations, &verifiers);
	if (err == E_OK)
		err = stick(
		    w, db_put(w->secrets, w->txn, address, buf_as_span(&verifiers)));
	buf_wipe(&verifiers);
	return err;
}

/* ---- aliases ---- */

void
account_alias_key(struct span name, struct buf *out)
{
	buf_put(out, key_alias, sizeof key_alias);
	buf_span(out, name);
}

/* A row beside the accounts; its key is taken. */
static int
put_beside(struct accounts_writer *w, struct buf *key, struct span row)
{
	int err = stick(w, db_put(w->accounts, w->txn, buf_as_span(key), row));
	buf_free(key);
	return err;
}

static int
del_beside(struct accounts_writer *w, struct buf *key)
{
	int err = stick(w, db_del(w->accounts, w->txn, buf_as_span(key)));
	buf_free(key);
	return err;
}

int
account_alias_put(struct accounts_writer *w, struct span name, struct span targets)
{
	struct buf key = {0};
	if (!name.n || name.n > ACCOUNT_ADDRESS_MAX || targets.n > ACCOUNT_ALIAS_MAX)
		return E_LIMIT;
	account_alias_key(name, &key);
	return put_beside(w, &key, targets);
}

int
account_alias_del(struct accounts_writer *w, struct span name)
{
	struct buf key = {0};
	account_alias_key(name, &key);
	return del_beside(w, &key);
}

/* ---- rules of retention of domains ---- */

void
account_retention_key(struct span domain, struct buf *out)
{
	buf_put(out, key_retention, sizeof key_retention);
	buf_span(out, domain);
}

int
account_retention_put(struct accounts_writer *w, struct span domain, struct span rules)
{
	struct buf key = {0};
	if (!domain.n || domain.n > ACCOUNT_ADDRESS_MAX ||
	    rules.n > ACCOUNT_RETENTION_MAX)
		return E_LIMIT;
	account_retention_key(domain, &key);
	return put_beside(w, &key, rules);
}

int
account_retention_del(struct accounts_writer *w, struct span domain)
{
	struct buf key = {0};
	account_retention_key(domain, &key);
	return del_beside(w, &key);
}

/* ---- groups ---- */

int
account_members_get(struct accounts_writer *w, struct span key, struct buf *row)
{
	return stick(w, db_get(w->accounts, w->txn, key, row));
}

/* Of nobody: there is none. */
int
account_members_put(struct accounts_writer *w, struct span key, struct span row)
{
	return stick(w, row.n ? db_put(w->accounts, w->txn, key, row)
			      : db_del(w->accounts, w->txn, key));
}

/* ---- app passwords ---- */

void
account_apps_key(struct span address, struct buf *out)
{
	buf_put(out, key_apps, sizeof key_apps);
	buf_span(out, address);
}

int
account_apps_get(struct accounts_writer *w, struct span address, struct buf *row)
{
	struct buf key = {0};
	account_apps_key(address, &key);
	int err = stick(w, db_get(w->secrets, w->txn, buf_as_span(&key), row));
	buf_free(&key);
	return err;
}

int
account_apps_put(struct accounts_writer *w, struct span address, struct span row)
{
	struct buf key = {0};
	account_apps_key(address, &key);
	int err = stick(w, db_put(w->secrets, w->txn, buf_as_span(&key), row));
	buf_free(&key);
	return err;
}

int
account_apps_del(struct accounts_writer *w, struct span address)
{
	struct buf key = {0};
	account_apps_key(address, &key);
	int err = stick(w, db_del(w->secrets, w->txn, buf_as_span(&key)));
	buf_free(&key);
	return err;
}

uint32_t
account_iterations(const struct accounts_writer *w)
{
	return (uint32_t)conf_int(w->conf, "common", "scram_iterations");
}

int
account_remove(struct accounts_writer *w, struct span address)
{
	if (is_reserved(address))
		return E_BAD; /* or a uid would be given twice */
	int err = change_groups(w, address, SPAN(""));
	if (err != E_OK)
		return err;
	err = stick(w, db_del(w->accounts, w->txn, address));
	int secret = stick(w, db_del(w->secrets, w->txn, address));
	int apps = account_apps_del(w, address);
	if (apps != E_OK && apps != E_BAD)
		return apps;
	return err == E_OK && secret != E_BAD ? secret : err;
}

int
account_uid_new(struct accounts_writer *w, uid_t *out)
{
	int64_t first = conf_int(w->conf, "common", "uid_first"),
		last = conf_int(w->conf, "common", "uid_last");
	struct buf row = {0};
	struct span key = span_make(key_uid, sizeof key_uid);
	int64_t next = first;
	int err = stick(w, db_get(w->accounts, w->txn, key, &row));
	if (err == E_OK) {
		struct rd r = rd_of(buf_as_span(&row));
		int64_t highest = rd_u32(&r); /* survives the removal of who had it */
		next = highest + 1 > first ? highest + 1 : first;
	}
	if (err == E_OK || err == E_BAD)
		err = next > last ? E_LIMIT : E_OK;
	buf_reset(&row);
	buf_u32(&row, (uint32_t)next);
	if (err == E_OK)
		err = stick(w, db_put(w->accounts, w->txn, key, buf_as_span(&row)));
	buf_free(&row);
	*out = (uid_t)next;
	return err;
}

/* ---- ending ---- */

/*
 * Root made the files: they belong to the auth process, and the look-ups' group reads the one
 * table.
 */
static void
give_away(struct accounts_writer *w)
{
	static const char *const shared[] = {
	    ACCOUNTS_TABLE, "lock", "generation", "srs"};
	uid_t uid;
	gid_t gid;
	if (geteuid() != 0 || !w->conf ||
	    daemon_user(w->conf, USER_AUTH, &uid, &gid) != E_OK)
		return;
	int failed = fchown(w->dir, uid, gid) != 0 || fchmod(w->dir, DIR_MODE) != 0;
	DIR *d = fdopendir(dup(w->dir));
	for (struct dirent *e; d && (e = readdir(d));) {
		bool is_shared = false;
		if (e->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < COUNT(shared); i++)
			is_shared |= strcmp(e->d_name, shared[i]) == 0;
		failed |=
		    fchownat(w->dir, e->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
		    fchmodat(
			w->dir, e->d_name, is_shared ? ROW_MODE : SECRET_MODE, 0) != 0;
	}
	if (d)
		closedir(d);
	if (failed)
		log_event(LOG_ERR, "accounts_not_given", "dir=%s err=%s",
		    log_qs(w->path), log_errno(errno));
}

int
accounts_write_end(struct accounts_writer **wp)
{
	struct accounts_writer *w = *wp;
	int told = w->err, err;
	if (told != E_OK) {
		db_abort(&w->txn);
		/* pages of it may have been written: they are put right as for a change */
		err = account_generation(&w->files) % 2 ? E_OK : told;
	} else {
		err = db_commit(&w->txn);
	}
	if (err == E_OK)
		err = db_sync(w->db);
	/* durable from here on; only now are the table files touched */
	bool is_half = account_generation(&w->files) % 2;
	if (err == E_OK && !is_half)
		count_up(w);
	if (err == E_OK)
		err = db_checkpoint(w->db, 0);
	if (err == E_OK)
		db_close(&w->db);
	else
		db_abandon(&w->db);
	if (err == E_OK)
		count_up(w);
	give_away(w);
	is_writing = false;
	writer_free(wp);
	return told != E_OK ? told : err;
}

void
account_recover(const char *dir)
{
	struct accounts_writer *w = writer_new(dir);
	int err = w->dir >= 0 ? account_files_open(w->dir, true, &w->files) : E_IO;
	if (err == E_OK)
		err = take_lock(w->files.lock);
	if (err == E_OK && account_generation(&w->files) % 2) {
		err = open_tables(w);
		db_close(&w->db);
		if (err == E_OK)
			count_up(w);
		log_event(LOG_NOTICE, "accounts_recovered", "dir=%s result=%s",
		    log_qs(dir), err_name(err));
	}
	writer_free(&w);
}
