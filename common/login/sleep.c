/* SPDX-License-Identifier: ISC */
/* sleep.c - from a session to the nest and back: what they ask of the monitor. */
#include "login/sleep.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/monitor.h"

/* ---- what is passed ---- */

void
woken_put(struct buf *b, struct span facts, struct span state)
{
	buf_bytes(b, facts);
	buf_bytes(b, state);
}

int
woken_get(struct span in, struct login_client *out, struct span *state)
{
	struct rd r = rd_of(in);
	struct span facts = rd_str(&r, SLEEP_FACTS_MAX);
	*state = rd_str(&r, SLEEP_STATE_MAX);
	int err = rd_end(&r);
	return err == E_OK ? login_client_get(facts, out) : err;
}

/* ---- in the session ---- */

static void
facts_put(struct buf *b, const struct login_client *c)
{
	struct login_client facts = *c;
	facts.tag = facts.input = SPAN("");
	login_client_put(b, &facts);
}

static void
sleeping_put(struct buf *b, const struct login_client *c, const struct sleeping *s)
{
	struct buf facts = {.max = SLEEP_FACTS_MAX};
	facts_put(&facts, c);
	b->err = buf_done(&facts);
	buf_bytes(b, buf_as_span(&facts));
	buf_u8(b, s->watch >= 0);
	buf_u64(b, (uint64_t)s->deadline);
	buf_u8(b, s->is_deflated);
	buf_bytes(b, s->state);
	buf_free(&facts);
}

/* E_OK, E_LIMIT; E_MORE: no answer */
static int
ask_to_sleep(const struct buf *body, int fd)
{
	struct buf in = {0};
	struct ask_msg reply;
	int err = child_call(SLEEP_BEGIN, buf_as_span(body), fd, &in, &reply);
	if (err != E_OK)
		err = E_MORE;
	else if (rd_u8(&reply.body) != 1 || rd_end(&reply.body) != E_OK)
		err = E_LIMIT;
	buf_free(&in);
	return err;
}

int
sleep_begin(const struct login_client *c, const struct sleeping *s)
{
	struct buf body = {0};
	sleeping_put(&body, c, s);
	int err = buf_done(&body);
	if (err == E_OK && s->watch >= 0 && !s->is_watch_told)
		err = child_tell(SLEEP_WATCH, SPAN(""), s->watch);
	if (err == E_OK)
		err = s->is_woken ? child_tell(SLEEP_AGAIN, buf_as_span(&body), s->fd)
		                  : ask_to_sleep(&body, s->fd);
	buf_wipe(&body);
	return err == E_OK || err == E_MORE ? err : E_LIMIT;
}

void
sleep_awake(void)
{
	if (child_tell(SLEEP_AWAKE, SPAN(""), -1) != E_OK)
		log_event(LOG_DEBUG, "awake_not_told", "%s", "");
}

/* ---- in the monitor ---- */

static int
ask_watch(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static uint64_t number;
	struct process *p = a->ctx;
	(void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || *fd < 0)
		return E_BAD;
	if (p->sleep_watch >= 0)
		close(p->sleep_watch);
	p->sleep_watch = *fd;
	p->watch_number = ++number;
	*fd = -1;
	return E_MORE; /* no reply */
}

static int
say_nest(unsigned kind, const struct sleeper *s, struct span rest, int fd)
{
	struct buf about = {0}, body = {0};
	buf_put(&about, s->id.b, ID_BYTES);
	buf_span(&about, rest);
	buf_u32(&body, kind);
	buf_bytes(&body, buf_as_span(&about));
	int err = process_say(s->nest, CTL_CLIENT, buf_as_span(&body), fd);
	buf_wipe(&about);
	buf_wipe(&body);
	return err;
}

/* What a session says of one that is to sleep. */
struct to_sleep {
	struct span facts, state;
	bool is_watched;
	struct span rest; /* goes to the nest as it is */
};

static int
to_sleep_get(struct rd *body, struct to_sleep *out)
{
	out->facts = rd_str(body, SLEEP_FACTS_MAX);
	out->is_watched = rd_u8(body) == 1;
	out->rest = body->in;
	rd_u64(body);
	rd_u8(body);
	out->state = rd_str(body, SLEEP_STATE_MAX);
	return rd_end(body);
}

static int
tell_nest(
    const struct process *p, const struct sleeper *s, const struct to_sleep *z, int fd)
{
	struct buf number = {0};
	int err = E_OK;
	if (z->is_watched && p->sleep_watch < 0)
		err = E_BAD;
	buf_u64(&number, p->watch_number);
	if (err == E_OK && z->is_watched)
		err = say_nest(NEST_WATCH, s, buf_as_span(&number), p->sleep_watch);
	if (err == E_OK)
		err = say_nest(NEST_SLEEP, s, z->rest, fd);
	buf_free(&number);
	return err;
}

static bool
lay_down(struct process *p, const struct to_sleep *z, int fd)
{
	struct sleeper *s = sleeper_add(p, z->facts);
	if (!s)
		return false;
	if (tell_nest(p, s, z, fd) == E_OK) {
		ahead_want(login_session_role);
		if (p->is_kicked) { /* while it fell asleep */
			s->is_kicked = true;
			if (say_nest(NEST_KICK, s, SPAN(""), -1) != E_OK)
				log_event(LOG_ERR, "not_kicked", "child=%d sessions=1",
				    (int)s->nest->pid);
		}
		return true;
	}
	sleeper_gone(s);
	return false;
}

