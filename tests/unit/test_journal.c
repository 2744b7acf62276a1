/* SPDX-License-Identifier: ISC */
/* test_journal.c - what was acknowledged comes back from the journal, whatever happened to the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/journal.h"

enum { SEGMENT = 1 << 20, MOST = 4, SEEN_MAX = 600 };

/* fdatasync and unlinkat as the journal calls them (linked with --wrap): they fail when told to. */
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
static bool unlink_fails;
static bool sync_fails;
static int sync_failures; /* that many, then it works again */

int
__wrap_fdatasync(int fd)
{
	if (!sync_fails && sync_failures == 0)
		return __real_fdatasync(fd);
	sync_failures -= sync_failures > 0;
	errno = EIO;
	return -1;
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	if (!unlink_fails)
		return __real_unlinkat(dir, name, flags);
	errno = EIO;
	return -1;
}

struct seen {
	unsigned segment;
	uint8_t kind;
	struct id id;
	uint64_t offset;
	struct buf envelope, message; /* own */
};

struct place {
	char dir[64];
	struct journal *journal;
	unsigned most;
	struct seen seen[SEEN_MAX];
	size_t n_seen, n_bad;
	uint64_t bad_offset, bad_bytes; /* of the last one */
	char *message;                  /* own: random bytes that records borrow from */
};

static void
on_record(void *ctx, unsigned segment, const struct record *r)
{
	struct place *p = ctx;
	struct seen *s = &p->seen[p->n_seen++];
	assert_true(p->n_seen < SEEN_MAX);
	*s = (struct seen){.segment = segment, .kind = r->kind, .id = r->id, .offset = r->offset};
	buf_span(&s->envelope, r->envelope);
	buf_span(&s->message, r->message);
}

static void
on_bad(void *ctx, unsigned segment, uint64_t offset, struct span bytes, const char *why)
{
	struct place *p = ctx;
	(void)segment;
	assert_non_null(why);
	p->n_bad++;
	p->bad_offset = offset;
	p->bad_bytes = bytes.n;
}

static void
forget(struct place *p)
{
	for (size_t i = 0; i < p->n_seen; i++) {
		buf_free(&p->seen[i].envelope);
		buf_free(&p->seen[i].message);
	}
	p->n_seen = p->n_bad = 0;
}

/* As after a restart: opened and replayed. */
static void
reopen(struct place *p)
{
	struct journal_visitor v = {p, on_record, on_bad};
	forget(p);
	journal_close(&p->journal);
	assert_int_equal(journal_open(p->dir, SEGMENT, p->most, &p->journal), E_OK);
	assert_int_equal(journal_replay(p->journal, &v), E_OK);
}

