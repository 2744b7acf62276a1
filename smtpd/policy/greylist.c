/* SPDX-License-Identifier: ISC */
/* greylist.c - the role: the one writer of the rows, asked by sessions. */
#include "smtpd/policy/greylist.h"

#include <errno.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/daemon.h"
#include "proc/jail.h"
#include "smtpd/policy/greylist_rows.h"

enum {
	PH_ANY = 1,
	/* who asked too often would have to be let through: there is no limit but a session's own */
	JUDGES_A_WINDOW = 0,
	JUDGE_BYTES = 3 * 4 + GREYLIST_KEY_MAX + 2 * GREYLIST_PATH_MAX,
	TICK_MS = 2000,
	REOPEN_MS = 60000, /* after the disk failed */
	STATE_MODE = 0711,
	FOLDER_MODE = 0700,
};

static struct {
	struct greylist_rules rules;
	struct greylist_rows *rows; /* own; NULL: the disk failed */
	int64_t reopen_ms;          /* monotonic */
	bool is_changed;            /* since the last sync */
} the;

/* ---- the rows, while the disk does what it should ---- */

static void
path_put(struct buf *out, const struct conf *conf)
{
	buf_putf(out, "%s/greylist", conf_str(conf, "common", "state_dir"));
}

static void
rows_open(void)
{
	struct buf path = {0};
	path_put(&path, the_child.conf);
	if (greylist_rows_open(buf_cstr(&path), &the.rules, &the.rows) != E_OK) {
		log_event(
		    LOG_ERR, "greylist_not_opened", "dir=%s", log_qs(buf_cstr(&path)));
		the.reopen_ms = clock_mono_ms() + REOPEN_MS;
	}
	buf_free(&path);
}

static void
rows_failed(int err)
{
	log_event(LOG_ERR, "greylist_failed",
	    "why=%s do=\"nothing: all pass until it can be written again\"",
	    err_name(err));
	greylist_rows_close(&the.rows);
	the.reopen_ms = clock_mono_ms() + REOPEN_MS;
}

static void
on_tick(void)
{
	if (the_child.is_draining && !the_child.is_stopping) {
		/* a reload: sessions of before ask the next one */
		greylist_rows_close(&the.rows);
		_exit(EX_OK);
	}
	if (!the.rows && clock_mono_ms() >= the.reopen_ms)
		rows_open();
	if (!the.rows)
		return;
	int err = greylist_rows_sweep(the.rows, clock_wall_sec());
	the.is_changed |= err == E_MORE;
	if ((err == E_OK || err == E_MORE) && the.is_changed)
		err = greylist_rows_sync(the.rows);
	the.is_changed = false;
	metric_set(M_GREYLIST_ROWS, greylist_rows_count(the.rows));
	if (err != E_OK && err != E_MORE)
		rows_failed(err);
}

/* ---- what sessions ask ---- */

static int
ask_judge(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct greylist_said said = {.verdict = GREYLIST_DOWN};
	struct span key = rd_str(body, GREYLIST_KEY_MAX),
		    sender = rd_str(body, GREYLIST_PATH_MAX),
		    rcpt = rd_str(body, GREYLIST_PATH_MAX);
	int err = E_OK;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (the.rows)
		err = greylist_rows_judge(
		    the.rows, key, sender, rcpt, clock_wall_sec(), &said);
	the.is_changed = true;
	if (err != E_OK) {
		rows_failed(err);
		said = (struct greylist_said){.verdict = GREYLIST_DOWN};
	}
	buf_u8(reply, (uint8_t)said.verdict);
	buf_u32(reply, said.left_sec);
	return E_OK;
}

/* clang-format off */
static const struct ask_row asks[] = {
	/*                  name     legal in  times            bytes        fd back  answered by */
	[GREYLIST_JUDGE] = {"JUDGE", PH_ANY,   JUDGES_A_WINDOW, JUDGE_BYTES, false,   ask_judge},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = asks, .n_rows = COUNT(asks), .who = "session"};

const struct ask_table *
greylist_table(unsigned kind)
{
	(void)kind;
	return &table;
}

/* ---- the role ---- */

void
greylist_folder_make(const struct conf *conf)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	uid_t uid;
	gid_t gid;
	if (!conf_bool(conf, "smtpd", "greylist"))
		return;
	path_put(&path, conf);
	if (mkdir(state, STATE_MODE) == 0) /* whatever the umask */
		(void)!chmod(state, STATE_MODE);
	bool is_there = mkdir(buf_cstr(&path), FOLDER_MODE) == 0 || errno == EEXIST;
	if (is_there && geteuid() == 0)
		is_there = daemon_user(conf, USER_LOOKUP, &uid, &gid) == E_OK &&
		           lchown(buf_cstr(&path), uid, gid) == 0;
	if (!is_there)
		log_event(LOG_WARNING, "no_greylist_folder", "dir=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
}

void
greylist_jail(struct jail *j)
{
	static struct buf path;
	buf_reset(&path);
	path_put(&path, the_child.conf);
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&path), JAIL_READ | JAIL_WRITE);
}

static int64_t
number(const char *name)
{
	return conf_int(the_child.conf, "smtpd", name);
}

int
greylist_run(void)
{
	the.rules = (struct greylist_rules){.delay_sec = number("greylist_delay"),
	    .window_sec = number("greylist_window"),
	    .keep_sec = number("greylist_keep"),
	    .learn = (uint32_t)number("greylist_learn"),
	    .most = (uint64_t)number("greylist_most")};
	rows_open();
	int status = child_serve(greylist_table, on_tick, TICK_MS);
	greylist_rows_close(&the.rows);
	return status;
}
