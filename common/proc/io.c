/* SPDX-License-Identifier: ISC */
/* io.c - a conversation with deadlines. */
#include "proc/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/child.h"

static int
plain_read(struct io *io, char *p, size_t n, size_t *got, bool *wants_write)
{
	ssize_t k = recv(io->fd, p, n, MSG_DONTWAIT);
	*wants_write = false;
	if (k >= 0) {
		*got = (size_t)k;
		return E_OK;
	}
	return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
}

static int
plain_write(struct io *io, const char *p, size_t n, size_t *put, bool *wants_write)
{
	ssize_t k = send(io->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	*wants_write = true;
	if (k >= 0) {
		*put = (size_t)k;
		return E_OK;
	}
	return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
}

static int
way_read(struct io *io, char *p, size_t n, size_t *got, bool *wants_write)
{
	return io->way ? io->way->read(io->way_ctx, p, n, got, wants_write)
	               : plain_read(io, p, n, got, wants_write);
}

static int
way_write(struct io *io, const char *p, size_t n, size_t *put, bool *wants_write)
{
	return io->way ? io->way->write(io->way_ctx, p, n, put, wants_write)
	               : plain_write(io, p, n, put, wants_write);
}

static bool
is_end(enum io_end end)
{
	return (end == IO_AT_STOP && the_child.is_stopping) ||
	       (end == IO_AT_DRAIN && the_child.is_draining);
}

int
io_wait(int fd, short events, int64_t deadline, enum io_end end)
{
	struct pollfd p[2] = {
	    {.fd = fd, .events = events}, {.fd = the_child.control, .events = POLLIN}};
	while (!is_end(end)) {
		int n = poll(p, 2, deadline_left_ms(deadline));
		if (n < 0 && errno != EINTR)
			return E_IO;
		if (n == 0)
			return E_LIMIT;
		if (n > 0 && p[0].revents)
			return E_OK;
		if (n > 0 && p[1].revents)
			child_control();
	}
	return E_DENY;
}

int
io_recv(
    int chan, struct buf *in, struct ask_msg *out, int64_t deadline, enum io_end end)
{
	int err = io_wait(chan, POLLIN, deadline, end);
	return err == E_OK ? ask_recv(chan, in, out, 0) : err;
}

/* One wait of this conversation: its idle time and its deadline both hold. */
static int
io_wait_turn(struct io *io, short events, enum io_end end)
{
	int64_t idle = deadline_in_ms(io->idle_ms);
	return io_wait(io->fd, events, idle < io->deadline ? idle : io->deadline, end);
}

void
io_init(struct io *io, int fd, size_t in_max, size_t out_max)
{
	*io = (struct io){.fd = fd,
	    .in = {.max = in_max},
	    .out = {.max = out_max},
	    .idle_ms = 60000,
	    .deadline = DEADLINE_NONE,
	    .chunk = IO_IN_CHUNK};
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void
io_done(struct io *io)
{
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
	buf_wipe(&io->in);
	buf_wipe(&io->out);
}

struct span
io_unread(const struct io *io)
{
	return span_from(buf_as_span(&io->in), io->in_at);
}

void
io_take(struct io *io, size_t n)
{
	if (n > io->in.len - io->in_at)
		bug("io_take of more than there is");
	io->in_at += n;
	if (io->in_at == io->in.len) {
		io->in.len = 0;
		io->in_at = 0;
	}
}

void
io_discard(struct io *io)
{
	io_take(io, io->in.len - io->in_at);
}

int
io_flush(struct io *io)
{
	size_t at = 0;
	int err = buf_done(&io->out);
	while (err == E_OK && at < io->out.len) {
		size_t put = 0;
		bool wants_write = true;
		err =
		    way_write(io, io->out.p + at, io->out.len - at, &put, &wants_write);
		if (err == E_OK)
			at += put;
		else if (err == E_MORE)
			err =
			    io_wait_turn(io, wants_write ? POLLOUT : POLLIN, IO_STAYS);
	}
	io->out.len = 0;
	if (err != E_OK)
		io->out.err = err;
	return err;
}

void
io_put(struct io *io, struct span s)
{
	buf_span(&io->out, s);
	if (io->out.len >= IO_OUT_FLUSH && io_flush(io) != E_OK)
		return; /* sticks in out.err: the next io_flush or io_fill reports it */
}

void
io_putf(struct io *io, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&io->out, fmt, ap);
	va_end(ap);
	io_put(io, (struct span){"", 0});
}

/* Room for a read: what is left of the maximum, after the consumed bytes are gone. */
static size_t
io_make_room(struct io *io)
{
	if (io->in_at > 0 &&
	    (io->in_at == io->in.len || io->in.len + io->chunk > io->in.max ||
		io->in.len + io->chunk + 1 > io->in.cap)) {
		buf_drop(&io->in, io->in_at);
		io->in_at = 0;
	}
	size_t left = io->in.max - io->in.len;
	return left < io->chunk ? left : io->chunk;
}

int
io_fill(struct io *io)
{
	if (io->out.len || io->out.err) {
		int err = io_flush(io);
		if (err != E_OK)
			return err;
	}
	size_t room = io_make_room(io);
	if (room == 0)
		return E_BAD;
	char *p = buf_room(&io->in, room);
	for (;;) {
		size_t got = 0;
		bool wants_write = false;
		int err =
		    io->is_dry ? E_MORE : way_read(io, p, room, &got, &wants_write);
		if (err == E_OK) {
			buf_added(&io->in, got);
			io->is_dry = !io->way && got < room;
			return got ? E_OK : E_IO;
		}
		io->is_dry = false;
		if (err == E_MORE)
			err = io_wait_turn(io, wants_write ? POLLOUT : POLLIN,
			    io->ends_on_drain ? IO_AT_STOP : IO_STAYS);
		if (err != E_OK)
			return err;
	}
}

int
io_poll(struct io *io)
{
	int64_t deadline = io->deadline;
	int err = io_flush(io);
	io->deadline = clock_mono_ms();
	if (err == E_OK)
		err = io_fill(io);
	io->deadline = deadline;
	return err;
}

/* Offset just past the first LF of the unread bytes from at on, or 0. */
static size_t
line_end(const struct io *io, size_t at)
{
	struct span rest = span_from(io_unread(io), at);
	size_t lf = span_find(rest, '\n');
	return lf < rest.n ? at + lf + 1 : 0;
}

bool
io_has_line(const struct io *io)
{
	return line_end(io, 0) > 0;
}

/* A line too long is read to its end, and none of it is kept. */
static int
skip_line(struct io *io)
{
	for (;;) {
		size_t end = line_end(io, 0);
		if (end) {
			io_take(io, end);
			return E_LIMIT;
		}
		io_discard(io);
		int err = io_fill(io);
		if (err != E_OK)
			return err == E_LIMIT ? E_MORE : err;
	}
}

int
io_line(struct io *io, size_t max, struct span *out)
{
	size_t seen = 0, end;
	*out = (struct span){"", 0};
	while ((end = line_end(io, seen)) == 0) {
		seen = io_unread(io).n;
		if (seen >= max)
			return skip_line(io);
		int err = io_fill(io);
		if (err == E_BAD)
			return skip_line(io);
		if (err != E_OK)
			return err == E_LIMIT ? E_MORE : err;
	}
	struct span line = span_head(io_unread(io), end);
	io->in_at += end; /* not io_take: the line is borrowed until the next call */
	if (end > max)
		return E_LIMIT;
	if (line.n < 2 || line.p[line.n - 2] != '\r')
		return E_BAD;
	line.n -= 2;
	if (span_find(line, '\r') < line.n)
		return E_BAD;
	*out = line;
	return E_OK;
}
