/* SPDX-License-Identifier: ISC */
/* segment.c - files of the journal. */
#include "queue/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "queue/journal.h"

static const char magic[8] = "MERPJRN1";

enum {
	HEAD_BYTES = 8 + 8 + 1 + 8 + MAC_KEY_BYTES + SHA256_BYTES,
	HEAD_COPY_AT = 2048,
	FILL_CHUNK = 1 << 20
};

static int
open_file(int dir_fd, unsigned number, int flags, struct segment *out)
{
	char name[16];
	struct stat st;
	snprintf(name, sizeof name, "%u", number);
	*out = (struct segment){.number = number,
	    .fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags,
		JOURNAL_READ_MODE)};
	if (out->fd < 0)
		return errno == ENOENT ? E_BAD : E_IO;
	if (fstat(out->fd, &st) != 0 || fchmod(out->fd, JOURNAL_READ_MODE) != 0) {
		close(out->fd);
		out->fd = -1;
		return E_IO;
	}
	out->bytes = (uint64_t)st.st_size;
	return E_OK;
}

int
segment_open(int dir_fd, unsigned number, struct segment *out)
{
	return open_file(dir_fd, number, 0, out);
}

int
segment_create(int dir_fd, unsigned number, struct segment *out)
{
	return open_file(dir_fd, number, O_CREAT, out);
}

