/* SPDX-License-Identifier: ISC */
/*
 * drop.c - the process that takes in spool/drop/: a name is looked at when it appears, all are at a
 * start.  Users take turns; who drops more than his share waits, and past drop_user_most is put
 * aside.  The door (that others may enter spool_dir) is closed when too much waits or there is no
 * room: then sendmail(1) says "later" instead of promising what cannot be kept.
 */
#include "queue/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "queue/dropfile.h"

enum {
	TURN = 8, /* files of a user, then it is the next one's turn */
	/* names that are known; the rest is found when these are done */
	PENDING_MOST = 4096,
	USERS_MOST = 4096,     /* users whose files are counted; of more, none is */
	AGAIN_MS = 2000,       /* after there was no room, or no spool */
	RATE_AGAIN_MS = 30000, /* those who have to wait for their share */
	RATE_WINDOW_MS = 3600 * 1000,
};

struct pending {
	struct id name;
	uid_t uid;
	uint32_t turn; /* in the order in which they were found */
};

/* What one user may do within an hour, and what waits. */
struct user {
	uid_t uid;
	bool is_used;
	uint64_t waiting; /* seen by the last scan and since */
	/* taking a message costs RATE_WINDOW_MS / user_most of these */
	int64_t tokens_ms;
	int64_t looked_ms;
};

static struct {
	struct loop *loop;
	struct loop_timer *timer;
	int notify, door;    /* own; door: spool_dir, which others pass through */
	struct pending *all; /* own: PENDING_MOST */
	size_t n;
	uint32_t turn;
	struct user *users;       /* own: USERS_MOST, found by their uid */
	uint64_t user_most, most; /* settings */
	uint64_t waiting;         /* files, by the last scan and since */
	bool needs_scan;          /* there may be names that are not in all */
	bool has_waited;          /* one of a user without a share is among them */

	enum { DOOR_UNKNOWN, DOOR_CLOSED, DOOR_OPEN } is_at; /* the door */
} drop = {.notify = -1, .door = -1};

/* ---- the door ---- */

static void
set_door(bool is_open)
{
	enum { OTHERS_PASS = 0001, DIR_MODE = 0750 };
	struct stat st;
	if (drop.is_at == (is_open ? DOOR_OPEN : DOOR_CLOSED))
		return;
	if (fstat(drop.door, &st) == 0 && !!(st.st_mode & OTHERS_PASS) == is_open) {
		drop.is_at = is_open ? DOOR_OPEN : DOOR_CLOSED;
		return;
	}
	if (fchmod(drop.door, DIR_MODE | (is_open ? OTHERS_PASS : 0)) != 0) {
		log_event(LOG_ERR, "no_door", "err=%s", log_errno(errno));
		return;
	}
	drop.is_at = is_open ? DOOR_OPEN : DOOR_CLOSED;
	log_event(is_open ? LOG_NOTICE : LOG_WARNING,
	    is_open ? "drop_open" : "drop_closed", "waiting=%llu",
	    (unsigned long long)drop.waiting);
}

/* ---- users ---- */

/* NULL: too many of them. */
static struct user *
user_of(uid_t uid)
{
	for (size_t i = 0; i < USERS_MOST; i++) {
		struct user *u =
		    &drop.users[((size_t)uid * 2654435761u + i) % USERS_MOST];
		if (u->is_used && u->uid != uid)
			continue;
		if (!u->is_used)
			*u = (struct user){.uid = uid,
			    .is_used = true,
			    .tokens_ms = RATE_WINDOW_MS,
			    .looked_ms = clock_mono_ms()};
		return u;
	}
	return NULL;
}

static int64_t
cost_ms(void)
{
	return RATE_WINDOW_MS / (int64_t)drop.user_most;
}

static bool
has_share(struct user *u)
{
	int64_t now = clock_mono_ms();
	if (!u)
		return true;
	u->tokens_ms += now - u->looked_ms;
	u->looked_ms = now;
	if (u->tokens_ms > RATE_WINDOW_MS)
		u->tokens_ms = RATE_WINDOW_MS;
	return u->tokens_ms >= cost_ms();
}

/* ---- names ---- */

/* One more name: among those that are known, or put aside, or left for the next scan. */
static void
add(const char *text)
{
	struct id name;
	struct stat st;
	if (drop_look(text, &name, &st) != E_OK)
		return;
	struct user *u = user_of(st.st_uid);
	if (u && u->waiting >= drop.user_most) {
		drop_aside(text, st.st_uid, "too many of one user wait");
		return;
	}
	if (u)
		u->waiting++;
	drop.waiting++;
	if (!has_share(u)) {
		drop.has_waited = true;
	} else if (drop.n == PENDING_MOST) {
		drop.needs_scan = true;
	} else {
		drop.all[drop.n++] = (struct pending){name, st.st_uid, drop.turn++};
	}
}

