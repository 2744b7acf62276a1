/* SPDX-License-Identifier: ISC */
/* admin.c - RUN/queue/admin: what people ask of the queue. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "queue/refused.h"
#include "queue/retry.h"
#include "queue/sched.h"

enum { PH_ANY = 1, ADMIN_WAIT_MS = 2000, ADMINS_MOST = 32 };

struct admin {
	struct admin *next;
	struct asker *asker;   /* own */
	struct loop_fd *watch; /* own */
	struct id waits_for;   /* a copy that the spool was asked for */
	bool is_waiting;
	struct buf entry;      /* of the answer to come */
	uint64_t syncs_at;     /* when so many were done, its removal is durable; 0: it waits for none */
	struct buf removal;    /* own: the answer then */
	struct id holds;       /* it is in memory: the answer comes when it left */
	bool is_holding;
};

static uint64_t syncs_asked, syncs_done; /* of the spool, for removals */
static struct admin *admins;
static unsigned n_admins;
static struct buf scratch;

/* ---- entries ---- */

static void
active_put(struct buf *b, const struct message *m)
{
	struct admin_entry e;
	message_entry(m, &e);
	admin_entry_put(b, &e);
}

static void
row_put(struct buf *b, const struct index_row *row)
{
	struct admin_entry e = row->entry;
	int64_t wait = e.state == ADMIN_HELD ? 0 : row->due_sec - retry_now();
	e.next_sec = e.state == ADMIN_HELD ? 0 : clock_wall_sec() + (wait > 0 ? wait : 0);
	admin_entry_put(b, &e);
}

/* In a mailbox is delivered: what only waits for its checkpoint is not counted. */
static bool
is_waiting(const struct message *m)
{
	return m->state != MSG_SYNCING;
}

static uint64_t
count(void)
{
	struct sched *s = &the_sched;
	uint64_t n = index_count(s->index);
	for (size_t i = 0; i < s->n_buckets && s->n_messages; i++)
		for (struct message *m = s->buckets[i]; m; m = m->hash_next)
			n += is_waiting(m) && !m->is_deferred;
	return n;
}

/* ---- asks ---- */

static int
ask_count(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u64(reply, the_sched.n_messages || index_count(the_sched.index) ? count() : 0);
	return E_OK;
}

struct listing {
	struct asker *asker; /* borrow */
	struct buf packet;   /* own */
	uint16_t n;
};

static int
listing_send(struct listing *l)
{
	struct buf b = {0};
	buf_u16(&b, l->n);
	buf_span(&b, buf_as_span(&l->packet));
	int err = ask_send(l->asker->chan, ADMIN_LIST | ASK_REPLY, buf_as_span(&b), -1, deadline_in_ms(ADMIN_WAIT_MS));
	buf_free(&b);
	buf_reset(&l->packet);
	l->n = 0;
	return err;
}

/* One more entry, written behind the others; what no longer fits goes into the next packet. */
static int
listing_add(struct listing *l, struct buf *entry)
{
	int err = E_OK;
	if (l->n && l->packet.len + entry->len > ADMIN_PACKET_BYTES)
		err = listing_send(l);
	buf_span(&l->packet, buf_as_span(entry));
	l->n++;
	buf_reset(entry);
	return err;
}

static int
list_row(void *ctx, const struct index_row *row)
{
	struct buf entry = {0};
	if (message_find(row->id))
		return E_OK;
	row_put(&entry, row);
	int err = listing_add(ctx, &entry);
	buf_free(&entry);
	return err;
}

static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct listing l = {.asker = a};
	struct buf entry = {0};
	int err = E_OK;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	for (size_t i = 0; i < the_sched.n_buckets && err == E_OK; i++)
		for (struct message *m = the_sched.buckets[i]; m && err == E_OK; m = m->hash_next) {
			if (!is_waiting(m))
				continue;
			active_put(&entry, m);
			err = listing_add(&l, &entry);
		}
	if (err == E_OK)
		err = index_each(the_sched.index, list_row, &l);
	if (err == E_OK && l.n)
		err = listing_send(&l);
	if (err == E_OK)
		err = listing_send(&l);
	buf_free(&l.packet);
	buf_free(&entry);
	return err == E_OK ? E_MORE : E_IO;
}

