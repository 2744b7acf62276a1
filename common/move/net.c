/* SPDX-License-Identifier: ISC */
/* net.c - the process that talks to an IMAP server. */
#include "move/net.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "move/asks.h"
#include "move/imap_talk.h"
#include "proc/daemon.h"
#include "store/asks.h"

/* ---- before it is forked ---- */

int
net_resolve(struct net_server *n, const char *host, const char *port, struct buf *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	int err = getaddrinfo(host, port, &hints, &all);
	if (err != 0) {
		buf_putf(why, "%s: %s", host, gai_strerror(err));
		return err == EAI_AGAIN ? EX_TEMPFAIL : EX_NOHOST;
	}
	for (struct addrinfo *a = all; a && n->n_addresses < NET_ADDRESSES_MAX;
	     a = a->ai_next) {
		memcpy(
		    &n->addresses[n->n_addresses].address, a->ai_addr, a->ai_addrlen);
		n->addresses[n->n_addresses++].bytes = a->ai_addrlen;
	}
	freeaddrinfo(all);
	return n->n_addresses ? EX_OK : EX_NOHOST;
}

/* ---- in it ---- */

struct talker {
	const struct net *net;
	struct imap imap;
	bool is_in;
	int chan;
	struct listing listing; /* own: of the folder listed last */
};

static int
connect_one(const struct net_server *n, size_t i)
{
	const struct sockaddr *a = (const struct sockaddr *)&n->addresses[i].address;
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    err = 0;
	socklen_t bytes = sizeof err;
	if (fd < 0)
		return -1;
	if (connect(fd, a, n->addresses[i].bytes) != 0)
		err = errno;
	if (err == EINPROGRESS &&
	    io_wait(fd, POLLOUT, deadline_in_ms(NET_CONNECT_MS), false) == E_OK &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &bytes) != 0)
		err = errno;
	if (err == 0)
		return fd;
	close(fd);
	errno = err == EINPROGRESS ? ETIMEDOUT : err;
	return -1;
}

int
net_connect(const struct net_server *n, int *fd)
{
	*fd = -1;
	for (size_t i = 0; i < n->n_addresses && *fd < 0; i++)
		*fd = connect_one(n, i);
	return *fd < 0 ? E_IO : E_OK;
}

static int
log_in(struct talker *t)
{
	const struct net_server *n = &t->net->imap;
	int fd, is_connected = net_connect(n, &fd), err_no = errno;
	imap_init(&t->imap, fd);
	if (is_connected != E_OK)
		return failed(&t->imap.failure, EX_TEMPFAIL, "no connection to %s: %s",
		    n->login.host, strerror(err_no));
	int err = imap_login(&t->imap, &n->login);
	t->is_in = err == E_OK;
	return err;
}

/* status and why of what went wrong, and what was found in a memory file. */
static void
reply(struct talker *t, uint16_t type, int err, struct buf *found)
{
	struct buf b = {0};
	int fd = -1, status = err == E_OK              ? EX_OK
	                      : t->imap.failure.status ? t->imap.failure.status
	                                               : EX_SOFTWARE;
	if (err == E_OK && found) {
		fd = buf_done(found) == E_OK ? large_make(buf_as_span(found)) : -1;
		status = fd >= 0 ? EX_OK : EX_UNAVAILABLE;
	}
	move_reply_put(
	    &b, status, err == E_OK ? SPAN("") : buf_as_span(&t->imap.failure.why));
	if (ask_send(t->chan, type | ASK_REPLY, buf_as_span(&b), fd,
		deadline_in_ms(NET_WAIT_MS)) != E_OK)
		shutdown(t->chan, SHUT_RDWR);
	if (fd >= 0)
		close(fd);
	if (err == E_BAD)
		t->imap.failure.status = EX_OK; /* the conversation goes on */
	buf_free(&b);
}

static void
folders(struct talker *t)
{
	struct source_folders all = {.n = 0};
	struct buf found = {.max = SOURCE_LISTING_BYTES_MAX};
	int err = log_in(t);
	if (err == E_OK)
		err = imap_folders(&t->imap, &all);
	buf_u32(&found, (uint32_t)all.n);
	for (size_t i = 0; i < all.n; i++)
		net_folder_put(&found, &all.all[i]);
	buf_u32(&found, (uint32_t)all.n_subscriptions);
	for (size_t i = 0; i < all.n_subscriptions; i++)
		buf_bytes(&found, all.subscriptions[i]);
	reply(t, NET_FOLDERS, err, &found);
	folders_free(&all);
	buf_free(&found);
}

