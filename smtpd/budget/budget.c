/* SPDX-License-Identifier: ISC */
/* budget.c - the role: counts what is submitted, and says who may not. */
#include "smtpd/budget/budget.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "account/account.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/daemon.h"
#include "proc/jail.h"
#include "proc/loop.h"
#include "smtpd/budget/errand.h"

enum {
	PH_ANY = 1,
	ADMINS_MOST = 32,
	TICK_MS = 1000,
	FOLDER_MODE = 0700,
	STATE_MODE = 0755,
	ACCOUNT_BYTES = 4 + BOOK_ACCOUNT_MAX,
	TAKE_BYTES = ACCOUNT_BYTES + 2 + 8 * BOOK_RCPTS_MOST,
	TRIPS_PACKET_BYTES = 32768,
};

static struct {
	struct book book;
	struct accounts *accounts; /* own; NULL: there are none yet */
	struct budget own, wide;   /* of the settings */
	bool trips;                /* budget_action = "trip" */
	unsigned n_admins;
	unsigned ticks;
} the;

/* ---- asks of sessions ---- */

static int
account_budget(struct span account, struct budget *out)
{
	struct arena arena = {0};
	struct account a;
	struct buf dir = {0};
	*out = budget_join(&the.own, &the.own);
	if (!the.accounts) {
		buf_putf(&dir, "%s/accounts",
		    conf_str(the_child.conf, "common", "state_dir"));
		int err = access(buf_cstr(&dir), F_OK) == 0
		              ? accounts_open(buf_cstr(&dir), false, &the.accounts)
		              : E_BAD;
		buf_free(&dir);
		if (err != E_OK)
			return err == E_BAD ? E_OK : err;
	}
	int err = account_get(the.accounts, account, &arena, &a);
	if (err == E_OK)
		*out = budget_join(&a.budget, &the.own);
	arena_reset(&arena);
	return err == E_BAD ? E_OK : err; /* of another source of accounts */
}

static void
measure(void)
{
	metric_set(M_BUDGET_TRIPPED, the.book.shelf.n);
}

static int
trip(struct span account, const struct overrun *over)
{
	struct trip t = {
	    .since_sec = clock_wall_sec(), .over = *over, .notice = id_new()};
	int err = book_trip_put(&the.book, account, &t);
	if (err != E_OK)
		return err;
	struct buf what = {0};
	overrun_put(&what, over);
	log_event(LOG_ALERT, "account_tripped", "account=%s over=%s do=%s",
	    log_q(account), log_qs(buf_cstr(&what)),
	    log_qs("merpati user release, or purge"));
	buf_free(&what);
	the.book.shelf.n++;
	measure();
	errands_wake();
	return E_OK;
}

static int
judge(struct span account, const uint64_t *rcpts, size_t n, struct budget_answer *out)
{
	static const enum budget_said said[] = {[TAKE_OK] = BUDGET_OK,
	    [TAKE_OVER] = BUDGET_OVER,
	    [TAKE_OVER_DOMAIN] = BUDGET_OVER_DOMAIN};
	struct budget own;
	struct trip t;
	enum take how;
	int err = book_trip_get(&the.book, account, &t);
	if (err == E_OK) {
		*out = (struct budget_answer){BUDGET_TRIPPED, t.over};
		return E_OK;
	}
	if (err == E_BAD)
		err = account_budget(account, &own);
	if (err == E_OK)
		err = book_take(&the.book, account, rcpts, n, &own, &the.wide,
		    clock_wall_sec(), &how, &out->over);
	if (err != E_OK)
		return err;
	out->said = said[how];
	if (how == TAKE_OVER && the.trips) {
		out->said = BUDGET_TRIPPED;
		err = trip(account, &out->over);
	}
	return err;
}

