/* SPDX-License-Identifier: ISC */
/* spool.c - the loop of the spool: gather, write one batch, sync once, answer all. */
#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/asks.h"

struct spool the_spool;

enum { NOTES_MAX = 1 << 20, LOCK_WAIT_SEC = 30 };

/* ---- the batch ---- */

struct arrival *
spool_arrival(void)
{
	struct spool *s = &the_spool;
	/* one place stays for the notes */
	if (s->n_batch == JOURNAL_BATCH_RECORDS_MAX - 1 || s->batch_bytes >= SPOOL_BATCH_BYTES_MOST)
		spool_write_batch();
	s->batch[s->n_batch] = (struct arrival){.large = -1};
	return &s->batch[s->n_batch++];
}

static struct entry *
remember(const struct record *r, unsigned segment)
{
	struct entry *e = entry_add(the_spool.entries, r->id, segment, r->envelope);
	e->ref = (struct job_ref){.source = r->kind == RECORD_LARGE ? JOB_LARGE : JOB_JOURNAL,
	    .segment = segment, .offset = r->kind == RECORD_LARGE ? 0 : r->offset};
	e->message_bytes = (uint32_t)r->message.n;
	return e;
}

/* What need not be written: refused, or taken before under the same id. */
static bool
is_settled(struct arrival *a, size_t before)
{
	struct spool *s = &the_spool;
	if (a->verdict != SPOOL_OK)
		return true;
	a->is_known = entry_find(s->entries, a->record.id) || deferred_is_there(&s->files, a->record.id);
	for (size_t i = 0; i < before && !a->is_known; i++)
		a->is_known = s->batch[i].verdict == SPOOL_OK && id_eq(s->batch[i].record.id, a->record.id);
	return a->is_known;
}

static size_t
collect(struct record *records, size_t *which)
{
	struct spool *s = &the_spool;
	size_t n = 0;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (is_settled(a, i))
			continue;
		if (a->record.kind == RECORD_LARGE && large_link(&s->files, a->large, a->record.id) != E_OK) {
			a->verdict = SPOOL_FAILED;
			continue;
		}
		which[n] = i;
		records[n++] = a->record;
	}
	return n;
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

/* A failed sync leaves in doubt all that its segment holds: it is written again, elsewhere. */
static void
rescue(unsigned segment)
{
	struct spool *s = &the_spool;
	unsigned n = 0;
	for (struct entry *e = entries_of(s->entries, segment); e; e = e->segment_next)
		if (!e->is_done && !e->is_unsaid && spool_carry(e, NULL) == E_OK)
			n++;
	if (n)
		log_event(LOG_ALERT, "rescued", "segment=%u messages=%u", segment, n);
}

static void
answer_all(void)
{
	struct spool *s = &the_spool;
	for (size_t i = 0; i < s->n_batch; i++) {
		struct arrival *a = &s->batch[i];
		if (a->verdict == SPOOL_OK)
			intake_accept(a);
		else
			intake_refuse(a, a->verdict);
	}
	s->n_batch = 0;
	s->batch_bytes = 0;
}

void
spool_write_batch(void)
{
	static struct record records[JOURNAL_BATCH_RECORDS_MAX];
	static size_t which[JOURNAL_BATCH_RECORDS_MAX];
	struct spool *s = &the_spool;
	unsigned segment = 0;
	size_t n = collect(records, which), n_messages = n;
	if (s->notes.len)
		records[n++] = (struct record){.kind = RECORD_DONE, .message = buf_as_span(&s->notes)};
	int err = n == 0 ? E_OK : journal_write(s->journal, records, n, &segment);
	enum spool_verdict v = verdict_of(err);
	for (size_t i = 0; i < n_messages; i++) {
		s->batch[which[i]].verdict = v;
		if (v == SPOOL_OK)
			say_new(remember(&records[i], segment));
	}
	if (v == SPOOL_OK)
		buf_reset(&s->notes);
	answer_all();
	say_flush();
}

/* ---- what is done ---- */

