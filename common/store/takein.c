/* SPDX-License-Identifier: ISC */
/*
 * takein.c - what placers left in new/ becomes part of INBOX, or of the mailbox where it is
 * meant to go (goal.h), a job as others: rows in the batch's transaction (among them "seen", so
 * that a replay brings nothing back), its sync and the answers (who sleeps is answered first), and
 * some ms later each file moves to msg/.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "store/goal.h"
#include "store/sum.h"
#include "store/sweep.h"

enum {
	/* files put in order of arrival together: 12 MB for a moment */
	TAKEIN_SORTED = 1 << 17,
	TAKEIN_SLICE = GOAL_MADE_MOST, /* of them in one step */
	/*
	 * Until files get their place: all who sleep in the mailbox were told by then, and sleep again.
	 * Who among them looks through new/ would wait while the disk brings the folder of a move.
	 */
	TAKEIN_MOVES_AFTER_MS = 10,
};

struct arrival {
	struct file_name name;
	struct timespec placed;
	ino_t inode;
	/* gets a uid; else it was taken in before and only its file has to move, or go */
	bool is_new;
	bool is_replay; /* deleted meanwhile: it goes */
	bool is_mended; /* what its row said of the file is not there any more */
	bool stays;     /* where it is: damaged, or that cannot be seen now */
};

static struct {
	DIR *folder;         /* own; it is read: more of this round are to come */
	struct arrival *all; /* own; of this round */
	/* at: all before are taken in; slice: those of this step */
	size_t n, cap, at, slice;
	bool has_unseen;  /* not all that lies there could be looked at */
	bool has_unmoved; /* nor moved, since it was listed */
	/* at first, and since a round that failed: until one is whole */
	bool is_behind;
	struct usage placed; /* before it was listed */
	/* numbers of those who want it: the last, that of this round, the last that got it */
	uint64_t wanted, covers, done;
	bool is_queued;
	/* one that is not taken in lies there: sums are looked at on */
	bool has_damaged;
	bool has_old_directions; /* a file, of its message or of none */
} in = {.is_behind = true};

/* New mail, which moves some ms after those who wait were told of it, when its row is durable. */
static struct {
	struct arrival all[TAKEIN_SLICE];
	size_t n;
	bool are_last; /* directions that are left then belong to no message */
	struct loop_timer *soon; /* own: they go */
} leaving;

/* ---- what lies there ---- */

static void
path_put(struct buf *out, const struct arrival *a)
{
	buf_str(out, "new/");
	file_name_put(out, &a->name);
}

/* E_OK: it is that; E_BAD: another; E_IO: it cannot be read now (errno) */
static int
sum_compare(const char *path, const unsigned char want[SHA256_BYTES])
{
	unsigned char sum[SHA256_BYTES];
	int fd = file_open_unnoted(AT_FDCWD, path, O_NOFOLLOW | O_NONBLOCK);
	int err = fd >= 0 ? file_sum(fd, sum) : E_IO;
	if (err == E_OK && memcmp(sum, want, sizeof sum) != 0)
		err = E_BAD;
	if (fd >= 0)
		close(fd);
	return err;
}

/* As sum_compare */
static int
look_for_own_sum(const struct arrival *a)
{
	struct buf path = {0};
	path_put(&path, a);
	int err = sum_compare(buf_cstr(&path), a->name.sha256);
	buf_free(&path);
	return err;
}

/*
 * Whether what was taken in under this id stands where it should, as its row says.  E_OK; E_BAD: it
 * does not; E_IO: that cannot be seen now (errno)
 */
static int
look_for_kept(const struct file_name *row)
{
	struct stat st;
	struct buf path = {0};
	int err = E_OK;
	msg_path_put(&path, row->id);
	if (lstat(buf_cstr(&path), &st) != 0)
		err = errno == ENOENT ? E_BAD : E_IO;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != row->size_bytes)
		err = E_BAD;
	else if (sum_is_known(row->sha256))
		err = sum_compare(buf_cstr(&path), row->sha256);
	buf_free(&path);
	return err;
}

