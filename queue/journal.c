/* SPDX-License-Identifier: ISC */
/*
 * journal.c - the segments of the journal: their use, their retirement, and the batches written
 * into them.
 */
#include "queue/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/batch.h"
#include "queue/segment.h"

enum { SPARE = 2 }; /* segments that are kept written ahead */

struct journal {
	char *dir;  /* own */
	int dir_fd; /* own */
	uint64_t segment_bytes;
	unsigned segments_most;
	struct segment segments[JOURNAL_SEGMENTS_MAX];
	unsigned n_segments;     /* files there are, numbered from 0 */
	struct segment *current; /* borrow: of segments; NULL before the first batch */
	uint64_t next_use;
	uint64_t last_use,
	    last_end; /* of the replay: what the next header says of the use before */
	struct buf batch; /* kept: assembled here */
};

/* A new file for a number that has none. */
static void
fill_gap(struct journal *j, unsigned number)
{
	struct segment *s = &j->segments[number];
	if (segment_create(j->dir_fd, number, s) != E_OK)
		s->state = SEGMENT_LEFT;
}

/*
 * All files there are.  One between others may be missing: a crash came while it was replaced.
 * Those behind it hold mail all the same; and one that cannot be opened now is not taken for one
 * that is not there.
 */
static int
open_segments(struct journal *j)
{
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++) {
		int err = segment_open(j->dir_fd, i, &j->segments[i]);
		if (err == E_BAD)
			continue;
		if (err != E_OK) {
			log_event(LOG_CRIT, "segment_not_opened", "segment=%u err=%s",
			    i, log_errno(errno));
			return E_IO;
		}
		while (j->n_segments < i)
			fill_gap(j, j->n_segments++);
		j->n_segments = i + 1;
	}
	return E_OK;
}

int
journal_open(const char *dir, uint64_t segment_bytes, unsigned segments_most,
    struct journal **out)
{
	struct journal *j = mem_new(sizeof *j);
	struct buf path = {0};
	buf_putf(&path, "%s/journal", dir);
	j->dir = mem_dup(buf_cstr(&path));
	buf_free(&path);
	j->segment_bytes = segment_bytes;
	j->segments_most =
	    segments_most < JOURNAL_SEGMENTS_MAX ? segments_most : JOURNAL_SEGMENTS_MAX;
	j->next_use = 1;
	j->batch.max = segment_bytes;
	j->dir_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0) {
		log_event(LOG_CRIT, "no_journal", "dir=%s err=%s", log_qs(j->dir),
		    log_errno(errno));
		journal_close(&j);
		return E_IO;
	}
	if (open_segments(j) != E_OK) {
		journal_close(&j);
		return E_IO;
	}
	*out = j;
	return E_OK;
}

void
journal_close(struct journal **jp)
{
	struct journal *j = *jp;
	if (!j)
		return;
	for (unsigned i = 0; i < j->n_segments; i++)
		segment_close(&j->segments[i]);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	buf_free(&j->batch);
	mem_free(&j->dir);
	mem_free(jp);
}

static bool
is_live(const struct segment *s)
{
	return s->state == SEGMENT_LIVE || s->state == SEGMENT_BAD;
}

/* The live segment with the lowest use above after; NULL: none. */
static struct segment *
next_in_use(struct journal *j, uint64_t after)
{
	struct segment *best = NULL;
	for (unsigned i = 0; i < j->n_segments; i++) {
		struct segment *s = &j->segments[i];
		if (is_live(s) && s->use > after && (!best || s->use < best->use))
			best = s;
	}
	return best;
}

static void
read_head(struct journal *j, struct segment *s)
{
	bool is_durable = s->fd < 0 || fdatasync(s->fd) == 0;
	int why = errno, err = segment_read_head(s);
	if (!is_durable)
		log_event(LOG_ALERT, "journal_sync_failed",
		    "segment=%u err=%s do=\"look at this disk: what it holds is "
		    "written elsewhere\"",
		    s->number, log_errno(why));
	if (err == E_OK && s->use >= j->next_use)
		j->next_use = s->use + 1;
	if (!is_durable && err == E_OK)
		s->state = SEGMENT_BAD;
	else if (!is_durable && s->state == SEGMENT_FREE)
		segment_replace(s, j->dir_fd);
}

int
journal_replay(struct journal *j, const struct journal_visitor *v)
{
	for (unsigned i = 0; i < j->n_segments; i++)
		read_head(j, &j->segments[i]);
	for (struct segment *s = next_in_use(j, 0), *next; s; s = next) {
		next = next_in_use(j, s->use);
		uint64_t known_end =
		    next && next->use == s->use + 1 ? next->before_end : 0;
		if (batch_replay(s, known_end, v) != E_OK)
			return E_IO;
		j->last_end = s->end;
		j->last_use = s->use;
	}
	/* a new use begins for new batches: an old tail is never written behind */
	return E_OK;
}

static struct segment *
find_free(struct journal *j)
{
	for (unsigned i = 0; i < j->n_segments; i++)
		if (j->segments[i].state == SEGMENT_FREE &&
		    j->segments[i].bytes >= j->segment_bytes)
			return &j->segments[i];
	return NULL;
}

/* The file of one more segment, or a short one: to be filled up. */
static struct segment *
unready(struct journal *j)
{
	for (unsigned i = 0; i < j->n_segments; i++)
		if (j->segments[i].state == SEGMENT_FREE &&
		    j->segments[i].bytes < j->segment_bytes)
			return &j->segments[i];
	if (j->n_segments >= j->segments_most ||
	    segment_create(j->dir_fd, j->n_segments, &j->segments[j->n_segments]) !=
		E_OK)
		return NULL;
	return &j->segments[j->n_segments++];
}

