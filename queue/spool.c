/* SPDX-License-Identifier: ISC */
/* spool.c - the role: what it opens, its loop, and what it does when time has passed. */
#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "queue/asks.h"

struct spool the_spool;

enum { LOCK_WAIT_SEC = 30 };

static void
measure(void)
{
	const struct spool *s = &the_spool;
	metric_set(M_QUEUE_MESSAGES + METRIC_IN_JOURNAL, entries_count(s->entries));
	metric_set(M_QUEUE_ROOM, room_left(&s->room));
}

/* What nobody asks for: room, segments, what was done while no message came. */
static void
on_tick(void *ctx)
{
	struct spool *s = &the_spool;
	(void)ctx;
	if (spool_has_notes())
		spool_write_batch();
	say_tick();
	spool_retire();
	int err = journal_prepare(s->journal);
	if (err == E_IO && (errno == ENOSPC || errno == EDQUOT))
		room_is_full(&s->room);
	room_tick(&s->room);
	spool_rescue();
	measure();
	if (journal_live(s->journal) >= s->segments_live) {
		if (say_is_there())
			say_pressure();
		else
			spool_carry_oldest();
	}
	loop_timer_set(s->tick, err == E_MORE ? SPOOL_PREPARE_MS : SPOOL_TICK_MS);
}

/* ---- the role ---- */

enum { SCHED_LEAVE_MOST_MS = 6000 };

void
spool_jail(struct jail *j)
{
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT | JAIL_FLOCK;
	jail_allow(
	    j, conf_str(the_child.conf, "common", "spool_dir"), JAIL_READ | JAIL_WRITE);
	jail_allow(j, "/proc/self", JAIL_READ);
}

/* One spool at a time: one that is killed may still be writing for a moment. */
static int
take_lock(int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	alarm(LOCK_WAIT_SEC);
	int err = fd >= 0 && flock(fd, LOCK_EX) == 0 ? E_OK : E_IO;
	alarm(0);
	return err; /* held as long as we live */
}

static void
on_channel(int fd, unsigned kind, struct span about)
{
	(void)about;
	if (kind == QUEUE_SCHED)
		say_open(fd);
	else
		close(fd);
}

static void
on_drain(void)
{
	the_spool.is_ending = true;
	the_spool.end_ms = clock_mono_ms() + SCHED_LEAVE_MOST_MS;
}

static int
open_all(void)
{
	struct spool *s = &the_spool;
	const struct conf *c = the_child.conf;
	const char *dir = conf_str(c, "common", "spool_dir");
	uint64_t segment = (uint64_t)conf_int(c, "queue", "segment_size");
	s->segments_live = (unsigned)conf_int(c, "queue", "segments_live");
	s->segments_most = (unsigned)conf_int(c, "queue", "segments_most");
	s->batch = mem_new(JOURNAL_BATCH_RECORDS_MAX * sizeof *s->batch);
	s->entries = entries_new();
	if (files_open(dir, &s->files) != E_OK || take_lock(s->files.dir) != E_OK)
		return E_IO;
	if (journal_open(dir, segment, s->segments_most + 1, &s->journal) != E_OK)
		return E_IO;
	room_init(&s->room, s->files.dir, (uint64_t)conf_int(c, "queue", "ballast"),
	    2 * segment);
	return spool_replay();
}

/*
 * Where several clients put messages, those that are ready to run get into this batch: each sync
 * that is saved is worth more than their turn.  Who is alone does not wait for a turn of others.
 */
static void
wait_for_company(struct spool *s)
{
	const struct client *first = s->batch[0].client;
	bool is_alone = s->n_batch == 1 && first == s->last_client;
	s->last_client = first;
	if (is_alone)
		return;
	sched_yield();
	loop_ready(s->loop);
}

int
spool_run(void)
{
	struct spool *s = &the_spool;
	umask(0027);
	if (open_all() != E_OK)
		return EX_CANTCREAT;
	s->loop = loop_new();
	the_child.on_client = on_channel;
	the_child.on_drain = on_drain;
	while (journal_prepare(s->journal) == E_MORE)
		;
	s->tick = loop_timer_new(s->loop, on_tick, NULL);
	loop_timer_set(s->tick, SPOOL_TICK_MS);
	measure();
	intake_open();
	child_ready();
	/* sched has a last word */
	while (!s->is_ending || (say_is_there() && clock_mono_ms() < s->end_ms)) {
		loop_once(s->loop);
		if (s->n_batch)
			wait_for_company(s);
		if (s->n_batch || s->syncs_owed)
			spool_write_batch();
	}
	if (spool_has_notes())
		spool_write_batch();
	return EX_OK;
}
