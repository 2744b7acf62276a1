/* SPDX-License-Identifier: ISC */
/*
 * takein.c - what placers left in new/ becomes part of INBOX: rows in one transaction (among them "seen", so
 * that a replay brings nothing back), one sync, then each file moves to msg/.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/keeper.h"
#include "tls/hash.h"

enum {
	TAKEIN_SORTED = 8192, /* files put in order of arrival together: 2 MB for a moment */
	TAKEIN_SLICE = 1000,  /* of them in one transaction */
};

struct arrival {
	struct file_name name;
	char text[NAME_NEW_MAX];
	struct store_record record;
	struct timespec placed;
	ino_t inode;
	bool is_new;     /* gets a uid; else it was taken in before and only its file has to move, or go */
	bool is_replay;  /* deleted meanwhile: it goes */
};

static bool
has_sum(int fd, const struct file_name *f)
{
	unsigned char sum[SHA256_BYTES];
	if (f->size_bytes == 0)
		return false;
	void *p = mmap(NULL, f->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	sha256(span_make(p, f->size_bytes), sum);
	munmap(p, f->size_bytes);
	return memcmp(sum, f->sha256, sizeof sum) == 0;
}

/* The whole file is there, as its name says. */
static bool
is_whole(int folder, struct arrival *a)
{
	struct stat st;
	int fd = openat(folder, a->text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == a->name.size_bytes;
	if (ok && the_keeper.checks_sums)
		ok = has_sum(fd, &a->name);
	close(fd);
	a->record.date_sec = (int64_t)st.st_mtim.tv_sec;
	a->placed = st.st_mtim;
	a->inode = st.st_ino;
	if (!ok)
		log_event(LOG_WARNING, "not_taken_in", "file=%s why=\"not whole\"", a->text);
	return ok;
}

static int
judge(struct arrival *a)
{
	bool is_seen, is_known;
	int err = seen_has(&the_keeper.tables, a->name.id, &is_seen);
	if (err == E_OK)
		err = file_is_known(&the_keeper.tables, a->name.id, &is_known);
	if (err != E_OK)
		return err;
	a->is_new = !is_seen && !is_known;
	a->is_replay = is_seen && !is_known;
	return E_OK;
}

static int
read_folder(DIR *d, struct arrival *all, size_t *n)
{
	struct dirent *e;
	int err = E_OK;
	for (*n = 0; *n < TAKEIN_SORTED && err == E_OK && (e = readdir(d));) {
		struct arrival *a = &all[*n];
		*a = (struct arrival){.is_new = false};
		if (e->d_name[0] == '.')
			continue;
		if (strlen(e->d_name) >= sizeof a->text || file_name_parse(span_of(e->d_name), &a->name) != E_OK) {
			log_event(LOG_DEBUG, "not_ours", "file=%s", log_qs(e->d_name));
			continue;
		}
		strcpy(a->text, e->d_name);
		err = judge(a);
		if (err == E_OK && (a->is_replay || is_whole(dirfd(d), a)))
			++*n;
	}
	return err;
}

/*
 * In the order of their coming.  The kernel's clock for files ticks every 4 ms; what a placer wrote within one
 * tick mostly has rising inode numbers.
 */
static int
by_arrival(const void *x, const void *y)
{
	const struct arrival *a = x, *b = y;
	if (a->placed.tv_sec != b->placed.tv_sec)
		return a->placed.tv_sec < b->placed.tv_sec ? -1 : 1;
	if (a->placed.tv_nsec != b->placed.tv_nsec)
		return a->placed.tv_nsec < b->placed.tv_nsec ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static int
add_rows(struct db_txn *txn, struct mailbox *inbox, struct arrival *all, size_t n)
{
	struct tables *t = &the_keeper.tables;
	int64_t now = clock_wall_sec();
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		struct arrival *a = &all[i];
		if (!a->is_new)
			continue;
		a->record.uid = inbox->uidnext++;
		a->record.modseq = ++inbox->modseq;
		a->record.size_bytes = a->name.size_bytes;
		a->record.saved_sec = now;
		a->record.id = a->name.id;
		inbox->messages++;
		inbox->bytes += a->name.size_bytes;
		err = record_put(t, txn, inbox->id, &a->record);
		if (err == E_OK)
			err = file_refer(t, txn, &a->name, now);
		if (err == E_OK)
			err = seen_put(t, txn, a->name.id, now);
	}
	return err == E_OK ? mailbox_put(t, txn, inbox) : err;
}

static int
commit_rows(struct mailbox *inbox, struct arrival *all, size_t n)
{
	struct keeper *k = &the_keeper;
	struct db_txn *txn;
	int err = floor_reserve(&k->floor, inbox->uidnext + (uint32_t)n, inbox->modseq + n);
	if (err == E_OK)
		err = db_begin(k->tables.db, &txn);
	if (err != E_OK)
		return err;
	err = add_rows(txn, inbox, all, n);
	if (err != E_OK) {
		db_abort(&txn);
		return err;
	}
	err = db_commit(&txn);
	return err == E_OK ? db_sync(k->tables.db) : err;
}

static void
move_file(int folder, const struct arrival *a)
{
	struct buf to = {0};
	char sub[16];
	msg_path_put(&to, a->name.id);
	if (renameat(folder, a->text, AT_FDCWD, buf_cstr(&to)) != 0 && errno == ENOENT) {
		snprintf(sub, sizeof sub, "%.6s", buf_cstr(&to)); /* msg/xx */
		if (mkdir(sub, 0700) != 0 || renameat(folder, a->text, AT_FDCWD, buf_cstr(&to)) != 0)
			log_event(LOG_ERR, "not_moved", "file=%s err=%s", a->text, log_errno(errno));
	}
	buf_free(&to);
}

static void
settle(int folder, uint32_t mailbox, const struct arrival *a)
{
	if (a->is_replay) {
		log_event(LOG_INFO, "replay_dropped", "file=%s", a->text);
		unlinkat(folder, a->text, 0);
		return;
	}
	move_file(folder, a);
	if (a->is_new)
		view_add(mailbox, &a->record);
}

static int
takein_slice(int folder, struct mailbox *inbox, struct arrival *all, size_t n)
{
	bool has_new = false;
	int err = E_OK;
	for (size_t i = 0; i < n; i++)
		has_new |= all[i].is_new;
	if (has_new)
		err = commit_rows(inbox, all, n);
	for (size_t i = 0; i < n && err == E_OK; i++)
		settle(folder, inbox->id, &all[i]);
	the_keeper.is_changed |= has_new;
	return err;
}

static int
takein_some(DIR *d, struct mailbox *inbox, struct arrival *all, size_t *n)
{
	int err = read_folder(d, all, n);
	if (err != E_OK)
		return err;
	qsort(all, *n, sizeof *all, by_arrival);
	for (size_t i = 0; i < *n && err == E_OK; i += TAKEIN_SLICE)
		err = takein_slice(dirfd(d), inbox, all + i, *n - i < TAKEIN_SLICE ? *n - i : TAKEIN_SLICE);
	return err;
}

int
takein(void)
{
	struct mailbox inbox;
	struct arrival *all = NULL;
	size_t n = 0, total = 0;
	int err = E_OK;
	do {
		DIR *d = opendir("new");
		if (!d) {
			err = E_IO;
			break;
		}
		if (!all) {
			all = mem_new(TAKEIN_SORTED * sizeof *all);
			err = mailbox_find(&the_keeper.tables, SPAN("INBOX"), &inbox);
		}
		if (err == E_OK)
			err = takein_some(d, &inbox, all, &n);
		closedir(d);
		total += n;
	} while (err == E_OK && n == TAKEIN_SORTED);
	mem_free(&all);
	if (err == E_OK && total)
		err = usage_write(&the_keeper.tables);
	the_keeper.checks_sums = false;
	return err == E_BAD ? E_IO : err;
}
