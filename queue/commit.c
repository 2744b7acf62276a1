/* SPDX-License-Identifier: ISC */
/*
 * commit.c - the batch: what came while the last one was synced is written with one write and one
 * sync.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "queue/batch.h"
#include "queue/spool.h"

/* ---- gathering ---- */

static size_t
batch_bytes_most(void)
{
	size_t room = journal_room(the_spool.journal) -
	              SPOOL_NOTE_KINDS * (SPOOL_NOTES_MOST + JOURNAL_PAGE);
	return room < SPOOL_BATCH_BYTES_MOST ? room : SPOOL_BATCH_BYTES_MOST;
}

struct arrival *
spool_arrival(size_t bytes)
{
	struct spool *s = &the_spool;
	if (s->n_batch == JOURNAL_BATCH_RECORDS_MAX - SPOOL_NOTE_KINDS ||
	    (s->n_batch && s->batch_bytes + bytes > batch_bytes_most()))
		spool_write_batch();
	s->batch_bytes += bytes;
	s->batch[s->n_batch] = (struct arrival){.large = -1};
	return &s->batch[s->n_batch++];
}

bool
spool_dropped(const struct envelope *e, struct id *name)
{
	struct span head = SPAN(DROPPED_CLIENT);
	return (e->flags & (ENV_DROPPED | ENV_DERIVED)) == ENV_DROPPED &&
	       span_starts(e->client, head) &&
	       id_parse(span_from(e->client, head.n), name) == E_OK;
}

struct entry *
spool_remember(const struct record *r, unsigned segment)
{
	struct entry *e = entry_add(the_spool.entries, r->id, segment, r->envelope);
	e->ref = (struct job_ref){
	    .source = r->kind == RECORD_LARGE ? JOB_LARGE : JOB_JOURNAL,
	    .segment = segment,
	    .offset = r->kind == RECORD_LARGE ? 0 : r->offset};
	e->message_bytes = (uint32_t)r->message.n;
	return e;
}

/* ---- notes ---- */

void
spool_marks_put(struct id id, const uint16_t *which, uint16_t n)
{
	struct notes *notes = &the_spool.notes;
	if (notes->marks.len + ID_BYTES + 2 + 2 * (size_t)n > SPOOL_NOTES_MOST)
		spool_write_batch();
	buf_put(&notes->marks, id.b, ID_BYTES);
	buf_u16(&notes->marks, n);
	for (uint16_t i = 0; i < n; i++)
		buf_u16(&notes->marks, which[i]);
	buf_put(&notes->marked, id.b, ID_BYTES);
}

int
spool_marks_get(struct rd *r, struct id *id, uint16_t *which, uint16_t *n)
{
	rd_id(r, id);
	*n = rd_u16(r);
	if (r->err != E_OK || *n > ENVELOPE_RCPTS_MAX)
		return E_BAD;
	for (uint16_t i = 0; i < *n; i++)
		which[i] = rd_u16(r);
	return r->err;
}

int
spool_marks_apply(struct id id, const uint16_t *which, uint16_t n)
{
	struct entry *e = entry_find(the_spool.entries, id);
	bool is_in_journal = e && !e->is_done;
	if (is_in_journal)
		entry_mark(e, which, n);
	if (is_in_journal && !e->may_have_file)
		return E_OK;
	int err = deferred_mark(&the_spool.files, id, which, n);
	return is_in_journal ? E_OK : err;
}

bool
spool_has_notes(void)
{
	return the_spool.notes.done.len || the_spool.notes.marks.len;
}

static void
each_id(struct buf *ids, void (*fn)(struct id, unsigned segment), unsigned segment)
{
	for (struct rd r = rd_of(buf_as_span(ids)); r.in.n >= ID_BYTES;) {
		struct id id;
		rd_id(&r, &id);
		fn(id, segment);
	}
	buf_reset(ids);
}

/*
 * Finished while its note lives: the same id is not taken again until the note's segment retires.
 */
static void
remember_done(struct id id, unsigned segment)
{
	struct entries *all = the_spool.entries;
	if (!entry_find(all, id))
		entry_done(all, entry_add(all, id, segment, SPAN("")));
}

static void
remove_files(struct id id, unsigned segment)
{
	(void)segment;
	message_files_remove(&the_spool.files, id);
	the_spool.has_removed = true;
}

static void
tell_marked(struct id id, unsigned segment)
{
	(void)segment;
	say_marked(id, true);
}

static void
notes_are_durable(unsigned segment)
{
	struct notes *n = &the_spool.notes;
	each_id(&n->done, remember_done, segment);
	each_id(&n->removals, remove_files, segment);
	each_id(&n->marked, tell_marked, segment);
	buf_reset(&n->marks);
}

/* ---- writing ---- */

/* What need not be written: refused, or taken before under the same id. */
static bool
is_settled(struct arrival *a)
{
	struct spool *s = &the_spool;
	if (a->verdict != SPOOL_OK || entry_find(s->entries, a->record.id))
		return true;
	for (struct arrival *b = s->batch; b < a && !a->twin; b++)
		if (id_eq(b->record.id, a->record.id))
			a->twin = b;
	return a->twin ||
	       (a->may_be_known && deferred_is_there(&s->files, a->record.id)) ||
	       (a->is_dropped && !dropped_is_there(&s->files, a->dropped));
}

