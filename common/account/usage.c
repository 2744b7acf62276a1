/* SPDX-License-Identifier: ISC */
/* usage.c - the files usage and placed: written, read, and added up. */
#include "account/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

/*
 * They are their user's, who may put anything there: no link is followed, and no pipe waited for.
 */
enum { OPEN_FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, PLACED_MODE = 0644 };

/* ---- usage ---- */

void
usage_put(struct buf *out, const struct usage_noted *u)
{
	buf_putf(out, "%llu %llu %llu %llu %llu %llu %llu %llu\n",
	    (unsigned long long)u->sum.bytes, (unsigned long long)u->sum.messages,
	    (unsigned long long)u->noted.bytes, (unsigned long long)u->noted.messages,
	    (unsigned long long)u->own_limits.bytes,
	    (unsigned long long)u->own_limits.messages,
	    (unsigned long long)u->kept.bytes, (unsigned long long)u->kept.messages);
}

uint64_t
limit_least(uint64_t a, uint64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

int
usage_read(int dir, const char *path, struct usage_noted *out)
{
	char text[USAGE_TEXT_MAX];
	unsigned long long n[8] = {0};
	*out = (struct usage_noted){.sum = {0}};
	int fd = openat(dir, path, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return E_BAD;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	if (sscanf(text, "%llu %llu %llu %llu %llu %llu %llu %llu", &n[0], &n[1], &n[2],
		&n[3], &n[4], &n[5], &n[6], &n[7]) < 2)
		return E_BAD; /* with two nothing was noted yet */
	*out = (struct usage_noted){.sum = {n[0], n[1]},
	    .noted = {n[2], n[3]},
	    .own_limits = {n[4], n[5]},
	    .kept = {n[6], n[7]}};
	return E_OK;
}

static uint64_t
with_more(uint64_t sum, uint64_t placed, uint64_t noted)
{
	uint64_t more = placed > noted ? placed - noted : 0;
	return more > UINT64_MAX - sum ? UINT64_MAX : sum + more;
}

struct usage
usage_now(const struct usage_noted *u, struct usage placed)
{
	return (struct usage){
	    .bytes = with_more(u->sum.bytes, placed.bytes, u->noted.bytes),
	    .messages = with_more(u->sum.messages, placed.messages, u->noted.messages)};
}

/* ---- placed ---- */

static struct usage
slot_get(struct rd *r)
{
	uint64_t bytes = rd_u64(r);
	return (struct usage){.bytes = bytes, .messages = rd_u64(r)};
}

struct usage
placed_read(int dir, const char *path)
{
	char slots[PLACED_SLOTS * PLACED_SLOT_BYTES + 1];
	struct usage sum = {0};
	int fd = openat(dir, path, O_RDONLY | OPEN_FLAGS);
	if (fd < 0)
		return sum;
	ssize_t n = read(fd, slots, sizeof slots);
	close(fd);
	if (n <= 0 || n == sizeof slots || n % PLACED_SLOT_BYTES != 0)
		return sum;
	struct rd r = rd_of(span_make(slots, (size_t)n));
	while (r.in.n) {
		struct usage u = slot_get(&r);
		sum.bytes += u.bytes;
		sum.messages += u.messages;
	}
	return sum;
}

/* Taken back is at most what is there: the file may have been lost meanwhile. */
static uint64_t
moved(uint64_t sum, uint64_t by, bool is_back)
{
	if (is_back)
		return sum > by ? sum - by : 0;
	return sum + by;
}

static void
slot_move(int dir, const char *path, unsigned slot, uint64_t bytes, bool is_back)
{
	char raw[PLACED_SLOT_BYTES] = {0};
	struct buf b = {.max = sizeof raw};
	off_t at = (off_t)(slot % PLACED_SLOTS) * PLACED_SLOT_BYTES;
	int fd = openat(dir, path, O_RDWR | O_CREAT | OPEN_FLAGS, PLACED_MODE);
	if (fd < 0)
		return;
	bool is_read = pread(fd, raw, sizeof raw, at) >= 0;
	struct rd r = rd_of(span_make(raw, sizeof raw));
	struct usage u = slot_get(&r);
	buf_u64(&b, moved(u.bytes, bytes, is_back));
	buf_u64(&b, moved(u.messages, 1, is_back));
	if (!is_read || pwrite(fd, b.p, b.len, at) != (ssize_t)b.len)
		log_event(LOG_DEBUG, "not_counted", "err=%s", log_errno(errno));
	buf_free(&b);
	close(fd);
}

void
placed_add(int dir, const char *path, unsigned slot, uint64_t bytes)
{
	slot_move(dir, path, slot, bytes, false);
}

void
placed_take_back(int dir, const char *path, unsigned slot, uint64_t bytes)
{
	slot_move(dir, path, slot, bytes, true);
}
