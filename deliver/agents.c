/* SPDX-License-Identifier: ISC */
/* agents.c - agents, as a placer has them: a channel each, the one that was used least goes first. */
#include "deliver/agents.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/owned.h"
#include "proc/ask.h"
#include "proc/child.h"

struct agent {
	char home[ACCOUNT_ADDRESS_MAX + 1]; /* "": the place is free */
	int chan;                           /* own; -1: none lives */
	uint64_t used;
	unsigned failures; /* in a row */
	unsigned unasked;  /* in a row: no order could be given */
	int64_t unasked_since_ms;
	int64_t penalty_until_ms;
	int64_t window_ms, taken_ms; /* when it began; time of its runs */
};

/* Accounts whose failures and times are remembered: more than there are channels. */
enum {
	ACCOUNTS_MOST = 4 * AGENTS_KEPT_MOST,
	ANSWER_KEPT = 1 << 20, /* bytes; the memory of larger ones is given back */
};

static struct {
	struct agent all[ACCOUNTS_MOST];
	size_t n, most; /* places in use; channels, at most */
	size_t n_chans;
	uint64_t turn;
	int64_t time_ms; /* of a run, at most */
	bool is_asked; /* the agent has the whole order: what happens now is its own */
	struct buf in, bytes;
} agents;

void
agents_open(const struct conf *c)
{
	int64_t all = conf_int(c, "deliver", "agents_most"),
		placers = conf_int(c, "deliver", "placers");
	int64_t each = all / placers > 0 ? all / placers : 1;
	agents.most = each < AGENTS_KEPT_MOST ? (size_t)each : AGENTS_KEPT_MOST;
	agents.time_ms = conf_int(c, "deliver", "agent_time") * 1000;
	agents.bytes.max = ANSWER_BYTES_MAX;
}

/* ---- which ---- */

static void
hang_up(struct agent *a)
{
	if (a->chan < 0)
		return;
	ask_hang_up(&a->chan);
	agents.n_chans--;
}

static struct agent *
agent_of(struct span home)
{
	struct agent *oldest = &agents.all[0];
	for (size_t i = 0; i < agents.n; i++) {
		struct agent *a = &agents.all[i];
		if (span_eqs(home, a->home)) {
			a->used = ++agents.turn;
			return a;
		}
		if (a->used < oldest->used)
			oldest = a;
	}
	if (agents.n < ACCOUNTS_MOST)
		oldest = &agents.all[agents.n++];
	else
		hang_up(oldest);
	*oldest = (struct agent){.chan = -1, .used = ++agents.turn};
	memcpy(oldest->home, home.p, home.n);
	return oldest;
}

/* The one that was not used for longest has to go. */
static void
make_room(const struct agent *for_whom)
{
	while (agents.n_chans >= agents.most) {
		struct agent *oldest = NULL;
		for (size_t i = 0; i < agents.n; i++) {
			struct agent *a = &agents.all[i];
			if (a != for_whom && a->chan >= 0 &&
			    (!oldest || a->used < oldest->used))
				oldest = a;
		}
		if (!oldest)
			return;
		hang_up(oldest);
	}
}

/* A new one, by the monitor.  E_OK, E_IO, E_LIMIT: there are too many */
static int
start(struct agent *a, const struct target *t)
{
	const struct owned o = {t->address, t->home, t->uid, t->gid};
	agents.is_asked = false;
	make_room(a);
	int err = owned_ask(DELIVER_AGENT, &o, &agents.in, &a->chan);
	if (err == E_OK)
		agents.n_chans++;
	return err;
}

/* ---- a run ---- */

static int
hear(struct agent *a, int64_t deadline, struct arena *arena, struct agent_answer *out)
{
	struct ask_msg m;
	int err = E_MORE;
	buf_reset(&agents.bytes);
	if (agents.bytes.cap > ANSWER_KEPT)
		buf_free(&agents.bytes);
	while (err == E_MORE) {
		err = ask_recv(a->chan, &agents.in, &m, deadline);
		if (err != E_OK)
			return err;
		if (m.fd >= 0)
			close(m.fd);
		err = m.type == AGENT_DO ? order_piece(&m.body, &agents.bytes) : E_BAD;
	}
	if (err != E_OK)
		return E_BAD;
	err = answer_get(buf_as_span(&agents.bytes), arena, out);
	agents.is_asked = err != E_LIMIT; /* the memory is ours */
	return err == E_OK || err == E_LIMIT ? err : E_BAD;
}

