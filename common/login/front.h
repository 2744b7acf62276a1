/* SPDX-License-Identifier: ISC */
/*
 * front.h - connections before and beside their sessions: accepts, holds TLS, speaks the little
 * that is legal before a login (the dialect's), then hands a plain connection on whole, or relays
 * one in TLS.
 *   front.c   the role: doors, limits, PROXY protocol      conn.c    bytes of a connection, TLS, the dialect's lines
 *   sasl.c    conversations with auth                      relay.c   TLS on this side, a session on the other
 *   dialect.c what the dialects say and read alike
 */
#ifndef LOGIN_FRONT_H
#define LOGIN_FRONT_H

#include "auth/auth.h"
#include "auth/bans.h"
#include "login/peer.h"
#include "proc/jail.h"
#include "proc/loop.h"
#include "tls/server.h"

enum {
	FRONT_LINE_MAX = 12288 + 2, /* RFC 4954 4, RFC 5034 4: a SASL response */
	FRONT_OCTETS_MAX = 8192,    /* of a literal */
	FRONT_USER_MAX = 320,       /* bytes: RFC 5321 4.5.3.1 */
	FRONT_IN_MAX = 16384,
	FRONT_OUT_MAX = 65536,
	FRONT_IDLE_MS = 60000,  /* before the login */
	FRONT_TALK_MS = 180000, /* from accept to login, in all */
	FRONT_ERRORS_MOST = 10,
	FRONT_FAILURES_MOST = 3,       /* wrong passwords of a connection */
	FRONT_FAILURE_DELAY_MS = 1000, /* times the number of failures */
	FRONT_ACCEPT_BURST = 16,
	FRONT_HANDSHAKES_MANY = 4, /* at a time: work for another processor */
	FRONT_AHEAD_CHUNK = 512,   /* bytes, of what was sent in plain ahead of TLS */
	FRONT_AHEAD_CHUNKS = 64,   /* that many are read away */
	FRONT_TICK_MS = 500,
	RELAY_BUFFER = 65536,
	FRONT_RETURNED_MOST =
	    64, /* connections that came back, until the loop's next turn */
};

enum front_state {
	FRONT_PROXY, /* its first bytes are a PROXY header */
	FRONT_HANDSHAKE,
	FRONT_TALK,
	FRONT_ASKING,  /* auth was asked */
	FRONT_WAITING, /* a failure's delay */
	FRONT_RELAY,
	FRONT_CLOSING, /* out is sent, then the end */
};

struct front_conn {
	struct front_conn *next, **link; /* all */
	int fd;                          /* own */
	struct loop_fd *watch;           /* own */
	struct loop_timer *delay;        /* own; while WAITING */
	enum front_state state;
	bool is_implicit; /* TLS from the first byte */
	bool is_counted;
	bool wants_write;     /* TLS waits for the other direction */
	bool has_ended;       /* the client's side */
	struct tls_conn *tls; /* own; NULL: plain */
	struct peer peer;
	struct buf in, out;
	unsigned errors, failures;
	int64_t idle_deadline, talk_deadline;
	char sid[ID_TEXT + 1];
	/* the login */
	int auth;                   /* own: channel; -1 */
	struct loop_fd *auth_watch; /* own */
	bool is_sasl;               /* a response is awaited, not a command */
	bool is_skipping;           /* a line that is too long: to its end */
	struct buf user;            /* the dialect's: USER's argument */
	/* the dialect's: of the command that runs; the session is told */
	struct buf tag;
	struct buf command; /* the dialect's: what came of a command with literals */
	size_t n_octets_wanted; /* of a literal, before the next line */
	bool is_utf8;           /* the dialect's */
	/* bytes of a PROXY header that were there at the last look */
	size_t proxy_seen;
	/* the relay */
	int back;                   /* own: to the session; -1 */
	struct loop_fd *back_watch; /* own */
	struct buf up, down;        /* to the session, to the client */
	bool back_has_ended;
	bool is_returned;     /* the session gave it back: what it sends is input */
	bool is_all_returned; /* and that was all of it */
};

