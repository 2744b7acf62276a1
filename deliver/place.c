/* SPDX-License-Identifier: ISC */
/*
 * place.c - files into mailboxes.  System calls for a message of 4 KB into a mailbox whose new/ is
 * kept open: open, write, close, four to count it (open, pread, pwrite, close), three of setfsuid
 * and setfsgid where the owner changes; fstat and pread once for all recipients of the message.
 */
#include "deliver/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "account/usage.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/become.h"
#include "deliver/newfile.h"
#include "deliver/source.h"
#include "metrics/metric.h"
#include "spool/put.h"
#include "store/name.h"
#include "tls/hash.h"

static const char placed_name[] = "../placed"; /* from new/ */

struct folder {
	char home[ACCOUNT_ADDRESS_MAX + 1];
	int fd; /* own; -1: the place is free */
	uint64_t used;
};

static struct {
	int mail;      /* own */
	unsigned slot; /* of the files placed */
	struct folder folders[PLACE_FOLDERS_KEPT];
	uint64_t turn;

	/* what waits for a sync */
	struct {
		int file, folder; /* own; folder borrow: of folders, or own dup */
	} touched[PLACE_SYNC_EACH_MOST];

	unsigned n_touched;
	bool has_more; /* more were placed than are kept: the whole file system then */
} place;

int
place_open(const struct conf *conf)
{
	const char *mail = conf_str(conf, "common", "mail_dir"),
		   *spool = conf_str(conf, "common", "spool_dir");
	place.mail = open(mail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place.mail < 0) {
		log_event(LOG_CRIT, "no_mail_dir", "dir=%s err=%s", log_qs(mail),
		    log_errno(errno));
		return E_IO;
	}
	source_open(spool);
	become_open();
	/* placers of a daemon are started one after the other */
	place.slot = (unsigned)getpid();
	for (size_t i = 0; i < PLACE_FOLDERS_KEPT; i++)
		place.folders[i].fd = -1;
	return E_OK;
}

/* ---- where to ---- */

static int
open_beneath(const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
	               RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, place.mail, path, &how, sizeof how);
}

static struct folder *
folder_open(const struct target *t)
{
	struct folder *oldest = &place.folders[0];
	char path[ACCOUNT_ADDRESS_MAX + 8];
	for (size_t i = 0; i < PLACE_FOLDERS_KEPT; i++) {
		struct folder *f = &place.folders[i];
		if (f->fd >= 0 && span_eqs(t->home, f->home)) {
			f->used = ++place.turn;
			return f;
		}
		if (f->used < oldest->used)
			oldest = f;
	}
	become(t->uid, t->gid);
	snprintf(path, sizeof path, "%.*s/new", SPAN_ARG(t->home));
	int fd = open_beneath(path);
	if (fd < 0)
		return NULL;
	if (oldest->fd >= 0)
		close(oldest->fd);
	snprintf(oldest->home, sizeof oldest->home, "%.*s", SPAN_ARG(t->home));
	oldest->fd = fd;
	oldest->used = ++place.turn;
	return oldest;
}

static void
folder_forget(struct folder *f)
{
	close(f->fd);
	f->fd = -1;
	f->home[0] = '\0';
	f->used = 0;
}

/* ---- the file ---- */

static const char *
reason_of(int err)
{
	switch (err) {
	case EDQUOT:
		return "4.2.2 mailbox full";
	case ENOSPC:
		return "4.3.1 disk full";
	case ENOENT:
	case ENOTDIR:
		return "4.3.5 the mailbox's directory is missing";
	}
	return "4.3.0 the mailbox cannot be written";
}

/* Descriptors are kept for a sync of each, as long as they are few. */
static void
touch(int file, int folder)
{
	if (place.n_touched == PLACE_SYNC_EACH_MOST) {
		place.has_more = true;
		close(file);
		return;
	}
	place.touched[place.n_touched].file = file;
	place.touched[place.n_touched++].folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
}

/* What is written: the message as it came, or what a script made of it. */
struct content {
	const struct job_in *job;
	int source; /* borrow */
	/* NULL: as it came */
	const struct place_made *made;
	struct file_name name;
};

static int
write_piece(void *ctx, struct span bytes)
{
	return file_write(*(int *)ctx, bytes) == E_OK ? E_OK : E_IO;
}

static int
write_content(const struct content *c, int to)
{
	const struct place_made *m = c->made;
	if (!m || (m->has_rest && m->rest_at == 0 && m->first.n == 0))
		return source_copy(c->job, c->source, to);
	int err = write_piece(&to, m->first);
	if (err == E_OK && m->has_rest)
		err = source_read(c->job, m->rest_at, write_piece, &to);
	return err;
}

static int
write_file(const struct content *c, struct folder *f)
{
	struct buf path = {0};
	bool is_fresh;
	int fd;
	file_name_put(&path, &c->name);
	int err = newfile_create(f->fd, buf_cstr(&path), &c->name, &fd, &is_fresh);
	/* before its bytes: a keeper that finds it whole must find it counted */
	if (err == E_OK && is_fresh)
		placed_add(f->fd, placed_name, place.slot, c->name.size_bytes);
	if (err == E_OK) {
		err = write_content(c, fd);
		int why = errno;
		if (err == E_OK) {
			touch(fd, f->fd);
		} else {
			close(fd);
			unlinkat(f->fd, buf_cstr(&path), 0);
			placed_take_back(
			    f->fd, placed_name, place.slot, c->name.size_bytes);
		}
		errno = why;
	}
	int why = errno;
	buf_free(&path);
	errno = why;
	return err;
}

