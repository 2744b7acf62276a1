/* SPDX-License-Identifier: ISC */
/* admin.c - RUN/queue/admin: what people ask of the queue. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "queue/admin_all.h"
#include "queue/admin_why.h"
#include "queue/held.h"
#include "queue/refused.h"
#include "queue/retry.h"
#include "queue/sched.h"
#include "queue/suspend.h"

enum { PH_ANY = 1, ADMINS_MOST = 32 };

struct admin {
	struct admin *next;
	struct asker *asker;   /* own */
	struct loop_fd *watch; /* own */
	struct id waits_for;   /* a copy that the spool was asked for */
	bool is_waiting;
	struct buf entry; /* of the answer to come */
	/* when so many were done, its removal is durable; 0: it waits for none */
	uint64_t syncs_at;
	uint16_t removal_type;
	struct buf removal; /* own: the answer then */
	struct id holds;    /* it is in memory: the answer comes when it left */
	bool is_holding;
	struct admin_all *all; /* own; NULL: nothing is done to all for it */
};

static uint64_t syncs_asked, syncs_done; /* of the spool, for removals */
static struct admin *admins;
static unsigned n_admins;
static struct buf scratch;

/* ---- entries ---- */

void
admin_put_active(struct buf *b, const struct message *m)
{
	struct admin_entry e;
	message_entry(m, &e);
	admin_entry_put(b, &e);
}

void
admin_put_row(struct buf *b, const struct index_row *row)
{
	struct admin_entry e = row->entry;
	int64_t wait = e.state == ADMIN_HELD ? 0 : row->due_sec - retry_now();
	e.next_sec =
	    e.state == ADMIN_HELD ? 0 : clock_wall_sec() + (wait > 0 ? wait : 0);
	admin_entry_put(b, &e);
}

static uint64_t
count(void)
{
	struct sched *s = &the_sched;
	uint64_t n = index_count(s->index);
	for (size_t i = 0; i < s->n_buckets && s->n_messages; i++)
		for (struct message *m = s->buckets[i]; m; m = m->hash_next)
			n += !message_is_stored(m) && !m->is_deferred;
	return n;
}

/* ---- asks ---- */

static int
ask_count(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u64(
	    reply, the_sched.n_messages || index_count(the_sched.index) ? count() : 0);
	return E_OK;
}

static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || x->all)
		return E_BAD;
	admin_all_begin(&x->all, ALL_LIST, SPAN(""), a, NULL);
	return E_MORE;
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
		admin_put_active(&x->entry, m);
	else if (index_get(the_sched.index, id, &arena, &row) == E_OK)
		admin_put_row(&x->entry, &row);
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

void
admin_remove_one(struct id id, uint32_t *n)
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
	bool held = index_get(the_sched.index, id, &arena, &row) == E_OK &&
	            row.entry.state == ADMIN_HELD;
	arena_reset(&arena);
	return held;
}

void
admin_flush_one(struct id id, uint32_t *n)
{
	if (!message_find(id) && !is_held(id) &&
	    index_reschedule(the_sched.index, id, retry_now()) == E_OK)
		++*n;
}

/* u8 has_id, id.  E_MORE: all are meant */
static int
one_or_all(struct rd *body, struct id *out)
{
	bool has_id = rd_u8(body) == 1;
	rd_id(body, out);
	if (rd_end(body) != E_OK)
		return E_BAD;
	return has_id ? E_OK : E_MORE;
}

static void
flushed(struct asker *a, uint32_t n)
{
	struct buf b = {0};
	buf_u32(&b, n);
	if (ask_answer(a, ADMIN_FLUSH, buf_as_span(&b), -1) != E_OK)
		log_event(LOG_INFO, "admin_gone", "%s", "");
	buf_free(&b);
	defer_due();
}

static int
ask_flush(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	struct id id;
	uint32_t n = 0;
	(void)fd, (void)fd_back;
	int err = one_or_all(body, &id);
	if (err == E_OK) {
		admin_flush_one(id, &n);
		buf_u32(reply, n);
		defer_due();
	} else if (err == E_MORE && !x->all)
		admin_all_begin(&x->all, ALL_FLUSH, SPAN(""), a, flushed);
	else
		err = E_BAD;
	return err;
}

