/* SPDX-License-Identifier: ISC */
/* sched_asks.c - what the scheduler may ask of the spool. */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/asks.h"
#include "queue/sealed.h"
#include "queue/spool.h"
#include "tls/hash.h"

enum {
	PH_ANY = 1,
	DEFERRALS_MOST = 256,
	LIST_AT_ONCE = 64 /* folders */,
	LIST_FEW = 64 /* names, then no other folder */
};

_Static_assert((int)LIST_FOLDERS == (int)FOLDERS, "all of them");

static void
put_id(struct buf *b, struct id id)
{
	buf_put(b, id.b, ID_BYTES);
}

static int
ask_done(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	for (uint16_t i = 0; i < n && body->err == E_OK; i++) {
		struct id id;
		rd_id(body, &id);
		if (body->err == E_OK)
			spool_finish(id);
	}
	return rd_end(body) == E_OK ? E_MORE : E_BAD;
}

/* What is to be deferred: written as it is asked for, settled together, with few syncs. */
struct deferral {
	struct id id;
	struct entry *entry; /* borrow; NULL: it has its file already */
	bool is_ok;
};

static struct deferral deferrals[DEFERRALS_MOST];
static size_t n_deferrals;

static void
say_deferred(const struct deferral *all, size_t n, bool is_settled)
{
	struct buf b = {0};
	buf_u16(&b, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct deferral *d = &all[i];
		bool is_ok = d->is_ok && (is_settled || !d->entry);
		if (is_ok && d->entry)
			entry_done(the_spool.entries, d->entry);
		put_id(&b, d->id);
		buf_u8(&b, is_ok);
	}
	say(SAY_DEFERRED, &b, -1);
}

void
sched_asks_settle(void)
{
	static struct id written[DEFERRALS_MOST];
	size_t n = 0;
	if (n_deferrals == 0)
		return;
	for (size_t i = 0; i < n_deferrals; i++)
		if (deferrals[i].entry && deferrals[i].is_ok)
			written[n++] = deferrals[i].id;
	say_deferred(deferrals, n_deferrals,
	    deferred_settle(&the_spool.files, written, n) == E_OK);
	n_deferrals = 0;
}

static int
defer_one(struct rd *body)
{
	struct deferral d = {.entry = NULL};
	rd_id(body, &d.id);
	uint16_t n = rd_u16(body);
	struct span states = rd_bytes(body, n);
	if (body->err != E_OK)
		return E_BAD;
	if (n_deferrals == DEFERRALS_MOST)
		sched_asks_settle();
	d.entry = entry_find(the_spool.entries, d.id);
	if (d.entry && d.entry->is_done)
		d.entry = NULL;
	if (d.entry)
		d.is_ok = spool_carry(d.entry, (const uint8_t *)states.p, n) == E_OK;
	else
		d.is_ok = deferred_is_there(&the_spool.files, d.id);
	deferrals[n_deferrals++] = d;
	return E_OK;
}

static int
ask_defer(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t n = rd_u16(body);
	int err = E_OK;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	for (uint16_t i = 0; i < n && err == E_OK; i++)
		err = defer_one(body);
	return err == E_OK && rd_end(body) == E_OK ? E_MORE : E_BAD;
}

/*
 * In the journal it is noted with the next batch; a file's states are overwritten in their place.
 */
static int
ask_mark(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static uint16_t which[ENVELOPE_RCPTS_MAX];
	struct id id;
	uint16_t n;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (spool_marks_get(body, &id, which, &n) != E_OK || rd_end(body) != E_OK)
		return E_BAD;
	struct entry *e = entry_find(the_spool.entries, id);
	bool is_in_journal = e && !e->is_done;
	bool is_ok = spool_marks_apply(id, which, n) == E_OK;
	if (is_in_journal)
		spool_marks_put(id, which, n);
	else
		say_marked(id, is_ok);
	return E_MORE;
}

static int
ask_copy(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf message = {.max = SIZE_MAX / 2}, b = {0};
	struct id id;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	int copy = spool_message_of(id, &message) == E_OK
	               ? sealed_copy(buf_as_span(&message))
	               : -1;
	buf_free(&message);
	put_id(&b, id);
	buf_u8(&b, copy >= 0);
	say(SAY_COPY, &b, copy);
	return E_MORE;
}

