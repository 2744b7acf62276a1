/* SPDX-License-Identifier: ISC */
/*
 * ask.h - what one process asks of another: fixed-format messages on a SOCK_SEQPACKET pair.
 * A message is u16 type, then its body (base/buf.h integers), with at most one descriptor.
 * A reply has the type of its ask with ASK_REPLY set.  Asks on one channel are answered in order.
 */
#ifndef PROC_ASK_H
#define PROC_ASK_H

#include "base/buf.h"

enum {
	ASK_REPLY = 0x8000,
	ASK_NONE = 0x10000,  /* no message has this type */
	ASK_MSG_MAX = 65536, /* bytes of one message, type included */
	ASK_TIMES_WINDOW_SEC = 60,
};

struct ask_msg {
	uint16_t type;
	struct rd body; /* borrow: the buf given to ask_recv, until its next use */
	int fd;         /* own: the receiver closes it; -1 when none came */
};

/*
 * ask_peer_is_ours - at the other end is root, or our own uid (SO_PEERCRED): for sockets with a
 * name
 */
bool ask_peer_is_ours(int fd);
/* ask_pair - a connected pair, close-on-exec, buffers large enough for ASK_MSG_MAX */
void ask_pair(int out[2]);
/*
 * ask_send - one message; blocks until it is queued or the deadline is past.
 *   fd       borrow, or -1
 *   returns  E_OK, E_IO (the peer is gone), E_LIMIT (deadline; body too long is a bug())
 */
MUST_USE int ask_send(
    int chan, uint16_t type, struct span body, int fd, int64_t deadline);
/*
 * ask_recv - one message; in holds its bytes.  A deadline of 0 does not wait.
 *   returns  E_OK, E_IO (peer gone, and all that it said was read), E_LIMIT (deadline), E_BAD (not
 *            a message)
 */
MUST_USE int ask_recv(int chan, struct buf *in, struct ask_msg *out, int64_t deadline);
/* ask_next - the type of the message that ask_recv would give now; ASK_NONE: there is none.  Never blocks */
unsigned ask_next(int chan);
/* ask_is_over - the peer hung up: nobody waits for an answer to what it said and was not read yet.  Never blocks */
bool ask_is_over(int chan);
/* ask_drop_fd - closes one that a peer sent: it does not wait, whatever the peer set (SO_LINGER) */
void ask_drop_fd(int fd);
/*
 * ask_hang_up - closes the channel, -1 from then on: a late answer does not meet the next ask.
 * Nothing when it is -1
 */
void ask_hang_up(int *chan);
/*
 * ask_call - sends, waits for the reply to it.  E_BAD: another type came back.  Otherwise as above.
 */
MUST_USE int ask_call(int chan, uint16_t type, struct span body, int fd, struct buf *in,
    struct ask_msg *reply, int64_t deadline);

/* ---- the asked side: a table of rows, one per ask ---- */
struct asker;

/*
 * A handler reads body to its end, fills reply.  Returns E_OK (the reply is sent), E_MORE (it will
 * be answered later, by ask_answer), E_IO (it left: ask_is_over), or E_BAD, E_LIMIT, E_DENY: the asker
 * is ended and that is logged.
 *   fd       own: closed by the caller after the handler unless set to -1
 *   fd_back  borrow-on-send, then closed; allowed only where the row says so
 */
typedef int ask_handler(
    struct asker *, struct rd *body, int *fd, struct buf *reply, int *fd_back);

struct ask_row {
	const char *name; /* in the log */
	unsigned phases;  /* bits of the phases in which it is legal */
	uint32_t times;   /* most in ASK_TIMES_WINDOW_SEC seconds; 0: any number */
	uint32_t bytes;   /* most bytes of body */
	bool has_fd_back;
	ask_handler *handler;
};

/* X-macro of a daemon's asks.h: ASK(NAME, phases, times, bytes, fd back, handler) */
#define ASK_ENUM(name, phases, times, bytes, fd_back, handler) name,
#define ASK_ROW(name, phases, times, bytes, fd_back, handler)                          \
	{#name, phases, times, bytes, fd_back, handler},

/* One who asks, as the asked side sees it. */
struct asker {
	int chan;                   /* own */
	const struct ask_row *rows; /* borrow: static */
	size_t n_rows;
	unsigned phase;  /* one bit; the asked side's own */
	uint32_t *times; /* own: one per row */
	int64_t window_start_ms;
	const char *who; /* borrow: static; for the log */
	void *ctx;       /* borrow: what the role keeps for it */
	bool is_secret;  /* an ask of it is wiped once it is served */
};

struct asker *asker_new(
    int chan, const struct ask_row *, size_t n_rows, const char *who, void *ctx);
void asker_free(struct asker **); /* closes chan */
/*
 * asker_serve - reads what is queued (at most burst messages), gates and answers it.  Does not
 * block.
 *   returns  E_OK, E_IO (left), or what ended it (already logged): then free it
 */
MUST_USE int asker_serve(struct asker *, struct buf *scratch, unsigned burst);
MUST_USE int ask_answer(struct asker *, uint16_t type, struct span body, int fd);

#endif