static int
ask_take(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static uint64_t rcpts[BOOK_RCPTS_MOST];
	struct budget_answer answer = {.said = BUDGET_DOWN};
	struct span account = rd_str(body, BOOK_ACCOUNT_MAX);
	uint16_t n = rd_u16(body);
	(void)fd, (void)fd_back;
	if (n > BOOK_RCPTS_MOST)
		return E_LIMIT;
	for (uint16_t i = 0; i < n; i++)
		rcpts[i] = rd_u64(body);
	if (rd_end(body) != E_OK || n == 0 || account.n == 0)
		return E_BAD;
	if (ask_is_over(a->chan)) /* it waited too long: its client was told 451 */
		return E_IO;
	if (judge(account, rcpts, n, &answer) != E_OK)
		answer.said = BUDGET_DOWN;
	budget_answer_put(reply, &answer);
	return E_OK;
}

static int
ask_look(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct budget_answer answer = {.said = BUDGET_OK};
	struct span account = rd_str(body, BOOK_ACCOUNT_MAX);
	struct trip t;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || account.n == 0)
		return E_BAD;
	int err = book_trip_get(&the.book, account, &t);
	if (err == E_OK)
		answer = (struct budget_answer){BUDGET_TRIPPED, t.over};
	else if (err != E_BAD)
		answer.said = BUDGET_DOWN;
	budget_answer_put(reply, &answer);
	return E_OK;
}

/* ---- asks of the command ---- */

struct listing {
	struct buf rows; /* own */
	uint16_t n;
};

static int
list_trip(void *ctx, struct span account, const struct trip *t)
{
	struct listing *l = ctx;
	if (l->rows.len > TRIPS_PACKET_BYTES)
		return E_MORE;
	buf_bytes(&l->rows, account);
	trip_put(&l->rows, t);
	l->n++;
	return E_OK;
}

static int
ask_trips(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span after = rd_str(body, BOOK_ACCOUNT_MAX);
	struct listing l = {.n = 0};
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = book_trips(&the.book, after, list_trip, &l);
	buf_u16(reply, l.n);
	buf_span(reply, buf_as_span(&l.rows));
	buf_free(&l.rows);
	return err == E_OK || err == E_MORE ? E_OK : E_DENY;
}

static int
ask_release(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span account = rd_str(body, BOOK_ACCOUNT_MAX);
	enum budget_release said = RELEASE_LATER;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || account.n == 0)
		return E_BAD;
	if (!errands_are_holding(account)) {
		int err = book_trip_end(&the.book, account);
		said = err == E_OK    ? RELEASE_DONE
		       : err == E_BAD ? RELEASE_NOT_TRIPPED
		                      : RELEASE_FAILED;
	}
	if (said == RELEASE_DONE) {
		log_event(LOG_NOTICE, "account_may_send", "account=%s", log_q(account));
		the.book.shelf.n -= the.book.shelf.n > 0;
		measure();
	}
	buf_u8(reply, (uint8_t)said);
	return E_OK;
}

/* clang-format off */
static const struct ask_row asks[] = {
	/*               name    legal in  times   bytes          fd back  answered by */
	[BUDGET_TAKE] = {"TAKE", PH_ANY,   600000, TAKE_BYTES,    false,   ask_take},
	[BUDGET_LOOK] = {"LOOK", PH_ANY,   600000, ACCOUNT_BYTES, false,   ask_look},
};

static const struct ask_row admin_asks[] = {
	/*                  name       legal in  times  bytes          fd back  answered by */
	[BUDGET_TRIPS]   = {"TRIPS",   PH_ANY,   60000, ACCOUNT_BYTES, false,   ask_trips},
	[BUDGET_RELEASE] = {"RELEASE", PH_ANY,   60000, ACCOUNT_BYTES, false,   ask_release},
};

/* clang-format on */

static void
on_admin_gone(struct asker *a)
{
	(void)a;
	the.n_admins--;
}

static const struct ask_table table = {
    .rows = asks, .n_rows = COUNT(asks), .who = "session"};