/* Answered when it is durable; of what is under way for others, only that it was asked to end. */
static void
removed_by(struct asker *a, uint16_t type, uint32_t n)
{
	struct admin *x = a->ctx;
	x->removal_type = type;
	rows_flush();
	x->syncs_at = ++syncs_asked;
	buf_reset(&x->removal);
	buf_u32(&x->removal, n);
	sched_tell(SCHED_SYNC, &(struct buf){.p = NULL});
}

static void
removed(struct asker *a, uint32_t n)
{
	removed_by(a, ADMIN_REMOVE, n);
}

static int
ask_remove(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct admin *x = a->ctx;
	struct id id;
	uint32_t n = 0;
	(void)fd, (void)reply, (void)fd_back;
	int err = one_or_all(body, &id);
	if (err == E_OK) {
		admin_remove_one(id, &n);
		removed(a, n);
	} else if (err == E_MORE && !x->all)
		admin_all_begin(&x->all, ALL_REMOVE, SPAN(""), a, removed);
	else
		err = E_BAD;
	return err == E_OK ? E_MORE : err;
}

void
admin_synced(struct rd *body)
{
	syncs_done += rd_u32(body);
	for (struct admin *x = admins; x; x = x->next) {
		if (!x->syncs_at || x->syncs_at > syncs_done)
			continue;
		x->syncs_at = 0;
		if (ask_answer(x->asker, x->removal_type, buf_as_span(&x->removal),
			-1) != E_OK)
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

/* ---- all mail of an account ---- */

void
admin_hold_one(struct id id, uint32_t *n)
{
	struct message *m = message_find(id);
	if (!m) {
		*n += rows_hold(id);
	} else if (!m->is_removed && !m->is_held && !message_is_stored(m)) {
		message_hold(m);
		++*n;
	}
}

/* One that is in memory goes on when what is under way for it ended, as if it had not been held. */
void
admin_release_one(struct id id, uint32_t *n)
{
	struct message *m = message_find(id);
	if (!m) {
		*n += rows_release(id);
	} else if (m->is_held && !m->is_removed) {
		m->is_held = false;
		if (m->is_deferred)
			rows_tell_held(id, false);
		admin_left(id, false); /* who waits for it to be held */
		*n += !message_is_stored(m);
	}
}

static void
answer_all(struct asker *a, uint16_t type, uint32_t n)
{
	struct buf b = {0};
	rows_flush();
	buf_u32(&b, n);
	if (ask_answer(a, type, buf_as_span(&b), -1) != E_OK)
		log_event(LOG_INFO, "admin_gone", "%s", "");
	buf_free(&b);
}

static void
all_held(struct asker *a, uint32_t n)
{
	answer_all(a, ADMIN_HOLD_ACCOUNT, n);
}

static void
all_released(struct asker *a, uint32_t n)
{
	answer_all(a, ADMIN_RELEASE_ACCOUNT, n);
	defer_due();
}

static void
all_purged(struct asker *a, uint32_t n)
{
	removed_by(a, ADMIN_PURGE_ACCOUNT, n);
}

static int
begin_account(struct asker *a, struct rd *body, enum admin_all_kind kind,
    int change(struct span account), void (*ended)(struct asker *, uint32_t n))
{
	struct admin *x = a->ctx;
	struct span account = rd_str(body, HELD_ACCOUNT_MAX);
	if (rd_end(body) != E_OK || !account.n || x->all)
		return E_BAD;
	int err = change ? change(account) : E_OK;
	if (err != E_OK && err != E_BAD) /* it is not durable: who asked tries again */
		return err == E_LIMIT ? E_LIMIT : E_DENY;
	admin_all_begin(&x->all, kind, account, a, ended);
	return E_MORE;
}

static int
ask_hold_account(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	return begin_account(a, body, ALL_HOLD, held_add, all_held);
}

static int
ask_release_account(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	return begin_account(a, body, ALL_RELEASE, held_end, all_released);
}

static int
ask_purge_account(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	return begin_account(a, body, ALL_PURGE, NULL, all_purged);
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
	admin_refused_put(&l->rows, &(struct admin_refused){.address = r->address,
					.count = r->count,
					.first_sec = r->first_sec,
					.last_sec = r->last_sec,
					.reason = r->reason,
					.is_suppressed = refused_is_suppressed(r)});
	l->n++;
	return E_OK;
}

static int
ask_suppressed(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct refusals l = {.n = 0};
	struct span after = rd_str(body, ENVELOPE_PATH_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err =
	    refused_list() ? suppress_each(refused_list(), after, refusal, &l) : E_OK;
	buf_u16(reply, l.n);
	buf_span(reply, buf_as_span(&l.rows));
	buf_free(&l.rows);
	return err == E_MORE ? E_OK : err;
}

static int
ask_unsuppress(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span address = rd_str(body, ENVELOPE_PATH_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(reply, refused_forget(address));
	refused_flush();
	return E_OK;
}

/* ---- destinations that are suspended ---- */

static int
ask_suspension(struct rd *body, struct buf *reply, int change(struct span name))
{
	struct span name = rd_str(body, SUSPENDED_NAME_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(reply, change(name) == E_OK);
	return E_OK;
}

static int
ask_suspend(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	return ask_suspension(body, reply, suspend_add);
}

static int
ask_resume(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	return ask_suspension(body, reply, suspend_end);
}

static int
ask_suspended(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf all = {0};
	uint16_t n = 0;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	for (const struct suspension *s; (s = suspend_at(n)); n++) {
		buf_bytes(&all, buf_as_span(&s->name));
		buf_u64(&all, (uint64_t)s->since_sec);
	}
	buf_u16(reply, n);
	buf_span(reply, buf_as_span(&all));
	buf_free(&all);
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
	[ADMIN_WHY]    = {"WHY",    PH_ANY,   6000,   ID_BYTES,     false,   admin_ask_why},
	[ADMIN_SUPPRESSED] = {"SUPPRESSED", PH_ANY, 60000, 4 + ENVELOPE_PATH_MAX, false, ask_suppressed},
	[ADMIN_UNSUPPRESS] = {"UNSUPPRESS", PH_ANY, 60000, 4 + ENVELOPE_PATH_MAX, false, ask_unsuppress},
	[ADMIN_SUSPEND] = {"SUSPEND", PH_ANY, 60000,  4 + SUSPENDED_NAME_MAX, false, ask_suspend},
	[ADMIN_RESUME] = {"RESUME", PH_ANY,   60000,  4 + SUSPENDED_NAME_MAX, false, ask_resume},
	[ADMIN_SUSPENDED] = {"SUSPENDED", PH_ANY, 60000, 0,         false,   ask_suspended},
	[ADMIN_HOLD_ACCOUNT] = {"HOLD_ACCOUNT", PH_ANY, 60000, 4 + HELD_ACCOUNT_MAX, false, ask_hold_account},
	[ADMIN_RELEASE_ACCOUNT] = {"RELEASE_ACCOUNT", PH_ANY, 60000, 4 + HELD_ACCOUNT_MAX, false, ask_release_account},
	[ADMIN_PURGE_ACCOUNT] = {"PURGE_ACCOUNT", PH_ANY, 60000, 4 + HELD_ACCOUNT_MAX, false, ask_purge_account},
};

/* RUN/queue/hold */
static const struct ask_row hold_rows[ADMIN_ASKS] = {
	[ADMIN_HOLD_ACCOUNT] = {"HOLD_ACCOUNT", PH_ANY, 60000, 4 + HELD_ACCOUNT_MAX, false, ask_hold_account},
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
	admin_all_free(&x->all);
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
	const struct ask_row *its = ctx;
	(void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (n_admins == ADMINS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	struct admin *x = mem_new(sizeof *x);
	x->asker = asker_new(fd, its, COUNT(rows), "admin", x);
	x->watch = loop_watch(the_sched.loop, fd, LOOP_READ, on_admin, x);
	x->next = admins;
	admins = x;
	n_admins++;
}

void
admin_open(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++) {
		const struct listener *l = &the_child.listeners[i];
		const struct ask_row *its = strcmp(l->kind, "admin") == 0  ? rows
		                            : strcmp(l->kind, "hold") == 0 ? hold_rows
		                                                           : NULL;
		if (its)
			loop_watch(the_sched.loop, l->fd, LOOP_READ, on_listener,
			    (void *)(uintptr_t)its);
	}
}
