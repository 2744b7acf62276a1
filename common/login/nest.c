/* SPDX-License-Identifier: ISC */
/* nest.c - connections of sessions that sleep: what wakes them, and what ends them. */
#include "login/nest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "login/sleep.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/loop.h"

/* What wakes one beside its client: those that fell asleep in one process share it. */
struct watch {
	struct watch *next, **link; /* those whose numbers begin a bucket */
	uint64_t number;
	int fd;                     /* own */
	struct loop_fd *on_changes; /* own */
	struct held *all, **last;   /* borrow: that it wakes */
	bool is_firing;
};

struct held {
	struct held *next, **link; /* all, or those that wait to be woken */
	struct id id;
	int fd;                /* own */
	struct loop_fd *on_fd; /* own */
	struct watch *watch;   /* NULL: none; it ends with the last of its sleepers */
	struct held *mate_next, **mate_link; /* watch->all */
	int64_t deadline;
	bool is_deflated,
	    is_changed; /* is_changed: it wakes for that, not for its client */
	uint32_t n;
	char state[];
};

/* One that was woken and is not awake yet. */
struct waking {
	struct id id;
	int64_t until;
	bool is_changed;
	/* who wakes for a change shares it with the others of its account: one of them has it */
	bool has_place;
};

enum {
	WAKING_MOST = 256,
	JOIN_LOOK_MOST = 256, /* of those that are due, where all places are taken */
	WATCH_BUCKETS = 256,
	DOZE_WATCHES = 2, /* of store_doze, at most: numbers 1 and 2 */
};

static struct {
	struct loop *loop;
	const struct nest_texts *texts;
	struct held *all;          /* own: asleep */
	struct held *due, **after; /* own: the oldest first */
	size_t n;                  /* of both */
	struct waking waking[WAKING_MOST];
	size_t n_waking, n_places, most;
	struct watch *watches[WATCH_BUCKETS]; /* own */
	/* borrow: of the sleeper that comes next; it is that one's */
	struct watch *watch;
	struct id watch_of;
	/* own: their watches are ended, they are not closed yet */
	int retired[NEST_RETIRED_MOST];
	size_t n_retired;
	struct loop_timer *closer;
	struct loop_timer
	    *timer; /* the first deadline, or the next look at those that wake */
	int64_t timer_at;
} nest = {.after = &nest.due};

/* ---- one sleeper ---- */

static void
held_unlink(struct held *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
}

static void
close_retired(void)
{
	while (nest.n_retired)
		ask_drop_fd(nest.retired[--nest.n_retired]);
}

/*
 * The kernel lets a close wait until the watches that it ends are gone, 5 to 15 ms, but it lets
 * nobody wait who ends them himself.  So they are ended now, and it is closed a moment later, or with
 * so many others that they wait once for all: rather that than out of descriptors.
 */
static void
retire(int watch)
{
	for (int wd = 1; wd <= DOZE_WATCHES; wd++)
		inotify_rm_watch(watch, wd);
	if (nest.n_retired == NEST_RETIRED_MOST)
		close_retired();
	nest.retired[nest.n_retired++] = watch;
	if (nest.n_retired == 1)
		loop_timer_set(nest.closer, NEST_RETIRED_MS);
}

static void
stop_if_empty(void)
{
	if (nest.n == 0 && nest.n_retired == 0 && the_child.is_draining)
		loop_stop(nest.loop);
}

static void
on_closer(void *ctx)
{
	(void)ctx;
	close_retired();
	stop_if_empty();
}

static void
watch_end(struct watch *w)
{
	if (w->all || w->is_firing || w == nest.watch)
		return;
	loop_unwatch(&w->on_changes);
	retire(w->fd);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	mem_free(&w);
}

static void
watch_leave(struct held *s)
{
	struct watch *w = s->watch;
	if (!w)
		return;
	*s->mate_link = s->mate_next;
	if (s->mate_next)
		s->mate_next->mate_link = s->mate_link;
	else
		w->last = s->mate_link;
	s->watch = NULL;
	watch_end(w);
}

static void
watch_join(struct held *s, struct watch *w)
{
	*w->last = s;
	s->mate_link = w->last;
	s->mate_next = NULL;
	w->last = &s->mate_next;
	s->watch = w;
}

