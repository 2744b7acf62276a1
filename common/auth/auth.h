/* SPDX-License-Identifier: ISC */
/*
 * auth.h - who somebody is.  The role "auth" runs libsasl2 and reads the accounts; others carry the
 * steps of a conversation to it.  One conversation at a time on one channel.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/buf.h"
#include "base/id.h"

struct account;
struct ask_table;
struct conf;
struct jail;

enum {
	AUTH_WAIT_MS = 10000,     /* most a step blocks the asking side */
	AUTH_MECH_MAX = 20,       /* RFC 4422 3.1 */
	AUTH_DATA_MAX = 12288,    /* octets of a response or challenge (RFC 4954 4) */
	AUTH_STEPS_MOST = 8,      /* of one conversation */
	AUTH_STARTS_MOST = 60000, /* of one channel in ASK_TIMES_WINDOW_SEC */
	AUTH_TEXT_MAX = 320,      /* octets of service, client, account */
	AUTH_CERTIFICATE_MAX = 1024, /* octets of what a certificate says */
	AUTH_DELAY_MOST_MS = 16 * 60000,
	AUTH_OFFER_MAX = 320,  /* octets of the names of all mechanisms */
	AUTH_SUCCESS_MAX = 96, /* octets that a mechanism says with its success */
};

/*
 * The asks.  Each but AUTH_CANCEL is answered by u8 auth_status, str challenge, str account, id
 * ticket, u32 ms that a failure's answer is to wait.
 *   AUTH_START   str service, u8 has_tls, u8 is_loopback, str client, str binding_type, str
 *                binding, str certificate, str mech, u8 has_initial, str initial.  Legal at any time: ends what was
 *                before
 *   AUTH_STEP    str response.  Legal after a reply AUTH_CONTINUE
 *   AUTH_CANCEL  nothing, no answer.  Legal at any time
 */
enum auth_ask { AUTH_START = 1, AUTH_STEP, AUTH_CANCEL };

enum auth_status {
	AUTH_OK = 0,
	AUTH_CONTINUE, /* send the challenge, then auth_step with the response */
	AUTH_FAIL,     /* credentials, or a malformed response: SMTP 535 5.7.8 */
	/* try later, banned or locked (failures.h) too: 454 4.7.0, POP3 [SYS/TEMP] */
	AUTH_TEMP,
	AUTH_SUSPENDED, /* the right password of a suspended account: 535 5.7.13 */
	AUTH_NO_MECH,   /* not a mechanism of ours, or not without TLS: 504 5.5.4 */
};

/* The connection, as its front knows it. */
struct auth_conn {
	const char *service; /* borrow: "smtp", "pop", "imap", "sieve" */
	bool has_tls;
	bool is_loopback;                  /* the client's address is of loopback */
	struct span client;                /* its address as text, for the log */
	struct span binding_type, binding; /* tls_binding; empty without TLS */
	/* tls_peer, or empty */
	struct span certificate;
};

struct auth_reply {
	enum auth_status status;
	/*
	 * raw octets, not base64; borrow: until the next call.  With AUTH_OK, of the service "sieve"
	 * alone: what the mechanism says at its end, at most AUTH_SUCCESS_MAX
	 */
	struct span challenge;
	struct span account; /* the account's address, with AUTH_OK; borrow: as above */
	struct id ticket;    /* with AUTH_OK, where the daemon has tickets; else zero */
	uint32_t delay_ms;   /* with AUTH_FAIL: the client is told so much later */
};

/*
 * auth_may_show - whether a mechanism that shows the password (PLAIN, LOGIN, POP3's PASS) may be
 * used
 */
bool auth_may_show(const struct conf *, bool has_tls, bool is_loopback);
/*
 * auth_mechanisms - adds the names of what may be offered on this connection, the strongest first,
 * a space between: at most AUTH_OFFER_MAX octets.  Its service and client do not matter.
 */
void auth_mechanisms(const struct conf *, const struct auth_conn *, struct buf *out);

/*
 * The asking side.  Each blocks at most AUTH_WAIT_MS.
 *   chan     a channel to the role "auth", or -1: it is opened (child_channel); a broken one is
 *            opened again once at auth_start
 *   initial  NULL: the client sent no initial response; an empty span: it sent "="
 *   returns  E_OK (out says how it stands), E_IO (no auth process: as AUTH_TEMP), E_LIMIT (longer
 *            than AUTH_DATA_MAX)
 */
MUST_USE int auth_start(int *chan, const struct auth_conn *, struct span mech,
    const struct span *initial, struct auth_reply *out);
MUST_USE int auth_step(int *chan, struct span response, struct auth_reply *out);
void auth_cancel(int *chan); /* the client sent "*", or went away */

/*
 * For event loops, which send and receive themselves: bodies of AUTH_START and AUTH_STEP, and the
 * reply.
 */
void auth_put_start(struct buf *, const struct auth_conn *, struct span mech,
    const struct span *initial);
void auth_put_step(struct buf *, struct span response);
MUST_USE int auth_get_reply(
    struct rd *body, struct auth_reply *out); /* E_OK, E_BAD; out borrows from body */

/* ---- the role ---- */
/*
 * auth_self_test - of a daemon with logins: tls_self_test, and what auth reads at its start.  errors as
 * there.  E_OK, E_BAD
 */
MUST_USE int auth_self_test(const struct conf *, struct buf *errors);
int auth_prepare(void);
void auth_jail(struct jail *);
int auth_run(void);
const struct ask_table *auth_table(unsigned kind);
/*
 * auth_announce_with - before auth_prepare, in a daemon whose sessions run as their account: at
 * each success, before the reply, announce makes a ticket and tells the monitor who it stands for
 * (the front only gets the ticket).  Unless it returns E_OK the login fails as AUTH_TEMP.
 */
void auth_announce_with(int (*announce)(const struct account *, struct id *ticket));

/* ---- for main.c ---- */
/*
 * auth_asks_issuer - in before_start: whether auth needs channels to "resolver" and "fetch"; only then its row
 * has them, and MON_CHANNEL: a taken-over auth could tell anybody what it knows by them
 */
bool auth_asks_issuer(const struct conf *);

#endif
