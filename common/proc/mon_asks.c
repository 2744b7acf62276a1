/* SPDX-License-Identifier: ISC */
/*
 * mon_asks.c - what children may ask of their monitor; each ask is a row, each role has its own
 * table.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/logfile.h"
#include "proc/monitor.h"

enum {
	ROLE_NAME_MAX = 24,
	CTL_WAIT_MS = 2000,
	WHO_PACKET_BYTES = 32768,
	LOG_TIMES = 2 * ASK_TIMES_WINDOW_SEC * 1000 / LOG_LOSS_MS,
};

static const struct role *
role_of(struct span name)
{
	const struct daemon *d = the_monitor.daemon;
	for (size_t i = 0; i < d->n_roles; i++)
		if (span_eqs(name, d->roles[i].name))
			return &d->roles[i];
	return NULL;
}

static int
say_client(struct process *to, unsigned kind, int fd)
{
	struct buf body = {0};
	buf_u32(&body, kind);
	buf_bytes(&body, SPAN(""));
	int err = process_say(to, CTL_CLIENT, buf_as_span(&body), fd);
	buf_free(&body);
	return err;
}

/*
 * To the one that asked for the asker, where it is of that role: each of several fronts gets its
 * own sessions.
 */
static struct process *
channel_target(const struct process *asker, const struct role *to)
{
	struct process *p = asker->wanted_by ? process_of_pid(asker->wanted_by) : NULL;
	return p && p->role == to ? p : process_of_role(to, asker->generation);
}

int
monitor_hand_channel(const struct process *asker, const struct role *to, int fd)
{
	struct role_state *s = &the_monitor.roles[to - the_monitor.daemon->roles];
	unsigned kind = (unsigned)(asker->role - the_monitor.daemon->roles);
	if ((to->flags & ROLE_LAZY) && !s->is_wanted) {
		s->is_wanted = true;
		monitor_ensure(to);
	}
	struct process *p = channel_target(asker, to);
	int err = p ? say_client(p, kind, fd) : E_IO;
	if (err == E_OK || err == E_LIMIT) {
		close(fd);
		return err == E_OK ? E_OK : E_IO;
	}
	/* it died, a moment ago perhaps and is not reaped yet: the next one is told */
	if (s->n_waiting == WAITING_CHANNELS_MOST || the_monitor.is_stopping) {
		close(fd);
		return E_IO;
	}
	s->waiting[s->n_waiting].fd = fd;
	s->waiting[s->n_waiting++].kind = kind;
	return E_OK;
}

void
mon_hand_waiting(struct process *p)
{
	struct role_state *s = &the_monitor.roles[p->role - the_monitor.daemon->roles];
	for (size_t i = 0; i < s->n_waiting; i++) {
		if (say_client(p, s->waiting[i].kind, s->waiting[i].fd) != E_OK)
			log_event(LOG_ERR, "channel_lost", "role=%s", p->role_name);
		close(s->waiting[i].fd);
	}
	s->n_waiting = 0;
}

static int
ask_channel(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	const struct daemon *d = the_monitor.daemon;
	const struct role *to = role_of(rd_str(body, ROLE_NAME_MAX));
	int pair[2];
	(void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!to || !(p->role->channels & (1u << (to - d->roles))))
		return E_DENY;
	ask_pair(pair);
	int err = monitor_hand_channel(p, to, pair[1]);
	buf_u8(reply, (uint8_t)err);
	if (err == E_OK)
		*fd_back = pair[0];
	else
		close(pair[0]);
	return E_OK;
}

static int
connect_unix(const char *path, int *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path)
		return E_IO;
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return E_IO;
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return E_IO;
	}
	*out = fd;
	return E_OK;
}

/* The sockets of other daemons that a child may be connected to: nothing else is. */
static const struct {
	const char *name, *socket;
	unsigned peer; /* enum daemon_peer */
} daemons[] = {
    {"queue", "queue/spool", DAEMON_QUEUE},
    {"deliver", "deliver/jobs", DAEMON_DELIVER},
    {"hold", "queue/hold", DAEMON_HOLD},
    {"smtpd-ctl", "smtpd/ctl", DAEMON_CTL},
    {"pop3d-ctl", "pop3d/ctl", DAEMON_CTL},
    {"imapd-ctl", "imapd/ctl", DAEMON_CTL},
    {"deliver-ctl", "deliver/ctl", DAEMON_CTL},
};