/* All names.  Those that are known are found again: taken once, they are gone the second time. */
static void
scan(void)
{
	int fd = openat(the_drop.drop, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		log_event(LOG_ERR, "drop_not_read", "err=%s", log_errno(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	drop.n = 0;
	drop.waiting = 0;
	drop.needs_scan = drop.has_waited = false;
	for (size_t i = 0; i < USERS_MOST; i++)
		drop.users[i].waiting = 0;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			add(e->d_name);
	closedir(d);
}

static int
by_user(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;
	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->turn < y->turn ? -1 : x->turn > y->turn;
}

static void
forget_one(struct user *u, bool is_taken)
{
	if (drop.waiting)
		drop.waiting--;
	if (u && u->waiting)
		u->waiting--;
	if (u && is_taken)
		u->tokens_ms -= cost_ms();
}

/*
 * A turn of every user.  DROP_WAITS, DROP_FULL: nothing can be taken now; what was not is still
 * known.
 */
static enum drop_outcome
take_turns(void)
{
	size_t kept = 0, used = 0;
	enum drop_outcome last = DROP_TAKEN;
	qsort(drop.all, drop.n, sizeof *drop.all, by_user);
	for (size_t i = 0; i < drop.n; i++) {
		struct pending p = drop.all[i];
		struct user *u = user_of(p.uid);
		used = i && drop.all[i - 1].uid == p.uid ? used + 1 : 0;
		bool goes_on = last == DROP_TAKEN || last == DROP_GONE;
		if (goes_on && used < TURN && !has_share(u)) {
			drop.has_waited = true; /* a later scan finds it */
			continue;
		}
		if (goes_on && used < TURN) {
			last = drop_take(p.name);
			goes_on = last == DROP_TAKEN || last == DROP_GONE;
			if (goes_on) {
				forget_one(u, last == DROP_TAKEN);
				continue;
			}
		}
		drop.all[kept++] = p;
	}
	drop.n = kept;
	return last;
}

/* ---- the loop ---- */

static void
go_on(void *ctx)
{
	(void)ctx;
	if (drop.n == 0 && (drop.needs_scan || drop.has_waited))
		scan();
	enum drop_outcome last = take_turns();
	bool is_done = drop.n == 0 && !drop.needs_scan;
	set_door(last != DROP_FULL && drop.waiting < drop.most);
	if (last == DROP_WAITS || last == DROP_FULL)
		loop_timer_set(drop.timer, AGAIN_MS);
	else if (!is_done)
		loop_timer_set(drop.timer, 0);
	else if (drop.has_waited)
		loop_timer_set(drop.timer, RATE_AGAIN_MS);
}

static void
on_notify(void *ctx, int fd, unsigned events)
{
	_Alignas(struct inotify_event) char bytes[16384];
	(void)ctx, (void)events;
	ssize_t n = read(fd, bytes, sizeof bytes);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(bytes + at);
		if (e->mask & IN_Q_OVERFLOW)
			drop.needs_scan = true;
		else if (e->len)
			add(e->name);
		at += (ssize_t)(sizeof *e + e->len);
	}
	loop_timer_set(drop.timer, 0);
}

static void
on_drain(void)
{
	/* what is not taken stays where it is; what the spool has, it has removed */
	_exit(EX_OK);
}

static struct buf drop_path, corrupt_path;

static void
name_paths(void)
{
	const char *dir = conf_str(the_child.conf, "common", "spool_dir");
	buf_reset(&drop_path);
	buf_reset(&corrupt_path);
	buf_putf(&drop_path, "%s/drop", dir);
	buf_putf(&corrupt_path, "%s/corrupt", dir);
}

void
drop_jail(struct jail *j)
{
	name_paths();
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_INOTIFY;
	jail_allow(j, buf_cstr(&drop_path), JAIL_READ | JAIL_WRITE);
	jail_allow(j, buf_cstr(&corrupt_path), JAIL_READ | JAIL_WRITE);
}

/* The door is opened before the jail hides it. */
int
drop_prepare(void)
{
	drop.door = open(conf_str(the_child.conf, "common", "spool_dir"),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return drop.door >= 0 ? EX_OK : EX_CANTCREAT;
}

static int
open_all(void)
{
	struct stat st;
	name_paths();
	the_drop.drop =
	    open(buf_cstr(&drop_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	the_drop.corrupt = open(
	    buf_cstr(&corrupt_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	drop.notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (the_drop.drop < 0 || the_drop.corrupt < 0 || drop.notify < 0 ||
	    fstat(the_drop.drop, &st) != 0 ||
	    inotify_add_watch(drop.notify, buf_cstr(&drop_path),
		IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW) < 0) {
		log_event(LOG_CRIT, "no_drop", "dir=%s err=%s",
		    log_qs(buf_cstr(&drop_path)), log_errno(errno));
		return E_IO;
	}
	the_drop.gid = st.st_gid;
	return E_OK;
}

int
drop_run(void)
{
	const struct conf *c = the_child.conf;
	if (open_all() != E_OK)
		return EX_CANTCREAT;
	the_drop.most_bytes = DROP_LEAD_BYTES + ENVELOPE_BYTES_MAX +
	                      (uint64_t)conf_int(c, "smtpd", "message_size");
	drop.user_most = (uint64_t)conf_int(c, "queue", "drop_user_most");
	drop.most = (uint64_t)conf_int(c, "queue", "drop_most");
	drop.all = mem_new(PENDING_MOST * sizeof *drop.all);
	drop.users = mem_new(USERS_MOST * sizeof *drop.users);
	drop.needs_scan = true;
	the_child.on_drain = on_drain;
	drop.loop = loop_new();
	loop_watch(drop.loop, drop.notify, LOOP_READ, on_notify, NULL);
	drop.timer = loop_timer_new(drop.loop, go_on, NULL);
	loop_timer_set(drop.timer, 0);
	loop_run(drop.loop);
	return EX_OK;
}
