/* SPDX-License-Identifier: ISC */
/*
 * io.h - a conversation with a peer over a socket, with deadlines, for straight-line code.
 * Every wait also watches the control channel of the process (child.h), so that a drain or a log
 * reopening reaches a session that waits for its client.
 */
#ifndef PROC_IO_H
#define PROC_IO_H

#include "base/buf.h"
#include "base/clock.h"

struct ask_msg;  /* proc/ask.h */
struct tls_conn; /* tls/conn.h */

/* How bytes travel: plain, or what TLS gives.  Non-blocking; *got 0 is the end.
 * E_OK, E_MORE (would block; *wants_write says for which direction), E_IO. */
struct io_way {
	int (*read)(void *ctx, char *p, size_t n, size_t *got, bool *wants_write);
	int (*write)(
	    void *ctx, const char *p, size_t n, size_t *put, bool *wants_write);
	size_t (*pending)(void *ctx); /* bytes that can be read without the socket */
};

struct io {
	int fd;                   /* own */
	const struct io_way *way; /* borrow; NULL: plain */
	void *way_ctx;            /* borrow: its owner closes it after io_done */
	struct buf in;            /* read, not consumed */
	size_t in_at;             /* consumed up to here; compacted when more is read */
	struct buf out;           /* written by the code, not sent */
	int64_t idle_ms;          /* each wait at most this long */
	int64_t deadline;         /* and never past this moment */
	size_t chunk; /* most bytes of one read; IO_IN_CHUNK, more for bulk data */
	/* the last read took all there was: the next one waits first, which saves one in vain */
	bool is_dry;
	/*
	 * set by the code: a wait for input ends with E_DENY once the daemon stops (not at a
	 * reload)
	 */
	bool ends_on_drain;
};

enum {
	IO_IN_CHUNK =
	    16383, /* with buf's spare octet a buffer of 16 KB, not one of twice as much */
	IO_OUT_FLUSH = 16384
};

/* takes fd, makes it non-blocking */
void io_init(struct io *, int fd, size_t in_max, size_t out_max);
void io_done(struct io *); /* closes fd, frees */

/* The unread bytes.  borrow: until the next io_ call. */
struct span io_unread(const struct io *);
void io_take(struct io *, size_t n); /* consumes n of the unread */
void io_discard(struct io *);        /* consumes all of the unread (STARTTLS, AUTH) */
/*
 * io_fill - waits for more bytes; flushes out first.
 *   returns  E_OK (at least one more), E_IO (closed, error), E_LIMIT (idle time or deadline),
 *            E_BAD (in is full), E_DENY (the daemon stops)
 */
MUST_USE int io_fill(struct io *);
/*
 * io_poll - io_fill that does not wait for input: E_LIMIT where none is there.  What a way has
 * bytes for that make none of ours (of compression, TLS) is read too
 */
MUST_USE int io_poll(struct io *);
/*
 * io_line - one line up to CRLF (without it); bare CR or LF inside: E_BAD (the line is consumed).
 *   max      most octets with CRLF.  Longer: E_LIMIT, the line is consumed up to its end.
 *   returns  E_OK, E_BAD, E_LIMIT (too long), E_IO (closed), E_MORE (idle or deadline), E_DENY
 *            (drain)
 *   out      borrow: until the next io_ call
 */
MUST_USE int io_line(struct io *, size_t max, struct span *out);
bool io_has_line(const struct io *); /* a whole line is here already: for pipelining */
/* buffered; sent by io_flush, io_fill, or past IO_OUT_FLUSH */
void io_put(struct io *, struct span);
void io_putf(struct io *, const char *fmt, ...) FMT(2, 3);
/* E_OK, E_IO, E_LIMIT; a failure sticks in out.err */
MUST_USE int io_flush(struct io *);

enum io_end {
	IO_STAYS,    /* whatever the monitor says */
	IO_AT_STOP,  /* of the daemon */
	IO_AT_DRAIN, /* at a reload too */
};

/*
 * io_wait - one descriptor (and the control channel) until deadline.  E_OK, E_IO, E_LIMIT, E_DENY
 * (the end came)
 */
MUST_USE int io_wait(int fd, short events, int64_t deadline, enum io_end);
/* io_recv - a message (ask_recv) once it comes.  E_OK, E_IO, E_LIMIT, E_BAD, E_DENY */
MUST_USE int io_recv(
    int chan, struct buf *in, struct ask_msg *out, int64_t deadline, enum io_end);

#endif
