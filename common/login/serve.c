/* SPDX-License-Identifier: ISC */
/* serve.c - waiting for a client, lingering for the next, leaving. */
#include "login/serve.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "login/peer.h"
#include "metrics/metric.h"
#include "proc/child.h"

enum { SERVE_RETURN_MS = 10000 }; /* for the front to say the end of a relay */

static const char *serving_sid = ""; /* borrow: of the client that is served */

/* Clients as the monitor passed them: one that cannot sleep comes back, too. */
struct passed {
	struct passed *next;
	int fd; /* own */
	unsigned kind;
	struct buf about; /* own */
};

static struct passed *first; /* own: the next one */

static struct {
	void (*wake)(int fd, const struct login_client *, struct span state);
	const struct login_client *client; /* borrow: that is served */
	bool is_asleep;                    /* the last one that was */
} now;

static void
on_client(int fd, unsigned kind, struct span about)
{
	struct passed **last = &first;
	while (*last)
		last = &(*last)->next;
	struct passed *p = *last = mem_new(sizeof *p);
	*p = (struct passed){.fd = fd, .kind = kind};
	buf_span(&p->about, about);
}

void
serve_io(
    struct io *io, int fd, const struct login_client *c, size_t in_max, size_t out_max)
{
	io_init(io, fd, in_max + LOGIN_INPUT_MAX, out_max);
	io->idle_ms = conf_int(the_child.conf, the_child.daemon, "idle_time") * 1000;
	io->ends_on_drain = true;
	buf_span(&io->in, c->input);
}

/* ---- back to a front ---- */

bool
serve_may_return(int fd, const struct login_client *c)
{
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof from;
	struct peer peer;
	if (c->has_tls)
		return true;
	if (getpeername(fd, (struct sockaddr *)(void *)&from, &n) != 0)
		return false;
	peer_of(&from, &peer);
	return span_eqs(c->client, peer.text);
}

/*
 * In TLS the front has the connection, and relays: one octet with a descriptor (our own end, which
 * says nothing) tells it that what follows is input, and it sends no more; another one, that this
 * was all.  Without that it ends the connection: of a command a part may be lost.
 */
static int
say_returned(int fd)
{
	char octet = 0;

	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec iov = {&octet, 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof control.bytes};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(fd, &m, MSG_NOSIGNAL) == 1 ? E_OK : E_IO;
}

/* All that the front had sent by then; it sends the end. */
static int
return_relayed(struct io *io)
{
	int err = say_returned(io->fd);
	io->deadline = deadline_in_ms(SERVE_RETURN_MS);
	while (err == E_OK)
		err = io_fill(io);
	if (err != E_IO || io_unread(io).n > LOGIN_INPUT_MAX)
		return E_IO;
	io_put(io, io_unread(io));
	err = io_flush(io);
	return err == E_OK ? say_returned(io->fd) : err;
}

int
serve_return(struct io *io, bool has_tls)
{
	struct buf body = {0};
	struct span input = io_unread(io);
	if (input.n > LOGIN_INPUT_MAX || io_flush(io) != E_OK)
		return E_LIMIT;
	if (has_tls)
		return return_relayed(io);
	buf_bytes(&body, input);
	buf_bytes(&body, span_of(serving_sid));
	int err = child_tell(LOGIN_RETURN, buf_as_span(&body), io->fd);
	buf_free(&body);
	return err;
}

void
serve_sleepers(void (*wake)(int fd, const struct login_client *, struct span state))
{
	now.wake = wake;
}

int
serve_sleep(const struct sleeping *s)
{
	int err = sleep_begin(now.client, s);
	if (err ==
	    E_MORE) { /* an answer that comes late would be taken for another one */
		log_event(LOG_WARNING, "sleep_unanswered", "%s", "");
		serve_no_more();
		err = E_OK;
	}
	now.is_asleep = err == E_OK;
	return err;
}

/* Of one that woke the monitor knows who it is. */
static void
serve_one(void (*serve)(int fd, const struct login_client *), int fd, bool has_woken,
    const struct login_client *c, struct span state)
{
	struct buf sid = {0};
	buf_span(&sid, c->sid); /* the front's: the lines of a connection join */
	log_session(buf_cstr(&sid));
	serving_sid = buf_cstr(&sid);
	metric_serving(1);
	now.client = c;
	now.is_asleep = false;
	if (has_woken)
		now.wake(fd, c, state);
	else
		serve(fd, c);
	metric_serving(0);
	log_session(NULL);
	serving_sid = "";
	buf_free(&sid);
}

static void
serve_next(void (*serve)(int fd, const struct login_client *))
{
	struct login_client c;
	struct span state = SPAN("");
	struct passed *p = first;
	struct span about = buf_as_span(&p->about);
	bool has_woken = now.wake && p->kind == CLIENT_WOKEN;
	first = p->next;
	int err =
	    has_woken ? woken_get(about, &c, &state) : login_client_get(about, &c);
	if (err != E_OK)
		bug("malformed client");
	serve_one(serve, p->fd, has_woken, &c, state);
	buf_wipe(&p->about);
	mem_free(&p);
}

/*
 * Until the monitor, or its queue, has something to say.  False: not before the deadline
 */
static bool
wait_word(int64_t deadline)
{
	struct pollfd p[2] = {{.fd = the_child.control, .events = POLLIN},
	    {.fd = the_child.queue, .events = POLLIN}};
	int n = poll(p, COUNT(p), deadline_left_ms(deadline));
	if (n > 0 && p[0].revents)
		child_control();
	return n != 0;
}

/* Waits for a client until the deadline; false: none came. */
static bool
wait_client(int64_t deadline)
{
	while (!first && !child_queued())
		if (the_child.is_draining || !wait_word(deadline))
			return false;
	return true;
}

/* Says that it leaves; a client that was passed meanwhile comes before the answer. */
static bool
may_leave(void)
{
	struct buf in = {0};
	struct ask_msg reply;
	int err = child_call(LOGIN_LEAVE, SPAN(""), -1, &in, &reply);
	buf_free(&in);
	return err != E_OK || (!first && !child_queued());
}

static bool is_last;

void
serve_no_more(void)
{
	is_last = true;
}

void
serve_clients(void (*serve)(int fd, const struct login_client *))
{
	int64_t linger_ms =
	    conf_int(the_child.conf, the_child.daemon, "linger_time") * 1000;
	the_child.on_client = on_client;
	bool has_client = wait_client(deadline_in_ms(CHILD_CALL_WAIT_MS));
	while (has_client) {
		serve_next(serve);
		int64_t wait_ms = now.is_asleep ? SLEEP_LINGER_MS : linger_ms;
		/* the monitor takes one whose client sleeps for idle, and may have passed one already */
		if (!now.is_asleep &&
		    (is_last || the_child.is_draining || wait_ms == 0 ||
			child_tell(LOGIN_IDLE, SPAN(""), -1) != E_OK))
			break;
		has_client =
		    (!is_last && wait_client(deadline_in_ms(wait_ms))) || !may_leave();
	}
}