static const struct ask_table admin_table = {.rows = admin_asks,
    .n_rows = COUNT(admin_asks),
    .who = "admin",
    .gone = on_admin_gone};

const struct ask_table *
budget_table(unsigned kind)
{
	return kind == BUDGET_ADMIN ? &admin_table : &table;
}

/* ---- the role ---- */

bool
budget_is_off(const struct conf *conf)
{
	return strcmp(conf_str(conf, "smtpd", "budget_action"), "off") == 0;
}

static void
folder_put(struct buf *path, const struct conf *conf)
{
	buf_putf(path, "%s/budget", conf_str(conf, "common", "state_dir"));
}

void
budget_folder_make(const struct conf *conf)
{
	struct buf path = {0};
	const char *state = conf_str(conf, "common", "state_dir");
	uid_t uid;
	gid_t gid;
	if (budget_is_off(conf))
		return;
	folder_put(&path, conf);
	if (mkdir(state, STATE_MODE) == 0) /* whatever the umask */
		(void)!chmod(state, STATE_MODE);
	bool is_there = mkdir(buf_cstr(&path), FOLDER_MODE) == 0 || errno == EEXIST;
	if (is_there && geteuid() == 0)
		is_there = daemon_user(conf, USER_LOOKUP, &uid, &gid) == E_OK &&
		           lchown(buf_cstr(&path), uid, gid) == 0;
	if (!is_there)
		log_event(LOG_ERR, "no_budget_folder", "dir=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
}

static bool
is_ours(const struct listener *l)
{
	return strcmp(l->kind, "budget") == 0;
}

/* Those on which strangers come are not for us. */
int
budget_prepare(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (!is_ours(&the_child.listeners[i]))
			close(the_child.listeners[i].fd);
	return EX_OK;
}

void
budget_jail(struct jail *j)
{
	static struct buf accounts, folder;
	buf_reset(&accounts);
	buf_reset(&folder);
	buf_putf(
	    &accounts, "%s/accounts", conf_str(the_child.conf, "common", "state_dir"));
	folder_put(&folder, the_child.conf);
	(void)accounts_dir_make(the_child.conf);
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK | JAIL_ACCEPT;
	jail_allow(j, buf_cstr(&accounts), JAIL_READ);
	jail_allow(j, buf_cstr(&folder), JAIL_READ | JAIL_WRITE);
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (the.n_admins == ADMINS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	the.n_admins++;
	the_child.on_client(fd, BUDGET_ADMIN, SPAN(""));
}

static void
on_tick(void)
{
	book_sweep(&the.book, clock_wall_sec());
	if (++the.ticks % (BOOK_SYNC_MS / TICK_MS) == 0)
		book_sync(&the.book);
}

static struct budget
setting(const char *name)
{
	const struct conf *c = the_child.conf;
	struct budget b = {0};
	for (size_t i = 0; i < conf_list_count(c, "smtpd", name); i++)
		if (budget_parse(span_of(conf_list(c, "smtpd", name, i)), &b) != E_OK)
			bug("an item that the check let through");
	return b;
}

int
budget_run(void)
{
	const struct conf *c = the_child.conf;
	struct budget wide = setting("budget_domain");
	the.own = setting("budget_account");
	the.wide = budget_join(&wide, &wide);
	the.trips = strcmp(conf_str(c, "smtpd", "budget_action"), "trip") == 0;
	if (book_open(&the.book, conf_str(c, "common", "state_dir")) != E_OK) {
		log_event(LOG_CRIT, "no_budgets",
		    "do=\"look at state_dir/budget; logins get 451 until then\"");
		return EX_NOINPUT;
	}
	measure();
	errands_open(&the.book);
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (is_ours(&the_child.listeners[i]))
			loop_watch(child_loop(), the_child.listeners[i].fd, LOOP_READ,
			    on_listener, NULL);
	int status = child_serve(budget_table, on_tick, TICK_MS);
	book_close(&the.book);
	accounts_close(&the.accounts);
	return status;
}