static void
unwatch(struct held *s)
{
	loop_unwatch(&s->on_fd);
	watch_leave(s);
}

/* Out of no list. */
static void
held_close(struct held *s)
{
	unwatch(s);
	ask_drop_fd(s->fd);
	mem_wipe(s->state, s->n);
	mem_free(&s);
	metric_serving((uint32_t)--nest.n);
	stop_if_empty();
}

static void
tell_ended(const struct held *s)
{
	if (child_tell(SLEEP_ENDED, span_make((const char *)s->id.b, ID_BYTES), -1) !=
	    E_OK)
		log_event(LOG_ERR, "monitor_not_told", "%s", "");
}

/*
 * What goes out begins on a whole octet: in raw DEFLATE a stored block (RFC 1951 3.2.4) can.  A
 * client that does not take one line now is not waited for.
 */
static void
say(const struct held *s, const char *text)
{
	struct buf out = {0};
	uint16_t n = (uint16_t)strnlen(text, NEST_TEXT_MAX);
	if (s->is_deflated) {
		buf_u8(&out, 0);
		buf_u16(&out, n);
		buf_u16(&out, (uint16_t)~n);
	}
	buf_put(&out, text, n);
	if (send(s->fd, out.p, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)out.len)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
	buf_free(&out);
}

static void
send_away(struct held *s, const char *text)
{
	say(s, text);
	tell_ended(s);
	held_unlink(s);
	held_close(s);
}

/* ---- waking ---- */

static void
set_timer(int64_t at)
{
	if (at >= nest.timer_at)
		return;
	nest.timer_at = at;
	int64_t left = at - clock_mono_ms();
	loop_timer_set(nest.timer, left > 0 ? left : 0);
}

/* The monitor puts whose it is into two octets: accounts that have the same share what one may have. */
static bool
is_of_same(struct id a, struct id b)
{
	return a.b[0] == b.b[0] && a.b[1] == b.b[1];
}

/* Of its account, those that wake for a change. */
static size_t
n_together(const struct held *s)
{
	size_t n = 0;
	for (size_t i = 0; i < nest.n_waking; i++)
		n += nest.waking[i].is_changed && is_of_same(nest.waking[i].id, s->id);
	return n;
}

static void
wake(struct held *s)
{
	struct buf body = {0};
	buf_put(&body, s->id.b, ID_BYTES);
	buf_u8(&body, s->is_changed);
	buf_bytes(&body, span_make(s->state, s->n));
	int64_t until = deadline_in_ms(NEST_WAKING_MS);
	bool has_place = !s->is_changed || n_together(s) == 0;
	nest.n_places += has_place;
	nest.waking[nest.n_waking++] =
	    (struct waking){s->id, until, s->is_changed, has_place};
	set_timer(until);
	if (child_tell(SLEEP_WAKE, buf_as_span(&body), s->fd) != E_OK)
		log_event(LOG_ERR, "monitor_not_told", "%s", "");
	buf_wipe(&body);
	held_close(s);
}

/*
 * Who wakes for a change shares a session with others of its account, if they are told and sleep
 * again: all of them have one place.  One account whose sessions take long leaves half of the places
 * to others.
 */
static bool
may_wake(const struct held *s)
{
	size_t n = 0, most = nest.most > 1 ? nest.most / 2 : 1;
	if (nest.n_waking == WAKING_MOST)
		return false;
	size_t together = s->is_changed ? n_together(s) : 0;
	if (together)
		return together < NEST_TOGETHER_MOST;
	for (size_t i = 0; i < nest.n_waking; i++)
		n += nest.waking[i].has_place && is_of_same(nest.waking[i].id, s->id);
	return nest.n_places < nest.most && n < most;
}

static void
wake_some(void)
{
	struct held *next;
	size_t n = 0;
	for (struct held *s = nest.due; s; s = next) {
		next = s->next;
		if (nest.n_places >= nest.most && ++n > JOIN_LOOK_MOST)
			return;
		if (!may_wake(s))
			continue;
		if (!next)
			nest.after = s->link;
		held_unlink(s);
		wake(s);
	}
}

