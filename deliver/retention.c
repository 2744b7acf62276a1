/* SPDX-License-Identifier: ISC */
/* retention.c - the process that knows the hour, and whose turn it is. */
#include "deliver/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "account/retentions.h"
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
	struct retentions domains; /* own; as all */
	int mail_dir;              /* own */
	bool had_mail_dir;         /* when the jail was made */
	int chan;                  /* own: the retainer of now; -1 */
	int64_t ahead_ms;          /* the wall clock, of the monotonic one */
	int64_t started_ms, held_until_ms;
	struct buf in;
} retention = {.mail_dir = -1, .chan = -1};

/* ---- the clock ---- */

static int64_t
ahead_ms(int64_t *now_sec)
{
	*now_sec = clock_wall_sec();
	return *now_sec * 1000 - clock_mono_ms();
}

/* Nothing goes just because a clock was wrong. */
static bool
is_clock_good(int64_t *now_sec)
{
	int64_t now = ahead_ms(now_sec), by = now - retention.ahead_ms;
	if (by > RETENTION_JUMP_SEC * 1000LL || by < -RETENTION_JUMP_SEC * 1000LL) {
		log_event(LOG_WARNING, "clock_jumped", "by_sec=%lld wait_sec=%d",
		    (long long)by / 1000, RETENTION_HOLD_MS / 1000);
		retention.held_until_ms = deadline_in_ms(RETENTION_HOLD_MS);
	}
	retention.ahead_ms = now;
	return clock_mono_ms() >= retention.held_until_ms;
}

/*
 * Our first hour is as after a jump, where a mailbox has not heard of the time for days: it may have
 * been wrong before we were there, also by us who were there before.
 */
static bool
is_clock_strange(const struct account *a, int64_t heard_sec, int64_t now_sec)
{
	int64_t end = retention.started_ms + RETENTION_HOLD_MS;
	if (now_sec - heard_sec <= RETENTION_STALE_SEC || clock_mono_ms() >= end)
		return false;
	log_event(LOG_NOTICE, "retention_waits", "account=%s days=%lld wait_sec=%d",
	    log_q(a->address), (long long)(now_sec - heard_sec) / 86400,
	    RETENTION_HOLD_MS / 1000);
	return true;
}

/* ---- an account ---- */

/* The next word of it, in time.  E_OK, E_DENY (we end), E_IO, E_LIMIT (it takes too long) */
static int
hear(int64_t end, enum retained *out)
{
	struct ask_msg m;
	int64_t quiet = deadline_in_ms(RETAINER_QUIET_MS);
	if (deadline_left_ms(end) == 0)
		return E_LIMIT;
	int err = io_recv(
	    retention.chan, &retention.in, &m, quiet < end ? quiet : end, IO_AT_DRAIN);
	if (err != E_OK)
		return err;
	if (m.fd >= 0)
		ask_drop_fd(m.fd);
	*out = rd_u8(&m.body);
	return m.type == (RETAIN | ASK_REPLY) && rd_end(&m.body) == E_OK &&
	               *out <= RETAINED_GOES_ON
	           ? E_OK
	           : E_IO;
}

