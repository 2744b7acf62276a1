/* SPDX-License-Identifier: ISC */
/* newfile.c - what lies in new/ until its keeper takes it in. */
#include "deliver/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/directions.h"
#include "tls/hash.h"

enum { FILE_MODE = 0600, READ_BYTES = 1 << 18 };

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
	static char piece[READ_BYTES];
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
int
newfile_create(int folder, const char *path, const struct file_name *name, int *out,
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

/* ---- directions ---- */

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

int
newfile_directions(
    int folder, const struct file_name *name, struct span bytes, int *out)
{
	struct buf path = {0};
	directions_name_put(&path, name->id);
	*out = keep_directions(folder, buf_cstr(&path), bytes, has_whole(folder, name));
	if (*out < 0)
		*out = make_directions(folder, buf_cstr(&path), name->id, bytes);
	int why = errno;
	buf_free(&path);
	errno = why;
	return *out >= 0 ? E_OK : E_IO;
}