static int
setup(void **state)
{
	struct place *p = mem_new(sizeof *p);
	char journal[80];
	log_level(LOG_EMERG); /* damage is logged; here it is expected */
	sync_fails = unlink_fails = false;
	strcpy(p->dir, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(journal, sizeof journal, "%s/journal", p->dir);
	assert_int_equal(mkdir(journal, 0700), 0);
	p->most = MOST;
	p->message = mem_new(SEGMENT);
	random_fill(p->message, SEGMENT);
	reopen(p);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char path[96];
	journal_close(&p->journal);
	forget(p);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++) {
		snprintf(path, sizeof path, "%s/journal/%u", p->dir, i);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/journal", p->dir);
	rmdir(path);
	rmdir(p->dir);
	mem_free(&p->message);
	mem_free(state);
	return 0;
}

/* Record number n: id and envelope tell it. */
static struct record
record(struct place *p, unsigned n, size_t bytes)
{
	struct record r = {.kind = RECORD_MESSAGE, .envelope = span_make(p->message + n, 40 + n % 200),
	    .message = span_make(p->message + n * 3, bytes)};
	memset(r.id.b, 7, sizeof r.id.b);
	memcpy(r.id.b, &n, sizeof n);
	return r;
}

/* A batch of n records from number first on; where it is. */
static int
put(struct place *p, unsigned first, unsigned n, size_t bytes, unsigned *segment)
{
	struct record r[JOURNAL_BATCH_RECORDS_MAX];
	for (unsigned i = 0; i < n; i++)
		r[i] = record(p, first + i, bytes);
	return journal_write(p->journal, r, n, segment);
}

static void
put_all(struct place *p, unsigned first, unsigned n, size_t bytes)
{
	unsigned segment;
	assert_int_equal(put(p, first, n, bytes, &segment), E_OK);
}

static unsigned
number_of(const struct seen *s)
{
	unsigned n;
	memcpy(&n, s->id.b, sizeof n);
	return n;
}

/* What was seen as record number n is that record, of this length. */
static void
check(struct place *p, const struct seen *s, unsigned n, size_t bytes)
{
	struct record r = record(p, n, bytes);
	assert_int_equal(s->kind, r.kind);
	assert_true(id_eq(s->id, r.id));
	assert_true(span_eq(buf_as_span(&s->envelope), r.envelope));
	assert_true(span_eq(buf_as_span(&s->message), r.message));
}

static int
segment_file(struct place *p, unsigned segment)
{
	char path[96];
	snprintf(path, sizeof path, "%s/journal/%u", p->dir, segment);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
flip(struct place *p, unsigned segment, uint64_t at, int bit)
{
	char c;
	int fd = segment_file(p, segment);
	assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
	c = (char)(c ^ 1 << bit);
	assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	close(fd);
}

/* ---- what is written comes back ---- */

static void
test_all_comes_back(void **state)
{
	struct place *p = *state;
	unsigned n = 0;
	for (unsigned i = 0; i < 30; n += i % 7 + 1, i++)
		put_all(p, n, i % 7 + 1, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, n);
	assert_int_equal(p->n_bad, 0);
	for (unsigned i = 0; i < p->n_seen; i++) {
		struct buf read = {0};
		check(p, &p->seen[i], i, 3000);
		assert_int_equal(journal_read(p->journal, p->seen[i].segment, p->seen[i].offset, 3000, &read), E_OK);
		assert_true(span_eq(buf_as_span(&read), buf_as_span(&p->seen[i].message)));
		buf_free(&read);
	}
}

static void
test_offset_is_told_at_once(void **state)
{
	struct place *p = *state;
	struct record r[3];
	struct buf read = {0};
	unsigned segment;
	for (unsigned i = 0; i < 3; i++)
		r[i] = record(p, i, 500);
	assert_int_equal(journal_write(p->journal, r, 3, &segment), E_OK);
	for (unsigned i = 0; i < 3; i++, buf_reset(&read)) {
		assert_int_equal(journal_read(p->journal, segment, r[i].offset, 500, &read), E_OK);
		assert_true(span_eq(buf_as_span(&read), r[i].message));
	}
	buf_free(&read);
}

static void
test_full_batch_and_empty_spans(void **state)
{
	struct place *p = *state;
	unsigned segment;
	struct record r = {.kind = RECORD_DONE, .envelope = SPAN(""), .message = SPAN("")};
	put_all(p, 0, JOURNAL_BATCH_RECORDS_MAX, 10);
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	reopen(p);
	assert_int_equal(p->n_seen, JOURNAL_BATCH_RECORDS_MAX + 1);
	for (unsigned i = 0; i < JOURNAL_BATCH_RECORDS_MAX; i++)
		check(p, &p->seen[i], i, 10);
	assert_int_equal(p->seen[p->n_seen - 1].kind, RECORD_DONE);
	assert_int_equal(p->seen[p->n_seen - 1].message.len, 0);
}

/* Over several restarts, each with batches of its own: order is that of writing. */
static void
test_order_over_restarts(void **state)
{
	struct place *p = *state;
	for (unsigned turn = 0; turn < MOST; turn++) {
		put_all(p, 2 * turn, 1, 100);
		put_all(p, 2 * turn + 1, 1, 100);
		reopen(p);
		assert_int_equal(p->n_seen, 2 * turn + 2);
		for (unsigned i = 0; i < p->n_seen; i++)
			check(p, &p->seen[i], i, 100);
	}
}

/* ---- a torn tail ---- */

static void
check_torn(struct place *p)
{
	reopen(p);
	assert_true(p->n_seen >= 5 && p->n_seen <= 8);
	for (unsigned i = 0; i < 5; i++)
		check(p, &p->seen[i], i, 3000);
	for (size_t i = 5; i < p->n_seen; i++) { /* of the torn batch some may be whole */
		unsigned n = number_of(&p->seen[i]);
		assert_true(n >= 100 && n < 103);
		check(p, &p->seen[i], n, 3000);
	}
}

static const off_t LAST = JOURNAL_PAGE + 5 * 4096; /* each of five batches takes a page */

static void
put_torn(struct place *p)
{
	for (unsigned i = 0; i < 5; i++)
		put_all(p, i, 1, 3000);
	put_all(p, 100, 3, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, 8);
}

static void
test_tail_zeroed(void **state)
{
	struct place *p = *state;
	static const char zeros[3 * 4096];
	put_torn(p);
	for (off_t cut = 3 * 4096 - 1; cut >= 0; cut -= cut > 200 ? 97 : 1) {
		int fd = segment_file(p, 0);
		assert_int_equal(pwrite(fd, zeros, (size_t)(3 * 4096 - cut), LAST + cut), 3 * 4096 - cut);
		close(fd);
		check_torn(p);
	}
	assert_int_equal(p->n_seen, 5);
}

static void
test_tail_cut_off(void **state)
{
	struct place *p = *state;
	put_torn(p);
	for (off_t cut = 3 * 4096 - 1; cut >= 0; cut -= 97) {
		int fd = segment_file(p, 0);
		assert_int_equal(ftruncate(fd, LAST + cut), 0);
		close(fd);
		check_torn(p);
	}
}

/* Any of its pages may be the one that did not reach the disk. */
static void
test_page_in_the_tail_missing(void **state)
{
	static const char zeros[4096];
	for (off_t page = 0; page < 3; page++) {
		struct place *p = *state;
		put_torn(p);
		int fd = segment_file(p, 0);
		assert_int_equal(pwrite(fd, zeros, sizeof zeros, LAST + page * 4096), sizeof zeros);
		close(fd);
		check_torn(p);
		teardown(state);
		setup(state);
	}
}

static void
test_written_on_behind_a_torn_tail(void **state)
{
	struct place *p = *state;
	put_torn(p);
	flip(p, 0, (uint64_t)LAST, 0);
	reopen(p);
	put_all(p, 200, 2, 50);
	reopen(p);
	assert_int_equal(p->n_seen, 7);
	check(p, &p->seen[5], 200, 50);
	check(p, &p->seen[6], 201, 50);
}

/* ---- damage ---- */

static void
test_flipped_bit_in_a_record(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 3, 300);
	put_all(p, 3, 1, 300);
	reopen(p);
	assert_int_equal(p->n_seen, 4);
	uint64_t end = p->seen[1].offset + 300, begin = p->seen[0].offset + 300;
	for (uint64_t at = begin; at < end; at++) {
		int bit = (int)(at % 8);
		flip(p, 0, at, bit);
		reopen(p);
		assert_int_equal(p->n_seen, 3);
		assert_int_equal(p->n_bad, 1);
		assert_int_equal(p->bad_offset, begin);
		assert_int_equal(p->bad_bytes, end - begin);
		check(p, &p->seen[0], 0, 300);
		check(p, &p->seen[1], 2, 300);
		check(p, &p->seen[2], 3, 300);
		flip(p, 0, at, bit);
	}
	reopen(p);
	assert_int_equal(p->n_seen, 4);
}

/* Its records are found without it. */
static void
test_flipped_bit_in_a_batch_head(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 2, 300);
	put_all(p, 2, 2, 9000);
	put_all(p, 4, 2, 300);
	reopen(p);
	uint64_t head = 2 * JOURNAL_PAGE, end = head + 24 + 16 + 2 * 4;
	for (uint64_t at = head; at < end; at++) {
		flip(p, 0, at, (int)(at % 8));
		reopen(p);
		assert_int_equal(p->n_seen, 6);
		assert_int_equal(p->n_bad, 1);
		assert_int_equal(p->bad_offset, head);
		for (unsigned i = 0; i < 6; i++)
			check(p, &p->seen[i], i, i / 2 == 1 ? 9000 : 300);
		flip(p, 0, at, (int)(at % 8));
	}
}

