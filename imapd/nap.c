/* SPDX-License-Identifier: ISC */
/* nap.c - when a session falls asleep, and how it wakes. */
#include "imapd/nap.h"

#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "imapd/metadata.h"
#include "imapd/notify.h"
#include "imapd/resume.h"
#include "imapd/share.h"
#include "net/deflate.h"
#include "proc/child.h"
#include "store/metadata.h"

void
nap_begin(struct session *s)
{
	s->nap.after_ms = conf_int(the_child.conf, "imapd", "sleep_after") * 1000;
	s->nap.at = s->nap.after_ms ? deadline_in_ms(s->nap.after_ms) : DEADLINE_NONE;
}

int64_t
nap_at(const struct session *s)
{
	return s->nap.at;
}

void
nap_told(struct session *s)
{
	if (s->nap.is_waking)
		sleep_awake();
	s->nap.is_waking = false;
}

/* ---- falling asleep ---- */

/*
 * What is not in struct slept: searches that are kept up to date.  What changes in a mailbox of
 * another's can wake nobody; nor is METADATA told from then on to who never asked for it.
 */
static bool
must_stay_up(const struct session *s, bool is_watching)
{
	return (is_watching && s->store != session_own(s)) ||
	       (s->selected && s->selected->contexts) || !notify_may_sleep(s) ||
	       (metadata_is_told(s) && store_metadata_seen(session_own(s)) == 0);
}

static int
state_put(struct session *s, struct slept *z, bool is_watching, struct buf *out)
{
	struct buf deflate = {0}, notify = {.max = SLEPT_NOTIFY_MAX};
	int err = E_OK;
	z->enabled = s->enabled;
	if (s->enabled & EN_METADATA)
		z->metadata = store_metadata_seen(session_own(s));
	z->errors = s->errors;
	z->woke_ms = s->nap.woke_ms;
	z->input = io_unread(&s->io);
	z->is_deflated = s->deflate != NULL;
	z->has_mailbox = s->selected != NULL;
	z->owner = share_selected(s);
	if (z->input.n > SLEPT_INPUT_MAX || s->io.out.len || s->is_broken ||
	    must_stay_up(s, is_watching))
		err = E_MORE;
	if (err == E_OK && s->deflate)
		err = deflate_save(s->deflate, &deflate);
	z->deflate = buf_as_span(&deflate);
	if (err == E_OK && s->selected)
		err = selected_save(s->selected, &z->mailbox);
	if (err == E_OK)
		err = notify_save(s, &notify);
	z->notify = buf_as_span(&notify);
	if (err == E_OK)
		slept_put(out, z);
	buf_wipe(&deflate);
	buf_wipe(&notify);
	return err == E_OK ? buf_done(out) : err;
}

/* To one of before a reload SLEEP_BEGIN is refused: it stays up. */
static void
try_later(struct session *s)
{
	int64_t ms = s->nap.after_ms > NAP_AGAIN_MS ? s->nap.after_ms : NAP_AGAIN_MS;
	s->nap.at = the_child.is_draining ? DEADLINE_NONE : deadline_in_ms(ms);
}

static int
lie_down(struct session *s, const struct slept *z, struct span state, int watch,
    bool is_watch_told)
{
	int err = serve_sleep(&(struct sleeping){.fd = s->io.fd,
	    .watch = watch,
	    .is_watch_told = is_watch_told,
	    .is_woken = s->nap.is_waking && !the_child.is_draining,
	    .deadline = z->deadline,
	    .is_deflated = z->is_deflated,
	    .state = state});
	if (err != E_OK)
		return E_LIMIT;
	s->is_over = s->nap.is_asleep = true;
	s->nap.is_waking = false; /* the monitor sees that it sleeps */
	return E_OK;
}

/*
 * Who is woken by the client alone is told of METADATA then, of which the keeper of that time knows
 * what this one can write down: a full disk keeps it awake.
 */
static int
doze_silently(struct session *s)
{
	return metadata_is_told(s) ? store_metadata_keep(session_own(s)) : E_OK;
}

/*
 * looked: changes past it wake it.  That is asked of the keeper, who may keep a list for it, when
 * nothing else is in the way; what changed since the state was made is past looked, too.
 */
static int
nap(struct session *s, struct slept *z, const uint64_t *looked)
{
	struct buf state = {.max = SLEEP_STATE_MAX};
	int watch = -1;
	bool is_same = false;
	int err = state_put(s, z, looked != NULL, &state) == E_OK ? E_OK : E_LIMIT;
	if (err == E_OK)
		err = looked ? notify_doze(s, *looked, &watch, &is_same)
		             : doze_silently(s);
	if (err == E_OK)
		err = lie_down(s, z, buf_as_span(&state), watch, is_same);
	if (err == E_LIMIT && watch >= 0)
		/*
		 * the monitor may not have been told of it, or a nest have it: nobody sleeps by it,
		 * where it is not the same as before
		 */
		store_doze_end(s->store, !is_same);
	slept_done(z);
	buf_wipe(&state);
	if (err != E_OK)
		try_later(s);
	return err == E_OK || err == E_MORE ? err : E_LIMIT;
}

static int
nap_and_watch(struct session *s, struct slept *z, uint64_t looked)
{
	return clock_mono_ms() < s->nap.at ? E_LIMIT : nap(s, z, &looked);
}

