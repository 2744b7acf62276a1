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
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "account/usage.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "spool/put.h"
#include "store/directions.h"
#include "store/name.h"
#include "tls/hash.h"

enum { FILE_MODE = 0600, SMALL_MAX = 300 * 1024 };

static const char placed_name[] = "../placed"; /* from new/ */

struct folder {
	char home[ACCOUNT_ADDRESS_MAX + 1];
	int fd; /* own; -1: the place is free */
	uint64_t used;
};

struct source {
	struct job_ref ref;
	struct id id;
	int fd; /* own */
	uint64_t used;
};

static struct {
	int mail, spool; /* own */
	uid_t uid;       /* of the file system, now */
	gid_t gid;
	bool switches; /* there are uids to switch to */
	unsigned slot; /* of the files placed */
	struct folder folders[PLACE_FOLDERS_KEPT];
	struct source sources[PLACE_SOURCES_KEPT];
	uint64_t turn;

	/* what waits for a sync */
	struct {
		int file, folder; /* own; folder borrow: of folders, or own dup */
	} touched[PLACE_SYNC_EACH_MOST];

	unsigned n_touched;
	bool has_more; /* more were placed than are kept: the whole file system then */
	/* the message's bytes, read once for all its recipients */
	struct id held;
	struct buf bytes;
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
	/* queue gives it its owner, maybe later: who starts first makes it */
	if (mkdir(spool, 0750) != 0 && errno != EEXIST)
		log_event(LOG_ERR, "no_directory", "path=%s err=%s", log_qs(spool),
		    log_errno(errno));
	place.spool = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	place.switches = geteuid() == 0;
	/* placers of a daemon are started one after the other */
	place.slot = (unsigned)getpid();
	place.uid = (uid_t)-1;
	place.bytes.max = SMALL_MAX;
	for (size_t i = 0; i < PLACE_FOLDERS_KEPT; i++)
		place.folders[i].fd = -1;
	for (size_t i = 0; i < PLACE_SOURCES_KEPT; i++)
		place.sources[i].fd = -1;
	return E_OK;
}

/* ---- who ---- */

static void
become(uid_t uid, gid_t gid)
{
	if (!place.switches || (uid == place.uid && gid == place.gid))
		return;
	setfsgid(gid);
	setfsuid(uid);
	/* it reports no failure but by what is in force afterwards */
	if ((uid_t)setfsuid((uid_t)-1) != uid)
		bug("setfsuid");
	place.uid = uid;
	place.gid = gid;
}

static void
become_ourselves(void)
{
	become(geteuid(), getegid());
}

/* ---- where from ---- */

static int
source_path(const struct job_in *j, char *out, size_t n)
{
	const char *id = id_text(j->id);
	switch (j->ref.source) {
	case JOB_JOURNAL:
		return snprintf(out, n, "journal/%u", j->ref.segment);
	case JOB_LARGE:
		return snprintf(out, n, "large/%.2s/%s", id, id);
	default:
		return snprintf(out, n, "deferred/%.2s/%s", id, id);
	}
}

static bool
is_source(const struct source *s, const struct job_in *j)
{
	if (s->fd < 0 || s->ref.source != j->ref.source)
		return false;
	return j->ref.source == JOB_JOURNAL ? s->ref.segment == j->ref.segment
	                                    : id_eq(s->id, j->id);
}

/*
 * A segment whose sync failed gets a new file under its name: the old descriptor then has no link.
 */
