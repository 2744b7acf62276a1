/* SPDX-License-Identifier: ISC */
/* retention.c - the process that knows the hour, and whose turn it is. */
#include "deliver/retention.h"

#include <fcntl.h>
#include <poll.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/agents.h"
#include "deliver/owned.h"
#include "proc/child.h"
#include "proc/io.h"
#include "store/retention.h"

enum { TALK_MS = 60000, AGAIN_MS = 200 };

static struct {
	struct accounts *accounts; /* own; while they are listed */
	struct arena arena;
	struct account *all; /* own; spans in the arena */
	size_t n, cap;
	int mail_dir;     /* own */
	int chan;         /* own: the retainer of now; -1 */
	int64_t ahead_ms; /* the wall clock, of the monotonic one */
	int64_t held_until_ms;
	struct buf in;
} retention = {.mail_dir = -1, .chan = -1};

bool
retention_is_off(const struct conf *conf)
{
	return conf_list_count(conf, "common", "retention") == 0;
}

/* ---- the clock ---- */

static int64_t
ahead_ms(void)
{
	return clock_wall_sec() * 1000 - clock_mono_ms();
}

/* Nothing goes just because a clock was wrong. */
static bool
is_clock_good(void)
{
	int64_t now = ahead_ms(), by = now - retention.ahead_ms;
	if (by > RETENTION_JUMP_SEC * 1000LL || by < -RETENTION_JUMP_SEC * 1000LL) {
		log_event(LOG_WARNING, "clock_jumped", "by_sec=%lld wait_sec=%d",
		    (long long)by / 1000, RETENTION_HOLD_MS / 1000);
		retention.held_until_ms = deadline_in_ms(RETENTION_HOLD_MS);
	}
	retention.ahead_ms = now;
	return clock_mono_ms() >= retention.held_until_ms;
}

/* ---- an account ---- */

/* Blocks; nobody else waits for us.  E_OK, E_DENY (we end), E_IO, E_LIMIT (it takes too long) */
static int
talk(enum retain what, enum retained *out)
{
	struct buf body = {0};
	struct ask_msg m;
	buf_u8(&body, (uint8_t)what);
	int err = ask_send(
	    retention.chan, RETAIN, buf_as_span(&body), -1, deadline_in_ms(TALK_MS));
	buf_free(&body);
	if (err != E_OK)
		return E_IO;
	err = io_recv(retention.chan, &retention.in, &m,
	    deadline_in_ms(RETAINER_TIME_MS), IO_AT_DRAIN);
	if (err != E_OK)
		return err;
	if (m.fd >= 0)
		ask_drop_fd(m.fd);
	*out = rd_u8(&m.body);
	return m.type == (RETAIN | ASK_REPLY) && rd_end(&m.body) == E_OK ? E_OK : E_IO;
}

/* Those before it may not have ended yet.  E_OK, E_DENY (we end), E_IO */
static int
call_retainer(const struct account *a)
{
	const struct owned o = {a->address, a->home, a->uid, a->gid};
	int64_t end = deadline_in_ms(TALK_MS);
	int err;
	while ((err = owned_ask(
		    DELIVER_RETAINER, &o, &retention.in, &retention.chan)) == E_LIMIT) {
		err = io_wait(
		    the_child.control, POLLIN, deadline_in_ms(AGAIN_MS), IO_AT_DRAIN);
		if (err == E_OK)
			child_control();
		if (err == E_DENY || err == E_IO || deadline_left_ms(end) == 0)
			break;
	}
	return err == E_OK || err == E_DENY ? err : E_IO;
}

/* E_OK, E_DENY (we end), E_IO (not all was done; logged) */
static int
retain(const struct account *a, enum retain what)
{
	enum retained did = RETAINED_NOT;
	int err = call_retainer(a);
	if (err == E_OK)
		err = talk(what, &did);
	ask_hang_up(&retention.chan);
	if (err == E_DENY)
		return E_DENY;
	if (err != E_OK)
		log_event(LOG_ERR, "retention_failed", "account=%s why=%s",
		    log_q(a->address),
		    err == E_LIMIT ? "\"it takes too long\"" : "\"its process ended\"");
	return err == E_OK && did == RETAINED_DONE ? E_OK : E_IO;
}

/*
 * What is to be done: E_OK, or E_BAD: nothing.  What was missed is made up for, but for rules that
 * were never carried out: an admin may have set them a moment ago.
 */