/* The head of a segment is there twice. */
static void
test_flipped_bit_in_the_segment_head(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 1, 300);
	for (uint64_t at = 0; at < 73; at++) {
		flip(p, 0, at, 3);
		reopen(p);
		assert_int_equal(p->n_seen, 1);
		flip(p, 0, at, 3);
	}
	flip(p, 0, 3, 3);
	flip(p, 0, 2048 + 3, 3);
	reopen(p);
	assert_int_equal(p->n_seen, 0);
	unsigned elsewhere;
	assert_int_equal(put(p, 1, 1, 300, &elsewhere), E_OK);
	assert_int_not_equal(elsewhere, 0); /* an admin may want to look */
}

/* A last batch that goes bad is no torn tail once the next use says that it was there. */
static void
test_damage_before_a_known_end(void **state)
{
	struct place *p = *state;
	unsigned first, second;
	assert_int_equal(put(p, 0, 1, 600000, &first), E_OK);
	assert_int_equal(put(p, 1, 1, 300, &first), E_OK);
	assert_int_equal(put(p, 2, 1, 600000, &second), E_OK);
	assert_int_not_equal(first, second);
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	uint64_t offset = p->seen[1].offset;
	flip(p, first, offset, 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 1);
	flip(p, first, offset / JOURNAL_PAGE * JOURNAL_PAGE, 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 1);
}

