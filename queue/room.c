/* SPDX-License-Identifier: ISC */
/* room.c - space on the spool's disk. */
#include "queue/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const char ballast[] = "ballast";

static void
look(struct room *r)
{
	struct statvfs v;
	int64_t now = clock_mono_ms();
	if (r->looked_ms && now - r->looked_ms < ROOM_LOOK_EVERY_MS)
		return;
	r->looked_ms = now;
	if (fstatvfs(r->dir, &v) == 0)
		r->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
}

static void
make_ballast(struct room *r)
{
	int fd =
	    openat(r->dir, ballast, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	r->has_ballast = fallocate(fd, 0, 0, (off_t)r->ballast_bytes) == 0;
	close(fd);
	if (!r->has_ballast)
		unlinkat(r->dir, ballast, 0);
}

void
room_init(struct room *r, int dir, uint64_t ballast_bytes, uint64_t reserve_bytes)
{
	*r = (struct room){
	    .dir = dir, .ballast_bytes = ballast_bytes, .reserve_bytes = reserve_bytes};
	look(r);
	if (r->free_bytes > ballast_bytes + reserve_bytes)
		make_ballast(r);
}

bool
room_promise(struct room *r, uint64_t bytes)
{
	look(r);
	uint64_t need = r->reserve_bytes + r->promised;
	if (bytes > r->free_bytes || need > r->free_bytes - bytes)
		return false;
	r->promised += bytes;
	return true;
}

uint64_t
room_left(const struct room *r)
{
	uint64_t kept = r->reserve_bytes + r->promised;
	return r->free_bytes > kept ? r->free_bytes - kept : 0;
}

void
room_back(struct room *r, uint64_t bytes)
{
	if (bytes > r->promised)
		bug("more room given back than was promised");
	r->promised -= bytes;
}

void
room_is_full(struct room *r)
{
	r->looked_ms = 0;
	if (!r->has_ballast)
		return;
	unlinkat(r->dir, ballast, 0);
	r->has_ballast = false;
	log_event(LOG_ALERT, "disk_full", "gave_up=ballast bytes=%llu do=\"make room\"",
	    (unsigned long long)r->ballast_bytes);
}

void
room_tick(struct room *r)
{
	look(r);
	if (r->has_ballast || r->free_bytes < 2 * r->ballast_bytes + r->reserve_bytes)
		return;
	make_ballast(r);
	if (r->has_ballast)
		log_event(LOG_NOTICE, "ballast_back", "bytes=%llu",
		    (unsigned long long)r->ballast_bytes);
}