/* A large message is alone in its file, which nobody changes; so a relay may read that. */
static int
large_of(struct id id, uint64_t *bytes)
{
	const struct entry *e = entry_find(the_spool.entries, id);
	struct stat st;
	int fd;
	if (e && !e->is_done && e->ref.source != JOB_LARGE)
		return -1;
	if (large_open(&the_spool.files, id, &fd) != E_OK)
		return -1;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return -1;
	}
	*bytes = (uint64_t)st.st_size;
	return fd;
}

/* Several messages, one behind the other, in one memory file. */
static int
copy_all(const struct id *ids, uint16_t n, struct buf *said)
{
	struct buf all = {.max = SIZE_MAX / 2};
	uint64_t bytes;
	int large = n == 1 ? large_of(ids[0], &bytes) : -1;
	if (large >= 0) {
		buf_u8(said, 1);
		buf_u64(said, 0);
		buf_u64(said, bytes);
		return large;
	}
	for (uint16_t i = 0; i < n; i++) {
		size_t at = all.len;
		bool is_ok = spool_message_of(ids[i], &all) == E_OK;
		if (!is_ok)
			buf_cut(&all, at);
		buf_u8(said, is_ok);
		buf_u64(said, at);
		buf_u64(said, all.len - at);
	}
	int fd = sealed_copy(buf_as_span(&all));
	buf_free(&all);
	return fd;
}

static int
ask_copies(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct id ids[COPIES_MOST];
	struct buf b = {0};
	(void)a, (void)fd, (void)reply, (void)fd_back;
	uint32_t tag = rd_u32(body);
	uint16_t n = rd_u16(body);
	if (n == 0 || n > COPIES_MOST)
		return E_BAD;
	for (uint16_t i = 0; i < n; i++)
		rd_id(body, &ids[i]);
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(&b, tag);
	buf_u16(&b, n);
	int copies = copy_all(ids, n, &b);
	say(SAY_COPIES, &b, copies);
	return E_MORE;
}

/* A large copy goes through a file, as a client's would. */
static int
derive_large(struct arrival *r, struct span message)
{
	int err = large_file(&the_spool.files, &r->large);
	if (err == E_OK)
		err = file_write(r->large, message);
	if (err == E_OK && fdatasync(r->large) != 0)
		err = E_IO;
	r->record.kind = RECORD_LARGE;
	r->record.message = SPAN("");
	return err;
}

/* [u32 length, envelope, message]; the spans of the record borrow from it. */
static void
record_set(struct arrival *r, const struct envelope *e, struct span message)
{
	buf_u32(&r->bytes, 0);
	envelope_put(&r->bytes, e);
	buf_set_u32(&r->bytes, 0, (uint32_t)r->bytes.len - 4);
	size_t envelope_bytes = r->bytes.len - 4;
	buf_span(&r->bytes, message);
	r->record = (struct record){.kind = RECORD_MESSAGE,
	    .id = e->id,
	    .envelope = span_make(r->bytes.p + 4, envelope_bytes),
	    .message = span_from(buf_as_span(&r->bytes), 4 + envelope_bytes)};
}

/* The parent's bytes behind a Return-Path of its own. */
static int
derive(struct id parent, const struct envelope *e, struct arrival *r)
{
	struct buf old = {.max = SIZE_MAX / 2}, message = {.max = SIZE_MAX / 2};
	struct envelope made = *e;
	int err = spool_message_of(parent, &old);
	if (err == E_OK) {
		struct span rest = buf_as_span(&old);
		buf_putf(&message, "Return-Path: <%.*s>\r\n", SPAN_ARG(e->sender));
		made.head_bytes = (uint32_t)message.len;
		buf_span(&message, span_from(rest, e->head_bytes));
		made.size_bytes = message.len;
		sha256(buf_as_span(&message), made.sha256);
		made.flags |= ENV_DERIVED;
		bool is_small = message.len <= SPOOL_SMALL_MAX;
		record_set(r, &made, is_small ? buf_as_span(&message) : SPAN(""));
		if (!is_small)
			err = derive_large(r, buf_as_span(&message));
	}
	buf_free(&old);
	buf_free(&message);
	return err;
}

/*
 * All copies of one alias have room, or none has: some of them, and all again later, would be
 * doubles.
 */