static int
ask(struct agent *a, const struct agent_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t deadline,
    struct arena *arena, struct agent_answer *out)
{
	struct order_sending s;
	struct buf head = {0};
	agents.is_asked = false;
	order_put(&head, o);
	order_send_begin(&s, a->chan, AGENT_RUN, deadline);
	order_send_bytes(&s, buf_as_span(&head));
	buf_free(&head);
	int err = message(ctx, &s);
	if (err != E_OK) {
		bool is_gone = s.err != E_OK;
		order_send_drop(&s); /* its end does not come: nothing is run */
		return is_gone ? err : E_LIMIT;
	}
	err = order_send_end(&s);
	agents.is_asked = err == E_OK;
	return err == E_OK ? hear(a, deadline, arena, out) : err;
}

/*
 * One that lingered and left just now is no failure: another one is asked.  What it did it does
 * once, and says again.
 */
static int
ask_twice(struct agent *a, const struct target *t, const struct agent_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t deadline,
    struct arena *arena, struct agent_answer *out)
{
	bool is_old = a->chan >= 0;
	int err = is_old ? E_OK : start(a, t);
	if (err == E_OK)
		err = ask(a, o, message, ctx, deadline, arena, out);
	else
		return err == E_LIMIT ? E_DENY : err;
	if (err != E_OK)
		hang_up(a);
	if (err != E_IO || !is_old)
		return err;
	err = start(a, t);
	if (err != E_OK)
		return err == E_LIMIT ? E_DENY : err;
	err = ask(a, o, message, ctx, deadline, arena, out);
	if (err != E_OK)
		hang_up(a);
	return err;
}

static bool
has_time(struct agent *a, int64_t now)
{
	if (now - a->window_ms > AGENT_WINDOW_MS) {
		a->window_ms = now;
		a->taken_ms = 0;
	}
	return a->taken_ms < AGENT_ALLOWANCE_MS;
}

static int
failed(struct agent *a, const struct target *t, int err, int64_t now)
{
	a->failures++;
	log_event(LOG_WARNING, "agent_failed", "account=%s why=%s failures=%u",
	    log_q(t->address), err == E_LIMIT ? "\"no answer in time\"" : err_name(err),
	    a->failures);
	if (a->failures < AGENT_FAILURES_MOST)
		return E_LIMIT;
	a->failures = 0;
	a->penalty_until_ms = now + AGENT_PENALTY_MS;
	return E_BAD;
}

/* That was not the script. */
static int
not_asked(struct agent *a, const struct target *t, int err, int64_t now)
{
	if (a->unasked++ == 0)
		a->unasked_since_ms = now;
	log_event(LOG_WARNING, "agent_not_asked", "account=%s why=%s times=%u",
	    log_q(t->address), err_name(err), a->unasked);
	return a->unasked < AGENT_UNASKED_MOST ||
	               now - a->unasked_since_ms < AGENT_UNASKED_MS
	           ? E_LIMIT
	           : E_BAD;
}

int
agents_run(const struct target *t, const struct agent_order *o,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t deadline,
    struct arena *arena, struct agent_answer *out)
{
	int64_t begun = clock_mono_ms(), end = begun + agents.time_ms;
	struct agent *a = agent_of(t->home);
	agents.is_asked = false;
	if (begun < a->penalty_until_ms)
		return E_BAD;
	if (end > deadline || !has_time(a, begun)) {
		log_event(LOG_NOTICE, "agent_waits", "account=%s", log_q(t->address));
		return E_LIMIT;
	}
	int err = ask_twice(a, t, o, message, ctx, end, arena, out);
	int64_t now = clock_mono_ms();
	if (agents.is_asked)
		a->taken_ms += now - begun;
	if (agents.is_asked)
		a->unasked = 0;
	if (err == E_OK) {
		a->failures = 0;
		return E_OK;
	}
	if (err == E_DENY) {
		log_event(
		    LOG_NOTICE, "agents_crowded", "account=%s", log_q(t->address));
		return E_LIMIT;
	}
	if (!agents.is_asked)
		return not_asked(a, t, err, now);
	return failed(a, t, err, now);
}

void
agents_took(const struct target *t, int64_t ms)
{
	agent_of(t->home)->taken_ms += ms;
}

void
agents_done(const struct target *t)
{
	struct agent *a = agent_of(t->home);
	/* one that does not read is not waited for */
	if (a->chan >= 0 && ask_send(a->chan, AGENT_DONE, SPAN(""), -1, 0) != E_OK)
		hang_up(a);
}