static int
ask_daemon(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span name = rd_str(body, ROLE_NAME_MAX);
	const struct process *p = a->ctx;
	struct buf path = {0};
	int err = E_DENY;
	(void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	for (size_t i = 0; i < COUNT(daemons); i++) {
		if (!span_eqs(name, daemons[i].name) ||
		    !(p->role->peers & daemons[i].peer))
			continue;
		buf_putf(&path, "%s/%s",
		    conf_str(the_monitor.conf, "common", "run_dir"), daemons[i].socket);
		err = connect_unix(buf_cstr(&path), fd_back);
		buf_free(&path);
	}
	if (err == E_DENY)
		return E_DENY;
	buf_u8(reply, (uint8_t)err);
	return E_OK;
}

static int
ask_spawn(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct role *role = role_of(rd_str(body, ROLE_NAME_MAX));
	uint32_t enough = rd_u32(body);
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!role || !(role->flags & ROLE_POOL))
		return E_DENY;
	unsigned most = process_most(role);
	if (enough && enough < most)
		most = enough;
	if (the_monitor.is_stopping || process_count(role, false) >= most) {
		buf_u8(reply, (uint8_t)E_LIMIT);
		return E_OK;
	}
	struct process *p = process_begin(role);
	if (p) {
		p->wanted_by = ((const struct process *)a->ctx)->pid;
		mon_hand_waiting(p);
	}
	buf_u8(reply, (uint8_t)(p ? E_OK : E_IO));
	return E_OK;
}

static int
ask_who(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	struct span address = rd_str(body, WHO_TEXT_MAX),
		    account = rd_str(body, WHO_TEXT_MAX);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	process_serves(p, address, account, clock_wall_sec());
	return E_MORE; /* no reply */
}

static int
ask_ready(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	monitor_ready();
	return E_MORE; /* no reply */
}

static int
ask_log(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span line = rd_str(body, LOG_LINE_MAX + 2);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	logfile_lost(line);
	return E_MORE; /* no reply */
}

/* clang-format off */
static const struct ask_row rows[MON_EXTRA] = {
	/*               name       legal in  times   bytes               fd back  answered by */
	[MON_CHANNEL] = {"CHANNEL", 1,        600000, ROLE_NAME_MAX + 4,  true,    ask_channel},
	[MON_DAEMON]  = {"DAEMON",  1,        60000,  ROLE_NAME_MAX + 4,  true,    ask_daemon},
	[MON_SPAWN]   = {"SPAWN",   1,        600000, ROLE_NAME_MAX + 8,  false,   ask_spawn},
	[MON_WHO]     = {"WHO",     1,        0,      2 * WHO_TEXT_MAX + 8, false, ask_who},
	[MON_READY]   = {"READY",   1,        1,      0,                  false,   ask_ready},
	[MON_LOG]     = {"LOG",     1,        LOG_TIMES, LOG_LINE_MAX + 6, false,  ask_log},
};

/* clang-format on */

struct ask_row *
mon_rows_of(const struct role *role, size_t *n_out)
{
	const struct daemon *d = the_monitor.daemon;
	if (d->n_extra_asks > MON_EXTRA_MOST)
		bug("too many extra asks");
	size_t n = MON_EXTRA + d->n_extra_asks;
	struct ask_row *own = mem_new(n * sizeof *own);
	for (size_t i = 0; i < n; i++) {
		const struct ask_row *row =
		    i < MON_EXTRA ? &rows[i] : &d->extra_asks[i - MON_EXTRA];
		if (i == MON_LOG || (role->monitor_asks & MON_MAY(i)))
			own[i] = *row;
		else
			own[i].name = row->name;
	}
	*n_out = n;
	return own;
}

/* ---- RUN/NAME/ctl: who is served, and who no longer ---- */

