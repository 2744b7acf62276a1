/* SPDX-License-Identifier: ISC */
/* main.c - queue: spool, scheduler, reports, relays, the DNS and the policies for them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/route.h"
#include "metrics/role.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "proc/monitor.h"
#include "queue/asks.h"
#include "queue/bounce.h"
#include "queue/drop.h"
#include "queue/relay/relay.h"
#include "queue/sched.h"
#include "queue/spool.h"
#include "queue/sts/sts.h"
#include "tls/dkim_key.h"
#include "tls/key.h"

/* clang-format off */
static const struct role roles[] = {
	[QUEUE_SPOOL] = {.name = "spool", .user = USER_QUEUE, .flags = ROLE_SINGLE | ROLE_AWAITED, .at_start = 1,
		.monitor_asks = MON_MAY(MON_READY),
		.jail = spool_jail, .run = spool_run},
	[QUEUE_SCHED] = {.name = "sched", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.channels = 1u << QUEUE_SPOOL | 1u << QUEUE_BOUNCE, .peers = DAEMON_DELIVER,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON) | MON_MAY(MON_SPAWN),
		.prepare = sched_prepare, .jail = sched_jail, .run = sched_run},
	[QUEUE_BOUNCE] = {.name = "bounce", .user = USER_NET, .at_start = 1,
		.channels = 1u << QUEUE_KEY, .monitor_asks = MON_MAY(MON_CHANNEL),
		.jail = bounce_jail, .run = bounce_run},
	[QUEUE_DROP] = {.name = "drop", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.peers = DAEMON_QUEUE, .monitor_asks = MON_MAY(MON_DAEMON),
		.prepare = drop_prepare, .jail = drop_jail, .run = drop_run},
	[QUEUE_RELAY] = {.name = "relay", .user = USER_NET, .flags = ROLE_POOL, .most = "relays_most",
		.channels = 1u << QUEUE_SCHED | 1u << QUEUE_RESOLVER | 1u << QUEUE_STS,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_WHO) | MON_MAY(QUEUE_UNIX),
		.prepare = relay_prepare, .jail = relay_jail, .run = relay_run},
	[QUEUE_RESOLVER] = {.name = "resolver", .user = USER_NET, .at_start = 1,
		.prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[QUEUE_FETCH] = {.name = "fetch", .user = USER_NET, .at_start = 1,
		.prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	[QUEUE_STS] = {.name = "sts", .user = USER_QUEUE, .flags = ROLE_SINGLE, .at_start = 1,
		.channels = 1u << QUEUE_RESOLVER | 1u << QUEUE_FETCH | 1u << QUEUE_KEY, .peers = DAEMON_QUEUE,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON),
		.jail = sts_jail, .run = sts_run},
	[QUEUE_KEY] = {.name = "key", .user = USER_KEY, .flags = ROLE_LAZY, .at_start = 1,
		.jail = key_mail_jail, .run = key_mail_run},
	METRICS_ROLE,
};

/* clang-format on */

/*
 * A directory with its owner; its descriptor, -1: none.  Below the spool no link is followed: we
 * are root.
 */
static int
make_owned(int at, const char *path, int flags, uid_t uid, gid_t gid, mode_t mode)
{
	if (mkdirat(at, path, mode & 0777) != 0 && errno != EEXIST)
		log_event(LOG_ERR, "no_directory", "path=%s err=%s", log_qs(path),
		    log_errno(errno));
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	struct stat st = {.st_mode = 0};
	bool is_ours = fd >= 0 && (geteuid() != 0 || fchown(fd, uid, gid) == 0) &&
	               fstat(fd, &st) == 0;
	bool has_mode = geteuid() != 0 && !(mode & S_ISVTX);
	/* a unit may not set the group bit: tmpfiles did */
	if (!is_ours ||
	    (!has_mode && (st.st_mode & 07777) != mode && fchmod(fd, mode) != 0))
		log_event(LOG_ERR, "no_owner", "path=%s err=%s", log_qs(path),
		    log_errno(errno));
	return fd;
}

/*
 * The spool belongs to the queue's uid; its group, that of the placers, reads messages.  Others
 * pass through it to drop/, where they may make files and nothing else: not list, not read, not
 * remove another's.  What they make has the group of drop/.
 */
static void
before_start(const struct conf *conf)
{
	uid_t uid;
	gid_t gid;
	dkim_folder_make(conf);
	if (daemon_user(conf, USER_QUEUE, &uid, &gid) != E_OK)
		return;
	int spool = make_owned(
	    AT_FDCWD, conf_str(conf, "common", "spool_dir"), 0, uid, gid, 0751);
	int sched =
	    spool < 0 ? -1 : make_owned(spool, "sched", O_NOFOLLOW, uid, gid, 0700);
	int drop =
	    spool < 0 ? -1 : make_owned(spool, "drop", O_NOFOLLOW, uid, gid, 03733);
	int sts = spool < 0 ? -1 : make_owned(spool, "sts", O_NOFOLLOW, uid, gid, 0700);
	int corrupt =
	    spool < 0 ? -1 : make_owned(spool, "corrupt", O_NOFOLLOW, uid, gid, 0750);
	if (sched >= 0)
		close(sched);
	if (drop >= 0)
		close(drop);
	if (sts >= 0)
		close(sts);
	if (corrupt >= 0)
		close(corrupt);
	if (spool >= 0)
		close(spool);
}

/* The other end of a route is a socket of this host: a relay has no path to it. */
static int
ask_unix(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct conf *c = the_monitor.conf;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	uint16_t i = rd_u16(body);
	struct route route;
	(void)a, (void)fd;
	if (rd_end(body) != E_OK || i >= conf_list_count(c, "queue", "routes") ||
	    route_parse(span_of(conf_list(c, "queue", "routes", i)), &route) != E_OK ||
	    route.kind != ROUTE_UNIX)
		return E_BAD;
	_Static_assert((int)ROUTE_PATH_MAX < (int)sizeof to.sun_path, "a path fits");
	memcpy(to.sun_path, route.host.p, route.host.n);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_there = s >= 0 && connect(s, (struct sockaddr *)&to, sizeof to) == 0;
	if (is_there)
		*fd_back = s;
	else if (s >= 0)
		close(s);
	buf_u8(reply, (uint8_t)(is_there ? E_OK : E_IO));
	return E_OK;
}

/* clang-format off */
static const struct ask_row extra[] = {
	/* name   legal in times  bytes fd back  answered by */
	{"UNIX",  1,       600,   2,    true,    ask_unix},
};

/* clang-format on */

int
main(int argc, char **argv)
{
	static const char *const sockets[] = {
	    "spool", "admin", "hold", "reports", NULL};
	static const struct daemon queue = {.name = "queue",
	    .about = "spool, scheduler and outbound mail",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .unix_sockets = sockets,
	    .before_start = before_start,
	    .self_test = resolver_self_test,
	    .extra_asks = extra,
	    .n_extra_asks = COUNT(extra)};
	return daemon_main(&queue, argc, argv);
}
