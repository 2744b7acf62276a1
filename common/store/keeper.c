/* SPDX-License-Identifier: ISC */
/* keeper.c - the process that writes an index: opens it, serves until it is alone, closes it. */
#include "store/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/at_work.h"
#include "store/kept.h"

enum {
	OLD_LOGS_MS = 5, /* between one that goes and the next */
	/*
	 * for who started it, before all else is done: it says that it is held, or of its quota, and asks;
	 * mail is taken in, and then the answer given
	 */
	FIRST_ROUNDS = 6,
};

/* Made once, and renamed: to make and remove a file costs more than to find one. */
static const char clean_name[] = "index/clean", unclean_name[] = "index/clean.new";

struct keeper the_keeper;

static struct {
	struct loop_timer *again, *upkeep, *usage, *leave; /* own */
	int64_t begun_ms, dumped_ms;
	bool is_alone;
	bool is_usage_armed;
	bool has_written;    /* pages, before a checkpoint */
	int64_t settled_ms;  /* the disk has them */
	struct loop_fd *new; /* own: of inotify */
	int inotify;
	/* and no event says so: nobody looks, or it could not be taken in */
	bool has_new;
	int term[2]; /* own: a byte comes with TERM */
} run = {.inotify = -1, .term = {-1, -1}};

/* ---- opening ---- */

static int
open_index(bool is_new, bool has_floor)
{
	struct keeper *k = &the_keeper;
	/* an index that is gone where there was one is rebuilt, not begun anew */
	struct store_rebuilt rebuilt;
	int err =
	    is_new && has_floor ? E_LIMIT : tables_open(&k->tables, "index/db", is_new);
	if (err == E_OK && is_new)
		err = index_make(&k->tables, &k->floor);
	if (err == E_OK)
		err = mailboxes_load();
	if (err == E_LIMIT || err == E_BAD ||
	    (k->tables.db && db_is_damaged(k->tables.db))) {
		mailboxes_free();
		log_event(LOG_ALERT, "index_damaged", "do=%s",
		    "\"nothing: it is made anew from files, dump and floor\"");
		err = has_floor || !is_new
		          ? index_rebuild(&k->tables, &k->floor, &rebuilt)
		          : E_IO;
		k->is_rebuilt = true;
		if (err == E_OK)
			err = mailboxes_load();
	}
	return err == E_OK ? E_OK : E_IO;
}

static int
not_clean(void)
{
	return rename(clean_name, unclean_name) == 0 || errno == ENOENT ? E_OK : E_IO;
}

static int
mark_clean(void)
{
	if (rename(unclean_name, clean_name) == 0)
		return E_OK;
	return file_replace(clean_name, SPAN(""), 0600, false);
}

/* Where usage is lost: as if all was taken in, and so it is, as soon as somebody looks. */
static struct usage
noted_read(void)
{
	struct usage_noted u;
	return usage_read(AT_FDCWD, "usage", &u) == E_OK
	           ? u.noted
	           : placed_read(AT_FDCWD, "placed");
}

int
keeper_open(void)
{
	struct keeper *k = &the_keeper;
	bool is_new = access("index/db", F_OK) != 0;
	bool is_clean = access(clean_name, F_OK) == 0;
	*k = (struct keeper){.checks_sums = !is_clean,
	    .noted = noted_read(),
	    .own_limits = limits_read(),
	    .warned = warned_read()};
	int has_floor = floor_read(&k->floor);
	if (has_floor == E_IO)
		return E_IO;
	int err = open_index(is_new, has_floor == E_OK);
	/* it is not synced that the mark went: a power cut may bring it back, but not the index */
	k->checks_sums |= err == E_OK && !db_is_as_left(k->tables.db);
	if (err == E_OK)
		err = not_clean();
	if (err == E_OK && mkdir("tmp", 0700) != 0 && errno != EEXIST)
		err = E_IO;
	if (err == E_OK) {
		job_cache_open();
		k->is_usage_old = true;
	}
	if (err == E_OK && keeps() && tables_keep(&k->tables) != E_OK)
		log_event(LOG_ERR, "not_kept", "%s", "");
	if (err == E_OK)
		events_load();
	return err;
}

