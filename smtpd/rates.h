/* SPDX-License-Identifier: ISC */
/*
 * rates.h - how much a network (an IPv4 address, an IPv6 /64) may do on port 25 in a minute, across
 * connections.  Each is a bucket that runs out evenly: who was silent may do a minute's worth at once.
 *   rate_table.c    the buckets: a table of one size, where what is heard of least is forgotten
 *   rates.c         the role "rates", which counts for sessions (ROLE_LAZY); and the fronts' own table of
 *                   connections, in memory that they share: one that was taken over can shut others
 *                   out or let too many in, no more
 *   rates_client.c  the asking side: a session
 */
#ifndef SMTPD_RATES_H
#define SMTPD_RATES_H

#include <stdatomic.h>

#include "base/buf.h"

struct ask_table;
struct conf;
struct jail;

enum rate {
	RATE_CONNECTIONS, /* fronts alone */
	RATE_MESSAGES,    /* MAIL */
	RATE_RECIPIENTS,  /* RCPT */
	RATE_COMMANDS,
	RATE_ERRORS, /* replies 5xx */
	RATES,
	RATE_NONE = RATES, /* all is well */
	RATE_UNKNOWN,      /* the role does not answer */
};

enum {
	RATE_WAYS = 8,
	RATE_SETS = 2048,
	RATE_WINDOW_US = 60000000,
	RATES_WAIT_MS = 1000, /* a session waits for the role no longer, and goes on */
	RATE_ADDRESS_MAX = 64,
};

/* ---- the table ---- */
struct rate_place {
	_Atomic uint64_t key; /* 0: free */
	/* monotonic: when the bucket will be empty again */
	_Atomic int64_t empty_us[RATES];
};

struct rate_table {
	struct rate_place places[RATE_SETS * RATE_WAYS];
};

/* rate_key - of an address as text.  E_OK, E_BAD (none) */
MUST_USE int rate_key(const char *address, uint64_t *out);
/* rate_take - n of them, if there is room for all: most in a minute, 0: any number.  False: no room */
bool rate_take(struct rate_table *, uint64_t key, enum rate, uint32_t n, uint32_t most,
    int64_t now_us);
/* rate_charge - n that were done already.  False: that was too much */
bool rate_charge(struct rate_table *, uint64_t key, enum rate, uint32_t n,
    uint32_t most, int64_t now_us);
uint32_t rate_most(const struct conf *, enum rate); /* its setting */

/* ---- fronts ---- */
void rates_share(const struct conf *); /* before the first front */
void rates_unshare(void);              /* in all others: before they do anything */
/* rates_connect - one more connection from there, now.  False: too many */
bool rates_connect(const char *address);

/* ---- the role, and who asks it ---- */
/*
 * RATES_TAKE  str address, u32 messages, u32 recipients, u32 commands, u32 errors -> u8 enum rate that
 *             is over, or RATE_NONE.  Messages and recipients are to come, the others are done
 */
enum rates_ask { RATES_TAKE = 1 };

struct rates_count {
	uint32_t n[RATES];
};

/* rates_ask - blocks at most RATES_WAIT_MS.  RATE_UNKNOWN: it does not answer (logged) */
enum rate rates_ask(const char *address, const struct rates_count *);

void rates_jail(struct jail *);
int rates_run(void);
const struct ask_table *rates_table(unsigned kind);

#endif