static bool
has_room(struct id parent, uint16_t left, uint64_t size_bytes)
{
	static struct {
		struct id parent;
		uint16_t left;
		bool is_refused;
	} last;
	struct room *room = &the_spool.room;
	bool goes_on = id_eq(last.parent, parent) && last.left == left + 1;
	uint64_t all_bytes = size_bytes * left;
	if (!goes_on) {
		/* what was written since then is many times what one client brings */
		room->looked_ms = 0;
		last.is_refused =
		    journal_live(the_spool.journal) >= the_spool.segments_most ||
		    !room_promise(room, all_bytes);
		if (!last.is_refused)
			room_back(room, all_bytes);
	}
	last.parent = parent;
	last.left = left;
	return !last.is_refused;
}

/* Of which message, and its marks as they go into a note; n: how many. */
static int
take_marks(struct rd *body, struct id *parent, uint16_t *n, struct span *out)
{
	static uint16_t which[ENVELOPE_RCPTS_MAX];
	struct span all = body->in;
	int err = spool_marks_get(body, parent, which, n);
	*out = span_head(all, all.n - body->in.n);
	return err;
}

static int
ask_derive(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct id parent;
	struct span marks;
	uint16_t n_marks;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	int err = take_marks(body, &parent, &n_marks, &marks);
	uint16_t left = rd_u16(body);
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	if (err != E_OK || rd_end(body) != E_OK || left == 0 ||
	    envelope_get(envelope, &arena, &e) != E_OK) {
		arena_reset(&arena);
		return E_BAD;
	}
	struct arrival made = {.large = -1,
	    .may_be_known = true,
	    .is_derived = true,
	    .parent = parent,
	    .record = {.kind = RECORD_MESSAGE, .id = e.id},
	    .bytes = {.max = SIZE_MAX / 2}};
	if (!has_room(parent, left, e.size_bytes))
		made.verdict = SPOOL_FULL;
	else if (derive(parent, &e, &made) != E_OK)
		made.verdict = SPOOL_FAILED;
	else if (room_promise(&the_spool.room, e.size_bytes))
		made.promised = e.size_bytes;
	if (n_marks)
		buf_span(&made.marks, marks);
	/* it is answered with the batch that it goes into */
	*spool_arrival(made.bytes.len + made.marks.len) = made;
	arena_reset(&arena);
	return E_MORE;
}

/* The bytes of a report, from the file that came with it. */
static int
read_report(int fd, const struct envelope *e, struct buf *out)
{
	char *room = fd >= 0 && e->size_bytes <= SPOOL_SMALL_MAX
	                 ? buf_room(out, e->size_bytes)
	                 : NULL;
	if (!room || pread(fd, room, e->size_bytes, 0) != (ssize_t)e->size_bytes)
		return E_BAD;
	buf_added(out, e->size_bytes);
	return E_OK;
}

static int
ask_report(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct arrival made = {
	    .large = -1, .may_be_known = true, .bytes = {.max = SIZE_MAX / 2}};
	struct buf message = {.max = SPOOL_SMALL_MAX};
	struct envelope e;
	struct span marks;
	uint16_t n;
	(void)a, (void)reply, (void)fd_back;
	int err = take_marks(body, &made.parent, &n, &marks);
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	if (err == E_OK)
		err = rd_end(body);
	if (err == E_OK)
		err = envelope_get(envelope, &arena, &e);
	if (err == E_OK)
		err = e.n_rcpts ? read_report(*fd, &e, &message) : E_BAD;
	if (err == E_OK) {
		record_set(&made, &e, buf_as_span(&message));
		buf_span(&made.marks, marks);
		*spool_arrival(made.bytes.len + made.marks.len) = made;
	}
	buf_free(&message);
	arena_reset(&arena);
	return err == E_OK ? E_MORE : E_BAD;
}

/*
 * One deferred message as SAY_NEW; SAY_MISSING when it is not there, or damaged (then it goes
 * aside).
 */
static void
fetch_one(struct id id)
{
	struct deferred d;
	struct buf b = {0};
	int err = deferred_read(&the_spool.files, id, &d);
	if (err == E_OK) {
		struct job_ref ref = {
		    .source = d.message_bytes ? JOB_DEFERRED : JOB_LARGE,
		    .offset = d.offset};
		if (!d.message_bytes)
			ref.offset = 0;
		err = say_envelope(&ref, buf_as_span(&d.envelope));
		buf_free(&d.envelope);
		if (err == E_OK)
			return;
	}
	if (err == E_BAD && deferred_is_there(&the_spool.files, id)) {
		log_event(LOG_ALERT, "corrupt_message", "id=%s aside=corrupt/%s",
		    id_text(id), id_text(id));
		corrupt_move(&the_spool.files, id);
	}
	put_id(&b, id);
	buf_u8(&b, err != E_BAD);
	say(SAY_MISSING, &b, -1);
}