int
keeper_rebuild(struct store_rebuilt *out)
{
	struct keeper *k = &the_keeper;
	*k = (struct keeper){.is_changed = true,
	    .is_usage_old = true,
	    .is_rebuilt = true,
	    .noted = noted_read(),
	    .own_limits = limits_read()};
	int err = index_rebuild(&k->tables, &k->floor, out);
	if (err == E_OK)
		err = mailboxes_load();
	if (err == E_OK)
		err = not_clean();
	if (err != E_OK) {
		mailboxes_free();
		tables_close(&k->tables);
		return E_IO;
	}
	job_cache_open();
	doze_load(true); /* nothing is as they knew it */
	keeper_close();
	return E_OK;
}

/*
 * For verdicts on recipients: not synced, the truth is the index.  Readable by the look-ups' group.
 */
static void
usage_write(void)
{
	struct keeper *k = &the_keeper;
	struct buf text = {0};
	usage_put(&text, &(struct usage_noted){.sum = {k->sum.bytes, k->sum.messages},
			     .noted = k->noted,
			     .kept = kept_sum(),
			     .own_limits = k->own_limits});
	k->is_usage_old = file_swap("usage", buf_as_span(&text), 0644) != E_OK;
	buf_free(&text);
}

void
keeper_usage_now(void)
{
	if (the_keeper.is_usage_old)
		usage_write();
}

/* What sessions left undone in the rows: who was shown what. */
static int
write_touched(void)
{
	struct keeper *k = &the_keeper;
	struct db_txn *txn;
	if (k->n_touched == 0)
		return E_OK;
	int err = db_begin(k->tables.db, &txn);
	if (err != E_OK)
		return err;
	err = mailboxes_write(txn);
	if (err == E_OK)
		return db_commit(&txn);
	db_abort(&txn);
	return err;
}

void
keeper_close(void)
{
	struct keeper *k = &the_keeper;
	bool is_sound = jobs_settle() == E_OK && !db_is_damaged(k->tables.db) &&
	                !db_is_full(k->tables.db);
	/* a process that made an index anew may fork a keeper yet: it must not find them */
	jobs_forget();
	if (is_sound && write_touched() != E_OK)
		log_event(LOG_ERR, "rows_not_written", "%s", "");
	at_work_begin();
	if (is_sound && k->is_changed && dump_write(&k->tables) != E_OK)
		log_event(LOG_ERR, "no_dump", "%s", "");
	keeper_usage_now();
	mailboxes_free();
	cache_close();
	tables_close(&k->tables);
	at_work_end();
	if (is_sound && mark_clean() != E_OK)
		log_event(LOG_ERR, "not_marked_clean", "%s", "");
}

/* ---- upkeep ---- */

/* Nobody is there, nothing is to be done; what it would leave behind counts, too. */
static bool
is_alone(void)
{
	return sessions_none() && jobs_none() && !doomed_waits() && !helper_waits();
}

static void
on_leave(void *ctx)
{
	(void)ctx;
	run.is_alone = is_alone(); /* else look_alone begins anew */
	the_keeper.is_ending |= run.is_alone;
}

/*
 * 100 accounts whose clients came once, sessions that linger for a second: 200 processes for 60 s
 * each are 70 MB, and with this for 3 s.  Who sleeps comes back when something happens, and not
 * before: it is not waited for
 */
static int64_t
alone_ms(void)
{
	int64_t used_ms = sessions_doze() ? 0 : clock_mono_ms() - run.begun_ms;
	used_ms = used_ms > KEEPER_ALONE_LEAST_MS ? used_ms : KEEPER_ALONE_LEAST_MS;
	return used_ms < KEEPER_ALONE_MOST_MS ? used_ms : KEEPER_ALONE_MOST_MS;
}

static void
look_alone(void)
{
	if (is_alone() == run.is_alone)
		return;
	run.is_alone = !run.is_alone;
	loop_timer_set(run.leave, run.is_alone ? alone_ms() : -1);
}