int
journal_prepare(struct journal *j)
{
	unsigned ready = 0;
	for (unsigned i = 0; i < j->n_segments; i++)
		ready += j->segments[i].state == SEGMENT_FREE &&
		         j->segments[i].bytes >= j->segment_bytes;
	if (ready >= SPARE || journal_live(j) + ready >= j->segments_most)
		return E_OK;
	struct segment *s = unready(j);
	int err = s ? segment_fill(s, j->dir_fd, j->segment_bytes) : E_IO;
	return err == E_OK ? E_MORE : err;
}

/* All at once, because nothing is ready. */
static struct segment *
write_ahead(struct journal *j)
{
	struct segment *s = unready(j);
	int err = s ? E_MORE : E_IO;
	while (err == E_MORE)
		err = segment_fill(s, j->dir_fd, j->segment_bytes);
	return err == E_OK ? s : NULL;
}

/* What the header of a new use says of the one before: where its batches end, if that is known. */
static uint64_t
end_before(const struct journal *j)
{
	uint64_t use = j->current ? j->current->use : j->last_use;
	uint64_t end = j->current ? j->current->end : j->last_end;
	return use + 1 == j->next_use ? end : 0;
}

/* The current segment is left; the next begins with its synced header. */
static int
turn_over(struct journal *j)
{
	struct segment *s = find_free(j);
	if (!s && journal_live(j) < j->segments_most)
		s = write_ahead(j);
	if (!s)
		return errno == ENOSPC || errno == EDQUOT ? E_IO : E_LIMIT;
	int err = segment_begin(s, j->next_use, end_before(j));
	if (err != E_OK) {
		segment_replace(s, j->dir_fd);
		if (s->state == SEGMENT_LEFT)
			j->next_use++; /* its header may be on the disk: no other has its number */
		return err;
	}
	j->next_use++;
	j->current = s;
	return E_OK;
}

size_t
journal_room(const struct journal *j)
{
	return j->segment_bytes - 2 * JOURNAL_PAGE -
	       batch_head_bytes(JOURNAL_BATCH_RECORDS_MAX);
}

static size_t
whole_pages(size_t n)
{
	return (n + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

static int
write_here(struct journal *j, struct segment *s)
{
	const char *p = j->batch.p;
	size_t left = whole_pages(j->batch.len);
	uint64_t at = s->end;
	while (left) {
		ssize_t n = pwrite(s->fd, p, left, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return E_IO;
		p += n;
		left -= (size_t)n;
		at += (uint64_t)n;
	}
	return fdatasync(s->fd) == 0 ? E_OK : E_IO;
}

/*
 * Final: the segment is left.  The next use begins at once, and its header says that this batch
 * does not count: its client is told 451, and it must not come back from a replay.
 */
static void
fail(struct journal *j, struct segment *s, size_t n)
{
	int why = errno;
	s->state = SEGMENT_BAD;
	log_event(LOG_ALERT, "journal_sync_failed",
	    "segment=%u err=%s records=%zu "
	    "do=\"look at this disk: nothing of this batch was told to anyone\"",
	    s->number, log_errno(why), n);
	if (turn_over(j) != E_OK)
		log_event(LOG_ALERT, "no_segment",
		    "why=\"none could be begun after one that failed\"");
	errno = why;
}

int
journal_write(struct journal *j, struct record *records, size_t n, unsigned *segment)
{
	size_t bytes = batch_head_bytes(n);
	if (n > JOURNAL_BATCH_RECORDS_MAX)
		bug("too many records for a batch");
	for (size_t i = 0; i < n; i++)
		bytes += batch_record_bytes(&records[i]);
	bytes = whole_pages(bytes);
	if (bytes > j->segment_bytes - JOURNAL_PAGE)
		return E_LIMIT;
	if (!j->current || j->current->state == SEGMENT_BAD ||
	    j->current->end + bytes > j->segment_bytes) {
		errno = 0;
		int err = turn_over(j);
		if (err != E_OK)
			return err;
	}
	struct segment *s = j->current;
	buf_reset(&j->batch);
	batch_put(&j->batch, s, records, n);
	if (buf_done(&j->batch) != E_OK || j->batch.len > bytes)
		bug("a batch is larger than was computed");
	/* whole pages: a page that is not in memory need not be read first */
	size_t pad = bytes - j->batch.len;
	memset(buf_room(&j->batch, pad), 0, pad);
	if (write_here(j, s) != E_OK) {
		fail(j, s, n);
		return E_IO;
	}
	s->end += bytes;
	s->batches++;
	*segment = s->number;
	return E_OK;
}

unsigned
journal_live(const struct journal *j)
{
	unsigned n = 0;
	for (unsigned i = 0; i < j->n_segments; i++)
		n += is_live(&j->segments[i]);
	return n;
}

bool
journal_oldest(const struct journal *j, unsigned *segment)
{
	const struct segment *s = next_in_use((struct journal *)(uintptr_t)j, 0);
	if (!s || s == j->current)
		return false;
	*segment = s->number;
	return true;
}

void
journal_retire(struct journal *j, unsigned segment)
{
	struct segment *s = &j->segments[segment];
	if (s == j->current)
		bug("the current segment cannot retire");
	segment_end(s, j->dir_fd);
}

bool
journal_is_bad(const struct journal *j, unsigned segment)
{
	return j->segments[segment].state == SEGMENT_BAD;
}

int
journal_read(
    struct journal *j, unsigned segment, uint64_t offset, uint64_t n, struct buf *out)
{
	if (segment >= j->n_segments || n > j->segments[segment].bytes)
		return E_BAD;
	char *room = buf_room(out, n);
	if (!room ||
	    pread(j->segments[segment].fd, room, n, (off_t)offset) != (ssize_t)n)
		return E_IO;
	buf_added(out, n);
	return E_OK;
}