static int
plan(const struct account *a, int64_t due_sec, bool is_late, enum retain *out)
{
	struct retention *rules = retention_new(the_child.conf, a->address);
	struct retention_stamp stamp;
	struct buf path = {0};
	uint64_t digest = retention_digest(rules);
	bool is_any = retention_count(rules) > 0;
	retention_free(&rules);
	if (!is_any)
		return E_BAD;
	buf_putf(&path, "%.*s/" RETENTION_STAMP, SPAN_ARG(a->home));
	bool has_stamp =
	    retention_stamp_get(retention.mail_dir, buf_cstr(&path), &stamp) == E_OK;
	buf_free(&path);
	bool is_known = has_stamp && stamp.digest == digest;
	*out = is_late && !is_known ? RETAIN_NOTE : RETAIN_RUN;
	bool is_over = has_stamp && stamp.when_sec >= due_sec &&
	               stamp.when_sec <= clock_wall_sec();
	return is_over && (is_known || !is_late) ? E_BAD : E_OK;
}

/* ---- all of them ---- */

static int
add_account(void *ctx, const struct account *a)
{
	(void)ctx;
	if (retention.n == RETENTION_ACCOUNTS_MOST)
		return E_LIMIT;
	retention.all =
	    mem_room(retention.all, retention.n, &retention.cap, sizeof *retention.all);
	struct account *to = &retention.all[retention.n++];
	*to = *a;
	to->address = arena_span(&retention.arena, a->address);
	to->home = arena_span(&retention.arena, a->home);
	return E_OK;
}

/* Before the first account there is no table. */
static void
list_accounts(void)
{
	struct buf dir = {0}, table = {0};
	buf_putf(&dir, "%s/accounts", conf_str(the_child.conf, "common", "state_dir"));
	buf_putf(&table, "%s/accounts", buf_cstr(&dir));
	retention.n = 0;
	arena_reset(&retention.arena);
	if (access(buf_cstr(&table), R_OK) == 0 &&
	    (accounts_open(buf_cstr(&dir), false, &retention.accounts) != E_OK ||
		accounts_each(retention.accounts, add_account, NULL) != E_OK))
		log_event(LOG_ERR, "accounts_not_listed", "listed=%zu", retention.n);
	accounts_close(&retention.accounts);
	buf_free(&dir);
	buf_free(&table);
}

/* E_OK, E_DENY (we end), E_MORE (the clock jumped) */
static int
pass(int64_t due_sec, bool is_late)
{
	size_t n = 0, n_failed = 0;
	int err = E_OK;
	list_accounts();
	for (size_t i = 0; i < retention.n && err != E_DENY; i++) {
		enum retain what;
		if (!is_clock_good())
			return E_MORE;
		if (plan(&retention.all[i], due_sec, is_late, &what) != E_OK)
			continue;
		n += what == RETAIN_RUN;
		err = retain(&retention.all[i], what);
		n_failed += err == E_IO;
	}
	if (n)
		log_event(LOG_INFO, "retention_over", "accounts=%zu failed=%zu late=%d",
		    n, n_failed, is_late);
	return err == E_DENY ? E_DENY : E_OK;
}

static int
look_at_clock(int64_t *done_sec, bool *is_late)
{
	int hour = (int)conf_int(the_child.conf, "common", "retention_hour");
	int64_t due = retention_due(clock_wall_sec(), hour);
	if (!is_clock_good() || due <= *done_sec)
		return E_OK;
	int err = pass(due, *is_late);
	if (err == E_OK) {
		*done_sec = due;
		*is_late = false;
	}
	return err == E_MORE ? E_OK : err;
}

int
retention_prepare(void)
{
	tzset(); /* a jail has no /etc */
	return EX_OK;
}

void
retention_jail(struct jail *j)
{
	static struct buf accounts;
	const struct conf *c = the_child.conf;
	buf_reset(&accounts);
	buf_putf(&accounts, "%s/accounts", conf_str(c, "common", "state_dir"));
	(void)accounts_dir_make(c); /* logged; where there is none nobody is known */
	j->calls = JAIL_FILES_READ | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&accounts), JAIL_READ);
	jail_allow(j, conf_str(c, "common", "mail_dir"), JAIL_READ);
}

int
retention_role_run(void)
{
	int64_t done_sec = 0;
	bool is_late = true;
	int err = E_OK;
	retention.mail_dir = open(conf_str(the_child.conf, "common", "mail_dir"),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	retention.ahead_ms = ahead_ms();
	while (err != E_DENY) {
		err = look_at_clock(&done_sec, &is_late);
		if (err != E_DENY)
			err = io_wait(the_child.control, POLLIN,
			    deadline_in_ms(RETENTION_LOOK_MS), IO_AT_DRAIN);
		if (err == E_OK)
			child_control();
	}
	return EX_OK;
}