static int
ask_fetch(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (n > SAY_BATCH_MAX)
		return E_LIMIT;
	if (spool_has_notes())
		spool_write_batch(); /* the files of what is done go first: it must not come back */
	for (uint16_t i = 0; i < n && body->err == E_OK; i++) {
		struct id id;
		rd_id(body, &id);
		if (body->err == E_OK)
			fetch_one(id);
	}
	return rd_end(body) == E_OK ? E_MORE : E_BAD;
}

static void
say_names(struct buf *ids)
{
	struct buf b = {0};
	buf_u16(&b, (uint16_t)(ids->len / ID_BYTES));
	buf_span(&b, buf_as_span(ids));
	buf_reset(ids);
	say(SAY_NAMES, &b, -1);
}

static int
on_name(void *ctx, struct id id)
{
	struct buf *ids = ctx;
	put_id(ids, id);
	if (ids->len / ID_BYTES == SAY_NAMES_MAX)
		say_names(ids);
	return E_OK;
}

/* A large file belongs to a record of the journal, or to a deferred message. */
static bool
is_held(struct id id)
{
	struct entry *e = entry_find(the_spool.entries, id);
	return (e && !e->is_done) || deferred_is_there(&the_spool.files, id);
}

/*
 * Where there are many names, one folder at a time: who puts messages in does not wait for a
 * million of them.
 */
static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf ids = {0}, end = {0};
	size_t n = 0;
	uint16_t folder = rd_u16(body), last = folder + LIST_AT_ONCE;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || folder >= LIST_FOLDERS)
		return E_BAD;
	sched_asks_settle(); /* what is not settled now never will be */
	for (; folder < LIST_FOLDERS && folder < last && n < LIST_FEW; folder++) {
		if (deferred_each(&the_spool.files, folder, on_name, &ids) != E_OK)
			log_event(
			    LOG_ERR, "deferred_not_listed", "folder=%02x", folder);
		large_sweep(&the_spool.files, folder, is_held);
		n += ids.len / ID_BYTES;
		if (ids.len)
			say_names(&ids);
	}
	buf_u16(&end, 0);
	buf_u16(&end, folder);
	say(SAY_NAMES, &end, -1);
	buf_free(&ids);
	return E_MORE;
}

static int
ask_hold(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct id id;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &id);
	bool is_held = rd_u8(body) == 1;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (deferred_hold(&the_spool.files, id, is_held) != E_OK)
		log_event(LOG_ERR, "not_held",
		    "mid=%s held=%d do=\"nothing: as long as the index is not lost its "
		    "row says so\"",
		    id_text(id), is_held);
	return E_MORE;
}

static int
ask_sync(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	/* with the next batch, which is written when all that is asked now was read */
	the_spool.syncs_owed++;
	return E_MORE;
}

void
sched_asks_forget(void)
{
	n_deferrals = 0;
	the_spool.syncs_owed = 0;
}

/* clang-format off */
const struct ask_row sched_rows[SCHED_ROWS] = {
	/*                 name       legal in  times bytes             fd back  answered by */
	[SCHED_DONE]    = {"DONE",    PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_done},
	[SCHED_DEFER]   = {"DEFER",   PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_defer},
	[SCHED_MARK]    = {"MARK",    PH_ANY,   0,    4096,             false,   ask_mark},
	[SCHED_COPY]    = {"COPY",    PH_ANY,   0,    ID_BYTES,         false,   ask_copy},
	[SCHED_DERIVE]  = {"DERIVE",  PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_derive},
	[SCHED_REPORT]  = {"REPORT",  PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_report},
	[SCHED_FETCH]   = {"FETCH",   PH_ANY,   0,    4096,             false,   ask_fetch},
	[SCHED_LIST]    = {"LIST",    PH_ANY,   0,    2,                false,   ask_list},
	[SCHED_COPIES]  = {"COPIES",  PH_ANY,   0,    6 + COPIES_MOST * ID_BYTES, false, ask_copies},
	[SCHED_HOLD]    = {"HOLD",    PH_ANY,   0,    ID_BYTES + 1,     false,   ask_hold},
	[SCHED_SYNC]    = {"SYNC",    PH_ANY,   0,    0,                false,   ask_sync},
};
/* clang-format on */

_Static_assert((int)SCHED_ROWS == (int)SCHED_ASKS, "a row for each ask");