/* Blocks; nobody else waits for us.  As hear */
static int
talk(const struct account *a, enum retain what, int64_t now_sec, enum retained *out)
{
	struct buf body = {0};
	int64_t end = deadline_in_ms(RETAINER_TIME_MS);
	buf_u8(&body, (uint8_t)what);
	buf_u64(&body, (uint64_t)now_sec);
	buf_bytes(&body, a->retention);
	buf_bytes(&body, retentions_of(&retention.domains, a->address));
	int err = ask_send(
	    retention.chan, RETAIN, buf_as_span(&body), -1, deadline_in_ms(TALK_MS));
	buf_free(&body);
	if (err != E_OK)
		return E_IO;
	do
		err = hear(end, out);
	while (err == E_OK && *out == RETAINED_GOES_ON);
	return err;
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

/*
 * E_OK; E_DENY (we end); not all was done, logged: E_IO (it may be, soon), E_BAD (not before the next
 * hour)
 */
static int
retain(const struct account *a, enum retain what, int64_t now_sec)
{
	enum retained did = RETAINED_NOT;
	int err = call_retainer(a);
	if (err == E_OK)
		err = talk(a, what, now_sec, &did);
	ask_hang_up(&retention.chan);
	if (err == E_DENY)
		return E_DENY;
	if (err != E_OK)
		log_event(LOG_ERR, "retention_failed", "account=%s why=%s",
		    log_q(a->address),
		    err == E_LIMIT ? "\"it takes too long\"" : "\"its process ended\"");
	if (err == E_LIMIT || (err == E_OK && did == RETAINED_REFUSED))
		return E_BAD;
	return err == E_OK && did == RETAINED_DONE ? E_OK : E_IO;
}

/* Folders and flags of its mail are lost: somebody is to look at it first. */
static bool
is_rebuilt(
    const struct account *a, const struct retention_stamp *stamp, int64_t now_sec)
{
	int64_t end = stamp->when_sec + RETENTION_REBUILT_SEC;
	if (stamp->digest != RETENTION_REBUILT || now_sec >= end ||
	    now_sec < stamp->when_sec - RETENTION_REBUILT_SEC)
		return false;
	log_event(LOG_NOTICE, "retention_held",
	    "account=%s days=%lld why=\"its index was made anew\"", log_q(a->address),
	    (long long)(end - now_sec) / 86400 + 1);
	return true;
}

/*
 * What is to be done: E_OK; E_BAD: nothing; E_MORE: nothing in this hour, the clock may be wrong.
 * What was missed is made up for, but for rules that were never carried out: an admin may have set
 * them a moment ago.
 */
static int
plan(const struct account *a, int64_t due_sec, bool is_late, int64_t now_sec,
    enum retain *out)
{
	struct retention *rules = retention_new(
	    the_child.conf, &(struct retention_own){a->address, a->retention,
				retentions_of(&retention.domains, a->address)});
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
	if (has_stamp && is_rebuilt(a, &stamp, now_sec))
		return E_BAD;
	if (has_stamp && is_clock_strange(a, stamp.when_sec, now_sec))
		return E_MORE;
	bool is_known = has_stamp && stamp.digest == digest;
	*out = is_late && !is_known ? RETAIN_NOTE : RETAIN_RUN;
	bool is_over =
	    has_stamp && stamp.when_sec >= due_sec && stamp.when_sec <= now_sec;
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
	to->retention = arena_span(&retention.arena, a->retention);
	return E_OK;
}

/* Before the first account there is no table.  E_OK, E_IO (not all of them: logged) */
static int
list_accounts(void)
{
	retention.n = 0;
	arena_reset(&retention.arena);
	retentions_free(&retention.domains);
	int err = accounts_find(the_child.conf, &retention.accounts);
	/* at one moment: what is moved from a domain to an account protects all the time */
	if (err == E_OK)
		err = retentions_load(
		    retention.accounts, &retention.domains, add_account, NULL);
	accounts_close(&retention.accounts);
	if (err == E_OK || err == E_BAD)
		return E_OK;
	log_event(LOG_ERR, "accounts_not_listed", "listed=%zu", retention.n);
	return E_IO;
}

/*
 * E_OK, E_DENY (we end), E_MORE (the clock jumped, or is strange to some), E_IO (who was left out
 * is to be tried again)
 */
static int
pass(int64_t due_sec, bool is_late)
{
	size_t n = 0, n_failed = 0, n_held = 0;
	int err = E_OK, result = list_accounts();
	for (size_t i = 0; i < retention.n && err != E_DENY; i++) {
		enum retain what;
		int64_t now_sec;
		if (!is_clock_good(&now_sec))
			return E_MORE;
		err = plan(&retention.all[i], due_sec, is_late, now_sec, &what);
		n_held += err == E_MORE;
		if (err != E_OK)
			continue;
		n += what == RETAIN_RUN;
		err = retain(&retention.all[i], what, now_sec);
		n_failed += err == E_IO || err == E_BAD;
		if (err == E_IO)
			result = E_IO;
	}
	if (n)
		log_event(LOG_INFO, "retention_over", "accounts=%zu failed=%zu late=%d",
		    n, n_failed, is_late);
	if (n_held) /* others may have been heard of lately, or never: one user's file holds nobody else */
		retention.held_until_ms = retention.started_ms + RETENTION_HOLD_MS;
	return err == E_DENY ? E_DENY : n_held ? E_MORE : result;
}

struct turn {
	int64_t done_sec; /* the hour that is over */
	bool is_late;
	unsigned n_tries; /* that failed, of the hour after it */
	int64_t again_ms; /* not before; monotonic */
};

/* E_OK, E_DENY (we end) */
static int
look_at_clock(struct turn *t)
{
	int hour = (int)conf_int(the_child.conf, "common", "retention_hour");
	int64_t now_sec;
	if (!is_clock_good(&now_sec) || clock_mono_ms() < t->again_ms)
		return E_OK;
	int64_t due = retention_due(now_sec, hour);
	if (due <= t->done_sec)
		return E_OK;
	int err = pass(due, t->is_late);
	if (err == E_DENY || err == E_MORE)
		return err == E_DENY ? E_DENY : E_OK;
	if (err != E_OK && ++t->n_tries < RETENTION_TRIES) {
		t->again_ms = deadline_in_ms(RETENTION_AGAIN_MS);
		return E_OK;
	}
	*t = (struct turn){.done_sec = due};
	return E_OK;
}

int
retention_prepare(void)
{
	tzset(); /* a jail has no /etc */
	return EX_OK;
}

/* The first account makes it. */
static bool
has_mail_dir(void)
{
	return access(conf_str(the_child.conf, "common", "mail_dir"), F_OK) == 0;
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
	retention.had_mail_dir = has_mail_dir();
	jail_allow(j, conf_str(c, "common", "mail_dir"), JAIL_READ);
}

int
retention_role_run(void)
{
	struct turn turn = {.is_late = true};
	const char *dir = conf_str(the_child.conf, "common", "mail_dir");
	int64_t now_sec;
	int err = E_OK;
	/* who is in it nobody but its owner may list */
	retention.mail_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (retention.mail_dir < 0 &&
	    retention.had_mail_dir) /* all are as at the first time */
		log_event(LOG_ERR, "mail_dir_not_opened", "path=%s err=%s",
		    log_q(span_of(dir)), log_errno(errno));
	retention.ahead_ms = ahead_ms(&now_sec);
	retention.started_ms = clock_mono_ms();
	/* where it came later the next one of us has it in his jail */
	while (err != E_DENY && (retention.had_mail_dir || !has_mail_dir())) {
		err = look_at_clock(&turn);
		if (err != E_DENY)
			err = io_wait(the_child.control, POLLIN,
			    deadline_in_ms(RETENTION_LOOK_MS), IO_AT_DRAIN);
		if (err == E_OK)
			child_control();
	}
	return EX_OK;
}
