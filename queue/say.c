/* SPDX-License-Identifier: ISC */
/* say.c - the spool and its scheduler: what is told, what is asked. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/spool.h"
#include "tls/hash.h"

enum { PH_ANY = 1, SAY_BYTES_MOST = 60000, SCHED_BURST = 64, WAITING_BYTES_MOST = 4 << 20 };

/* A message that did not fit into the channel. */
struct waiting {
	struct waiting *next;
	uint16_t type;
	struct buf body; /* own */
	int fd;          /* own; -1 */
};

static struct {
	struct asker *asker;             /* own; NULL: there is no scheduler */
	struct loop_fd *watch;           /* own */
	struct entry *unsaid, **unsaid_end; /* borrow: what is new, in order */
	struct waiting *waiting, **waiting_end; /* own: answers, before anything new */
	bool owes_replayed;
	struct buf scratch;
} sched = {.unsaid_end = &sched.unsaid, .waiting_end = &sched.waiting};

bool
say_is_there(void)
{
	return sched.asker != NULL;
}

static void
leave(void)
{
	loop_unwatch(&sched.watch);
	asker_free(&sched.asker);
	while (sched.waiting) {
		struct waiting *w = sched.waiting;
		sched.waiting = w->next;
		buf_free(&w->body);
		if (w->fd >= 0)
			close(w->fd);
		mem_free(&w);
	}
	sched.waiting_end = &sched.waiting;
	/* the next one is told all that is not done, from the beginning */
	for (struct entry *e = sched.unsaid; e; e = e->unsaid_next)
		e->is_unsaid = false;
	sched.unsaid = NULL;
	sched.unsaid_end = &sched.unsaid;
}

/* ---- telling ---- */

static int
send_now(uint16_t type, struct span body, int fd)
{
	return ask_send(sched.asker->chan, type, body, fd, 0);
}

static void
say(uint16_t type, struct buf *body, int fd)
{
	if (sched.asker && !sched.waiting && send_now(type, buf_as_span(body), fd) == E_OK) {
		buf_free(body);
		if (fd >= 0)
			close(fd);
		return;
	}
	struct waiting *w = mem_new(sizeof *w);
	*w = (struct waiting){.type = type, .body = *body, .fd = fd};
	*sched.waiting_end = w;
	sched.waiting_end = &w->next;
	if (sched.watch)
		loop_events(sched.watch, LOOP_READ | LOOP_WRITE);
}

void
say_new(struct entry *e)
{
	if (e->is_unsaid || !sched.asker)
		return;
	e->is_unsaid = true;
	e->unsaid_next = NULL;
	*sched.unsaid_end = e;
	sched.unsaid_end = &e->unsaid_next;
}

static void
new_put(struct buf *b, const struct job_ref *ref, struct span envelope)
{
	buf_u8(b, ref->source);
	buf_u32(b, ref->segment);
	buf_u64(b, ref->offset);
	buf_bytes(b, envelope);
}

/* As many of the new as fit into one message.  False: the channel is full, or there is nothing. */
static bool
say_some(void)
{
	struct buf b = {.max = ASK_MSG_MAX - 2};
	struct entry *e = sched.unsaid;
	uint16_t n = 0;
	buf_u16(&b, 0);
	for (; e && n < SAY_BATCH_MAX; e = e->unsaid_next) {
		if (e->is_done)
			continue;
		if (n && b.len + e->envelope_bytes + 32 > SAY_BYTES_MOST)
			break;
		new_put(&b, &e->ref, span_make(e->envelope, e->envelope_bytes));
		n++;
	}
	if (buf_done(&b) != E_OK)
		bug("an envelope that fits into no message");
	b.p[0] = (char)(n & 0xff);
	b.p[1] = (char)(n >> 8);
	bool is_sent = n == 0 || send_now(SAY_NEW, buf_as_span(&b), -1) == E_OK;
	buf_free(&b);
	if (!is_sent)
		return false;
	while (sched.unsaid != e) {
		sched.unsaid->is_unsaid = false;
		sched.unsaid = sched.unsaid->unsaid_next;
	}
	if (!e)
		sched.unsaid_end = &sched.unsaid;
	return true;
}