static void
forget_events(void)
{
	char space[4096];
	while (read(run.inotify, space, sizeof space) > 0)
		continue; /* which file does not matter */
}

static void
look(void)
{
	forget_events();
	run.has_new = false;
	takein_want();
}

/* Who selects takes in what lies there; until then nobody is to be told. */
static void
on_new(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd, (void)events;
	if (sessions_look()) {
		look();
	} else {
		run.has_new = true;
		loop_events(run.new, 0);
	}
}

/*
 * For the verdict on recipients: who stays and looks at nothing must not let the account grow past
 * its quota.  And for who does look: what could not be taken in when it came.
 */
static void
look_for_nobody(void)
{
	if (!run.has_new || sessions_none())
		return;
	keeper_look();
}

static void
on_upkeep(void *ctx)
{
	int64_t now = clock_mono_ms();
	(void)ctx;
	look_for_nobody();
	views_drop_idle(now);
	cache_upkeep();
	if (now - run.dumped_ms >= KEEPER_DUMP_EVERY_MS) {
		run.dumped_ms = now;
		tmp_sweep();
		if (the_keeper.is_changed)
			dump_begin();
		kept_purge();
		if (seen_prune(&the_keeper.tables, clock_wall_sec()) != E_OK)
			log_event(LOG_ERR, "upkeep_failed", "%s", "");
	}
	loop_timer_set(run.upkeep, KEEPER_UPKEEP_MS);
}

static void
on_usage(void *ctx)
{
	(void)ctx;
	run.is_usage_armed = false;
	keeper_usage_now();
	quota_look();
	kept_purge();
}

static void
usage_soon(void)
{
	if (!the_keeper.is_usage_old || run.is_usage_armed)
		return;
	run.is_usage_armed = true;
	loop_timer_set(run.usage, KEEPER_USAGE_AFTER_MS);
}

static void
on_again(void *ctx)
{
	(void)ctx; /* it woke the loop */
}

static void
watch_new(void)
{
	/*
	 * a placer holds its file open until its checkpoint: each write is looked at, one whose
	 * size is right is taken in.  That it is closed says nothing new
	 */
	const uint32_t events = IN_MOVED_TO | IN_MODIFY;
	run.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (run.inotify < 0 || inotify_add_watch(run.inotify, "new", events) < 0) {
		log_event(LOG_WARNING, "no_inotify",
		    "err=%s do=\"nothing: new mail is seen at each SELECT\"",
		    log_errno(errno));
		return;
	}
	run.new = loop_watch(the_keeper.loop, run.inotify, LOOP_READ, on_new, NULL);
	run.has_new = true; /* who asked for this keeper may wait for what came since */
}

/*
 * What came until now is listed: what comes behind that is watched again.  Else it is noted, and no
 * more: the next try is upkeep's, or that of who looks
 */
void
keeper_lists(bool is_there)
{
	run.has_new = !is_there;
	if (!run.new || !is_there)
		return;
	forget_events();
	loop_events(run.new, LOOP_READ);
}

void
keeper_look(void)
{
	if (!run.new)
		return;
	loop_events(run.new, LOOP_READ);
	if (run.has_new)
		look();
}

/* TERM, from who stops a whole service: what was asked is answered, the index is closed. */
static void
on_term(int sig)
{
	char byte = (char)sig;
	if (write(run.term[1], &byte, 1) != 1)
		return; /* the pipe is full: it is known */
}

static void
on_term_byte(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd, (void)events;
	the_keeper.is_ending = true;
}