void
segment_close(struct segment *s)
{
	mac_free(&s->mac);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static int
fill_some(struct segment *s, uint64_t bytes)
{
	static const char zeros[FILL_CHUNK];
	size_t n =
	    bytes - s->bytes < FILL_CHUNK ? (size_t)(bytes - s->bytes) : FILL_CHUNK;
	ssize_t put = pwrite(s->fd, zeros, n, (off_t)s->bytes);
	if (put < 0 && errno == EINTR)
		return E_MORE;
	if (put <= 0)
		return E_IO;
	sync_file_range(s->fd, (off_t)s->bytes, put,
	    SYNC_FILE_RANGE_WRITE); /* so that the sync has little left */
	s->bytes += (uint64_t)put;
	return s->bytes < bytes ? E_MORE : E_OK;
}

int
segment_fill(struct segment *s, int dir_fd, uint64_t bytes)
{
	int err = fill_some(s, bytes);
	if (err == E_MORE)
		return E_MORE;
	if (err == E_OK && fsync(s->fd) == 0 && fsync(dir_fd) == 0)
		return E_OK;
	int why = errno;
	log_event(LOG_ERR, "segment_not_filled", "segment=%u err=%s", s->number,
	    log_errno(why));
	segment_replace(s, dir_fd);
	errno = why; /* the caller wants to know whether the disk is full */
	return E_IO;
}

/*
 * magic, use, is live, end of the use before, key, SHA-256 of all this: a torn header is no header
 */
static void
head_put(struct buf *b, const struct segment *s, bool is_live,
    const unsigned char key[MAC_KEY_BYTES])
{
	unsigned char sum[SHA256_BYTES];
	buf_put(b, magic, sizeof magic);
	buf_u64(b, s->use);
	buf_u8(b, is_live);
	buf_u64(b, s->before_end);
	buf_put(b, key, MAC_KEY_BYTES);
	sha256(buf_as_span(b), sum);
	buf_put(b, sum, sizeof sum);
}

/* Twice, in sectors of their own: a flipped bit in one must not cost all that the segment holds. */
static int
head_write(struct segment *s, bool is_live, const unsigned char key[MAC_KEY_BYTES])
{
	char page[HEAD_COPY_AT + HEAD_BYTES] = {0};
	struct buf b = {0};
	head_put(&b, s, is_live, key);
	memcpy(page, b.p, HEAD_BYTES);
	memcpy(page + HEAD_COPY_AT, b.p, HEAD_BYTES);
	buf_free(&b);
	return pwrite(s->fd, page, sizeof page, 0) == (ssize_t)sizeof page ? E_OK
	                                                                   : E_IO;
}

/* E_OK: live; E_MORE: free; E_BAD: no head */
static int
head_get(struct segment *s, struct span head)
{
	unsigned char sum[SHA256_BYTES];
	struct rd r = rd_of(head);
	struct span seen = rd_bytes(&r, sizeof magic);
	uint64_t use = rd_u64(&r);
	bool is_live = rd_u8(&r) == 1;
	uint64_t before_end = rd_u64(&r);
	struct span key = rd_bytes(&r, MAC_KEY_BYTES);
	sha256(span_head(head, HEAD_BYTES - SHA256_BYTES), sum);
	if (!span_eq(seen, span_make(magic, sizeof magic)) ||
	    memcmp(r.in.p, sum, sizeof sum) != 0)
		return E_BAD;
	s->use = use;
	s->before_end = before_end;
	if (!is_live)
		return E_MORE;
	s->mac = mac_new(key.p, key.n);
	return E_OK;
}

static bool
is_zero(const char *p, size_t n)
{
	while (n && *p == 0)
		p++, n--;
	return n == 0;
}

int
segment_read_head(struct segment *s)
{
	char page[HEAD_COPY_AT + HEAD_BYTES] = {0};
	if (s->fd < 0)
		return E_BAD; /* left */
	s->state = SEGMENT_FREE;
	if (s->bytes < sizeof page)
		return E_BAD;
	ssize_t n = pread(s->fd, page, sizeof page, 0);
	int err = head_get(s, span_make(page, HEAD_BYTES));
	if (err == E_BAD)
		err = head_get(s, span_make(page + HEAD_COPY_AT, HEAD_BYTES));
	if (err == E_BAD &&
	    (n != (ssize_t)sizeof page || !is_zero(page, sizeof page))) {
		log_event(LOG_ALERT, "segment_head_damaged",
		    "segment=%u do=\"nothing in it can be read; it is not used again\"",
		    s->number);
		s->state = SEGMENT_LEFT;
	}
	if (err != E_OK)
		return E_BAD;
	s->state = SEGMENT_LIVE;
	s->end = JOURNAL_PAGE;
	return E_OK;
}

int
segment_begin(struct segment *s, uint64_t use, uint64_t before_end)
{
	unsigned char key[MAC_KEY_BYTES];
	random_fill(key, sizeof key);
	mac_free(&s->mac);
	s->use = use;
	s->before_end = before_end;
	if (head_write(s, true, key) != E_OK || fdatasync(s->fd) != 0) {
		log_event(LOG_ALERT, "segment_not_begun", "segment=%u err=%s",
		    s->number, log_errno(errno));
		s->state = SEGMENT_BAD;
		return E_IO;
	}
	s->mac = mac_new(key, sizeof key);
	s->end = JOURNAL_PAGE;
	s->batches = 0;
	s->state = SEGMENT_LIVE;
	return E_OK;
}

void
segment_replace(struct segment *s, int dir_fd)
{
	char name[16];
	unsigned number = s->number;
	snprintf(name, sizeof name, "%u", number);
	segment_close(s);
	if (unlinkat(dir_fd, name, 0) == 0 &&
	    segment_create(dir_fd, number, s) == E_OK && fsync(dir_fd) == 0)
		return;
	log_event(LOG_ERR, "segment_not_replaced", "segment=%u err=%s", number,
	    log_errno(errno));
	segment_close(s);
	*s = (struct segment){.number = number, .fd = -1, .state = SEGMENT_LEFT};
}

void
segment_end(struct segment *s, int dir_fd)
{
	static const unsigned char none[MAC_KEY_BYTES];
	mac_free(&s->mac);
	if (s->state == SEGMENT_BAD || head_write(s, false, none) != E_OK ||
	    fdatasync(s->fd) != 0)
		segment_replace(s, dir_fd);
	else
		s->state = SEGMENT_FREE;
}
