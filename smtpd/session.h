/* SPDX-License-Identifier: ISC */
/* session.h - one conversation with one client, and the process that has one after another. */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include "account/recipient.h"
#include "base/id.h"
#include "dkim/sign.h"
#include "proc/io.h"
#include "smtpd/asks.h"
#include "smtpd/limits.h"
#include "smtpd/message.h"
#include "smtpd/path.h"
#include "smtpd/policy/policy.h"
#include "smtpd/reply.h"
#include "smtpd/xclient.h"

struct jail;
struct tls_conn;
struct tls_server;

/* Where a conversation is: which commands are legal. */
enum phase {
	PH_GREETED = 1, /* no EHLO yet */
	PH_READY = 2,
	PH_MAIL = 4,    /* a sender, no recipient */
	PH_RCPT = 8,    /* at least one recipient */
	PH_CHUNKS = 16, /* at least one BDAT */
	PH_ANY = 31,
};

enum {
	TXN_BYTES_MAX = 4 << 20,
	COVER_TEXT_MAX = 64, /* bytes of a name of IANA's registry, with its NUL */
};

/* The TLS around a conversation; after a login another process has it (carry.h). */
struct cover {
	bool is_tls;
	char version[COVER_TEXT_MAX], cipher[COVER_TEXT_MAX];
};

/* One mail transaction, RFC 5321 3.3. */
struct txn {
	struct arena arena;       /* own: all that follows */
	struct envelope envelope; /* rcpts: arena */
	uint32_t rcpts_room;
	uint64_t announced_bytes; /* SIZE=, or 0 */
	bool has_forward;         /* an alias passes it on to another host */
	uint32_t n_accepted;      /* RCPT that were answered 250: LMTP answers each */
	uint32_t n_urls;          /* BURL */
};

/* A verdict that lookup gave a moment ago. */
struct verdict {
	struct span address; /* borrow: the cache's bytes */
	enum recipient_verdict verdict;
	bool has_forward; /* some of its targets are elsewhere */
};

/* Verdicts on recipients of this connection, asked ahead for pipelined RCPT lines. */
struct verdicts {
	struct arena arena; /* own */
	struct verdict all[VERDICTS_MAX];
	size_t n, next;   /* next: where the one after the last hit stands */
	int64_t asked_ms; /* of the oldest */
};

/* After a login, carry.h. */
struct handover {
	bool is_new;      /* its reply is being said; then it is handed over */
	struct id ticket; /* of that login */
	int seat;      /* own: to a session of the account, which goes on with it; -1 */
	bool has_gone; /* a session of the account has the connection itself */
};

struct session {
	const struct limits *limits; /* borrow: the process's */
	struct client client;
	struct io io;
	enum phase phase;
	bool is_esmtp;
	bool may_xclient, may_xforward; /* by the address that connected */
	struct xattrs forwarded;        /* own: of the next message */
	bool may_relay;                 /* the client is in relay_networks */
	bool has_logged;             /* the reply's reason stands in the log already */
	bool is_noted[STRICT_COUNT]; /* what could have been refused was logged */
	bool must_retire;            /* the process serves nobody after this one */
	struct buf helo;             /* own: the argument of EHLO */
	struct buf account;          /* own: who logged in, or empty */
	struct buf mechanism;        /* own: of SASL, with which; upper case */
	struct tls_conn *tls;        /* own; NULL: plain, or not in this process */
	struct tls_records
	    *records; /* own; NULL, but where another process agreed on it */
	struct cover cover;
	struct handover login;
	int urls; /* own: to the process that reads what URLs mean (urls.h); -1 */
	char sid[ID_TEXT + 1]; /* of its lines in the log */
	struct buf argument;   /* own: for the %s of the next reply */
	uint64_t errors, commands;
	struct rates_count done; /* of these what rates was not told yet */
	bool has_no_rates;       /* since MAIL it did not answer at least once */
	int64_t deadline;        /* of the conversation; the io's may be nearer */
	struct txn txn;
	struct message message;
	struct verdicts verdicts;
	struct policy policy;
};

/* What the process keeps from one conversation to the next. */
struct session_process {
	struct limits limits;
	struct tls_server *tls; /* own; NULL: no TLS */
	struct spool_client spool;
	struct resolver resolver;
	struct lookups_kept kept;
	struct policy_rules rules;
	struct filters filters;
	struct dkim_signer signer;
	unsigned carried;        /* logins: CARRIES_MOST */
	int front, lookup, auth; /* own: channels; -1 */
};

extern struct session_process the_process;

/* The role */
int session_prepare(void);
void session_jail(struct jail *);
int session_run(void);

/*
 * session_talk - the whole conversation.  Takes fd.  Returns whether the process may serve another
 * one.
 */
bool session_talk(int fd, const struct client *);
/*
 * session_secure - the handshake, by deadline at the latest; s->tls and s->cover from E_OK on.  E_OK,
 * E_IO (logged)
 */
MUST_USE int session_secure(struct session *);
/* session_say - one reply into the output buffer, filled with s->argument */
void session_say(struct session *, enum reply);
/*
 * session_io_reply - what a failed io_fill or io_line means: R_IDLE, R_SESSION_TIME, R_STOPPING,
 * R_HANGUP
 */
enum reply session_io_reply(struct session *, int err);
bool session_is_submission(const struct session *);
enum listen_class session_class(const struct session *);

/* strict.c: what is wrong is refused, or counted, as the settings say for this listener */
bool strict_takes(const struct session *, enum strict_what);
/* counts it, and logs it once in a conversation */
void strict_note(struct session *, enum strict_what);

/* txn.c */
void txn_begin(struct session *, struct span sender, uint64_t announced_bytes);
/*
 * txn_add - address, asked: borrow; copied.  E_OK (also when it is there already: then its NOTIFYs
 * are joined), E_LIMIT
 */
MUST_USE int txn_add(
    struct session *, struct span address, const struct rcpt_params *asked);
/* txn_data - all recipients are known: the message may come.  R_NONE, or why not */
MUST_USE enum reply txn_data(struct session *, uint64_t announced_bytes);
/* txn_reset - back to PH_READY, or PH_GREETED; what was promised goes back */
void txn_reset(struct session *);
/*
 * txn_finish - the message is complete: hands it over, logs, resets.  The reply; with LMTP that of
 * the last recipient, the others' were said (RFC 2033 4.2)
 */
enum reply txn_finish(struct session *);
/* txn_say_others - with LMTP: r for each recipient but the last */
void txn_say_others(struct session *, enum reply r);

/* verdict.c */
/*
 * verdict_of - the verdict on address.  more: the pipelined lines, whose recipients are asked for
 * too.  has_forward: an alias passes it on to another host, too
 */
enum recipient_verdict verdict_of(
    struct session *, struct span address, struct span more, bool *has_forward);
void verdicts_reset(struct verdicts *);

/* received.c: a message_head_fn; ctx is the session */
uint32_t received_put(void *ctx, const struct head_scan *, struct buf *out);
/* missing_put - the fields that a submission may lack, RFC 6409 8 */
void missing_put(const struct session *, struct buf *out);

#endif