static bool
say_waiting(void)
{
	while (sched.waiting) {
		struct waiting *w = sched.waiting;
		if (send_now(w->type, buf_as_span(&w->body), w->fd) != E_OK)
			return false;
		sched.waiting = w->next;
		if (!w->next)
			sched.waiting_end = &sched.waiting;
		buf_free(&w->body);
		if (w->fd >= 0)
			close(w->fd);
		mem_free(&w);
	}
	return true;
}

void
say_flush(void)
{
	if (!sched.asker)
		return;
	bool is_all = say_waiting();
	while (is_all && sched.unsaid)
		is_all = say_some();
	if (is_all && sched.owes_replayed && send_now(SAY_REPLAYED, SPAN(""), -1) == E_OK)
		sched.owes_replayed = false;
	loop_events(sched.watch, LOOP_READ | (is_all && !sched.owes_replayed ? 0 : LOOP_WRITE));
}

void
say_pressure(void)
{
	struct buf b = {0};
	buf_u8(&b, (uint8_t)journal_live(the_spool.journal));
	buf_u8(&b, (uint8_t)the_spool.segments_most);
	say(SAY_PRESSURE, &b, -1);
}

/* ---- asks ---- */

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

struct deferral {
	struct id id;
	struct entry *entry; /* borrow; NULL: it has its file already */
	bool is_ok;
};

static void
defer_one(struct rd *body, struct deferral *d)
{
	rd_id(body, &d->id);
	uint16_t n = rd_u16(body);
	struct span states = rd_bytes(body, n);
	if (body->err != E_OK)
		return;
	d->entry = entry_find(the_spool.entries, d->id);
	if (d->entry && d->entry->is_done)
		d->entry = NULL;
	d->is_ok = d->entry ? spool_carry(d->entry, (const uint8_t *)states.p) == E_OK
	                    : deferred_is_there(&the_spool.files, d->id);
}

static int
ask_defer(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static struct deferral all[SAY_BATCH_MAX];
	struct buf b = {0};
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (n > SAY_BATCH_MAX)
		return E_LIMIT;
	for (uint16_t i = 0; i < n; i++) {
		all[i] = (struct deferral){.entry = NULL};
		defer_one(body, &all[i]);
	}
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool is_synced = files_sync(&the_spool.files) == E_OK;
	buf_u16(&b, n);
	for (uint16_t i = 0; i < n; i++) {
		bool is_ok = is_synced && all[i].is_ok;
		if (is_ok && all[i].entry)
			entry_done(the_spool.entries, all[i].entry);
		put_id(&b, all[i].id);
		buf_u8(&b, is_ok);
	}
	say(SAY_DEFERRED, &b, -1);
	return E_MORE;
}

static int
ask_mark(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t which[ENVELOPE_RCPTS_MAX];
	struct buf b = {0};
	struct id id;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &id);
	uint16_t n = rd_u16(body);
	if (n > ENVELOPE_RCPTS_MAX)
		return E_LIMIT;
	for (uint16_t i = 0; i < n; i++)
		which[i] = rd_u16(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	put_id(&b, id);
	buf_u8(&b, deferred_mark(&the_spool.files, id, which, n) == E_OK);
	say(SAY_MARKED, &b, -1);
	return E_MORE;
}

/* The bytes of a message, wherever it is. */
static int
message_of(struct id id, struct buf *out)
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
	if (d.message_bytes == 0) {
		struct entry large = {.id = id, .ref = {.source = JOB_LARGE}};
		return spool_message(&large, out);
	}
	err = deferred_open(&the_spool.files, id, &fd);
	if (err != E_OK)
		return err;
	char *room = buf_room(out, d.message_bytes);
	err = room && pread(fd, room, d.message_bytes, (off_t)d.offset) == (ssize_t)d.message_bytes ? E_OK : E_IO;
	if (err == E_OK)
		buf_added(out, d.message_bytes);
	close(fd);
	return err;
}

