/* SPDX-License-Identifier: ISC */
/*
 * doomed.c - files without references go, in rounds, with what others ask in between; and leftovers
 * of APPENDs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/jobs.h"

enum {
	UNLINK_MOST = 256, /* files of a round, about */
	UNLINK_US = 10000, /* and its time */
	/* after what doomed them: it costs more than the deletion, and nobody waits for it */
	UNLINK_FIRST_MS = 3000,
	/* and so much later at most: not all accounts at a time */
	UNLINK_SPREAD_MS = 3000,
	UNLINK_AGAIN_MS = 1,
};

static struct {
	struct buf ids;           /* own: of this batch */
	struct loop_timer *timer; /* own */
	bool is_armed;
	/* a pass over all rows is as far as this one; zeros: none is on its way */
	struct file_id after;
	/* files of this pass that could not be removed: tried again in the next one */
	size_t n_stay;
	bool has_new; /* rows came since the pass began */
	bool hurries; /* in this batch somebody wants room */
} doomed;

static void doomed_in(int64_t ms);

static void
doomed_soon(void)
{
	doomed_in(UNLINK_FIRST_MS + random_below(UNLINK_SPREAD_MS));
}

/* ---- of a batch ---- */

void
doomed_add(struct file_id id)
{
	buf_put(&doomed.ids, id.b, FILE_ID_BYTES);
}

int
doomed_write(struct db_txn *txn)
{
	return doomed_put(&the_keeper.tables, txn, buf_as_span(&doomed.ids));
}

void
doomed_publish(void)
{
	if (doomed.ids.len) {
		doomed.has_new = true;
		if (doomed.hurries)
			doomed_in(0);
		else
			doomed_soon();
	}
	doomed_forget();
}

void
doomed_forget(void)
{
	buf_reset(&doomed.ids);
	doomed.hurries = false;
}

void
doomed_hurry(void)
{
	doomed.hurries = true;
	if (doomed.is_armed)
		loop_timer_set(doomed.timer, 0);
}

/* ---- rounds ---- */

struct round {
	struct buf rows; /* own: the first id of each whose files are gone */
	size_t n_files;
	int64_t ends_us;
};

static bool
unlink_message(struct file_id id)
{
	struct buf path = {0};
	msg_path_put(&path, id);
	bool is_gone = unlink(buf_cstr(&path)) == 0 || errno == ENOENT;
	buf_free(&path);
	return is_gone;
}

static int
unlink_row(void *ctx, struct span ids)
{
	struct round *round = ctx;
	bool are_gone = true;
	struct rd first = rd_of(ids);
	rd_file_id(&first, &doomed.after);
	for (struct rd r = rd_of(ids); r.in.n; round->n_files++) {
		struct file_id id;
		rd_file_id(&r, &id);
		bool is_gone = unlink_message(id);
		doomed.n_stay += !is_gone;
		are_gone &= is_gone;
	}
	if (are_gone)
		buf_span(&round->rows, span_head(ids, FILE_ID_BYTES));
	return round->n_files < UNLINK_MOST && clock_mono_us() < round->ends_us
	           ? E_OK
	           : E_LIMIT;
}

static int
remove_rows(const struct buf *rows)
{
	struct tables *t = &the_keeper.tables;
	struct db_txn *txn;
	int err = db_begin(t->db, &txn);
	if (err != E_OK)
		return err;
	for (struct rd r = rd_of(buf_as_span(rows)); r.in.n && err == E_OK;) {
		struct file_id first;
		rd_file_id(&r, &first);
		err = doomed_remove(t, txn, first);
	}
	if (err == E_OK)
		return db_commit(&txn);
	db_abort(&txn);
	return err;
}

static void
pass_end(void)
{
	if (doomed.n_stay)
		log_event(LOG_ERR, "doomed_stay",
		    "files=%zu do=\"nothing: they are tried again later\"",
		    doomed.n_stay);
	doomed.n_stay = 0;
	doomed.after = (struct file_id){.b = {0}};
	if (doomed.has_new)
		doomed_soon();
}