/* Another one that it shared its place with has it then. */
static void
waking_end(size_t at)
{
	struct waking was = nest.waking[at];
	nest.waking[at] = nest.waking[--nest.n_waking];
	if (!was.has_place)
		return;
	for (size_t i = 0; was.is_changed && i < nest.n_waking; i++)
		if (nest.waking[i].is_changed &&
		    is_of_same(nest.waking[i].id, was.id)) {
			nest.waking[i].has_place = true;
			return;
		}
	nest.n_places--;
}

static void
be_due(struct held *s)
{
	held_unlink(s);
	if (!nest.due && may_wake(s)) {
		wake(s); /* at once: its watches are ended while others work */
		return;
	}
	unwatch(s);
	s->next = NULL;
	s->link = nest.after;
	*nest.after = s;
	nest.after = &s->next;
	wake_some();
}

static void
on_bytes(void *ctx, int fd, unsigned events)
{
	struct held *s = ctx;
	char byte;
	(void)events;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n > 0) {
		be_due(s);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		tell_ended(s);
		held_unlink(s);
		held_close(s);
	}
}

static void
on_changes(void *ctx, int fd, unsigned events)
{
	struct watch *w = ctx;
	(void)fd, (void)events;
	w->is_firing = true;
	for (struct held *s; (s = w->all);) {
		watch_leave(s);
		s->is_changed = true;
		be_due(s);
	}
	w->is_firing = false;
	watch_end(w);
}

static void
is_awake(struct id id)
{
	for (size_t i = 0; i < nest.n_waking; i++)
		if (id_eq(nest.waking[i].id, id)) {
			waking_end(i);
			return;
		}
}

static void
are_awake(struct span about)
{
	struct rd r = rd_of(about);
	struct id id;
	while (r.in.n >= ID_BYTES) {
		rd_id(&r, &id);
		is_awake(id);
	}
	wake_some();
}

/* ---- what the monitor says ---- */

/* One that it has already comes again. */
static void
take_watch(struct id id, struct rd *r, int fd)
{
	uint64_t number = rd_u64(r);
	struct watch *was = nest.watch, **link = &nest.watches[number % WATCH_BUCKETS];
	if (rd_end(r) != E_OK || fd < 0)
		bug("malformed NEST_WATCH");
	struct watch *w = *link;
	while (w && w->number != number)
		w = w->next;
	if (w) {
		ask_drop_fd(fd);
	} else {
		w = mem_new(sizeof *w);
		*w = (struct watch){.next = *link,
		    .link = link,
		    .number = number,
		    .fd = fd,
		    .last = &w->all};
		if (w->next)
			w->next->link = &w->next;
		*link = w;
	}
	nest.watch = w;
	nest.watch_of = id;
	if (was && was != w)
		watch_end(was);
}

/* The one that was told just before; another one is of a sleeper that did not come. */
static void
join_next(struct held *s)
{
	struct watch *w = nest.watch;
	if (!w || !id_eq(nest.watch_of, s->id))
		return;
	watch_join(s, w);
	nest.watch = NULL;
}

/* Both are what a session chose: one that was taken over may give a file, say. */
static int
watch_both(struct held *s)
{
	struct watch *w = s->watch;
	s->on_fd = loop_try_watch(nest.loop, s->fd, LOOP_READ, on_bytes, s);
	if (!s->on_fd || !w || w->on_changes)
		return s->on_fd ? E_OK : E_BAD;
	w->on_changes = loop_try_watch(nest.loop, w->fd, LOOP_READ, on_changes, w);
	return w->on_changes ? E_OK : E_BAD;
}

static void
take_held(struct id id, struct rd *r, int fd)
{
	int64_t deadline = (int64_t)rd_u64(r);
	bool is_deflated = rd_u8(r) == 1;
	struct span state = rd_str(r, SLEEP_STATE_MAX);
	if (rd_end(r) != E_OK || fd < 0)
		bug("malformed NEST_SLEEP");
	struct held *s = mem_new(sizeof *s + state.n);
	s->id = id;
	s->fd = fd;
	join_next(s);
	s->deadline = deadline;
	s->is_deflated = is_deflated;
	s->n = (uint32_t)state.n;
	memcpy(s->state, state.p, state.n);
	s->next = nest.all;
	s->link = &nest.all;
	if (s->next)
		s->next->link = &s->next;
	nest.all = s;
	metric_serving((uint32_t)++nest.n);
	if (watch_both(s) == E_OK) {
		set_timer(deadline);
		return;
	}
	log_event(LOG_ERR, "sleeper_refused", "id=%s", id_text(id));
	tell_ended(s);
	held_unlink(s);
	held_close(s);
}