/* A rebuild could not read it, so nobody knows its sum: that of its file, where it can be read now. */
static bool
is_other_file(const struct file_name *name)
{
	struct buf path = {0};
	msg_path_put(&path, name->id);
	bool is = sum_compare(buf_cstr(&path), name->sha256) == E_BAD;
	buf_free(&path);
	return is;
}

static bool
is_other(const struct file_name *row, const struct file_name *name)
{
	if (row->size_bytes != name->size_bytes)
		return true;
	return sum_is_known(row->sha256)
	           ? memcmp(row->sha256, name->sha256, sizeof row->sha256) != 0
	           : is_other_file(name);
}

/* What lies there has no event any more: it is tried again without one. */
static void
try_again(void)
{
	in.is_behind = true;
	keeper_lists(false);
}

static void
not_seen(const char *file, int why)
{
	log_event(
	    LOG_ERR, "takein_failed", "file=%s err=%s", log_qs(file), log_errno(why));
	in.has_unseen = true;
	try_again();
}

/* As long as its name says. */
static bool
is_whole(const char *name, struct arrival *a)
{
	struct stat st;
	if (fstatat(dirfd(in.folder), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			not_seen(name, errno);
		return false;
	}
	a->placed = st.st_mtim;
	a->inode = st.st_ino;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == a->name.size_bytes)
		return true;
	log_event(LOG_WARNING, "not_taken_in", "file=%s why=\"not whole\"", name);
	return false;
}

static void
look_at(const char *name)
{
	struct arrival a = {.is_new = false};
	if (name[0] == '.') {
		in.has_old_directions |= directions_are_old(name);
		return;
	}
	if (strlen(name) >= NAME_NEW_MAX ||
	    file_name_parse(span_of(name), &a.name) != E_OK) {
		log_event(LOG_DEBUG, "not_ours", "file=%s", log_qs(name));
		return;
	}
	if (!is_whole(name, &a))
		return;
	in.all = mem_room(in.all, in.n, &in.cap, sizeof *in.all);
	in.all[in.n++] = a;
}

/*
 * In the order of their coming.  The kernel's clock for files ticks every 4 ms; what a placer wrote
 * within one tick mostly has rising inode numbers.
 */