static int
ask_show(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	struct buf b = {0};
	struct id id;
	(void)fd, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct message *m = message_find(id);
	buf_reset(&x->entry);
	if (m)
		active_put(&x->entry, m);
	else if (index_get(the_sched.index, id, &arena, &row) == E_OK)
		row_put(&x->entry, &row);
	arena_reset(&arena);
	if (x->entry.len == 0) {
		buf_u8(reply, 0);
		return E_OK;
	}
	x->waits_for = id;
	x->is_waiting = true;
	buf_put(&b, id.b, ID_BYTES);
	sched_tell(SCHED_COPY, &b);
	return E_MORE;
}

void
admin_copy(struct id id, int *fd)
{
	for (struct admin *x = admins; x; x = x->next) {
		struct buf b = {0};
		if (!x->is_waiting || !id_eq(x->waits_for, id))
			continue;
		x->is_waiting = false;
		buf_u8(&b, 1);
		buf_span(&b, buf_as_span(&x->entry));
		if (ask_answer(x->asker, ADMIN_SHOW, buf_as_span(&b), *fd) != E_OK)
			log_event(LOG_INFO, "admin_gone", "%s", "");
		buf_free(&b);
	}
}

struct ids {
	struct id *p; /* own */
	size_t n, cap;
};

static int
collect(void *ctx, const struct index_row *row)
{
	struct ids *l = ctx;
	l->p = mem_room(l->p, l->n, &l->cap, sizeof *l->p);
	l->p[l->n++] = row->id;
	return E_OK;
}

static void
remove_one(struct id id, uint32_t *n)
{
	struct message *m = message_find(id);
	if (m)
		message_remove(m);
	if (m || rows_remove(id))
		++*n;
}

static bool
is_held(struct id id)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	bool held = index_get(the_sched.index, id, &arena, &row) == E_OK && row.entry.state == ADMIN_HELD;
	arena_reset(&arena);
	return held;
}

static void
flush_one(struct id id, uint32_t *n)
{
	if (!message_find(id) && !is_held(id) && index_reschedule(the_sched.index, id, retry_now()) == E_OK)
		++*n;
}

static int
for_one_or_all(struct rd *body, struct buf *reply, void (*fn)(struct id, uint32_t *), bool with_active)
{
	bool has_id = rd_u8(body) == 1;
	struct ids l = {.p = NULL};
	uint32_t n = 0;
	struct id id;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (has_id)
		fn(id, &n);
	else if (index_each(the_sched.index, collect, &l) != E_OK)
		return E_IO;
	for (size_t i = 0; !has_id && with_active && i < the_sched.n_buckets; i++)
		for (struct message *m = the_sched.buckets[i]; m; m = m->hash_next)
			collect(&l, &(struct index_row){.id = m->envelope.id});
	for (size_t i = 0; i < l.n; i++)
		fn(l.p[i], &n);
	mem_free(&l.p);
	buf_u32(reply, n);
	return E_OK;
}

static int
ask_flush(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	int err = for_one_or_all(body, reply, flush_one, false);
	defer_due();
	return err;
}

/* Answered when it is durable; of what is under way for others, only that it was asked to end. */
static int
ask_remove(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	(void)fd, (void)fd_back;
	int err = for_one_or_all(body, reply, remove_one, true);
	if (err != E_OK)
		return err;
	rows_flush();
	x->syncs_at = ++syncs_asked;
	buf_reset(&x->removal);
	buf_span(&x->removal, buf_as_span(reply));
	sched_tell(SCHED_SYNC, &(struct buf){.p = NULL});
	return E_MORE;
}

