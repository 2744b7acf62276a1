/* SPDX-License-Identifier: ISC */
/* recall.c - the file of what scripts did before. */
#include "deliver/recall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "tls/hash.h"

enum {
	BUCKET_BYTES = RECALL_BUCKET_SLOTS * RECALL_SLOT_BYTES,
	SUM_BYTES = 8,
};

static const char name[] = "recall";

struct recall_key
recall_key_of(enum recall_kind kind, struct span a, struct span b)
{
	struct buf text = {0};
	unsigned char sum[SHA256_BYTES];
	struct recall_key key;
	buf_u8(&text, (uint8_t)kind);
	buf_bytes(&text, a);
	buf_bytes(&text, b);
	sha256(buf_as_span(&text), sum);
	memcpy(key.b, sum, sizeof key.b);
	buf_free(&text);
	return key;
}

/* ---- a slot ---- */

void
recall_slot_encode(const struct recall_slot *s, unsigned char out[RECALL_SLOT_BYTES])
{
	struct buf b = {0};
	unsigned char sum[SHA256_BYTES];
	buf_put(&b, s->key.b, sizeof s->key.b);
	buf_u64(&b, (uint64_t)s->until_sec);
	buf_u64(&b, (uint64_t)s->since_sec);
	buf_put(&b, s->id.b, sizeof s->id.b);
	sha256(buf_as_span(&b), sum);
	buf_put(&b, sum, SUM_BYTES);
	memcpy(out, b.p, RECALL_SLOT_BYTES);
	buf_free(&b);
}

_Static_assert(
    RECALL_KEY_BYTES + 8 + 8 + (FILE_ID_BYTES) + SUM_BYTES == RECALL_SLOT_BYTES,
    "a slot");

int
recall_slot_decode(const unsigned char in[RECALL_SLOT_BYTES], struct recall_slot *out)
{
	unsigned char again[RECALL_SLOT_BYTES];
	struct rd r = rd_of(span_make(in, RECALL_SLOT_BYTES));
	struct recall_slot s;
	struct span key = rd_bytes(&r, sizeof s.key.b);
	memcpy(s.key.b, key.p, sizeof s.key.b);
	s.until_sec = (int64_t)rd_u64(&r);
	s.since_sec = (int64_t)rd_u64(&r);
	rd_file_id(&r, &s.id);
	recall_slot_encode(&s, again);
	if (memcmp(in, again, sizeof again) != 0)
		return E_BAD;
	*out = s;
	return E_OK;
}

/* ---- the file ---- */

static int
failed(const char *what)
{
	bool is_full = errno == ENOSPC || errno == EDQUOT;
	log_event(is_full ? LOG_WARNING : LOG_ERR, "recall_failed", "what=%s err=%s",
	    what, log_errno(errno));
	return is_full ? E_LIMIT : E_IO;
}

/* What stands there and is no file of ours is never read, and never written. */
static int
open_file(int dir, bool makes, int *out)
{
	struct stat st;
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	*out = openat(dir, name, flags | (makes ? O_CREAT : 0), 0600);
	if (*out < 0)
		return errno == ENOENT && !makes ? E_MORE : failed("open");
	if (fstat(*out, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    st.st_size <= RECALL_BUCKETS * BUCKET_BYTES)
		return E_OK;
	close(*out);
	*out = -1;
	errno = EINVAL;
	return failed("look");
}

static off_t
bucket_at(const struct recall_key *key)
{
	unsigned n = (unsigned)key->b[0] | (unsigned)key->b[1] << 8;
	return (off_t)(n % RECALL_BUCKETS) * BUCKET_BYTES;
}

struct bucket {
	unsigned char bytes[BUCKET_BYTES];
	struct recall_slot slots[RECALL_BUCKET_SLOTS];
	bool is_used[RECALL_BUCKET_SLOTS];
};

static int
read_bucket(int fd, const struct recall_key *key, struct bucket *out)
{
	memset(out->bytes, 0, sizeof out->bytes);
	if (pread(fd, out->bytes, sizeof out->bytes, bucket_at(key)) < 0)
		return failed("read");
	for (size_t i = 0; i < RECALL_BUCKET_SLOTS; i++)
		out->is_used[i] = recall_slot_decode(out->bytes + i * RECALL_SLOT_BYTES,
				      &out->slots[i]) == E_OK;
	return E_OK;
}

/* Of that key, and not over; RECALL_BUCKET_SLOTS: there is none. */
static size_t
find(const struct bucket *b, const struct recall_key *key, int64_t now_sec)
{
	size_t i = 0;
	while (i < RECALL_BUCKET_SLOTS &&
	       !(b->is_used[i] && b->slots[i].until_sec > now_sec &&
		   memcmp(b->slots[i].key.b, key->b, sizeof key->b) == 0))
		i++;
	return i;
}

/* A free one, or the one that is over first. */
static size_t
place_for(const struct bucket *b)
{
	size_t best = 0;
	for (size_t i = 0; i < RECALL_BUCKET_SLOTS; i++) {
		if (!b->is_used[i])
			return i;
		if (b->slots[i].until_sec < b->slots[best].until_sec)
			best = i;
	}
	return best;
}

static int
write_slot(int fd, const struct recall_slot *s, size_t i)
{
	unsigned char bytes[RECALL_SLOT_BYTES];
	recall_slot_encode(s, bytes);
	off_t at = bucket_at(&s->key) + (off_t)(i * RECALL_SLOT_BYTES);
	ssize_t n = pwrite(fd, bytes, sizeof bytes, at);
	if (n >= 0 && n < (ssize_t)sizeof bytes)
		errno = ENOSPC;
	return n == (ssize_t)sizeof bytes ? E_OK : failed("write");
}

static int
change(int dir, const struct recall_slot *s, int64_t now_sec, bool replaces,
    bool is_synced)
{
	static struct bucket b;
	int fd, err = open_file(dir, true, &fd);
	if (err != E_OK)
		return err;
	if (flock(fd, LOCK_EX) != 0)
		err = failed("lock");
	if (err == E_OK)
		err = read_bucket(fd, &s->key, &b);
	size_t i = err == E_OK ? find(&b, &s->key, now_sec) : 0;
	if (err == E_OK && i < RECALL_BUCKET_SLOTS && !replaces)
		err = E_BAD;
	if (err == E_OK)
		err = write_slot(fd, s, i < RECALL_BUCKET_SLOTS ? i : place_for(&b));
	/* its name, too: it may have been made just now */
	if (err == E_OK && is_synced && (fsync(fd) != 0 || fsync(dir) != 0))
		err = failed("sync");
	close(fd);
	return err;
}

int
recall_find(int dir, struct recall_key key, int64_t now_sec, struct recall_slot *out)
{
	static struct bucket b;
	int fd, err = open_file(dir, false, &fd);
	if (err != E_OK)
		return err;
	if (flock(fd, LOCK_SH) != 0)
		err = failed("lock");
	if (err == E_OK)
		err = read_bucket(fd, &key, &b);
	close(fd);
	if (err != E_OK)
		return err;
	size_t i = find(&b, &key, now_sec);
	if (i == RECALL_BUCKET_SLOTS)
		return E_MORE;
	*out = b.slots[i];
	return E_OK;
}

int
recall_claim(int dir, const struct recall_slot *s, int64_t now_sec, bool is_synced)
{
	return change(dir, s, now_sec, false, is_synced);
}

int
recall_put(int dir, const struct recall_slot *s, int64_t now_sec)
{
	return change(dir, s, now_sec, true, false);
}
