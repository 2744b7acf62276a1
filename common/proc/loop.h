/* SPDX-License-Identifier: ISC */
/*
 * loop.h - the event loop of a process that serves many (libevent): descriptors, timers, the
 * control channel.
 */
#ifndef PROC_LOOP_H
#define PROC_LOOP_H

#include "base/base.h"

struct event_base;
struct loop;
struct loop_fd;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(void *ctx, int fd, unsigned events);
typedef void loop_timer_fn(void *ctx);

/* own.  The child's control channel is in it from the start */
struct loop *loop_new(void);
void loop_free(struct loop **);
/* own; fd borrow */
struct loop_fd *loop_watch(
    struct loop *, int fd, unsigned events, loop_fd_fn *, void *ctx);
/*
 * loop_try_watch - of a descriptor that somebody else chose.  NULL: it is none that can be waited
 * for (a file)
 */
struct loop_fd *loop_try_watch(
    struct loop *, int fd, unsigned events, loop_fd_fn *, void *ctx);
void loop_events(struct loop_fd *, unsigned events); /* 0: paused */
void loop_unwatch(struct loop_fd **); /* may be called inside its own function */
/* own; not armed */
struct loop_timer *loop_timer_new(struct loop *, loop_timer_fn *, void *ctx);
/* once, ms from now; < 0: disarmed */
void loop_timer_set(struct loop_timer *, int64_t ms);
void loop_timer_free(struct loop_timer **);
void loop_run(struct loop *); /* until loop_stop */
/* what is ready now, after waiting for at least one thing */
void loop_once(struct loop *);
void loop_ready(struct loop *); /* what is ready now, once; may be nothing */
void loop_stop(struct loop *);
/*
 * loop_base - libevent's own, for a library that runs in it (libunbound); borrow: until loop_free
 */
struct event_base *loop_base(struct loop *);

#endif