int
nap_in_idle(struct session *s, uint64_t looked, int64_t deadline)
{
	struct slept z = {.is_idle = true, .tag = s->tag, .deadline = deadline};
	return nap_and_watch(s, &z, looked);
}

int
nap_in_wait(struct session *s, uint64_t looked, int64_t deadline)
{
	struct slept z = {.deadline = deadline};
	return nap_and_watch(s, &z, looked);
}

int64_t
nap_deadline(const struct session *s)
{
	return s->nap.is_waking && s->nap.deadline ? s->nap.deadline
	                                           : deadline_in_ms(s->io.idle_ms);
}

static bool
has_input(const struct session *s)
{
	const struct io *io = &s->io;
	return io_has_line(io) || (io->way && io->way->pending(io->way_ctx) > 0);
}

/* What changes meanwhile is told with the next command: only the client wakes it. */
static int
sleep_or_wait(struct session *s, int64_t deadline)
{
	while (s->nap.at < deadline) {
		struct slept z = {.deadline = deadline};
		int err = io_wait(s->io.fd, POLLIN, s->nap.at, IO_AT_STOP);
		if (err != E_LIMIT)
			return err == E_IO ? E_IO : E_OK; /* the reader sees to it */
		if (nap(s, &z, NULL) == E_OK)
			return E_OK;
	}
	int err = io_wait(s->io.fd, POLLIN, deadline, IO_AT_STOP);
	return err == E_LIMIT ? E_MORE : err == E_IO ? E_IO : E_OK;
}

int
nap_between(struct session *s)
{
	int64_t deadline = deadline_in_ms(s->io.idle_ms);
	if (!s->nap.after_ms || has_input(s))
		return E_OK;
	if (notify_talks(s) && !s->nap.is_waking)
		s->nap.at = deadline_in_ms(s->nap.after_ms);
	if (notify_talks(s) || must_stay_up(s, false))
		return E_OK;
	command_settle(s);
	if (has_input(s))
		return E_OK;
	if (io_flush(&s->io) != E_OK)
		return E_IO;
	s->nap.at = deadline_in_ms(s->nap.after_ms);
	return sleep_or_wait(s, deadline);
}

/* ---- waking ---- */

static int
go_on_reading(struct session *s, const struct slept *z)
{
	buf_span(&s->io.in, z->input);
	if (!z->is_deflated)
		return E_OK;
	struct rd r = rd_of(z->deflate);
	int err = deflate_load(&r, s->io.fd, &s->deflate);
	if (err == E_OK && rd_end(&r) != E_OK)
		err = E_BAD;
	if (err != E_OK)
		return err;
	s->io.way = &deflate_way;
	s->io.way_ctx = s->deflate;
	return E_OK;
}

/* One that is woken by changes again and again stays up for a while. */
static void
plan_next(struct session *s, const struct slept *z)
{
	int64_t now = clock_mono_ms();
	bool is_rare = now - z->woke_ms > s->nap.after_ms;
	bool is_told = z->is_idle || z->notify.n; /* without a command */
	s->nap.woke_ms = now;
	if (s->nap.after_ms)
		s->nap.at = is_told && is_rare ? now : now + s->nap.after_ms;
}

static void
cannot(struct session *s, int err)
{
	const char *why = "[UNAVAILABLE] the mailbox cannot be opened now";
	if (err == E_BAD)
		why = "the mailbox is not what it was";
	else if (err == E_DENY) /* RFC 4314 5.1.1 */
		why = "[NOPERM] no right to read this mailbox any more";
	log_event(LOG_WARNING, "not_resumed", "why=%s", err_name(err));
	store_watch_end(s->store);
	buf_putf(&s->io.out, "* BYE %s\r\n", why);
	s->is_over = true;
}

/* In IDLE, where the client said nothing: the only words are those of selected_update. */
static bool
is_for_news(const struct session *s, const struct slept *z)
{
	struct pollfd p = {.fd = s->io.fd, .events = POLLIN};
	return z->is_idle && z->notify.n == 0 && !z->metadata && !has_input(s) &&
	       poll(&p, 1, 0) == 0;
}

static int
resume(struct session *s, struct slept *z)
{
	int err = go_on_reading(s, z);
	s->enabled = z->enabled;
	if (z->metadata)
		store_metadata_go_on(session_own(s), z->metadata);
	s->errors = z->errors;
	plan_next(s, z);
	s->nap.deadline = z->is_idle ? 0 : z->deadline;
	if (err == E_OK && z->owner.n)
		err = share_again(s, z->owner);
	if (err == E_OK && z->has_mailbox)
		err = selected_resume(s, &z->mailbox, is_for_news(s, z));
	if (err == E_OK)
		err = notify_load(s, z->notify);
	if (err != E_OK)
		cannot(s, err);
	return err;
}

void
nap_wake(struct session *s, struct span state)
{
	struct slept z;
	s->nap.is_waking = true;
	int err = slept_get(state, &z);
	if (err == E_OK)
		err = resume(s, &z);
	else /* of another build, most likely: it cannot know how to say it */
		s->is_broken = true;
	if (err == E_OK && z.is_idle)
		command_idle_again(s, z.tag, z.deadline);
	/* else notify_wait has told the news first */
	if (err != E_OK || !notify_talks(s))
		nap_told(s);
	slept_done(&z);
}
