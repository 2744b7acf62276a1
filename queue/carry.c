/* SPDX-License-Identifier: ISC */
/*
 * carry.c - what leaves the journal: done, moved to a file of its own, or rescued from a segment
 * that failed.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/spool.h"

enum { CARRY_MOST = 1024 /* messages of a sync */ };

/* ---- done ---- */

void
spool_finish(struct id id)
{
	struct spool *s = &the_spool;
	struct entry *e = entry_find(s->entries, id);
	bool has_file =
	    !e || e->ref.source == JOB_LARGE || e->is_done || e->may_have_file;
	if (s->notes.done.len + ID_BYTES > SPOOL_NOTES_MOST)
		spool_write_batch();
	if (s->notes.done.len + ID_BYTES <= SPOOL_NOTES_MOST) {
		buf_put(&s->notes.done, id.b, ID_BYTES);
		if (has_file)
			buf_put(&s->notes.removals, id.b, ID_BYTES);
	}
	if (e)
		entry_done(s->entries, e);
}

/* ---- the bytes of a message ---- */

static int
read_file(int fd, uint64_t offset, uint64_t bytes, struct buf *out)
{
	char *room = buf_room(out, bytes);
	int err = room && pread(fd, room, bytes, (off_t)offset) == (ssize_t)bytes
	              ? E_OK
	              : E_IO;
	if (err == E_OK)
		buf_added(out, bytes);
	close(fd);
	return err;
}

static int
read_large(struct id id, struct buf *out)
{
	struct stat st;
	int fd;
	int err = large_open(&the_spool.files, id, &fd);
	if (err != E_OK)
		return err;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return E_IO;
	}
	return read_file(fd, 0, (uint64_t)st.st_size, out);
}

/* Its bytes, from the journal. */
static int
spool_message(const struct entry *e, struct buf *out)
{
	if (e->ref.source == JOB_LARGE)
		return read_large(e->id, out);
	return journal_read(
	    the_spool.journal, e->segment, e->ref.offset, e->message_bytes, out);
}

int
spool_message_of(struct id id, struct buf *out)
{
	struct entry *e = entry_find(the_spool.entries, id);
	struct deferred d;
	int fd;
	if (e && !e->is_done)
		return spool_message(e, out);
	int err = deferred_read(&the_spool.files, id, &d);
	if (err != E_OK)
		return err;
	buf_free(&d.envelope);
	if (d.message_bytes == 0)
		return read_large(id, out);
	err = deferred_open(&the_spool.files, id, &fd);
	return err == E_OK ? read_file(fd, d.offset, d.message_bytes, out) : err;
}

/* ---- files instead of records ---- */

int
spool_carry(struct entry *e, const uint8_t *states, size_t n_states)
{
	struct spool *s = &the_spool;
	struct buf message = {.max = SPOOL_SMALL_MAX + 1};
	int err = e->ref.source == JOB_JOURNAL ? spool_message(e, &message) : E_OK;
	e->may_have_file = true;
	if (err == E_OK)
		err =
		    deferred_write(&s->files, span_make(e->envelope, e->envelope_bytes),
			states, n_states, buf_as_span(&message));
	buf_free(&message);
	if (err == E_LIMIT)
		room_is_full(&s->room);
	return err;
}

/*
 * The next messages of a segment that have no file get one.  Their number; -1: it cannot be done
 * now.
 */
static int
carry_some(unsigned segment, bool is_done_then)
{
	static struct entry *which[CARRY_MOST];
	static struct id ids[CARRY_MOST];
	struct spool *s = &the_spool;
	size_t n = 0, n_new = 0;
	for (struct entry *e = entries_of(s->entries, segment); e && n < CARRY_MOST;
	     e = e->segment_next) {
		if (e->is_done || (e->has_file && !is_done_then))
			continue;
		if (!e->has_file && spool_carry(e, NULL, 0) != E_OK)
			return -1;
		if (!e->has_file)
			ids[n_new++] = e->id;
		which[n++] = e;
	}
	if (deferred_settle(&s->files, ids, n_new) != E_OK)
		return -1;
	for (size_t i = 0; i < n; i++) {
		which[i]->has_file = true;
		if (is_done_then)
			entry_done(s->entries, which[i]);
	}
	return (int)n;
}

static unsigned
carry_all(unsigned segment, bool is_done_then)
{
	unsigned all = 0;
	for (int n; (n = carry_some(segment, is_done_then)) != 0; all += (unsigned)n)
		if (n < 0) {
			log_event(LOG_ALERT, "not_carried", "segment=%u", segment);
			break;
		}
	return all;
}

void
spool_rescue(void)
{
	struct spool *s = &the_spool;
	int64_t now = clock_mono_ms();
	if (now < s->rescue_at_ms)
		return;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++) {
		if (!journal_is_bad(s->journal, i))
			continue;
		s->rescue_at_ms = now + SPOOL_RESCUE_EVERY_MS;
		unsigned n = carry_all(i, false);
		if (n)
			log_event(LOG_ALERT, "rescued", "segment=%u messages=%u", i, n);
	}
}

void
spool_carry_oldest(void)
{
	struct spool *s = &the_spool;
	unsigned segment;
	if (!journal_oldest(s->journal, &segment) ||
	    entries_unfinished(s->entries, segment) == 0)
		return;
	unsigned n = carry_all(segment, true);
	log_event(LOG_NOTICE, "carried_over",
	    "segment=%u messages=%u why=\"no scheduler\"", segment, n);
}

/* ---- retirement ---- */

void
spool_retire(void)
{
	struct spool *s = &the_spool;
	unsigned segment;
	while (journal_oldest(s->journal, &segment) &&
	       entries_unfinished(s->entries, segment) == 0 &&
	       entries_are_said(s->entries, segment)) {
		/*
		 * the notes of what was removed may be in it: without them a file that comes back
		 * would count
		 */
		if (s->has_removed && files_sync(&s->files) != E_OK)
			return;
		s->has_removed = false;
		entries_retire(s->entries, segment);
		journal_retire(s->journal, segment);
	}
}