static enum spool_verdict
verdict_of(int err)
{
	if (err == E_OK)
		return SPOOL_OK;
	if (err == E_LIMIT)
		return SPOOL_BUSY;
	if (errno == ENOSPC || errno == EDQUOT) {
		room_is_full(&the_spool.room);
		return SPOOL_FULL;
	}
	return SPOOL_FAILED;
}

/* The names of large files: made for all, then synced, so that the first sync serves the rest. */
static void
name_large(void)
{
	struct spool *s = &the_spool;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (a->record.kind == RECORD_LARGE && !is_settled(a)) {
			int err = large_link(&s->files, a->large, a->record.id);
			a->verdict = err == E_LIMIT ? SPOOL_FULL : verdict_of(err);
		}
	}
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (a->record.kind == RECORD_LARGE && !is_settled(a) &&
		    large_sync(&s->files, a->record.id) != E_OK)
			a->verdict = SPOOL_FAILED;
	}
}

static size_t
collect(struct record *records, struct arrival **which)
{
	struct spool *s = &the_spool;
	size_t n = 0;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (is_settled(a))
			continue;
		which[n] = a;
		records[n++] = a->record;
	}
	return n;
}

/* All marks of this batch: those that were noted, and those of its reports and forwards. */
static void
put_marks(struct buf *out)
{
	struct spool *s = &the_spool;
	buf_span(out, buf_as_span(&s->notes.marks));
	for (size_t i = 0; i < s->n_batch; i++)
		if (s->batch[i].verdict == SPOOL_OK)
			buf_span(out, buf_as_span(&s->batch[i].marks));
}

/* They are in the journal now: from there a start takes what does not get into the file. */
static void
apply_marks(const struct arrival *a)
{
	static uint16_t which[ENVELOPE_RCPTS_MAX];
	struct rd r = rd_of(buf_as_span(&a->marks));
	struct id id;
	uint16_t n;
	if (spool_marks_get(&r, &id, which, &n) != E_OK)
		bug("marks that were accepted");
	if (spool_marks_apply(id, which, n) == E_IO)
		log_event(LOG_ALERT, "not_marked", "mid=%s err=%s", id_text(id),
		    log_errno(errno));
}

/* A report or a forward counts with its marks: without them it is made again. */
static void
settle_marked(enum spool_verdict v)
{
	struct spool *s = &the_spool;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (!a->marks.len || a->verdict != SPOOL_OK)
			continue;
		a->verdict = v;
		if (v == SPOOL_OK)
			apply_marks(a);
	}
}

static void
answer_all(void)
{
	struct spool *s = &the_spool;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (a->twin)
			a->verdict = a->twin->verdict;
	}
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (a->is_dropped && a->verdict == SPOOL_OK) {
			dropped_remove(&s->files, a->dropped);
			/* so no segment retires before that is durable */
			s->has_removed = true;
		}
		intake_answer(a);
	}
	s->n_batch = 0;
	s->batch_bytes = 0;
}

static void
settle(
    struct arrival *a, const struct record *r, enum spool_verdict v, unsigned segment)
{
	a->verdict = v;
	if (v == SPOOL_OK)
		say_new(spool_remember(r, segment));
	else if (r->kind == RECORD_LARGE)
		message_files_remove(&the_spool.files, r->id);
}

static int
write_records(struct record *records, size_t n, size_t n_messages, unsigned *segment)
{
	int64_t begun_us = clock_mono_us();
	uint64_t bytes = batch_head_bytes(n);
	int err = journal_write(the_spool.journal, records, n, segment);
	int why = errno;
	for (size_t i = 0; i < n; i++)
		bytes += batch_record_bytes(&records[i]);
	metric_took(M_QUEUE_SYNC, begun_us);
	if (err == E_OK)
		metric_add(M_QUEUE_BATCH_BYTES, bytes);
	else
		metric_count(M_QUEUE_SYNC_FAILURES);
	if (n_messages)
		metric_size(M_QUEUE_BATCH, n_messages);
	errno = why;
	return err;
}

void
spool_write_batch(void)
{
	static struct record records[JOURNAL_BATCH_RECORDS_MAX];
	static struct arrival *which[JOURNAL_BATCH_RECORDS_MAX];
	struct spool *s = &the_spool;
	struct buf marks = {0};
	unsigned segment = 0;
	int err = E_OK;
	name_large();
	put_marks(&marks);
	size_t n_messages = collect(records, which), n = n_messages;
	if (s->notes.done.len)
		records[n++] = (struct record){
		    .kind = RECORD_DONE, .message = buf_as_span(&s->notes.done)};
	if (marks.len)
		records[n++] = (struct record){
		    .kind = RECORD_MARK, .message = buf_as_span(&marks)};
	if (n)
		err = write_records(records, n, n_messages, &segment);
	enum spool_verdict v = verdict_of(err);
	for (size_t i = 0; i < n_messages; i++)
		settle(which[i], &records[i], v, segment);
	settle_marked(v);
	buf_free(&marks);
	if (n && v == SPOOL_OK)
		notes_are_durable(segment);
	if (s->syncs_owed && !spool_has_notes())
		say_synced();
	answer_all();
	if (v == SPOOL_FAILED) {
		s->rescue_at_ms = 0;
		spool_rescue();
	}
	say_flush();
}
