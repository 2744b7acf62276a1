/* SPDX-License-Identifier: ISC */
/* keeper.c - the process that writes an index: gathers asks, applies them, syncs once, publishes, answers. */
#include "store/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/ask.h"
#include "proc/child.h"
#include "store/asks.h"

enum { PH_ANY = 1, EXPUNGES_MAX = 256, CHECKPOINT_BYTES = 4 << 20, UNLINK_MOST = 4096 };

struct keeper the_keeper;

struct session {
	struct session *next, **link;
	struct asker *asker;   /* own */
	struct loop_fd *watch; /* own */
};

/* An EXPUNGE that waits for the batch. */
struct expunge {
	struct session *session; /* borrow; NULL: it left */
	uint32_t mailbox;
	struct buf uids;         /* own: u32 each */
	int err;
};

static struct {
	struct loop *loop;
	struct session *sessions;
	unsigned n_sessions;
	struct loop_timer *alone, *dump, *doomed;
	struct expunge expunges[EXPUNGES_MAX];
	size_t n_expunges;
	struct buf scratch;
	int inotify;
	bool is_ending;
} run = {.inotify = -1};

/* ---- opening ---- */

int
keeper_open(void)
{
	struct keeper *k = &the_keeper;
	bool is_new = access("index/db", F_OK) != 0;
	bool is_clean = access("index/clean", F_OK) == 0;
	*k = (struct keeper){.checks_sums = !is_clean};
	int has_floor = floor_read(&k->floor);
	if (has_floor == E_IO)
		return E_IO;
	/* an index that is gone where there was one is rebuilt, not begun anew */
	int err = is_new && has_floor == E_OK ? E_LIMIT : tables_open(&k->tables, "index/db", is_new);
	if (err == E_OK && is_new)
		err = index_make(&k->tables, &k->floor);
	if (err == E_LIMIT || err == E_BAD)
		err = has_floor == E_OK || !is_new ? index_rebuild(&k->tables, &k->floor) : E_IO;
	if (err == E_OK && unlink("index/clean") != 0 && errno != ENOENT)
		err = E_IO;
	return err;
}

void
keeper_close(void)
{
	struct keeper *k = &the_keeper;
	if (k->is_changed && dump_write(&k->tables) != E_OK)
		log_event(LOG_ERR, "no_dump", "%s", "");
	views_close();
	tables_close(&k->tables);
	if (file_replace("index/clean", SPAN(""), 0600, false) != E_OK)
		log_event(LOG_ERR, "not_marked_clean", "%s", "");
}

/* ---- what went ---- */

static int
unlink_message(void *ctx, struct file_id id)
{
	struct buf path = {0}, *gone = ctx;
	msg_path_put(&path, id);
	if (unlink(buf_cstr(&path)) == 0 || errno == ENOENT)
		buf_put(gone, id.b, FILE_ID_BYTES);
	buf_free(&path);
	return gone->len < UNLINK_MOST * FILE_ID_BYTES ? E_OK : E_LIMIT;
}

/* Files of doomed rows go, then the rows: a crash between the two finds rows without files, which do no harm. */
static void
unlink_doomed(void)
{
	struct tables *t = &the_keeper.tables;
	struct buf gone = {0};
	struct db_txn *txn;
	int err = doomed_each(t, unlink_message, &gone);
	if ((err == E_OK || err == E_LIMIT) && gone.len && db_begin(t->db, &txn) == E_OK) {
		err = E_OK;
		for (size_t at = 0; at < gone.len && err == E_OK; at += FILE_ID_BYTES) {
			struct file_id id;
			memcpy(id.b, gone.p + at, FILE_ID_BYTES);
			err = doomed_remove(t, txn, id);
		}
		if (err != E_OK)
			db_abort(&txn);
		else if (db_commit(&txn) != E_OK)
			log_event(LOG_ERR, "doomed_stay", "%s", "");
		else if (gone.len == UNLINK_MOST * FILE_ID_BYTES)
			loop_timer_set(run.doomed, 0); /* more of them, after who waits meanwhile */
	}
	buf_free(&gone);
}

static void
on_doomed(void *ctx)
{
	(void)ctx;
	unlink_doomed();
}