static bool
is_current(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int
source_open(const struct job_in *j, int *out)
{
	struct source *oldest = &place.sources[0];
	char path[64];
	for (size_t i = 0; i < PLACE_SOURCES_KEPT; i++) {
		struct source *s = &place.sources[i];
		if (is_source(s, j) && is_current(s->fd)) {
			s->used = ++place.turn;
			*out = s->fd;
			return E_OK;
		}
		if (s->used < oldest->used || s->fd < 0)
			oldest = s;
	}
	become_ourselves();
	source_path(j, path, sizeof path);
	int fd = openat(place.spool, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		log_event(
		    LOG_ERR, "no_source", "path=%s err=%s", path, log_errno(errno));
		return E_IO;
	}
	if (oldest->fd >= 0)
		close(oldest->fd);
	*oldest =
	    (struct source){.ref = j->ref, .id = j->id, .fd = fd, .used = ++place.turn};
	*out = fd;
	return E_OK;
}

/*
 * The bytes of a small message, once for all its recipients.  They are compared with their
 * checksum: a job that is late, because this process or its disk stood still, may find the next use
 * of its segment, with the mail of others.
 */
static int
hold_bytes(const struct job_in *j, int source)
{
	unsigned char sum[SHA256_BYTES];
	if (id_eq(place.held, j->id) && place.bytes.len == j->size_bytes)
		return E_OK;
	buf_reset(&place.bytes);
	place.held = (struct id){{0}};
	char *room = buf_room(&place.bytes, j->size_bytes);
	if (!room)
		bug("a large message where a small one is read");
	ssize_t n = pread(source, room, j->size_bytes, (off_t)j->ref.offset);
	if (n != (ssize_t)j->size_bytes)
		return n < 0 ? E_IO : E_BAD;
	buf_added(&place.bytes, (size_t)n);
	sha256(buf_as_span(&place.bytes), sum);
	if (memcmp(sum, j->sha256, sizeof sum) != 0)
		return E_BAD;
	place.held = j->id;
	return E_OK;
}

static int
read_large(const struct job_in *j, int source, uint64_t at,
    int (*fn)(void *ctx, struct span), void *ctx)
{
	static char piece[PLACE_COPY_BY_HAND];
	int err = E_OK;
	while (at < j->size_bytes && err == E_OK) {
		uint64_t left = j->size_bytes - at;
		ssize_t n = pread(source, piece,
		    left < sizeof piece ? (size_t)left : sizeof piece,
		    (off_t)(j->ref.offset + at));
		if (n <= 0)
			return n < 0 ? E_IO : E_BAD;
		err = fn(ctx, span_make(piece, (size_t)n));
		at += (uint64_t)n;
	}
	return err;
}

int
place_read(
    const struct job_in *j, uint64_t at, int (*fn)(void *ctx, struct span), void *ctx)
{
	int source, err = source_open(j, &source);
	if (err != E_OK || at >= j->size_bytes)
		return err;
	if (j->size_bytes > SMALL_MAX)
		return read_large(j, source, at, fn, ctx);
	err = hold_bytes(j, source);
	return err == E_OK ? fn(ctx, span_from(buf_as_span(&place.bytes), (size_t)at))
	                   : err;
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

/* Through our memory: spool and mailboxes are on two file systems.  As copy_file_range. */
static ssize_t
copy_by_hand(int source, off_t *from, int to, size_t most)
{
	static char chunk[PLACE_COPY_BY_HAND];
	ssize_t n =
	    pread(source, chunk, most < sizeof chunk ? most : sizeof chunk, *from);
	if (n > 0)
		n = write(to, chunk,
		    (size_t)n); /* maybe not all: the next piece begins behind it */
	if (n > 0)
		*from += n;
	return n;
}

static ssize_t
copy_piece(int source, off_t *from, int to, size_t most)
{
	ssize_t n = copy_file_range(source, from, to, NULL, most, 0);
	bool is_refused =
	    n < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL);
	return is_refused ? copy_by_hand(source, from, to, most) : n;
}

static int
copy_large(const struct job_in *j, int source, int to)
{
	off_t from = (off_t)j->ref.offset;
	uint64_t left = j->size_bytes;
	while (left) {
		ssize_t n = copy_piece(source, &from, to,
		    left < PLACE_COPY_CHUNK ? (size_t)left : PLACE_COPY_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return E_BAD;
		if (n < 0)
			return E_IO;
		left -= (uint64_t)n;
	}
	return E_OK;
}

static int
fill(const struct job_in *j, int source, int to)
{
	if (j->size_bytes > SMALL_MAX)
		return copy_large(j, source, to);
	int err = hold_bytes(j, source);
	if (err != E_OK)
		return err;
	ssize_t n = write(to, place.bytes.p, place.bytes.len);
	if (n == (ssize_t)place.bytes.len)
		return E_OK;
	if (n >= 0)
		errno =
		    ENOSPC; /* a file takes a part of it when there is no more room */
	return E_IO;
}

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

/* A file that is there: the folder is its owner's, who puts there what he likes.  Else -1. */
static int
open_regular(int folder, const char *path, struct stat *st)
{
	int fd = openat(
	    folder, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || (fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
		return fd;
	close(fd);
	return -1;
}

/* Of as many bytes as there were: its owner may change it meanwhile. */
static void
sum_file(int fd, uint64_t size, unsigned char out[SHA256_BYTES])
{
	static char piece[PLACE_COPY_BY_HAND];
	struct hash *h = hash_new();
	ssize_t n;
	for (uint64_t at = 0; at < size; at += (uint64_t)n) {
		n = pread(fd, piece, sizeof piece, (off_t)at);
		if (n <= 0)
			break;
		hash_add(h, span_make(piece, (size_t)n));
	}
	hash_end(&h, out);
}

/* A file of this name, placed before, that holds what it says; stands at its begin.  Else -1. */
static int
open_whole(int folder, const char *path, const struct file_name *name)
{
	unsigned char sum[SHA256_BYTES];
	struct stat st;
	int fd = open_regular(folder, path, &st);
	if (fd < 0)
		return -1;
	if ((uint64_t)st.st_size == name->size_bytes && st.st_size > 0) {
		sum_file(fd, name->size_bytes, sum);
		if (memcmp(sum, name->sha256, sizeof sum) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

/*
 * Its name is there from the start: who reads new/ takes a file for a message only when its size is
 * right.  One that was placed before, and is whole, is written once more in its place: who placed
 * it may have died before its sync, or the sync failed, and then what is read here need not be on
 * the disk.
 */
static int
create(int folder, const char *path, const struct file_name *name, int *out,
    bool *is_fresh)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW, fresh = O_CREAT | O_EXCL;
	*out = openat(folder, path, flags | fresh, FILE_MODE);
	*is_fresh = *out >= 0;
	if (*is_fresh)
		return E_OK;
	if (errno != EEXIST)
		return E_IO;
	*out = open_whole(folder, path, name);
	if (*out >= 0)
		return E_OK;
	/* a crash left the name before the bytes, or it was taken in just now: they come now */
	if (unlinkat(folder, path, 0) != 0 && errno != ENOENT)
		return E_IO;
	*out = openat(folder, path, flags | fresh, FILE_MODE);
	return *out >= 0 ? E_OK : E_IO;
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
		return fill(c->job, c->source, to);
	int err = write_piece(&to, m->first);
	if (err == E_OK && m->has_rest)
		err = place_read(c->job, m->rest_at, write_piece, &to);
	return err;
}

static int
write_file(const struct content *c, struct folder *f)
{
	struct buf path = {0};
	bool is_fresh;
	int fd;
	file_name_put(&path, &c->name);
	int err = create(f->fd, buf_cstr(&path), &c->name, &fd, &is_fresh);
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

static bool
has_whole(int folder, const struct file_name *name)
{
	struct buf path = {0};
	file_name_put(&path, name);
	int fd = open_whole(folder, buf_cstr(&path), name);
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	return fd >= 0;
}

/*
 * Those that are there are written once more in their place, as messages are, when they are these,
 * or the message is there whole: then a keeper may be reading them.
 *   returns  a descriptor; -1: others are to come
 */
static int
keep_directions(int folder, const char *path, struct span bytes, bool is_placed)
{
	struct buf there = {.max = DIRECTIONS_BYTES_MAX};
	struct directions d;
	struct stat st;
	int fd = open_regular(folder, path, &st);
	bool stays =
	    fd >= 0 && file_read(fd, &there) == E_OK &&
	    (span_eq(buf_as_span(&there), bytes) ||
		(is_placed && directions_get(buf_as_span(&there), &d) == E_OK));
	if (stays)
		stays = lseek(fd, 0, SEEK_SET) == 0 &&
		        file_write(fd, buf_as_span(&there)) == E_OK;
	if (fd >= 0 && !stays) {
		close(fd);
		fd = -1;
	}
	buf_free(&there);
	return fd;
}

/* No message has that id: what a crash leaves under it goes as directions of none. */
static void
other_name_put(struct buf *out, struct file_id id)
{
	for (size_t i = 0; i < sizeof id.b; i++)
		id.b[i] ^= 0xff;
	directions_name_put(out, id);
}

/* A keeper never finds half of them.  A descriptor; -1, errno */
static int
make_directions(int folder, const char *path, struct file_id id, struct span bytes)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_EXCL;
	struct buf other = {0};
	other_name_put(&other, id);
	int fd = openat(folder, buf_cstr(&other), flags, FILE_MODE);
	if (fd < 0 && errno == EEXIST && unlinkat(folder, buf_cstr(&other), 0) == 0)
		fd = openat(folder, buf_cstr(&other), flags, FILE_MODE);
	if (fd >= 0 && (file_write(fd, bytes) != E_OK ||
			   renameat(folder, buf_cstr(&other), folder, path) != 0)) {
		int why = errno;
		close(fd);
		unlinkat(folder, buf_cstr(&other), 0);
		errno = why;
		fd = -1;
	}
	int why = errno;
	buf_free(&other);
	errno = why;
	return fd;
}

static int
write_directions(struct folder *f, const struct file_name *name, struct span bytes)
{
	struct buf path = {0};
	directions_name_put(&path, name->id);
	int fd = keep_directions(f->fd, buf_cstr(&path), bytes, has_whole(f->fd, name));
	if (fd < 0)
		fd = make_directions(f->fd, buf_cstr(&path), name->id, bytes);
	int why = errno;
	if (fd >= 0)
		touch(fd, f->fd);
	buf_free(&path);
	errno = why;
	return fd >= 0 ? E_OK : E_IO;
}

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
	int err = m->has_rest ? place_read(j, m->rest_at, add_to_sum, h) : E_OK;
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
place_content(const struct content *c, const struct target *t, const char **reason)
{
	const struct job_in *j = c->job;
	struct folder *f = folder_open(t);
	int err = f ? E_OK : E_IO;
	if (f)
		become(t->uid, t->gid);
	if (err == E_OK && c->name.is_directed)
		err = write_directions(f, &c->name, c->made->directions);
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
	int err = source_open(j, &c.source);
	return err == E_OK ? place_content(&c, t, reason) : err;
}

int
place_made(const struct job_in *j, const struct target *t, const struct place_made *m,
    const char **reason)
{
	struct content c = {.job = j, .made = m};
	*reason = no_source;
	int err = source_open(j, &c.source);
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