/* What is legal before a login, and how it is said. */
struct dialect {
	const char *service; /* of SASL: "pop" */
	/* the listen setting whose connections begin with TLS; NULL: none do */
	const char *implicit_tls;
	bool greets_in_tls; /* once more behind STARTTLS (RFC 5804 2.2) */
	void (*greet)(struct front_conn *);
	/* a command, without its CRLF */
	void (*line)(struct front_conn *, struct span line);
	/* what front_octets asked for; NULL: it never asks */
	void (*octets)(struct front_conn *, struct span);
	/* it was read to its end, and ends an AUTH */
	void (*line_too_long)(struct front_conn *);
	void (*challenge)(struct front_conn *, struct span raw);
	/* a response that is not base64 alone, for front_response; NULL: it is a line of base64 */
	void (*response)(struct front_conn *, struct span line);
	/*
	 * what the mechanism says with its success, for the session's reply: into c->tag.  NULL: there
	 * are none (common/auth/auth.h says which services have them)
	 */
	void (*success)(struct front_conn *, struct span raw);
	void (*failed)(struct front_conn *, enum auth_status); /* after the delay */
	/* "*", or a response that is no base64 */
	void (*cancelled)(struct front_conn *, bool by_client);
	void (*stopping)(struct front_conn *); /* why it ends: a stop, too many */
	/* it ends for the client's errors or silence; NULL: wordless */
	void (*bye)(struct front_conn *, const char *why);
	void (*crowded)(struct front_conn *);
	void (*banned)(struct front_conn *);
	void (*too_soon)(struct front_conn *); /* login_delay */
	void (*too_many)(struct front_conn *); /* sessions_most, sessions_per_account */
};

/* The role. */
int front_prepare(void);
void front_jail(struct jail *);
int front_run(const struct dialect *);

/* ---- for the dialect ---- */
void front_say(struct front_conn *, const char *fmt, ...) FMT(2, 3);
/* "+ " and base64: RFC 5034 4, RFC 9051 6.2.2 */
void front_challenge(struct front_conn *, struct span raw);
/* it can be a name: UTF-8, no NUL, neither empty nor too long */
bool front_is_user(struct span name);
/*
 * front_initial - an initial response: base64, or "=" for an empty one.  out borrows from raw.
 * E_OK, E_BAD
 */
MUST_USE int front_initial(struct span argument, struct buf *raw, struct span *out);
bool front_may_tls(const struct front_conn *); /* TLS is configured, and not on yet */
/* PLAIN, LOGIN, PASS are permitted now */
bool front_may_show(const struct front_conn *);
void front_mechanisms(const struct front_conn *, struct buf *out);
/* after the reply was said; what came ahead is discarded */
void front_starttls(struct front_conn *);
void front_auth(struct front_conn *, struct span mech, const struct span *initial);
/* front_response - of the conversation; base64 or "*"; NULL: the response is malformed */
void front_response(struct front_conn *, const struct span *base64);
void front_auth_plain(struct front_conn *, struct span user, struct span password);
void front_end(struct front_conn *);   /* after what was said */
void front_error(struct front_conn *); /* counts one; too many end it */
/* the next n octets are no line; at most FRONT_OCTETS_MAX */
void front_octets(struct front_conn *, size_t n);

/* ---- between the files ---- */
struct front {
	struct loop *loop;
	const struct dialect *dialect;
	struct tls_server *tls;
	struct bans *bans; /* own; NULL: nobody is banned */
	struct front_conn *conns;
	size_t n_conns, most;
	uint64_t n_handed; /* connections that went to a session, ever */
};
extern struct front the_front;

void front_left(struct front_conn *); /* out of the list and the counts */
void conn_free(struct front_conn *);
void conn_begin(struct front_conn *); /* handshake or greeting */
/* conn_again - it is not logged in any more, and was told so; in is what it sent since */
void conn_again(struct front_conn *);
void conn_pump(struct front_conn *); /* all that can be done now; may free it */
void conn_events(struct front_conn *);
/* E_OK, E_MORE, E_IO (the end too) */
MUST_USE int conn_read(struct front_conn *, struct buf *into, size_t most);
/* as much as goes.  E_OK all, E_MORE, E_IO */
MUST_USE int conn_write(struct front_conn *, struct buf *from);
void sasl_close(struct front_conn *);
void sasl_drop_spares(void); /* at a drain: auth ends when nobody can ask it any more */
void relay_begin(struct front_conn *, struct id ticket);
void relay_pump(struct front_conn *);

#endif
