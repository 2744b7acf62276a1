/* SPDX-License-Identifier: ISC */
/*
 * helper.c - cache items of messages that came without one are made by a process of its own, when
 * the keeper is quiet: it asks as any session does, and reads mail so that the keeper need not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/fds.h"
#include "store/jobs.h"
#include "store/state.h"

enum {
	HELPER_AFTER_MS = 1000, /* what came: more may come */
	HELPER_AGAIN_MS = 500,  /* somebody asks something just now */
};

static store_items_fn *items_fn;

static struct {
	struct loop_timer *timer; /* own */
	struct loop_fd *watch;    /* own: of pipe; NULL: none is at work */
	int pipe;                 /* own: its end is the helper's */
	bool is_armed;
} helper = {.pipe = -1};

void
store_items_made_by(store_items_fn *fn)
{
	items_fn = fn;
}

bool
helper_waits(void)
{
	return helper.is_armed || helper.watch;
}

static void
helper_in(int64_t ms)
{
	helper.is_armed = true;
	loop_timer_set(helper.timer, ms);
}

NORETURN static void
be_helper(int end)
{
	struct store *s;
	int keep[] = {end, log_fd()};
	setsid();
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_NAME, "helper", 0, 0, 0);
	log_role("helper");
	keeper_never_start();
	if (keep[0] > keep[1]) {
		keep[0] = keep[1];
		keep[1] = end;
	}
	fds_close_others(keep, COUNT(keep));
	if (store_open(".", &s) != E_OK)
		_exit(1);
	for (size_t i = 0; i < the_keeper.n_by_name; i++) {
		const struct slot *slot = the_keeper.by_name[i];
		if (slot->wants_items)
			items_fn(s, span_of(slot->now.name));
	}
	store_close(&s);
	_exit(0);
}

/* Twice forked, so that it is nobody's child. */
static int
fork_helper(int end)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			be_helper(end);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? E_OK : E_IO;
}

/* One that is empty by now needs none: mail that is fetched and deleted at once. */
static bool
wants_settle(void)
{
	bool wants = false;
	for (size_t i = 0; i < the_keeper.n_by_id; i++) {
		struct slot *s = the_keeper.by_id[i];
		s->wants_items &= s->now.messages || s->next.messages;
		wants |= s->wants_items;
	}
	return wants;
}

/* It ended, one way or the other. */
static void
on_end(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd, (void)events;
	loop_unwatch(&helper.watch);
	close(helper.pipe);
	helper.pipe = -1;
	if (wants_settle() && !helper.is_armed)
		helper_in(HELPER_AFTER_MS);
}

static void
begin(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	int err = fork_helper(ends[1]);
	close(ends[1]);
	if (err != E_OK) {
		log_event(LOG_WARNING, "no_helper", "err=%s", log_errno(errno));
		close(ends[0]);
		return;
	}
	for (size_t i = 0; i < the_keeper.n_by_id; i++)
		the_keeper.by_id[i]->wants_items = false;
	helper.pipe = ends[0];
	helper.watch =
	    loop_watch(the_keeper.loop, helper.pipe, LOOP_READ, on_end, NULL);
}

static void
on_timer(void *ctx)
{
	(void)ctx;
	helper.is_armed = false;
	if (helper.watch || !wants_settle())
		return; /* its end looks what is wanted */
	if (jobs_none())
		begin();
	else
		helper_in(HELPER_AGAIN_MS);
}

void
helper_want(struct slot *s)
{
	if (!items_fn || !the_keeper.loop || s->is_hidden)
		return;
	s->wants_items = true;
	if (!helper.timer)
		helper.timer = loop_timer_new(the_keeper.loop, on_timer, NULL);
	if (!helper.is_armed && !helper.watch)
		helper_in(HELPER_AFTER_MS);
}

void
helper_want_all(void)
{
	for (size_t i = 0; i < the_keeper.n_by_name; i++)
		if (the_keeper.by_name[i]->now.messages)
			helper_want(the_keeper.by_name[i]);
}