static int
send_who(int fd, struct buf *packet, uint16_t n)
{
	struct buf body = {0};
	buf_u16(&body, n);
	buf_span(&body, buf_as_span(packet));
	int err = ask_send(fd, CTL_SOCKET_WHO | ASK_REPLY, buf_as_span(&body), -1,
	    deadline_in_ms(CTL_WAIT_MS));
	buf_free(&body);
	buf_reset(packet);
	return err;
}

struct who {
	int fd; /* borrow */
	struct buf packet;
	uint16_t n; /* in it */
	int err;
};

static void
put_who(struct who *w, pid_t pid, const char *role, const char *address,
    const char *account, int64_t since_wall_sec)
{
	if (w->err != E_OK)
		return;
	buf_u32(&w->packet, (uint32_t)pid);
	buf_bytes(&w->packet, span_of(role));
	buf_bytes(&w->packet, span_of(address));
	buf_bytes(&w->packet, span_of(account));
	buf_u64(&w->packet, (uint64_t)since_wall_sec);
	w->n++;
	if (w->packet.len < WHO_PACKET_BYTES)
		return;
	w->err = send_who(w->fd, &w->packet, w->n);
	w->n = 0;
}

static void
put_sleeper(void *ctx, struct sleeper *s)
{
	/* a nest that is gone had it last: it is being woken */
	put_who(ctx, s->nest ? s->nest->pid : 0, "asleep", s->address, s->account,
	    s->since_wall_sec);
}

static void
answer_who(int fd)
{
	struct who w = {.fd = fd};
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->address)
			put_who(&w, p->pid, p->role_name, p->address, p->account,
			    p->since_wall_sec);
	sleepers_each(put_sleeper, &w);
	if (w.err == E_OK && w.n)
		w.err = send_who(fd, &w.packet, w.n);
	if (w.err == E_OK)
		w.err = send_who(fd, &w.packet, 0);
	buf_free(&w.packet);
}

static void
answer_kick(int fd, struct rd *body)
{
	struct span account = rd_str(body, WHO_TEXT_MAX),
		    address = rd_str(body, WHO_TEXT_MAX);
	struct buf reply = {0};
	if (rd_end(body) != E_OK)
		return;
	buf_u32(&reply, monitor_kick(account, address));
	if (ask_send(fd, CTL_SOCKET_KICK | ASK_REPLY, buf_as_span(&reply), -1, 0) !=
	    E_OK)
		log_event(LOG_INFO, "ctl_gone", "%s", "");
	buf_free(&reply);
}

struct ctl_client {
	int fd;                /* own */
	struct loop_fd *watch; /* own */
};

static void
on_ctl_ask(void *ctx, int fd, unsigned events)
{
	struct ctl_client *c = ctx;
	struct ask_msg m;
	(void)events;
	if (ask_recv(fd, &the_monitor.scratch, &m, 0) == E_OK) {
		if (m.type == CTL_SOCKET_WHO)
			answer_who(fd);
		if (m.type == CTL_SOCKET_KICK)
			answer_kick(fd, &m.body);
		if (m.fd >= 0)
			close(m.fd);
	}
	loop_unwatch(&c->watch);
	close(c->fd);
	mem_free(&c);
}

static void
on_ctl_client(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	struct ctl_client *c = mem_new(sizeof *c);
	c->fd = fd;
	c->watch = loop_watch(the_monitor.loop, fd, LOOP_READ, on_ctl_ask, c);
}

void
mon_who_open(void)
{
	struct monitor *m = &the_monitor;
	static const char *const names[] = {"ctl", NULL};
	const struct daemon ctl = {.name = m->daemon->name, .unix_sockets = names};
	struct listeners l;
	struct buf errors = {0};
	if (listen_open(m->conf, &ctl, NULL, &errors, &l) == E_OK)
		loop_watch(m->loop, l.all[0].fd, LOOP_READ, on_ctl_client, NULL);
	else
		log_event(
		    LOG_ERR, "no_ctl_socket", "why=%s", log_qs(buf_cstr(&errors)));
	buf_free(&errors);
}
