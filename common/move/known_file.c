/* SPDX-License-Identifier: ISC */
/* known_file.c - the files import/HASH of a mailbox. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "move/known.h"
#include "tls/hash.h"

enum { HASH_BYTES_USED = 16 };

static const char folder_name[] = "import";

void
known_path(struct buf *out, struct span source, struct span folder)
{
	unsigned char sum[SHA256_BYTES];
	struct buf b = {0};
	buf_bytes(&b, source);
	buf_bytes(&b, folder);
	sha256(buf_as_span(&b), sum);
	buf_putf(out, "%s/", folder_name);
	buf_hex(out, span_make(sum, HASH_BYTES_USED));
	buf_free(&b);
}

int
known_load(const char *path, struct buf *out)
{
	struct stat st;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? E_BAD : E_IO;
	buf_reset(out);
	out->max = KNOWN_BYTES_MAX;
	char *room = fstat(fd, &st) == 0 ? buf_room(out, (size_t)st.st_size + 1) : NULL;
	for (off_t at = 0;
	     room && (n = pread(fd, room + at, (size_t)(st.st_size - at), at)) > 0;
	     at += n)
		buf_added(out, (size_t)n);
	close(fd);
	return room && n == 0 ? E_OK : E_IO;
}

static int
sync_folder(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd >= 0 && fsync(fd) == 0 ? E_OK : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

static int
failed(const char *path)
{
	log_event(LOG_ERR, "not_noted", "file=%s err=%s", path, log_errno(errno));
	return E_IO;
}

int
known_replace(const char *path, struct span text)
{
	struct buf new = {0};
	buf_putf(&new, "%s.new", path);
	bool is_new = mkdir(folder_name, 0700) == 0;
	if ((!is_new && errno != EEXIST) || (is_new && sync_folder(".") != E_OK))
		return failed(folder_name);
	int fd = open(buf_cstr(&new),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd >= 0 ? file_write(fd, text) : E_IO;
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	if (fd >= 0)
		close(fd);
	if (err == E_OK && rename(buf_cstr(&new), path) != 0)
		err = E_IO;
	if (err == E_OK)
		err = sync_folder(folder_name);
	buf_free(&new);
	return err == E_OK ? E_OK : failed(path);
}

int
known_append(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 ? file_write(fd, text) : E_IO;
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	if (fd >= 0)
		close(fd);
	return err == E_OK ? E_OK : failed(path);
}
