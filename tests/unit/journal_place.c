/* SPDX-License-Identifier: ISC */
/* journal_place.c - a journal for tests. */
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
#include "journal_place.h"

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
bool unlink_fails, sync_fails;
int sync_failures;

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

static void
on_record(void *ctx, unsigned segment, const struct record *r)
{
	struct place *p = ctx;
	struct seen *s = &p->seen[p->n_seen++];
	assert_true(p->n_seen < SEEN_MAX);
	*s = (struct seen){
	    .segment = segment, .kind = r->kind, .id = r->id, .offset = r->offset};
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

void
reopen(struct place *p)
{
	struct journal_visitor v = {p, on_record, on_bad};
	forget(p);
	journal_close(&p->journal);
	assert_int_equal(journal_open(p->dir, SEGMENT, p->most, &p->journal), E_OK);
	assert_int_equal(journal_replay(p->journal, &v), E_OK);
}

int
place_setup(void **state)
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

int
place_teardown(void **state)
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

struct record
record(struct place *p, unsigned n, size_t bytes)
{
	struct record r = {.kind = RECORD_MESSAGE,
	    .envelope = span_make(p->message + n, 40 + n % 200),
	    .message = span_make(p->message + n * 3, bytes)};
	memset(r.id.b, 7, sizeof r.id.b);
	memcpy(r.id.b, &n, sizeof n);
	return r;
}

int
put(struct place *p, unsigned first, unsigned n, size_t bytes, unsigned *segment)
{
	struct record r[JOURNAL_BATCH_RECORDS_MAX];
	for (unsigned i = 0; i < n; i++)
		r[i] = record(p, first + i, bytes);
	return journal_write(p->journal, r, n, segment);
}

void
put_all(struct place *p, unsigned first, unsigned n, size_t bytes)
{
	unsigned segment;
	assert_int_equal(put(p, first, n, bytes, &segment), E_OK);
}

unsigned
number_of(const struct seen *s)
{
	unsigned n;
	memcpy(&n, s->id.b, sizeof n);
	return n;
}

void
check(struct place *p, const struct seen *s, unsigned n, size_t bytes)
{
	struct record r = record(p, n, bytes);
	assert_int_equal(s->kind, r.kind);
	assert_true(id_eq(s->id, r.id));
	assert_true(span_eq(buf_as_span(&s->envelope), r.envelope));
	assert_true(span_eq(buf_as_span(&s->message), r.message));
}

int
segment_file(struct place *p, unsigned segment)
{
	char path[96];
	snprintf(path, sizeof path, "%s/journal/%u", p->dir, segment);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

void
flip(struct place *p, unsigned segment, uint64_t at, int bit)
{
	char c;
	int fd = segment_file(p, segment);
	assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
	c = (char)(c ^ 1 << bit);
	assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	close(fd);
}
