/* SPDX-License-Identifier: ISC */
/*
 * budget.h - the role "budget" of smtpd: how much accounts and domains submit, and which accounts
 * may not any more.  It runs where budget_action is not "off".  One writer of STATE/budget (book.h).
 *   budget.c   the role: what it is asked       errand.c  what is done about an account that tripped
 *   answer.c   what it says (account/trip.h: what the command asks)
 *   client.c   the asking side of a session     counter.c, book.c  what is counted, and where
 */
#ifndef SMTPD_BUDGET_BUDGET_H
#define SMTPD_BUDGET_BUDGET_H

#include "smtpd/budget/book.h"

struct conf;
struct jail;

/* session -> budget */
enum budget_ask {
	/* str account, u16 n, n x u64 hash of a recipient -> an answer (budget_answer_put) */
	BUDGET_TAKE = 1,
	BUDGET_LOOK, /* str account -> an answer: BUDGET_OK, BUDGET_TRIPPED or BUDGET_DOWN */
};

enum budget_said {
	BUDGET_OK,
	BUDGET_OVER,
	BUDGET_OVER_DOMAIN,
	BUDGET_TRIPPED,
	BUDGET_DOWN, /* nobody knows now */
	BUDGET_SAIDS
};

struct budget_answer {
	enum budget_said said;
	struct overrun over; /* what is used up */
};

void budget_answer_put(struct buf *, const struct budget_answer *);
MUST_USE int budget_answer_get(
    struct rd *, struct budget_answer *out); /* E_OK, E_BAD */

enum { BUDGET_WAIT_MS = 5000 };

/* ---- the role ---- */
bool budget_is_off(const struct conf *);
void budget_folder_make(const struct conf *); /* as root, before the role */
int budget_prepare(void);
void budget_jail(struct jail *);
int budget_run(void);
struct ask_table;
const struct ask_table *budget_table(unsigned kind); /* kind: a role, or BUDGET_ADMIN */

enum { BUDGET_ADMIN = 1000 };

/* ---- the asking side: one channel of the process; each blocks at most BUDGET_WAIT_MS ---- */
/* budget_ask_take - a message of this account to these addresses.  BUDGET_DOWN: no answer; counts */
struct budget_answer budget_ask_take(
    struct span account, const struct span *rcpts, size_t n);
enum budget_said budget_ask_look(struct span account);
/* budget_hash - of an address, letters of either case the same */
uint64_t budget_hash(struct span address);

#endif