static int
id_order(const void *a, const void *b)
{
	return memcmp(a, b, ID_BYTES);
}

/* Many at once, perhaps.  One that is due already is told by its session. */
static void
kick(struct span about)
{
	struct buf ids = {0};
	size_t n = about.n / ID_BYTES;
	buf_span(&ids, about);
	qsort(ids.p, n, ID_BYTES, id_order);
	for (struct held *s = nest.all, *next; s; s = next) {
		next = s->next;
		if (bsearch(s->id.b, ids.p, n, ID_BYTES, id_order))
			send_away(s, nest.texts->kicked);
	}
	buf_free(&ids);
}

static void
on_said(int fd, unsigned kind, struct span about)
{
	struct rd r = rd_of(about);
	struct id id;
	rd_id(&r, &id);
	switch (kind) {
	case NEST_WATCH:
		take_watch(id, &r, fd);
		return;
	case NEST_SLEEP:
		take_held(id, &r, fd);
		return;
	case NEST_AWAKE:
		are_awake(about);
		break;
	case NEST_KICK:
		kick(about);
		break;
	}
	if (fd >= 0)
		ask_drop_fd(fd);
}

/* ---- time, and the end ---- */

static void
send_late_away(int64_t now, int64_t *next)
{
	for (struct held *s = nest.all, *after; s; s = after) {
		after = s->next;
		if (s->deadline > now) {
			*next = s->deadline < *next ? s->deadline : *next;
			continue;
		}
		log_event(LOG_INFO, "idle", "%s", "");
		send_away(s, nest.texts->idle);
	}
}

static void
forget_silent(int64_t now, int64_t *next)
{
	for (size_t i = 0; i < nest.n_waking;) {
		if (nest.waking[i].until > now) {
			*next =
			    nest.waking[i].until < *next ? nest.waking[i].until : *next;
			i++;
			continue;
		}
		log_event(LOG_WARNING, "waking_late", "%s", "");
		waking_end(i);
	}
	wake_some();
}

static void
send_all_away(struct held **list)
{
	while (*list)
		send_away(*list, nest.texts->stops);
}

static void
on_timer(void *ctx)
{
	int64_t now = clock_mono_ms(), next = DEADLINE_NONE;
	(void)ctx;
	nest.timer_at = DEADLINE_NONE;
	if (the_child.is_stopping) {
		send_all_away(&nest.all);
		send_all_away(&nest.due);
		nest.after = &nest.due;
	}
	send_late_away(now, &next);
	forget_silent(now, &next);
	if (next != DEADLINE_NONE)
		set_timer(next);
	stop_if_empty();
}

/*
 * May come in the middle of an ask: done in the next turn of the loop.  At a reload those who sleep
 * stay, the next nest takes who falls asleep.
 */
static void
on_drain(void)
{
	nest.timer_at = DEADLINE_NONE;
	set_timer(0);
}

int
nest_prepare(void)
{
	long n =
	    sysconf(_SC_NPROCESSORS_ONLN); /* a file says it: later there is none */
	nest.most = n > 0 ? NEST_WAKING_FACTOR * (size_t)n : NEST_WAKING_FACTOR;
	if (nest.most > WAKING_MOST)
		nest.most = WAKING_MOST;
	return EX_OK;
}

void
nest_jail(struct jail *j)
{
	j->calls = JAIL_INOTIFY; /* to end watches; no file, no socket of its own */
}

int
nest_run(const struct nest_texts *texts)
{
	nest.texts = texts;
	nest.timer_at = DEADLINE_NONE;
	nest.loop = loop_new();
	nest.timer = loop_timer_new(nest.loop, on_timer, NULL);
	nest.closer = loop_timer_new(nest.loop, on_closer, NULL);
	the_child.on_client = on_said;
	the_child.on_drain = on_drain;
	loop_run(nest.loop);
	return EX_OK;
}
