/* SPDX-License-Identifier: ISC */
/* files.c - large, deferred and damaged messages. */
#include "queue/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tls/hash.h"

enum { FOLDERS = 256, DIR_MODE = 0750, FILE_MODE = 0640, DEFERRED_HEAD_BYTES = 8 + 4 + 4 + 8 + SHA256_BYTES };

static const char magic[8] = "MERPDEF1";

/* ---- directories and names ---- */

static void
name_of(struct id id, char out[ID_TEXT + 4])
{
	const char *text = id_text(id);
	snprintf(out, ID_TEXT + 4, "%.2s/%s", text, text);
}

static int
open_dir(int at, const char *name, int *out)
{
	if (mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
		return E_IO;
	*out = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *out >= 0 ? E_OK : E_IO;
}

static int
make_folders(int at)
{
	char name[4];
	if (faccessat(at, "ff", F_OK, 0) == 0)
		return E_OK;
	for (unsigned i = 0; i < FOLDERS; i++) {
		snprintf(name, sizeof name, "%02x", i);
		if (mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
			return E_IO;
	}
	return fsync(at) == 0 ? E_OK : E_IO;
}

int
files_open(const char *spool_dir, struct files *out)
{
	int journal = -1;
	*out = (struct files){-1, -1, -1, -1};
	out->dir = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = out->dir >= 0 ? E_OK : E_IO;
	if (err == E_OK)
		err = open_dir(out->dir, "large", &out->large);
	if (err == E_OK)
		err = open_dir(out->dir, "deferred", &out->deferred);
	if (err == E_OK)
		err = open_dir(out->dir, "corrupt", &out->corrupt);
	if (err == E_OK)
		err = open_dir(out->dir, "journal", &journal);
	if (err == E_OK)
		err = make_folders(out->large);
	if (err == E_OK)
		err = make_folders(out->deferred);
	if (err == E_OK && fsync(out->dir) != 0)
		err = E_IO;
	if (err != E_OK)
		log_event(LOG_CRIT, "no_spool", "dir=%s err=%s", log_qs(spool_dir), log_errno(errno));
	if (journal >= 0)
		close(journal);
	return err;
}

int
files_sync(const struct files *f)
{
	if (syncfs(f->dir) == 0)
		return E_OK;
	log_event(LOG_ALERT, "spool_sync_failed", "err=%s", log_errno(errno));
	return E_IO;
}

static int
open_named(int at, struct id id, int flags, int *out)
{
	char name[ID_TEXT + 4];
	name_of(id, name);
	*out = openat(at, name, flags | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (*out >= 0)
		return E_OK;
	return errno == ENOENT ? E_BAD : errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

/* ---- large ---- */

int
large_file(const struct files *f, int *out)
{
	*out = openat(f->large, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	if (*out >= 0)
		return fchmod(*out, FILE_MODE) == 0 ? E_OK : E_IO;
	return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

int
large_check(int fd, const struct envelope *e)
{
	unsigned char sum[SHA256_BYTES];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return E_IO;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size_bytes || e->size_bytes == 0)
		return E_BAD;
	void *p = mmap(NULL, e->size_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return E_IO;
	sha256(span_make(p, e->size_bytes), sum);
	munmap(p, e->size_bytes);
	return memcmp(sum, e->sha256, sizeof sum) == 0 ? E_OK : E_BAD;
}

static int
sync_folder(int at, struct id id)
{
	char name[4];
	snprintf(name, sizeof name, "%.2s", id_text(id));
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && fsync(fd) == 0 ? E_OK : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

int
large_link(const struct files *f, int fd, struct id id)
{
	char name[ID_TEXT + 4], from[32];
	name_of(id, name);
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	if ((linkat(AT_FDCWD, from, f->large, name, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST) &&
	    sync_folder(f->large, id) == E_OK)
		return E_OK;
	log_event(LOG_ERR, "large_not_linked", "id=%s err=%s", id_text(id), log_errno(errno));
	return E_IO;
}

int
large_open(const struct files *f, struct id id, int *out)
{
	return open_named(f->large, id, O_RDONLY, out);
}

/* ---- deferred ---- */

/* magic, recipients, envelope bytes, message bytes, SHA-256 of these and of the envelope */
static void
head_put(struct buf *b, uint32_t n_rcpts, struct span envelope, uint64_t message_bytes)
{
	struct hash *h = hash_new();
	unsigned char sum[SHA256_BYTES];
	buf_put(b, magic, sizeof magic);
	buf_u32(b, n_rcpts);
	buf_u32(b, (uint32_t)envelope.n);
	buf_u64(b, message_bytes);
	hash_add(h, buf_as_span(b));
	hash_add(h, envelope);
	hash_end(&h, sum);
	buf_put(b, sum, sizeof sum);
}

static int
write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
		s = span_from(s, (size_t)n);
	}
	return E_OK;
}

int
deferred_write(const struct files *f, struct span envelope, const uint8_t *states, struct span message)
{
	struct arena arena = {.max_bytes = 0};
	struct envelope e;
	struct buf head = {0};
	char name[ID_TEXT + 4], temporary[ID_TEXT + 8];
	int fd = -1;
	if (envelope_get(envelope, &arena, &e) != E_OK)
		bug("an envelope that was accepted");
	name_of(e.id, name);
	snprintf(temporary, sizeof temporary, "%s.new", name);
	head_put(&head, e.n_rcpts, envelope, message.n);
	for (uint32_t i = 0; i < e.n_rcpts; i++)
		buf_u8(&head, states ? states[i] : e.rcpts[i].state);
	fd = openat(f->deferred, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int err = fd >= 0 ? E_OK : E_IO;
	if (err == E_OK)
		err = write_all(fd, buf_as_span(&head));
	if (err == E_OK)
		err = write_all(fd, envelope);
	if (err == E_OK)
		err = write_all(fd, message);
	if (err == E_OK && (fdatasync(fd) != 0 || renameat(f->deferred, temporary, f->deferred, name) != 0))
		err = E_IO;
	if (err != E_OK)
		log_event(LOG_ERR, "not_deferred", "id=%s err=%s", id_text(e.id), log_errno(errno));
	if (fd >= 0)
		close(fd);
	buf_free(&head);
	arena_reset(&arena);
	return err;
}

struct head {
	uint32_t n_rcpts, envelope_bytes;
	uint64_t message_bytes;
	unsigned char sum[SHA256_BYTES];
};

static int
head_read(int fd, struct head *out)
{
	char bytes[DEFERRED_HEAD_BYTES] = {0};
	struct rd r = rd_of(span_make(bytes, sizeof bytes));
	if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return E_BAD;
	struct span seen = rd_bytes(&r, sizeof magic);
	out->n_rcpts = rd_u32(&r);
	out->envelope_bytes = rd_u32(&r);
	out->message_bytes = rd_u64(&r);
	struct span sum = rd_bytes(&r, sizeof out->sum);
	memcpy(out->sum, sum.p, sum.n);
	if (rd_end(&r) != E_OK || !span_eq(seen, span_make(magic, sizeof magic)) ||
	    out->n_rcpts > ENVELOPE_RCPTS_MAX || out->envelope_bytes > ENVELOPE_BYTES_MAX)
		return E_BAD;
	return E_OK;
}

/* The envelope, checked, with the recipients' states as they are now. */
static int
body_read(int fd, const struct head *h, struct deferred *out)
{
	struct buf raw = {0}, again = {0};
	struct arena arena = {.max_bytes = 0};
	struct envelope e;
	size_t n = h->n_rcpts + h->envelope_bytes;
	char *room = buf_room(&raw, n);
	int err = room && pread(fd, room, n, DEFERRED_HEAD_BYTES) == (ssize_t)n ? E_OK : E_BAD;
	if (err == E_OK) {
		buf_added(&raw, n);
		struct span envelope = span_from(buf_as_span(&raw), h->n_rcpts);
		head_put(&again, h->n_rcpts, envelope, h->message_bytes);
		struct span sum = span_from(buf_as_span(&again), DEFERRED_HEAD_BYTES - SHA256_BYTES);
		err = memcmp(sum.p, h->sum, SHA256_BYTES) == 0 ? envelope_get(envelope, &arena, &e) : E_BAD;
	}
	if (err == E_OK && e.n_rcpts != h->n_rcpts)
		err = E_BAD;
	if (err == E_OK) {
		for (uint32_t i = 0; i < e.n_rcpts; i++)
			e.rcpts[i].state = (uint8_t)raw.p[i];
		envelope_put(&out->envelope, &e);
	}
	buf_free(&raw);
	buf_free(&again);
	arena_reset(&arena);
	return err;
}

int
deferred_read(const struct files *f, struct id id, struct deferred *out)
{
	struct head h;
	int fd;
	*out = (struct deferred){.offset = 0};
	int err = open_named(f->deferred, id, O_RDONLY, &fd);
	if (err != E_OK)
		return err;
	err = head_read(fd, &h);
	if (err == E_OK)
		err = body_read(fd, &h, out);
	close(fd);
	if (err != E_OK) {
		buf_free(&out->envelope);
		return err;
	}
	out->offset = DEFERRED_HEAD_BYTES + h.n_rcpts + h.envelope_bytes;
	out->message_bytes = h.message_bytes;
	return E_OK;
}

int
deferred_open(const struct files *f, struct id id, int *out)
{
	return open_named(f->deferred, id, O_RDONLY, out);
}

bool
deferred_is_there(const struct files *f, struct id id)
{
	char name[ID_TEXT + 4];
	name_of(id, name);
	return faccessat(f->deferred, name, F_OK, 0) == 0;
}

int
deferred_mark(const struct files *f, struct id id, const uint16_t *which, size_t n)
{
	struct head h;
	uint8_t done = RCPT_DONE;
	int fd;
	int err = open_named(f->deferred, id, O_RDWR, &fd);
	if (err != E_OK)
		return err;
	err = head_read(fd, &h);
	for (size_t i = 0; i < n && err == E_OK; i++)
		if (which[i] >= h.n_rcpts || pwrite(fd, &done, 1, DEFERRED_HEAD_BYTES + which[i]) != 1)
			err = E_IO;
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	close(fd);
	return err;
}

void
message_files_remove(const struct files *f, struct id id)
{
	char name[ID_TEXT + 4];
	name_of(id, name);
	unlinkat(f->deferred, name, 0);
	unlinkat(f->large, name, 0);
}

static int
each_in(int folder, int (*fn)(void *ctx, struct id), void *ctx)
{
	DIR *d = fdopendir(folder);
	int err = d ? E_OK : E_IO;
	struct id id;
	for (struct dirent *e; err == E_OK && (e = readdir(d));)
		if (id_parse(span_of(e->d_name), &id) == E_OK)
			err = fn(ctx, id);
	if (d)
		closedir(d);
	return err;
}

int
deferred_each(const struct files *f, int (*fn)(void *ctx, struct id), void *ctx)
{
	int err = E_OK;
	char name[4];
	for (unsigned i = 0; i < FOLDERS && err == E_OK; i++) {
		snprintf(name, sizeof name, "%02x", i);
		int fd = openat(f->deferred, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		err = fd >= 0 ? each_in(fd, fn, ctx) : E_IO;
	}
	return err;
}

/* ---- corrupt ---- */

void
corrupt_put(const struct files *f, const char *name, struct span bytes)
{
	int fd = openat(f->corrupt, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || write_all(fd, bytes) != E_OK || fsync(fd) != 0)
		log_event(LOG_ERR, "not_put_aside", "name=%s err=%s", name, log_errno(errno));
	if (fd >= 0)
		close(fd);
}

void
corrupt_move(const struct files *f, struct id id)
{
	char name[ID_TEXT + 4];
	name_of(id, name);
	if (renameat(f->deferred, name, f->corrupt, id_text(id)) != 0)
		renameat(f->large, name, f->corrupt, id_text(id));
}
