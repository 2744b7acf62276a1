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

int
sleep_begin(const struct login_client *c, const struct sleeping *s)
{
	struct buf facts = {.max = SLEEP_FACTS_MAX}, body = {0}, in = {0};
	struct ask_msg reply;
	facts_put(&facts, c);
	buf_bytes(&body, buf_as_span(&facts));
	buf_u64(&body, (uint64_t)s->deadline);
	buf_u8(&body, s->is_deflated);
	buf_bytes(&body, s->state);
	int err = buf_done(&facts);
	if (err == E_OK && s->watch >= 0)
		err = child_tell(SLEEP_WATCH, SPAN(""), s->watch);
	int asked = E_LIMIT;
	if (err == E_OK)
		asked = child_call(SLEEP_BEGIN, buf_as_span(&body), s->fd, &in, &reply);
	if (asked == E_OK && (rd_u8(&reply.body) != 1 || rd_end(&reply.body) != E_OK))
		err = E_LIMIT;
	buf_free(&facts);
	buf_wipe(&body);
	buf_free(&in);
	if (err != E_OK)
		return E_LIMIT;
	return asked == E_OK ? E_OK : E_MORE;
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
	struct process *p = a->ctx;
	(void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || *fd < 0)
		return E_BAD;
	if (p->sleep_watch >= 0)
		close(p->sleep_watch);
	p->sleep_watch = *fd;
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

/* The rest of the ask goes to the nest as it is. */
static bool
lay_down(struct process *p, struct span facts, struct span rest, int fd)
{
	struct sleeper *s = sleeper_add(p, facts);
	int err = s ? E_OK : E_LIMIT;
	if (err == E_OK && p->sleep_watch >= 0)
		err = say_nest(NEST_WATCH, s, SPAN(""), p->sleep_watch);
	if (err == E_OK)
		err = say_nest(NEST_SLEEP, s, rest, fd);
	if (err != E_OK && s)
		sleeper_gone(s);
	if (p->sleep_watch >= 0)
		close(p->sleep_watch);
	p->sleep_watch = -1;
	return err == E_OK;
}

static int
ask_sleep(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	struct span facts = rd_str(body, SLEEP_FACTS_MAX), rest = body->in;
	(void)fd_back;
	rd_u64(body);
	rd_u8(body);
	rd_str(body, SLEEP_STATE_MAX);
	if (rd_end(body) != E_OK || *fd < 0)
		return E_BAD;
	bool may = !the_monitor.is_stopping && !p->is_old;
	bool is_done = may && lay_down(p, facts, rest, *fd);
	/* its client is the nest's: one that was passed once sleeps once */
	if (is_done)
		p->has_client = false;
	buf_u8(reply, is_done);
	return E_OK;
}

static int
ask_awake(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	sleeper_awake(a->ctx);
	return E_MORE; /* no reply */
}

static struct sleeper *
sleeper_in(const struct asker *a, struct rd *body)
{
	const struct process *p = a->ctx;
	struct id id;
	rd_id(body, &id);
	struct sleeper *s = sleeper_of(id);
	return s && s->nest == p ? s : NULL;
}

/* Whose it is, the monitor knows; of what the nest says only the state is passed on. */
static int
ask_wake(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct sleeper *s = sleeper_in(a, body);
	struct span state = rd_str(body, SLEEP_STATE_MAX);
	struct buf about = {0};
	(void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || !s || *fd < 0)
		return E_BAD;
	int own = *fd;
	*fd = -1;
	woken_put(&about, s->facts, state);
	int err =
	    sleeper_wake(login_session_role, s, own, CLIENT_WOKEN, buf_as_span(&about));
	buf_wipe(&about);
	if (err != E_OK) {
		log_event(LOG_ERR, "not_woken", "account=%s why=%s", log_qs(s->account),
		    err_name(err));
		say_nest(NEST_AWAKE, s, SPAN(""), -1);
	}
	sleeper_gone(s);
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
	BEGIN_BYTES = 4 + SLEEP_FACTS_MAX + 8 + 1 + 4 + SLEEP_STATE_MAX,
	WAKE_BYTES = ID_BYTES + 4 + SLEEP_STATE_MAX,
};

/* clang-format off */
const struct ask_row sleep_rows[SLEEP_ASKS_END - LOGIN_ASKS_END] = {
	/*                              name     legal in  times   bytes        fd back  answered by */
	[SLEEP_WATCH - LOGIN_ASKS_END] = {"WATCH", 1,        600000, 0,           false,   ask_watch},
	[SLEEP_BEGIN - LOGIN_ASKS_END] = {"SLEEP", 1,        600000, BEGIN_BYTES, false,   ask_sleep},
	[SLEEP_AWAKE - LOGIN_ASKS_END] = {"AWAKE", 1,        600000, 0,           false,   ask_awake},
	[SLEEP_WAKE - LOGIN_ASKS_END]  = {"WAKE",  1,        0,      WAKE_BYTES,  false,   ask_wake},
	[SLEEP_ENDED - LOGIN_ASKS_END] = {"ENDED", 1,        0,      ID_BYTES,    false,   ask_ended},
};
/* clang-format on */
