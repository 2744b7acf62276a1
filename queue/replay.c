/* SPDX-License-Identifier: ISC */
/* replay.c - what a start finds in the journal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/spool.h"

/* Files of what is done may have come back with the crash. */
static void
note_done(unsigned segment, struct span ids)
{
	struct entries *all = the_spool.entries;
	for (struct rd r = rd_of(ids); r.in.n >= ID_BYTES;) {
		struct id id;
		rd_id(&r, &id);
		struct entry *e = entry_find(all, id);
		entry_done(all, e ? e : entry_add(all, id, segment, SPAN("")));
		message_files_remove(&the_spool.files, id);
		the_spool.has_removed = true;
	}
}

/* In the file, too: who was killed may not have come to that. */
static void
note_marks(struct span marks)
{
	static uint16_t which[ENVELOPE_RCPTS_MAX];
	struct rd r = rd_of(marks);
	struct id id;
	uint16_t n;
	while (r.in.n && spool_marks_get(&r, &id, which, &n) == E_OK)
		if (spool_marks_apply(id, which, n) == E_IO)
			log_event(LOG_ALERT, "not_marked", "mid=%s err=%s", id_text(id),
			    log_errno(errno));
}

/* Its file counts, once its name is durable: who was killed may not have come to that. */
static void
prefer_file(struct entry *e)
{
	struct spool *s = &the_spool;
	if (!deferred_is_there(&s->files, e->id))
		return;
	e->may_have_file = true;
	if (folder_sync(s->files.deferred, e->id) == E_OK)
		entry_done(s->entries, e);
	else
		log_event(LOG_ALERT, "deferred_not_synced", "mid=%s err=%s",
		    id_text(e->id), log_errno(errno));
}

static void
on_bad(void *ctx, unsigned segment, uint64_t offset, struct span bytes, const char *why)
{
	char name[80];
	(void)ctx;
	snprintf(name, sizeof name, "journal-%u-%llu-%lld", segment,
	    (unsigned long long)offset, (long long)clock_wall_sec());
	log_event(LOG_ALERT, "corrupt_record",
	    "segment=%u offset=%llu bytes=%zu why=\"%s\" aside=corrupt/%s", segment,
	    (unsigned long long)offset, bytes.n, why, name);
	corrupt_put(&the_spool.files, name, bytes);
}

/* Written as it is, by a program that made other envelopes. */
static void
put_record_aside(unsigned segment, const struct record *r)
{
	struct span all = span_make(r->envelope.p, r->envelope.n + r->message.n);
	on_bad(NULL, segment, r->offset - r->envelope.n, all, "its envelope is none");
	if (r->kind == RECORD_LARGE)
		corrupt_move(&the_spool.files, r->id);
}

static void
take_message(unsigned segment, const struct record *r)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct id dropped;
	bool is_good =
	    envelope_get(r->envelope, &arena, &e) == E_OK && id_eq(e.id, r->id);
	if (is_good && spool_dropped(&e, &dropped)) {
		/* who was killed may not have come to that */
		dropped_remove(&the_spool.files, dropped);
		the_spool.has_removed = true;
	}
	if (is_good)
		prefer_file(spool_remember(r, segment));
	else
		put_record_aside(segment, r);
	arena_reset(&arena);
}

static void
on_record(void *ctx, unsigned segment, const struct record *r)
{
	unsigned *n = ctx;
	++*n;
	if (r->kind == RECORD_DONE)
		note_done(segment, r->message);
	else if (r->kind == RECORD_MARK)
		note_marks(r->message);
	else if ((r->kind == RECORD_MESSAGE || r->kind == RECORD_LARGE) &&
		 !entry_find(the_spool.entries, r->id))
		take_message(segment, r);
}

/* After all notes were read: what is not done must be there. */
static void
look_for_large(void)
{
	struct spool *s = &the_spool;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		for (struct entry *e = entries_of(s->entries, i); e;
		     e = e->segment_next)
			if (!e->is_done && e->ref.source == JOB_LARGE &&
			    !large_is_there(&s->files, e->id)) {
				log_event(LOG_ALERT, "large_missing", "mid=%s",
				    id_text(e->id));
				entry_done(s->entries, e);
			}
}

int
spool_replay(void)
{
	struct spool *s = &the_spool;
	unsigned n = 0;
	int64_t begin = clock_mono_ms();
	const struct journal_visitor v = {
	    .ctx = &n, .on_record = on_record, .on_bad = on_bad};
	int err = journal_replay(s->journal, &v);
	if (err != E_OK)
		return err;
	look_for_large();
	log_event(LOG_INFO, "replayed", "records=%u unfinished=%zu ms=%lld", n,
	    entries_count(s->entries), (long long)(clock_mono_ms() - begin));
	return E_OK;
}