/* ---- segments are used again ---- */

static void
test_old_use_never_comes_back(void **state)
{
	struct place *p = *state;
	unsigned first, other, oldest;
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(put(p, i, 1, 3000, &first), E_OK);
	assert_int_equal(put(p, 60, 1, 900000, &other), E_OK);
	assert_int_equal(put(p, 61, 1, 900000, &other), E_OK); /* first is not current any more */
	assert_int_not_equal(first, other);
	assert_true(journal_oldest(p->journal, &oldest));
	assert_int_equal(oldest, first);
	journal_retire(p->journal, first);
	assert_int_equal(put(p, 500, 1, 3000, &other), E_OK);
	while (other != first)
		assert_int_equal(put(p, 500, 1, 900000, &other), E_OK);
	reopen(p);
	size_t in_first = 0;
	for (size_t i = 0; i < p->n_seen; i++) {
		assert_true(number_of(&p->seen[i]) >= 60);
		in_first += p->seen[i].segment == first;
	}
	assert_int_equal(in_first, 1);
	assert_int_equal(p->n_bad, 0);
}

static void
test_retired_is_not_replayed(void **state)
{
	struct place *p = *state;
	unsigned first, other;
	assert_int_equal(put(p, 0, 1, 900000, &first), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &other), E_OK);
	journal_retire(p->journal, first);
	assert_int_equal(journal_live(p->journal), 1);
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 1, 900000);
}

/* ---- files that are not as they were left ---- */

static void
segment_path(struct place *p, unsigned segment, char out[96])
{
	snprintf(out, 96, "%s/journal/%u", p->dir, segment);
}

/* A crash came while one was replaced: those behind it hold mail all the same. */
static void
test_file_missing_between_others(void **state)
{
	struct place *p = *state;
	char path[96];
	unsigned segment;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(put(p, i, 1, 900000, &segment), E_OK);
		assert_int_equal(segment, i);
	}
	segment_path(p, 1, path);
	assert_int_equal(unlink(path), 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	check(p, &p->seen[0], 0, 900000);
	check(p, &p->seen[1], 2, 900000);
	assert_int_equal(put(p, 3, 1, 900000, &segment), E_OK);
	assert_int_equal(segment, 1); /* there again */
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	check(p, &p->seen[1], 2, 900000);
	check(p, &p->seen[2], 3, 900000);
}

/* Not taken for one that is missing: it would be overwritten. */
static void
test_file_that_cannot_be_opened(void **state)
{
	struct place *p = *state;
	char path[96], aside[104];
	unsigned segment;
	assert_int_equal(put(p, 0, 1, 900000, &segment), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &segment), E_OK);
	segment_path(p, segment, path);
	snprintf(aside, sizeof aside, "%s.aside", path);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(aside, path), 0);
	journal_close(&p->journal);
	assert_int_equal(journal_open(p->dir, SEGMENT, p->most, &p->journal), E_IO);
	assert_int_equal(rename(aside, path), 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
}

/* A setting that became smaller: what is there is read, and no more is made. */
static void
test_more_files_than_allowed(void **state)
{
	struct place *p = *state;
	unsigned segment, oldest;
	for (unsigned i = 0; i < MOST; i++)
		put_all(p, i, 1, 900000);
	p->most = 2;
	reopen(p);
	assert_int_equal(p->n_seen, MOST);
	assert_int_equal(put(p, 9, 1, 900000, &segment), E_LIMIT);
	for (unsigned i = 0; i < MOST; i++) {
		assert_true(journal_oldest(p->journal, &oldest));
		journal_retire(p->journal, oldest);
	}
	put_all(p, 10, 1, 900000);
}

