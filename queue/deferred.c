/* SPDX-License-Identifier: ISC */
/* deferred.c - messages that wait: head, state byte of each recipient, envelope, message. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/files.h"
#include "tls/hash.h"

enum {
	HEAD_BYTES = 8 + 4 + 4 + 8 + SHA256_BYTES,
	TEMPORARY_BYTES = FILE_NAME_BYTES + 4,
	SETTLE_EACH_MOST =
	    8, /* more files than that: the whole file system is synced instead of each */
};

static const char magic[8] = "MERPDEF1";

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

/* Not yet a name that counts: ID.new. */
static void
temporary_name(struct id id, char out[TEMPORARY_BYTES])
{
	char name[FILE_NAME_BYTES];
	file_name(id, name);
	snprintf(out, TEMPORARY_BYTES, "%s.new", name);
}

static int
create(const struct files *f, struct id id, int *out)
{
	char name[TEMPORARY_BYTES];
	temporary_name(id, name);
	unlinkat(f->deferred, name,
	    0); /* what is left of an attempt that failed is not written to again */
	*out = openat(f->deferred, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (*out >= 0)
		return E_OK;
	return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
}

int
deferred_write(const struct files *f, struct span envelope, const uint8_t *states,
    size_t n_states, struct span message)
{
	struct arena arena = {.max_bytes = 0};
	struct envelope e;
	struct buf head = {0};
	int fd = -1;
	if (envelope_get(envelope, &arena, &e) != E_OK)
		bug("an envelope that was accepted");
	if (states && n_states != e.n_rcpts) {
		arena_reset(&arena);
		return E_BAD;
	}
	head_put(&head, e.n_rcpts, envelope, message.n);
	for (uint32_t i = 0; i < e.n_rcpts; i++)
		buf_u8(&head, states ? states[i] : e.rcpts[i].state);
	int err = create(f, e.id, &fd);
	if (err == E_OK)
		err = file_write(fd, buf_as_span(&head));
	if (err == E_OK)
		err = file_write(fd, envelope);
	if (err == E_OK)
		err = file_write(fd, message);
	if (err != E_OK)
		log_event(LOG_ERR, "not_deferred", "mid=%s err=%s", id_text(e.id),
		    log_errno(errno));
	if (fd >= 0)
		close(fd);
	buf_free(&head);
	arena_reset(&arena);
	return err;
}

static int
sync_one(const struct files *f, struct id id)
{
	char name[TEMPORARY_BYTES];
	temporary_name(id, name);
	int fd = openat(f->deferred, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && fdatasync(fd) == 0 ? E_OK : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

static int
name_one(const struct files *f, struct id id)
{
	char name[FILE_NAME_BYTES], temporary[TEMPORARY_BYTES];
	file_name(id, name);
	temporary_name(id, temporary);
	return renameat(f->deferred, temporary, f->deferred, name) == 0 ? E_OK : E_IO;
}

static int
for_all(const struct files *f, const struct id *ids, size_t n,
    int (*fn)(const struct files *, struct id))
{
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = fn(f, ids[i]);
	return err;
}

static int
sync_name(const struct files *f, struct id id)
{
	return folder_sync(f->deferred, id);
}

/* First the bytes, then the names: a name never stands for a file that a power cut left half. */
int
deferred_settle(const struct files *f, const struct id *ids, size_t n)
{
	bool is_many = n > SETTLE_EACH_MOST;
	if (n == 0)
		return E_OK;
	int err = is_many ? files_sync(f) : for_all(f, ids, n, sync_one);
	if (err == E_OK)
		err = for_all(f, ids, n, name_one);
	if (err == E_OK)
		err = is_many ? files_sync(f) : for_all(f, ids, n, sync_name);
	if (err != E_OK)
		log_event(LOG_ALERT, "deferred_not_synced", "messages=%zu err=%s", n,
		    log_errno(errno));
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
	char bytes[HEAD_BYTES] = {0};
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
	    out->n_rcpts > ENVELOPE_RCPTS_MAX ||
	    out->envelope_bytes > ENVELOPE_BYTES_MAX)
		return E_BAD;
	return E_OK;
}

/* Its file, and what its head says.  E_OK: out is the caller's to close */
static int
open_head(const struct files *f, struct id id, int flags, struct head *head, int *out)
{
	int err = file_open(f->deferred, id, flags, out);
	if (err != E_OK)
		return err;
	err = head_read(*out, head);
	if (err != E_OK)
		close(*out);
	return err;
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
	int err = room && pread(fd, room, n, HEAD_BYTES) == (ssize_t)n ? E_OK : E_BAD;
	if (err == E_OK) {
		buf_added(&raw, n);
		struct span envelope = span_from(buf_as_span(&raw), h->n_rcpts);
		head_put(&again, h->n_rcpts, envelope, h->message_bytes);
		struct span sum =
		    span_from(buf_as_span(&again), HEAD_BYTES - SHA256_BYTES);
		err = memcmp(sum.p, h->sum, SHA256_BYTES) == 0
		          ? envelope_get(envelope, &arena, &e)
		          : E_BAD;
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
	int err = open_head(f, id, O_RDONLY, &h, &fd);
	if (err != E_OK)
		return err;
	err = body_read(fd, &h, out);
	close(fd);
	if (err != E_OK) {
		buf_free(&out->envelope);
		return err;
	}
	out->offset = HEAD_BYTES + h.n_rcpts + h.envelope_bytes;
	out->message_bytes = h.message_bytes;
	return E_OK;
}

int
deferred_open(const struct files *f, struct id id, int *out)
{
	return file_open(f->deferred, id, O_RDONLY, out);
}

bool
deferred_is_there(const struct files *f, struct id id)
{
	return file_is_there(f->deferred, id);
}

static int
mark_one(int fd, uint16_t mark)
{
	off_t at = HEAD_BYTES + mark_index(mark);
	uint8_t state;
	if (pread(fd, &state, 1, at) != 1)
		return E_IO;
	uint8_t to = mark_apply(mark, state);
	return to == state || pwrite(fd, &to, 1, at) == 1 ? E_OK : E_IO;
}

int
deferred_mark(const struct files *f, struct id id, const uint16_t *marks, size_t n)
{
	struct head h;
	int fd;
	int err = open_head(f, id, O_RDWR, &h, &fd);
	if (err != E_OK)
		return err;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = mark_index(marks[i]) < h.n_rcpts ? mark_one(fd, marks[i]) : E_IO;
	if (err == E_OK && fdatasync(fd) != 0)
		err = E_IO;
	close(fd);
	return err;
}

/* One byte a recipient: what waits becomes what is held, or the reverse. */
static int
hold_states(int fd, uint32_t n_rcpts, bool is_held)
{
	uint8_t states[ENVELOPE_RCPTS_MAX];
	uint8_t from = is_held ? RCPT_WAITING : RCPT_HELD,
		to = is_held ? RCPT_HELD : RCPT_WAITING;
	if (pread(fd, states, n_rcpts, HEAD_BYTES) != (ssize_t)n_rcpts)
		return E_IO;
	for (uint32_t i = 0; i < n_rcpts; i++)
		if ((states[i] & RCPT_STATES) == from)
			states[i] = to | (states[i] & RCPT_BESIDE);
	return pwrite(fd, states, n_rcpts, HEAD_BYTES) == (ssize_t)n_rcpts &&
	               fdatasync(fd) == 0
	           ? E_OK
	           : E_IO;
}

int
deferred_hold(const struct files *f, struct id id, bool is_held)
{
	struct head h;
	int fd;
	int err = open_head(f, id, O_RDWR, &h, &fd);
	if (err != E_OK)
		return err;
	err = hold_states(fd, h.n_rcpts, is_held);
	close(fd);
	return err;
}

/* What a batch left that did not come to its end: none is under way while names are read. */
static bool
sweep_one(const struct files *f, struct span name)
{
	char temporary[TEMPORARY_BYTES];
	struct id id;
	if (!span_ends(name, SPAN(".new")) ||
	    id_parse(span_head(name, name.n - 4), &id) != E_OK)
		return false;
	temporary_name(id, temporary);
	unlinkat(f->deferred, temporary, 0);
	return true;
}

struct visit {
	const struct files *files;
	int (*fn)(void *ctx, struct id);
	void *ctx;
};

static int
visit_one(void *ctx, const char *name)
{
	struct visit *v = ctx;
	struct id id;
	if (sweep_one(v->files, span_of(name)))
		return E_OK;
	return id_parse(span_of(name), &id) == E_OK ? v->fn(v->ctx, id) : E_OK;
}

int
deferred_each(
    const struct files *f, unsigned folder, int (*fn)(void *ctx, struct id), void *ctx)
{
	struct visit v = {f, fn, ctx};
	return folder_each(f->deferred, folder, visit_one, &v);
}