static int
by_arrival(const void *x, const void *y)
{
	const struct arrival *a = x, *b = y;
	if (a->placed.tv_sec != b->placed.tv_sec)
		return a->placed.tv_sec < b->placed.tv_sec ? -1 : 1;
	if (a->placed.tv_nsec != b->placed.tv_nsec)
		return a->placed.tv_nsec < b->placed.tv_nsec ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static void
scan_begin(void)
{
	in.placed = placed_read(AT_FDCWD, "placed");
	in.folder = folder_open_unnoted("new");
	in.has_unseen = in.has_unmoved = false;
	in.n = in.at = 0;
	in.covers = in.wanted;
	if (in.folder)
		keeper_lists(true);
	else
		not_seen("new", errno);
}

/* One at least, whatever time there is: that none was read is said by the end of the folder alone. */
static void
scan_some(void)
{
	struct dirent *e;
	do {
		errno = 0;
		e = readdir(in.folder);
		if (!e && errno)
			not_seen("new", errno);
		if (e)
			look_at(e->d_name);
	} while (e && in.n < TAKEIN_SORTED && job_has_time());
	if (e && in.n < TAKEIN_SORTED)
		return; /* time is over */
	closedir(in.folder);
	in.folder = NULL;
	if (in.n)
		qsort(in.all, in.n, sizeof *in.all, by_arrival);
}

/* ---- files ---- */

int
msg_move(const char *from, struct file_id id)
{
	struct buf to = {0}, folder = {0};
	msg_path_put(&to, id);
	int err = rename(from, buf_cstr(&to)) == 0 ? E_OK : E_IO;
	if (err != E_OK && errno == ENOENT) {
		buf_span(&folder, span_head(buf_as_span(&to), sizeof "msg/xx" - 1));
		if ((mkdir(buf_cstr(&folder), 0700) == 0 || errno == EEXIST) &&
		    rename(from, buf_cstr(&to)) == 0)
			err = E_OK;
	}
	buf_free(&to);
	buf_free(&folder);
	return err;
}

static void
move_file(const struct arrival *a)
{
	struct buf from = {0};
	path_put(&from, a);
	if (msg_move(buf_cstr(&from), a->name.id) != E_OK) {
		log_event(LOG_ERR, "not_moved", "file=%s err=%s", buf_cstr(&from),
		    log_errno(errno));
		in.has_unmoved = true;
		try_again();
	}
	buf_free(&from);
}

static void
drop_file(const struct arrival *a)
{
	struct buf path = {0};
	path_put(&path, a);
	log_event(LOG_INFO, "replay_dropped", "file=%s", buf_cstr(&path));
	unlink(buf_cstr(&path));
	buf_free(&path);
}

static void
put_away(const struct arrival *a)
{
	/* first: without its message nobody would remove them */
	if (a->name.is_directed)
		directions_remove(a->name.id);
	if (a->is_replay)
		drop_file(a);
	else
		move_file(a);
}

void
takein_put_away(void)
{
	if (leaving.n == 0 && !leaving.are_last)
		return;
	/* without a row nobody would find them in msg/: in new/ the next keeper does */
	if (jobs_settle() != E_OK) {
		leaving.n = 0;
		leaving.are_last = false;
	}
	for (size_t i = 0; i < leaving.n; i++)
		put_away(&leaving.all[i]);
	leaving.n = 0;
	if (leaving.are_last)
		directions_sweep();
	leaving.are_last = false;
}

static void
on_soon(void *ctx)
{
	(void)ctx;
	takein_put_away();
}

static void
put_away_soon(void)
{
	if (leaving.n == 0 && !leaving.are_last)
		return;
	if (!leaving.soon)
		leaving.soon = loop_timer_new(the_keeper.loop, on_soon, NULL);
	loop_timer_set(leaving.soon, TAKEIN_MOVES_AFTER_MS);
}

/* ---- rows ---- */

/* What the row means lies in new/ yet: it moves with this round. */
static bool
is_about_to_move(const struct file_name *row)
{
	for (size_t i = 0; i < in.n; i++)
		if (file_id_eq(in.all[i].name.id, row->id) &&
		    !is_other(row, &in.all[i].name))
			return true;
	return false;
}

struct mending {
	struct slot *slot;            /* borrow */
	const struct file_name *name; /* borrow */
};

static int
mend_record(void *ctx, struct store_record *r, enum sweep_did *did)
{
	const struct mending *m = ctx;
	if (!file_id_eq(r->id, m->name->id))
		return E_OK;
	slot_count(m->slot, r, -1);
	r->size_bytes = m->name->size_bytes;
	if (r->cache_gen)
		cache_dead(r->cache_gen, r->cache_at);
	r->cache_gen = r->cache_at = 0;
	slot_count(m->slot, r, 1);
	helper_want(m->slot);
	*did = SWEEP_CHANGED;
	return E_OK;
}

/*
 * The file that its row meant was not durable when the power was cut; this one comes in its place.
 * As rare as that is, all records are looked at.
 */
static int
mend(const struct arrival *a)
{
	struct keeper *k = &the_keeper;
	struct numset all = {0};
	int err = numset_add(&all, 1, UINT32_MAX) == E_OK ? E_OK : E_IO;
	if (err == E_OK)
		err = file_mend(&k->tables, job_txn(), &a->name);
	for (size_t i = 0; i < k->n_by_id && err == E_OK; i++) {
		struct mending m = {k->by_id[i], &a->name};
		err = sweep_all(m.slot->now.id, &all, mend_record, &m);
	}
	numset_free(&all);
	log_event(LOG_NOTICE, "file_mended", "file=%s", file_id_text(a->name.id));
	return err;
}

/*
 * Placed once more with other bytes, as scripts make them, it is the same message: what the row
 * says stays, where that is there whole.  E_OK; E_BAD: it is damaged, or waits for the next round;
 * E_IO (errno): that cannot be seen now, it waits
 */
static int
judge_other(struct arrival *a, const struct file_name *row)
{
	int err = look_for_kept(row);
	a->is_replay = err == E_OK;
	if (err != E_BAD || is_about_to_move(row))
		return err;
	err = look_for_own_sum(a);
	a->is_mended = err == E_OK;
	return err;
}

static void
stay(struct arrival *a, int why)
{
	const char *file = file_id_text(a->name.id);
	a->stays = true;
	a->is_new = false;
	if (why == E_IO) {
		if (errno != ENOENT) /* its placer took it back */
			not_seen(file, errno);
		return;
	}
	in.has_damaged = true;
	log_event(LOG_WARNING, "not_taken_in", "file=%s why=\"another sum\"", file);
}

static int
judge(struct arrival *a)
{
	struct file_name row;
	bool is_seen, is_known;
	int err = seen_has(&the_keeper.tables, a->name.id, &is_seen);
	if (err == E_OK)
		err = file_row(&the_keeper.tables, a->name.id, &is_known, &row);
	if (err != E_OK)
		return err;
	if (is_known)
		takein_put_away(); /* its file may be among those */
	a->is_new = !is_seen && !is_known;
	a->is_replay = is_seen && !is_known;
	if (is_known && is_other(&row, &a->name))
		err = judge_other(a, &row);
	else if (a->is_new && the_keeper.checks_sums)
		err = look_for_own_sum(a);
	if (err != E_OK)
		stay(a, err);
	return E_OK;
}

/* Flags that have no room in the mailbox are left out. */
static int
set_flags(struct slot *slot, const struct directions *d, struct store_record *out)
{
	uint64_t bits = 0;
	out->flags = d->flags;
	int err =
	    slot_keywords(slot, d->keywords, d->n_keywords, KEYWORDS_THAT_FIT, &bits);
	out->keywords = bits;
	return err;
}

static int
add_one(
    struct goal *g, const struct arrival *a, const struct directions *d, int64_t now)
{
	struct tables *t = &the_keeper.tables;
	struct mailbox *m = slot_touch(g->slot);
	struct store_record *out = &g->made[g->n++];
	*out = (struct store_record){.uid = slot_uid(g->slot),
	    .modseq = m->modseq,
	    .size_bytes = a->name.size_bytes,
	    .date_sec = (int64_t)a->placed.tv_sec,
	    .saved_sec = now,
	    .id = a->name.id};
	int err = d ? set_flags(g->slot, d, out) : E_OK;
	slot_count(g->slot, out, 1);
	helper_want(g->slot);
	if (err == E_OK)
		err = file_refer(t, job_txn(), &a->name, now);
	if (err == E_OK)
		err = seen_put(t, job_txn(), a->name.id, now);
	change_add(g->slot, CHANGE_ADD, out);
	return err;
}

static int
append_made(const struct goal *all)
{
	int err = E_OK;
	for (const struct goal *g = all; g && err == E_OK; g = g->next)
		if (g->n)
			err = records_append(&the_keeper.tables, job_txn(),
			    g->slot->next.id, g->made, g->n);
	return err;
}

static int
add_where_meant(struct goal **goals, const struct arrival *a, int64_t now)
{
	struct directions d;
	struct buf text = {0};
	int err = a->name.is_directed ? directions_read(a->name.id, &text, &d) : E_BAD;
	if (err != E_IO) {
		const struct directions *where = err == E_OK ? &d : NULL;
		err = add_one(goal_of(goals, &a->name, where), a, where, now);
	}
	buf_free(&text);
	return err;
}

static int
add_slice(struct job *j)
{
	struct goal *goals = NULL;
	int64_t now = clock_wall_sec();
	int err = E_OK;
	do {
		struct arrival *a = &in.all[in.at + in.slice++];
		err = judge(a);
		if (err == E_OK && a->is_mended)
			err = mend(a);
		if (err == E_OK && a->is_new)
			err = add_where_meant(&goals, a, now);
		j->may_be_early &= a->is_new || a->stays;
	} while (err == E_OK && in.at + in.slice < in.n && in.slice < TAKEIN_SLICE &&
		 job_has_time());
	if (err == E_OK)
		err = append_made(goals);
	goals_free(&goals);
	return err;
}

/* All that placers had counted is in the index now. */
static void
note_placed(void)
{
	struct usage *noted = &the_keeper.noted;
	the_keeper.is_usage_old |=
	    noted->bytes != in.placed.bytes || noted->messages != in.placed.messages;
	*noted = in.placed;
}

/* Each file that lies there was looked at. */
static void
end_all(void)
{
	note_placed();
	the_keeper.checks_sums &= in.has_damaged;
	/* those of what was taken in will be gone: of what is damaged they wait with it */
	leaving.are_last = in.has_old_directions && !in.has_damaged;
	in.has_damaged = in.has_old_directions = false;
	in.is_behind = in.has_unmoved;
}

/*
 * The round is over; another one follows when it was full, or somebody came meanwhile.  Where not all
 * could be looked at they are answered all the same, and the next one is upkeep's.
 */
static void
end_round(struct job *j)
{
	bool has_more = in.n == TAKEIN_SORTED && !in.has_unseen;
	if (!has_more)
		in.done = in.covers;
	if (!has_more && !in.has_unseen)
		end_all();
	in.n = in.at = in.cap = 0;
	mem_free(&in.all);
	j->is_done = !has_more && in.wanted == in.done;
	in.is_queued = !j->is_done;
}

static int
takein_step(struct job *j)
{
	in.slice = 0;
	j->may_be_early = true;
	if (!in.folder && in.at == in.n) {
		takein_put_away(); /* or it is found once more */
		scan_begin();
	}
	if (in.folder)
		scan_some();
	if (in.folder)
		return E_OK;
	if (in.n)
		return add_slice(j);
	end_round(j);
	return E_OK;
}

/* ---- the job ---- */

/* Sessions do not expect that a size changes: they get other views. */
static void
renew_views(void)
{
	for (size_t i = 0; i < the_keeper.n_by_id; i++) {
		view_free(the_keeper.by_id[i]);
		guests_end_views(the_keeper.by_id[i]);
	}
}

static void
takein_synced(struct job *j)
{
	takein_put_away();
	for (; in.slice; in.slice--, in.at++) {
		const struct arrival *a = &in.all[in.at];
		if (a->is_mended)
			renew_views();
		/* where a row was there before, so may a file be that must not be read */
		if (a->is_new)
			leaving.all[leaving.n++] = *a;
		else if (!a->stays)
			put_away(a);
		if (!a->is_replay && !a->stays)
			metric_count(M_KEEPER_TAKEN);
	}
	if (!in.folder && in.n && in.at == in.n)
		end_round(j);
	put_away_soon();
}

/* Who wants it is answered with what is there: old mail can be read on a full disk. */
static bool
takein_failed(struct job *j)
{
	log_event(LOG_ERR, "takein_failed", "waiting=%zu", in.n - in.at);
	if (in.folder)
		closedir(in.folder);
	in.folder = NULL;
	in.n = in.at = in.cap = in.slice = 0;
	mem_free(&in.all);
	in.done = in.wanted;
	in.is_queued = false;
	try_again();
	(void)j;
	return false;
}

static const struct job_kind takein_kind = {.name = "takein",
    .is_growing = true,
    .step = takein_step,
    .synced = takein_synced,
    .failed = takein_failed};

uint64_t
takein_want(void)
{
	if (!in.is_queued)
		job_add_first(
		    job_new(sizeof(struct job), &takein_kind, NULL, 0, SPAN("")));
	in.is_queued = true;
	return ++in.wanted;
}

bool
takein_is_done(uint64_t want)
{
	return in.done >= want;
}

bool
takein_is_behind(void)
{
	return in.is_behind;
}
