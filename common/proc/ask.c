/* SPDX-License-Identifier: ISC */
/* ask.c - messages between processes, and the gates of the asked side. */
#include "proc/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

union fd_space {
	struct cmsghdr head; /* for alignment */
	char bytes[CMSG_SPACE(sizeof(int))];
};

void
ask_pair(int out[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) != 0)
		bug("socketpair");
}

bool
ask_peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_event(LOG_WARNING, "stranger", "uid=%u", peer.uid);
	return false;
}

/* Waits without the control channel: an answer is near, or the deadline is. */
static int
ask_wait(int chan, short events, int64_t deadline)
{
	struct pollfd p = {.fd = chan, .events = events};
	for (;;) {
		int n = poll(&p, 1, deadline_left_ms(deadline));
		if (n > 0)
			return E_OK;
		if (n == 0)
			return E_LIMIT;
		if (errno != EINTR)
			return E_IO;
	}
}

int
ask_send(int chan, uint16_t type, struct span body, int fd, int64_t deadline)
{
	unsigned char head[2] = {
	    (unsigned char)(type & 0xff), (unsigned char)(type >> 8)};
	struct iovec iov[2] = {
	    {head, sizeof head}, {(void *)(uintptr_t)body.p, body.n}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = body.n ? 2 : 1};
	union fd_space space = {0};
	if (body.n + sizeof head > ASK_MSG_MAX)
		bug("ask too long");
	if (fd >= 0) {
		msg.msg_control = space.bytes;
		msg.msg_controllen = sizeof space.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	for (;;) {
		if (sendmsg(chan, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return E_OK;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return E_IO;
		int err = deadline == 0 ? E_LIMIT : ask_wait(chan, POLLOUT, deadline);
		if (err != E_OK)
			return err;
	}
}

/* The descriptor of a message; what came beside it is closed. */
static int
received_fd(struct msghdr *msg)
{
	int fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (fd >= 0)
			close(fd);
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	}
	return fd;
}

int
ask_recv(int chan, struct buf *in, struct ask_msg *out, int64_t deadline)
{
	union fd_space space;
	buf_reset(in);
	char *room = buf_room(in, ASK_MSG_MAX);
	if (!room)
		bug("a buffer for asks holds less than ASK_MSG_MAX");
	struct iovec iov = {room, ASK_MSG_MAX};
	struct msghdr msg;
	ssize_t n;
	out->fd = -1;
	for (;;) {
		msg = (struct msghdr){.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = space.bytes,
		    .msg_controllen = sizeof space.bytes};
		if (deadline != 0) {
			int err = ask_wait(chan, POLLIN, deadline);
			if (err != E_OK)
				return err;
		}
		n = recvmsg(chan, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n >= 0)
			break;
		if (errno == EAGAIN && deadline == 0)
			return E_LIMIT;
		/*
		 * ECONNRESET: a peer that is gone has not read all; what it said before is still to
		 * be read, and then its end
		 */
		if (errno != EINTR && errno != EAGAIN && errno != ECONNRESET)
			return E_IO;
	}
	out->fd = received_fd(&msg);
	if (n < 2 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		if (out->fd >= 0)
			close(out->fd);
		out->fd = -1;
		return n == 0 ? E_IO : E_BAD;
	}
	buf_added(in, (size_t)n);
	out->body = rd_of(buf_as_span(in));
	out->type = rd_u16(&out->body);
	return E_OK;
}

unsigned
ask_next(int chan)
{
	unsigned char head[2];
	ssize_t n;
	do /* ECONNRESET: as ask_recv */
		n = recv(chan, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	return n == sizeof head ? head[0] | (unsigned)head[1] << 8 : ASK_NONE;
}

bool
ask_is_over(int chan)
{
	struct pollfd p = {.fd = chan};
	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

void
ask_drop_fd(int fd)
{
	const struct linger none = {0};
	/* of what is no socket there is nothing to set */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(fd);
}

void
ask_hang_up(int *chan)
{
	if (*chan >= 0)
		close(*chan);
	*chan = -1;
}

int
ask_call(int chan, uint16_t type, struct span body, int fd, struct buf *in,
    struct ask_msg *reply, int64_t deadline)
{
	int err = ask_send(chan, type, body, fd, deadline);
	if (err == E_OK)
		err = ask_recv(chan, in, reply, deadline);
	if (err == E_OK && reply->type != (type | ASK_REPLY)) {
		if (reply->fd >= 0)
			close(reply->fd);
		reply->fd = -1;
		return E_BAD;
	}
	return err;
}

struct asker *
asker_new(
    int chan, const struct ask_row *rows, size_t n_rows, const char *who, void *ctx)
{
	struct asker *a = mem_new(sizeof *a);
	*a = (struct asker){.chan = chan,
	    .rows = rows,
	    .n_rows = n_rows,
	    .phase = 1,
	    .times = mem_new(n_rows * sizeof(uint32_t)),
	    .window_start_ms = clock_mono_ms(),
	    .who = who,
	    .ctx = ctx};
	return a;
}

void
asker_free(struct asker **ap)
{
	if (!*ap)
		return;
	close((*ap)->chan);
	mem_free(&(*ap)->times);
	mem_free(ap);
}

int
ask_answer(struct asker *a, uint16_t type, struct span body, int fd)
{
	return ask_send(a->chan, type | ASK_REPLY, body, fd, 0);
}

/* The gates, in one place: known, in turn, not too long, not too often. */
static int
gate(struct asker *a, const struct ask_row *row, const struct ask_msg *m)
{
	int64_t now = clock_mono_ms();
	size_t i = (size_t)(row - a->rows);
	if (!row->handler)
		return E_BAD;
	if (!(row->phases & a->phase))
		return E_DENY;
	if (m->body.in.n > row->bytes)
		return E_LIMIT;
	if (row->times == 0)
		return E_OK;
	if (now - a->window_start_ms >= ASK_TIMES_WINDOW_SEC * 1000) {
		memset(a->times, 0, a->n_rows * sizeof *a->times);
		a->window_start_ms = now;
	}
	return ++a->times[i] > row->times ? E_LIMIT : E_OK;
}

static int
handle(struct asker *a, const struct ask_row *row, struct ask_msg *m, struct buf *reply)
{
	int fd_back = -1;
	int err = row->handler(a, &m->body, &m->fd, reply, &fd_back);
	if (err == E_OK &&
	    (buf_done(reply) != E_OK || (fd_back >= 0 && !row->has_fd_back)))
		bug("a reply that its row does not allow");
	if (err == E_OK)
		err = ask_answer(a, m->type, buf_as_span(reply), fd_back) == E_OK
		          ? E_OK
		          : E_IO;
	if (fd_back >= 0)
		close(fd_back);
	return err == E_MORE ? E_OK : err;
}

static int
serve_one(struct asker *a, struct ask_msg *m, struct buf *reply)
{
	static const struct ask_row unknown = {.name = "unknown"};
	const struct ask_row *row = m->type < a->n_rows ? &a->rows[m->type] : &unknown;
	int err = row == &unknown ? E_BAD : gate(a, row, m);
	if (err == E_OK)
		err = handle(a, row, m, reply);
	if (m->fd >= 0)
		ask_drop_fd(m->fd);
	if (err != E_OK && err != E_IO)
		log_event(LOG_ERR, "asker_ended",
		    "asker=%s ask=%s type=%u why=%s bytes=%zu", a->who,
		    row->name ? row->name : "unused", (unsigned)m->type, err_name(err),
		    m->body.in.n);
	return err;
}

int
asker_serve(struct asker *a, struct buf *scratch, unsigned burst)
{
	struct buf reply = {.max = ASK_MSG_MAX - 2};
	int err = E_OK;
	for (unsigned i = 0; i < burst && err == E_OK; i++) {
		struct ask_msg m;
		err = ask_recv(a->chan, scratch, &m, 0);
		if (err == E_LIMIT) {
			err = E_OK;
			break;
		}
		if (err == E_BAD)
			log_event(
			    LOG_ERR, "asker_ended", "asker=%s why=malformed", a->who);
		if (err == E_OK) {
			buf_reset(&reply);
			err = serve_one(a, &m, &reply);
			if (a->is_secret)
				mem_wipe(scratch->p, scratch->len);
		}
	}
	buf_free(&reply);
	return err;
}