static int
sealed_copy(struct span bytes)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		bytes = span_from(bytes, (size_t)n);
	}
	lseek(fd, 0, SEEK_SET); /* who gets it reads from the beginning */
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	return fd;
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
	int copy = message_of(id, &message) == E_OK ? sealed_copy(buf_as_span(&message)) : -1;
	buf_free(&message);
	put_id(&b, id);
	buf_u8(&b, copy >= 0);
	say(SAY_COPY, &b, copy);
	return E_MORE;
}

/* A large copy goes through a file, as a client's would. */
static int
derive_large(struct arrival *r, struct span message)
{
	int err = large_file(&the_spool.files, &r->large);
	while (err == E_OK && message.n) {
		ssize_t n = write(r->large, message.p, message.n);
		err = n > 0 ? E_OK : E_IO;
		message = span_from(message, n > 0 ? (size_t)n : 0);
	}
	if (err == E_OK && fdatasync(r->large) != 0)
		err = E_IO;
	r->record.kind = RECORD_LARGE;
	r->record.message = SPAN("");
	return err;
}

/* The parent's bytes behind a Return-Path of its own. */
static int
derive(struct id parent, const struct envelope *e, struct arrival *r)
{
	struct buf old = {.max = SIZE_MAX / 2}, message = {.max = SIZE_MAX / 2};
	struct envelope made = *e;
	int err = message_of(parent, &old);
	if (err == E_OK) {
		struct span rest = buf_as_span(&old);
		buf_putf(&message, "Return-Path: <%.*s>\r\n", SPAN_ARG(e->sender));
		made.head_bytes = (uint32_t)message.len;
		buf_span(&message, span_from(rest, e->head_bytes));
		made.size_bytes = message.len;
		sha256(buf_as_span(&message), made.sha256);
		made.flags |= ENV_DERIVED;
		buf_u32(&r->bytes, 0);
		envelope_put(&r->bytes, &made);
		buf_set_u32(&r->bytes, 0, (uint32_t)r->bytes.len - 4);
		size_t envelope_bytes = r->bytes.len - 4;
		bool is_small = message.len <= SPOOL_SMALL_MAX;
		if (is_small)
			buf_span(&r->bytes, buf_as_span(&message));
		r->record = (struct record){.kind = RECORD_MESSAGE, .id = e->id,
		    .envelope = span_make(r->bytes.p + 4, envelope_bytes),
		    .message = span_from(buf_as_span(&r->bytes), 4 + envelope_bytes)};
		if (!is_small)
			err = derive_large(r, buf_as_span(&message));
	}
	buf_free(&old);
	buf_free(&message);
	return err;
}

static int
ask_derive(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct buf b = {0};
	struct id parent;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &parent);
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	if (rd_end(body) != E_OK || envelope_get(envelope, &arena, &e) != E_OK) {
		arena_reset(&arena);
		return E_BAD;
	}
	struct id id = e.id;
	if (the_spool.n_batch)
		spool_write_batch();
	struct arrival *r = spool_arrival();
	if (derive(parent, &e, r) != E_OK)
		r->verdict = SPOOL_FAILED;
	arena_reset(&arena);
	bool is_made = r->verdict == SPOOL_OK;
	spool_write_batch();
	bool is_held = entry_find(the_spool.entries, id) || deferred_is_there(&the_spool.files, id);
	put_id(&b, parent);
	put_id(&b, id);
	buf_u8(&b, is_made && is_held ? SPOOL_OK : SPOOL_FAILED);
	say(SAY_DERIVED, &b, -1);
	return E_MORE;
}