/* A segment's bytes sent as a message, on a page boundary as batches are, and the head before it damaged. */
static void
test_image_of_a_segment_in_a_message(void **state)
{
	struct place *p = *state;
	unsigned segment;
	enum { IMAGE = 40 * JOURNAL_PAGE };
	char *image = mem_new(JOURNAL_PAGE + IMAGE);
	for (unsigned i = 0; i < 20; i++)
		put_all(p, i, 1, 3000);
	int fd = segment_file(p, 0);
	struct record r = {.kind = RECORD_MESSAGE, .envelope = SPAN("image"), .message = span_make(image, JOURNAL_PAGE + IMAGE)};
	r.id.b[0] = 0xee;
	r.id.b[5] = 1;
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	size_t pad = JOURNAL_PAGE - (size_t)(r.offset % JOURNAL_PAGE);
	assert_int_equal(pread(fd, image + pad, IMAGE, 0), IMAGE);
	r.id.b[5] = 2;
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	assert_int_equal((r.offset + pad) % JOURNAL_PAGE, 0);
	uint64_t head = r.offset / JOURNAL_PAGE * JOURNAL_PAGE;
	put_all(p, 20, 1, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, 23);
	assert_int_equal(p->n_bad, 0);
	flip(p, 0, head, 0);
	flip(p, 0, r.offset, 0); /* and its record, so that it is not found either: a search goes through its bytes */
	reopen(p);
	assert_int_equal(p->n_seen, 22);
	assert_int_equal(p->n_bad, 1);
	assert_int_equal(p->bad_offset, head);
	for (unsigned i = 0; i < 20; i++)
		check(p, &p->seen[i], i, 3000);
	check(p, &p->seen[21], 20, 3000);
	close(fd);
	mem_free(&image);
}

/* The same in another segment: its own random bits are what counts. */
static void
test_image_in_another_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;
	enum { IMAGE = 40 * JOURNAL_PAGE };
	char *image = mem_new(IMAGE);
	for (unsigned i = 0; i < 20; i++)
		put_all(p, i, 1, 3000);
	int fd = segment_file(p, 0);
	assert_int_equal(pread(fd, image, IMAGE, 0), IMAGE);
	close(fd);
	reopen(p); /* a new segment begins */
	struct record r = {.kind = RECORD_MESSAGE, .envelope = SPAN("image"), .message = span_make(image, IMAGE)};
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	assert_int_not_equal(segment, 0);
	fd = segment_file(p, segment); /* all of the image where batches are looked for */
	assert_int_equal(pwrite(fd, image + JOURNAL_PAGE, IMAGE - JOURNAL_PAGE, JOURNAL_PAGE), IMAGE - JOURNAL_PAGE);
	close(fd);
	reopen(p);
	assert_int_equal(p->n_seen, 20);
	mem_free(&image);
}

/* ---- the world fails ---- */

static void
test_failed_sync(void **state)
{
	struct place *p = *state;
	unsigned before, failed, after;
	assert_int_equal(put(p, 0, 1, 300, &before), E_OK);
	sync_failures = 1;
	assert_int_equal(put(p, 1, 1, 300, &failed), E_IO);
	assert_true(journal_is_bad(p->journal, before));
	assert_int_equal(put(p, 2, 1, 300, &after), E_OK);
	assert_int_not_equal(after, before);
	assert_false(journal_is_bad(p->journal, after));
	assert_int_equal(journal_live(p->journal), 2);
	reopen(p);
	assert_int_equal(p->n_seen, 2); /* the header of the next use says that it does not count */
	check(p, &p->seen[0], 0, 300);
	check(p, &p->seen[1], 2, 300);
}

static void
test_failed_first_sync_of_a_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;
	sync_fails = true;
	assert_int_equal(put(p, 0, 1, 300, &segment), E_IO);
	assert_int_equal(put(p, 0, 1, 300, &segment), E_IO);
	sync_fails = false;
	assert_int_equal(put(p, 1, 1, 300, &segment), E_OK);
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 1, 300);
}

