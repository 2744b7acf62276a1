/* SPDX-License-Identifier: ISC */
/* serve.c - waiting for a client, lingering for the next, leaving. */
#include "login/serve.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"

enum { SERVE_RETURN_MS = 10000 }; /* for the front to say the end of a relay */

static const char *serving_sid = ""; /* borrow: of the client that is served */

/* The next client, as the monitor passed it. */
static struct {
	int fd; /* own; -1: none yet */
	unsigned kind;
	struct buf about;
} next = {.fd = -1};

static struct {
	void (*wake)(int fd, const struct login_client *, struct span state);
	const struct login_client *client; /* borrow: that is served */
	bool is_asleep;                    /* the last one that was */
} now;

static void
on_client(int fd, unsigned kind, struct span about)
{
	if (next.fd >= 0) {
		close(fd); /* one at a time; the monitor knows, so this does not come */
		return;
	}
	next.fd = fd;
	next.kind = kind;
	buf_reset(&next.about);
	buf_span(&next.about, about);
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

/*
 * In TLS the front has the connection, and relays: one octet with a descriptor (our own end, which
 * says nothing) tells it that what follows is input, and it sends no more.
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
	return io_flush(io);
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
	struct buf about = next.about;
	int fd = next.fd;
	bool has_woken = now.wake && next.kind == CLIENT_WOKEN;
	next.fd = -1;
	next.about = (struct buf){0};
	int err = has_woken ? woken_get(buf_as_span(&about), &c, &state)
	                    : login_client_get(buf_as_span(&about), &c);
	if (err != E_OK)
		bug("malformed client");
	serve_one(serve, fd, has_woken, &c, state);
	buf_wipe(&about);
}

/* Waits for a client until the deadline; false: none came. */
static bool
wait_client(int64_t deadline)
{
	while (next.fd < 0) {
		if (the_child.is_draining ||
		    io_wait(the_child.control, POLLIN, deadline, IO_STAYS) != E_OK)
			return false;
		child_control();
	}
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
	return err != E_OK || next.fd < 0;
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
		if (is_last || the_child.is_draining || wait_ms == 0 ||
		    child_tell(LOGIN_IDLE, SPAN(""), -1) != E_OK)
			break;
		has_client = wait_client(deadline_in_ms(wait_ms)) || !may_leave();
	}
}