void
admin_synced(struct rd *body)
{
	syncs_done += rd_u32(body);
	for (struct admin *x = admins; x; x = x->next) {
		if (!x->syncs_at || x->syncs_at > syncs_done)
			continue;
		x->syncs_at = 0;
		if (ask_answer(x->asker, ADMIN_REMOVE, buf_as_span(&x->removal), -1) != E_OK)
			log_event(LOG_INFO, "admin_gone", "%s", "");
	}
}

/* ---- held, released, begun anew: one message ---- */

static int
ask_hold(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	struct id id;
	(void)fd, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct message *m = message_find(id);
	if (!m || m->is_removed) {
		buf_u32(reply, !m && rows_hold(id));
		rows_flush();
		return E_OK;
	}
	x->holds = id;
	x->is_holding = true;
	message_hold(m);
	return E_MORE;
}

void
admin_left(struct id id, bool is_held_now)
{
	for (struct admin *x = admins; x; x = x->next) {
		struct buf b = {0};
		if (!x->is_holding || !id_eq(x->holds, id))
			continue;
		x->is_holding = false;
		buf_u32(&b, is_held_now);
		if (ask_answer(x->asker, ADMIN_HOLD, buf_as_span(&b), -1) != E_OK)
			log_event(LOG_INFO, "admin_gone", "%s", "");
		buf_free(&b);
	}
}

/* Its row is due now: durably, before the answer says so. */
static int
make_due(struct rd *body, struct buf *reply, bool fn(struct id))
{
	struct id id;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(reply, fn(id));
	rows_flush();
	defer_due();
	return E_OK;
}

static bool
release(struct id id)
{
	return !message_find(id) && rows_release(id);
}

static int
ask_release(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	return make_due(body, reply, release);
}

static bool
requeue(struct id id)
{
	struct message *m = message_find(id);
	if (!m)
		return rows_requeue(id);
	m->attempts = 0;
	m->first_sec = retry_now();
	return !m->is_held && !m->is_removed;
}

static int
ask_requeue(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	return make_due(body, reply, requeue);
}

/* ---- why does it wait? ---- */

static enum admin_why
why_active(const struct message *m)
{
	switch (m->state) {
	case MSG_SYNCING:
		return WHY_CHECKPOINT;
	case MSG_REPORTING:
		return WHY_REPORT;
	case MSG_DEFERRING:
		return m->list ? WHY_FILE : WHY_ATTEMPT;
	default:
		return WHY_ATTEMPT;
	}
}

static enum admin_why
why_row(const struct index_row *row)
{
	if (row->entry.state == ADMIN_HELD)
		return WHY_HELD;
	if (row->waits_for_deliver)
		return WHY_DELIVER;
	return row->due_sec <= retry_now() ? WHY_FETCH : WHY_BACK_OFF;
}

/* When its lifetime ends; by the wall clock of now. */
static void
why_put(struct buf *b, enum admin_why why, int64_t first_sec, bool has_sender)
{
	int64_t life = has_sender ? the_sched.lifetime : the_sched.bounce_lifetime;
	buf_u8(b, 1);
	buf_u8(b, (uint8_t)why);
	buf_u64(b, (uint64_t)(clock_wall_sec() + first_sec + life - retry_now()));
}

static int
ask_why(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	struct id id;
	(void)a, (void)fd, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct message *m = message_find(id);
	if (m) {
		why_put(reply, why_active(m), m->first_sec, m->envelope.sender.n > 0);
		active_put(reply, m);
	} else if (index_get(the_sched.index, id, &arena, &row) == E_OK) {
		why_put(reply, why_row(&row), row.first_sec, row.entry.sender.n > 0);
		row_put(reply, &row);
	} else {
		buf_u8(reply, 0);
	}
	arena_reset(&arena);
	return E_OK;
}

/* ---- addresses that were refused ---- */

