/* SPDX-License-Identifier: ISC */
/* loop.c - the one door to libevent. */
#include "proc/loop.h"

#include <event2/event.h>
#include <sys/time.h>

#include "proc/child.h"

struct loop {
	struct event_base *base; /* own */
	struct event *control;   /* own; NULL where there is no monitor */
};

struct loop_fd {
	struct loop *loop; /* borrow */
	struct event *ev;  /* own */
	int fd;            /* borrow */
	unsigned events;   /* that are waited for */
	loop_fd_fn *fn;
	void *ctx; /* borrow */
};

struct loop_timer {
	struct event *ev; /* own */
	loop_timer_fn *fn;
	void *ctx; /* borrow */
};

static void
on_control(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what, (void)ctx;
	child_control();
}

struct loop *
loop_new(void)
{
	struct loop *l = mem_new(sizeof *l);
	struct event_config *c = event_config_new();
	if (!c || event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK) != 0)
		bug("event_config");
	l->base = event_base_new_with_config(c);
	event_config_free(c);
	if (!l->base)
		bug("event_base_new");
	if (the_child.control >= 0) {
		l->control = event_new(
		    l->base, the_child.control, EV_READ | EV_PERSIST, on_control, NULL);
		if (!l->control || event_add(l->control, NULL) != 0)
			bug("event_add");
	}
	return l;
}

void
loop_free(struct loop **lp)
{
	if (!*lp)
		return;
	if ((*lp)->control)
		event_free((*lp)->control);
	event_base_free((*lp)->base);
	mem_free(lp);
}

static void
on_fd(evutil_socket_t fd, short what, void *ctx)
{
	struct loop_fd *w = ctx;
	unsigned events = 0;
	if (what & EV_READ)
		events |= LOOP_READ;
	if (what & EV_WRITE)
		events |= LOOP_WRITE;
	w->fn(w->ctx, (int)fd, events);
}

MUST_USE static int
try_arm(struct loop_fd *w, unsigned events)
{
	short what = EV_PERSIST;
	w->events = events;
	if (events & LOOP_READ)
		what |= EV_READ;
	if (events & LOOP_WRITE)
		what |= EV_WRITE;
	if (event_assign(w->ev, w->loop->base, w->fd, what, on_fd, w) != 0)
		bug("event_assign");
	return events && event_add(w->ev, NULL) != 0 ? E_BAD : E_OK;
}

static void
arm(struct loop_fd *w, unsigned events)
{
	if (try_arm(w, events) != E_OK)
		bug("event_add");
}

struct loop_fd *
loop_try_watch(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *ctx)
{
	struct loop_fd *w = mem_new(sizeof *w);
	*w = (struct loop_fd){.loop = l, .fd = fd, .fn = fn, .ctx = ctx};
	w->ev = mem_new(event_get_struct_event_size());
	if (try_arm(w, events) == E_OK)
		return w;
	mem_free(&w->ev);
	mem_free(&w);
	return NULL;
}

struct loop_fd *
loop_watch(struct loop *l, int fd, unsigned events, loop_fd_fn *fn, void *ctx)
{
	struct loop_fd *w = loop_try_watch(l, fd, events, fn, ctx);
	if (!w)
		bug("event_add");
	return w;
}

void
loop_events(struct loop_fd *w, unsigned events)
{
	if (events == w->events)
		return; /* two system calls for nothing */
	event_del(w->ev);
	arm(w, events);
}

void
loop_unwatch(struct loop_fd **wp)
{
	if (!*wp)
		return;
	event_del((*wp)->ev);
	mem_free(&(*wp)->ev);
	mem_free(wp);
}

static void
on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct loop_timer *t = ctx;
	(void)fd, (void)what;
	t->fn(t->ctx);
}

struct loop_timer *
loop_timer_new(struct loop *l, loop_timer_fn *fn, void *ctx)
{
	struct loop_timer *t = mem_new(sizeof *t);
	*t = (struct loop_timer){.fn = fn, .ctx = ctx};
	t->ev = event_new(l->base, -1, 0, on_timer, t);
	if (!t->ev)
		bug("event_new");
	return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	event_del(t->ev);
	if (ms >= 0 && event_add(t->ev, &tv) != 0)
		bug("event_add");
}

void
loop_timer_free(struct loop_timer **tp)
{
	if (!*tp)
		return;
	event_free((*tp)->ev);
	mem_free(tp);
}

void
loop_run(struct loop *l)
{
	if (event_base_dispatch(l->base) < 0)
		bug("event_base_dispatch");
}

void
loop_once(struct loop *l)
{
	if (event_base_loop(l->base, EVLOOP_ONCE) < 0)
		bug("event_base_loop");
}

void
loop_ready(struct loop *l)
{
	if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) < 0)
		bug("event_base_loop");
}

void
loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}
