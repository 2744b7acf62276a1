/* SPDX-License-Identifier: ISC */
/*
 * lookups.h - what several checks of one message want to know of the DNS, asked in rounds: each
 * round asks all that is wanted at once, so that a message waits for the longest chain of questions
 * and not for their sum.  A check is a pure function of what is known: where an answer is missing,
 * it is noted as wanted, and the check returns E_MORE; it is called again, from its beginning,
 * after lookups_ask.
 */
#ifndef NET_LOOKUPS_H
#define NET_LOOKUPS_H

#include "net/resolver.h"

enum {
	LOOKUPS_MAX = 512, /* questions of one message; more are answered DNS_TEMP */
	LOOKUPS_BYTES_MAX = 4 << 20, /* of all answers; past that they are DNS_TEMP */
	LOOKUPS_KEPT_MAX = 128,      /* answers that a process keeps */
	LOOKUPS_KEPT_BYTES = 4096,   /* of one; a larger one is asked each time */
	LOOKUPS_KEPT_SEC = 60,
};

/*
 * What a process asked a moment ago, so that mail of the same few senders costs no round trip to the
 * resolver (30 us each, and two processes woken): its answers, as long as their TTL and
 * LOOKUPS_KEPT_SEC say.  {0} is empty.
 */
struct lookups_kept {
	struct lookups_answer *all; /* own: [LOOKUPS_KEPT_MAX], or NULL */
};

void lookups_kept_done(struct lookups_kept *);

struct lookups {
	struct lookups_kept
	    *kept;          /* borrow; NULL: nothing is kept.  Set after lookups_init */
	struct arena arena; /* own: names and answers */
	struct resolver_query *all; /* own: [LOOKUPS_MAX], or NULL */
	size_t n, n_known;          /* those from n_known on are wanted */
};

void lookups_init(struct lookups *);
void lookups_done(struct lookups *); /* also of {0} */
/*
 * lookups_get - the answer to a question, or NULL: it is asked with the next lookups_ask.
 *   name     A-labels or ASCII, any case, a last dot is fine; copied.  What is no name
 *            (dns_question_ok) is DNS_NO_NAME at once
 *   returns  borrow: until lookups_done
 */
const struct dns_answer *lookups_get(struct lookups *, enum dns_kind, struct span name);
/*
 * lookups_ask - asks all that is wanted; blocks until each is answered, or the deadline is past:
 *   then they are DNS_TEMP.  false: nothing was wanted
 */
bool lookups_ask(struct lookups *, struct resolver *, int64_t deadline);
/*
 * lookups_wanted - the i-th that is wanted, NULL past the last; lookups_put - answers it from
 *   elsewhere (tests, fuzzers): as lookups_ask does, from the first one on.  answer: borrow, it must
 *   live as long as the lookups
 */
const struct resolver_query *lookups_wanted(const struct lookups *, size_t i);
void lookups_put(struct lookups *, const struct dns_answer *answer);

#endif
