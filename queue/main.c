/* SPDX-License-Identifier: ISC */
/* main.c - queue: spool, scheduler, reports. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "metrics/role.h"
#include "proc/daemon.h"
#include "queue/asks.h"
#include "queue/bounce.h"
#include "queue/drop.h"
#include "queue/sched.h"
#include "queue/spool.h"

/* clang-format off */
static const struct role roles[] = {
	[QUEUE_SPOOL] = {.name = "spool", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.jail = spool_jail, .run = spool_run},
	[QUEUE_SCHED] = {.name = "sched", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.channels = 1u << QUEUE_SPOOL | 1u << QUEUE_BOUNCE, .peers = DAEMON_DELIVER,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON),
		.jail = sched_jail, .run = sched_run},
	[QUEUE_BOUNCE] = {.name = "bounce", .user = USER_NET, .at_start = 1,
		.jail = bounce_jail, .run = bounce_run},
	[QUEUE_DROP] = {.name = "drop", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.peers = DAEMON_QUEUE, .monitor_asks = MON_MAY(MON_DAEMON),
		.prepare = drop_prepare, .jail = drop_jail, .run = drop_run},
	METRICS_ROLE,
};
/* clang-format on */

/* A directory with its owner; its descriptor, -1: none.  Below the spool no link is followed: we are root. */
static int
make_owned(int at, const char *path, int flags, uid_t uid, gid_t gid, mode_t mode)
{
	if (mkdirat(at, path, mode & 0777) != 0 && errno != EEXIST)
		log_event(LOG_ERR, "no_directory", "path=%s err=%s", log_qs(path), log_errno(errno));
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	struct stat st = {.st_mode = 0};
	bool is_ours = fd >= 0 && (geteuid() != 0 || fchown(fd, uid, gid) == 0) && fstat(fd, &st) == 0;
	bool has_mode = geteuid() != 0 && !(mode & S_ISVTX);
	/* a unit may not set the group bit: tmpfiles did */
	if (!is_ours || (!has_mode && (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0))
		log_event(LOG_ERR, "no_owner", "path=%s err=%s", log_qs(path), log_errno(errno));
	return fd;
}

/*
 * The spool belongs to the queue's uid; its group, that of the placers, reads messages.  Others pass through it to drop/, where
 * they may make files and nothing else: not list, not read, not remove another's.  What they make has the group of drop/.
 */
static void
before_start(const struct conf *conf)
{
	uid_t uid;
	gid_t gid;
	if (daemon_user(conf, USER_QUEUE, &uid, &gid) != E_OK)
		return;
	int spool = make_owned(AT_FDCWD, conf_str(conf, "common", "spool_dir"), 0, uid, gid, 0751);
	int sched = spool < 0 ? -1 : make_owned(spool, "sched", O_NOFOLLOW, uid, gid, 0700);
	int drop = spool < 0 ? -1 : make_owned(spool, "drop", O_NOFOLLOW, uid, gid, 03733);
	int corrupt = spool < 0 ? -1 : make_owned(spool, "corrupt", O_NOFOLLOW, uid, gid, 0750);
	if (sched >= 0)
		close(sched);
	if (drop >= 0)
		close(drop);
	if (corrupt >= 0)
		close(corrupt);
	if (spool >= 0)
		close(spool);
}

int
main(int argc, char **argv)
{
	static const char *const sockets[] = {"spool", "admin", NULL};
	static const struct daemon queue = {.name = "queue", .about = "spool, scheduler and outbound mail",
	    .roles = roles, .n_roles = COUNT(roles), .unix_sockets = sockets, .before_start = before_start};
	return daemon_main(&queue, argc, argv);
}