/*
 * Files of doomed rows go, then the rows: a crash between the two finds rows without files, which
 * do no harm.  A row whose files do not go stays, and those behind it are not kept waiting.
 */
static void
unlink_some(void)
{
	static const struct file_id none;
	takein_put_away(); /* else a file would move to where it was not found */
	struct round round = {.ends_us = clock_mono_us() + UNLINK_US};
	struct file_id after = doomed.after;
	bool is_first = file_id_eq(after, none);
	if (is_first)
		doomed.has_new = false;
	int err = doomed_each(
	    &the_keeper.tables, is_first ? NULL : &after, unlink_row, &round);
	bool has_more = err == E_LIMIT;
	if (has_more)
		err = E_OK;
	if (err == E_OK && round.rows.len)
		err = remove_rows(&round.rows);
	if (err != E_OK)
		log_event(LOG_ERR, "doomed_stay", "why=%s", err_name(err));
	else if (has_more)
		doomed_in(UNLINK_AGAIN_MS);
	else
		pass_end();
	buf_free(&round.rows);
}

static void
on_timer(void *ctx)
{
	(void)ctx;
	doomed.is_armed = false;
	unlink_some();
}

static void
doomed_in(int64_t ms)
{
	if (doomed.is_armed || !the_keeper.loop)
		return;
	if (!doomed.timer)
		doomed.timer = loop_timer_new(the_keeper.loop, on_timer, NULL);
	doomed.is_armed = true;
	loop_timer_set(doomed.timer, ms);
}

/* A row that is no list of ids names no file: damage, which is not to be met in each pass. */
static void
mend_rows(void)
{
	struct db_txn *txn;
	unsigned n = 0;
	int err = db_begin(the_keeper.tables.db, &txn);
	if (err == E_OK) {
		err = doomed_mend(&the_keeper.tables, txn, &n);
		if (err == E_OK && n)
			err = db_commit(&txn);
		else
			db_abort(&txn);
	}
	if (err != E_OK || n)
		log_event(
		    LOG_ERR, "doomed_rows_dropped", "rows=%u err=%s", n, err_name(err));
}

static int
is_one(void *ctx, struct span ids)
{
	(void)ids;
	*(bool *)ctx = true;
	return E_LIMIT;
}

void
doomed_begin(void)
{
	bool are_there = false;
	mend_rows();
	if (doomed_each(&the_keeper.tables, NULL, is_one, &are_there) != E_OK)
		doomed_soon();
}

bool
doomed_waits(void)
{
	return doomed.is_armed;
}

/* ---- leftovers of APPENDs ---- */

/* A session that lives holds a lock on it. */
static bool
is_in_use(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_held = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (fd >= 0)
		close(fd);
	return is_held;
}

/* Without a row nobody was told of the message: both names go.  With one, the second name does. */
static void
sweep_one(struct file_id id)
{
	struct buf path = {0}, message = {0};
	bool is_known;
	tmp_path_put(&path, id);
	msg_path_put(&message, id);
	if (!is_in_use(buf_cstr(&path)) &&
	    file_is_known(&the_keeper.tables, id, &is_known) == E_OK) {
		if (!is_known && unlink(buf_cstr(&message)) == 0)
			log_event(LOG_INFO, "half_append_dropped", "file=%s",
			    file_id_text(id));
		unlink(buf_cstr(&path));
	}
	buf_free(&path);
	buf_free(&message);
}

void
tmp_sweep(void)
{
	DIR *d = folder_open_unnoted("tmp");
	struct file_id id;
	for (struct dirent *e; d && (e = readdir(d));)
		if (file_id_parse(span_of(e->d_name), &id) == E_OK)
			sweep_one(id);
	if (d)
		closedir(d);
}