static void
watch_term(void)
{
	struct sigaction sa = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	if (pipe2(run.term, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    sigaction(SIGTERM, &sa, NULL) != 0) {
		log_event(LOG_WARNING, "no_term",
		    "err=%s do=\"nothing: TERM does not end this keeper\"",
		    log_errno(errno));
		return;
	}
	loop_watch(the_keeper.loop, run.term[0], LOOP_READ, on_term_byte, NULL);
}

/* ---- the process ---- */

static void
begin(void)
{
	struct keeper *k = &the_keeper;
	int64_t now = clock_mono_ms();
	k->loop = loop_new();
	run.again = loop_timer_new(k->loop, on_again, NULL);
	run.upkeep = loop_timer_new(k->loop, on_upkeep, NULL);
	run.usage = loop_timer_new(k->loop, on_usage, NULL);
	run.leave = loop_timer_new(k->loop, on_leave, NULL);
	run.begun_ms = run.dumped_ms = now;
	run.is_alone = true;
	loop_timer_set(run.upkeep, KEEPER_UPKEEP_MS);
	loop_timer_set(run.leave, KEEPER_ALONE_MOST_MS); /* for the first */
	metadata_changes_load();
	doze_load(k->checks_sums || k->is_rebuilt);
	if (copies_undo() != E_OK)
		log_event(LOG_ERR, "copies_not_undone", "%s", "");
	while (!copies_are_undone() && !k->is_ending)
		jobs_run();
	tmp_sweep();
	watch_new();
	watch_term();
}

/* What nobody waits for. */
static void
begin_upkeep(void)
{
	struct keeper *k = &the_keeper;
	doomed_begin();
	if (k->is_rebuilt || !cache_was_there())
		helper_want_all();
	for (size_t i = 0; i < k->n_by_id; i++)
		if (k->by_id[i]->now.is_dead)
			purge_begin(k->by_id[i]->now.id);
	kept_purge();
}

/* Who started it mostly has asked by now, and what it asked is what a client waits for. */
static void
serve_first(void)
{
	for (unsigned i = 0; i < FIRST_ROUNDS && !the_keeper.is_ending; i++) {
		loop_ready(the_keeper.loop);
		jobs_run();
	}
}

/*
 * It waits for the disk: when nobody else does, and what it would wait for was written some time
 * before.
 */
static void
checkpoint(void)
{
	struct db *db = the_keeper.tables.db;
	int64_t now = clock_mono_ms();
	bool is_idle = jobs_none() && now >= run.settled_ms;
	size_t due = is_idle ? KEEPER_IDLE_LOG_BYTES : KEEPER_BUSY_LOG_BYTES;
	int err = db_write_back(db, due);
	if (err == E_MORE) {
		run.has_written |= is_idle;
		loop_timer_set(run.again, 0);
	} else if (err == E_OK && is_idle && run.has_written) {
		run.has_written = false;
		run.settled_ms = now + KEEPER_SETTLE_MS;
	} else if (err == E_OK) {
		err = db_checkpoint(db, due);
		if (db_has_old_logs(db))
			loop_timer_set(run.again, OLD_LOGS_MS);
	}
	if (err >= E_OK)
		return;
	log_event(LOG_ERR, "no_checkpoint", "%s", "");
	the_keeper.is_ending = true;
}

static void
between_batches(void)
{
	struct keeper *k = &the_keeper;
	if (!jobs_none())
		loop_timer_set(run.again, 0);
	usage_soon();
	look_alone();
	k->is_ending |= db_is_damaged(k->tables.db) || db_is_full(k->tables.db);
	if (!k->is_ending)
		checkpoint();
}

static void
serve(void)
{
	struct keeper *k = &the_keeper;
	between_batches();
	while (!k->is_ending) {
		loop_once(k->loop);
		jobs_run();
		between_batches();
	}
}

void
keeper_run(int first, int start)
{
	if (keeper_open() != E_OK) {
		log_event(LOG_ERR, "index_not_opened", "%s", "");
		return;
	}
	begin();
	sessions_first(first);
	serve_first();
	if (!the_keeper.is_ending)
		begin_upkeep();
	if (!the_keeper.is_ending && sessions_listen() != E_OK) {
		log_event(LOG_ERR, "keeper_not_started", "err=%s", log_errno(errno));
		keeper_close();
		return;
	}
	if (start >= 0)
		close(start);
	serve();
	takein_put_away();
	unlink("index/keeper"); /* who comes now starts the next one */
	keeper_close();
}