static int
expunge_rows(struct db_txn *txn, struct expunge *x)
{
	struct tables *t = &the_keeper.tables;
	struct mailbox m;
	int err = mailbox_get(t, txn, x->mailbox, &m);
	if (err != E_OK)
		return err;
	m.modseq++;
	for (struct rd r = rd_of(buf_as_span(&x->uids)); r.in.n && err == E_OK;) {
		struct store_record was;
		uint32_t uid = rd_u32(&r);
		err = record_remove(t, txn, x->mailbox, uid, &was);
		if (err == E_BAD) { /* gone already: another session was first */
			err = E_OK;
			continue;
		}
		if (err == E_OK)
			err = expunged_put(t, txn, x->mailbox, m.modseq, uid);
		if (err == E_OK)
			err = file_release(t, txn, was.id);
		m.messages -= m.messages > 0;
		m.bytes -= was.size_bytes < m.bytes ? was.size_bytes : m.bytes;
	}
	return err == E_OK ? mailbox_put(t, txn, &m) : err;
}

static int
expunge_all(void)
{
	struct keeper *k = &the_keeper;
	struct db_txn *txn;
	uint64_t highest = 0;
	for (size_t i = 0; i < run.n_expunges; i++) {
		struct mailbox m;
		if (mailbox_get(&k->tables, NULL, run.expunges[i].mailbox, &m) == E_OK && m.modseq > highest)
			highest = m.modseq;
	}
	int err = floor_reserve(&k->floor, 0, highest + run.n_expunges);
	if (err == E_OK)
		err = db_begin(k->tables.db, &txn);
	if (err != E_OK)
		return err;
	for (size_t i = 0; i < run.n_expunges && err == E_OK; i++)
		err = expunge_rows(txn, &run.expunges[i]);
	if (err != E_OK) {
		db_abort(&txn);
		return err;
	}
	err = db_commit(&txn);
	return err == E_OK ? db_sync(k->tables.db) : err;
}

static void
publish(struct expunge *x)
{
	for (struct rd r = rd_of(buf_as_span(&x->uids)); r.in.n;)
		view_remove(x->mailbox, rd_u32(&r));
}

/* One transaction and one sync for all that waits; then it is told. */
static void
do_batch(void)
{
	if (run.n_expunges == 0)
		return;
	int err = expunge_all();
	for (size_t i = 0; i < run.n_expunges; i++) {
		struct expunge *x = &run.expunges[i];
		uint8_t result = (uint8_t)err;
		if (err == E_OK)
			publish(x);
		if (x->session && ask_answer(x->session->asker, KEEPER_EXPUNGE, span_make(&result, 1), -1) != E_OK)
			log_event(LOG_DEBUG, "session_gone", "%s", "");
		buf_free(&x->uids);
	}
	run.n_expunges = 0;
	the_keeper.is_changed = true;
	if (err == E_OK)
		unlink_doomed();
	if (err != E_OK || usage_write(&the_keeper.tables) != E_OK)
		log_event(LOG_ERR, "expunge_failed", "why=%s", err_name(err));
	if (db_is_damaged(the_keeper.tables.db))
		run.is_ending = true; /* the next keeper rebuilds */
}

/* ---- asks ---- */

static int
ask_select(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span name = rd_str(body, STORE_NAME_MAX);
	struct mailbox m;
	struct view *v;
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = takein();
	if (err == E_OK)
		err = mailbox_find(&the_keeper.tables, name, &m);
	if (err == E_OK)
		err = view_of(m.id, &v);
	buf_u8(reply, (uint8_t)err);
	if (err != E_OK) {
		run.is_ending |= db_is_damaged(the_keeper.tables.db);
		return E_OK;
	}
	buf_u32(reply, m.id);
	buf_u32(reply, m.uidvalidity);
	buf_u32(reply, m.uidnext);
	buf_u64(reply, m.modseq);
	buf_u32(reply, (uint32_t)v->n);
	*fd_back = fcntl(v->fd, F_DUPFD_CLOEXEC, 3);
	return E_OK;
}