/* ---- what a script made ---- */

static int
add_to_sum(void *ctx, struct span bytes)
{
	hash_add(ctx, bytes);
	return E_OK;
}

static int
sum_made(const struct job_in *j, const struct place_made *m, struct file_name *out)
{
	uint64_t rest =
	    m->has_rest && m->rest_at < j->size_bytes ? j->size_bytes - m->rest_at : 0;
	struct hash *h = hash_new();
	hash_add(h, m->first);
	int err = m->has_rest ? source_read(j, m->rest_at, add_to_sum, h) : E_OK;
	hash_end(&h, out->sha256);
	out->size_bytes = m->first.n + rest;
	return err;
}

/*
 * Of several the first is named as without scripts: a message that is placed again is the same,
 * whatever became of the script meanwhile.
 */
static int
name_made(const struct job_in *j, const struct target *t, const struct place_made *m,
    struct file_name *out)
{
	struct buf number = {0};
	struct id id = j->id;
	buf_u16(&number, m->number);
	if (m->number)
		id = spool_derived_id(j->id, t->address, "store", buf_as_span(&number));
	buf_free(&number);
	*out = (struct file_name){.id = file_id_of(id, t->tag),
	    .size_bytes = j->size_bytes,
	    .is_junk = j->is_junk,
	    .is_directed = m->directions.n > 0};
	memcpy(out->sha256, j->sha256, sizeof out->sha256);
	if (m->first.n || !m->has_rest || m->rest_at)
		return sum_made(j, m, out);
	return E_OK;
}

static int
place_directions(struct folder *f, const struct file_name *name, struct span bytes)
{
	int fd, err = newfile_directions(f->fd, name, bytes, &fd);
	if (err == E_OK)
		touch(fd, f->fd);
	return err;
}

static int
place_content(const struct content *c, const struct target *t, const char **reason)
{
	const struct job_in *j = c->job;
	struct folder *f = folder_open(t);
	int err = f ? E_OK : E_IO;
	if (f)
		become(t->uid, t->gid);
	if (err == E_OK && c->name.is_directed)
		err = place_directions(f, &c->name, c->made->directions);
	if (err == E_OK)
		err = write_file(c, f);
	if (err == E_OK)
		return E_OK;
	if (err == E_IO)
		*reason = reason_of(errno);
	log_event(LOG_ERR, "not_placed", "mid=%s account=%s why=%s err=%s",
	    id_text(j->id), log_q(t->address), err_name(err), log_errno(errno));
	if (f && err == E_IO)
		folder_forget(f); /* the directory may have been moved or replaced */
	return err;
}

static const char no_source[] = "4.3.0 the spool cannot be read";

int
place_message(const struct job_in *j, const struct target *t, const char **reason)
{
	struct content c = {.job = j,
	    .name = {.id = file_id_of(j->id, t->tag),
		.size_bytes = j->size_bytes,
		.is_junk = j->is_junk}};
	memcpy(c.name.sha256, j->sha256, sizeof c.name.sha256);
	*reason = no_source;
	int err = source_get(j, &c.source);
	return err == E_OK ? place_content(&c, t, reason) : err;
}

int
place_made(const struct job_in *j, const struct target *t, const struct place_made *m,
    const char **reason)
{
	struct content c = {.job = j, .made = m};
	*reason = no_source;
	int err = source_get(j, &c.source);
	if (err == E_OK)
		err = name_made(j, t, m, &c.name);
	return err == E_OK ? place_content(&c, t, reason) : err;
}

bool
place_has_script(const struct target *t)
{
	struct stat st;
	struct folder *f = folder_open(t);
	if (!f)
		return false; /* placing it will say why */
	become(t->uid, t->gid);
	return fstatat(f->fd, "../sieve/active", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- durable ---- */

static int
sync_each(void)
{
	int err = E_OK;
	for (unsigned i = 0; i < place.n_touched; i++)
		if (fdatasync(place.touched[i].file) != 0 ||
		    fsync(place.touched[i].folder) != 0)
			err = E_IO;
	return err;
}

int
place_sync(bool is_all)
{
	int64_t begin = clock_mono_ms(), begun_us = clock_mono_us();
	int err = is_all || place.has_more ? (syncfs(place.mail) == 0 ? E_OK : E_IO)
	                                   : sync_each();
	metric_took(M_DELIVER_CHECKPOINT, begun_us);
	metric_count(M_DELIVER_CHECKPOINTS +
		     (err == E_OK ? METRIC_DONE_OK : METRIC_DONE_FAILED));
	if (err != E_OK)
		log_event(LOG_ALERT, "mail_sync_failed", "err=%s", log_errno(errno));
	for (unsigned i = 0; i < place.n_touched; i++) {
		close(place.touched[i].file);
		close(place.touched[i].folder);
	}
	log_event(LOG_DEBUG, "checkpoint", "files=%u all=%d ms=%lld", place.n_touched,
	    is_all || place.has_more, (long long)(clock_mono_ms() - begin));
	place.n_touched = 0;
	place.has_more = false;
	return err;
}