void
spool_finish(struct id id)
{
	struct spool *s = &the_spool;
	struct entry *e = entry_find(s->entries, id);
	bool has_file = !e || e->ref.source == JOB_LARGE || e->is_done;
	if (s->notes.len < NOTES_MAX)
		buf_put(&s->notes, id.b, ID_BYTES);
	if (e)
		entry_done(s->entries, e);
	if (!has_file)
		return;
	spool_write_batch(); /* the note is durable before the file goes: else a replay would begin again */
	if (s->notes.len == 0)
		message_files_remove(&s->files, id);
}

int
spool_message(const struct entry *e, struct buf *out)
{
	struct spool *s = &the_spool;
	int fd;
	if (e->ref.source == JOB_JOURNAL)
		return journal_read(s->journal, e->segment, e->ref.offset, e->message_bytes, out);
	int err = large_open(&s->files, e->id, &fd);
	if (err != E_OK)
		return err;
	struct stat st;
	char *room = fstat(fd, &st) == 0 ? buf_room(out, (size_t)st.st_size) : NULL;
	err = room && pread(fd, room, (size_t)st.st_size, 0) == st.st_size ? E_OK : E_IO;
	if (err == E_OK)
		buf_added(out, (size_t)st.st_size);
	close(fd);
	return err;
}

int
spool_carry(struct entry *e, const uint8_t *states)
{
	struct spool *s = &the_spool;
	struct buf message = {.max = SPOOL_SMALL_MAX + 1};
	int err = e->ref.source == JOB_JOURNAL ? spool_message(e, &message) : E_OK;
	if (err == E_OK)
		err = deferred_write(&s->files, span_make(e->envelope, e->envelope_bytes), states,
		    buf_as_span(&message));
	buf_free(&message);
	if (err == E_LIMIT)
		room_is_full(&s->room);
	return err;
}

/* ---- retirement and pressure ---- */

static void
retire(void)
{
	struct spool *s = &the_spool;
	unsigned segment;
	while (journal_oldest(s->journal, &segment) && entries_unfinished(s->entries, segment) == 0) {
		entries_retire(s->entries, segment);
		journal_retire(s->journal, segment);
	}
}

/* Without sched nobody would say what to defer: the oldest segment is carried over as it is. */
static void
carry_oldest(void)
{
	struct spool *s = &the_spool;
	unsigned segment, n = 0;
	if (!journal_oldest(s->journal, &segment))
		return;
	for (struct entry *e = entries_of(s->entries, segment); e; e = e->segment_next)
		if (!e->is_done && spool_carry(e, NULL) != E_OK)
			return;
	if (files_sync(&s->files) != E_OK)
		return;
	for (struct entry *e = entries_of(s->entries, segment); e; e = e->segment_next) {
		n += !e->is_done;
		entry_done(s->entries, e);
	}
	log_event(LOG_NOTICE, "carried_over", "segment=%u messages=%u why=\"no scheduler\"", segment, n);
}

static void
on_tick(void *ctx)
{
	struct spool *s = &the_spool;
	unsigned segment;
	(void)ctx;
	retire();
	journal_prepare(s->journal);
	room_tick(&s->room);
	if (journal_oldest(s->journal, &segment) && journal_is_bad(s->journal, segment))
		rescue(segment);
	if (journal_live(s->journal) >= s->segments_live) {
		if (say_is_there())
			say_pressure();
		else
			carry_oldest();
	}
	loop_timer_set(s->tick, SPOOL_TICK_MS);
}

/* ---- replay ---- */

static void
on_record(void *ctx, unsigned segment, const struct record *r)
{
	struct spool *s = &the_spool;
	unsigned *n = ctx;
	if (r->kind == RECORD_DONE) {
		for (struct rd ids = rd_of(r->message); ids.in.n >= ID_BYTES;) {
			struct id id;
			rd_id(&ids, &id);
			struct entry *e = entry_find(s->entries, id);
			if (e)
				entry_done(s->entries, e);
		}
		return;
	}
	if (entry_find(s->entries, r->id))
		return;
	struct entry *e = remember(r, segment);
	if (deferred_is_there(&s->files, r->id))
		entry_done(s->entries, e); /* it has a file of its own: that one counts */
	++*n;
}

