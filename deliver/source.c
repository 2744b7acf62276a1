/* SPDX-License-Identifier: ISC */
/* source.c - where messages are read from. */
#include "deliver/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "deliver/become.h"
#include "tls/hash.h"

enum { SMALL_MAX = 300 * 1024 };

struct source {
	struct job_ref ref;
	struct id id;
	int fd; /* own */
	uint64_t used;
};

static struct {
	int spool; /* own */
	struct source files[SOURCE_FILES_KEPT];
	uint64_t turn;
	/* the bytes of the last small one */
	struct id held;
	struct buf bytes;
} me;

void
source_open(const char *spool)
{
	/* queue gives it its owner, maybe later: who starts first makes it */
	if (mkdir(spool, 0750) != 0 && errno != EEXIST)
		log_event(LOG_ERR, "no_directory", "path=%s err=%s", log_qs(spool),
		    log_errno(errno));
	me.spool = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	me.bytes.max = SMALL_MAX;
	for (size_t i = 0; i < SOURCE_FILES_KEPT; i++)
		me.files[i].fd = -1;
}

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

int
source_get(const struct job_in *j, int *out)
{
	struct source *oldest = &me.files[0];
	char path[64];
	for (size_t i = 0; i < SOURCE_FILES_KEPT; i++) {
		struct source *s = &me.files[i];
		if (is_source(s, j) && is_current(s->fd)) {
			s->used = ++me.turn;
			*out = s->fd;
			return E_OK;
		}
		if (s->used < oldest->used || s->fd < 0)
			oldest = s;
	}
	become_ourselves();
	source_path(j, path, sizeof path);
	int fd = openat(me.spool, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		log_event(
		    LOG_ERR, "no_source", "path=%s err=%s", path, log_errno(errno));
		return E_IO;
	}
	if (oldest->fd >= 0)
		close(oldest->fd);
	*oldest =
	    (struct source){.ref = j->ref, .id = j->id, .fd = fd, .used = ++me.turn};
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
	if (id_eq(me.held, j->id) && me.bytes.len == j->size_bytes)
		return E_OK;
	buf_reset(&me.bytes);
	me.held = (struct id){{0}};
	char *room = buf_room(&me.bytes, j->size_bytes);
	if (!room)
		bug("a large message where a small one is read");
	ssize_t n = pread(source, room, j->size_bytes, (off_t)j->ref.offset);
	if (n != (ssize_t)j->size_bytes)
		return n < 0 ? E_IO : E_BAD;
	buf_added(&me.bytes, (size_t)n);
	sha256(buf_as_span(&me.bytes), sum);
	if (memcmp(sum, j->sha256, sizeof sum) != 0)
		return E_BAD;
	me.held = j->id;
	return E_OK;
}

static int
read_large(const struct job_in *j, int source, uint64_t at,
    int (*fn)(void *ctx, struct span), void *ctx)
{
	static char piece[SOURCE_COPY_BY_HAND];
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
source_read(
    const struct job_in *j, uint64_t at, int (*fn)(void *ctx, struct span), void *ctx)
{
	int source, err = source_get(j, &source);
	if (err != E_OK || at >= j->size_bytes)
		return err;
	if (j->size_bytes > SMALL_MAX)
		return read_large(j, source, at, fn, ctx);
	err = hold_bytes(j, source);
	return err == E_OK ? fn(ctx, span_from(buf_as_span(&me.bytes), (size_t)at))
	                   : err;
}

/* ---- all of it into a file ---- */

/* Through our memory: spool and mailboxes are on two file systems.  As copy_file_range. */
static ssize_t
copy_by_hand(int source, off_t *from, int to, size_t most)
{
	static char chunk[SOURCE_COPY_BY_HAND];
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
		    left < SOURCE_COPY_CHUNK ? (size_t)left : SOURCE_COPY_CHUNK);
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

int
source_copy(const struct job_in *j, int source, int to)
{
	if (j->size_bytes > SMALL_MAX)
		return copy_large(j, source, to);
	int err = hold_bytes(j, source);
	if (err != E_OK)
		return err;
	ssize_t n = write(to, me.bytes.p, me.bytes.len);
	if (n == (ssize_t)me.bytes.len)
		return E_OK;
	if (n >= 0)
		errno =
		    ENOSPC; /* a file takes a part of it when there is no more room */
	return E_IO;
}
