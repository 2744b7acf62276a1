/* SPDX-License-Identifier: ISC */
/* large.c - bytes of messages that are too long for the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/files.h"
#include "tls/hash.h"

enum { CHUNK = 256 * 1024, ORPHAN_AGE_SEC = 600 };

int
large_file(const struct files *f, int *out)
{
	*out = openat(f->large, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	if (*out >= 0)
		return fchmod(*out, FILE_MODE) == 0 ? E_OK : E_IO;
	return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

/*
 * By read, not by a map: who holds the file could make it shorter meanwhile.  10 MB take 6 to 8 ms
 * with SHA instructions; a process beside would only move that to the other core of two, so it
 * stays here.
 */
static int
hash_file(int fd, uint64_t bytes, unsigned char sum[SHA256_BYTES])
{
	static char chunk[CHUNK];
	struct hash *h = hash_new();
	uint64_t at = 0;
	while (at < bytes) {
		ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)at);
		if (n <= 0)
			break;
		hash_add(h, span_make(chunk, (size_t)n));
		at += (uint64_t)n;
	}
	hash_end(&h, sum);
	return at == bytes ? E_OK : E_BAD;
}

int
large_check(int fd, const struct envelope *e)
{
	unsigned char sum[SHA256_BYTES];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return E_IO;
	/* one name at most: its own, when it is said again after the spool went away */
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
	    (uint64_t)st.st_size != e->size_bytes || e->size_bytes == 0 ||
	    hash_file(fd, e->size_bytes, sum) != E_OK)
		return E_BAD;
	return memcmp(sum, e->sha256, sizeof sum) == 0 ? E_OK : E_BAD;
}

static bool
is_its_own(const struct files *f, int fd, const char *name)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 &&
	       fstatat(f->large, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * A file of that name that nobody holds is of a batch that did not come to be.  What is made once
 * more under the same id may have other bytes (the time in Received), so it does not count.
 */
int
large_link(const struct files *f, int fd, struct id id)
{
	char name[FILE_NAME_BYTES], from[32];
	file_name(id, name);
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	int err = linkat(AT_FDCWD, from, f->large, name, AT_SYMLINK_FOLLOW);
	if (err != 0 && errno == EEXIST && is_its_own(f, fd, name))
		return E_OK;
	if (err != 0 && errno == EEXIST && unlinkat(f->large, name, 0) == 0)
		err = linkat(AT_FDCWD, from, f->large, name, AT_SYMLINK_FOLLOW);
	if (err == 0)
		return E_OK;
	log_event(LOG_ERR, "large_not_linked", "mid=%s err=%s", id_text(id),
	    log_errno(errno));
	return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

int
large_sync(const struct files *f, struct id id)
{
	if (folder_sync(f->large, id) == E_OK)
		return E_OK;
	log_event(LOG_ALERT, "large_not_synced", "mid=%s err=%s", id_text(id),
	    log_errno(errno));
	return E_IO;
}

int
large_open(const struct files *f, struct id id, int *out)
{
	return file_open(f->large, id, O_RDONLY, out);
}

bool
large_is_there(const struct files *f, struct id id)
{
	return file_is_there(f->large, id);
}

struct sweep {
	const struct files *files;
	bool (*is_held)(struct id);
};

static int
sweep_one(void *ctx, const char *text)
{
	struct sweep *s = ctx;
	struct stat st;
	struct id id;
	char name[FILE_NAME_BYTES];
	if (id_parse(span_of(text), &id) != E_OK || s->is_held(id))
		return E_OK;
	file_name(id, name);
	/* a young one may be one whose client is about to say it again */
	if (fstatat(s->files->large, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    clock_wall_sec() - st.st_ctime < ORPHAN_AGE_SEC)
		return E_OK;
	if (unlinkat(s->files->large, name, 0) == 0)
		log_event(LOG_NOTICE, "orphan_removed", "mid=%s", id_text(id));
	return E_OK;
}

void
large_sweep(const struct files *f, unsigned folder, bool (*is_held)(struct id))
{
	struct sweep s = {f, is_held};
	if (folder_each(f->large, folder, sweep_one, &s) != E_OK)
		log_event(LOG_ERR, "large_not_swept", "folder=%02x err=%s", folder,
		    log_errno(errno));
}