static void
on_bad(void *ctx, unsigned segment, uint64_t offset, struct span bytes, const char *why)
{
	char name[80];
	(void)ctx;
	snprintf(name, sizeof name, "journal-%u-%llu-%lld", segment, (unsigned long long)offset,
	    (long long)clock_wall_sec());
	log_event(LOG_ALERT, "corrupt_record", "segment=%u offset=%llu bytes=%zu why=\"%s\" aside=corrupt/%s",
	    segment, (unsigned long long)offset, bytes.n, why, name);
	corrupt_put(&the_spool.files, name, bytes);
}

static int
replay(void)
{
	unsigned n = 0;
	int64_t begin = clock_mono_ms();
	const struct journal_visitor v = {.ctx = &n, .on_record = on_record, .on_bad = on_bad};
	int err = journal_replay(the_spool.journal, &v);
	log_event(LOG_INFO, "replayed", "records=%u unfinished=%zu ms=%lld", n,
	    entries_count(the_spool.entries), (long long)(clock_mono_ms() - begin));
	return err;
}

/* ---- the role ---- */

int
spool_prepare(void)
{
	return EX_OK;
}

void
spool_jail(struct jail *j)
{
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT | JAIL_FLOCK;
	jail_allow(j, conf_str(the_child.conf, "common", "spool_dir"), JAIL_READ | JAIL_WRITE);
	jail_allow(j, "/proc/self", JAIL_READ);
}

/* One spool at a time: one that is killed may still be writing for a moment. */
static int
take_lock(int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	alarm(LOCK_WAIT_SEC);
	int err = fd >= 0 && flock(fd, LOCK_EX) == 0 ? E_OK : E_IO;
	alarm(0);
	return err; /* held as long as we live */
}

static void
on_channel(int fd, unsigned kind, struct span about)
{
	(void)about;
	if (kind == QUEUE_SCHED)
		say_open(fd);
	else
		close(fd);
}

static void
on_drain(void)
{
	the_spool.is_ending = true;
}

static int
open_all(void)
{
	struct spool *s = &the_spool;
	const struct conf *c = the_child.conf;
	const char *dir = conf_str(c, "common", "spool_dir");
	uint64_t segment = (uint64_t)conf_int(c, "queue", "segment_size");
	s->segments_live = (unsigned)conf_int(c, "queue", "segments_live");
	s->segments_most = (unsigned)conf_int(c, "queue", "segments_most");
	s->defer_after_ms = conf_int(c, "queue", "defer_after") * 1000;
	s->notes.max = NOTES_MAX + ID_BYTES;
	s->batch = mem_new(JOURNAL_BATCH_RECORDS_MAX * sizeof *s->batch);
	s->entries = entries_new();
	if (files_open(dir, &s->files) != E_OK || take_lock(s->files.dir) != E_OK)
		return E_IO;
	if (journal_open(dir, segment, s->segments_most + 1, &s->journal) != E_OK)
		return E_IO;
	room_init(&s->room, s->files.dir, (uint64_t)conf_int(c, "queue", "ballast"), 2 * segment);
	return replay();
}

int
spool_run(void)
{
	struct spool *s = &the_spool;
	umask(0027);
	if (open_all() != E_OK)
		return EX_CANTCREAT;
	s->loop = loop_new();
	the_child.on_client = on_channel;
	the_child.on_drain = on_drain;
	journal_prepare(s->journal);
	s->tick = loop_timer_new(s->loop, on_tick, NULL);
	loop_timer_set(s->tick, SPOOL_TICK_MS);
	intake_open();
	while (!s->is_ending) {
		loop_once(s->loop);
		if (s->n_batch)
			spool_write_batch();
	}
	if (s->notes.len)
		spool_write_batch();
	return EX_OK;
}