struct refusals {
	struct buf rows; /* own */
	uint16_t n;
};

static int
refusal(void *ctx, const struct suppress_row *r)
{
	struct refusals *l = ctx;
	if (l->rows.len > ADMIN_PACKET_BYTES - 1024)
		return E_MORE;
	admin_refused_put(&l->rows, &(struct admin_refused){.address = r->address, .count = r->count, .first_sec = r->first_sec,
	    .last_sec = r->last_sec, .reason = r->reason, .is_suppressed = refused_is_suppressed(r)});
	l->n++;
	return E_OK;
}

static int
ask_suppressed(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct refusals l = {.n = 0};
	struct span after = rd_str(body, ENVELOPE_PATH_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = refused_list() ? suppress_each(refused_list(), after, refusal, &l) : E_OK;
	buf_u16(reply, l.n);
	buf_span(reply, buf_as_span(&l.rows));
	buf_free(&l.rows);
	return err == E_MORE ? E_OK : err;
}

static int
ask_unsuppress(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span address = rd_str(body, ENVELOPE_PATH_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(reply, refused_forget(address));
	refused_flush();
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[ADMIN_ASKS] = {
	/*                name      legal in  times   bytes         fd back  answered by */
	[ADMIN_COUNT]  = {"COUNT",  PH_ANY,   600000, 0,            false,   ask_count},
	[ADMIN_LIST]   = {"LIST",   PH_ANY,   600,    0,            false,   ask_list},
	[ADMIN_SHOW]   = {"SHOW",   PH_ANY,   6000,   ID_BYTES,     true,    ask_show},
	[ADMIN_FLUSH]  = {"FLUSH",  PH_ANY,   0,      1 + ID_BYTES, false,   ask_flush},
	[ADMIN_REMOVE] = {"REMOVE", PH_ANY,   0,      1 + ID_BYTES, false,   ask_remove},
	[ADMIN_HOLD]   = {"HOLD",   PH_ANY,   0,      ID_BYTES,     false,   ask_hold},
	[ADMIN_RELEASE] = {"RELEASE", PH_ANY, 0,      ID_BYTES,     false,   ask_release},
	[ADMIN_REQUEUE] = {"REQUEUE", PH_ANY, 0,      ID_BYTES,     false,   ask_requeue},
	[ADMIN_WHY]    = {"WHY",    PH_ANY,   6000,   ID_BYTES,     false,   ask_why},
	[ADMIN_SUPPRESSED] = {"SUPPRESSED", PH_ANY, 60000, 4 + ENVELOPE_PATH_MAX, false, ask_suppressed},
	[ADMIN_UNSUPPRESS] = {"UNSUPPRESS", PH_ANY, 60000, 4 + ENVELOPE_PATH_MAX, false, ask_unsuppress},
};
/* clang-format on */

/* ---- connections ---- */

static void
admin_free(struct admin *x)
{
	struct admin **link = &admins;
	while (*link != x)
		link = &(*link)->next;
	*link = x->next;
	n_admins--;
	loop_unwatch(&x->watch);
	asker_free(&x->asker);
	buf_free(&x->entry);
	buf_free(&x->removal);
	mem_free(&x);
}

static void
on_admin(void *ctx, int fd, unsigned events)
{
	struct admin *x = ctx;
	(void)fd, (void)events;
	if (asker_serve(x->asker, &scratch, 16) != E_OK)
		admin_free(x);
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (n_admins == ADMINS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	struct admin *x = mem_new(sizeof *x);
	x->asker = asker_new(fd, rows, COUNT(rows), "admin", x);
	x->watch = loop_watch(the_sched.loop, fd, LOOP_READ, on_admin, x);
	x->next = admins;
	admins = x;
	n_admins++;
}

void
admin_open(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (strcmp(the_child.listeners[i].kind, "admin") == 0)
			loop_watch(the_sched.loop, the_child.listeners[i].fd, LOOP_READ, on_listener, NULL);
}