static int
ask_sleep(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	struct to_sleep z;
	(void)fd_back;
	if (to_sleep_get(body, &z) != E_OK || *fd < 0)
		return E_BAD;
	/* who died was not told that it is old: it waited for this, or no longer */
	bool may = !the_monitor.is_stopping && (!p->is_old || p->is_dead);
	bool is_done = may && lay_down(p, &z, *fd);
	/* its client is the nest's: one that was passed once sleeps once */
	if (is_done)
		wake_next(p);
	buf_u8(reply, is_done);
	return E_OK;
}

static void
client_put(struct buf *b, struct span facts, struct span state)
{
	struct buf about = {0};
	woken_put(&about, facts, state);
	buf_u32(b, CLIENT_WOKEN);
	buf_bytes(b, buf_as_span(&about));
	buf_wipe(&about);
}

/*
 * It cannot sleep now: a session of its own has it, and stays up for a while.  False: the one that
 * it had has it again, and knows by now that it stops
 */
static bool
wake_again(struct process *p, const struct to_sleep *z, int fd)
{
	struct buf client = {0};
	struct sleeper *s = NULL;
	client_put(&client, z->facts, z->state);
	if (!the_monitor.is_stopping)
		s = sleeper_add_awake(p, z->facts);
	if (s) {
		s->is_kicked = p->is_kicked;
		sleeper_wake(login_session_role, s, fd, false, buf_as_span(&client));
	} else if (process_say(p, CTL_CLIENT, buf_as_span(&client), fd) != E_OK)
		log_event(LOG_ERR, "not_woken", "child=%d", (int)p->pid);
	if (!s)
		close(fd);
	buf_wipe(&client);
	return s != NULL;
}

static int
ask_again(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	struct to_sleep z;
	(void)reply, (void)fd_back;
	if (to_sleep_get(body, &z) != E_OK || *fd < 0 || (!p->has_client && !p->is_old))
		return E_BAD;
	bool is_done = !the_monitor.is_stopping && lay_down(p, &z, *fd);
	if (!is_done) {
		is_done = wake_again(p, &z, *fd);
		*fd = -1;
	}
	if (is_done)
		wake_next(p);
	if (p->is_idle) /* all that woke with it are told */
		ahead_now();
	return E_MORE; /* no reply */
}

static int
ask_awake(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	wake_elsewhere(a->ctx);
	return E_MORE; /* no reply */
}

static struct sleeper *
sleeper_in(const struct asker *a, struct rd *body)
{
	const struct process *p = a->ctx;
	struct id id;
	rd_id(body, &id);
	struct sleeper *s = sleeper_of(id);
	return s && s->nest == p && !s->is_behind ? s : NULL;
}

/*
 * Whose it is, the monitor knows; of what the nest says only the state is passed on.  Who wakes
 * because something changed is told and sleeps again, most likely, and may wait for who does the same.
 */
static int
ask_wake(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct sleeper *s = sleeper_in(a, body);
	bool is_change = rd_u8(body) == 1;
	struct span state = rd_str(body, SLEEP_STATE_MAX);
	struct buf client = {0};
	(void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || !s || *fd < 0)
		return E_BAD;
	client_put(&client, s->facts, state);
	sleeper_wake(login_session_role, s, *fd, is_change, buf_as_span(&client));
	*fd = -1;
	buf_wipe(&client);
	return E_MORE; /* no reply */
}

static int
ask_ended(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct sleeper *s = sleeper_in(a, body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || !s)
		return E_BAD;
	sleeper_gone(s);
	return E_MORE; /* no reply */
}

enum {
	BEGIN_BYTES = 4 + SLEEP_FACTS_MAX + 1 + 8 + 1 + 4 + SLEEP_STATE_MAX,
	WAKE_BYTES = ID_BYTES + 1 + 4 + SLEEP_STATE_MAX,
};

/* clang-format off */
const struct ask_row sleep_rows[SLEEP_ASKS_END - LOGIN_ASKS_END] = {
	/*                              name     legal in  times   bytes        fd back  answered by */
	[SLEEP_WATCH - LOGIN_ASKS_END] = {"WATCH", 1,        600000, 0,           false,   ask_watch},
	[SLEEP_BEGIN - LOGIN_ASKS_END] = {"SLEEP", 1,        600000, BEGIN_BYTES, false,   ask_sleep},
	[SLEEP_AGAIN - LOGIN_ASKS_END] = {"AGAIN", 1,        600000, BEGIN_BYTES, false,   ask_again},
	[SLEEP_AWAKE - LOGIN_ASKS_END] = {"AWAKE", 1,        600000, 0,           false,   ask_awake},
	[SLEEP_WAKE - LOGIN_ASKS_END]  = {"WAKE",  1,        0,      WAKE_BYTES,  false,   ask_wake},
	[SLEEP_ENDED - LOGIN_ASKS_END] = {"ENDED", 1,        0,      ID_BYTES,    false,   ask_ended},
};
/* clang-format on */
