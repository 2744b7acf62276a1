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

enum { HEAD_BYTES = 8 + 8 + 1 + MAC_KEY_BYTES + SHA256_BYTES, FILL_CHUNK = 1 << 20 };

static int
open_file(int dir_fd, unsigned number, int flags, struct segment *out)
{
	char name[16];
	struct stat st;
	snprintf(name, sizeof name, "%u", number);
	*out = (struct segment){.number = number,
	    .fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, JOURNAL_READ_MODE)};
	if (out->fd < 0)
		return errno == ENOENT ? E_BAD : E_IO;
	if (fstat(out->fd, &st) != 0 || fchmod(out->fd, JOURNAL_READ_MODE) != 0) {
		close(out->fd);
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

int
segment_fill(struct segment *s, int dir_fd, uint64_t bytes)
{
	char *zeros = mem_new(FILL_CHUNK);
	int err = E_OK;
	for (uint64_t at = s->bytes; at < bytes && err == E_OK;) {
		size_t n = bytes - at < FILL_CHUNK ? (size_t)(bytes - at) : FILL_CHUNK;
		ssize_t put = pwrite(s->fd, zeros, n, (off_t)at);
		if (put > 0)
			at += (uint64_t)put;
		else if (put < 0 && errno != EINTR)
			err = E_IO;
	}
	mem_free(&zeros);
	if (err == E_OK && (fsync(s->fd) != 0 || fsync(dir_fd) != 0))
		err = E_IO;
	if (err == E_OK)
		s->bytes = bytes;
	else
		log_event(LOG_ERR, "segment_not_filled", "segment=%u err=%s", s->number, log_errno(errno));
	return err;
}

/* magic, use, is live, key, SHA-256 of the bytes before: a torn header is no header */
static void
head_put(struct buf *b, uint64_t use, bool is_live, const unsigned char key[MAC_KEY_BYTES])
{
	unsigned char sum[SHA256_BYTES];
	buf_put(b, magic, sizeof magic);
	buf_u64(b, use);
	buf_u8(b, is_live);
	buf_put(b, key, MAC_KEY_BYTES);
	sha256(buf_as_span(b), sum);
	buf_put(b, sum, sizeof sum);
}

static int
head_write(struct segment *s, uint64_t use, bool is_live, const unsigned char key[MAC_KEY_BYTES])
{
	struct buf b = {0};
	head_put(&b, use, is_live, key);
	ssize_t n = pwrite(s->fd, b.p, b.len, 0);
	bool is_whole = n == (ssize_t)b.len;
	buf_free(&b);
	return is_whole ? E_OK : E_IO;
}

int
segment_read_head(struct segment *s)
{
	char head[HEAD_BYTES] = {0};
	unsigned char sum[SHA256_BYTES];
	struct rd r = rd_of(span_make(head, sizeof head));
	s->state = SEGMENT_FREE;
	if (pread(s->fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return E_BAD;
	struct span seen = rd_bytes(&r, sizeof magic);
	uint64_t use = rd_u64(&r);
	bool is_live = rd_u8(&r) == 1;
	struct span key = rd_bytes(&r, MAC_KEY_BYTES);
	sha256(span_make(head, HEAD_BYTES - SHA256_BYTES), sum);
	if (!span_eq(seen, span_make(magic, sizeof magic)) || memcmp(r.in.p, sum, sizeof sum) != 0)
		return E_BAD;
	s->use = use;
	if (!is_live)
		return E_BAD;
	s->state = SEGMENT_LIVE;
	s->mac = mac_new(key.p, key.n);
	s->end = JOURNAL_PAGE;
	return E_OK;
}

int
segment_begin(struct segment *s, uint64_t use)
{
	unsigned char key[MAC_KEY_BYTES];
	random_fill(key, sizeof key);
	mac_free(&s->mac);
	if (head_write(s, use, true, key) != E_OK || fdatasync(s->fd) != 0) {
		log_event(LOG_ALERT, "segment_not_begun", "segment=%u err=%s", s->number, log_errno(errno));
		s->state = SEGMENT_BAD; /* empty: it retires at once, and its name gets a new file */
		s->use = use;
		s->mac = mac_new(key, sizeof key);
		return E_IO;
	}
	s->mac = mac_new(key, sizeof key);
	s->use = use;
	s->end = JOURNAL_PAGE;
	s->batches = 0;
	s->state = SEGMENT_LIVE;
	return E_OK;
}

/* A file whose sync failed is never trusted again: its name gets a new one, empty and not yet written ahead. */
static void
replace_file(struct segment *s, int dir_fd)
{
	char name[16];
	snprintf(name, sizeof name, "%u", s->number);
	unsigned number = s->number;
	segment_close(s);
	if (unlinkat(dir_fd, name, 0) != 0 || segment_create(dir_fd, number, s) != E_OK) {
		log_event(LOG_ERR, "segment_not_replaced", "segment=%u err=%s", number, log_errno(errno));
		*s = (struct segment){.number = number, .fd = -1, .state = SEGMENT_LEFT};
	}
}

void
segment_end(struct segment *s, int dir_fd)
{
	unsigned char none[MAC_KEY_BYTES] = {0};
	if (s->state == SEGMENT_BAD) {
		replace_file(s, dir_fd);
		return;
	}
	mac_free(&s->mac);
	s->state = SEGMENT_FREE;
	/* not synced: were it found live after a crash, it would be replayed, which does no harm */
	if (head_write(s, s->use, false, none) != E_OK)
		log_event(LOG_ERR, "segment_not_ended", "segment=%u err=%s", s->number, log_errno(errno));
}
