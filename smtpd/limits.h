/* SPDX-License-Identifier: ISC */
/*
 * limits.h - what the configuration says a session may do, read once; and the limits that are no
 * setting.
 */
#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include "conf/strict.h"
#include "login/nets.h"
#include "smtpd/rates.h"

struct conf;

enum {
	COMMAND_LINE_MAX = 2048, /* octets with CRLF; RFC 5321 4.5.3.1.4 asks for 512 */
	AUTH_LINE_MAX = 12290,   /* RFC 4954 4: 12288 octets, and CRLF */
	IN_MAX = 160 * 1024,     /* input of a session, at most */
	DATA_CHUNK = 64 * 1024,  /* most octets of one read of a big message */
	DATA_BIG = 32 * 1024,    /* a message is big from here on */
	OUT_MAX = 256 * 1024,
	TLS_HANDSHAKE_MS = 60000,
	AUTH_FAIL_ERRORS = 4, /* a failed login counts as so many errors */
	SPOOL_TRUST_MS =
	    1000, /* after a message was taken, a small one needs no asking */
	VERDICT_TRUST_MS = 2000, /* a verdict is used again on the same connection */
	VERDICTS_MAX = 256,
	LOOKAHEAD_MAX = 100, /* pipelined RCPT lines that are looked up with one ask */
};

/* What becomes of mail whose From does not belong to its login. */
enum submission_from { FROM_REFUSE, FROM_NOTE, FROM_OFF };

/* What a client does wrong that is refused, or counted: struct limits's is_counted. */
enum strict_what { STRICT_BARE, STRICT_PIPELINING, STRICT_LINES, STRICT_COUNT };

struct limits {
	const char *hostname; /* borrow: the configuration */
	const char
	    *default_domain; /* our first: of an address without one (postmaster) */
	uint64_t message_bytes;
	uint32_t rates[RATES]; /* of a network, in a minute; 0: any number */
	uint64_t recipients, errors, commands, hops, serves;
	int64_t idle_ms, session_ms, transaction_ms;
	bool has_vrfy;
	bool is_counted[CLASS_COUNT][STRICT_COUNT];
	bool has_plaintext_on_loopback;
	enum submission_from from;
	bool has_hidden_client;
	bool has_budgets;
	struct nets relay, xclient, xforward; /* own: for as long as the process */
	bool has_etrn;                        /* for some domain */
	bool has_burl;                        /* of some host */
	int64_t future_sec;                   /* longest HOLDFOR; 0: none */
	char message_text[24];                /* message_bytes, for replies */
};

void limits_load(struct limits *, const struct conf *);

#endif