static void
messages(struct talker *t, struct rd *body)
{
	struct buf found = {.max = SOURCE_LISTING_BYTES_MAX};
	struct span raw = rd_str(body, SOURCE_RAW_MAX);
	listing_free(&t->listing);
	int err =
	    rd_end(body) == E_OK ? imap_messages(&t->imap, raw, &t->listing) : E_BAD;
	if (err == E_OK && t->net->pop3.login.host && span_ieqs(raw, "INBOX"))
		err = net_uidls(&t->net->pop3, &t->imap, &t->listing);
	net_listing_put(&found, &t->listing);
	reply(t, NET_MESSAGES, err, &found);
	buf_free(&found);
}

/* ---- messages on their way ---- */

static int
say(struct talker *t, uint16_t type, struct span body)
{
	return ask_send(t->chan, type, body, -1, deadline_in_ms(NET_WAIT_MS));
}

static int
on_begin(void *ctx)
{
	return say(ctx, NET_BEGIN, SPAN(""));
}

static int
on_bytes(void *ctx, struct span s)
{
	int err = E_OK;
	for (; err == E_OK && s.n; s = span_from(s, NET_BYTES_MAX))
		err = say(ctx, NET_BYTES, span_head(s, NET_BYTES_MAX));
	return err;
}

static int
on_end(void *ctx, size_t uid, bool is_whole)
{
	struct buf b = {0};
	buf_u32(&b, (uint32_t)uid);
	buf_u8(&b, is_whole);
	int err = say(ctx, NET_END, buf_as_span(&b));
	buf_free(&b);
	return err;
}

static void
fetch(struct talker *t, int fd)
{
	const struct fetch_to to = {t, on_begin, on_bytes, on_end};
	struct buf in = {0};
	int err = fd >= 0 ? large_read(fd, &in) : E_BAD;
	struct rd r = rd_of(buf_as_span(&in));
	uint32_t n = rd_u32(&r);
	if (err == E_OK && r.in.n != (size_t)n * sizeof(uint32_t))
		err = E_BAD;
	uint32_t *uids = mem_new(((size_t)(err == E_OK ? n : 0) + 1) * sizeof *uids);
	for (uint32_t i = 0; i < n && err == E_OK; i++)
		uids[i] = rd_u32(&r);
	if (err == E_OK)
		err = imap_fetch(&t->imap, &t->listing, uids, n, &to);
	reply(t, NET_FETCH, err, NULL);
	mem_free(&uids);
	buf_free(&in);
}

/* One who asks, one ask at a time, until he is gone. */
static void
serve(struct talker *t)
{
	struct buf in = {0};
	struct ask_msg m;
	bool is_ours = true;
	while (is_ours && ask_recv(t->chan, &in, &m, DEADLINE_NONE) == E_OK) {
		if (m.type == NET_FOLDERS && !t->is_in)
			folders(t);
		else if (m.type == NET_MESSAGES && t->is_in)
			messages(t, &m.body);
		else if (m.type == NET_FETCH && t->is_in)
			fetch(t, m.fd);
		else
			is_ours = false; /* out of turn */
		if (m.fd >= 0)
			close(m.fd);
	}
	imap_done(&t->imap);
	listing_free(&t->listing);
	buf_free(&in);
}

NORETURN static void
run(const struct net *n, uid_t uid, gid_t gid, int chan)
{
	struct talker t = {.net = n, .chan = chan, .imap = {.io = {.fd = -1}}};
	struct jail j = {.uid = uid, .gid = gid, .group = (gid_t)-1, .calls = JAIL_NET};
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, "net", 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	log_role("net");
	jail_enter(&j);
	serve(&t);
	_exit(0);
}

int
net_start(const struct conf *conf, const struct net *n, int *chan, pid_t *pid,
    struct buf *why)
{
	uid_t uid;
	gid_t gid;
	int pair[2];
	if (daemon_user(conf, USER_NET, &uid, &gid) != E_OK) {
		buf_str(why, "user_net or group: there is no such user or group; "
			     "merpati check says more");
		return EX_CONFIG;
	}
	ask_pair(pair);
	*pid = fork();
	if (*pid == 0) {
		close(pair[0]);
		run(n, uid, gid, pair[1]);
	}
	close(pair[1]);
	*chan = pair[0];
	if (*pid > 0)
		return EX_OK;
	buf_str(why, "cannot fork");
	close(pair[0]);
	return EX_OSERR;
}
