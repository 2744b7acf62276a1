/* SPDX-License-Identifier: ISC */
/*
 * lists.h - whose mail is taken, and whose is not, because the configuration says so (settings
 * access and access_file; conf/access.h).  Read once, by the monitor before it forks: all its
 * processes share what it found.  HUP reads it anew.
 */
#ifndef SMTPD_POLICY_LISTS_H
#define SMTPD_POLICY_LISTS_H

#include "base/buf.h"
#include "conf/access.h"
#include "dkim/authres.h"
#include "smtpd/policy/ip.h"

struct conf;

enum {
	LISTS_ROWS_MAX = 200000,
	LISTS_FILE_MAX = 32 << 20, /* bytes */
	LISTS_ERRORS_MAX = 20,     /* that are told */
};

/*
 * lists_load - in before_start.  What does not parse is left out and logged; lists_self_test keeps a
 *   running daemon from it
 */
void lists_load(const struct conf *);
void lists_free(void);
/* lists_self_test - E_OK, E_BAD with lines in errors "FILE:LINE: ..." */
MUST_USE int lists_self_test(const struct conf *, struct buf *errors);
bool lists_are_empty(void);

enum lists_verdict {
	LISTS_NOTHING, /* they say nothing: go on */
	LISTS_ALLOW, /* no other check refuses it or lets it wait: HELO, DNSBL, SPF, DMARC, greylisting */
	LISTS_DENY, /* 550 5.7.1, lists_refusal */
};

struct lists_facts {             /* borrow */
	const struct ip *client; /* n 0: not known */
	struct span helo;
	struct span sender; /* reverse-path without <> */
	bool
	    has_sender; /* after MAIL; before it what is said of senders does not count */
};

struct lists_said {
	enum lists_verdict verdict;
	enum access_what what; /* that was found; of ALLOW and DENY */
	struct span text;      /* of DENY; borrow: until lists_free; may be empty */
};

/*
 * lists_judge - at MAIL; what is denied is refused at RCPT, but not to postmaster.  The most specific row of each
 *   counts: an address before its domain, a domain before those above it, the longer network.  What
 *   is said of the client decides; else a deny of HELO or sender; else an allow of them.
 */
void lists_judge(const struct lists_facts *, struct lists_said *out);
/* lists_refusal - the text of a deny: its own, or "Mail from SENDER is not taken here" */
void lists_refusal(
    const struct lists_said *, const struct lists_facts *, struct buf *out);
/* lists_log - " access=deny:sender"; nothing of LISTS_NOTHING */
void lists_log(const struct lists_said *, struct buf *out);
/* lists_say - "x-access=fail policy.access=sender"; nothing of LISTS_NOTHING */
void lists_say(const struct lists_said *, struct authres *);

#endif