static int
ask_expunge(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint32_t mailbox = rd_u32(body);
	uint16_t n = rd_u16(body);
	(void)fd, (void)reply, (void)fd_back;
	struct span uids = rd_bytes(body, 4 * (size_t)n);
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (run.n_expunges == EXPUNGES_MAX)
		do_batch();
	struct expunge *x = &run.expunges[run.n_expunges++];
	*x = (struct expunge){.session = a->ctx, .mailbox = mailbox};
	buf_span(&x->uids, uids);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[KEEPER_ASKS] = {
	/*                  name       legal in  times  bytes                     fd back  answered by */
	[KEEPER_SELECT]  = {"SELECT",  PH_ANY,   60000, 4 + STORE_NAME_MAX,       true,    ask_select},
	[KEEPER_EXPUNGE] = {"EXPUNGE", PH_ANY,   60000, 6 + 4 * STORE_EXPUNGE_MAX, false,  ask_expunge},
};
/* clang-format on */

/* ---- sessions ---- */

static void
session_free(struct session *s)
{
	for (size_t i = 0; i < run.n_expunges; i++)
		if (run.expunges[i].session == s)
			run.expunges[i].session = NULL;
	loop_unwatch(&s->watch);
	asker_free(&s->asker);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	mem_free(&s);
	if (--run.n_sessions == 0)
		loop_timer_set(run.alone, KEEPER_ALONE_MS);
}

static void
on_session(void *ctx, int fd, unsigned events)
{
	struct session *s = ctx;
	(void)fd, (void)events;
	if (asker_serve(s->asker, &run.scratch, 16) != E_OK)
		session_free(s);
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (run.n_sessions == KEEPER_SESSIONS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	struct session *s = mem_new(sizeof *s);
	s->asker = asker_new(fd, rows, COUNT(rows), "session", s);
	s->watch = loop_watch(run.loop, fd, LOOP_READ, on_session, s);
	s->next = run.sessions;
	s->link = &run.sessions;
	if (s->next)
		s->next->link = &s->next;
	run.sessions = s;
	run.n_sessions++;
	loop_timer_set(run.alone, -1);
}

/* ---- the process ---- */

static void
on_alone(void *ctx)
{
	(void)ctx;
	run.is_ending = run.n_sessions == 0;
}

static void
on_dump(void *ctx)
{
	(void)ctx;
	if (the_keeper.is_changed && dump_write(&the_keeper.tables) == E_OK)
		the_keeper.is_changed = false;
	if (db_checkpoint(the_keeper.tables.db, CHECKPOINT_BYTES) != E_OK ||
	    seen_prune(&the_keeper.tables, clock_wall_sec()) != E_OK)
		log_event(LOG_ERR, "upkeep_failed", "%s", "");
	loop_timer_set(run.dump, KEEPER_DUMP_EVERY_MS);
}

static void
on_new(void *ctx, int fd, unsigned events)
{
	char space[4096];
	(void)ctx, (void)events;
	while (read(fd, space, sizeof space) > 0)
		continue; /* which file does not matter */
	if (takein() != E_OK)
		log_event(LOG_ERR, "takein_failed", "%s", "");
}

static void
watch_new(void)
{
	run.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (run.inotify < 0 || inotify_add_watch(run.inotify, "new", IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
		log_event(LOG_WARNING, "no_inotify", "err=%s do=\"nothing: new mail is seen at each SELECT\"", log_errno(errno));
		return;
	}
	loop_watch(run.loop, run.inotify, LOOP_READ, on_new, NULL);
}

static int
listen_here(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "index/keeper"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(a.sun_path);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

void
keeper_run(int ready)
{
	if (keeper_open() != E_OK) {
		log_event(LOG_ERR, "index_not_opened", "%s", "");
		return;
	}
	run.loop = loop_new();
	run.alone = loop_timer_new(run.loop, on_alone, NULL);
	run.dump = loop_timer_new(run.loop, on_dump, NULL);
	run.doomed = loop_timer_new(run.loop, on_doomed, NULL);
	loop_timer_set(run.alone, KEEPER_ALONE_MS);
	loop_timer_set(run.dump, KEEPER_DUMP_EVERY_MS);
	unlink_doomed();
	watch_new();
	int listener = listen_here();
	if (listener < 0 || write(ready, "", 1) != 1) {
		log_event(LOG_ERR, "keeper_not_started", "err=%s", log_errno(errno));
		keeper_close();
		return;
	}
	close(ready);
	loop_watch(run.loop, listener, LOOP_READ, on_listener, NULL);
	while (!run.is_ending) {
		loop_once(run.loop);
		do_batch();
	}
	unlink("index/keeper"); /* who comes now starts the next one */
	keeper_close();
}