static int
ask_corrupt(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf message = {.max = SIZE_MAX / 2};
	struct id id;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct entry *e = entry_find(the_spool.entries, id);
	log_event(LOG_ALERT, "corrupt_message", "id=%s aside=corrupt/%s", id_text(id), id_text(id));
	if (e && !e->is_done && e->ref.source == JOB_JOURNAL) {
		if (spool_message(e, &message) == E_OK)
			corrupt_put(&the_spool.files, id_text(id), buf_as_span(&message));
		spool_finish(id);
	} else {
		corrupt_move(&the_spool.files, id);
	}
	buf_free(&message);
	return E_MORE;
}

/* One deferred message as SAY_NEW; SAY_MISSING when it is not there, or damaged (then it goes aside). */
static void
fetch_one(struct id id)
{
	struct deferred d;
	struct buf b = {0};
	int err = deferred_read(&the_spool.files, id, &d);
	if (err == E_OK) {
		struct job_ref ref = {.source = d.message_bytes ? JOB_DEFERRED : JOB_LARGE, .offset = d.offset};
		if (!d.message_bytes)
			ref.offset = 0;
		buf_u16(&b, 1);
		new_put(&b, &ref, buf_as_span(&d.envelope));
		buf_free(&d.envelope);
		say(SAY_NEW, &b, -1);
		return;
	}
	if (err == E_BAD && deferred_is_there(&the_spool.files, id)) {
		log_event(LOG_ALERT, "corrupt_message", "id=%s aside=corrupt/%s", id_text(id), id_text(id));
		corrupt_move(&the_spool.files, id);
	}
	put_id(&b, id);
	say(SAY_MISSING, &b, -1);
}

static int
ask_fetch(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (n > SAY_BATCH_MAX)
		return E_LIMIT;
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

static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf ids = {0};
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (deferred_each(&the_spool.files, on_name, &ids) != E_OK)
		log_event(LOG_ERR, "deferred_not_listed", "%s", "");
	if (ids.len)
		say_names(&ids);
	say_names(&ids); /* none: the end */
	buf_free(&ids);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[SCHED_ASKS] = {
	/*                 name       legal in  times bytes             fd back  answered by */
	[SCHED_DONE]    = {"DONE",    PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_done},
	[SCHED_DEFER]   = {"DEFER",   PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_defer},
	[SCHED_MARK]    = {"MARK",    PH_ANY,   0,    4096,             false,   ask_mark},
	[SCHED_COPY]    = {"COPY",    PH_ANY,   0,    ID_BYTES,         false,   ask_copy},
	[SCHED_DERIVE]  = {"DERIVE",  PH_ANY,   0,    ASK_MSG_MAX - 2,  false,   ask_derive},
	[SCHED_CORRUPT] = {"CORRUPT", PH_ANY,   0,    ID_BYTES,         false,   ask_corrupt},
	[SCHED_FETCH]   = {"FETCH",   PH_ANY,   0,    4096,             false,   ask_fetch},
	[SCHED_LIST]    = {"LIST",    PH_ANY,   60,   0,                false,   ask_list},
};
/* clang-format on */

static void
on_sched(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd;
	if (events & LOOP_WRITE)
		say_flush();
	if ((events & LOOP_READ) && asker_serve(sched.asker, &sched.scratch, SCHED_BURST) != E_OK)
		leave();
}

void
say_open(int chan)
{
	struct spool *s = &the_spool;
	if (sched.asker)
		leave(); /* one at a time: the new one is told all again */
	sched.asker = asker_new(chan, rows, COUNT(rows), "sched", NULL);
	sched.watch = loop_watch(s->loop, chan, LOOP_READ, on_sched, NULL);
	sched.owes_replayed = true;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		for (struct entry *e = entries_of(s->entries, i); e; e = e->segment_next)
			if (!e->is_done)
				say_new(e);
	say_flush();
}