/* Its header is on the disk all the same, as the use that it would have been: the next one is another. */
static void
test_segment_that_can_neither_begin_nor_be_replaced(void **state)
{
	struct place *p = *state;
	unsigned segment;
	put_all(p, 0, 1, 900000);
	sync_failures = 1;
	unlink_fails = true;
	assert_int_equal(put(p, 1, 1, 900000, &segment), E_IO);
	unlink_fails = false;
	put_all(p, 2, 1, 900000);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 0);
	check(p, &p->seen[0], 0, 900000);
	check(p, &p->seen[1], 2, 900000);
}

static void
test_bad_segment_retires(void **state)
{
	struct place *p = *state;
	unsigned bad, after, oldest;
	assert_int_equal(put(p, 0, 1, 300, &bad), E_OK);
	sync_fails = true;
	assert_int_equal(put(p, 1, 1, 300, &after), E_IO);
	sync_fails = false;
	assert_int_equal(put(p, 2, 1, 300, &after), E_OK);
	assert_true(journal_oldest(p->journal, &oldest));
	assert_int_equal(oldest, bad);
	journal_retire(p->journal, bad);
	assert_false(journal_is_bad(p->journal, bad));
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 2, 300);
}

/* What is read by a start may not be on the disk: when that cannot be made sure of, it is to be written elsewhere. */
static void
test_failed_sync_of_a_start(void **state)
{
	struct place *p = *state;
	unsigned first, second, after, retired;
	assert_int_equal(put(p, 0, 1, 900000, &retired), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &first), E_OK);
	assert_int_equal(put(p, 2, 1, 900000, &second), E_OK);
	journal_retire(p->journal, retired);
	sync_fails = true;
	reopen(p);
	sync_fails = false;
	assert_int_equal(p->n_seen, 2);
	assert_true(journal_is_bad(p->journal, first) && journal_is_bad(p->journal, second));
	assert_int_equal(journal_live(p->journal), 2);
	assert_int_equal(put(p, 3, 1, 300, &after), E_OK);
	assert_true(after != first && after != second && !journal_is_bad(p->journal, after));
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	assert_false(journal_is_bad(p->journal, first));
}

static void
test_cap_of_segments(void **state)
{
	struct place *p = *state;
	unsigned segment, oldest;
	for (unsigned i = 0; i < MOST; i++) {
		assert_int_equal(put(p, i, 1, 900000, &segment), E_OK);
		while (journal_prepare(p->journal) == E_MORE)
			;
	}
	assert_int_equal(journal_live(p->journal), MOST);
	assert_int_equal(put(p, 9, 1, 900000, &segment), E_LIMIT);
	put_all(p, 10, 1, 100); /* what fits into the current one is still taken */
	assert_true(journal_oldest(p->journal, &oldest));
	journal_retire(p->journal, oldest);
	put_all(p, 11, 1, 900000);
	reopen(p);
	assert_int_equal(p->n_seen, MOST + 1);
}

static void
test_too_large_for_a_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;
	struct record r = record(p, 0, 0);
	r.message = span_make(p->message, SEGMENT);
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_LIMIT);
	r.message = span_make(p->message, journal_room(p->journal) - journal_record_bytes(&(struct record){
	    .envelope = r.envelope}));
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_all_comes_back), TEST(test_offset_is_told_at_once),
	    TEST(test_full_batch_and_empty_spans), TEST(test_order_over_restarts), TEST(test_tail_zeroed),
	    TEST(test_tail_cut_off), TEST(test_page_in_the_tail_missing),
	    TEST(test_written_on_behind_a_torn_tail), TEST(test_flipped_bit_in_a_record),
	    TEST(test_flipped_bit_in_a_batch_head), TEST(test_flipped_bit_in_the_segment_head),
	    TEST(test_damage_before_a_known_end),
	    TEST(test_old_use_never_comes_back), TEST(test_retired_is_not_replayed),
	    TEST(test_file_missing_between_others), TEST(test_file_that_cannot_be_opened),
	    TEST(test_more_files_than_allowed), TEST(test_image_of_a_segment_in_a_message),
	    TEST(test_image_in_another_segment),
	    TEST(test_failed_sync), TEST(test_failed_first_sync_of_a_segment),
	    TEST(test_segment_that_can_neither_begin_nor_be_replaced), TEST(test_bad_segment_retires), TEST(test_failed_sync_of_a_start),
	    TEST(test_cap_of_segments), TEST(test_too_large_for_a_segment)};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
