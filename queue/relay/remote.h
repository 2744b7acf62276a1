/* SPDX-License-Identifier: ISC */
/*
 * remote.h - one connection to another host, of a process that has no other.
 *   target.c   its addresses                 connect.c  to which of them
 *   open.c     greeting, EHLO, TLS, login: until it takes mail
 *   policy.c   what its TLS must be: dane.c, mta_sts.c     tls.c  STARTTLS, and how it came out     auth.c  AUTH
 *   notes.c    how TLS came out, told to the process sts
 *   talk.c     transactions, one after another, pipelined     data.c  the bytes of a message
 */
#ifndef QUEUE_RELAY_REMOTE_H
#define QUEUE_RELAY_REMOTE_H

#include "proc/io.h"
#include "queue/relay/ehlo.h"
#include "queue/relay/order.h"
#include "queue/relay/policy.h"
#include "queue/relay/reply.h"

struct conf;
struct tls_conn;

enum {
	TALK_AHEAD_MOST = 8, /* transactions whose answers are waited for */
	REMOTE_OUT_MAX = 1 << 20,
	REMOTE_IN_MAX = 65536,
	REMOTE_PIECE_BYTES = 65536,
};

/*
 * What the settings say; each time is a total: a server that says a byte a minute ends at it too.
 */
struct remote;

struct remote_limits {
	int64_t connect_ms, greeting_ms, command_ms, data_ms, block_ms, end_ms,
	    message_ms, idle_ms;
	unsigned messages_most;
	const char *name;             /* borrow: by which we know ourselves */
	struct span hello;            /* borrow: for EHLO */
	struct span source4, source6; /* borrow: "": any */
	bool has_dane, has_sts, has_tlsrpt;
	/*
	 * the best exchangers of the hop's domain are known: may it connect to them? E_OK, E_IO
	 * (why was said); may be NULL
	 */
	int (*may_connect)(struct remote *, const struct span *hosts, size_t n);
	int ca; /* borrow: the file of authorities, -1: none */
};

struct remote {
	struct io io;
	const struct hop *hop;              /* borrow */
	const struct remote_limits *limits; /* borrow */
	struct span name;            /* borrow: what its certificate is to name */
	struct span address;         /* borrow: "192.0.2.1", or empty */
	const struct policy *policy; /* borrow: what its TLS must be */
	struct tls_results results;  /* of all that were connected to */
	struct buf who;     /* "mail.example.org[192.0.2.1]:25": whom a reason names */
	struct reply reply; /* the last one */
	struct reply ehlo_reply;
	struct ehlo ehlo;     /* borrows from ehlo_reply */
	struct tls_conn *tls; /* own */
	bool is_verified;     /* its certificate is what its policy asks for */
	/* a host was, or its certificate, by what its domain publishes */
	bool is_denied;
	bool is_loopback; /* nobody listens between */
	/* no TLS this time: its handshake failed, and it is only welcome */
	bool is_mute;
	bool is_lost;            /* nothing more is said on it; why says why */
	struct buf why;          /* a reason: "4.4.2 mail.example.org said ..." */
	enum metric_attempt how; /* as what that is counted */
	bool is_bye;             /* its last word was 421 */
	bool must_reset; /* a transaction is open that ended without its message */
	unsigned n_begun, n_taken; /* messages; taken: with a 250 for somebody */
	int64_t message_deadline;
	void (*on_wait)(void); /* before a wait that is not short; may be NULL */
};

void remote_limits_read(const struct conf *, struct remote_limits *out);
/*
 * remote_source - from where a hop's mail comes, and with which name; spans borrow from the
 * configuration
 */
void remote_source(const struct conf *, const struct hop *, struct remote_limits *out);
void remote_done(struct remote *);

/* connect.c */
/*
 * remote_connect - to the first address, of those that were not connected to before, that answers.
 * E_OK, E_IO (why)
 */
MUST_USE int remote_connect(struct remote *);
void remote_connect_again(void); /* the next time to the last one again */

/* open.c */
/* remote_open - connected, greeted, encrypted and logged in as the hop says.  E_OK, E_IO (why) */
MUST_USE int remote_open(
    struct remote *, const struct hop *, const struct remote_limits *);
/*
 * remote_reply - the next reply, within timeout_ms in all.  E_OK: any code; else the connection is
 * lost, and why says why
 */
MUST_USE int remote_reply(struct remote *, int64_t timeout_ms);
/* remote_ask - one command, and its reply; as remote_reply */
MUST_USE int remote_ask(struct remote *, int64_t timeout_ms, const char *fmt, ...)
    FMT(3, 4);
/* the first time says why */
void remote_lost(struct remote *, const char *status, const char *what);
/* remote_refused - by the last reply; nothing more is said on this connection.  E_IO */
MUST_USE int remote_refused(struct remote *, const char *status);
void remote_quit(struct remote *);          /* QUIT, and no wait for what it says */
MUST_USE int remote_hello(struct remote *); /* EHLO, LHLO, else HELO.  E_OK, E_IO */

/* tls.c */
/* remote_starttls - as the level says.  E_OK, E_IO (why) */
MUST_USE int remote_starttls(struct remote *);
/*
 * remote_keeps_tls - RFC 8689 2: TLS with a host that is known to be the right one, and promises to
 * go on like that
 */
bool remote_keeps_tls(const struct remote *);
/*
 * remote_require_tls - the same, where the hop asks for it; a UNIX socket, from which nothing
 * leaves this host, needs none.  E_OK, E_IO
 */
MUST_USE int remote_require_tls(struct remote *);
/* for the next connection; nothing where there is none */
void remote_tls_session(struct remote *, struct buf *out);

/* notes.c */
void remote_tell_notes(const struct remote *); /* how TLS came out, for reports */

/* auth.c */
/* E_OK (or no login is asked for), E_IO (why) */
MUST_USE int remote_login(struct remote *);

/* data.c */
/* RFC 5321 4.5.2: dots doubled, and the end */
void data_put(struct remote *, struct span message);
/* RFC 3030: as one chunk, the last */
void bdat_put(struct remote *, struct span message);
bool data_is_8bit(struct span message);
/*
 * data_is_binary - a CR or LF that is none of a CRLF is in it, or, where it was declared BINARYMIME, a
 * NUL or a line past 998 octets: nothing that DATA may carry
 */
bool data_is_binary(struct span message, bool is_declared);
bool data_has_utf8_head(struct span message);

/* ascii.c */
/*
 * order_to_ascii - the domains of its addresses in A-labels, of all or of none.  room: theirs,
 * empty.  E_OK, E_BAD (a local part is not ASCII, or a domain is none), E_LIMIT
 */
MUST_USE int order_to_ascii(struct order *, struct buf *room);

/* talk.c */
struct talk {
	/* the next message, and its bytes; false: none now (is_waiting), or none any more */
	bool (*next)(bool is_waiting, struct order *out, struct span *message);
	void (*result)(const struct order *, uint16_t i, enum job_outcome,
	    enum metric_attempt, struct span reason);
};

/* until there is nothing more to say, or nobody to say it to */
void talk_run(struct remote *, const struct talk *);

#endif
